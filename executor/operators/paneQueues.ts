/**
 * Queues of panes, one a key, with the fold over each: push at the end, pop at the front and the fold in amortised O(1).
 *
 * Two stacks in one list of panes, oldest first. Panes of the front hold the fold of themselves and all later ones of the
 * front; panes of the back hold their own values, and one more row the fold over the back. When the front has run out, the
 * back becomes the front: its folds are computed from the newest to the oldest, in place. So a pane is folded at most
 * twice, whatever the function: nothing is ever subtracted.
 *
 * Operations are on many keys, each at most once, since values are stored in batches.
 */
import { must } from '../../common/assert.ts';
import type { DataType } from '../../common/dataType.ts';
import type { Value } from '../../common/value.ts';
import type { PaneFold } from '../../planner/plan/physical.ts';
import type { BigInt64Blocks, Int32Blocks } from '../../storage/state/blocks.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { RowStore } from '../../storage/state/rowStore.ts';
import {
  newVector,
  type OutputVector,
  type StateVector,
  setVectorValue,
} from '../../storage/state/vector.ts';
import { checkResult, combineOf, foldInput } from './paneFolds.ts';

const BATCH_ROWS = 1024;

export class PaneQueues {
  readonly #folds: readonly PaneFold[];
  readonly #combine: readonly ((older: Value, newer: Value) => Value)[];
  /** Panes, and the folds over backs. */
  readonly #panes: RowStore;
  readonly #starts: BigInt64Blocks;
  /** Of a pane: its key, and the next pane of the queue (or of a list of the owner's) + 1. */
  readonly #keys: Int32Blocks;
  readonly #next: Int32Blocks;
  /** Of a key: its oldest and newest pane + 1, panes in the front, and the fold over the back + 1; 0: none. */
  readonly #first: Int32Blocks;
  readonly #last: Int32Blocks;
  readonly #fronts: Int32Blocks;
  readonly #back: Int32Blocks;
  /** Values that are still to be stored. */
  readonly #slots = new Int32Array(BATCH_ROWS);
  readonly #values: readonly OutputVector[];
  #pending = 0;

  /** Without the table of keys. */
  get persistent(): Persistent {
    return this.#panes;
  }

  /** `keys`: the store of the keys. */
  constructor(keys: RowStore, folds: readonly PaneFold[]) {
    this.#folds = folds;
    this.#combine = folds.map(combineOf);
    const types: readonly DataType[] = folds.map((fold) => fold.type);
    this.#panes = new RowStore(types);
    this.#starts = this.#panes.addBigInt64();
    this.#keys = this.#panes.addInt32();
    this.#next = this.#panes.addInt32();
    this.#first = keys.addInt32();
    this.#last = keys.addInt32();
    this.#fronts = keys.addInt32();
    this.#back = keys.addInt32();
    this.#values = types.map((type) => newVector(type, BATCH_ROWS));
  }

  /** A new key has no panes. */
  init(key: number): void {
    this.#first.set(key, 0);
    this.#last.set(key, 0);
    this.#fronts.set(key, 0);
    this.#back.set(key, 0);
  }

  isEmpty(key: number): boolean {
    return this.#first.get(key) === 0;
  }

  /** Stores a batch of panes, in no queue yet: slots[i] is row i. */
  store(columns: readonly StateVector[], n: number, starts: BigInt64Array, keys: Int32Array): Int32Array {
    const slots = new Int32Array(n);
    for (let i = 0; i < n; i++) {
      const slot = this.#panes.alloc();
      slots[i] = slot;
      this.#starts.set(slot, starts[i] as bigint);
      this.#keys.set(slot, keys[i] as number);
      this.#next.set(slot, 0);
    }
    const vectors = this.#folds.map((fold) => foldInput(fold, must(columns[fold.column]), n));
    this.#panes.store(vectors, null, null, n, slots);
    return slots;
  }

  keyOf(pane: number): number {
    return this.#keys.get(pane);
  }

  /** Links panes that are in no queue into lists of the owner's: 0 ends one. */
  nextOf(pane: number): number {
    return this.#next.get(pane);
  }
  setNext(pane: number, next: number): void {
    this.#next.set(pane, next);
  }

  /** Puts a pane at the end of its key's queue. `settle` must follow before another one of the key. */
  push(pane: number): void {
    const key = this.#keys.get(pane);
    this.#next.set(pane, 0);
    const last = this.#last.get(key);
    if (last === 0) this.#first.set(key, pane + 1);
    else this.#next.set(last - 1, pane + 1);
    this.#last.set(key, pane + 1);
    const back = this.#back.get(key);
    if (back === 0) {
      const slot = this.#panes.alloc();
      this.#back.set(key, slot + 1);
      this.#write(slot, this.#panes.values(pane), false);
    } else this.#write(back - 1, this.#folded(back - 1, pane), true);
  }

  /** Drops the key's panes that start before. `settle` must follow. */
  popBefore(key: number, start: bigint): void {
    let first = this.#first.get(key);
    let fronts = this.#fronts.get(key);
    let popped = 0;
    while (first !== 0 && this.#starts.get(first - 1) < start) {
      const next = this.#next.get(first - 1);
      this.#panes.free(first - 1);
      first = next;
      popped++;
    }
    if (popped === 0) return;
    this.#first.set(key, first);
    if (first === 0) this.#last.set(key, 0);
    fronts -= popped;
    this.#fronts.set(key, Math.max(0, fronts));
    // The back has lost panes, or is all there is: it becomes the front.
    if (fronts > 0) return;
    const back = this.#back.get(key);
    if (back !== 0) {
      this.#panes.free(back - 1);
      this.#back.set(key, 0);
    }
    if (first !== 0) this.#flip(key, first);
  }

  #flip(key: number, first: number): void {
    const panes: number[] = [];
    for (let pane = first; pane !== 0; pane = this.#next.get(pane - 1)) panes.push(pane - 1);
    this.#fronts.set(key, panes.length);
    let fold: Value[] | null = null;
    for (let p = panes.length - 1; p >= 0; p--) {
      const pane = must(panes[p]);
      const own = this.#panes.values(pane);
      if (fold !== null) for (let c = 0; c < own.length; c++) own[c] = this.#join(c, own[c], fold[c]);
      // The newest one is its own fold.
      if (fold !== null) this.#write(pane, own, true);
      fold = own;
    }
  }

  /** Values written so far can be read from now on. */
  settle(): void {
    const n = this.#pending;
    if (n === 0) return;
    this.#panes.store(this.#values, null, null, n, this.#slots);
    this.#pending = 0;
    for (const vector of this.#values) vector.nulls = null;
  }

  /** The fold over the key's panes (there are some), into entry i of the vectors; SqlError when it is out of range. */
  read(key: number, out: readonly OutputVector[], i: number): void {
    const front = this.#fronts.get(key) === 0 ? 0 : this.#first.get(key);
    const back = this.#back.get(key);
    const { columns } = this.#panes;
    for (let c = 0; c < columns.length; c++) {
      const column = must(columns[c]);
      const older = front === 0 ? null : column.value(front - 1);
      const newer = back === 0 ? null : column.value(back - 1);
      setVectorValue(must(out[c]), i, checkResult(this.#join(c, older, newer)));
    }
  }

  rows(): number {
    return this.#panes.rows();
  }

  bytes(): number {
    return this.#panes.bytes();
  }

  #join(c: number, older: Value | undefined, newer: Value | undefined): Value {
    return must(this.#combine[c])(older ?? null, newer ?? null);
  }

  #folded(older: number, newer: number): Value[] {
    return this.#panes.columns.map((column, c) => this.#join(c, column.value(older), column.value(newer)));
  }

  #write(slot: number, values: readonly Value[], replaces: boolean): void {
    if (this.#pending === BATCH_ROWS) this.settle();
    if (replaces) for (const column of this.#panes.columns) column.release(slot);
    const i = this.#pending++;
    this.#slots[i] = slot;
    for (let c = 0; c < values.length; c++) setVectorValue(must(this.#values[c]), i, values[c] ?? null);
  }
}
