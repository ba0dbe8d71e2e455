import { describe, expect, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import type { Row } from '../../../common/value.ts';
import { Arrangement } from '../../../storage/state/arrangement.ts';
import { batchOfRows } from '../../../storage/state/vector.ts';
import { Random } from './random.ts';

const shape = [types.int4, types.text];

/** Applies a batch as a join does. Returns the totals before and after each row. */
function apply(
  side: Arrangement,
  rows: readonly Row[],
  weights: readonly number[],
): (readonly [number, number])[] {
  const batch = batchOfRows(shape, rows, weights);
  const n = rows.length;
  const hashes = new Int32Array(n);
  const heads = new Int32Array(n);
  const keys = side.keyVectors(batch.columns);
  side.index.hash(keys, n, hashes);
  side.index.find(keys, hashes, n, heads);
  side.begin(batch.columns, n);
  const totals = weights.map((w, i): readonly [number, number] => {
    side.apply(i, hashes[i] ?? 0, heads[i] ?? -1, w);
    const after = side.totalOf(side.head);
    return [after - w, after];
  });
  side.finish();
  return totals;
}

/** All rows by walking the chain of every key. */
function contents(side: Arrangement, keys: number): Map<string, number> {
  const found = new Map<string, number>();
  for (let key = 0; key < keys; key++) {
    const batch = batchOfRows([types.int4], [[key]]);
    const hashes = new Int32Array(1);
    const heads = new Int32Array(1);
    side.index.hash(batch.columns, 1, hashes);
    side.index.find(batch.columns, hashes, 1, heads);
    let rows = 0;
    const head = heads[0] ?? -1;
    for (let slot = head; slot >= 0; slot = side.nextOf(slot)) {
      const text = side.store.values(slot).join('|');
      found.set(text, (found.get(text) ?? 0) + side.weightOf(slot));
      rows++;
    }
    if (head >= 0) expect(side.chainLength(head)).toBe(rows);
  }
  return new Map([...found].sort());
}

describe('Arrangement', () => {
  for (const [keys, texts] of [
    [3, 60],
    [40, 3],
    [1, 200],
  ] as const) {
    it(`agrees with a Map over random deltas: ${keys} keys, ${texts} texts`, () => {
      const random = new Random(keys * 31 + texts);
      const side = new Arrangement(shape, [0], { appendOnly: false, totals: true, degrees: false });
      const model = new Map<string, { row: Row; weight: number }>();
      const totals = new Map<number, number>();
      const change = (rows: Row[], weights: number[]): void => {
        const seen = apply(side, rows, weights);
        rows.forEach((row, i) => {
          const w = weights[i] ?? 0;
          const key = Number(row[0]);
          const before = totals.get(key) ?? 0;
          expect(seen[i]).toEqual([before, before + w]);
          totals.set(key, before + w);
          const text = row.join('|');
          const entry = model.get(text) ?? { row, weight: 0 };
          entry.weight += w;
          if (entry.weight === 0) model.delete(text);
          else model.set(text, entry);
        });
      };
      for (let step = 0; step < 60; step++) {
        const rows: Row[] = [];
        const weights: number[] = [];
        for (let k = random.below(80); k >= 0; k--) {
          const known = [...model.values()];
          const old = known.length > 0 && random.below(2) === 0 ? random.pick(known) : null;
          rows.push(old?.row ?? [random.below(keys), `t${random.below(texts)}`]);
          weights.push(old === null ? random.pick([1, 1, 2, -1]) : random.pick([-old.weight, -1, 1]));
        }
        change(rows, weights);
        const expected = new Map([...model].map(([text, e]) => [text, e.weight] as const).sort());
        expect(contents(side, keys)).toEqual(expected);
      }
      const rest = [...model.values()];
      change(
        rest.map((e) => e.row),
        rest.map((e) => -e.weight),
      );
      expect(side.rows()).toBe(0);
      expect(side.index.index.entries()).toBe(0);
      expect(side.store.arena.chunks()).toBe(0);
    });
  }

  it('stores append-only rows once per unit of weight and forgets whole keys', () => {
    const side = new Arrangement(shape, [0], { appendOnly: true, totals: true, degrees: false });
    const rows = Array.from({ length: 50 }, (_, i): Row => [i % 2, `r${i}`]);
    apply(
      side,
      rows,
      rows.map(() => 2),
    );
    expect(side.rows()).toBe(100);
    const batch = batchOfRows([types.int4], [[0]]);
    const hashes = new Int32Array(1);
    const heads = new Int32Array(1);
    side.index.hash(batch.columns, 1, hashes);
    side.index.find(batch.columns, hashes, 1, heads);
    expect(side.totalOf(heads[0] ?? -1)).toBe(50);
    side.removeChain(hashes[0] ?? 0, heads[0] ?? -1);
    expect(side.rows()).toBe(50);
    side.index.find(batch.columns, hashes, 1, heads);
    expect(heads[0]).toBe(-1);
  });
});
