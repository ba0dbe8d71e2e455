/**
 * One form for aggregates that compute the same: columns are taken from below a projection that only renames, other
 * projections are put in a fixed order without repeats, and keys ascend. A projection above restores the columns.
 * SELECT a, b, count(*) ... GROUP BY a, b and SELECT count(*), b, a ... GROUP BY b, a then share one aggregate.
 */
import { must } from '../../common/assert.ts';
import { scalarText } from '../explain/scalarText.ts';
import type { AggregateCall } from '../plan/aggregateCall.ts';
import { aggregate, project, projectAs } from '../plan/construct.ts';
import { typeKey } from '../plan/fingerprint.ts';
import type { LogicalAggregate, LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { columnOf, isVolatile } from '../plan/scalars.ts';
import { rewritePlan } from '../plan/walk.ts';
import type { Rule } from './rule.ts';

export const normalizeAggregates: Rule = {
  name: 'normalizeAggregates',
  why: 'equal groupings in different spellings become one operator',
  apply: (plan) => rewritePlan(plan, (node) => (node.kind === 'Aggregate' ? normalized(node) : node)),
};

function normalized(plan: LogicalAggregate): LogicalPlan {
  if (plan.sets !== null) return plan;
  return withSortedKeys(withPlainInput(plan));
}

function usedInputs(plan: LogicalAggregate): readonly number[] {
  const used = plan.aggregates.flatMap((a) => [
    ...a.args,
    ...(a.filter === null ? [] : [a.filter]),
    ...a.orderBy.map((k) => k.column),
  ]);
  return [...new Set([...plan.keys, ...used])];
}

/** The aggregate over another input in which column i is at `position(i)`. */
function over(
  plan: LogicalAggregate,
  input: LogicalPlan,
  position: (column: number) => number,
): LogicalAggregate {
  const aggregates = plan.aggregates.map(
    (a): AggregateCall => ({
      ...a,
      args: a.args.map(position),
      filter: a.filter === null ? null : position(a.filter),
      orderBy: a.orderBy.map((k) => ({ ...k, column: position(k.column) })),
    }),
  );
  return { ...plan, input, keys: plan.keys.map(position), aggregates };
}

function withPlainInput(plan: LogicalAggregate): LogicalAggregate {
  const { input } = plan;
  if (input.kind !== 'Project' || input.exprs.some(isVolatile)) return plan;
  const expr = (i: number): Scalar => must(input.exprs[i]);
  const used = usedInputs(plan);
  if (used.every((i) => expr(i).kind === 'column')) {
    return over(plan, input.input, (i) => {
      const s = expr(i);
      return s.kind === 'column' ? s.index : 0;
    });
  }
  // Text over nameless columns is an order that does not depend on names.
  const text = (i: number): string => `${typeKey(expr(i).type)} ${scalarText(expr(i), [])}`;
  const ordered = [...new Map(used.map((i) => [text(i), i] as const)).entries()].sort(([a], [b]) =>
    a < b ? -1 : 1,
  );
  const kept = ordered.map(([, i]) => i);
  const names = kept.map((i) => must(input.schema[i]).name);
  const position = new Map(ordered.map(([key], at) => [key, at] as const));
  const below = project(input.input, kept.map(expr), names);
  return over(plan, below, (i) => must(position.get(text(i))));
}

function withSortedKeys(plan: LogicalAggregate): LogicalPlan {
  const keys = [...new Set(plan.keys)].sort((a, b) => a - b);
  if (keys.length === plan.keys.length && keys.every((k, i) => k === plan.keys[i])) return plan;
  const names = plan.schema.slice(plan.keys.length).map((c) => c.name);
  const grouped = aggregate(plan.input, keys, plan.aggregates, names);
  const keyExprs = plan.keys.map((k) => columnOf(grouped.schema, keys.indexOf(k)));
  const results = plan.aggregates.map((_, i) => columnOf(grouped.schema, keys.length + i));
  return projectAs(grouped, [...keyExprs, ...results], plan.schema);
}
