/**
 * Order, equality and hash of SQL values, by type: what ORDER BY, GROUP BY, joins, DISTINCT and indexes go by.
 *
 * A total order in every type: NaN equals itself and is largest; char(n) ignores trailing blanks; text goes by code
 * points; intervals by 30-day months and 24-hour days; jsonb and arrays as PostgreSQL. Equal values have equal hashes.
 * NULL at the top is the caller's; inside arrays and rows it is larger than everything and equal to itself.
 */
import type { DataType, StructField, TypeId } from './dataType.ts';
import { Decimal } from './decimal.ts';
import type { JsonNode } from './jsonb.ts';
import { isJsonArray, isJsonObject } from './jsonText.ts';
import type { SqlArray } from './sqlArray.ts';
import { compareBytes, compareText, hashText } from './textOrder.ts';
import type { TimeTz } from './timeTz.ts';
import type { NonNullValue, Value } from './value.ts';
import type { TypeOf, ValueByType } from './valueByType.ts';

export { compareText, hashText };

export type Comparator = (a: NonNullValue, b: NonNullValue) => number;
export type Hasher = (value: NonNullValue) => number;

// --- scalars ---------------------------------------------------------------------------------------------------

function compareNumbers(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareFloats(a: number, b: number): number {
  if (a < b) return -1;
  if (a > b) return 1;
  if (a === b) return 0;
  return (Number.isNaN(a) ? 1 : 0) - (Number.isNaN(b) ? 1 : 0);
}

function compareBigints(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The text without trailing blanks, which char(n) does not regard. */
export function trimBlanks(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 32) end--;
  return end === text.length ? text : text.slice(0, end);
}

function compareTimeTz(a: TimeTz, b: TimeTz): number {
  const x = a.micros - BigInt(a.offsetSeconds) * 1_000_000n;
  const y = b.micros - BigInt(b.offsetSeconds) * 1_000_000n;
  return x < y ? -1 : x > y ? 1 : compareNumbers(b.offsetSeconds, a.offsetSeconds);
}

function mix(h: number, k: number): number {
  const x = Math.imul(h ^ Math.imul(k, 0xcc9e2d51), 0x1b873593);
  return (x ^ (x >>> 15)) | 0;
}

/** Scrambles an int32. */
export function hashInt(n: number): number {
  let h = Math.imul(n ^ (n >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) | 0;
}

/** Hash of an int64. */
export function hashBigint(n: bigint): number {
  return mix(hashInt(Number(BigInt.asIntN(32, n))), Number(BigInt.asIntN(32, n >> 32n)));
}

const floatBits = new Float64Array(1);
const floatWords = new Int32Array(floatBits.buffer);

/** Hash of a float8: zeros are one value, and so are NaNs. */
export function hashFloat(x: number): number {
  floatBits[0] = x === 0 ? 0 : Number.isNaN(x) ? Number.NaN : x;
  return mix(hashInt(floatWords[0] ?? 0), floatWords[1] ?? 0);
}

function hashBytes(bytes: Uint8Array): number {
  let h = 0x811c9dc5 ^ bytes.length;
  for (const b of bytes) h = Math.imul(h ^ b, 0x01000193);
  return hashInt(h);
}

// --- jsonb -----------------------------------------------------------------------------------------------------

function jsonRank(node: JsonNode): number {
  if (node === null) return 0;
  if (typeof node === 'string') return 1;
  if (typeof node === 'boolean') return 3;
  if (node instanceof Decimal) return 2;
  return isJsonArray(node) ? 4 : 5;
}

/** jsonb's order of documents. At the top a scalar counts as an array of one, below any real array of one or more. */
export function compareJson(a: JsonNode, b: JsonNode): number {
  const x = jsonRank(a);
  const y = jsonRank(b);
  if (x < 4 && isJsonArray(b)) return b.length === 0 ? 1 : -1;
  if (y < 4 && isJsonArray(a)) return a.length === 0 ? -1 : 1;
  return compareJsonNested(a, b);
}

function compareJsonNested(a: JsonNode, b: JsonNode): number {
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  if (a instanceof Decimal && b instanceof Decimal) return a.compare(b);
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  if (isJsonArray(a) && isJsonArray(b)) {
    if (a.length !== b.length) return a.length < b.length ? -1 : 1;
    for (let i = 0; i < a.length; i++) {
      const c = compareJsonNested(a[i] ?? null, b[i] ?? null);
      if (c !== 0) return c;
    }
    return 0;
  }
  if (isJsonObject(a) && isJsonObject(b)) {
    if (a.size !== b.size) return a.size < b.size ? -1 : 1;
    const others = b.entries();
    for (const [key, value] of a) {
      const other = others.next().value;
      if (other === undefined) return 1;
      const c = compareText(key, other[0]) || compareJsonNested(value, other[1]);
      if (c !== 0) return c;
    }
    return 0;
  }
  return Math.sign(jsonRank(a) - jsonRank(b));
}

/** Hash of a JSON document. */
export function hashJson(node: JsonNode): number {
  if (node === null) return 0x2f0b4c1d;
  if (typeof node === 'string') return hashText(node);
  if (typeof node === 'boolean') return node ? 0x51ed270b : 0x3c6ef372;
  if (node instanceof Decimal) return node.hash();
  if (isJsonArray(node)) return node.reduce((h: number, item) => mix(h, hashJson(item)), 0x1234567);
  let h = 0x7654321;
  for (const [key, value] of node) h = mix(mix(h, hashText(key)), hashJson(value));
  return h;
}

// --- arrays and rows -------------------------------------------------------------------------------------------

function leafType(element: DataType): DataType {
  return element.id === 'array' ? leafType(element.element) : element;
}

function compareNullable(a: Value, b: Value, type: DataType): number {
  if (a === null) return b === null ? 0 : 1;
  return b === null ? -1 : compareValues(a, b, type);
}

function compareArrays(a: SqlArray, b: SqlArray, element: DataType): number {
  const n = Math.min(a.elements.length, b.elements.length);
  for (let i = 0; i < n; i++) {
    const c = compareNullable(a.elements[i] ?? null, b.elements[i] ?? null, element);
    if (c !== 0) return c;
  }
  return (
    compareNumbers(a.elements.length, b.elements.length) ||
    compareNumbers(a.dimensions.length, b.dimensions.length) ||
    compareNumberLists(a.dimensions, b.dimensions) ||
    compareNumberLists(a.lowerBounds, b.lowerBounds)
  );
}

function compareNumberLists(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) {
    const c = compareNumbers(a[i] ?? 0, b[i] ?? 0);
    if (c !== 0) return c;
  }
  return 0;
}

function compareRows(a: readonly Value[], b: readonly Value[], fields: readonly StructField[]): number {
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i];
    if (field === undefined) continue;
    const c = compareNullable(a[i] ?? null, b[i] ?? null, field.type);
    if (c !== 0) return c;
  }
  return 0;
}

function hashNullable(value: Value, type: DataType): number {
  return value === null ? 0x5bd1e995 : hashValue(value, type);
}

// --- tables ----------------------------------------------------------------------------------------------------

interface Ordering<K extends TypeId> {
  readonly compare: (a: ValueByType[K], b: ValueByType[K], type: TypeOf<K>) => number;
  readonly hash: (value: ValueByType[K], type: TypeOf<K>) => number;
}

const byNumber = { compare: compareNumbers, hash: hashInt };
const byLargeNumber = { compare: compareNumbers, hash: hashFloat };
const byFloat = { compare: compareFloats, hash: hashFloat };
const byBigint = { compare: compareBigints, hash: hashBigint };
const byText = { compare: compareText, hash: hashText };

const orderings: { readonly [K in TypeId]: Ordering<K> } = {
  bool: { compare: (a, b) => Number(a) - Number(b), hash: (value) => hashInt(value ? 1 : 0) },
  int2: byNumber,
  int4: byNumber,
  int8: byBigint,
  float4: byFloat,
  float8: byFloat,
  numeric: { compare: (a, b) => a.compare(b), hash: (value) => value.hash() },
  text: byText,
  varchar: byText,
  bpchar: {
    compare: (a, b) => compareText(trimBlanks(a), trimBlanks(b)),
    hash: (value) => hashText(trimBlanks(value)),
  },
  name: byText,
  char: byText,
  bytea: { compare: compareBytes, hash: hashBytes },
  date: byNumber,
  time: byBigint,
  timetz: {
    compare: compareTimeTz,
    hash: (value) => mix(hashBigint(value.micros), value.offsetSeconds),
  },
  timestamp: byBigint,
  timestamptz: byBigint,
  interval: { compare: (a, b) => a.compare(b), hash: (value) => value.hash() },
  json: byText,
  jsonb: { compare: (a, b) => compareJson(a.root, b.root), hash: (value) => hashJson(value.root) },
  uuid: byText,
  oid: byLargeNumber,
  regclass: byLargeNumber,
  regtype: byLargeNumber,
  regproc: byLargeNumber,
  regnamespace: byLargeNumber,
  void: byText,
  unknown: byText,
  array: {
    compare: (a, b, type) => compareArrays(a, b, leafType(type.element)),
    hash: (value, type) => {
      const element = leafType(type.element);
      return value.elements.reduce((h: number, item) => mix(h, hashNullable(item, element)), 0x01000193);
    },
  },
  struct: {
    compare: (a, b, type) => compareRows(a, b, type.fields),
    hash: (value, type) =>
      type.fields.reduce((h, field, i) => mix(h, hashNullable(value[i] ?? null, field.type)), 0x9747b28c),
  },
};

/** What the table holds for a type, with the type's values taken as any value: the invariant of value.ts. */
interface AnyOrdering {
  readonly compare: (a: NonNullValue, b: NonNullValue, type: DataType) => number;
  readonly hash: (value: NonNullValue, type: DataType) => number;
}

function orderingOf(type: DataType): AnyOrdering {
  return orderings[type.id] as unknown as AnyOrdering;
}

/** -1, 0 or 1 by the type's order. */
export function compareValues(a: NonNullValue, b: NonNullValue, type: DataType): number {
  return orderingOf(type).compare(a, b, type);
}

/** Whether two values are equal by the type's `=`. */
export function equalValues(a: NonNullValue, b: NonNullValue, type: DataType): boolean {
  return orderingOf(type).compare(a, b, type) === 0;
}

/** 32-bit hash, equal for equal values of the type. */
export function hashValue(value: NonNullValue, type: DataType): number {
  return orderingOf(type).hash(value, type);
}

/** The type's order as a function, for loops over many values. */
export function comparator(type: DataType): Comparator {
  const { compare } = orderingOf(type);
  if (type.id !== 'array' && type.id !== 'struct') return compare as Comparator;
  return (a, b) => compare(a, b, type);
}

/** The type's hash as a function. */
export function hasher(type: DataType): Hasher {
  const { hash } = orderingOf(type);
  if (type.id !== 'array' && type.id !== 'struct') return hash as Hasher;
  return (value) => hash(value, type);
}

/** Order of values that may be NULL, with NULL after everything. */
export function compareNullsLast(a: Value, b: Value, type: DataType): number {
  return compareNullable(a, b, type);
}
