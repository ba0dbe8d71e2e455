/**
 * The rows of one request, written: one tick and one record of the journal with the rows, the key of the request and what could not
 * be used. Within `exclusive`, so that of two requests with one key the second sees the first.
 *
 * Invariant: what is answered with 200 is in the journal, on disk, and in every view; the key is there exactly if the rows are.
 */
import { createHash } from 'node:crypto';
import type { Database, TableDelta } from '../database.ts';
import { limitLetters, tickLetters } from '../deadLetters/letters.ts';
import { addMessage, messagesOf } from '../ingest.ts';
import type { TableObject } from '../objects.ts';
import { tryChanges } from '../refusal.ts';
import type { SourceRuntime } from '../sourceRuntime.ts';
import { TableWrites } from '../transaction.ts';
import { type BodyRecord, Refusal } from './body.ts';
import type { IdempotencyKeys } from './keys.ts';
import { decodeBody, type RecordError } from './rows.ts';

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

/** Writes the request's rows; resolves when they are on disk. Rejects with Refusal, or the SqlError of a view that refuses them. */
export async function writeRequest(
  database: Database,
  keys: IdempotencyKeys,
  request: WriteRequest,
): Promise<WriteResult> {
  const keyTable = request.key === null ? null : await keys.table();
  const result = await database.exclusive(() => {
    const { table, source } = request;
    if (database.catalog.byId(table.id) !== table || table.source !== source) {
      throw new Refusal(404, 'the table was dropped or replaced');
    }
    database.moveOn();
    if (keyTable !== null && database.catalog.byId(keyTable.id) !== keyTable) {
      throw new Refusal(503, 'the table of idempotency keys was dropped', { 'retry-after': '1' });
    }
    return repeated(keys, keyTable, request) ?? write(database, keys, keyTable, request);
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
  const errors: RecordError[] = [...decoded.errors];
  if (onError === 'fail' && errors.length > 0) throw refuseAll(errors);
  const unread = source.mark();
  try {
    const writes = new TableWrites(table);
    source.bad.add(decoded.bad, database.clock());
    decoded.rows.forEach((row, i) => {
      const before = source.bad.pending.length;
      const recordOf = (): ReturnType<typeof decoded.recordOf> => decoded.recordOf(i);
      for (const message of messagesOf(database, table, { rows: [row], recordOf })) {
        addMessage(database, writes, message);
      }
      const refused = source.bad.pending.slice(before);
      for (const { message } of refused) errors.push({ record: decoded.numbers[i] ?? 0, message });
    });
    if (onError === 'fail' && errors.length > 0) throw refuseAll(errors);
    const accepted = records.length - errors.length;
    const deltas: TableDelta[] = [{ table, rows: [...writes.delta()] }];
    tryChanges(database, deltas);
    source.bad.drift.add(decoded.drift, database.clock());
    source.rowsRead += BigInt(decoded.rows.length);
    source.bytesRead += BigInt(request.bytes);
    source.position = { requests: number };
    const progress = {
      id: table.id,
      position: source.position,
      read: decoded.rows.length,
      bad: [...source.bad.pending],
      drift: decoded.drift,
      bytes: request.bytes,
    };
    const remembered =
      keyTable === null || key === null
        ? []
        : [
            keys.remember(
              keyTable,
              table.id,
              key,
              { digest, accepted, rejected: errors.length },
              forgetAt(database, source),
            ),
          ];
    if (deltas.some((d) => d.rows.length > 0)) database.applyTables([...deltas, ...remembered], progress);
    else {
      database.journal?.notePosition(progress, database.beginTick());
      tickLetters(database, table);
      database.applyTables(remembered);
    }
    limitLetters(table);
    return { accepted, rejected: errors.length, errors: shown(errors), repeated: false };
  } catch (error) {
    if (error instanceof Refusal || (error instanceof Error && error.name === 'SqlError')) unread();
    throw error;
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
