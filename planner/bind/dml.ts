/**
 * INSERT, UPDATE, DELETE. The binder gives values per target column, and plans whose rows are a table's old row followed
 * by new values; the server applies them to the transaction. Defaults and generated columns are scalars.
 */
import type { DataType } from '../../common/dataType.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { Expr } from '../../parser/ast/expr.ts';
import type { SelectItem, TableRef } from '../../parser/ast/query.ts';
import type { Delete, Insert, OnConflict, Update } from '../../parser/ast/statement.ts';
import { filter, project } from '../plan/construct.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { columnsOf, hasSubquery } from '../plan/scalars.ts';
import {
  bindAssignments,
  columnIndex,
  defaultOf,
  generatedScalars,
  isGenerated,
  type TargetTable,
} from './assignments.ts';
import type { BoundQuery } from './bind.ts';
import type { ExprContext } from './context.ts';
import type { BindEnvironment } from './environment.ts';
import { bindCondition } from './expr.ts';
import { bindFrom } from './from.ts';
import { bindSource } from './insertSource.ts';
import { parametersOf } from './parameterTypes.ts';
import { exprContext, noCtes } from './query.ts';
import { type BoundReturning, bindReturning } from './returning.ts';
import { Scope, scopeTable } from './scope.ts';
import { bindWith } from './with.ts';

export type { TargetTable } from './assignments.ts';
export type { BoundReturning } from './returning.ts';

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
  /** Over the row as written. */
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
  /** Rows: all columns of the table, then one per `columns`, then the columns of the joined tables for RETURNING. */
  readonly query: BoundQuery;
  /** Columns that are set. */
  readonly columns: readonly number[];
  readonly generated: readonly (Scalar | null)[];
  /** Over the row as written (DELETE: as it was) ++ the columns of the joined tables. */
  readonly returning: BoundReturning | null;
  readonly parameters: readonly DataType[];
}

// INSERT

export function bindInsert(statement: Insert, table: TargetTable, env: BindEnvironment): BoundInsert {
  const { entry } = table;
  const targets = targetsOf(statement, table);
  const bound = bindSource(statement, table, targets, env);
  const width = bound.kind === 'rows' ? (bound.rows[0]?.length ?? 0) : bound.width;
  const alias = statement.alias?.name ?? entry.name;
  const row = new Scope({ tables: [scopeTable(alias, entry, entry.columns)] }, null);
  const onConflict =
    statement.onConflict === null ? null : bindConflict(statement.onConflict, alias, table, env);
  const returning = bindReturning(statement.returning, row, entry.columns, env);
  const inConflict = onConflict?.kind === 'update' ? conflictScalars(onConflict) : [];
  const inRows = bound.kind === 'rows' ? bound.rows.flatMap((r) => r.filter((s) => s !== null)) : [];
  const parameters = parametersOf(env, {
    plans: bound.kind === 'plan' ? [bound.plan] : [],
    scalars: [...(env.parameterTypes.length === 0 ? [] : inRows), ...inConflict, ...(returning?.exprs ?? [])],
  });
  return {
    targets: targets.slice(0, width),
    source:
      bound.kind === 'rows' ? bound : { kind: 'query', query: asQuery(bound.plan, bound.width, parameters) },
    defaults: entry.columns.map((_, i) => defaultOf(table, i, env)),
    generated: generatedScalars(table, env),
    onConflict,
    returning,
    parameters,
  };
}

function asQuery(plan: LogicalPlan, visible: number, parameters: readonly DataType[]): BoundQuery {
  return { plan, visible, order: [], parameters, columns: plan.schema.slice(0, visible) };
}

/** The columns that the source's columns go to: those named, or all that are visible. */
function targetsOf(statement: Insert, table: TargetTable): readonly number[] {
  const { columns } = table.entry;
  if (statement.columns.length === 0) {
    return columns.flatMap((c, i) => (c.hidden === true ? [] : [i]));
  }
  const seen = new Set<number>();
  return statement.columns.map((column) => {
    const index = columnIndex(table, column);
    if (seen.has(index)) {
      const message = `column "${column.name}" specified more than once`;
      throw new SqlError('42701', message, { position: column.span.start });
    }
    seen.add(index);
    return index;
  });
}

const conflictScalars = (c: BoundConflict & { kind: 'update' }): readonly Scalar[] =>
  c.where === null ? c.values : [...c.values, c.where];

function bindConflict(
  conflict: OnConflict,
  alias: string,
  table: TargetTable,
  env: BindEnvironment,
): BoundConflict {
  const { entry } = table;
  const position = conflict.span.start;
  checkConflictTarget(conflict, table);
  if (conflict.action.kind === 'nothing') return { kind: 'nothing' };
  if (conflict.target.length === 0) {
    throw new SqlError('42601', 'ON CONFLICT DO UPDATE requires inference specification or constraint name', {
      position,
      hint: 'For example, ON CONFLICT (column_name).',
    });
  }
  const tables = [
    scopeTable(alias, entry, entry.columns),
    scopeTable('excluded', null, entry.columns, entry.columns.length),
  ];
  const context = { ...exprContext(env, new Scope({ tables }, null), noCtes), clause: 'ON CONFLICT' };
  const set = bindAssignments(conflict.action.assignments, table, context);
  const { where } = conflict.action;
  const bound: BoundConflict = {
    kind: 'update',
    columns: set.filter((s) => !isGenerated(table, s.column)).map((s) => s.column),
    values: set.filter((s) => !isGenerated(table, s.column)).map((s) => s.value),
    where: where === null ? null : bindCondition(where, { ...context, clause: 'WHERE' }, 'WHERE'),
  };
  if (conflictScalars(bound).some(hasSubquery)) {
    throw unsupported('a subquery in ON CONFLICT DO UPDATE', position);
  }
  return bound;
}

function checkConflictTarget(conflict: OnConflict, table: TargetTable): void {
  const { entry } = table;
  if (conflict.target.length === 0) return;
  const columns = conflict.target.map((c) => {
    const index = entry.columns.findIndex((column) => column.name === c.name);
    if (index >= 0) return index;
    throw new SqlError('42703', `column "${c.name}" does not exist`, { position: c.span.start });
  });
  const key = entry.declaredKey ? (entry.key ?? []) : [];
  if (new Set(columns).size === key.length && columns.every((c) => key.includes(c))) return;
  const message = 'there is no unique or exclusion constraint matching the ON CONFLICT specification';
  throw new SqlError('42P10', message, { position: conflict.span.start });
}

// UPDATE and DELETE

interface Matching {
  readonly plan: LogicalPlan;
  /** Over the target's columns ++ those of the other tables. */
  readonly context: ExprContext;
  readonly scope: Scope;
}

/** The target and other tables joined, filtered. The target's columns come first. */
function bindMatching(target: Update | Delete, others: readonly TableRef[], env: BindEnvironment): Matching {
  const { table: name, alias } = target;
  const around = { env, ctes: noCtes, parent: null };
  const ctes = target.with === null ? noCtes : bindWith(target.with, around);
  // The target is a relation even where a WITH item has its name.
  const first: TableRef = { kind: 'NamedTable', name, alias, asOf: null, span: name.span };
  const hidden = name.parts.length === 1 ? name.parts[0]?.name : undefined;
  const visible = { ...ctes, find: (wanted: string) => (wanted === hidden ? null : ctes.find(wanted)) };
  const from = bindFrom([first, ...others], target, {
    ...around,
    ctes: others.length === 0 ? visible : ctes,
  });
  const scope = new Scope(from, null);
  return { plan: from.plan, context: exprContext(env, scope, ctes), scope };
}

function filtered({ plan, context }: Matching, where: Expr | null): LogicalPlan {
  if (where === null) return plan;
  return filter(plan, bindCondition(where, { ...context, clause: 'WHERE' }, 'WHERE'));
}

/** Old rows ++ new values, and the other tables' columns where RETURNING may name them. */
function bindChange(
  input: LogicalPlan,
  table: TargetTable,
  set: readonly { readonly column: number; readonly value: Scalar }[],
  items: readonly SelectItem[],
  scope: Scope,
  env: BindEnvironment,
): BoundChange {
  const width = table.entry.columns.length;
  const row = columnsOf(input.schema);
  const returning = bindReturning(items, scope, input.schema, env);
  const others = returning === null ? [] : row.slice(width);
  const exprs = [...row.slice(0, width), ...set.map((s) => s.value), ...others];
  const names: readonly string[] = [
    ...input.schema.slice(0, width).map((c) => c.name),
    ...set.map((_, i) => `new${i}`),
    ...input.schema.slice(width, width + others.length).map((c) => c.name),
  ];
  const plan = project(input, exprs, names);
  const parameters = parametersOf(env, { plans: [plan], scalars: returning?.exprs ?? [] });
  return {
    query: asQuery(plan, exprs.length, parameters),
    columns: set.map((s) => s.column),
    generated: set.length === 0 ? [] : generatedScalars(table, env),
    returning,
    parameters,
  };
}

export function bindUpdate(statement: Update, table: TargetTable, env: BindEnvironment): BoundChange {
  const matching = bindMatching(statement, statement.from, env);
  const set = bindAssignments(statement.assignments, table, { ...matching.context, clause: 'UPDATE' });
  const input = filtered(matching, statement.where);
  const written = set.filter((s) => !isGenerated(table, s.column));
  return bindChange(input, table, written, statement.returning, matching.scope, env);
}

export function bindDelete(statement: Delete, table: TargetTable, env: BindEnvironment): BoundChange {
  const matching = bindMatching(statement, statement.using, env);
  const input = filtered(matching, statement.where);
  return bindChange(input, table, [], statement.returning, matching.scope, env);
}
