/**
 * What a temporal join has emitted for each left row that may still be taken back, and the left rows of the tick.
 *
 * The left rows are a table by identity; each has a chain of entries (right row, weight), newest first, in layers: one
 * for each tick in which copies of the row came, with the number of those copies at the layer's first entry. Taking a
 * copy back takes it from the newest layer. Right rows are kept once, with the number of entries that use them.
 * Invariant between ticks: every left row has an entry; every right row is in use.
 */
import type { DataType } from '../../common/dataType.ts';
import type { Int32Blocks } from '../../storage/state/blocks.ts';
import { KeyTable } from '../../storage/state/keyTable.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { RowStore } from '../../storage/state/rowStore.ts';
import { TouchedSlots } from '../../storage/state/touchedSlots.ts';
import type { Batch, Vector } from '../batch.ts';
import type { Emit } from './operator.ts';
import { persistentParts } from './persistent.ts';
import { SlotPairs } from './slotPairs.ts';

export class TemporalMemo {
  readonly lefts: KeyTable;
  readonly #rights: KeyTable;
  readonly #entries = new RowStore([]);
  /** Per left row: the net change in this tick, its newest entry + 1. */
  readonly #delta: Int32Blocks;
  readonly #head: Int32Blocks;
  readonly #touched: TouchedSlots;
  /** Per right row: entries with it. */
  readonly #uses: Int32Blocks;
  /** Per entry: right row + 1 (0: padding), its weight, the entry after + 1, the copies of its layer (0: not its first). */
  readonly #right: Int32Blocks;
  readonly #weight: Int32Blocks;
  readonly #next: Int32Blocks;
  readonly #copies: Int32Blocks;
  readonly #pairs: SlotPairs;
  #slots = new Int32Array(16);
  #created = new Int32Array(16);
  /** Right rows that lost an entry in this tick. */
  readonly #freed: number[] = [];

  constructor(left: readonly DataType[], right: readonly DataType[]) {
    this.lefts = new KeyTable(left, 'same');
    this.#rights = new KeyTable(right, 'same');
    this.#delta = this.lefts.store.addInt32();
    this.#head = this.lefts.store.addInt32();
    this.#touched = new TouchedSlots(this.lefts.store);
    this.#uses = this.#rights.store.addInt32();
    this.#right = this.#entries.addInt32();
    this.#weight = this.#entries.addInt32();
    this.#next = this.#entries.addInt32();
    this.#copies = this.#entries.addInt32();
    this.#pairs = new SlotPairs(
      { store: this.lefts.store, hidden: 0 },
      { store: this.#rights.store, hidden: 0 },
    );
  }

  get persistent(): Persistent {
    return persistentParts(this.lefts, this.#rights, this.#entries);
  }

  /** Notes a delta of the left input. */
  push(batch: Batch): void {
    const n = batch.length;
    this.#reserve(n);
    const made = this.lefts.upsert(batch.columns, n, this.#slots, this.#created);
    for (let j = 0; j < made; j++) {
      this.#delta.set(this.#created[j] as number, 0);
      this.#head.set(this.#created[j] as number, 0);
    }
    for (let i = 0; i < n; i++) {
      const slot = this.#slots[i] as number;
      this.#touched.touch(slot, 0);
      this.#delta.set(slot, this.#delta.get(slot) + (batch.weights[i] as number));
    }
  }

  #reserve(n: number): void {
    if (this.#slots.length >= n) return;
    this.#slots = new Int32Array(n);
    this.#created = new Int32Array(n);
  }

  /** Takes back what rows that went had been joined with. Returns the slots of the rows that came. */
  takeBack(emit: Emit): readonly number[] {
    const came: number[] = [];
    for (let t = 0; t < this.#touched.length; t++) {
      const slot = this.#touched.slots[t] as number;
      const delta = this.#delta.get(slot);
      if (delta > 0) came.push(slot);
      else if (delta < 0) this.#retract(slot, -delta, emit);
    }
    this.#pairs.finish(emit);
    return came;
  }

  /** Copies of a left row that came in this tick. */
  copiesOf(slot: number): number {
    return this.#delta.get(slot);
  }

  #retract(slot: number, copies: number, emit: Emit): void {
    let left = copies;
    while (left > 0) {
      const first = this.#head.get(slot) - 1;
      if (first < 0) return;
      const there = this.#copies.get(first);
      const taken = Math.min(left, there);
      left -= taken;
      this.#copies.set(first, there - taken);
      let entry = first;
      do {
        const after = this.#next.get(entry) - 1;
        this.#pairs.add(slot, this.#right.get(entry) - 1, -taken * this.#weight.get(entry), emit);
        if (taken === there) this.#freeEntry(entry);
        entry = after;
      } while (entry >= 0 && this.#copies.get(entry) === 0);
      if (taken === there) this.#head.set(slot, entry + 1);
    }
  }

  #freeEntry(entry: number): void {
    const right = this.#right.get(entry) - 1;
    if (right >= 0) {
      this.#uses.set(right, this.#uses.get(right) - 1);
      if (this.#uses.get(right) === 0) this.#freed.push(right);
    }
    this.#entries.free(entry);
  }

  /**
   * Notes emitted pairs: left row lefts[rows[j]], with the row j of `right` (matched[j] < 0: padding), `weights[j]` times
   * in all. layers[row]: the entry of this tick's layer + 1, 0 at first.
   */
  record(
    lefts: Int32Array,
    layers: Int32Array,
    pairs: { readonly rows: Int32Array; readonly matched: Int32Array; readonly weights: Int32Array },
    right: readonly Vector[],
    n: number,
  ): void {
    this.#reserve(n);
    const made = this.#rights.upsert(right, n, this.#slots, this.#created);
    for (let j = 0; j < made; j++) this.#uses.set(this.#created[j] as number, 0);
    for (let j = 0; j < n; j++) {
      const row = pairs.rows[j] as number;
      const slot = lefts[row] as number;
      const copies = this.#delta.get(slot);
      const isMatch = (pairs.matched[j] as number) >= 0;
      const of = this.#slots[j] as number;
      const entry = this.#entries.alloc();
      this.#right.set(entry, isMatch ? of + 1 : 0);
      this.#weight.set(entry, (pairs.weights[j] as number) / copies);
      if (isMatch) this.#uses.set(of, this.#uses.get(of) + 1);
      const layer = (layers[row] as number) - 1;
      this.#copies.set(entry, layer < 0 ? copies : 0);
      if (layer < 0) {
        this.#next.set(entry, this.#head.get(slot));
        this.#head.set(slot, entry + 1);
        layers[row] = entry + 1;
      } else {
        this.#next.set(entry, this.#next.get(layer));
        this.#next.set(layer, entry + 1);
      }
    }
    // Padding has no right row, but made one of NULLs.
    for (let j = 0; j < made; j++) {
      const slot = this.#created[j] as number;
      if (this.#uses.get(slot) === 0) this.#freed.push(slot);
    }
  }

  /** Ends the tick: rows that nothing was emitted for, or is left of, are forgotten. */
  settle(): void {
    const rows = this.#touched.slots.slice(0, this.#touched.length);
    this.#touched.reset();
    for (const slot of rows) {
      this.#delta.set(slot, 0);
      if (this.#head.get(slot) === 0) this.lefts.remove(slot);
    }
    for (const slot of new Set(this.#freed)) if (this.#uses.get(slot) === 0) this.#rights.remove(slot);
    this.#freed.length = 0;
  }

  rows(): number {
    return this.lefts.rows() + this.#rights.rows() + this.#entries.rows();
  }

  bytes(): number {
    return (
      this.lefts.bytes() +
      this.#rights.bytes() +
      this.#entries.bytes() +
      this.#touched.bytes() +
      this.#pairs.bytes()
    );
  }
}

/** Left rows of an append-only input, kept until the tick's end. */
export class PendingRows {
  readonly store: RowStore;
  readonly #weights: Int32Blocks;
  readonly slots: number[] = [];
  #scratch = new Int32Array(16);

  constructor(types: readonly DataType[]) {
    this.store = new RowStore(types);
    this.#weights = this.store.addInt32();
  }

  push(batch: Batch): void {
    const n = batch.length;
    if (this.#scratch.length < n) this.#scratch = new Int32Array(n);
    for (let i = 0; i < n; i++) {
      const slot = this.store.alloc();
      this.#scratch[i] = slot;
      this.#weights.set(slot, batch.weights[i] as number);
      this.slots.push(slot);
    }
    this.store.store(batch.columns, null, null, n, this.#scratch);
  }

  weightOf(slot: number): number {
    return this.#weights.get(slot);
  }

  clear(): void {
    for (const slot of this.slots) this.store.free(slot);
    this.slots.length = 0;
  }
}
