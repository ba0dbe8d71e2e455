/** Whether a node's output only grows, given its inputs: recomputed when nodes below have changed. */
import { unreachable } from '../../common/assert.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import { onlyDelays } from './temporalFilterTerms.ts';

function appendOnlyOf(plan: PhysicalPlan): boolean {
  switch (plan.kind) {
    case 'Scan':
    case 'IndexScan':
    case 'Values':
      return plan.appendOnly;
    case 'Calc':
    case 'Hop':
    case 'TableFunction':
    case 'Distinct':
    case 'Pace':
    case 'MaterializedExprs':
      return plan.input.appendOnly;
    case 'Changelog':
      return true;
    case 'TemporalFilter':
      return plan.input.appendOnly && onlyDelays(plan);
    case 'SlidingPanes':
      return true;
    case 'Close':
      return !plan.corrections || plan.input.appendOnly;
    case 'Window':
      return plan.final === true;
    case 'UnionAll':
    case 'DeltaJoin':
      return plan.inputs.every((p) => p.appendOnly);
    case 'Join':
      return (plan.type === 'inner' || plan.type === 'semi') && plan.left.appendOnly && plan.right.appendOnly;
    case 'TemporalJoin':
    case 'AwaitLookup':
      return plan.left.appendOnly;
    case 'SetOperation':
      return plan.operator === 'intersect' && plan.left.appendOnly && plan.right.appendOnly;
    case 'Session':
    case 'AsofJoin':
    case 'Expire':
    case 'MaxOneRow':
    case 'Recursive':
    case 'Aggregate':
    case 'TopN':
      return false;
    default:
      return unreachable(plan);
  }
}

/** The node with `appendOnly` as its inputs make it. */
export function refreshed(plan: PhysicalPlan): PhysicalPlan {
  const appendOnly = appendOnlyOf(plan);
  return appendOnly === plan.appendOnly ? plan : { ...plan, appendOnly };
}
