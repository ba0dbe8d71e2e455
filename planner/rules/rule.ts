/** What a rewrite rule is: it changes how a plan computes, never what. */
import type { PlanMode, PlannerEnv } from '../evaluator.ts';
import type { LogicalPlan } from '../plan/logical.ts';

export interface RuleContext extends PlannerEnv {
  readonly mode: PlanMode;
  /** Maintained: rows are kept back until they are final (EMIT ON WINDOW CLOSE). */
  readonly onClose: boolean;
}

export interface Rule {
  readonly name: string;
  /** What it is good for, for EXPLAIN's trace and readers of the list. */
  readonly why: string;
  readonly apply: (plan: LogicalPlan, context: RuleContext) => LogicalPlan;
}
