/**
 * The planner's front: bound query -> optimised physical plan.
 *
 * planQuery: parameters are replaced first (`substituteParameters` of parameters.ts), because LIMIT and index look-ups need values.
 * planMaterializedView: the plan of a maintained view with the key of its rows.
 */
import { assert } from '../common/assert.ts';
import type { DataType } from '../common/dataType.ts';
import type { PlanMode, PlannerEnv } from './evaluator.ts';
import { checkMaintainable } from './maintainable.ts';
import { optimize } from './optimize.ts';
import { toPhysical } from './physical/physicalPlan.ts';
import type { SortKey } from './plan/aggregateCall.ts';
import type { LogicalPlan } from './plan/logical.ts';
import type { PlannedQuery } from './plan/physical.ts';
import type { Rule } from './rules/rule.ts';

export type { Evaluator, PlanMode, PlannerEnv } from './evaluator.ts';
export { substituteParameters } from './parameters.ts';

/** What the planner needs of a bound query. */
export interface BoundPlan {
  readonly plan: LogicalPlan;
  /** The first columns are the result; the rest are hidden sort keys. */
  readonly visible: number;
  readonly order: readonly SortKey[];
  readonly parameters: readonly DataType[];
}

/** A maintained view's plan and the output columns that identify a row; null: rows may repeat. */
export interface PlannedView extends PlannedQuery {
  readonly key: readonly number[] | null;
}

export type RuleTrace = (rule: Rule, plan: LogicalPlan) => void;

/** The logical plan after all rules. */
export function optimizeQuery(
  plan: LogicalPlan,
  env: PlannerEnv,
  mode: PlanMode,
  trace?: RuleTrace,
): LogicalPlan {
  return optimize(plan, { ...env, mode }, trace);
}

/** Plans a query to be run once ('adhoc') or kept up to date ('maintained'). */
export function planQuery(
  bound: BoundPlan,
  env: PlannerEnv,
  mode: PlanMode,
  trace?: RuleTrace,
): PlannedQuery {
  const optimized = optimizeQuery(bound.plan, env, mode, trace);
  const plan = toPhysical(optimized, { evaluator: env.evaluator, mode });
  assert(plan.schema.length === bound.plan.schema.length, 'planning keeps the columns of the query');
  if (mode === 'maintained') checkMaintainable(plan);
  return { plan, visible: bound.visible, order: bound.order, parameters: bound.parameters };
}

/** Plans the query of a materialized view. */
export function planMaterializedView(bound: BoundPlan, env: PlannerEnv, trace?: RuleTrace): PlannedView {
  const planned = planQuery(bound, env, 'maintained', trace);
  return { ...planned, key: planned.plan.key };
}
