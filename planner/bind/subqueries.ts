/** Subqueries in expressions. Their plans refer to the row around them by `outer` columns. */
import { must } from '../../common/assert.ts';
import { arrayOf, types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type {
  ArraySubquery,
  Binary,
  Exists,
  InSubquery,
  QuantifiedComparison,
  RowExpr,
  ScalarSubquery,
} from '../../parser/ast/expr.ts';
import type { Query } from '../../parser/ast/query.ts';
import type { Scalar } from '../plan/scalar.ts';
import { columnsOf } from '../plan/scalars.ts';
import { coerceImplicit } from './coerce.ts';
import type { ExprContext, SubqueryPlan } from './context.ts';
import { bindExpr } from './expr.ts';
import { resolveOperator } from './operators.ts';
import { bindItems, compareRows } from './predicates.ts';

function plan(query: Query, context: ExprContext): SubqueryPlan {
  const { scope } = context;
  if (scope === null) return context.subquery(query, null, context.ctes);
  const before = scope.current;
  scope.current = context;
  try {
    return context.subquery(query, scope, context.ctes);
  } finally {
    scope.current = before;
  }
}

function oneColumn(planned: SubqueryPlan, position: number): SubqueryPlan['columns'][number] {
  const first = planned.columns[0];
  if (first === undefined || planned.columns.length !== 1) {
    throw new SqlError('42601', 'subquery must return only one column', { position });
  }
  return first;
}

export function bindScalarSubquery(expr: ScalarSubquery, context: ExprContext): Scalar {
  const planned = plan(expr.query, context);
  return { kind: 'scalarSubquery', plan: planned.plan, type: oneColumn(planned, expr.span.start).type };
}

export function bindArraySubquery(expr: ArraySubquery, context: ExprContext): Scalar {
  const planned = plan(expr.query, context);
  const { type } = oneColumn(planned, expr.span.start);
  return { kind: 'arraySubquery', plan: planned.plan, type: type.id === 'array' ? type : arrayOf(type) };
}

export function bindExists(expr: Exists, context: ExprContext): Scalar {
  return { kind: 'existsSubquery', plan: plan(expr.query, context).plan, negated: false, type: types.bool };
}

/** The comparison of left items with the subquery's columns; see Scalar.quantifiedSubquery. */
function quantified(
  left: readonly Scalar[],
  planned: SubqueryPlan,
  operator: string,
  quantifier: 'any' | 'all',
  negated: boolean,
  position: number,
  context: ExprContext,
): Scalar {
  if (planned.columns.length !== left.length) {
    const few = planned.columns.length < left.length;
    throw new SqlError('42601', few ? 'subquery has too few columns' : 'subquery has too many columns', {
      position,
    });
  }
  const rightColumns = columnsOf(planned.columns, left.length);
  // Literals and parameters on the left take the type that the operator wants beside the subquery's column.
  const typed = left.map((l, i) => {
    if (l.type.id !== 'unknown') return l;
    const match = resolveOperator(operator, [l, must(rightColumns[i])], position, context.env);
    return coerceImplicit(l, must(match.types[0]), context.env);
  });
  const leftColumns = typed.map((l, index): Scalar => ({ kind: 'column', index, type: l.type }));
  const condition = compareRows(operator, leftColumns, rightColumns, position, context);
  return {
    kind: 'quantifiedSubquery',
    quantifier,
    left: typed,
    condition,
    plan: planned.plan,
    negated,
    type: types.bool,
  };
}

export function bindInSubquery(expr: InSubquery, context: ExprContext): Scalar {
  const left =
    expr.operand.kind === 'RowExpr' ? bindItems(expr.operand, context) : [bindExpr(expr.operand, context)];
  return quantified(left, plan(expr.query, context), '=', 'any', expr.negated, expr.operatorStart, context);
}

export function bindQuantifiedSubquery(
  expr: QuantifiedComparison,
  query: Query,
  context: ExprContext,
): Scalar {
  const left = expr.left.kind === 'RowExpr' ? bindItems(expr.left, context) : [bindExpr(expr.left, context)];
  return quantified(
    left,
    plan(query, context),
    expr.operator,
    expr.quantifier,
    false,
    expr.operatorStart,
    context,
  );
}

/** (a, b) = (SELECT c, d ...): a row subquery; more than one row is an error, none is NULL. */
export function bindRowSubqueryComparison(
  expr: Binary,
  row: RowExpr,
  subquery: ScalarSubquery,
  context: ExprContext,
): Scalar {
  const left = bindItems(row, context);
  const planned = plan(subquery.query, context);
  if (planned.columns.length !== left.length) {
    const few = planned.columns.length < left.length;
    throw new SqlError('42601', few ? 'subquery has too few columns' : 'subquery has too many columns', {
      position: expr.operatorStart,
    });
  }
  const type = {
    id: 'struct' as const,
    fields: planned.columns.map((c) => ({ name: c.name, type: c.type })),
  };
  const packed: Scalar = {
    kind: 'scalarSubquery',
    plan: {
      kind: 'Project',
      input: planned.plan,
      exprs: [
        {
          kind: 'row',
          items: planned.columns.map((c, index) => ({ kind: 'column', index, type: c.type })),
          type,
        },
      ],
      schema: [{ name: 'row', type, nullable: true }],
    },
    type,
  };
  const right = planned.columns.map(
    (c, index): Scalar => ({ kind: 'field', operand: packed, index, type: c.type }),
  );
  return compareRows(expr.operator, left, right, expr.operatorStart, context);
}
