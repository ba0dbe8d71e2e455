/** Collects changed rows of a store by slot and emits them in batches, with a rank column where there is one. */
import type { DataType } from '../../common/dataType.ts';
import type { RowStore } from '../../storage/state/rowStore.ts';
import { newVector, type OutputVector } from '../../storage/state/vector.ts';
import { BATCH_ROWS, type Vector } from '../batch.ts';
import type { Emit } from './operator.ts';

export class RowOutput {
  readonly #store: RowStore;
  /** Leading store columns that are not part of the output. */
  readonly #hidden: number;
  readonly #ranked: boolean;
  #slots = new Int32Array(0);
  #weights = new Int32Array(0);
  #ranks = new BigInt64Array(0);
  #columns: readonly OutputVector[] = [];
  #length = 0;
  #emit: Emit = () => {};

  constructor(store: RowStore, hidden: number, ranked: boolean) {
    this.#store = store;
    this.#hidden = hidden;
    this.#ranked = ranked;
  }

  /** Output goes to `emit` from now on; `rows`: an estimate of how many will come. */
  begin(emit: Emit, rows: number): void {
    this.#emit = emit;
    this.#length = 0;
    const wanted = Math.min(BATCH_ROWS, Math.max(16, rows));
    if (this.#slots.length < wanted) this.#allocate(wanted);
  }

  #allocate(capacity: number): void {
    this.#slots = new Int32Array(capacity);
    this.#weights = new Int32Array(capacity);
    this.#ranks = new BigInt64Array(this.#ranked ? capacity : 0);
    this.#columns = this.#store.types.map((type: DataType) => newVector(type, capacity));
  }

  add(slot: number, weight: number, rank: number): void {
    const i = this.#length++;
    this.#slots[i] = slot;
    this.#weights[i] = weight;
    if (this.#ranked) this.#ranks[i] = BigInt(rank);
    if (this.#length === this.#slots.length) this.end();
  }

  /** Emits what is left. */
  end(): void {
    const n = this.#length;
    if (n === 0) return;
    this.#length = 0;
    this.#store.load(this.#slots, n, this.#columns);
    const columns: Vector[] = this.#columns.slice(this.#hidden);
    if (this.#ranked) columns.push({ kind: 'i64', data: this.#ranks, nulls: null });
    this.#emit({ length: n, columns, weights: this.#weights });
  }
}
