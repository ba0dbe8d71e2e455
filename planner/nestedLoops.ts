/** Joins of a maintained plan that compare every row with every row: what to say about their cost. */
import type { PhysicalJoin, PhysicalPlan, PhysicalTemporalJoin } from './plan/physical.ts';
import { walkPhysical } from './plan/walk.ts';

/** A join without an equality, by the relations on its sides. */
export interface NestedLoop {
  readonly left: readonly string[];
  readonly right: readonly string[];
}

/** The joins without an equality. Those with a side of one row cost nothing more than reading the other. */
export function nestedLoops(plan: PhysicalPlan): readonly NestedLoop[] {
  const found: NestedLoop[] = [];
  walkPhysical(plan, (node) => {
    if (node.kind !== 'Join' && node.kind !== 'TemporalJoin') return;
    if (node.leftKeys.length === 0 && !hasSmallSide(node)) {
      found.push({ left: relationNames(node.left), right: relationNames(node.right) });
    }
  });
  return found;
}

const hasSmallSide = (join: PhysicalJoin | PhysicalTemporalJoin): boolean =>
  [join.left, join.right].some((side) => side.key?.length === 0 || isConstant(side));

/** True when no relation is read. */
const isConstant = (plan: PhysicalPlan): boolean => relationNames(plan).length === 0;

function relationNames(plan: PhysicalPlan): readonly string[] {
  const names = new Set<string>();
  walkPhysical(plan, (node) => {
    if (node.kind === 'Scan') names.add(node.relation.name);
  });
  return [...names];
}
