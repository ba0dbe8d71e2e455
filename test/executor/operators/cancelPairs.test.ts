import { describe, expect, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import { Decimal } from '../../../common/decimal.ts';
import type { Value } from '../../../common/value.ts';
import type { Batch } from '../../../executor/batch.ts';
import { batchRow } from '../../../executor/batchBuilder.ts';
import { cancelPairs } from '../../../executor/operators/cancelPairs.ts';
import { batchOfRows } from '../../../storage/state/vector.ts';

const columns = [types.int8, types.numeric, types.text];
const one: readonly Value[] = [1n, Decimal.parse('1.0'), 'a'];
const otherScale: readonly Value[] = [1n, Decimal.parse('1.00'), 'a'];
const nulls: readonly Value[] = [null, null, null];
const two: readonly Value[] = [2n, null, 'b'];

function reduced(rows: readonly (readonly [readonly Value[], number])[]): unknown {
  const batch = batchOfRows(
    columns,
    rows.map(([row]) => row),
    rows.map(([, weight]) => weight),
  ) as Batch;
  const rest = cancelPairs(batch, columns);
  return Array.from({ length: rest.length }, (_, i) => [batchRow(rest, i), rest.weights[i]]);
}

describe('cancelPairs', () => {
  it('drops a row that is taken back and put again', () => {
    expect(
      reduced([
        [two, 1],
        [one, -1],
        [one, 1],
        [nulls, -1],
        [nulls, 1],
        [two, 2],
      ]),
    ).toEqual([
      [two, 1],
      [two, 2],
    ]);
    expect(
      reduced([
        [one, 2],
        [one, -2],
      ]),
    ).toEqual([]);
  });

  it('keeps what differs, if only by scale or weight', () => {
    const changed = [
      [one, -1],
      [otherScale, 1],
      [nulls, -1],
      [two, 1],
      [one, -2],
      [one, 1],
    ] as const;
    expect(reduced(changed)).toEqual(changed.map(([row, weight]) => [row, weight]));
  });
});
