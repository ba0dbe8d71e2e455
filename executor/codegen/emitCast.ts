/** Casts: between fixed-width numbers inline, all others through common/cast.ts. */
import { castFunction, type CastFunction as PlainCast } from '../../common/cast.ts';
import type { DataType } from '../../common/dataType.ts';
import { physicalKind } from '../../common/dataType.ts';
import type { EvalContext } from '../../common/function.ts';
import { zeroOf } from '../../common/function.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { NonNullValue, Value } from '../../common/value.ts';
import type { Scalar } from '../../planner/plan/scalar.ts';
import { emitGuarded, splitNull } from './emitCall.ts';
import type { Code, Emitter } from './emitter.ts';
import { typeKey } from './scalarFacts.ts';

type Cast = Extract<Scalar, { readonly kind: 'cast' }>;

/** Casts that need no code at all or one operator, and cannot fail. */
const inline: { readonly [pair: string]: (x: string) => string } = {
  'int2>int4': (x) => x,
  'int2>int8': (x) => `BigInt(${x})`,
  'int4>int8': (x) => `BigInt(${x})`,
  'int2>float8': (x) => x,
  'int4>float8': (x) => x,
  'int8>float8': (x) => `Number(${x})`,
  'int2>float4': (x) => x,
  'int4>float4': (x) => `Math.fround(${x})`,
  'float4>float8': (x) => x,
  'int4>bool': (x) => `(${x} !== 0)`,
  'bool>int4': (x) => `(${x} ? 1 : 0)`,
  'varchar>text': (x) => x,
  'text>varchar': (x) => x,
  'unknown>text': (x) => x,
  'unknown>varchar': (x) => x,
  'name>text': (x) => x,
  'date>date': (x) => x,
};

function inlineCast(from: DataType, to: DataType): ((x: string) => string) | null {
  if (typeKey(from) === typeKey(to)) return (x) => x;
  // A length or precision must be enforced by the full cast; one that is given up need not.
  if (typeKey(to) !== to.id) return null;
  return inline[`${from.id}>${to.id}`] ?? null;
}

type CastFunction = (value: NonNullValue, context: EvalContext) => Value;

const casts = new Map<string, CastFunction>();

/** The cast as a function; one per distinct cast, so that programs name it by one constant. */
function preparedCast(from: DataType, to: DataType, explicit: boolean, attempt: boolean): CastFunction {
  const key = `${typeKey(from)}>${typeKey(to)}:${explicit}:${attempt}`;
  const known = casts.get(key);
  if (known !== undefined) return known;
  const plain = castFunction(from, to, explicit);
  const made: CastFunction = attempt ? orNull(plain) : plain;
  casts.set(key, made);
  return made;
}

function orNull(cast: PlainCast): CastFunction {
  return (value, context) => {
    try {
      return cast(value, context);
    } catch (error) {
      if (error instanceof SqlError) return null;
      throw error;
    }
  };
}

export function emitCast(scalar: Cast, operand: Code, emitter: Emitter): Code {
  const from = scalar.operand.type;
  const to = scalar.type;
  const zero = zeroOf[physicalKind(to)];
  if (operand.isNull === 'true') return { value: zero, isNull: 'true' };
  const simple = inlineCast(from, to);
  if (simple !== null) {
    // Of a NULL, fixed-width values are harmless garbage, which an infallible cast may go through.
    return { value: emitter.atom(simple(operand.value)), isNull: operand.isNull };
  }
  const cast = emitter.constant(preparedCast(from, to, scalar.explicit, scalar.try));
  const call = `${cast}(${operand.value}, ${emitter.context})`;
  if (operand.isNull === null) {
    emitter.at(scalar.position);
    return splitNull(call, zero, emitter);
  }
  return emitGuarded(operand.isNull, zero, true, emitter, () => {
    emitter.at(scalar.position);
    return call;
  });
}
