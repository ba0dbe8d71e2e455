/**
 * Finds the rows of a store by some of its columns: a hash index plus the comparison of keys.
 *
 * Work goes in phases over a batch, so that cache misses overlap: hash all rows, look all hashes up, compare all
 * candidates column by column; only the few rows whose candidate was wrong (equal hashes) are probed one by one.
 * Mode `equal`: SQL equality with NULL equal to NULL; `same`: identity of the stored values (see column.ts).
 */
import type { DataType } from '../../common/dataType.ts';
import type { StateColumn } from './column.ts';
import { HASH_SEED, hashVector } from './hash.ts';
import { HashIndex } from './hashIndex.ts';
import type { Persistent, StateReader, StateWriter } from './persist.ts';
import type { RowStore } from './rowStore.ts';
import type { StateVector } from './vector.ts';

export type KeyMode = 'equal' | 'same';

/** Int32 and byte scratch of at least n entries, kept between batches. */
export class Scratch {
  int32 = new Int32Array(16);
  bytes = new Uint8Array(16);

  ints(n: number): Int32Array {
    if (this.int32.length < n) this.int32 = new Int32Array(Math.max(n, this.int32.length * 2));
    return this.int32;
  }

  zeroBytes(n: number): Uint8Array {
    if (this.bytes.length < n) this.bytes = new Uint8Array(Math.max(n, this.bytes.length * 2));
    else this.bytes.fill(0, 0, n);
    return this.bytes;
  }
}

export class KeyIndex implements Persistent {
  readonly index = new HashIndex();
  readonly columns: readonly StateColumn[];
  readonly #types: readonly DataType[];
  readonly #mode: KeyMode;
  readonly #scratch = new Scratch();

  /** `keys`: positions of the store's columns. */
  constructor(store: RowStore, keys: readonly number[], mode: KeyMode = 'equal') {
    this.columns = keys.map((key) => store.columns[key] as StateColumn);
    this.#types = this.columns.map((column) => column.type);
    this.#mode = mode;
  }

  /** Hashes of n rows; `vectors` are the key's, in key order. */
  hash(vectors: readonly StateVector[], n: number, hashes: Int32Array): void {
    hashes.fill(HASH_SEED, 0, n);
    for (let k = 0; k < vectors.length; k++) {
      hashVector(vectors[k] as StateVector, this.#types[k] as DataType, n, hashes);
    }
  }

  /** Hashes of stored rows. */
  hashSlots(slots: Int32Array, n: number, hashes: Int32Array): void {
    hashes.fill(HASH_SEED, 0, n);
    for (const column of this.columns) {
      column.need(slots, n);
      column.hashSlots(slots, n, hashes);
    }
  }

  /** slots[j] = a slot whose key is that of row j, or -1. */
  find(vectors: readonly StateVector[], hashes: Int32Array, n: number, slots: Int32Array): void {
    this.index.candidates(hashes, n, slots);
    const bad = this.#scratch.zeroBytes(n);
    let any = false;
    for (let k = 0; k < vectors.length; k++) {
      const column = this.columns[k] as StateColumn;
      const vector = vectors[k] as StateVector;
      const isBad =
        this.#mode === 'same'
          ? column.differences(vector, n, slots, bad)
          : column.mismatches(vector, n, slots, bad);
      if (isBad) any = true;
    }
    if (!any) return;
    for (let j = 0; j < n; j++) {
      if (bad[j] === 1) slots[j] = this.findOne(vectors, j, hashes[j] as number);
    }
  }

  /** A slot whose key is that of row i, or -1. */
  findOne(vectors: readonly StateVector[], i: number, hash: number): number {
    for (let slot = this.index.first(hash); slot >= 0; slot = this.index.next()) {
      if (this.matches(vectors, i, slot)) return slot;
    }
    return -1;
  }

  /** True when row i's key is the slot's. */
  matches(vectors: readonly StateVector[], i: number, slot: number): boolean {
    const same = this.#mode === 'same';
    for (let k = 0; k < vectors.length; k++) {
      const column = this.columns[k] as StateColumn;
      const vector = vectors[k] as StateVector;
      if (!(same ? column.same(vector, i, slot) : column.equal(vector, i, slot))) return false;
    }
    return true;
  }

  insert(hash: number, slot: number): void {
    this.index.insert(hash, slot);
  }

  remove(hash: number, slot: number): void {
    this.index.remove(hash, slot);
  }

  bytes(): number {
    return this.index.bytes();
  }

  clear(): void {
    this.index.clear();
  }

  save(out: StateWriter): void {
    this.index.save(out);
  }

  restore(from: StateReader): void {
    this.index.restore(from);
  }
}
