/**
 * The optimizer: an ordered list of rules, each applied once per place in the list. After every rule the plan must have
 * the same column types as before; names are restored at the end.
 */
import { assert } from '../common/assert.ts';
import { type Schema, sameType } from '../common/dataType.ts';
import { renameTo } from './plan/construct.ts';
import type { LogicalPlan } from './plan/logical.ts';
import { decorrelation } from './rules/decorrelation.ts';
import { expandGroupingSets } from './rules/expandGroupingSets.ts';
import { foldConstants } from './rules/foldConstants.ts';
import { hopPanes } from './rules/hopPanes.ts';
import { mergeProjects } from './rules/mergeProjects.ts';
import { normalizeAggregates } from './rules/normalizeAggregates.ts';
import { orderJoins } from './rules/orderJoins.ts';
import { propagateEmpty } from './rules/propagateEmpty.ts';
import { pruneColumns } from './rules/pruneColumns.ts';
import { pushLimits } from './rules/pushLimits.ts';
import { pushPredicates } from './rules/pushPredicates.ts';
import type { Rule, RuleContext } from './rules/rule.ts';
import { sessionAggregate } from './rules/sessionAggregate.ts';
import { sharePlans } from './rules/sharePlans.ts';
import { simplifyAggregates } from './rules/simplifyAggregates.ts';
import { windowToTopN } from './rules/windowToTopN.ts';

/** The order matters where a comment says so. */
export const rules: readonly Rule[] = [
  // Before decorrelation, which knows plain aggregates only.
  expandGroupingSets,
  decorrelation,
  foldConstants,
  mergeProjects,
  // Before pushdown, which takes the composition of SESSION(...) apart.
  sessionAggregate,
  mergeProjects,
  pushLimits,
  propagateEmpty,
  pushPredicates,
  foldConstants,
  // Sharing before pruning: a subplan used twice is pruned once, for both uses.
  sharePlans,
  // Window calls that nobody reads must go before a lone row_number is recognised.
  pruneColumns,
  mergeProjects,
  windowToTopN,
  // Join order sees filtered inputs; it derives equalities that are filters of one relation, which then sink.
  orderJoins,
  pushPredicates,
  simplifyAggregates,
  // Filters have sunk below the windows, and DISTINCT has gone where it means nothing.
  hopPanes,
  mergeProjects,
  propagateEmpty,
  sharePlans,
  pruneColumns,
  mergeProjects,
  // Last, because pruning decides which columns a projection below an aggregate has.
  normalizeAggregates,
  mergeProjects,
  foldConstants,
  sharePlans,
];

function sameTypes(a: Schema, b: Schema): boolean {
  return (
    a.length === b.length &&
    a.every((c, i) => {
      const other = b[i];
      return other !== undefined && sameType(c.type, other.type);
    })
  );
}

/** The plan after all rules. `onRule` sees the plan after each rule that changed it. */
export function optimize(
  plan: LogicalPlan,
  context: RuleContext,
  onRule: (rule: Rule, plan: LogicalPlan) => void = () => {},
): LogicalPlan {
  let current = plan;
  for (const rule of rules) {
    const next = rule.apply(current, context);
    if (next === current) continue;
    assert(sameTypes(next.schema, plan.schema), `rule ${rule.name} changed the schema`);
    current = next;
    onRule(rule, current);
  }
  return renameTo(current, plan.schema);
}
