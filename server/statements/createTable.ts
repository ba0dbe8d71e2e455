/** CREATE TABLE, CREATE TABLE AS, and tables fed by a connector. */
import { must } from '../../common/assert.ts';
import { type DataType, types } from '../../common/dataType.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import { formatType } from '../../common/typeTable.ts';
import type { Row } from '../../common/value.ts';
import { checkOptions } from '../../connector/options.ts';
import { MaterializeOperator } from '../../executor/operators/materialize.ts';
import type { CreateTable } from '../../parser/ast/statement.ts';
import { type BoundQuery, bindQuery } from '../../planner/bind/bind.ts';
import { RelationStore } from '../../storage/state/relationStore.ts';
import { createCdcTable } from '../cdc/createTable.ts';
import { isCdc } from '../cdc/declare.ts';
import { createDeadRelation } from '../deadLetters/deadRelation.ts';
import { refuseLetterOptions } from '../deadLetters/policy.ts';
import { insertRow } from '../ingest.ts';
import { createLookupTable, lookupConnectorOf } from '../lookup/createLookupTable.ts';
import { Entry, type TableColumn, type TableObject, type TableTtl } from '../objects.ts';
import { bindEnvironment, routinesUsed } from '../planning.ts';
import {
  checkChanges,
  checkRemote,
  type DeclaredRemote,
  declareRemote,
  findRemote,
  remoteRuntime,
} from '../remote/declare.ts';
import { inferredStatement } from '../remote/inferredColumns.ts';
import { notePartitions } from '../remote/partitions.ts';
import { optionValues, secretsFor } from '../secrets/optionValues.ts';
import type { SourceRuntime } from '../sourceRuntime.ts';
import { declaredTime, tableAdmission, ttlByClock, ttlByWatermark, ttlColumn } from '../time/declare.ts';
import { createLateRelation } from '../time/lateRelation.ts';
import { RowExpander } from '../time/rowExpander.ts';
import { tickTables } from '../time/ticks.ts';
import { optionText, otherOptions, ttlOf, ttlOptions, watermarkOptions } from '../time/timeOptions.ts';
import { prepareTtl } from '../time/ttl.ts';
import { TransactionWrites } from '../transaction.ts';
import { catalogWatermark, type TableShape, tableShape } from './columns.ts';
import { findConnector, localIncluded, sourceOf } from './createSource.ts';
import { removeObject } from './drop.ts';
import { runBound } from './select.ts';
import {
  creationSchema,
  done,
  nameTaken,
  originOf,
  type StatementContext,
  type StatementHandler,
  splitName,
} from './statement.ts';

const MAX_COLUMNS = 1600;
/** Hidden column of a table whose rows live for so long after their last write. */
const WRITTEN_AT = '_written_at';

/** RisingWave's table options that have no effect here. */
const acceptedOptions = ['source_rate_limit', 'dml_rate_limit', 'backfill_rate_limit'];

function refuseUnsupported(statement: CreateTable): void {
  const position = statement.span.start;
  if (statement.orReplace) throw unsupported('CREATE OR REPLACE TABLE', position);
  if (statement.temporary) throw unsupported('CREATE TEMPORARY TABLE', position);
  if (statement.engine !== null && statement.engine.toLowerCase() !== 'hummock')
    throw unsupported(`ENGINE = ${statement.engine}`, position);
  if (!statement.options.some((o) => o.name === 'connector')) {
    refuseLetterOptions(statement.options);
    for (const option of otherOptions(statement.options)) {
      if (acceptedOptions.includes(option.name)) continue;
      throw new SqlError('22023', `unrecognized table option "${option.name}"`, {
        position: option.span.start,
        hint: `Options of a table without a connector: ${[...ttlOptions, ...watermarkOptions].map((o) => o.name).join(', ')}. A connector is named by the option connector.`,
      });
    }
  }
}

/** VALIDATE is about requests. */
function refuseValidation({ validation, options }: CreateTable): void {
  if (validation === null) return;
  const connector = options.find((o) => o.name === 'connector');
  if (connector !== undefined && optionText(connector).toLowerCase() === 'webhook') return;
  throw unsupported(
    'VALIDATE without connector webhook',
    validation.span.start,
    "It decides about requests: write WITH (connector = 'webhook') before it.",
  );
}

/** INCLUDE names fields of messages. */
export function refuseInclude(statement: Pick<CreateTable, 'include'>): void {
  const include = statement.include[0];
  if (include !== undefined) throw unsupported(`INCLUDE ${include.field}`, include.span.start);
}

/** The query's columns, renamed by `(a, b)`. */
function ctasShape(statement: CreateTable, bound: BoundQuery): TableShape {
  const names = statement.elements.map((e) => {
    if (e.kind !== 'ColumnDefinition' || e.type !== null) {
      throw unsupported('a column definition in CREATE TABLE AS', e.span.start, 'Give column names only.');
    }
    return e.name.name;
  });
  if (names.length > bound.columns.length) {
    throw new SqlError('42601', 'too many column names were specified', { position: statement.span.start });
  }
  const columns = bound.columns.map((c, i): TableColumn => {
    const type: DataType = c.type.id === 'unknown' ? types.text : c.type;
    return { name: names[i] ?? c.name, type, nullable: true, default: null, generated: null };
  });
  const generated = columns.map(() => null);
  return { columns, primaryKey: [], watermark: null, generated, processTime: [] };
}

function versionColumns(statement: CreateTable, shape: TableShape): readonly number[] {
  return statement.versionColumns.map((v) => {
    const index = shape.columns.findIndex((c) => c.name === v.name);
    if (index < 0)
      throw new SqlError('42703', `version column "${v.name}" does not exist`, { position: v.span.start });
    if (shape.primaryKey.includes(index))
      throw new SqlError('42P16', 'a primary key column cannot be a version column', {
        position: v.span.start,
      });
    return index;
  });
}

export function checkShape(statement: CreateTable, shape: TableShape): void {
  const position = statement.span.start;
  const names = new Set<string>();
  for (const c of shape.columns) {
    if (names.has(c.name))
      throw new SqlError('42701', `column "${c.name}" specified more than once`, { position });
    names.add(c.name);
  }
  if (shape.columns.length > MAX_COLUMNS)
    throw new SqlError('54011', `tables can have at most ${MAX_COLUMNS} columns`, { position });
  for (const reserved of ['_row_id', WRITTEN_AT]) {
    if (names.has(reserved))
      throw new SqlError('42701', `column name "${reserved}" is reserved`, { position });
  }
  const keyed = shape.primaryKey.length > 0;
  if (statement.appendOnly && keyed) {
    throw new SqlError('42P16', 'an APPEND ONLY table cannot have a primary key', {
      position,
      hint: 'Leave out PRIMARY KEY or APPEND ONLY.',
    });
  }
  if (shape.watermark !== null && !shape.watermark.withTtl && !statement.appendOnly) {
    throw new SqlError('42P16', 'Defining watermarks on table requires the table to be append only.', {
      position,
      hint: 'Use APPEND ONLY after the column list, or WITH TTL after the expression: rows below the watermark expire.',
    });
  }
  if (!keyed && statement.versionColumns.length > 0) {
    throw new SqlError('42P16', 'WITH VERSION COLUMN requires a primary key', { position });
  }
  if (!keyed && statement.onConflict !== null) {
    throw new SqlError('42P16', 'ON CONFLICT requires a primary key', { position });
  }
  if (statement.onConflict === 'do update if not null' && shape.columns.some((c) => c.default !== null)) {
    throw new SqlError('42P16', 'DEFAULT is not allowed on a table with ON CONFLICT DO UPDATE IF NOT NULL', {
      position,
    });
  }
}

const hidden = (name: string, type: DataType, nullable: boolean): TableColumn => ({
  name,
  type,
  nullable,
  hidden: true,
  default: null,
  generated: null,
});

interface StoredColumns {
  readonly columns: readonly TableColumn[];
  /** Those that take the time of the tick. */
  readonly stamped: readonly number[];
  readonly ttl: TableTtl | null;
}

/** All columns of the table, hidden ones at the end, and what follows from the time to live that was asked for. */
function storedColumns(statement: CreateTable, shape: TableShape, retention: bigint | null): StoredColumns {
  if (retention !== null) return streamColumns(shape, retention);
  const ttl = ttlOf(statement.options);
  if (ttl !== null && shape.watermark?.withTtl === true) {
    throw new SqlError('22023', 'WATERMARK ... WITH TTL and the option "ttl" exclude each other', {
      position: shape.watermark.position,
    });
  }
  const named = ttl === null ? null : ttlColumn(ttl, shape.columns);
  const columns = [...shape.columns];
  if (ttl !== null && named === null) columns.push(hidden(WRITTEN_AT, types.timestamptz, true));
  const written = columns.length > shape.columns.length ? [columns.length - 1] : [];
  if (shape.primaryKey.length === 0) columns.push(hidden('_row_id', types.int8, false));
  return {
    columns,
    stamped: [...shape.processTime, ...written],
    ttl: ttl === null ? null : ttlByClock(columns, named ?? shape.columns.length, ttl.micros),
  };
}

/** As `storedColumns`, of a source that forgets its rows after a while. */
function streamColumns(shape: TableShape, retention: bigint): StoredColumns {
  const columns = [
    ...shape.columns,
    hidden(WRITTEN_AT, types.timestamptz, true),
    hidden('_row_id', types.int8, false),
  ];
  const column = shape.columns.length;
  const ttl: TableTtl = { ...ttlByClock(columns, column, retention), forgets: true };
  return { columns, stamped: [...shape.processTime, column], ttl };
}

/** What feeds the table; null: nobody but users. */
function feederOf(
  statement: CreateTable,
  shape: TableShape,
  name: string,
  id: () => number,
  remote: DeclaredRemote | null,
  context: StatementContext,
): SourceRuntime | null {
  if (!statement.options.some((o) => o.name === 'connector')) return null;
  const columns = shape.columns.filter((c) => c.generated === null);
  if (remote === null) return sourceOf(statement, columns, context);
  const key = shape.primaryKey.map((k) => columns.indexOf(must(shape.columns[k])));
  return remoteRuntime(statement, remote, { name, id, columns, key }, context);
}

/**
 * Makes the object, its store and its node, with a new id unless one is given. `remote`: what brings its rows; `stream`: users do
 * not write to it. Only inside `exclusive`.
 */
export function makeTable(
  statement: CreateTable,
  shape: TableShape,
  schema: string,
  name: string,
  context: StatementContext,
  known: number | null = null,
  remote: DeclaredRemote | null = null,
  stream = false,
): TableObject {
  const { database } = context;
  const keyed = shape.primaryKey.length > 0;
  const { columns, stamped, ttl: byClock } = storedColumns(statement, shape, remote?.retention ?? null);
  const key = keyed ? shape.primaryKey : [columns.length - 1];
  let id = known ?? 0;
  const source = feederOf(statement, shape, name, () => id, remote, context);
  const origin = originOf(context);
  const partitions = source?.connector.partitions?.(source.config.options) ?? [];
  const rule = declaredTime(shape.watermark, columns, statement.options, origin.timeZone, partitions);
  const connected = source !== null;
  const admission =
    rule === null
      ? null
      : tableAdmission(database, rule, { name, timeZone: origin.timeZone, key, columns, connected });
  const byWatermark =
    admission !== null && shape.watermark?.withTtl === true ? ttlByWatermark(admission) : null;
  const ttl = byClock ?? byWatermark;
  // Rows that expire are taken back: such a table only grows for those who write it.
  const onlyGrows = statement.appendOnly && (ttl === null || ttl.forgets === true);
  id = known ?? database.catalog.allocateId();
  const store = new RelationStore(
    columns.map((c) => c.type),
    stream ? null : key,
    onlyGrows,
  );
  const node = database.dataflow.add(new MaterializeOperator(store), `Table ${name}`, []);
  const entry = new Entry({
    id,
    kind: stream ? 'source' : 'table',
    schema,
    name,
    columns,
    key,
    declaredKey: keyed,
    appendOnly: onlyGrows,
    watermark: catalogWatermark(shape.watermark),
    ...(ttl === null || onlyGrows ? {} : { watermarked: [] }),
    processTime: onlyGrows ? shape.processTime : [],
    rows: () => store.rowCount(),
  });
  source?.consumers.add(id);
  const table: TableObject = {
    kind: 'table',
    id,
    schema,
    name,
    owner: context.user,
    ...origin,
    dependsOn: statement.query === null ? routinesUsed(context) : new Set(),
    internal: false,
    store,
    node,
    columns,
    key,
    rowId: keyed ? null : columns.length - 1,
    appendOnly: statement.appendOnly,
    conflict: statement.onConflict ?? 'overwrite',
    versionColumns: versionColumns(statement, shape),
    commits: 0,
    watermark: catalogWatermark(shape.watermark),
    source,
    expander: source === null ? null : new RowExpander(shape.generated, columns.length),
    admission,
    ttl,
    stamped,
    lateStore: null,
    stream: stream ? { forgotten: 0n } : null,
    entry,
  };
  prepareTtl(table);
  return table;
}

export const createTable: StatementHandler<CreateTable> = {
  async run(statement, context) {
    refuseValidation(statement);
    if (isCdc(statement)) {
      context.requireNoTransactionBlock('CREATE TABLE');
      return createCdcTable(statement, context);
    }
    const lookup = lookupConnectorOf(statement.options, context.database.environment.lookups);
    if (lookup !== null) return createLookupTable(statement, lookup, context);
    refuseUnsupported(statement);
    context.requireNoTransactionBlock('CREATE TABLE');
    const target = splitName(statement.name, context);
    const schema = creationSchema(target, context);
    const bound = statement.query === null ? null : bindQuery(statement.query, bindEnvironment(context));
    const { database } = context;
    const connector = findRemote(statement, database);
    if (statement.query !== null) refuseInclude(statement);
    else if (connector !== null) {
      const told = await inferredStatement(statement, connector, context, (s) => s.kind === 'CreateTable');
      if (told !== null) return createTable.run(told.statement, told.context);
    }
    const remote = connector === null ? null : declareRemote(statement, connector, true, context);
    const local = remote === null ? localConnector(statement, context) : null;
    if (local === null && remote === null) refuseInclude(statement);
    const fixed =
      local === null ? null : local.connector.fixedColumns(checkOptions(local.connector, local.options));
    const included = local === null ? remote?.include : localIncluded(statement, local.connector, context);
    const shape =
      bound === null
        ? tableShape(statement.elements, fixed, target.name, context, included)
        : ctasShape(statement, bound);
    checkShape(statement, shape);
    if (remote !== null) checkChanges(remote, shape.primaryKey, true, statement.span.start);
    if (remote !== null && nameTaken(schema, target.name, statement.ifNotExists, context)) {
      return done('CREATE TABLE');
    }
    const partitions = remote === null ? [] : await checkRemote(remote, target.name, context);
    const rows = bound === null || !statement.withData ? null : runBound(bound, context);
    const table = await database.exclusive(() => {
      if (nameTaken(schema, target.name, statement.ifNotExists, context)) return null;
      const made = makeTable(statement, shape, schema, target.name, context, null, remote);
      if (bound !== null) made.sql = ctasDefinition(made, statement);
      database.catalog.add(made);
      const rule = made.admission?.rule ?? null;
      if (rule !== null) createLateRelation(database, made, made.columns, rule.type, rule.options);
      if (made.source !== null) createDeadRelation(database, made, made.source.letters);
      if (rows !== null && rows.length > 0) {
        journalFilled(made, rows, shape.columns.length, context);
        return made;
      }
      database.journalDdl({ ...originOf(context), sql: made.sql }, made.id);
      notePartitions(database, made, partitions);
      return made;
    });
    if (table === null || rows === null) return done(bound === null ? 'CREATE TABLE' : 'SELECT 0');
    return done(`SELECT ${rows.length}`);
  },
};

/** A new table and its first rows, as one: nobody sees it without them, also after a crash. Only inside `exclusive`. */
function journalFilled(
  table: TableObject,
  rows: readonly Row[],
  filled: number,
  context: StatementContext,
): void {
  const { database } = context;
  try {
    const writes = new TransactionWrites().of(table);
    for (const row of rows) {
      insertRow(
        database,
        writes,
        table.columns.map((_, i) => (i < filled ? (row[i] ?? null) : null)),
      );
    }
    const now = database.beginTick();
    const deltas = [database.stamp({ table, rows: [...writes.delta()] }, now)];
    database.journal?.appendDdlWithRows({ ...originOf(context), sql: table.sql }, table.id, deltas, now);
    tickTables(database, deltas, now);
  } catch (error) {
    if (database.catalog.byId(table.id) === table) removeObject(database, table);
    throw error;
  }
}

/** A CTAS is remembered as the plain table that it made: what it read may be gone when it is made again. */
function ctasDefinition(table: TableObject, statement: CreateTable): string {
  const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
  const columns = table.columns
    .filter((c) => c.hidden !== true)
    .map((c) => `${quoted(c.name)} ${formatType(c.type)}`);
  const options = statement.options.map((o) => `${o.name} = '${optionText(o).replaceAll("'", "''")}'`);
  return [
    `CREATE TABLE ${quoted(table.schema)}.${quoted(table.name)} (${columns.join(', ')})`,
    ...(statement.appendOnly ? ['APPEND ONLY'] : []),
    ...(options.length === 0 ? [] : [`WITH (${options.join(', ')})`]),
  ].join(' ');
}

/** The connector of the server's own that feeds the table; null: none. */
function localConnector(statement: CreateTable, context: StatementContext) {
  const given = otherOptions(statement.options).filter((o) => o.name !== 'source_rate_limit');
  const options = optionValues(given, secretsFor(context));
  const name = options.get('connector');
  if (name === undefined) return null;
  return { connector: findConnector(name, statement.span.start), options };
}
