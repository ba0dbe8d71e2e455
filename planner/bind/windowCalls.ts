/** Window calls: the function, and its window from OVER (...) or a named window. */
import { must } from '../../common/assert.ts';
import type { AggregateFunction, WindowFunction } from '../../common/function.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { FunctionCall, WindowSpec } from '../../parser/ast/expr.ts';
import type { Scalar } from '../plan/scalar.ts';
import { bindOrder } from './aggregateCalls.ts';
import { ambiguousFor, argumentsOf, choose, noFunctionFor } from './callArguments.ts';
import { bindArguments } from './calls.ts';
import { defaultUnknown } from './coerce.ts';
import { requireEquality } from './comparable.ts';
import { type Collected, type ExprContext, WINDOW_BASE } from './context.ts';
import { bindCondition, bindExpr } from './expr.ts';
import { noFunction } from './operators.ts';
import { checkDeterminate, resultType } from './overload.ts';
import { noteUse } from './userFunctions.ts';

const DEFINITION = 'window definitions';

type Candidate = WindowFunction | AggregateFunction;

export function bindWindowCall(
  call: FunctionCall,
  name: string,
  windows: readonly WindowFunction[],
  aggregates: readonly AggregateFunction[],
  exists: boolean,
  context: ExprContext,
): Scalar {
  const position = call.span.start;
  const inner: ExprContext = { ...context, inside: 'window', allowWindows: false };
  // An aggregate of the same name (first_value) is not meant where there is a window function.
  const candidates: readonly Candidate[] = windows.length > 0 ? windows : aggregates;
  if (candidates.length === 0) {
    const args = bindArguments(call, inner);
    if (!exists) throw noFunction(name, args, position);
    const message = `OVER specified, but ${name} is not a window function nor an aggregate function`;
    throw new SqlError('42809', message, { position });
  }
  const collected = checkAllowed(context, position);
  if (call.withinGroup !== null) {
    throw new SqlError('0A000', `OVER is not supported for ordered-set aggregate ${name}`, { position });
  }
  const args = call.star ? [] : bindArguments(call, inner);
  const fitting = candidates.map((c) =>
    c.kind === 'window' ? { ...c, args: c.args.slice(0, Math.max(c.required, args.length)) } : c,
  );
  const chosen = choose(fitting, call, args);
  if (chosen === null) throw noFunctionFor(name, call, args);
  if (chosen === 'ambiguous') throw ambiguousFor(name, call, args);
  checkDeterminate(chosen.match);
  const fn = must(candidates[fitting.indexOf(chosen.fn)]);
  noteUse(fn, context.env);
  checkClauses(call, name, fn, args.length);
  const spec = windowSpec(call, context);
  const definition: ExprContext = { ...inner, clause: DEFINITION };
  const type = resultType(chosen.fn.returns, chosen.match);
  collected.windows.push({
    fn,
    args: argumentsOf(chosen, args, context.env),
    filter: call.filter === null ? null : bindCondition(call.filter, inner, 'FILTER'),
    distinct: false,
    ignoreNulls: call.nullTreatment === 'ignore',
    partitionBy: spec.partitionBy.map((e) => {
      const expr = defaultUnknown(bindExpr(e, definition), context.env);
      requireEquality(expr.type, e.span.start);
      return expr;
    }),
    orderBy: bindOrder(spec.orderBy, definition),
    frame: spec.frame,
    type,
    position,
    specPosition: spec.span.start,
  });
  return { kind: 'column', index: WINDOW_BASE + collected.windows.length - 1, type };
}

function checkAllowed(context: ExprContext, position: number): Collected {
  if (context.inside === 'window') {
    const message =
      context.clause === DEFINITION
        ? `window functions are not allowed in ${DEFINITION}`
        : 'window function calls cannot be nested';
    throw new SqlError('42P20', message, { position });
  }
  if (context.inside === 'aggregate') {
    throw new SqlError('42803', 'aggregate function calls cannot contain window function calls', {
      position,
    });
  }
  if (context.collected === null || !context.allowWindows) {
    throw new SqlError('42P20', `window functions are not allowed in ${context.clause}`, { position });
  }
  return context.collected;
}

function checkClauses(call: FunctionCall, name: string, fn: Candidate, count: number): void {
  const position = call.span.start;
  if (call.distinct) {
    throw new SqlError('0A000', 'DISTINCT is not implemented for window functions', { position });
  }
  if (fn.kind === 'aggregate' && fn.orderedSet === true) {
    throw new SqlError('0A000', `OVER is not supported for ordered-set aggregate ${name}`, { position });
  }
  if (call.orderBy.length > 0) {
    const message = 'aggregate ORDER BY is not implemented for window functions';
    throw new SqlError('0A000', message, { position });
  }
  if (fn.kind === 'aggregate' && count === 0 && !call.star) {
    const message = `${name}(*) must be used to call a parameterless aggregate function`;
    throw new SqlError('42809', message, { position });
  }
  if (call.filter !== null && fn.kind === 'window') {
    const message = 'FILTER is not implemented for non-aggregate window functions';
    throw new SqlError('0A000', message, { position });
  }
}

function windowSpec(call: FunctionCall, context: ExprContext): WindowSpec {
  const over = must(call.over);
  const named = (name: string, position: number): WindowSpec => {
    const spec = context.windows.get(name);
    if (spec === undefined) throw new SqlError('42704', `window "${name}" does not exist`, { position });
    return spec;
  };
  if (over.kind === 'WindowName') return expandBase(named(over.name.name, over.span.start), false, named);
  return expandBase(over, true, named);
}

/** A window with what it takes from the window it is based on. */
function expandBase(
  spec: WindowSpec,
  isOver: boolean,
  named: (name: string, position: number) => WindowSpec,
): WindowSpec {
  if (spec.base === null) return spec;
  const { name } = spec.base;
  const base = expandBase(named(name, spec.span.start), false, named);
  const refuse = (clause: string): SqlError =>
    new SqlError('42P20', `cannot override ${clause} clause of window "${name}"`, {
      position: spec.span.start,
    });
  if (spec.partitionBy.length > 0) throw refuse('PARTITION BY');
  if (spec.orderBy.length > 0 && base.orderBy.length > 0) throw refuse('ORDER BY');
  if (base.frame !== null) {
    throw new SqlError('42P20', `cannot copy window "${name}" because it has a frame clause`, {
      position: spec.span.start,
      ...(isOver && spec.orderBy.length === 0 && spec.frame === null
        ? { hint: 'Omit the parentheses in this OVER clause.' }
        : {}),
    });
  }
  const orderBy = base.orderBy.length > 0 ? base.orderBy : spec.orderBy;
  return { ...spec, base: null, partitionBy: base.partitionBy, orderBy };
}
