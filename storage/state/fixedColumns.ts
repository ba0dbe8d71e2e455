/** Columns of fixed-width kinds: bool, i32, i64, f64. */
import { assert } from '../../common/assert.ts';
import type { Value } from '../../common/value.ts';
import {
  BigInt64Blocks,
  BLOCK_MASK,
  BLOCK_SHIFT,
  type BlockColumn,
  ByteBlocks,
  copyRun,
  Float64Blocks,
  Int32Blocks,
} from './blocks.ts';
import { StateColumn } from './column.ts';
import { floatHigh, floatLow, HASH_NULL, mix1, mix2 } from './hash.ts';
import { type OutputVector, type StateVector, WORD_COPY_ROWS, wordsOf } from './vector.ts';

/** bool and i32: small integers, the same loops over their own blocks. */
export class Int32Column extends StateColumn {
  readonly kind = 'i32';
  readonly #store = new Int32Blocks(this.marks);
  readonly blocks: Int32Array[] = this.#store.blocks;

  protected override storeRun(vector: StateVector, from: number, n: number, first: number): boolean {
    assert(vector.kind === 'i32', 'i32 column stores i32 vectors');
    copyRun(this.blocks, vector.data, from, n, first);
    return true;
  }

  protected storeData(vector: StateVector, rows: Int32Array | null, n: number, slots: Int32Array): void {
    assert(vector.kind === 'i32', 'i32 column stores i32 vectors');
    const { blocks } = this;
    const data = vector.data;
    for (let j = 0; j < n; j++) {
      const slot = slots[j] as number;
      const i = rows === null ? j : (rows[j] as number);
      (blocks[slot >>> BLOCK_SHIFT] as Int32Array)[slot & BLOCK_MASK] = data[i] as number;
    }
  }

  protected loadData(slots: Int32Array, n: number, out: OutputVector): void {
    assert(out.kind === 'i32', 'i32 column loads i32 vectors');
    const { blocks } = this;
    const data = out.data;
    for (let j = 0; j < n; j++) {
      const slot = slots[j] as number;
      if (slot >= 0) data[j] = (blocks[slot >>> BLOCK_SHIFT] as Int32Array)[slot & BLOCK_MASK] as number;
    }
  }

  at(slot: number): number {
    return (this.blocks[slot >>> BLOCK_SHIFT] as Int32Array)[slot & BLOCK_MASK] as number;
  }

  protected valueOf(slot: number): Value {
    return this.at(slot);
  }

  protected equalData(vector: StateVector, i: number, slot: number): boolean {
    return vector.data[i] === this.at(slot);
  }

  protected mismatchesData(vector: StateVector, n: number, slots: Int32Array, bad: Uint8Array): boolean {
    assert(vector.kind === 'i32', 'i32 column compares i32 vectors');
    const { blocks } = this;
    const data = vector.data;
    let any = false;
    for (let j = 0; j < n; j++) {
      const slot = slots[j] as number;
      if (slot < 0) continue;
      if ((blocks[slot >>> BLOCK_SHIFT] as Int32Array)[slot & BLOCK_MASK] !== data[j]) {
        bad[j] = 1;
        any = true;
      }
    }
    return any;
  }

  /** Equal integers are the same. */
  override differences(vector: StateVector, n: number, slots: Int32Array, bad: Uint8Array): boolean {
    return this.mismatches(vector, n, slots, bad);
  }

  compareSlots(a: number, b: number): number {
    const x = this.at(a);
    const y = this.at(b);
    return x < y ? -1 : x > y ? 1 : 0;
  }

  compareValue(slot: number, value: Value): number {
    const x = this.at(slot);
    const y = value as number;
    return x < y ? -1 : x > y ? 1 : 0;
  }

  hashSlots(slots: Int32Array, n: number, hashes: Int32Array): void {
    for (let j = 0; j < n; j++) {
      const slot = slots[j] as number;
      hashes[j] = mix1(hashes[j] as number, this.isNull(slot) ? HASH_NULL : this.at(slot));
    }
  }

  release(): void {}

  bytes(): number {
    return this.#store.bytes() + this.nulls.bytes();
  }

  protected data(): readonly BlockColumn[] {
    return [this.#store];
  }

  protected growData(capacity: number): void {
    this.#store.grow(capacity);
  }

  protected clearData(): void {
    this.#store.clear();
  }
}

export class BoolColumn extends StateColumn {
  readonly kind = 'bool';
  readonly #store = new ByteBlocks(this.marks);
  readonly blocks: Uint8Array[] = this.#store.blocks;

  protected override storeRun(vector: StateVector, from: number, n: number, first: number): boolean {
    assert(vector.kind === 'bool', 'bool column stores bool vectors');
    copyRun(this.blocks, vector.data, from, n, first);
    return true;
  }

  protected storeData(vector: StateVector, rows: Int32Array | null, n: number, slots: Int32Array): void {
    assert(vector.kind === 'bool', 'bool column stores bool vectors');
    const { blocks } = this;
    const data = vector.data;
    for (let j = 0; j < n; j++) {
      const slot = slots[j] as number;
      const i = rows === null ? j : (rows[j] as number);
      (blocks[slot >>> BLOCK_SHIFT] as Uint8Array)[slot & BLOCK_MASK] = data[i] as number;
    }
  }

  protected loadData(slots: Int32Array, n: number, out: OutputVector): void {
    assert(out.kind === 'bool', 'bool column loads bool vectors');
    const data = out.data;
    for (let j = 0; j < n; j++) {
      const slot = slots[j] as number;
      if (slot >= 0) data[j] = this.at(slot);
    }
  }

  at(slot: number): number {
    return (this.blocks[slot >>> BLOCK_SHIFT] as Uint8Array)[slot & BLOCK_MASK] as number;
  }

  protected valueOf(slot: number): Value {
    return this.at(slot) === 1;
  }

  protected equalData(vector: StateVector, i: number, slot: number): boolean {
    return vector.data[i] === this.at(slot);
  }

  protected mismatchesData(vector: StateVector, n: number, slots: Int32Array, bad: Uint8Array): boolean {
    let any = false;
    for (let j = 0; j < n; j++) {
      const slot = slots[j] as number;
      if (slot < 0 || vector.data[j] === this.at(slot)) continue;
      bad[j] = 1;
      any = true;
    }
    return any;
  }

  /** Equal integers are the same. */
  override differences(vector: StateVector, n: number, slots: Int32Array, bad: Uint8Array): boolean {
    return this.mismatches(vector, n, slots, bad);
  }

  compareSlots(a: number, b: number): number {
    return this.at(a) - this.at(b);
  }

  compareValue(slot: number, value: Value): number {
    return this.at(slot) - (value === true ? 1 : 0);
  }

  hashSlots(slots: Int32Array, n: number, hashes: Int32Array): void {
    for (let j = 0; j < n; j++) {
      const slot = slots[j] as number;
      hashes[j] = mix1(hashes[j] as number, this.isNull(slot) ? HASH_NULL : this.at(slot));
    }
  }

  release(): void {}

  bytes(): number {
    return this.#store.bytes() + this.nulls.bytes();
  }

  protected data(): readonly BlockColumn[] {
    return [this.#store];
  }

  protected growData(capacity: number): void {
    this.#store.grow(capacity);
  }

  protected clearData(): void {
    this.#store.clear();
  }
}

/** int8 and the timestamps; moved as 32-bit halves so that no bigint is made. */
export class Int64Column extends StateColumn {
  readonly kind = 'i64';
  readonly #store = new BigInt64Blocks(this.marks);
  readonly blocks: BigInt64Array[] = this.#store.blocks;
  readonly words: Int32Array[] = this.#store.words;

  protected override storeRun(vector: StateVector, from: number, n: number, first: number): boolean {
    assert(vector.kind === 'i64', 'i64 column stores i64 vectors');
    copyRun(this.blocks, vector.data, from, n, first);
    return true;
  }

  protected storeData(vector: StateVector, rows: Int32Array | null, n: number, slots: Int32Array): void {
    assert(vector.kind === 'i64', 'i64 column stores i64 vectors');
    const data = vector.data;
    if (n < WORD_COPY_ROWS) {
      for (let j = 0; j < n; j++) {
        const slot = slots[j] as number;
        const i = rows === null ? j : (rows[j] as number);
        (this.blocks[slot >>> BLOCK_SHIFT] as BigInt64Array)[slot & BLOCK_MASK] = data[i] as bigint;
      }
      return;
    }
    const { words } = this;
    const from = wordsOf(data, data.length);
    for (let j = 0; j < n; j++) {
      const slot = slots[j] as number;
      const i = (rows === null ? j : (rows[j] as number)) << 1;
      const block = words[slot >>> BLOCK_SHIFT] as Int32Array;
      const o = (slot & BLOCK_MASK) << 1;
      block[o] = from[i] as number;
      block[o + 1] = from[i + 1] as number;
    }
  }

  protected loadData(slots: Int32Array, n: number, out: OutputVector): void {
    assert(out.kind === 'i64', 'i64 column loads i64 vectors');
    const { words } = this;
    const to = out.words;
    for (let j = 0; j < n; j++) {
      const slot = slots[j] as number;
      if (slot < 0) continue;
      const block = words[slot >>> BLOCK_SHIFT] as Int32Array;
      const o = (slot & BLOCK_MASK) << 1;
      to[j << 1] = block[o] as number;
      to[(j << 1) + 1] = block[o + 1] as number;
    }
  }

  at(slot: number): bigint {
    return (this.blocks[slot >>> BLOCK_SHIFT] as BigInt64Array)[slot & BLOCK_MASK] as bigint;
  }

  protected valueOf(slot: number): Value {
    return this.at(slot);
  }

  protected equalData(vector: StateVector, i: number, slot: number): boolean {
    return vector.data[i] === this.at(slot);
  }

  protected mismatchesData(vector: StateVector, n: number, slots: Int32Array, bad: Uint8Array): boolean {
    assert(vector.kind === 'i64', 'i64 column compares i64 vectors');
    let any = false;
    if (n < WORD_COPY_ROWS) {
      for (let j = 0; j < n; j++) {
        const slot = slots[j] as number;
        if (slot < 0 || this.at(slot) === vector.data[j]) continue;
        bad[j] = 1;
        any = true;
      }
      return any;
    }
    const { words } = this;
    const from = wordsOf(vector.data, n);
    for (let j = 0; j < n; j++) {
      const slot = slots[j] as number;
      if (slot < 0) continue;
      const block = words[slot >>> BLOCK_SHIFT] as Int32Array;
      const o = (slot & BLOCK_MASK) << 1;
      if (block[o] !== from[j << 1] || block[o + 1] !== from[(j << 1) + 1]) {
        bad[j] = 1;
        any = true;
      }
    }
    return any;
  }

  /** Equal integers are the same. */
  override differences(vector: StateVector, n: number, slots: Int32Array, bad: Uint8Array): boolean {
    return this.mismatches(vector, n, slots, bad);
  }

  compareSlots(a: number, b: number): number {
    const wa = this.words[a >>> BLOCK_SHIFT] as Int32Array;
    const wb = this.words[b >>> BLOCK_SHIFT] as Int32Array;
    const oa = (a & BLOCK_MASK) << 1;
    const ob = (b & BLOCK_MASK) << 1;
    const high = (wa[oa + 1] as number) - (wb[ob + 1] as number);
    if (high !== 0) return high;
    return ((wa[oa] as number) >>> 0) - ((wb[ob] as number) >>> 0);
  }

  compareValue(slot: number, value: Value): number {
    const x = this.at(slot);
    const y = value as bigint;
    return x < y ? -1 : x > y ? 1 : 0;
  }

  hashSlots(slots: Int32Array, n: number, hashes: Int32Array): void {
    for (let j = 0; j < n; j++) {
      const slot = slots[j] as number;
      const block = this.words[slot >>> BLOCK_SHIFT] as Int32Array;
      const o = (slot & BLOCK_MASK) << 1;
      hashes[j] = this.isNull(slot)
        ? mix1(hashes[j] as number, HASH_NULL)
        : mix2(hashes[j] as number, block[o] as number, block[o + 1] as number);
    }
  }

  release(): void {}

  bytes(): number {
    return this.#store.bytes() + this.nulls.bytes();
  }

  protected data(): readonly BlockColumn[] {
    return [this.#store];
  }

  protected growData(capacity: number): void {
    this.#store.grow(capacity);
  }

  protected clearData(): void {
    this.#store.clear();
  }
}

/** Floats: NaN equals NaN and is above all, -0 equals 0. */
export class Float64Column extends StateColumn {
  readonly kind = 'f64';
  readonly #store = new Float64Blocks(this.marks);
  readonly blocks: Float64Array[] = this.#store.blocks;

  protected override storeRun(vector: StateVector, from: number, n: number, first: number): boolean {
    assert(vector.kind === 'f64', 'f64 column stores f64 vectors');
    copyRun(this.blocks, vector.data, from, n, first);
    return true;
  }

  protected storeData(vector: StateVector, rows: Int32Array | null, n: number, slots: Int32Array): void {
    assert(vector.kind === 'f64', 'f64 column stores f64 vectors');
    const { blocks } = this;
    const data = vector.data;
    for (let j = 0; j < n; j++) {
      const slot = slots[j] as number;
      const i = rows === null ? j : (rows[j] as number);
      (blocks[slot >>> BLOCK_SHIFT] as Float64Array)[slot & BLOCK_MASK] = data[i] as number;
    }
  }

  protected loadData(slots: Int32Array, n: number, out: OutputVector): void {
    assert(out.kind === 'f64', 'f64 column loads f64 vectors');
    const { blocks } = this;
    const data = out.data;
    for (let j = 0; j < n; j++) {
      const slot = slots[j] as number;
      if (slot >= 0) data[j] = (blocks[slot >>> BLOCK_SHIFT] as Float64Array)[slot & BLOCK_MASK] as number;
    }
  }

  at(slot: number): number {
    return (this.blocks[slot >>> BLOCK_SHIFT] as Float64Array)[slot & BLOCK_MASK] as number;
  }

  protected valueOf(slot: number): Value {
    return this.at(slot);
  }

  protected equalData(vector: StateVector, i: number, slot: number): boolean {
    const a = vector.data[i] as number;
    const b = this.at(slot);
    return a === b || (Number.isNaN(a) && Number.isNaN(b));
  }

  protected override sameData(vector: StateVector, i: number, slot: number): boolean {
    return Object.is(vector.data[i], this.at(slot));
  }

  protected mismatchesData(vector: StateVector, n: number, slots: Int32Array, bad: Uint8Array): boolean {
    let any = false;
    for (let j = 0; j < n; j++) {
      const slot = slots[j] as number;
      if (slot < 0 || this.equalData(vector, j, slot)) continue;
      bad[j] = 1;
      any = true;
    }
    return any;
  }

  compareSlots(a: number, b: number): number {
    return compareFloats(this.at(a), this.at(b));
  }

  compareValue(slot: number, value: Value): number {
    return compareFloats(this.at(slot), value as number);
  }

  hashSlots(slots: Int32Array, n: number, hashes: Int32Array): void {
    for (let j = 0; j < n; j++) {
      const slot = slots[j] as number;
      const x = this.at(slot);
      hashes[j] = this.isNull(slot)
        ? mix1(hashes[j] as number, HASH_NULL)
        : mix2(hashes[j] as number, floatLow(x), floatHigh(x));
    }
  }

  release(): void {}

  bytes(): number {
    return this.#store.bytes() + this.nulls.bytes();
  }

  protected data(): readonly BlockColumn[] {
    return [this.#store];
  }

  protected growData(capacity: number): void {
    this.#store.grow(capacity);
  }

  protected clearData(): void {
    this.#store.clear();
  }
}

function compareFloats(x: number, y: number): number {
  if (x < y) return -1;
  if (x > y) return 1;
  if (x === y) return 0;
  return Number.isNaN(x) ? (Number.isNaN(y) ? 0 : 1) : -1;
}
