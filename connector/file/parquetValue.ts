/** Values of leaves of Parquet files as values of SQL types; what a type cannot hold is an error, never rounded. */
import type { SchemaElement } from 'hyparquet';
import type { DataType } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { TextContext } from '../../common/textContext.ts';
import { parseValue } from '../../common/textIo.ts';
import type { Value } from '../../common/value.ts';

type Kind = 'date' | 'timestamp' | 'time' | 'decimal' | 'json' | 'enum' | 'other';

/** How the values of a leaf are meant. */
export interface LeafMeaning {
  readonly kind: Kind;
  /** Of times: how many of its units are a microsecond, or microseconds in one. */
  readonly unit: 'MILLIS' | 'MICROS' | 'NANOS';
  readonly scale: number;
  /** Of timestamps: they are of UTC, else of no zone. */
  readonly utc: boolean;
  /** A float of 32 bits. */
  readonly single: boolean;
}

export function meaningOf(element: SchemaElement): LeafMeaning {
  const { converted_type: converted, logical_type: logical, type } = element;
  const unit = logical !== undefined && 'unit' in logical ? logical.unit : undefined;
  const scale = element.scale ?? 0;
  const adjusted = logical !== undefined && 'isAdjustedToUTC' in logical ? logical.isAdjustedToUTC : null;
  const utc = adjusted ?? type !== 'INT96';
  const meaning = (kind: Kind, of: LeafMeaning['unit'] = 'MICROS'): LeafMeaning => ({
    kind,
    unit: of,
    scale,
    utc,
    single: type === 'FLOAT',
  });
  if (converted === 'DECIMAL' || logical?.type === 'DECIMAL') return meaning('decimal');
  if (converted === 'DATE' || logical?.type === 'DATE') return meaning('date');
  if (type === 'INT96') return meaning('timestamp', 'NANOS');
  if (logical?.type === 'TIMESTAMP') return meaning('timestamp', unit ?? 'MICROS');
  if (converted === 'TIMESTAMP_MILLIS') return meaning('timestamp', 'MILLIS');
  if (converted === 'TIMESTAMP_MICROS') return meaning('timestamp');
  if (logical?.type === 'TIME') return meaning('time', unit ?? 'MICROS');
  if (converted === 'TIME_MILLIS') return meaning('time', 'MILLIS');
  if (converted === 'TIME_MICROS') return meaning('time');
  if (converted === 'JSON' || logical?.type === 'JSON') return meaning('json');
  if (converted === 'ENUM' || logical?.type === 'ENUM') return meaning('enum');
  return meaning('other');
}

export function micros(raw: bigint, unit: LeafMeaning['unit']): bigint {
  if (unit === 'MILLIS') return raw * 1000n;
  if (unit === 'MICROS') return raw;
  if (raw % 1000n !== 0n) throw new SqlError('22008', 'nanoseconds do not fit into microseconds');
  return raw / 1000n;
}

export function integerOf(raw: unknown): bigint {
  if (typeof raw === 'bigint') return raw;
  if (typeof raw === 'number') return BigInt(raw);
  if (!(raw instanceof Uint8Array)) throw new SqlError('22P02', 'the value is not an integer');
  let value = 0n;
  for (const byte of raw) value = (value << 8n) | BigInt(byte);
  return BigInt.asIntN(raw.length * 8, value);
}

function decimalText(raw: unknown, scale: number): string {
  const value = integerOf(raw);
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, '0');
  const sign = value < 0n ? '-' : '';
  if (scale === 0) return sign + digits;
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

export function timestampText(value: bigint): string {
  const seconds = value >= 0n ? value / 1_000_000n : -((-value + 999_999n) / 1_000_000n);
  const rest = value - seconds * 1_000_000n;
  const text = new Date(Number(seconds) * 1000).toISOString().slice(0, 19).replace('T', ' ');
  return `${text}.${String(rest).padStart(6, '0')}+00`;
}

function timeText(value: bigint): string {
  const part = (unit: bigint, of: bigint): string => String((value / unit) % of).padStart(2, '0');
  const rest = String(value % 1_000_000n).padStart(6, '0');
  return `${part(3_600_000_000n, 25n)}:${part(60_000_000n, 60n)}:${part(1_000_000n, 60n)}.${rest}`;
}

export function textOf(raw: unknown, meaning: LeafMeaning): string {
  switch (meaning.kind) {
    case 'date':
      return new Date(Number(integerOf(raw)) * 86_400_000).toISOString().slice(0, 10);
    case 'timestamp':
      return timestampText(micros(integerOf(raw), meaning.unit));
    case 'time':
      return timeText(micros(integerOf(raw), meaning.unit));
    case 'decimal':
      return decimalText(raw, meaning.scale);
    case 'json':
    case 'enum':
    case 'other':
      if (raw instanceof Uint8Array) return new TextDecoder('utf-8', { fatal: true }).decode(raw);
      if (typeof raw === 'object') return JSON.stringify(raw);
      return String(raw);
  }
}

/** A leaf's value as one of the type. Throws SqlError. */
export function parquetValue(
  raw: unknown,
  type: DataType,
  meaning: LeafMeaning,
  context: TextContext,
): Value {
  if (raw === null || raw === undefined) return null;
  const { kind } = meaning;
  if (type.id === 'bytea' && raw instanceof Uint8Array) return raw;
  if (kind === 'other' && type.id === 'bool' && typeof raw === 'boolean') return raw;
  if (kind === 'other' && type.id === 'float8' && typeof raw === 'number') return raw;
  if (kind === 'other' && type.id === 'text' && typeof raw === 'string') return raw;
  if (kind === 'timestamp' && (type.id === 'timestamptz' || type.id === 'timestamp')) {
    return micros(integerOf(raw), meaning.unit);
  }
  try {
    return parseValue(textOf(raw, meaning), type, context);
  } catch (error) {
    if (error instanceof TypeError) throw new SqlError('22021', 'invalid byte sequence for encoding "UTF8"');
    throw error;
  }
}
