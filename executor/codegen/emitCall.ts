/** Calls of registered functions: inlined from their template, or as a call of the body. */
import { assert } from '../../common/assert.ts';
import type { DataType } from '../../common/dataType.ts';
import { physicalKind } from '../../common/dataType.ts';
import type { ScalarFunction, ScalarImplementation } from '../../common/function.ts';
import { zeroOf } from '../../common/function.ts';
import type { Code, Emitter } from './emitter.ts';

/** `(a || b)` of the null flags; null when nothing can be NULL; 'true' when something always is. */
export function anyNull(codes: readonly Code[]): string | null {
  const flags = [...new Set(codes.map((code) => code.isNull).filter((flag) => flag !== null))];
  if (flags.includes('true')) return 'true';
  return flags.length === 0 ? null : flags.join(' || ');
}

/** The JavaScript value with NULL as null. */
export function nullableValue(code: Code): string {
  if (code.isNull === null) return code.value;
  return code.isNull === 'true' ? 'null' : `(${code.isNull} ? null : ${code.value})`;
}

function body(implementation: ScalarImplementation, args: readonly string[], emitter: Emitter): string {
  if ('emit' in implementation) return implementation.emit(args, emitter);
  if ('evaluate' in implementation) return `${emitter.constant(implementation.evaluate)}(${args.join(', ')})`;
  return `${emitter.constant(implementation.evaluateWith)}(${[emitter.context, ...args].join(', ')})`;
}

/** Emits fn(args). Arguments are already converted to the function's parameter types. */
export function emitCall(
  fn: ScalarFunction,
  args: readonly Code[],
  argTypes: readonly DataType[],
  type: DataType,
  position: number | undefined,
  emitter: Emitter,
): Code {
  const implementation = fn.implement(argTypes, type);
  const zero = zeroOf[physicalKind(type)];
  if (fn.nulls === 'called') {
    const values = args.map((code) => emitter.atom(nullableValue(code)));
    if (fn.infallible !== true) emitter.at(position);
    return splitNull(body(implementation, values, emitter), zero, emitter);
  }
  const isNull = anyNull(args);
  if (isNull === 'true') return { value: zero, isNull };
  const values = args.map((code) => code.value);
  if (isNull === null) {
    if (fn.infallible !== true) emitter.at(position);
    const expression = body(implementation, values, emitter);
    return fn.mayReturnNull === true
      ? splitNull(expression, zero, emitter)
      : { value: emitter.atom(expression), isNull: null };
  }
  return emitGuarded(isNull, zero, fn.mayReturnNull === true, emitter, () => {
    if (fn.infallible !== true) emitter.at(position);
    return body(implementation, values, emitter);
  });
}

/** `expression` where `isNull` is false, else NULL. */
export function emitGuarded(
  isNull: string,
  zero: string,
  mayReturnNull: boolean,
  emitter: Emitter,
  expression: () => string,
): Code {
  assert(isNull !== 'true', 'a guarded expression is always NULL');
  const value = emitter.temp();
  const flag = mayReturnNull ? emitter.temp() : emitter.atom(`(${isNull})`);
  emitter.line(`let ${value} = ${zero};`);
  if (mayReturnNull) emitter.line(`let ${flag} = ${isNull};`);
  emitter.block(`if (!${flag})`, () => {
    emitter.line(`${value} = ${expression()};`);
    if (mayReturnNull) emitter.line(`if (${value} === null) { ${value} = ${zero}; ${flag} = true; }`);
  });
  return { value, isNull: flag };
}

/** A value that is null for NULL, as a value of its own kind and a flag. */
export function splitNull(expression: string, zero: string, emitter: Emitter): Code {
  const value = emitter.temp();
  const flag = emitter.temp();
  emitter.line(`let ${value} = ${expression};`);
  emitter.line(`const ${flag} = ${value} === null;`);
  if (zero !== 'null') emitter.line(`if (${flag}) ${value} = ${zero};`);
  return { value, isNull: flag };
}
