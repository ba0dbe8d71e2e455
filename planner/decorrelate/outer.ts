/** Outer column references: which there are, and how to rewrite them when a plan moves to another scope. */
import type { DataType } from '../../common/dataType.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { column, isSubquery } from '../plan/scalars.ts';
import {
  inputsOf,
  mapInputs,
  mapScalars,
  rewritePlan,
  rewriteScalar,
  scalarsOf,
  walkPlan,
  walkScalar,
} from '../plan/walk.ts';

const cache = new WeakMap<LogicalPlan, ReadonlySet<number>>();
const none: ReadonlySet<number> = new Set();

/** Columns of the nearest outer query that a scalar without subqueries reads. */
export function outerColumnsOfScalar(s: Scalar): ReadonlySet<number> {
  const columns = new Set<number>();
  walkScalar(s, (x) => {
    if (x.kind === 'outer' && x.depth === 1) columns.add(x.index);
  });
  return columns;
}

/** Columns of the nearest outer query that a decorrelated plan (no subqueries or lateral joins inside) reads. */
export function outerColumns(plan: LogicalPlan): ReadonlySet<number> {
  const known = cache.get(plan);
  if (known !== undefined) return known;
  const columns = new Set<number>();
  for (const s of scalarsOf(plan)) for (const c of outerColumnsOfScalar(s)) columns.add(c);
  for (const input of inputsOf(plan)) for (const c of outerColumns(input)) columns.add(c);
  const result = columns.size === 0 ? none : columns;
  cache.set(plan, result);
  return result;
}

export const isCorrelated = (plan: LogicalPlan): boolean => outerColumns(plan).size > 0;

/** How often each column of the nearest outer query is read. */
export function outerUses(plan: LogicalPlan): ReadonlyMap<number, number> {
  const uses = new Map<number, number>();
  const count = (x: Scalar): void => {
    if (x.kind === 'outer' && x.depth === 1) uses.set(x.index, (uses.get(x.index) ?? 0) + 1);
  };
  walkPlan(plan, (node) => {
    for (const s of scalarsOf(node)) walkScalar(s, count);
  });
  return uses;
}

/** Replaces references to the nearest outer query; those further out come one level nearer. */
export function resolveOuter(s: Scalar, resolve: (index: number, type: DataType) => Scalar): Scalar {
  return rewriteScalar(s, (x) => {
    if (x.kind !== 'outer') return x;
    return x.depth === 1 ? resolve(x.index, x.type) : { ...x, depth: x.depth - 1 };
  });
}

const lowered = new WeakMap<LogicalPlan, LogicalPlan>();

/** An uncorrelated plan moved out of its subquery: references further out come one level nearer. */
export function lower(plan: LogicalPlan): LogicalPlan {
  const known = lowered.get(plan);
  if (known !== undefined) return known;
  const result = rewritePlan(plan, (node) =>
    mapScalars(node, (s) => resolveOuter(s, (index, type) => ({ kind: 'outer', depth: 1, index, type }))),
  );
  lowered.set(plan, result);
  return result;
}

/** A plan that becomes the right side of a dependent join: its references go out one level further. */
export function raise(plan: LogicalPlan): LogicalPlan {
  return rewritePlan(plan, (node) =>
    mapScalars(node, (s) => rewriteScalar(s, (x) => (x.kind === 'outer' ? { ...x, depth: x.depth + 1 } : x))),
  );
}

/** A subquery's scalar seen from a join of the outer query (left) with the subquery's base (right). */
export function atJoin(s: Scalar, leftWidth: number): Scalar {
  return rewriteScalar(s, (x) => {
    if (x.kind === 'column') return column(x.index + leftWidth, x.type);
    if (x.kind !== 'outer') return x;
    return x.depth === 1 ? column(x.index, x.type) : { ...x, depth: x.depth - 1 };
  });
}

/** A reference that leaves the scope it is in: `depth` counts from the place where it stands, `level` is the number of
 * scopes entered since the root of the rewrite. depth = level is the root's own input. */
export type FreeReference = (depth: number, level: number, index: number, type: DataType) => Scalar;

/** Rewrites references to the root scope and beyond in a scalar that may hold subqueries, entering them. */
export function mapFree(s: Scalar, level: number, f: FreeReference): Scalar {
  return rewriteScalar(s, (x) => {
    if (x.kind === 'outer' && x.depth >= level && level > 0) return f(x.depth, level, x.index, x.type);
    if (x.kind === 'outer' && level === 0) return f(x.depth, level, x.index, x.type);
    if (x.kind === 'column' && level === 0) return f(0, 0, x.index, x.type);
    return isSubquery(x) && 'plan' in x ? { ...x, plan: mapFreePlan(x.plan, level + 1, f) } : x;
  });
}

function mapFreePlan(plan: LogicalPlan, level: number, f: FreeReference): LogicalPlan {
  const inner = (node: LogicalPlan): LogicalPlan => mapFreePlan(node, level, f);
  const mapped =
    plan.kind === 'Join' && plan.lateral
      ? { ...plan, left: inner(plan.left), right: mapFreePlan(plan.right, level + 1, f) }
      : mapInputs(plan, inner);
  // Columns inside a subquery are the subquery's own: at level > 0 mapFree leaves them alone.
  return mapScalars(mapped, (s) => mapFree(s, level, f));
}
