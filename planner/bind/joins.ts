/**
 * JOIN: conditions, USING and NATURAL with their merged columns, aliases of joins, and the join nodes themselves. Joins as
 * of a time are bound as ordinary ones first (asofJoin.ts).
 */
import { must } from '../../common/assert.ts';
import type { Schema } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Ident } from '../../parser/ast/common.ts';
import type { Join, NamedTable, TableAlias, TableRef } from '../../parser/ast/query.ts';
import { filter, join, oneRow, project } from '../plan/construct.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { bindAsof, bindTemporal } from './asofJoin.ts';
import { unify } from './coerce.ts';
import { placed } from './environment.ts';
import { bindCondition } from './expr.ts';
import {
  type BoundFrom,
  bindRightSide,
  bindTableRef,
  checkAliases,
  type FromContext,
  renamed,
  single,
} from './from.ts';
import { boolAnd, operatorCall } from './operators.ts';
import { tellingRows } from './presence.ts';
import { exprContext } from './query.ts';
import { moveOut } from './rewrite.ts';
import { type MergedColumn, Scope, type ScopeTable, starColumns } from './scope.ts';

type OuterType = 'inner' | 'left' | 'right' | 'full';

const nullable = <C extends { readonly nullable: boolean }>(columns: readonly C[]): readonly C[] =>
  columns.map((c) => (c.nullable ? c : { ...c, nullable: true }));

function shiftTables(tables: readonly ScopeTable[], by: number, optional: boolean): readonly ScopeTable[] {
  return tables.map((t) => {
    const columns = t.columns.map((c) =>
      'expr' in c ? { ...c, expr: shiftMerged(c.expr, by) } : { ...c, index: c.index + by },
    );
    const moved = { ...t, columns: optional ? nullable(columns) : columns };
    return t.present === undefined
      ? moved
      : { ...moved, present: { ...t.present, index: t.present.index + by } };
  });
}

/** The expression of a merged column (columns, casts, COALESCE) over a row that begins `by` columns earlier. */
function shiftMerged(s: Scalar, by: number): Scalar {
  switch (s.kind) {
    case 'column':
      return { ...s, index: s.index + by };
    case 'coalesce':
      return { ...s, operands: s.operands.map((o) => shiftMerged(o, by)) };
    case 'cast':
      return { ...s, operand: shiftMerged(s.operand, by) };
    default:
      return s;
  }
}

/** Two sides without a condition yet. */
export function joinSides(type: OuterType, left: BoundFrom, right: BoundFrom, lateral: boolean): BoundFrom {
  const width = left.plan.schema.length;
  const leftOptional = type === 'right' || type === 'full';
  const rightOptional = type === 'left' || type === 'full';
  const merged = (columns: readonly MergedColumn[], by: number, optional: boolean): readonly MergedColumn[] =>
    columns.map((j) => ({ ...j, expr: shiftMerged(j.expr, by), nullable: j.nullable || optional }));
  return {
    plan: joinPlan(type, left.plan, right.plan, lateral),
    tables: [
      ...shiftTables(left.tables, 0, leftOptional),
      ...shiftTables(right.tables, width, rightOptional),
    ],
    joined: [...merged(left.joined, 0, leftOptional), ...merged(right.joined, width, rightOptional)],
    unreachable: [...left.unreachable, ...right.unreachable],
  };
}

/** A lateral function call without an input of its own becomes a call over the left side. */
function joinPlan(type: OuterType, left: LogicalPlan, right: LogicalPlan, lateral: boolean): LogicalPlan {
  if (type === 'inner' && lateral && right.kind === 'TableFunction' && right.input === oneRow) {
    const calls = right.calls.map((c) => ({ fn: c.fn, args: c.args.map((a) => moveOut(a, 1)) }));
    return { ...right, input: left, calls, schema: [...left.schema, ...right.schema] };
  }
  return join(type, left, right, null, { lateral });
}

function withCondition(plan: LogicalPlan, condition: Scalar): LogicalPlan {
  if (plan.kind !== 'Join') return filter(plan, condition);
  return join(plan.type, plan.left, plan.right, condition, { lateral: plan.lateral });
}

export function bindJoin(ref: Join, context: FromContext): BoundFrom {
  const type = ref.type === 'cross' ? 'inner' : ref.type;
  const optional = { left: type === 'right' || type === 'full', right: type === 'left' || type === 'full' };
  const first = bindTableRef(ref.left, context);
  const left = optional.left ? tellingRows(first, context.reader) : first;
  const { table, asOf } = withoutAsOf(ref.right);
  const second = bindRightSide(left, table, context, optional.left);
  const { lateral } = second;
  const right = optional.right ? tellingRows(second.right, context.reader) : second.right;
  checkAliases([...left.tables, ...right.tables], ref.span.start);
  const bound = conditioned(ref, left, right, joinSides(type, left, right, lateral), context);
  const { plan } = bound;
  const position = ref.right.span.start;
  const timed =
    asOf !== null
      ? bindTemporal({ type: ref.type, asof: ref.asof, position }, asOf, { plan, left, right }, context)
      : ref.asof
        ? bindAsof(ref, plan, lateral, context.env)
        : plan;
  return ref.alias === null ? { ...bound, plan: timed } : aliasJoin({ ...bound, plan: timed }, ref.alias);
}

/** What a join is with: the table without its FOR SYSTEM_TIME AS OF, which is the join's. */
export function withoutAsOf(ref: TableRef): {
  readonly table: TableRef;
  readonly asOf: NamedTable['asOf'];
} {
  if (ref.kind !== 'NamedTable' || ref.asOf === null) return { table: ref, asOf: null };
  return { table: { ...ref, asOf: null }, asOf: ref.asOf };
}

function conditioned(
  ref: Join,
  left: BoundFrom,
  right: BoundFrom,
  bound: BoundFrom,
  context: FromContext,
): BoundFrom {
  const { condition } = ref;
  if (condition === null) return bound;
  if (condition.kind === 'on') {
    const unreachable = [...context.siblings, ...bound.unreachable];
    const scope = new Scope({ tables: bound.tables, joined: bound.joined, unreachable }, context.parent);
    const on = { ...exprContext(context.env, scope, context.ctes), clause: 'JOIN conditions' };
    return { ...bound, plan: withCondition(bound.plan, bindCondition(condition.expr, on, 'JOIN/ON')) };
  }
  const alias = condition.kind === 'using' ? condition.alias : undefined;
  const names =
    condition.kind === 'using'
      ? condition.columns.map((c) => ({ name: c.name, position: c.span.start }))
      : commonNames(left, right).map((name) => ({ name, position: ref.span.start }));
  const joined = usingJoin(bound, left, right, names, ref, context);
  return alias === undefined ? joined : withUsingAlias(joined, alias, names.length);
}

/** `USING (a) AS x`: x.a is the merged column. */
function withUsingAlias(bound: BoundFrom, alias: Ident, count: number): BoundFrom {
  const columns = bound.joined.slice(0, count).map((column) => ({ ...column, merged: true }));
  const table: ScopeTable = { alias: alias.name, schema: null, relation: null, scalar: false, columns };
  const tables = [...bound.tables, table];
  checkAliases(tables, alias.span.start);
  return { ...bound, tables };
}

const visibleNames = (from: BoundFrom): readonly string[] =>
  starColumns(new Scope(from, null)).map((c) => c.name);

function commonNames(left: BoundFrom, right: BoundFrom): readonly string[] {
  const names = new Set(visibleNames(right));
  return [...new Set(visibleNames(left))].filter((n) => names.has(n));
}

function usingColumn(from: BoundFrom, name: string, side: string, position: number): Scalar {
  const found = starColumns(new Scope(from, null)).filter((c) => c.name === name);
  if (found.length > 1) {
    const message = `common column name "${name}" appears more than once in ${side} table`;
    throw new SqlError('42702', message, { position });
  }
  const only = found[0];
  if (only === undefined) {
    const message = `column "${name}" specified in USING clause does not exist in ${side} table`;
    throw new SqlError('42703', message, { position });
  }
  return only.expr;
}

/** The value that USING shows for a pair of columns: of the side that every row has, of either in a full join. */
function mergedValue(type: Join['type'], left: Scalar, right: Scalar): Scalar {
  if (type === 'full') return { kind: 'coalesce', operands: [left, right], type: left.type };
  return type === 'right' ? right : left;
}

function usingJoin(
  bound: BoundFrom,
  left: BoundFrom,
  right: BoundFrom,
  names: readonly { readonly name: string; readonly position: number }[],
  { type, asof }: Join,
  context: FromContext,
): BoundFrom {
  const width = left.plan.schema.length;
  const conditions: Scalar[] = [];
  const joined: MergedColumn[] = [];
  const twice = names.find((n, i) => names.findIndex((m) => m.name === n.name) < i);
  if (twice !== undefined) {
    const message = `column name "${twice.name}" appears more than once in USING clause`;
    throw new SqlError('42701', message, { position: twice.position });
  }
  for (const { name, position } of names) {
    const l = placed({ ...usingColumn(left, name, 'left', position) }, position);
    const r = placed(shiftMerged({ ...usingColumn(right, name, 'right', position) }, width), position);
    const { scalars, type: common } = unify([l, r], 'JOIN/USING', context.env);
    // ASOF JOIN ... USING (key, time): the last column is the time.
    const operator = asof && conditions.length === names.length - 1 ? '>=' : '=';
    conditions.push(operatorCall(operator, [l, r], position, context.env));
    const expr = mergedValue(type, must(scalars[0]), must(scalars[1]));
    joined.push({ name, type: common, nullable: true, index: -1, hidden: false, merged: false, expr });
  }
  const merged = new Set(names.map((n) => n.name));
  const tables = bound.tables.map((t) => ({
    ...t,
    columns: t.columns.map((c) => (merged.has(c.name) && !c.hidden ? { ...c, merged: true } : c)),
  }));
  const rest = bound.joined.filter((j) => !merged.has(j.name));
  const plan = conditions.length === 0 ? bound.plan : withCondition(bound.plan, boolAnd(conditions));
  return { ...bound, plan, tables, joined: [...joined, ...rest] };
}

/** `(a JOIN b ...) AS x`: one table of all visible columns. */
function aliasJoin(bound: BoundFrom, alias: TableAlias): BoundFrom {
  const columns = starColumns(new Scope(bound, null));
  const schema: Schema = columns.map((c) => ({ name: c.name, type: c.expr.type, nullable: c.nullable }));
  const plan = project(
    bound.plan,
    columns.map((c) => c.expr),
    columns.map((c) => c.name),
  );
  const aliased = single(plan, alias.name?.name ?? '', null, renamed(schema, alias));
  const named = bound.tables.filter((t) => t.columns.length === 0 || t.columns.some((c) => !('expr' in c)));
  return { ...aliased, unreachable: [...named, ...bound.unreachable] };
}
