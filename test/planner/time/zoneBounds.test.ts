/** The least results against all results that samples of later moments have, around every change of a zone's offset. */
import { describe, expect, it } from 'vitest';
import { truncateTimestampTz } from '../../../common/dateTimeMath.ts';
import { localToUtc, utcToLocal, zoneOf } from '../../../common/timeZone.ts';
import {
  leastLocalTime,
  leastMoment,
  leastShifted,
  leastTruncated,
  leastUnshifted,
} from '../../../planner/time/zoneBounds.ts';

const MINUTE = 60_000_000n;
const HOUR = 60n * MINUTE;
const DAY = 24n * HOUR;
const at = (text: string): bigint => BigInt(Date.parse(text)) * 1000n;

/** A moment near each change: both directions, half an hour, at midnight, and none at all. */
const cases: readonly (readonly [zone: string, moment: string])[] = [
  ['America/New_York', '2024-03-10T07:00:00Z'],
  ['America/New_York', '2024-11-03T06:00:00Z'],
  ['Europe/Berlin', '2024-03-31T01:00:00Z'],
  ['Europe/Berlin', '2024-10-27T01:00:00Z'],
  ['Australia/Lord_Howe', '2024-04-06T15:00:00Z'],
  ['Australia/Lord_Howe', '2024-10-05T15:30:00Z'],
  ['America/St_Johns', '2010-11-07T02:31:00Z'],
  ['America/Havana', '2024-03-10T05:00:00Z'],
  ['Asia/Kolkata', '2024-03-10T05:00:00Z'],
  ['UTC', '2024-03-10T05:00:00Z'],
];

function samples(around: bigint): readonly bigint[] {
  const list: bigint[] = [];
  for (let m = around - 30n * HOUR; m <= around + 60n * HOUR; m += 10n * MINUTE) list.push(m, m - 1n);
  return list.sort((a, b) => (a < b ? -1 : 1));
}

/** The least of `result` over each sample and all after it. */
function leastOf(moments: readonly bigint[], result: (m: bigint) => bigint): readonly bigint[] {
  const least: bigint[] = [];
  let smallest: bigint | null = null;
  for (const m of [...moments].reverse()) {
    const value = result(m);
    if (smallest === null || value < smallest) smallest = value;
    least.unshift(smallest);
  }
  return least;
}

/** Bounds hold for all samples, rise, and are exact where no change is near. */
function check(around: bigint, bound: (m: bigint) => bigint, result: (m: bigint) => bigint): void {
  const moments = samples(around);
  const least = leastOf(moments, result);
  const bounds = moments.map(bound);
  expect(moments.filter((_, i) => (bounds[i] ?? 0n) > (least[i] ?? 0n))).toEqual([]);
  expect(moments.filter((_, i) => i > 0 && (bounds[i] ?? 0n) < (bounds[i - 1] ?? 0n))).toEqual([]);
  const calm = around + 200n * HOUR;
  expect(bound(calm)).toBe(result(calm));
}

describe.each(cases)('%s around %s', (name, moment) => {
  const zone = zoneOf(name);
  const around = at(moment);

  it('bounds local times', () => {
    check(
      around,
      (m) => leastLocalTime(zone, m),
      (m) => utcToLocal(zone, m),
    );
  });

  it('bounds moments of local times', () => {
    const local = utcToLocal(zone, around);
    check(
      local,
      (l) => leastMoment(zone, l),
      (l) => localToUtc(zone, l),
    );
  });

  it('gives the least local time exactly', () => {
    const moments = samples(around).slice(0, 360);
    const least = leastOf(samples(around), (m) => utcToLocal(zone, m));
    expect(moments.map((m) => leastLocalTime(zone, m))).toEqual(least.slice(0, 360));
  });

  it.each(['minute', 'hour', 'day', 'week', 'month'])('bounds date_trunc of %s', (unit) => {
    check(
      around,
      (m) => leastTruncated(zone, unit, m),
      (m) => truncateTimestampTz(unit, m, zone),
    );
  });

  it.each([-2n, -1n, 1n, 3n])('bounds the sum with %d days', (days) => {
    const shift = (m: bigint): bigint => localToUtc(zone, utcToLocal(zone, m) + days * DAY) + MINUTE;
    const moments = samples(around);
    const least = leastOf(moments, shift);
    const sums = moments.map(shift);
    expect(moments.filter((m, i) => leastShifted(zone, m, days, MINUTE) > (least[i] ?? 0n))).toEqual([]);
    // Everything below the unshifted bound has a sum below the bound.
    const wrong = sums.filter((bound) => {
      const limit = leastUnshifted(zone, bound, days, MINUTE);
      return moments.some((t, i) => t < limit && (sums[i] ?? 0n) >= bound);
    });
    expect(wrong).toEqual([]);
  });
});
