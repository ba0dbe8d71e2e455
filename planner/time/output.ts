/** What stands on top of a view's plan: rows that expire, changes that go out together. */
import type { PhysicalPlan } from '../plan/physical.ts';
import { refreshed } from './appendOnly.ts';
import { watermarksOf } from './watermarks.ts';

/** Rows are taken back after a time: since that in a column, or since their last change. */
export function expired(
  input: PhysicalPlan,
  ttl: { readonly micros: bigint; readonly column: number | null },
): PhysicalPlan {
  const { schema, key, estimatedRows } = input;
  const { column, micros } = ttl;
  return {
    kind: 'Expire',
    input,
    column,
    ttlMicros: micros,
    term: column === null ? null : (watermarksOf(input)[column] ?? null),
    appendOnly: false,
    schema,
    key,
    estimatedRows,
  };
}

/** Net changes go out at intervals. */
export function paced(input: PhysicalPlan, mode: 'every' | 'delay', micros: bigint): PhysicalPlan {
  const { schema, key, estimatedRows, appendOnly } = input;
  return refreshed({ kind: 'Pace', input, mode, micros, appendOnly, schema, key, estimatedRows });
}
