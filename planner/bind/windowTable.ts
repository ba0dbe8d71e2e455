/**
 * TUMBLE and HOP in FROM. A tumbling window is a projection (each row lies in one window); a hopping one a Hop node.
 * Both add window_start and window_end.
 */
import { must } from '../../common/assert.ts';
import { type DataType, type Schema, types } from '../../common/dataType.ts';
import { Interval } from '../../common/interval.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import { formatType } from '../../common/typeTable.ts';
import type { Expr } from '../../parser/ast/expr.ts';
import type { TableRef, WindowTable } from '../../parser/ast/query.ts';
import { extend, pick } from '../plan/construct.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { coerceImplicit } from './coerce.ts';
import { bindExpr } from './expr.ts';
import { type BoundFrom, type FromContext, renamed, single } from './from.ts';
import { functionCall } from './operators.ts';
import { exprContext } from './query.ts';
import { Scope } from './scope.ts';

const DAY_MICROS = 86_400_000_000n;

function intervalMicros(
  expr: Expr | undefined,
  name: string,
  call: WindowTable,
  context: FromContext,
): bigint {
  if (expr === undefined)
    throw new SqlError('42601', `The ${name} arg of window table function is missing.`, {
      position: call.span.start,
    });
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
  call: WindowTable,
  bound: BoundFrom,
  context: FromContext,
): { readonly column: number; readonly type: DataType } {
  const expr = call.arguments[0];
  if (expr === undefined)
    throw new SqlError(
      '42601',
      'The 2nd arg of window table function should be a column name but it is missing.',
      { position: call.span.start },
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

export function bindWindowTable(
  call: WindowTable,
  context: FromContext,
  bindTable: (ref: TableRef, context: FromContext) => BoundFrom,
): BoundFrom {
  const position = call.span.start;
  if (call.function !== 'tumble' && call.function !== 'hop')
    throw unsupported(call.function.toUpperCase(), position);
  if (call.relation.kind !== 'NamedTable') {
    throw new SqlError(
      '42601',
      'The 1st arg of window table function should be a table name (incl. source, CTE, view) but not complex structure (subquery, join, another table function). Consider using an intermediate CTE or view as workaround.',
      {
        position: call.relation.span.start,
      },
    );
  }
  if (call.partitionBy.length > 0) throw unsupported('PARTITION BY in a window table function', position);
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
  const time = timeColumn(call, input, context);
  const windowType: DataType = time.type.id === 'date' ? types.timestamp : time.type;
  const added: Schema = [
    { name: 'window_start', type: windowType, nullable: call.function === 'tumble' },
    { name: 'window_end', type: windowType, nullable: call.function === 'tumble' },
  ];
  const schema: Schema = [...columns, ...added];
  const plan =
    call.function === 'tumble'
      ? tumble(call, input.plan, time, schema, context)
      : hop(call, input.plan, time, schema, context);
  return single(plan, call.alias?.name?.name ?? table.alias, null, renamed(schema, call.alias));
}

function tumble(
  call: WindowTable,
  input: LogicalPlan,
  time: { readonly column: number; readonly type: DataType },
  schema: Schema,
  context: FromContext,
): LogicalPlan {
  const size = intervalMicros(call.arguments[1], '3rd', call, context);
  checkPositive(size, 'window_size', call.arguments[1]);
  const offset =
    call.arguments[2] === undefined ? 0n : intervalMicros(call.arguments[2], '4th', call, context);
  const position = call.span.start;
  const column: Scalar = { kind: 'column', index: time.column, type: time.type };
  const at = time.type.id === 'date' ? coerceImplicit(column, types.timestamp, context.env) : column;
  const bound = (name: string): Scalar =>
    functionCall(name, [at, interval(size), interval(offset)], position, context.env);
  const exprs: Scalar[] = input.schema.map((c, index) => ({ kind: 'column', index, type: c.type }));
  return { kind: 'Project', input, exprs: [...exprs, bound('tumble_start'), bound('tumble_end')], schema };
}

function hop(
  call: WindowTable,
  input: LogicalPlan,
  time: { readonly column: number; readonly type: DataType },
  schema: Schema,
  context: FromContext,
): LogicalPlan {
  const slideMicros = intervalMicros(call.arguments[1], '3rd', call, context);
  const sizeMicros = intervalMicros(call.arguments[2], '4th', call, context);
  const offsetMicros =
    call.arguments[3] === undefined ? 0n : intervalMicros(call.arguments[3], '5th', call, context);
  checkPositive(slideMicros, 'window_slide', call.arguments[1]);
  checkPositive(sizeMicros, 'window_size', call.arguments[2]);
  if (sizeMicros % slideMicros !== 0n) {
    throw new SqlError(
      '22023',
      `Invalid arguments for HOP window function: window_size ${sizeMicros} us cannot be divided by window_slide ${slideMicros} us`,
      {
        position: call.span.start,
      },
    );
  }
  const windows = { slideMicros, sizeMicros, offsetMicros };
  if (time.type.id !== 'date') return { kind: 'Hop', input, time: time.column, ...windows, schema };
  // A date is the timestamp of its midnight: a further column for the node, dropped again above it.
  const width = input.schema.length;
  const day: Scalar = { kind: 'column', index: time.column, type: time.type };
  const below = extend(input, [coerceImplicit(day, types.timestamp, context.env)], ['time']);
  const grown: Schema = [...below.schema, ...schema.slice(width)];
  const node: LogicalPlan = { kind: 'Hop', input: below, time: width, ...windows, schema: grown };
  return pick(node, [...input.schema.keys(), width + 1, width + 2]);
}

function checkPositive(micros: bigint, name: string, expr: Expr | undefined): void {
  if (micros <= 0n)
    throw new SqlError(
      '22023',
      `${name} must be positive`,
      expr === undefined ? {} : { position: expr.span.start },
    );
}
