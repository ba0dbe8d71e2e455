/**
 * Distinct and aggregates: DISTINCT over rows that are unique already is dropped, an aggregate without aggregates over
 * unique keys too; DISTINCT within min, max and the like means nothing; a constant is no grouping key.
 */
import { must } from '../../common/assert.ts';
import { aggregate, pick, projectAs, renameTo } from '../plan/construct.ts';
import { aggregateKey } from '../plan/fingerprint.ts';
import type { LogicalAggregate, LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { columnOf } from '../plan/scalars.ts';
import { rewritePlan } from '../plan/walk.ts';
import { isUniqueOn } from '../properties.ts';
import type { Rule } from './rule.ts';

export const simplifyAggregates: Rule = {
  name: 'simplifyAggregates',
  why: 'state is not kept for what the input already guarantees',
  apply: (plan) => rewritePlan(plan, simplified),
};

function simplified(plan: LogicalPlan): LogicalPlan {
  if (plan.kind === 'Distinct') {
    const { input } = plan;
    if (isUniqueOn(input, new Set(input.schema.keys()))) return renameTo(input, plan.schema);
    return plan;
  }
  if (plan.kind !== 'Aggregate' || plan.sets !== null) return plan;
  return withoutConstantKeys(plan) ?? withoutRepeats(plan) ?? withoutGroups(plan) ?? withoutDistinct(plan);
}

/** Aggregates whose result repetition does not change. */
const idempotent: ReadonlySet<string> = new Set([
  'min',
  'max',
  'bool_and',
  'bool_or',
  'every',
  'bit_and',
  'bit_or',
]);

function withoutDistinct(plan: LogicalAggregate): LogicalPlan {
  const aggregates = plan.aggregates.map((a) =>
    a.distinct && idempotent.has(a.fn.name) ? { ...a, distinct: false } : a,
  );
  return aggregates.every((a, i) => a === plan.aggregates[i]) ? plan : { ...plan, aggregates };
}

/** GROUP BY over a key of the input without aggregates: the groups are the rows. */
function withoutGroups(plan: LogicalAggregate): LogicalPlan | null {
  if (plan.aggregates.length > 0 || plan.keys.length === 0) return null;
  return isUniqueOn(plan.input, new Set(plan.keys))
    ? renameTo(pick(plan.input, plan.keys), plan.schema)
    : null;
}

/** Keys that the projection below makes constant are computed above; one key must stay, or empty input gave a row. */
function withoutConstantKeys(plan: LogicalAggregate): LogicalPlan | null {
  const { input } = plan;
  if (input.kind !== 'Project') return null;
  const constant = (key: number): Scalar | null => {
    const s = must(input.exprs[key]);
    return s.kind === 'literal' ? s : null;
  };
  const kept = plan.keys.filter((key) => constant(key) === null);
  if (kept.length === plan.keys.length || kept.length === 0) return null;
  return regrouped(
    plan,
    kept,
    (key) => constant(key),
    plan.aggregates,
    (i) => i,
  );
}

/** The same key or aggregate twice is computed once. */
function withoutRepeats(plan: LogicalAggregate): LogicalPlan | null {
  const keys = [...new Set(plan.keys)];
  const first = new Map<string, number>();
  const position = plan.aggregates.map((a) => {
    const key = aggregateKey(a);
    const known = first.get(key);
    if (known !== undefined) return known;
    first.set(key, first.size);
    return first.size - 1;
  });
  const aggregates = plan.aggregates.filter((_, i) => position.indexOf(must(position[i])) === i);
  if (keys.length === plan.keys.length && aggregates.length === plan.aggregates.length) return null;
  return regrouped(
    plan,
    keys,
    () => null,
    aggregates,
    (i) => must(position[i]),
  );
}

/** The aggregate over fewer keys or calls, with a projection above that restores the columns. */
function regrouped(
  plan: LogicalAggregate,
  keys: readonly number[],
  constant: (key: number) => Scalar | null,
  aggregates: LogicalAggregate['aggregates'],
  position: (aggregate: number) => number,
): LogicalPlan {
  const grouped = aggregate(plan.input, keys, aggregates);
  const keyExprs = plan.keys.map((key) => constant(key) ?? columnOf(grouped.schema, keys.indexOf(key)));
  const results = plan.aggregates.map((_, i) => columnOf(grouped.schema, keys.length + position(i)));
  return projectAs(grouped, [...keyExprs, ...results], plan.schema);
}
