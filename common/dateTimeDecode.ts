/**
 * Second stage of date and time input: fields to a moment, as PostgreSQL's DecodeDateTime and DecodeTimeOnly.
 *
 * State while decoding: the mask of fields seen and their values. A field seen twice, or one that does not fit what is
 * still missing, is a fault. Zones named in the text are resolved last, when the date is known.
 */
import { daysFromCivil, floorSeconds, splitTimestamp } from './dateTime.ts';
import {
  DateFields,
  decodeClock,
  decodeDate,
  decodeNumber,
  decodeNumberField,
  decodeZoneOffset,
} from './dateTimeFields.ts';
import {
  dateTimeWord,
  type Field,
  fault,
  M_AMPM,
  M_DATE,
  M_DAY,
  M_DST_MODIFIER,
  M_DST_ZONE,
  M_ERA,
  M_MONTH,
  M_TIME,
  M_WEEKDAY,
  M_ZONE,
  type Reserved,
  scanInteger,
  tokenizeDateTime,
} from './dateTimeTokens.ts';
import { SqlError } from './sqlError.ts';
import type { DateTimeContext } from './textContext.ts';
import { abbreviatedZone, findZone, localOffset, utcToLocal, type Zone, zoneOf } from './timeZone.ts';

export type Decoded =
  | {
      readonly kind: 'moment';
      readonly year: number;
      readonly month: number;
      readonly day: number;
      /** Time of day; may be 24:00:00. */
      readonly micros: number;
      /** Seconds east of UTC: from the text, else the session zone's at that local time. */
      readonly offsetSeconds: number;
    }
  | { readonly kind: 'epoch' | 'late' | 'early' };

export interface DecodedTime {
  readonly micros: number;
  readonly offsetSeconds: number;
}

class Decoder {
  readonly context: DateTimeContext;
  readonly timeOnly: boolean;
  readonly tokens: readonly Field[];
  readonly f = new DateFields();
  mask = 0;
  /** What the previous field announced about this one. */
  pending: 'julian' | 'time' | 'unit' | null = null;
  meridiem: 'am' | 'pm' | null = null;
  bc = false;
  special: 'epoch' | 'late' | 'early' | null = null;
  /** Seconds east of UTC as far as given by number or fixed abbreviation. */
  offset = 0;
  zone: Zone | null = null;

  constructor(text: string, context: DateTimeContext, timeOnly: boolean) {
    this.context = context;
    this.timeOnly = timeOnly;
    this.tokens = tokenizeDateTime(text);
  }

  run(): void {
    for (let i = 0; i < this.tokens.length; i++) {
      const token = this.tokens[i];
      if (token === undefined) continue;
      const seen = this.field(token, i);
      if ((seen & this.mask) !== 0) throw fault('format');
      this.mask |= seen;
    }
    if (this.special === null) this.f.validate(this.mask, this.bc);
    if (this.meridiem !== null && this.f.hour > 12) throw fault('overflow');
    if (this.meridiem === 'am' && this.f.hour === 12) this.f.hour = 0;
    else if (this.meridiem === 'pm' && this.f.hour !== 12) this.f.hour += 12;
  }

  private field(token: Field, i: number): number {
    switch (token.kind) {
      case 'date':
        return this.timeOnly ? this.dateInTime(token.text, i) : this.date(token.text);
      case 'time': {
        if (!this.timeOnly && this.pending !== null) {
          if (this.pending !== 'time') throw fault('format');
          this.pending = null;
        }
        decodeClock(token.text, this.f);
        if (!this.timeOnly) this.f.checkClock();
        return M_TIME;
      }
      case 'zone':
        this.offset = decodeZoneOffset(token.text);
        return M_ZONE;
      case 'number':
        return this.number(token.text, i);
      case 'string':
      case 'special':
        return this.word(token.text, i);
    }
  }

  private date(text: string): number {
    if (this.pending === 'julian') {
      const { value, end } = scanInteger(text, 0);
      this.f.setJulian(value);
      this.offset = decodeZoneOffset(text.slice(end));
      this.pending = null;
      return M_DATE | M_TIME | M_ZONE;
    }
    const haveDay = (this.mask & (M_MONTH | M_DAY)) === (M_MONTH | M_DAY);
    if (this.pending === null && !haveDay) return decodeDate(text, this.mask, this.f);
    if (!/^\d/.test(text) && this.pending === null) return this.namedZone(text);
    if (this.pending !== null && this.pending !== 'time') throw fault('format');
    this.pending = null;
    return this.clockWithZone(text, this.mask);
  }

  private dateInTime(text: string, i: number): number {
    const count = this.tokens.length;
    if (
      i === 0 &&
      count >= 2 &&
      (this.tokens[count - 1]?.kind === 'date' || this.tokens[1]?.kind === 'time')
    ) {
      return decodeDate(text, this.mask, this.f);
    }
    if (!/^\d/.test(text)) return this.namedZone(text);
    return this.clockWithZone(text, this.mask | M_DATE);
  }

  /** Run-together time with a zone: hhmmss-zz. */
  private clockWithZone(text: string, mask: number): number {
    if ((this.mask & M_TIME) === M_TIME) throw fault('format');
    const minus = text.indexOf('-');
    if (minus < 0) throw fault('format');
    this.offset = decodeZoneOffset(text.slice(minus));
    return decodeNumberField(text.slice(0, minus), mask, this.f) | M_ZONE;
  }

  private namedZone(text: string): number {
    this.zone = findZone(text);
    if (this.zone === null) throw new SqlError('22023', `time zone "${text}" not recognized`);
    return M_ZONE;
  }

  private number(text: string, i: number): number {
    if (this.pending !== null) return this.announcedNumber(text);
    const point = text.indexOf('.');
    const mask = this.timeOnly ? this.mask | M_DATE : this.mask;
    if (this.timeOnly) {
      if (point >= 0) {
        const count = this.tokens.length;
        if (i === 0 && count >= 2 && this.tokens[count - 1]?.kind === 'date')
          return decodeDate(text, this.mask, this.f);
        if (point > 2) return decodeNumberField(text, mask, this.f);
        throw fault('format');
      }
      if (text.length > 4) return decodeNumberField(text, mask, this.f);
      return decodeNumber(text, false, mask, this.f);
    }
    if (point >= 0 && (mask & M_DATE) === 0) return decodeDate(text, mask, this.f);
    if (point > 2) return decodeNumberField(text, mask, this.f);
    if (text.length >= 6 && ((mask & M_DATE) === 0 || (mask & M_TIME) === 0)) {
      return decodeNumberField(text, mask, this.f);
    }
    return decodeNumber(text, this.f.haveTextMonth, mask, this.f);
  }

  private announcedNumber(text: string): number {
    const announced = this.pending;
    this.pending = null;
    if (announced === 'time') {
      const seen = decodeNumberField(text, this.mask | M_DATE, this.f);
      if (seen !== M_TIME) throw fault('format');
      return seen;
    }
    if (announced !== 'julian') throw fault('format');
    const { value, end } = scanInteger(text, 0);
    if (value < 0) throw fault('overflow');
    this.f.setJulian(value);
    if (end === text.length) return M_DATE;
    if (!/^\.\d*$/.test(text.slice(end))) throw fault('format');
    this.f.setClock(Math.trunc(Number(`0${text.slice(end)}`) * 86_400e6));
    return M_DATE | M_TIME;
  }

  private word(text: string, i: number): number {
    const zone = abbreviatedZone(text);
    if (zone !== null) return this.abbreviation(zone, text);
    const word = dateTimeWord(text);
    if (word === null) {
      this.zone = findZone(text);
      if (this.zone === null) throw fault('format');
      return M_ZONE;
    }
    switch (word.kind) {
      case 'reserved':
        return this.reserved(word.value);
      case 'month':
        return this.month(word.value);
      case 'weekday':
        if (this.timeOnly) throw fault('format');
        return M_WEEKDAY;
      case 'ampm':
        this.meridiem = word.pm ? 'pm' : 'am';
        return M_AMPM;
      case 'era':
        this.bc = word.bc;
        return M_ERA;
      case 'dst':
        this.offset += 3600;
        return M_DST_MODIFIER | M_DST_ZONE;
      case 'julian':
        this.pending = 'julian';
        return 0;
      case 'unit':
        this.pending = 'unit';
        return 0;
      case 'ignore':
        return 0;
      case 'isoTime': {
        if (!this.timeOnly && (this.mask & M_DATE) !== M_DATE) throw fault('format');
        const next = this.tokens[i + 1]?.kind;
        if (next !== 'number' && next !== 'time' && next !== 'date') throw fault('format');
        this.pending = 'time';
        return 0;
      }
    }
  }

  private abbreviation(zone: Zone, text: string): number {
    const first = zone.offsetAtSecond(0);
    // A fixed abbreviation has the upper-cased text as its name; others are resolved when the date is known.
    if (zone.name === text.toUpperCase()) {
      this.offset = first;
      return M_ZONE;
    }
    this.zone = zone;
    return M_ZONE;
  }

  private month(value: number): number {
    if (this.timeOnly) throw fault('format');
    let seen = M_MONTH;
    if ((this.mask & M_MONTH) !== 0 && !this.f.haveTextMonth && (this.mask & M_DAY) === 0) {
      if (this.f.month >= 1 && this.f.month <= 31) {
        this.f.day = this.f.month;
        seen = M_DAY;
      }
    }
    this.f.haveTextMonth = true;
    this.f.month = value;
    return seen;
  }

  private reserved(value: Reserved): number {
    if (this.timeOnly && value !== 'now' && value !== 'zulu') throw fault('format');
    switch (value) {
      case 'epoch':
      case 'late':
      case 'early':
        this.special = value;
        return M_DATE | M_TIME | M_ZONE;
      case 'zulu':
        this.f.setClock(0);
        this.offset = 0;
        return M_TIME | M_ZONE;
      case 'now': {
        const now = this.localNow();
        const { days, micros } = splitTimestamp(now);
        this.f.setClock(micros);
        if (this.timeOnly) return M_TIME;
        this.f.setDay(days);
        this.offset = Number((now - this.context.now()) / 1_000_000n);
        return M_DATE | M_TIME | M_ZONE;
      }
      case 'yesterday':
      case 'today':
      case 'tomorrow': {
        const shift = value === 'today' ? 0 : value === 'tomorrow' ? 1 : -1;
        this.f.setDay(splitTimestamp(this.localNow()).days + shift);
        return M_DATE;
      }
    }
  }

  private localNow(): bigint {
    return utcToLocal(zoneOf(this.context.timeZone), this.context.now());
  }

  /** Today's day in the session's zone. */
  currentDays(): number {
    return splitTimestamp(this.localNow()).days;
  }

  /** Offset of the decoded local time. */
  resolveOffset(days: number): number {
    if (this.zone !== null || (this.mask & M_ZONE) === 0) {
      if ((this.mask & M_DST_MODIFIER) !== 0) throw fault('format');
      const zone = this.zone ?? zoneOf(this.context.timeZone);
      return localOffset(zone, days * 86_400 + Math.floor(this.f.micros() / 1e6));
    }
    return this.offset;
  }
}

/** Decodes a date with or without a time. Throws DateTimeFaultError. */
export function decodeDateTime(text: string, context: DateTimeContext): Decoded {
  const d = new Decoder(text, context, false);
  d.run();
  if (d.special !== null) return { kind: d.special };
  if ((d.mask & M_DATE) !== M_DATE) throw fault('format');
  const { year, month, day } = d.f;
  return {
    kind: 'moment',
    year,
    month,
    day,
    micros: d.f.micros(),
    offsetSeconds: d.resolveOffset(daysFromCivil(year, month, day)),
  };
}

/** Decodes a time of day. Throws DateTimeFaultError. */
export function decodeTimeOnly(text: string, context: DateTimeContext): DecodedTime {
  const d = new Decoder(text, context, true);
  d.run();
  d.f.checkClock();
  if ((d.mask & M_TIME) !== M_TIME) throw fault('format');
  const hasDate = (d.mask & M_DATE) === M_DATE;
  const zone = d.zone;
  if (zone !== null && !hasDate) {
    // Only a zone that never changed its offset can do without one.
    const winter = zone.offsetAtSecond(floorSeconds(context.now()));
    for (let second = -2_000_000_000; second < 2_000_000_000; second += 23_000_000) {
      if (zone.offsetAtSecond(second) !== winter) throw fault('format');
    }
    return { micros: d.f.micros(), offsetSeconds: winter };
  }
  const days = hasDate ? daysFromCivil(d.f.year, d.f.month, d.f.day) : d.currentDays();
  return { micros: d.f.micros(), offsetSeconds: d.resolveOffset(days) };
}
