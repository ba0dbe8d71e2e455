/** Key columns of a batch without the rows whose key can match nothing. */
import { must } from '../../common/assert.ts';
import { newVectorOfKind, takeRows } from '../../storage/state/vector.ts';
import type { Batch, Vector } from '../batch.ts';

/** The key columns with their weights; rows with skipped[i] = 1 are left out (copied only when there are any). */
export function withoutSkipped(keys: readonly Vector[], batch: Batch, skipped: Uint8Array | null): Batch {
  if (skipped === null) return { length: batch.length, columns: keys, weights: batch.weights };
  const rows = new Int32Array(batch.length);
  let n = 0;
  for (let i = 0; i < batch.length; i++) if (skipped[i] !== 1) rows[n++] = i;
  if (n === batch.length) return { length: n, columns: keys, weights: batch.weights };
  const columns = keys.map((key) => {
    const out = newVectorOfKind(key.kind, Math.max(1, n));
    takeRows(key, rows, n, out);
    return out;
  });
  const weights = new Int32Array(n);
  for (let j = 0; j < n; j++) weights[j] = must(batch.weights[rows[j] as number]);
  return { length: n, columns, weights };
}
