/** Starts of tumbling windows: multiples of the size, counted from the epoch plus an offset. */
import { MICROS_PER_DAY } from '../../../common/dateTime.ts';
import type { Interval } from '../../../common/interval.ts';
import { SqlError } from '../../../common/sqlError.ts';
import { TIMESTAMP_INFINITY, TIMESTAMP_MINUS_INFINITY } from '../../../common/value.ts';

function fixedLength(interval: Interval, what: string): bigint {
  if (interval.months !== 0) throw new SqlError('22023', `${what} must not contain months or years`);
  return BigInt(interval.days) * MICROS_PER_DAY + interval.micros;
}

/** Length of a window; it must be positive and not depend on the calendar. */
function windowSize(interval: Interval): bigint {
  const size = fixedLength(interval, 'window size');
  if (size <= 0n) throw new SqlError('22023', 'window size must be greater than zero');
  return size;
}

export type WindowBound = (timestamp: bigint, size: Interval, offset?: Interval) => bigint;

/**
 * A function for one call site: the start of the window that a timestamp lies in, or with `end` its end. The size, nearly
 * always a constant, is converted once. Infinite timestamps stay.
 */
export function windowBound(end: boolean): WindowBound {
  let lastSize: Interval | null = null;
  let lastOffset: Interval | undefined;
  let size = 1n;
  let origin = 0n;
  return (timestamp, sizeInterval, offset) => {
    if (sizeInterval !== lastSize || offset !== lastOffset) {
      size = windowSize(sizeInterval);
      origin = offset === undefined ? 0n : fixedLength(offset, 'window offset');
      lastSize = sizeInterval;
      lastOffset = offset;
    }
    if (timestamp === TIMESTAMP_INFINITY || timestamp === TIMESTAMP_MINUS_INFINITY) return timestamp;
    const rest = (timestamp - origin) % size;
    const start = rest < 0n ? timestamp - rest - size : timestamp - rest;
    return end ? start + size : start;
  };
}
