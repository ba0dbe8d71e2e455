/** What CREATE MATERIALIZED VIEW says of joins whose cost grows with the number of rows. */
import { nestedLoops } from '../../planner/nestedLoops.ts';
import type { PhysicalPlan } from '../../planner/plan/physical.ts';
import type { StatementContext } from './statement.ts';

const listed = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ');

/** A NOTICE for each join without an equality. */
export function noticeNestedLoops(plan: PhysicalPlan, context: StatementContext): void {
  for (const { left, right } of nestedLoops(plan)) {
    context.notice({
      severity: 'NOTICE',
      state: '00000',
      message: `the join of ${listed(left)} with ${listed(right)} has no equality between them`,
      detail: 'Each change of a row on one side is compared with all rows of the other.',
      hint: 'Join on an equality of columns of both sides where you can.',
    });
  }
}
