/** The rule of lateness, idle partitions, the clock; the histogram of disorder. */
import { describe, expect, it } from 'vitest';
import { EventTime, type IdleRule } from '../../../server/time/eventTime.ts';
import { Histogram } from '../../../server/time/histogram.ts';
import { generator } from './random.ts';

const never: IdleRule = { timeout: null, followClock: false, elapsed: (micros) => micros };
const after10: IdleRule = { ...never, timeout: 10n };

function made(rule: IdleRule, partitions: readonly string[]) {
  const time = new EventTime(rule, partitions, 0n);
  const arrive = (name: string, at: bigint | null, now = 0n): string =>
    time.arrive(time.partition(name, now), at, at === null ? null : at - 5n, now);
  return { time, arrive };
}

describe('a message', () => {
  it('is late below the watermark of those before it, and not at it', () => {
    const { arrive } = made(never, []);
    expect([100n, 107n, 121n, 116n, 115n, 130n].map((at) => arrive('0', at))).toEqual([
      'admitted',
      'admitted',
      'admitted',
      'admitted',
      'late',
      'admitted',
    ]);
  });

  it('without an event time has no place', () => {
    const { time, arrive } = made(never, []);
    expect(arrive('0', null)).toBe('null');
    expect(time.watermark()).toBe(null);
    expect(time.find('0')).toMatchObject({ nullTime: 1, rows: 0 });
  });

  it('is judged by its own partition', () => {
    const { time, arrive } = made(never, ['a', 'b']);
    arrive('a', 100n);
    expect(arrive('b', 10n)).toBe('admitted');
    expect(arrive('b', 20n)).toBe('admitted');
    expect(time.watermark()).toBe(15n);
    expect(arrive('b', 14n)).toBe('late');
    expect(arrive('a', 94n)).toBe('late');
  });

  it('of a partition that nobody knew is judged by what all others have reached', () => {
    const { time, arrive } = made(never, []);
    arrive('a', 100n);
    expect(time.watermark()).toBe(95n);
    expect(arrive('b', 94n)).toBe('late');
    expect(arrive('c', 95n)).toBe('admitted');
    expect(time.watermark()).toBe(95n);
    expect(time.partitions().map((p) => p.name)).toEqual(['a', 'b', 'c']);
  });
});

describe('rows of one transaction', () => {
  it('never make each other late', () => {
    const { time } = made(never, []);
    const rows = [100n, 1n, 50n].map((at) => ({ time: at, mark: at - 5n }));
    expect(time.arriveTogether(time.partition('0', 0n), rows, 0n)).toEqual([
      'admitted',
      'admitted',
      'admitted',
    ]);
    expect(time.arriveTogether(time.partition('0', 0n), rows, 0n)).toEqual(['admitted', 'late', 'late']);
  });
});

describe('idle partitions', () => {
  it('are not waited for, and are bound by what others reached without them', () => {
    const { time, arrive } = made(after10, ['a', 'b']);
    arrive('a', 100n, 5n);
    arrive('b', 20n, 3n);
    expect(time.nextChange()).toBe(13n);
    expect(time.expired(12n)).toEqual([]);
    expect(time.expired(13n)).toEqual(['b']);
    time.setIdle(['b'], 13n);
    expect(time.watermark()).toBe(95n);
    expect(time.idle).toBe(false);
    expect(arrive('b', 90n, 14n)).toBe('late');
    expect(arrive('b', 96n, 14n)).toBe('admitted');
    expect(time.watermark()).toBe(95n);
  });

  it('leave the greatest watermark when all are', () => {
    const { time, arrive } = made(after10, ['a', 'b', 'c']);
    arrive('a', 100n);
    arrive('b', 50n);
    time.setIdle(['a', 'c'], 10n);
    expect(time.watermark()).toBe(45n);
    time.setIdle(['b'], 10n);
    expect(time.watermark()).toBe(95n);
    expect(time.idle).toBe(true);
    expect(time.nextChange()).toBe(null);
  });

  it('let the watermark go on with the clock where that is wanted', () => {
    const { time, arrive } = made({ ...after10, followClock: true }, []);
    arrive('0', 100n, 0n);
    expect(time.follow(20n)).toBe(false);
    time.setIdle(time.expired(20n), time.idleSince(['0']));
    expect(time.watermark()).toBe(95n);
    expect(time.followed).toBe(false);
    expect(time.follow(20n)).toBe(true);
    expect(time.followed).toBe(true);
    expect(time.watermark()).toBe(105n);
    expect(time.nextChange()).toBe(20n + 1_000_000n);
    expect(arrive('0', 104n, 30n)).toBe('late');
    expect(time.follow(99n)).toBe(false);
    expect(arrive('0', 105n, 30n)).toBe('admitted');
    expect(time.watermark()).toBe(105n);
  });
});

describe('a watermark set by hand', () => {
  it('only goes on', () => {
    const { time, arrive } = made(never, ['a', 'b']);
    arrive('a', 100n);
    arrive('b', 50n);
    expect(time.advance('b', 45n, 0n)).toBe(false);
    expect(time.advance('b', 60n, 0n)).toBe(true);
    expect(time.watermark()).toBe(60n);
    expect(time.advance(null, 60n, 0n)).toBe(false);
    expect(time.advance(null, 80n, 0n)).toBe(true);
    expect(time.watermark()).toBe(80n);
    expect(arrive('b', 79n)).toBe('late');
    expect(arrive('a', 94n)).toBe('late');
  });
});

it('comes back from JSON as it was', () => {
  const { time, arrive } = made({ ...after10, followClock: true }, ['a', 'b']);
  arrive('a', 100n, 1n);
  arrive('a', 40n, 1n);
  arrive('b', 50n, 2n);
  time.setIdle(['a', 'b'], 12n);
  time.follow(500n);
  const again = new EventTime(time.idleRule, [], 0n);
  again.restore(JSON.parse(JSON.stringify(time.toJson())));
  expect(again.toJson()).toEqual(time.toJson());
  expect(again.watermark()).toBe(time.watermark());
  expect(again.nextChange()).toBe(time.nextChange());
});

describe('the histogram', () => {
  it('has quantiles that are right within 3 %', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = generator(seed);
      const histogram = new Histogram();
      const values = Array.from({ length: 1 + random(500) }, () => {
        const value = BigInt(Math.floor(2 ** (random(55_000) / 1000)));
        histogram.add(value);
        return value;
      }).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
      for (const share of [0.5, 0.9, 0.99, 0.999, 0.9999]) {
        const exact = values[Math.ceil(share * values.length) - 1] ?? 0n;
        const bound = histogram.quantile(share) ?? -1n;
        expect(bound).toBeGreaterThanOrEqual(exact);
        expect(Number(bound)).toBeLessThanOrEqual(Number(exact) * 1.03);
      }
      expect(histogram.max).toBe(values[values.length - 1]);
      expect(Histogram.fromJson(JSON.parse(JSON.stringify(histogram.toJson()))).quantile(0.9)).toBe(
        histogram.quantile(0.9),
      );
    }
  });

  it('has exact small values and merges', () => {
    const a = new Histogram();
    const b = new Histogram();
    for (let i = 0n; i < 100n; i++) (i % 3n === 0n ? a : b).add(i);
    a.merge(b);
    expect([0.01, 0.5, 0.9, 1].map((q) => a.quantile(q))).toEqual([0n, 49n, 89n, 99n]);
    expect(new Histogram().quantile(0.5)).toBe(null);
  });

  it('gives a delay that admits what it says', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = generator(seed);
      const arrivals = Array.from({ length: 2000 }, (_, i) => BigInt(i * 1000 - random(random(20_000) + 1)));
      const admitted = (delay: bigint): { share: number; disorder: Histogram } => {
        const time = new EventTime(never, [], 0n);
        const p = time.partition('0', 0n);
        const n = arrivals.filter((at) => time.arrive(p, at, at - delay, 0n) === 'admitted').length;
        return { share: n / arrivals.length, disorder: p.disorder };
      };
      const { disorder } = admitted(0n);
      for (const share of [0.99, 0.999, 0.9999]) {
        const delay = disorder.quantile(share) ?? 0n;
        expect(admitted(delay).share).toBeGreaterThanOrEqual(share);
        const less = (delay * 100n) / 103n - 1n;
        if (less >= 0n) expect(admitted(less).share).toBeLessThan(share);
      }
    }
  });
});
