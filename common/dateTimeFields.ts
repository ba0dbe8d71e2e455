/**
 * Decoding of single fields of date and time input into year, month, day and clock.
 *
 * Each decoder gets the mask of what is known so far and returns the mask of what it found; which number is the year
 * and which the month follows from that (order MDY, or YMD when the first number has three digits or more).
 */
import { civilFromDays, daysFromCivil, daysInMonth, EPOCH_JULIAN_DAY } from './dateTime.ts';
import {
  dateTimeWord,
  fault,
  fractionMicros,
  M_DATE,
  M_DAY,
  M_DAY_OF_YEAR,
  M_MONTH,
  M_TIME,
  M_YEAR,
  M_ZONE,
  scanInteger,
} from './dateTimeTokens.ts';

const MICROS_PER_DAY = 86_400_000_000;

/** The values decoded so far. */
export class DateFields {
  year = 0;
  month = 0;
  day = 0;
  dayOfYear = 0;
  hour = 0;
  minute = 0;
  second = 0;
  fraction = 0;
  haveTextMonth = false;
  twoDigitYear = false;
  /** The year is astronomical already. */
  isJulian = false;

  setDay(days: number): void {
    const civil = civilFromDays(days);
    this.year = civil.year;
    this.month = civil.month;
    this.day = civil.day;
    this.isJulian = true;
  }

  setJulian(julianDay: number): void {
    this.setDay(julianDay - EPOCH_JULIAN_DAY);
  }

  setClock(micros: number): void {
    const seconds = Math.floor(micros / 1e6);
    this.fraction = micros - seconds * 1e6;
    this.second = seconds % 60;
    this.minute = Math.floor(seconds / 60) % 60;
    this.hour = Math.floor(seconds / 3600);
  }

  micros(): number {
    return ((this.hour * 60 + this.minute) * 60 + this.second) * 1e6 + this.fraction;
  }

  /** 24:00:00 is the last time of day. */
  checkClock(): void {
    if (this.hour > 24 || this.minute > 59 || this.second > 60 || this.micros() > MICROS_PER_DAY) {
      throw fault('overflow');
    }
  }

  /** Settles the year's era and checks that the date exists. */
  validate(mask: number, bc: boolean): void {
    if ((mask & M_YEAR) !== 0 && !this.isJulian) {
      if (bc) {
        if (this.year <= 0) throw fault('overflow');
        this.year = 1 - this.year;
      } else if (this.twoDigitYear) {
        if (this.year < 0) throw fault('overflow');
        if (this.year < 70) this.year += 2000;
        else if (this.year < 100) this.year += 1900;
      } else if (this.year <= 0) throw fault('overflow');
    }
    if ((mask & M_DAY_OF_YEAR) !== 0) {
      const civil = civilFromDays(daysFromCivil(this.year, 1, 1) + this.dayOfYear - 1);
      this.year = civil.year;
      this.month = civil.month;
      this.day = civil.day;
    }
    if ((mask & M_MONTH) !== 0 && (this.month < 1 || this.month > 12)) throw fault('monthOverflow');
    if ((mask & M_DAY) !== 0 && (this.day < 1 || this.day > 31)) throw fault('monthOverflow');
    if ((mask & M_DATE) === M_DATE && this.day > daysInMonth(this.year, this.month)) throw fault('overflow');
  }
}

/** hh:mm[:ss[.f]] or mm:ss.f. */
export function decodeClock(text: string, f: DateFields): void {
  const hour = scanInteger(text, 0);
  if (text.charAt(hour.end) !== ':') throw fault('format');
  const minute = scanInteger(text, hour.end + 1);
  f.hour = hour.value;
  f.minute = minute.value;
  f.second = 0;
  f.fraction = 0;
  const next = text.charAt(minute.end);
  if (next === '.') {
    f.fraction = fractionMicros(text.slice(minute.end));
    f.second = f.minute;
    f.minute = f.hour;
    f.hour = 0;
  } else if (next === ':') {
    const second = scanInteger(text, minute.end + 1);
    f.second = second.value;
    if (second.end < text.length) f.fraction = fractionMicros(text.slice(second.end));
  } else if (next !== '') throw fault('format');
  if (f.hour < 0 || f.minute < 0 || f.minute > 59 || f.second < 0 || f.second > 60) throw fault('overflow');
}

/** +hh[:mm[:ss]] or +hhmm: seconds east of UTC. */
export function decodeZoneOffset(text: string): number {
  const sign = text.charAt(0);
  if (sign !== '+' && sign !== '-') throw fault('format');
  const match = /^(\d+)(?::(\d*)(?::(\d*))?)?/.exec(text.slice(1));
  if (match === null) throw fault('format');
  let hours = Number(match[1]);
  let minutes = Number(match[2] ?? 0);
  const seconds = Number(match[3] ?? 0);
  if (match[2] === undefined && text.length > 3 && match[0].length + 1 === text.length) {
    minutes = hours % 100;
    hours = Math.floor(hours / 100);
  }
  if (hours > 15 || minutes > 59 || seconds > 59) throw fault('zoneOverflow');
  if (match[0].length + 1 !== text.length) throw fault('format');
  const size = (hours * 60 + minutes) * 60 + seconds;
  return sign === '-' ? 0 - size : size;
}

/** A field with separators such as 1999-01-08, 8-Jan-1999 or 1/8/99. */
export function decodeDate(text: string, mask: number, f: DateFields): number {
  const parts: string[] = [];
  let at = 0;
  while (at < text.length) {
    while (at < text.length && !/[a-z0-9]/.test(text.charAt(at))) at++;
    if (at >= text.length) throw fault('format');
    const start = at;
    const pattern = /\d/.test(text.charAt(at)) ? /\d/ : /[a-z]/;
    while (at < text.length && pattern.test(text.charAt(at))) at++;
    parts.push(text.slice(start, at));
    if (at < text.length) at++;
  }
  let known = mask;
  let seen = 0;
  let textMonth = false;
  const note = (found: number): void => {
    if ((known & found) !== 0) throw fault('format');
    known |= found;
    seen |= found;
  };
  for (const part of parts) {
    if (!/^[a-z]/.test(part)) continue;
    const word = dateTimeWord(part);
    if (word?.kind === 'ignore') continue;
    if (word?.kind !== 'month') throw fault('format');
    f.month = word.value;
    textMonth = true;
    note(M_MONTH);
  }
  for (const part of parts) {
    if (/^\d/.test(part)) note(decodeNumber(part, textMonth, known, f));
  }
  if ((known & ~(M_DAY_OF_YEAR | M_ZONE)) !== M_DATE) throw fault('format');
  return seen;
}

/** One number whose meaning follows from what is known. */
export function decodeNumber(text: string, haveTextMonth: boolean, mask: number, f: DateFields): number {
  const { value, end } = scanInteger(text, 0);
  if (end === 0) throw fault('format');
  if (text.charAt(end) === '.') {
    if (end > 2) return decodeNumberField(text, mask | M_DATE, f);
    f.fraction = fractionMicros(text.slice(end));
  } else if (end < text.length) throw fault('format');
  const length = text.length;
  const date = mask & M_DATE;
  if (length === 3 && date === M_YEAR && value >= 1 && value <= 366) {
    f.dayOfYear = value;
    return M_DAY_OF_YEAR | M_MONTH | M_DAY;
  }
  if (date === M_DATE) return decodeNumberField(text, mask, f);
  const isYear =
    (date === 0 && length >= 3) ||
    (date === M_MONTH && haveTextMonth && length >= 3) ||
    date === (M_MONTH | M_DAY);
  if (isYear) {
    f.year = value;
    f.twoDigitYear = length <= 2;
    return M_YEAR;
  }
  if (date === 0 || date === M_YEAR || date === M_DAY) {
    f.month = value;
    return M_MONTH;
  }
  if (date === (M_YEAR | M_MONTH) && haveTextMonth && length >= 3 && f.twoDigitYear) {
    f.day = f.year;
    f.year = value;
    f.twoDigitYear = false;
    return M_DAY;
  }
  if (date === M_MONTH || date === (M_YEAR | M_MONTH)) {
    f.day = value;
    return M_DAY;
  }
  throw fault('format');
}

/** Digits run together: yyyymmdd, yymmdd, hhmmss, hhmm. */
export function decodeNumberField(text: string, mask: number, f: DateFields): number {
  const point = text.indexOf('.');
  let digits = text;
  if (point >= 0) {
    f.fraction = fractionMicros(text.slice(point));
    digits = text.slice(0, point);
  } else if ((mask & M_DATE) !== M_DATE && text.length >= 6) {
    const n = text.length;
    f.day = Number(text.slice(n - 2));
    f.month = Number(text.slice(n - 4, n - 2));
    f.year = scanInteger(text.slice(0, n - 4), 0).value;
    if (n === 6) f.twoDigitYear = true;
    return M_DATE;
  }
  if ((mask & M_TIME) !== M_TIME && (digits.length === 6 || digits.length === 4)) {
    f.hour = Number(digits.slice(0, 2));
    f.minute = Number(digits.slice(2, 4));
    f.second = digits.length === 6 ? Number(digits.slice(4)) : 0;
    return M_TIME;
  }
  throw fault('format');
}
