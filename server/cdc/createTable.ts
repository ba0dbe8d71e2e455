/**
 * CREATE TABLE ... FROM source TABLE 'schema.table', and CREATE TABLE ... WITH (connector = 'postgres-cdc', table.name = ...): a
 * table here that follows one in PostgreSQL. Columns and key that are not written are taken from there, once: the definition that
 * is kept has them.
 */
import { must } from '../../common/assert.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import { formatType } from '../../common/typeTable.ts';
import { UpstreamConnection } from '../../connector/postgresCdc/connection.ts';
import { POSTGRES_CDC, type PostgresCdcOptions } from '../../connector/postgresCdc/options.ts';
import {
  describeTable,
  parseTableName,
  publishedTables,
  publishTable,
  shownTable,
  type TableName,
  type UpstreamTable,
  unpublishTable,
} from '../../connector/postgresCdc/upstream.ts';
import type { CreateTable, TableElement } from '../../parser/ast/statement.ts';
import { quoteIdent } from '../../parser/identifier.ts';
import { parse } from '../../parser/parse.ts';
import { printStatement } from '../../parser/print.ts';
import type { SourceObject } from '../objects.ts';
import { optionValues, secretsFor } from '../secrets/optionValues.ts';
import { tableShape } from '../statements/columns.ts';
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
import { RowExpander } from '../time/rowExpander.ts';
import { ttlOptions, watermarkOptions } from '../time/timeOptions.ts';
import { moveOn } from './applier.ts';
import { checkKey, columnsAt, followedOf, keyOf, upstreamColumns } from './checkTable.ts';
import { removeUpstream } from './cleanUp.ts';
import { cdcConfig, namedOptions, refuseClauses } from './declare.ts';
import type { Making } from './orphans.ts';
import { CdcRuntime } from './runtime.ts';
import { makeSlot } from './slot.ts';
import { physicalColumns } from './tableChanges.ts';
import { cdcRuntime, tablesOf } from './tables.ts';

const TAG = 'CREATE TABLE';

function refuse(statement: CreateTable): void {
  const position = statement.span.start;
  if (statement.orReplace) throw unsupported('CREATE OR REPLACE TABLE', position);
  if (statement.temporary) throw unsupported('CREATE TEMPORARY TABLE', position);
  if (statement.query !== null) throw unsupported('AS query on a table that follows another', position);
  refuseClauses(statement);
  const refused = (what: string): SqlError =>
    new SqlError('42P16', `${what} is not allowed on a table that follows one in PostgreSQL`, {
      position,
      detail: 'It holds exactly the rows that are there.',
    });
  if (statement.appendOnly) throw refused('APPEND ONLY');
  if (statement.onConflict !== null) throw refused('ON CONFLICT');
  if (statement.versionColumns.length > 0) throw refused('WITH VERSION COLUMN');
  if (statement.elements.some((e) => e.kind === 'Watermark')) throw refused('WATERMARK');
  const own = [...ttlOptions, ...watermarkOptions].find((o) =>
    statement.options.some(({ name }) => name === o.name),
  );
  if (own !== undefined) throw refused(`option "${own.name}"`);
  const [option] = statement.options;
  if (statement.fromSource !== null && option !== undefined) {
    throw new SqlError('22023', `unrecognized table option "${option.name}"`, {
      position: option.span.start,
      hint: 'Options belong to the source.',
    });
  }
}

/** The source that FROM names. */
function sourceNamed(statement: CreateTable, context: StatementContext): SourceObject | null {
  if (statement.fromSource === null) return null;
  const { schema, name, position } = splitName(statement.fromSource.source, context);
  const object = context.database.catalog.find(schema, name, context.searchPath());
  if (object === null) throw new SqlError('42704', `source "${name}" does not exist`, { position });
  if (object.kind !== 'source' || cdcRuntime(object) === null) {
    throw new SqlError('42809', `"${name}" is not a source of tables`, {
      position,
      hint: `FROM ... TABLE needs a source made by CREATE SOURCE ... WITH (connector = '${POSTGRES_CDC}', ...).`,
    });
  }
  return object;
}

/** The elements with columns in place of `*`, or of none, and with a key. */
function completed(elements: readonly TableElement[], table: UpstreamTable): readonly TableElement[] {
  const columns = (): readonly TableElement[] =>
    parsedElements(upstreamColumns(table).map(({ name, type }) => `${quoteIdent(name)} ${formatType(type)}`));
  const star = elements.some((e) => e.kind === 'TableWildcard');
  const written = elements.some((e) => e.kind === 'ColumnDefinition' && e.generated === null);
  const all = star
    ? elements.flatMap((e) => (e.kind === 'TableWildcard' ? columns() : [e]))
    : written
      ? elements
      : [...columns(), ...elements];
  const keyed = all.some((e) => e.kind === 'PrimaryKey' || (e.kind === 'ColumnDefinition' && e.primaryKey));
  if (keyed) return all;
  const key = keyOf(table).map(quoteIdent).join(', ');
  return [...all, ...parsedElements([`PRIMARY KEY (${key})`])];
}

function parsedElements(texts: readonly string[]): readonly TableElement[] {
  const { statement } = must(parse(`CREATE TABLE t (${texts.join(', ')})`)[0]);
  return statement.kind === 'CreateTable' ? statement.elements : [];
}

/** Changes of the table are in the publication from now on. True: Millrace has put it there. */
async function publish(
  connection: UpstreamConnection,
  options: PostgresCdcOptions,
  table: TableName,
): Promise<boolean> {
  const { publication, createsPublication } = options;
  if ((await publishedTables(connection, publication)).has(shownTable(table))) return false;
  if (!createsPublication) {
    throw new SqlError('55000', `table "${shownTable(table)}" is not in publication "${publication}"`, {
      hint: `ALTER PUBLICATION "${publication}" ADD TABLE ${shownTable(table)};`,
    });
  }
  await publishTable(connection, publication, table);
  return true;
}

interface Upstream {
  readonly statement: CreateTable;
  /** Where the stream begins, if it is the table's own. */
  readonly lsn: string | null;
  /** Takes back what was made in PostgreSQL. */
  readonly undo: () => Promise<void>;
}

/** Looks at the table in PostgreSQL, and has its changes published. */
async function prepare(
  statement: CreateTable,
  options: PostgresCdcOptions,
  name: TableName,
  making: Making | null,
  context: StatementContext,
): Promise<Upstream> {
  const connection = await UpstreamConnection.open(options);
  try {
    const table = await describeTable(connection, name);
    const whole = { ...statement, elements: completed(statement.elements, table) };
    const { columns, primaryKey } = tableShape(
      whole.elements,
      null,
      statement.name.parts.at(-1)?.name ?? '',
      context,
    );
    followedOf(table, columnsAt(columns, physicalColumns(columns)));
    checkKey(
      table,
      columnsAt(columns, primaryKey).map((c) => c.name),
    );
    const lsn = making === null ? null : await makeSlot(connection, options, making);
    let added = false;
    const undo = async (): Promise<void> => {
      if (making !== null) await removeUpstream(context.database, options, context);
      else if (added) {
        const again = await UpstreamConnection.open(options);
        await unpublishTable(again, options.publication, name).finally(() => again.close());
      }
    };
    try {
      added = await publish(connection, options, name);
    } catch (error) {
      await undo();
      throw error;
    }
    return { statement: whole, lsn, undo };
  } finally {
    await connection.close();
  }
}

export async function createCdcTable(
  written: CreateTable,
  context: StatementContext,
): Promise<StatementResult> {
  refuse(written);
  const { database } = context;
  const target = splitName(written.name, context);
  const schema = creationSchema(target, context);
  if (nameTaken(schema, target.name, written.ifNotExists, context)) return done(TAG);
  const source = sourceNamed(written, context);
  const shared = source === null ? null : must(cdcRuntime(source));
  const named = source === null ? { ...written, options: namedOptions(written, context) } : written;
  const given =
    shared === null ? optionValues(named.options, secretsFor(context)) : new Map<string, string>();
  const options = shared?.options ?? new CdcRuntime(cdcConfig(given, [], context)).options;
  const tableName = written.fromSource?.table ?? given.get('table.name');
  if (tableName === undefined) {
    throw new SqlError('22023', `connector ${POSTGRES_CDC} needs the option "table.name" here`, {
      position: written.span.start,
      hint: 'CREATE SOURCE, without it, can feed several tables.',
    });
  }
  const upstream = parseTableName(tableName, options);
  const isLive = database.recovery === null;
  const making = isLive && source === null ? database.cdc.orphans.making(options) : null;
  try {
    const prepared: Upstream = isLive
      ? await prepare(named, options, upstream, making, context)
      : { statement: named, lsn: null, undo: () => Promise.resolve() };
    await add({ source, given, upstream, schema, name: target.name }, prepared, context);
  } finally {
    making?.end();
  }
  database.cdc.update();
  return done(TAG);
}

interface Following {
  /** Whose stream it is; null: its own, with these options. */
  readonly source: SourceObject | null;
  readonly given: ReadonlyMap<string, string>;
  readonly upstream: TableName;
  readonly schema: string;
  readonly name: string;
}

/** Puts the table into the catalog; if it cannot, what was made in PostgreSQL is taken back. */
async function add(
  { source, given, upstream, schema, name }: Following,
  { statement, lsn, undo }: Upstream,
  context: StatementContext,
): Promise<void> {
  const { database } = context;
  const shared = source === null ? null : must(cdcRuntime(source));
  let made = false;
  try {
    const shape = tableShape(statement.elements, null, name, context);
    checkShape(statement, shape);
    await database.exclusive(() => {
      if (nameTaken(schema, name, statement.ifNotExists, context)) return;
      if (source !== null && database.catalog.byId(source.id) !== source) {
        throw new SqlError('42704', `source "${source.name}" does not exist any more`);
      }
      const columns = shape.columns.filter((c) => c.generated === null);
      const config =
        shared === null
          ? cdcConfig(given, columns, context)
          : { ...shared.config, columns, clock: () => database.clock() };
      const runtime = new CdcRuntime(config, upstream, source?.id ?? null);
      const table = makeTable({ ...statement, options: [] }, shape, schema, name, context);
      Object.assign(table, {
        sql: printStatement(statement),
        source: runtime,
        expander: new RowExpander(shape.generated, table.columns.length),
        dependsOn: new Set([...table.dependsOn, ...(source === null ? [] : [source.id])]),
      });
      runtime.consumers.add(table.id);
      shared?.consumers.add(table.id);
      database.catalog.add(table);
      made = true;
      database.journalDdl({ ...originOf(context), sql: table.sql }, table.id);
      if (lsn !== null) moveOn(database, { id: table.id, runtime }, runtime.at(lsn), [], 0);
    });
  } finally {
    const isNeeded = made || (source !== null && isFollowed(source, upstream, context));
    if (database.recovery === null && !isNeeded) await undo();
  }
}

/** Another table here follows it through the same source. */
function isFollowed(source: SourceObject, upstream: TableName, { database }: StatementContext): boolean {
  return tablesOf(database, source).some(
    ({ runtime }) => runtime.upstream !== null && shownTable(runtime.upstream) === shownTable(upstream),
  );
}
