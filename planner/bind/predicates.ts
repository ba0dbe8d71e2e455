/** Comparisons and other predicates: rows, BETWEEN, IN, LIKE, IS DISTINCT FROM, ANY and ALL. */

import { must } from '../../common/assert.ts';
import { type DataType, types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatType } from '../../common/typeTable.ts';
import type { Value } from '../../common/value.ts';
import type {
  Between,
  Binary,
  InList,
  IsDistinct,
  LikeExpr,
  QuantifiedComparison,
  RowExpr,
} from '../../parser/ast/expr.ts';
import type { Scalar } from '../plan/scalar.ts';
import { coerceImplicit, unify } from './coerce.ts';
import type { ExprContext } from './context.ts';
import { bindExpr } from './expr.ts';
import { boolAnd, boolNot, boolOr, functionCall, operatorCall, resolveOperator } from './operators.ts';
import { resultType } from './overload.ts';
import { bindQuantifiedSubquery, bindRowSubqueryComparison } from './subqueries.ts';

export function bindBinary(expr: Binary, context: ExprContext): Scalar {
  const { operator, operatorStart } = expr;
  if (expr.left.kind === 'RowExpr' && expr.right.kind === 'RowExpr') {
    return compareRows(
      operator,
      bindItems(expr.left, context),
      bindItems(expr.right, context),
      operatorStart,
      context,
    );
  }
  if (expr.left.kind === 'RowExpr' && expr.right.kind === 'ScalarSubquery') {
    return bindRowSubqueryComparison(expr, expr.left, expr.right, context);
  }
  return operatorCall(
    operator,
    [bindExpr(expr.left, context), bindExpr(expr.right, context)],
    operatorStart,
    context.env,
  );
}

export function bindItems(row: RowExpr, context: ExprContext): Scalar[] {
  return row.items.map((item) => bindExpr(item, context));
}

/** (a, b) op (c, d), field by field as SQL defines it. */
export function compareRows(
  operator: string,
  left: readonly Scalar[],
  right: readonly Scalar[],
  position: number,
  context: ExprContext,
): Scalar {
  if (left.length !== right.length)
    throw new SqlError('42601', 'unequal number of entries in row expressions', { position });
  if (left.length === 0) throw new SqlError('0A000', 'cannot compare rows of zero length', { position });
  const call = (op: string, i: number): Scalar =>
    operatorCall(op, [must(left[i]), must(right[i])], position, context.env);
  switch (operator) {
    case '=':
      return boolAnd(left.map((_, i) => call('=', i)));
    case '<>':
      return boolOr(left.map((_, i) => call('<>', i)));
    case '<':
    case '<=':
    case '>':
    case '>=': {
      const strict = operator.charAt(0);
      let result = call(operator, left.length - 1);
      for (let i = left.length - 2; i >= 0; i--)
        result = boolOr([call(strict, i), boolAnd([call('=', i), result])]);
      return result;
    }
    default:
      throw notComparison(operator, call(operator, 0).type, position);
  }
}

function notComparison(operator: string, type: DataType, position: number): SqlError {
  if (type.id !== 'bool') {
    const message = `row comparison operator must yield type boolean, not type ${formatType(type)}`;
    return new SqlError('42804', message, { position });
  }
  return new SqlError('0A000', `could not determine interpretation of row comparison operator ${operator}`, {
    position,
    hint: 'Row comparison operators must be associated with btree operator families.',
  });
}

export function bindDistinct(expr: IsDistinct, context: ExprContext): Scalar {
  if (expr.left.kind === 'RowExpr' && expr.right.kind === 'RowExpr') {
    const left = bindItems(expr.left, context);
    const right = bindItems(expr.right, context);
    if (left.length !== right.length) {
      throw new SqlError('42601', 'unequal number of entries in row expressions', {
        position: expr.operatorStart,
      });
    }
    const parts = left.map((l, i) =>
      distinctPair(l, must(right[i]), expr.negated, expr.operatorStart, context),
    );
    return expr.negated ? boolAnd(parts) : boolOr(parts);
  }
  return distinctPair(
    bindExpr(expr.left, context),
    bindExpr(expr.right, context),
    expr.negated,
    expr.operatorStart,
    context,
  );
}

function distinctPair(
  left: Scalar,
  right: Scalar,
  negated: boolean,
  position: number,
  context: ExprContext,
): Scalar {
  const equal = operatorCall('=', [left, right], position, context.env);
  const isPair = equal.kind === 'call' && equal.args.length === 2;
  const [l, r] = isPair ? [must(equal.args[0]), must(equal.args[1])] : [left, right];
  const { scalars } = unify([l, r], 'IS DISTINCT FROM', context.env);
  return { kind: 'isDistinct', left: must(scalars[0]), right: must(scalars[1]), negated, type: types.bool };
}

export function bindBetween(expr: Between, context: ExprContext): Scalar {
  const position = expr.operatorStart;
  const { env } = context;
  const operand = bindExpr(expr.operand, context);
  const low = bindExpr(expr.low, context);
  const high = bindExpr(expr.high, context);
  const inside = (a: Scalar, b: Scalar): Scalar =>
    boolAnd([
      operatorCall('>=', [operand, a], position, env),
      operatorCall('<=', [operand, b], position, env),
    ]);
  const result = expr.symmetric ? boolOr([inside(low, high), inside(high, low)]) : inside(low, high);
  return expr.negated ? boolNot(result) : result;
}

const hashable: readonly DataType['id'][] = [
  'bool',
  'int2',
  'int4',
  'int8',
  'text',
  'varchar',
  'name',
  'date',
  'timestamp',
  'timestamptz',
  'uuid',
  'oid',
  'numeric',
  'float8',
];

export function bindInList(expr: InList, context: ExprContext): Scalar {
  if (expr.operand.kind === 'RowExpr') return bindRowIn(expr, expr.operand, context);
  const { env } = context;
  const operand = bindExpr(expr.operand, context);
  const items = expr.items.map((i) => bindExpr(i, context));
  const set = literalSet(operand, items, expr.negated, expr.operatorStart, context);
  if (set !== null) return set;
  const tests = items.map((item) =>
    operatorCall(expr.negated ? '<>' : '=', [operand, item], expr.operatorStart, env),
  );
  return expr.negated ? boolAnd(tests) : boolOr(tests);
}

/** Literals of one hashable type, three or more, become a hashed set. */
function literalSet(
  operand: Scalar,
  items: readonly Scalar[],
  negated: boolean,
  position: number,
  context: ExprContext,
): Scalar | null {
  if (items.length < 3 || operand.type.id === 'unknown' || !items.every((i) => i.kind === 'literal'))
    return null;
  // The comparison's own types decide: int8 IN (1, 2) compares int8 with int4.
  const calls = items.map((item) => resolveOperator('=', [operand, item], position, context.env));
  const { scalars, type } = unify([operand, ...items], 'IN', context.env);
  if (!hashable.includes(type.id) || calls.some((c) => c.types.some((t) => !hashable.includes(t.id))))
    return null;
  const values: Value[] = [];
  let hasNull = false;
  for (const s of scalars.slice(1)) {
    const folded = foldCast(s, type);
    if (folded === undefined) return null;
    if (folded === null) hasNull = true;
    else values.push(folded);
  }
  return { kind: 'inSet', operand: must(scalars[0]), values, hasNull, negated, type: types.bool };
}

/** The value of a literal, or of an integer literal cast to a wider integer. */
function foldCast(s: Scalar, type: DataType): Value | undefined {
  if (s.kind === 'literal') return s.value;
  if (s.kind === 'cast' && s.operand.kind === 'literal') {
    const { value } = s.operand;
    if (value === null) return null;
    if (type.id === 'int8' && typeof value === 'number') return BigInt(value);
    if (type.id === 'float8' && typeof value === 'number') return value;
    if ((type.id === 'text' || type.id === 'varchar') && typeof value === 'string') return value;
  }
  return undefined;
}

function bindRowIn(expr: InList, row: RowExpr, context: ExprContext): Scalar {
  const left = bindItems(row, context);
  const tests = expr.items.map((item) => {
    if (item.kind !== 'RowExpr') {
      const operands = [bindExpr(row, context), bindExpr(item, context)];
      return operatorCall('=', operands, expr.operatorStart, context.env);
    }
    return compareRows('=', left, bindItems(item, context), expr.operatorStart, context);
  });
  const matched = boolOr(tests);
  return expr.negated ? boolNot(matched) : matched;
}

const likeOperators = {
  like: ['~~', '!~~'],
  ilike: ['~~*', '!~~*'],
} as const;

export function bindLike(expr: LikeExpr, context: ExprContext): Scalar {
  const { env } = context;
  const position = expr.operatorStart;
  const operand = bindExpr(expr.operand, context);
  let pattern = bindExpr(expr.pattern, context);
  const escapeChar = expr.escape === null ? null : bindExpr(expr.escape, context);
  if (expr.operator === 'similar') {
    const asText = (s: Scalar): Scalar => coerceImplicit(s, types.text, env);
    const regex = functionCall(
      'similar_to_escape',
      escapeChar === null ? [asText(pattern)] : [asText(pattern), asText(escapeChar)],
      position,
      env,
    );
    return operatorCall(expr.negated ? '!~' : '~', [operand, regex], position, env);
  }
  if (escapeChar !== null) pattern = functionCall('like_escape', [pattern, escapeChar], position, env);
  return operatorCall(likeOperators[expr.operator][expr.negated ? 1 : 0], [operand, pattern], position, env);
}

export function bindQuantified(expr: QuantifiedComparison, context: ExprContext): Scalar {
  if (expr.right.kind === 'query') return bindQuantifiedSubquery(expr, expr.right.query, context);
  const { env } = context;
  const position = expr.operatorStart;
  const left = bindExpr(expr.left, context);
  let array = bindExpr(expr.right.expr, context);
  if (array.type.id === 'unknown') {
    const element: DataType = left.type.id === 'unknown' ? types.text : left.type;
    array = coerceImplicit(array, { id: 'array', element }, env);
  }
  if (array.type.id !== 'array') {
    throw new SqlError('42809', 'op ANY/ALL (array) requires array on right side', { position });
  }
  const element: Scalar = { kind: 'literal', value: null, type: array.type.element };
  const match = resolveOperator(expr.operator, [left, element], position, env);
  const elementType = must(match.types[1]);
  if (resultType(match.fn.returns, match).id !== 'bool') {
    throw new SqlError('42809', 'op ANY/ALL (array) requires operator to yield boolean', { position });
  }
  return {
    kind: 'quantified',
    fn: match.fn,
    quantifier: expr.quantifier,
    left: coerceImplicit(left, must(match.types[0]), env),
    right: coerceImplicit(array, { id: 'array', element: elementType }, env),
    type: types.bool,
  };
}
