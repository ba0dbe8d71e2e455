/**
 * One input of an as-of join: its rows by key and time.
 *
 * Rows lie in a store whose first column is the slot of their key (shared by both inputs); one tree orders them by (key,
 * time, ties). Changes of a tick only add to the rows' weights; `apply` then makes the tree hold the rows that are
 * there. A retractable input finds its rows by identity; of an append-only one every delta row has a slot of its own.
 * Where a watermark bounds the rows, they are also in time buckets.
 * Invariant between ticks: the rows in the store have positive weights, and are in the tree.
 */
import { must } from '../../common/assert.ts';
import { types } from '../../common/dataType.ts';
import type { NonNullValue } from '../../common/value.ts';
import type { PhysicalPlan } from '../../planner/plan/physical.ts';
import type { Int32Blocks } from '../../storage/state/blocks.ts';
import { KeyTable } from '../../storage/state/keyTable.ts';
import { NetWeights } from '../../storage/state/netWeights.ts';
import { type OrderedCursor, OrderedIndex } from '../../storage/state/orderedIndex.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { type OrderKey, RowOrder } from '../../storage/state/rowOrder.ts';
import { RowStore } from '../../storage/state/rowStore.ts';
import { TimeBuckets, type TimeValue } from '../../storage/state/timeBuckets.ts';
import type { Batch, Vector } from '../batch.ts';
import { persistentParts, persistentValue } from './persistent.ts';

export interface SideSpec {
  readonly plan: PhysicalPlan;
  /** Columns of the input. */
  readonly time: number;
  /** Later times come first. */
  readonly descending: boolean;
  /** Further columns that order rows of one time. */
  readonly ties: readonly number[];
  /** The column by which a watermark bounds the rows. */
  readonly bounded: number | null;
}

export class AsofSide {
  readonly store: RowStore;
  readonly tree: OrderedIndex;
  readonly weights: NetWeights;
  readonly buckets: TimeBuckets | null;
  readonly cursor: OrderedCursor;
  /** Rows that came or went by the last `apply`. */
  readonly changed: number[] = [];
  readonly #rows: KeyTable | null;
  readonly #time: number;
  readonly #bounded: number;
  /** What the buckets were last emptied to. */
  #passed: TimeValue | null = null;
  #slots = new Int32Array(16);
  #created = new Int32Array(16);

  constructor(spec: SideSpec) {
    const { plan, time, descending, ties, bounded } = spec;
    const columns = [types.int4, ...plan.schema.map((c) => c.type)];
    this.#rows = plan.appendOnly ? null : new KeyTable(columns, 'same');
    this.store = this.#rows?.store ?? new RowStore(columns);
    this.weights = new NetWeights(this.store);
    this.#time = time + 1;
    const key = (column: number, down: boolean): OrderKey => ({ column, descending: down, nullsFirst: down });
    // The least of the ties is to be the last.
    const tieKeys = ties.map((c) => key(c + 1, true));
    this.tree = new OrderedIndex(
      new RowOrder(this.store, [key(0, false), key(this.#time, descending), ...tieKeys]),
    );
    this.cursor = this.tree.cursor();
    this.#bounded = (bounded ?? 0) + 1;
    this.buckets = bounded === null ? null : new TimeBuckets(this.store, this.#bounded, false);
  }

  keyOf(slot: number): number {
    return must(this.store.columns[0]).value(slot) as number;
  }

  timeOf(slot: number): NonNullValue {
    return must(must(this.store.columns[this.#time]).value(slot));
  }

  get persistent(): Persistent {
    return persistentParts(
      this.#rows ?? this.store,
      this.tree,
      this.buckets,
      persistentValue<TimeValue | null>(
        () => this.#passed,
        (passed) => {
          this.#passed = passed;
        },
      ),
    );
  }

  /** Notes a delta without rows that match nothing; `created` is called for the key of every new row. */
  push(keys: Int32Array, batch: Batch, created: (key: number) => void): void {
    const n = batch.length;
    const vectors: readonly Vector[] = [{ kind: 'i32', data: keys, nulls: null }, ...batch.columns];
    if (this.#slots.length < n) {
      this.#slots = new Int32Array(n);
      this.#created = new Int32Array(n);
    }
    const slots = this.#slots;
    let made = n;
    if (this.#rows === null) {
      for (let i = 0; i < n; i++) slots[i] = this.store.alloc();
      this.store.store(vectors, null, null, n, slots);
    } else made = this.#rows.upsert(vectors, n, slots, this.#created);
    const news = this.#rows === null ? slots : this.#created;
    for (let j = 0; j < made; j++) {
      const slot = news[j] as number;
      this.weights.set(slot, 0);
      created(this.keyOf(slot));
    }
    for (let i = 0; i < n; i++) this.weights.add(slots[i] as number, batch.weights[i] as number);
  }

  /** Puts the rows that came into the tree and takes out those that went. */
  apply(): void {
    const { weights, changed } = this;
    changed.length = 0;
    for (let t = 0; t < weights.length; t++) {
      const slot = weights.slots[t] as number;
      const was = (weights.before[t] as number) > 0;
      const is = (weights.now[t] as number) > 0;
      if (was === is) continue;
      changed.push(slot);
      if (is) this.tree.insert(slot);
      else this.tree.remove(slot);
      if (this.buckets === null) continue;
      if (!is) this.buckets.remove(slot);
      else if (!this.isPassed(slot)) this.buckets.insert(slot);
    }
  }

  /** True when the row is below what rows were last dropped by. */
  isPassed(slot: number): boolean {
    if (this.#passed === null) return false;
    const value = must(this.store.columns[this.#bounded]).value(slot) as TimeValue | null;
    return value !== null && value < this.#passed;
  }

  /** Ends the tick: `gone` is called for each row that is not there any more, before it is freed. */
  settle(gone: (slot: number) => void): void {
    const { weights } = this;
    const dead: number[] = [];
    for (let t = 0; t < weights.length; t++) {
      if ((weights.now[t] as number) <= 0) dead.push(weights.slots[t] as number);
    }
    weights.settle();
    for (const slot of dead) {
      gone(slot);
      this.#free(slot);
    }
  }

  /** Forgets a row that is in the tree. */
  drop(slot: number): void {
    this.tree.remove(slot);
    this.buckets?.remove(slot);
    this.#free(slot);
  }

  #free(slot: number): void {
    if (this.#rows === null) this.store.free(slot);
    else this.#rows.remove(slot);
  }

  /** Rows whose bounded column is below the bound, taken out of the buckets. */
  expire(bound: TimeValue): readonly number[] {
    const passed: number[] = [];
    if (this.#passed !== null && bound <= this.#passed) return passed;
    this.#passed = bound;
    this.buckets?.expire(bound, (slots, n) => {
      for (let j = 0; j < n; j++) passed.push(slots[j] as number);
    });
    return passed;
  }

  /** The last row of the key whose time does not come after `time` (or, exclusive, comes before it); -1: none. */
  lastUpTo(key: number, time: NonNullValue, inclusive: boolean): number {
    const { cursor, tree } = this;
    if (inclusive) tree.seekUpper(cursor, [key, time]);
    else tree.seekLower(cursor, [key, time]);
    return this.#stepBack(key);
  }

  /** The row before one that is in the tree, of the same key; -1: none. */
  previousOf(slot: number): number {
    this.tree.seekSlot(this.cursor, slot);
    return this.cursor.previous() && this.keyOf(this.cursor.slot) === this.keyOf(slot)
      ? this.cursor.slot
      : -1;
  }

  #stepBack(key: number): number {
    const { cursor, tree } = this;
    if (cursor.slot < 0) tree.seekLast(cursor);
    else cursor.previous();
    return cursor.slot >= 0 && this.keyOf(cursor.slot) === key ? cursor.slot : -1;
  }

  rows(): number {
    return this.store.rows();
  }

  bytes(): number {
    return (
      (this.#rows?.bytes() ?? this.store.bytes()) +
      this.tree.bytes() +
      this.weights.bytes() +
      (this.buckets?.bytes() ?? 0)
    );
  }
}

/** The keys of both inputs, with the number of their rows. */
export class AsofKeys {
  readonly table: KeyTable;
  /** Stored rows of both inputs, and right rows in the tree. */
  readonly #rows: Int32Blocks;
  readonly #rights: Int32Blocks;
  #slots = new Int32Array(16);
  #created = new Int32Array(16);

  constructor(plan: PhysicalPlan, columns: readonly number[]) {
    this.table = new KeyTable(columns.map((c) => must(plan.schema[c]).type));
    this.#rows = this.table.store.addInt32();
    this.#rights = this.table.store.addInt32();
  }

  /** Slots of the keys of n rows. */
  upsert(vectors: readonly Vector[], n: number): Int32Array {
    if (this.#slots.length < n) {
      this.#slots = new Int32Array(n);
      this.#created = new Int32Array(n);
    }
    const made = this.table.upsert(vectors, n, this.#slots, this.#created);
    for (let j = 0; j < made; j++) {
      this.#rows.set(this.#created[j] as number, 0);
      this.#rights.set(this.#created[j] as number, 0);
    }
    return this.#slots;
  }

  readonly added = (key: number): void => {
    this.#rows.set(key, this.#rows.get(key) + 1);
  };

  /** A row of the key is about to go; the key goes with its last. */
  readonly removed = (key: number): void => {
    const rows = this.#rows.get(key) - 1;
    this.#rows.set(key, rows);
    if (rows === 0) this.table.remove(key);
  };

  hasRights(key: number): boolean {
    return this.#rights.get(key) > 0;
  }

  addRights(key: number, change: number): void {
    this.#rights.set(key, this.#rights.get(key) + change);
  }
}
