/**
 * Hashes of keys, a column at a time over a batch: hashes[j] = mix(hashes[j], value j). Values of one physical kind
 * hash alike whatever their SQL type, and values that are equal in SQL hash alike (1.0 and 1.00, -0 and 0). The mixing
 * is murmur3's; the finished hash is good in its high bits (directory) and low bits (place in a segment).
 */
import { unreachable } from '../../common/assert.ts';
import { hasher, trimBlanks } from '../../common/compare.ts';
import type { DataType } from '../../common/dataType.ts';
import type { NonNullValue } from '../../common/value.ts';
import { type StateVector, WORD_COPY_ROWS, wordsOf } from './vector.ts';

export const HASH_SEED = 0x2545f491;
export const HASH_NULL = 0x5bd1e995;

export function mix1(h: number, x: number): number {
  let v = Math.imul(h ^ x, 0x85ebca6b);
  v = Math.imul(v ^ (v >>> 13), 0xc2b2ae35);
  return v ^ (v >>> 16);
}

export function mix2(h: number, low: number, high: number): number {
  let v = Math.imul(h ^ low, 0x85ebca6b);
  v = Math.imul(v ^ (v >>> 13) ^ high, 0xc2b2ae35);
  return v ^ (v >>> 16);
}

const float = new Float64Array(1);
const floatWords = new Int32Array(float.buffer);

/** Low and high half of a float's bits, with one zero and one NaN. */
export function floatLow(x: number): number {
  float[0] = x === 0 ? 0 : x;
  return Number.isNaN(x) ? 0 : (floatWords[0] as number);
}

export function floatHigh(x: number): number {
  float[0] = x === 0 ? 0 : x;
  return Number.isNaN(x) ? 0x7ff80000 : (floatWords[1] as number);
}

/** FNV-1a over UTF-16 units; mixed afterwards. */
export function hashText(text: string): number {
  let h = text.length;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h;
}

/** Mixes one column into the hashes of the first n rows. */
export function hashVector(vector: StateVector, type: DataType, n: number, hashes: Int32Array): void {
  const { nulls } = vector;
  if (nulls !== null) hashWithNulls(vector, type, nulls, n, hashes);
  else hashDense(vector, type, n, hashes);
}

function hashDense(vector: StateVector, type: DataType, n: number, hashes: Int32Array): void {
  switch (vector.kind) {
    case 'bool':
    case 'i32': {
      const data = vector.data;
      for (let j = 0; j < n; j++) hashes[j] = mix1(hashes[j] as number, data[j] as number);
      return;
    }
    case 'i64':
      hashInt64(vector.data, n, hashes);
      return;
    case 'f64': {
      const data = vector.data;
      for (let j = 0; j < n; j++) {
        const x = data[j] as number;
        hashes[j] = mix2(hashes[j] as number, floatLow(x), floatHigh(x));
      }
      return;
    }
    case 'text': {
      const data = vector.data;
      const padded = type.id === 'bpchar';
      for (let j = 0; j < n; j++) {
        const text = data[j] as string;
        hashes[j] = mix1(hashes[j] as number, hashText(padded ? trimBlanks(text) : text));
      }
      return;
    }
    case 'boxed': {
      const data = vector.data;
      const hash = hasher(type);
      for (let j = 0; j < n; j++) hashes[j] = mix1(hashes[j] as number, hash(data[j] as NonNullValue));
      return;
    }
    default:
      unreachable(vector);
  }
}

function hashInt64(data: BigInt64Array, n: number, hashes: Int32Array): void {
  if (n < WORD_COPY_ROWS) {
    for (let j = 0; j < n; j++) {
      const x = data[j] as bigint;
      hashes[j] = mix2(
        hashes[j] as number,
        Number(BigInt.asIntN(32, x)),
        Number(BigInt.asIntN(32, x >> 32n)),
      );
    }
    return;
  }
  const words = wordsOf(data, n);
  for (let j = 0; j < n; j++) {
    hashes[j] = mix2(hashes[j] as number, words[j << 1] as number, words[(j << 1) + 1] as number);
  }
}

const one = new Int32Array(1);

/** NULLs are rare in keys: dense hash into a copy, then the NULL rows put right. */
function hashWithNulls(
  vector: StateVector,
  type: DataType,
  nulls: Uint8Array,
  n: number,
  hashes: Int32Array,
): void {
  const before = n === 1 ? one : new Int32Array(n);
  before.set(n === hashes.length ? hashes : hashes.subarray(0, n));
  if (vector.kind === 'boxed') {
    const hash = hasher(type);
    for (let j = 0; j < n; j++) {
      if (nulls[j] !== 1) hashes[j] = mix1(hashes[j] as number, hash(vector.data[j] as NonNullValue));
    }
  } else hashDense(vector, type, n, hashes);
  for (let j = 0; j < n; j++) if (nulls[j] === 1) hashes[j] = mix1(before[j] as number, HASH_NULL);
}
