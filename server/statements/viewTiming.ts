/** When a view's changes go out and how long its rows live: the EMIT clause and the options ttl and ttl_column. */
import { must } from '../../common/assert.ts';
import { castValue } from '../../common/cast.ts';
import { type Schema, types } from '../../common/dataType.ts';
import { Interval } from '../../common/interval.ts';
import { parseInterval } from '../../common/intervalParse.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Option } from '../../parser/ast/common.ts';
import type { Expr } from '../../parser/ast/expr.ts';
import type { CreateMaterializedView, EmitClause } from '../../parser/ast/statement.ts';
import type { ViewTiming } from '../../planner/plan.ts';
import { bindStandalone, scalarValue } from '../planning.ts';
import type { StatementContext } from './statement.ts';

const MICROS_PER_DAY = 86_400_000_000n;

/** A constant positive length of time in microseconds. */
export function fixedMicros(interval: Interval, what: string, position: number, least: bigint): bigint {
  if (interval.months !== 0) {
    throw new SqlError('22023', `${what} must not have months or years`, {
      position,
      hint: 'Use days or smaller units.',
    });
  }
  const micros = BigInt(interval.days) * MICROS_PER_DAY + interval.micros;
  if (micros < least) {
    throw new SqlError('22023', `${what} must ${least > 0n ? 'be positive' : 'not be negative'}`, {
      position,
    });
  }
  return micros;
}

function intervalOf(expr: Expr, context: StatementContext): Interval {
  const scalar = bindStandalone(expr, context);
  const value = scalarValue(scalar, context);
  const interval = value === null ? null : castValue(value, scalar.type, types.interval, false, context.eval);
  if (!(interval instanceof Interval)) {
    throw new SqlError('22004', 'the interval of EMIT must not be null', { position: expr.span.start });
  }
  return interval;
}

function emitOf(emit: EmitClause | null, context: StatementContext): ViewTiming['emit'] {
  if (emit === null || emit.mode === 'immediately') return { kind: 'update' };
  if (emit.mode === 'on window close') {
    if (emit.interval === null) return { kind: 'close', latenessMicros: 0n };
    const { start } = emit.interval.span;
    const lateness = fixedMicros(intervalOf(emit.interval, context), 'ALLOWED LATENESS', start, 0n);
    return { kind: 'close', latenessMicros: lateness };
  }
  const expr = must(emit.interval, 'EMIT has an interval');
  const what = `the interval of EMIT ${emit.mode.toUpperCase()}`;
  const micros = fixedMicros(intervalOf(expr, context), what, expr.span.start, 1n);
  return { kind: emit.mode === 'every' ? 'every' : 'delay', micros };
}

const text = (option: Option): string => (option.value.kind === 'secret' ? '' : String(option.value.value));

function ttlOf(options: readonly Option[], columns: Schema): ViewTiming['ttl'] {
  const ttl = options.find((o) => o.name === 'ttl');
  const by = options.find((o) => o.name === 'ttl_column');
  if (ttl === undefined) {
    if (by === undefined) return null;
    throw new SqlError('22023', 'option "ttl_column" needs the option "ttl"', { position: by.span.start });
  }
  const micros = fixedMicros(parseInterval(text(ttl)), 'option "ttl"', ttl.span.start, 1n);
  if (by === undefined) return { micros, column: null };
  const column = columns.findIndex((c) => c.name === text(by));
  const found = columns[column];
  if (found === undefined) {
    throw new SqlError('42703', `column "${text(by)}" does not exist`, { position: by.span.start });
  }
  if (!['timestamp', 'timestamptz', 'date'].includes(found.type.id)) {
    throw new SqlError('42804', `ttl_column "${found.name}" must be a timestamp or date`, {
      position: by.span.start,
    });
  }
  return { micros, column };
}

/** The timing that a CREATE MATERIALIZED VIEW asks for; `columns` are the view's. */
export function viewTiming(
  statement: CreateMaterializedView,
  columns: Schema,
  context: StatementContext,
): ViewTiming {
  return {
    emit: emitOf(statement.emit, context),
    ttl: ttlOf(statement.options, columns),
    position: statement.emit?.span.start ?? statement.span.start,
  };
}
