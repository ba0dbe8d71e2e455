/** Joins as of a time: keys and residual are split as for other joins. */
import { unsupported } from '../../common/sqlError.ts';
import type { LogicalAsofJoin } from '../plan/logical.ts';
import type { PhysicalPlan, PhysicalProperties } from '../plan/physical.ts';

/** The physical form of a join as of a time. */
export function physicalAsofJoin(
  plan: LogicalAsofJoin,
  _left: PhysicalPlan,
  _right: PhysicalPlan,
  _common: Omit<PhysicalProperties, 'appendOnly'>,
): PhysicalPlan {
  throw unsupported(plan.time.kind === 'process' ? 'FOR SYSTEM_TIME AS OF' : 'ASOF JOIN');
}
