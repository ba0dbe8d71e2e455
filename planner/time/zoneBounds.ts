/**
 * Lower bounds across time zones. Local time goes back when summer time ends, so a cast to it is not monotone; what a
 * watermark needs is the least result that a moment, or anything after it, can have. Each function here is that least
 * value (or something a little below it) and is exact away from changes of the offset.
 *
 * Offsets of a zone change at most once within a few days; no offset differs from another by more than 26 hours.
 */
import { isFiniteTimestamp } from '../../common/dateTime.ts';
import { truncateTimestamp, truncateTimestampTz } from '../../common/dateTimeMath.ts';
import { fixedZone, offsetAt, utcToLocal, type Zone } from '../../common/timeZone.ts';

const SECOND = 1_000_000n;
const HOUR = 3600n * SECOND;
/** No two offsets differ by more. */
const SPAN = 26n * HOUR;

const earlier = (a: bigint, b: bigint): bigint => (b < a ? b : a);

/** The first moment in (from, to] with another offset than `from`; the ends differ. */
function changeBetween(zone: Zone, from: bigint, to: bigint): bigint {
  const before = offsetAt(zone, from);
  let low = from / SECOND - 1n;
  let high = to / SECOND + 1n;
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    if (offsetAt(zone, middle * SECOND) === before) low = middle;
    else high = middle;
  }
  return high * SECOND;
}

/** The least local time of `moment` and all moments after it. */
export function leastLocalTime(zone: Zone, moment: bigint): bigint {
  if (!isFiniteTimestamp(moment)) return moment;
  const now = offsetAt(zone, moment);
  const later = offsetAt(zone, moment + SPAN);
  if (later >= now) return utcToLocal(zone, moment);
  const change = changeBetween(zone, moment, moment + SPAN);
  return earlier(change + BigInt(later) * SECOND, utcToLocal(zone, moment));
}

/** The first moment at which the local time is `local` or later. */
export function leastMoment(zone: Zone, local: bigint): bigint {
  if (!isFiniteTimestamp(local)) return local;
  const from = local - SPAN;
  const to = local + SPAN;
  const before = offsetAt(zone, from);
  const after = offsetAt(zone, to);
  const early = local - BigInt(before) * SECOND;
  if (before === after) return early;
  const change = changeBetween(zone, from, to);
  if (early < change) return early;
  const late = local - BigInt(after) * SECOND;
  return late > change ? late : change;
}

/** The least date_trunc by the zone's calendar of `moment` and all moments after it. */
export function leastTruncated(zone: Zone, unit: string, moment: bigint): bigint {
  if (!isFiniteTimestamp(moment)) return moment;
  const noon = 12n * HOUR;
  if (truncateTimestamp(unit, noon) !== noon) {
    return leastMoment(zone, truncateTimestamp(unit, leastLocalTime(zone, moment)));
  }
  // Units up to an hour: the moment's own offset counts, and only a change within the next hour matters.
  const here = truncateTimestampTz(unit, moment, zone);
  const soon = truncateTimestampTz(unit, moment, fixedZone(offsetAt(zone, moment + HOUR)));
  return earlier(soon, here);
}

/** The least `t + days (of the zone's calendar) + micros` of `moment` and all moments t after it. */
export function leastShifted(zone: Zone, moment: bigint, days: bigint, micros: bigint): bigint {
  if (!isFiniteTimestamp(moment)) return moment;
  const distance = days * 24n * HOUR;
  const result = moment + distance;
  const own = Math.min(offsetAt(zone, moment), offsetAt(zone, moment + SPAN));
  const there = Math.max(offsetAt(zone, result - SPAN), offsetAt(zone, result + 2n * SPAN));
  return result + micros + BigInt(Math.min(0, own - there)) * SECOND;
}

/** A moment b such that t < b implies `t + days (of the zone's calendar) + micros < bound`. */
export function leastUnshifted(zone: Zone, bound: bigint, days: bigint, micros: bigint): bigint {
  if (!isFiniteTimestamp(bound)) return bound;
  const target = bound - micros;
  const source = target - days * 24n * HOUR;
  const own = Math.max(offsetAt(zone, source - SPAN), offsetAt(zone, source + SPAN));
  const there = Math.min(offsetAt(zone, target - SPAN), offsetAt(zone, target + SPAN));
  return source - BigInt(Math.max(0, own - there)) * SECOND;
}
