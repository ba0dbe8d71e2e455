/**
 * CREATE TABLE ... WITH (connector = '...-lookup'): a table that holds what has been looked up, and beside it the table of keys
 * that have been asked for. Both forget their rows when these are as old as the cache's time to live.
 */
import { must } from '../../common/assert.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { LookupConnector } from '../../connector/lookup.ts';
import { lookupConnectors } from '../../connector/lookups.ts';
import { checkOptions } from '../../connector/options.ts';
import type { Option } from '../../parser/ast/common.ts';
import type { CreateTable } from '../../parser/ast/statement.ts';
import { MILLRACE_LOOKUP } from '../catalog.ts';
import { internalName, internalStatement, LOOKUP_ID } from '../internalRelation.ts';
import type { TableObject } from '../objects.ts';
import { optionValues, secretsFor } from '../secrets/optionValues.ts';
import { cancellable } from '../statements/cancellable.ts';
import { type TableShape, tableShape } from '../statements/columns.ts';
import { checkShape, makeTable } from '../statements/createTable.ts';
import {
  creationSchema,
  done,
  nameTaken,
  originOf,
  type StatementContext,
  type StatementResult,
  splitName,
} from '../statements/statement.ts';
import { lookupOptions } from './options.ts';
import { LookupRuntime } from './runtime.ts';

/** The lookup connector that the options name; null: they name another one, or none. */
export function lookupConnectorOf(
  options: readonly Option[],
  connectors: readonly LookupConnector[] = lookupConnectors,
): LookupConnector | null {
  const name = options.find((o) => o.name === 'connector')?.value;
  if (name === undefined || name.kind === 'secret') return null;
  return connectors.find((c) => c.name === String(name.value).toLowerCase()) ?? null;
}

function refuse(statement: CreateTable, connector: LookupConnector, shape: TableShape): void {
  const position = statement.span.start;
  const what = `a table of connector ${connector.name}`;
  if (statement.format !== null) throw unsupported(`FORMAT for ${what}`, statement.format.span.start);
  if (statement.include.length > 0) throw unsupported(`INCLUDE for ${what}`, position);
  if (statement.query !== null) throw unsupported(`AS query for ${what}`, position);
  if (statement.onConflict !== null) throw unsupported(`ON CONFLICT for ${what}`, position);
  if (statement.appendOnly) throw unsupported(`APPEND ONLY for ${what}`, position);
  if (shape.watermark !== null) throw unsupported(`WATERMARK for ${what}`, shape.watermark.position);
  if (shape.generated.some((g) => g !== null)) throw unsupported(`a generated column of ${what}`, position);
  if (shape.primaryKey.length === 0) {
    throw new SqlError('42P16', `${what} needs a primary key`, {
      position,
      hint: 'Rows are looked up by it: write PRIMARY KEY behind the column.',
    });
  }
}

/** The options of all lookup tables, and those of the connector. */
function optionsOf(statement: CreateTable, connector: LookupConnector, context: StatementContext) {
  const given = optionValues(statement.options, secretsFor(context));
  const isOwn = (name: string): boolean => lookupOptions.some((o) => o.name === name);
  const own = new Map([...given].filter(([name]) => isOwn(name)));
  const others = new Map([...given].filter(([name]) => !isOwn(name)));
  return {
    own: checkOptions({ name: connector.name, options: lookupOptions }, own),
    options: checkOptions({ name: connector.name, options: [...connector.options] }, others),
  };
}

export async function createLookupTable(
  statement: CreateTable,
  connector: LookupConnector,
  context: StatementContext,
): Promise<StatementResult> {
  const { database } = context;
  const target = splitName(statement.name, context);
  const schema = creationSchema(target, context);
  const shape = tableShape(statement.elements, null, target.name, context);
  checkShape(statement, shape);
  refuse(statement, connector, shape);
  const { own, options } = optionsOf(statement, connector, context);
  const columns = shape.columns;
  const config = { name: target.name, options, columns, key: shape.primaryKey };
  // A restart must not fail at a server that is away.
  if (database.recovery === null && !database.restoring) {
    const opening = connector.open({ ...config, identity: `${schema}.${target.name}` });
    const check = (): void => context.checkCancelled();
    await (await cancellable(opening, check, (lookup) => lookup.close())).close();
  }
  const ttl: Option = {
    kind: 'Option',
    name: 'ttl',
    value: { kind: 'string', value: must(own.get('cache.ttl')) },
    span: statement.span,
  };
  const plain: CreateTable = { ...statement, options: [ttl] };
  const keyShape: TableShape = {
    columns: shape.primaryKey.map((c) => must(columns[c])),
    primaryKey: shape.primaryKey.map((_, k) => k),
    watermark: null,
    generated: shape.primaryKey.map(() => null),
    processTime: [],
  };
  return database.exclusive(() => {
    if (nameTaken(schema, target.name, statement.ifNotExists, context)) return done('CREATE TABLE');
    const rows = makeTable(plain, shape, schema, target.name, context);
    const name = internalName(database, MILLRACE_LOOKUP, { schema, name: target.name });
    const made = makeTable(plain, keyShape, MILLRACE_LOOKUP, name, context, rows.id + LOOKUP_ID);
    const keys: TableObject = {
      ...made,
      internal: true,
      dependsOn: new Set([rows.id]),
      sql: internalStatement(MILLRACE_LOOKUP, name, made.columns),
    };
    rows.entry.lookup = keys.entry;
    database.catalog.add(rows);
    database.catalog.add(keys);
    database.lookups.add(
      new LookupRuntime(connector, { ...config, identity: `lookup-${rows.id}` }, { rows, keys }, own),
    );
    database.journalDdl(originOf(context), rows.id);
    return done('CREATE TABLE');
  });
}
