/**
 * Hypothetical-set aggregates: rank, dense_rank, percent_rank and cume_dist of a row that is not there, WITHIN GROUP. Each
 * is made of counts of the rows that come before the hypothetical one, so that a change costs as little as for count.
 */
import { must } from '../../common/assert.ts';
import { type DataType, types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { FunctionCall } from '../../parser/ast/expr.ts';
import type { Scalar } from '../plan/scalar.ts';
import { literal } from '../plan/scalars.ts';
import { addAggregate, bindOrder } from './aggregateCalls.ts';
import { noFunctionFor } from './callArguments.ts';
import { bindArguments } from './calls.ts';
import { coerceExplicit, unify } from './coerce.ts';
import type { BoundOrder, ExprContext, PendingAggregate } from './context.ts';
import { bindCondition } from './expr.ts';
import { boolAnd, boolNot, boolOr, operatorCall } from './operators.ts';

const names = ['rank', 'dense_rank', 'percent_rank', 'cume_dist'] as const;
type Name = (typeof names)[number];

export const isHypothetical = (name: string): name is Name => names.some((n) => n === name);

/** One ordering column: the rows' value and the hypothetical row's, of one type. */
interface Key {
  readonly order: BoundOrder;
  readonly value: Scalar;
  readonly given: Scalar;
}

export function bindHypothetical(call: FunctionCall, name: Name, context: ExprContext): Scalar {
  const position = call.span.start;
  const inner: ExprContext = { ...context, collected: null, inside: 'aggregate', clause: 'aggregates' };
  const keys = keysOf(call, name, inner);
  const filterContext: ExprContext = { ...context, collected: null, inside: null, clause: 'FILTER' };
  const filter = call.filter === null ? null : bindCondition(call.filter, filterContext, 'FILTER');
  const count = (condition: Scalar | null, distinct: boolean): Scalar => {
    const conditions = [filter, condition].filter((c) => c !== null);
    return addAggregate(countOf(keys, distinct, conditions, position, context), context);
  };
  const add = (a: Scalar, b: Scalar): Scalar => operatorCall('+', [a, b], position, context.env);
  const float = (s: Scalar): Scalar => coerceExplicit(s, types.float8, position, context.env);
  const one = literal(1n, types.int8);
  const before = isBefore(keys, position, context);
  switch (name) {
    case 'rank':
      return add(count(before, false), one);
    case 'dense_rank':
      return add(count(before, true), one);
    case 'percent_rank': {
      const all = count(null, false);
      const share = operatorCall('/', [float(count(before, false)), float(all)], position, context.env);
      const isEmpty = operatorCall('=', [all, literal(0n, types.int8)], position, context.env);
      const none = literal(0, types.float8);
      return { kind: 'case', whens: [{ when: isEmpty, then: none }], otherwise: share, type: types.float8 };
    }
    case 'cume_dist': {
      const upTo = count(boolOr([before, boolAnd(keys.map((k) => same(k, position, context)))]), false);
      const all = count(null, false);
      return operatorCall('/', [float(add(upTo, one)), float(add(all, one))], position, context.env);
    }
  }
}

function keysOf(call: FunctionCall, name: string, inner: ExprContext): readonly Key[] {
  const position = call.span.start;
  if (call.distinct) throw new SqlError('42601', 'cannot use DISTINCT with WITHIN GROUP', { position });
  if (call.orderBy.length > 0) {
    throw new SqlError('42601', 'cannot use multiple ORDER BY clauses with WITHIN GROUP', { position });
  }
  if (call.arguments.some((a) => a.variadic)) {
    throw new SqlError('42601', 'cannot use VARIADIC with WITHIN GROUP', { position });
  }
  const direct = bindArguments(call, inner);
  const order = bindOrder(call.withinGroup ?? [], inner);
  if (direct.length !== order.length) {
    const { message } = noFunctionFor(name, call, [...direct, ...order.map((o) => o.expr)]);
    throw new SqlError('42883', message, {
      position,
      hint:
        `To use the hypothetical-set aggregate ${name}, the number of hypothetical direct arguments (here ` +
        `${direct.length}) must match the number of ordering columns (here ${order.length}).`,
    });
  }
  return order.map((o, i) => {
    const { scalars } = unify([must(direct[i]), o.expr], 'WITHIN GROUP', inner.env);
    return { order: o, given: must(scalars[0]), value: must(scalars[1]) };
  });
}

/** count(*), or the count of distinct rows of the keys, of rows with all conditions. */
function countOf(
  keys: readonly Key[],
  distinct: boolean,
  conditions: readonly Scalar[],
  position: number,
  context: ExprContext,
): PendingAggregate {
  const candidates = context.env.functions.byName('count').filter((f) => f.kind === 'aggregate');
  const fn = must(candidates.find((f) => f.args.length === (distinct ? 1 : 0)));
  const row: DataType = {
    id: 'struct',
    fields: keys.map((k, i) => ({ name: `f${i + 1}`, type: k.value.type })),
  };
  return {
    fn,
    args: distinct ? [{ kind: 'row', items: keys.map((k) => k.value), type: row }] : [],
    distinct,
    filter: conditions.length === 0 ? null : boolAnd(conditions),
    orderBy: [],
    direct: keys.map((k) => k.given),
    type: types.int8,
    position,
  };
}

const isNull = (operand: Scalar): Scalar => ({ kind: 'isNull', operand, negated: false, type: types.bool });

/** The rows' key is the hypothetical row's. */
function same({ value, given }: Key, position: number, context: ExprContext): Scalar {
  return boolOr([
    operatorCall('=', [value, given], position, context.env),
    boolAnd([isNull(value), isNull(given)]),
  ]);
}

/** The rows' key sorts before the hypothetical row's; NULL counts as no. */
function smaller({ value, given, order }: Key, position: number, context: ExprContext): Scalar {
  const compared = operatorCall(order.descending ? '>' : '<', [value, given], position, context.env);
  const [first, last] = order.nullsFirst ? [value, given] : [given, value];
  return boolOr([compared, boolAnd([isNull(first), boolNot(isNull(last))])]);
}

function isBefore(keys: readonly Key[], position: number, context: ExprContext): Scalar {
  return boolOr(
    keys.map((key, i) =>
      boolAnd([...keys.slice(0, i).map((k) => same(k, position, context)), smaller(key, position, context)]),
    ),
  );
}
