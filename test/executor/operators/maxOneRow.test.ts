import { describe, expect, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import type { Row } from '../../../common/value.ts';
import { MaxOneRowOperator } from '../../../executor/operators/maxOneRow.ts';
import type { PhysicalMaxOneRow } from '../../../planner/plan/physical.ts';
import { batchOfRows } from '../../../storage/state/vector.ts';
import { Bag, collector, input, rowText, runDrive, schemaOf, TestContext } from './joinHarness.ts';

const shape = [types.int4, types.text];

function node(keys: readonly number[]): PhysicalMaxOneRow {
  const child = input(schemaOf(shape));
  return {
    kind: 'MaxOneRow',
    input: child,
    keys,
    schema: child.schema,
    appendOnly: false,
    key: keys,
    estimatedRows: 1,
  };
}

/** Rows whose key has no other row. */
function lone(rows: readonly Row[], keys: readonly number[]): Row[] {
  const keyOf = (row: Row): string => rowText(keys.map((k) => row[k] ?? null));
  return rows.filter((row) => rows.filter((other) => keyOf(other) === keyOf(row)).length === 1);
}

describe('MaxOneRow', () => {
  for (const keys of [[], [0]]) {
    it(`passes single rows and holds others back, by ${keys.length} keys`, () =>
      runDrive({
        operator: new MaxOneRowOperator(node(keys), new TestContext()),
        inputs: [shape],
        randomRow: (random) => [random.pick([1, 2, 3, 4, 5, null]), random.pick(['x', 'y', null])],
        recompute: (rows = []) => lone(rows, keys),
        seed: 4,
        changes: 5,
      }));
  }

  it('reports error 21000 while there is more than one row', () => {
    const context = new TestContext();
    const operator = new MaxOneRowOperator(node([]), context);
    const output = new Bag();
    const emit = collector(output);
    const message = '21000 more than one row returned by a subquery used as an expression';
    operator.push(0, batchOfRows(shape, [[1, 'a']]), emit);
    operator.flush(emit);
    expect(context.errors).toEqual([]);
    operator.push(0, batchOfRows(shape, [[2, 'b']]), emit);
    operator.flush(emit);
    expect(context.errors).toEqual([[message, 1]]);
    expect([...output.weights()]).toEqual([]);
    operator.push(0, batchOfRows(shape, [[1, 'a']], [-1]), emit);
    operator.flush(emit);
    expect(context.errors).toEqual([
      [message, 1],
      [message, -1],
    ]);
    expect([...output.weights()]).toEqual([['2|b', 1]]);
  });

  it('is not misled by an update whose new row comes first', () => {
    const context = new TestContext();
    const operator = new MaxOneRowOperator(node([]), context);
    const output = new Bag();
    const emit = collector(output);
    operator.push(0, batchOfRows(shape, [[1, 'a']]), emit);
    operator.flush(emit);
    operator.push(0, batchOfRows(shape, [[2, 'b']]), emit);
    operator.push(0, batchOfRows(shape, [[1, 'a']], [-1]), emit);
    operator.flush(emit);
    expect(context.errors).toEqual([]);
    expect([...output.weights()]).toEqual([['2|b', 1]]);
  });
});
