/**
 * Sinks into tables at work: after every tick, what it has given to such sinks is written to their tables in ticks that follow at
 * once, until nothing is left. That is within the same exclusive section, before anything is acknowledged or read: nobody sees the
 * one without the other, also not after a crash, since a replay of the first tick makes the others again. They are therefore in no
 * record of the journal.
 *
 * It comes to an end because no table is among what its own sinks are made of (`refuseCycle`).
 */
import { SqlError } from '../../common/sqlError.ts';
import type { SinkChange } from '../../connector/sink.ts';
import type { Database } from '../database.ts';
import type { CatalogObject, SinkObject, TableObject } from '../objects.ts';
import { tickTables } from '../time/ticks.ts';
import { expireByWatermark } from '../time/ttl.ts';
import { TableWrites, type TransactionWrites } from '../transaction.ts';
import type { SinkRuntime } from './runtime.ts';
import type { TableFeed } from './tableFeed.ts';

/** Changes of one tick: what a large view gives at once is written in several. */
const MOST_CHANGES = 65_536;

export class TableFeeding {
  readonly #database: Database;
  /** Tables that have been written, and whose rows may expire by their watermark. */
  readonly #written = new Set<TableObject>();

  constructor(database: Database) {
    this.#database = database;
  }

  #sinks(): readonly SinkObject[] {
    return this.#database.catalog
      .objects()
      .flatMap((object) => (object.kind === 'sink' && object.runtime.feed !== null ? [object] : []));
  }

  /** Writes what these sinks hold, and what follows from it. Only inside `exclusive`. */
  write(runtimes: readonly SinkRuntime[]): void {
    const database = this.#database;
    const ready = runtimes.filter((r) => r.paused === null && !r.dropped && !r.outbox.isEmpty);
    const ordered = [...ready].sort((a, b) => a.shape.id - b.shape.id);
    const byTable = new Map<number, TableWrites>();
    let changes = 0;
    const flush = (): void => {
      const deltas = [...byTable.values()]
        .map((writes) => ({ table: writes.table, rows: [...writes.delta()] }))
        .filter(({ rows }) => rows.length > 0);
      byTable.clear();
      changes = 0;
      if (deltas.length === 0) return;
      const now = database.beginTick();
      for (const { table } of deltas) this.#written.add(table);
      tickTables(
        database,
        deltas.map((delta) => database.stamp(delta, now)),
        now,
      );
    };
    for (const runtime of ordered) {
      const { outbox, feed } = runtime;
      if (feed === null) continue;
      const through = outbox.lastEpoch;
      const bytes = outbox.bytes;
      for (const batch of outbox.waiting(through)) {
        for (const change of batch.changes) {
          const writes = byTable.get(feed.table) ?? new TableWrites(feed.tableNow());
          byTable.set(feed.table, writes);
          this.#apply(runtime, feed, writes, change);
          if (++changes >= MOST_CHANGES) flush();
        }
        runtime.deliveredRows += batch.changes.length;
      }
      runtime.deliveredBytes += bytes;
      outbox.dropThrough(through);
      runtime.delivered = through;
      runtime.waitingSince = null;
    }
    flush();
  }

  /** An error of ours stays within the sink: it is paused, and says what it has left out. */
  #apply(runtime: SinkRuntime, feed: TableFeed, writes: TableWrites, change: SinkChange): void {
    try {
      feed.apply(writes, change);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const reason = `internal error: ${message}; drop the sink and create it again`;
      runtime.pause(reason, this.#database.watermarks.now());
    }
  }

  /** True when one of these writes is to a table that sinks write too: what they have seen must be what is there. */
  concerns(writes: TransactionWrites): boolean {
    const fed = new Set(this.#sinks().map(({ runtime }) => runtime.feed?.table));
    return fed.size > 0 && writes.tables().some(({ table }) => fed.has(table.id));
  }

  /** At the end of a section that writes a journal: rows of the tables written may have expired. */
  expire(): void {
    if (this.#written.size === 0) return;
    const tables = [...this.#written];
    this.#written.clear();
    // In a restart the journal says what went.
    if (this.#database.recovery !== null) return;
    expireByWatermark(
      this.#database,
      tables.filter((table) => this.#database.catalog.byId(table.id) === table),
    );
  }

  /** Everything that these objects are made of, through views and sinks. */
  origins(ids: Iterable<number>): ReadonlySet<number> {
    const { catalog } = this.#database;
    const sinks = this.#sinks();
    const seen = new Set<number>();
    const visit = (id: number): void => {
      const object: CatalogObject | null = catalog.byId(id);
      if (object === null || seen.has(id)) return;
      seen.add(id);
      for (const dependency of object.dependsOn) visit(dependency);
      for (const sink of sinks) if (sink.runtime.feed?.table === id) visit(sink.relation);
    };
    for (const id of ids) visit(id);
    return seen;
  }

  /** 42P19 where what the sink writes would come back to it. */
  refuseCycle(table: TableObject, reads: Iterable<number>, position: number): void {
    if (!this.origins(reads).has(table.id)) return;
    throw new SqlError('42P19', `a sink into table "${table.name}" cannot read what is made of it`, {
      position,
      detail: 'Every change of the table would change it again, without end.',
    });
  }
}
