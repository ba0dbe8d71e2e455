/**
 * Changes of a transaction, one after the other, to the tables that follow. A change that does not fit is its table's failure: none
 * of the transaction's changes to that table count then, and the other tables go on.
 *
 * State: the writes to each table, and failures. Invariant: a table has one of both.
 */
import { SqlError } from '../../common/sqlError.ts';
import type { Change } from '../../connector/postgresCdc/pgoutput.ts';
import type { TableDelta } from '../database.ts';
import type { TableObject } from '../objects.ts';
import type { RowWrites } from './chunkWrites.ts';
import type { FollowedTable } from './followedTable.ts';

function relationsOf(change: Change): readonly number[] {
  return change.kind === 'truncate' ? change.relations.map((r) => r.id) : [change.relation.id];
}

export class ChangesOf {
  readonly #tables: readonly FollowedTable[];
  readonly #commitLsn: bigint;
  readonly #begin: (table: TableObject) => RowWrites;
  #writes = new Map<FollowedTable, RowWrites>();
  readonly failures = new Map<FollowedTable, SqlError>();
  /** Changes that have been written. */
  read = 0;

  /** `begin`: makes writes to a table. */
  constructor(tables: readonly FollowedTable[], commitLsn: bigint, begin: (table: TableObject) => RowWrites) {
    this.#tables = tables;
    this.#commitLsn = commitLsn;
    this.#begin = begin;
  }

  /** `bytes`: what it takes in memory, if it has to be kept. Gives the table that it makes fail, if any. */
  take(change: Change, bytes: number): FollowedTable | null {
    let failed: FollowedTable | null = null;
    for (const oid of relationsOf(change)) {
      for (const table of this.#tables) if (!this.#takeFor(table, oid, change, bytes)) failed = table;
    }
    return failed;
  }

  #takeFor(table: FollowedTable, oid: number, change: Change, bytes: number): boolean {
    if (table.held !== null) {
      if (table.heldOid === oid) table.held.add(this.#commitLsn, change, bytes);
      return true;
    }
    const followed = table.streaming;
    if (followed === null || followed.oid !== oid || this.failures.has(table)) return true;
    let writes = this.#writes.get(table);
    if (writes === undefined) {
      writes = this.#begin(table.table);
      this.#writes.set(table, writes);
    }
    try {
      table.changes.apply(change, writes, followed);
      this.read++;
      table.applied++;
      return true;
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      this.failures.set(table, error);
      this.#writes.delete(table);
      return false;
    }
  }

  /** What has been written since the last time. */
  deltas(): readonly TableDelta[] {
    const deltas = [...this.#writes].map(
      ([{ table }, writes]): TableDelta => ({ table, rows: [...writes.delta()] }),
    );
    this.#writes = new Map();
    return deltas.filter(({ rows }) => rows.length > 0);
  }
}
