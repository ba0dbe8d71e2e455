/**
 * Vectors as state structures see them: the same shapes as executor/batch.ts (structurally interchangeable), plus
 * output vectors that own their null bytes and kernels that copy rows between vectors.
 *
 * Kernels take whole batches and are specialised by physical kind, so that every store in the process runs the same
 * few compiled loops: a new view or an ad-hoc read starts hot.
 */
import { unreachable } from '../../common/assert.ts';
import type { DataType, PhysicalKind } from '../../common/dataType.ts';
import { physicalKind } from '../../common/dataType.ts';
import type { TextBytes } from '../../common/textBytes.ts';
import type { Value } from '../../common/value.ts';

/** nulls[i] = 1: NULL. null: no NULL here. */
export type StateVector =
  | { readonly kind: 'bool'; readonly data: Uint8Array; readonly nulls: Uint8Array | null }
  | { readonly kind: 'i32'; readonly data: Int32Array; readonly nulls: Uint8Array | null }
  | { readonly kind: 'i64'; readonly data: BigInt64Array; readonly nulls: Uint8Array | null }
  | { readonly kind: 'f64'; readonly data: Float64Array; readonly nulls: Uint8Array | null }
  | {
      readonly kind: 'text';
      readonly data: string[];
      readonly nulls: Uint8Array | null;
      /** The same texts, where their strings may have not been made: for those who can do without. */
      readonly utf8?: TextBytes;
    }
  | { readonly kind: 'boxed'; readonly data: unknown[]; readonly nulls: Uint8Array | null };

export interface StateBatch {
  readonly length: number;
  readonly columns: readonly StateVector[];
  readonly weights: Int32Array;
}

interface Owned {
  nulls: Uint8Array | null;
  /** Becomes `nulls` when a NULL is written. */
  readonly spare: Uint8Array;
}

/** A vector that its owner fills again and again. */
export type OutputVector =
  | ({ readonly kind: 'bool'; readonly data: Uint8Array } & Owned)
  | ({ readonly kind: 'i32'; readonly data: Int32Array } & Owned)
  | ({ readonly kind: 'i64'; readonly data: BigInt64Array; readonly words: Int32Array } & Owned)
  | ({ readonly kind: 'f64'; readonly data: Float64Array } & Owned)
  | ({ readonly kind: 'text'; readonly data: string[] } & Owned)
  | ({ readonly kind: 'boxed'; readonly data: unknown[] } & Owned);

/** A batch that its owner fills again and again; `length` and the vectors' `nulls` are set for each emission. */
export interface OutputBatch {
  length: number;
  readonly columns: readonly OutputVector[];
  readonly weights: Int32Array;
}

/** Below this many rows, int64 values are copied as bigints: making a view of the words would cost more. */
export const WORD_COPY_ROWS = 8;

/** The 32-bit halves of an int64 array (low half first). */
export function wordsOf(data: BigInt64Array, length: number): Int32Array {
  return new Int32Array(data.buffer, data.byteOffset, length << 1);
}

export function newVector(type: DataType, capacity: number): OutputVector {
  return newVectorOfKind(physicalKind(type), capacity);
}

export function newVectorOfKind(kind: PhysicalKind, capacity: number): OutputVector {
  const owned = { nulls: null, spare: new Uint8Array(capacity) };
  switch (kind) {
    case 'bool':
      return { kind, data: new Uint8Array(capacity), ...owned };
    case 'i32':
      return { kind, data: new Int32Array(capacity), ...owned };
    case 'i64': {
      const data = new BigInt64Array(capacity);
      return { kind, data, words: wordsOf(data, capacity), ...owned };
    }
    case 'f64':
      return { kind, data: new Float64Array(capacity), ...owned };
    case 'text':
      return { kind, data: new Array<string>(capacity).fill(''), ...owned };
    case 'boxed':
      return { kind, data: new Array<unknown>(capacity).fill(null), ...owned };
    default:
      return unreachable(kind);
  }
}

export function newBatch(types: readonly DataType[], capacity: number): OutputBatch {
  return {
    length: 0,
    columns: types.map((type) => newVector(type, capacity)),
    weights: new Int32Array(capacity),
  };
}

/** The boxed form of entry i. */
export function vectorValue(vector: StateVector, i: number): Value {
  if (vector.nulls !== null && vector.nulls[i] === 1) return null;
  switch (vector.kind) {
    case 'bool':
      return vector.data[i] === 1;
    case 'i32':
    case 'f64':
    case 'i64':
    case 'text':
      return vector.data[i] ?? null;
    case 'boxed':
      return vector.data[i] as Value;
    default:
      return unreachable(vector);
  }
}

/** Writes a boxed value into entry i of a vector being filled from scratch (`nulls` reset to null beforehand). */
export function setVectorValue(vector: OutputVector, i: number, value: Value): void {
  if (value === null) {
    if (vector.nulls === null) {
      vector.spare.fill(0);
      vector.nulls = vector.spare;
    }
    vector.nulls[i] = 1;
    if (vector.kind === 'text') vector.data[i] = '';
    else if (vector.kind === 'boxed') vector.data[i] = null;
    return;
  }
  if (vector.nulls !== null) vector.nulls[i] = 0;
  switch (vector.kind) {
    case 'bool':
      vector.data[i] = value === true ? 1 : 0;
      return;
    case 'i32':
    case 'f64':
      vector.data[i] = value as number;
      return;
    case 'i64':
      vector.data[i] = value as bigint;
      return;
    case 'text':
      vector.data[i] = value as string;
      return;
    case 'boxed':
      vector.data[i] = value;
      return;
    default:
      unreachable(vector);
  }
}

/** A batch of boxed rows, each with weight `weights[i]` (default 1). */
export function batchOfRows(
  types: readonly DataType[],
  rows: readonly (readonly Value[])[],
  weights?: readonly number[],
): OutputBatch {
  const batch = newBatch(types, Math.max(rows.length, 1));
  rows.forEach((row, i) => {
    batch.columns.forEach((column, c) => {
      setVectorValue(column, i, row[c] ?? null);
    });
    batch.weights[i] = weights?.[i] ?? 1;
  });
  batch.length = rows.length;
  return batch;
}

/** out[j] = source[rows[j]] for j < n. */
export function takeRows(source: StateVector, rows: Int32Array, n: number, out: OutputVector): void {
  takeNulls(source.nulls, rows, n, out);
  switch (source.kind) {
    case 'bool':
      if (out.kind === 'bool') takeBytes(source.data, rows, n, out.data);
      return;
    case 'i32':
      if (out.kind === 'i32') takeInt32(source.data, rows, n, out.data);
      return;
    case 'i64':
      if (out.kind === 'i64') takeInt64(source.data, rows, n, out.data, out.words);
      return;
    case 'f64':
      if (out.kind === 'f64') takeFloat64(source.data, rows, n, out.data);
      return;
    case 'text':
      if (out.kind === 'text') takeText(source.data, rows, n, out.data);
      return;
    case 'boxed':
      if (out.kind === 'boxed') takeBoxed(source.data, rows, n, out.data);
      return;
    default:
      unreachable(source);
  }
}

function takeNulls(nulls: Uint8Array | null, rows: Int32Array, n: number, out: OutputVector): void {
  if (nulls === null) {
    out.nulls = null;
    return;
  }
  takeBytes(nulls, rows, n, out.spare);
  out.nulls = out.spare;
}

/* The kernels below index within bounds by construction; `| 0` and the casts only satisfy noUncheckedIndexedAccess. */

function takeBytes(source: Uint8Array, rows: Int32Array, n: number, out: Uint8Array): void {
  for (let j = 0; j < n; j++) out[j] = source[rows[j] as number] as number;
}

function takeInt32(source: Int32Array, rows: Int32Array, n: number, out: Int32Array): void {
  for (let j = 0; j < n; j++) out[j] = source[rows[j] as number] as number;
}

function takeFloat64(source: Float64Array, rows: Int32Array, n: number, out: Float64Array): void {
  for (let j = 0; j < n; j++) out[j] = source[rows[j] as number] as number;
}

function takeText(source: string[], rows: Int32Array, n: number, out: string[]): void {
  for (let j = 0; j < n; j++) out[j] = source[rows[j] as number] as string;
}

function takeBoxed(source: unknown[], rows: Int32Array, n: number, out: unknown[]): void {
  for (let j = 0; j < n; j++) out[j] = source[rows[j] as number];
}

function takeInt64(
  source: BigInt64Array,
  rows: Int32Array,
  n: number,
  out: BigInt64Array,
  words: Int32Array,
): void {
  if (n < WORD_COPY_ROWS) {
    for (let j = 0; j < n; j++) out[j] = source[rows[j] as number] as bigint;
    return;
  }
  const from = wordsOf(source, source.length);
  for (let j = 0; j < n; j++) {
    const r = (rows[j] as number) << 1;
    words[j << 1] = from[r] as number;
    words[(j << 1) + 1] = from[r + 1] as number;
  }
}
