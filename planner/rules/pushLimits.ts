/**
 * Limits and sorts: a sort in the middle of a plan orders nothing that is looked at, so it goes; a limit over a union
 * limits each input first (ad-hoc reads only: a maintained view would keep more state for it).
 */
import { types } from '../../common/dataType.ts';
import { topN } from '../plan/construct.ts';
import type { LogicalPlan, LogicalTopN } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { literal } from '../plan/scalars.ts';
import { rewritePlan } from '../plan/walk.ts';
import { atMostOneRow } from '../properties.ts';
import type { Rule, RuleContext } from './rule.ts';

export const pushLimits: Rule = {
  name: 'pushLimits',
  why: 'rows beyond a limit are not carried, and nothing is sorted in vain',
  apply: (plan, context) =>
    rewritePlan(plan, (node) => (node.kind === 'TopN' ? limited(node, context) : node)),
};

function limited(plan: LogicalTopN, context: RuleContext): LogicalPlan {
  if (plan.rank !== null) return plan;
  if (plan.limit === null && plan.offset === null) return plan.input;
  const count = limitPlusOffset(plan);
  if (count === null) return plan;
  if (count > 0n && plan.offset === null && atMostOneRow(plan.input)) return plan.input;
  const { input } = plan;
  if (input.kind !== 'UnionAll' || plan.withTies || context.mode !== 'adhoc') return plan;
  if (input.inputs.every((i) => i.kind === 'TopN')) return plan;
  const limit = literal(count, types.int8);
  const inputs = input.inputs.map((i) => (i.kind === 'TopN' ? i : topN(i, { ...plan, limit, offset: null })));
  return { ...plan, input: { ...input, inputs } };
}

/** Rows that matter, where limit and offset are known. */
function limitPlusOffset(plan: LogicalTopN): bigint | null {
  const limit = constant(plan.limit);
  const offset = plan.offset === null ? 0n : constant(plan.offset);
  return limit === null || offset === null || limit < 0n || offset < 0n ? null : limit + offset;
}

function constant(s: Scalar | null): bigint | null {
  if (s === null || s.kind !== 'literal') return null;
  return typeof s.value === 'bigint' || typeof s.value === 'number' ? BigInt(s.value) : null;
}
