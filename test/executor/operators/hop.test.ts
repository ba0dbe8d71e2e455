/** Hopping, tumbling and cumulating windows, compared with the definition. */
import { describe, expect, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import type { Row } from '../../../common/value.ts';
import { HopOperator } from '../../../executor/operators/hop.ts';
import type { PhysicalHop } from '../../../planner/plan/physical.ts';
import { evaluateLogical } from '../../harness/naive/evaluateLogical.ts';
import { checkIncremental, inputNode, schema, testContext } from '../../harness/operators.ts';

const columns = schema('at timestamp?, v int4');
const bound = (name: string) => ({ name, type: types.timestamp, nullable: false });
const shape = { time: 0, schema: [...columns, bound('window_start'), bound('window_end')] };

const windows = {
  tumbling: { slideMicros: 10n, sizeMicros: 10n, offsetMicros: 0n },
  hopping: { slideMicros: 5n, sizeMicros: 20n, offsetMicros: 3n },
  'a size that is no multiple of the slide': { slideMicros: 4n, sizeMicros: 10n, offsetMicros: 0n },
  cumulating: { slideMicros: 5n, sizeMicros: 20n, offsetMicros: 0n, cumulate: true },
  'cumulating with an offset beyond the step': {
    slideMicros: 5n,
    sizeMicros: 20n,
    offsetMicros: 13n,
    cumulate: true,
  },
} as const;

function node(parts: Pick<PhysicalHop, 'slideMicros' | 'sizeMicros' | 'offsetMicros'>): PhysicalHop {
  return {
    kind: 'Hop',
    input: inputNode(columns),
    ...shape,
    ...parts,
    appendOnly: false,
    key: null,
    estimatedRows: 1,
  };
}

function naive(parts: (typeof windows)[keyof typeof windows], rows: readonly Row[]): readonly Row[] {
  const literals = rows.map((row) =>
    row.map((value, i) => ({ kind: 'literal' as const, value, type: columns[i]?.type ?? types.int4 })),
  );
  const input = { kind: 'Values' as const, rows: literals, schema: columns };
  return evaluateLogical({ kind: 'Hop', input, ...shape, ...parts }, new Map());
}

describe('hop', () => {
  it.each(Object.entries(windows))('%s', (_, parts) => {
    for (const seed of [1, 2, 3]) {
      checkIncremental(
        {
          make: () => new HopOperator(node(parts), testContext()),
          inputs: [columns],
          row: (random) => [
            random() < 0.1 ? null : BigInt(Math.floor(random() * 200) - 100),
            Math.floor(random() * 5),
          ],
          naive: ([rows = []]) => naive(parts, rows),
        },
        seed,
      );
    }
  });

  it('gives a row the cumulating windows that end after it', () => {
    const rows = naive(windows.cumulating, [[12n, 1]]);
    expect(rows).toEqual([
      [12n, 1, 0n, 15n],
      [12n, 1, 0n, 20n],
    ]);
  });
});
