/** Collects (slot, weight) pairs and hands the stored rows on in batches of a fixed size, in one reused batch. */
import type { RowStore } from './rowStore.ts';
import { newBatch, type OutputBatch, type StateBatch } from './vector.ts';

/** As executor/batch.ts's BATCH_ROWS. */
const BATCH_ROWS = 1024;

export class SlotEmitter {
  readonly #store: RowStore;
  #batch: OutputBatch;
  #slots: Int32Array;
  #capacity: number;
  #length = 0;

  constructor(store: RowStore, capacity = 16) {
    this.#store = store;
    this.#capacity = capacity;
    this.#batch = newBatch(store.types, capacity);
    this.#slots = new Int32Array(capacity);
  }

  add(slot: number, weight: number, emit: (batch: StateBatch) => void): void {
    if (this.#length === this.#capacity) this.#makeRoom(emit);
    this.#slots[this.#length] = slot;
    this.#batch.weights[this.#length++] = weight;
  }

  /** Emits what is left. */
  finish(emit: (batch: StateBatch) => void): void {
    const n = this.#length;
    if (n === 0) return;
    this.#length = 0;
    this.#store.load(this.#slots, n, this.#batch.columns);
    this.#batch.length = n;
    emit(this.#batch);
  }

  /** Small until a tick needs more: most operators never emit a full batch. */
  #makeRoom(emit: (batch: StateBatch) => void): void {
    if (this.#capacity >= BATCH_ROWS) {
      this.finish(emit);
      return;
    }
    this.#capacity = Math.min(this.#capacity << 3, BATCH_ROWS);
    const slots = new Int32Array(this.#capacity);
    slots.set(this.#slots);
    const batch = newBatch(this.#store.types, this.#capacity);
    batch.weights.set(this.#batch.weights);
    this.#slots = slots;
    this.#batch = batch;
  }
}
