/** Records of the journal, carried out again. Only inside `exclusive`, with the database's clock at the record's time. */
import { parseValue } from '../common/textIo.ts';
import type { Row, Value } from '../common/value.ts';
import type { Position, SourceRows } from '../connector/connector.ts';
import type { Database } from './database.ts';
import { messageContext } from './ingest.ts';
import type { CommitRecord, MessagesRecord, RowRecord, TimeRecord } from './journal.ts';
import type { CatalogObject, SourceObject, TableObject } from './objects.ts';
import { eventFromJson } from './time/eventLog.ts';
import type { EventTimeJson } from './time/eventTime.ts';
import { eventTypes } from './time/eventTypes.ts';
import type { Admitted } from './time/lateRow.ts';
import {
  publishWatermark,
  tickAdmitted,
  tickMessages,
  tickReadmitted,
  tickSource,
  tickTables,
} from './time/ticks.ts';
import { rebuildViews, viewsOver } from './viewBuild.ts';

function rowOf(database: Database, table: TableObject, texts: readonly (string | null)[]): Row {
  const row: Value[] = table.columns.map((c, i) => {
    const text = texts[i] ?? null;
    return text === null ? null : parseValue(text, c.type, messageContext);
  });
  reserveRowId(database, table, row);
  return row;
}

function reserveRowId(database: Database, table: TableObject, row: Row): void {
  const rowId = table.rowId === null ? null : row[table.rowId];
  if (typeof rowId === 'bigint') database.reserveRowIdsThrough(rowId);
}

/** Deltas by table; rows of tables that are gone are left out. */
function deltasOf(database: Database, records: readonly RowRecord[]) {
  const byTable = new Map<TableObject, [Row, number][]>();
  for (const [id, weight, ...texts] of records) {
    const table = database.catalog.byId(id);
    if (table?.kind !== 'table') continue;
    const rows = byTable.get(table) ?? [];
    rows.push([rowOf(database, table, texts), weight]);
    byTable.set(table, rows);
  }
  return [...byTable].map(([table, rows]) => ({ table, rows }));
}

export function replayRows(database: Database, records: readonly RowRecord[]): void {
  const deltas = deltasOf(database, records);
  if (deltas.length > 0) tickAdmitted(database, deltas);
}

export function replayCommit(database: Database, { at, rows }: CommitRecord): void {
  const deltas = deltasOf(database, rows);
  if (deltas.length > 0) tickTables(database, deltas, BigInt(at));
}

export function replayMessages(database: Database, { at, rows, partitions }: MessagesRecord): void {
  const [first] = rows;
  const table = first === undefined ? null : database.catalog.byId(first[0]);
  if (table?.kind !== 'table' || table.admission === null) return;
  const messages = rows.map(([, , ...texts], i) => ({
    row: rowOf(database, table, texts),
    partition: partitions[i] ?? '',
  }));
  tickMessages(database, table, messages, BigInt(at));
}

/** A source's events wait in its log for the rows before them; a table's happen at once. */
export function replayTime(database: Database, { id, events, state, counted = [] }: TimeRecord): void {
  const object = database.catalog.byId(id);
  if (object?.kind === 'source') {
    const types = eventTypes(object);
    for (const event of events) object.admission.log.restore(eventFromJson(event, types));
    return;
  }
  if (object?.kind !== 'table' || object.admission === null) return;
  const { eventTime } = object.admission;
  if (state !== undefined) eventTime.restore(state as EventTimeJson);
  for (const { rows } of deltasOf(database, counted))
    object.admission.counted.push(...rows.map(([row]) => row));
  for (const json of events) {
    const event = eventFromJson(json, eventTypes(object));
    if (event.kind === 'idle') eventTime.setIdle(event.partitions, event.since);
    else if (event.kind === 'advance') eventTime.advance(event.partition, event.value, event.now);
    else if (event.kind === 'readmit') {
      for (const row of event.rows) reserveRowId(database, object, row);
      rebuildViews(database, viewsOver(database, new Set([id])), () =>
        tickReadmitted(database, object, event.rows),
      );
    }
  }
  database.runTick(() => publishWatermark(database, object));
}

/** Reads a source again up to its position, with everything that happened to it on the way. */
export function restoreSource(database: Database, object: CatalogObject, position: Position | null): void {
  if (object.kind === 'table') {
    object.admission?.eventTime.restart(database.clock());
    if (object.source !== null && position !== null) object.source.position = position;
    return;
  }
  if (object.kind !== 'source' || (position === null && object.admission.log.length === 0)) return;
  const read = (): void => {
    const outputs = restored(object, position, database.clock());
    // The times of these rows lie before the present: in one tick none of them can come too late for a view.
    if (object.admission.expander.readsClock) tickSource(database, object, outputs);
    else for (const output of outputs) tickSource(database, object, [output]);
  };
  // Late rows that were admitted after all would come to windows that views have forgotten.
  if (object.admission.readmitted().length === 0) read();
  else rebuildViews(database, viewsOver(database, new Set([object.id])), read);
}

function* restored(object: SourceObject, position: Position | null, now: bigint): Generator<Admitted> {
  const batches: Iterable<SourceRows> = position === null ? [] : object.source.restore(position);
  for (const batch of batches) yield object.admission.restore(batch);
  yield object.admission.finishRestore(now);
}
