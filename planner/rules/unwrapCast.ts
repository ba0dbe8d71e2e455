/**
 * A comparison of an integer column with a constant of another width, as a comparison of the column's own type:
 * int8_col = 5::int4 and cast(int2_col as int4) = 5 become what an index on the column can answer.
 */
import type { DataType, TypeId } from '../../common/dataType.ts';
import type { Value } from '../../common/value.ts';
import type { Scalar } from '../plan/scalar.ts';
import { literal } from '../plan/scalars.ts';
import type { RuleContext } from './rule.ts';

const ranges: { readonly [K in TypeId]?: readonly [bigint, bigint] } = {
  int2: [-0x8000n, 0x7fffn],
  int4: [-0x80000000n, 0x7fffffffn],
  int8: [-0x8000000000000000n, 0x7fffffffffffffffn],
};

function narrowed(value: Value, from: DataType, to: DataType): Scalar | null {
  const range = ranges[to.id];
  if (range === undefined || ranges[from.id] === undefined) return null;
  if (typeof value !== 'number' && typeof value !== 'bigint') return null;
  const wide = BigInt(value);
  if (wide < range[0] || wide > range[1]) return null;
  return literal(to.id === 'int8' ? wide : Number(wide), to);
}

/** The call itself where the form does not fit. */
export function unwrapCast(s: Extract<Scalar, { kind: 'call' }>, context: RuleContext): Scalar {
  const [a, b] = s.args;
  const { operator } = s.fn;
  if (operator === undefined || s.type.id !== 'bool' || a === undefined || b === undefined) return s;
  const onLeft = b.kind === 'literal';
  const [side, constant] = onLeft ? [a, b] : [b, a];
  if (constant.kind !== 'literal' || side.kind === 'literal') return s;
  const operand =
    side.kind === 'cast' && ranges[side.type.id] !== undefined && !side.try ? side.operand : side;
  const { id } = operand.type;
  if (operand === side && id === constant.type.id) return s;
  const value = narrowed(constant.value, constant.type, operand.type);
  if (value === null || !widens(operand, side)) return s;
  const fn = context.functions
    .operators(operator)
    .find((f) => f.args.length === 2 && f.args.every((p) => p === id));
  if (fn === undefined) return s;
  return { ...s, fn, args: onLeft ? [operand, value] : [value, operand] };
}

/** True unless the cast that is taken away could fail. */
function widens(operand: Scalar, side: Scalar): boolean {
  const from = ranges[operand.type.id];
  const to = ranges[side.type.id];
  return from !== undefined && to !== undefined && from[1] <= to[1];
}
