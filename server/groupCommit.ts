/**
 * Commits that wait at the same time go to the disk together: while one group's records are being synced, the next gathers.
 *
 * A group is taken in order of arrival, as far as its transactions cannot concern each other: no two that write a row of the
 * same key, and one alone where some view may refuse rows (it is tried against what is there). Its records are written as one,
 * synced if one of them wants to wait, and only then are the changes made, a tick each: what is visible is on disk.
 */
import { SqlError } from '../common/sqlError.ts';
import type { Database, TableDelta } from './database.ts';
import { mayBeRefused, tryChanges } from './refusal.ts';
import type { LateSummary } from './time/ticks.ts';
import { tickTables } from './time/ticks.ts';
import { expireByWatermark } from './time/ttl.ts';
import type { TableWrites, TransactionWrites } from './transaction.ts';

/** Transactions in a group, and rows after which it is not made larger: reads wait while its ticks run. */
const MOST_COMMITS = 64;
const MOST_ROWS = 2048;

interface Waiting {
  readonly writes: TransactionWrites;
  /** The answer waits until the records are on disk. */
  readonly durable: boolean;
  readonly resolve: (late: readonly LateSummary[]) => void;
  readonly reject: (error: unknown) => void;
}

interface Ready {
  readonly waiting: Waiting;
  readonly deltas: readonly TableDelta[];
  readonly at: bigint;
}

export class GroupCommit {
  readonly #database: Database;
  #waiting: Waiting[] = [];

  constructor(database: Database) {
    this.#database = database;
  }

  /** Commits; resolves when the changes are visible, and (`durable`) on disk. */
  join(writes: TransactionWrites, durable: boolean): Promise<readonly LateSummary[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ writes, durable, resolve, reject });
      this.#database.exclusive(() => this.#commitGroup()).catch(reject);
    });
  }

  /** One for each that waits, so the last ones find nothing left to do. */
  async #commitGroup(): Promise<void> {
    if (this.#waiting.length === 0) return;
    const group: Ready[] = [];
    const written = new Set<string>();
    const alone = mayBeRefused(this.#database);
    let rows = 0;
    while (group.length < (alone ? 1 : MOST_COMMITS) && rows < MOST_ROWS) {
      const next = this.#waiting[0];
      if (next === undefined || overlaps(next.writes, written)) break;
      // What this one has seen must be what is there: sinks may write the same rows in the ticks of those before it.
      if (group.length > 0 && this.#database.sinks.feeding.concerns(next.writes)) break;
      this.#waiting.shift();
      const ready = this.#prepare(next);
      if (ready === null) continue;
      for (const writes of next.writes.tables()) {
        rows += writes.size;
        for (const key of writes.keys()) written.add(`${writes.table.id} ${key}`);
      }
      group.push(ready);
    }
    if (group.length > 0) await this.#carryOut(group);
  }

  /** Checks and stamps; null when the transaction has failed, or changes nothing. */
  #prepare(waiting: Waiting): Ready | null {
    const database = this.#database;
    try {
      const tables = waiting.writes.tables();
      for (const writes of tables) checkTable(database, writes);
      const deltas = tables
        .map((w) => ({ table: w.table, rows: [...w.delta()] }))
        .filter((delta) => delta.rows.length > 0);
      if (deltas.length === 0) {
        waiting.resolve([]);
        return null;
      }
      const at = database.beginTick();
      const stamped = deltas.map((delta) => database.stamp(delta, at));
      tryChanges(database, stamped);
      return { waiting, deltas: stamped, at };
    } catch (error) {
      waiting.reject(error);
      return null;
    }
  }

  async #carryOut(group: readonly Ready[]): Promise<void> {
    const database = this.#database;
    const { journal } = database;
    if (journal !== null) {
      let first: number | null = null;
      try {
        const last = journal.writeCommits(group);
        first = last - group.length + 1;
        if (group.some(({ waiting }) => waiting.durable)) await journal.flushThrough(last);
        else journal.syncSoon();
      } catch (error) {
        if (first !== null) journal.retract(first);
        for (const { waiting } of group) waiting.reject(error);
        return;
      }
    }
    for (const { waiting, deltas, at } of group) {
      try {
        waiting.resolve(database.atTime(at, () => tickTables(database, deltas, at)));
      } catch (error) {
        waiting.reject(error);
      }
    }
    database.moveOn();
    expireByWatermark(database, [
      ...new Set(group.flatMap(({ deltas }) => deltas.map((delta) => delta.table))),
    ]);
  }
}

function checkTable(database: Database, writes: TableWrites): void {
  const { table } = writes;
  if (database.catalog.byId(table.id) !== table) {
    throw new SqlError('40001', `table "${table.name}" was dropped or replaced by another transaction`);
  }
  writes.checkConflicts();
}

function overlaps(writes: TransactionWrites, written: ReadonlySet<string>): boolean {
  if (written.size === 0) return false;
  return writes
    .tables()
    .some((table) => [...table.keys()].some((key) => written.has(`${table.table.id} ${key}`)));
}
