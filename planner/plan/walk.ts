/**
 * Generic traversal of scalars and plans: one exhaustive switch per union tells where the children are; walk, rewrite
 * and collect are derived from it.
 *
 * Every map keeps identity: when no child changed, the node itself is returned. Plans are DAGs (a subplan object may
 * have several parents), so `rewritePlan` memoises by object and keeps sharing.
 */
import { unreachable } from '../../common/assert.ts';
import type { LogicalPlan } from './logical.ts';
import type { PhysicalPlan } from './physical.ts';
import type { Scalar } from './scalar.ts';

/** The list with `f` applied, or the very same list when nothing changed. */
export function mapList<T>(list: readonly T[], f: (item: T) => T): readonly T[] {
  let changed = false;
  const mapped = list.map((item) => {
    const next = f(item);
    if (next !== item) changed = true;
    return next;
  });
  return changed ? mapped : list;
}

type ScalarMap = (scalar: Scalar) => Scalar;

const mapOptional = (scalar: Scalar | null, f: ScalarMap): Scalar | null =>
  scalar === null ? null : f(scalar);

function mapCase(s: Extract<Scalar, { kind: 'case' }>, f: ScalarMap): Scalar {
  const whens = mapList(s.whens, (w) => {
    const when = f(w.when);
    const then = f(w.then);
    return when === w.when && then === w.then ? w : { when, then };
  });
  const otherwise = mapOptional(s.otherwise, f);
  return whens === s.whens && otherwise === s.otherwise ? s : { ...s, whens, otherwise };
}

function mapSlice(s: Extract<Scalar, { kind: 'slice' }>, f: ScalarMap): Scalar {
  const operand = f(s.operand);
  const bounds = mapList(s.bounds, (b) => {
    const lower = mapOptional(b.lower, f);
    const upper = mapOptional(b.upper, f);
    return lower === b.lower && upper === b.upper ? b : { lower, upper };
  });
  return operand === s.operand && bounds === s.bounds ? s : { ...s, operand, bounds };
}

/** The scalar with `f` applied to its direct children. Plans inside subqueries are not entered. */
export function mapScalarChildren(s: Scalar, f: ScalarMap): Scalar {
  switch (s.kind) {
    case 'column':
    case 'outer':
    case 'literal':
    case 'parameter':
    case 'scalarSubquery':
    case 'existsSubquery':
    case 'arraySubquery':
      return s;
    case 'call': {
      const args = mapList(s.args, f);
      return args === s.args ? s : { ...s, args };
    }
    case 'and':
    case 'or':
    case 'coalesce':
    case 'greatest':
    case 'least': {
      const operands = mapList(s.operands, f);
      return operands === s.operands ? s : { ...s, operands };
    }
    case 'cast':
    case 'not':
    case 'isNull':
    case 'isBool':
    case 'inSet':
    case 'field': {
      const operand = f(s.operand);
      return operand === s.operand ? s : { ...s, operand };
    }
    case 'isDistinct':
    case 'quantified': {
      const left = f(s.left);
      const right = f(s.right);
      return left === s.left && right === s.right ? s : { ...s, left, right };
    }
    case 'case':
      return mapCase(s, f);
    case 'array':
    case 'row': {
      const items = mapList(s.items, f);
      return items === s.items ? s : { ...s, items };
    }
    case 'subscript': {
      const operand = f(s.operand);
      const indexes = mapList(s.indexes, f);
      return operand === s.operand && indexes === s.indexes ? s : { ...s, operand, indexes };
    }
    case 'slice':
      return mapSlice(s, f);
    case 'quantifiedSubquery': {
      const left = mapList(s.left, f);
      return left === s.left ? s : { ...s, left };
    }
    default:
      return unreachable(s);
  }
}

/** Rewrites bottom-up: children first, then `f` on the node. */
export function rewriteScalar(s: Scalar, f: ScalarMap): Scalar {
  return f(mapScalarChildren(s, (child) => rewriteScalar(child, f)));
}

/** Visits the scalar and all below it, top-down. */
export function walkScalar(s: Scalar, visit: (scalar: Scalar) => void): void {
  visit(s);
  mapScalarChildren(s, (child) => {
    walkScalar(child, visit);
    return child;
  });
}

/** True when some scalar at or below `s` satisfies `test`. */
export function someScalar(s: Scalar, test: (scalar: Scalar) => boolean): boolean {
  let found = false;
  walkScalar(s, (x) => {
    found ||= test(x);
  });
  return found;
}

type PlanMap<P> = (plan: P) => P;
type Binary<P> = { readonly left: P; readonly right: P };

function mapBinary<P, N extends Binary<P> & P>(plan: N, f: PlanMap<P>): P {
  const left = f(plan.left);
  const right = f(plan.right);
  return left === plan.left && right === plan.right ? plan : { ...plan, left, right };
}

function mapUnary<P, N extends { readonly input: P } & P>(plan: N, f: PlanMap<P>): P {
  const input = f(plan.input);
  return input === plan.input ? plan : { ...plan, input };
}

/** The plan with `f` applied to its direct inputs; its own schema is kept. */
export function mapInputs(plan: LogicalPlan, f: PlanMap<LogicalPlan>): LogicalPlan {
  switch (plan.kind) {
    case 'Scan':
    case 'Values':
      return plan;
    case 'Join':
    case 'AsofJoin':
    case 'SetOperation':
      return mapBinary<LogicalPlan, typeof plan>(plan, f);
    case 'UnionAll': {
      const inputs = mapList(plan.inputs, f);
      return inputs === plan.inputs ? plan : { ...plan, inputs };
    }
    case 'Recursive': {
      const base = f(plan.base);
      const step = f(plan.step);
      return base === plan.base && step === plan.step ? plan : { ...plan, base, step };
    }
    case 'Filter':
    case 'Project':
    case 'Aggregate':
    case 'Distinct':
    case 'TopN':
    case 'Window':
    case 'Hop':
    case 'Session':
    case 'TableFunction':
    case 'MaxOneRow':
      return mapUnary<LogicalPlan, typeof plan>(plan, f);
    default:
      return unreachable(plan);
  }
}

type Call = { readonly args: readonly Scalar[] };

function mapCalls<C extends Call>(calls: readonly C[], f: ScalarMap): readonly C[] {
  return mapList(calls, (call) => {
    const args = mapList(call.args, f);
    return args === call.args ? call : { ...call, args };
  });
}

/** The plan node with `f` applied to each scalar it holds itself (not those of its inputs). */
export function mapScalars(plan: LogicalPlan, f: ScalarMap): LogicalPlan {
  switch (plan.kind) {
    case 'Filter': {
      const condition = f(plan.condition);
      return condition === plan.condition ? plan : { ...plan, condition };
    }
    case 'Project': {
      const exprs = mapList(plan.exprs, f);
      return exprs === plan.exprs ? plan : { ...plan, exprs };
    }
    case 'Values': {
      const rows = mapList(plan.rows, (row) => mapList(row, f));
      return rows === plan.rows ? plan : { ...plan, rows };
    }
    case 'Join': {
      const condition = mapOptional(plan.condition, f);
      return condition === plan.condition ? plan : { ...plan, condition };
    }
    case 'TopN': {
      const limit = mapOptional(plan.limit, f);
      const offset = mapOptional(plan.offset, f);
      return limit === plan.limit && offset === plan.offset ? plan : { ...plan, limit, offset };
    }
    case 'TableFunction': {
      const calls = mapCalls(plan.calls, f);
      return calls === plan.calls ? plan : { ...plan, calls };
    }
    case 'AsofJoin': {
      const condition = f(plan.condition);
      return condition === plan.condition ? plan : { ...plan, condition };
    }
    case 'Scan':
    case 'Session':
    case 'Aggregate':
    case 'Distinct':
    case 'UnionAll':
    case 'SetOperation':
    case 'Window':
    case 'Hop':
    case 'MaxOneRow':
    case 'Recursive':
      return plan;
    default:
      return unreachable(plan);
  }
}

/** Direct inputs, in order. */
export function inputsOf(plan: LogicalPlan): readonly LogicalPlan[] {
  const inputs: LogicalPlan[] = [];
  mapInputs(plan, (input) => {
    inputs.push(input);
    return input;
  });
  return inputs;
}

/** Scalars the node holds itself. */
export function scalarsOf(plan: LogicalPlan): readonly Scalar[] {
  const scalars: Scalar[] = [];
  mapScalars(plan, (scalar) => {
    scalars.push(scalar);
    return scalar;
  });
  return scalars;
}

/** Rewrites bottom-up; each shared subplan once. */
export function rewritePlan(plan: LogicalPlan, f: PlanMap<LogicalPlan>): LogicalPlan {
  const done = new Map<LogicalPlan, LogicalPlan>();
  const rewrite = (node: LogicalPlan): LogicalPlan => {
    const known = done.get(node);
    if (known !== undefined) return known;
    const result = f(mapInputs(node, rewrite));
    done.set(node, result);
    return result;
  };
  return rewrite(plan);
}

/** Visits every distinct node once, inputs after the node. */
export function walkPlan(plan: LogicalPlan, visit: (plan: LogicalPlan) => void): void {
  const seen = new Set<LogicalPlan>();
  const walk = (node: LogicalPlan): void => {
    if (seen.has(node)) return;
    seen.add(node);
    visit(node);
    for (const input of inputsOf(node)) walk(input);
  };
  walk(plan);
}

/** The physical plan with `f` applied to its direct inputs. The step of a recursion is not one. */
export function mapPhysicalInputs(plan: PhysicalPlan, f: PlanMap<PhysicalPlan>): PhysicalPlan {
  switch (plan.kind) {
    case 'Scan':
    case 'IndexScan':
    case 'Values':
      return plan;
    case 'Join':
    case 'AsofJoin':
    case 'TemporalJoin':
    case 'AwaitLookup':
    case 'SetOperation':
      return mapBinary<PhysicalPlan, typeof plan>(plan, f);
    case 'UnionAll':
    case 'DeltaJoin': {
      const inputs = mapList(plan.inputs, f);
      return inputs === plan.inputs ? plan : { ...plan, inputs };
    }
    case 'Recursive': {
      const base = f(plan.base);
      const sources = mapList(plan.sources, (source) => {
        const input = f(source.plan);
        return input === source.plan ? source : { ...source, plan: input };
      });
      return base === plan.base && sources === plan.sources ? plan : { ...plan, base, sources };
    }
    case 'Calc':
    case 'Hop':
    case 'Session':
    case 'TemporalFilter':
    case 'Close':
    case 'SlidingPanes':
    case 'Pace':
    case 'Expire':
    case 'TableFunction':
    case 'Aggregate':
    case 'Distinct':
    case 'TopN':
    case 'Window':
    case 'MaterializedExprs':
    case 'Changelog':
    case 'MaxOneRow':
      return mapUnary<PhysicalPlan, typeof plan>(plan, f);
    default:
      return unreachable(plan);
  }
}

function mapIndexScan(plan: Extract<PhysicalPlan, { kind: 'IndexScan' }>, f: ScalarMap): PhysicalPlan {
  const points = mapList(plan.points, (point) => mapList(point, f));
  const bound = (b: typeof plan.lower): typeof plan.lower => {
    if (b === null) return null;
    const value = f(b.value);
    return value === b.value ? b : { ...b, value };
  };
  const lower = bound(plan.lower);
  const upper = bound(plan.upper);
  if (points === plan.points && lower === plan.lower && upper === plan.upper) return plan;
  return { ...plan, points, lower, upper };
}

/** The physical node with `f` applied to each scalar it holds itself. */
export function mapPhysicalScalars(plan: PhysicalPlan, f: ScalarMap): PhysicalPlan {
  switch (plan.kind) {
    case 'Calc': {
      const condition = mapOptional(plan.condition, f);
      const exprs = mapList(plan.exprs, f);
      return condition === plan.condition && exprs === plan.exprs ? plan : { ...plan, condition, exprs };
    }
    case 'Values': {
      const rows = mapList(plan.rows, (row) => mapList(row, f));
      return rows === plan.rows ? plan : { ...plan, rows };
    }
    case 'DeltaJoin': {
      const mapped = <T extends { readonly condition: Scalar } | null>(test: T): T => {
        const condition = mapOptional(test?.condition ?? null, f);
        return test === null || condition === null || condition === test.condition
          ? test
          : { ...test, condition };
      };
      const tests = mapList(plan.tests, mapped);
      const residual = mapped(plan.residual);
      return tests === plan.tests && residual === plan.residual ? plan : { ...plan, tests, residual };
    }
    case 'Join':
    case 'TemporalJoin': {
      const residual = mapOptional(plan.residual, f);
      return residual === plan.residual ? plan : { ...plan, residual };
    }
    case 'TableFunction': {
      const calls = mapCalls(plan.calls, f);
      return calls === plan.calls ? plan : { ...plan, calls };
    }
    case 'MaterializedExprs': {
      const exprs = mapList(plan.exprs, f);
      return exprs === plan.exprs ? plan : { ...plan, exprs };
    }
    case 'IndexScan':
      return mapIndexScan(plan, f);
    case 'TemporalFilter': {
      const condition = f(plan.condition);
      const comparisons = mapList(plan.comparisons, (c) => {
        const expr = f(c.expr);
        return expr === c.expr ? c : { ...c, expr };
      });
      const same = condition === plan.condition && comparisons === plan.comparisons;
      return same ? plan : { ...plan, condition, comparisons };
    }
    case 'Scan':
    case 'AsofJoin':
    case 'Session':
    case 'Close':
    case 'AwaitLookup':
    case 'SlidingPanes':
    case 'Pace':
    case 'Expire':
    case 'Hop':
    case 'Aggregate':
    case 'Distinct':
    case 'UnionAll':
    case 'SetOperation':
    case 'TopN':
    case 'Window':
    case 'Changelog':
    case 'MaxOneRow':
    case 'Recursive':
      return plan;
    default:
      return unreachable(plan);
  }
}

/** Direct inputs of a physical node, in order. */
export function physicalInputs(plan: PhysicalPlan): readonly PhysicalPlan[] {
  const inputs: PhysicalPlan[] = [];
  mapPhysicalInputs(plan, (input) => {
    inputs.push(input);
    return input;
  });
  return inputs;
}

/** Scalars a physical node holds itself. */
export function physicalScalars(plan: PhysicalPlan): readonly Scalar[] {
  const scalars: Scalar[] = [];
  mapPhysicalScalars(plan, (scalar) => {
    scalars.push(scalar);
    return scalar;
  });
  return scalars;
}

/** Rewrites a physical plan bottom-up; each shared subplan once. */
export function rewritePhysical(plan: PhysicalPlan, f: PlanMap<PhysicalPlan>): PhysicalPlan {
  const done = new Map<PhysicalPlan, PhysicalPlan>();
  const rewrite = (node: PhysicalPlan): PhysicalPlan => {
    const known = done.get(node);
    if (known !== undefined) return known;
    const result = f(mapPhysicalInputs(node, rewrite));
    done.set(node, result);
    return result;
  };
  return rewrite(plan);
}

/** Visits every distinct physical node once, inputs after the node. */
export function walkPhysical(plan: PhysicalPlan, visit: (plan: PhysicalPlan) => void): void {
  const seen = new Set<PhysicalPlan>();
  const walk = (node: PhysicalPlan): void => {
    if (seen.has(node)) return;
    seen.add(node);
    visit(node);
    for (const input of physicalInputs(node)) walk(input);
  };
  walk(plan);
}
