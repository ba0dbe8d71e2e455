/**
 * Precision of times: `timestamp(3)`, `time(0)`, `interval day to minute`. Values are rounded to the type's digits of a
 * second, half away from zero (counted from 2000-01-01, as PostgreSQL does), when they are read, cast or stored.
 */
import type { DataType, TimeType } from './dataType.ts';
import { checkTimestamp, isFiniteTimestamp } from './dateTime.ts';
import { Interval } from './interval.ts';
import { restrictInterval } from './intervalParse.ts';
import { TimeTz } from './timeTz.ts';
import type { NonNullValue, Value } from './value.ts';

/** Microseconds from 1970-01-01 to 2000-01-01. */
const POSTGRES_EPOCH = 946_684_800_000_000n;

/** Rounds to `precision` digits of a second, half away from zero. */
export function roundMicros(micros: bigint, precision: number): bigint {
  const unit = 10n ** BigInt(6 - precision);
  const half = unit / 2n;
  return micros >= 0n ? ((micros + half) / unit) * unit : -((-micros + half) / unit) * unit;
}

export function roundTime(micros: bigint, { precision }: TimeType): bigint {
  return precision === undefined || precision >= 6 ? micros : roundMicros(micros, precision);
}

export function roundTimeTz(value: TimeTz, type: TimeType): TimeTz {
  return new TimeTz(roundTime(value.micros, type), value.offsetSeconds);
}

/** Infinity stays; 22008 when rounding leaves the range. */
export function roundTimestamp(timestamp: bigint, { precision }: TimeType): bigint {
  if (precision === undefined || precision >= 6 || !isFiniteTimestamp(timestamp)) return timestamp;
  return checkTimestamp(roundMicros(timestamp - POSTGRES_EPOCH, precision) + POSTGRES_EPOCH);
}

/** What enforces a type's precision and fields on a value; null where there is nothing to enforce. */
export function timeLimit(type: DataType): ((value: NonNullValue) => Value) | null {
  switch (type.id) {
    case 'time':
      if (type.precision === undefined) return null;
      return (value) => (typeof value === 'bigint' ? roundTime(value, type) : value);
    case 'timetz':
      if (type.precision === undefined) return null;
      return (value) => (value instanceof TimeTz ? roundTimeTz(value, type) : value);
    case 'timestamp':
    case 'timestamptz':
      if (type.precision === undefined) return null;
      return (value) => (typeof value === 'bigint' ? roundTimestamp(value, type) : value);
    case 'interval': {
      const { fields, precision } = type;
      if (fields === undefined && precision === undefined) return null;
      return (value) =>
        value instanceof Interval ? restrictInterval(value, fields ?? null, precision ?? null) : value;
    }
    default:
      return null;
  }
}
