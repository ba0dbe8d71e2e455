/** Aggregate and window calls as plan nodes carry them; arguments are columns of the node's input. */
import type { DataType } from '../../common/dataType.ts';
import type { AggregateFunction, WindowFunction } from '../../common/function.ts';

/** One ORDER BY key: a column of the input. */
export interface SortKey {
  readonly column: number;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

export interface AggregateCall {
  readonly fn: AggregateFunction;
  /** Input columns. */
  readonly args: readonly number[];
  readonly distinct: boolean;
  /** Boolean input column: only rows where it is true count; null: all rows. */
  readonly filter: number | null;
  readonly orderBy: readonly SortKey[];
  readonly type: DataType;
}

export interface FrameBound {
  readonly bound: 'unbounded preceding' | 'preceding' | 'current row' | 'following' | 'unbounded following';
  /** Constant offset for preceding/following: rows or groups, or a RANGE distance of the order column's type. */
  readonly offset: import('../../common/value.ts').Value;
}

export interface WindowCall {
  readonly fn: WindowFunction | AggregateFunction;
  readonly args: readonly number[];
  readonly filter: number | null;
  readonly ignoreNulls: boolean;
  readonly distinct: boolean;
  readonly frame: {
    readonly unit: 'rows' | 'range' | 'groups';
    readonly start: FrameBound;
    readonly end: FrameBound;
    readonly exclude: 'current row' | 'group' | 'ties' | 'no others';
  };
  readonly type: DataType;
}
