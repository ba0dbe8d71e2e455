/**
 * One form for aggregates that compute the same. Always: columns are taken from below a projection that only renames.
 * Where some aggregates then become one (SELECT a, b, count(*) ... GROUP BY a, b and SELECT count(*), b, a ... GROUP BY
 * b, a), also: projections below are put in a fixed order without repeats, and keys ascend; a projection above restores
 * the columns.
 */
import { must } from '../../common/assert.ts';
import { scalarText } from '../explain/scalarText.ts';
import type { AggregateCall } from '../plan/aggregateCall.ts';
import { aggregate, project, projectAs } from '../plan/construct.ts';
import { typeKey } from '../plan/fingerprint.ts';
import type { LogicalAggregate, LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { columnOf, isVolatile } from '../plan/scalars.ts';
import { rewritePlan, walkPlan } from '../plan/walk.ts';
import type { Rule } from './rule.ts';
import { shareEqual } from './sharePlans.ts';

export const normalizeAggregates: Rule = {
  name: 'normalizeAggregates',
  why: 'equal groupings in different spellings become one operator',
  apply: (plan) => {
    const plain = rewriteAggregates(plan, (node) => withoutRenaming(node) ?? node);
    const ordered = rewriteAggregates(plain, (node) => withSortedKeys(withOrderedInput(node)));
    return operators(ordered) < operators(plain) ? ordered : plain;
  },
};

function rewriteAggregates(plan: LogicalPlan, f: (node: LogicalAggregate) => LogicalPlan): LogicalPlan {
  return rewritePlan(plan, (node) => (node.kind === 'Aggregate' && node.sets === null ? f(node) : node));
}

/** Different aggregates of a plan. */
function operators(plan: LogicalPlan): number {
  let count = 0;
  walkPlan(shareEqual(plan), (node) => {
    if (node.kind === 'Aggregate') count += 1;
  });
  return count;
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

const exprOf = (input: Extract<LogicalPlan, { kind: 'Project' }>, column: number): Scalar =>
  must(input.exprs[column]);

/** Over the input of a projection that only picks columns; null where the input is no such projection. */
function withoutRenaming(plan: LogicalAggregate): LogicalAggregate | null {
  const { input } = plan;
  if (input.kind !== 'Project' || input.exprs.some(isVolatile)) return null;
  const positions = new Map<number, number>();
  for (const column of usedInputs(plan)) {
    const s = exprOf(input, column);
    if (s.kind !== 'column') return null;
    positions.set(column, s.index);
  }
  return over(plan, input.input, (column) => must(positions.get(column)));
}

/** Over a projection of exactly the expressions used, each once, in an order that does not depend on the query's. */
function withOrderedInput(plan: LogicalAggregate): LogicalAggregate {
  const { input } = plan;
  if (input.kind !== 'Project' || input.exprs.some(isVolatile)) return plan;
  const used = usedInputs(plan);
  const expr = (i: number): Scalar => exprOf(input, i);
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
