/**
 * One expression over one row of JavaScript values: constant folding, DML, VALUES, look-up keys.
 *
 * The same generator as for loops, so there is one semantics. Literals are hoisted out of the text: expressions of one
 * shape share their compiled form. An expression object that is evaluated again is compiled once.
 */
import { castValue } from '../../common/cast.ts';
import { type DataType, physicalKind } from '../../common/dataType.ts';
import { type EvalContext, zeroOf } from '../../common/function.ts';
import type { Row, Value } from '../../common/value.ts';
import type { Scalar } from '../../planner/plan/scalar.ts';
import { nullableValue } from './emitCall.ts';
import { emitScalar } from './emitScalar.ts';
import { type Code, type EmitEnvironment, Emitter } from './emitter.ts';
import { instantiate } from './program.ts';
import { locate } from './rowFailure.ts';

/** An expression as a function of a row. Errors are thrown as SqlError with their position. */
export type RowFunction = (context: EvalContext, row: Row) => Value;

const rowInput: EmitEnvironment = {
  positionVariable: 'pos',
  inlineLiterals: false,
  column: (index: number, emitter: Emitter, type: DataType): Code => {
    const raw = emitter.atom(`row[${index}]`);
    const isNull = emitter.atom(`${raw} === null`);
    const zero = zeroOf[physicalKind(type)];
    return { value: zero === 'null' ? raw : emitter.atom(`(${isNull} ? ${zero} : ${raw})`), isNull };
  },
};

/** Compiles an expression over rows. */
export function compileScalar(scalar: Scalar): RowFunction {
  const emitter = new Emitter(rowInput);
  const code = emitScalar(scalar, emitter);
  const text = `return (ctx, row) => {
let pos = -1;
try {
${emitter.take()}
return ${nullableValue(code)};
} catch (error) {
throw ${emitter.constant(locate)}(error, pos);
}
};`;
  return instantiate<RowFunction>(text, emitter.constants);
}

const compiled = new WeakMap<Scalar, RowFunction>();
const NO_ROW: Row = [];

/** The value of an expression; `row` is needed if it has columns. */
export function evaluateScalar(scalar: Scalar, context: EvalContext, row: Row = NO_ROW): Value {
  // Long VALUES lists consist of these two: not worth a program each.
  if (scalar.kind === 'literal') return scalar.value;
  if (scalar.kind === 'cast' && scalar.operand.kind === 'literal' && !scalar.try) {
    return castLiteral(scalar, scalar.operand.value, context);
  }
  const known = compiled.get(scalar);
  if (known !== undefined) return known(context, row);
  const made = compileScalar(scalar);
  compiled.set(scalar, made);
  return made(context, row);
}

function castLiteral(scalar: Extract<Scalar, { kind: 'cast' }>, value: Value, context: EvalContext): Value {
  if (value === null) return null;
  try {
    return castValue(value, scalar.operand.type, scalar.type, scalar.explicit, context);
  } catch (error) {
    throw locate(error, scalar.position ?? -1);
  }
}
