/**
 * Calls of users' functions. An SQL function is inlined: its body is bound over a row of its parameters that sees nothing
 * else, and the arguments take the place of that row's columns. A body that is one expression becomes part of the
 * caller's expression; any other becomes a scalar subquery of its first row, or in FROM a lateral query.
 */
import { must } from '../../common/assert.ts';
import type { DataType, Schema } from '../../common/dataType.ts';
import { arrayOf, types } from '../../common/dataType.ts';
import type { ScalarFunction, SqlFunction, TableFunction, UserRoutine } from '../../common/function.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import { formatType } from '../../common/typeTable.ts';
import type { Query } from '../../parser/ast/query.ts';
import { parse, parseExpr } from '../../parser/parse.ts';
import { filter, nullOf, project, topN } from '../plan/construct.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { columnOf, isNull, isVolatile, literal, or } from '../plan/scalars.ts';
import { mapScalarChildren } from '../plan/walk.ts';
import { coerceImplicit, reopened, tryCoerce, withoutModifier } from './coerce.ts';
import type { PendingTableFunction } from './context.ts';
import type { BindEnvironment } from './environment.ts';
import { bindExpr } from './expr.ts';
import { type BoundNested, bindQueryBody, exprContext, noCtes, sorted } from './query.ts';
import { mapOuterColumns, mapSubqueryPlan, moveOut, shiftOuter } from './rewrite.ts';
import { Scope, scopeTable } from './scope.ts';

/** Remembers that a user's function is called. */
export function noteUse(fn: SqlFunction, env: BindEnvironment): void {
  if ('user' in fn && fn.user !== undefined) env.used?.add(fn.user.id);
}

/** A parameter's default as a scalar. */
export function bindDefaultOf(
  user: UserRoutine,
  text: string,
  type: Scalar['type'],
  env: BindEnvironment,
): Scalar {
  return within(user.source, () => {
    const context = { ...exprContext(env, null, noCtes), clause: 'DEFAULT expressions' };
    return coerceImplicit(bindExpr(parseExpr(text), context), type, env);
  });
}

/** Names that scalar functions with one OUT parameter give to their value in FROM. */
const resultNames = new WeakMap<Scalar, string>();

export const resultNameOf = (value: Scalar): string | null => resultNames.get(value) ?? null;

/** The call of a user's scalar function with all of its arguments. */
export function callUser(
  fn: ScalarFunction,
  user: UserRoutine,
  args: readonly Scalar[],
  position: number,
  env: BindEnvironment,
): Scalar {
  noteUse(fn, env);
  const type = typeof fn.returns === 'function' ? fn.returns(args.map((a) => a.type)) : types.text;
  const result = (): Scalar => {
    if (user.inline === null) return { kind: 'call', fn, args, type, position };
    const value = inlineValue(fn, user, args, type, position, env);
    return fn.nulls === 'strict' ? nullIfAnyNull(args, value) : value;
  };
  const value = result();
  const [out, ...more] = user.declared.filter((p) => p.mode === 'out' || p.mode === 'inout');
  if (out !== undefined && out.name !== null && more.length === 0) resultNames.set(value, out.name);
  return value;
}

/**
 * A call of a set-returning function where it is not a relation by itself (a select list, ROWS FROM, WITH ORDINALITY): the
 * query of an SQL function becomes an array of its rows, which is taken apart again.
 */
export function placeable(call: PendingTableFunction, env: BindEnvironment): PendingTableFunction {
  const { fn, args, columns } = call;
  const user = fn.user;
  if (!user?.inline) return call;
  const row: DataType = { id: 'struct', fields: [...columns] };
  const { plan, exprs } = declaredColumns(fn, columns, env);
  const value: Scalar = { kind: 'row', items: exprs, type: row };
  const rows = withArguments(project(plan, [value], [fn.name]), args, fn.name);
  const array: Scalar = { kind: 'arraySubquery', plan: rows, type: arrayOf(row) };
  const given = fn.nulls === 'strict' ? nullIfAnyNull(args, array) : array;
  return { fn: rowsOf(fn, columns), args: [given], columns };
}

const rowFunctions = new WeakMap<TableFunction, TableFunction>();

/** Takes an array of rows apart; one per function, so that equal calls are equal. */
function rowsOf(fn: TableFunction, columns: PendingTableFunction['columns']): TableFunction {
  const known = rowFunctions.get(fn);
  if (known !== undefined) return known;
  const { user: _, ...rest } = fn;
  const made: TableFunction = {
    ...rest,
    args: ['anyarray'],
    columns: () => columns,
    nulls: 'strict',
    implement: () => (_context, array) =>
      array instanceof SqlArray
        ? array.elements.map((row) => (Array.isArray(row) ? row : columns.map(() => null)))
        : [],
  };
  rowFunctions.set(fn, made);
  return made;
}

// Bodies

const parsed = new WeakMap<UserRoutine, Query>();

/** The body as syntax; `$1` is a column of that name. */
function queryOf(user: UserRoutine): Query {
  const known = parsed.get(user);
  if (known !== undefined) return known;
  const statements = parse(must(user.inline).query);
  const [only] = statements;
  if (only === undefined || statements.length > 1 || only.statement.kind !== 'SelectStatement') {
    throw unsupported('an SQL function whose body is not one SELECT');
  }
  const query = named(only.statement.query) as Query;
  parsed.set(user, query);
  return query;
}

/** Syntax with parameters as names. */
function named(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(named);
  if (typeof node !== 'object' || node === null) return node;
  if ('kind' in node && node.kind === 'Parameter' && 'index' in node && 'span' in node) {
    const part = { kind: 'Ident', name: `$${String(node.index)}`, quoted: true, span: node.span };
    return { kind: 'ColumnRef', parts: [part], span: node.span };
  }
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, named(value)]));
}

/** Runs a step over a body: its errors have no place in the statement that calls the function. */
function within<T>(body: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    const { state, message, detail, hint, where } = error;
    throw new SqlError(state, message, {
      ...(detail === undefined ? {} : { detail }),
      ...(hint === undefined ? {} : { hint }),
      where: where ?? `SQL function body "${body.trim()}"`,
    });
  }
}

/** The body over the parameters' row, one level around it. */
function bindBody(name: string, user: UserRoutine, env: BindEnvironment): BoundNested {
  const inlining = env.inlining ?? [];
  if (inlining.includes(user.id)) throw unsupported(`recursion in the SQL function ${name}()`);
  const columns = user.parameters.map((p, i) => ({
    name: p.name ?? `$${i + 1}`,
    type: withoutModifier(p.type),
    nullable: true,
  }));
  const numbered = columns.map((c, i) => ({ ...c, name: `$${i + 1}` }));
  const byName = columns.filter((_, i) => user.parameters[i]?.name !== null);
  const own = scopeTable(name, null, columns);
  const tables = [
    { ...own, columns: own.columns.filter((c) => byName.some((b) => b.name === c.name)) },
    scopeTable('$', null, numbered),
  ];
  const inner: BindEnvironment = {
    ...env,
    searchPath: must(user.inline).searchPath,
    parameterTypes: [],
    inlining: [...inlining, user.id],
  };
  return within(user.source, () =>
    bindQueryBody(queryOf(user), { env: inner, ctes: noCtes, parent: new Scope({ tables }, null) }),
  );
}

function wrongResult(declared: string, detail: string): SqlError {
  return new SqlError('42P13', `return type mismatch in function declared to return ${declared}`, { detail });
}

/** A body's column as the declared type. */
function resultColumn(value: Scalar, type: Scalar['type'], env: BindEnvironment): Scalar | null {
  return tryCoerce(reopened(value) ?? value, type, 'assignment', env);
}

// Values

function inlineValue(
  fn: ScalarFunction,
  user: UserRoutine,
  args: readonly Scalar[],
  type: Scalar['type'],
  position: number,
  env: BindEnvironment,
): Scalar {
  const bound = asRow(bindBody(fn.name, user, env), type, env);
  const declared = formatType(type);
  const [only, ...more] = bound.columns;
  if (only === undefined || more.length > 0) {
    throw wrongResult(declared, 'Final statement must return exactly one column.');
  }
  const plan = isOneRow(bound.plan) ? bound.plan : firstRow(bound);
  const isExpression = plan.kind === 'Project' && isUnit(plan.input);
  const value = isExpression ? must(plan.exprs[0]) : columnOf(plan.schema, 0);
  const result = resultColumn(value, type, env);
  if (result === null) throw wrongResult(declared, `Actual return type is ${formatType(only.type)}.`);
  const whole = project(isExpression ? plan.input : plan, [result], [fn.name]);
  const applied = withArguments(whole, args, fn.name);
  if (isExpression && applied.kind === 'Project')
    return placedAt(moveOut(must(applied.exprs[0]), 1), position);
  return { kind: 'scalarSubquery', plan: applied, type };
}

/** A body whose columns are the fields of the row that the function returns, as a body of one column. */
function asRow(bound: BoundNested, type: Scalar['type'], env: BindEnvironment): BoundNested {
  const [only, ...more] = bound.columns;
  if (type.id !== 'struct' || only === undefined) return bound;
  if (more.length === 0 && (only.type.id === 'struct' || type.fields.length !== 1)) return bound;
  if (bound.columns.length !== type.fields.length) {
    const few = bound.columns.length < type.fields.length;
    throw wrongResult('record', `Final statement returns too ${few ? 'few' : 'many'} columns.`);
  }
  const whole = isOneRow(bound.plan) ? bound.plan : firstRow(bound);
  const items = type.fields.map((f, i): Scalar => {
    const from = columnOf(whole.schema, i);
    const result = resultColumn(from, f.type, env);
    if (result !== null) return result;
    const detail = `Final statement returns ${formatType(from.type)} instead of ${formatType(f.type)} at column ${i + 1}.`;
    throw wrongResult('record', detail);
  });
  const row: Scalar = { kind: 'row', items, type };
  const columns = [{ name: 'row', type, nullable: false }];
  return { ...bound, plan: project(whole, [row], ['row']), columns, order: [] };
}

const isUnit = (plan: LogicalPlan): boolean =>
  plan.kind === 'Values' && plan.rows.length === 1 && plan.schema.length === 0;

/** True when the plan gives one row whatever its inputs hold. */
function isOneRow(plan: LogicalPlan): boolean {
  if (plan.kind === 'Project') return isOneRow(plan.input);
  if (plan.kind === 'Aggregate') return plan.keys.length === 0 && plan.sets === null;
  return isUnit(plan);
}

/** A function that returns a value gives the first row's. */
function firstRow({ plan, order }: BoundNested): LogicalPlan {
  const limit = literal(1n, types.int8);
  return topN(plan, { partition: [], order, limit, offset: null, withTies: false, rank: null });
}

/** Runtime errors of the body show where it is called. */
function placedAt(s: Scalar, position: number): Scalar {
  const here = s.kind === 'call' || (s.kind === 'cast' && s.position !== undefined) ? { ...s, position } : s;
  return mapScalarChildren(here, (child) => placedAt(child, position));
}

/** A scalar as it is written `by` levels further in. */
function moveIn(s: Scalar, by: number): Scalar {
  if (s.kind === 'column') return { kind: 'outer', depth: by, index: s.index, type: s.type };
  if (s.kind === 'outer') return { ...s, depth: s.depth + by };
  const mapped = mapScalarChildren(s, (child) => moveIn(child, by));
  return mapSubqueryPlan(mapped, (plan) => shiftOuter(plan, by));
}

/** The plan with arguments in the place of the parameters' row. */
function withArguments(plan: LogicalPlan, args: readonly Scalar[], name: string): LogicalPlan {
  const uses = args.map(() => 0);
  const applied = mapOuterColumns(plan, 1, (outer) => {
    uses[outer.index] = (uses[outer.index] ?? 0) + 1;
    return moveIn(must(args[outer.index]), outer.depth);
  });
  const repeated = args.findIndex((arg, i) => isVolatile(arg) && (uses[i] ?? 0) > 1);
  if (repeated >= 0) {
    throw unsupported(
      `a volatile argument that the SQL function ${name}() uses more than once`,
      undefined,
      'Compute it in a subquery and give its column to the function.',
    );
  }
  return applied;
}

const mayBeNull = (s: Scalar): boolean => s.kind !== 'literal' || s.value === null;

/** A strict function: no argument may be NULL. */
function nullIfAnyNull(args: readonly Scalar[], value: Scalar): Scalar {
  const tests = args.filter(mayBeNull).map((a) => isNull(a));
  if (tests.length === 0) return value;
  if (args.some(isVolatile)) throw unsupported('a volatile argument of a strict SQL function');
  const { type } = value;
  return { kind: 'case', whens: [{ when: or(tests), then: nullOf(type) }], otherwise: value, type };
}

/** Binds the body once, over parameters of which nothing is known. */
export function checkSqlFunction(
  fn: SqlFunction & { readonly user?: UserRoutine },
  returns:
    | { readonly kind: 'value'; readonly type: Scalar['type'] }
    | {
        readonly kind: 'rows';
        readonly columns: readonly { readonly name: string; readonly type: Scalar['type'] }[];
      },
  env: BindEnvironment,
): void {
  const user = must(fn.user);
  for (const p of user.parameters) {
    if (p.default !== null) bindDefaultOf(user, p.default, p.type, env);
  }
  const args = user.parameters.map((p) => nullOf(p.type));
  if (returns.kind === 'value' && fn.kind === 'scalar') {
    inlineValue(fn, user, args, returns.type, 0, env);
  } else if (returns.kind === 'rows' && fn.kind === 'table') {
    const columns = returns.columns.map((c) => ({ ...c, nullable: true }));
    inlineQuery(fn, args, columns, 0, env);
  }
}

// Rows

/** The body, in its order, and its columns as the declared ones. */
function declaredColumns(
  fn: TableFunction,
  columns: readonly { readonly name: string; readonly type: Scalar['type'] }[],
  env: BindEnvironment,
): { readonly plan: LogicalPlan; readonly exprs: readonly Scalar[] } {
  const { plan, columns: found } = sorted(bindBody(fn.name, must(fn.user), env));
  const declared = columns.length === 1 ? formatType(must(columns[0]).type) : 'record';
  if (found.length !== columns.length) {
    const few = found.length < columns.length;
    throw wrongResult(declared, `Final statement returns too ${few ? 'few' : 'many'} columns.`);
  }
  const exprs = columns.map((c, i) => {
    const from = columnOf(plan.schema, i);
    const result = resultColumn(from, c.type, env);
    if (result !== null) return result;
    throw wrongResult(
      declared,
      `Final statement returns ${formatType(from.type)} instead of ${formatType(c.type)} at column ${i + 1}.`,
    );
  });
  return { plan, exprs };
}

/** The rows of an SQL function; arguments are scalars over the row around. */
export function inlineQuery(
  fn: TableFunction,
  args: readonly Scalar[],
  columns: Schema,
  position: number,
  env: BindEnvironment,
): LogicalPlan {
  const { plan, exprs } = declaredColumns(fn, columns, env);
  const names = columns.map((c) => c.name);
  const applied = withArguments(project(plan, exprs, names), args, fn.name);
  if (fn.nulls !== 'strict') return applied;
  if (args.some(isVolatile)) throw unsupported('a volatile argument of a strict SQL function', position);
  return filter(
    applied,
    args.filter(mayBeNull).map((a) => isNull(moveIn(a, 1), true)),
  );
}
