/** Expressions: names, literals, operators, and the dispatch over all kinds of syntax node. */

import { must } from '../../common/assert.ts';
import { arrayOf, type DataType, types } from '../../common/dataType.ts';
import { Decimal } from '../../common/decimal.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import { parseValue } from '../../common/textIo.ts';
import type { ColumnRef, Expr, Literal, Star } from '../../parser/ast/expr.ts';
import type { Scalar } from '../plan/scalar.ts';
import { bindFunctionCall } from './calls.ts';
import { bindCast } from './casts.ts';
import { coerceBoolean, coerceImplicit, defaultUnknown, textByDefault, unify } from './coerce.ts';
import { type ExprContext, GROUPING_BASE } from './context.ts';
import { type BindEnvironment, type FoundName, placed, positionOf } from './environment.ts';
import { intervalLiteral } from './intervals.ts';
import { boolAnd, boolNot, boolOr, functionCall, operatorCall } from './operators.ts';
import { bindBetween, bindBinary, bindDistinct, bindInList, bindLike, bindQuantified } from './predicates.ts';
import { resolveColumn } from './scope.ts';
import { bindSpecialCall } from './specialCalls.ts';
import { expandStar } from './star.ts';
import { bindArraySubquery, bindExists, bindInSubquery, bindScalarSubquery } from './subqueries.ts';
import { bindFieldAccess, bindSubscript } from './subscripts.ts';

export function bindExpr(expr: Expr, context: ExprContext): Scalar {
  const bound = dispatch(expr, context);
  return positionOf(bound) === undefined ? placed(bound, expr.span.start) : bound;
}

/** Binds and coerces to boolean, for conditions. */
export function bindCondition(expr: Expr, context: ExprContext, construct: string): Scalar {
  return coerceBoolean(bindExpr(expr, context), construct, context.env);
}

/** Tells the environment's trace, if there is one, what the name was found to be. */
function noteOf(ref: ColumnRef | Star, { trace }: BindEnvironment): ((found: FoundName) => void) | undefined {
  return trace === undefined ? undefined : (found) => trace.name(ref, found);
}

function dispatch(expr: Expr, context: ExprContext): Scalar {
  const position = expr.span.start;
  const { env } = context;
  switch (expr.kind) {
    case 'Literal':
      return bindLiteral(expr);
    case 'Parameter':
      return bindParameter(expr.index, position, context);
    case 'ColumnRef':
      return resolveColumn(context.scope, expr.parts, position, env.catalog.database, noteOf(expr, env));
    case 'Star':
      // `count(t.*)`: the row of the table.
      if (expr.qualifier !== null && expr.except.length === 0) {
        return resolveColumn(
          context.scope,
          expr.qualifier,
          position,
          env.catalog.database,
          noteOf(expr, env),
        );
      }
      throw new SqlError('42601', '* is not allowed here', { position });
    case 'Unary':
      return bindUnary(expr, context);
    case 'Binary':
      return bindBinary(expr, context);
    case 'QuantifiedComparison':
      return bindQuantified(expr, context);
    case 'LogicalExpr': {
      const name = expr.operator.toUpperCase();
      const operands = expr.operands.map((o) => bindCondition(o, context, name));
      return expr.operator === 'and' ? boolAnd(operands) : boolOr(operands);
    }
    case 'NotExpr':
      return boolNot(bindCondition(expr.operand, context, 'NOT'));
    case 'IsTest':
      return bindIsTest(expr, context);
    case 'IsDistinct':
      return bindDistinct(expr, context);
    case 'IsJson': {
      const operand = coerceImplicit(bindExpr(expr.operand, context), types.text, env);
      const call = functionCall(
        'is_json',
        [operand, { kind: 'literal', value: expr.type, type: types.text }],
        position,
        env,
      );
      return expr.negated ? boolNot(call) : call;
    }
    case 'Between':
      return bindBetween(expr, context);
    case 'InList':
      return bindInList(expr, context);
    case 'InSubquery':
      return bindInSubquery(expr, context);
    case 'LikeExpr':
      return bindLike(expr, context);
    case 'CaseExpr':
      return bindCase(expr, context);
    case 'CastExpr':
      return bindCast(expr, context);
    case 'TypedLiteral':
      return bindCast(
        {
          kind: 'CastExpr',
          form: 'cast',
          operatorStart: position,
          operand: { kind: 'Literal', value: { type: 'string', value: expr.value }, span: expr.span },
          type: expr.type,
          span: expr.span,
        },
        context,
      );
    case 'IntervalLiteral':
      return intervalLiteral(expr.value, expr.fields, expr.precision, position);
    case 'FunctionCall':
      return bindFunctionCall(expr, context);
    case 'ExtractExpr':
      return functionCall(
        'extract',
        [
          { kind: 'literal', value: expr.field.toLowerCase(), type: types.unknown },
          bindExpr(expr.source, context),
        ],
        position,
        env,
        'pg_catalog.extract',
      );
    case 'SpecialCall':
      return bindSpecialCall(expr, context);
    case 'AtTimeZone':
      return functionCall(
        'timezone',
        [bindExpr(expr.zone, context), bindExpr(expr.operand, context)],
        position,
        env,
        'pg_catalog.timezone',
      );
    case 'Collate': {
      const name = must(expr.collation.parts[expr.collation.parts.length - 1]).name;
      if (!['default', 'C', 'POSIX', 'c', 'posix', 'ucs_basic'].includes(name))
        throw unsupported(`COLLATE "${name}"`, position);
      return bindExpr(expr.operand, context);
    }
    case 'Subscript':
      return bindSubscript(expr, context);
    case 'FieldAccess':
      return bindFieldAccess(expr, context);
    case 'RowExpr': {
      // A cast or an assignment of the row may still decide the type of a literal in it.
      const items = expr.items.flatMap((i) => rowItems(i, context));
      const fields = items.map((i, n) => ({ name: `f${n + 1}`, type: i.type }));
      return { kind: 'row', items, type: { id: 'struct', fields } };
    }
    case 'ArrayExpr':
      return bindArray(expr, context);
    case 'ArraySubquery':
      return bindArraySubquery(expr, context);
    case 'ScalarSubquery':
      return bindScalarSubquery(expr, context);
    case 'Exists':
      return bindExists(expr, context);
    case 'Lambda':
      throw unsupported('a lambda expression', position);
    case 'Grouping':
      return bindGrouping(expr, context);
    case 'DefaultExpr':
      throw new SqlError('42601', 'DEFAULT is not allowed in this context', { position });
  }
}

/** An item of a row; `t.*` and `(r).*` stand for all their columns. */
function rowItems(item: Expr, context: ExprContext): readonly Scalar[] {
  if (item.kind !== 'Star' || context.scope === null)
    return [textByDefault(bindExpr(item, context), context.env)];
  return expandStar(item, context.scope, context, bindExpr).map((i) => i.expr);
}

export function bindLiteral(expr: Literal): Scalar {
  const { value } = expr;
  switch (value.type) {
    case 'null':
      return { kind: 'literal', value: null, type: types.unknown };
    case 'boolean':
      return { kind: 'literal', value: value.value, type: types.bool };
    case 'string':
      return { kind: 'literal', value: value.value, type: types.unknown };
    case 'number':
      return numberLiteral(value.text);
    case 'bits':
      throw unsupported('a bit string literal', expr.span.start);
  }
}

const INT4_LIMIT = 0x80000000n;
const INT8_LIMIT = 0x8000000000000000n;

const fits = (n: bigint, limit: bigint): boolean => n < limit && n >= -limit;

/** The first of int4, int8 and numeric that holds a number as written, which may begin with a minus sign. */
export function numberLiteral(source: string): Scalar {
  const negative = source.startsWith('-');
  const digits = (negative ? source.slice(1) : source).replaceAll('_', '');
  if (!/^(\d+|0[xob][0-9a-f]+)$/i.test(digits)) {
    const value = Decimal.parse(digits);
    return { kind: 'literal', value: negative ? value.neg() : value, type: types.numeric };
  }
  const size = BigInt(/^0\d/.test(digits) ? digits.replace(/^0+(?=\d)/, '') : digits);
  const n = negative ? -size : size;
  if (fits(n, INT4_LIMIT)) return { kind: 'literal', value: Number(n), type: types.int4 };
  if (fits(n, INT8_LIMIT)) return { kind: 'literal', value: n, type: types.int8 };
  return { kind: 'literal', value: Decimal.parse(n.toString()), type: types.numeric };
}

function bindParameter(index: number, position: number, context: ExprContext): Scalar {
  if (index < 1 || index > 65535)
    throw new SqlError('42P02', `there is no parameter $${index}`, { position });
  const { parameterTypes } = context.env;
  while (parameterTypes.length < index) parameterTypes.push(null);
  const type = parameterTypes[index - 1] ?? types.unknown;
  return placed({ kind: 'parameter', index: index - 1, type }, position);
}

/** The text of a number under any number of minus signs, with its sign; null for anything else. */
function signedNumber(expr: Expr): string | null {
  if (expr.kind === 'Literal') return expr.value.type === 'number' ? expr.value.text : null;
  if (expr.kind !== 'Unary' || expr.operator !== '-') return null;
  const inner = signedNumber(expr.operand);
  if (inner === null) return null;
  return inner.startsWith('-') ? inner.slice(1) : `-${inner}`;
}

function bindUnary(expr: Expr & { kind: 'Unary' }, context: ExprContext): Scalar {
  // A sign belongs to its number before the type is chosen: -2147483648 is an integer.
  const number = signedNumber(expr);
  if (number !== null) return numberLiteral(number);
  return operatorCall(expr.operator, [bindExpr(expr.operand, context)], expr.span.start, context.env);
}

function bindIsTest(expr: Expr & { kind: 'IsTest' }, context: ExprContext): Scalar {
  const { negated } = expr;
  if (expr.test === 'null' || expr.test === 'unknown') {
    const operand =
      expr.test === 'null'
        ? bindExpr(expr.operand, context)
        : bindCondition(expr.operand, context, `IS ${negated ? 'NOT ' : ''}UNKNOWN`);
    if (operand.kind === 'row') {
      // A row is null when all its fields are, not null when none is.
      return boolAnd(
        operand.items.map((item) => ({ kind: 'isNull', operand: item, negated, type: types.bool })),
      );
    }
    return { kind: 'isNull', operand, negated, type: types.bool };
  }
  const operand = bindCondition(
    expr.operand,
    context,
    `IS ${negated ? 'NOT ' : ''}${expr.test.toUpperCase()}`,
  );
  return { kind: 'isBool', operand, test: expr.test === 'true', negated, type: types.bool };
}

function bindCase(expr: Expr & { kind: 'CaseExpr' }, context: ExprContext): Scalar {
  const { env } = context;
  const inner: ExprContext = { ...context, noSets: 'CASE' };
  const operand = expr.operand === null ? null : defaultUnknown(bindExpr(expr.operand, inner), env);
  const whens = expr.whens.map((w) => {
    if (operand === null) return bindCondition(w.when, inner, 'CASE/WHEN');
    return operatorCall('=', [operand, bindExpr(w.when, inner)], w.when.span.start, env);
  });
  const results = expr.whens.map((w) => bindExpr(w.then, inner));
  const otherwise = expr.otherwise === null ? null : bindExpr(expr.otherwise, inner);
  const all = otherwise === null ? results : [otherwise, ...results];
  const { scalars, type } = unify(all, 'CASE', env);
  const thens = otherwise === null ? scalars : scalars.slice(1);
  return {
    kind: 'case',
    whens: whens.map((when, i) => ({ when, then: must(thens[i]) })),
    otherwise: otherwise === null ? null : must(scalars[0]),
    type,
  };
}

function bindArray(
  expr: Expr & { kind: 'ArrayExpr' },
  context: ExprContext,
  target: DataType | null = null,
): Scalar {
  const items = expr.items.map((i) => bindExpr(i, context));
  if (items.length === 0) {
    if (target !== null) return { kind: 'array', items: [], nested: false, type: target };
    // An empty array takes its type from a cast around it; see casts.ts.
    throw new SqlError('42P18', 'cannot determine type of empty array', {
      position: expr.span.start,
      hint: 'Explicitly cast to the desired type, for example ARRAY[]::integer[].',
    });
  }
  const { scalars, type } = unify(items, 'ARRAY', context.env);
  const nested = type.id === 'array';
  return { kind: 'array', items: scalars, nested, type: nested ? type : arrayOf(type) };
}

function bindGrouping(expr: Expr & { kind: 'Grouping' }, context: ExprContext): Scalar {
  const { collected } = context;
  if (collected === null)
    throw new SqlError('42803', `grouping operations are not allowed in ${context.clause}`, {
      position: expr.span.start,
    });
  const args = expr.arguments.map((a) => bindExpr(a, { ...context, collected: null, clause: 'GROUPING' }));
  collected.groupings.push({ args, position: expr.span.start });
  return { kind: 'column', index: GROUPING_BASE + collected.groupings.length - 1, type: types.int4 };
}

/** A constant of a type, from text, for places where the grammar has only strings. */
export function constant(text: string, type: DataType, position: number, context: ExprContext): Scalar {
  try {
    return { kind: 'literal', value: parseValue(text, type, context.env.text), type };
  } catch (error) {
    throw error instanceof SqlError ? error.at(position) : error;
  }
}
