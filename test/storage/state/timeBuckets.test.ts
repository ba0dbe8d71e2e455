import { describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { comparator } from '../../../common/compare.ts';
import { type DataType, types } from '../../../common/dataType.ts';
import { Decimal } from '../../../common/decimal.ts';
import { Interval } from '../../../common/interval.ts';
import type { NonNullValue, Value } from '../../../common/value.ts';
import { RowStore } from '../../../storage/state/rowStore.ts';
import { TimeBuckets, type TimeValue } from '../../../storage/state/timeBuckets.ts';
import { batchOfRows } from '../../../storage/state/vector.ts';
import { Random } from './random.ts';

const BUCKET = 1n << 20n;

class Model {
  readonly store: RowStore;
  readonly buckets: TimeBuckets;
  readonly rows = new Map<number, Value>();

  constructor(type: DataType, exact: boolean) {
    this.store = new RowStore([type]);
    this.buckets = new TimeBuckets(this.store, 0, exact);
  }

  add(...values: readonly Value[]): void {
    const slots = Int32Array.from(values, () => this.store.alloc());
    this.store.store(
      batchOfRows(
        this.store.types,
        values.map((v) => [v]),
      ).columns,
      null,
      null,
      values.length,
      slots,
    );
    this.buckets.insertAll(slots, slots.length);
    values.forEach((value, i) => {
      this.rows.set(slots[i] ?? -1, value);
    });
  }

  remove(slot: number): void {
    this.buckets.remove(slot);
    this.store.free(slot);
    this.rows.delete(slot);
  }

  expire(bound: TimeValue): Value[] {
    const gone: Value[] = [];
    this.buckets.expire(bound, (slots, n) => {
      for (let j = 0; j < n; j++) {
        const slot = slots[j] ?? -1;
        expect(this.rows.has(slot)).toBe(true);
        gone.push(this.rows.get(slot) ?? null);
        this.rows.delete(slot);
        this.store.free(slot);
      }
    });
    return gone;
  }

  timed(): TimeValue[] {
    return [...this.rows.values()].filter((v): v is TimeValue => v !== null);
  }
}

function ascending(a: Value, b: Value): number {
  return (a as TimeValue) < (b as TimeValue) ? -1 : a === b ? 0 : 1;
}

function ofOther(type: DataType, n: number): NonNullValue {
  if (type.id === 'float8') return n % 50 === 49 ? Number.NaN : n / 4;
  if (type.id === 'interval') return new Interval(0, Math.floor(n / 9), BigInt(n % 9) * 1000n);
  return n % 50 === 49 ? Decimal.NAN : Decimal.parse(`${n}.5`);
}

describe('TimeBuckets of times that are compared', () => {
  for (const type of [types.float8, types.numeric, types.interval]) {
    it(`agrees with a list: ${type.id}`, () => {
      const random = new Random(18);
      const store = new RowStore([type]);
      const buckets = new TimeBuckets<NonNullValue>(store, 0, true);
      const rows = new Map<number, NonNullValue>();
      const compare = comparator(type);
      let now = 0;
      for (let step = 0; step < 300; step++) {
        const values = Array.from({ length: random.below(10) }, () => ofOther(type, now + random.below(40)));
        const open = values.filter(
          (v) => step === 0 || compare(v, ofOther(type, now - (now % 50 === 49 ? 1 : 0))) >= 0,
        );
        const { columns } = batchOfRows(
          [type],
          open.map((v) => [v]),
        );
        const slots = Int32Array.from(open, () => store.alloc());
        store.store(columns, null, null, open.length, slots);
        buckets.insertAll(slots, open.length);
        open.forEach((v, i) => {
          rows.set(slots[i] ?? -1, v);
        });
        for (const slot of [...rows.keys()]) {
          if (random.below(9) > 0) continue;
          buckets.remove(slot);
          store.free(slot);
          rows.delete(slot);
        }
        now += random.below(4);
        if (now % 50 === 49) now++;
        const bound = ofOther(type, now);
        const expected = [...rows.values()].filter((v) => compare(v, bound) < 0);
        if (expected.length > 0) expect(buckets.isDue(bound)).toBe(true);
        const gone: NonNullValue[] = [];
        buckets.expire(bound, (dropped, n) => {
          for (const slot of dropped.subarray(0, n)) {
            const value = rows.get(slot);
            if (value !== undefined) gone.push(value);
            rows.delete(slot);
            store.free(slot);
          }
        });
        expect(gone.map(String).sort()).toEqual(expected.map(String).sort());
        expect(buckets.isDue(bound)).toBe(false);
        const least = [...rows.values()].sort(compare)[0];
        expect(String(buckets.minimum())).toBe(String(least ?? null));
        const all = Array.from({ length: 60 }, (_, n) => ofOther(type, now - 30 + n));
        const vector = must(
          batchOfRows(
            [type],
            all.map((v) => [v]),
          ).columns[0],
        );
        const marks = new Uint8Array(all.length);
        buckets.markPassed(vector, all.length, marks);
        expect([...marks]).toEqual(all.map((v) => (compare(v, bound) < 0 ? 1 : 0)));
      }
    });
  }
});

describe('TimeBuckets', () => {
  it('takes out what is below the bound, exactly', () => {
    const m = new Model(types.timestamp, true);
    m.add(5n, 10n, 10n, null, -3n, BUCKET * 7n + 1n);
    expect(m.buckets.minimum()).toBe(-3n);
    expect(m.expire(10n).sort(ascending)).toEqual([-3n, 5n]);
    expect(m.buckets.isDue(10n)).toBe(false);
    expect(m.buckets.isDue(11n)).toBe(true);
    expect(m.buckets.minimum()).toBe(10n);
    expect(m.expire(11n)).toEqual([10n, 10n]);
    expect(m.buckets.isDue(12n)).toBe(false);
    m.add(12n);
    expect(m.expire(BUCKET * 7n + 1n)).toEqual([12n]);
    expect(m.buckets.minimum()).toBe(BUCKET * 7n + 1n);
    expect(m.expire(BUCKET * 7n + 2n)).toEqual([BUCKET * 7n + 1n]);
    expect(m.buckets.rows()).toBe(0);
    expect(m.store.rows()).toBe(1);
  });

  it('takes out whole buckets only, when not exact', () => {
    const m = new Model(types.timestamp, false);
    m.add(1n, BUCKET - 1n, BUCKET);
    expect(m.buckets.isDue(BUCKET - 1n)).toBe(false);
    expect(m.expire(BUCKET - 1n)).toEqual([]);
    expect(m.buckets.isDue(BUCKET)).toBe(true);
    expect(m.expire(BUCKET + 5n).sort(ascending)).toEqual([1n, BUCKET - 1n]);
    m.add(BUCKET + 1n);
    expect(m.expire(BUCKET * 2n)).toHaveLength(2);
  });

  it('keeps int32 values apart', () => {
    const m = new Model(types.date, true);
    m.add(3, -5, 3, null, 4);
    expect(m.buckets.minimum()).toBe(-5);
    expect(m.expire(3)).toEqual([-5]);
    expect(m.expire(4)).toEqual([3, 3]);
    expect(m.buckets.isDue(4)).toBe(false);
    expect(m.buckets.isDue(5)).toBe(true);
  });

  it('knows the ends of the ranges', () => {
    const m = new Model(types.int8, true);
    const least = -(2n ** 63n);
    const greatest = 2n ** 63n - 1n;
    m.add(least, greatest, -1n, 0n);
    expect(m.expire(least)).toEqual([]);
    expect(m.expire(0n)).toEqual([least, -1n]);
    expect(m.expire(greatest)).toEqual([0n]);
    expect(m.timed()).toEqual([greatest]);
  });

  it('refuses rows below what has passed', () => {
    const m = new Model(types.timestamp, true);
    m.expire(BUCKET + 10n);
    expect(() => m.add(BUCKET + 9n)).toThrow('below the watermark');
    const coarse = new Model(types.timestamp, false);
    coarse.expire(BUCKET + 10n);
    expect(() => coarse.add(BUCKET - 1n)).toThrow('below the watermark');
  });

  it('marks what has passed in a vector', () => {
    const values = [0n, BUCKET, BUCKET + 9n, BUCKET + 10n, null, -1n, BUCKET * 5000n];
    const { columns } = batchOfRows(
      [types.timestamp],
      values.map((v) => [v]),
    );
    const vector = columns[0];
    if (vector === undefined) throw new TypeError('no vector');
    const marks = (exact: boolean): number[] | null => {
      const m = new Model(types.timestamp, exact);
      const out = new Uint8Array(values.length);
      expect(m.buckets.markPassed(vector, values.length, out)).toBe(false);
      m.add(1n);
      m.expire(BUCKET + 10n);
      return m.buckets.markPassed(vector, values.length, out) ? [...out] : null;
    };
    expect(marks(true)).toEqual([1, 1, 1, 0, 0, 1, 0]);
    expect(marks(false)).toEqual([1, 0, 0, 0, 0, 1, 0]);
  });

  const shapes = [
    { type: types.timestamp, exact: true, scale: 1n },
    { type: types.timestamp, exact: true, scale: 40_000n },
    { type: types.timestamp, exact: false, scale: 200_000n },
    { type: types.int8, exact: true, scale: 1n << 45n },
    { type: types.date, exact: true, scale: 1n },
  ];
  for (const { type, exact, scale } of shapes) {
    it(`agrees with a list over random steps: ${type.id}, ${exact ? 'exact' : 'whole buckets'}, scale ${scale}`, () => {
      const random = new Random(17);
      const m = new Model(type, exact);
      const value = (n: number): TimeValue =>
        type.id === 'date' ? n : BigInt(n) * scale + BigInt(n % 7) * (scale / 8n);
      const bucketOf = (v: TimeValue): TimeValue => (typeof v === 'bigint' ? v / BUCKET : v);
      let now = 0;
      for (let step = 0; step < 600; step++) {
        const many = random.below(40) === 0 ? 3000 : random.below(12);
        m.add(
          ...Array.from({ length: many }, () =>
            random.below(9) === 0 ? null : value(now + random.below(300)),
          ),
        );
        for (const slot of [...m.rows.keys()]) if (random.below(20) === 0) m.remove(slot);
        now += random.below(random.pick([1, 3, 100]));
        const bound = value(now);
        const expected = m.timed().filter((v) => (exact ? v < bound : bucketOf(v) < bucketOf(bound)));
        if (expected.length > 0) expect(m.buckets.isDue(bound)).toBe(true);
        expect(m.expire(bound).sort(ascending)).toEqual(expected.sort(ascending));
        expect(m.buckets.isDue(bound)).toBe(false);
        const rest = m.timed();
        expect(m.buckets.rows()).toBe(rest.length);
        expect(m.buckets.minimum()).toBe(rest.length === 0 ? null : [...rest].sort(ascending)[0]);
      }
      for (const slot of [...m.rows.keys()]) m.remove(slot);
      expect(m.buckets.rows()).toBe(0);
      expect(m.buckets.bytes()).toBeLessThan(20_000);
    });
  }
});
