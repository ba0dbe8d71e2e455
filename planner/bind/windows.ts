/**
 * Window calls of a SELECT as Window nodes: one per distinct (PARTITION BY, ORDER BY). A frame of sessions is a further
 * partition, by the session (sessionWindow.ts).
 */
import { must } from '../../common/assert.ts';
import { castValue } from '../../common/cast.ts';
import { type DataType, types } from '../../common/dataType.ts';
import { Decimal } from '../../common/decimal.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import { formatType, typeCategory } from '../../common/typeTable.ts';
import type { Value } from '../../common/value.ts';
import type { FrameBound as FrameBoundSyntax } from '../../parser/ast/expr.ts';
import type { FrameBound, SortKey, WindowCall } from '../plan/aggregateCall.ts';
import { scalarKey } from '../plan/fingerprint.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { tryCoerce, withoutModifier } from './coerce.ts';
import type { PendingWindow } from './context.ts';
import type { BindEnvironment } from './environment.ts';
import { bindExpr } from './expr.ts';
import { exprContext, noCtes } from './query.ts';
import { levelsOf } from './rewrite.ts';
import type { Scope } from './scope.ts';
import { Sessions, sessionFrame } from './sessionFrame.ts';

/** Calls that one Window node computes; `session`: the number of the sessions that divide its partitions. */
interface Group {
  readonly partition: readonly number[];
  readonly order: readonly SortKey[];
  readonly session: number | null;
  readonly calls: WindowCall[];
  /** Their places in the list of windows. */
  readonly numbers: number[];
}

/**
 * Adds the windows over `input`. `prepare` rewrites a call's scalars to the input row. Gives the plan and the output
 * column of each call.
 */
export function planWindows(
  input: LogicalPlan,
  windows: readonly PendingWindow[],
  prepare: (s: Scalar) => Scalar,
  env: BindEnvironment,
  row: Scope,
): { readonly plan: LogicalPlan; readonly columns: readonly number[] } {
  const width = input.schema.length;
  const exprs: Scalar[] = input.schema.map((c, index) => ({ kind: 'column', index, type: c.type }));
  const index = new Map<string, number>(exprs.map((e, i) => [scalarKey(e), i]));
  const add = (s: Scalar): number => {
    const prepared = prepare(s);
    const key = scalarKey(prepared);
    const known = index.get(key);
    if (known !== undefined) return known;
    exprs.push(prepared);
    index.set(key, exprs.length - 1);
    return exprs.length - 1;
  };
  const sessions = new Sessions();
  const groups = new Map<string, Group>();
  windows.forEach((w, n) => {
    const partition = w.partitionBy.map(add);
    const bounds = sessionFrame(w, env, row);
    const session = bounds === null ? null : sessions.number(partition, add(bounds.time), bounds.gap);
    const order = w.orderBy.map((o) => ({
      column: add(o.expr),
      descending: o.descending,
      nullsFirst: o.nullsFirst,
    }));
    const call: WindowCall = {
      fn: w.fn,
      args: w.args.map(add),
      filter: w.filter === null ? null : add(w.filter),
      ignoreNulls: w.ignoreNulls,
      distinct: w.distinct,
      frame: bindFrame(w, env, row),
      type: w.type,
    };
    const key = JSON.stringify([partition, order, session]);
    const group = groups.get(key) ?? { partition, order, session, calls: [], numbers: [] };
    group.calls.push(call);
    group.numbers.push(n);
    groups.set(key, group);
  });
  const columns: number[] = [];
  let plan: LogicalPlan = input;
  if (exprs.length > width) {
    plan = {
      kind: 'Project',
      input,
      exprs,
      schema: exprs.map((e, i) => input.schema[i] ?? { name: `w${i}`, type: e.type, nullable: true }),
    };
  }
  const idsFrom = plan.schema.length;
  plan = sessions.plan(plan);
  for (const group of groups.values()) {
    const base = plan.schema.length;
    const { session } = group;
    group.numbers.forEach((n, i) => {
      columns[n] = base + i;
    });
    const added = group.calls.map((c) => ({ name: c.fn.name, type: c.type, nullable: true }));
    plan = {
      kind: 'Window',
      input: plan,
      partition: session === null ? group.partition : [...group.partition, idsFrom + session],
      order: group.order,
      calls: group.calls,
      schema: [...plan.schema, ...added],
    };
  }
  return { plan, columns };
}

function bindFrame(w: PendingWindow, env: BindEnvironment, row: Scope): WindowCall['frame'] {
  const simple = (bound: FrameBound['bound']): FrameBound => ({ bound, offset: null });
  if (w.frame === null) {
    const end = w.orderBy.length === 0 ? 'unbounded following' : 'current row';
    return { unit: 'range', start: simple('unbounded preceding'), end: simple(end), exclude: 'no others' };
  }
  const { frame } = w;
  if (frame.unit === 'session') {
    // Rows are divided by their session; functions that do not look at the frame see the whole partition.
    const [start, end] = [simple('unbounded preceding'), simple('unbounded following')];
    return { unit: 'rows', start, end, exclude: frame.exclude ?? 'no others' };
  }
  if (frame.unit === 'groups' && w.orderBy.length === 0) {
    throw new SqlError('42P20', 'GROUPS mode requires an ORDER BY clause', { position: w.specPosition });
  }
  const { unit } = frame;
  const start = bindBound(frame.start, unit, w, env, row);
  const end = frame.end === null ? simple('current row') : bindBound(frame.end, unit, w, env, row);
  checkBounds(start, end, frame.span.start);
  return { unit, start, end, exclude: frame.exclude ?? 'no others' };
}

function checkBounds(start: FrameBound, end: FrameBound, position: number): void {
  const fail = (message: string): SqlError => new SqlError('42P20', message, { position });
  if (start.bound === 'unbounded following') throw fail('frame start cannot be UNBOUNDED FOLLOWING');
  if (end.bound === 'unbounded preceding') throw fail('frame end cannot be UNBOUNDED PRECEDING');
  if (start.bound === 'current row' && end.bound === 'preceding')
    throw fail('frame starting from current row cannot have preceding rows');
  if (start.bound === 'following' && (end.bound === 'preceding' || end.bound === 'current row')) {
    throw fail(
      `frame starting from following row cannot ${end.bound === 'preceding' ? 'have preceding rows' : 'end with current row'}`,
    );
  }
}

function bindBound(
  bound: FrameBoundSyntax,
  unit: 'rows' | 'range' | 'groups',
  w: PendingWindow,
  env: BindEnvironment,
  row: Scope,
): FrameBound {
  if (bound.offset === null) return { bound: bound.bound, offset: null };
  const position = bound.offset.span.start;
  const clause = unit.toUpperCase();
  const scalar = bindExpr(bound.offset, { ...exprContext(env, row, noCtes), clause: `window ${clause}` });
  if (levelsOf(scalar).size > 0) {
    throw new SqlError('42P10', `argument of ${clause} must not contain variables`, { position });
  }
  const type = unit === 'range' ? rangeOffsetType(w, position) : types.int8;
  const column = w.orderBy[0]?.expr.type ?? types.int8;
  // A string is taken for the column's own type.
  const own = unit === 'range' && scalar.type.id === 'unknown' && isSmallInteger(column);
  const typed = tryCoerce(scalar, own ? withoutModifier(column) : type, 'implicit', env);
  if (typed === null) throw offsetMismatch(unit, w, scalar, position);
  const exact = constantOf(typed, position, env);
  // An offset may be of a wider type than the column; as a number it is right wherever it can matter.
  const narrow = unit === 'range' && isSmallInteger(column);
  const value = narrow && typeof exact === 'bigint' ? Number(exact) : exact;
  const negative =
    typeof value === 'number' || typeof value === 'bigint'
      ? value < 0
      : value instanceof Decimal && value.coefficient < 0n;
  if (negative) {
    if (unit === 'range')
      throw new SqlError('22013', 'invalid preceding or following size in window function', { position });
    const side = bound.bound === 'preceding' ? 'starting' : 'ending';
    throw new SqlError('22013', `frame ${side} offset must not be negative`, { position });
  }
  return { bound: bound.bound, offset: value };
}

function offsetMismatch(unit: string, w: PendingWindow, scalar: Scalar, position: number): SqlError {
  const given = formatType(scalar.type);
  if (unit !== 'range') {
    const message = `argument of ${unit.toUpperCase()} must be type bigint, not type ${given}`;
    return new SqlError('42804', message, { position });
  }
  const column = formatType(must(w.orderBy[0]).expr.type);
  const message = 'RANGE with offset PRECEDING/FOLLOWING is not supported for column type';
  return new SqlError('0A000', `${message} ${column} and offset type ${given}`, {
    position,
    hint: 'Cast the offset value to an appropriate type.',
  });
}

/** Values are numbers in memory. */
function isSmallInteger(type: DataType): boolean {
  return type.id === 'int2' || type.id === 'int4';
}

/** The type of the distance between values of the ORDER BY column. */
function rangeOffsetType(w: PendingWindow, position: number): DataType {
  if (w.orderBy.length !== 1) {
    const message = 'RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column';
    throw new SqlError('42P20', message, { position: w.specPosition });
  }
  const { type } = must(w.orderBy[0]).expr;
  switch (typeCategory(type)) {
    case 'D':
      return types.interval;
    case 'T':
      return withoutModifier(type);
    case 'N':
      return isSmallInteger(type) ? types.int8 : withoutModifier(type);
    default: {
      const message = 'RANGE with offset PRECEDING/FOLLOWING is not supported for column type';
      throw new SqlError('0A000', `${message} ${formatType(type)}`, { position });
    }
  }
}

function constantOf(s: Scalar, position: number, env: BindEnvironment): Value {
  if (s.kind === 'literal') return s.value;
  if (s.kind === 'cast' && !s.try) {
    const operand = constantOf(s.operand, position, env);
    return operand === null ? null : castValue(operand, s.operand.type, s.type, s.explicit, env.text);
  }
  throw unsupported('a window frame offset that is not a constant', position);
}
