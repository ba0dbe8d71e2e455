/**
 * Delta batches: columns of typed arrays with an integer weight a row (a Z-set in columnar form).
 *
 * Invariants
 * - Arrays may be longer than `length`; only the first `length` entries mean anything.
 * - A batch belongs to its producer: a consumer may read it only until `push` returns, and never writes it. What must
 *   last is copied into state. Producers reuse their arrays.
 * - Weights are never 0. The same row may occur several times.
 */
import type { PhysicalKind } from '../common/dataType.ts';

/** nulls[i] = 1: NULL (the data entry is then unspecified, but valid for its array). null: no NULL in this batch. */
export type Vector =
  | { readonly kind: 'bool'; readonly data: Uint8Array; readonly nulls: Uint8Array | null }
  | { readonly kind: 'i32'; readonly data: Int32Array; readonly nulls: Uint8Array | null }
  | { readonly kind: 'i64'; readonly data: BigInt64Array; readonly nulls: Uint8Array | null }
  | { readonly kind: 'f64'; readonly data: Float64Array; readonly nulls: Uint8Array | null }
  | { readonly kind: 'text'; readonly data: string[]; readonly nulls: Uint8Array | null }
  | { readonly kind: 'boxed'; readonly data: unknown[]; readonly nulls: Uint8Array | null };

export type VectorOf<K extends PhysicalKind> = Extract<Vector, { readonly kind: K }>;

export interface Batch {
  readonly length: number;
  readonly columns: readonly Vector[];
  readonly weights: Int32Array;
}

/** Rows per batch that operators aim for; producers split larger deltas. */
export const BATCH_ROWS = 1024;
