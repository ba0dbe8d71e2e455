/** ALTER SINK s PAUSE | RESUME | CONNECTOR WITH (...) | SET SINK_RATE_LIMIT. */
import { SqlError, unsupported } from '../../common/sqlError.ts';
import { checkOptions } from '../../connector/options.ts';
import type { AlterAction } from '../../parser/ast/alter.ts';
import type { Option } from '../../parser/ast/common.ts';
import { printStatement } from '../../parser/print.ts';
import type { CatalogObject, SinkObject } from '../objects.ts';
import { optionValues, secretsFor } from '../secrets/optionValues.ts';
import { sinkOptions } from '../sinks/declare.ts';
import { sinkStatement } from '../sinks/definition.ts';
import { giveVerdict } from '../sinks/verdict.ts';
import { rateLimitOf } from './rateLimit.ts';
import type { StatementContext } from './statement.ts';

/** Only inside `exclusive`. What is under way is still delivered. */
export function pauseSink(object: CatalogObject, context: StatementContext): void {
  if (object.kind !== 'sink') throw new SqlError('42809', `"${object.name}" is not a sink`);
  if (object.runtime.paused !== null) return;
  object.runtime.pause('paused by ALTER SINK', context.database.clock());
}

/** Only inside `exclusive`. */
export function resumeSink(sink: SinkObject, { database }: StatementContext): void {
  if (sink.runtime.node?.guard?.failed === true && database.recovery === null) {
    throw new SqlError('55000', `sink "${sink.name}" has missed changes`, {
      detail: sink.runtime.reason ?? '',
      hint: 'Drop the sink and create it again.',
    });
  }
  if (sink.runtime.paused === null) return;
  const { verdict } = sink.runtime;
  // In a restart the journal says so itself.
  if (verdict?.what === 'refused' && database.recovery === null)
    giveVerdict(database, sink, { ...verdict, what: 'asked' });
  sink.runtime.resume();
  // What has gathered for a table.
  if (sink.runtime.feed !== null) database.sinks.feeding.write([sink.runtime]);
}

/** The statement's options with these instead of those of the same names. */
function keepOptions(sink: SinkObject, changed: readonly Option[], dropped: readonly string[] = []): void {
  const statement = sinkStatement(sink);
  const names = new Set([...changed.map((o) => o.name), ...dropped]);
  const options = [...statement.options.filter((o) => !names.has(o.name)), ...changed];
  sink.sql = printStatement({ ...statement, options });
}

function refuseFixed(sink: SinkObject, options: readonly Option[]): void {
  const { connector } = sink.runtime.shape;
  for (const { name, span } of options) {
    const spec = connector.options.find((s) =>
      s.name.endsWith('*') ? name.startsWith(s.name.slice(0, -1)) : s.name === name,
    );
    const common = sinkOptions.some((s) => s.name === name);
    if (!common && (spec === undefined || spec.alterable === true)) continue;
    const names = connector.options.filter((s) => s.alterable === true).map((s) => s.name);
    throw new SqlError('0A000', `option "${name}" of sink "${sink.name}" cannot be changed`, {
      position: span.start,
      hint: `Options that can be changed: ${names.join(', ')}. For another target, use REPLACE SINK.`,
    });
  }
}

/** ALTER SINK s CONNECTOR WITH (...): its writer is opened again with the new options. Only inside `exclusive`. */
export function changeSinkOptions(
  sink: SinkObject,
  options: readonly Option[],
  context: StatementContext,
): void {
  const { runtime } = sink;
  if (runtime.feed !== null) throw new SqlError('42809', `sink "${sink.name}" has no connector`);
  refuseFixed(sink, options);
  const { connector, options: before } = runtime.shape;
  const secrets = secretsFor(context);
  const given = optionValues(options, secrets);
  runtime.reconfigure(checkOptions(connector, new Map([...before, ...given])));
  keepOptions(sink, context.database.secrets.qualified(options, secrets));
}

/** ALTER SINK s SET SINK_RATE_LIMIT TO n. Only inside `exclusive`. */
export function setSinkRate(
  sink: SinkObject,
  action: Extract<AlterAction, { kind: 'set' }>,
  position: number,
): void {
  if (action.name !== 'sink_rate_limit') throw unsupported(`ALTER SINK ... SET ${action.name}`, position);
  if (sink.runtime.feed !== null) throw new SqlError('42809', `sink "${sink.name}" has no connector`);
  const limit = action.value === null ? null : rateLimitOf(action.value, position);
  sink.runtime.rateLimit = limit;
  sink.runtime.wake();
  if (limit === null) {
    keepOptions(sink, [], ['sink_rate_limit']);
    return;
  }
  const { span } = sinkStatement(sink);
  const value = { kind: 'number', value: String(limit) } as const;
  keepOptions(sink, [{ kind: 'Option', name: 'sink_rate_limit', value, span }]);
}
