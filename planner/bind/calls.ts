/** Function calls: which kind of function a name means, and calls of scalar and set-returning functions. */
import { must } from '../../common/assert.ts';
import { canCast } from '../../common/cast.ts';
import type { DataType } from '../../common/dataType.ts';
import type { ScalarFunction, SqlFunction, TableFunction } from '../../common/function.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import { typeFromName } from '../../common/typeTable.ts';
import type { FunctionCall } from '../../parser/ast/expr.ts';
import { scalarKey } from '../plan/fingerprint.ts';
import type { Scalar } from '../plan/scalar.ts';
import { isVolatile } from '../plan/scalars.ts';
import { isAbsent } from './absentFunctions.ts';
import { bindAggregateCall } from './aggregateCalls.ts';
import { ambiguousFor, argumentsOf, checkNames, choose, noFunctionFor } from './callArguments.ts';
import { coerceExplicit } from './coerce.ts';
import { type ExprContext, type PendingTableFunction, TABLE_FUNCTION_BASE } from './context.ts';
import { bindExpr } from './expr.ts';
import { bindHypothetical, isHypothetical } from './hypothetical.ts';
import { bindLambdaCall } from './lambdas.ts';
import { didYouMean } from './nameErrors.ts';
import { callOf, noFunction } from './operators.ts';
import { checkDeterminate, resolve } from './overload.ts';
import { callUser, noteUse, placeable } from './userFunctions.ts';
import { spreading } from './variadic.ts';
import { bindWindowCall } from './windowCalls.ts';

/** Schemas under which the registry's functions are found. */
const functionSchemas = new Set([
  'pg_catalog',
  'rw_catalog',
  'millrace_catalog',
  'information_schema',
  'public',
]);

/** The function's name without a schema. */
export function functionNameOf(call: FunctionCall): string {
  return must(call.name.parts.at(-1)).name;
}

const isA =
  <K extends SqlFunction['kind']>(kind: K) =>
  (f: SqlFunction): f is Extract<SqlFunction, { kind: K }> =>
    f.kind === kind;

/** The functions that a name may mean; none in a schema that holds no functions. */
export function functionsOf(call: FunctionCall, context: ExprContext): readonly SqlFunction[] {
  const schema = call.name.parts.at(-2)?.name;
  const { catalog, functions, searchPath } = context.env;
  const name = functionNameOf(call);
  const made = functions.user?.(schema ?? null, name, searchPath) ?? [];
  if (schema === undefined) return [...functions.byName(name), ...made];
  if (functionSchemas.has(schema)) return [...made, ...functions.byName(name)];
  if (catalog.hasSchema(schema)) return made;
  throw new SqlError('3F000', `schema "${schema}" does not exist`, { position: call.name.span.start });
}

export function bindFunctionCall(call: FunctionCall, context: ExprContext): Scalar {
  const found = functionsOf(call, context);
  const aggregates = found.filter(isA('aggregate'));
  const windows = found.filter(isA('window'));
  const scalars = found.filter(isA('scalar'));
  const tables = found.filter(isA('table'));
  const name = call.name.parts.map((p) => p.name).join('.');
  if (call.over !== null) return bindWindowCall(call, name, windows, aggregates, found.length > 0, context);
  if (aggregates.length > 0 && scalars.length + tables.length === 0) {
    return bindAggregateCall(call, name, aggregates, context);
  }
  if (windows.length > 0) {
    const plain = functionNameOf(call);
    if (isHypothetical(plain) && call.withinGroup !== null) return bindHypothetical(call, plain, context);
    if (call.withinGroup !== null || (isHypothetical(plain) && call.arguments.length > 0)) {
      throw withinGroupError(plain, call);
    }
    throw new SqlError('42809', `window function ${name} requires an OVER clause`, {
      position: call.span.start,
    });
  }
  const ofLambda = bindLambdaCall(call, name, context);
  if (ofLambda !== null) return ofLambda;
  const args = bindArguments(call, context);
  if (tables.length > 0) return bindSetReturning(call, name, tables, args, context);
  return bindScalarCall(call, name, scalars, args, context);
}

function withinGroupError(name: string, call: FunctionCall): SqlError {
  const message = isHypothetical(name)
    ? `WITHIN GROUP is required for ordered-set aggregate ${name}`
    : `${name} is not an ordered-set aggregate, so it cannot have WITHIN GROUP`;
  return new SqlError('42809', message, { position: call.span.start });
}

/** DISTINCT, FILTER, ORDER BY belong to aggregates. */
function plainCallOnly(call: FunctionCall, name: string): void {
  const wrong = (what: string): SqlError =>
    new SqlError('42809', `${what} specified, but ${name} is not an aggregate function`, {
      position: call.span.start,
    });
  if (call.star) throw wrong(`${name}(*)`);
  if (call.distinct) throw wrong('DISTINCT');
  if (call.withinGroup !== null) throw wrong('WITHIN GROUP');
  if (call.orderBy.length > 0) throw wrong('ORDER BY');
  if (call.filter !== null) throw wrong('FILTER');
}

export function bindArguments(call: FunctionCall, context: ExprContext): readonly Scalar[] {
  checkNames(call);
  return call.arguments.map((a) => bindExpr(a.value, context));
}

const typesOf = (args: readonly Scalar[]): readonly DataType[] => args.map((a) => a.type);

function bindScalarCall(
  call: FunctionCall,
  name: string,
  candidates: readonly ScalarFunction[],
  args: readonly Scalar[],
  context: ExprContext,
): Scalar {
  const position = call.span.start;
  const chosen = choose(candidates, call, args);
  if (chosen === 'ambiguous') throw ambiguousFor(name, call, args);
  if (chosen !== null) {
    plainCallOnly(call, name);
    checkDeterminate(chosen.match);
    const given = argumentsOf(chosen, args, context.env);
    if (chosen.fn.user !== undefined)
      return callUser(chosen.fn, chosen.fn.user, given, position, context.env);
    if (chosen.match.fn.places === null)
      return callOf({ ...chosen.match, fn: chosen.fn }, args, position, context.env);
    const match = resolve([chosen.fn], typesOf(given));
    if (match === null || match === 'ambiguous') throw noFunctionFor(name, call, args);
    return callOf(match, given, position, context.env);
  }
  if (call.arguments.at(-1)?.variadic === true) return bindSpread(call, name, candidates, args, context);
  return typeNameCall(call, name, args, context) ?? missingFunction(name, candidates, args, call, context);
}

/** A type's name called with one argument is a cast. */
function typeNameCall(
  call: FunctionCall,
  name: string,
  args: readonly Scalar[],
  context: ExprContext,
): Scalar | null {
  const only = args[0];
  if (only === undefined || args.length !== 1 || call.name.parts.length !== 1) return null;
  const type = typeFromName(name);
  if (type === null || !(only.type.id === 'unknown' || canCast(only.type, type, 'explicit'))) return null;
  return coerceExplicit(only, type, call.span.start, context.env);
}

function missingFunction(
  name: string,
  candidates: readonly ScalarFunction[],
  args: readonly Scalar[],
  call: FunctionCall,
  context: ExprContext,
): never {
  const position = call.span.start;
  const error = noFunctionFor(name, call, args);
  if (candidates.length === 0 && isAbsent(name)) throw unsupported(`function ${name}`, position);
  const names = candidates.length > 0 ? [] : context.env.functions.all().map((f) => f.name);
  const guess = didYouMean(name, names);
  if (guess === null) throw error;
  throw new SqlError('42883', error.message, {
    position,
    hint: `${error.hint ?? ''} Perhaps you meant "${guess}".`,
  });
}

/** `f(a, VARIADIC array)`: an array constructor is spread here; any other array when the function is called. */
function bindSpread(
  call: FunctionCall,
  name: string,
  candidates: readonly ScalarFunction[],
  args: readonly Scalar[],
  context: ExprContext,
): Scalar {
  const position = call.span.start;
  const last = must(args.at(-1));
  const variadic = candidates.filter((f) => f.variadic === true);
  if (last.kind !== 'array' || last.nested) {
    const match = resolve(variadic.map(spreading), typesOf(args));
    if (match === null || match === 'ambiguous') throw noFunction(name, args, position);
    return callOf(match, args, position, context.env);
  }
  const spread = [...args.slice(0, -1), ...last.items];
  const match = resolve(variadic, typesOf(spread));
  if (match === null || match === 'ambiguous') throw noFunction(name, args, position);
  return callOf(match, spread, position, context.env);
}

// Set-returning functions

/** 0A000 where a set-returning function cannot stand. */
function checkSetsAllowed(context: ExprContext, position: number): void {
  const refuse = (message: string, movable: boolean): SqlError =>
    new SqlError('0A000', message, {
      position,
      ...(movable
        ? { hint: 'You might be able to move the set-returning function into a LATERAL FROM item.' }
        : {}),
    });
  if (context.inside !== null) {
    const outer = context.inside === 'aggregate' ? 'aggregate' : 'window';
    throw refuse(`${outer} function calls cannot contain set-returning function calls`, true);
  }
  if (context.noSets !== null) {
    throw refuse(`set-returning functions are not allowed in ${context.noSets}`, true);
  }
  if (context.collected === null || !context.allowSets) {
    throw refuse(`set-returning functions are not allowed in ${context.clause}`, false);
  }
}

function bindSetReturning(
  call: FunctionCall,
  name: string,
  candidates: readonly TableFunction[],
  args: readonly Scalar[],
  context: ExprContext,
): Scalar {
  const pending = placeable(matchTableFunction(name, candidates, args, call, context), context.env);
  if (pending.fn.withColumns !== undefined) {
    const message = 'function returning record called in context that cannot accept type record';
    throw new SqlError('0A000', message, { position: call.span.start });
  }
  plainCallOnly(call, name);
  checkSetsAllowed(context, call.span.start);
  const { tableFunctions } = must(context.collected);
  const index = TABLE_FUNCTION_BASE + placeOf(pending, tableFunctions);
  const [only, ...more] = pending.columns;
  if (only !== undefined && more.length === 0) return { kind: 'column', index, type: only.type };
  return { kind: 'column', index, type: { id: 'struct', fields: pending.columns } };
}

/** The call's number. Equal calls go side by side, so they are one, and GROUP BY can name it again. */
function placeOf(pending: PendingTableFunction, collected: PendingTableFunction[]): number {
  const keyOf = (call: PendingTableFunction): string => call.args.map(scalarKey).join();
  const isStable = pending.fn.volatility !== 'volatile' && !pending.args.some(isVolatile);
  const key = keyOf(pending);
  const same = collected.findIndex((call) => isStable && call.fn === pending.fn && keyOf(call) === key);
  return same >= 0 ? same : collected.push(pending) - 1;
}

/** A table function with coerced arguments and its result columns. */
export function matchTableFunction(
  name: string,
  candidates: readonly TableFunction[],
  args: readonly Scalar[],
  call: FunctionCall,
  context: ExprContext,
): PendingTableFunction {
  const chosen = choose(candidates, call, args);
  if (chosen === null) throw noFunctionFor(name, call, args);
  if (chosen === 'ambiguous') throw ambiguousFor(name, call, args);
  checkDeterminate(chosen.match);
  const { fn } = chosen;
  noteUse(fn, context.env);
  const all = argumentsOf(chosen, args, context.env);
  return { fn, args: all, columns: fn.columns(all.map((a) => a.type)) };
}
