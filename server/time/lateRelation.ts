/**
 * Relations of late rows: real tables of schema millrace_late that belong to a source, table or view. They are made and
 * dropped with their owner, are not written by DML, and are not in the journal as statements: their id follows from the
 * owner's.
 */
import { type Column, type DataType, types } from '../../common/dataType.ts';
import { formatType } from '../../common/typeTable.ts';
import type { Row, Value } from '../../common/value.ts';
import { MaterializeOperator } from '../../executor/operators/materialize.ts';
import { RelationStore } from '../../storage/state/relationStore.ts';
import { MILLRACE_LATE } from '../catalog.ts';
import type { Database } from '../database.ts';
import { Entry, type TableColumn, type TableObject } from '../objects.ts';
import type { LateRow } from './lateRow.ts';
import { LateStore } from './lateStore.ts';
import { defaultTimeOptions, type TimeOptions } from './timeOptions.ts';
import { differenceInterval, timeUnitOf, unitsValue } from './units.ts';

/** Ids of late relations: the owner's, this much higher; between the oids that system catalogs derive from ids. */
const LATE_ID = 250_000_000;
/** Ids of relations of dead letters (deadLetters/deadRelation.ts): in the same way. */
export const DEAD_ID = 375_000_000;
/** Ids of relations of keys that have been looked up (lookup/createLookupTable.ts): in the same way. */
export const LOOKUP_ID = 500_000_000;

export interface LateOwner {
  readonly id: number;
  readonly schema: string;
  readonly name: string;
  readonly owner: string;
  readonly searchPath: readonly string[];
  readonly timeZone: string;
}

/** The name of the late relation of `owner`. */
export function lateName(database: Database, owner: Pick<LateOwner, 'schema' | 'name'>): string {
  const free = (name: string): boolean => database.catalog.find(MILLRACE_LATE, name, []) === null;
  if (owner.schema === 'public' && free(owner.name)) return owner.name;
  return `${owner.schema}.${owner.name}`;
}

const plain = (name: string, type: DataType): TableColumn => ({
  name,
  type,
  nullable: true,
  default: null,
  generated: null,
});

function lateColumns(columns: readonly Column[], timeType: DataType): readonly TableColumn[] {
  const visible = columns.filter((c) => c.hidden !== true).map((c) => plain(c.name, c.type));
  const taken = new Set(visible.map((c) => c.name));
  const own = (name: string, type: DataType): TableColumn => {
    let free = name;
    while (taken.has(free)) free = `_${free}`;
    return plain(free, type);
  };
  return [
    ...visible,
    own('late_event_time', timeType),
    own('late_watermark', timeType),
    own('late_by', types.interval),
    own('late_reason', types.text),
    own('late_partition', types.text),
    own('late_at', types.timestamptz),
    { ...plain('_row_id', types.int8), nullable: false, hidden: true },
  ];
}

/** Columns of a view's late relation: rows of whichever operator left them out, as objects. */
export const viewLateColumns: readonly Column[] = [plain('late_row', types.jsonb)];

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** What SHOW CREATE says of a relation that belongs to another one. */
export function internalStatement(schema: string, name: string, columns: readonly Column[]): string {
  const shown = columns
    .filter((c) => c.hidden !== true)
    .map((c) => `${quoted(c.name)} ${formatType(c.type)}`);
  return `CREATE TABLE ${schema}.${quoted(name)} (${shown.join(', ')})`;
}

export function lateStatement(name: string, columns: readonly Column[]): string {
  return internalStatement(MILLRACE_LATE, name, columns);
}

/** Makes the relation of late rows of `owner` and puts it into the catalog. Only inside `exclusive`. */
export function createLateRelation(
  database: Database,
  owner: LateOwner,
  columns: readonly Column[],
  timeType: DataType,
  options: Pick<TimeOptions, 'retention' | 'maxLateRows'> = defaultTimeOptions,
): TableObject {
  const name = lateName(database, owner);
  const all = lateColumns(columns, timeType);
  const rowId = all.length - 1;
  const store = new RelationStore(
    all.map((c) => c.type),
    [rowId],
  );
  const id = owner.id + LATE_ID;
  const table: TableObject = {
    kind: 'table',
    id,
    schema: MILLRACE_LATE,
    name,
    owner: owner.owner,
    sql: lateStatement(name, all),
    searchPath: owner.searchPath,
    timeZone: owner.timeZone,
    dependsOn: new Set([owner.id]),
    internal: true,
    store,
    node: database.dataflow.add(new MaterializeOperator(store), `Table ${name}`, []),
    columns: all,
    key: [rowId],
    rowId,
    appendOnly: false,
    conflict: 'overwrite',
    versionColumns: [],
    commits: 0,
    watermark: null,
    source: null,
    expander: null,
    admission: null,
    ttl: null,
    stamped: [],
    stream: null,
    lateStore: new LateStore(options.retention, options.maxLateRows, rowId - 1),
    entry: new Entry({
      id,
      kind: 'table',
      schema: MILLRACE_LATE,
      name,
      columns: all,
      key: [rowId],
      appendOnly: false,
      rows: () => store.rowCount(),
    }),
  };
  database.catalog.add(table);
  return table;
}

/** The relation of late rows of the object with this id; null: it has none. */
export function lateRelationOf(database: Database, ownerId: number): TableObject | null {
  const found = database.catalog.byId(ownerId + LATE_ID);
  return found?.kind === 'table' ? found : null;
}

/** The owner's id, of a relation of late rows, dead letters or looked-up keys. */
export function ownerOf(internal: TableObject): number {
  const distance = [LOOKUP_ID, DEAD_ID, LATE_ID].find((d) => internal.id >= d) ?? 0;
  return internal.id - distance;
}

/** The row of the late relation, with a fresh hidden id. */
export function lateRelationRow(
  database: Database,
  columns: readonly Column[],
  timeType: DataType,
  late: LateRow,
): Row {
  const { eventTime, watermark, reason } = late;
  const unit = timeUnitOf(timeType);
  const behind = reason === 'late' || reason === 'window closed';
  const by: Value =
    behind && unit !== null && eventTime !== null && watermark !== null
      ? differenceInterval(watermark - eventTime, unit)
      : null;
  return [
    ...late.row.filter((_, i) => columns[i] !== undefined && columns[i]?.hidden !== true),
    unitsValue(eventTime, timeType),
    unitsValue(watermark, timeType),
    by,
    reason,
    late.partition,
    late.at,
    database.nextRowId(),
  ];
}
