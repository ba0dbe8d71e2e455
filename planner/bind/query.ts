/** Queries: WITH, the body, and ORDER BY / LIMIT over any body. A SELECT is in select.ts. */
import { must } from '../../common/assert.ts';
import { type DataType, type Schema, types } from '../../common/dataType.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import { formatType } from '../../common/typeTable.ts';
import type { Expr } from '../../parser/ast/expr.ts';
import type { OrderItem, Query, QueryBody, Select, TableCommand } from '../../parser/ast/query.ts';
import type { SortKey } from '../plan/aggregateCall.ts';
import { project, topN } from '../plan/construct.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { columnsOf } from '../plan/scalars.ts';
import { tryCoerce } from './coerce.ts';
import { requireOrdering } from './comparable.ts';
import type { CteScope, ExprContext } from './context.ts';
import type { BindEnvironment } from './environment.ts';
import { bindExpr } from './expr.ts';
import { missingColumn } from './nameErrors.ts';
import { levelsOf } from './rewrite.ts';
import { Scope } from './scope.ts';
import { bindSelect } from './select.ts';
import { bindSetOperation } from './setOperation.ts';
import { bindValues } from './values.ts';
import { bindWith } from './with.ts';

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
  /** Where each visible column is written, for errors. */
  readonly positions: readonly number[];
  /** Order of the result; a limit has been applied already. */
  readonly order: readonly SortKey[];
}

export const noCtes: CteScope = { find: () => null, isPending: () => false };

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
    allowSets: false,
    noSets: null,
    windows: new Map(),
    subquery: (query, parent, inner) => trim(sorted(bindQueryBody(query, { env, ctes: inner, parent }))),
  };
}

/** A query as a relation or subquery: exactly its visible columns, in no order. */
export function bindNestedQuery(query: Query, context: QueryContext): BoundNested {
  return trim(bindQueryBody(query, context));
}

/** With its order as a sort in the plan, which ARRAY(subquery) reads; elsewhere the planner drops it. */
export function sorted(bound: BoundNested): BoundNested {
  const { plan, order } = bound;
  if (order.length === 0 || plan.kind === 'TopN') return bound;
  const none = { partition: [], limit: null, offset: null, withTies: false, rank: null };
  return { ...bound, plan: topN(plan, { order, ...none }) };
}

function trim(bound: BoundNested): BoundNested {
  const { plan, columns } = bound;
  if (plan.schema.length === columns.length) return { ...bound, order: [] };
  const names = columns.map((c) => c.name);
  return { ...bound, plan: project(plan, columnsOf(columns), names), order: [] };
}

/** A whole query with hidden sort columns kept and its order given. */
export function bindQueryBody(query: Query, context: QueryContext): BoundNested {
  const inner = query.with === null ? context : { ...context, ctes: bindWith(query.with, context) };
  if (query.body.kind === 'Select') return bindSelect(query.body, query, inner);
  return orderAndLimit(bindBody(query.body, inner), query, inner);
}

/** A body without the clauses of the query around it. */
export function bindBody(body: QueryBody, context: QueryContext): BoundNested {
  switch (body.kind) {
    case 'Select':
      return trim(bindSelect(body, null, context));
    case 'ParenQuery':
      return bindNestedQuery(body.query, context);
    case 'Values':
      return bindValues(body, context);
    case 'SetOperation':
      return bindSetOperation(body, context);
    case 'TableCommand':
      return trim(bindSelect(selectAll(body), null, context));
  }
}

/** TABLE t as SELECT * FROM t. */
function selectAll({ name, span }: TableCommand): Select {
  return {
    kind: 'Select',
    distinct: null,
    items: [
      {
        kind: 'SelectItem',
        expr: { kind: 'Star', qualifier: null, of: null, except: [], span },
        alias: null,
        span,
      },
    ],
    from: [{ kind: 'NamedTable', name, alias: null, asOf: null, span: name.span }],
    where: null,
    groupBy: [],
    groupByDistinct: false,
    having: null,
    windows: [],
    qualify: null,
    span,
  };
}

// ORDER BY over a body that is not a SELECT: only output columns may be named

function orderAndLimit(bound: BoundNested, query: Query, context: QueryContext): BoundNested {
  const order = query.orderBy.map((item) => {
    const column = outputColumn(item.expr, bound.columns, 'ORDER BY');
    if (column === null) throw notAnOutputColumn(item);
    return sortKey(item, column, must(bound.columns[column]).type);
  });
  return limited({ ...bound, order }, query, null, context);
}

/** The key that an ORDER BY item makes of a column. */
export function sortKey(item: OrderItem, column: number, type: DataType): SortKey {
  requireOrdering(type, item.expr.span.start);
  const descending = item.direction === 'desc';
  return { column, descending, nullsFirst: item.nulls === null ? descending : item.nulls === 'first' };
}

function notAnOutputColumn({ expr }: OrderItem): SqlError {
  const position = expr.span.start;
  if (expr.kind === 'ColumnRef' && expr.parts.length === 1) {
    return missingColumn(null, must(expr.parts[0]).name, position);
  }
  return new SqlError('0A000', 'invalid UNION/INTERSECT/EXCEPT ORDER BY clause', {
    position,
    detail: 'Only result column names can be used, not expressions or functions.',
    hint: 'Add the expression/function to every SELECT, or move the UNION into a FROM clause.',
  });
}

/** Position of the output column that a constant means: 42P10 when there is none. */
export function ordinal(expr: Expr, count: number, clause: string): number | null {
  const isNegative = expr.kind === 'Unary' && expr.operator === '-' && expr.operand.kind === 'Literal';
  const constant = isNegative ? expr.operand : expr;
  if (constant.kind !== 'Literal') return null;
  const { value } = constant;
  if (value.type !== 'number' || !/^\d+$/.test(value.text)) {
    throw new SqlError('42601', `non-integer constant in ${clause}`, { position: expr.span.start });
  }
  const n = isNegative ? -Number(value.text) : Number(value.text);
  if (n < 1 || n > count) {
    throw new SqlError('42P10', `${clause} position ${n} is not in select list`, {
      position: expr.span.start,
    });
  }
  return n - 1;
}

/** Position of an output column named or numbered by an ORDER BY item; null for anything else. */
export function outputColumn(expr: Expr, columns: Schema, clause: string): number | null {
  const numbered = ordinal(expr, columns.length, clause);
  if (numbered !== null) return numbered;
  if (expr.kind !== 'ColumnRef' || expr.parts.length !== 1) return null;
  const name = must(expr.parts[0]).name;
  const found = columns.flatMap((c, i) => (c.name === name ? [i] : []));
  if (found.length > 1) {
    throw new SqlError('42702', `${clause} "${name}" is ambiguous`, { position: expr.span.start });
  }
  return found[0] ?? null;
}

// LIMIT

/** LIMIT and OFFSET as a TopN by the query's order. `row` is what a SELECT's own columns would be found in. */
export function limited(
  bound: BoundNested,
  query: Query,
  row: Scope | null,
  context: QueryContext,
): BoundNested {
  const withTies = query.limit?.withTies === true;
  if (withTies && bound.order.length === 0) {
    throw new SqlError('42601', 'WITH TIES cannot be specified without ORDER BY clause', {
      position: must(query.limit).span.start,
    });
  }
  const limit = limitScalar(query.limit?.count ?? null, 'LIMIT', row, context);
  const offset = limitScalar(query.offset, 'OFFSET', row, context);
  if (limit === null && offset === null) return bound;
  const { plan, order } = bound;
  const schema = plan.schema;
  const top: LogicalPlan = {
    kind: 'TopN',
    input: plan,
    partition: [],
    order,
    limit,
    offset,
    withTies,
    rank: null,
    schema,
  };
  return { ...bound, plan: top };
}

function limitScalar(
  expr: Expr | null,
  clause: string,
  row: Scope | null,
  context: QueryContext,
): Scalar | null {
  if (expr === null) return null;
  const position = expr.span.start;
  const scope = row ?? new Scope({}, context.parent);
  const bound = bindExpr(expr, { ...exprContext(context.env, scope, context.ctes), clause });
  const count = tryCoerce(bound, types.int8, 'assignment', context.env);
  if (count === null) {
    const message = `argument of ${clause} must be type bigint, not type ${formatType(bound.type)}`;
    throw new SqlError('42804', message, { position });
  }
  const levels = levelsOf(count);
  if (levels.has(0)) {
    throw new SqlError('42P10', `argument of ${clause} must not contain variables`, { position });
  }
  if (levels.size > 0) throw unsupported(`${clause} with a reference to an outer query`, position);
  return count.kind === 'literal' && count.value === null ? null : count;
}
