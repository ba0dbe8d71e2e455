/** Takes some rows of a batch. */
import { newVectorOfKind, takeRows } from '../../storage/state/vector.ts';
import type { Batch } from '../batch.ts';

/** The rows with marks[i] = `mark`, in their order; the batch itself when that is all of them. */
export function splitRows(batch: Batch, marks: Uint8Array, mark: number): Batch {
  const { length } = batch;
  let n = 0;
  for (let i = 0; i < length; i++) if (marks[i] === mark) n++;
  if (n === length) return batch;
  const rows = new Int32Array(n);
  const weights = new Int32Array(n);
  for (let i = 0, j = 0; i < length; i++) {
    if (marks[i] !== mark) continue;
    rows[j] = i;
    weights[j++] = batch.weights[i] as number;
  }
  const columns = batch.columns.map((column) => {
    const out = newVectorOfKind(column.kind, Math.max(1, n));
    if (n > 0) takeRows(column, rows, n, out);
    return out;
  });
  return { length: n, columns, weights };
}
