/** Calls of operators and functions that the binder itself makes, resolved through the registry. */

import { must } from '../../common/assert.ts';
import { type DataType, types } from '../../common/dataType.ts';
import type { ScalarFunction } from '../../common/function.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatType } from '../../common/typeTable.ts';
import type { Scalar } from '../plan/scalar.ts';
import { coerceImplicit, withoutModifier } from './coerce.ts';
import { type BindEnvironment, placed } from './environment.ts';
import { checkDeterminate, type Match, resolve, resultType } from './overload.ts';

/** A call with its arguments coerced. */
export function callOf(
  match: Match<ScalarFunction>,
  args: readonly Scalar[],
  position: number,
  env: BindEnvironment,
): Scalar {
  checkDeterminate(match);
  const coerced = args.map((arg, i) => coerceImplicit(arg, must(match.types[i]), env));
  return placed(
    { kind: 'call', fn: match.fn, args: coerced, type: resultType(match.fn.returns, match), position },
    position,
  );
}

function noOperator(operator: string, args: readonly Scalar[], position: number): SqlError {
  const shown = (t: DataType): string => formatType(withoutModifier(t));
  const text =
    args.length === 1
      ? `${operator} ${shown(must(args[0]).type)}`
      : `${shown(must(args[0]).type)} ${operator} ${shown(must(args[1]).type)}`;
  return new SqlError('42883', `operator does not exist: ${text}`, {
    position,
    hint:
      'No operator matches the given name and argument type' +
      (args.length === 1 ? '' : 's') +
      '. You might need to add ' +
      (args.length === 1 ? 'an explicit type cast.' : 'explicit type casts.'),
  });
}

/** The function behind an operator for these operand types. */
export function resolveOperator(
  operator: string,
  args: readonly Scalar[],
  position: number,
  env: BindEnvironment,
): Match<ScalarFunction> {
  const candidates = env.functions.operators(operator).filter((f) => f.args.length === args.length);
  const match = resolve(
    candidates,
    args.map((a) => a.type),
  );
  if (match === null) throw noOperator(operator, args, position);
  if (match === 'ambiguous') {
    const unknownSides = args.every((a) => a.type.id === 'unknown');
    if (unknownSides) {
      const asText = resolve(
        candidates,
        args.map(() => types.text),
      );
      if (asText !== null && asText !== 'ambiguous') return asText;
    }
    const shown = args.map((a) => formatType(withoutModifier(a.type))).join(` ${operator} `);
    throw new SqlError(
      '42725',
      `operator is not unique: ${args.length === 1 ? `${operator} ${shown}` : shown}`,
      {
        position,
        hint: 'Could not choose a best candidate operator. You might need to add explicit type casts.',
      },
    );
  }
  return match;
}

export function operatorCall(
  operator: string,
  args: readonly Scalar[],
  position: number,
  env: BindEnvironment,
): Scalar {
  return callOf(resolveOperator(operator, args, position, env), args, position, env);
}

export function noFunction(name: string, args: readonly Scalar[], position: number): SqlError {
  return new SqlError(
    '42883',
    `function ${name}(${args.map((a) => formatType(withoutModifier(a.type))).join(', ')}) does not exist`,
    {
      position,
      hint: 'No function matches the given name and argument types. You might need to add explicit type casts.',
    },
  );
}

export function ambiguousFunction(name: string, args: readonly Scalar[], position: number): SqlError {
  return new SqlError(
    '42725',
    `function ${name}(${args.map((a) => formatType(withoutModifier(a.type))).join(', ')}) is not unique`,
    {
      position,
      hint: 'Could not choose a best candidate function. You might need to add explicit type casts.',
    },
  );
}

/** A call of a scalar function by name. */
export function functionCall(
  name: string,
  args: readonly Scalar[],
  position: number,
  env: BindEnvironment,
  shownName = name,
): Scalar {
  const candidates = env.functions.byName(name).filter((f) => f.kind === 'scalar');
  const match = resolve(
    candidates,
    args.map((a) => a.type),
  );
  if (match === null) throw noFunction(shownName, args, position);
  if (match === 'ambiguous') throw ambiguousFunction(shownName, args, position);
  return callOf(match, args, position, env);
}

export const boolAnd = (operands: readonly Scalar[]): Scalar =>
  operands.length === 1 ? must(operands[0]) : { kind: 'and', operands, type: types.bool };
export const boolOr = (operands: readonly Scalar[]): Scalar =>
  operands.length === 1 ? must(operands[0]) : { kind: 'or', operands, type: types.bool };
export const boolNot = (operand: Scalar): Scalar => ({ kind: 'not', operand, type: types.bool });
export const text = (value: string): Scalar => ({ kind: 'literal', value, type: types.text });
