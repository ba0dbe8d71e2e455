/**
 * Rows of a remote source on their way into its relation: the journal has the block as it came, and then it becomes one tick.
 * A restart makes the same tick of the same block, so nothing is read a second time.
 *
 * Where a relation takes every row as it is (no key, watermark or computed column, and no NULL where there must be none), columns
 * go to the dataflow in place; else a block becomes rows, and each is looked at like a message of any other connector.
 */
import { must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Row } from '../../common/value.ts';
import type { Position, RowBlock, SourceRows } from '../../connector/connector.ts';
import { BATCH_ROWS, type Batch, type Vector } from '../../executor/batch.ts';
import type { Database } from '../database.ts';
import { fileLetters, limitLetters, tickLetters } from '../deadLetters/letters.ts';
import { addMessage, checkNotNull, messagesOf } from '../ingest.ts';
import type { BlockRecord, SourceProgress } from '../journalRecords.ts';
import type { TableObject } from '../objects.ts';
import { tickMessages, tickTables } from '../time/ticks.ts';
import { expireByWatermark } from '../time/ttl.ts';
import { TableWrites } from '../transaction.ts';
import { Block, BlockBuilder } from './block.ts';
import type { RemoteSource } from './remoteSource.ts';
import { TextVector } from './textVector.ts';

/** The types of what the connector fills. */
function physicalTypes(table: TableObject) {
  return table.columns.filter((c) => c.generated === null && c.hidden !== true).map((c) => c.type);
}

// --- in columns ------------------------------------------------------------------------------------------------

/** Every row can be taken as it is. */
function isPlain(table: TableObject, block: Block): boolean {
  if (table.rowId === null || table.admission !== null || block.removals !== null) return false;
  if (table.expander?.computes === true) return false;
  return block.vectors().every((v, c) => v.nulls === null || table.columns[c]?.nullable === true);
}

function part(vector: Vector, from: number, to: number): Vector {
  if (vector instanceof TextVector) return vector.part(from, to);
  const nulls = vector.nulls?.subarray(from, to) ?? null;
  switch (vector.kind) {
    case 'bool':
      return { kind: 'bool', data: vector.data.subarray(from, to), nulls };
    case 'i32':
      return { kind: 'i32', data: vector.data.subarray(from, to), nulls };
    case 'i64':
      return { kind: 'i64', data: vector.data.subarray(from, to), nulls };
    case 'f64':
      return { kind: 'f64', data: vector.data.subarray(from, to), nulls };
    case 'text':
      return { kind: 'text', data: vector.data.slice(from, to), nulls };
    case 'boxed':
      return { kind: 'boxed', data: vector.data.slice(from, to), nulls };
  }
}

/** The columns that the server fills: the time of the tick, and the row ids from `first` on. */
function hiddenColumns(table: TableObject, declared: number, rows: number, first: bigint, now: bigint) {
  return table.columns.slice(declared).map((_, i): Vector => {
    const data = new BigInt64Array(rows);
    if (declared + i !== table.rowId) data.fill(now);
    else for (let r = 0; r < rows; r++) data[r] = first + BigInt(r);
    return { kind: 'i64', data, nulls: null };
  });
}

function* batchesOf(table: TableObject, block: Block, first: bigint, now: bigint): Generator<Batch> {
  const vectors = block.vectors();
  for (let from = 0; from < block.rows; from += BATCH_ROWS) {
    const length = Math.min(BATCH_ROWS, block.rows - from);
    const declared = vectors.map((v) => part(v, from, from + length));
    const hidden = hiddenColumns(table, vectors.length, length, first + BigInt(from), now);
    yield { length, columns: [...declared, ...hidden], weights: new Int32Array(length).fill(1) };
  }
}

function applyColumns(database: Database, table: TableObject, block: Block, now: bigint): void {
  const first = database.lastRowId + 1n;
  database.reserveRowIdsThrough(database.lastRowId + BigInt(block.rows));
  table.commits++;
  database.runTick(() => {
    for (const batch of batchesOf(table, block, first, now)) database.dataflow.push(table.node, 0, batch);
    fileLetters(database, table);
  });
}

// --- in rows ---------------------------------------------------------------------------------------------------

function applyRows(database: Database, table: TableObject, block: Block, now: bigint): void {
  const rows = Array.from({ length: block.rows }, (_, i) => block.row(i));
  const messages = messagesOf(database, table, { rows, partitions: block.partitions() }, block.removals);
  if (table.admission !== null) {
    tickMessages(database, table, messages, now);
    return;
  }
  const writes = new TableWrites(table);
  for (const message of messages) addMessage(database, writes, message);
  const delta = { table, rows: [...writes.delta()] };
  if (delta.rows.length > 0) tickTables(database, [delta], now);
  else tickLetters(database, table);
}

/** The tick that a block is. Deterministic: live as in a restart. */
function applyBlock(database: Database, table: TableObject, block: Block, now: bigint): void {
  if (isPlain(table, block)) applyColumns(database, table, block, now);
  else applyRows(database, table, block, now);
}

/** on_error = 'fail': the first error of a row that the relation would refuse; null: none. */
function refusal(database: Database, table: TableObject, block: Block): SqlError | null {
  if (isPlain(table, block)) return null;
  const { eval: context } = database.tickContext(table.name, table.timeZone);
  const { removals } = block;
  for (let i = 0; i < block.rows; i++) {
    if (removals?.[i] === 1) continue;
    try {
      const row = [...(table.expander?.expand(block.row(i), context) ?? block.row(i))];
      if (table.rowId !== null) row[table.rowId] = 0n;
      for (const c of table.stamped) row[c] = database.watermarks.now();
      checkNotNull(table, row);
    } catch (error) {
      if (error instanceof SqlError) return error;
      throw error;
    }
  }
  return null;
}

// --- live ------------------------------------------------------------------------------------------------------

function blockOf(table: TableObject, rows: RowBlock): Block {
  return new Block(rows.bytes, physicalTypes(table));
}

interface Taken extends Omit<SourceRows, 'position'> {
  /** Null: nothing has been read yet. */
  readonly position: Position | null;
}

function take(database: Database, table: TableObject, read: Taken, block: Block | null): void {
  const { journal } = database;
  const now = database.beginTick();
  const { position, bad, drift = [], messageBytes = 0 } = read;
  const rows = block?.rows ?? 0;
  const source: SourceProgress = { id: table.id, position, read: rows, bad, drift, bytes: messageBytes };
  if (block === null) {
    journal?.notePosition(source, now);
    tickLetters(database, table);
  } else {
    const record: BlockRecord = { at: String(now), first: String(database.lastRowId), source };
    journal?.noteBlock(record, block.bytes);
    applyBlock(database, table, block, now);
  }
}

/** Takes what has come of a remote source; false: nothing. Only inside `exclusive`. */
export function pollRemote(database: Database, table: TableObject, remote: RemoteSource): boolean {
  const source = must(table.source);
  const failing = source.letters.onError === 'fail';
  const unread = failing ? source.mark() : null;
  const read = source.poll(Number.MAX_SAFE_INTEGER);
  if (read === null) return false;
  const block = read.block === null || read.block === undefined ? null : blockOf(table, read.block);
  const refused = unread === null || block === null ? null : refusal(database, table, block);
  if (refused !== null) {
    unread?.();
    source.stop(refused);
    return true;
  }
  const started = database.environment.serverClock.system();
  take(database, table, read, block);
  remote.ticked(block?.rows ?? 0, database.environment.serverClock.system() - started);
  remote.taken(read.position, database.journal?.lastSeq ?? 0);
  expireByWatermark(database, [table]);
  limitLetters(table);
  return true;
}

/** Rows given by hand, physical columns only. Only inside `exclusive`. */
export function injectIntoStream(
  database: Database,
  table: TableObject,
  rows: readonly Row[],
  partition: string,
): void {
  const { source } = table;
  if (source === null || rows.length === 0) return;
  const builder = new BlockBuilder(physicalTypes(table));
  for (const row of rows) builder.put(partition, row);
  const block = blockOf(table, { rows: rows.length, bytes: builder.build() });
  const { position } = source;
  source.rowsRead += BigInt(rows.length);
  take(database, table, { rows: [], bad: [], position }, block);
  expireByWatermark(database, [table]);
}

/** In a restart: the block of a record. What its record says of the source has been noted. */
export function replayBlock(database: Database, { at, first, source }: BlockRecord, bytes: Uint8Array): void {
  const table = database.catalog.byId(source.id);
  if (table?.kind !== 'table') return;
  database.reserveRowIdsThrough(BigInt(first));
  applyBlock(database, table, blockOf(table, { rows: source.read, bytes }), BigInt(at));
}
