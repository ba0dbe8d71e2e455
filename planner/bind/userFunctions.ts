/**
 * Calls of users' functions. An SQL function is inlined: its body is bound over a row of its parameters that sees nothing
 * else, and the arguments take the place of that row's columns. A body that is one expression becomes part of the
 * caller's expression; any other becomes a scalar subquery of its first row, or in FROM a lateral query.
 */
import { must } from '../../common/assert.ts';
import type { Schema } from '../../common/dataType.ts';
import { types } from '../../common/dataType.ts';
import type { ScalarFunction, SqlFunction, TableFunction, UserRoutine } from '../../common/function.ts';
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
import type { BindEnvironment } from './environment.ts';
import { bindExpr } from './expr.ts';
import type { Match } from './overload.ts';
import { type BoundNested, bindQueryBody, exprContext, noCtes } from './query.ts';
import { mapOuterColumns, mapSubqueryPlan, moveOut, shiftOuter } from './rewrite.ts';
import { Scope, scopeTable } from './scope.ts';

/** Remembers that a user's function is called. */
export function noteUse(fn: SqlFunction, env: BindEnvironment): void {
  if ('user' in fn && fn.user !== undefined) env.used?.add(fn.user.id);
}

/** The arguments with the defaults of those left out. */
export function withDefaults(
  fn: { readonly user?: UserRoutine },
  args: readonly Scalar[],
  env: BindEnvironment,
): readonly Scalar[] {
  const { user } = fn;
  if (user === undefined || user.parameters.length === args.length) return args;
  const searchPath = user.inline?.searchPath ?? env.searchPath;
  const missing = user.parameters.slice(args.length).map((parameter) => {
    const text = must(parameter.default, 'a parameter left out has a default');
    return bindDefaultOf(user, text, parameter.type, { ...env, searchPath });
  });
  return [...args, ...missing];
}

function bindDefaultOf(user: UserRoutine, text: string, type: Scalar['type'], env: BindEnvironment): Scalar {
  return within(user.source, () => {
    const context = { ...exprContext(env, null, noCtes), clause: 'DEFAULT expressions' };
    return coerceImplicit(bindExpr(parseExpr(text), context), type, env);
  });
}

/** The call of a user's scalar function; null for a built-in one. */
export function callUser(
  match: Match<ScalarFunction>,
  args: readonly Scalar[],
  position: number,
  env: BindEnvironment,
): Scalar | null {
  const { fn } = match;
  if (fn.user === undefined) return null;
  noteUse(fn, env);
  const coerced = args.map((a, i) => coerceImplicit(a, must(match.types[i]), env));
  const all = withDefaults(fn, coerced, env);
  const type = typeof fn.returns === 'function' ? fn.returns(all.map((a) => a.type)) : types.text;
  if (fn.user.inline === null) return { kind: 'call', fn, args: all, type, position };
  const value = inlineValue(fn, fn.user, all, type, position, env);
  return fn.nulls === 'strict' ? nullIfAnyNull(all, value) : value;
}

/** 0A000 for an SQL function of rows where its query cannot stand. */
export function refuseInlineSet(fn: TableFunction, position: number): void {
  if (!fn.user?.inline) return;
  throw unsupported(
    `the SQL function ${fn.name}(), which returns rows, in this place`,
    position,
    'Call it by itself in FROM, which may be LATERAL.',
  );
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
  const bound = bindBody(fn.name, user, env);
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

/** The rows of an SQL function; arguments are scalars over the row around. */
export function inlineQuery(
  fn: TableFunction,
  args: readonly Scalar[],
  columns: Schema,
  position: number,
  env: BindEnvironment,
): LogicalPlan {
  const user = must(fn.user);
  const bound = bindBody(fn.name, user, env);
  const declared = columns.length === 1 ? formatType(must(columns[0]).type) : 'record';
  if (bound.columns.length !== columns.length) {
    throw wrongResult(
      declared,
      `Final statement returns ${bound.columns.length < columns.length ? 'too few' : 'too many'} columns.`,
    );
  }
  const exprs = columns.map((c, i) => {
    const from = columnOf(bound.plan.schema, i);
    const result = resultColumn(from, c.type, env);
    if (result !== null) return result;
    throw wrongResult(
      declared,
      `Final statement returns ${formatType(from.type)} instead of ${formatType(c.type)} at column ${i + 1}.`,
    );
  });
  const names = columns.map((c) => c.name);
  const applied = withArguments(project(bound.plan, exprs, names), args, fn.name);
  if (fn.nulls !== 'strict') return applied;
  if (args.some(isVolatile)) throw unsupported('a volatile argument of a strict SQL function', position);
  return filter(
    applied,
    args.filter(mayBeNull).map((a) => isNull(moveIn(a, 1), true)),
  );
}
