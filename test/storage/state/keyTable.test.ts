import { describe, expect, it } from 'vitest';
import { type DataType, types } from '../../../common/dataType.ts';
import { Decimal } from '../../../common/decimal.ts';
import type { Value } from '../../../common/value.ts';
import { KeyTable } from '../../../storage/state/keyTable.ts';
import { batchOfRows, newBatch, vectorValue } from '../../../storage/state/vector.ts';
import { Random } from './random.ts';

function randomValue(random: Random, type: DataType, spread: number): Value {
  if (random.below(8) === 0) return null;
  const n = random.below(spread) - (spread >> 1);
  switch (type.id) {
    case 'int8':
      return BigInt(n) * 0x123456789n;
    case 'float8':
      return random.pick([n / 4, n, Number.NaN, Infinity, -0]);
    case 'bool':
      return n % 2 === 0;
    case 'text':
      return random.pick(['', 'é', '€', 'abcdefgh', 'x'.repeat(70)]) + n;
    case 'numeric':
      return Decimal.parse(`${n}.5`);
    default:
      return n;
  }
}

/** Values that are equal in SQL get the same text. */
function keyOf(row: readonly Value[]): string {
  return row.map((v) => (v === null ? 'NULL' : Object.is(v, -0) ? 'number:0' : `${typeof v}:${v}`)).join('|');
}

const shapes: readonly (readonly DataType[])[] = [
  [types.int8],
  [types.int4],
  [types.text],
  [types.float8],
  [types.bool, types.text, types.int8],
  [types.numeric, types.int4],
  [types.int8, types.int8, types.float8, types.text, types.bool, types.int4],
  [],
];

describe('KeyTable', () => {
  for (const shape of shapes) {
    it(`agrees with a Map over random batches: ${shape.map((t) => t.id).join(' ') || 'no columns'}`, () => {
      const random = new Random(42 + shape.length);
      const table = new KeyTable(shape);
      const model = new Map<string, number>();
      const slotRows = new Map<number, readonly Value[]>();
      for (let step = 0; step < 60; step++) {
        const n = random.pick([1, 3, 50, 400]);
        const rows = Array.from({ length: n }, () => shape.map((t) => randomValue(random, t, 600)));
        const slots = new Int32Array(n);
        const created = new Int32Array(n);
        const made = table.upsert(batchOfRows(shape, rows).columns, n, slots, created);
        let expected = 0;
        rows.forEach((row, j) => {
          const slot = slots[j] ?? -1;
          const known = model.get(keyOf(row));
          if (known === undefined) {
            expect(created[expected++]).toBe(slot);
            model.set(keyOf(row), slot);
            slotRows.set(slot, row);
          } else expect(slot).toBe(known);
        });
        expect(made).toBe(expected);
        for (const [key, slot] of [...model]) {
          if (random.below(3) !== 0) continue;
          table.remove(slot);
          model.delete(key);
          slotRows.delete(slot);
        }
        expect(table.rows()).toBe(model.size);
        checkLoad(table, shape, slotRows);
      }
      for (const slot of model.values()) table.remove(slot);
      expect(table.rows()).toBe(0);
      expect(table.store.arena.chunks()).toBe(0);
      expect(table.index.index.entries()).toBe(0);
    });
  }

  it('keeps its keys over many segments and blocks', () => {
    const table = new KeyTable([types.int8]);
    const count = 100_000;
    const slots = new Int32Array(1000);
    const all = new Int32Array(count);
    for (let from = 0; from < count; from += 1000) {
      const rows = Array.from({ length: 1000 }, (_, i) => [BigInt(from + i)]);
      table.upsert(batchOfRows([types.int8], rows).columns, 1000, slots);
      all.set(slots, from);
    }
    expect(table.rows()).toBe(count);
    for (let k = 0; k < count; k += 997) expect(table.findValues([BigInt(k)])).toBe(all[k]);
    for (let k = 0; k < count; k += 2) table.remove(all[k] ?? -1);
    for (let k = 0; k < count; k += 331) {
      expect(table.findValues([BigInt(k)])).toBe(k % 2 === 0 ? -1 : all[k]);
    }
    for (let k = 1; k < count; k += 2) table.remove(all[k] ?? -1);
    expect(table.rows()).toBe(0);
    expect(table.bytes()).toBeLessThan(2000);
  });
});

function checkLoad(
  table: KeyTable,
  shape: readonly DataType[],
  rows: ReadonlyMap<number, readonly Value[]>,
): void {
  const slots = Int32Array.from(rows.keys());
  const out = newBatch(shape, slots.length + 1);
  table.load(slots, slots.length, out.columns);
  slots.forEach((slot, j) => {
    const row = rows.get(slot) ?? [];
    expect(out.columns.map((column) => vectorValue(column, j))).toEqual(row);
    expect(table.store.values(slot)).toEqual(row);
  });
}
