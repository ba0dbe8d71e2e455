/** FROM: relations, views, derived tables, table functions, time windows and joins to a plan with its scope. */
import { must } from '../../common/assert.ts';
import type { RelationEntry } from '../../common/catalog.ts';
import { type Column, type DataType, type Schema, types } from '../../common/dataType.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { Value } from '../../common/value.ts';
import type { FunctionCall } from '../../parser/ast/expr.ts';
import type { Join, NamedTable, TableAlias, TableFunction, TableRef } from '../../parser/ast/query.ts';
import { parse } from '../../parser/parse.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { matchTableFunction } from './calls.ts';
import { defaultUnknown, unify } from './coerce.ts';
import type { CteScope, ExprContext } from './context.ts';
import type { BindEnvironment } from './environment.ts';
import { bindCondition, bindExpr } from './expr.ts';
import { boolAnd, operatorCall } from './operators.ts';
import { bindNestedQuery, cteReference, exprContext } from './query.ts';
import { deepRewrite } from './rewrite.ts';
import { didYouMean, Scope, type ScopeColumn, type ScopeTable, scopeTable } from './scope.ts';
import { bindWindowTable } from './windowTable.ts';

export interface BoundFrom {
  readonly plan: LogicalPlan;
  readonly tables: readonly ScopeTable[];
  readonly joined: readonly (ScopeColumn & { readonly expr: Scalar })[];
}

export interface FromContext {
  readonly env: BindEnvironment;
  readonly ctes: CteScope;
  /** The row around the whole query. */
  readonly parent: Scope | null;
  /** What LATERAL items may see: columns to their left; its parent is `parent`. */
  readonly left: Scope | null;
}

const oneRow: LogicalPlan = { kind: 'Values', rows: [[]], schema: [] };

/** The whole FROM clause; comma is a cross join. */
export function bindFrom(items: readonly TableRef[], context: FromContext): BoundFrom {
  const first = items[0];
  if (first === undefined) return { plan: oneRow, tables: [], joined: [] };
  let bound = bindTableRef(first, context);
  for (const item of items.slice(1)) {
    const left = new Scope(bound.tables, context.parent, bound.joined);
    const right = bindTableRef(item, { ...context, left });
    bound = joinBound('inner', bound, right, null, isLateral(item));
  }
  checkAliases(bound.tables, first.span.start);
  return bound;
}

function checkAliases(tables: readonly ScopeTable[], position: number): void {
  const seen = new Set<string>();
  for (const t of tables) {
    if (t.alias === '') continue;
    const key = `${t.relation === null ? '' : (t.schema ?? '')}.${t.alias}`;
    if (seen.has(key))
      throw new SqlError('42712', `table name "${t.alias}" specified more than once`, { position });
    seen.add(key);
  }
}

function isLateral(ref: TableRef): boolean {
  switch (ref.kind) {
    case 'DerivedTable':
      return ref.lateral;
    // Functions in FROM may always refer to the items on their left.
    case 'TableFunction':
      return true;
    // What is lateral inside a nested join sees that join's items only.
    case 'Join':
    case 'NamedTable':
    case 'WindowTable':
      return false;
  }
}

function shiftTables(tables: readonly ScopeTable[], by: number): ScopeTable[] {
  return tables.map((t) => ({ ...t, columns: t.columns.map((c) => ({ ...c, index: c.index + by })) }));
}

function shiftScalar(s: Scalar, by: number): Scalar {
  if (s.kind === 'column') return { ...s, index: s.index + by };
  if (s.kind === 'coalesce') return { ...s, operands: s.operands.map((o) => shiftScalar(o, by)) };
  if (s.kind === 'cast') return { ...s, operand: shiftScalar(s.operand, by) };
  return s;
}

const nullable = (schema: Schema): Schema => schema.map((c) => ({ ...c, nullable: true }));

function joinBound(
  type: 'inner' | 'left' | 'right' | 'full',
  left: BoundFrom,
  right: BoundFrom,
  condition: Scalar | null,
  lateral: boolean,
): BoundFrom {
  const width = left.plan.schema.length;
  const leftSchema = type === 'right' || type === 'full' ? nullable(left.plan.schema) : left.plan.schema;
  const rightSchema = type === 'left' || type === 'full' ? nullable(right.plan.schema) : right.plan.schema;
  const schema: Schema = [...leftSchema, ...rightSchema];
  const plan: LogicalPlan =
    left.plan === oneRow && type === 'inner' && condition === null && !lateral
      ? right.plan
      : {
          kind: 'Join',
          type,
          left: left.plan,
          right: right.plan,
          condition,
          nullAware: false,
          lateral,
          schema,
        };
  return {
    plan,
    tables: [...left.tables, ...shiftTables(right.tables, width)],
    joined: [
      ...left.joined,
      ...right.joined.map((j) => ({ ...j, index: j.index + width, expr: shiftScalar(j.expr, width) })),
    ],
  };
}

function bindTableRef(ref: TableRef, context: FromContext): BoundFrom {
  switch (ref.kind) {
    case 'NamedTable':
      return bindNamed(ref, context);
    case 'DerivedTable': {
      const parent = ref.lateral ? (context.left ?? context.parent) : context.parent;
      const hidden = ref.lateral ? null : context.left;
      const nested = withHidden(hidden, () =>
        bindNestedQuery(ref.query, { env: context.env, ctes: context.ctes, parent }),
      );
      return single(nested.plan, ref.alias?.name?.name ?? '', null, renamed(nested.columns, ref.alias));
    }
    case 'TableFunction':
      return bindTableFunction(ref, context);
    case 'WindowTable':
      return bindWindowTable(ref, context, bindTableRef);
    case 'Join':
      return bindJoin(ref, context);
  }
}

/** A derived table that names a table to its left is told why it cannot see it. */
function withHidden<T>(hidden: Scope | null, bind: () => T): T {
  try {
    return bind();
  } catch (error) {
    if (!(error instanceof SqlError) || error.state !== '42P01' || hidden === null) throw error;
    const name = /^missing FROM-clause entry for table "(.*)"$/.exec(error.message)?.[1];
    if (!hidden.tables.some((t) => t.alias === name)) throw error;
    throw new SqlError('42P01', `invalid reference to FROM-clause entry for table "${name}"`, {
      ...(error.position === undefined ? {} : { position: error.position }),
      hint: `There is an entry for table "${name}", but it cannot be referenced from this part of the query.`,
    });
  }
}

/** One table in scope over a plan whose columns are `columns`. */
export function single(
  plan: LogicalPlan,
  alias: string,
  relation: RelationEntry | null,
  columns: Schema,
): BoundFrom {
  return { plan, tables: [scopeTable(alias, relation?.schema ?? null, relation, columns, 0)], joined: [] };
}

/** Column names replaced by those of an alias list. */
export function renamed(columns: Schema, alias: TableAlias | null): Schema {
  if (alias === null || alias.columns.length === 0) return columns;
  const visible = columns.filter((c) => c.hidden !== true).length;
  if (alias.columns.length > visible) {
    throw new SqlError(
      '42P10',
      `table "${alias.name?.name ?? ''}" has ${visible} columns available but ${alias.columns.length} columns specified`,
      {
        position: alias.span.start,
      },
    );
  }
  return columns.map((c, i) => ({ ...c, name: alias.columns[i]?.name.name ?? c.name }));
}

function bindNamed(ref: NamedTable, context: FromContext): BoundFrom {
  const position = ref.name.span.start;
  if (ref.asOf !== null) throw unsupported('FOR SYSTEM_TIME AS OF', position);
  const parts = ref.name.parts.map((p) => p.name);
  const name = must(parts[parts.length - 1]);
  const schema = parts.length > 1 ? (parts[parts.length - 2] ?? null) : null;
  const alias = ref.alias?.name?.name ?? name;
  if (schema === null) {
    const cte = context.ctes.find(name);
    if (cte !== null) {
      const { plan, columns } = cteReference(cte, context.parent);
      return single(plan, alias, null, renamed(columns, ref.alias));
    }
  }
  const relation = context.env.catalog.relation(schema, name, context.env.searchPath);
  if (relation === null) throw missingRelation(schema, name, position, context.env);
  if (relation.kind === 'view') return bindView(relation, alias, ref.alias, context);
  const columns = relation.columns.map((_, i) => i);
  const plan: LogicalPlan = { kind: 'Scan', relation, columns, schema: relation.columns };
  return single(plan, alias, relation, renamed(relation.columns, ref.alias));
}

export function missingRelation(
  schema: string | null,
  name: string,
  position: number,
  env: BindEnvironment,
): SqlError {
  const shown = schema === null ? name : `${schema}.${name}`;
  if (schema !== null && !env.catalog.hasSchema(schema)) {
    return new SqlError('42P01', `relation "${shown}" does not exist`, {
      position,
      detail: `There is no schema "${schema}".`,
    });
  }
  const guess = didYouMean(name, env.catalog.relationNames(schema, env.searchPath));
  return new SqlError('42P01', `relation "${shown}" does not exist`, {
    position,
    ...(guess === null ? {} : { hint: `Perhaps you meant "${guess}".` }),
  });
}

function bindView(
  relation: RelationEntry,
  alias: string,
  tableAlias: TableAlias | null,
  context: FromContext,
): BoundFrom {
  const statement = parse(must(relation.definition, 'a view has a definition'))[0]?.statement;
  if (statement?.kind !== 'SelectStatement')
    throw new SqlError('XX000', `view "${relation.name}" has no query`);
  const env: BindEnvironment = { ...context.env, searchPath: relation.searchPath, parameterTypes: [] };
  const nested = bindNestedQuery(statement.query, { env, ctes: { find: () => null }, parent: null });
  const columns = nested.columns.map((c, i) => ({ ...c, name: relation.columns[i]?.name ?? c.name }));
  return single(nested.plan, alias, relation, renamed(columns, tableAlias));
}

// Table functions

function functionColumns(
  call: FunctionCall,
  columns: readonly { readonly name: string; readonly type: DataType }[],
  alias: TableAlias | null,
  alone: boolean,
): Column[] {
  const name = must(call.name.parts[call.name.parts.length - 1]).name;
  const scalarName = alone && alias?.name !== null && alias?.name !== undefined ? alias.name.name : name;
  return columns.map((c) => ({
    name: columns.length === 1 && c.name === name ? scalarName : c.name,
    type: c.type,
    nullable: true,
  }));
}

function bindTableFunction(ref: TableFunction, context: FromContext): BoundFrom {
  // A function sees the items on its left: its own scope level, one further in than the query around.
  const scope = context.left ?? new Scope([], context.parent);
  const expr: ExprContext = { ...exprContext(context.env, scope, context.ctes), clause: 'functions in FROM' };
  const calls = ref.calls.map((call) => bindFromCall(call, ref, expr));
  const schema: Column[] = calls.flatMap((c) => c.columns);
  if (ref.withOrdinality) schema.push({ name: 'ordinality', type: types.int8, nullable: false });
  const name = ref.alias?.name?.name ?? must(ref.calls[0]?.name.parts.at(-1)).name;
  // Arguments over the left row are `outer` columns of a lateral join whose right side has no input of its own.
  const plan: LogicalPlan = {
    kind: 'TableFunction',
    input: oneRow,
    calls: calls.map((c) => ({ fn: c.fn, args: context.left === null ? c.args : c.args.map(toOuter) })),
    ordinality: ref.withOrdinality,
    schema,
  };
  if (ref.alias?.columns.some((c) => c.type !== null) === true)
    throw unsupported('a column definition list', ref.span.start);
  const bound = single(plan, name, null, renamed(schema, ref.alias));
  return schema.length === 1
    ? { ...bound, tables: bound.tables.map((t) => ({ ...t, scalar: true })) }
    : bound;
}

/** The columns of the left row, seen from inside the lateral item. */
function toOuter(s: Scalar): Scalar {
  return deepRewrite(s, (node) => {
    if (node.kind === 'column') return { kind: 'outer', depth: 1, index: node.index, type: node.type };
    return node.kind === 'outer' ? { ...node, depth: node.depth + 1 } : null;
  });
}

function bindFromCall(call: FunctionCall, ref: TableFunction, context: ExprContext) {
  const name = must(call.name.parts[call.name.parts.length - 1]).name;
  const found = context.env.functions.byName(name);
  const candidates = found.flatMap((f) => (f.kind === 'table' ? [f] : []));
  const alone = ref.calls.length === 1;
  if (candidates.length > 0) {
    const args = call.arguments.map((a) => bindExpr(a.value, context));
    const {
      fn,
      args: coerced,
      columns,
    } = matchTableFunction(name, candidates, args, call.span.start, context);
    return { fn, args: coerced, columns: functionColumns(call, columns, ref.alias, alone) };
  }
  // A scalar function in FROM is a relation of one row.
  const scalar = defaultUnknown(bindExpr(call, context), context.env);
  const fields = scalar.type.id === 'struct' ? scalar.type.fields : [{ name, type: scalar.type }];
  const isStruct = scalar.type.id === 'struct';
  return {
    fn: {
      kind: 'table' as const,
      name,
      args: ['any' as const],
      columns: () => fields,
      volatility: 'immutable' as const,
      nulls: 'called' as const,
      doc: 'A scalar function as a relation of one row.',
      examples: [],
      implement: () => (_context: unknown, value: Value) => [
        isStruct ? ((value as readonly Value[] | null) ?? fields.map(() => null)) : [value],
      ],
    },
    args: [scalar],
    columns: functionColumns(call, fields, ref.alias, alone && !isStruct),
  };
}

// Joins

function bindJoin(ref: Join, context: FromContext): BoundFrom {
  if (ref.asof) throw unsupported('ASOF JOIN', ref.span.start);
  const left = bindTableRef(ref.left, context);
  // The right side of a lateral join sees this join's left side and, beyond it, what the join itself may see.
  const visible = new Scope(left.tables, context.parent, left.joined);
  const lateral = isLateral(ref.right);
  const right = bindTableRef(ref.right, { ...context, left: visible });
  const type = ref.type === 'cross' ? 'inner' : ref.type;
  if (lateral && (type === 'right' || type === 'full') && ref.right.kind === 'DerivedTable') {
    throw new SqlError('42P10', 'invalid LATERAL item on the right side of a RIGHT or FULL JOIN', {
      position: ref.right.span.start,
      detail: 'The combining JOIN type must be INNER or LEFT for a LATERAL reference.',
    });
  }
  checkAliases([...left.tables, ...right.tables], ref.span.start);
  const bound = joinBound(type, left, right, null, lateral);
  const width = left.plan.schema.length;
  const aliased = (b: BoundFrom): BoundFrom => (ref.alias === null ? b : aliasJoin(b, ref.alias));
  if (ref.condition === null) return aliased(bound);
  if (ref.condition.kind === 'on') {
    const scope = new Scope(bound.tables, context.parent, bound.joined);
    const on = bindCondition(
      ref.condition.expr,
      { ...exprContext(context.env, scope, context.ctes), clause: 'JOIN conditions' },
      'JOIN/ON',
    );
    return aliased({ ...bound, plan: withCondition(bound.plan, on) });
  }
  const names =
    ref.condition.kind === 'using'
      ? ref.condition.columns.map((c) => ({ name: c.name, position: c.span.start }))
      : commonNames(left, right).map((name) => ({ name, position: ref.span.start }));
  return aliased(usingJoin(bound, left, right, names, type, width, context));
}

function withCondition(plan: LogicalPlan, condition: Scalar): LogicalPlan {
  if (plan.kind === 'Join') return { ...plan, condition };
  return { kind: 'Filter', input: plan, condition, schema: plan.schema };
}

function visibleNames(from: BoundFrom): string[] {
  return [
    ...from.joined.map((j) => j.name),
    ...from.tables.flatMap((t) => t.columns.filter((c) => !c.hidden && !c.merged).map((c) => c.name)),
  ];
}

function commonNames(left: BoundFrom, right: BoundFrom): string[] {
  const r = new Set(visibleNames(right));
  return [...new Set(visibleNames(left))].filter((n) => r.has(n));
}

function usingColumn(from: BoundFrom, name: string, side: string, position: number): Scalar {
  const joined = from.joined.filter((j) => j.name === name).map((j) => j.expr);
  const plain = from.tables
    .flatMap((t) => t.columns)
    .filter((c) => c.name === name && !c.merged && !c.hidden);
  const all: Scalar[] = [
    ...joined,
    ...plain.map((c): Scalar => ({ kind: 'column', index: c.index, type: c.type })),
  ];
  if (all.length > 1)
    throw new SqlError('42702', `common column name "${name}" appears more than once in ${side} table`, {
      position,
    });
  const found = all[0];
  if (found === undefined)
    throw new SqlError(
      '42703',
      `column "${name}" specified in USING clause does not exist in ${side} table`,
      { position },
    );
  return found;
}

function usingJoin(
  bound: BoundFrom,
  left: BoundFrom,
  right: BoundFrom,
  names: readonly { readonly name: string; readonly position: number }[],
  type: 'inner' | 'left' | 'right' | 'full',
  width: number,
  context: FromContext,
): BoundFrom {
  const conditions: Scalar[] = [];
  const joined: (ScopeColumn & { readonly expr: Scalar })[] = [];
  const merged = new Set(names.map((n) => n.name));
  const twice = names.find((n, i) => names.findIndex((m) => m.name === n.name) < i);
  if (twice !== undefined) {
    throw new SqlError('42701', `column name "${twice.name}" appears more than once in USING clause`, {
      position: twice.position,
    });
  }
  for (const { name, position } of names) {
    const l = usingColumn(left, name, 'left', position);
    const r = shiftScalar(usingColumn(right, name, 'right', position), width);
    conditions.push(operatorCall('=', [l, r], position, context.env));
    const { scalars, type: columnType } = unify([l, r], 'JOIN/USING', context.env);
    const [lc, rc] = [must(scalars[0]), must(scalars[1])];
    const expr: Scalar =
      type === 'full'
        ? { kind: 'coalesce', operands: [lc, rc], type: columnType }
        : type === 'right'
          ? rc
          : lc;
    joined.push({
      name,
      type: columnType,
      nullable: true,
      index: expr.kind === 'column' ? expr.index : -1,
      hidden: false,
      merged: false,
      expr,
    });
  }
  const tables = bound.tables.map((t) => ({
    ...t,
    columns: t.columns.map((c) => (merged.has(c.name) ? { ...c, merged: true } : c)),
  }));
  const rest = bound.joined.filter((j) => !merged.has(j.name));
  const plan = conditions.length === 0 ? bound.plan : withCondition(bound.plan, boolAnd(conditions));
  return { plan, tables, joined: [...joined, ...rest] };
}

/** `(a JOIN b ...) AS x`: one table of all visible columns. */
function aliasJoin(bound: BoundFrom, alias: TableAlias): BoundFrom {
  const columns: { readonly name: string; readonly expr: Scalar; readonly nullable: boolean }[] = [
    ...bound.joined.map((j) => ({ name: j.name, expr: j.expr, nullable: j.nullable })),
    ...bound.tables.flatMap((t) =>
      t.columns
        .filter((c) => !c.hidden && !c.merged)
        .map((c) => ({
          name: c.name,
          expr: { kind: 'column' as const, index: c.index, type: c.type },
          nullable: c.nullable,
        })),
    ),
  ];
  const schema: Schema = columns.map((c) => ({ name: c.name, type: c.expr.type, nullable: c.nullable }));
  const plan: LogicalPlan = { kind: 'Project', input: bound.plan, exprs: columns.map((c) => c.expr), schema };
  return single(plan, alias.name?.name ?? '', null, renamed(schema, alias));
}
