/**
 * The binary format of every type, both directions: one exhaustive table. Dates and timestamps count from 2000-01-01.
 * A value that is too short or has bytes left over is an ordinary error, since its message is well framed.
 */
import { must } from '../common/assert.ts';
import type { ArrayType, DataType, StructType, TypeId } from '../common/dataType.ts';
import { checkDate, checkTimestamp, MICROS_PER_DAY } from '../common/dateTime.ts';
import type { Decimal } from '../common/decimal.ts';
import { Interval } from '../common/interval.ts';
import type { Jsonb } from '../common/jsonb.ts';
import { SqlArray } from '../common/sqlArray.ts';
import { SqlError } from '../common/sqlError.ts';
import type { TextContext } from '../common/textContext.ts';
import { formatValue, parseValue } from '../common/textIo.ts';
import { TimeTz } from '../common/timeTz.ts';
import { oidOf } from '../common/typeTable.ts';
import { decodeUtf8 } from '../common/utf8.ts';
import type { NonNullValue, Value } from '../common/value.ts';
import {
  DATE_INFINITY,
  DATE_MINUS_INFINITY,
  TIMESTAMP_INFINITY,
  TIMESTAMP_MINUS_INFINITY,
} from '../common/value.ts';
import { ByteReader, type ByteWriter, ProtocolError } from './bytes.ts';
import { decodeNumeric, encodeNumeric } from './numericCodec.ts';

/** 2000-01-01 as days and microseconds since 1970-01-01. */
const EPOCH_DAYS = 10_957;
const EPOCH_MICROS = BigInt(EPOCH_DAYS) * MICROS_PER_DAY;
const MAX_DIMENSIONS = 6;
const MAX_ELEMENTS = 134_217_727;
/** Zones lie within sixteen hours of UTC. */
const MAX_ZONE_SECONDS = 16 * 3600;

type Encode = (out: ByteWriter, value: NonNullValue, type: DataType, context: TextContext) => void;
type Decode = (reader: ByteReader, type: DataType, context: TextContext) => NonNullValue;
interface BinaryCodec {
  readonly encode: Encode;
  readonly decode: Decode;
}

/** The one cast between a type id and the JavaScript type of its values (see common/value.ts). */
function codec<V extends NonNullValue>(
  encode: (out: ByteWriter, value: V, type: DataType, context: TextContext) => void,
  decode: (reader: ByteReader, type: DataType, context: TextContext) => V,
): BinaryCodec {
  return { encode: encode as Encode, decode };
}

const text = codec<string>(
  (out, s) => out.utf8(s),
  (r) => decodeUtf8(r.raw(r.remaining)),
);
const oid = codec<number>(
  (out, n) => out.uint32(n),
  (r) => r.uint32(),
);
const timestamp = codec<bigint>(encodeTimestamp, decodeTimestamp);

const codecs: { readonly [K in TypeId]: BinaryCodec } = {
  bool: codec<boolean>(
    (out, b) => out.uint8(b ? 1 : 0),
    (r) => r.uint8() !== 0,
  ),
  int2: codec<number>(
    (out, n) => out.int16(n),
    (r) => r.int16(),
  ),
  int4: codec<number>(
    (out, n) => out.int32(n),
    (r) => r.int32(),
  ),
  int8: codec<bigint>(
    (out, n) => out.int64(n),
    (r) => r.int64(),
  ),
  float4: codec<number>(
    (out, x) => out.float32(x),
    (r) => r.float32(),
  ),
  float8: codec<number>(
    (out, x) => out.float64(x),
    (r) => r.float64(),
  ),
  numeric: codec<Decimal>(encodeNumeric, decodeNumeric),
  text,
  varchar: text,
  bpchar: text,
  name: text,
  char: text,
  unknown: text,
  bytea: codec<Uint8Array>(
    (out, b) => out.raw(b),
    (r) => Uint8Array.from(r.raw(r.remaining)),
  ),
  date: codec<number>(encodeDate, decodeDate),
  time: codec<bigint>((out, t) => out.int64(t), decodeTime),
  timetz: codec<TimeTz>((out, t) => {
    out.int64(t.micros);
    // The wire counts seconds west of UTC.
    out.int32(-t.offsetSeconds);
  }, decodeTimeTz),
  timestamp,
  timestamptz: timestamp,
  interval: codec<Interval>(
    (out, i) => {
      out.int64(i.micros);
      out.int32(i.days);
      out.int32(i.months);
    },
    (r) => {
      const micros = r.int64();
      const days = r.int32();
      return new Interval(r.int32(), days, micros);
    },
  ),
  json: codec<string>(
    (out, s) => out.utf8(s),
    (r, type, context) => parseText(r, type, context) as string,
  ),
  jsonb: codec<Jsonb>(
    (out, j, type, context) => {
      out.uint8(1);
      out.utf8(formatValue(j, type, context));
    },
    (r, type, context) => {
      const version = r.uint8();
      if (version !== 1) throw new SqlError('22P03', `unsupported jsonb version number ${version}`);
      return parseText(r, type, context) as Jsonb;
    },
  ),
  uuid: codec<string>((out, s) => out.raw(Buffer.from(s.replaceAll('-', ''), 'hex')), decodeUuid),
  oid,
  regclass: oid,
  regtype: oid,
  regproc: oid,
  regnamespace: oid,
  void: codec<string>(
    () => undefined,
    (r) => {
      r.raw(r.remaining);
      return '';
    },
  ),
  array: codec<SqlArray>(
    (out, a, type, context) => encodeArray(out, a, type as ArrayType, context),
    (r, type, context) => decodeArray(r, type as ArrayType, context),
  ),
  struct: codec<readonly Value[]>(
    (out, v, type, context) => encodeStruct(out, v, type as StructType, context),
    (r, type, context) => decodeStruct(r, type as StructType, context),
  ),
};

/** Appends the value's binary form, without a length. */
export function encodeBinary(
  out: ByteWriter,
  value: NonNullValue,
  type: DataType,
  context: TextContext,
): void {
  codecs[type.id].encode(out, value, type, context);
}

/** Reads a value from exactly `bytes`; `where` names it in the error for bytes left over. */
export function decodeBinary(
  bytes: Buffer,
  type: DataType,
  context: TextContext,
  where: string,
): NonNullValue {
  const reader = new ByteReader(bytes);
  let value: NonNullValue;
  try {
    value = codecs[type.id].decode(reader, type, context);
  } catch (error) {
    if (error instanceof ProtocolError) throw new SqlError('08P01', error.message);
    throw error;
  }
  if (reader.remaining !== 0) throw new SqlError('22P03', `incorrect binary data format in ${where}`);
  return value;
}

function parseText(reader: ByteReader, type: DataType, context: TextContext): NonNullValue {
  return must(parseValue(decodeUtf8(reader.raw(reader.remaining)), type, context));
}

function encodeDate(out: ByteWriter, days: number): void {
  out.int32(days === DATE_INFINITY || days === DATE_MINUS_INFINITY ? days : days - EPOCH_DAYS);
}

function decodeDate(reader: ByteReader): number {
  const days = reader.int32();
  if (days === DATE_INFINITY || days === DATE_MINUS_INFINITY) return days;
  return checkDate(days + EPOCH_DAYS);
}

function decodeTime(reader: ByteReader): bigint {
  const micros = reader.int64();
  if (micros < 0n || micros > MICROS_PER_DAY) throw new SqlError('22008', 'time out of range');
  return micros;
}

function decodeTimeTz(reader: ByteReader): TimeTz {
  const micros = decodeTime(reader);
  const west = reader.int32();
  if (west <= -MAX_ZONE_SECONDS || west >= MAX_ZONE_SECONDS) {
    throw new SqlError('22009', 'time zone displacement out of range');
  }
  return new TimeTz(micros, west === 0 ? 0 : -west);
}

function encodeTimestamp(out: ByteWriter, micros: bigint): void {
  const infinite = micros === TIMESTAMP_INFINITY || micros === TIMESTAMP_MINUS_INFINITY;
  out.int64(infinite ? micros : micros - EPOCH_MICROS);
}

function decodeTimestamp(reader: ByteReader): bigint {
  const micros = reader.int64();
  if (micros === TIMESTAMP_INFINITY || micros === TIMESTAMP_MINUS_INFINITY) return micros;
  return checkTimestamp(micros + EPOCH_MICROS);
}

function decodeUuid(reader: ByteReader): string {
  const hex = reader.raw(16).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** A field or element: its length and bytes, or -1 for NULL. */
function encodeNullable(out: ByteWriter, value: Value, type: DataType, context: TextContext): void {
  if (value === null) {
    out.int32(-1);
    return;
  }
  const mark = out.beginLength();
  encodeBinary(out, value, type, context);
  out.endLength(mark, 0);
}

function decodeNullable(reader: ByteReader, type: DataType, context: TextContext, where: string): Value {
  const length = reader.int32();
  return length === -1 ? null : decodeBinary(reader.raw(length), type, context, where);
}

/** An array of arrays holds the innermost elements, with more dimensions. */
function leafType(element: DataType): DataType {
  return element.id === 'array' ? leafType(element.element) : element;
}

function encodeArray(out: ByteWriter, array: SqlArray, type: ArrayType, context: TextContext): void {
  const element = leafType(type.element);
  out.int32(array.dimensions.length);
  out.int32(array.elements.includes(null) ? 1 : 0);
  out.uint32(oidOf(element));
  array.dimensions.forEach((length, i) => {
    out.int32(length);
    out.int32(array.lowerBounds[i] ?? 1);
  });
  for (const item of array.elements) encodeNullable(out, item, element, context);
}

function decodeArray(reader: ByteReader, type: ArrayType, context: TextContext): SqlArray {
  const element = leafType(type.element);
  const dimensionCount = reader.int32();
  if (dimensionCount < 0) throw new SqlError('22P03', `invalid number of dimensions: ${dimensionCount}`);
  if (dimensionCount > MAX_DIMENSIONS) {
    throw new SqlError(
      '54000',
      `number of array dimensions (${dimensionCount}) exceeds the maximum allowed (${MAX_DIMENSIONS})`,
    );
  }
  const flags = reader.int32();
  if (flags !== 0 && flags !== 1) throw new SqlError('22P03', 'invalid array flags');
  checkElementType(reader.uint32(), element);
  const dimensions: number[] = [];
  const lowerBounds: number[] = [];
  let count = dimensionCount === 0 ? 0 : 1;
  for (let i = 0; i < dimensionCount; i++) {
    const length = reader.int32();
    dimensions.push(length);
    lowerBounds.push(reader.int32());
    count *= length;
    // Each element takes at least its length word, so a count beyond the message is refused before any allocation.
    if (length < 0 || count > MAX_ELEMENTS) {
      throw new SqlError('54000', `array size exceeds the maximum allowed (${MAX_ELEMENTS})`);
    }
  }
  if (count === 0) return new SqlArray([]);
  const elements: Value[] = [];
  for (let i = 0; i < count; i++) {
    elements.push(decodeNullable(reader, element, context, `array element ${i + 1}`));
  }
  return new SqlArray(elements, dimensions, lowerBounds);
}

function checkElementType(sent: number, element: DataType): void {
  if (sent === oidOf(element)) return;
  throw new SqlError(
    '42804',
    `binary data has array element type ${sent} instead of expected ${oidOf(element)}`,
  );
}

function encodeStruct(
  out: ByteWriter,
  fields: readonly Value[],
  type: StructType,
  context: TextContext,
): void {
  out.int32(type.fields.length);
  type.fields.forEach((field, i) => {
    out.uint32(oidOf(field.type));
    encodeNullable(out, fields[i] ?? null, field.type, context);
  });
}

function decodeStruct(reader: ByteReader, type: StructType, context: TextContext): readonly Value[] {
  const count = reader.int32();
  if (count !== type.fields.length) {
    throw new SqlError('42804', `wrong number of columns: ${count}, expected ${type.fields.length}`);
  }
  return type.fields.map((field, i) => {
    const sent = reader.uint32();
    if (sent !== oidOf(field.type)) {
      throw new SqlError(
        '42804',
        `binary data has type ${sent} instead of expected ${oidOf(field.type)} in record column ${i + 1}`,
      );
    }
    return decodeNullable(reader, field.type, context, `record column ${i + 1}`);
  });
}
