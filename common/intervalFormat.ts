/** Text output of interval in PostgreSQL's four styles. Quotients truncate, so every field carries its own sign. */
import type { Interval } from './interval.ts';
import type { TextContext } from './textContext.ts';

interface Parts {
  readonly years: number;
  readonly months: number;
  readonly days: number;
  readonly hours: bigint;
  readonly minutes: number;
  readonly seconds: number;
  readonly micros: number;
}

function partsOf(value: Interval): Parts {
  const hours = value.micros / 3_600_000_000n;
  const rest = Number(value.micros - hours * 3_600_000_000n);
  const minutes = Math.trunc(rest / 60e6);
  const seconds = Math.trunc((rest - minutes * 60e6) / 1e6);
  // `+ 0` turns -0 into 0.
  return {
    years: Math.trunc(value.months / 12) + 0,
    months: (value.months % 12) + 0,
    days: value.days,
    hours,
    minutes: minutes + 0,
    seconds: seconds + 0,
    micros: (rest % 1e6) + 0,
  };
}

function absolute(n: bigint): bigint {
  return n < 0n ? -n : n;
}

function pad(n: number | bigint): string {
  return String(n).padStart(2, '0');
}

function fraction(micros: number): string {
  if (micros === 0) return '';
  return `.${String(Math.abs(micros)).padStart(6, '0').replace(/0+$/, '')}`;
}

/** hh:mm:ss[.f] of the parts' sizes. */
function clock(p: Parts, padHours: boolean): string {
  const hours = absolute(p.hours);
  const shown = padHours ? pad(hours) : String(hours);
  return `${shown}:${pad(Math.abs(p.minutes))}:${pad(Math.abs(p.seconds))}${fraction(p.micros)}`;
}

function timeIsNegative(p: Parts): boolean {
  return p.hours < 0n || p.minutes < 0 || p.seconds < 0 || p.micros < 0;
}

function timeIsZero(p: Parts): boolean {
  return p.hours === 0n && p.minutes === 0 && p.seconds === 0 && p.micros === 0;
}

function postgresStyle(p: Parts): string {
  const out: string[] = [];
  let before = false;
  for (const [value, unit] of [
    [p.years, 'year'],
    [p.months, 'mon'],
    [p.days, 'day'],
  ] as const) {
    if (value === 0) continue;
    out.push(`${before && value > 0 ? '+' : ''}${value} ${unit}${value === 1 ? '' : 's'}`);
    before = value < 0;
  }
  if (out.length === 0 || !timeIsZero(p)) {
    out.push(`${timeIsNegative(p) ? '-' : before ? '+' : ''}${clock(p, true)}`);
  }
  return out.join(' ');
}

function verboseStyle(p: Parts): string {
  let out = '@';
  let empty = true;
  let before = false;
  for (const [value, unit] of [
    [BigInt(p.years), 'year'],
    [BigInt(p.months), 'mon'],
    [BigInt(p.days), 'day'],
    [p.hours, 'hour'],
    [BigInt(p.minutes), 'min'],
  ] as const) {
    if (value === 0n) continue;
    if (empty) before = value < 0n;
    const shown = before ? -value : value;
    out += ` ${shown} ${unit}${shown === 1n ? '' : 's'}`;
    empty = false;
  }
  if (p.seconds !== 0 || p.micros !== 0) {
    out += ' ';
    if (p.seconds < 0 || p.micros < 0) {
      if (empty) before = true;
      else if (!before) out += '-';
    } else if (before) out += '-';
    const single = Math.abs(p.seconds) === 1 && p.micros === 0;
    out += `${Math.abs(p.seconds)}${fraction(p.micros)} sec${single ? '' : 's'}`;
    empty = false;
  }
  if (empty) out += ' 0';
  return before ? `${out} ago` : out;
}

function isoStyle(p: Parts): string {
  let out = 'P';
  if (p.years !== 0) out += `${p.years}Y`;
  if (p.months !== 0) out += `${p.months}M`;
  if (p.days !== 0) out += `${p.days}D`;
  if (!timeIsZero(p)) {
    out += 'T';
    if (p.hours !== 0n) out += `${p.hours}H`;
    if (p.minutes !== 0) out += `${p.minutes}M`;
    if (p.seconds !== 0 || p.micros !== 0) {
      out += `${p.seconds < 0 || p.micros < 0 ? '-' : ''}${Math.abs(p.seconds)}${fraction(p.micros)}S`;
    }
  }
  return out === 'P' ? 'PT0S' : out;
}

function sqlStandardStyle(p: Parts): string {
  const yearMonth = p.years !== 0 || p.months !== 0;
  const dayTime = p.days !== 0 || !timeIsZero(p);
  const yearNegative = p.years < 0 || p.months < 0;
  const negative = yearNegative || p.days < 0 || timeIsNegative(p);
  const timePositive = p.hours > 0n || p.minutes > 0 || p.seconds > 0 || p.micros > 0;
  const positive = p.years > 0 || p.months > 0 || p.days > 0 || timePositive;
  if (!negative && !positive) return '0';
  const years = `${Math.abs(p.years)}-${Math.abs(p.months)}`;
  if ((negative && positive) || (yearMonth && dayTime)) {
    const sign = (isNegative: boolean): string => (isNegative ? '-' : '+');
    return `${sign(yearNegative)}${years} ${sign(p.days < 0)}${Math.abs(p.days)} ${sign(timeIsNegative(p))}${clock(p, false)}`;
  }
  const sign = negative ? '-' : '';
  if (yearMonth) return sign + years;
  return sign + (p.days !== 0 ? `${Math.abs(p.days)} ` : '') + clock(p, false);
}

/** interval output. */
export function formatInterval(value: Interval, style: TextContext['intervalStyle'] = 'postgres'): string {
  const parts = partsOf(value);
  switch (style) {
    case 'postgres':
      return postgresStyle(parts);
    case 'postgres_verbose':
      return verboseStyle(parts);
    case 'sql_standard':
      return sqlStandardStyle(parts);
    case 'iso_8601':
      return isoStyle(parts);
  }
}
