import { describe, expect, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import type { Row, Value } from '../../../common/value.ts';
import { RelationStore } from '../../../storage/state/relationStore.ts';
import { batchOfRows, type StateBatch, vectorValue } from '../../../storage/state/vector.ts';
import { Random } from './random.ts';

const shape = [types.int4, types.text, types.int8] as const;

const text = (row: Row): string => row.map(String).join('|');

function add(model: Map<string, { row: Row; weight: number }>, row: Row, weight: number): void {
  const entry = model.get(text(row)) ?? { row, weight: 0 };
  entry.weight += weight;
  if (entry.weight === 0) model.delete(text(row));
  else model.set(text(row), entry);
}

/** The rows of batches with their summed weights. */
function collect(run: (emit: (batch: StateBatch) => void) => void): Map<string, number> {
  const sums = new Map<string, number>();
  run((batch) => {
    for (let i = 0; i < batch.length; i++) {
      const key = text(batch.columns.map((c) => vectorValue(c, i)));
      sums.set(key, (sums.get(key) ?? 0) + (batch.weights[i] ?? 0));
    }
  });
  for (const [key, sum] of sums) if (sum === 0) sums.delete(key);
  return new Map([...sums].sort());
}

const weightsOf = (rows: Iterable<{ row: Row; weight: number }>): Map<string, number> =>
  new Map([...rows].map(({ row, weight }) => [text(row), weight] as const).sort());

describe('RelationStore', () => {
  it('keeps a bag: scans and net changes agree with a Map over random ticks', () => {
    const random = new Random(5);
    const store = new RelationStore(shape, null);
    const model = new Map<string, { row: Row; weight: number }>();
    for (let tick = 0; tick < 50; tick++) {
      const before = weightsOf(model.values());
      for (let b = random.below(4); b >= 0; b--) {
        const rows: Row[] = [];
        const weights: number[] = [];
        for (let k = random.below(300); k >= 0; k--) {
          const known = [...model.values()];
          const old = random.below(2) === 0 && known.length > 0 ? random.pick(known) : null;
          rows.push(old?.row ?? [random.below(20), random.pick(['a', 'bé', null]), BigInt(random.below(5))]);
          // Passing through negative multiplicities is allowed as long as the tick's sum is not.
          weights.push(old === null ? 1 + random.below(2) : -old.weight);
        }
        rows.forEach((row, i) => {
          add(model, row, weights[i] ?? 0);
        });
        store.apply(batchOfRows(shape, rows, weights));
      }
      // Correct what went below zero before the tick ends.
      const repair = [...model.values()].filter((e) => e.weight < 0);
      store.apply(
        batchOfRows(
          shape,
          repair.map((e) => e.row),
          repair.map((e) => -e.weight),
        ),
      );
      for (const entry of repair) model.delete(text(entry.row));
      const delta = collect((emit) => store.commit(emit));
      const after = weightsOf(model.values());
      const expected = new Map<string, number>();
      for (const key of new Set([...before.keys(), ...after.keys()])) {
        const change = (after.get(key) ?? 0) - (before.get(key) ?? 0);
        if (change !== 0) expected.set(key, change);
      }
      expect(delta).toEqual(new Map([...expected].sort()));
      expect(collect((emit) => store.scan(emit))).toEqual(after);
      expect(store.rowCount()).toBe(model.size);
      expect([...store.rows()].length).toBe([...after.values()].reduce((a, b) => a + b, 0));
    }
    const rest = [...model.values()];
    store.apply(
      batchOfRows(
        shape,
        rest.map((e) => e.row),
        rest.map((e) => -e.weight),
      ),
    );
    store.commit(() => undefined);
    expect(store.rowCount()).toBe(0);
  });

  it('finds rows by key and through indexes added before and after the rows', () => {
    const random = new Random(9);
    const store = new RelationStore(shape, [0]);
    store.addIndex({ id: 1, columns: [2, 1], descending: [false, true] });
    const model = new Map<number, Row>();
    for (let tick = 0; tick < 40; tick++) {
      const rows: Row[] = [];
      const weights: number[] = [];
      const used = new Set<number>();
      for (let k = 0; k < 60; k++) {
        const key = random.below(200);
        if (used.has(key)) continue;
        used.add(key);
        const old = model.get(key);
        const fresh: Row = [
          key,
          random.pick(['x', 'y', 'z', null]),
          random.below(6) === 0 ? null : BigInt(random.below(40)),
        ];
        const replace = old === undefined || random.below(3) > 0;
        // The new row may come before the old one goes.
        const changes: (readonly [Row, number])[] = [];
        if (replace) changes.push([fresh, 1]);
        if (old !== undefined) changes.push([old, -1]);
        if (random.below(2) === 0) changes.reverse();
        for (const [row, weight] of changes) {
          rows.push(row);
          weights.push(weight);
        }
        if (replace) model.set(key, fresh);
        else model.delete(key);
      }
      store.apply(batchOfRows(shape, rows, weights));
      store.commit(() => undefined);
      if (tick === 10) store.addIndex({ id: 2, columns: [2], descending: [true] });
      checkReads(store, model, random, tick >= 10 ? [1, 2] : [1]);
    }
    store.dropIndex(1);
    store.apply(
      batchOfRows(
        shape,
        [...model.values()],
        [...model.values()].map(() => -1),
      ),
    );
    store.commit(() => undefined);
    expect(store.rowCount()).toBe(0);
  });
});

function checkReads(
  store: RelationStore,
  model: Map<number, Row>,
  random: Random,
  indexes: readonly number[],
): void {
  const rows = [...model.values()];
  const expectRows = (found: Map<string, number>, test: (row: Row) => boolean): void => {
    expect(found).toEqual(weightsOf(rows.filter(test).map((row) => ({ row, weight: 1 }))));
  };
  const key = random.below(200);
  expect(store.findRow([key])).toEqual(model.get(key) ?? null);
  expectRows(
    collect((emit) => store.lookup(null, [key], emit)),
    (row) => row[0] === key,
  );
  expectRows(
    collect((emit) =>
      store.range(null, [], { value: 50, inclusive: false }, { value: key, inclusive: true }, emit),
    ),
    (row) => Number(row[0]) > 50 && Number(row[0]) <= key,
  );
  const within = (value: Value | undefined, low: bigint, high: bigint): boolean =>
    typeof value === 'bigint' && value >= low && value < high;
  for (const index of indexes) {
    const low = BigInt(random.below(40));
    const high = BigInt(random.below(40));
    expectRows(
      collect((emit) => store.lookup(index, [low], emit)),
      (row) => row[2] === low,
    );
    expectRows(
      collect((emit) =>
        store.range(index, [], { value: low, inclusive: true }, { value: high, inclusive: false }, emit),
      ),
      (row) => within(row[2], low, high),
    );
    expectRows(
      collect((emit) => store.range(index, [], { value: low, inclusive: true }, null, emit)),
      (row) => within(row[2], low, 1000n),
    );
    expectRows(
      collect((emit) => store.range(index, [], null, { value: high, inclusive: false }, emit)),
      (row) => within(row[2], -1n, high),
    );
  }
  expectRows(
    collect((emit) => store.range(1, [5n], { value: 'x', inclusive: false }, null, emit)),
    (row) => row[2] === 5n && row[1] !== null && String(row[1]) > 'x',
  );
}
