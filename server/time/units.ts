/**
 * Event times as plain integers: microseconds, days, or the column's own number. Watermarks are compared and moved in
 * these units and shown as values of the column's type.
 */
import { type DataType, types } from '../../common/dataType.ts';
import { Interval } from '../../common/interval.ts';
import { formatValue, plainContext } from '../../common/textIo.ts';
import { utcToLocal, zoneOf } from '../../common/timeZone.ts';
import {
  DATE_INFINITY,
  DATE_MINUS_INFINITY,
  type NonNullValue,
  TIMESTAMP_INFINITY,
  TIMESTAMP_MINUS_INFINITY,
  type Value,
} from '../../common/value.ts';

export const MICROS_PER_DAY = 86_400_000_000n;

/** What an event-time column counts; null: its type cannot carry a watermark. */
export type TimeUnit = 'micros' | 'days' | 'number';

export function timeUnitOf(type: DataType): TimeUnit | null {
  switch (type.id) {
    case 'timestamp':
    case 'timestamptz':
      return 'micros';
    case 'date':
      return 'days';
    case 'int2':
    case 'int4':
    case 'int8':
      return 'number';
    default:
      return null;
  }
}

export function toUnits(value: NonNullValue): bigint {
  return typeof value === 'bigint' ? value : BigInt(value as number);
}

export function fromUnits(units: bigint, type: DataType): NonNullValue {
  switch (type.id) {
    case 'date':
    case 'int2':
    case 'int4':
      return Number(units);
    default:
      return units;
  }
}

/** Units as a value; null stays null. */
export function unitsValue(units: bigint | null, type: DataType): Value {
  return units === null ? null : fromUnits(units, type);
}

const plain = plainContext(() => 0n);

/** Text of an event time or watermark, zone UTC. */
export function unitsText(units: bigint | null, type: DataType): string | null {
  return units === null ? null : formatValue(fromUnits(units, type), type, plain);
}

/** infinity and -infinity: they are places in time, but no watermark may go there. */
export function isInfinite(units: bigint, unit: TimeUnit): boolean {
  if (unit === 'micros') return units === TIMESTAMP_INFINITY || units === TIMESTAMP_MINUS_INFINITY;
  if (unit === 'days') return units === BigInt(DATE_INFINITY) || units === BigInt(DATE_MINUS_INFINITY);
  return false;
}

/** A length of time in the column's units, rounded up; a number has no microseconds and takes them as they are. */
export function unitsOfMicros(micros: bigint, unit: TimeUnit): bigint {
  return unit === 'days' ? (micros + MICROS_PER_DAY - 1n) / MICROS_PER_DAY : micros;
}

/** The clock as an event time of that type. */
export function clockUnits(now: bigint, type: DataType, timeZone: string): bigint {
  if (type.id === 'timestamptz') return now;
  const local = utcToLocal(zoneOf(timeZone), now);
  if (type.id !== 'date') return local;
  const days = local / MICROS_PER_DAY;
  return local < 0n && days * MICROS_PER_DAY !== local ? days - 1n : days;
}

/** A difference of event times as an interval. */
export function differenceInterval(units: bigint, unit: TimeUnit): Interval | null {
  switch (unit) {
    case 'micros':
      return intervalOfMicros(units);
    case 'days':
      return new Interval(0, Number(units), 0n);
    case 'number':
      return null;
  }
}

/** Whole days as days, the rest as time. */
export function intervalOfMicros(micros: bigint): Interval {
  const days = micros / MICROS_PER_DAY;
  return new Interval(0, Number(days), micros - days * MICROS_PER_DAY);
}

/** A difference of event times as text: an interval, or a number. */
export function differenceText(units: bigint, unit: TimeUnit): string {
  const interval = differenceInterval(units, unit);
  return interval === null ? String(units) : formatValue(interval, types.interval, plain);
}
