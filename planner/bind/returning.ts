/** RETURNING: a select list over the row that a statement wrote, and over the other tables that it read. */
import { must } from '../../common/assert.ts';
import type { Schema } from '../../common/dataType.ts';
import { unsupported } from '../../common/sqlError.ts';
import type { SelectItem } from '../../parser/ast/query.ts';
import type { Scalar } from '../plan/scalar.ts';
import { hasSubquery } from '../plan/scalars.ts';
import { defaultUnknown } from './coerce.ts';
import { outputName } from './columnNames.ts';
import type { ExprContext } from './context.ts';
import { bindExpr } from './expr.ts';
import { findTable, missingTable, type Scope } from './scope.ts';

export interface BoundReturning {
  readonly exprs: readonly Scalar[];
  readonly columns: Schema;
}

interface Named {
  readonly name: string;
  readonly expr: Scalar;
}

/** The visible columns of `t.*` or `*`. */
function starColumns(item: SelectItem & { readonly expr: { readonly kind: 'Star' } }, scope: Scope): Named[] {
  const { expr } = item;
  const position = expr.span.start;
  if (expr.of !== null || expr.except.length > 0) throw unsupported('this form of * in RETURNING', position);
  const alias = expr.qualifier?.at(-1)?.name ?? null;
  const table =
    alias === null ? null : findTable(scope, expr.qualifier?.at(-2)?.name ?? null, alias, position);
  if (alias !== null && table === null) throw missingTable(scope, alias, position);
  return (table ?? scope).columns
    .filter((c) => !c.hidden && (table !== null || !c.merged))
    .map((c) => ({ name: c.name, expr: { kind: 'column', index: c.index, type: c.type } }));
}

/** Null where there is no RETURNING. */
export function bindReturning(items: readonly SelectItem[], context: ExprContext): BoundReturning | null {
  if (items.length === 0) return null;
  const scope = must(context.scope, 'RETURNING has a row');
  const inner = { ...context, clause: 'RETURNING' };
  const bound = items.flatMap((item): Named[] => {
    const { expr } = item;
    if (expr.kind === 'Star') return starColumns({ ...item, expr }, scope);
    const scalar = defaultUnknown(bindExpr(expr, inner), context.env);
    if (hasSubquery(scalar)) throw unsupported('a subquery in RETURNING', expr.span.start);
    return [{ name: item.alias?.name ?? outputName(expr), expr: scalar }];
  });
  return {
    exprs: bound.map((b) => b.expr),
    columns: bound.map((b) => ({ name: b.name, type: b.expr.type, nullable: true })),
  };
}
