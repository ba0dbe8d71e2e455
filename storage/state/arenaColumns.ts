/** Columns whose values lie in the store's byte arena: text, and boxed values in their binary encoding. */
import { assert } from '../../common/assert.ts';
import { compareValues, equalValues, hashValue, trimBlanks } from '../../common/compare.ts';
import type { DataType } from '../../common/dataType.ts';
import type { TextBytes } from '../../common/textBytes.ts';
import { compareText } from '../../common/textOrder.ts';
import type { NonNullValue, Value } from '../../common/value.ts';
import type { ByteArena } from './arena.ts';
import { BLOCK_MASK, BLOCK_SHIFT, type BlockColumn, Int32Blocks } from './blocks.ts';
import { type BoxedCodec, boxedCodec } from './boxedCodec.ts';
import { StateColumn } from './column.ts';
import { HASH_NULL, hashText, mix1 } from './hash.ts';
import type { BlockMarks } from './persist.ts';
import type { OutputVector, StateVector } from './vector.ts';

abstract class ArenaColumn extends StateColumn {
  protected readonly arena: ByteArena;
  protected readonly refs = new Int32Blocks(this.marks);

  constructor(type: DataType, arena: ByteArena, marks: BlockMarks) {
    super(type, marks);
    this.arena = arena;
  }

  release(slot: number): void {
    if (!this.nulls.isNull(slot)) this.arena.free(this.refs.get(slot));
  }

  bytes(): number {
    return this.refs.bytes() + this.nulls.bytes();
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

  protected data(): readonly BlockColumn[] {
    return [this.refs];
  }

  protected growData(capacity: number): void {
    this.refs.grow(capacity);
  }

  protected clearData(): void {
    this.refs.clear();
  }
}

/** Text. bpchar compares without trailing blanks. */
export class TextColumn extends ArenaColumn {
  readonly kind = 'text';
  readonly #padded: boolean;

  constructor(type: DataType, arena: ByteArena, marks: BlockMarks) {
    super(type, arena, marks);
    this.#padded = type.id === 'bpchar';
  }

  protected storeData(vector: StateVector, rows: Int32Array | null, n: number, slots: Int32Array): void {
    assert(vector.kind === 'text', 'text column stores text vectors');
    if (vector.utf8 !== undefined) {
      this.#storeUtf8(vector.utf8, vector.nulls, rows, n, slots);
      return;
    }
    const { data, nulls } = vector;
    const blocks = this.refs.blocks;
    for (let j = 0; j < n; j++) {
      const i = rows === null ? j : (rows[j] as number);
      if (nulls !== null && nulls[i] === 1) continue;
      const slot = slots[j] as number;
      (blocks[slot >>> BLOCK_SHIFT] as Int32Array)[slot & BLOCK_MASK] = this.arena.putText(data[i] as string);
    }
  }

  #storeUtf8(
    { bytes, view, ends, from, isAscii }: TextBytes,
    nulls: Uint8Array | null,
    rows: Int32Array | null,
    n: number,
    slots: Int32Array,
  ): void {
    const blocks = this.refs.blocks;
    for (let j = 0; j < n; j++) {
      const i = rows === null ? j : (rows[j] as number);
      if (nulls !== null && nulls[i] === 1) continue;
      const k = from + i;
      const start = k === 0 ? 0 : (ends[k - 1] as number);
      const slot = slots[j] as number;
      const ref = this.arena.putUtf8(bytes, view, start, ends[k] as number, isAscii);
      (blocks[slot >>> BLOCK_SHIFT] as Int32Array)[slot & BLOCK_MASK] = ref;
    }
  }

  protected loadData(slots: Int32Array, n: number, out: OutputVector): void {
    assert(out.kind === 'text', 'text column loads text vectors');
    const { data, nulls } = out;
    const blocks = this.refs.blocks;
    for (let j = 0; j < n; j++) {
      const slot = slots[j] as number;
      data[j] =
        nulls !== null && nulls[j] === 1
          ? ''
          : this.arena.text((blocks[slot >>> BLOCK_SHIFT] as Int32Array)[slot & BLOCK_MASK] as number);
    }
  }

  protected valueOf(slot: number): Value {
    return this.arena.text(this.refs.get(slot));
  }

  protected equalData(vector: StateVector, i: number, slot: number): boolean {
    const text = vector.data[i] as string;
    const ref = this.refs.get(slot);
    if (this.#padded) return trimBlanks(this.arena.text(ref)) === trimBlanks(text);
    return this.arena.equalsText(ref, text);
  }

  protected override sameData(vector: StateVector, i: number, slot: number): boolean {
    return this.arena.equalsText(this.refs.get(slot), vector.data[i] as string);
  }

  compareSlots(a: number, b: number): number {
    if (this.#padded) return this.compareValue(a, this.valueOf(b));
    return this.arena.compare(this.refs.get(a), this.refs.get(b));
  }

  compareValue(slot: number, value: Value): number {
    const text = this.arena.text(this.refs.get(slot));
    if (this.#padded) return compareText(trimBlanks(text), trimBlanks(value as string));
    return compareText(text, value as string);
  }

  hashSlots(slots: Int32Array, n: number, hashes: Int32Array): void {
    for (let j = 0; j < n; j++) {
      const slot = slots[j] as number;
      hashes[j] = mix1(hashes[j] as number, this.isNull(slot) ? HASH_NULL : this.#hash(this.refs.get(slot)));
    }
  }

  #hash(ref: number): number {
    const text = this.arena.text(ref);
    return hashText(this.#padded ? trimBlanks(text) : text);
  }
}

/** Values without a fixed-width form, encoded; equality and order decode. */
export class BoxedColumn extends ArenaColumn {
  readonly kind = 'boxed';
  readonly #codec: BoxedCodec;

  constructor(type: DataType, arena: ByteArena, marks: BlockMarks) {
    super(type, arena, marks);
    this.#codec = boxedCodec(type);
  }

  protected storeData(vector: StateVector, rows: Int32Array | null, n: number, slots: Int32Array): void {
    assert(vector.kind === 'boxed', 'boxed column stores boxed vectors');
    const { data, nulls } = vector;
    for (let j = 0; j < n; j++) {
      const i = rows === null ? j : (rows[j] as number);
      if (nulls !== null && nulls[i] === 1) continue;
      const bytes = this.#codec.encode(data[i] as NonNullValue);
      this.refs.set(slots[j] as number, this.arena.putBytes(bytes, bytes.length));
    }
  }

  protected loadData(slots: Int32Array, n: number, out: OutputVector): void {
    assert(out.kind === 'boxed', 'boxed column loads boxed vectors');
    const { data, nulls } = out;
    for (let j = 0; j < n; j++) {
      data[j] = nulls !== null && nulls[j] === 1 ? null : this.valueOf(slots[j] as number);
    }
  }

  protected valueOf(slot: number): NonNullValue {
    return this.#codec.decode(this.arena.view(this.refs.get(slot)));
  }

  protected equalData(vector: StateVector, i: number, slot: number): boolean {
    return equalValues(vector.data[i] as NonNullValue, this.valueOf(slot), this.type);
  }

  protected override sameData(vector: StateVector, i: number, slot: number): boolean {
    const bytes = this.#codec.encode(vector.data[i] as NonNullValue);
    return this.arena.equalsBytes(this.refs.get(slot), bytes, bytes.length);
  }

  compareSlots(a: number, b: number): number {
    return compareValues(this.valueOf(a), this.valueOf(b), this.type);
  }

  compareValue(slot: number, value: Value): number {
    return compareValues(this.valueOf(slot), value as NonNullValue, this.type);
  }

  hashSlots(slots: Int32Array, n: number, hashes: Int32Array): void {
    for (let j = 0; j < n; j++) {
      const slot = slots[j] as number;
      const h = this.isNull(slot) ? HASH_NULL : hashValue(this.valueOf(slot), this.type);
      hashes[j] = mix1(hashes[j] as number, h);
    }
  }
}
