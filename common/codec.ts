/**
 * Values as bytes and back, exactly (scales, dimensions and field boundaries included): how state and checkpoints hold
 * boxed values off the heap. Compact rather than ordered; keyEncoding.ts keeps order.
 *
 * Every encoding ends where its decoder stops, so encodings may follow one another without lengths.
 */
import type { ByteReader, ByteWriter } from './byteWriter.ts';
import type { DataType, TypeId } from './dataType.ts';
import { Decimal } from './decimal.ts';
import { Interval } from './interval.ts';
import { Jsonb, type JsonNode } from './jsonb.ts';
import { isJsonArray } from './jsonText.ts';
import { SqlArray } from './sqlArray.ts';
import { TimeTz } from './timeTz.ts';
import type { NonNullValue, Value } from './value.ts';
import type { TypeOf, ValueByType } from './valueByType.ts';

export type ValueEncoder = (value: NonNullValue, out: ByteWriter) => void;
export type ValueDecoder = (input: ByteReader) => NonNullValue;

interface Codec<K extends TypeId> {
  readonly encode: (value: ValueByType[K], out: ByteWriter, type: TypeOf<K>) => void;
  readonly decode: (input: ByteReader, type: TypeOf<K>) => ValueByType[K];
}

// --- integers and numeric --------------------------------------------------------------------------------------

const SMALL_MAX = 4_503_599_627_370_495n;

/** A signed bigint: small ones zigzag in a varint, others as 1 and hexadecimal bytes. */
export function writeBigint(value: bigint, out: ByteWriter): void {
  if (value <= SMALL_MAX && value >= -SMALL_MAX) {
    out.uint8(0);
    out.varint(value >= 0n ? Number(value) * 2 : Number(-value) * 2 - 1);
    return;
  }
  out.uint8(value < 0n ? 2 : 1);
  const hex = (value < 0n ? -value : value).toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  out.varint(bytes.length);
  out.raw(bytes);
}

/** Reads back what `writeBigint` wrote. */
export function readBigint(input: ByteReader): bigint {
  const form = input.uint8();
  if (form === 0) {
    const zigzag = input.varint();
    return BigInt(zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2);
  }
  const size = BigInt(`0x${Buffer.from(input.raw(input.varint())).toString('hex')}`);
  return form === 2 ? -size : size;
}

const specials = ['NaN', 'Infinity', '-Infinity'] as const;

/** Scale + 3, or 0, 1, 2 for the special values. */
function writeDecimal(value: Decimal, out: ByteWriter): void {
  if (value.special !== null) {
    out.varint(specials.indexOf(value.special));
    return;
  }
  out.varint(value.scale + specials.length);
  writeBigint(value.coefficient, out);
}

function readDecimal(input: ByteReader): Decimal {
  const head = input.varint();
  const special = specials[head];
  if (special !== undefined) return new Decimal(0n, 0, special);
  return new Decimal(readBigint(input), head - specials.length);
}

// --- json ------------------------------------------------------------------------------------------------------

function writeJson(node: JsonNode, out: ByteWriter): void {
  if (node === null) out.uint8(0);
  else if (typeof node === 'boolean') out.uint8(node ? 2 : 1);
  else if (typeof node === 'string') {
    out.uint8(3);
    out.text(node);
  } else if (node instanceof Decimal) {
    out.uint8(4);
    writeDecimal(node, out);
  } else if (isJsonArray(node)) {
    out.uint8(5);
    out.varint(node.length);
    for (const item of node) writeJson(item, out);
  } else {
    out.uint8(6);
    out.varint(node.size);
    for (const [key, value] of node) {
      out.text(key);
      writeJson(value, out);
    }
  }
}

function readJson(input: ByteReader): JsonNode {
  switch (input.uint8()) {
    case 1:
      return false;
    case 2:
      return true;
    case 3:
      return input.text();
    case 4:
      return readDecimal(input);
    case 5: {
      const items: JsonNode[] = [];
      for (let n = input.varint(); n > 0; n--) items.push(readJson(input));
      return items;
    }
    case 6: {
      const fields = new Map<string, JsonNode>();
      for (let n = input.varint(); n > 0; n--) {
        const key = input.text();
        fields.set(key, readJson(input));
      }
      return fields;
    }
    default:
      return null;
  }
}

// --- arrays and rows -------------------------------------------------------------------------------------------

function leafType(type: DataType): DataType {
  return type.id === 'array' ? leafType(type.element) : type;
}

function writeNullable(value: Value, type: DataType, out: ByteWriter): void {
  out.uint8(value === null ? 0 : 1);
  if (value !== null) codecOf(type).encode(value, out, type);
}

function readNullable(input: ByteReader, type: DataType): Value {
  return input.uint8() === 0 ? null : codecOf(type).decode(input, type);
}

function writeArray(value: SqlArray, element: DataType, out: ByteWriter): void {
  out.varint(value.dimensions.length);
  value.dimensions.forEach((length, i) => {
    out.varint(length);
    out.int32(value.lowerBounds[i] ?? 1);
  });
  out.varint(value.elements.length);
  for (const item of value.elements) writeNullable(item, element, out);
}

function readArray(input: ByteReader, element: DataType): SqlArray {
  const dimensions: number[] = [];
  const lowerBounds: number[] = [];
  for (let n = input.varint(); n > 0; n--) {
    dimensions.push(input.varint());
    lowerBounds.push(input.int32());
  }
  const elements: Value[] = [];
  for (let n = input.varint(); n > 0; n--) elements.push(readNullable(input, element));
  return new SqlArray(elements, dimensions, lowerBounds);
}

// --- table -----------------------------------------------------------------------------------------------------

const int32 = {
  encode: (v: number, out: ByteWriter) => out.int32(v),
  decode: (input: ByteReader) => input.int32(),
};
const int64 = {
  encode: (v: bigint, out: ByteWriter) => out.int64(v),
  decode: (input: ByteReader) => input.int64(),
};
const float64 = {
  encode: (v: number, out: ByteWriter) => out.float64(v),
  decode: (input: ByteReader) => input.float64(),
};
const text = {
  encode: (v: string, out: ByteWriter) => out.text(v),
  decode: (input: ByteReader) => input.text(),
};

const codecs: { readonly [K in TypeId]: Codec<K> } = {
  bool: { encode: (v, out) => out.uint8(v ? 1 : 0), decode: (input) => input.uint8() === 1 },
  int2: int32,
  int4: int32,
  int8: int64,
  float4: float64,
  float8: float64,
  numeric: { encode: writeDecimal, decode: readDecimal },
  text,
  varchar: text,
  bpchar: text,
  name: text,
  char: text,
  bytea: {
    encode: (v, out) => {
      out.varint(v.length);
      out.raw(v);
    },
    decode: (input) => input.raw(input.varint()),
  },
  date: int32,
  time: int64,
  timetz: {
    encode: (v, out) => {
      out.int64(v.micros);
      out.int32(v.offsetSeconds);
    },
    decode: (input) => {
      const micros = input.int64();
      return new TimeTz(micros, input.int32());
    },
  },
  timestamp: int64,
  timestamptz: int64,
  interval: {
    encode: (v, out) => {
      out.int32(v.months);
      out.int32(v.days);
      out.int64(v.micros);
    },
    decode: (input) => {
      const months = input.int32();
      const days = input.int32();
      return new Interval(months, days, input.int64());
    },
  },
  json: text,
  jsonb: { encode: (v, out) => writeJson(v.root, out), decode: (input) => new Jsonb(readJson(input)) },
  uuid: text,
  oid: float64,
  regclass: float64,
  regtype: float64,
  regproc: float64,
  regnamespace: float64,
  void: text,
  unknown: text,
  array: {
    encode: (v, out, type) => writeArray(v, leafType(type.element), out),
    decode: (input, type) => readArray(input, leafType(type.element)),
  },
  struct: {
    encode: (v, out, type) => {
      type.fields.forEach((field, i) => {
        writeNullable(v[i] ?? null, field.type, out);
      });
    },
    decode: (input, type) => type.fields.map((field) => readNullable(input, field.type)),
  },
};

/** What the table holds for a type, with its values taken as any value: the invariant of value.ts. */
interface AnyCodec {
  readonly encode: (value: NonNullValue, out: ByteWriter, type: DataType) => void;
  readonly decode: (input: ByteReader, type: DataType) => NonNullValue;
}

function codecOf(type: DataType): AnyCodec {
  return codecs[type.id] as unknown as AnyCodec;
}

/** The function that appends values of a type to a writer. */
export function encodeValue(type: DataType): ValueEncoder {
  const { encode } = codecOf(type);
  return (value, out) => encode(value, out, type);
}

/** The function that reads back what `encodeValue` wrote. */
export function decodeValue(type: DataType): ValueDecoder {
  const { decode } = codecOf(type);
  return (input) => decode(input, type);
}

/** As `encodeValue`, with a byte in front that tells NULL. */
export function encodeNullable(type: DataType): (value: Value, out: ByteWriter) => void {
  return (value, out) => writeNullable(value, type, out);
}

/** Reads back what `encodeNullable` wrote. */
export function decodeNullable(type: DataType): (input: ByteReader) => Value {
  return (input) => readNullable(input, type);
}
