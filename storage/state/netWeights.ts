/**
 * Weights of stored rows with the net change of the running tick.
 *
 * One Int32 column holds a row's weight (>= 0) while the tick has not touched it, and ~t while it has: then its weights
 * before and now are entry t of dense arrays. So an untouched row costs 4 bytes, a touched one a single cache line.
 */
import { assert } from '../../common/assert.ts';
import type { Int32Blocks } from './blocks.ts';
import type { Persistent } from './persist.ts';
import type { RowStore } from './rowStore.ts';

const KEPT_CAPACITY = 1 << 16;
const FIRST_SLOTS = 16;

export class NetWeights implements Persistent {
  readonly #store: RowStore;
  readonly #column: Int32Blocks;
  slots = new Int32Array(FIRST_SLOTS);
  before = new Int32Array(FIRST_SLOTS);
  now = new Int32Array(FIRST_SLOTS);
  /** The size before the last release. */
  #expected = 0;
  /** Touched rows. */
  length = 0;

  constructor(store: RowStore) {
    this.#store = store;
    this.#column = store.addInt32();
    store.whenEmptied(() => this.#release());
  }

  /** Between ticks there is nothing: the weights are the store's. */
  save(): void {
    assert(this.length === 0, 'weights are saved between ticks');
  }

  restore(): void {}

  bytes(): number {
    return this.slots.byteLength * 3;
  }

  /** Sets the weight of a slot that the tick has not touched. */
  set(slot: number, weight: number): void {
    this.#column.set(slot, weight);
  }

  /** `set` of many. */
  setAll(slots: Int32Array, weights: Int32Array, n: number): void {
    this.#column.setAll(slots, weights, n);
  }

  /** The weight now. */
  get(slot: number): number {
    const value = this.#column.get(slot);
    return value >= 0 ? value : (this.now[~value] as number);
  }

  add(slot: number, weight: number): void {
    const value = this.#column.get(slot);
    if (value < 0) {
      this.now[~value] = (this.now[~value] as number) + weight;
      return;
    }
    if (this.length === this.slots.length) this.#grow();
    const t = this.length++;
    this.slots[t] = slot;
    this.before[t] = value;
    this.now[t] = value + weight;
    this.#column.set(slot, ~t);
  }

  /** Reads the weights of found slots (-1: none) so that their cache lines come in parallel before the updates. */
  prefetch(slots: Int32Array, n: number): number {
    let sum = 0;
    for (let j = 0; j < n; j++) {
      const slot = slots[j] as number;
      if (slot >= 0) sum += this.#column.get(slot);
    }
    return sum;
  }

  /** Ends the tick: the weights now become the weights. */
  settle(): void {
    for (let t = 0; t < this.length; t++) this.#column.set(this.slots[t] as number, this.now[t] as number);
    this.length = 0;
    if (this.slots.length > KEPT_CAPACITY || this.#store.rows() === 0) this.#release();
  }

  /** Back to the first size, where nothing is touched. */
  #release(): void {
    if (this.length > 0 || this.slots.length === FIRST_SLOTS) return;
    this.#expected = Math.min(this.slots.length, KEPT_CAPACITY);
    this.slots = new Int32Array(FIRST_SLOTS);
    this.before = new Int32Array(FIRST_SLOTS);
    this.now = new Int32Array(FIRST_SLOTS);
  }

  #grow(): void {
    const capacity = Math.max(this.slots.length << 1, this.#expected);
    this.#expected = 0;
    this.slots = grown(this.slots, capacity);
    this.before = grown(this.before, capacity);
    this.now = grown(this.now, capacity);
  }
}

function grown(array: Int32Array, capacity: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(capacity);
  larger.set(array);
  return larger;
}
