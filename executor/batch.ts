import type { TextBytes } from '../common/textBytes.ts';

/** nulls[i] = 1: NULL (the data entry is then unspecified, but valid for its array). null: no NULL in this batch. */
export type Vector =
  | { readonly kind: 'bool'; readonly data: Uint8Array; readonly nulls: Uint8Array | null }
  | { readonly kind: 'i32'; readonly data: Int32Array; readonly nulls: Uint8Array | null }
  | { readonly kind: 'i64'; readonly data: BigInt64Array; readonly nulls: Uint8Array | null }
  | { readonly kind: 'f64'; readonly data: Float64Array; readonly nulls: Uint8Array | null }
  | {
      readonly kind: 'text';
      readonly data: string[];
      readonly nulls: Uint8Array | null;
      /** The same texts, where their strings may have not been made: for those who can do without. */
      readonly utf8?: TextBytes;
    }
  | { readonly kind: 'boxed'; readonly data: unknown[]; readonly nulls: Uint8Array | null };

export interface Batch {
  readonly length: number;
  readonly columns: readonly Vector[];
  readonly weights: Int32Array;
}

/** Rows per batch that operators aim for; producers split larger deltas. */
export const BATCH_ROWS = 1024;
