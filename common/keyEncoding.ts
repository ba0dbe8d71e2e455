/**
 * Order-preserving keys: bytes that compare (as unsigned bytes) like the values they stand for, and are the same exactly
 * for values that are equal by the type's `=`. NULL comes last. Keys of several columns are concatenations: no
 * encoding of a type is a proper prefix of another of that type.
 */
import { ByteWriter } from './byteWriter.ts';
import { trimBlanks } from './compare.ts';
import type { DataType, TypeId } from './dataType.ts';
import { Decimal } from './decimal.ts';
import type { JsonNode } from './jsonb.ts';
import { isJsonArray, isJsonObject } from './jsonText.ts';
import type { SqlArray } from './sqlArray.ts';
import type { NonNullValue, Value } from './value.ts';
import type { TypeOf, ValueByType } from './valueByType.ts';

type KeyEncoder<K extends TypeId> = (value: ValueByType[K], out: ByteWriter, type: TypeOf<K>) => void;

const PRESENT = 1;
const NULL = 2;
const END = 0;

function writeInt32(value: number, out: ByteWriter): void {
  out.uint32((value ^ 0x80000000) >>> 0);
}

function writeInt64(value: bigint, out: ByteWriter): void {
  out.uint64(BigInt.asUintN(64, value ^ 0x8000000000000000n));
}

const floatBits = new DataView(new ArrayBuffer(8));

function writeFloat(value: number, out: ByteWriter): void {
  floatBits.setFloat64(0, value === 0 ? 0 : Number.isNaN(value) ? Number.NaN : value);
  const bits = floatBits.getBigUint64(0);
  // Negative numbers run backwards; the sign bit set puts the others above them.
  out.uint64(bits >= 0x8000000000000000n ? BigInt.asUintN(64, ~bits) : bits | 0x8000000000000000n);
}

/** Bytes with zeros escaped, closed by a terminator below every continuation. */
function writeBytes(bytes: Uint8Array, out: ByteWriter): void {
  let from = 0;
  for (let zero = bytes.indexOf(0); zero >= 0; zero = bytes.indexOf(0, from)) {
    out.raw(bytes.subarray(from, zero));
    out.uint8(0);
    out.uint8(0xff);
    from = zero + 1;
  }
  out.raw(bytes.subarray(from));
  out.uint8(0);
  out.uint8(1);
}

function writeText(text: string, out: ByteWriter): void {
  if (text.includes('\0')) {
    writeBytes(Buffer.from(text), out);
    return;
  }
  out.utf8(text);
  out.uint8(0);
  out.uint8(1);
}

const specialRank = { '-Infinity': 0, Infinity: 4, NaN: 5 } as const;

/** Class, decimal exponent, significant digits; inverted below zero. */
function writeDecimal(value: Decimal, out: ByteWriter): void {
  if (value.special !== null) {
    out.uint8(specialRank[value.special]);
    return;
  }
  const { coefficient } = value;
  if (coefficient === 0n) {
    out.uint8(2);
    return;
  }
  const negative = coefficient < 0n;
  out.uint8(negative ? 1 : 3);
  const start = out.length;
  const digits = (negative ? -coefficient : coefficient).toString();
  writeInt32(digits.length - value.scale, out);
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === 48) end--;
  out.utf8(digits.slice(0, end));
  out.uint8(END);
  if (negative) out.invert(start);
}

function writeJsonNode(node: JsonNode, out: ByteWriter): void {
  if (node === null) out.uint8(0);
  else if (typeof node === 'string') {
    out.uint8(1);
    writeText(node, out);
  } else if (node instanceof Decimal) {
    out.uint8(2);
    writeDecimal(node, out);
  } else if (typeof node === 'boolean') out.uint8(node ? 4 : 3);
  else if (isJsonArray(node)) {
    out.uint8(5);
    out.uint32(node.length);
    for (const item of node) writeJsonNode(item, out);
  } else {
    out.uint8(6);
    out.uint32(node.size);
    for (const [key, item] of node) {
      writeText(key, out);
      writeJsonNode(item, out);
    }
  }
}

/** At the top, the empty array is below the scalars and they are below other arrays. */
function writeJson(node: JsonNode, out: ByteWriter): void {
  if (isJsonObject(node)) out.uint8(3);
  else if (isJsonArray(node)) out.uint8(node.length === 0 ? 0 : 2);
  else out.uint8(1);
  writeJsonNode(node, out);
}

function leafType(type: DataType): DataType {
  return type.id === 'array' ? leafType(type.element) : type;
}

function writeArray(value: SqlArray, element: DataType, out: ByteWriter): void {
  for (const item of value.elements) writeNullable(item, element, out);
  out.uint8(END);
  out.uint8(value.dimensions.length);
  for (const length of value.dimensions) writeInt32(length, out);
  for (const bound of value.lowerBounds) writeInt32(bound, out);
}

function writeNullable(value: Value, type: DataType, out: ByteWriter): void {
  if (value === null) {
    out.uint8(NULL);
    return;
  }
  out.uint8(PRESENT);
  encoderOf(type)(value, out, type);
}

const encoders: { readonly [K in TypeId]: KeyEncoder<K> } = {
  bool: (value, out) => out.uint8(value ? 1 : 0),
  int2: writeInt32,
  int4: writeInt32,
  int8: writeInt64,
  float4: writeFloat,
  float8: writeFloat,
  numeric: writeDecimal,
  text: writeText,
  varchar: writeText,
  bpchar: (value, out) => writeText(trimBlanks(value), out),
  name: writeText,
  char: writeText,
  bytea: writeBytes,
  date: writeInt32,
  time: writeInt64,
  timetz: (value, out) => {
    writeInt64(value.micros - BigInt(value.offsetSeconds) * 1_000_000n, out);
    writeInt32(0 - value.offsetSeconds, out);
  },
  timestamp: writeInt64,
  timestamptz: writeInt64,
  interval: (value, out) => {
    const total = value.normalizedMicros();
    writeInt64(total >> 64n, out);
    out.uint64(BigInt.asUintN(64, total));
  },
  json: writeText,
  jsonb: (value, out) => writeJson(value.root, out),
  uuid: writeText,
  oid: writeFloat,
  regclass: writeFloat,
  regtype: writeFloat,
  regproc: writeFloat,
  regnamespace: writeFloat,
  void: writeText,
  unknown: writeText,
  array: (value, out, type) => writeArray(value, leafType(type.element), out),
  struct: (value, out, type) => {
    type.fields.forEach((field, i) => {
      writeNullable(value[i] ?? null, field.type, out);
    });
  },
};

type AnyEncoder = (value: NonNullValue, out: ByteWriter, type: DataType) => void;

function encoderOf(type: DataType): AnyEncoder {
  // Values of a type are what ValueByType says: the invariant of value.ts.
  return encoders[type.id] as unknown as AnyEncoder;
}

/** Appends the key of one value, NULL after all others. `descending` turns the order round (NULL first). */
export function writeKey(value: Value, type: DataType, out: ByteWriter, descending = false): void {
  const start = out.length;
  writeNullable(value, type, out);
  if (descending) out.invert(start);
}

const shared = new ByteWriter(256);

/** The key of several values together, each by its type and direction. */
export function encodeKey(
  values: readonly Value[],
  types: readonly DataType[],
  descending: readonly boolean[] = [],
): Uint8Array {
  shared.reset();
  for (let i = 0; i < types.length; i++) {
    const type = types[i];
    if (type !== undefined) writeKey(values[i] ?? null, type, shared, descending[i] ?? false);
  }
  return shared.bytes();
}
