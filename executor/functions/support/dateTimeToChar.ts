/** to_char of timestamps and intervals: prints the fields of a broken-down time by a template. */
import { civilFromDays, daysFromCivil, EPOCH_JULIAN_DAY, splitTimestamp } from '../../../common/dateTime.ts';
import { isoWeek } from '../../../common/dateTimeExtract.ts';
import type { Interval } from '../../../common/interval.ts';
import { SqlError } from '../../../common/sqlError.ts';
import type { Field, TemplateNode } from './formatTemplate.ts';
import { dayNames, monthNames, ordinalSuffix, romanMonths } from './formatTemplate.ts';

/** Fields of a moment or an interval, like C's tm. */
export interface BrokenDown {
  readonly year: number;
  /** 1..12; for intervals -11..11. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly micros: number;
  /** 0: Sunday. */
  readonly weekday: number;
  readonly dayOfYear: number;
  /** Days since 1970-01-01; for intervals, of the date with these fields. */
  readonly days: number;
  readonly isInterval: boolean;
  /** Zone, for timestamptz. */
  readonly zoneAbbreviation: string;
  readonly offsetSeconds: number;
}

/** Takes a finite local timestamp apart. */
export function breakDownTimestamp(local: bigint, zoneAbbreviation = '', offsetSeconds = 0): BrokenDown {
  const { days, micros } = splitTimestamp(local);
  const { year, month, day } = civilFromDays(days);
  const seconds = Math.floor(micros / 1_000_000);
  return {
    year,
    month,
    day,
    hour: Math.floor(seconds / 3600),
    minute: Math.floor(seconds / 60) % 60,
    second: seconds % 60,
    micros: micros % 1_000_000,
    weekday: (((days + 4) % 7) + 7) % 7,
    dayOfYear: days - daysFromCivil(year, 1, 1) + 1,
    days,
    isInterval: false,
    zoneAbbreviation,
    offsetSeconds,
  };
}

export function breakDownInterval(interval: Interval): BrokenDown {
  const seconds = Number(interval.micros / 1_000_000n);
  const year = Math.trunc(interval.months / 12);
  const month = interval.months % 12;
  return {
    year,
    month,
    day: interval.days,
    hour: Math.trunc(seconds / 3600),
    minute: Math.trunc(seconds / 60) % 60,
    second: seconds % 60,
    micros: Number(interval.micros % 1_000_000n),
    weekday: 0,
    dayOfYear: interval.months * 30 + interval.days,
    days: daysFromCivil(year, month, interval.days),
    isInterval: true,
    zoneAbbreviation: '',
    offsetSeconds: 0,
  };
}

/** C's %0*d: the sign counts for the width. */
function padded(n: number, width: number): string {
  if (n >= 0) return String(n).padStart(width, '0');
  return `-${String(-n).padStart(width - 1, '0')}`;
}

/** A number with two digits, or three characters when negative; as many as needed in fill mode. */
function signed(n: number, digits: number, field: Field, sign = n): string {
  return padded(n, field.fillMode ? 0 : sign >= 0 ? digits : digits + 1);
}

function rejectInterval(t: BrokenDown): void {
  if (t.isInterval) {
    throw new SqlError('22007', 'invalid format specification for an interval value', {
      hint: 'Intervals are not tied to specific calendar dates.',
    });
  }
}

function inCaseOf(name: string, text: string): string {
  if (name === name.toUpperCase()) return text.toUpperCase();
  return name === name.toLowerCase() ? text.toLowerCase() : text;
}

/** A name of a month or day, in the case of the field, padded to nine characters when full. */
function calendarName(
  t: BrokenDown,
  field: Field,
  names: readonly string[],
  index: number,
  full: boolean,
): string {
  rejectInterval(t);
  const name = names[index] ?? '';
  const text = inCaseOf(field.name, full ? name : name.slice(0, 3));
  return full && !field.fillMode ? text.padEnd(9) : text;
}

function shownYear(year: number, isInterval: boolean): number {
  return !isInterval && year <= 0 ? 1 - year : year;
}

function yearDigits(t: BrokenDown, field: Field, iso: boolean): string {
  const year = shownYear(iso ? isoWeek(t.days).year : t.year, t.isInterval);
  const digits = field.name.length;
  if (digits === 1) return String(year % 10);
  return signed(digits === 4 ? year : year % 10 ** digits, digits, field, shownYear(t.year, t.isInterval));
}

function century(t: BrokenDown, field: Field): string {
  let c: number;
  if (t.isInterval) c = Math.trunc(t.year / 100);
  else c = t.year > 0 ? Math.trunc((t.year - 1) / 100) + 1 : Math.trunc(t.year / 100) - 1;
  return Math.abs(c) <= 99 ? signed(c, 2, field) : String(c);
}

function romanMonth(t: BrokenDown, field: Field): string {
  if (t.month === 0 && t.year === 0) return '';
  let index = 12 - t.month;
  if (t.month === 0) index = t.year >= 0 ? 0 : 11;
  else if (t.month < 0) index = -1 * (t.month + 1);
  const text = inCaseOf(field.name, romanMonths[index] ?? '');
  return field.fillMode ? text : text.padEnd(4);
}

/** Days since the Monday of ISO week 1, plus one. */
function isoDayOfYear(t: BrokenDown): number {
  const { year } = isoWeek(t.days);
  const fourth = daysFromCivil(year, 1, 4);
  const monday = fourth - ((((fourth + 3) % 7) + 7) % 7);
  return t.days - monday + 1;
}

function zoneOffset(t: BrokenDown, field: Field): string {
  rejectInterval(t);
  const size = Math.abs(t.offsetSeconds);
  const sign = t.offsetSeconds < 0 ? '-' : '+';
  const hours = Math.floor(size / 3600);
  const minutes = Math.floor((size % 3600) / 60);
  if (field.name.toUpperCase() === 'TZH') return sign + padded(hours, 2);
  if (field.name.toUpperCase() === 'TZM') return padded(minutes, 2);
  return sign + padded(hours, field.fillMode ? 0 : 2) + (size % 3600 === 0 ? '' : `:${padded(minutes, 2)}`);
}

/** Text of a field of the clock, or null when it is none. */
function clockField(t: BrokenDown, field: Field): string | null {
  switch (field.name.toUpperCase()) {
    case 'A.M.':
    case 'P.M.':
      return inCaseOf(field.name, mod(t.hour, 24) >= 12 ? 'P.M.' : 'A.M.');
    case 'AM':
    case 'PM':
      return inCaseOf(field.name, mod(t.hour, 24) >= 12 ? 'PM' : 'AM');
    case 'HH':
    case 'HH12':
      return signed(t.hour % 12 === 0 ? 12 : t.hour % 12, 2, field, t.hour);
    case 'HH24':
      return signed(t.hour, 2, field);
    case 'MI':
      return signed(t.minute, 2, field);
    case 'SS':
      return signed(t.second, 2, field);
    case 'FF1':
      return padded(Math.trunc(t.micros / 100_000), 1);
    case 'FF2':
      return padded(Math.trunc(t.micros / 10_000), 2);
    case 'FF3':
    case 'MS':
      return padded(Math.trunc(t.micros / 1000), 3);
    case 'FF4':
      return padded(Math.trunc(t.micros / 100), 4);
    case 'FF5':
      return padded(Math.trunc(t.micros / 10), 5);
    case 'FF6':
    case 'US':
      return padded(t.micros, 6);
    case 'SSSS':
    case 'SSSSS':
      return String(t.hour * 3600 + t.minute * 60 + t.second);
    case 'TZ':
      rejectInterval(t);
      return inCaseOf(field.name, t.zoneAbbreviation);
    case 'TZH':
    case 'TZM':
    case 'OF':
      return zoneOffset(t, field);
    default:
      return null;
  }
}

/** The remainder with the dividend's sign, as C's %. */
function mod(a: number, b: number): number {
  return a % b;
}

/** Text of a field of the calendar, or null when it is none. */
function calendarField(t: BrokenDown, field: Field): string | null {
  switch (field.name.toUpperCase()) {
    case 'A.D.':
    case 'B.C.':
      rejectInterval(t);
      return inCaseOf(field.name, t.year <= 0 ? 'B.C.' : 'A.D.');
    case 'AD':
    case 'BC':
      rejectInterval(t);
      return inCaseOf(field.name, t.year <= 0 ? 'BC' : 'AD');
    case 'MONTH':
      return calendarName(t, field, monthNames, t.month - 1, true);
    case 'MON':
      return calendarName(t, field, monthNames, t.month - 1, false);
    case 'MM':
      return signed(t.month, 2, field);
    case 'DAY':
      return calendarName(t, field, dayNames, t.weekday, true);
    case 'DY':
      return calendarName(t, field, dayNames, t.weekday, false);
    case 'DD':
      return padded(t.day, field.fillMode ? 0 : 2);
    case 'Q':
      return t.month === 0 ? '' : String(Math.trunc((t.month - 1) / 3) + 1);
    case 'CC':
      return century(t, field);
    case 'Y,YYY': {
      const year = shownYear(t.year, t.isInterval);
      const thousands = Math.trunc(year / 1000);
      return `${thousands},${padded(year - thousands * 1000, 3)}`;
    }
    case 'YYYY':
    case 'YYY':
    case 'YY':
    case 'Y':
      return yearDigits(t, field, false);
    case 'IYYY':
    case 'IYY':
    case 'IY':
    case 'I':
      return yearDigits(t, field, true);
    case 'RM':
      return romanMonth(t, field);
    case 'W':
      return String(Math.trunc((t.day - 1) / 7) + 1);
    default:
      return dayCount(t, field);
  }
}

/** Text of a field that counts days or weeks of a year. */
function dayCount(t: BrokenDown, field: Field): string | null {
  switch (field.name.toUpperCase()) {
    case 'DDD':
      return padded(t.dayOfYear, field.fillMode ? 0 : 3);
    case 'IDDD':
      return padded(isoDayOfYear(t), field.fillMode ? 0 : 3);
    case 'D':
      rejectInterval(t);
      return String(t.weekday + 1);
    case 'ID':
      rejectInterval(t);
      return String(t.weekday === 0 ? 7 : t.weekday);
    case 'WW':
      return padded(Math.trunc((t.dayOfYear - 1) / 7) + 1, field.fillMode ? 0 : 2);
    case 'IW':
      return padded(isoWeek(t.days).week, field.fillMode ? 0 : 2);
    case 'J':
      return String(t.days + EPOCH_JULIAN_DAY);
    default:
      return null;
  }
}

/** Fields that an ordinal suffix may follow; others ignore it. */
const countingField = /^(?:HH|MI|SS|FF|MS|US|MM|I?D{1,3}$|WW?|I[WY]|I$|Q|CC|Y|J)/i;

/** Prints the fields by a template. */
export function formatBrokenDown(t: BrokenDown, nodes: readonly TemplateNode[]): string {
  let result = '';
  for (const node of nodes) {
    if (node.kind !== 'field') {
      result += node.text;
      continue;
    }
    const text = clockField(t, node) ?? calendarField(t, node) ?? '';
    result += text;
    if (node.ordinal !== null && countingField.test(node.name))
      result += ordinalSuffix(text, node.ordinal === 'TH');
  }
  return result;
}
