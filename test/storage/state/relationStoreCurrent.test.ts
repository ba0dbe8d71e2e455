/** Rows by key within a tick, as its changes so far have left them, against a map; and what a roll-back leaves. */
import { expect, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import type { Row } from '../../../common/value.ts';
import { RelationStore } from '../../../storage/state/relationStore.ts';
import { batchOfRows } from '../../../storage/state/vector.ts';
import { generator } from '../../server/time/random.ts';

const columns = [types.int4, types.text];

it('finds the row that is there now', () => {
  const random = generator(3);
  const store = new RelationStore(columns, [0]);
  let committed = new Map<number, Row>();
  for (let tick = 0; tick < 60; tick++) {
    const now = new Map(committed);
    for (let part = 0; part < 5; part++) {
      const rows: Row[] = [];
      const weights: number[] = [];
      for (const key of new Set(Array.from({ length: random(20) }, () => random(40)))) {
        const before = now.get(key);
        if (before !== undefined) {
          rows.push(before);
          weights.push(-1);
          now.delete(key);
        }
        if (random(3) === 0) continue;
        // Sometimes a row comes back that was there before.
        const row: Row = [key, String(random(3))];
        rows.push(row);
        weights.push(1);
        now.set(key, row);
      }
      store.apply({ ...batchOfRows(columns, rows), weights: Int32Array.from(weights) });
      for (let key = 0; key < 40; key++) expect(store.findCurrentRow([key])).toEqual(now.get(key) ?? null);
    }
    if (random(4) === 0) store.rollback();
    else {
      store.commit(null);
      committed = now;
    }
    for (let key = 0; key < 40; key++) {
      expect(store.findRow([key])).toEqual(committed.get(key) ?? null);
      expect(store.findCurrentRow([key])).toEqual(committed.get(key) ?? null);
    }
  }
});
