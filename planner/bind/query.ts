/** Queries: WITH, set operations, VALUES, and ORDER BY / LIMIT over any body. A SELECT is in select.ts. */
import { must } from '../../common/assert.ts';
import { type Column, type DataType, type Schema, types } from '../../common/dataType.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { Expr } from '../../parser/ast/expr.ts';
import type { Query, QueryBody, SetOperation, Values, WithClause } from '../../parser/ast/query.ts';
import type { SortKey } from '../plan/aggregateCall.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { coerceImplicit, defaultUnknown, tryCoerce, unify } from './coerce.ts';
import type { BoundCte, CteScope, ExprContext } from './context.ts';
import type { BindEnvironment } from './environment.ts';
import { bindExpr } from './expr.ts';
import { referencesName } from './references.ts';
import { shiftOuter } from './rewrite.ts';
import { Scope } from './scope.ts';
import { bindSelect } from './select.ts';

export interface QueryContext {
  readonly env: BindEnvironment;
  readonly ctes: CteScope;
  /** The row around the query, null at the top. */
  readonly parent: Scope | null;
}

/** A bound query body or query: visible columns first, then hidden sort columns. */
export interface BoundNested {
  readonly plan: LogicalPlan;
  readonly columns: Schema;
  /** Order not yet consumed by a limit. */
  readonly order: readonly SortKey[];
}

export const noCtes: CteScope = { find: () => null };

/** A context for expressions where nothing special is allowed. */
export function exprContext(env: BindEnvironment, scope: Scope | null, ctes: CteScope): ExprContext {
  return {
    env,
    scope,
    ctes,
    clause: 'this clause',
    collected: null,
    inside: null,
    allowWindows: false,
    windows: new Map(),
    subquery: (query, parent, inner) => trim(sorted(bindQueryBody(query, { env, ctes: inner, parent }))),
  };
}

/** A query as a relation or subquery: exactly its visible columns, unordered unless limited. */
export function bindNestedQuery(query: Query, context: QueryContext): BoundNested {
  const bound = bindQueryBody(query, context);
  return trim(bound);
}

/** With its order as a sort in the plan, which ARRAY(subquery) reads; elsewhere the planner drops it. */
function sorted(bound: BoundNested): BoundNested {
  const { plan, order } = bound;
  if (order.length === 0) return bound;
  const none = { partition: [], limit: null, offset: null, withTies: false, rank: null };
  return { ...bound, plan: { kind: 'TopN', input: plan, order, ...none, schema: plan.schema } };
}

function trim(bound: BoundNested): BoundNested {
  const { plan, columns } = bound;
  if (plan.schema.length === columns.length) return { plan, columns, order: [] };
  const exprs: Scalar[] = columns.map((c, index) => ({ kind: 'column', index, type: c.type }));
  return { plan: { kind: 'Project', input: plan, exprs, schema: columns }, columns, order: [] };
}

/** A whole query with hidden sort columns kept and the remaining order given. */
export function bindQueryBody(query: Query, context: QueryContext): BoundNested {
  const inner = { ...context, ctes: bindWith(query.with, context) };
  const { body } = query;
  if (body.kind === 'Select') return bindSelect(body, query, inner);
  const bound = bindBody(body, inner);
  return orderAndLimit(bound, query, inner);
}

function bindBody(body: QueryBody, context: QueryContext): BoundNested {
  switch (body.kind) {
    case 'Select':
      return trim(bindSelect(body, null, context));
    case 'ParenQuery':
      return bindNestedQuery(body.query, context);
    case 'Values':
      return bindValues(body, context);
    case 'SetOperation':
      return bindSetOperation(body, context);
    case 'TableCommand': {
      const span = body.span;
      const from = [
        { kind: 'NamedTable' as const, name: body.name, alias: null, asOf: null, span: body.name.span },
      ];
      const star = { kind: 'Star' as const, qualifier: null, of: null, except: [], span };
      return trim(
        bindSelect(
          {
            kind: 'Select',
            distinct: null,
            items: [{ kind: 'SelectItem', expr: star, alias: null, span }],
            from,
            where: null,
            groupBy: [],
            groupByDistinct: false,
            having: null,
            windows: [],
            qualify: null,
            span,
          },
          null,
          context,
        ),
      );
    }
  }
}

// WITH

/** The CTEs of a WITH clause over those around it; `context.ctes` itself where there is no clause. */
export function bindWith(clause: WithClause | null, context: QueryContext): CteScope {
  if (clause === null) return context.ctes;
  let scope = context.ctes;
  const seen = new Set<string>();
  for (const cte of clause.ctes) {
    const { name } = cte.name;
    if (seen.has(name)) {
      throw new SqlError('42712', `WITH query name "${name}" specified more than once`, {
        position: cte.name.span.start,
      });
    }
    seen.add(name);
    if (cte.body.kind === 'changelog') throw unsupported('AS CHANGELOG FROM', cte.span.start);
    if (clause.recursive && referencesName(cte.body.query, name))
      throw unsupported('WITH RECURSIVE', cte.name.span.start);
    const nested = bindNestedQuery(cte.body.query, { ...context, ctes: scope });
    if (cte.columns.length > nested.columns.length) {
      throw new SqlError(
        '42P10',
        `WITH query "${name}" has ${nested.columns.length} columns available but ${cte.columns.length} columns specified`,
        {
          position: cte.name.span.start,
        },
      );
    }
    const names = nested.columns.map((c, i) => cte.columns[i]?.name ?? c.name);
    const bound: BoundCte = {
      plan: nested.plan,
      names,
      visible: nested.columns.length,
      scope: context.parent,
    };
    const outer = scope;
    scope = { find: (wanted) => (wanted === name ? bound : outer.find(wanted)) };
  }
  return scope;
}

function depthOf(scope: Scope | null): number {
  let depth = 0;
  for (let s = scope; s !== null; s = s.parent) depth++;
  return depth;
}

/** A CTE where it is used: the same plan object, unless it refers outwards from a place further in. */
export function cteReference(
  cte: BoundCte,
  parent: Scope | null,
): { readonly plan: LogicalPlan; readonly columns: Schema } {
  const plan = shiftOuter(cte.plan, depthOf(parent) - depthOf(cte.scope));
  return {
    plan,
    columns: plan.schema
      .slice(0, cte.visible)
      .map((c, i) => ({ ...c, name: must(cte.names[i]), hidden: false })),
  };
}

// VALUES

function bindValues(values: Values, context: QueryContext): BoundNested {
  const width = values.rows[0]?.length ?? 0;
  const expr: ExprContext = {
    ...exprContext(context.env, context.parent === null ? null : emptyScope(context.parent), context.ctes),
    clause: 'VALUES',
  };
  const rows = values.rows.map((row) => {
    if (row.length !== width) {
      throw new SqlError('42601', 'VALUES lists must all be the same length', {
        position: row[0]?.span.start ?? values.span.start,
      });
    }
    return row.map((item) => bindExpr(item, expr));
  });
  const unified = Array.from({ length: width }, (_, c) =>
    unify(
      rows.map((row) => must(row[c])),
      'VALUES',
      context.env,
    ),
  );
  const columns: Column[] = unified.map((u, c) => ({ name: `column${c + 1}`, type: u.type, nullable: true }));
  const plan: LogicalPlan = {
    kind: 'Values',
    rows: rows.map((_, r) => unified.map((u) => must(u.scalars[r]))),
    schema: columns,
  };
  return { plan, columns, order: [] };
}

function emptyScope(parent: Scope): Scope {
  return new Scope([], parent);
}

// Set operations

function bindSetOperation(op: SetOperation, context: QueryContext): BoundNested {
  if (op.corresponding !== null) throw unsupported('CORRESPONDING', op.span.start);
  const left = bindBody(op.left, context);
  const right = bindBody(op.right, context);
  const places = itemPositions(op.right);
  const name = op.operator.toUpperCase();
  if (left.columns.length !== right.columns.length) {
    throw new SqlError('42601', `each ${name} query must have the same number of columns`, {
      position: places[0] ?? op.right.span.start,
    });
  }
  const types: DataType[] = left.columns.map((c, i) => {
    const pair: Scalar[] = [
      unknownOr(left.plan, i, c.type),
      unknownOr(right.plan, i, must(right.columns[i]).type),
    ];
    try {
      return unify(pair, name, context.env).type;
    } catch (error) {
      throw error instanceof SqlError ? error.at(places[i] ?? op.right.span.start) : error;
    }
  });
  const schema: Schema = left.columns.map((c, i) => ({
    name: c.name,
    type: must(types[i]),
    nullable: c.nullable || must(right.columns[i]).nullable,
  }));
  const l = castColumns(left.plan, schema, name, context.env);
  const r = castColumns(right.plan, schema, name, context.env);
  return { plan: setPlan(op, l, r, schema), columns: schema, order: [] };
}

/** Where the columns of a query body were written, as far as its select list shows. */
function itemPositions(body: QueryBody): readonly number[] {
  switch (body.kind) {
    case 'Select':
      return body.items.some((i) => i.expr.kind === 'Star') ? [] : body.items.map((i) => i.expr.span.start);
    case 'ParenQuery':
      return itemPositions(body.query.body);
    case 'SetOperation':
      return itemPositions(body.left);
    case 'Values':
      return body.rows[0]?.map((item) => item.span.start) ?? [];
    case 'TableCommand':
      return [];
  }
}

/** Literal columns of one side may still take the other side's type: a stand-in keeps them unknown. */
function unknownOr(plan: LogicalPlan, index: number, type: DataType): Scalar {
  if (plan.kind === 'Project') {
    const expr = plan.exprs[index];
    if (expr?.kind === 'literal' && type.id === 'text' && unknownLiterals.has(expr))
      return { ...expr, value: null, type: types.unknown };
  }
  return { kind: 'column', index, type };
}

/** Literals that became text only by default; see `defaultUnknown` in select lists. */
export const unknownLiterals = new WeakSet<Scalar>();

function castColumns(
  plan: LogicalPlan,
  schema: Schema,
  construct: string,
  env: BindEnvironment,
): LogicalPlan {
  let changed = false;
  const exprs = schema.map((c, index): Scalar => {
    const source = plan.kind === 'Project' ? plan.exprs[index] : undefined;
    if (source?.kind === 'literal' && unknownLiterals.has(source) && c.type.id !== 'text') {
      changed = true;
      return coerceImplicit({ ...source, type: types.unknown }, c.type, env);
    }
    const column: Scalar = { kind: 'column', index, type: must(plan.schema[index]).type };
    const cast = tryCoerce(column, c.type, 'implicit', env);
    if (cast === null) throw new SqlError('42804', `${construct} types cannot be matched`);
    if (cast !== column) changed = true;
    return cast;
  });
  if (!changed && plan.schema.length === schema.length) return plan;
  return { kind: 'Project', input: plan, exprs, schema };
}

function setPlan(op: SetOperation, left: LogicalPlan, right: LogicalPlan, schema: Schema): LogicalPlan {
  if (op.operator === 'union') {
    const union: LogicalPlan = { kind: 'UnionAll', inputs: [left, right], schema };
    return op.all ? union : { kind: 'Distinct', input: union, schema };
  }
  return { kind: 'SetOperation', operator: op.operator, all: op.all, left, right, schema };
}

// ORDER BY and LIMIT over a body that is not a SELECT: only output columns may be named

function orderAndLimit(bound: BoundNested, query: Query, context: QueryContext): BoundNested {
  const order = query.orderBy.map((item): SortKey => {
    const column = outputColumn(item.expr, bound.columns);
    if (column === null) {
      if (item.expr.kind === 'ColumnRef' && item.expr.parts.length === 1) {
        throw new SqlError('42703', `column "${item.expr.parts[0]?.name}" does not exist`, {
          position: item.expr.span.start,
        });
      }
      throw new SqlError('0A000', 'invalid UNION/INTERSECT/EXCEPT ORDER BY clause', {
        position: item.expr.span.start,
        detail: 'Only result column names can be used, not expressions or functions.',
        hint: 'Add the expression/function to every SELECT, or move the UNION into a FROM clause.',
      });
    }
    return {
      column,
      descending: item.direction === 'desc',
      nullsFirst: item.nulls === null ? item.direction === 'desc' : item.nulls === 'first',
    };
  });
  return limited({ ...bound, order }, query, context);
}

/** Position of an output column named or numbered by an ORDER BY item; null for anything else. */
export function outputColumn(expr: Expr, columns: Schema): number | null {
  if (expr.kind === 'Literal' && expr.value.type === 'number' && /^\d+$/.test(expr.value.text)) {
    const n = Number(expr.value.text);
    if (n < 1 || n > columns.length) {
      throw new SqlError('42P10', `ORDER BY position ${n} is not in select list`, {
        position: expr.span.start,
      });
    }
    return n - 1;
  }
  if (expr.kind === 'Literal' && expr.value.type !== 'null') {
    throw new SqlError('42601', 'non-integer constant in ORDER BY', { position: expr.span.start });
  }
  if (expr.kind !== 'ColumnRef' || expr.parts.length !== 1) return null;
  const name = must(expr.parts[0]).name;
  const found = columns.flatMap((c, i) => (c.name === name ? [i] : []));
  if (found.length > 1)
    throw new SqlError('42702', `ORDER BY "${name}" is ambiguous`, { position: expr.span.start });
  return found[0] ?? null;
}

/** LIMIT / OFFSET as a TopN that consumes the order (and keeps it for the final sort). */
export function limited(bound: BoundNested, query: Query, context: QueryContext): BoundNested {
  if (query.limit?.withTies === true && bound.order.length === 0) {
    throw new SqlError('42601', 'WITH TIES cannot be specified without ORDER BY clause', {
      position: query.limit.span.start,
    });
  }
  const limit = limitScalar(query.limit?.count ?? null, 'LIMIT', context);
  const offset = limitScalar(query.offset, 'OFFSET', context);
  if (limit === null && offset === null) return bound;
  const plan: LogicalPlan = {
    kind: 'TopN',
    input: bound.plan,
    partition: [],
    order: bound.order,
    limit,
    offset,
    withTies: query.limit?.withTies === true,
    rank: null,
    schema: bound.plan.schema,
  };
  return { ...bound, plan };
}

function limitScalar(expr: Expr | null, clause: string, context: QueryContext): Scalar | null {
  if (expr === null) return null;
  if (expr.kind === 'ColumnRef') {
    throw new SqlError('42P10', `argument of ${clause} must not contain variables`, {
      position: expr.span.start,
    });
  }
  const bound = bindExpr(expr, { ...exprContext(context.env, null, context.ctes), clause });
  const isNumber =
    bound.type.id === 'unknown' ||
    ['int2', 'int4', 'int8', 'numeric', 'float8', 'float4'].includes(bound.type.id);
  const count = isNumber ? tryCoerce(bound, types.int8, 'assignment', context.env) : null;
  if (count === null) {
    throw new SqlError(
      '42804',
      `argument of ${clause} must be type bigint, not type ${defaultUnknown(bound, context.env).type.id}`,
      { position: expr.span.start },
    );
  }
  return count.kind === 'literal' && count.value === null ? null : count;
}
