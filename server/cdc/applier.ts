/**
 * Ticks of a CDC source: a transaction of PostgreSQL is one tick over all the tables that it has changed, and one record of the
 * journal, which also says how far the stream is then. All inside `exclusive`.
 *
 * A change that does not fit pauses its table; the transaction's other tables go on.
 */
import type { SqlError } from '../../common/sqlError.ts';
import type { Position } from '../../connector/connector.ts';
import { formatLsn, parseLsn } from '../../connector/postgresCdc/lsn.ts';
import type { UpstreamTransaction } from '../../connector/postgresCdc/stream.ts';
import type { Database, TableDelta } from '../database.ts';
import type { SourceProgress } from '../journalRecords.ts';
import { TableWrites } from '../transaction.ts';
import { ChangesOf } from './changesOf.ts';
import type { FollowedTable } from './followedTable.ts';
import { applyLarge } from './largeTransaction.ts';
import type { CdcRuntime, Followed, TableState } from './runtime.ts';

function progressOf(id: number, position: Position, read: number): SourceProgress {
  return { id, position, read, bad: [] };
}

/** The object has moved on: in memory and, with the rows that it took, in the journal. */
export function moveOn(
  database: Database,
  object: { readonly id: number; readonly runtime: CdcRuntime },
  position: Position,
  deltas: readonly TableDelta[],
  read: number,
): void {
  const { id, runtime } = object;
  runtime.position = position;
  runtime.rowsRead += BigInt(read);
  const progress = progressOf(id, position, read);
  if (deltas.some(({ rows }) => rows.length > 0)) database.applyTables(deltas, progress);
  else database.journal?.notePosition(progress, database.beginTick());
  const { lsn } = runtime;
  if (lsn !== null) runtime.noted = { lsn: parseLsn(lsn), seq: database.journal?.lastSeq ?? 0 };
}

/** Another state of a table, without rows. */
export function setTableState(
  database: Database,
  table: FollowedTable,
  state: TableState,
  followed: Followed | null,
  error: SqlError | null = null,
): void {
  database.moveOn();
  const { runtime } = table;
  moveOn(database, { id: table.table.id, runtime }, runtime.inState(state, followed, error), [], 0);
}

export function pauseTable(database: Database, table: FollowedTable, error: SqlError): void {
  setTableState(database, table, 'paused', null, error);
  table.held = null;
  table.runtime.pauseFor(error);
}

/** Applies a transaction. False: it has been applied before. */
export function applyTransaction(
  database: Database,
  source: { readonly id: number; readonly runtime: CdcRuntime },
  tables: readonly FollowedTable[],
  transaction: UpstreamTransaction,
): boolean {
  const { lsn } = source.runtime;
  if (lsn !== null && transaction.endLsn <= parseLsn(lsn)) return false;
  database.moveOn();
  if (transaction.rest !== null) {
    for (const [table, error] of applyLarge(database, source, tables, transaction)) {
      pauseTable(database, table, error);
    }
    return true;
  }
  const work = new ChangesOf(tables, transaction.commitLsn, (table) => new TableWrites(table));
  const share = Math.ceil(transaction.bytes / Math.max(1, transaction.changes.length));
  for (const change of transaction.changes) work.take(change, share);
  const deltas = work.deltas();
  const position = source.runtime.at(formatLsn(transaction.endLsn));
  // What concerns no table need not be written: it would be nothing again.
  if (deltas.length > 0) moveOn(database, source, position, deltas, work.read);
  else source.runtime.position = position;
  for (const [table, error] of work.failures) pauseTable(database, table, error);
  return true;
}
