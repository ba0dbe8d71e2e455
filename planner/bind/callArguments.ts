/**
 * The arguments of a call and the parameters they are for: by place, by name (`f(b => 2)`), left out where there is a
 * default, spread over a VARIADIC parameter. Every candidate is seen as the call addresses it: its parameters' types in the
 * order in which the call writes them; overload resolution compares these views.
 */
import { must } from '../../common/assert.ts';
import type { DataType } from '../../common/dataType.ts';
import { types } from '../../common/dataType.ts';
import type { ParameterName, TypePattern, UserRoutine } from '../../common/function.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatType } from '../../common/typeTable.ts';
import type { FunctionCall } from '../../parser/ast/expr.ts';
import { parseExpr } from '../../parser/parse.ts';
import type { Scalar } from '../plan/scalar.ts';
import { coerceImplicit, withoutModifier } from './coerce.ts';
import type { BindEnvironment } from './environment.ts';
import { bindExpr } from './expr.ts';
import { concreteType, type Match, resolve, type Signature } from './overload.ts';
import { exprContext, noCtes } from './query.ts';
import { bindDefaultOf } from './userFunctions.ts';

/** What a function must tell to be a candidate. */
export interface Callable {
  readonly args: readonly TypePattern[];
  readonly variadic?: boolean;
  readonly user?: UserRoutine;
  /** Names of a built-in function's parameters. */
  readonly parameters?: readonly ParameterName[];
}

/** A candidate as a call addresses it. */
interface View<F> extends Signature {
  readonly fn: F;
  /** Per written argument its parameter; null: by place. */
  readonly places: readonly number[] | null;
  /** How many written arguments the VARIADIC parameter of a user's function takes together. */
  readonly spread: number | null;
}

export interface Chosen<F> {
  readonly fn: F;
  readonly match: Match<View<F>>;
}

/** Checks the names in an argument list: each once, and none before an argument without. */
export function checkNames(call: FunctionCall): void {
  const seen = new Set<string>();
  for (const a of call.arguments) {
    if (a.name === null) {
      if (seen.size === 0) continue;
      const message = 'positional argument cannot follow named argument';
      throw new SqlError('42601', message, { position: a.span.start });
    }
    if (seen.has(a.name.name)) {
      const message = `argument name "${a.name.name}" used more than once`;
      throw new SqlError('42601', message, { position: a.span.start });
    }
    seen.add(a.name.name);
  }
}

const patternIn = (fn: Callable, place: number): TypePattern => must(fn.args[place]);

/** Parameters' names and defaults of any function. */
function parametersOf(
  fn: Callable,
): readonly { readonly name: string | null; readonly default: string | null }[] {
  return fn.user?.parameters ?? fn.parameters ?? [];
}

/** The parameters that the written arguments are for; null when a name fits none or one without default is left out. */
function placesOf(fn: Callable, call: FunctionCall): readonly number[] | null {
  const parameters = parametersOf(fn);
  const used = new Set<number>();
  const places: number[] = [];
  for (const [i, a] of call.arguments.entries()) {
    const name = a.name?.name;
    const place = name === undefined ? i : parameters.findIndex((p) => p.name === name);
    if (place < 0 || place >= fn.args.length || used.has(place)) return null;
    used.add(place);
    places.push(place);
  }
  const isLeftOut = (_: unknown, i: number): boolean => !used.has(i);
  const missing = fn.args.map((_, i) => parameters[i]).filter(isLeftOut);
  return missing.every((p) => p !== undefined && p.default !== null) ? places : null;
}

function elementOf(type: DataType): DataType {
  return type.id === 'array' ? type.element : type;
}

function elementPattern(pattern: TypePattern): TypePattern {
  return pattern === 'record[]' ? 'record' : (pattern.replace(/\[\]$/, '') as TypePattern);
}

/** A user's function with a VARIADIC parameter that takes the last arguments one by one. */
function spreadView<F extends Callable>(fn: F, user: UserRoutine, count: number): View<F> | null {
  const fixed = fn.args.length - 1;
  if (count <= fixed) return null;
  const spread = count - fixed;
  const last = must(user.parameters[fixed]).type;
  const repeated = new Array<TypePattern>(spread).fill(elementPattern(patternIn(fn, fixed)));
  return {
    fn,
    args: [...fn.args.slice(0, fixed), ...repeated],
    declared: [
      ...user.parameters.slice(0, fixed).map((p) => p.type),
      ...new Array<DataType>(spread).fill(elementOf(last)),
    ],
    places: null,
    spread,
  };
}

/** A function as the call addresses it; null when it cannot be meant. */
function viewOf<F extends Callable>(fn: F, call: FunctionCall, count: number): View<F> | null {
  const { user } = fn;
  const isNamed = call.arguments.some((a) => a.name !== null);
  const asArray = call.arguments.at(-1)?.variadic === true;
  if (asArray && user?.variadic !== true) return null;
  if (user === undefined) {
    if (!isNamed) return { fn, args: fn.args, variadic: fn.variadic ?? false, places: null, spread: null };
    const places = fn.variadic === true ? null : placesOf(fn, call);
    if (places === null) return null;
    return { fn, args: places.map((p) => patternIn(fn, p)), places, spread: null };
  }
  if (user.variadic && !asArray) {
    if (isNamed) return null;
    const spread = spreadView(fn, user, count);
    if (spread !== null) return spread;
  }
  const places = placesOf(fn, call);
  if (places === null) return null;
  if (asArray && places.at(-1) !== fn.args.length - 1) return null;
  return {
    fn,
    args: places.map((p) => patternIn(fn, p)),
    declared: places.map((p) => must(user.parameters[p]).type),
    places,
    spread: null,
  };
}

/** The function that a call means, of several of its name. */
export function choose<F extends Callable>(
  candidates: readonly F[],
  call: FunctionCall,
  args: readonly Scalar[],
): Chosen<F> | 'ambiguous' | null {
  const isNamed = call.arguments.some((a) => a.name !== null);
  let views = candidates.map((fn) => viewOf(fn, call, args.length)).filter((v) => v !== null);
  if (isNamed) {
    // Optional parameters of a built-in function are overloads: the shortest that has the names is meant.
    const least = Math.min(...views.map((v) => v.fn.args.length));
    views = views.filter((v) => v.fn.user !== undefined || v.fn.args.length === least);
  }
  // Of equal fits the one without a VARIADIC parameter comes first.
  views.sort((a, b) => Number(a.spread !== null) - Number(b.spread !== null));
  const match = resolve(
    views,
    args.map((a) => a.type),
  );
  return match === null || match === 'ambiguous' ? match : { fn: match.fn.fn, match };
}

/** Arguments in the parameters' order, coerced, with defaults in the places left out. */
export function argumentsOf(
  { fn, match }: Chosen<Callable>,
  args: readonly Scalar[],
  env: BindEnvironment,
): readonly Scalar[] {
  const { places, spread } = match.fn;
  const coerced = args.map((a, i) => coerceImplicit(a, must(match.types[i]), env));
  if (spread !== null) {
    const fixed = coerced.length - spread;
    const type = must(must(fn.user).parameters[fixed]).type;
    return [...coerced.slice(0, fixed), { kind: 'array', items: coerced.slice(fixed), nested: false, type }];
  }
  if (places === null) return coerced;
  const inOrder = new Map(places.map((place, i) => [place, must(coerced[i])]));
  return fn.args.map((pattern, i) => inOrder.get(i) ?? defaultOf(fn, i, pattern, env));
}

function defaultOf(fn: Callable, place: number, pattern: TypePattern, env: BindEnvironment): Scalar {
  const { user } = fn;
  const text = must(parametersOf(fn)[place]?.default, 'a parameter left out has a default');
  if (user === undefined) {
    const context = { ...exprContext(env, null, noCtes), clause: 'DEFAULT expressions' };
    return coerceImplicit(bindExpr(parseExpr(text), context), concreteType(pattern) ?? types.text, env);
  }
  const searchPath = user.inline?.searchPath ?? env.searchPath;
  return bindDefaultOf(user, text, must(user.parameters[place]).type, { ...env, searchPath });
}

function shown(name: string, call: FunctionCall, args: readonly Scalar[]): string {
  const list = args.map((a, i) => {
    const given = call.arguments[i]?.name?.name;
    return `${given === undefined ? '' : `${given} => `}${formatType(withoutModifier(a.type))}`;
  });
  return `function ${name}(${list.join(', ')})`;
}

export function noFunctionFor(name: string, call: FunctionCall, args: readonly Scalar[]): SqlError {
  return new SqlError('42883', `${shown(name, call, args)} does not exist`, {
    position: call.span.start,
    hint: 'No function matches the given name and argument types. You might need to add explicit type casts.',
  });
}

export function ambiguousFor(name: string, call: FunctionCall, args: readonly Scalar[]): SqlError {
  return new SqlError('42725', `${shown(name, call, args)} is not unique`, {
    position: call.span.start,
    hint: 'Could not choose a best candidate function. You might need to add explicit type casts.',
  });
}
