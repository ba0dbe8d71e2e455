/**
 * `f(a, VARIADIC array)`: the function takes the array's elements as its last arguments. How many there are is known row
 * by row, so a function of a fixed number of arguments stands for it, which spreads the array when it is called. A NULL
 * array gives NULL.
 */
import { must } from '../../common/assert.ts';
import { arrayOf, type DataType } from '../../common/dataType.ts';
import type {
  EvalContext,
  ScalarFunction,
  ScalarImplementation,
  TypePattern,
} from '../../common/function.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { unsupported } from '../../common/sqlError.ts';
import type { Value } from '../../common/value.ts';

type Call = (context: EvalContext, args: readonly Value[]) => Value;

function callOf(implementation: ScalarImplementation, name: string): Call {
  if ('emit' in implementation) throw unsupported(`VARIADIC in a call of ${name}`);
  if ('evaluateWith' in implementation) {
    const body = implementation.evaluateWith as unknown as (
      context: EvalContext,
      ...args: readonly Value[]
    ) => Value;
    return (context, args) => body(context, ...args);
  }
  const body = implementation.evaluate as unknown as (...args: readonly Value[]) => Value;
  return (_context, args) => body(...args);
}

/** The body over the fixed arguments and the array; one prepared function per number of elements. */
function spreadBody(fn: ScalarFunction, argTypes: readonly DataType[], result: DataType): Call {
  const fixed = argTypes.slice(0, -1);
  const last = must(argTypes.at(-1));
  const element = last.id === 'array' ? last.element : last;
  const byCount = new Map<number, Call>();
  return (context, args) => {
    const array = args.at(-1);
    if (!(array instanceof SqlArray)) return null;
    const count = array.elements.length;
    const all = [...args.slice(0, -1), ...array.elements];
    if (fn.nulls === 'strict' && all.includes(null)) return null;
    let call = byCount.get(count);
    if (call === undefined) {
      call = callOf(fn.implement([...fixed, ...new Array<DataType>(count).fill(element)], result), fn.name);
      byCount.set(count, call);
    }
    return call(context, all);
  };
}

const spreads = new WeakMap<ScalarFunction, ScalarFunction>();

function arrayPattern(pattern: TypePattern): TypePattern {
  if (pattern === 'any') return 'anyarray';
  if (pattern === 'anyelement') return 'anyarray';
  return pattern === 'anycompatible' ? 'anycompatiblearray' : (`${pattern}[]` as TypePattern);
}

/** The function that takes an array for the repeated parameter; one per function, so that equal calls are equal. */
export function spreading(fn: ScalarFunction): ScalarFunction {
  const known = spreads.get(fn);
  if (known !== undefined) return known;
  const { variadic: _, ...rest } = fn;
  const { returns } = fn;
  const made: ScalarFunction = {
    ...rest,
    args: [...fn.args.slice(0, -1), arrayPattern(must(fn.args.at(-1)))],
    returns:
      typeof returns === 'function'
        ? (args) => returns([...args.slice(0, -1), elementOf(must(args.at(-1)))])
        : returns,
    nulls: 'called',
    mayReturnNull: true,
    implement: (types, result) => {
      const body = spreadBody(fn, types, result);
      return { evaluateWith: (context: EvalContext, ...args: readonly Value[]) => body(context, args) };
    },
  };
  spreads.set(fn, made);
  return made;
}

function elementOf(type: DataType): DataType {
  return type.id === 'array' ? type.element : arrayOf(type);
}
