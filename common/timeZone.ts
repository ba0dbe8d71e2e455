/**
 * Time zones: offset from UTC at a moment, and local time to UTC.
 *
 * Offsets come from Intl, asked once per zone and block of 2^25 seconds (388 days): probes at fixed steps, then
 * bisection where neighbours differ. A block is a short list of (start, offset), so a look-up is an array access and at
 * most a few comparisons. State: the blocks computed so far, per zone. Years after 2500 repeat the calendar's
 * 400-year cycle; moments before 1800 have the zone's first offset.
 */
import { floorSeconds, formatOffset, isFiniteTimestamp, MICROS_PER_SECOND } from './dateTime.ts';
import { SqlError } from './sqlError.ts';
import { fixedAbbreviations, zoneAbbreviations } from './zoneAbbreviations.ts';

const BLOCK_BITS = 2 ** 25;
const PROBES = 64;
const CYCLE_SECONDS = 146_097 * 86_400;
/** 1800-01-01 and 2500-01-01 in seconds since the epoch. */
const FIRST_SECOND = -5_364_662_400;
const LAST_SECOND = 16_725_225_600;
const DAY_SECONDS = 86_400;

interface Block {
  /** First second of each stretch; the first is the block's start. */
  readonly starts: readonly number[];
  readonly offsets: readonly number[];
}

export interface Zone {
  /** The name as the server shows it. */
  readonly name: string;
  /** Seconds east of UTC at a moment given in seconds since the epoch. */
  offsetAtSecond(second: number): number;
}

class FixedZone implements Zone {
  readonly name: string;
  readonly #offset: number;

  constructor(name: string, offset: number) {
    this.name = name;
    this.#offset = offset;
  }

  offsetAtSecond(): number {
    return this.#offset;
  }
}

class NamedZone implements Zone {
  readonly name: string;
  readonly #format: Intl.DateTimeFormat;
  readonly #blocks = new Map<number, Block>();
  #lastIndex = Number.NaN;
  #last: Block = { starts: [], offsets: [] };

  constructor(name: string, format: Intl.DateTimeFormat) {
    this.name = name;
    this.#format = format;
  }

  offsetAtSecond(second: number): number {
    let s = second;
    if (s < FIRST_SECOND) s = FIRST_SECOND;
    else if (s >= LAST_SECOND) s -= (Math.floor((s - LAST_SECOND) / CYCLE_SECONDS) + 1) * CYCLE_SECONDS;
    const index = Math.floor(s / BLOCK_BITS);
    if (index !== this.#lastIndex) {
      this.#last = this.#block(index);
      this.#lastIndex = index;
    }
    const { starts, offsets } = this.#last;
    let i = starts.length - 1;
    while (i > 0 && s < (starts[i] ?? 0)) i--;
    return offsets[i] ?? 0;
  }

  #block(index: number): Block {
    let block = this.#blocks.get(index);
    if (block === undefined) {
      block = this.#probe(index * BLOCK_BITS);
      this.#blocks.set(index, block);
    }
    return block;
  }

  #probe(start: number): Block {
    const starts = [start];
    let offset = this.#ask(start);
    const offsets = [offset];
    const step = BLOCK_BITS / PROBES;
    for (let low = start; low < start + BLOCK_BITS; low += step) {
      const high = low + step;
      const next = this.#ask(high);
      if (next === offset) continue;
      const change = this.#bisect(low, high, offset);
      if (change < start + BLOCK_BITS) {
        starts.push(change);
        offsets.push(next);
      }
      offset = next;
    }
    return { starts, offsets };
  }

  /** The first second in (low, high] whose offset is not `offset`. */
  #bisect(low: number, high: number, offset: number): number {
    let a = low;
    let b = high;
    while (b - a > 1) {
      const middle = Math.floor((a + b) / 2);
      if (this.#ask(middle) === offset) a = middle;
      else b = middle;
    }
    return b;
  }

  #ask(second: number): number {
    // en-US with these options prints "1/15/2024, 10:00:00".
    const parts = this.#format.format(second * 1000).match(/\d+/g) ?? [];
    const [month = 1, day = 1, year = 1970, hour = 0, minute = 0, sec = 0] = parts.map(Number);
    return Date.UTC(year, month - 1, day, hour, minute, sec) / 1000 - second;
  }
}

const UTC: Zone = new FixedZone('UTC', 0);
const zones = new Map<string, Zone | null>([['UTC', UTC]]);

/** POSIX: optional name, then an offset counted west of UTC. */
const posixPattern = /^(?:<[A-Za-z0-9+:-]+>|[A-Za-z]{3,})?([+-]?)(\d{1,3})(?::(\d{1,2})(?::(\d{1,2}))?)?$/;

function makeZone(name: string): Zone | null {
  if (/^[A-Za-z]/.test(name)) {
    try {
      const format = new Intl.DateTimeFormat('en-US', {
        timeZone: name,
        calendar: 'gregory',
        numberingSystem: 'latn',
        hourCycle: 'h23',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
        hour: 'numeric',
        minute: 'numeric',
        second: 'numeric',
      });
      const canonical = canonicalName(name);
      return canonical === 'UTC' ? UTC : new NamedZone(canonical, format);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  const match = posixPattern.exec(name);
  if (match === null) return null;
  const [, sign, hours, minutes = '0', seconds = '0'] = match;
  const west = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  if (west > 167 * 3600) return null;
  // Not -0, which would print as such.
  return new FixedZone(name, sign === '-' ? west : 0 - west);
}

/** Spelling of a zone name given in any case. */
function canonicalName(name: string): string {
  const lower = name.toLowerCase();
  if (lower === 'utc' || lower === 'gmt' || lower === 'uct') return lower.toUpperCase();
  for (const known of Intl.supportedValuesOf('timeZone')) {
    if (known.toLowerCase() === lower) return known;
  }
  // Links such as US/Eastern are not listed: each part is written with a capital, short ones in capitals.
  return name.replace(/[A-Za-z]+/g, (word) =>
    word.length <= 3 && !/^(new|of|es|de|la|los|san|sao|rio|fort|may)$/i.test(word)
      ? word.toUpperCase()
      : word.charAt(0).toUpperCase() + word.slice(1).toLowerCase(),
  );
}

/** The zone of that name (IANA name or POSIX offset), or null when there is none. */
export function findZone(name: string): Zone | null {
  let zone = zones.get(name);
  if (zone === undefined) {
    zone = makeZone(name);
    if (zones.size < 2000) zones.set(name, zone);
  }
  return zone;
}

/** As `findZone`, but 22023 when there is none. */
export function zoneOf(name: string): Zone {
  const zone = findZone(name);
  if (zone === null) throw new SqlError('22023', `time zone "${name}" not recognized`);
  return zone;
}

/** Seconds east of UTC in `zone` at `timestamp` (finite, UTC). */
export function offsetAt(zone: Zone, timestamp: bigint): number {
  return zone === UTC ? 0 : zone.offsetAtSecond(floorSeconds(timestamp));
}

/** Offset that applies to a local time: in a gap the one before it, of two the standard (later) one. */
export function localOffset(zone: Zone, localSecond: number): number {
  const before = zone.offsetAtSecond(localSecond - DAY_SECONDS);
  const after = zone.offsetAtSecond(localSecond + DAY_SECONDS);
  if (before === after) return zone.offsetAtSecond(localSecond - before);
  const beforeFits = zone.offsetAtSecond(localSecond - before) === before;
  const afterFits = zone.offsetAtSecond(localSecond - after) === after;
  if (beforeFits === afterFits) return beforeFits ? after : before;
  return beforeFits ? before : after;
}

/** UTC moment of a local time in a zone; infinities stay. */
export function localToUtc(zone: Zone, local: bigint): bigint {
  if (zone === UTC || !isFiniteTimestamp(local)) return local;
  return local - BigInt(localOffset(zone, floorSeconds(local))) * MICROS_PER_SECOND;
}

/** Local time in a zone of a UTC moment; infinities stay. */
export function utcToLocal(zone: Zone, timestamp: bigint): bigint {
  if (zone === UTC || !isFiniteTimestamp(timestamp)) return timestamp;
  return timestamp + BigInt(zone.offsetAtSecond(floorSeconds(timestamp))) * MICROS_PER_SECOND;
}

/** What an abbreviation such as PST stands for: a fixed zone, or the zone that defines it. Null when unknown. */
export function abbreviatedZone(abbreviation: string): Zone | null {
  const lower = abbreviation.toLowerCase();
  const fixed = fixedAbbreviations.get(lower);
  if (fixed !== undefined) return new FixedZone(abbreviation.toUpperCase(), fixed);
  const name = zoneAbbreviations.get(lower);
  return name === undefined ? null : zoneOf(name);
}

/** The zone meant by AT TIME ZONE text: an abbreviation, a name or a POSIX offset; 22023 when none of these. */
export function zoneForExpression(text: string): Zone {
  return abbreviatedZone(text) ?? zoneOf(text);
}

/** A zone with a constant offset in seconds east of UTC, shown as POSIX does. */
export function fixedZone(offsetSeconds: number): Zone {
  return new FixedZone(`<${formatOffset(offsetSeconds)}>${formatOffset(0 - offsetSeconds)}`, offsetSeconds);
}

/** Seconds east of UTC of a zone whose offset never changes; null for the others. */
export function fixedOffset(zone: Zone): number | null {
  return zone instanceof FixedZone ? zone.offsetAtSecond() : null;
}

/** The name under which SET TimeZone keeps a value: hours count east of UTC; 22023 when not recognised. */
export function timeZoneSetting(text: string): string {
  if (/^[+-]?(\d+\.?\d*|\.\d+)$/.test(text)) return fixedZone(Math.round(Number(text) * 3600)).name;
  const zone = findZone(text);
  if (zone === null) {
    throw new SqlError('22023', `invalid value for parameter "TimeZone": "${text}"`);
  }
  return zone.name;
}

/** Whether the text names a time zone or is a POSIX offset. */
export function isTimeZone(text: string): boolean {
  return findZone(text) !== null;
}
