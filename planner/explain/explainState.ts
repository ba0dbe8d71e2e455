/** EXPLAIN (STATE): what each operator of a maintained plan keeps and what drops it. */
import type { PhysicalPlan } from '../plan/physical.ts';
import { relationsOf, type StatePart, stateParts } from '../time/state.ts';
import { explainTree } from './explain.ts';

function partText(part: StatePart): string {
  const end = part.until === null ? '' : ` until ${part.until}`;
  return `${part.what}${end}${part.grows ? ' (unbounded)' : ''}`;
}

/** One line an operator: its state, and the watermark that bounds it. */
export function explainState(plan: PhysicalPlan): readonly string[] {
  const relations = relationsOf(plan);
  return explainTree(plan, (node) => {
    const parts = stateParts(node, relations);
    return [['state', parts.length === 0 ? 'none' : parts.map(partText).join('; ')]];
  });
}
