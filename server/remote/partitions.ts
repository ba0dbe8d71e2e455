/** Partitions that a remote source is known to have before anything has come of them: its watermark waits for them. */
import type { Database } from '../database.ts';
import type { TableObject } from '../objects.ts';

/** Takes note of them; those that are known already stay as they are. */
export function announcePartitions(table: TableObject, partitions: readonly string[], now: bigint): void {
  table.admission?.eventTime.announce(partitions, now);
}

/** As `announcePartitions`, for a relation that has just been made, and with the journal. Only inside `exclusive`. */
export function notePartitions(database: Database, table: TableObject, partitions: readonly string[]): void {
  if (table.admission === null || partitions.length === 0) return;
  const now = database.beginTick();
  database.journal?.notePartitions(table.id, partitions, now);
  announcePartitions(table, partitions, now);
}
