/**
 * `OVER (PARTITION BY k ORDER BY t SESSION WITH GAP g)`: the frame of a row is its session, the rows around it without a
 * step in t above g.
 */
import { must } from '../../common/assert.ts';
import { type DataType, types } from '../../common/dataType.ts';
import { Interval } from '../../common/interval.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import { formatType } from '../../common/typeTable.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { coerceImplicit, tryCoerce } from './coerce.ts';
import type { PendingWindow } from './context.ts';
import type { BindEnvironment } from './environment.ts';
import { bindExpr } from './expr.ts';
import { exprContext, noCtes } from './query.ts';
import type { Scope } from './scope.ts';
import { sessionNode } from './sessionWindow.ts';

/** Window functions that look at the frame; all aggregates do. */
const frameFunctions: ReadonlySet<string> = new Set(['first_value', 'last_value', 'nth_value']);

export interface SessionFrame {
  /** A timestamp, or the number as bigint. */
  readonly time: Scalar;
  /** In its units: microseconds, or whole numbers. */
  readonly gap: bigint;
}

/** The sessions of a call's frame; null when it has no such frame or does not look at it. */
export function sessionFrame(w: PendingWindow, env: BindEnvironment, row: Scope): SessionFrame | null {
  if (w.frame === null || w.frame.unit !== 'session') return null;
  const [order, ...rest] = w.orderBy;
  const refuse = (message: string): SqlError => new SqlError('42P20', message, { position: w.specPosition });
  if (order === undefined || rest.length > 0) {
    throw refuse('there should be exactly one ordering column for `SESSION` frame');
  }
  if (order.descending) throw refuse('only ascending order is allowed for `SESSION` frame');
  const { time, unit } = timeOf(order.expr, w, env);
  const expr = must(w.frame.start.offset, 'the gap of a session');
  const position = expr.span.start;
  const bound = bindExpr(expr, { ...exprContext(env, row, noCtes), clause: 'window SESSION' });
  const gap = tryCoerce(bound, unit, 'implicit', env);
  if (gap === null) {
    const message = `gap of \`SESSION\` frame must be type ${formatType(unit)}, not type ${formatType(bound.type)}`;
    throw new SqlError('42804', message, { position });
  }
  const value = gapOf(gap, position);
  if (value < 0n) throw new SqlError('22013', 'gap of `SESSION` frame must not be negative', { position });
  return w.fn.kind === 'window' && !frameFunctions.has(w.fn.name) ? null : { time, gap: value };
}

/** The order as what sessions are made over, and the type of gaps. */
function timeOf(
  expr: Scalar,
  w: PendingWindow,
  env: BindEnvironment,
): { readonly time: Scalar; readonly unit: DataType } {
  switch (expr.type.id) {
    case 'timestamp':
    case 'timestamptz':
      return { time: expr, unit: types.interval };
    case 'int2':
    case 'int4':
    case 'int8':
      return { time: coerceImplicit(expr, types.int8, env), unit: types.int8 };
    default:
      throw unsupported(`SESSION WITH GAP over ${formatType(expr.type)}`, w.specPosition);
  }
}

const MICROS_PER_DAY = 86_400_000_000n;

function gapOf(gap: Scalar, position: number): bigint {
  const literal = gap.kind === 'cast' ? gap.operand : gap;
  const value = literal.kind === 'literal' ? literal.value : null;
  if (value instanceof Interval) {
    if (value.months === 0) return BigInt(value.days) * MICROS_PER_DAY + value.micros;
    throw new SqlError('22023', 'gap of `SESSION` frame must not have months or years', {
      position,
      hint: 'Use days or smaller units.',
    });
  }
  if (typeof value === 'bigint' || typeof value === 'number') return BigInt(value);
  throw unsupported('a gap of `SESSION` frame that is not a constant', position);
}

/** The different sessions of a SELECT's windows, each a Session node. */
export class Sessions {
  readonly #nodes = new Map<string, { partition: readonly number[]; time: number; gap: bigint }>();

  /** The number of the sessions with this partition, time and gap. */
  number(partition: readonly number[], time: number, gap: bigint): number {
    const key = `${partition.join()}|${time}|${gap}`;
    if (!this.#nodes.has(key)) this.#nodes.set(key, { partition, time, gap });
    return [...this.#nodes.keys()].indexOf(key);
  }

  /** The input with the id of each of the sessions as a further column. */
  plan(input: LogicalPlan): LogicalPlan {
    let plan = input;
    for (const { partition, time, gap } of this.#nodes.values())
      plan = sessionNode(plan, partition, time, gap);
    return plan;
  }
}
