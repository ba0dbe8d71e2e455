import { describe, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import type { Row } from '../../../common/value.ts';
import { SetOperationOperator } from '../../../executor/operators/setOperation.ts';
import { Bag, input, runDrive, schemaOf, TestContext } from './joinHarness.ts';

const shape = [types.int8, types.text];

function bagOf(rows: readonly Row[]): Bag {
  const bag = new Bag();
  for (const row of rows) bag.add(row, 1);
  return bag;
}

function* recompute(
  operator: 'intersect' | 'except',
  all: boolean,
  left: Row[],
  right: Row[],
): Generator<Row> {
  const rights = bagOf(right).weights();
  for (const [text, { row, weight }] of bagOf(left).entries) {
    const other = rights.get(text) ?? 0;
    const intersect = all ? Math.min(weight, other) : Math.min(1, weight, other);
    const except = all ? Math.max(0, weight - other) : other > 0 ? 0 : 1;
    for (let k = operator === 'intersect' ? intersect : except; k > 0; k--) yield row;
  }
}

describe('set operations equal their recomputation', () => {
  for (const operator of ['intersect', 'except'] as const) {
    for (const all of [false, true]) {
      it(`${operator}${all ? ' all' : ''}`, () => {
        const child = input(schemaOf(shape));
        runDrive({
          operator: new SetOperationOperator(
            {
              kind: 'SetOperation',
              operator,
              all,
              left: child,
              right: child,
              schema: child.schema,
              appendOnly: false,
              key: null,
              estimatedRows: 1,
            },
            new TestContext(),
          ),
          inputs: [shape, shape],
          randomRow: (random) => [BigInt(random.below(4)), random.pick(['x', null, 'y'])],
          recompute: (left = [], right = []) => recompute(operator, all, left, right),
          seed: 8,
          changes: 20,
        });
      });
    }
  }
});
