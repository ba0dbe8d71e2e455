/**
 * row_number() or rank() OVER (PARTITION BY p ORDER BY o) AS r ... WHERE r <= k: the first k rows of each partition.
 *
 * row_number gives exactly k rows, rank also the peers of the last. The condition that set the bound is implied by it
 * and dropped; others (r > 2, r = 3) stay above and read the rank that the top-n then outputs.
 */
import { must } from '../../common/assert.ts';
import { types } from '../../common/dataType.ts';
import { filter } from '../plan/construct.ts';
import type { LogicalFilter, LogicalPlan, LogicalWindow } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { conjunctsOf, literal } from '../plan/scalars.ts';
import { rewritePlan } from '../plan/walk.ts';
import type { Rule } from './rule.ts';

export const windowToTopN: Rule = {
  name: 'windowToTopN',
  why: 'a bounded number of rows per partition is kept instead of numbering all of them',
  apply: (plan) => rewritePlan(plan, (node) => (node.kind === 'Filter' ? bounded(node) : node)),
};

function bounded(plan: LogicalFilter): LogicalPlan {
  const window = plan.input;
  if (window.kind !== 'Window' || window.calls.length !== 1) return plan;
  const rank = must(window.calls[0]).fn.name;
  if (must(window.calls[0]).fn.kind !== 'window' || (rank !== 'row_number' && rank !== 'rank')) return plan;
  const at = window.input.schema.length;
  let limit: bigint | null = null;
  const kept: Scalar[] = [];
  for (const condition of conjunctsOf(plan.condition)) {
    const bound = upperBound(condition, at);
    if (bound === null) {
      kept.push(condition);
      continue;
    }
    limit = limit === null || bound.limit < limit ? bound.limit : limit;
    if (!bound.implied) kept.push(condition);
  }
  return limit === null ? plan : filter(topOf(window, rank, limit < 0n ? 0n : limit), kept);
}

function topOf(window: LogicalWindow, rank: 'row_number' | 'rank', limit: bigint): LogicalPlan {
  return {
    kind: 'TopN',
    input: window.input,
    partition: window.partition,
    order: window.order,
    limit: literal(limit, types.int8),
    offset: null,
    withTies: rank === 'rank',
    rank,
    schema: window.schema,
  };
}

const flipped: { readonly [operator: string]: string } = {
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
  '=': '=',
};

/** The largest rank that satisfies the condition; `implied`: every rank up to it does. */
function upperBound(
  s: Scalar,
  rankColumn: number,
): { readonly limit: bigint; readonly implied: boolean } | null {
  if (s.kind === 'inSet' && !s.negated && isRank(s.operand, rankColumn)) {
    const values = s.values
      .filter((v) => typeof v === 'bigint' || typeof v === 'number')
      .map((v) => BigInt(v));
    return values.length === 0 ? null : { limit: largest(values), implied: false };
  }
  if (s.kind !== 'call' || s.fn.operator === undefined) return null;
  const [a, b] = s.args;
  if (a === undefined || b === undefined) return null;
  const onLeft = isRank(a, rankColumn);
  if (!onLeft && !isRank(b, rankColumn)) return null;
  const constant = onLeft ? b : a;
  const operator = onLeft ? s.fn.operator : flipped[s.fn.operator];
  if (constant.kind !== 'literal') return null;
  const { value } = constant;
  if (typeof value !== 'bigint' && !(typeof value === 'number' && Number.isInteger(value))) return null;
  const limit = BigInt(value);
  switch (operator) {
    case '<=':
      return { limit, implied: true };
    case '<':
      return { limit: limit - 1n, implied: true };
    case '=':
      return { limit, implied: limit === 1n };
    default:
      return null;
  }
}

function largest(values: readonly bigint[]): bigint {
  let max = must(values[0]);
  for (const value of values) if (value > max) max = value;
  return max;
}

/** The rank itself or cast to another number type. */
function isRank(s: Scalar, rankColumn: number): boolean {
  if (s.kind === 'cast') return isRank(s.operand, rankColumn);
  return s.kind === 'column' && s.index === rankColumn;
}
