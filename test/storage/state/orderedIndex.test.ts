import { describe, expect, it } from 'vitest';
import { type DataType, types } from '../../../common/dataType.ts';
import type { Value } from '../../../common/value.ts';
import { OrderedIndex } from '../../../storage/state/orderedIndex.ts';
import { type OrderKey, RowOrder } from '../../../storage/state/rowOrder.ts';
import { RowStore } from '../../../storage/state/rowStore.ts';
import { batchOfRows } from '../../../storage/state/vector.ts';
import { Random } from './random.ts';

interface Entry {
  readonly slot: number;
  readonly row: readonly Value[];
  count: number;
}

function compareValues(a: Value, b: Value, key: OrderKey): number {
  if (a === null || b === null) {
    if (a === b) return 0;
    return (a === null) === key.nullsFirst ? -1 : 1;
  }
  const order = a < b ? -1 : a > b ? 1 : 0;
  return key.descending ? -order : order;
}

function comparePrefix(row: readonly Value[], values: readonly Value[], keys: readonly OrderKey[]): number {
  for (let k = 0; k < values.length; k++) {
    const key = keys[k] as OrderKey;
    const order = compareValues(row[key.column] ?? null, values[k] ?? null, key);
    if (order !== 0) return order;
  }
  return 0;
}

const shapes: readonly { readonly types: readonly DataType[]; readonly keys: readonly OrderKey[] }[] = [
  { types: [types.int8], keys: [{ column: 0, descending: false, nullsFirst: false }] },
  {
    types: [types.int4, types.text, types.float8],
    keys: [
      { column: 1, descending: true, nullsFirst: true },
      { column: 2, descending: false, nullsFirst: true },
      { column: 0, descending: true, nullsFirst: false },
    ],
  },
  {
    types: [types.bool, types.int8],
    keys: [
      { column: 0, descending: false, nullsFirst: false },
      { column: 1, descending: true, nullsFirst: false },
    ],
  },
];

function randomRow(random: Random, shape: readonly DataType[]): readonly Value[] {
  return shape.map((type): Value => {
    const n = random.below(60) - 30;
    if (random.below(9) === 0) return null;
    switch (type.id) {
      case 'int8':
        return BigInt(n) * 3_000_000_000n;
      case 'text':
        return random.pick(['', 'a', 'bb', 'ccccccc']) + (n % 7);
      case 'bool':
        return n > 0;
      case 'float8':
        return n / 8;
      default:
        return n;
    }
  });
}

function check(
  index: OrderedIndex,
  model: readonly Entry[],
  keys: readonly OrderKey[],
  random: Random,
): void {
  const sorted = model.toSorted(
    (a, b) =>
      comparePrefix(a.row, b.row.length === 0 ? [] : keys.map((k) => b.row[k.column] ?? null), keys) ||
      a.slot - b.slot,
  );
  expect(index.entries()).toBe(sorted.length);
  expect(index.total()).toBe(sorted.reduce((sum, e) => sum + e.count, 0));
  const cursor = index.seekFirst(index.cursor());
  const found: number[] = [];
  for (; cursor.slot >= 0; cursor.next()) found.push(cursor.slot);
  expect(found).toEqual(sorted.map((e) => e.slot));
  const backwards: number[] = [];
  for (index.seekLast(cursor); cursor.slot >= 0; cursor.previous()) backwards.push(cursor.slot);
  expect(backwards).toEqual(sorted.map((e) => e.slot).reverse());
  let rank = 0;
  for (const entry of sorted) {
    if (random.below(4) === 0) {
      expect(index.rank(entry.slot)).toBe(rank);
      expect(index.seekPosition(cursor, rank + entry.count - 1)).toBe(rank);
      expect(cursor.slot).toBe(entry.slot);
      expect(index.has(entry.slot)).toBe(true);
    }
    rank += entry.count;
  }
  for (let probe = 0; probe < 10 && sorted.length > 0; probe++) {
    const row = random.pick(sorted).row;
    const values = keys.slice(0, 1 + random.below(keys.length)).map((k) => row[k.column] ?? null);
    const before = sorted.filter((e) => comparePrefix(e.row, values, keys) < 0);
    const upTo = sorted.filter((e) => comparePrefix(e.row, values, keys) <= 0);
    expect(index.rankLower(values)).toBe(before.reduce((sum, e) => sum + e.count, 0));
    expect(index.rankUpper(values)).toBe(upTo.reduce((sum, e) => sum + e.count, 0));
    expect(index.seekLower(cursor, values).slot).toBe(sorted[before.length]?.slot ?? -1);
    expect(index.seekUpper(cursor, values).slot).toBe(sorted[upTo.length]?.slot ?? -1);
  }
}

describe('OrderedIndex', () => {
  shapes.forEach((shape, s) => {
    it(`agrees with a sorted array: ${shape.types.map((t) => t.id).join(' ')}`, () => {
      const random = new Random(7 + s);
      const store = new RowStore(shape.types);
      const index = new OrderedIndex(new RowOrder(store, shape.keys));
      const model: Entry[] = [];
      for (let step = 0; step < 40; step++) {
        const growing = step < 25;
        for (let k = 0; k < 120; k++) {
          const kind = random.below(10);
          if (growing ? kind < 7 : kind < 2) {
            const row = randomRow(random, shape.types);
            const slot = store.alloc();
            store.storeOne(batchOfRows(shape.types, [row]).columns, null, 0, slot);
            const count = 1 + random.below(3);
            index.insert(slot, count);
            model.push({ slot, row, count });
          } else if (model.length > 0) {
            const at = random.below(model.length);
            const entry = model[at] as Entry;
            if (kind === 9) {
              index.addCount(entry.slot, 2);
              entry.count += 2;
            } else {
              index.remove(entry.slot);
              store.free(entry.slot);
              model.splice(at, 1);
            }
          }
        }
        check(index, model, shape.keys, random);
      }
      for (const entry of model) {
        index.remove(entry.slot);
        store.free(entry.slot);
      }
      expect(index.entries()).toBe(0);
      expect(index.total()).toBe(0);
      expect(index.bytes()).toBe(0);
    });
  });

  it('stays right over several levels, filled in order and emptied from the front', () => {
    const store = new RowStore([types.int8]);
    const index = new OrderedIndex(
      new RowOrder(store, [{ column: 0, descending: false, nullsFirst: false }]),
    );
    const slots: number[] = [];
    for (let from = 0; from < 40_000; from += 1000) {
      const batch = batchOfRows(
        [types.int8],
        Array.from({ length: 1000 }, (_, i) => [BigInt(from + i)]),
      );
      for (let i = 0; i < 1000; i++) {
        const slot = store.alloc();
        store.storeOne(batch.columns, null, i, slot);
        index.insert(slot);
        slots.push(slot);
      }
    }
    const cursor = index.cursor();
    for (let k = 0; k < 40_000; k += 613) {
      expect(index.rank(slots[k] ?? -1)).toBe(k);
      expect(index.seekPosition(cursor, k)).toBe(k);
      expect(cursor.slot).toBe(slots[k]);
      expect(index.rankLower([BigInt(k)])).toBe(k);
    }
    for (let k = 0; k < 40_000; k++) {
      index.remove(slots[k] ?? -1);
      if (k % 3001 === 0) expect(index.seekFirst(cursor).slot).toBe(slots[k + 1]);
    }
    expect(index.entries()).toBe(0);
  });
});
