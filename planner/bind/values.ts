/** VALUES as a query: rows of expressions, each column of one type. */
import { must } from '../../common/assert.ts';
import type { Column } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Expr } from '../../parser/ast/expr.ts';
import type { Values } from '../../parser/ast/query.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import { isNullable } from '../plan/scalars.ts';
import { unify } from './coerce.ts';
import { bindExpr } from './expr.ts';
import { type BoundNested, exprContext, type QueryContext } from './query.ts';
import { Scope } from './scope.ts';

/** 42601 unless all rows are as wide as the first. */
export function checkRowWidths(values: Values): void {
  const width = must(values.rows[0]).length;
  const odd = values.rows.find((row) => row.length !== width);
  if (odd === undefined) return;
  throw new SqlError('42601', 'VALUES lists must all be the same length', {
    position: odd[0]?.span.start ?? values.span.start,
  });
}

export function bindValues(values: Values, context: QueryContext): BoundNested {
  checkRowWidths(values);
  const scope = new Scope({}, context.parent);
  const expr = { ...exprContext(context.env, scope, context.ctes), clause: 'VALUES' };
  const bind = (item: Expr) => {
    if (item.kind === 'DefaultExpr') {
      throw new SqlError('42601', 'DEFAULT is not allowed in this context', { position: item.span.start });
    }
    return bindExpr(item, expr);
  };
  const rows = values.rows.map((row) => row.map(bind));
  const first = must(values.rows[0]);
  const columns = first.map((_, c) =>
    unify(
      rows.map((row) => must(row[c])),
      'VALUES',
      context.env,
    ),
  );
  const schema = columns.map((u, c): Column => {
    const nullable = u.scalars.some((s) => isNullable(s, []));
    return { name: `column${c + 1}`, type: u.type, nullable };
  });
  const plan: LogicalPlan = {
    kind: 'Values',
    rows: rows.map((_, r) => columns.map((u) => must(u.scalars[r]))),
    schema,
  };
  return { plan, columns: schema, positions: first.map((e) => e.span.start), order: [] };
}
