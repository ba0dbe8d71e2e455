/** The lookup tables of a database, and what its views want to know of them. */
import type { Database } from '../database.ts';
import type { LookupRuntime } from './runtime.ts';

export class Lookups {
  readonly #database: Database;
  readonly #runtimes = new Map<number, LookupRuntime>();
  /** Told of tables that come. */
  onCreated: (runtime: LookupRuntime) => void = () => {};

  constructor(database: Database) {
    this.#database = database;
  }

  add(runtime: LookupRuntime): void {
    this.#runtimes.set(runtime.tables.rows.id, runtime);
    this.onCreated(runtime);
  }

  /** The table is no more. */
  forget(id: number): void {
    const runtime = this.#runtimes.get(id);
    if (runtime === undefined) return;
    this.#runtimes.delete(id);
    runtime.dropped = true;
    runtime.wake();
  }

  of(id: number): LookupRuntime | null {
    return this.#runtimes.get(id) ?? null;
  }

  list(): readonly LookupRuntime[] {
    return [...this.#runtimes.values()];
  }

  /** Collects what operators have begun to wait for, between ticks. */
  collect(): void {
    if (this.#runtimes.size === 0) return;
    for (const { operator } of this.#database.dataflow.nodes) {
      const demand = operator?.lookup;
      if (demand === undefined) continue;
      const keys = demand.take();
      if (keys.length > 0) this.#runtimes.get(demand.relation)?.want(keys);
    }
  }
}
