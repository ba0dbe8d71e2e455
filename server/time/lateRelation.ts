/**
 * Relations of late rows: real tables of schema millrace_late that belong to a source, table or view. They are made and
 * dropped with their owner, are not written by DML, and are not in the journal as statements: their id follows from the
 * owner's.
 */
import { type Column, type DataType, types } from '../../common/dataType.ts';
import type { Row, Value } from '../../common/value.ts';
import { MILLRACE_LATE } from '../catalog.ts';
import type { Database } from '../database.ts';
import {
  createInternal,
  type InternalOwner,
  internalAfter,
  internalName,
  internalStatement,
  LATE_ID,
} from '../internalRelation.ts';
import type { TableColumn, TableObject } from '../objects.ts';
import type { LateRow } from './lateRow.ts';
import { LateStore, lateStoreOf } from './lateStore.ts';
import { defaultTimeOptions, type TimeOptions } from './timeOptions.ts';
import { differenceInterval, timeUnitOf, unitsValue } from './units.ts';

/** The name of the late relation of `owner`. */
export function lateName(database: Database, owner: Pick<InternalOwner, 'schema' | 'name'>): string {
  return internalName(database, MILLRACE_LATE, owner);
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

/** What SHOW CREATE says of a late relation. */
export function lateStatement(name: string, columns: readonly Column[]): string {
  return internalStatement(MILLRACE_LATE, name, columns);
}

/** Makes the relation of late rows of `owner` and puts it into the catalog. Only inside `exclusive`. */
export function createLateRelation(
  database: Database,
  owner: InternalOwner,
  columns: readonly Column[],
  timeType: DataType,
  options: Pick<TimeOptions, 'retention' | 'maxLateRows'> = defaultTimeOptions,
): TableObject {
  const all = lateColumns(columns, timeType);
  const place = { schema: MILLRACE_LATE, distance: LATE_ID };
  const store = new LateStore(options.retention, options.maxLateRows, all.length - 2);
  return createInternal(database, owner, place, all, store);
}

/** The relation of late rows as it is for an owner with other columns; empty, and not in the catalog. */
export function lateRelationAfter(
  database: Database,
  late: TableObject,
  columns: readonly Column[],
  timeType: DataType,
): TableObject {
  const { retention, maxRows } = lateStoreOf(late);
  const all = lateColumns(columns, timeType);
  return internalAfter(database, late, all, new LateStore(retention, maxRows, all.length - 2));
}

/** The relation of late rows of the object with this id; null: it has none. */
export function lateRelationOf(database: Database, ownerId: number): TableObject | null {
  const found = database.catalog.byId(ownerId + LATE_ID);
  return found?.kind === 'table' ? found : null;
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
