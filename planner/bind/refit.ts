/** Changing the column types of a bound query for what stands around it: UNION, INSERT. */
import { must } from '../../common/assert.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { reopened } from './coerce.ts';
import { placed, positionOf } from './environment.ts';
import type { BoundNested } from './query.ts';

export interface Outputs {
  /** What the scalars are over. */
  readonly input: LogicalPlan;
  /** One per visible column, with its position. */
  readonly scalars: readonly Scalar[];
}

/**
 * The visible columns as scalars to be cast. Literals and parameters whose type nothing has decided yet are of unknown
 * type again; then the scalars are the query's own expressions over its input.
 */
export function outputsOf(bound: BoundNested): Outputs {
  const { plan, columns, positions } = bound;
  const at = (s: Scalar, i: number): Scalar =>
    positionOf(s) === undefined ? placed(s, must(positions[i])) : s;
  if (plan.kind === 'Project' && plan.exprs.some((e) => reopened(e) !== null)) {
    const own = plan.exprs.slice(0, columns.length);
    return { input: plan.input, scalars: own.map((e, i) => at(reopened(e) ?? e, i)) };
  }
  return {
    input: plan,
    scalars: columns.map((c, index) => at({ kind: 'column', index, type: c.type }, index)),
  };
}
