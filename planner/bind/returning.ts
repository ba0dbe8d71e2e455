/** RETURNING: a select list over the row that a statement wrote, and over the tables joined with it. */
import type { Schema } from '../../common/dataType.ts';
import { unsupported } from '../../common/sqlError.ts';
import type { SelectItem } from '../../parser/ast/query.ts';
import type { Scalar } from '../plan/scalar.ts';
import { hasSubquery, isNullable } from '../plan/scalars.ts';
import { defaultUnknown } from './coerce.ts';
import { outputName } from './columnNames.ts';
import type { BindEnvironment } from './environment.ts';
import { bindExpr } from './expr.ts';
import { exprContext, noCtes } from './query.ts';
import type { Scope } from './scope.ts';
import { expandStar, type Item } from './star.ts';

export interface BoundReturning {
  readonly exprs: readonly Scalar[];
  readonly columns: Schema;
}

/** The list over `scope`, whose row has the columns `row`; null when there is none. */
export function bindReturning(
  items: readonly SelectItem[],
  scope: Scope,
  row: Schema,
  env: BindEnvironment,
): BoundReturning | null {
  if (items.length === 0) return null;
  const context = { ...exprContext(env, scope, noCtes), clause: 'RETURNING' };
  const bound = items.flatMap((item): readonly Item[] => {
    const { expr, alias } = item;
    if (expr.kind === 'Star') return expandStar(expr, scope, context, bindExpr);
    const scalar = defaultUnknown(bindExpr(expr, context), env);
    return [{ name: alias?.name ?? outputName(expr), expr: scalar, position: expr.span.start }];
  });
  for (const b of bound) if (hasSubquery(b.expr)) throw unsupported('a subquery in RETURNING', b.position);
  return {
    exprs: bound.map((b) => b.expr),
    columns: bound.map((b) => ({ name: b.name, type: b.expr.type, nullable: isNullable(b.expr, row) })),
  };
}
