/**
 * Time to live of tables: rows whose column has fallen below the bound are deleted by a tick of their own, like any DELETE
 * (journalled, and taken back from every view). An ordered index on the column finds them; nothing is scanned.
 */
import type { Row } from '../../common/value.ts';
import { batchRow } from '../../executor/batchBuilder.ts';
import type { Database } from '../database.ts';
import type { TableObject, TableTtl } from '../objects.ts';

/** Id of the index that the server keeps for a table's time to live; no user's index has it. */
export const TTL_INDEX = -1;

/** Rows of a source are forgotten in lots of this share of the time that they are kept, and not more often than that. */
const FORGET_SHARE = 100n;
const LEAST_FORGET_MICROS = 1_000_000n;

const MICROS_PER_DAY = 86_400_000_000n;

/** Makes the index; called once, when the table is made. */
export function prepareTtl(table: TableObject): void {
  if (table.ttl === null) return;
  table.store.addIndex({ id: TTL_INDEX, columns: [table.ttl.column], descending: [false] });
}

type Expired = { readonly table: TableObject; readonly rows: (readonly [row: Row, weight: number])[] };

/** The rows of a table that have expired. */
function expiredRows(table: TableObject, now: bigint): Expired | null {
  const bound = table.ttl?.expireBelow(now) ?? null;
  if (bound === null) return null;
  const rows: (readonly [Row, number])[] = [];
  table.store.range(TTL_INDEX, [], null, { value: bound, inclusive: false }, (batch) => {
    for (let i = 0; i < batch.length; i++) rows.push([batchRow(batch, i), -(batch.weights[i] ?? 1)]);
  });
  return rows.length === 0 ? null : { table, rows };
}

/** Rows of a source that came before `below` are taken out, and stay in what has been made of them. */
export function forgetRows(table: TableObject, below: bigint): void {
  const forgotten = table.store.forget(TTL_INDEX, { value: below, inclusive: false });
  if (table.stream !== null) table.stream.forgotten += BigInt(forgotten);
}

/** Forgets what is older than a source keeps; true when there was anything. */
function forgetOld(database: Database, now: bigint): boolean {
  let any = false;
  for (const table of tablesWithTtl(database)) {
    const { ttl } = table;
    if (ttl?.forgets !== true || (forgetAt(table, ttl) ?? now + 1n) > now) continue;
    const below = now - ttl.micros + 1n;
    database.journal?.noteForget(table.id, below, database.beginTick());
    forgetRows(table, below);
    any = true;
  }
  return any;
}

/** When the next rows are forgotten: many at a time. */
function forgetAt({ store }: TableObject, { column, micros }: TableTtl): bigint | null {
  const oldest = store.first(TTL_INDEX)?.[column] ?? null;
  if (typeof oldest !== 'bigint') return null;
  const share = micros / FORGET_SHARE;
  return oldest + micros + (share > LEAST_FORGET_MICROS ? share : LEAST_FORGET_MICROS);
}

function expire(database: Database, all: Iterable<TableObject>): boolean {
  const now = database.environment.clock();
  const tables = [...all].filter((table) => table.ttl?.forgets !== true);
  const expired = tables.flatMap((table) => expiredRows(table, now) ?? []);
  if (expired.length === 0) return false;
  database.applyTables(expired);
  return true;
}

function* tablesWithTtl(database: Database): Generator<TableObject> {
  for (const object of database.catalog.objects()) {
    if (object.kind === 'table' && object.ttl !== null) yield object;
  }
}

/** Deletes what has expired; true when there was anything. Only inside `exclusive`. */
export function expireTables(database: Database): boolean {
  const forgotten = forgetOld(database, database.environment.clock());
  return expire(database, tablesWithTtl(database)) || forgotten;
}

/** As `expireTables`, for what the arrivals of a tick have moved: tables whose rows expire by their watermark. */
export function expireByWatermark(database: Database, tables: readonly TableObject[]): void {
  const moved = tables.filter((table) => table.ttl?.by === 'watermark');
  if (moved.length > 0) expire(database, moved);
}

/** The clock time at which the next row expires; null: none does by itself. */
export function nextExpiry(database: Database): bigint | null {
  let next: bigint | null = null;
  for (const table of tablesWithTtl(database)) {
    const at = expiryOf(table, database.environment.clock());
    if (at !== null && (next === null || at < next)) next = at;
  }
  return next;
}

function expiryOf(table: TableObject, now: bigint): bigint | null {
  const { ttl } = table;
  if (ttl === null) return null;
  if (ttl.forgets === true) return forgetAt(table, ttl);
  if (ttl.by === 'watermark') return expiredRows(table, now) === null ? null : now;
  const value = table.store.first(TTL_INDEX)?.[ttl.column] ?? null;
  if (value === null || (typeof value !== 'bigint' && typeof value !== 'number')) return null;
  return (typeof value === 'bigint' ? value : BigInt(value) * MICROS_PER_DAY) + ttl.micros;
}
