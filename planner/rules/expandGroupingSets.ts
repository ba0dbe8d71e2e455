/**
 * GROUPING SETS, ROLLUP and CUBE: one aggregate per set over the shared input, keys outside of the set NULL, the set's
 * number last, all united. The empty set is an aggregate without GROUP BY: it gives a row over no input too.
 */
import { must } from '../../common/assert.ts';
import { types } from '../../common/dataType.ts';
import { aggregate, nullOf, projectAs, unionAll } from '../plan/construct.ts';
import type { LogicalAggregate, LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { columnOf, isSubquery, literal } from '../plan/scalars.ts';
import { mapScalars, rewritePlan, rewriteScalar } from '../plan/walk.ts';
import type { Rule } from './rule.ts';

export const expandGroupingSets: Rule = {
  name: 'expandGroupingSets',
  why: 'the executor has one kind of aggregate',
  apply: expand,
};

function expand(plan: LogicalPlan): LogicalPlan {
  return rewritePlan(plan, (node) => {
    const inner = mapScalars(node, (s) => rewriteScalar(s, expandSubquery));
    return inner.kind === 'Aggregate' && inner.sets !== null ? expanded(inner, inner.sets) : inner;
  });
}

const expandSubquery = (s: Scalar): Scalar =>
  isSubquery(s) && 'plan' in s ? { ...s, plan: expand(s.plan) } : s;

function expanded(plan: LogicalAggregate, sets: readonly (readonly number[])[]): LogicalPlan {
  const names = plan.schema.slice(plan.keys.length, -1).map((c) => c.name);
  const branches = sets.map((set, number) => {
    const present = plan.keys.map((_, i) => i).filter((i) => set.includes(i));
    const keys = present.map((i) => must(plan.keys[i]));
    const grouped = aggregate(plan.input, keys, plan.aggregates, names);
    const keyExprs = plan.keys.map((key, i) =>
      set.includes(i)
        ? columnOf(grouped.schema, present.indexOf(i))
        : nullOf(must(plan.input.schema[key]).type),
    );
    const results = plan.aggregates.map((_, i) => columnOf(grouped.schema, keys.length + i));
    return projectAs(grouped, [...keyExprs, ...results, literal(BigInt(number), types.int8)], plan.schema);
  });
  return unionAll(branches);
}
