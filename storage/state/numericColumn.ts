/**
 * numeric: the coefficient in an int64 block and the scale in a byte block while they fit; NaN, infinities and larger
 * values in the arena, where the scale byte is IN_ARENA and the coefficient is the reference.
 */
import { assert } from '../../common/assert.ts';
import type { DataType } from '../../common/dataType.ts';
import { Decimal } from '../../common/decimal.ts';
import type { Value } from '../../common/value.ts';
import type { ByteArena } from './arena.ts';
import { BigInt64Blocks, BLOCK_MASK, BLOCK_SHIFT, type BlockColumn, ByteBlocks } from './blocks.ts';
import { type BoxedCodec, boxedCodec } from './boxedCodec.ts';
import { StateColumn } from './column.ts';
import { HASH_NULL, mix1 } from './hash.ts';
import type { BlockMarks } from './persist.ts';
import type { OutputVector, StateVector } from './vector.ts';

const IN_ARENA = 255;

export class NumericColumn extends StateColumn {
  readonly kind = 'boxed';
  readonly #arena: ByteArena;
  readonly #codec: BoxedCodec;
  readonly #coefficients = new BigInt64Blocks(this.marks);
  readonly #scales = new ByteBlocks(this.marks);

  constructor(type: DataType, arena: ByteArena, marks: BlockMarks) {
    super(type, marks);
    this.#arena = arena;
    this.#codec = boxedCodec(type);
  }

  protected storeData(vector: StateVector, rows: Int32Array | null, n: number, slots: Int32Array): void {
    assert(vector.kind === 'boxed', 'numeric column stores boxed vectors');
    const { data, nulls } = vector;
    for (let j = 0; j < n; j++) {
      const i = rows === null ? j : (rows[j] as number);
      if (nulls === null || nulls[i] !== 1) this.#put(slots[j] as number, data[i] as Decimal);
    }
  }

  #put(slot: number, value: Decimal): void {
    const { coefficient, scale } = value;
    const fits = value.special === null && scale < IN_ARENA && BigInt.asIntN(64, coefficient) === coefficient;
    if (fits) this.#set(slot, coefficient, scale);
    else {
      const bytes = this.#codec.encode(value);
      this.#set(slot, BigInt(this.#arena.putBytes(bytes, bytes.length)), IN_ARENA);
    }
  }

  #set(slot: number, coefficient: bigint, scale: number): void {
    const b = slot >>> BLOCK_SHIFT;
    (this.#coefficients.blocks[b] as BigInt64Array)[slot & BLOCK_MASK] = coefficient;
    (this.#scales.blocks[b] as Uint8Array)[slot & BLOCK_MASK] = scale;
  }

  #coefficient(slot: number): bigint {
    return (this.#coefficients.blocks[slot >>> BLOCK_SHIFT] as BigInt64Array)[slot & BLOCK_MASK] as bigint;
  }

  #scale(slot: number): number {
    return (this.#scales.blocks[slot >>> BLOCK_SHIFT] as Uint8Array)[slot & BLOCK_MASK] as number;
  }

  protected loadData(slots: Int32Array, n: number, out: OutputVector): void {
    assert(out.kind === 'boxed', 'numeric column loads boxed vectors');
    const { data, nulls } = out;
    for (let j = 0; j < n; j++) {
      data[j] = nulls !== null && nulls[j] === 1 ? null : this.valueOf(slots[j] as number);
    }
  }

  protected valueOf(slot: number): Decimal {
    const coefficient = this.#coefficient(slot);
    const scale = this.#scale(slot);
    if (scale !== IN_ARENA) return new Decimal(coefficient, scale);
    return this.#codec.decode(this.#arena.view(Number(coefficient))) as Decimal;
  }

  protected equalData(vector: StateVector, i: number, slot: number): boolean {
    const value = vector.data[i] as Decimal;
    const scale = this.#scale(slot);
    if (scale !== IN_ARENA && value.special === null && value.scale === scale) {
      return value.coefficient === this.#coefficient(slot);
    }
    return value.compare(this.valueOf(slot)) === 0;
  }

  protected override sameData(vector: StateVector, i: number, slot: number): boolean {
    const value = vector.data[i] as Decimal;
    if (this.#scale(slot) !== IN_ARENA) {
      const sameScale = value.special === null && value.scale === this.#scale(slot);
      return sameScale && value.coefficient === this.#coefficient(slot);
    }
    const stored = this.valueOf(slot);
    return (
      value.special === stored.special &&
      value.scale === stored.scale &&
      value.coefficient === stored.coefficient
    );
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
    const scale = this.#scale(a);
    if (scale !== IN_ARENA && scale === this.#scale(b)) {
      const x = this.#coefficient(a);
      const y = this.#coefficient(b);
      return x < y ? -1 : x > y ? 1 : 0;
    }
    return this.valueOf(a).compare(this.valueOf(b));
  }

  compareValue(slot: number, value: Value): number {
    return this.valueOf(slot).compare(value as Decimal);
  }

  hashSlots(slots: Int32Array, n: number, hashes: Int32Array): void {
    for (let j = 0; j < n; j++) {
      const slot = slots[j] as number;
      hashes[j] = mix1(hashes[j] as number, this.isNull(slot) ? HASH_NULL : this.valueOf(slot).hash());
    }
  }

  release(slot: number): void {
    if (!this.nulls.isNull(slot) && this.#scale(slot) === IN_ARENA)
      this.#arena.free(Number(this.#coefficient(slot)));
  }

  bytes(): number {
    return this.#coefficients.bytes() + this.#scales.bytes() + this.nulls.bytes();
  }

  protected data(): readonly BlockColumn[] {
    return [this.#coefficients, this.#scales];
  }

  protected growData(capacity: number): void {
    this.#coefficients.grow(capacity);
    this.#scales.grow(capacity);
  }

  protected clearData(): void {
    this.#coefficients.clear();
    this.#scales.clear();
  }
}
