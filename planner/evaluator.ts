/**
 * What the planner asks of the world at plan time. Evaluation is injected because the planner may not import the
 * executor.
 */
import type { FunctionCatalog } from '../common/function.ts';
import type { Value } from '../common/value.ts';
import type { Scalar } from './plan/scalar.ts';

export interface Evaluator {
  /** Value of a scalar without columns, parameters or subqueries. Throws SqlError when its evaluation fails. */
  evaluate(scalar: Scalar): Value;
}

export interface PlannerEnv {
  readonly functions: FunctionCatalog;
  readonly evaluator: Evaluator;
}

/** adhoc: run once and forgotten. maintained: kept up to date by deltas. */
export type PlanMode = 'adhoc' | 'maintained';
