/** `*`, `t.*`, `(row).*` and `* EXCEPT (...)` as lists of columns. */
import { must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatType } from '../../common/typeTable.ts';
import type { Expr, Star } from '../../parser/ast/expr.ts';
import type { Scalar } from '../plan/scalar.ts';
import type { ExprContext } from './context.ts';
import { placed } from './environment.ts';
import { missingTable } from './nameErrors.ts';
import { columnValue, findTable, type Scope, starColumns } from './scope.ts';

/** One column of a select list. */
export interface Item {
  readonly name: string;
  readonly expr: Scalar;
  readonly position: number;
}

/** The items that a star stands for. `bind` binds the row of `(row).*` and the names of EXCEPT. */
export function expandStar(
  star: Star,
  scope: Scope,
  context: ExprContext,
  bind: (expr: Expr, context: ExprContext) => Scalar,
): readonly Item[] {
  const position = star.span.start;
  const items = itemsOf(star, scope, position, () => bind(must(star.of), context));
  if (star.except.length === 0) return items;
  for (const e of star.except) bind(e, context);
  const dropped = new Set(star.except.map((e) => must(e.parts.at(-1)).name));
  return items.filter((i) => !dropped.has(i.name));
}

function itemsOf(star: Star, scope: Scope, position: number, row: () => Scalar): readonly Item[] {
  if (star.of !== null) return fieldsOf(row(), position);
  if (star.qualifier !== null) {
    const names = star.qualifier.map((q) => q.name);
    return tableColumns(scope, must(names.at(-1)), names.at(-2) ?? null, position);
  }
  if (scope.tables.length === 0) {
    throw new SqlError('42601', 'SELECT * with no tables specified is not valid', { position });
  }
  return starColumns(scope).map((c) => ({ name: c.name, expr: placed({ ...c.expr }, position), position }));
}

function fieldsOf(row: Scalar, position: number): readonly Item[] {
  const { type } = row;
  if (type.id !== 'struct') {
    throw new SqlError('42809', `type ${formatType(type)} is not composite`, { position });
  }
  return type.fields.map((f, index): Item => {
    const expr: Scalar =
      row.kind === 'row' ? must(row.items[index]) : { kind: 'field', operand: row, index, type: f.type };
    return { name: f.name, expr, position };
  });
}

function tableColumns(from: Scope, alias: string, schema: string | null, position: number): readonly Item[] {
  let depth = 0;
  for (let scope: Scope | null = from; scope !== null; scope = scope.parent, depth++) {
    const table = findTable(scope, schema, alias, position);
    if (table === null) continue;
    const visible = table.columns.filter((c) => !c.hidden);
    return visible.map((c) => ({
      name: c.name,
      expr: placed(columnValue(c, depth), position),
      position,
    }));
  }
  throw missingTable(from, alias, position);
}
