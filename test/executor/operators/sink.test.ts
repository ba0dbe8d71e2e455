import { describe, expect, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import type { Row } from '../../../common/value.ts';
import { type SinkMode, SinkOperator } from '../../../executor/operators/sink.ts';
import { batchOfRows } from '../../../storage/state/vector.ts';

const schema = [
  { name: 'k', type: types.int4, nullable: false },
  { name: 'v', type: types.int4, nullable: true },
];

function changesOf(mode: SinkMode, key: readonly number[] | null): readonly (Row | null)[][] {
  const changes: (Row | null)[][] = [];
  const operator = new SinkOperator(schema, key, mode, (given) => {
    for (const { before, after } of given) changes.push([before, after]);
  });
  const rows = [
    [1, 10],
    [2, 20],
    [3, 30],
    [1, 11],
  ] as const;
  const columns = schema.map((column) => column.type);
  operator.push(0, { ...batchOfRows(columns, rows), weights: Int32Array.of(-1, -1, 1, 1) });
  operator.flush();
  return changes;
}

describe('the end of a relation', () => {
  it('pairs what went with what came under its key', () => {
    expect(changesOf('changes', [0])).toEqual([
      [
        [1, 10],
        [1, 11],
      ],
      [[2, 20], null],
      [null, [3, 30]],
    ]);
  });

  it('gives what came in its own order where only that goes out, whatever key the relation has', () => {
    const came = [
      [null, [3, 30]],
      [null, [1, 11]],
    ];
    expect(changesOf('inserts', null)).toEqual(came);
    // Another view may take the relation's place (CREATE OR REPLACE); a restart sees only the key of that one.
    expect(changesOf('inserts', [0])).toEqual(came);
  });
});
