/**
 * Watermarks as a property of plans. Ticks are synchronous, so a watermark never travels as a message: the watermark of
 * any column of any node is a pure function (a term) of the watermarks that relations have at the end of the tick.
 *
 * A watermark w of a column promises: no delta after this tick, insertion or deletion, has a smaller value there.
 */
import type { DataType } from '../../common/dataType.ts';
import type { Scalar } from './scalar.ts';

export type WatermarkTerm =
  /**
   * The watermark of a column of a source, table or view. `lateness` microseconds are taken off it: the scan also gives
   * rows that came up to so much too late.
   */
  | {
      readonly kind: 'relation';
      readonly relation: number;
      readonly column: number;
      /** Columns of a relation with equal numbers derive from one watermark. */
      readonly group: number;
      readonly lateness: bigint;
      readonly type: DataType;
    }
  /** The time of the tick (timestamptz): what proctime() and now() give. */
  | { readonly kind: 'clock'; readonly type: DataType }
  /** A non-decreasing function of a watermark; `expr` sees it as column 0. */
  | { readonly kind: 'map'; readonly input: WatermarkTerm; readonly expr: Scalar; readonly type: DataType }
  /** The least: rows come from several inputs. Terms have one type. */
  | { readonly kind: 'min'; readonly terms: readonly WatermarkTerm[]; readonly type: DataType }
  /** The greatest: each of the terms bounds the same rows. */
  | { readonly kind: 'max'; readonly terms: readonly WatermarkTerm[]; readonly type: DataType };

/** Rows (groups, keys) whose `column` is below the term's value are not needed any more. */
export interface StateBound {
  readonly column: number;
  readonly term: WatermarkTerm;
}
