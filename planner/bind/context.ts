/** What binding one expression depends on, and what it collects on the way. */
import type { RelationEntry } from '../../common/catalog.ts';
import type { DataType } from '../../common/dataType.ts';
import type { AggregateFunction, TableFunction, WindowFunction } from '../../common/function.ts';
import type { WindowFrame, WindowSpec } from '../../parser/ast/expr.ts';
import type { Query } from '../../parser/ast/query.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import type { BindEnvironment } from './environment.ts';
import type { Scope } from './scope.ts';

/** An ORDER BY item over scalars. */
export interface BoundOrder {
  readonly expr: Scalar;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

/** An aggregate call whose arguments are still scalars over the rows below. */
export interface PendingAggregate {
  readonly fn: AggregateFunction;
  readonly args: readonly Scalar[];
  readonly distinct: boolean;
  readonly filter: Scalar | null;
  readonly orderBy: readonly BoundOrder[];
  /** Arguments of an ordered-set aggregate that are one for the whole group: they may name its keys only. */
  readonly direct?: readonly Scalar[];
  readonly type: DataType;
  readonly position: number;
}

export interface PendingWindow {
  readonly fn: WindowFunction | AggregateFunction;
  readonly args: readonly Scalar[];
  readonly filter: Scalar | null;
  readonly distinct: boolean;
  readonly ignoreNulls: boolean;
  readonly partitionBy: readonly Scalar[];
  readonly orderBy: readonly BoundOrder[];
  readonly frame: WindowFrame | null;
  readonly type: DataType;
  readonly position: number;
  /** Where the window is written. */
  readonly specPosition: number;
}

export interface PendingTableFunction {
  readonly fn: TableFunction;
  readonly args: readonly Scalar[];
  readonly columns: readonly { readonly name: string; readonly type: DataType }[];
}

/**
 * Calls found in a SELECT's expressions. Each stands in its expression as a column with an index of its own range,
 * replaced when the node that computes it has been planned.
 */
export interface Collected {
  readonly aggregates: PendingAggregate[];
  readonly windows: PendingWindow[];
  readonly tableFunctions: PendingTableFunction[];
  readonly groupings: { readonly args: readonly Scalar[]; readonly position: number }[];
}

export const AGGREGATE_BASE = 1 << 20;
export const WINDOW_BASE = 1 << 21;
export const TABLE_FUNCTION_BASE = 1 << 22;
export const GROUPING_BASE = 1 << 23;

export function newCollected(): Collected {
  return { aggregates: [], windows: [], tableFunctions: [], groupings: [] };
}

/** Common table expressions in scope, by name; the nearest first. */
export interface CteScope {
  find(name: string): BoundCte | null;
  /** True for an item of the WITH clause that comes later. */
  isPending(name: string): boolean;
}

export interface BoundCte {
  readonly plan: LogicalPlan;
  readonly names: readonly string[];
  /** Columns that `*` leaves out. */
  readonly hidden?: ReadonlySet<number>;
  /** Number of levels around the WITH clause: what `outer` references in the plan count from. */
  readonly depth: number;
  /** The working table, where a recursive item names itself. */
  readonly self?: RelationEntry;
}

export interface ExprContext {
  readonly env: BindEnvironment;
  readonly scope: Scope | null;
  readonly ctes: CteScope;
  /** Clause for messages: `WHERE`, `GROUP BY`, `JOIN conditions` ... */
  readonly clause: string;
  /** Where aggregates, windows and set-returning functions may stand; null: nowhere. */
  readonly collected: Collected | null;
  /** Within an aggregate's or window's arguments: its name, for nesting errors. */
  readonly inside: 'aggregate' | 'window' | null;
  readonly allowWindows: boolean;
  /** Where set-returning functions may stand, given `collected`. */
  readonly allowSets: boolean;
  /** `CASE` or `COALESCE` when within one: set-returning functions may not be skipped. */
  readonly noSets: string | null;
  /** Named windows of the SELECT. */
  readonly windows: ReadonlyMap<string, WindowSpec>;
  /** Plans a subquery whose outer row is `scope`. */
  readonly subquery: (query: Query, scope: Scope | null, ctes: CteScope) => SubqueryPlan;
}

export interface SubqueryPlan {
  readonly plan: LogicalPlan;
  /** Visible columns. */
  readonly columns: readonly { readonly name: string; readonly type: DataType; readonly nullable: boolean }[];
}
