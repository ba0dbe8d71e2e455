/**
 * Text input of date, time, timetz, timestamp and timestamptz (DateStyle ISO, MDY).
 *
 * The common ISO forms are read directly; everything else goes through the decoder in dateTimeDecode.ts, which
 * follows PostgreSQL's field by field.
 */
import { daysFromCivil, daysInMonth, joinTimestamp, MAX_DAYS, MIN_DAYS, MIN_TIMESTAMP } from './dateTime.ts';
import { type Decoded, decodeDateTime, decodeTimeOnly } from './dateTimeDecode.ts';
import { DateTimeFaultError, faultToError } from './dateTimeTokens.ts';
import { SqlError } from './sqlError.ts';
import type { DateTimeContext } from './textContext.ts';
import { TimeTz } from './timeTz.ts';
import { localToUtc, zoneOf } from './timeZone.ts';
import { DATE_INFINITY, DATE_MINUS_INFINITY, TIMESTAMP_INFINITY, TIMESTAMP_MINUS_INFINITY } from './value.ts';

/** Two ASCII digits at `at`, or -1. */
function twoDigits(text: string, at: number): number {
  const a = text.charCodeAt(at) - 48;
  const b = text.charCodeAt(at + 1) - 48;
  return a >= 0 && a <= 9 && b >= 0 && b <= 9 ? a * 10 + b : -1;
}

/** Days of a leading YYYY-MM-DD, or NaN when the text does not begin with a valid one. */
function isoDays(text: string): number {
  if (text.charCodeAt(4) !== 45 || text.charCodeAt(7) !== 45) return Number.NaN;
  const century = twoDigits(text, 0);
  const yearOfCentury = twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  if (century < 0 || yearOfCentury < 0 || month < 1 || month > 12 || day < 1) return Number.NaN;
  const year = century * 100 + yearOfCentury;
  if (year === 0 || (day > 28 && day > daysInMonth(year, month))) return Number.NaN;
  return daysFromCivil(year, month, day);
}

/** Microseconds of hh:mm:ss[.f{1,6}] from `at` to the end of the text, or NaN. */
function isoMicros(text: string, at: number): number {
  if (text.charCodeAt(at + 2) !== 58 || text.charCodeAt(at + 5) !== 58) return Number.NaN;
  const hour = twoDigits(text, at);
  const minute = twoDigits(text, at + 3);
  const second = twoDigits(text, at + 6);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return Number.NaN;
  const whole = ((hour * 60 + minute) * 60 + second) * 1_000_000;
  const length = text.length - at;
  if (length === 8) return whole;
  if (text.charCodeAt(at + 8) !== 46 || length === 9 || length > 15) return Number.NaN;
  let fraction = 0;
  for (let i = at + 9; i < at + 15; i++) {
    const d = i < text.length ? text.charCodeAt(i) - 48 : 0;
    if (d < 0 || d > 9) return Number.NaN;
    fraction = fraction * 10 + d;
  }
  return whole + fraction;
}

/** A timestamp in the plain ISO form, or null. */
function isoTimestamp(text: string): bigint | null {
  const separator = text.charCodeAt(10);
  if (text.length > 10 && separator !== 32 && separator !== 84) return null;
  const days = isoDays(text);
  const micros = text.length === 10 ? 0 : isoMicros(text, 11);
  return Number.isNaN(days) || Number.isNaN(micros) ? null : joinTimestamp(days, micros);
}

/** Runs a decoder and words its faults. */
function decoding<T>(text: string, typeName: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof DateTimeFaultError) throw faultToError(error.fault, text, typeName);
    throw error;
  }
}

/** date input: days since 1970-01-01. */
export function parseDate(text: string, context: DateTimeContext): number {
  if (text.length === 10) {
    const days = isoDays(text);
    if (!Number.isNaN(days)) return days;
  }
  const decoded = decoding(text, 'date', () => decodeDateTime(text, context));
  switch (decoded.kind) {
    case 'late':
      return DATE_INFINITY;
    case 'early':
      return DATE_MINUS_INFINITY;
    case 'epoch':
      return 0;
    case 'moment': {
      const days = daysFromCivil(decoded.year, decoded.month, decoded.day);
      if (days < MIN_DAYS || days > MAX_DAYS) {
        throw new SqlError('22008', `date out of range: "${text}"`);
      }
      return days;
    }
  }
}

/** timestamp input; a zone in the text is read and ignored. */
export function parseTimestamp(text: string, context: DateTimeContext): bigint {
  const quick = isoTimestamp(text);
  if (quick !== null) return quick;
  const decoded = decoding(text, 'timestamp', () => decodeDateTime(text, context));
  return momentToTimestamp(decoded, text, 0);
}

/** timestamptz input: a moment in UTC; without a zone in the text the session's applies. */
export function parseTimestampTz(text: string, context: DateTimeContext): bigint {
  const quick = isoTimestamp(text);
  if (quick !== null) return localToUtc(zoneOf(context.timeZone), quick);
  const decoded = decoding(text, 'timestamp with time zone', () => decodeDateTime(text, context));
  return momentToTimestamp(decoded, text, decoded.kind === 'moment' ? decoded.offsetSeconds : 0);
}

function momentToTimestamp(decoded: Decoded, text: string, offsetSeconds: number): bigint {
  switch (decoded.kind) {
    case 'late':
      return TIMESTAMP_INFINITY;
    case 'early':
      return TIMESTAMP_MINUS_INFINITY;
    case 'epoch':
      return 0n;
    case 'moment': {
      const days = daysFromCivil(decoded.year, decoded.month, decoded.day);
      const timestamp = joinTimestamp(days, decoded.micros) - BigInt(offsetSeconds) * 1_000_000n;
      if (timestamp < MIN_TIMESTAMP || timestamp >= TIMESTAMP_INFINITY) {
        throw new SqlError('22008', `timestamp out of range: "${text}"`);
      }
      return timestamp;
    }
  }
}

/** time input: microseconds since midnight; a zone in the text is read and ignored. */
export function parseTime(text: string, context: DateTimeContext): bigint {
  const quick = isoMicros(text, 0);
  if (!Number.isNaN(quick)) return BigInt(quick);
  return BigInt(decoding(text, 'time', () => decodeTimeOnly(text, context)).micros);
}

/** timetz input. */
export function parseTimeTz(text: string, context: DateTimeContext): TimeTz {
  const decoded = decoding(text, 'time with time zone', () => decodeTimeOnly(text, context));
  return new TimeTz(BigInt(decoded.micros), decoded.offsetSeconds);
}
