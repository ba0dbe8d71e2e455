/**
 * Output pairs of two stores: (slot of a left row, slot of a right row, weight), read out in batches of left ++ right
 * columns. A right slot of -1 gives NULLs: the padding of a left join.
 */
import type { DataType } from '../../common/dataType.ts';
import type { RowStore } from '../../storage/state/rowStore.ts';
import { newBatch, type OutputBatch, type OutputVector, takeRows } from '../../storage/state/vector.ts';
import { BATCH_ROWS, type Batch } from '../batch.ts';
import type { Emit } from './operator.ts';

const FIRST_CAPACITY = 16;

/** A store, of whose columns the first `hidden` are not output. */
export interface PairSide {
  readonly store: RowStore;
  readonly hidden: number;
}

export class SlotPairs {
  readonly #left: PairSide;
  readonly #right: PairSide;
  readonly #types: readonly DataType[];
  #capacity = 0;
  #lefts = new Int32Array(0);
  #rights = new Int32Array(0);
  #weights = new Int32Array(0);
  #all: readonly OutputVector[] = [];
  #output: readonly OutputVector[] = [];
  #length = 0;

  constructor(left: PairSide, right: PairSide) {
    this.#left = left;
    this.#right = right;
    this.#types = [...left.store.types, ...right.store.types];
    this.#allocate(FIRST_CAPACITY);
    left.store.whenEmptied(() => this.#release());
  }

  #release(): void {
    if (this.#length === 0 && this.#capacity > FIRST_CAPACITY) this.#allocate(FIRST_CAPACITY);
  }

  add(left: number, right: number, weight: number, emit: Emit): void {
    if (this.#length === this.#capacity) this.#makeRoom(emit);
    this.#lefts[this.#length] = left;
    this.#rights[this.#length] = right;
    this.#weights[this.#length++] = weight;
  }

  /** Emits what is left. To be called before any of the rows is freed. */
  finish(emit: Emit): void {
    const n = this.#length;
    if (n === 0) return;
    this.#length = 0;
    this.#left.store.load(this.#lefts, n, this.#all);
    this.#right.store.load(this.#rights, n, this.#all, this.#left.store.types.length);
    emit({ length: n, columns: this.#output, weights: this.#weights });
  }

  bytes(): number {
    return this.#capacity * 8 * (this.#types.length + 2);
  }

  /** Small until a tick needs more. */
  #makeRoom(emit: Emit): void {
    if (this.#capacity >= BATCH_ROWS) {
      this.finish(emit);
      return;
    }
    this.#allocate(Math.min(this.#capacity << 3, BATCH_ROWS));
  }

  #allocate(capacity: number): void {
    const grown = (old: Int32Array): Int32Array<ArrayBuffer> => {
      const array = new Int32Array(capacity);
      array.set(old.subarray(0, this.#length));
      return array;
    };
    this.#capacity = capacity;
    this.#lefts = grown(this.#lefts);
    this.#rights = grown(this.#rights);
    this.#weights = grown(this.#weights);
    this.#all = newBatch(this.#types, capacity).columns;
    const width = this.#left.store.types.length;
    this.#output = this.#all.filter((_, c) =>
      c < width ? c >= this.#left.hidden : c >= width + this.#right.hidden,
    );
  }
}

/** Rows of a batch (all those with marked[i] = 1), padded with NULLs to the output's columns. */
export function paddedRows(batch: Batch, marked: Uint8Array, types: readonly DataType[]): OutputBatch {
  const rows = new Int32Array(batch.length);
  let n = 0;
  for (let i = 0; i < batch.length; i++) if (marked[i] === 1) rows[n++] = i;
  const padded = newBatch(types, Math.max(1, n));
  padded.columns.forEach((out, c) => {
    const source = batch.columns[c];
    if (source !== undefined) takeRows(source, rows, n, out);
    else out.nulls = out.spare.fill(1);
  });
  for (let j = 0; j < n; j++) padded.weights[j] = batch.weights[rows[j] as number] as number;
  padded.length = n;
  return padded;
}
