/**
 * Removes from a delta the updates that changed nothing: a row taken back and put again right after it, as happens when
 * a projection drops the columns that differed. Worth its comparisons before operators that pay dearly for every row,
 * such as a join without keys, which tests each against everything on the other side.
 */
import type { DataType } from '../../common/dataType.ts';
import { newBatch, takeRows } from '../../storage/state/vector.ts';
import type { Batch, Vector } from '../batch.ts';
import { sameBoxed } from '../codegen/typeOperations.ts';

function sameEntry(vector: Vector, a: number, b: number): boolean {
  const { nulls, data } = vector;
  if (nulls !== null && (nulls[a] === 1 || nulls[b] === 1)) return nulls[a] === nulls[b];
  if (vector.kind === 'boxed') return sameBoxed(vector.data[a], vector.data[b]);
  return Object.is(data[a], data[b]);
}

/** The same delta without adjacent rows that cancel each other; the batch itself when there are none. */
export function cancelPairs(batch: Batch, types: readonly DataType[]): Batch {
  const { length, columns, weights } = batch;
  let kept: Int32Array | null = null;
  let n = 0;
  for (let i = 0; i < length; i++) {
    const cancels =
      i + 1 < length &&
      (weights[i] as number) + (weights[i + 1] as number) === 0 &&
      columns.every((column) => sameEntry(column, i, i + 1));
    if (cancels) {
      if (kept === null) {
        kept = new Int32Array(length);
        for (let j = 0; j < i; j++) kept[j] = j;
        n = i;
      }
      i++;
    } else if (kept !== null) kept[n++] = i;
  }
  if (kept === null) return batch;
  const rest = newBatch(types, Math.max(1, n));
  columns.forEach((column, c) => {
    const out = rest.columns[c];
    if (out !== undefined) takeRows(column, kept, n, out);
  });
  for (let j = 0; j < n; j++) rest.weights[j] = weights[kept[j] as number] as number;
  rest.length = n;
  return rest;
}
