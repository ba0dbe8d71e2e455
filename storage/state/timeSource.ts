/**
 * The times that rows of a store are kept by: where they lie, and in which bucket of TimeBuckets.
 *
 * A bucket's key is a non-decreasing function of the time. Int64 values (timestamps) share one 2^20 wide, about a second
 * of microseconds, and are found in it by their low bits. Int32 values have a bucket each. Of other types numbers of the
 * same whole part and intervals of the same second share one; in it only comparison tells them apart.
 */
import { must } from '../../common/assert.ts';
import { type Comparator, comparator } from '../../common/compare.ts';
import { type DataType, types } from '../../common/dataType.ts';
import type { Decimal } from '../../common/decimal.ts';
import { Interval } from '../../common/interval.ts';
import type { NonNullValue } from '../../common/value.ts';
import { type BigInt64Blocks, BLOCK_MASK, BLOCK_SHIFT } from './blocks.ts';
import type { StateColumn } from './column.ts';
import { Int32Column, Int64Column } from './fixedColumns.ts';
import type { RowStore } from './rowStore.ts';
import { type StateVector, vectorValue, wordsOf } from './vector.ts';

export const LOW_BITS = 20;
const LOW_RANGE = 1 << LOW_BITS;
const LOW_BITS_WIDE = BigInt(LOW_BITS);
const LOW_MASK_WIDE = BigInt(LOW_RANGE - 1);
const HIGH_FACTOR = 2 ** (32 - LOW_BITS);

export interface TimeSource {
  /** How times of one bucket are told apart: by their low bits, by nothing (they are equal) or by comparison. */
  readonly within: 'bits' | 'equal' | 'order';
  readonly compare: Comparator;
  /** A type whose values the times are. */
  readonly type: DataType;
  isNull(slot: number): boolean;
  /** The time of a slot, which is not NULL. */
  value(slot: number): NonNullValue;
  key(slot: number): number;
  keyOf(value: NonNullValue): number;
  /** Low bits; 0 where times of a bucket are not told apart by bits. */
  low(slot: number): number;
  lowOf(value: NonNullValue): number;
  /** out[i] = 1 where entry i is below the bound, else 0; what NULL entries get does not matter. */
  markBelow(vector: StateVector, n: number, bound: NonNullValue, out: Uint8Array): void;
}

/** The source of a column of the store, or of an int64 column of the owner's. */
export function timeSource(store: RowStore, column: number | BigInt64Blocks): TimeSource {
  if (typeof column !== 'number') return new Int64Times(column, null);
  const stored = must(store.columns[column]);
  if (stored instanceof Int64Column) return new Int64Times(stored, stored);
  return stored instanceof Int32Column ? new Int32Times(stored) : new OtherTimes(stored);
}

class Int64Times implements TimeSource {
  readonly within = 'bits';
  readonly compare = comparator(types.int8);
  readonly type = types.int8;
  readonly #words: readonly Int32Array[];
  readonly #blocks: readonly BigInt64Array[];
  readonly #column: StateColumn | null;

  constructor(
    data: { readonly words: readonly Int32Array[]; readonly blocks: readonly BigInt64Array[] },
    column: StateColumn | null,
  ) {
    this.#words = data.words;
    this.#blocks = data.blocks;
    this.#column = column;
  }

  isNull(slot: number): boolean {
    return this.#column?.isNull(slot) === true;
  }

  value(slot: number): bigint {
    return (this.#blocks[slot >>> BLOCK_SHIFT] as BigInt64Array)[slot & BLOCK_MASK] as bigint;
  }

  key(slot: number): number {
    const words = this.#words[slot >>> BLOCK_SHIFT] as Int32Array;
    const at = (slot & BLOCK_MASK) << 1;
    return (words[at + 1] as number) * HIGH_FACTOR + ((words[at] as number) >>> LOW_BITS);
  }

  keyOf(value: NonNullValue): number {
    return Number((value as bigint) >> LOW_BITS_WIDE);
  }

  low(slot: number): number {
    const words = this.#words[slot >>> BLOCK_SHIFT] as Int32Array;
    return (words[(slot & BLOCK_MASK) << 1] as number) & (LOW_RANGE - 1);
  }

  lowOf(value: NonNullValue): number {
    return Number((value as bigint) & LOW_MASK_WIDE);
  }

  markBelow(vector: StateVector, n: number, bound: NonNullValue, out: Uint8Array): void {
    const words = wordsOf((vector as Extract<StateVector, { kind: 'i64' }>).data, n);
    const high = Number((bound as bigint) >> 32n);
    const low = Number((bound as bigint) & 0xffffffffn);
    for (let i = 0; i < n; i++) {
      const h = words[(i << 1) + 1] as number;
      out[i] = h < high || (h === high && (words[i << 1] as number) >>> 0 < low) ? 1 : 0;
    }
  }
}

class Int32Times implements TimeSource {
  readonly within = 'equal';
  readonly compare = comparator(types.int4);
  readonly type = types.int4;
  readonly #column: Int32Column;

  constructor(column: Int32Column) {
    this.#column = column;
  }

  isNull(slot: number): boolean {
    return this.#column.isNull(slot);
  }

  value(slot: number): number {
    return this.#column.at(slot);
  }

  key(slot: number): number {
    return this.#column.at(slot);
  }

  keyOf(value: NonNullValue): number {
    return value as number;
  }

  low(): number {
    return 0;
  }

  lowOf(): number {
    return 0;
  }

  markBelow(vector: StateVector, n: number, bound: NonNullValue, out: Uint8Array): void {
    const { data } = vector as Extract<StateVector, { kind: 'i32' }>;
    for (let i = 0; i < n; i++) out[i] = (data[i] as number) < (bound as number) ? 1 : 0;
  }
}

class OtherTimes implements TimeSource {
  readonly within = 'order';
  readonly compare: Comparator;
  readonly type: DataType;
  readonly #column: StateColumn;

  constructor(column: StateColumn) {
    this.#column = column;
    this.type = column.type;
    this.compare = comparator(column.type);
  }

  isNull(slot: number): boolean {
    return this.#column.isNull(slot);
  }

  value(slot: number): NonNullValue {
    return must(this.#column.value(slot));
  }

  key(slot: number): number {
    return this.keyOf(this.value(slot));
  }

  keyOf(value: NonNullValue): number {
    switch (this.type.id) {
      case 'float4':
      case 'float8':
        // NaN is above all.
        return Number.isNaN(value) ? Number.POSITIVE_INFINITY : Math.floor(value as number);
      case 'numeric':
        return wholePart(value as Decimal);
      case 'interval':
        return value instanceof Interval ? secondsOf(value) : 0;
      default:
        return 0;
    }
  }

  low(): number {
    return 0;
  }

  lowOf(): number {
    return 0;
  }

  markBelow(vector: StateVector, n: number, bound: NonNullValue, out: Uint8Array): void {
    for (let i = 0; i < n; i++) {
      const value = vectorValue(vector, i);
      out[i] = value !== null && this.compare(value, bound) < 0 ? 1 : 0;
    }
  }
}

function wholePart(value: Decimal): number {
  if (value.isNaN()) return Number.POSITIVE_INFINITY;
  if (!value.isFinite()) return value.signum() * Number.POSITIVE_INFINITY;
  return Math.floor(value.toNumberUnchecked());
}

/** By months of 30 days and days of 24 hours, as intervals compare. */
function secondsOf(interval: Interval): number {
  return Number(
    (BigInt(interval.months * 30 + interval.days) * 86_400_000_000n + interval.micros) / 1_000_000n,
  );
}
