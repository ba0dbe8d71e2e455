/**
 * Text input of interval: PostgreSQL's units ('1 day 2 hours ago'), SQL standard ('1-2', '3 4:05:06') and ISO 8601
 * ('P1Y2M', 'P0001-02-03T04:05:06'), with the restriction of INTERVAL '..' DAY TO SECOND and the like.
 *
 * Fields are read from right to left so that a unit is known before its number. Fractions go down to the next
 * smaller field: of a month to days (30), of a day to time.
 */

import type { IntervalFields } from './dataType.ts';
import {
  DateTimeFaultError,
  type Field,
  fault,
  faultToError,
  M_ALL_SECONDS,
  M_CENTURY,
  M_DAY,
  M_DECADE,
  M_HOUR,
  M_MICROSECOND,
  M_MILLENNIUM,
  M_MILLISECOND,
  M_MINUTE,
  M_MONTH,
  M_SECOND,
  M_TIME,
  M_WEEK,
  M_YEAR,
  MAX_WORD,
  tokenizeDateTime,
} from './dateTimeTokens.ts';
import { Interval, intervalOutOfRange, roundEven } from './interval.ts';

type Unit =
  | 'microsecond'
  | 'millisecond'
  | 'second'
  | 'minute'
  | 'hour'
  | 'day'
  | 'week'
  | 'month'
  | 'year'
  | 'decade'
  | 'century'
  | 'millennium';

const unitWords: ReadonlyMap<string, Unit> = new Map(
  Object.entries({
    microsecond: 'us usec usecs usecond useconds microsecon',
    millisecond: 'ms msec msecs msecond mseconds millisecon',
    second: 's sec secs second seconds',
    minute: 'm min mins minute minutes',
    hour: 'h hr hrs hour hours',
    day: 'd day days',
    week: 'w week weeks',
    month: 'mon mons month months',
    year: 'y yr yrs year years',
    decade: 'dec decs decade decades',
    century: 'c cent century centuries',
    millennium: 'mil mils millennia millennium',
  } satisfies Record<Unit, string>).flatMap(([unit, names]) =>
    names.split(' ').map((name) => [name, unit as Unit] as const),
  ),
);

const INT8_MAX = 0x7fffffffffffffffn;
const INT8_MIN = -0x8000000000000000n;
const INT4_MAX = 0x7fffffffn;
const INT4_MIN = -0x80000000n;

const microsOf: { readonly [K in 'microsecond' | 'millisecond' | 'second' | 'minute' | 'hour']: number } = {
  microsecond: 1,
  millisecond: 1000,
  second: 1e6,
  minute: 60e6,
  hour: 3600e6,
};

/** Sums up the fields, with overflow checks. */
class Accumulator {
  years = 0n;
  months = 0n;
  days = 0n;
  micros = 0n;

  addMicros(value: bigint, fraction: number, unit: number): void {
    this.micros = checked(this.micros + value * BigInt(unit), INT8_MIN, INT8_MAX);
    this.addFractionMicros(fraction, unit);
  }

  addFractionMicros(fraction: number, unit: number): void {
    if (fraction === 0) return;
    const exact = fraction * unit;
    let whole = Math.trunc(exact);
    const rest = exact - whole;
    if (rest > 0.5) whole++;
    else if (rest < -0.5) whole--;
    this.micros = checked(this.micros + BigInt(whole), INT8_MIN, INT8_MAX);
  }

  addDays(value: bigint, fraction: number, unit: number): void {
    checked(value, INT4_MIN, INT4_MAX);
    this.days = checked(this.days + value * BigInt(unit), INT4_MIN, INT4_MAX);
    this.addFractionDays(fraction, unit);
  }

  addFractionDays(fraction: number, unit: number): void {
    if (fraction === 0) return;
    const exact = fraction * unit;
    const whole = Math.trunc(exact);
    this.days = checked(this.days + BigInt(whole), INT4_MIN, INT4_MAX);
    this.addFractionMicros(exact - whole, 86_400e6);
  }

  addMonths(value: bigint, fraction: number): void {
    checked(value, INT4_MIN, INT4_MAX);
    this.months = checked(this.months + value, INT4_MIN, INT4_MAX);
    this.addFractionDays(fraction, 30);
  }

  addYears(value: bigint, fraction: number, unit: number): void {
    checked(value, INT4_MIN, INT4_MAX);
    this.years = checked(this.years + value * BigInt(unit), INT4_MIN, INT4_MAX);
    const months = BigInt(roundEven(fraction * unit * 12));
    this.months = checked(this.months + months, INT4_MIN, INT4_MAX);
  }

  add(unit: Unit, value: bigint, fraction: number): void {
    switch (unit) {
      case 'microsecond':
      case 'millisecond':
      case 'second':
      case 'minute':
      case 'hour':
        this.addMicros(value, fraction, microsOf[unit]);
        break;
      case 'day':
        this.addDays(value, 0, 1);
        this.addFractionMicros(fraction, 86_400e6);
        break;
      case 'week':
        this.addDays(value, fraction, 7);
        break;
      case 'month':
        this.addMonths(value, fraction);
        break;
      case 'year':
        this.addYears(value, fraction, 1);
        break;
      case 'decade':
        this.addYears(value, fraction, 10);
        break;
      case 'century':
        this.addYears(value, fraction, 100);
        break;
      case 'millennium':
        this.addYears(value, fraction, 1000);
        break;
    }
  }

  negate(): void {
    this.years = checked(-this.years, INT4_MIN, INT4_MAX);
    this.months = checked(-this.months, INT4_MIN, INT4_MAX);
    this.days = checked(-this.days, INT4_MIN, INT4_MAX);
    this.micros = checked(-this.micros, INT8_MIN, INT8_MAX);
  }

  result(): Interval {
    const months = this.years * 12n + this.months;
    if (months > INT4_MAX || months < INT4_MIN) throw intervalOutOfRange();
    return new Interval(Number(months), Number(this.days), this.micros);
  }
}

function checked(n: bigint, min: bigint, max: bigint): bigint {
  if (n < min || n > max) throw fault('overflow');
  return n;
}

const maskOf: { readonly [K in Unit]: number } = {
  microsecond: M_MICROSECOND,
  millisecond: M_MILLISECOND,
  second: M_SECOND,
  minute: M_MINUTE,
  hour: M_HOUR,
  day: M_DAY,
  week: M_WEEK,
  month: M_MONTH,
  year: M_YEAR,
  decade: M_DECADE,
  century: M_CENTURY,
  millennium: M_MILLENNIUM,
};

/** The unit of a rightmost number without one. */
function defaultUnit(fields: IntervalFields | null): Unit {
  if (fields === null) return 'second';
  const last = fields.slice(fields.lastIndexOf(' ') + 1);
  return unitWords.get(last) ?? 'second';
}

function decodeUnits(tokens: readonly Field[], fields: IntervalFields | null, total: Accumulator): void {
  let unit: Unit | null = null;
  let ago = false;
  let mask = 0;
  for (const token of tokens.toReversed()) {
    let seen = 0;
    const text = token.text;
    if (token.kind === 'string' || token.kind === 'special') {
      if (text === 'ago') {
        ago = true;
        unit = null;
        continue;
      }
      const found = unitWords.get(text.slice(0, MAX_WORD));
      if (found === undefined) throw fault('format');
      unit = found;
      continue;
    }
    if (token.kind === 'time' || (token.kind === 'zone' && clockFits(text.slice(1), fields))) {
      const negative = token.kind === 'zone' && text.startsWith('-');
      const micros = decodeClock(token.kind === 'zone' ? text.slice(1) : text, fields);
      total.micros = negative ? -micros : micros;
      seen = M_TIME;
      unit = 'day';
    } else {
      const [value, fraction, isYearMonth] = decodeNumber(text);
      const actual: Unit = isYearMonth ? 'month' : (unit ?? defaultUnit(fields));
      total.add(actual, value, fraction);
      seen = actual === 'second' && fraction !== 0 ? M_ALL_SECONDS : maskOf[actual];
      unit = actual === 'hour' ? 'day' : actual;
    }
    if ((seen & mask) !== 0) throw fault('format');
    mask |= seen;
  }
  if (mask === 0) throw fault('format');
  if (ago) total.negate();
}

/** A signed number: integer and fraction; 'years-months' is given in months. */
function decodeNumber(text: string): readonly [value: bigint, fraction: number, isYearMonth: boolean] {
  const match = /^([+-]?)(\d*)(?:-(\d+)|(\.\d*))?$/.exec(text);
  if (match === null) throw fault('format');
  const [, sign, digits = '', monthDigits, fractionDigits] = match;
  const size = checked(BigInt(digits === '' ? '0' : digits), INT8_MIN, INT8_MAX);
  const value = sign === '-' ? -size : size;
  if (monthDigits !== undefined) {
    const months = Number(monthDigits);
    if (months >= 12) throw fault('overflow');
    return [checked(value * 12n, INT8_MIN, INT8_MAX) + BigInt(sign === '-' ? -months : months), 0, true];
  }
  const fraction = fractionDigits === undefined || fractionDigits === '.' ? 0 : Number(fractionDigits);
  return [value, sign === '-' ? 0 - fraction : fraction, false];
}

function clockFits(text: string, fields: IntervalFields | null): boolean {
  if (!text.includes(':')) return false;
  try {
    decodeClock(text, fields);
    return true;
  } catch (error) {
    if (error instanceof DateTimeFaultError) return false;
    throw error;
  }
}

/** hh:mm[:ss[.f]] or mm:ss.f in microseconds; two parts are mm:ss for MINUTE TO SECOND. */
function decodeClock(text: string, fields: IntervalFields | null): bigint {
  const match = /^(\d+):(\d*)(?::(\d*))?(\.\d*)?$/.exec(text);
  if (match === null) throw fault('format');
  const [, first = '0', second = '', third, fractionDigits] = match;
  let hour = checked(BigInt(first), 0n, INT8_MAX);
  let minute = second === '' ? 0n : BigInt(second);
  let sec = third === undefined || third === '' ? 0n : BigInt(third);
  if (third === undefined && (fractionDigits !== undefined || fields === 'minute to second')) {
    sec = minute;
    minute = hour;
    hour = 0n;
  }
  if (minute > 59n || sec > 60n) throw fault('overflow');
  const fraction =
    fractionDigits === undefined || fractionDigits === '.' ? 0 : roundEven(Number(fractionDigits) * 1e6);
  return checked(((hour * 60n + minute) * 60n + sec) * 1_000_000n + BigInt(fraction), INT8_MIN, INT8_MAX);
}

// --- ISO 8601 --------------------------------------------------------------------------------------------------

const isoDateUnits: ReadonlyMap<string, Unit> = new Map([
  ['Y', 'year'],
  ['M', 'month'],
  ['W', 'week'],
  ['D', 'day'],
]);
const isoTimeUnits: ReadonlyMap<string, Unit> = new Map([
  ['H', 'hour'],
  ['M', 'minute'],
  ['S', 'second'],
]);

interface IsoNumber {
  readonly value: bigint;
  readonly fraction: number;
  readonly integerDigits: number;
}

function isoNumber(text: string): IsoNumber {
  const match = /^(-?)(\d*)(\.\d*)?$/.exec(text);
  if (match === null || text === '') throw fault('format');
  const [, sign, digits = '', point] = match;
  const size = checked(BigInt(digits === '' ? '0' : digits), INT8_MIN, INT8_MAX);
  const fraction = point === undefined || point === '.' ? 0 : Number(point);
  return {
    value: sign === '-' ? -size : size,
    fraction: sign === '-' ? 0 - fraction : fraction,
    integerDigits: digits.length,
  };
}

function decodeIso(text: string, total: Accumulator): void {
  if (!text.startsWith('P') || text.length < 2) throw fault('format');
  const [datePart = '', timePart, ...rest] = text.slice(1).split('T');
  if (rest.length > 0) throw fault('format');
  decodeIsoPart(datePart, isoDateUnits, '-', ['year', 'month', 'day'], 8, total);
  if (timePart !== undefined)
    decodeIsoPart(timePart, isoTimeUnits, ':', ['hour', 'minute', 'second'], 6, total);
}

/** Numbers with designators; or the alternative formats: separated parts, or all digits run together. */
function decodeIsoPart(
  text: string,
  units: ReadonlyMap<string, Unit>,
  separator: string,
  alternative: readonly [Unit, Unit, Unit],
  width: number,
  total: Accumulator,
): void {
  const designated = /^(?:-?[\d.]+[A-Z])*$/.exec(text);
  if (designated !== null) {
    for (const [, number = '', letter = ''] of text.matchAll(/(-?[\d.]+)([A-Z])/g)) {
      const unit = units.get(letter);
      if (unit === undefined) throw fault('format');
      const { value, fraction } = isoNumber(number);
      total.add(unit, value, fraction);
    }
    return;
  }
  const parts = text.split(separator);
  if (separator === '-' && text.startsWith('-')) {
    // A leading minus belongs to the number.
    parts.splice(0, 2, `-${parts[1] ?? ''}`);
  }
  if (parts.length > 3) throw fault('format');
  const first = isoNumber(parts[0] ?? '');
  if (parts.length === 1 && first.integerDigits === width) {
    const steps = [first.value / 10_000n, (first.value / 100n) % 100n, first.value % 100n] as const;
    alternative.forEach((unit, i) => {
      total.add(unit, steps[i] ?? 0n, 0);
    });
    total.addFractionMicros(first.fraction, separator === '-' ? 86_400e6 : 1);
    return;
  }
  parts.forEach((part, i) => {
    const { value, fraction } = isoNumber(part);
    total.add(alternative[i] ?? 'second', value, fraction);
  });
}

// --- entry -----------------------------------------------------------------------------------------------------

/** interval input. `fields` and `precision` are those of the type or literal, null when it has none. */
export function parseInterval(
  text: string,
  fields: IntervalFields | null = null,
  precision: number | null = null,
): Interval {
  try {
    return restrictInterval(decode(text, fields), fields, precision);
  } catch (error) {
    if (!(error instanceof DateTimeFaultError)) throw error;
    throw faultToError(error.fault === 'overflow' ? 'intervalOverflow' : error.fault, text, 'interval');
  }
}

function decode(text: string, fields: IntervalFields | null): Interval {
  const total = new Accumulator();
  try {
    decodeUnits(tokenizeDateTime(text), fields, total);
    return total.result();
  } catch (error) {
    if (!(error instanceof DateTimeFaultError) || error.fault !== 'format') throw error;
  }
  const iso = new Accumulator();
  decodeIso(text, iso);
  return iso.result();
}

/** Drops what an interval type with `fields` does not hold and rounds to `precision`. */
export function restrictInterval(
  value: Interval,
  fields: IntervalFields | null,
  precision: number | null,
): Interval {
  let { months, days, micros } = value;
  if (fields !== null) {
    const last = fields.slice(fields.lastIndexOf(' ') + 1);
    const cut = (unit: bigint): bigint => (micros / unit) * unit;
    if (last === 'year') months = Math.trunc(months / 12) * 12;
    if (last === 'year' || last === 'month') days = 0;
    if (last === 'year' || last === 'month' || last === 'day') micros = 0n;
    else if (last === 'hour') micros = cut(3_600_000_000n);
    else if (last === 'minute') micros = cut(60_000_000n);
  }
  if (precision !== null && precision < 6) {
    const unit = 10n ** BigInt(6 - precision);
    const half = unit / 2n;
    micros = micros >= 0n ? ((micros + half) / unit) * unit : -((-micros + half) / unit) * unit;
  }
  return new Interval(months, days, micros);
}
