/** The binder's entry points for queries and single expressions. */
import type { DataType, Schema } from '../../common/dataType.ts';
import type { Expr } from '../../parser/ast/expr.ts';
import type { Query } from '../../parser/ast/query.ts';
import type { SortKey } from '../plan/aggregateCall.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import type { BindEnvironment } from './environment.ts';
import { bindExpr } from './expr.ts';
import { parametersOf } from './parameterTypes.ts';
import { bindQueryBody, exprContext, noCtes } from './query.ts';
import { Scope, scopeTable } from './scope.ts';

export type { BindEnvironment } from './environment.ts';

export interface BoundQuery {
  readonly plan: LogicalPlan;
  /** The plan's first `visible` columns are the result; the rest are sort columns. */
  readonly visible: number;
  /** Order of the result. */
  readonly order: readonly SortKey[];
  /** Types of $1, $2 ... */
  readonly parameters: readonly DataType[];
  /** The visible columns. */
  readonly columns: Schema;
}

/** Binds a whole query. Parameters whose type nothing decides are text where that is what a select item defaults to. */
export function bindQuery(query: Query, env: BindEnvironment): BoundQuery {
  const bound = bindQueryBody(query, { env, ctes: noCtes, parent: null });
  return {
    plan: bound.plan,
    visible: bound.columns.length,
    order: bound.order,
    parameters: parametersOf(env, { plans: [bound.plan], scalars: [] }),
    columns: bound.columns,
  };
}

/** An expression over nothing: EXECUTE arguments, SET values, DEFAULT. Literals keep the unknown type. */
export function bindStandalone(expr: Expr, env: BindEnvironment, clause = 'this clause'): Scalar {
  return bindExpr(expr, { ...exprContext(env, null, noCtes), clause });
}

/** An expression over one row of a relation known as `alias` (generated columns, CHECK, WHERE of an index). */
export function bindOverRow(
  expr: Expr,
  alias: string,
  columns: Schema,
  env: BindEnvironment,
  clause: string,
): Scalar {
  const scope = new Scope({ tables: [scopeTable(alias, null, columns)] }, null);
  return bindExpr(expr, { ...exprContext(env, scope, noCtes), clause });
}
