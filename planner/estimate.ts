/**
 * Row estimates for logical plans: table sizes and fixed selectivities. Only their order of magnitude matters (join
 * order), and a relation that is empty now counts as a middling one, since a maintained view outlives that.
 */
import { unreachable } from '../common/assert.ts';
import type { LogicalJoin, LogicalPlan, LogicalTopN } from './plan/logical.ts';
import type { Scalar } from './plan/scalar.ts';
import { conjunctsOf, isFalse } from './plan/scalars.ts';
import { isUniqueOn, keysOf, sideOf, sidesOfEquality } from './properties.ts';

const UNKNOWN_ROWS = 1000;
const GROUP_FRACTION = 0.2;
const ROWS_PER_CALL = 4;
const RECURSION_GROWTH = 10;

const cache = new WeakMap<LogicalPlan, number>();

/** Expected rows, at least 0. */
export function estimateRows(plan: LogicalPlan): number {
  const known = cache.get(plan);
  if (known !== undefined) return known;
  const rows = Math.max(
    keysOf(plan).some((k) => k.length === 0) ? Math.min(1, derive(plan)) : derive(plan),
    0,
  );
  cache.set(plan, rows);
  return rows;
}

/** Fraction of rows for which a condition is true. */
export function selectivity(condition: Scalar | null): number {
  return conjunctsOf(condition).reduce((product, s) => product * single(s), 1);
}

function single(s: Scalar): number {
  switch (s.kind) {
    case 'literal':
      return isFalse(s) || s.value === null ? 0 : 1;
    case 'call':
      if (s.fn.operator === '=') return 0.1;
      return s.fn.operator === '<>' ? 0.9 : 0.3;
    case 'inSet':
      return s.negated ? 0.9 : Math.min(0.5, 0.1 * s.values.length);
    case 'or':
      return Math.min(
        1,
        s.operands.reduce((sum, x) => sum + selectivity(x), 0),
      );
    case 'isNull':
      return s.negated ? 0.9 : 0.1;
    case 'isDistinct':
      return s.negated ? 0.1 : 0.9;
    default:
      return 0.3;
  }
}

function joinRows(plan: LogicalJoin): number {
  const left = estimateRows(plan.left);
  const right = estimateRows(plan.right);
  const width = plan.left.schema.length;
  const leftKeys = new Set<number>();
  const rightKeys = new Set<number>();
  let rest = 1;
  for (const condition of conjunctsOf(plan.condition)) {
    const sides = sidesOfEquality(condition);
    const at = sides === null ? [] : [sideOf(sides[0], width), sideOf(sides[1], width)];
    if (sides === null || !at.includes('left') || !at.includes('right')) {
      rest *= single(condition);
      continue;
    }
    for (const s of sides) {
      if (s.kind !== 'column') continue;
      if (s.index < width) leftKeys.add(s.index);
      else rightKeys.add(s.index - width);
    }
  }
  const keyed = leftKeys.size > 0 || rightKeys.size > 0;
  const uniqueRight = keyed && isUniqueOn(plan.right, rightKeys);
  const uniqueLeft = keyed && isUniqueOn(plan.left, leftKeys);
  // Without a key on either side, each value is expected a few times.
  const matches = uniqueRight || uniqueLeft ? Math.max(left, right, 1) : Math.max(left, right, 1) / 2;
  return (keyed ? (left * right) / matches : left * right) * rest;
}

function joinEstimate(plan: LogicalJoin): number {
  const left = estimateRows(plan.left);
  const right = estimateRows(plan.right);
  switch (plan.type) {
    case 'inner':
      return joinRows(plan);
    case 'left':
      return Math.max(left, joinRows(plan));
    case 'right':
      return Math.max(right, joinRows(plan));
    case 'full':
      return Math.max(left + right, joinRows(plan));
    case 'semi':
    case 'anti':
      return left * 0.5;
    default:
      return unreachable(plan.type);
  }
}

function groups(input: LogicalPlan, columns: readonly number[]): number {
  const rows = estimateRows(input);
  if (columns.length === 0) return 1;
  return isUniqueOn(input, new Set(columns)) ? rows : Math.max(Math.min(rows, 1), rows * GROUP_FRACTION);
}

/** Expected windows that hold a row. */
function windowsOfRow(plan: Extract<LogicalPlan, { kind: 'Hop' }>): number {
  const steps = Math.max(1, Number(plan.sizeMicros) / Number(plan.slideMicros));
  return plan.cumulate === true ? (steps + 1) / 2 : steps;
}

function topNEstimate(plan: LogicalTopN): number {
  const rows = estimateRows(plan.input);
  const { limit } = plan;
  if (limit?.kind !== 'literal' || limit.value === null) return rows;
  return Math.min(rows, Number(limit.value) * groups(plan.input, plan.partition));
}

function derive(plan: LogicalPlan): number {
  switch (plan.kind) {
    case 'Scan':
      return plan.relation.rowCount() || UNKNOWN_ROWS;
    case 'Values':
      return plan.rows.length;
    case 'Filter':
      return estimateRows(plan.input) * selectivity(plan.condition);
    case 'Project':
    case 'Window':
    case 'Session':
      return estimateRows(plan.input);
    case 'Join':
      return joinEstimate(plan);
    case 'AsofJoin':
      return estimateRows(plan.left);
    case 'Aggregate':
      return groups(plan.input, plan.keys) * (plan.sets?.length ?? 1);
    case 'Distinct':
      return groups(plan.input, [...plan.schema.keys()]);
    case 'UnionAll':
      return plan.inputs.reduce((sum, input) => sum + estimateRows(input), 0);
    case 'SetOperation':
      return estimateRows(plan.left) * 0.5;
    case 'TopN':
      return topNEstimate(plan);
    case 'Hop':
      return estimateRows(plan.input) * windowsOfRow(plan);
    case 'TableFunction':
      return estimateRows(plan.input) * ROWS_PER_CALL;
    case 'Recursive':
      return estimateRows(plan.base) * RECURSION_GROWTH;
    case 'MaxOneRow':
      return groups(plan.input, plan.keys);
    default:
      return unreachable(plan);
  }
}
