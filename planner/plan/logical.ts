/**
 * The logical plan: engine-neutral relational algebra over bags. Each node gives its output `schema`. Closed union by
 * `kind`. Subqueries and `outer` columns occur only before decorrelation; `Apply` only between.
 */
import type { RelationEntry } from '../../common/catalog.ts';
import type { Schema } from '../../common/dataType.ts';
import type { TableFunction } from '../../common/function.ts';
import type { AggregateCall, SortKey, WindowCall } from './aggregateCall.ts';
import type { Scalar } from './scalar.ts';

/** All rows of a relation; output is the chosen columns in order. */
export interface LogicalScan {
  readonly kind: 'Scan';
  readonly relation: RelationEntry;
  readonly columns: readonly number[];
  readonly schema: Schema;
}
/** Constant rows (no input columns). */
export interface LogicalValues {
  readonly kind: 'Values';
  readonly rows: readonly (readonly Scalar[])[];
  readonly schema: Schema;
}
export interface LogicalFilter {
  readonly kind: 'Filter';
  readonly input: LogicalPlan;
  readonly condition: Scalar;
  readonly schema: Schema;
}
export interface LogicalProject {
  readonly kind: 'Project';
  readonly input: LogicalPlan;
  readonly exprs: readonly Scalar[];
  readonly schema: Schema;
}
export type JoinType = 'inner' | 'left' | 'right' | 'full' | 'semi' | 'anti';
/**
 * Output: left ++ right (semi and anti: left). `condition` over left ++ right; null is true. An anti join with
 * `nullAware` is NOT IN: a left row is kept iff the condition is false (not unknown) for every right row.
 * With `lateral` the right side may refer to the left with `outer` depth 1 (before decorrelation).
 */
export interface LogicalJoin {
  readonly kind: 'Join';
  readonly type: JoinType;
  readonly left: LogicalPlan;
  readonly right: LogicalPlan;
  readonly condition: Scalar | null;
  readonly nullAware: boolean;
  readonly lateral: boolean;
  readonly schema: Schema;
}
/**
 * Output: keys ++ aggregates. No keys and no grouping sets: exactly one row. `sets`: each grouping set lists positions
 * in `keys`; keys outside the set are NULL and a last output column int8 holds the set's number.
 */
export interface LogicalAggregate {
  readonly kind: 'Aggregate';
  readonly input: LogicalPlan;
  readonly keys: readonly number[];
  readonly aggregates: readonly AggregateCall[];
  readonly sets: readonly (readonly number[])[] | null;
  readonly schema: Schema;
}
export interface LogicalDistinct {
  readonly kind: 'Distinct';
  readonly input: LogicalPlan;
  readonly schema: Schema;
}
/** UNION ALL of inputs with equal column types. */
export interface LogicalUnionAll {
  readonly kind: 'UnionAll';
  readonly inputs: readonly LogicalPlan[];
  readonly schema: Schema;
}
/** INTERSECT/EXCEPT [ALL]; rows compare with NULL equal to NULL. */
export interface LogicalSetOperation {
  readonly kind: 'SetOperation';
  readonly operator: 'intersect' | 'except';
  readonly all: boolean;
  readonly left: LogicalPlan;
  readonly right: LogicalPlan;
  readonly schema: Schema;
}
/**
 * The rows at positions [offset, offset+limit) of each partition in `order`; limit null: all (then it only sorts the
 * result of an ad-hoc query). `withTies` adds the peers of the last. `rank`: also outputs, as last column int8, the
 * row's row_number or rank within its partition.
 */
export interface LogicalTopN {
  readonly kind: 'TopN';
  readonly input: LogicalPlan;
  readonly partition: readonly number[];
  readonly order: readonly SortKey[];
  readonly limit: Scalar | null;
  readonly offset: Scalar | null;
  readonly withTies: boolean;
  readonly rank: 'row_number' | 'rank' | null;
  readonly schema: Schema;
}
/** Output: input ++ one column per call. */
export interface LogicalWindow {
  readonly kind: 'Window';
  readonly input: LogicalPlan;
  readonly partition: readonly number[];
  readonly order: readonly SortKey[];
  readonly calls: readonly WindowCall[];
  readonly schema: Schema;
}
/** Output: input ++ window_start ++ window_end, once per window that holds the row. Micros; a NULL time has no window. */
export interface LogicalHop {
  readonly kind: 'Hop';
  readonly input: LogicalPlan;
  readonly time: number;
  readonly slideMicros: bigint;
  readonly sizeMicros: bigint;
  readonly offsetMicros: bigint;
  /** CUMULATE: windows grow from their common start by `slide` up to `size`. */
  readonly cumulate?: boolean;
  readonly schema: Schema;
}
/** Output: input ++ session id (int8); see PhysicalSession. */
export interface LogicalSession {
  readonly kind: 'Session';
  readonly input: LogicalPlan;
  readonly partition: readonly number[];
  readonly time: number;
  readonly gapMicros: bigint;
  /** Its ids are joined with each other, so that every use of it must stay this very node over this very input. */
  readonly joined?: boolean;
  readonly schema: Schema;
}
/**
 * Joins as of a time; output left ++ right. `condition` over left ++ right. asof: at least one equality and exactly one
 * of the comparisons `left.time operator right.time` (columns of the inputs), not part of `condition`; see
 * PhysicalAsofJoin. process: see PhysicalTemporalJoin.
 */
export interface LogicalAsofJoin {
  readonly kind: 'AsofJoin';
  readonly type: 'inner' | 'left';
  readonly left: LogicalPlan;
  readonly right: LogicalPlan;
  readonly condition: Scalar;
  readonly time:
    | { readonly kind: 'process' }
    | {
        readonly kind: 'asof';
        readonly left: number;
        readonly right: number;
        readonly operator: '<' | '<=' | '>' | '>=';
      };
  readonly schema: Schema;
}
/**
 * Each input row with every row of the functions' results side by side (padded with NULLs to the longest; ROWS FROM and
 * set-returning select items). Output: input ++ function columns [++ ordinality int8]. Arguments over the input.
 */
export interface LogicalTableFunction {
  readonly kind: 'TableFunction';
  readonly input: LogicalPlan;
  readonly calls: readonly { readonly fn: TableFunction; readonly args: readonly Scalar[] }[];
  readonly ordinality: boolean;
  readonly schema: Schema;
}
/**
 * At most one row for each distinct key (without keys: at all). Output: input ++ many bool. A row that is alone passes with
 * `many` false; where there are more, one row stands for them: the key, else NULLs, with `many` true.
 */
export interface LogicalMaxOneRow {
  readonly kind: 'MaxOneRow';
  readonly input: LogicalPlan;
  readonly keys: readonly number[];
  readonly schema: Schema;
}

/**
 * WITH RECURSIVE, as PostgreSQL runs it. The working table is at first `base` (its distinct rows, without `all`); then,
 * until it is empty, it becomes the rows of `step` over it (without `all`: those that have not been there before). Output:
 * all rows that were in it. In `step` the working table is the scan of `self`; nothing else scans that.
 */
export interface LogicalRecursive {
  readonly kind: 'Recursive';
  readonly name: string;
  readonly base: LogicalPlan;
  readonly step: LogicalPlan;
  readonly self: RelationEntry;
  readonly all: boolean;
  readonly schema: Schema;
}

export type LogicalPlan =
  | LogicalScan
  | LogicalValues
  | LogicalFilter
  | LogicalProject
  | LogicalJoin
  | LogicalAggregate
  | LogicalDistinct
  | LogicalUnionAll
  | LogicalSetOperation
  | LogicalTopN
  | LogicalWindow
  | LogicalHop
  | LogicalSession
  | LogicalAsofJoin
  | LogicalTableFunction
  | LogicalMaxOneRow
  | LogicalRecursive;
