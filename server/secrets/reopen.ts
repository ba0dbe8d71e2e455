/** What a secret's new value is for: every source, sink and lookup table that names it is opened again with it. */
import { unreachable } from '../../common/assert.ts';
import { checkOptions } from '../../connector/options.ts';
import type { Database } from '../database.ts';
import { makingStatement } from '../definitions/ownStatement.ts';
import type { CatalogObject, SinkObject, SourceObject, TableObject } from '../objects.ts';
import { sinkOptions } from '../sinks/declare.ts';
import { sinkStatement } from '../sinks/definition.ts';
import type { SourceRuntime } from '../sourceRuntime.ts';
import { otherOptions } from '../time/timeOptions.ts';
import { optionValues } from './optionValues.ts';
import type { SecretObject } from './secrets.ts';

/** `before` with the present values of those of the options that name secrets. */
function renewed(
  before: ReadonlyMap<string, string>,
  options: Parameters<typeof optionValues>[0],
  scope: Parameters<typeof optionValues>[1],
): ReadonlyMap<string, string> {
  const named = options.filter((o) => o.value.kind === 'secret');
  return named.length === 0 ? before : new Map([...before, ...optionValues(named, scope)]);
}

function reopenSource(database: Database, object: SourceObject | TableObject, source: SourceRuntime): void {
  const statement = makingStatement(object);
  if (statement.kind !== 'CreateSource' && statement.kind !== 'CreateTable') return;
  const scope = database.secrets.scopeOf(object);
  const { connector, config } = source;
  const given = optionValues(otherOptions(statement.options), scope);
  given.delete('source_rate_limit');
  source.reconfigure({
    ...config,
    options: checkOptions(connector, given),
    encodeOptions: renewed(config.encodeOptions, statement.format?.options ?? [], scope),
  });
}

function reopenLookup(database: Database, table: TableObject): void {
  const runtime = database.lookups.of(table.id);
  const statement = makingStatement(table);
  if (runtime === null || statement.kind !== 'CreateTable') return;
  const { connector, config } = runtime;
  const options = renewed(config.options, statement.options, database.secrets.scopeOf(table));
  runtime.reconfigure(checkOptions({ name: connector.name, options: connector.options }, options));
}

function reopenSink(database: Database, sink: SinkObject): void {
  const { runtime } = sink;
  const { connector, options: before, encodeOptions } = runtime.shape;
  const statement = sinkStatement(sink);
  const scope = database.secrets.scopeOf(sink);
  const own = statement.options.filter((o) => !sinkOptions.some((s) => s.name === o.name));
  const options = checkOptions(connector, renewed(before, own, scope));
  runtime.reconfigure(options, renewed(encodeOptions, statement.format?.options ?? [], scope));
}

function reopen(database: Database, object: CatalogObject): void {
  switch (object.kind) {
    case 'source':
      reopenSource(database, object, object.source);
      return;
    case 'table':
      if (object.source !== null) reopenSource(database, object, object.source);
      else reopenLookup(database, object);
      return;
    case 'sink':
      reopenSink(database, object);
      return;
    case 'view':
    case 'materialized view':
    case 'index':
      return;
    default:
      unreachable(object);
  }
}

/** Only inside `exclusive`. Throws when the value is none for one of them. */
export function reopenUsers(database: Database, secret: SecretObject): void {
  for (const object of database.secrets.users(secret)) reopen(database, object);
}
