/**
 * Arithmetic of float4 and float8. Results are checked as PostgreSQL does: an infinity out of finite operands is an
 * overflow (22003), a zero out of non-zero ones an underflow. Mixed operands are computed as float8.
 */
import type { EmitContext, ScalarFunction } from '../../common/function.ts';
import { scalar } from '../../common/function.ts';
import { divisionByZero, floatOverflow, floatUnderflow } from './support/errors.ts';

type FloatId = 'float4' | 'float8';

const pairs: readonly (readonly [FloatId, FloatId])[] = [
  ['float4', 'float4'],
  ['float8', 'float8'],
  ['float4', 'float8'],
  ['float8', 'float4'],
];

function rounded(expression: string, type: FloatId): string {
  return type === 'float4' ? `Math.fround(${expression})` : expression;
}

function isInfinite(x: string): string {
  return `(${x} === Infinity || ${x} === -Infinity)`;
}

function emitAdditive(a: string, b: string, js: '+' | '-', type: FloatId, g: EmitContext): string {
  const value = rounded(`(${a} ${js} ${b})`, type);
  const overflow = `${isInfinite(value)} && !${isInfinite(a)} && !${isInfinite(b)}`;
  return `(${overflow} ? ${g.constant(floatOverflow)}() : ${value})`;
}

function emitMultiply(a: string, b: string, type: FloatId, g: EmitContext): string {
  const value = rounded(`(${a} * ${b})`, type);
  const overflow = `${isInfinite(value)} && !${isInfinite(a)} && !${isInfinite(b)}`;
  const underflow = `${value} === 0 && ${a} !== 0 && ${b} !== 0`;
  return `(${overflow} ? ${g.constant(floatOverflow)}() : ${underflow} ? ${g.constant(floatUnderflow)}() : ${value})`;
}

function emitDivide(a: string, b: string, type: FloatId, g: EmitContext): string {
  const value = rounded(`(${a} / ${b})`, type);
  const byZero = `${b} === 0 && ${a} === ${a}`;
  const overflow = `${isInfinite(value)} && !${isInfinite(a)}`;
  const underflow = `${value} === 0 && ${a} !== 0 && !${isInfinite(b)}`;
  const zero = `${byZero} ? ${g.constant(divisionByZero)}()`;
  const over = `${overflow} ? ${g.constant(floatOverflow)}()`;
  return `(${zero} : ${over} : ${underflow} ? ${g.constant(floatUnderflow)}() : ${value})`;
}

function nameOf(left: FloatId, right: FloatId, suffix: string): string {
  return left === right ? `${left}${suffix}` : `float${left.slice(5)}${right.slice(5)}${suffix}`;
}

function arithmetic([left, right]: readonly [FloatId, FloatId]): readonly ScalarFunction[] {
  const type: FloatId = left === 'float4' && right === 'float4' ? 'float4' : 'float8';
  const shared = { args: [left, right], returns: type } as const;
  const rising = { monotone: { argument: 0, direction: 'increasing' } } as const;
  return [
    scalar({
      ...shared,
      ...rising,
      name: nameOf(left, right, 'pl'),
      operator: '+',
      commutator: '+',
      doc: 'Sum of floating-point numbers.',
      examples: [[`1.5::${left} + 2.25::${right}`, '3.75']],
      emit: ([a = '', b = ''], g) => emitAdditive(a, b, '+', type, g),
    }),
    scalar({
      ...shared,
      ...rising,
      name: nameOf(left, right, 'mi'),
      operator: '-',
      doc: 'Difference of floating-point numbers.',
      examples: [[`1.5::${left} - 2.25::${right}`, '-0.75']],
      emit: ([a = '', b = ''], g) => emitAdditive(a, b, '-', type, g),
    }),
    scalar({
      ...shared,
      name: nameOf(left, right, 'mul'),
      operator: '*',
      commutator: '*',
      doc: 'Product of floating-point numbers.',
      examples: [[`1.5::${left} * 2.25::${right}`, '3.375']],
      emit: ([a = '', b = ''], g) => emitMultiply(a, b, type, g),
    }),
    scalar({
      ...shared,
      name: nameOf(left, right, 'div'),
      operator: '/',
      doc: 'Quotient of floating-point numbers.',
      examples: [[`4.5::${left} / 1.5::${right}`, '3']],
      emit: ([a = '', b = ''], g) => emitDivide(a, b, type, g),
    }),
  ];
}

function unary(type: FloatId): readonly ScalarFunction[] {
  const shared = { args: [type], returns: type, infallible: true } as const;
  const absolute = {
    ...shared,
    doc: 'Absolute value.',
    emit: ([a = '']: readonly string[]) => `Math.abs(${a})`,
  } as const;
  return [
    scalar({
      ...shared,
      name: `${type}um`,
      operator: '-',
      monotone: { argument: 0, direction: 'decreasing' },
      doc: 'Negation.',
      examples: [[`- (1.5::${type})`, '-1.5']],
      emit: ([a = '']) => `(-${a})`,
    }),
    scalar({
      ...shared,
      name: `${type}up`,
      operator: '+',
      monotone: { argument: 0, direction: 'increasing' },
      doc: 'The same number.',
      examples: [[`+ (1.5::${type})`, '1.5']],
      emit: ([a = '']) => a,
    }),
    scalar({ ...absolute, name: 'abs', examples: [[`abs((-1.5)::${type})`, '1.5']] }),
    scalar({ ...absolute, name: `${type}abs`, operator: '@', examples: [[`@ (-1.5)::${type}`, '1.5']] }),
  ];
}

export const floatOperators: readonly ScalarFunction[] = [
  ...pairs.flatMap(arithmetic),
  ...unary('float4'),
  ...unary('float8'),
];
