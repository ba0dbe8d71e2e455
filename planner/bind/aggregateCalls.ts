/**
 * Calls of aggregates. A call belongs to the nearest query whose columns its arguments name (to its own query when they
 * name none); there it is collected, and a placeholder column stands for its result.
 */
import { must } from '../../common/assert.ts';
import type { AggregateFunction } from '../../common/function.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Expr, FunctionCall } from '../../parser/ast/expr.ts';
import type { OrderItem } from '../../parser/ast/query.ts';
import { scalarKey } from '../plan/fingerprint.ts';
import type { Scalar } from '../plan/scalar.ts';
import { hasSubquery } from '../plan/scalars.ts';
import { ambiguousFor, argumentsOf, choose, noFunctionFor } from './callArguments.ts';
import { bindArguments } from './calls.ts';
import { defaultUnknown } from './coerce.ts';
import { requireEquality, requireOrdering } from './comparable.ts';
import { AGGREGATE_BASE, type BoundOrder, type ExprContext, type PendingAggregate } from './context.ts';
import { positionOf } from './environment.ts';
import { bindCondition, bindExpr } from './expr.ts';
import { resultType } from './overload.ts';
import { levelsOf, moveOut } from './rewrite.ts';
import { reference } from './scope.ts';
import { noteUse } from './userFunctions.ts';

const FUNCTIONS_IN_FROM = 'functions in FROM';

export function bindAggregateCall(
  call: FunctionCall,
  name: string,
  candidates: readonly AggregateFunction[],
  context: ExprContext,
): Scalar {
  return addAggregate(bindPending(call, name, candidates, context), context);
}

/** Collects a call where it belongs; gives the placeholder of its result. */
export function addAggregate(pending: PendingAggregate, context: ExprContext): Scalar {
  const { position } = pending;
  const level = levelOf(pending);
  const owner = ownerAt(context, level);
  if (owner === null) {
    const where =
      context.clause === FUNCTIONS_IN_FROM ? FUNCTIONS_IN_FROM : 'FROM clause of their own query level';
    const message = `aggregate functions are not allowed in ${where}`;
    throw new SqlError('42803', message, { position });
  }
  checkAllowed(owner, position);
  const { aggregates } = must(owner.collected);
  aggregates.push(moved(pending, level));
  return reference(AGGREGATE_BASE + aggregates.length - 1, pending.type, level);
}

/** The context that the call is in at the level it belongs to; null where nothing is being bound over that row. */
function ownerAt(context: ExprContext, level: number): ExprContext | null {
  if (level === 0) return context;
  let scope = context.scope;
  for (let i = 0; i < level && scope !== null; i++) scope = scope.parent;
  return scope?.current ?? null;
}

function checkAllowed(context: ExprContext, position: number): void {
  if (context.inside === 'aggregate') {
    throw new SqlError('42803', 'aggregate function calls cannot be nested', { position });
  }
  if (context.collected === null) {
    throw new SqlError('42803', `aggregate functions are not allowed in ${context.clause}`, { position });
  }
}

function scalarsOf(call: PendingAggregate): readonly Scalar[] {
  return [...call.args, ...call.orderBy.map((o) => o.expr), ...(call.filter === null ? [] : [call.filter])];
}

function levelOf(call: PendingAggregate): number {
  const levels = scalarsOf(call).flatMap((s) => [...levelsOf(s)]);
  return levels.length === 0 ? 0 : Math.min(...levels);
}

function moved(call: PendingAggregate, by: number): PendingAggregate {
  if (by === 0) return call;
  return {
    ...call,
    args: call.args.map((a) => moveOut(a, by)),
    orderBy: call.orderBy.map((o) => ({ ...o, expr: moveOut(o.expr, by) })),
    filter: call.filter === null ? null : moveOut(call.filter, by),
    ...(call.direct === undefined ? {} : { direct: call.direct.map((d) => moveOut(d, by)) }),
  };
}

/** An expression without its places in the text. */
function shapeOf(expr: Expr): string {
  return JSON.stringify(expr, (key, value: unknown) =>
    key === 'span' || key.endsWith('Start') ? undefined : typeof value === 'bigint' ? String(value) : value,
  );
}

function bindPending(
  call: FunctionCall,
  name: string,
  candidates: readonly AggregateFunction[],
  context: ExprContext,
): PendingAggregate {
  const position = call.span.start;
  const inner: ExprContext = { ...context, collected: null, inside: 'aggregate', clause: 'aggregates' };
  const direct = call.star ? [] : bindArguments(call, inner);
  const orderBy = bindOrder([...call.orderBy, ...(call.withinGroup ?? [])], inner).map((o, n) => {
    // A subquery written twice is one value: both places must be the same scalar.
    const item = call.orderBy[n];
    if (item === undefined || !hasSubquery(o.expr)) return o;
    const same = call.arguments.findIndex((argument) => shapeOf(argument.value) === shapeOf(item.expr));
    return same < 0 ? o : { ...o, expr: direct[same] ?? o.expr };
  });
  const args = call.withinGroup === null ? direct : [...direct, ...orderBy.map((o) => o.expr)];
  const chosen = choose(candidates, call, args);
  if (chosen === null) throw noFunctionFor(name, call, args);
  if (chosen === 'ambiguous') throw ambiguousFor(name, call, args);
  const { fn } = chosen;
  noteUse(fn, context.env);
  const coerced = argumentsOf(chosen, args, context.env);
  checkClauses(call, name, fn, coerced, orderBy);
  const filterContext: ExprContext = { ...context, collected: null, inside: null, clause: 'FILTER' };
  return {
    fn,
    args: coerced,
    distinct: call.distinct,
    filter: call.filter === null ? null : bindCondition(call.filter, filterContext, 'FILTER'),
    orderBy,
    ...(call.withinGroup === null ? {} : { direct }),
    type: resultType(fn.returns, chosen.match),
    position,
  };
}

function checkClauses(
  call: FunctionCall,
  name: string,
  fn: AggregateFunction,
  args: readonly Scalar[],
  orderBy: readonly BoundOrder[],
): void {
  const position = call.span.start;
  if (args.length === 0 && !call.star && call.withinGroup === null) {
    const message = `${name}(*) must be used to call a parameterless aggregate function`;
    throw new SqlError('42809', message, { position });
  }
  if (call.withinGroup !== null && fn.orderedSet !== true) {
    const message = `${name} is not an ordered-set aggregate, so it cannot have WITHIN GROUP`;
    throw new SqlError('42809', message, { position });
  }
  if (fn.orderedSet === true && orderBy.length === 0) {
    throw new SqlError('42809', `aggregate function ${name} requires an ORDER BY`, { position });
  }
  if (!call.distinct) return;
  const keys = new Set(
    args.flatMap((a) => (a.kind === 'cast' ? [scalarKey(a), scalarKey(a.operand)] : [scalarKey(a)])),
  );
  const stray = orderBy.find((o) => !keys.has(scalarKey(o.expr)));
  if (stray !== undefined && call.withinGroup === null) {
    const message = 'in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list';
    throw new SqlError('42P10', message, { position: positionOf(stray.expr) ?? position });
  }
  for (const a of args) requireEquality(a.type, positionOf(a) ?? position);
}

/** ORDER BY items of aggregates and windows: expressions over the input only. */
export function bindOrder(items: readonly OrderItem[], context: ExprContext): readonly BoundOrder[] {
  return items.map((item) => {
    const expr = defaultUnknown(bindExpr(item.expr, context), context.env);
    requireOrdering(expr.type, item.expr.span.start);
    const descending = item.direction === 'desc';
    return { expr, descending, nullsFirst: item.nulls === null ? descending : item.nulls === 'first' };
  });
}
