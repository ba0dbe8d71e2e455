/** Plans as text after one rule, for tests of that rule alone. */
import type { PlanMode } from '../../../planner/evaluator.ts';
import { explainLogical } from '../../../planner/explain/explain.ts';
import type { LogicalPlan } from '../../../planner/plan/logical.ts';
import type { Rule } from '../../../planner/rules/rule.ts';
import { env } from '../build.ts';
import { expectSame } from '../equivalence.ts';

/** The plan after the rule, one line a node; also checks that the whole optimizer keeps the rows. */
export function planAfter(rule: Rule, plan: LogicalPlan, mode: PlanMode = 'maintained'): readonly string[] {
  expectSame(plan, mode, 8);
  return explainLogical(rule.apply(plan, { ...env, mode, onClose: false })).map((line) =>
    line.replace(/^( *)-> {2}/, '$1').replaceAll('      ', '  '),
  );
}
