/** a[i], a[i:j], jsonb subscripts, and fields of structs. */
import { types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatType } from '../../common/typeTable.ts';
import type { Expr, FieldAccess, Subscript } from '../../parser/ast/expr.ts';
import type { Scalar } from '../plan/scalar.ts';
import { coerceImplicit, tryCoerce } from './coerce.ts';
import type { ExprContext } from './context.ts';
import { bindExpr } from './expr.ts';
import { operatorCall } from './operators.ts';

/**
 * The subscripts of a chain `a[i][j]`, outermost operand first. `(a[i:j])[k]` is two chains: a parenthesis makes the outer
 * one start before the inner one.
 */
function chainOf(expr: Subscript): { readonly base: Expr; readonly subscripts: readonly Subscript[] } {
  const subscripts: Subscript[] = [expr];
  let base = expr.operand;
  while (base.kind === 'Subscript' && base.span.start === expr.span.start) {
    subscripts.unshift(base);
    base = base.operand;
  }
  return { base, subscripts };
}

export function bindSubscript(expr: Subscript, context: ExprContext): Scalar {
  const { base, subscripts } = chainOf(expr);
  const operand = bindExpr(base, context);
  const { env } = context;
  if (operand.type.id === 'jsonb') return jsonbSubscripts(operand, subscripts, context);
  if (operand.type.id !== 'array') {
    throw new SqlError(
      '42804',
      `cannot subscript type ${formatType(operand.type)} because it does not support subscripting`,
      {
        position: base.span.start,
      },
    );
  }
  const index = (e: Expr): Scalar => {
    const coerced = tryCoerce(bindExpr(e, context), types.int4, 'assignment', env);
    if (coerced === null)
      throw new SqlError('42804', 'array subscript must have type integer', { position: e.span.start });
    return coerced;
  };
  if (subscripts.some((s) => s.slice)) {
    const bounds = subscripts.map((s) =>
      s.slice
        ? { lower: s.lower === null ? null : index(s.lower), upper: s.upper === null ? null : index(s.upper) }
        : {
            lower: { kind: 'literal' as const, value: 1, type: types.int4 },
            upper: s.lower === null ? null : index(s.lower),
          },
    );
    return { kind: 'slice', operand, bounds, type: operand.type };
  }
  const indexes = subscripts.flatMap((s) => (s.lower === null ? [] : [index(s.lower)]));
  return { kind: 'subscript', operand, indexes, type: operand.type.element };
}

function jsonbSubscripts(operand: Scalar, subscripts: readonly Subscript[], context: ExprContext): Scalar {
  let result = operand;
  for (const s of subscripts) {
    if (s.slice || s.lower === null)
      throw new SqlError('42804', 'jsonb subscript does not support slices', { position: s.span.start });
    let key = bindExpr(s.lower, context);
    if (key.type.id === 'unknown') key = coerceImplicit(key, types.text, context.env);
    result = operatorCall('->', [result, key], s.span.start, context.env);
  }
  return result;
}

export function bindFieldAccess(expr: FieldAccess, context: ExprContext): Scalar {
  const operand = bindExpr(expr.operand, context);
  const name = expr.field.name;
  if (operand.type.id !== 'struct') {
    throw new SqlError(
      '42809',
      `column notation .${name} applied to type ${formatType(operand.type)}, which is not a composite type`,
      {
        position: expr.field.span.start,
      },
    );
  }
  const index = operand.type.fields.findIndex((f) => f.name === name);
  const field = operand.type.fields[index];
  if (field === undefined)
    throw new SqlError('42703', `column "${name}" not found in data type record`, {
      position: expr.field.span.start,
    });
  return { kind: 'field', operand, index, type: field.type };
}
