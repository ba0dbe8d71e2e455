/**
 * Output pairs of a join: (row of the pushed batch, slot of a stored row of the other side, weight), gathered into a
 * batch when enough have come. A row or slot of -1 stands for NULLs (the padding of outer joins).
 */
import { must } from '../../common/assert.ts';
import type { DataType } from '../../common/dataType.ts';
import type { RowStore } from '../../storage/state/rowStore.ts';
import { newBatch, type OutputBatch, type OutputVector, takeRows } from '../../storage/state/vector.ts';
import { BATCH_ROWS, type Vector } from '../batch.ts';

const FIRST_CAPACITY = 16;

/** Where the columns of the pushed rows and of the stored rows go in the output; null: they are not output. */
export interface PairSources {
  readonly vectors: readonly Vector[];
  readonly rowOffset: number | null;
  readonly store: RowStore;
  readonly slotOffset: number | null;
  /** Columns of the store that are output; without it all. */
  readonly slotColumns?: readonly number[];
}

export class PairBatch {
  readonly #types: readonly DataType[];
  #capacity = FIRST_CAPACITY;
  rows = new Int32Array(FIRST_CAPACITY);
  slots = new Int32Array(FIRST_CAPACITY);
  batch: OutputBatch;
  length = 0;
  #rowless = false;
  #clamped = new Int32Array(0);

  /** `types`: of the output columns. */
  constructor(types: readonly DataType[]) {
    this.#types = types;
    this.batch = newBatch(types, FIRST_CAPACITY);
  }

  /** Notes a pair; true when the batch is full and must be gathered and emptied. */
  add(row: number, slot: number, weight: number): boolean {
    if (this.length === this.#capacity) this.#grow();
    const at = this.length++;
    this.rows[at] = row;
    this.slots[at] = slot;
    this.batch.weights[at] = weight;
    if (row < 0) this.#rowless = true;
    return this.length === BATCH_ROWS;
  }

  /** Fills the output columns. */
  gather(sources: PairSources): OutputBatch {
    const { vectors, rowOffset, store, slotOffset, slotColumns } = sources;
    const n = this.length;
    if (rowOffset !== null) {
      const rows = this.#rowless ? this.#clampedRows() : this.rows;
      for (let c = 0; c < vectors.length; c++) {
        const out = must(this.batch.columns[rowOffset + c]);
        takeRows(must(vectors[c]), rows, n, out);
        if (this.#rowless) this.#nullRowless(out);
      }
    }
    if (slotOffset !== null && slotColumns === undefined) {
      store.load(this.slots, n, this.batch.columns, slotOffset);
    } else if (slotOffset !== null && slotColumns !== undefined) {
      slotColumns.forEach((c, j) => {
        must(store.columns[c]).load(this.slots, n, must(this.batch.columns[slotOffset + j]));
      });
    }
    this.batch.length = n;
    return this.batch;
  }

  /** Keeps the gathered rows whose positions are passed[0..n), ascending. */
  compact(passed: Int32Array, n: number): OutputBatch {
    if (n < this.batch.length) {
      for (const column of this.batch.columns) takeRows(column, passed, n, column);
      const { weights } = this.batch;
      for (let j = 0; j < n; j++) weights[j] = weights[passed[j] as number] as number;
    }
    this.batch.length = n;
    return this.batch;
  }

  reset(): void {
    this.length = 0;
    this.#rowless = false;
  }

  bytes(): number {
    return this.#capacity * 8 * (this.#types.length + 1);
  }

  #clampedRows(): Int32Array {
    if (this.#clamped.length < this.length) this.#clamped = new Int32Array(this.#capacity);
    for (let j = 0; j < this.length; j++) this.#clamped[j] = Math.max(0, this.rows[j] as number);
    return this.#clamped;
  }

  #nullRowless(out: OutputVector): void {
    const hadNulls = out.nulls !== null;
    if (!hadNulls) out.spare.fill(0, 0, this.length);
    out.nulls = out.spare;
    for (let j = 0; j < this.length; j++) if ((this.rows[j] as number) < 0) out.spare[j] = 1;
  }

  #grow(): void {
    this.#capacity = Math.min(this.#capacity << 3, BATCH_ROWS);
    const rows = new Int32Array(this.#capacity);
    const slots = new Int32Array(this.#capacity);
    const batch = newBatch(this.#types, this.#capacity);
    rows.set(this.rows);
    slots.set(this.slots);
    batch.weights.set(this.batch.weights);
    this.rows = rows;
    this.slots = slots;
    this.batch = batch;
  }
}
