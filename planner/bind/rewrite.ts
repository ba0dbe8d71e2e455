/** Rewriting bound scalars together with the subquery plans inside them, where `outer` columns count levels. */
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { mapInputs, mapScalarChildren, mapScalars } from '../plan/walk.ts';

type Outer = Scalar & { readonly kind: 'outer' };

/** Replaces nodes top-down where `f` gives one (children of a replaced node are not entered). Subquery plans are left. */
export function deepRewrite(s: Scalar, f: (node: Scalar) => Scalar | null): Scalar {
  const replaced = f(s);
  if (replaced !== null) return replaced;
  return mapScalarChildren(s, (child) => deepRewrite(child, f));
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

/** Maps `outer` references of a plan, each seen with the number of levels entered since the root (1: the root's own). */
class OuterMapper {
  readonly #f: (outer: Outer, level: number) => Scalar;
  /** Shared subplans are mapped once per level, so that they stay shared. */
  readonly #done = new Map<number, Map<LogicalPlan, LogicalPlan>>();

  constructor(f: (outer: Outer, level: number) => Scalar) {
    this.#f = f;
  }

  plan(plan: LogicalPlan, level: number): LogicalPlan {
    const done = this.#done.get(level) ?? new Map<LogicalPlan, LogicalPlan>();
    this.#done.set(level, done);
    const known = done.get(plan);
    if (known !== undefined) return known;
    const here = mapScalars(plan, (s) => this.scalar(s, level));
    const mapped =
      here.kind === 'Join' && here.lateral ? this.#lateral(here, level) : this.#inputs(here, level);
    done.set(plan, mapped);
    return mapped;
  }

  #inputs(plan: LogicalPlan, level: number): LogicalPlan {
    return mapInputs(plan, (input) => this.plan(input, level));
  }

  #lateral(join: LogicalPlan & { readonly kind: 'Join' }, level: number): LogicalPlan {
    const left = this.plan(join.left, level);
    const right = this.plan(join.right, level + 1);
    return left === join.left && right === join.right ? join : { ...join, left, right };
  }

  scalar(s: Scalar, level: number): Scalar {
    if (s.kind === 'outer') return this.#f(s, level);
    const mapped = mapScalarChildren(s, (child) => this.scalar(child, level));
    return mapSubqueryPlan(mapped, (inner) => this.plan(inner, level + 1));
  }
}

/**
 * Rewrites every reference to the row at `depth` levels out of `plan` (1: the row of the node that holds the subquery)
 * by `f`, which gives the column's replacement at the same depth.
 */
export function mapOuterColumns(plan: LogicalPlan, depth: number, f: (outer: Outer) => Scalar): LogicalPlan {
  const mapper = new OuterMapper((outer, level) => (outer.depth === depth + level - 1 ? f(outer) : outer));
  return mapper.plan(plan, 1);
}

/** Adds `by` to every reference that leaves the plan by at least `from` levels. */
export function shiftOuter(plan: LogicalPlan, by: number, from = 1): LogicalPlan {
  if (by === 0) return plan;
  const mapper = new OuterMapper((outer, level) =>
    outer.depth >= from + level - 1 ? { ...outer, depth: outer.depth + by } : outer,
  );
  return mapper.plan(plan, 1);
}

/** True when the plan refers to the row `depth` levels out. */
export function refersOut(plan: LogicalPlan, depth: number): boolean {
  let found = false;
  mapOuterColumns(plan, depth, (outer) => {
    found = true;
    return outer;
  });
  return found;
}

/**
 * The rows that a scalar refers to, by levels out (0: its own). With references to its own subqueries' rows left out.
 */
export function levelsOf(s: Scalar): ReadonlySet<number> {
  const levels = new Set<number>();
  const mapper = new OuterMapper((outer, level) => {
    if (outer.depth >= level) levels.add(outer.depth - level);
    return outer;
  });
  const visit = (x: Scalar): void => {
    if (x.kind === 'column') levels.add(0);
    else if (x.kind === 'outer') levels.add(x.depth);
    mapScalarChildren(x, (child) => {
      visit(child);
      return child;
    });
    mapSubqueryPlan(x, (plan) => mapper.plan(plan, 1));
  };
  visit(s);
  return levels;
}

/** A scalar moved `by` levels outwards: what was `by` levels out becomes its own row. It has no columns of its own. */
export function moveOut(s: Scalar, by: number): Scalar {
  if (by === 0) return s;
  const mapper = new OuterMapper((outer, level) => {
    if (level === 0) {
      const depth = outer.depth - by;
      return depth === 0 ? { kind: 'column', index: outer.index, type: outer.type } : { ...outer, depth };
    }
    return outer.depth > level ? { ...outer, depth: outer.depth - by } : outer;
  });
  return mapper.scalar(s, 0);
}
