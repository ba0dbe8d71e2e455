/** to_date and to_timestamp: a date and time of the fields that a template found in a text. */
import { civilFromDays, daysFromCivil, daysInMonth, EPOCH_JULIAN_DAY } from '../../../common/dateTime.ts';
import { SqlError } from '../../../common/sqlError.ts';
import { FieldReader } from './dateTimeFieldReader.ts';
import type { TemplateNode } from './formatTemplate.ts';

/** Result: a day, the time of day, and the zone if one was given. */
export interface ParsedMoment {
  readonly days: number;
  readonly micros: number;
  readonly offsetSeconds: number | null;
}

/** The Monday of ISO week 1 of a year. */
function isoYearStart(year: number): number {
  const fourth = daysFromCivil(year, 1, 4);
  return fourth - ((((fourth + 3) % 7) + 7) % 7);
}

function overflow(text: string): SqlError {
  return new SqlError('22008', `date/time field value out of range: "${text}"`);
}

/** Year by the year, century and era fields; 0 when there are none (1 BC). */
function yearOf(f: FieldReader): number {
  const century = f.get('bc') !== 0 ? -f.get('century') : f.get('century');
  const given = f.get('year');
  if (given !== 0) {
    if (century !== 0 && f.yearDigits <= 2) {
      const low = given % 100;
      if (low === 0) return century * 100 + (century >= 0 ? 0 : 1);
      return century >= 0 ? low + (century - 1) * 100 : (century + 1) * 100 - low + 1;
    }
    const year = f.get('bc') !== 0 ? -given : given;
    return year < 0 ? year + 1 : year;
  }
  if (century === 0) return 0;
  return century > 0 ? (century - 1) * 100 + 1 : century * 100 + 1;
}

function monthAndDayOfYear(
  year: number,
  dayOfYear: number,
): { readonly month: number; readonly day: number } {
  let month = 1;
  let rest = dayOfYear;
  while (month <= 12 && rest > daysInMonth(year, month)) {
    rest -= daysInMonth(year, month);
    month++;
  }
  return { month, day: rest };
}

function dateOf(f: FieldReader, text: string): number {
  let year = yearOf(f);
  let month = 1;
  let day = 1;
  let dayOfYear = f.get('dayOfYear');
  const take = (days: number): void => {
    ({ year, month, day } = civilFromDays(days));
  };
  if (f.get('julian') !== 0) take(f.get('julian') - EPOCH_JULIAN_DAY);
  const week = f.get('week');
  if (week !== 0 && f.isoWeeks) {
    // Sunday, 1, ends the week.
    const dayOfWeek = f.get('dayOfWeek');
    const offset = dayOfWeek === 0 ? 0 : dayOfWeek > 1 ? dayOfWeek - 2 : 6;
    take(isoYearStart(year) + (week - 1) * 7 + offset);
  } else if (week !== 0) dayOfYear = (week - 1) * 7 + 1;
  if (f.get('weekOfMonth') !== 0) day = (f.get('weekOfMonth') - 1) * 7 + 1;
  else if (f.get('day') !== 0) day = f.get('day');
  if (f.get('month') !== 0) month = f.get('month');
  if (dayOfYear !== 0 && (month <= 1 || day <= 1)) {
    if (year === 0 && f.get('bc') === 0) {
      throw new SqlError('22007', 'cannot calculate day of year without year information');
    }
    if (f.isoWeeks) take(isoYearStart(year) - 1 + dayOfYear);
    else {
      const byDay = monthAndDayOfYear(year, dayOfYear);
      if (month <= 1) month = byDay.month;
      if (day <= 1) day = byDay.day;
    }
  }
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) throw overflow(text);
  return daysFromCivil(year, month, day);
}

/** Hours, minutes, seconds and microseconds by the fields, not yet checked. */
function clockOf(f: FieldReader): readonly [number, number, number, number] {
  const total = f.get('secondsOfDay');
  const second = f.get('second') || total % 60;
  const minute = f.get('minute') || Math.trunc(total / 60) % 60;
  let hour = f.get('hour') || Math.trunc(total / 3600);
  if (f.twelveHours) {
    if (hour < 1 || hour > 12) {
      throw new SqlError('22007', `hour "${hour}" is invalid for the 12-hour clock`, {
        hint: 'Use the 24-hour clock, or give an hour between 1 and 12.',
      });
    }
    if (f.get('pm') !== 0 && hour < 12) hour += 12;
    else if (f.get('pm') === 0 && hour === 12) hour = 0;
  }
  return [hour, minute, second, f.get('millis') * 1000 + f.get('micros')];
}

function timeOf([hour, minute, second, micros]: ReturnType<typeof clockOf>, text: string): number {
  const valid = (n: number, limit: number): boolean => n >= 0 && n < limit;
  if (!valid(hour, 24) || !valid(minute, 60) || !valid(second, 60) || !valid(micros, 1_000_000))
    throw overflow(text);
  return ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros;
}

/** Reads `text` by a template. */
export function parseMoment(text: string, nodes: readonly TemplateNode[]): ParsedMoment {
  const f = new FieldReader(text, nodes);
  f.read();
  const clock = clockOf(f);
  const days = dateOf(f, text);
  const micros = timeOf(clock, text);
  if (f.zoneSign === 0) return { days, micros, offsetSeconds: null };
  const hour = f.get('zoneHour');
  const minute = f.get('zoneMinute');
  if (hour < 0 || hour > 15 || minute < 0 || minute >= 60) {
    throw new SqlError('22009', `time zone displacement out of range: "${text}"`);
  }
  return { days, micros, offsetSeconds: f.zoneSign * (hour * 3600 + minute * 60) };
}
