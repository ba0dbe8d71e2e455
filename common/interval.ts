/**
 * interval: three independent fields, as PostgreSQL keeps them. Comparison and hashing take a month for 30 days and a
 * day for 24 hours; arithmetic keeps the fields apart and only cascades fractions downwards.
 */
import { SqlError } from './sqlError.ts';

const MICROS_PER_DAY = 86_400_000_000n;
const DAYS_PER_MONTH = 30;
const SECONDS_PER_DAY = 86_400;
const INT4_MAX = 0x7fffffff;
const INT4_MIN = -0x80000000;
const INT8_MAX = 0x7fffffffffffffffn;
const INT8_MIN = -0x8000000000000000n;

export function intervalOutOfRange(): SqlError {
  return new SqlError('22008', 'interval out of range');
}

export class Interval {
  static readonly ZERO: Interval = new Interval(0, 0, 0n);

  readonly months: number;
  readonly days: number;
  readonly micros: bigint;

  constructor(months: number, days: number, micros: bigint) {
    this.months = months;
    this.days = days;
    this.micros = micros;
  }

  /** As the constructor, but 22008 when a field does not fit int4, int4, int8. */
  static checked(months: number, days: number, micros: bigint): Interval {
    if (!fitsInt4(months) || !fitsInt4(days) || micros > INT8_MAX || micros < INT8_MIN)
      throw intervalOutOfRange();
    return new Interval(months, days, micros);
  }

  add(other: Interval): Interval {
    return Interval.checked(this.months + other.months, this.days + other.days, this.micros + other.micros);
  }

  sub(other: Interval): Interval {
    return Interval.checked(this.months - other.months, this.days - other.days, this.micros - other.micros);
  }

  neg(): Interval {
    return Interval.checked(-this.months, -this.days, -this.micros);
  }

  /** Product with a float8: fractions of months become days, fractions of days become time. */
  mul(factor: number): Interval {
    return this.scaled((x) => x * factor);
  }

  /** Quotient by a float8; 22012 for zero. */
  div(divisor: number): Interval {
    if (divisor === 0) throw new SqlError('22012', 'division by zero');
    return this.scaled((x) => x / divisor);
  }

  private scaled(scale: (x: number) => number): Interval {
    const months = toInt4(scale(this.months));
    let days = toInt4(scale(this.days));
    const monthDays = roundMicros((scale(this.months) - months) * DAYS_PER_MONTH);
    const wholeMonthDays = Math.trunc(monthDays);
    let seconds = roundMicros((scale(this.days) - days + monthDays - wholeMonthDays) * SECONDS_PER_DAY);
    if (Math.abs(seconds) >= SECONDS_PER_DAY) {
      const whole = Math.trunc(seconds / SECONDS_PER_DAY);
      days += whole;
      seconds -= whole * SECONDS_PER_DAY;
    }
    days += wholeMonthDays;
    const micros = roundEven(scale(Number(this.micros)) + seconds * 1e6);
    if (!Number.isFinite(micros) || Math.abs(micros) >= 2 ** 63) throw intervalOutOfRange();
    return Interval.checked(months, days, BigInt(micros));
  }

  /** Total microseconds with 30-day months and 24-hour days: what the order and equality of intervals go by. */
  normalizedMicros(): bigint {
    return (BigInt(this.months) * 30n + BigInt(this.days)) * MICROS_PER_DAY + this.micros;
  }

  compare(other: Interval): number {
    const a = this.normalizedMicros();
    const b = other.normalizedMicros();
    return a < b ? -1 : a > b ? 1 : 0;
  }

  equals(other: Interval): boolean {
    return this.normalizedMicros() === other.normalizedMicros();
  }

  /** -1, 0 or 1. */
  signum(): number {
    const n = this.normalizedMicros();
    return n > 0n ? 1 : n < 0n ? -1 : 0;
  }

  /** 32-bit hash, the same for intervals that compare equal. */
  hash(): number {
    const n = BigInt.asUintN(64, this.normalizedMicros());
    let h = Math.imul(Number(n & 0xffffffffn) | 0, 0x9e3779b1) ^ Math.imul(Number(n >> 32n) | 0, 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35);
    return (h ^ (h >>> 13)) | 0;
  }

  /** Whole days' worth of time moves into days: justify_hours. */
  justifyHours(): Interval {
    const whole = this.micros / MICROS_PER_DAY;
    let days = this.days + Number(whole);
    let micros = this.micros - whole * MICROS_PER_DAY;
    if (days > 0 && micros < 0n) {
      micros += MICROS_PER_DAY;
      days--;
    } else if (days < 0 && micros > 0n) {
      micros -= MICROS_PER_DAY;
      days++;
    }
    return Interval.checked(this.months, days, micros);
  }

  /** Every 30 days become a month: justify_days. */
  justifyDays(): Interval {
    const whole = Math.trunc(this.days / DAYS_PER_MONTH);
    let months = this.months + whole;
    let days = this.days - whole * DAYS_PER_MONTH;
    if (months > 0 && days < 0) {
      days += DAYS_PER_MONTH;
      months--;
    } else if (months < 0 && days > 0) {
      days -= DAYS_PER_MONTH;
      months++;
    }
    return Interval.checked(months, days, this.micros);
  }

  /** Both of the above, with all fields of one sign: justify_interval. */
  justify(): Interval {
    let { months, days, micros } = this;
    if ((days > 0 && micros > 0n) || (days < 0 && micros < 0n)) {
      const carried = Math.trunc(days / DAYS_PER_MONTH);
      days -= carried * DAYS_PER_MONTH;
      months += carried;
    }
    const wholeDays = micros / MICROS_PER_DAY;
    micros -= wholeDays * MICROS_PER_DAY;
    days += Number(wholeDays);
    const wholeMonths = Math.trunc(days / DAYS_PER_MONTH);
    days -= wholeMonths * DAYS_PER_MONTH;
    months += wholeMonths;
    if (months > 0 && (days < 0 || (days === 0 && micros < 0n))) {
      days += DAYS_PER_MONTH;
      months--;
    } else if (months < 0 && (days > 0 || (days === 0 && micros > 0n))) {
      days -= DAYS_PER_MONTH;
      months++;
    }
    if (days > 0 && micros < 0n) {
      micros += MICROS_PER_DAY;
      days--;
    } else if (days < 0 && micros > 0n) {
      micros -= MICROS_PER_DAY;
      days++;
    }
    return Interval.checked(months, days, micros);
  }
}

function fitsInt4(n: number): boolean {
  return n <= INT4_MAX && n >= INT4_MIN;
}

function toInt4(x: number): number {
  if (Number.isNaN(x) || x > INT4_MAX || x < INT4_MIN) throw intervalOutOfRange();
  return Math.trunc(x);
}

function roundMicros(x: number): number {
  return roundEven(x * 1e6) / 1e6;
}

/** Nearest integer, ties to even: C's rint. */
export function roundEven(x: number): number {
  const r = Math.round(x);
  return Math.abs(x - Math.trunc(x)) === 0.5 && r % 2 !== 0 ? r - 1 : r;
}
