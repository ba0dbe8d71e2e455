/**
 * The slots whose value (weight, count ...) changed in this tick, each with the value it had before: what operators
 * need to emit net changes. `mark` holds the slot's place in the list + 1; 0 for untouched slots, so a slot must be
 * `reset` before it is freed.
 */
import { assert } from '../../common/assert.ts';
import type { Int32Blocks } from './blocks.ts';
import type { Persistent } from './persist.ts';
import type { RowStore } from './rowStore.ts';

const FIRST_SLOTS = 16;

export class TouchedSlots implements Persistent {
  readonly #store: RowStore;
  readonly #mark: Int32Blocks;
  slots: Int32Array = new Int32Array(FIRST_SLOTS);
  before: Int32Array = new Int32Array(FIRST_SLOTS);
  /** What the owner gave with the first touch, such as a row of the batch. */
  tags: Int32Array = new Int32Array(FIRST_SLOTS);
  length = 0;
  /** The size before the last release. */
  #expected = 0;

  constructor(store: RowStore) {
    this.#store = store;
    this.#mark = store.addInt32();
    store.whenEmptied(() => this.#release());
  }

  /** Notes that a slot is about to change from `value`; only the first value of a tick is kept. */
  touch(slot: number, value: number, tag = 0): void {
    if (this.#mark.get(slot) !== 0) return;
    if (this.length === this.slots.length) this.#grow();
    this.slots[this.length] = slot;
    this.tags[this.length] = tag;
    this.before[this.length++] = value;
    this.#mark.set(slot, this.length);
  }

  /** Forgets all, for the next tick. */
  reset(): void {
    for (let t = 0; t < this.length; t++) this.#mark.set(this.slots[t] as number, 0);
    this.length = 0;
    if (this.slots.length > 1 << 16 || this.#store.rows() === 0) this.#release();
  }

  /** Back to the first size, where nothing is listed. */
  #release(): void {
    if (this.length > 0 || this.slots.length === FIRST_SLOTS) return;
    this.#expected = Math.min(this.slots.length, 1 << 16);
    this.slots = new Int32Array(FIRST_SLOTS);
    this.before = new Int32Array(FIRST_SLOTS);
    this.tags = new Int32Array(FIRST_SLOTS);
  }

  /** Between ticks there is nothing: the marks are the store's. */
  save(): void {
    assert(this.length === 0, 'touched slots are saved between ticks');
  }

  restore(): void {}

  bytes(): number {
    return this.slots.byteLength * 3;
  }

  #grow(): void {
    const capacity = Math.max(this.slots.length << 1, this.#expected);
    this.#expected = 0;
    const slots = new Int32Array(capacity);
    const before = new Int32Array(capacity);
    const tags = new Int32Array(capacity);
    slots.set(this.slots);
    before.set(this.before);
    tags.set(this.tags);
    this.slots = slots;
    this.before = before;
    this.tags = tags;
  }
}
