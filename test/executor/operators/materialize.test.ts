import { describe, expect, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import { MaterializeOperator } from '../../../executor/operators/materialize.ts';
import { RelationStore } from '../../../storage/state/relationStore.ts';
import { batchOfRows } from '../../../storage/state/vector.ts';
import { Bag, collector, runDrive } from './joinHarness.ts';

const shape = [types.int4, types.text];

const ignore = (): void => undefined;

describe('Materialize', () => {
  for (const appendOnly of [false, true]) {
    it(`passes on the net change of every tick${appendOnly ? ' (append-only)' : ''}`, () => {
      const store = new RelationStore(shape, null, appendOnly);
      runDrive({
        operator: new MaterializeOperator(store),
        inputs: [shape],
        randomRow: (random) => [random.below(6), random.pick(['x', 'y', null])],
        recompute: (rows = []) => {
          const stored = new Bag();
          store.scan(collector(stored));
          const expected = new Bag();
          for (const row of rows) expected.add(row, 1);
          expect(stored.weights()).toEqual(expected.weights());
          return rows;
        },
        seed: 6,
        changes: 30,
        appendOnly: [appendOnly],
      });
    });
  }

  it('finds rows of an append-only relation by key and index', () => {
    const store = new RelationStore(shape, [0], true);
    store.addIndex({ id: 1, columns: [1], descending: [false] });
    const operator = new MaterializeOperator(store);
    operator.push(
      0,
      batchOfRows(shape, [
        [1, 'a'],
        [2, 'b'],
      ]),
      ignore,
    );
    operator.flush(ignore);
    operator.push(0, batchOfRows(shape, [[3, 'b']]), ignore);
    operator.flush(ignore);
    expect(store.findRow([2])).toEqual([2, 'b']);
    const found = new Bag();
    store.lookup(1, ['b'], collector(found));
    expect([...found.weights().keys()]).toEqual(['2|b', '3|b']);
  });

  it('consolidates within the tick and keeps the result readable', () => {
    const store = new RelationStore(shape, [0]);
    const operator = new MaterializeOperator(store);
    operator.push(0, batchOfRows(shape, [[1, 'old']]), ignore);
    operator.flush(ignore);
    let batches = 0;
    const output = new Bag();
    const emit = collector(output);
    const counting = (batch: Parameters<typeof emit>[0]): void => {
      batches++;
      emit(batch);
    };
    // Changed and changed back: nothing to pass on.
    operator.push(
      0,
      batchOfRows(
        shape,
        [
          [1, 'old'],
          [1, 'new'],
        ],
        [-1, 1],
      ),
      ignore,
    );
    operator.push(
      0,
      batchOfRows(
        shape,
        [
          [1, 'new'],
          [1, 'old'],
        ],
        [-1, 1],
      ),
      ignore,
    );
    operator.flush(counting);
    expect(batches).toBe(0);
    operator.push(
      0,
      batchOfRows(
        shape,
        [
          [1, 'new'],
          [1, 'old'],
        ],
        [1, -1],
      ),
      ignore,
    );
    operator.flush(counting);
    expect(output.weights()).toEqual(
      new Map([
        ['1|new', 1],
        ['1|old', -1],
      ]),
    );
    expect(store.findRow([1])).toEqual([1, 'new']);
  });
});

describe('Materialize without consumers', () => {
  it('counts its changes instead of emitting them, and emits again once it is read', () => {
    const store = new RelationStore(shape, [0]);
    const operator = new MaterializeOperator(store);
    let consumers = 0;
    let unread = 0;
    operator.connectOutput({
      hasConsumers: () => consumers > 0,
      isSatisfied: () => false,
      countUnread: (rows) => {
        unread += rows;
      },
    });
    const emitted = new Bag();
    operator.push(
      0,
      batchOfRows(shape, [
        [1, 'a'],
        [2, 'b'],
      ]),
      ignore,
    );
    operator.flush(collector(emitted));
    expect([unread, emitted.weights().size]).toEqual([2, 0]);
    expect(store.findRow([2])).toEqual([2, 'b']);
    consumers = 1;
    operator.push(
      0,
      batchOfRows(
        shape,
        [
          [1, 'a'],
          [1, 'c'],
        ],
        [-1, 1],
      ),
      ignore,
    );
    operator.flush(collector(emitted));
    expect(unread).toBe(2);
    expect(emitted.weights()).toEqual(
      new Map([
        ['1|a', -1],
        ['1|c', 1],
      ]),
    );
  });
});
