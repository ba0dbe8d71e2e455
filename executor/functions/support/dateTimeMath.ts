/**
 * Arithmetic of dates, times, timestamps and intervals as PostgreSQL does it: months first (the day is cut to the
 * month's length), then days, then time. For timestamptz months and days are counted on the local calendar of a zone.
 */
import {
  checkTimestamp,
  civilFromDays,
  daysFromCivil,
  daysInMonth,
  isFiniteDate,
  isFiniteTimestamp,
  joinTimestamp,
  MAX_DAYS,
  MICROS_PER_DAY,
  MIN_DAYS,
  MIN_TIMESTAMP,
  splitTimestamp,
} from '../../../common/dateTime.ts';
import { Interval } from '../../../common/interval.ts';
import { SqlError } from '../../../common/sqlError.ts';
import { TimeTz } from '../../../common/timeTz.ts';
import { localToUtc, utcToLocal, zoneOf } from '../../../common/timeZone.ts';
import {
  DATE_INFINITY,
  DATE_MINUS_INFINITY,
  TIMESTAMP_INFINITY,
  TIMESTAMP_MINUS_INFINITY,
} from '../../../common/value.ts';
import { dateOutOfRange, timestampOutOfRange } from './errors.ts';

/** The timestamp of local midnight; infinities correspond. */
export function dateToTimestamp(days: number): bigint {
  if (days === DATE_INFINITY) return TIMESTAMP_INFINITY;
  if (days === DATE_MINUS_INFINITY) return TIMESTAMP_MINUS_INFINITY;
  const timestamp = joinTimestamp(days, 0);
  if (timestamp >= TIMESTAMP_INFINITY) throw new SqlError('22008', 'date out of range for timestamp');
  return timestamp;
}

/** As `dateToTimestamp`, but a date beyond the range of timestamp becomes infinity: enough for comparisons. */
export function dateForComparison(days: number): bigint {
  if (days === DATE_MINUS_INFINITY) return TIMESTAMP_MINUS_INFINITY;
  const timestamp = joinTimestamp(days, 0);
  // One less than infinity is not a valid timestamp either, so such a date is above all finite timestamps.
  if (days !== DATE_INFINITY) return timestamp >= TIMESTAMP_INFINITY ? TIMESTAMP_INFINITY - 1n : timestamp;
  return TIMESTAMP_INFINITY;
}

/** The moment of midnight of a date in a time zone. */
export function dateToTimestampTz(days: number, timeZone: string): bigint {
  return localToUtc(zoneOf(timeZone), dateToTimestamp(days));
}

function addMonths(timestamp: bigint, months: number): bigint {
  const { days, micros } = splitTimestamp(timestamp);
  const { year, month, day } = civilFromDays(days);
  const index = year * 12 + (month - 1) + months;
  const newYear = Math.floor(index / 12);
  const newMonth = index - newYear * 12 + 1;
  const newDay = Math.min(day, daysInMonth(newYear, newMonth));
  return checkTimestamp(joinTimestamp(daysFromCivil(newYear, newMonth, newDay), micros));
}

export function addToTimestamp(timestamp: bigint, interval: Interval): bigint {
  if (!isFiniteTimestamp(timestamp)) return timestamp;
  let result = timestamp;
  if (interval.months !== 0) result = addMonths(result, interval.months);
  if (interval.days !== 0) result += BigInt(interval.days) * MICROS_PER_DAY;
  return checkTimestamp(result + interval.micros);
}

export function subtractFromTimestamp(timestamp: bigint, interval: Interval): bigint {
  return addToTimestamp(timestamp, new Interval(-interval.months, -interval.days, -interval.micros));
}

export type TimestampShift = (timestamp: bigint, interval: Interval, timeZone?: string) => bigint;

/**
 * Addition or subtraction for one call site. The interval is nearly always one constant: without months (and for
 * timestamptz without days) the sum is a single 64-bit addition, small enough to be inlined into generated loops.
 */
export function timestampShift(subtract: boolean, zoned: boolean): TimestampShift {
  let last: Interval | null = null;
  let fixed = false;
  let shift = 0n;
  const prepare = (interval: Interval): void => {
    fixed = interval.months === 0 && (!zoned || interval.days === 0);
    const size = BigInt(interval.days) * MICROS_PER_DAY + interval.micros;
    // A distance beyond 64 bits is left to the general way, which reports it.
    fixed &&= BigInt.asIntN(62, size) === size;
    shift = BigInt.asIntN(64, subtract ? -size : size);
    last = interval;
  };
  const general = (timestamp: bigint, interval: Interval, timeZone: string | undefined): bigint => {
    const signed = subtract ? new Interval(-interval.months, -interval.days, -interval.micros) : interval;
    return zoned && timeZone !== undefined
      ? addToTimestampTz(timestamp, signed, timeZone)
      : addToTimestamp(timestamp, signed);
  };
  return (timestamp, interval, timeZone) => {
    if (interval !== last) prepare(interval);
    // Within these bounds no sum overflows; infinities lie outside.
    if (!fixed || timestamp > 4611686018427387903n || timestamp < MIN_TIMESTAMP) {
      return general(timestamp, interval, timeZone);
    }
    const result = BigInt.asIntN(64, timestamp + shift);
    return result < MIN_TIMESTAMP ? timestampOutOfRange() : result;
  };
}

export function addToTimestampTz(timestamp: bigint, interval: Interval, timeZone: string): bigint {
  if (!isFiniteTimestamp(timestamp)) return timestamp;
  if (interval.months === 0 && interval.days === 0) return checkTimestamp(timestamp + interval.micros);
  const zone = zoneOf(timeZone);
  let result = timestamp;
  if (interval.months !== 0) result = localToUtc(zone, addMonths(utcToLocal(zone, result), interval.months));
  if (interval.days !== 0) {
    result = localToUtc(zone, utcToLocal(zone, result) + BigInt(interval.days) * MICROS_PER_DAY);
  }
  return checkTimestamp(result + interval.micros);
}

/** Days and time between two timestamps. */
export function subtractTimestamps(a: bigint, b: bigint): Interval {
  if (!isFiniteTimestamp(a) || !isFiniteTimestamp(b)) {
    throw new SqlError('22008', 'cannot subtract infinite timestamps');
  }
  return Interval.checked(0, 0, a - b).justifyHours();
}

export function addDays(date: number, days: number): number {
  if (!isFiniteDate(date)) return date;
  const result = date + days;
  return result < MIN_DAYS || result > MAX_DAYS ? dateOutOfRange() : result;
}

export function subtractDates(a: number, b: number): number {
  if (!isFiniteDate(a) || !isFiniteDate(b)) throw new SqlError('22008', 'cannot subtract infinite dates');
  return a - b;
}

export function addTimeToDate(date: number, time: bigint): bigint {
  const midnight = dateToTimestamp(date);
  return isFiniteTimestamp(midnight) ? checkTimestamp(midnight + time) : midnight;
}

export function addTimeTzToDate(date: number, time: TimeTz): bigint {
  const midnight = dateToTimestamp(date);
  if (!isFiniteTimestamp(midnight)) return midnight;
  return checkTimestamp(midnight + time.micros - BigInt(time.offsetSeconds) * 1_000_000n);
}

function wrapDay(micros: bigint): bigint {
  const rest = micros % MICROS_PER_DAY;
  return rest < 0n ? rest + MICROS_PER_DAY : rest;
}

/** Time of day after an interval; its months and days do not matter. */
export function addToTime(time: bigint, interval: Interval): bigint {
  return wrapDay(time + interval.micros);
}

export function subtractFromTime(time: bigint, interval: Interval): bigint {
  return wrapDay(time - interval.micros);
}

export function addToTimeTz(time: TimeTz, interval: Interval): TimeTz {
  return new TimeTz(addToTime(time.micros, interval), time.offsetSeconds);
}

export function subtractFromTimeTz(time: TimeTz, interval: Interval): TimeTz {
  return new TimeTz(subtractFromTime(time.micros, interval), time.offsetSeconds);
}
