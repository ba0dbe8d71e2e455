import { describe, expect, it } from 'vitest';
import { arrayOf, type DataType, types } from '../../../common/dataType.ts';
import { Decimal } from '../../../common/decimal.ts';
import { Interval } from '../../../common/interval.ts';
import { Jsonb } from '../../../common/jsonb.ts';
import { SqlArray } from '../../../common/sqlArray.ts';
import { TimeTz } from '../../../common/timeTz.ts';
import type { Value } from '../../../common/value.ts';
import { KeyTable } from '../../../storage/state/keyTable.ts';
import { RowStore } from '../../../storage/state/rowStore.ts';
import { batchOfRows, newBatch, vectorValue } from '../../../storage/state/vector.ts';

/** Values of each type; the first two are different. */
const samples: readonly (readonly [DataType, readonly Value[]])[] = [
  [types.bool, [true, false, null]],
  [types.int4, [1, -2147483648, null]],
  [types.int8, [9223372036854775807n, -1n, null]],
  [types.float8, [1.5, Number.NaN, -0, Infinity, null]],
  [
    types.numeric,
    [
      Decimal.parse('1.50'),
      Decimal.parse('-123456789012345678901234567890.1'),
      Decimal.parse('9223372036854775807'),
      Decimal.parse('-9223372036854775808'),
      Decimal.parse('9223372036854775808'),
      new Decimal(7n, 255),
      Decimal.NAN,
      Decimal.MINUS_INFINITY,
      Decimal.ZERO,
      null,
    ],
  ],
  [types.text, ['abc', '', 'naïve 😀', 'x'.repeat(70_000), null]],
  [types.bpchar, ['ab ', 'c  ', null]],
  [types.bytea, [Uint8Array.of(0, 255, 7), new Uint8Array(0), null]],
  [types.date, [0, 0x7fffffff, null]],
  [types.timestamptz, [1_700_000_000_000_000n, -5n, null]],
  [types.timetz, [new TimeTz(5n, 3600), new TimeTz(5n, 0), null]],
  [types.interval, [new Interval(1, 2, 3n), new Interval(0, -1, -7n), null]],
  [types.jsonb, [new Jsonb(null), new Jsonb(new Map([['a', [true, 'x', Decimal.ONE]]])), null]],
  [arrayOf(types.int4), [new SqlArray([1, null, 3]), new SqlArray([]), null]],
  [{ id: 'struct', fields: [{ name: 'a', type: types.int8 }] }, [[1n], [null], null]],
];

describe('RowStore', () => {
  it('keeps runs of rows over the bounds of blocks', () => {
    const kinds = [types.bool, types.int4, types.int8, types.float8, types.text];
    const store = new RowStore(kinds);
    const expected: Value[][] = [];
    for (const count of [5000, 40, 9000, 1, 3000]) {
      // Every second time a part of the rows, in a run of their own.
      const from = count % 3;
      const rows = Array.from({ length: count + from }, (_, i): Value[] => {
        const k = expected.length + i;
        return [k % 3 === 0, k, i % 7 === 5 ? null : BigInt(k) << 33n, k / 2, `t${k}`];
      });
      const picked = Int32Array.from({ length: count }, (_, j) => from + j);
      const slots = new Int32Array(count);
      store.allocAll(count, slots);
      store.store(batchOfRows(kinds, rows).columns, null, from === 0 ? null : picked, count, slots);
      expected.push(...rows.slice(from));
    }
    expect(store.rows()).toBe(expected.length);
    expect(expected.findIndex((row, slot) => store.values(slot).some((v, c) => v !== row[c]))).toBe(-1);
    for (const slot of [3, 8191, 8192]) store.free(slot);
    const again = new Int32Array(50);
    store.allocAll(50, again);
    expect(again.subarray(0, 4)).toEqual(Int32Array.of(8192, 8191, 3, expected.length));
    expect(store.rows()).toBe(expected.length + 47);
  });

  for (const [type, values] of samples) {
    it(`keeps ${type.id} values and tells them apart`, () => {
      const store = new RowStore([type]);
      const rows = values.map((value) => [value]);
      const batch = batchOfRows([type], rows);
      const slots = Int32Array.from(rows, () => store.alloc());
      store.store(batch.columns, null, null, rows.length, slots);
      const out = newBatch([type], rows.length);
      store.load(slots, rows.length, out.columns);
      rows.forEach((row, i) => {
        expect(store.values(slots[i] ?? 0)).toEqual(row);
        expect(out.columns.map((c) => vectorValue(c, i))).toEqual(row);
        rows.forEach((_, j) => {
          expect(store.sameRow(batch.columns, i, slots[j] ?? 0)).toBe(i === j);
        });
      });
      for (const slot of slots) store.free(slot);
      expect(store.rows()).toBe(0);
      expect(store.arena.chunks()).toBe(0);
    });

    it(`finds ${type.id} keys`, () => {
      const table = new KeyTable([type]);
      const rows = [...values, ...values].map((value) => [value]);
      const slots = new Int32Array(rows.length);
      expect(table.upsert(batchOfRows([type], rows).columns, rows.length, slots)).toBe(values.length);
      expect([...slots.subarray(values.length)]).toEqual([...slots.subarray(0, values.length)]);
      // Hashes of stored keys are those of the values: removal finds the entries.
      for (const slot of slots.subarray(0, values.length)) table.remove(slot);
      expect(table.index.index.entries()).toBe(0);
    });
  }

  it('takes values that are equal in SQL for one key, but not for the same row', () => {
    for (const [type, a, b] of [
      [types.numeric, Decimal.parse('1.0'), Decimal.parse('1.00')],
      [types.float8, 0, -0],
      [types.bpchar, 'a', 'a  '],
      [types.interval, new Interval(1, 0, 0n), new Interval(0, 30, 0n)],
    ] as const) {
      const table = new KeyTable([type]);
      const batch = batchOfRows([type], [[a], [b]]);
      const slots = new Int32Array(2);
      expect(table.upsert(batch.columns, 2, slots)).toBe(1);
      expect(table.store.sameRow(batch.columns, 0, slots[0] ?? 0)).toBe(true);
      expect(table.store.sameRow(batch.columns, 1, slots[0] ?? 0)).toBe(false);
    }
  });

  it('gives NULLs for slots that are not there', () => {
    const store = new RowStore([types.int8, types.text]);
    const slot = store.alloc();
    store.storeOne(batchOfRows(store.types, [[1n, 'x']]).columns, null, 0, slot);
    const out = newBatch(store.types, 2);
    store.load(Int32Array.of(-1, slot), 2, out.columns);
    expect(out.columns.map((c) => vectorValue(c, 0))).toEqual([null, null]);
    expect(out.columns.map((c) => vectorValue(c, 1))).toEqual([1n, 'x']);
  });

  it('adds columns in step with the slots, early and late', () => {
    const store = new RowStore([types.int4]);
    const early = store.addInt32();
    const slots = Array.from({ length: 20_000 }, () => store.alloc());
    const late = store.addInt32();
    for (const slot of slots) {
      early.set(slot, slot);
      late.set(slot, -slot);
    }
    expect(slots.every((slot) => early.get(slot) === slot && late.get(slot) === -slot)).toBe(true);
  });
});
