/**
 * Calendar arithmetic and printing of dates and times (DateStyle ISO, MDY).
 *
 * The calendar is the proleptic Gregorian one; years count astronomically (0 is 1 BC). Days are counted from
 * 1970-01-01, times in microseconds. State: the last printed day, since neighbouring rows mostly share it.
 */
import { SqlError } from './sqlError.ts';
import type { TimeTz } from './timeTz.ts';
import { DATE_INFINITY, DATE_MINUS_INFINITY, TIMESTAMP_INFINITY, TIMESTAMP_MINUS_INFINITY } from './value.ts';

export const MICROS_PER_SECOND = 1_000_000n;
export const MICROS_PER_MINUTE = 60_000_000n;
export const MICROS_PER_DAY = 86_400_000_000n;
const DAY = 86_400_000_000;
const SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/** Julian day number of 1970-01-01. */
export const EPOCH_JULIAN_DAY = 2_440_588;
/** 4714-11-24 BC, Julian day 0: the first day PostgreSQL knows. */
export const MIN_DAYS = -EPOCH_JULIAN_DAY;
/** 5874897-12-31, the last date. */
export const MAX_DAYS = 2_147_483_493 - EPOCH_JULIAN_DAY;
export const MIN_TIMESTAMP = BigInt(MIN_DAYS) * MICROS_PER_DAY;

/** A day of the calendar: astronomical year, month 1..12, day 1..31. */
export interface Civil {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

/** A moment of local time, taken apart. */
export interface LocalTime {
  readonly days: number;
  /** Microseconds since midnight, 0..86_399_999_999. */
  readonly micros: number;
}

export function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

const monthLengths: readonly number[] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Length of month 1..12. */
export function daysInMonth(year: number, month: number): number {
  return month === 2 && isLeapYear(year) ? 29 : (monthLengths[month - 1] ?? 0);
}

/** Days since 1970-01-01 of a date; month and day may lie outside their ranges by any amount of days. */
export function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** The calendar day that lies `days` after 1970-01-01. */
export function civilFromDays(days: number): Civil {
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1;
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

/** Day and time of day of a finite timestamp. */
export function splitTimestamp(timestamp: bigint): LocalTime {
  if (timestamp <= SAFE && timestamp >= -SAFE) {
    const n = Number(timestamp);
    let days = Math.floor(n / DAY);
    let micros = n - days * DAY;
    // The quotient is rounded, so it may have reached the next day.
    if (micros < 0) {
      days--;
      micros += DAY;
    }
    return { days, micros };
  }
  let days = timestamp / MICROS_PER_DAY;
  let micros = timestamp - days * MICROS_PER_DAY;
  if (micros < 0n) {
    days--;
    micros += MICROS_PER_DAY;
  }
  return { days: Number(days), micros: Number(micros) };
}

/** Timestamp of a day and a time of day; no range check. */
export function joinTimestamp(days: number, micros: number): bigint {
  const n = days * DAY + micros;
  if (Number.isSafeInteger(n)) return BigInt(n);
  return BigInt(days) * MICROS_PER_DAY + BigInt(micros);
}

/** Whole seconds since the epoch, rounded down. */
export function floorSeconds(timestamp: bigint): number {
  const seconds = timestamp / MICROS_PER_SECOND;
  return Number(seconds * MICROS_PER_SECOND > timestamp ? seconds - 1n : seconds);
}

export function isFiniteTimestamp(timestamp: bigint): boolean {
  return timestamp !== TIMESTAMP_INFINITY && timestamp !== TIMESTAMP_MINUS_INFINITY;
}

export function isFiniteDate(days: number): boolean {
  return days !== DATE_INFINITY && days !== DATE_MINUS_INFINITY;
}

/** The timestamp, or 22008 when it lies outside the type's range. */
export function checkTimestamp(timestamp: bigint): bigint {
  if (timestamp < MIN_TIMESTAMP || timestamp >= TIMESTAMP_INFINITY) {
    throw new SqlError('22008', 'timestamp out of range');
  }
  return timestamp;
}

/** The date, or 22008 when it lies outside the type's range. */
export function checkDate(days: number): number {
  if (days < MIN_DAYS || days > MAX_DAYS) throw new SqlError('22008', 'date out of range');
  return days;
}

// --- printing --------------------------------------------------------------------------------------------------

const two: readonly string[] = Array.from({ length: 100 }, (_, i) => String(i).padStart(2, '0'));

let lastDays = Number.NaN;
let lastText = '';
let lastIsBc = false;

function dayText(days: number): string {
  if (days === lastDays) return lastText;
  const { year, month, day } = civilFromDays(days);
  const shown = year > 0 ? year : 1 - year;
  lastText = `${String(shown).padStart(4, '0')}-${two[month]}-${two[day]}`;
  lastIsBc = year <= 0;
  lastDays = days;
  return lastText;
}

/** '.' and digits without trailing zeros; empty for a whole second. */
function fractionText(micros: number): string {
  if (micros === 0) return '';
  let digits = String(micros).padStart(6, '0');
  let end = 6;
  while (digits.charCodeAt(end - 1) === 48) end--;
  if (end < 6) digits = digits.slice(0, end);
  return `.${digits}`;
}

/** hh:mm:ss[.ffffff]; 24:00:00 is a value of time. */
function clockText(micros: number): string {
  const seconds = Math.floor(micros / 1_000_000);
  const fraction = micros - seconds * 1_000_000;
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  return `${two[hours]}:${two[minutes - hours * 60]}:${two[seconds - minutes * 60]}${fractionText(fraction)}`;
}

/** A date as PostgreSQL prints it. */
export function formatDate(days: number): string {
  if (days === DATE_INFINITY) return 'infinity';
  if (days === DATE_MINUS_INFINITY) return '-infinity';
  const text = dayText(days);
  return lastIsBc ? `${text} BC` : text;
}

export function formatTime(micros: bigint): string {
  return clockText(Number(micros));
}

/** +hh[:mm[:ss]] of an offset in seconds east of UTC. */
export function formatOffset(seconds: number): string {
  const size = Math.abs(seconds);
  const minutes = Math.floor(size / 60);
  const sign = seconds < 0 ? '-' : '+';
  const hh = two[Math.floor(minutes / 60)] ?? '';
  const mm = minutes % 60;
  const ss = size % 60;
  if (ss !== 0) return `${sign}${hh}:${two[mm]}:${two[ss]}`;
  return mm !== 0 ? `${sign}${hh}:${two[mm]}` : sign + hh;
}

export function formatTimeTz(value: TimeTz): string {
  return clockText(Number(value.micros)) + formatOffset(value.offsetSeconds);
}

/** A timestamp without time zone. */
export function formatTimestamp(timestamp: bigint): string {
  return formatLocal(timestamp, '');
}

/** A timestamp with time zone, `offsetSeconds` being the zone's offset at that moment. */
export function formatTimestampTz(timestamp: bigint, offsetSeconds: number): string {
  if (!isFiniteTimestamp(timestamp)) return formatLocal(timestamp, '');
  const local = timestamp + BigInt(offsetSeconds) * MICROS_PER_SECOND;
  return formatLocal(local, formatOffset(offsetSeconds));
}

function formatLocal(timestamp: bigint, suffix: string): string {
  if (timestamp === TIMESTAMP_INFINITY && suffix === '') return 'infinity';
  if (timestamp === TIMESTAMP_MINUS_INFINITY && suffix === '') return '-infinity';
  const { days, micros } = splitTimestamp(timestamp);
  const text = `${dayText(days)} ${clockText(micros)}${suffix}`;
  return lastIsBc ? `${text} BC` : text;
}
