/**
 * LIMIT over a recursion in an ad-hoc read: the recursion hands its rows on iteration by iteration and ends when the limit
 * has its rows, so that one without an end can be read. Only where what has come to the limit stays: on the way there are
 * nodes that never take back, in the one tick of such a read, what they have given.
 */
import type { PhysicalPlan, PhysicalTopN } from '../plan/physical.ts';
import { mapPhysicalInputs, physicalInputs } from '../plan/walk.ts';

/** The limit, with the recursions that it may end early marked as such. */
export function stoppingLimit(plan: PhysicalTopN): PhysicalPlan {
  const { limit, order, partition, rank, withTies } = plan;
  if (limit === null || order.length > 0 || partition.length > 0 || rank !== null || withTies) return plan;
  if (!onlyAdds(plan.input)) return plan;
  const input = new Streaming().run(plan.input);
  return input === plan.input ? plan : { ...plan, input, stops: true };
}

/** True when the node's output within one tick over nothing but new rows never shrinks. */
function onlyAdds(plan: PhysicalPlan): boolean {
  switch (plan.kind) {
    case 'Scan':
    case 'IndexScan':
    case 'Values':
    case 'Aggregate':
    case 'Distinct':
    case 'TopN':
    case 'Window':
    case 'SetOperation':
    case 'Recursive':
      return true;
    case 'Calc':
    case 'TableFunction':
    case 'UnionAll':
      return physicalInputs(plan).every(onlyAdds);
    case 'Join':
      return (plan.type === 'inner' || plan.type === 'semi') && physicalInputs(plan).every(onlyAdds);
    default:
      return false;
  }
}

class Streaming {
  readonly #done = new Map<PhysicalPlan, PhysicalPlan>();

  run(plan: PhysicalPlan): PhysicalPlan {
    const known = this.#done.get(plan);
    if (known !== undefined) return known;
    const result = this.#node(plan);
    this.#done.set(plan, result);
    return result;
  }

  #node(plan: PhysicalPlan): PhysicalPlan {
    switch (plan.kind) {
      case 'Recursive':
        return { ...plan, streams: true };
      case 'Calc':
      case 'TableFunction':
      case 'UnionAll':
      case 'Join':
        return mapPhysicalInputs(plan, (input) => this.run(input));
      default:
        return plan;
    }
  }
}
