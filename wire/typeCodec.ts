/**
 * Values in either format: what Bind parameters and result columns need of a type. Text formats are common/textIo's,
 * binary ones binaryCodec's.
 */
import type { DataType, IntervalFields, TimeType } from '../common/dataType.ts';
import { SqlError } from '../common/sqlError.ts';
import type { TextContext } from '../common/textContext.ts';
import { formatValue, parseValue } from '../common/textIo.ts';
import { oidOf, typeLength } from '../common/typeTable.ts';
import { decodeUtf8 } from '../common/utf8.ts';
import type { NonNullValue, Value } from '../common/value.ts';
import { decodeBinary, encodeBinary } from './binaryCodec.ts';
import type { ByteWriter } from './bytes.ts';
import type { FieldDescription } from './message.ts';
import type { FormatCode, ResultColumn } from './port.ts';

/** A format code as the client sent it; 22023 unless 0 or 1. */
export function checkFormat(code: number): FormatCode {
  if (code === 0 || code === 1) return code;
  throw new SqlError('22023', `unsupported format code: ${code}`);
}

/** Decodes one Bind parameter, whose format is as the client sent it; `index` is 0-based. */
export function decodeParameter(
  bytes: Buffer | null,
  type: DataType,
  format: number,
  context: TextContext,
  index: number,
): Value {
  const code = checkFormat(format);
  if (bytes === null) return null;
  if (code === 1) return decodeBinary(bytes, type, context, `bind parameter ${index + 1}`);
  return parseValue(decodeUtf8(bytes), type, context);
}

/** Appends a value in the given format, without its length. */
export function encodeValue(
  out: ByteWriter,
  value: NonNullValue,
  type: DataType,
  format: FormatCode,
  context: TextContext,
): void {
  if (format === 1) encodeBinary(out, value, type, context);
  else out.utf8(formatValue(value, type, context));
}

/** The RowDescription entry of a result column. */
export function describeColumn(column: ResultColumn, format: FormatCode): FieldDescription {
  return {
    name: column.name,
    tableOid: column.tableOid ?? 0,
    attributeNumber: column.attributeNumber ?? 0,
    typeOid: oidOf(column.type),
    typeLength: typeLength(column.type),
    typeModifier: typeModifier(column.type),
    format,
  };
}

/** Bits of the fields of an interval type, as PostgreSQL's INTERVAL_MASK. */
const intervalBits: { readonly [field: string]: number } = {
  year: 1 << 2,
  month: 1 << 1,
  day: 1 << 3,
  hour: 1 << 10,
  minute: 1 << 11,
  second: 1 << 12,
};
const intervalUnits = Object.keys(intervalBits);

function intervalModifier({ precision, fields }: TimeType): number {
  if (precision === undefined && fields === undefined) return -1;
  const [first = 'year', last = first] = fields?.split(' to ') ?? [];
  const units = intervalUnits.slice(intervalUnits.indexOf(first), intervalUnits.indexOf(last) + 1);
  const range = fields === undefined ? 0x7fff : units.reduce((bits, u) => bits | (intervalBits[u] ?? 0), 0);
  return (range << 16) | (precision ?? 0xffff);
}

/** The interval type of an atttypmod. */
export function intervalOf(modifier: number): TimeType {
  const range = modifier >> 16;
  const precision = modifier & 0xffff;
  const units = intervalUnits.filter((u) => (range & (intervalBits[u] ?? 0)) !== 0);
  const fields = [...new Set([units.at(0), units.at(-1)])].join(' to ') as IntervalFields;
  return {
    id: 'interval',
    ...(precision === 0xffff ? {} : { precision }),
    ...(range === 0x7fff ? {} : { fields }),
  };
}

/** PostgreSQL's atttypmod: precision of times, range and precision of intervals, length + 4 for character types, precision and scale for numeric, -1 for none. */
export function typeModifier(type: DataType): number {
  switch (type.id) {
    case 'varchar':
    case 'bpchar':
      return type.length === undefined ? -1 : type.length + 4;
    case 'numeric':
      return type.precision === undefined ? -1 : ((type.precision << 16) | ((type.scale ?? 0) & 0x7ff)) + 4;
    case 'time':
    case 'timetz':
    case 'timestamp':
    case 'timestamptz':
      return type.precision ?? -1;
    case 'interval':
      return intervalModifier(type);
    case 'array':
      return typeModifier(type.element);
    default:
      return -1;
  }
}
