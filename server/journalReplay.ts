/**
 * Records of the journal, carried out again: what happened, at its time (`replayRecord`). Only inside `exclusive`, with the
 * database's clock at the record's time, and without a journal.
 */
import type { DataType } from '../common/dataType.ts';
import { parseValue, plainContext } from '../common/textIo.ts';
import type { Row, Value } from '../common/value.ts';
import type { Position, SourceRows } from '../connector/connector.ts';
import type { Database, TableDelta } from './database.ts';
import { tickLetters } from './deadLetters/letters.ts';
import { replayReprocess } from './deadLetters/reprocess.ts';
import { messageContext } from './ingest.ts';
import type {
  AdvanceRecord,
  AttachRecord,
  BaseRecord,
  BlockRecord,
  ClockRecord,
  CommitRecord,
  ForgetRecord,
  InjectRecord,
  JobRecord,
  MessagesRecord,
  PartitionsRecord,
  PositionRecord,
  ReadmitRecord,
  ReadRecord,
  RecordKind,
  ReprocessRecord,
  RowRecord,
  SourceProgress,
  TargetRecord,
  Texts,
  TimedRecord,
  TimeRecord,
} from './journalRecords.ts';
import type { CatalogObject, SourceObject, TableObject } from './objects.ts';
import { pauseView } from './pause.ts';
import { replayBlock } from './remote/apply.ts';
import { announcePartitions } from './remote/partitions.ts';
import { replayVerdict } from './sinks/verdict.ts';
import { admitRows, advanceWatermark, expireIdle, injectRows } from './time/control.ts';
import { eventFromJson } from './time/eventLog.ts';
import type { EventTimeJson } from './time/eventTime.ts';
import { eventTypes } from './time/eventTypes.ts';
import type { Admitted } from './time/lateRow.ts';
import { jumpClock } from './time/setBack.ts';
import {
  publishWatermark,
  tickAdmitted,
  tickMessages,
  tickParts,
  tickReadmitted,
  tickSource,
  tickTables,
} from './time/ticks.ts';
import { forgetRows } from './time/ttl.ts';
import { fromUnits } from './time/units.ts';
import { rebuildViews, viewsOver } from './viewBuild.ts';

const plain = plainContext(() => 0n);

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

/** A row of values as text, of these types. */
function rowOfTexts(texts: Texts, types: readonly DataType[]): Row {
  return types.map((type, i): Value => {
    const text = texts[i] ?? null;
    return text === null ? null : parseValue(text, type, plain);
  });
}

/** Rows of the so many parts before a record. */
type Parts = (count: number) => Iterable<readonly RowRecord[]>;

/** Carries out what a record of any kind but `ddl` says; `record` is its payload. */
export function replayRecord(database: Database, kind: RecordKind, record: unknown, parts: Parts): void {
  switch (kind) {
    case 'commit':
      replayCommit(database, record as CommitRecord, parts);
      return;
    case 'messages':
      replayMessages(database, record as MessagesRecord);
      return;
    case 'position':
      replayPosition(database, record as PositionRecord);
      return;
    case 'block':
      replayBlockRecord(database, record as BlockRecord & { readonly bytes: Uint8Array });
      return;
    case 'partitions':
      replayPartitions(database, record as PartitionsRecord);
      return;
    case 'forget':
      replayForget(database, record as ForgetRecord);
      return;
    case 'read':
      replayRead(database, record as ReadRecord);
      return;
    case 'inject':
      replayInject(database, record as InjectRecord);
      return;
    case 'advance':
      replayAdvance(database, record as AdvanceRecord);
      return;
    case 'readmit':
      replayReadmit(database, record as ReadmitRecord);
      return;
    case 'reprocess':
      replayReprocess(database, record as ReprocessRecord);
      return;
    case 'idle':
      expireIdle(database);
      return;
    case 'job':
      replayJob(database, record as JobRecord);
      return;
    case 'tick':
      database.runTick(() => {});
      return;
    case 'attach':
      database.sinks.attachAgain((record as AttachRecord).id);
      return;
    case 'target':
      replayVerdict(database, record as TargetRecord);
      return;
    case 'clock':
      if ((record as ClockRecord).jump) jumpClock(database, BigInt((record as ClockRecord).at));
      return;
    case 'start':
      replayStart(database, record as TimedRecord);
      return;
    case 'rows':
      replayRows(database, record as RowRecord[]);
      return;
    case 'time':
      replayTime(database, record as TimeRecord);
      return;
    case 'base':
      replayBase(database, record as BaseRecord);
      return;
    case 'part':
    case 'snapshot':
      return;
    case 'ddl':
      throw new TypeError('a statement is carried out by a session');
  }
}

/** The server was away: nobody has been quiet meanwhile. */
export function replayStart(database: Database, { at }: TimedRecord): void {
  for (const object of database.catalog.objects()) {
    if (object.kind === 'source' || object.kind === 'table') object.admission?.eventTime?.restart(BigInt(at));
  }
}

function replayJob(database: Database, { job, statement }: JobRecord): void {
  if (statement === null) database.jobs.pending.delete(job);
  else database.jobs.pending.set(job, statement);
}

/** Where a table's connector is after a record. */
function progress(database: Database, { at }: TimedRecord, made: SourceProgress | undefined): void {
  if (made === undefined) return;
  const table = database.catalog.byId(made.id);
  if ((table?.kind !== 'table' && table?.kind !== 'source') || table.source === null) return;
  table.source.position = made.position;
  table.source.rowsRead += BigInt(made.read);
  if (made.bad.length > 0) table.source.bad.add(made.bad, BigInt(at));
  table.source.bytesRead += BigInt(made.bytes ?? 0);
  if (made.drift !== undefined) table.source.bad.drift.add(made.drift, BigInt(at));
}

function replayPosition(database: Database, record: PositionRecord): void {
  progress(database, record, record.source);
  const table = database.catalog.byId(record.source.id);
  if (table?.kind === 'table') tickLetters(database, table);
}

/** Rows of a remote source, from the bytes that are kept. */
function replayBlockRecord(database: Database, record: BlockRecord & { readonly bytes: Uint8Array }): void {
  progress(database, record, record.source);
  replayBlock(database, record, record.bytes);
}

function replayPartitions(database: Database, { id, at, partitions }: PartitionsRecord): void {
  const table = database.catalog.byId(id);
  if (table?.kind === 'table') announcePartitions(table, partitions, BigInt(at));
}

function replayForget(database: Database, { id, below }: ForgetRecord): void {
  const table = database.catalog.byId(id);
  if (table?.kind === 'table') forgetRows(table, BigInt(below));
}

/** What a source brought, read again. A source that has it no longer stands still, and the views over it. */
function replayRead(database: Database, { id, at, rows, position }: ReadRecord): void {
  const object = database.catalog.byId(id);
  if (object?.kind !== 'source' || object.source.failure !== null) return;
  let read: SourceRows;
  try {
    read = object.source.pollAgain(position, rows);
  } catch (error) {
    for (const view of viewsOver(database, new Set([id]))) {
      if (view.paused === null) pauseView(database, view, error);
    }
    return;
  }
  if (rows > 0) tickSource(database, object, [object.admission.arrive(read, BigInt(at))]);
  else tickLetters(database, object);
}

function replayInject(database: Database, { id, partition, rows }: InjectRecord): void {
  const object = database.catalog.byId(id);
  if (object?.kind !== 'source') return;
  const { physical } = eventTypes(object);
  injectRows(
    database,
    object,
    rows.map((texts) => rowOfTexts(texts, physical)),
    partition,
  );
}

function replayAdvance(database: Database, { id, partition, value }: AdvanceRecord): void {
  const object = database.catalog.byId(id);
  if (object?.kind !== 'source' && object?.kind !== 'table') return;
  const rule = object.admission?.rule ?? null;
  if (rule !== null) advanceWatermark(database, object, partition, fromUnits(BigInt(value), rule.type));
}

function replayReadmit(database: Database, { id, rows }: ReadmitRecord): void {
  const object = database.catalog.byId(id);
  if (object?.kind !== 'source' && object?.kind !== 'table') return;
  const { all } = eventTypes(object);
  const admitted = rows.map((texts) => {
    const row = rowOfTexts(texts, all);
    if (object.kind === 'table') reserveRowId(database, object, row);
    return row;
  });
  rebuildViews(database, viewsOver(database, new Set([id])), () => admitRows(database, object, admitted));
}

/** The end of a rewritten section: sources are read, in one go, to where they were. */
function replayBase(database: Database, { at, version, positions }: BaseRecord): void {
  const byId = new Map(positions);
  for (const object of database.catalog.objects()) {
    const text = byId.get(object.id);
    restoreSource(database, object, text === undefined ? null : (JSON.parse(text) as Position), BigInt(at));
  }
  if (version !== null) database.version = BigInt(version);
}

// What both sections have

function replayRows(database: Database, records: readonly RowRecord[]): void {
  const deltas = deltasOf(database, records);
  if (deltas.length > 0) tickAdmitted(database, deltas);
}

function replayCommit(database: Database, record: CommitRecord, parts: Parts): void {
  const { at, rows } = record;
  progress(database, record, record.source);
  if (record.parts !== undefined) {
    const without = new Set(record.without);
    tickParts(database, partDeltas(database, parts(record.parts), without));
    return;
  }
  const deltas = deltasOf(database, rows);
  if (deltas.length > 0) tickTables(database, deltas, BigInt(at));
}

function* partDeltas(
  database: Database,
  parts: Iterable<readonly RowRecord[]>,
  without: ReadonlySet<number>,
): Generator<readonly TableDelta[]> {
  for (const rows of parts) {
    yield deltasOf(
      database,
      rows.filter(([id]) => !without.has(id)),
    );
  }
}

function replayMessages(database: Database, record: MessagesRecord): void {
  const { at, rows, partitions } = record;
  progress(database, record, record.source);
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
function replayTime(database: Database, { id, events, state, counted = [] }: TimeRecord): void {
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
function restoreSource(
  database: Database,
  object: CatalogObject,
  position: Position | null,
  now: bigint,
): void {
  if (object.kind === 'table') {
    object.admission?.eventTime.restart(now);
    if (object.source !== null && position !== null) object.source.position = position;
    return;
  }
  if (object.kind !== 'source' || (position === null && object.admission.log.length === 0)) return;
  const read = (): void => {
    const outputs = restored(object, position, now);
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
