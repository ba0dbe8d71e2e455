/**
 * Which views can be filled between ticks (viewFill.ts): those whose rows are a function of what their inputs hold, however
 * these came to be, and whose operators forget nothing on the way. What follows the clock or watermarks, keeps changes or draws
 * values once for each row would see parts of its inputs at other times than the rest: such views are built within one tick.
 */
import { unreachable } from '../../common/assert.ts';
import { dependsOnHistory } from '../../planner/maintainable.ts';
import type { PhysicalPlan } from '../../planner/plan/physical.ts';
import { walkPhysical } from '../../planner/plan/walk.ts';
import type { Database } from '../database.ts';
import type { ViewPlan } from '../views/planView.ts';

function isTimeless(node: PhysicalPlan): boolean {
  switch (node.kind) {
    case 'Scan':
      return (node.lateness ?? 0n) === 0n;
    case 'IndexScan':
    case 'Values':
    case 'Calc':
    case 'Hop':
    case 'TableFunction':
    case 'DeltaJoin':
    case 'UnionAll':
    case 'MaxOneRow':
      return true;
    case 'Join':
      return node.clean === undefined || (node.clean.left === null && node.clean.right === null);
    case 'Aggregate':
    case 'Distinct':
    case 'SetOperation':
    case 'TopN':
      return node.clean === undefined;
    case 'Window':
      return node.clean === undefined && node.orderBound === undefined && node.final !== true;
    // A recursion may find no end over a part of its inputs.
    case 'Recursive':
    case 'Session':
    case 'AsofJoin':
    case 'TemporalJoin':
    case 'AwaitLookup':
    case 'TemporalFilter':
    case 'Close':
    case 'SlidingPanes':
    case 'Pace':
    case 'Expire':
    case 'MaterializedExprs':
    case 'Changelog':
      return false;
    default:
      return unreachable(node);
  }
}

/** True when the view can be filled while its inputs change. */
export function isFillable(database: Database, { planned, timing, dependsOn }: ViewPlan): boolean {
  if (timing.emit.kind !== 'update' || timing.ttl !== null) return false;
  if (dependsOnHistory(planned.plan)) return false;
  for (const id of dependsOn) {
    const object = database.catalog.byId(id);
    if (object?.kind === 'source' && object.admission.expander.readsClock) return false;
  }
  let timeless = true;
  walkPhysical(planned.plan, (node) => {
    timeless &&= isTimeless(node);
  });
  return timeless;
}
