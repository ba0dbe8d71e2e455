/**
 * Keys with a count each (a Z-set of keys), and which of them changed since the last `settle`.
 *
 * Counts may go below zero in between; a key whose count is 0 at `settle` is forgotten.
 */

import type { DataType } from '../../common/dataType.ts';
import type { NonNullValue } from '../../common/value.ts';
import type { Int32Blocks } from './blocks.ts';
import { Scratch } from './keyIndex.ts';
import { KeyTable } from './keyTable.ts';
import type { Persistent, StateReader, StateWriter } from './persist.ts';
import type { TimeBuckets } from './timeBuckets.ts';
import { TouchedSlots } from './touchedSlots.ts';
import type { StateVector } from './vector.ts';

export class KeyCounts implements Persistent {
  readonly table: KeyTable;
  readonly counts: Int32Blocks;
  /** Changed keys with the count before; the tag is the first batch row of the key. */
  readonly touched: TouchedSlots;
  readonly #created = new Scratch();
  readonly #slots = new Scratch();
  #time: TimeBuckets<NonNullValue> | null = null;

  constructor(types: readonly DataType[]) {
    this.table = new KeyTable(types);
    this.counts = this.table.store.addInt32();
    this.touched = new TouchedSlots(this.table.store);
  }

  rows(): number {
    return this.table.rows();
  }

  bytes(): number {
    return this.table.bytes() + this.touched.bytes();
  }

  /** After `settle`. */
  save(out: StateWriter): void {
    this.touched.save();
    this.table.save(out);
  }

  restore(from: StateReader): void {
    this.table.restore(from);
  }

  /** Keeps the keys by the time in a column, from now on (there are none). */
  keepTime(column: number, exact: boolean): TimeBuckets<NonNullValue> {
    this.#time = this.table.keepTime(column, exact);
    return this.#time;
  }

  /** Forgets the keys whose time is below the bound, whatever their counts. After `settle`. */
  expire(bound: NonNullValue): void {
    this.#time?.expire(bound, (slots, n) => this.table.removeExpired(slots, n));
  }

  /** Adds weights[j] to the count of row j's key, j < n. Returns the keys' slots (valid until the next call). */
  add(vectors: readonly StateVector[], n: number, weights: Int32Array): Int32Array {
    const slots = this.#slots.ints(n);
    const created = this.#created.ints(n);
    const made = this.table.upsert(vectors, n, slots, created);
    for (let k = 0; k < made; k++) this.counts.set(created[k] as number, 0);
    for (let j = 0; j < n; j++) {
      const slot = slots[j] as number;
      const count = this.counts.get(slot);
      this.touched.touch(slot, count, j);
      this.counts.set(slot, count + (weights[j] as number));
    }
    return slots;
  }

  /** The count of the key at a slot; 0 for -1. */
  countOf(slot: number): number {
    return slot < 0 ? 0 : this.counts.get(slot);
  }

  /** Forgets which keys changed, and those whose count is 0. */
  settle(): void {
    const { touched } = this;
    const gone: number[] = [];
    for (let t = 0; t < touched.length; t++) {
      const slot = touched.slots[t] as number;
      if (this.counts.get(slot) === 0) gone.push(slot);
    }
    touched.reset();
    for (const slot of gone) this.table.remove(slot);
  }
}
