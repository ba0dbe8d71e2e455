/**
 * The planner's front: bound query -> optimised physical plan.
 *
 * planQuery: parameters are replaced first (`substituteParameters` of parameters.ts), because LIMIT and index look-ups need values.
 * planMaterializedView: the plan of a maintained view with the key of its rows, when its changes go out, what bounds its
 * state, and the watermarks of its columns.
 */
import { assert } from '../common/assert.ts';
import type { DataType } from '../common/dataType.ts';
import type { PlanMode, PlannerEnv } from './evaluator.ts';
import { checkMaintainable } from './maintainable.ts';
import { optimize } from './optimize.ts';
import { overArrangements } from './physical/deltaJoins.ts';
import { materializeVolatile } from './physical/materializeVolatile.ts';
import { toPhysical } from './physical/physicalPlan.ts';
import type { SortKey } from './plan/aggregateCall.ts';
import type { LogicalPlan } from './plan/logical.ts';
import type { PhysicalPlan, PlannedQuery } from './plan/physical.ts';
import type { WatermarkTerm } from './plan/watermark.ts';
import type { Rule } from './rules/rule.ts';
import { addBounds } from './time/bounds.ts';
import { emitOnClose } from './time/emitOnClose.ts';
import { expired, paced } from './time/output.ts';
import { temporalFilters } from './time/temporalFilter.ts';
import { type UnboundedState, unboundedState } from './time/unbounded.ts';
import { watermarksOf } from './time/watermarks.ts';

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

/** When a maintained view's changes go out, and how long its rows live. */
export interface ViewTiming {
  readonly emit:
    | { readonly kind: 'update' }
    /** EMIT ON WINDOW CLOSE; corrections follow for rows up to so much too late. */
    | { readonly kind: 'close'; readonly latenessMicros: bigint }
    | { readonly kind: 'every' | 'delay'; readonly micros: bigint };
  /** Since the time in an output column; null: since the row's last change. */
  readonly ttl: { readonly micros: bigint; readonly column: number | null } | null;
  /** Of the EMIT clause, for errors. */
  readonly position: number;
}

/** Every change at once, rows live on. */
export const onUpdate: ViewTiming = { emit: { kind: 'update' }, ttl: null, position: 0 };

/** A maintained view's plan. */
export interface PlannedView extends PlannedQuery {
  /** The output columns that identify a row; null: rows may repeat. */
  readonly key: readonly number[] | null;
  /** Of each output column; null: it has none. */
  readonly watermarks: readonly (WatermarkTerm | null)[];
  /** What of its state grows for ever. */
  readonly unbounded: readonly UnboundedState[];
}

export type RuleTrace = (rule: Rule, plan: LogicalPlan) => void;

/** The logical plan after all rules. */
export function optimizeQuery(
  plan: LogicalPlan,
  env: PlannerEnv,
  mode: PlanMode,
  { emit }: ViewTiming = onUpdate,
  trace?: RuleTrace,
): LogicalPlan {
  return optimize(plan, { ...env, mode, onClose: emit.kind === 'close' }, trace);
}

/** Plans a query to be run once ('adhoc') or kept up to date ('maintained'). */
export function planQuery(
  bound: BoundPlan,
  env: PlannerEnv,
  mode: PlanMode,
  trace?: RuleTrace,
): PlannedQuery {
  if (mode === 'maintained') return planMaterializedView(bound, env, onUpdate, trace);
  return { ...queryOf(bound), plan: physicalOf(bound, env, mode, onUpdate, trace) };
}

/** Plans the query of a materialized view. */
export function planMaterializedView(
  bound: BoundPlan,
  env: PlannerEnv,
  timing: ViewTiming,
  trace?: RuleTrace,
): PlannedView {
  const plan = timed(physicalOf(bound, env, 'maintained', timing, trace), timing);
  return {
    ...queryOf(bound),
    plan: overArrangements(plan),
    key: plan.key,
    watermarks: watermarksOf(plan),
    unbounded: unboundedState(plan),
  };
}

function queryOf(bound: BoundPlan): Omit<PlannedQuery, 'plan'> {
  return { visible: bound.visible, order: bound.order, parameters: bound.parameters };
}

function physicalOf(
  bound: BoundPlan,
  env: PlannerEnv,
  mode: PlanMode,
  timing: ViewTiming,
  trace?: RuleTrace,
): PhysicalPlan {
  const optimized = optimizeQuery(bound.plan, env, mode, timing, trace);
  const physical = toPhysical(optimized, { evaluator: env.evaluator, mode });
  const plan = mode === 'maintained' ? materializeVolatile(temporalFilters(physical)) : physical;
  assert(plan.schema.length === bound.plan.schema.length, 'planning keeps the columns of the query');
  return plan;
}

/** What time adds to a maintained plan. */
function timed(plan: PhysicalPlan, { emit, ttl, position }: ViewTiming): PhysicalPlan {
  checkMaintainable(plan);
  const emitted =
    emit.kind === 'close' ? emitOnClose(plan, { latenessMicros: emit.latenessMicros, position }) : plan;
  const kept = ttl === null ? addBounds(emitted) : expired(addBounds(emitted), ttl);
  return emit.kind === 'every' || emit.kind === 'delay' ? paced(kept, emit.kind, emit.micros) : kept;
}
