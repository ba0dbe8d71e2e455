/**
 * The physical plan: what the executor builds operators from. Keys are input columns (the planner computes key
 * expressions in a Calc below). Every node carries its output schema and the properties that operators specialise on.
 */
import type { RelationEntry } from '../../common/catalog.ts';
import type { Schema } from '../../common/dataType.ts';
import type { TableFunction } from '../../common/function.ts';
import type { AggregateCall, SortKey, WindowCall } from './aggregateCall.ts';
import type { JoinType } from './logical.ts';
import type { Scalar } from './scalar.ts';

export interface PhysicalProperties {
  readonly schema: Schema;
  /** Output deltas never have negative weights. */
  readonly appendOnly: boolean;
  /** Output columns that identify a row (each combination at most once); null: none known. Empty: at most one row. */
  readonly key: readonly number[] | null;
  /** Estimated rows. */
  readonly estimatedRows: number;
}

export interface PhysicalScan extends PhysicalProperties {
  readonly kind: 'Scan';
  readonly relation: RelationEntry;
  /** Chosen columns of the relation, in output order. */
  readonly columns: readonly number[];
}
/** Ad-hoc only: rows of the relation whose index (null: key) columns equal, or lie in a range. */
export interface PhysicalIndexScan extends PhysicalProperties {
  readonly kind: 'IndexScan';
  readonly relation: RelationEntry;
  /** Index id, or null for the relation's own key. */
  readonly index: number | null;
  readonly columns: readonly number[];
  /** Equality values for the leading index columns: one list per point looked up. */
  readonly points: readonly (readonly Scalar[])[];
  /** Range on the index column after the equality prefix. */
  readonly lower: { readonly value: Scalar; readonly inclusive: boolean } | null;
  readonly upper: { readonly value: Scalar; readonly inclusive: boolean } | null;
}
export interface PhysicalValues extends PhysicalProperties {
  readonly kind: 'Values';
  readonly rows: readonly (readonly Scalar[])[];
}
/** Fused filter and projection; projections over the input. */
export interface PhysicalCalc extends PhysicalProperties {
  readonly kind: 'Calc';
  readonly input: PhysicalPlan;
  readonly condition: Scalar | null;
  readonly exprs: readonly Scalar[];
}
export interface PhysicalHop extends PhysicalProperties {
  readonly kind: 'Hop';
  readonly input: PhysicalPlan;
  readonly time: number;
  readonly slideMicros: bigint;
  readonly sizeMicros: bigint;
  readonly offsetMicros: bigint;
}
export interface PhysicalTableFunction extends PhysicalProperties {
  readonly kind: 'TableFunction';
  readonly input: PhysicalPlan;
  readonly calls: readonly { readonly fn: TableFunction; readonly args: readonly Scalar[] }[];
  readonly ordinality: boolean;
}
/**
 * leftKeys[i] = rightKeys[i], equal physical types; nullSafe[i]: NULL equals NULL there. No keys: cross or non-equi.
 * `residual` over left ++ right. Output left ++ right (semi, anti: left). nullAware: NOT IN, as in LogicalJoin.
 */
export interface PhysicalJoin extends PhysicalProperties {
  readonly kind: 'Join';
  readonly type: JoinType;
  readonly left: PhysicalPlan;
  readonly right: PhysicalPlan;
  readonly leftKeys: readonly number[];
  readonly rightKeys: readonly number[];
  readonly nullSafe: readonly boolean[];
  readonly residual: Scalar | null;
  readonly nullAware: boolean;
}
/** Output: keys ++ aggregates. `global`: no GROUP BY, exactly one row. Grouping sets are expanded below by the planner. */
export interface PhysicalAggregate extends PhysicalProperties {
  readonly kind: 'Aggregate';
  readonly input: PhysicalPlan;
  readonly keys: readonly number[];
  readonly aggregates: readonly AggregateCall[];
  readonly global: boolean;
}
export interface PhysicalDistinct extends PhysicalProperties {
  readonly kind: 'Distinct';
  readonly input: PhysicalPlan;
}
export interface PhysicalUnionAll extends PhysicalProperties {
  readonly kind: 'UnionAll';
  readonly inputs: readonly PhysicalPlan[];
}
export interface PhysicalSetOperation extends PhysicalProperties {
  readonly kind: 'SetOperation';
  readonly operator: 'intersect' | 'except';
  readonly all: boolean;
  readonly left: PhysicalPlan;
  readonly right: PhysicalPlan;
}
/** limit null: no bound (sort for an ad-hoc result). See LogicalTopN. */
export interface PhysicalTopN extends PhysicalProperties {
  readonly kind: 'TopN';
  readonly input: PhysicalPlan;
  readonly partition: readonly number[];
  readonly order: readonly SortKey[];
  readonly limit: number | null;
  readonly offset: number;
  readonly withTies: boolean;
  readonly rank: 'row_number' | 'rank' | null;
}
export interface PhysicalWindow extends PhysicalProperties {
  readonly kind: 'Window';
  readonly input: PhysicalPlan;
  readonly partition: readonly number[];
  readonly order: readonly SortKey[];
  readonly calls: readonly WindowCall[];
}
export interface PhysicalMaxOneRow extends PhysicalProperties {
  readonly kind: 'MaxOneRow';
  readonly input: PhysicalPlan;
  readonly keys: readonly number[];
}

export type PhysicalPlan =
  | PhysicalScan
  | PhysicalIndexScan
  | PhysicalValues
  | PhysicalCalc
  | PhysicalHop
  | PhysicalTableFunction
  | PhysicalJoin
  | PhysicalAggregate
  | PhysicalDistinct
  | PhysicalUnionAll
  | PhysicalSetOperation
  | PhysicalTopN
  | PhysicalWindow
  | PhysicalMaxOneRow;

/** A planned query: the plan plus what to do with its rows at the end of an ad-hoc read. */
export interface PlannedQuery {
  readonly plan: PhysicalPlan;
  /** Visible output columns: the plan's first `visible` columns; the rest are hidden sort or key columns. */
  readonly visible: number;
  /** Order of an ad-hoc result (columns of the plan); a maintained view keeps it as its scan order. */
  readonly order: readonly SortKey[];
  /** Types of $1, $2 ... */
  readonly parameters: readonly import('../../common/dataType.ts').DataType[];
}
