/** A table that a CDC source feeds, while it is followed: its changes, its snapshot, and figures for catalogs. */
import type { SqlError } from '../../common/sqlError.ts';
import type { Database } from '../database.ts';
import type { TableObject } from '../objects.ts';
import type { HeldChanges } from './held.ts';
import type { CdcRuntime, Followed } from './runtime.ts';
import { TableChanges } from './tableChanges.ts';

export class FollowedTable {
  readonly table: TableObject;
  readonly runtime: CdcRuntime;
  readonly changes: TableChanges;
  /** While a snapshot is taken: changes of the table with that OID upstream. */
  held: HeldChanges | null = null;
  heldOid = 0;
  /** Rows that the snapshot has fetched; null: none runs. Those that there are, as far as known. */
  snapshotRows: number | null = null;
  estimatedRows: number | null = null;
  /** Changes applied since the server was started. */
  applied = 0;
  /** The last snapshot's failure, and when (microseconds) the next is tried. */
  failure: SqlError | null = null;
  retryAt: bigint | null = null;
  tries = 0;

  constructor(database: Database, table: TableObject, runtime: CdcRuntime) {
    this.table = table;
    this.runtime = runtime;
    this.changes = new TableChanges(database, table, runtime);
  }

  /** What it follows; null: changes are not applied (yet). */
  get streaming(): Followed | null {
    const { runtime } = this;
    return runtime.paused?.cause !== 'user' && runtime.tableState === 'streaming' ? runtime.followed : null;
  }

  /** It has no rows that changes could go on from. */
  get needsSnapshot(): boolean {
    const { paused, tableState } = this.runtime;
    return paused === null && (tableState === 'waiting' || tableState === 'copying');
  }
}
