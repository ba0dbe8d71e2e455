/**
 * The rows of one request, written: one tick and one record of the journal with the rows, the key of the request and what could not
 * be used. Within `exclusive`, so that of two requests with one key the second sees the first.
 *
 * Invariant: what is answered with 200 is in the journal, on disk, and in every view; the key is there exactly if the rows are.
 */
import { createHash } from 'node:crypto';
import type { Database, TableDelta } from '../database.ts';
import { limitLetters, tickLetters } from '../deadLetters/letters.ts';
import { addMessage, type Message, messagesOf } from '../ingest.ts';
import type { SourceProgress } from '../journalRecords.ts';
import type { TableObject } from '../objects.ts';
import type { SourceRuntime } from '../sourceRuntime.ts';
import { tickMessages } from '../time/ticks.ts';
import { expireByWatermark } from '../time/ttl.ts';
import { TableWrites } from '../transaction.ts';
import { type BodyRecord, Refusal } from './body.ts';
import type { IdempotencyKeys } from './keys.ts';
import { type DecodedBody, decodeBody, type RecordError } from './rows.ts';

export interface WriteRequest {
  readonly table: TableObject;
  readonly source: SourceRuntime;
  readonly records: readonly BodyRecord[];
  readonly bytes: number;
  /** Of the body, for a key that comes again. */
  readonly digest: string;
  /** Null: the request has none. */
  readonly key: string | null;
}

export interface WriteResult {
  readonly accepted: number;
  readonly rejected: number;
  /** The first ones. */
  readonly errors: readonly RecordError[];
  /** The request was here before: nothing was written. */
  readonly repeated: boolean;
}

const SHOWN_ERRORS = 10;

export function digestOf(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex');
}

/** Writes the request's rows; resolves when they are on disk. Rejects with Refusal, or the SqlError of a disk that takes nothing. */
export async function writeRequest(
  database: Database,
  keys: IdempotencyKeys,
  request: WriteRequest,
): Promise<WriteResult> {
  const keyTable = request.key === null ? null : await keys.table();
  const result = await database.exclusive(() => {
    const table = database.catalog.byId(request.table.id);
    // One whose columns have changed meanwhile has the same source.
    if (table?.kind !== 'table' || table.source !== request.source) {
      throw new Refusal(404, 'the table was dropped or replaced');
    }
    database.moveOn();
    if (keyTable !== null && database.catalog.byId(keyTable.id) !== keyTable) {
      throw new Refusal(503, 'the table of idempotency keys was dropped', { 'retry-after': '1' });
    }
    const current = { ...request, table };
    return repeated(keys, keyTable, current) ?? write(database, keys, keyTable, current);
  });
  const { journal } = database;
  if (journal !== null) await journal.flushThrough(journal.lastSeq);
  return result;
}

function repeated(
  keys: IdempotencyKeys,
  keyTable: TableObject | null,
  { table, key, digest }: WriteRequest,
): WriteResult | null {
  if (keyTable === null || key === null) return null;
  const known = keys.known(keyTable, table.id, key);
  if (known === null) return null;
  if (known.digest !== digest) {
    throw new Refusal(422, 'this Idempotency-Key came with another body before');
  }
  return { accepted: known.accepted, rejected: known.rejected, errors: [], repeated: true };
}

function write(
  database: Database,
  keys: IdempotencyKeys,
  keyTable: TableObject | null,
  request: WriteRequest,
): WriteResult {
  const { table, source, records, key, digest } = request;
  const { onError } = source.letters;
  const number = Number(source.position?.requests ?? 0) + 1;
  const decoded = decodeBody(source, records, onError, String(number));
  if (onError === 'fail' && decoded.errors.length > 0) throw refuseAll(decoded.errors);
  const unread = source.mark();
  try {
    source.bad.add(decoded.bad, database.clock());
    const { messages, delta, refused } = admitRows(database, table, source, decoded);
    const errors = [...decoded.errors, ...refused];
    if (onError === 'fail' && errors.length > 0) throw refuseAll(errors);
    source.bad.drift.add(decoded.drift, database.clock());
    source.rowsRead += BigInt(decoded.rows.length);
    source.bytesRead += BigInt(request.bytes);
    source.position = { requests: number };
    const result = { accepted: records.length - errors.length, rejected: errors.length };
    const remembered =
      keyTable === null || key === null
        ? []
        : [keys.remember(keyTable, table.id, key, { digest, ...result }, forgetAt(database, source))];
    const progress: SourceProgress = {
      id: table.id,
      position: source.position,
      read: decoded.rows.length,
      bad: [...source.bad.pending],
      drift: decoded.drift,
      bytes: request.bytes,
    };
    applyRows(database, table, { messages, delta, remembered, progress });
    limitLetters(table);
    return { ...result, errors: shown(errors), repeated: false };
  } catch (error) {
    if (error instanceof Refusal) unread();
    throw error;
  }
}

interface Admitted {
  readonly messages: readonly Message[];
  readonly delta: TableDelta;
  /** Records that the table refuses. */
  readonly refused: readonly RecordError[];
}

/** Rows as the table takes them; what it refuses is among its bad records. */
function admitRows(
  database: Database,
  table: TableObject,
  source: SourceRuntime,
  decoded: DecodedBody,
): Admitted {
  const writes = new TableWrites(table);
  const messages: Message[] = [];
  const refused: RecordError[] = [];
  decoded.rows.forEach((row, i) => {
    const before = source.bad.pending.length;
    const made = messagesOf(database, table, { rows: [row], recordOf: () => decoded.recordOf(i) });
    messages.push(...made);
    if (table.admission === null) for (const message of made) addMessage(database, writes, message);
    for (const { message } of source.bad.pending.slice(before)) {
      refused.push({ record: decoded.numbers[i] ?? 0, message });
    }
  });
  return { messages, delta: { table, rows: [...writes.delta()] }, refused };
}

interface Applied {
  readonly messages: readonly Message[];
  readonly delta: TableDelta;
  readonly remembered: readonly TableDelta[];
  readonly progress: SourceProgress;
}

/** Journals and runs the tick. What is put off together goes to the journal together: rows, then their key. */
function applyRows(database: Database, table: TableObject, applied: Applied): void {
  const { messages, delta, remembered, progress } = applied;
  const now = database.beginTick();
  if (table.admission !== null && messages.length > 0) {
    database.journal?.noteMessages(table, messages, now, progress);
    tickMessages(database, table, messages, now);
    expireByWatermark(database, [table]);
    database.applyTables(remembered);
  } else if (delta.rows.length > 0) database.applyTables([delta, ...remembered], progress);
  else {
    database.journal?.notePosition(progress, now);
    tickLetters(database, table);
    database.applyTables(remembered);
  }
}

function shown(errors: readonly RecordError[]): readonly RecordError[] {
  return [...errors].sort((a, b) => a.record - b.record).slice(0, SHOWN_ERRORS);
}

/** on_error = 'fail': nothing of the request is taken. */
function refuseAll(errors: readonly RecordError[]): Refusal {
  const first = shown(errors)[0];
  return new Refusal(400, `record ${first?.record ?? 0}: ${first?.message ?? ''}`);
}

function forgetAt(database: Database, source: SourceRuntime): bigint {
  const seconds = BigInt(source.config.options.get('idempotency.retention.sec') ?? '86400');
  return database.clock() + seconds * 1_000_000n;
}
