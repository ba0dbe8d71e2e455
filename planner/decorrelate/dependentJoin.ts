/**
 * Dependent joins: the right side reads columns of the left (outer references of depth 1) and is to be joined with it
 * row by row. Turned into ordinary joins, from the cheapest form to the general one:
 *
 * 1. the right side does not depend on the left: a plain join;
 * 2. inner join with a chain over a single row (unnest(left.array)): the chain runs on the left input itself;
 * 3. filters and projections over an independent base: their conditions become the join condition;
 * 4. an aggregate without GROUP BY: grouped by the outer columns and outer-joined, so no domain is needed;
 * 5. else the domain (distinct outer columns) is attached to the right side and joined back.
 */
import { must, unreachable } from '../../common/assert.ts';
import { types } from '../../common/dataType.ts';
import {
  aggregate,
  distinct,
  extend,
  filter,
  join,
  maxOneRow,
  nullOf,
  pick,
  project,
  projectAs,
} from '../plan/construct.ts';
import type { LogicalAggregate, LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import {
  column,
  columnOf,
  columnsOf,
  conjunctsOf,
  isNull,
  isVolatile,
  mapColumns,
  sameValue,
  substitute,
  TRUE,
} from '../plan/scalars.ts';
import { walkPlan } from '../plan/walk.ts';
import { atMostOneRow, exactlyOneRow } from '../properties.ts';
import { atJoin, isCorrelated, lower, outerColumns, resolveOuter } from './outer.ts';
import { attachDomain, type Domain, overEmptyGroups } from './unnest.ts';

type DependentType = 'inner' | 'left' | 'semi' | 'anti';

export interface DependentOptions {
  /** Where the domain is taken from: a plan whose first columns are the left's and that holds all its combinations. */
  readonly domainSource?: LogicalPlan;
  readonly nullAware?: boolean;
}

/**
 * left JOIN LATERAL right ON condition; `condition` over left ++ right without outer references of depth 1. Output:
 * left ++ right (semi, anti: left).
 */
export function dependentJoin(
  type: DependentType,
  left: LogicalPlan,
  right: LogicalPlan,
  condition: Scalar | null,
  options: DependentOptions = {},
): LogicalPlan {
  const nullAware = options.nullAware ?? false;
  if (!isCorrelated(right)) return join(type, left, lower(right), condition, { nullAware });
  const conditions = conjunctsOf(condition);
  if (type === 'inner') {
    const inlined = inlineChain(left, right);
    if (inlined !== null) return filter(inlined, conditions);
  }
  const simple = joinOnPredicates(type, left, right, conditions, nullAware);
  if (simple !== null) return simple;
  if ((type === 'inner' || type === 'left') && conditions.length === 0) {
    const grouped = joinOnGroups(left, right, options.domainSource ?? left);
    if (grouped !== null) return grouped;
  }
  return joinOnDomain(type, left, right, conditions, options);
}

/** Each left row with the right side's one row for it. Where there may be more, a last column `many` tells. */
export function singleRowJoin(
  left: LogicalPlan,
  right: LogicalPlan,
  options: DependentOptions = {},
): LogicalPlan {
  if (!isCorrelated(right) && exactlyOneRow(right)) return join('inner', left, lower(right), null);
  const checked = atMostOneRow(right) ? right : maxOneRow(right, []);
  return dependentJoin('left', left, checked, null, options);
}

/** Form 2: null when the right side is no chain of linear nodes over a single row. */
function inlineChain(left: LogicalPlan, right: LogicalPlan): LogicalPlan | null {
  const width = left.schema.length;
  /** left ++ node's columns, or null. */
  const inline = (node: LogicalPlan): LogicalPlan | null => {
    switch (node.kind) {
      case 'Values': {
        const [row] = node.rows;
        if (row === undefined || node.rows.length !== 1) return null;
        const names = node.schema.map((c) => c.name);
        return extend(
          left,
          row.map((s) => atJoin(s, width)),
          names,
        );
      }
      case 'Filter': {
        const input = inline(node.input);
        return input === null ? null : filter(input, atJoin(node.condition, width));
      }
      case 'Project': {
        const input = inline(node.input);
        if (input === null) return null;
        const exprs = [...columnsOf(left.schema), ...node.exprs.map((s) => atJoin(s, width))];
        return projectAs(input, exprs, [...left.schema, ...node.schema]);
      }
      case 'Hop': {
        const input = inline(node.input);
        if (input === null) return null;
        return { ...node, input, time: node.time + width, schema: [...left.schema, ...node.schema] };
      }
      case 'TableFunction': {
        const input = inline(node.input);
        if (input === null) return null;
        const calls = node.calls.map((c) => ({ ...c, args: c.args.map((a) => atJoin(a, width)) }));
        return { ...node, input, calls, schema: [...left.schema, ...node.schema] };
      }
      default:
        return null;
    }
  };
  return inline(right);
}

/** Filters and projections over a base: conditions and output expressions over the base's columns. */
interface Peeled {
  readonly base: LogicalPlan;
  readonly exprs: readonly Scalar[];
  readonly conditions: readonly Scalar[];
}

function peel(plan: LogicalPlan): Peeled {
  if (plan.kind === 'Project' && !plan.exprs.some(isVolatile)) {
    const below = peel(plan.input);
    return { ...below, exprs: plan.exprs.map((s) => substitute(s, below.exprs)) };
  }
  if (plan.kind === 'Filter' && !isVolatile(plan.condition)) {
    const below = peel(plan.input);
    return { ...below, conditions: [...below.conditions, substitute(plan.condition, below.exprs)] };
  }
  return { base: plan, exprs: columnsOf(plan.schema), conditions: [] };
}

/** Form 3. */
function joinOnPredicates(
  type: DependentType,
  left: LogicalPlan,
  right: LogicalPlan,
  conditions: readonly Scalar[],
  nullAware: boolean,
): LogicalPlan | null {
  const { base, exprs, conditions: own } = peel(right);
  if (isCorrelated(base)) return null;
  // NOT IN: a row outside the subquery's filter does not count, so the filter may not become part of the condition
  // unless it is never unknown.
  if (nullAware && own.length > 0) return null;
  const width = left.schema.length;
  const outputs = [...columnsOf(left.schema), ...exprs.map((s) => atJoin(s, width))];
  const on = [...own.map((s) => atJoin(s, width)), ...conditions.map((s) => substitute(s, outputs))];
  if (type === 'semi' || type === 'anti') return join(type, left, lower(base), on, { nullAware });
  if (type === 'inner')
    return projectAs(join('inner', left, lower(base), on), outputs, [...left.schema, ...right.schema]);
  return leftJoinOutputs(left, lower(base), on, exprs, right);
}

/** Left join whose right outputs are expressions: NULL, all of them, where nothing matched. */
function leftJoinOutputs(
  left: LogicalPlan,
  base: LogicalPlan,
  on: readonly Scalar[],
  exprs: readonly Scalar[],
  right: LogicalPlan,
): LogicalPlan {
  const width = left.schema.length;
  const plain = exprs.every((s) => s.kind === 'column');
  const marked = plain ? base : extend(base, [TRUE], ['matched']);
  const joined = join('left', left, marked, on);
  const matched = isNull(column(width + base.schema.length, types.bool), true);
  const outputs = exprs.map((s): Scalar => {
    const value = atJoin(s, width);
    if (s.kind === 'column') return value;
    return { kind: 'case', whens: [{ when: matched, then: value }], otherwise: nullOf(s.type), type: s.type };
  });
  return projectAs(joined, [...columnsOf(left.schema), ...outputs], [...left.schema, ...right.schema]);
}

/** Form 4: null when the right side is not an aggregate without GROUP BY under projections. */
function joinOnGroups(left: LogicalPlan, right: LogicalPlan, source: LogicalPlan): LogicalPlan | null {
  const found = aggregateBelow(right);
  if (found === null) return null;
  const { plan, exprs } = found;
  if (!isCorrelated(plan) || needsExactGroups(plan)) return null;
  const width = left.schema.length;
  const domain = domainOf(source, plan, false);
  const input = attachDomain(plan.input, domain);
  const keys = domain.columns.map((_, j) => plan.input.schema.length + j);
  const names = plan.schema.map((c) => c.name);
  const grouped = aggregate(input, keys, plan.aggregates, names);
  const agree = domain.columns.map((c, j) =>
    sameValue(columnOf(left.schema, c), column(width + j, must(left.schema[c]).type)),
  );
  const joined = join('left', left, grouped, agree);
  const results = overEmptyGroups(plan.aggregates, plan.input.schema, width + keys.length);
  const outputs = exprs.map((s) => overLeft(s, results));
  return projectAs(joined, [...columnsOf(left.schema), ...outputs], [...left.schema, ...right.schema]);
}

/** Columns replaced by `columns`, outer references by columns of the left input. */
function overLeft(s: Scalar, columns: readonly Scalar[]): Scalar {
  const own = mapColumns(s, (index, type) => column(-1 - index, type));
  const resolved = resolveOuter(own, (index, type) => column(index, type));
  return mapColumns(resolved, (index, type) => (index < 0 ? must(columns[-1 - index]) : column(index, type)));
}

function aggregateBelow(plan: LogicalPlan): { plan: LogicalAggregate; exprs: readonly Scalar[] } | null {
  if (plan.kind === 'Aggregate') {
    return plan.keys.length === 0 && plan.sets === null ? { plan, exprs: columnsOf(plan.schema) } : null;
  }
  if (plan.kind !== 'Project' || plan.exprs.some(isVolatile)) return null;
  const below = aggregateBelow(plan.input);
  return below === null ? null : { ...below, exprs: plan.exprs.map((s) => substitute(s, below.exprs)) };
}

/** A recursion must not go where no outer row asks it to: there it might not end. */
function needsExactGroups(plan: LogicalPlan): boolean {
  let found = false;
  walkPlan(plan, (node) => {
    found ||= node.kind === 'Recursive' && isCorrelated(node);
  });
  return found;
}

/** The distinct combinations of the left's columns that the right side reads. */
export function domainOf(source: LogicalPlan, right: LogicalPlan, exact: boolean): Domain {
  const columns = [...outerColumns(right)].sort((a, b) => a - b);
  return { plan: distinct(pick(source, columns)), columns, exact };
}

/** Form 5. */
function joinOnDomain(
  type: DependentType,
  left: LogicalPlan,
  right: LogicalPlan,
  conditions: readonly Scalar[],
  options: DependentOptions,
): LogicalPlan {
  const domain = domainOf(options.domainSource ?? left, right, needsExactGroups(right));
  const attached = attachDomain(right, domain);
  const width = left.schema.length;
  const first = width + right.schema.length;
  const agree = domain.columns.map((c, j) => {
    const { type: columnType } = must(left.schema[c]);
    return sameValue(column(c, columnType), column(first + j, columnType));
  });
  const joined = join(type, left, attached, [...agree, ...conditions], {
    nullAware: options.nullAware ?? false,
  });
  switch (type) {
    case 'semi':
    case 'anti':
      return joined;
    case 'inner':
    case 'left':
      return project(joined, columnsOf(joined.schema).slice(0, first));
    default:
      return unreachable(type);
  }
}
