/** What an INSERT inserts: rows of expressions, or a query, fitted to the target columns. */
import { must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Expr } from '../../parser/ast/expr.ts';
import type { Query, Values } from '../../parser/ast/query.ts';
import type { Insert } from '../../parser/ast/statement.ts';
import { project } from '../plan/construct.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { hasSubquery, literal } from '../plan/scalars.ts';
import { assigner, defaultOf, isGenerated, type TargetTable } from './assignments.ts';
import { coerceAssign } from './coerce.ts';
import type { BindEnvironment } from './environment.ts';
import { bindQueryBody, exprContext, noCtes } from './query.ts';
import { outputsOf } from './refit.ts';
import { Scope, scopeTable } from './scope.ts';
import { checkRowWidths } from './values.ts';

/** Rows of scalars (null: DEFAULT), or a plan whose first columns are the targets'. */
export type InsertSource =
  | { readonly kind: 'rows'; readonly rows: readonly (readonly (Scalar | null)[])[] }
  | { readonly kind: 'plan'; readonly plan: LogicalPlan; readonly width: number };

export function bindSource(
  statement: Insert,
  table: TargetTable,
  targets: readonly number[],
  env: BindEnvironment,
): InsertSource {
  const { source } = statement;
  if (source === null) return { kind: 'rows', rows: [[]] };
  const plain =
    source.with === null && source.orderBy.length === 0 && source.limit === null && source.offset === null;
  if (source.body.kind === 'Values' && plain) return bindRows(source.body, statement, table, targets, env);
  return bindPlan(source, statement, table, targets, env);
}

/** 42601 when there are more or fewer values than columns; without a column list fewer will do. */
function checkWidth(positions: readonly number[], statement: Insert, targets: readonly number[]): void {
  const extra = positions[targets.length];
  if (extra !== undefined) {
    throw new SqlError('42601', 'INSERT has more expressions than target columns', { position: extra });
  }
  const unfilled = statement.columns[positions.length];
  if (unfilled !== undefined) {
    throw new SqlError('42601', 'INSERT has more target columns than expressions', {
      position: unfilled.span.start,
    });
  }
}

function refuseGenerated(table: TargetTable, index: number, position: number): void {
  if (!isGenerated(table, index)) return;
  const name = must(table.entry.columns[index]).name;
  throw new SqlError('428C9', `cannot insert a non-DEFAULT value into column "${name}"`, {
    detail: `Column "${name}" is a generated column.`,
    position,
  });
}

function bindRows(
  values: Values,
  statement: Insert,
  table: TargetTable,
  targets: readonly number[],
  env: BindEnvironment,
): InsertSource {
  checkRowWidths(values);
  const first = must(values.rows[0]);
  checkWidth(
    first.map((e) => e.span.start),
    statement,
    targets,
  );
  // The table itself is no name here; only hints know of it.
  const { entry } = table;
  const scope = new Scope({ unreachable: [scopeTable(entry.name, entry, entry.columns)] }, null);
  const context = { ...exprContext(env, scope, noCtes), clause: 'VALUES' };
  const assign = targets.map((t) => assigner(must(entry.columns[t]), context));
  const bind = (item: Expr, i: number): Scalar | null => {
    if (item.kind === 'DefaultExpr') return null;
    refuseGenerated(table, must(targets[i]), item.span.start);
    return must(assign[i])(item);
  };
  const rows = values.rows.map((row) => row.map(bind));
  if (!rows.some((row) => row.some((s) => s !== null && hasSubquery(s)))) return { kind: 'rows', rows };
  return { kind: 'plan', plan: rowsPlan(rows, table, targets, env), width: first.length };
}

/** Rows with subqueries among them as a plan. */
function rowsPlan(
  rows: readonly (readonly (Scalar | null)[])[],
  table: TargetTable,
  targets: readonly number[],
  env: BindEnvironment,
): LogicalPlan {
  const width = must(rows[0]).length;
  const used = targets.slice(0, width);
  const defaults = used.map((t) =>
    isGenerated(table, t) ? literal(null, must(table.entry.columns[t]).type) : defaultOf(table, t, env),
  );
  const schema = used.map((t) => ({ ...must(table.entry.columns[t]), nullable: true }));
  return { kind: 'Values', rows: rows.map((row) => row.map((s, i) => s ?? must(defaults[i]))), schema };
}

function bindPlan(
  source: Query,
  statement: Insert,
  table: TargetTable,
  targets: readonly number[],
  env: BindEnvironment,
): InsertSource {
  const bound = bindQueryBody(source, { env, ctes: noCtes, parent: null });
  const { columns, positions } = bound;
  checkWidth(positions, statement, targets);
  const { input, scalars } = outputsOf(bound);
  const exprs = scalars.map((scalar, i): Scalar => {
    const position = must(positions[i]);
    const target = must(targets[i]);
    refuseGenerated(table, target, position);
    const column = must(table.entry.columns[target]);
    return coerceAssign(scalar, column.type, column.name, position, env);
  });
  const names = columns.map((c) => c.name);
  return { kind: 'plan', plan: project(input, exprs, names), width: columns.length };
}
