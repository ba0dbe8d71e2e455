import { describe, expect, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import { MaterializeOperator } from '../../../executor/operators/materialize.ts';
import { RelationStore } from '../../../storage/state/relationStore.ts';
import { batchOfRows } from '../../../storage/state/vector.ts';
import { Bag, collector, runDrive } from './joinHarness.ts';

const shape = [types.int4, types.text];

describe('Materialize', () => {
  it('passes on the net change of every tick', () =>
    runDrive({
      operator: new MaterializeOperator(new RelationStore(shape, null)),
      inputs: [shape],
      randomRow: (random) => [random.below(6), random.pick(['x', 'y', null])],
      recompute: (rows = []) => rows,
      seed: 6,
      changes: 30,
    }));

  it('consolidates within the tick and keeps the result readable', () => {
    const store = new RelationStore(shape, [0]);
    const operator = new MaterializeOperator(store);
    operator.push(0, batchOfRows(shape, [[1, 'old']]));
    operator.flush(() => undefined);
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
