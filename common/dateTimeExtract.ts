/**
 * extract(unit from value) for every type of date and time, as numeric with PostgreSQL's scales; null for the parts of
 * an infinite value that come round again.
 */
import {
  civilFromDays,
  daysFromCivil,
  EPOCH_JULIAN_DAY,
  isFiniteDate,
  isFiniteTimestamp,
  splitTimestamp,
} from './dateTime.ts';
import { type DateTimeUnit, extractUnit, type UnitTypeName, unitNotSupported } from './dateTimeUnits.ts';
import { Decimal } from './decimal.ts';
import type { Interval } from './interval.ts';
import type { TimeTz } from './timeTz.ts';
import { offsetAt, utcToLocal, type Zone } from './timeZone.ts';

const MICROS_PER_DAY = new Decimal(86_400_000_000n, 0);

const int = (n: number): Decimal => Decimal.fromInt(n + 0);

/** ISO year and week of a day; the year counts astronomically. */
export function isoWeek(days: number): { readonly year: number; readonly week: number } {
  // The week belongs to the year that its Thursday lies in.
  const thursday = days - ((((days + 3) % 7) + 7) % 7) + 3;
  const { year } = civilFromDays(thursday);
  return { year, week: Math.floor((thursday - daysFromCivil(year, 1, 1)) / 7) + 1 };
}

/** Years are shown without a year zero. */
function shownYear(year: number): number {
  return year > 0 ? year : year - 1;
}

/** Ordinal of the span of `size` years, from 1 on either side of the era. */
function spanOrdinal(year: number, size: number): number {
  return year > 0 ? Math.floor((year + size - 1) / size) : -Math.floor((size - 1 - (year - 1)) / size);
}

/** The parts that depend on the day only; null when the unit is another. */
function dayPart(unit: DateTimeUnit, days: number): Decimal | null {
  const { year, month, day } = civilFromDays(days);
  switch (unit) {
    case 'day':
      return int(day);
    case 'month':
      return int(month);
    case 'quarter':
      return int(Math.floor((month - 1) / 3) + 1);
    case 'week':
      return int(isoWeek(days).week);
    case 'year':
      return int(shownYear(year));
    case 'isoyear':
      return int(shownYear(isoWeek(days).year));
    case 'decade':
      return int(Math.floor(year / 10));
    case 'century':
      return int(spanOrdinal(year, 100));
    case 'millennium':
      return int(spanOrdinal(year, 1000));
    case 'dow':
      return int((((days + 4) % 7) + 7) % 7);
    case 'isodow':
      return int(((((days + 3) % 7) + 7) % 7) + 1);
    case 'doy':
      return int(days - daysFromCivil(year, 1, 1) + 1);
    default:
      return null;
  }
}

/** The parts that depend on the time of day (or an interval's time) only; null when the unit is another. */
function clockPart(unit: DateTimeUnit, micros: bigint): Decimal | null {
  const minuteMicros = micros % 60_000_000n;
  switch (unit) {
    case 'microsecond':
      return new Decimal(minuteMicros, 0);
    case 'millisecond':
      return new Decimal(minuteMicros, 3);
    case 'second':
      return new Decimal(minuteMicros, 6);
    case 'minute':
      return new Decimal((micros / 60_000_000n) % 60n, 0);
    case 'hour':
      return new Decimal(micros / 3_600_000_000n, 0);
    default:
      return null;
  }
}

function zonePart(unit: DateTimeUnit, offsetSeconds: number): Decimal | null {
  switch (unit) {
    case 'timezone':
      return int(offsetSeconds);
    case 'timezone_hour':
      return int(Math.trunc(offsetSeconds / 3600));
    case 'timezone_minute':
      return int(Math.trunc(offsetSeconds / 60) % 60);
    default:
      return null;
  }
}

/** Parts of an infinite moment: those that only grow are infinite, the others undefined. */
function infinitePart(unit: DateTimeUnit, positive: boolean): Decimal | null {
  switch (unit) {
    case 'year':
    case 'isoyear':
    case 'decade':
    case 'century':
    case 'millennium':
    case 'julian':
    case 'epoch':
      return positive ? Decimal.INFINITY : Decimal.MINUS_INFINITY;
    default:
      return null;
  }
}

function isClockUnit(unit: DateTimeUnit): boolean {
  return clockPart(unit, 0n) !== null;
}

function isZoneUnit(unit: DateTimeUnit): boolean {
  return zonePart(unit, 0) !== null;
}

/** extract(unitText from date). */
export function extractFromDate(unitText: string, days: number): Decimal | null {
  const unit = extractUnit(unitText, 'date');
  if (isClockUnit(unit) || isZoneUnit(unit)) throw unitNotSupported(unitText, 'date');
  if (!isFiniteDate(days)) return infinitePart(unit, days > 0);
  if (unit === 'epoch') return new Decimal(BigInt(days) * 86_400n, 0);
  return unit === 'julian' ? int(days + EPOCH_JULIAN_DAY) : dayPart(unit, days);
}

function localPart(unit: DateTimeUnit, local: bigint): Decimal | null {
  const { days, micros } = splitTimestamp(local);
  if (unit === 'julian') return int(days + EPOCH_JULIAN_DAY).add(int(micros).div(MICROS_PER_DAY));
  return clockPart(unit, BigInt(micros)) ?? dayPart(unit, days);
}

/** extract(unitText from timestamp). */
export function extractFromTimestamp(unitText: string, timestamp: bigint): Decimal | null {
  const typeName = 'timestamp without time zone';
  const unit = extractUnit(unitText, typeName);
  if (!isFiniteTimestamp(timestamp)) return infinitePart(unit, timestamp > 0n);
  if (isZoneUnit(unit)) throw unitNotSupported(unitText, typeName);
  return unit === 'epoch' ? new Decimal(timestamp, 6) : localPart(unit, timestamp);
}

/** extract(unitText from timestamptz), by the clock and calendar of `zone`. */
export function extractFromTimestampTz(unitText: string, timestamp: bigint, zone: Zone): Decimal | null {
  const unit = extractUnit(unitText, 'timestamp with time zone');
  if (!isFiniteTimestamp(timestamp)) return infinitePart(unit, timestamp > 0n);
  if (unit === 'epoch') return new Decimal(timestamp, 6);
  return zonePart(unit, offsetAt(zone, timestamp)) ?? localPart(unit, utcToLocal(zone, timestamp));
}

/** extract(unitText from time). */
export function extractFromTime(unitText: string, time: bigint): Decimal {
  const typeName: UnitTypeName = 'time without time zone';
  const unit = extractUnit(unitText, typeName);
  if (unit === 'epoch') return new Decimal(time, 6);
  const part = clockPart(unit, time);
  if (part === null) throw unitNotSupported(unitText, typeName);
  return part;
}

/** extract(unitText from timetz). */
export function extractFromTimeTz(unitText: string, time: TimeTz): Decimal {
  const typeName: UnitTypeName = 'time with time zone';
  const unit = extractUnit(unitText, typeName);
  if (unit === 'epoch') return new Decimal(time.micros - BigInt(time.offsetSeconds) * 1_000_000n, 6);
  const part = clockPart(unit, time.micros) ?? zonePart(unit, time.offsetSeconds);
  if (part === null) throw unitNotSupported(unitText, typeName);
  return part;
}

/** extract(unitText from interval). The epoch takes 365.25 days for a year and 30 for a month. */
export function extractFromInterval(unitText: string, value: Interval): Decimal {
  const unit = extractUnit(unitText, 'interval');
  const years = Math.trunc(value.months / 12);
  const months = value.months % 12;
  switch (unit) {
    case 'day':
      return int(value.days);
    case 'month':
      return int(months);
    case 'quarter':
      return int(Math.trunc(months / 3) + 1);
    case 'year':
      return int(years);
    case 'decade':
      return int(Math.trunc(years / 10));
    case 'century':
      return int(Math.trunc(years / 100));
    case 'millennium':
      return int(Math.trunc(years / 1000));
    case 'epoch': {
      const quarterDays = BigInt(1461 * years + 120 * months) + 4n * BigInt(value.days);
      return new Decimal(quarterDays * 21_600_000_000n + value.micros, 6);
    }
    default: {
      const part = clockPart(unit, value.micros);
      if (part === null) throw unitNotSupported(unitText, 'interval');
      return part;
    }
  }
}
