/**
 * Truncation, binning and ages of dates and times: date_trunc, date_bin, age. Calendar units go by local time; weeks
 * begin on Monday.
 */
import {
  checkTimestamp,
  civilFromDays,
  daysFromCivil,
  daysInMonth,
  isFiniteTimestamp,
  joinTimestamp,
  MICROS_PER_DAY,
  splitTimestamp,
} from './dateTime.ts';
import { type DateTimeUnit, truncateUnit, type UnitTypeName, unitNotSupported } from './dateTimeUnits.ts';
import { Interval } from './interval.ts';
import { SqlError } from './sqlError.ts';
import { localToUtc, offsetAt, utcToLocal, type Zone } from './timeZone.ts';

/** Length of the units below a day, in microseconds. */
const clockUnits: ReadonlyMap<DateTimeUnit, number> = new Map([
  ['microsecond', 1],
  ['millisecond', 1_000],
  ['second', 1_000_000],
  ['minute', 60_000_000],
  ['hour', 3_600_000_000],
]);

/** First year of the span of `size` years that `year` lies in; spans are 1..size AD, and so on both ways. */
function spanStart(year: number, size: number): number {
  if (year > 0) return Math.floor((year + size - 1) / size) * size - (size - 1);
  return -Math.floor((size - 1 - (year - 1)) / size) * size + 1;
}

/** The first day of the calendar unit that a day lies in; null for units that are none. */
function truncateDays(days: number, unit: DateTimeUnit): number | null {
  if (unit === 'day') return days;
  if (unit === 'week') return days - ((((days + 3) % 7) + 7) % 7);
  const { year, month } = civilFromDays(days);
  switch (unit) {
    case 'month':
      return daysFromCivil(year, month, 1);
    case 'quarter':
      return daysFromCivil(year, month - ((month - 1) % 3), 1);
    case 'year':
      return daysFromCivil(year, 1, 1);
    case 'decade':
      return daysFromCivil(Math.floor(year / 10) * 10, 1, 1);
    case 'century':
      return daysFromCivil(spanStart(year, 100), 1, 1);
    case 'millennium':
      return daysFromCivil(spanStart(year, 1000), 1, 1);
    default:
      return null;
  }
}

function truncateLocal(local: bigint, unit: DateTimeUnit, text: string, typeName: UnitTypeName): bigint {
  const { days, micros } = splitTimestamp(local);
  const size = clockUnits.get(unit);
  if (size !== undefined) return joinTimestamp(days, micros - (micros % size));
  const start = truncateDays(days, unit);
  if (start === null) throw unitNotSupported(text, typeName);
  return joinTimestamp(start, 0);
}

/** date_trunc of a timestamp. */
export function truncateTimestamp(unitText: string, timestamp: bigint): bigint {
  if (!isFiniteTimestamp(timestamp)) return timestamp;
  const typeName = 'timestamp without time zone';
  const unit = truncateUnit(unitText, typeName);
  return checkTimestamp(truncateLocal(timestamp, unit, unitText, typeName));
}

/** date_trunc of a timestamptz in a zone. Within a day the moment's own offset stays. */
export function truncateTimestampTz(unitText: string, timestamp: bigint, zone: Zone): bigint {
  if (!isFiniteTimestamp(timestamp)) return timestamp;
  const typeName = 'timestamp with time zone';
  const unit = truncateUnit(unitText, typeName);
  const local = truncateLocal(utcToLocal(zone, timestamp), unit, unitText, typeName);
  if (!clockUnits.has(unit)) return checkTimestamp(localToUtc(zone, local));
  return checkTimestamp(local - BigInt(offsetAt(zone, timestamp)) * 1_000_000n);
}

/** Units of whole months, for truncating intervals. */
const monthUnits: ReadonlyMap<DateTimeUnit, number> = new Map([
  ['month', 1],
  ['quarter', 3],
  ['year', 12],
  ['decade', 120],
  ['century', 1200],
  ['millennium', 12_000],
]);

/** date_trunc of an interval. */
export function truncateInterval(unitText: string, value: Interval): Interval {
  const unit = truncateUnit(unitText, 'interval');
  const clock = clockUnits.get(unit);
  if (clock !== undefined) {
    return new Interval(value.months, value.days, value.micros - (value.micros % BigInt(clock)));
  }
  if (unit === 'day') return new Interval(value.months, value.days, 0n);
  const months = monthUnits.get(unit);
  if (months !== undefined) return new Interval(value.months - (value.months % months), 0, 0n);
  const detail = unit === 'week' ? 'Months usually have fractional weeks.' : undefined;
  throw unitNotSupported(unitText, 'interval', detail);
}

/** date_bin: the start of the stride, counted from `origin`, that a timestamp lies in. */
export function binTimestamp(stride: Interval, timestamp: bigint, origin: bigint): bigint {
  if (!isFiniteTimestamp(timestamp)) return timestamp;
  if (!isFiniteTimestamp(origin)) throw new SqlError('22008', 'origin out of range');
  if (stride.months !== 0) {
    throw new SqlError('0A000', 'timestamps cannot be binned into intervals containing months or years');
  }
  const size = BigInt(stride.days) * MICROS_PER_DAY + stride.micros;
  if (size <= 0n) throw new SqlError('22008', 'stride must be greater than zero');
  const rest = (timestamp - origin) % size;
  return checkTimestamp(timestamp - rest - (rest < 0n ? size : 0n));
}

/**
 * age: the difference in years, months, days and time, as one would count it on a calendar. Both are local times;
 * days are borrowed from the month of the earlier one.
 */
export function age(later: bigint, earlier: bigint): Interval {
  if (!isFiniteTimestamp(later) || !isFiniteTimestamp(earlier)) {
    throw new SqlError('22008', 'timestamp out of range');
  }
  const negative = later < earlier;
  const high = splitTimestamp(negative ? earlier : later);
  const low = splitTimestamp(negative ? later : earlier);
  const to = civilFromDays(high.days);
  const from = civilFromDays(low.days);
  let micros = high.micros - low.micros;
  let days = to.day - from.day;
  let months = (to.year - from.year) * 12 + (to.month - from.month);
  if (micros < 0) {
    micros += 86_400_000_000;
    days--;
  }
  if (days < 0) {
    days += daysInMonth(from.year, from.month);
    months--;
  }
  const result = new Interval(months, days, BigInt(micros));
  return negative ? result.neg() : result;
}
