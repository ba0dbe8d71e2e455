/**
 * FROM: relations, views, derived tables and their joins to a plan with its scope. Table functions are in
 * tableFunctions.ts, TUMBLE and HOP in windowTable.ts, JOIN in joins.ts.
 *
 * Levels: the right side of a join is bound one level further in, because it may turn out to be lateral. If it does not
 * refer to the left side, the level is taken out again and the join is an ordinary one.
 */
import { must } from '../../common/assert.ts';
import type { RelationEntry } from '../../common/catalog.ts';
import type { Schema } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { DerivedTable, NamedTable, TableAlias, TableRef } from '../../parser/ast/query.ts';
import { parse } from '../../parser/parse.ts';
import type { AnyNode } from '../../parser/walk.ts';
import { oneRow } from '../plan/construct.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import { bindTemporal, misplacedAsOf } from './asofJoin.ts';
import type { CteScope } from './context.ts';
import type { BindEnvironment } from './environment.ts';
import { bindJoin, joinSides, withoutAsOf } from './joins.ts';
import { didYouMean } from './nameErrors.ts';
import { bindNestedQuery, noCtes } from './query.ts';
import { refersOut, shiftOuter } from './rewrite.ts';
import { type MergedColumn, Scope, type ScopeTable, scopeTable } from './scope.ts';
import { bindTableFunction } from './tableFunctions.ts';
import { bindSample, misplacedSample } from './tableSample.ts';
import { bindWindowTable } from './windowTable.ts';
import { cteReference } from './with.ts';

export interface BoundFrom {
  readonly plan: LogicalPlan;
  readonly tables: readonly ScopeTable[];
  readonly joined: readonly MergedColumn[];
  /** Tables inside that the alias of a join hides. */
  readonly unreachable: readonly ScopeTable[];
}

export interface FromContext {
  readonly env: BindEnvironment;
  readonly ctes: CteScope;
  /** The row around, for items that are not lateral. Tables on the left are levels of it without names. */
  readonly parent: Scope | null;
  /** The same levels with the tables on the left: what lateral items see. */
  readonly lateral: Scope | null;
  /** All tables on the left, for hints. */
  readonly siblings: readonly ScopeTable[];
  /** All that may name the tables. */
  readonly reader: AnyNode;
}

/** The whole FROM clause of `reader`; comma is a cross join. */
export function bindFrom(
  items: readonly TableRef[],
  reader: AnyNode,
  query: { readonly env: BindEnvironment; readonly ctes: CteScope; readonly parent: Scope | null },
): BoundFrom {
  const context: FromContext = { ...query, lateral: query.parent, siblings: [], reader };
  const [first, ...rest] = items;
  if (first === undefined) return { plan: oneRow, tables: [], joined: [], unreachable: [] };
  let bound = bindTableRef(first, context);
  for (const item of rest) {
    const { table, asOf } = withoutAsOf(item);
    const { right, lateral } = bindRightSide(bound, table, context, false);
    const joined = joinSides('inner', bound, right, lateral);
    const position = item.span.start;
    const sides = { plan: joined.plan, left: bound, right };
    bound =
      asOf === null
        ? joined
        : { ...joined, plan: bindTemporal({ type: 'inner', asof: false, position }, asOf, sides, context) };
  }
  checkAliases(bound.tables, first.span.start);
  return bound;
}

/** 42712 for two tables of one name. Relations of different schemas may share theirs. */
export function checkAliases(tables: readonly ScopeTable[], position: number): void {
  const seen = new Map<string, ScopeTable[]>();
  for (const table of tables) {
    if (table.alias === '') continue;
    const same = seen.get(table.alias) ?? [];
    const plain = (t: ScopeTable): boolean => t.relation?.name === t.alias;
    const clash = same.some((t) => !(plain(t) && plain(table) && t.schema !== table.schema));
    if (clash) {
      throw new SqlError('42712', `table name "${table.alias}" specified more than once`, { position });
    }
    seen.set(table.alias, [...same, table]);
  }
}

/** Binds what stands right of `left`; `forbidden`: the join type does not let it refer to the left side. */
export function bindRightSide(
  left: BoundFrom,
  ref: TableRef,
  context: FromContext,
  forbidden: boolean,
): { readonly right: BoundFrom; readonly lateral: boolean } {
  const { tables, joined, unreachable } = left;
  const right = bindTableRef(ref, {
    ...context,
    parent: new Scope({ unreachable: [...tables, ...unreachable] }, context.parent),
    lateral: new Scope({ tables, joined, unreachable, forbidden }, context.lateral),
    siblings: [...context.siblings, ...tables],
  });
  if (refersOut(right.plan, 1)) return { right, lateral: true };
  return { right: { ...right, plan: shiftOuter(right.plan, -1, 2) }, lateral: false };
}

export function bindTableRef(ref: TableRef, context: FromContext): BoundFrom {
  switch (ref.kind) {
    case 'NamedTable':
      return bindNamed(ref, context);
    case 'DerivedTable':
      return bindDerived(ref, context);
    case 'TableFunction':
      return bindTableFunction(ref, context);
    case 'WindowTable':
      return bindWindowTable(ref, context, bindTableRef);
    case 'Join':
      return bindJoin(ref, context);
  }
}

/** One table in scope over a plan whose columns are `columns`. */
export function single(
  plan: LogicalPlan,
  alias: string,
  relation: RelationEntry | null,
  columns: Schema,
  scalar = false,
): BoundFrom {
  return {
    plan,
    tables: [scopeTable(alias, relation, columns, 0, scalar)],
    joined: [],
    unreachable: [],
  };
}

/** Column names replaced by those of an alias list. */
export function renamed(columns: Schema, alias: TableAlias | null): Schema {
  if (alias === null || alias.columns.length === 0) return columns;
  const visible = columns.filter((c) => c.hidden !== true).length;
  if (alias.columns.length > visible) {
    const counts = `${visible} columns available but ${alias.columns.length} columns specified`;
    throw new SqlError('42P10', `table "${alias.name?.name ?? ''}" has ${counts}`, {
      position: alias.span.start,
    });
  }
  return columns.map((c, i) => ({ ...c, name: alias.columns[i]?.name.name ?? c.name }));
}

function bindDerived(ref: DerivedTable, context: FromContext): BoundFrom {
  const parent = ref.lateral ? context.lateral : context.parent;
  const nested = bindNestedQuery(ref.query, { env: context.env, ctes: context.ctes, parent });
  return single(nested.plan, ref.alias?.name?.name ?? '', null, renamed(nested.columns, ref.alias));
}

function bindNamed(ref: NamedTable, context: FromContext): BoundFrom {
  const position = ref.name.span.start;
  if (ref.asOf !== null) throw misplacedAsOf(ref.asOf, position);
  const parts = ref.name.parts.map((p) => p.name);
  const name = must(parts.at(-1));
  const schema = parts.at(-2) ?? null;
  const alias = ref.alias?.name?.name ?? name;
  const cte = schema === null ? context.ctes.find(name) : null;
  if (cte !== null) {
    if (ref.sample !== undefined) throw misplacedSample(position);
    const { plan, columns } = cteReference(cte, context.parent);
    return single(plan, alias, cte.self ?? null, renamed(columns, ref.alias));
  }
  const relation = context.env.catalog.relation(schema, name, context.env.searchPath);
  if (relation === null) {
    if (schema === null && context.ctes.isPending(name)) throw forwardReference(name, position);
    throw missingRelation(schema, name, position, context.env);
  }
  context.env.trace?.relation(ref.name, relation);
  if (ref.sample !== undefined && (relation.kind === 'view' || relation.kind === 'source')) {
    throw misplacedSample(position);
  }
  if (relation.kind === 'view') return bindView(relation, alias, ref.alias, context);
  const columns = relation.columns.map((_, i) => i);
  const scan: LogicalPlan = { kind: 'Scan', relation, columns, schema: relation.columns };
  const plan = ref.sample === undefined ? scan : bindSample(scan, ref.sample, context);
  return single(plan, alias, relation, renamed(relation.columns, ref.alias));
}

/** 42P01 for a relation that is not there. */
export function missingRelation(
  schema: string | null,
  name: string,
  position: number,
  env: BindEnvironment,
): SqlError {
  const shown = schema === null ? name : `${schema}.${name}`;
  const guess = didYouMean(name, env.catalog.relationNames(schema, env.searchPath));
  const hint = guess === null ? {} : { hint: `Perhaps you meant "${guess}".` };
  return new SqlError('42P01', `relation "${shown}" does not exist`, { position, ...hint });
}

function forwardReference(name: string, position: number): SqlError {
  return new SqlError('42P01', `relation "${name}" does not exist`, {
    position,
    detail: `There is a WITH item named "${name}", but it cannot be referenced from this part of the query.`,
    hint: 'Use WITH RECURSIVE, or re-order the WITH items to remove forward references.',
  });
}

function bindView(
  relation: RelationEntry,
  alias: string,
  tableAlias: TableAlias | null,
  context: FromContext,
): BoundFrom {
  const statement = parse(must(relation.definition, 'a view has a definition'))[0]?.statement;
  if (statement?.kind !== 'SelectStatement') {
    throw new SqlError('XX000', `view "${relation.name}" has no query`);
  }
  const { trace: _, ...outer } = context.env;
  const env: BindEnvironment = { ...outer, searchPath: relation.searchPath, parameterTypes: [] };
  const nested = bindNestedQuery(statement.query, { env, ctes: noCtes, parent: null });
  const columns = nested.columns.map((c, i) => ({ ...c, name: relation.columns[i]?.name ?? c.name }));
  return single(nested.plan, alias, relation, renamed(columns, tableAlias));
}
