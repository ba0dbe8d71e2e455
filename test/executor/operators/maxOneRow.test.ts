import { describe, expect, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import type { Row } from '../../../common/value.ts';
import { MaxOneRowOperator } from '../../../executor/operators/maxOneRow.ts';
import type { PhysicalMaxOneRow } from '../../../planner/plan/physical.ts';
import { batchOfRows } from '../../../storage/state/vector.ts';
import { Bag, collector, input, rowText, runDrive, schemaOf } from './joinHarness.ts';

const shape = [types.int4, types.text];

function node(keys: readonly number[]): PhysicalMaxOneRow {
  const child = input(schemaOf(shape));
  return {
    kind: 'MaxOneRow',
    input: child,
    keys,
    schema: [...child.schema, { name: 'many', type: types.bool, nullable: false }],
    appendOnly: false,
    key: keys,
    estimatedRows: 1,
  };
}

/** Rows whose key has no other row, marked false; for the other keys a row marked true. */
function marked(rows: readonly Row[], keys: readonly number[]): Row[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = rowText(keys.map((k) => row[k] ?? null));
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()].map((group): Row => {
    const row = group[0] ?? [];
    return group.length === 1 ? [...row, false] : [...row.map((v, i) => (keys.includes(i) ? v : null)), true];
  });
}

describe('MaxOneRow', () => {
  for (const keys of [[], [0]]) {
    it(`passes single rows and marks keys with more, by ${keys.length} keys`, () =>
      runDrive({
        operator: new MaxOneRowOperator(node(keys)),
        inputs: [shape],
        randomRow: (random) => [random.pick([1, 2, 3, 4, 5, null]), random.pick(['x', 'y', null])],
        recompute: (rows = []) => marked(rows, keys),
        seed: 4,
        changes: 5,
      }));
  }

  it('gives one marked row while there is more than one', () => {
    const operator = new MaxOneRowOperator(node([]));
    const output = new Bag();
    const emit = collector(output);
    operator.push(0, batchOfRows(shape, [[1, 'a']]), emit);
    operator.flush(emit);
    expect([...output.weights()]).toEqual([['1|a|false', 1]]);
    operator.push(0, batchOfRows(shape, [[2, 'b']]), emit);
    operator.flush(emit);
    expect([...output.weights()]).toEqual([['NULL|NULL|true', 1]]);
    operator.push(0, batchOfRows(shape, [[1, 'a']], [-1]), emit);
    operator.flush(emit);
    expect([...output.weights()]).toEqual([['2|b|false', 1]]);
  });

  it('is not misled by an update whose new row comes first', () => {
    const operator = new MaxOneRowOperator(node([]));
    const output = new Bag();
    const emit = collector(output);
    operator.push(0, batchOfRows(shape, [[1, 'a']]), emit);
    operator.flush(emit);
    operator.push(0, batchOfRows(shape, [[2, 'b']]), emit);
    operator.push(0, batchOfRows(shape, [[1, 'a']], [-1]), emit);
    operator.flush(emit);
    expect([...output.weights()]).toEqual([['2|b|false', 1]]);
  });
});
