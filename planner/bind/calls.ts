/** Function calls: scalar, aggregate, window and set-returning, and the calls with a grammar of their own. */

import { must } from '../../common/assert.ts';
import { canCast } from '../../common/cast.ts';
import { type DataType, types } from '../../common/dataType.ts';
import type {
  AggregateFunction,
  ScalarFunction,
  SqlFunction,
  TableFunction,
  WindowFunction,
} from '../../common/function.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import { typeFromName } from '../../common/typeTable.ts';
import type { FunctionCall, SpecialCall, WindowSpec } from '../../parser/ast/expr.ts';
import type { OrderItem } from '../../parser/ast/query.ts';
import { scalarKey } from '../plan/fingerprint.ts';
import type { Scalar } from '../plan/scalar.ts';
import { coerceExplicit, coerceImplicit, defaultUnknown, unify } from './coerce.ts';
import {
  AGGREGATE_BASE,
  type BoundOrder,
  type ExprContext,
  TABLE_FUNCTION_BASE,
  WINDOW_BASE,
} from './context.ts';
import { bindCondition, bindExpr } from './expr.ts';
import { ambiguousFunction, callOf, functionCall, noFunction, operatorCall, text } from './operators.ts';
import { type Match, resolve, resultType } from './overload.ts';
import { didYouMean } from './scope.ts';

/** Schemas under which the registry's functions are found. */
const functionSchemas = new Set(['pg_catalog', 'rw_catalog', 'information_schema', 'public']);

function functionName(call: FunctionCall): string {
  const parts = call.name.parts.map((p) => p.name);
  const schema = parts.length > 1 ? must(parts[parts.length - 2]) : null;
  const name = must(parts[parts.length - 1]);
  if (schema !== null && !functionSchemas.has(schema)) {
    throw new SqlError('3F000', `schema "${schema}" does not exist`, { position: call.name.span.start });
  }
  return name;
}

const isA =
  <K extends SqlFunction['kind']>(kind: K) =>
  (f: SqlFunction): f is Extract<SqlFunction, { kind: K }> =>
    f.kind === kind;

export function bindFunctionCall(call: FunctionCall, context: ExprContext): Scalar {
  const name = functionName(call);
  const position = call.span.start;
  const found = context.env.functions.byName(name);
  const aggregates = found.filter(isA('aggregate'));
  const windows = found.filter(isA('window'));
  if (call.over !== null) return bindWindowCall(call, name, [...windows, ...aggregates], context);
  if (
    aggregates.length > 0 &&
    (found.every((f) => f.kind === 'aggregate' || f.kind === 'window') || call.withinGroup !== null)
  ) {
    return bindAggregateCall(call, name, aggregates, context);
  }
  if (windows.length > 0) {
    throw new SqlError('42809', `window function ${name} requires an OVER clause`, { position });
  }
  plainCallOnly(call, name);
  const args = bindArguments(call, context);
  const tables = found.filter(isA('table'));
  if (tables.length > 0) return bindSetReturning(call, name, tables, args, context);
  return bindScalarCall(call, name, found.filter(isA('scalar')), args, context);
}

/** DISTINCT, FILTER, ORDER BY belong to aggregates. */
function plainCallOnly(call: FunctionCall, name: string): void {
  const position = call.span.start;
  const wrong = (what: string): SqlError =>
    new SqlError('42809', `${what} specified, but ${name} is not an aggregate function`, { position });
  // f(*) is a call without arguments, as PostgreSQL reads it.
  if (call.star) throw noFunction(name, [], position);
  if (call.distinct) throw wrong('DISTINCT');
  if (call.filter !== null) throw wrong('FILTER');
  if (call.orderBy.length > 0) throw wrong('ORDER BY');
  if (call.withinGroup !== null) throw wrong('WITHIN GROUP');
}

function bindArguments(call: FunctionCall, context: ExprContext): Scalar[] {
  return call.arguments.map((a) => {
    if (a.name !== null) throw unsupported('named argument notation', a.span.start);
    return bindExpr(a.value, context);
  });
}

function bindScalarCall(
  call: FunctionCall,
  name: string,
  candidates: readonly ScalarFunction[],
  args: readonly Scalar[],
  context: ExprContext,
): Scalar {
  const position = call.span.start;
  const variadic = call.arguments.at(-1)?.variadic === true;
  const usable = variadic ? candidates.filter((f) => f.variadic === true) : candidates;
  if (variadic) return bindVariadicArray(call, name, usable, args, context);
  const match = resolve(
    usable,
    args.map((a) => a.type),
  );
  if (match === 'ambiguous') throw ambiguousFunction(name, args, position);
  if (match !== null) return callOf(match, args, position, context.env);
  // A type's name with one argument is a cast.
  const type = args.length === 1 ? typeFromName(name) : null;
  const only = args[0];
  if (
    type !== null &&
    only !== undefined &&
    (only.type.id === 'unknown' || canCast(only.type, type, 'explicit'))
  ) {
    return coerceExplicit(only, type, position, context.env);
  }
  const error = noFunction(name, args, position);
  if (candidates.length > 0) throw error;
  const guess = didYouMean(
    name,
    context.env.functions.all().map((f) => f.name),
  );
  if (guess === null) throw error;
  throw new SqlError('42883', error.message, {
    position,
    hint: `${error.hint ?? ''} Perhaps you meant "${guess}".`.trim(),
  });
}

/** `f(a, VARIADIC array)`: a constant-length array constructor is spread; any other array is refused by name. */
function bindVariadicArray(
  call: FunctionCall,
  name: string,
  candidates: readonly ScalarFunction[],
  args: readonly Scalar[],
  context: ExprContext,
): Scalar {
  const last = must(args.at(-1));
  if (last.kind !== 'array')
    throw unsupported(`VARIADIC with an array that is not an ARRAY constructor in ${name}`, call.span.start);
  const spread = [...args.slice(0, -1), ...last.items];
  const match = resolve(
    candidates,
    spread.map((a) => a.type),
  );
  if (match === null || match === 'ambiguous') throw noFunction(name, args, call.span.start);
  return callOf(match, spread, call.span.start, context.env);
}

function bindSetReturning(
  call: FunctionCall,
  name: string,
  candidates: readonly TableFunction[],
  args: readonly Scalar[],
  context: ExprContext,
): Scalar {
  const position = call.span.start;
  if (context.collected === null) {
    throw new SqlError('0A000', `set-returning functions are not allowed in ${context.clause}`, { position });
  }
  const pending = matchTableFunction(name, candidates, args, position, context);
  context.collected.tableFunctions.push(pending);
  const index = TABLE_FUNCTION_BASE + context.collected.tableFunctions.length - 1;
  const only = pending.columns[0];
  if (pending.columns.length === 1 && only !== undefined) return { kind: 'column', index, type: only.type };
  return { kind: 'column', index, type: { id: 'struct', fields: pending.columns } };
}

/** A table function with coerced arguments and its result columns. */
export function matchTableFunction(
  name: string,
  candidates: readonly TableFunction[],
  args: readonly Scalar[],
  position: number,
  context: ExprContext,
) {
  const match = resolve(
    candidates,
    args.map((a) => a.type),
  );
  if (match === null) throw noFunction(name, args, position);
  if (match === 'ambiguous') throw ambiguousFunction(name, args, position);
  const coerced = args.map((a, i) => coerceImplicit(a, must(match.types[i]), context.env));
  return { fn: match.fn, args: coerced, columns: match.fn.columns(match.types) };
}

// Aggregates

function aggregateNotAllowed(context: ExprContext, position: number): SqlError | null {
  if (context.inside === 'aggregate' && context.clause !== 'FILTER')
    return new SqlError('42803', 'aggregate function calls cannot be nested', { position });
  if (context.collected === null) {
    return new SqlError('42803', `aggregate functions are not allowed in ${context.clause}`, { position });
  }
  return null;
}

function bindAggregateCall(
  call: FunctionCall,
  name: string,
  candidates: readonly AggregateFunction[],
  context: ExprContext,
): Scalar {
  const position = call.span.start;
  const refused = aggregateNotAllowed(context, position);
  if (refused !== null) throw refused;
  const collected = must(context.collected);
  const inner: ExprContext = {
    ...context,
    collected: null,
    inside: 'aggregate',
    clause: 'an aggregate function',
  };
  const direct = call.star ? [] : bindArguments(call, inner);
  const within = call.withinGroup ?? [];
  if (call.withinGroup !== null && !candidates.some((c) => c.orderedSet === true)) {
    throw new SqlError('42809', `${name} is not an ordered-set aggregate, so it cannot have WITHIN GROUP`, {
      position,
    });
  }
  const sorted = bindOrder([...call.orderBy, ...within], inner);
  const args = call.withinGroup === null ? direct : [...direct, ...sorted.map((o) => o.expr)];
  const match = resolve(
    candidates,
    args.map((a) => a.type),
  );
  if (match === null) throw noFunction(name, args, position);
  if (match === 'ambiguous') throw ambiguousFunction(name, args, position);
  if (call.arguments.length === 0 && !call.star && call.withinGroup === null) {
    throw new SqlError('42809', `${name}(*) must be used to call a parameterless aggregate function`, {
      position,
    });
  }
  const coerced = args.map((a, i) => coerceImplicit(a, must(match.types[i]), context.env));
  if (call.distinct && call.orderBy.length > 0) {
    const ordered = sorted.every((o) =>
      [...args, ...coerced].some((a) => scalarKey(a) === scalarKey(o.expr)),
    );
    if (!ordered) {
      throw new SqlError(
        '42P10',
        'in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list',
        { position },
      );
    }
  }
  if (call.distinct && coerced.length === 0)
    throw new SqlError('42601', 'DISTINCT specified, but no arguments were given', { position });
  const filter =
    call.filter === null ? null : bindCondition(call.filter, { ...inner, clause: 'FILTER' }, 'FILTER');
  const type = resultType(match.fn.returns, match);
  collected.aggregates.push({
    fn: match.fn,
    args: coerced,
    distinct: call.distinct,
    filter,
    orderBy: sorted,
    type,
    position,
  });
  return { kind: 'column', index: AGGREGATE_BASE + collected.aggregates.length - 1, type };
}

export function bindOrder(items: readonly OrderItem[], context: ExprContext): BoundOrder[] {
  return items.map((item) => ({
    expr: defaultUnknown(bindExpr(item.expr, context), context.env),
    descending: item.direction === 'desc',
    nullsFirst: item.nulls === null ? item.direction === 'desc' : item.nulls === 'first',
  }));
}

// Window calls

function windowSpec(call: FunctionCall, context: ExprContext): WindowSpec {
  const over = must(call.over);
  const named = (name: string, position: number): WindowSpec => {
    const spec = context.windows.get(name);
    if (spec === undefined) throw new SqlError('42704', `window "${name}" does not exist`, { position });
    return spec;
  };
  if (over.kind === 'WindowName') return expandBase(named(over.name.name, over.span.start), named);
  return expandBase(over, named);
}

function expandBase(spec: WindowSpec, named: (name: string, position: number) => WindowSpec): WindowSpec {
  if (spec.base === null) return spec;
  const base = expandBase(named(spec.base.name, spec.base.span.start), named);
  if (spec.partitionBy.length > 0) {
    throw new SqlError('42P20', `cannot override PARTITION BY clause of window "${spec.base.name}"`, {
      position: spec.span.start,
    });
  }
  if (spec.orderBy.length > 0 && base.orderBy.length > 0) {
    throw new SqlError('42P20', `cannot override ORDER BY clause of window "${spec.base.name}"`, {
      position: spec.span.start,
    });
  }
  return {
    ...spec,
    base: null,
    partitionBy: base.partitionBy,
    orderBy: base.orderBy.length > 0 ? base.orderBy : spec.orderBy,
  };
}

function bindWindowCall(
  call: FunctionCall,
  name: string,
  candidates: readonly (WindowFunction | AggregateFunction)[],
  context: ExprContext,
): Scalar {
  const position = call.span.start;
  if (context.inside === 'window')
    throw context.clause === 'window definitions'
      ? new SqlError('42P20', 'window functions are not allowed in window definitions', { position })
      : new SqlError('42P20', 'window function calls cannot be nested', { position });
  if (context.inside === 'aggregate')
    throw new SqlError('42803', 'aggregate function calls cannot contain window function calls', {
      position,
    });
  if (context.collected === null || !context.allowWindows) {
    throw new SqlError('42P20', `window functions are not allowed in ${context.clause}`, { position });
  }
  if (candidates.length === 0) {
    if (context.env.functions.byName(name).length === 0)
      throw noFunction(name, bindArguments(call, context), position);
    throw new SqlError(
      '42809',
      `OVER specified, but ${name} is not a window function nor an aggregate function`,
      { position },
    );
  }
  const spec = windowSpec(call, context);
  const inner: ExprContext = { ...context, inside: 'window', allowWindows: false };
  const definition: ExprContext = { ...inner, clause: 'window definitions' };
  const args = call.star ? [] : bindArguments(call, inner);
  const fitting: (WindowFunction | AggregateFunction)[] = candidates.map((c) =>
    c.kind === 'window' ? { ...c, args: c.args.slice(0, Math.max(c.required, args.length)) } : c,
  );
  const match: Match<WindowFunction | AggregateFunction> | 'ambiguous' | null = resolve(
    fitting,
    args.map((a) => a.type),
  );
  if (match === null) throw noFunction(name, args, position);
  if (match === 'ambiguous') throw ambiguousFunction(name, args, position);
  const coerced = args.map((a, i) => coerceImplicit(a, must(match.types[i]), context.env));
  const type = resultType(match.fn.returns, match);
  const fn = must(candidates[fitting.indexOf(match.fn)]);
  if (call.distinct) {
    throw new SqlError('0A000', 'DISTINCT is not implemented for window functions', { position });
  }
  const filter = call.filter === null ? null : bindCondition(call.filter, inner, 'FILTER');
  if (filter !== null && fn.kind === 'window') {
    throw new SqlError('0A000', 'FILTER is not implemented for non-aggregate window functions', { position });
  }
  context.collected.windows.push({
    fn,
    args: coerced,
    filter,
    distinct: call.distinct,
    ignoreNulls: call.nullTreatment === 'ignore',
    partitionBy: spec.partitionBy.map((e) => defaultUnknown(bindExpr(e, definition), context.env)),
    orderBy: bindOrder(spec.orderBy, definition),
    frame: spec.frame,
    type,
    position,
  });
  return { kind: 'column', index: WINDOW_BASE + context.collected.windows.length - 1, type };
}

// Calls with a grammar of their own

const sessionFunctions: Readonly<Partial<Record<SpecialCall['name'], string>>> = {
  current_date: 'current_date',
  current_time: 'current_time',
  current_timestamp: 'now',
  localtime: 'localtime',
  localtimestamp: 'localtimestamp',
  current_user: 'current_user',
  current_role: 'current_role',
  session_user: 'session_user',
  user: 'current_user',
  current_catalog: 'current_database',
  current_schema: 'current_schema',
};

export function bindSpecialCall(call: SpecialCall, context: ExprContext): Scalar {
  const { env } = context;
  const position = call.span.start;
  const session = sessionFunctions[call.name];
  if (session !== undefined) return functionCall(session, [], position, env);
  const args = call.arguments.map((a) => bindExpr(a, context));
  const arg = (i: number): Scalar => must(args[i]);
  switch (call.name) {
    case 'substring':
      return functionCall('substring', args, position, env);
    case 'substring_similar':
      return functionCall(
        'substring',
        [arg(0), functionCall('similar_to_escape', args.slice(1), position, env)],
        position,
        env,
      );
    case 'position':
      return functionCall('strpos', [arg(1), arg(0)], position, env);
    case 'overlay':
      return functionCall('overlay', args, position, env);
    case 'trim_both':
      return functionCall('btrim', args, position, env);
    case 'trim_leading':
      return functionCall('ltrim', args, position, env);
    case 'trim_trailing':
      return functionCall('rtrim', args, position, env);
    case 'normalize':
      return functionCall('normalize', args.length === 1 ? [arg(0), text('NFC')] : args, position, env);
    case 'coalesce':
    case 'greatest':
    case 'least': {
      const { scalars, type } = unify(args, call.name.toUpperCase(), env);
      return { kind: call.name, operands: scalars, type };
    }
    case 'nullif': {
      const equal = operatorCall('=', [arg(0), arg(1)], position, env);
      const first: Scalar =
        arg(0).type.id === 'unknown' && equal.kind === 'call' ? must(equal.args[0]) : arg(0);
      const type: DataType = first.type.id === 'unknown' ? types.text : first.type;
      return {
        kind: 'case',
        whens: [{ when: equal, then: { kind: 'literal', value: null, type } }],
        otherwise: first,
        type,
      };
    }
    default:
      throw unsupported(call.name, position);
  }
}
