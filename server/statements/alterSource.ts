/** ALTER SOURCE | TABLE ... CONNECTOR WITH (...) and SET SOURCE_RATE_LIMIT: how fast and how often a source is read. */
import { SqlError, unsupported } from '../../common/sqlError.ts';
import { checkOptions } from '../../connector/options.ts';
import type { Alter, AlterAction } from '../../parser/ast/alter.ts';
import type { Option } from '../../parser/ast/common.ts';
import { printStatement } from '../../parser/print.ts';
import { alteredPolicy, setPolicy } from '../deadLetters/alterPolicy.ts';
import { isLetterOption } from '../deadLetters/letterOptions.ts';
import { makingStatement } from '../definitions/ownStatement.ts';
import type { CatalogObject, SourceObject, TableObject } from '../objects.ts';
import { optionValues, secretsFor } from '../secrets/optionValues.ts';
import { optionText, otherOptions } from '../time/timeOptions.ts';
import { rateLimitOf } from './rateLimit.ts';
import type { StatementContext } from './statement.ts';

type Connected = (SourceObject | TableObject) & { readonly source: NonNullable<TableObject['source']> };

function isConnected(object: CatalogObject): object is Connected {
  return (object.kind === 'source' || object.kind === 'table') && object.source !== null;
}

/** The statement's options with these instead of those of the same names. */
function keepOptions(object: Connected, changed: readonly Option[], dropped: readonly string[] = []): void {
  const statement = makingStatement(object);
  if (statement.kind !== 'CreateSource' && statement.kind !== 'CreateTable') return;
  const names = new Set([...changed.map((o) => o.name), ...dropped]);
  const options = [...statement.options.filter((o) => !names.has(o.name)), ...changed];
  object.sql = printStatement({ ...statement, options });
}

function changeOptions(object: Connected, options: readonly Option[], context: StatementContext): void {
  const { database } = context;
  const { secrets } = database;
  const { source } = object;
  const { connector, config } = source;
  const letters = alteredPolicy(object, options);
  const own = options.filter((o) => !isLetterOption(o.name));
  const scope = secretsFor(context);
  const given = optionValues(own, scope);
  for (const option of own) {
    const spec = connector.options.find((s) =>
      s.name.endsWith('*') ? option.name.startsWith(s.name.slice(0, -1)) : s.name === option.name,
    );
    if ((spec === undefined && option.name !== 'connector') || spec?.alterable === true) continue;
    const names = connector.options.filter((s) => s.alterable === true).map((s) => s.name);
    throw new SqlError('0A000', `option "${option.name}" of connector ${connector.name} cannot be changed`, {
      position: option.span.start,
      detail: 'What the source has given would come out differently when it is read again.',
      ...(names.length === 0 ? {} : { hint: `Options that can be changed: ${names.join(', ')}.` }),
    });
  }
  const statement = makingStatement(object);
  const before =
    statement.kind === 'CreateSource' || statement.kind === 'CreateTable' ? statement.options : [];
  const merged = new Map([...optionValues(otherOptions(before), secrets.scopeOf(object)), ...given]);
  merged.delete('source_rate_limit');
  const rate = options.find((o) => o.name === 'source_rate_limit');
  const limit = rate === undefined ? source.limit : rateLimitOf(optionText(rate), rate.span.start);
  const { onError } = letters;
  source.reconfigure({ ...config, options: checkOptions(connector, merged), onError });
  source.limit = limit;
  setPolicy(database, object, letters);
  keepOptions(object, secrets.qualified(options, scope));
}

function changeRate(
  object: Connected,
  action: Extract<AlterAction, { kind: 'set' }>,
  position: number,
): void {
  const limit = action.value === null ? null : rateLimitOf(action.value, position);
  object.source.limit = limit;
  const { span } = makingStatement(object);
  if (limit === null) {
    keepOptions(object, [], ['source_rate_limit']);
    return;
  }
  const value = { kind: 'number', value: String(limit) } as const;
  keepOptions(object, [{ kind: 'Option', name: 'source_rate_limit', value, span }]);
}

/** Only inside `exclusive`. */
export function alterSource(
  object: CatalogObject,
  action: Extract<AlterAction, { kind: 'connector' | 'set' }>,
  statement: Alter,
  context: StatementContext,
): void {
  const position = statement.span.start;
  const kind = statement.object.toUpperCase();
  if (action.kind === 'set' && action.name !== 'source_rate_limit') {
    throw unsupported(`ALTER ${kind} ... SET ${action.name}`, position);
  }
  if (!isConnected(object)) {
    throw new SqlError('42809', `${object.kind} "${object.name}" has no connector`, { position });
  }
  if (action.kind === 'connector') changeOptions(object, action.options, context);
  else changeRate(object, action, position);
}
