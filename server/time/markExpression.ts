/**
 * The expression of WATERMARK FOR, compiled once. The usual ones, the column itself and the column less a constant
 * interval, are integer arithmetic; any other goes through the engine's generated code.
 */
import { assert } from '../../common/assert.ts';
import type { EvalContext } from '../../common/function.ts';
import { Interval } from '../../common/interval.ts';
import type { Row } from '../../common/value.ts';
import { compileScalar } from '../../executor/codegen/evaluate.ts';
import type { Scalar } from '../../planner/plan/scalar.ts';
import { isInfinite, MICROS_PER_DAY, type TimeUnit, toUnits } from './units.ts';

/** The watermark that a row asks for; null: none. Throws SqlError where the expression does. */
export type MarkFunction = (row: Row, context: EvalContext) => bigint | null;

export function compileMark(scalar: Scalar, unit: TimeUnit): MarkFunction {
  const fast = delayedColumn(scalar, unit);
  if (fast !== null) {
    const { column, delay } = fast;
    return (row) => {
      const value = row[column] ?? null;
      if (value === null) return null;
      const units = toUnits(value);
      return isInfinite(units, unit) ? null : units - delay;
    };
  }
  const fn = compileScalar(scalar);
  return (row, context) => {
    const value = fn(context, row);
    if (value === null) return null;
    const units = toUnits(value);
    return isInfinite(units, unit) ? null : units;
  };
}

/** `column`, or `column - interval` where a day has 24 hours. */
function delayedColumn(
  scalar: Scalar,
  unit: TimeUnit,
): { readonly column: number; readonly delay: bigint } | null {
  if (scalar.kind === 'column') return { column: scalar.index, delay: 0n };
  if (unit !== 'micros' || scalar.kind !== 'call' || scalar.fn.operator !== '-') return null;
  const [left, right] = scalar.args;
  if (left?.kind !== 'column' || right?.kind !== 'literal' || !(right.value instanceof Interval)) return null;
  const { months, days, micros } = right.value;
  if (months !== 0 || (days !== 0 && scalar.type.id !== 'timestamp')) return null;
  assert(left.type.id === scalar.type.id, 'subtracting an interval keeps the type');
  return { column: left.index, delay: BigInt(days) * MICROS_PER_DAY + micros };
}
