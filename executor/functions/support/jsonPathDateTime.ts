/**
 * Dates and times in SQL/JSON paths: `.datetime()` and `.datetime("template")`, their comparison and their text (ISO 8601,
 * as items of the result). A moment keeps the zone that it was written with. Comparing one that has a zone with one that
 * has none needs the session's: only the *_tz functions have it.
 */
import {
  daysFromCivil,
  daysInMonth,
  formatDate,
  formatOffset,
  formatTime,
} from '../../../common/dateTime.ts';
import { SqlError } from '../../../common/sqlError.ts';
import type { DateTimeContext } from '../../../common/textContext.ts';
import { localToUtc, offsetAt, zoneOf } from '../../../common/timeZone.ts';
import { parseMoment } from './dateTimeFromChar.ts';
import { parseDateTemplate } from './formatTemplate.ts';

const typeNames = {
  date: 'date',
  time: 'time without time zone',
  timetz: 'time with time zone',
  timestamp: 'timestamp without time zone',
  timestamptz: 'timestamp with time zone',
} as const;

type Kind = keyof typeof typeNames;

export class PathDateTime {
  readonly kind: Kind;
  /** Days since 1970-01-01; 0 for a time. */
  readonly days: number;
  /** Microseconds since midnight, in the zone that it was written with. */
  readonly micros: number;
  /** Seconds east of UTC; 0 without a zone. */
  readonly offset: number;

  constructor(kind: Kind, days: number, micros: number, offset: number) {
    this.kind = kind;
    this.days = days;
    this.micros = micros;
    this.offset = offset;
  }

  get typeName(): string {
    return typeNames[this.kind];
  }

  toString(): string {
    const date = formatDate(this.days);
    const time = formatTime(BigInt(this.micros));
    switch (this.kind) {
      case 'date':
        return date;
      case 'time':
        return time;
      case 'timetz':
        return `${time}${isoOffset(this.offset)}`;
      case 'timestamp':
        return `${date}T${time}`;
      case 'timestamptz':
        return `${date}T${time}${isoOffset(this.offset)}`;
    }
  }
}

/** +hh:mm: minutes are always shown. */
function isoOffset(seconds: number): string {
  const text = formatOffset(seconds);
  return text.includes(':') ? text : `${text}:00`;
}

const iso =
  /^(?:(\d{1,4})-(\d{1,2})-(\d{1,2}))?(?:([ T])(?=\d)|^(?=\d{1,2}:)|$)(?:(\d{1,2}):(\d{1,2}):(\d{1,2})(?:([+-])(\d{1,2})(?::(\d{1,2}))?)?)?$/;

/** What `.datetime()` takes without a template; null for any other text. */
function readIso(text: string): PathDateTime | null {
  const match = iso.exec(text.trim());
  if (match === null || match[0] === '') return null;
  const [, year, month, day, gap, hour, minute, second, sign, zoneHour, zoneMinute] = match;
  if (gap !== undefined && (year === undefined || hour === undefined)) return null;
  let days = 0;
  if (year !== undefined) {
    const [y, m, d] = [Number(year), Number(month), Number(day)];
    if (m < 1 || m > 12 || d < 1 || d > daysInMonth(y, m)) return null;
    days = daysFromCivil(y, m, d);
  }
  if (hour === undefined) return new PathDateTime('date', days, 0, 0);
  const [h, m, s] = [Number(hour), Number(minute), Number(second)];
  if (h > 23 || m > 59 || s > 59) return null;
  const micros = ((h * 60 + m) * 60 + s) * 1_000_000;
  const zoned = sign !== undefined;
  const offset = (Number(zoneHour ?? 0) * 60 + Number(zoneMinute ?? 0)) * 60 * (sign === '-' ? -1 : 1);
  if (Math.abs(offset) > 15 * 3600 + 59 * 60 || Number(zoneMinute ?? 0) > 59) return null;
  if (year === undefined) return new PathDateTime(zoned ? 'timetz' : 'time', 0, micros, offset);
  return new PathDateTime(zoned ? 'timestamptz' : 'timestamp', days, micros, offset);
}

const timeField = /^(?:HH|HH12|HH24|MI|SS|MS|US|FF[1-6]|SSSSS?|AM|PM|A\.M\.|P\.M\.)$/i;
const zoneField = /^(?:TZH|TZM|TZ|OF)$/i;

function readTemplate(text: string, template: string): PathDateTime {
  const nodes = parseDateTemplate(template);
  const fields = nodes.flatMap((n) => (n.kind === 'field' && !/^FX$/i.test(n.name) ? [n.name] : []));
  const zoned = fields.some((f) => zoneField.test(f));
  const timed = fields.some((f) => timeField.test(f));
  const dated = fields.some((f) => !zoneField.test(f) && !timeField.test(f));
  if (!dated && !timed) throw new SqlError('22007', 'datetime format is not dated and not timed');
  if (zoned && !timed) throw new SqlError('22007', 'datetime format is zoned but not timed');
  const { days, micros, offsetSeconds } = parseMoment(text, nodes);
  if (zoned && offsetSeconds === null) {
    throw new SqlError(
      '22007',
      `missing time zone in input string for type ${dated ? 'timestamptz' : 'timetz'}`,
    );
  }
  if (!timed) return new PathDateTime('date', days, 0, 0);
  const offset = offsetSeconds ?? 0;
  if (!dated) return new PathDateTime(zoned ? 'timetz' : 'time', 0, micros, offset);
  return new PathDateTime(zoned ? 'timestamptz' : 'timestamp', days, micros, offset);
}

/** `.datetime()` of a string. */
export function readDateTime(text: string, template: string | null): PathDateTime {
  if (template !== null) return readTemplate(text, template);
  const value = readIso(text);
  if (value !== null) return value;
  throw new SqlError('22031', `datetime format is not recognized: "${text}"`, {
    hint: 'Use a datetime template argument to specify the input data format.',
  });
}

const isTime = (v: PathDateTime): boolean => v.kind === 'time' || v.kind === 'timetz';
const hasZone = (v: PathDateTime): boolean => v.kind === 'timetz' || v.kind === 'timestamptz';

function needsZone(from: PathDateTime, to: PathDateTime): SqlError {
  const message = `cannot convert value from ${from.kind} to ${to.kind} without time zone usage`;
  return new SqlError('0A000', message, { hint: 'Use *_tz() function for time zone support.' });
}

/** Microseconds in UTC, with the zone of the session for what was written without. */
function universal(v: PathDateTime, other: PathDateTime, context: DateTimeContext | null): bigint {
  const local = BigInt(v.days) * 86_400_000_000n + BigInt(v.micros);
  if (hasZone(v)) return local - BigInt(v.offset) * 1_000_000n;
  if (!hasZone(other)) return local;
  if (context === null) throw needsZone(v, other);
  const zone = zoneOf(context.timeZone);
  if (isTime(v)) return local - BigInt(offsetAt(zone, context.now())) * 1_000_000n;
  return localToUtc(zone, local);
}

/** Order of two; null when one is a time of day and the other is not. */
export function compareDateTimes(
  a: PathDateTime,
  b: PathDateTime,
  context: DateTimeContext | null,
): number | null {
  if (isTime(a) !== isTime(b)) return null;
  const [x, y] = [universal(a, b, context), universal(b, a, context)];
  if (x !== y) return x < y ? -1 : 1;
  // Of times of day with zones, the more western one is the later.
  return a.kind === 'timetz' && b.kind === 'timetz' ? b.offset - a.offset : 0;
}
