import { describe, expect, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import { Decimal } from '../../../common/decimal.ts';
import type { Row } from '../../../common/value.ts';
import { createDistinct } from '../../../executor/operators/distinct.ts';
import type { PhysicalDistinct } from '../../../planner/plan/physical.ts';
import { batchOfRows } from '../../../storage/state/vector.ts';
import { Bag, collector, input, rowText, runDrive, schemaOf, TestContext } from './joinHarness.ts';

const shape = [types.int4, types.text, types.float8];

function node(appendOnly: boolean): PhysicalDistinct {
  const child = input(schemaOf(shape), { appendOnly });
  return { kind: 'Distinct', input: child, schema: child.schema, appendOnly, key: null, estimatedRows: 1 };
}

function distinct(rows: readonly Row[]): Iterable<Row> {
  return new Map(rows.map((row) => [rowText(row), row])).values();
}

describe('DISTINCT', () => {
  for (const appendOnly of [false, true]) {
    it(`equals its recomputation${appendOnly ? ' (append-only)' : ''}`, () =>
      runDrive({
        operator: createDistinct(node(appendOnly), new TestContext()),
        inputs: [shape],
        randomRow: (random) => [random.below(4), random.pick(['x', null, 'ü']), random.pick([1.5, null])],
        recompute: (rows = []) => distinct(rows),
        seed: 3,
        appendOnly: [appendOnly],
        changes: 30,
      }));
  }

  it('takes equal values for one row and shows the first', () => {
    const child = input(schemaOf([types.numeric]));
    const operator = createDistinct(
      { ...node(false), input: child, schema: child.schema },
      new TestContext(),
    );
    const output = new Bag();
    const rows = [[Decimal.parse('1.0')], [Decimal.parse('1.00')]];
    operator.push(0, batchOfRows([types.numeric], rows), () => undefined);
    operator.flush(collector(output));
    expect([...output.weights()]).toEqual([['1.0', 1]]);
  });
});
