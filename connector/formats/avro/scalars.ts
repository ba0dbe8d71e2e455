/**
 * From Avro's scalars to SQL values: Avro's rules of resolution (a number may become a wider one, bytes and string one another)
 * with the column as the reader, and logical types for what they mean. A pair that has no rule here does not go together.
 */
import type { DataType } from '../../../common/dataType.ts';
import { Decimal } from '../../../common/decimal.ts';
import { formatFloat4, formatFloat8 } from '../../../common/floatText.ts';
import { Interval } from '../../../common/interval.ts';
import type { TextContext } from '../../../common/textContext.ts';
import { parseValue } from '../../../common/textIo.ts';
import { decodeUtf8 } from '../../../common/utf8.ts';
import type { Value } from '../../../common/value.ts';
import { floorDivide, fromDays, fromMicros, fromTimeMicros, signedInteger } from '../debezium/types.ts';
import type { AvroMeaning, AvroPrimitive } from './schema.ts';
import { malformed, type Tap } from './tap.ts';

export type AvroReader = (tap: Tap) => Value;

/** Microseconds of a long, by logical type or Connect's name. */
const instants: Readonly<Record<string, (n: bigint) => bigint>> = {
  'timestamp-millis': (n) => n * 1000n,
  'timestamp-micros': (n) => n,
  'timestamp-nanos': (n) => floorDivide(n, 1000n),
  'local-timestamp-millis': (n) => n * 1000n,
  'local-timestamp-micros': (n) => n,
  'local-timestamp-nanos': (n) => floorDivide(n, 1000n),
  'io.debezium.time.Timestamp': (n) => n * 1000n,
  'io.debezium.time.MicroTimestamp': (n) => n,
  'io.debezium.time.NanoTimestamp': (n) => floorDivide(n, 1000n),
};
const times: Readonly<Record<string, (n: bigint) => bigint>> = {
  'time-millis': (n) => n * 1000n,
  'time-micros': (n) => n,
  'io.debezium.time.Time': (n) => n * 1000n,
  'io.debezium.time.MicroTime': (n) => n,
  'io.debezium.time.NanoTime': (n) => n / 1000n,
};
const dates: ReadonlySet<string> = new Set(['date', 'io.debezium.time.Date']);

export function instantOf(meaning: AvroMeaning): ((n: bigint) => bigint) | undefined {
  return instants[meaning.logical ?? ''] ?? instants[meaning.connect ?? ''];
}
export function timeOf(meaning: AvroMeaning): ((n: bigint) => bigint) | undefined {
  return times[meaning.logical ?? ''] ?? times[meaning.connect ?? ''];
}
export function isDate(meaning: AvroMeaning): boolean {
  return dates.has(meaning.logical ?? '') || dates.has(meaning.connect ?? '');
}
export function isDecimal(meaning: AvroMeaning): boolean {
  return meaning.logical === 'decimal' || meaning.connect === 'org.apache.kafka.connect.data.Decimal';
}

function orMalformed(value: Value | undefined): Value {
  if (value === undefined) throw malformed('a value is out of range');
  return value;
}

/** `parse`d text of what was read: for targets that text input serves. */
function asText(read: (tap: Tap) => string, type: DataType, context: TextContext): AvroReader {
  return type.id === 'text' ? read : (tap) => parseValue(read(tap), type, context);
}

function intReader(meaning: AvroMeaning, type: DataType, context: TextContext): AvroReader | null {
  const time = timeOf(meaning);
  switch (type.id) {
    case 'int4':
      return (tap) => tap.int();
    case 'int2':
    case 'numeric':
      return asText((tap) => String(tap.int()), type, context);
    case 'int8':
      return (tap) => BigInt(tap.int());
    case 'float4':
    case 'float8':
      return asText((tap) => String(tap.int()), type, context);
    case 'time':
      return time === undefined ? null : (tap) => orMalformed(fromTimeMicros(time(BigInt(tap.int())), type));
    case 'date':
    case 'timestamp':
    case 'timestamptz':
      return isDate(meaning) ? (tap) => orMalformed(fromDays(tap.int(), type)) : null;
    case 'text':
    case 'varchar':
      if (isDate(meaning)) return (tap) => orMalformed(fromDays(tap.int(), type));
      if (time !== undefined) return (tap) => orMalformed(fromTimeMicros(time(BigInt(tap.int())), type));
      return asText((tap) => String(tap.int()), type, context);
    default:
      return null;
  }
}

function longReader(meaning: AvroMeaning, type: DataType, context: TextContext): AvroReader | null {
  const instant = instantOf(meaning);
  const time = timeOf(meaning);
  switch (type.id) {
    case 'int8':
      return (tap) => tap.long();
    case 'numeric':
      return type.precision === undefined
        ? (tap) => Decimal.fromBigint(tap.long())
        : asText((tap) => String(tap.long()), type, context);
    case 'float4':
      return (tap) => Math.fround(Number(tap.long()));
    case 'float8':
      return (tap) => Number(tap.long());
    case 'date':
    case 'timestamp':
    case 'timestamptz':
      return instant === undefined ? null : (tap) => orMalformed(fromMicros(instant(tap.long()), type));
    case 'time':
      return time === undefined ? null : (tap) => orMalformed(fromTimeMicros(time(tap.long()), type));
    case 'interval':
      if (meaning.connect !== 'io.debezium.time.MicroDuration') return null;
      return (tap) => parseValue(`${tap.long()} microseconds`, type, context);
    case 'text':
    case 'varchar':
      if (instant !== undefined) return (tap) => orMalformed(fromMicros(instant(tap.long()), type));
      if (time !== undefined) return (tap) => orMalformed(fromTimeMicros(time(tap.long()), type));
      return asText((tap) => String(tap.long()), type, context);
    default:
      return null;
  }
}

/** Bytes and fixed alike. */
export function bytesReader(
  read: (tap: Tap) => Uint8Array,
  meaning: AvroMeaning,
  type: DataType,
  context: TextContext,
): AvroReader | null {
  if (isDecimal(meaning)) {
    const decimal = (tap: Tap): Decimal => Decimal.scaled(signedInteger(read(tap)), meaning.scale);
    switch (type.id) {
      case 'numeric':
        return type.precision === undefined
          ? decimal
          : asText((tap) => decimal(tap).toString(), type, context);
      case 'float4':
      case 'float8':
      case 'text':
      case 'varchar':
        return asText((tap) => decimal(tap).toString(), type, context);
      default:
        return null;
    }
  }
  if (type.id === 'bytea') return read;
  return type.id === 'text' || type.id === 'varchar'
    ? asText((tap) => decodeUtf8(read(tap)), type, context)
    : null;
}

export function fixedReader(
  size: number,
  meaning: AvroMeaning,
  type: DataType,
  context: TextContext,
): AvroReader | null {
  const read = (tap: Tap): Uint8Array => tap.fixed(size);
  if (size === 16 && type.id === 'uuid') {
    return (tap) =>
      Buffer.from(read(tap))
        .toString('hex')
        .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  }
  if (size === 12 && meaning.logical === 'duration' && type.id === 'interval') {
    return (tap) => {
      const bytes = Buffer.from(read(tap));
      return new Interval(
        bytes.readUInt32LE(0),
        bytes.readUInt32LE(4),
        BigInt(bytes.readUInt32LE(8)) * 1000n,
      );
    };
  }
  return bytesReader(read, meaning, type, context);
}

/** Types whose text form a string may be. */
const fromText: ReadonlySet<string> = new Set([
  'text',
  'varchar',
  'bpchar',
  'name',
  'uuid',
  'date',
  'time',
  'timetz',
  'timestamp',
  'timestamptz',
  'interval',
  'numeric',
  'json',
  'jsonb',
]);

/** Null: Avro's rules give no way from the one to the other. */
export function primitiveReader(
  kind: AvroPrimitive,
  meaning: AvroMeaning,
  type: DataType,
  context: TextContext,
): AvroReader | null {
  switch (kind) {
    case 'null':
      return () => null;
    case 'boolean':
      if (type.id === 'bool') return (tap) => tap.boolean();
      return type.id === 'text' || type.id === 'varchar' ? (tap) => String(tap.boolean()) : null;
    case 'int':
      return intReader(meaning, type, context);
    case 'long':
      return longReader(meaning, type, context);
    case 'float':
      if (type.id === 'float4' || type.id === 'float8') return (tap) => tap.float();
      return type.id === 'numeric' || type.id === 'text' || type.id === 'varchar'
        ? asText((tap) => formatFloat4(tap.float()), type, context)
        : null;
    case 'double':
      if (type.id === 'float8') return (tap) => tap.double();
      return type.id === 'numeric' || type.id === 'text' || type.id === 'varchar'
        ? asText((tap) => formatFloat8(tap.double()), type, context)
        : null;
    case 'bytes':
      return bytesReader((tap) => tap.bytes(), meaning, type, context);
    case 'string':
      if (type.id === 'text' || (type.id === 'varchar' && type.length === undefined))
        return (tap) => tap.string();
      if (type.id === 'bytea') return (tap) => tap.bytes();
      return fromText.has(type.id) ? asText((tap) => tap.string(), type, context) : null;
  }
}
