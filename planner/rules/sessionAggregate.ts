/**
 * GROUP BY partition keys and bounds of SESSION(...): the session is the group. Rows are grouped by the session's id,
 * so that they need not be joined with the bounds, nor change when a session grows.
 *
 * Grouped by nothing else and over all rows, the bounds are aggregates of the same grouping. Otherwise (further keys,
 * or WHERE: the bounds are those of all rows) the groups are joined with the bounds.
 * The partition keys must all be grouping keys: sessions of different partitions may have equal bounds.
 *
 * Also conditions on partition keys go below the sessions, on both sides of the join at once.
 */
import { must } from '../../common/assert.ts';
import { Interval } from '../../common/interval.ts';
import { aggregate, filter, join, projectAs } from '../plan/construct.ts';
import type { LogicalAggregate, LogicalPlan, LogicalSession } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import {
  column,
  columnOf,
  columnsOf,
  conjunctsOf,
  equalitySides,
  isVolatile,
  mapColumns,
  substitute,
  usedColumns,
} from '../plan/scalars.ts';
import { rewritePlan } from '../plan/walk.ts';
import { type AggregateInput, aggregateInput, ColumnList, readBy } from './aggregateInput.ts';
import type { Rule } from './rule.ts';

export const sessionAggregate: Rule = {
  name: 'sessionAggregate',
  why: 'a session that grows changes its group, not each of its rows',
  apply: (plan) =>
    rewritePlan(plan, (node) => {
      if (node.kind === 'Filter') return withPartitionsOnly(node) ?? node;
      return node.kind === 'Aggregate' && node.sets === null ? (bySession(node) ?? node) : node;
    }),
};

/** SESSION(...) as the binder composes it: rows joined with the bounds of their sessions by id. */
interface Parts {
  readonly rows: LogicalSession;
  readonly bounds: LogicalAggregate;
  /** Columns of the join: the id of the rows, the bounds' keys, the first and the last time. */
  readonly width: number;
  readonly first: number;
  readonly last: number;
}

function partsOf(plan: LogicalPlan): Parts | null {
  if (plan.kind !== 'Join' || plan.type !== 'inner' || plan.condition === null) return null;
  const { left: rows, right: bounds } = plan;
  if (rows.kind !== 'Session' || bounds.kind !== 'Aggregate' || bounds.input !== rows) return null;
  const width = rows.schema.length;
  const keys = rows.partition.length;
  const sides = equalitySides(plan.condition);
  const ids = [sides?.left, sides?.right].map((s) => (s?.kind === 'column' ? s.index : -1));
  if (!ids.includes(width - 1) || !ids.includes(width + keys)) return null;
  return { rows, bounds, width, first: width + keys + 1, last: width + keys + 2 };
}

type Wrapper = Extract<LogicalPlan, { kind: 'Filter' | 'Project' }>;

/** The filter with its conditions on partition keys moved below the sessions. */
function withPartitionsOnly(plan: Extract<LogicalPlan, { kind: 'Filter' }>): LogicalPlan | null {
  const between: Wrapper[] = [];
  let base = plan.input;
  for (; base.kind === 'Filter' || base.kind === 'Project'; base = base.input) between.unshift(base);
  const parts = partsOf(base);
  if (parts === null || base.kind !== 'Join') return null;
  let exprs = columnsOf(base.schema);
  for (const node of between)
    if (node.kind === 'Project') exprs = node.exprs.map((s) => substitute(s, exprs));
  const { partition } = parts.rows;
  const down: Scalar[] = [];
  const kept = conjunctsOf(plan.condition).filter((s) => {
    const below = substitute(s, exprs);
    const columns = usedColumns(below);
    if (columns.size === 0 || ![...columns].every((c) => partition.includes(c)) || isVolatile(below))
      return true;
    down.push(below);
    return false;
  });
  if (down.length === 0) return null;
  const left: LogicalSession = { ...parts.rows, input: filter(parts.rows.input, down) };
  let rebuilt: LogicalPlan = { ...base, left, right: { ...parts.bounds, input: left } };
  for (const node of between) rebuilt = { ...node, input: rebuilt };
  return filter(rebuilt, kept);
}

/** A grouping key: a bound of the session, or an expression over the rows. */
type Key = { readonly of: 'start' | 'end' | 'row'; readonly expr: Scalar };

function keyOf(expr: Scalar, parts: Parts): Key | null {
  if (expr.kind === 'column' && expr.index === parts.first) return { of: 'start', expr };
  if (isEnd(expr, parts)) return { of: 'end', expr };
  return readsRows(expr, parts) ? { of: 'row', expr } : null;
}

const readsRows = (s: Scalar, parts: Parts): boolean => [...usedColumns(s)].every((c) => c < parts.width);

/** last time + gap */
function isEnd(s: Scalar, { rows, last }: Parts): boolean {
  if (s.kind !== 'call' || s.fn.operator !== '+') return false;
  const [time, gap] = s.args;
  if (time?.kind !== 'column' || time.index !== last || gap?.kind !== 'literal') return false;
  const { value } = gap;
  return (
    value instanceof Interval && value.months === 0 && value.days === 0 && value.micros === rows.gapMicros
  );
}

function bySession(plan: LogicalAggregate): LogicalPlan | null {
  const input = aggregateInput(plan);
  if (input === null) return null;
  const parts = partsOf(input.base);
  if (parts === null) return null;
  const keys: Key[] = [];
  for (const k of plan.keys) {
    const key = keyOf(must(input.exprs[k]), parts);
    if (key === null) return null;
    keys.push(key);
  }
  const grouped = (c: number): boolean =>
    keys.some(({ of, expr }) => of === 'row' && expr.kind === 'column' && expr.index === c);
  if (keys.every((key) => key.of === 'row') || !parts.rows.partition.every(grouped)) return null;
  if (!plan.aggregates.every((a) => readBy(a, input.exprs).every((s) => readsRows(s, parts)))) return null;
  const below = input.conditions.filter((s) => readsRows(s, parts));
  const above = input.conditions.filter((s) => !readsRows(s, parts));
  if (!above.every((s) => readsGroup(s, parts))) return null;
  const only = keys.every(
    ({ of, expr }) => of !== 'row' || (expr.kind === 'column' && parts.rows.partition.includes(expr.index)),
  );
  return only && below.length === 0
    ? withBounds(plan, input, parts, keys, above)
    : joined(plan, input, parts, keys, below, above);
}

/** Conditions on partition keys and bounds are conditions on groups. */
function readsGroup(s: Scalar, { rows, width, first, last }: Parts): boolean {
  return [...usedColumns(s)].every(
    (c) => rows.partition.includes(c) || c === first || c === last || (c >= width && c < first),
  );
}

/** The bounds as aggregates of the grouping itself. */
function withBounds(
  plan: LogicalAggregate,
  input: AggregateInput,
  parts: Parts,
  keys: readonly Key[],
  above: readonly Scalar[],
): LogicalPlan {
  const { joined: _, ...rows } = parts.rows;
  const { partition } = rows;
  const list = new ColumnList();
  const groupKeys = [...partition, parts.width - 1].map((c) => list.add(columnOf(rows.schema, c)));
  const calls = plan.aggregates.map((a) => list.addCall(a, input.exprs));
  const extremes = parts.bounds.aggregates.map((a) => {
    const args = a.args.map((c) => list.add(columnOf(rows.schema, c)));
    return { ...a, args };
  });
  const grouped = aggregate(list.project(rows), groupKeys, [...calls, ...extremes]);
  const times = groupKeys.length + calls.length;
  const output = (index: number): number => {
    if (index === parts.first) return times;
    if (index === parts.last) return times + 1;
    return index < parts.width ? partition.indexOf(index) : index - parts.width;
  };
  const over = (s: Scalar): Scalar => mapColumns(s, (index, type) => column(output(index), type));
  const results = calls.map((_call, i) => columnOf(grouped.schema, groupKeys.length + i));
  const exprs = [...keys.map((key) => over(key.expr)), ...results];
  return projectAs(filter(grouped, above.map(over)), exprs, plan.schema);
}

/** Groups of rows by all keys and the id, joined with the bounds. */
function joined(
  plan: LogicalAggregate,
  input: AggregateInput,
  parts: Parts,
  keys: readonly Key[],
  below: readonly Scalar[],
  above: readonly Scalar[],
): LogicalPlan {
  const list = new ColumnList();
  const id = columnOf(parts.rows.schema, parts.width - 1);
  const rowKeys = keys.flatMap((key) => (key.of === 'row' ? [key.expr] : []));
  const groupKeys = [...new Set([...rowKeys, id].map((s) => list.add(s)))];
  const calls = plan.aggregates.map((a) => list.addCall(a, input.exprs));
  const grouped = aggregate(list.project(filter(parts.rows, below)), groupKeys, calls);
  const width = grouped.schema.length;
  const condition = must(input.base.kind === 'Join' ? input.base.condition : null);
  const place = (index: number): number => {
    if (index >= parts.width) return width + index - parts.width;
    return groupKeys.indexOf(list.add(column(index, must(parts.rows.schema[index]).type)));
  };
  const over = (s: Scalar): Scalar => mapColumns(s, (index, type) => column(place(index), type));
  const both = join('inner', grouped, parts.bounds, over(condition));
  const output = (key: Key): Scalar =>
    key.of === 'row' ? columnOf(grouped.schema, groupKeys.indexOf(list.add(key.expr))) : over(key.expr);
  const results = calls.map((_, i) => columnOf(grouped.schema, groupKeys.length + i));
  return projectAs(filter(both, above.map(over)), [...keys.map(output), ...results], plan.schema);
}
