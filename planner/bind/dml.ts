/**
 * INSERT, UPDATE, DELETE. The binder gives values per target column, and plans whose rows are a table's old row followed
 * by new values; the server applies them to the transaction. Defaults and generated columns are scalars.
 */

import { must } from '../../common/assert.ts';
import { castValue } from '../../common/cast.ts';
import type { RelationEntry } from '../../common/catalog.ts';
import { type Column, type DataType, type Schema, types } from '../../common/dataType.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { Ident } from '../../parser/ast/common.ts';
import type { Expr } from '../../parser/ast/expr.ts';
import type { Query, TableRef } from '../../parser/ast/query.ts';
import type { Assignment, Delete, Insert, OnConflict, Update } from '../../parser/ast/statement.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { hasSubquery } from '../plan/scalars.ts';
import { type BoundQuery, bindOverRow, bindQuery } from './bind.ts';
import { coerceAssign, tryCoerce } from './coerce.ts';
import type { CteScope } from './context.ts';
import type { BindEnvironment } from './environment.ts';
import { positionOf } from './environment.ts';
import { bindCondition, bindExpr, bindLiteral } from './expr.ts';
import { bindFrom } from './from.ts';
import { bindNestedQuery, bindWith, exprContext, noCtes, unknownLiterals } from './query.ts';
import { type BoundReturning, bindReturning } from './returning.ts';
import { Scope, scopeTable } from './scope.ts';

/** A table as DML sees it. */
export interface TargetTable {
  readonly entry: RelationEntry;
  /** Per column. */
  readonly defaults: readonly (Expr | null)[];
  readonly generated: readonly (Expr | null)[];
}

export interface BoundInsert {
  /** Columns of the table that the source gives, in its order. */
  readonly targets: readonly number[];
  /** Rows of scalars (null: DEFAULT), or a query. */
  readonly source:
    | { readonly kind: 'rows'; readonly rows: readonly (readonly (Scalar | null)[])[] }
    | { readonly kind: 'query'; readonly query: BoundQuery };
  /** Per column of the table: its default (a NULL literal where there is none). */
  readonly defaults: readonly Scalar[];
  /** Per column: the generating expression over the row, null for ordinary columns. */
  readonly generated: readonly (Scalar | null)[];
  readonly onConflict: BoundConflict | null;
  readonly returning: BoundReturning | null;
  readonly parameters: readonly DataType[];
}

export type BoundConflict =
  | { readonly kind: 'nothing' }
  /** `values` and `where` are over the existing row ++ the row proposed. */
  | {
      readonly kind: 'update';
      readonly columns: readonly number[];
      readonly values: readonly Scalar[];
      readonly where: Scalar | null;
    };

export interface BoundChange {
  /** Rows: all columns of the table, one per `columns`, then the other tables' columns. */
  readonly query: BoundQuery;
  /** Columns that are set. */
  readonly columns: readonly number[];
  readonly generated: readonly (Scalar | null)[];
  readonly returning: BoundReturning | null;
  readonly parameters: readonly DataType[];
}

function columnIndex(table: TargetTable, column: Ident): number {
  const index = table.entry.columns.findIndex((c) => c.name === column.name && c.hidden !== true);
  if (index < 0) {
    throw new SqlError('42703', `column "${column.name}" of relation "${table.entry.name}" does not exist`, {
      position: column.span.start,
    });
  }
  return index;
}

/** The default of a column as a scalar of its type. */
function defaultOf(table: TargetTable, index: number, env: BindEnvironment): Scalar {
  const column = must(table.entry.columns[index]);
  const expr = table.defaults[index] ?? null;
  if (expr === null) return { kind: 'literal', value: null, type: column.type };
  return bindAssigned(
    expr,
    column,
    { ...exprContext(env, null, noCtes), clause: 'DEFAULT expressions' },
    env,
  );
}

function generatedScalars(table: TargetTable, env: BindEnvironment): readonly (Scalar | null)[] {
  return table.generated.map((expr, i) => {
    if (expr === null) return null;
    const column = must(table.entry.columns[i]);
    const bound = bindOverRow(
      expr,
      table.entry.name,
      table.entry.columns,
      env,
      'column generation expressions',
    );
    return coerceAssign(bound, column.type, column.name, undefined, env);
  });
}

function bindAssigned(
  expr: Expr,
  column: Column,
  context: ReturnType<typeof exprContext>,
  env: BindEnvironment,
): Scalar {
  if (expr.kind === 'Literal') return assignLiteral(bindLiteral(expr), column, expr.span.start, env);
  const bound = bindExpr(expr, context);
  return coerceAssign(bound, column.type, column.name, positionOf(bound) ?? expr.span.start, env);
}

/** A literal as a value of the column's type, converted now: long VALUES lists need no compiled casts. */
function assignLiteral(literal: Scalar, column: Column, position: number, env: BindEnvironment): Scalar {
  if (literal.kind === 'literal' && literal.value === null)
    return { kind: 'literal', value: null, type: column.type };
  try {
    const coerced = tryCoerce(literal, column.type, 'assignment', env);
    if (coerced === null) return coerceAssign(literal, column.type, column.name, position, env);
    if (coerced.kind !== 'cast' || coerced.operand.kind !== 'literal' || coerced.operand.value === null)
      return coerced;
    const value = castValue(coerced.operand.value, coerced.operand.type, column.type, false, env.text);
    return { kind: 'literal', value, type: column.type };
  } catch (error) {
    throw error instanceof SqlError ? error.at(position) : error;
  }
}

// INSERT

export function bindInsert(statement: Insert, table: TargetTable, env: BindEnvironment): BoundInsert {
  const visible = table.entry.columns.flatMap((c, i) => (c.hidden === true ? [] : [i]));
  const named = statement.columns.length > 0;
  const targets = named ? statement.columns.map((c) => columnIndex(table, c)) : visible;
  const seen = new Set<number>();
  targets.forEach((t, i) => {
    if (seen.has(t)) {
      const column = must(statement.columns[i]);
      throw new SqlError('42701', `column "${column.name}" specified more than once`, {
        position: column.span.start,
      });
    }
    seen.add(t);
  });
  const source = bindSource(statement, table, targets, env);
  const width = source.kind === 'rows' ? (source.rows[0]?.length ?? 0) : source.query.visible;
  const used = targets.slice(0, statement.source === null ? 0 : width);
  const { entry } = table;
  const written = scopeTable(statement.alias?.name ?? entry.name, entry.schema, entry, entry.columns, 0);
  return {
    targets: used,
    source,
    defaults: table.entry.columns.map((_, i) => defaultOf(table, i, env)),
    generated: generatedScalars(table, env),
    onConflict:
      statement.onConflict === null ? null : bindConflict(statement.onConflict, statement, table, env),
    returning: bindReturning(statement.returning, exprContext(env, new Scope([written], null), noCtes)),
    parameters: env.parameterTypes.map((t) => t ?? types.text),
  };
}

function refuseGenerated(table: TargetTable, index: number): void {
  if ((table.generated[index] ?? null) === null) return;
  const name = must(table.entry.columns[index]).name;
  throw new SqlError('428C9', `cannot insert a non-DEFAULT value into column "${name}"`, {
    detail: `Column "${name}" is a generated column.`,
  });
}

/** `positions` are those of the expressions, as far as known. */
function checkWidth(
  width: number,
  targets: readonly number[],
  named: readonly Ident[],
  positions: readonly number[],
): void {
  const at = (position: number | undefined) => (position === undefined ? {} : { position });
  if (width > targets.length) {
    const where = at(positions[targets.length] ?? positions[0]);
    throw new SqlError('42601', 'INSERT has more expressions than target columns', where);
  }
  if (named.length > width) {
    const where = at(named[width]?.span.start);
    throw new SqlError('42601', 'INSERT has more target columns than expressions', where);
  }
}

/** Rows in which a subquery stands are planned as a query: only plans evaluate subqueries. */
function rowsAsQuery(
  rows: readonly (readonly (Scalar | null)[])[],
  targets: readonly number[],
  table: TargetTable,
  env: BindEnvironment,
): BoundQuery {
  const columns = targets.slice(0, rows[0]?.length ?? 0).map((t) => must(table.entry.columns[t]));
  const schema = columns.map((c) => ({ name: c.name, type: c.type, nullable: true }));
  const full = rows.map((row) => row.map((item, i) => item ?? defaultOf(table, must(targets[i]), env)));
  const plan: LogicalPlan = { kind: 'Values', rows: full, schema };
  return {
    plan,
    visible: schema.length,
    order: [],
    parameters: env.parameterTypes.map((t) => t ?? types.text),
    columns: schema,
  };
}

function bindSource(
  statement: Insert,
  table: TargetTable,
  targets: readonly number[],
  env: BindEnvironment,
): BoundInsert['source'] {
  const { source } = statement;
  if (source === null) return { kind: 'rows', rows: [[]] };
  const plain =
    source.with === null && source.orderBy.length === 0 && source.limit === null && source.offset === null;
  if (source.body.kind === 'Values' && plain) {
    const context = { ...exprContext(env, null, noCtes), clause: 'VALUES' };
    const first = must(source.body.rows[0]);
    checkWidth(
      first.length,
      targets,
      statement.columns,
      first.map((item) => item.span.start),
    );
    const columns = targets.map((t) => must(table.entry.columns[t]));
    const rows = source.body.rows.map((row) => {
      if (row.length !== first.length) {
        throw new SqlError('42601', 'VALUES lists must all be the same length', {
          position: row[0]?.span.start ?? source.span.start,
        });
      }
      return row.map((item, i) => {
        if (item.kind === 'DefaultExpr') return null;
        refuseGenerated(table, must(targets[i]));
        return bindAssigned(item, must(columns[i]), context, env);
      });
    });
    return rows.some((row) => row.some((item) => item !== null && hasSubquery(item)))
      ? { kind: 'query', query: rowsAsQuery(rows, targets, table, env) }
      : { kind: 'rows', rows };
  }
  return { kind: 'query', query: bindSourceQuery(source, table, targets, statement.columns, env) };
}

/** Where the items of a plain select list stand. */
function selectPositions(source: Query): readonly number[] {
  if (source.body.kind !== 'Select') return [];
  if (source.body.items.some((item) => item.expr.kind === 'Star')) return [];
  return source.body.items.map((item) => item.expr.span.start);
}

function bindSourceQuery(
  source: Query,
  table: TargetTable,
  targets: readonly number[],
  named: readonly Ident[],
  env: BindEnvironment,
): BoundQuery {
  const bound = bindQuery(source, env);
  checkWidth(bound.visible, targets, named, selectPositions(source));
  for (const t of targets.slice(0, bound.visible)) refuseGenerated(table, t);
  const exprs: Scalar[] = bound.plan.schema.map((c, index) => {
    const column: Scalar = { kind: 'column', index, type: c.type };
    if (index >= bound.visible) return column;
    const target = must(table.entry.columns[must(targets[index])]);
    const literal = bound.plan.kind === 'Project' ? bound.plan.exprs[index] : undefined;
    if (literal?.kind === 'literal' && unknownLiterals.has(literal)) {
      return coerceAssign(
        { ...literal, type: types.unknown },
        target.type,
        target.name,
        positionOf(literal),
        env,
      );
    }
    return coerceAssign(column, target.type, target.name, source.span.start, env);
  });
  const schema = exprs.map((e, i) => ({
    name: must(bound.plan.schema[i]).name,
    type: e.type,
    nullable: true,
  }));
  return { ...bound, plan: { kind: 'Project', input: bound.plan, exprs, schema } };
}

function bindConflict(
  conflict: OnConflict,
  statement: Insert,
  table: TargetTable,
  env: BindEnvironment,
): BoundConflict {
  const { entry } = table;
  if (conflict.target.length > 0) {
    const columns = conflict.target.map((c) => columnIndex(table, c));
    const key = entry.declaredKey ? (entry.key ?? []) : [];
    if (columns.length !== key.length || !columns.every((c) => key.includes(c))) {
      throw new SqlError(
        '42P10',
        'there is no unique or exclusion constraint matching the ON CONFLICT specification',
      );
    }
  }
  if (conflict.action.kind === 'nothing') return { kind: 'nothing' };
  if (conflict.target.length === 0) {
    throw new SqlError('42601', 'ON CONFLICT DO UPDATE requires inference specification or constraint name', {
      position: conflict.span.start,
      hint: 'For example, ON CONFLICT (column_name).',
    });
  }
  const alias = statement.alias?.name ?? entry.name;
  const width = entry.columns.length;
  const scope = new Scope(
    [
      scopeTable(alias, entry.schema, entry, entry.columns, 0),
      scopeTable('excluded', null, null, entry.columns, width),
    ],
    null,
  );
  const context = { ...exprContext(env, scope, noCtes), clause: 'ON CONFLICT' };
  const set = bindAssignments(conflict.action.assignments, table, context, env);
  const where =
    conflict.action.where === null ? null : bindCondition(conflict.action.where, context, 'WHERE');
  if ([...set.map((s) => s.value), ...(where === null ? [] : [where])].some(hasSubquery))
    throw unsupported('a subquery in ON CONFLICT DO UPDATE', conflict.span.start);
  return { kind: 'update', columns: set.map((s) => s.column), values: set.map((s) => s.value), where };
}

// UPDATE and DELETE

function bindAssignments(
  assignments: readonly Assignment[],
  table: TargetTable,
  context: ReturnType<typeof exprContext>,
  env: BindEnvironment,
): readonly { readonly column: number; readonly value: Scalar }[] {
  const set = new Map<number, Scalar>();
  const put = (ident: Ident, make: (column: Column, index: number) => Scalar): void => {
    const index = columnIndex(table, ident);
    if (set.has(index)) throw new SqlError('42601', `multiple assignments to same column "${ident.name}"`);
    set.set(index, make(must(table.entry.columns[index]), index));
  };
  const assigned = (expr: Expr, column: Column, index: number): Scalar => {
    if (expr.kind === 'DefaultExpr') return defaultOf(table, index, env);
    if ((table.generated[index] ?? null) !== null) {
      throw new SqlError('428C9', `column "${column.name}" can only be updated to DEFAULT`, {
        detail: `Column "${column.name}" is a generated column.`,
        position: expr.span.start,
      });
    }
    return bindAssigned(expr, column, context, env);
  };
  for (const a of assignments) {
    if (a.values.kind === 'exprs') {
      const { exprs } = a.values;
      if (exprs.length !== a.columns.length) {
        throw new SqlError('42601', 'number of columns does not match number of values', {
          position: a.span.start,
        });
      }
      a.columns.forEach((ident, i) => {
        put(ident, (column, index) => assigned(must(exprs[i]), column, index));
      });
      continue;
    }
    const nested = bindNestedQuery(a.values.query, { env, ctes: context.ctes, parent: context.scope });
    if (nested.columns.length !== a.columns.length) {
      throw new SqlError('42601', 'number of columns does not match number of values', {
        position: a.span.start,
      });
    }
    const type = {
      id: 'struct' as const,
      fields: nested.columns.map((c) => ({ name: c.name, type: c.type })),
    };
    const items: Scalar[] = nested.columns.map((c, index) => ({ kind: 'column', index, type: c.type }));
    const packed: Scalar = {
      kind: 'scalarSubquery',
      plan: {
        kind: 'Project',
        input: nested.plan,
        exprs: [{ kind: 'row', items, type }],
        schema: [{ name: 'row', type, nullable: true }],
      },
      type,
    };
    a.columns.forEach((ident, i) => {
      put(ident, (column) => {
        const field: Scalar = {
          kind: 'field',
          operand: packed,
          index: i,
          type: must(nested.columns[i]).type,
        };
        return coerceAssign(field, column.type, column.name, ident.span.start, env);
      });
    });
  }
  return [...set].map(([column, value]) => ({ column, value }));
}

/** The target and other tables joined, filtered. The target's columns come first. */
function bindMatching(statement: Update | Delete, others: readonly TableRef[], env: BindEnvironment) {
  const { table: name, alias, where } = statement;
  const ctes = bindWith(statement.with, { env, ctes: noCtes, parent: null });
  const target: TableRef = { kind: 'NamedTable', name, alias, asOf: null, span: name.span };
  // A CTE of the target's name hides it from the FROM list, not from the statement.
  const own = name.parts.at(-1)?.name;
  const hidden: CteScope = { find: (wanted) => (wanted === own ? null : ctes.find(wanted)) };
  const from = bindFrom([target, ...others], { env, ctes: hidden, parent: null, left: null });
  const context = exprContext(env, new Scope(from.tables, null, from.joined), ctes);
  if (where === null) return { plan: from.plan, context };
  const condition = bindCondition(where, { ...context, clause: 'WHERE' }, 'WHERE');
  const plan: LogicalPlan = { kind: 'Filter', input: from.plan, condition, schema: from.plan.schema };
  return { plan, context };
}

/** Old row, new values, then the other tables' columns: RETURNING reads the new row followed by these. */
function changeQuery(
  input: LogicalPlan,
  table: TargetTable,
  values: readonly Scalar[],
  env: BindEnvironment,
): BoundQuery {
  const all: Scalar[] = input.schema.map((c, index) => ({ kind: 'column', index, type: c.type }));
  const width = table.entry.columns.length;
  const exprs = [...all.slice(0, width), ...values, ...all.slice(width)];
  const schema: Schema = exprs.map((e, i) => ({
    name: table.entry.columns[i]?.name ?? `new${i}`,
    type: e.type,
    nullable: true,
  }));
  const plan: LogicalPlan = { kind: 'Project', input, exprs, schema };
  return {
    plan,
    visible: schema.length,
    order: [],
    parameters: env.parameterTypes.map((t) => t ?? types.text),
    columns: schema,
  };
}

export function bindUpdate(statement: Update, table: TargetTable, env: BindEnvironment): BoundChange {
  const { plan, context } = bindMatching(statement, statement.from, env);
  const set = bindAssignments(statement.assignments, table, { ...context, clause: 'UPDATE' }, env);
  const values = set.map((s) => s.value);
  const returning = bindReturning(statement.returning, context);
  const query = changeQuery(plan, table, values, env);
  return {
    query,
    columns: set.map((s) => s.column),
    generated: generatedScalars(table, env),
    returning,
    parameters: query.parameters,
  };
}

export function bindDelete(statement: Delete, table: TargetTable, env: BindEnvironment): BoundChange {
  const { plan, context } = bindMatching(statement, statement.using, env);
  const returning = bindReturning(statement.returning, context);
  const query = changeQuery(plan, table, [], env);
  return { query, columns: [], generated: [], returning, parameters: query.parameters };
}
