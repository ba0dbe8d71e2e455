/** Rewriting bound scalars together with the subquery plans inside them, where `outer` columns count levels. */
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { mapInputs, mapScalarChildren, mapScalars } from '../plan/walk.ts';

/** Replaces nodes top-down where `f` gives one (children of a replaced node are not entered). Subquery plans are left. */
export function deepRewrite(s: Scalar, f: (node: Scalar) => Scalar | null): Scalar {
  const replaced = f(s);
  if (replaced !== null) return replaced;
  return mapScalarChildren(s, (child) => deepRewrite(child, f));
}

/**
 * Rewrites every reference to the row at `depth` levels out of `plan` (1: the row of the node that holds the subquery)
 * by `f`, which gives the column's replacement at the same depth.
 */
export function mapOuterColumns(
  plan: LogicalPlan,
  depth: number,
  f: (outer: Scalar & { kind: 'outer' }) => Scalar,
): LogicalPlan {
  const scalar = (s: Scalar): Scalar => {
    if (s.kind === 'outer') return s.depth === depth ? f(s) : s;
    return mapSubqueryPlan(mapScalarChildren(s, scalar), (inner) => mapOuterColumns(inner, depth + 1, f));
  };
  const here = mapScalars(plan, scalar);
  if (here.kind === 'Join' && here.lateral) {
    const left = mapOuterColumns(here.left, depth, f);
    const right = mapOuterColumns(here.right, depth + 1, f);
    return left === here.left && right === here.right ? here : { ...here, left, right };
  }
  return mapInputs(here, (input) => mapOuterColumns(input, depth, f));
}

/** The scalar with `f` applied to the plan of a subquery node. */
export function mapSubqueryPlan(s: Scalar, f: (plan: LogicalPlan) => LogicalPlan): Scalar {
  switch (s.kind) {
    case 'scalarSubquery':
    case 'existsSubquery':
    case 'quantifiedSubquery':
    case 'arraySubquery': {
      const plan = f(s.plan);
      return plan === s.plan ? s : { ...s, plan };
    }
    default:
      return s;
  }
}

/** Adds `by` to every reference that leaves the plan (a CTE used further in than it was bound). */
export function shiftOuter(plan: LogicalPlan, by: number, from = 1): LogicalPlan {
  if (by === 0) return plan;
  const scalar = (s: Scalar): Scalar => {
    if (s.kind === 'outer') return s.depth >= from ? { ...s, depth: s.depth + by } : s;
    return mapSubqueryPlan(mapScalarChildren(s, scalar), (inner) => shiftOuter(inner, by, from + 1));
  };
  const here = mapScalars(plan, scalar);
  if (here.kind === 'Join' && here.lateral) {
    const left = shiftOuter(here.left, by, from);
    const right = shiftOuter(here.right, by, from + 1);
    return left === here.left && right === here.right ? here : { ...here, left, right };
  }
  return mapInputs(here, (input) => shiftOuter(input, by, from));
}
