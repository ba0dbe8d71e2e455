/**
 * TUMBLE, HOP, CUMULATE and SESSION in FROM. A tumbling window is a projection (each row lies in one window); hopping
 * and cumulating ones are a Hop node; sessions are in sessionWindow.ts. All add window_start and window_end.
 */
import { must } from '../../common/assert.ts';
import { type DataType, type Schema, types } from '../../common/dataType.ts';
import { Interval } from '../../common/interval.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import { formatType } from '../../common/typeTable.ts';
import type { Expr } from '../../parser/ast/expr.ts';
import type { TableRef, WindowTable } from '../../parser/ast/query.ts';
import { extend, pick, projectAs } from '../plan/construct.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { columnOf } from '../plan/scalars.ts';
import { coerceImplicit, defaultUnknown } from './coerce.ts';
import { requireEquality } from './comparable.ts';
import { bindExpr } from './expr.ts';
import { type BoundFrom, type FromContext, renamed, single } from './from.ts';
import { functionCall } from './operators.ts';
import { exprContext } from './query.ts';
import { Scope } from './scope.ts';
import { sessionTable } from './sessionWindow.ts';

const DAY_MICROS = 86_400_000_000n;

function intervalMicros(
  expr: Expr | undefined,
  name: string,
  position: number,
  context: FromContext,
): bigint {
  if (expr === undefined)
    throw new SqlError('42601', `The ${name} arg of window table function is missing.`, { position });
  const wrong = new SqlError(
    '42804',
    `The ${name} arg of window table function should be an interval literal.`,
    { position: expr.span.start },
  );
  if (
    expr.kind !== 'IntervalLiteral' &&
    expr.kind !== 'TypedLiteral' &&
    expr.kind !== 'CastExpr' &&
    expr.kind !== 'Literal'
  )
    throw wrong;
  const bound = bindExpr(expr, exprContext(context.env, null, context.ctes));
  const literal = bound.type.id === 'unknown' ? coerceImplicit(bound, types.interval, context.env) : bound;
  if (literal.kind !== 'literal' || !(literal.value instanceof Interval)) throw wrong;
  const { months, days, micros } = literal.value;
  if (months !== 0) {
    throw new SqlError('22023', `The ${name} of a window must not have months or years`, {
      position: expr.span.start,
      hint: 'Use days or smaller units.',
    });
  }
  return BigInt(days) * DAY_MICROS + micros;
}

function timeColumn(
  args: readonly Expr[],
  position: number,
  bound: BoundFrom,
  context: FromContext,
): { readonly column: number; readonly type: DataType } {
  const expr = args[0];
  if (expr === undefined)
    throw new SqlError(
      '42601',
      'The 2nd arg of window table function should be a column name but it is missing.',
      { position },
    );
  if (expr.kind !== 'ColumnRef') {
    throw new SqlError(
      '42601',
      'The 2st arg of window table function should be a column name but not complex expression. Consider using an intermediate CTE or view as workaround.',
      {
        position: expr.span.start,
      },
    );
  }
  const scalar = bindExpr(expr, exprContext(context.env, new Scope(bound, null), context.ctes));
  if (scalar.kind !== 'column') throw unsupported('this time column', expr.span.start);
  const { type } = scalar;
  if (type.id !== 'timestamp' && type.id !== 'timestamptz' && type.id !== 'date') {
    throw new SqlError(
      '42804',
      `The 2nd arg of window table function should be a column of type timestamp with time zone, timestamp or date, not ${formatType(type)}`,
      {
        position: expr.span.start,
      },
    );
  }
  return { column: scalar.index, type };
}

const interval = (micros: bigint): Scalar => ({
  kind: 'literal',
  value: new Interval(0, 0, micros),
  type: types.interval,
});

/** Arguments after the time column: at least, and at most. */
const argumentCounts = { tumble: [1, 2], hop: [2, 3], cumulate: [2, 3], session: [1, 1] } as const;

export function bindWindowTable(
  call: WindowTable,
  context: FromContext,
  bindTable: (ref: TableRef, context: FromContext) => BoundFrom,
): BoundFrom {
  const position = call.span.start;
  const name = call.function;
  if (name === 'gap_fill') throw unsupported('GAP_FILL', position);
  if (call.relation.kind !== 'NamedTable') {
    throw new SqlError(
      '42601',
      'The 1st arg of window table function should be a table name (incl. source, CTE, view) but not complex structure (subquery, join, another table function). Consider using an intermediate CTE or view as workaround.',
      {
        position: call.relation.span.start,
      },
    );
  }
  if (call.partitionBy.length > 0 && name !== 'session')
    throw unsupported('PARTITION BY in a window table function', position);
  const input = bindTable(call.relation, context);
  const table = must(input.tables[0]);
  const columns: Schema = table.columns.map((c) => ({
    name: c.name,
    type: c.type,
    nullable: c.nullable,
    hidden: c.hidden,
  }));
  if (columns.some((c) => c.name === 'window_start' || c.name === 'window_end')) {
    throw new SqlError(
      '42701',
      "column names `window_start` and `window_end` are not allowed in window table function's input.",
      { position },
    );
  }
  const { keys, args } = splitArguments(call);
  const excess = args[1 + argumentCounts[name][1]];
  if (excess !== undefined) {
    const message = `too many arguments of window table function ${name.toUpperCase()}`;
    throw new SqlError('42601', message, { position: excess.span.start });
  }
  const time = timeColumn(args, position, input, context);
  const windowType: DataType = time.type.id === 'date' ? types.timestamp : time.type;
  const nullable = name === 'tumble' || name === 'session';
  const added: Schema = [
    { name: 'window_start', type: windowType, nullable },
    { name: 'window_end', type: windowType, nullable },
  ];
  const schema: Schema = [...columns, ...added];
  const windowed: Windowed = { args, position, input: input.plan, time, schema, context };
  return single(plan(), call.alias?.name?.name ?? table.alias, null, renamed(schema, call.alias));

  function plan(): LogicalPlan {
    switch (name) {
      case 'tumble':
        return tumble(windowed);
      case 'hop':
      case 'cumulate':
        return hop(windowed, name === 'cumulate');
      default:
        return session(windowed, partitionKeys(keys, input, context));
    }
  }
}

/** A window call's parts; `args`: the time column and what follows it. */
interface Windowed {
  readonly args: readonly Expr[];
  readonly position: number;
  readonly input: LogicalPlan;
  readonly time: { readonly column: number; readonly type: DataType };
  readonly schema: Schema;
  readonly context: FromContext;
}

/** The keys of PARTITION BY a, b, ts, gap are all but the last two: no parenthesis says where they end. */
function splitArguments(call: WindowTable): {
  readonly keys: readonly Expr[];
  readonly args: readonly Expr[];
} {
  const listed = call.partitionBy.length === 0 ? 0 : Math.max(0, call.arguments.length - 2);
  return {
    keys: [...call.partitionBy, ...call.arguments.slice(0, listed)],
    args: call.arguments.slice(listed),
  };
}

function partitionKeys(keys: readonly Expr[], input: BoundFrom, context: FromContext): readonly Scalar[] {
  const row = exprContext(context.env, new Scope(input, null), context.ctes);
  return keys.map((expr) => {
    const key = defaultUnknown(bindExpr(expr, { ...row, clause: 'PARTITION BY' }), context.env);
    requireEquality(key.type, expr.span.start);
    return key;
  });
}

/** The input with the time of each row as a timestamp: of a date, that of its midnight. */
function timed(windowed: Windowed): { readonly input: LogicalPlan; readonly time: number } {
  const { input, time, context } = windowed;
  if (time.type.id !== 'date') return { input, time: time.column };
  const day: Scalar = { kind: 'column', index: time.column, type: time.type };
  const at = coerceImplicit(day, types.timestamp, context.env);
  return { input: extend(input, [at], ['time']), time: input.schema.length };
}

function tumble({ args, position, input, time, schema, context }: Windowed): LogicalPlan {
  const size = intervalMicros(args[1], '3rd', position, context);
  checkPositive(size, 'window_size', args[1]);
  const offset = args[2] === undefined ? 0n : intervalMicros(args[2], '4th', position, context);
  const column: Scalar = { kind: 'column', index: time.column, type: time.type };
  const at = time.type.id === 'date' ? coerceImplicit(column, types.timestamp, context.env) : column;
  const bound = (name: string): Scalar =>
    functionCall(name, [at, interval(size), interval(offset)], position, context.env);
  const exprs: Scalar[] = input.schema.map((c, index) => ({ kind: 'column', index, type: c.type }));
  return { kind: 'Project', input, exprs: [...exprs, bound('tumble_start'), bound('tumble_end')], schema };
}

function hop(windowed: Windowed, cumulate: boolean): LogicalPlan {
  const { args, position, context, schema } = windowed;
  const slideMicros = intervalMicros(args[1], '3rd', position, context);
  const sizeMicros = intervalMicros(args[2], '4th', position, context);
  const offsetMicros = args[3] === undefined ? 0n : intervalMicros(args[3], '5th', position, context);
  const slideName = cumulate ? 'window_step' : 'window_slide';
  checkPositive(slideMicros, slideName, args[1]);
  checkPositive(sizeMicros, 'window_size', args[2]);
  if (sizeMicros % slideMicros !== 0n) {
    throw new SqlError(
      '22023',
      `Invalid arguments for ${cumulate ? 'CUMULATE' : 'HOP'} window function: window_size ${sizeMicros} us cannot be divided by ${slideName} ${slideMicros} us`,
      { position },
    );
  }
  const { input, time } = timed(windowed);
  const own = schema.slice(windowed.input.schema.length);
  const node: LogicalPlan = {
    kind: 'Hop',
    input,
    time,
    slideMicros,
    sizeMicros,
    offsetMicros,
    ...(cumulate ? { cumulate } : {}),
    schema: input === windowed.input ? schema : [...input.schema, ...own],
  };
  const width = input.schema.length;
  return pick(node, [...windowed.input.schema.keys(), width, width + 1]);
}

function session(windowed: Windowed, keys: readonly Scalar[]): LogicalPlan {
  const { args, position, context } = windowed;
  const gap = intervalMicros(args[1], '3rd', position, context);
  checkPositive(gap, 'session gap', args[1]);
  const { input, time } = timed(windowed);
  const result = sessionTable({ input, time, keys, gap, position, env: context.env });
  const width = result.schema.length - 2;
  const columns = [...windowed.input.schema.keys(), width, width + 1];
  const exprs = columns.map((c) => columnOf(result.schema, c));
  return projectAs(result, exprs, windowed.schema);
}

function checkPositive(micros: bigint, name: string, expr: Expr | undefined): void {
  if (micros <= 0n)
    throw new SqlError(
      '22023',
      `${name} must be positive`,
      expr === undefined ? {} : { position: expr.span.start },
    );
}
