/** Mathematical functions of numeric and of integers beyond their operators. */
import { Decimal } from '../../common/decimal.ts';
import * as decimalMath from '../../common/decimalMath.ts';
import type { ScalarFunction } from '../../common/function.ts';
import { scalar } from '../../common/function.ts';
import { SqlError } from '../../common/sqlError.ts';
import { bigintOutOfRange, integerOutOfRange } from './support/errors.ts';

interface Unary {
  readonly names: readonly string[];
  readonly operator?: string;
  readonly doc: string;
  readonly example: readonly [sql: string, result: string];
  readonly f: (x: Decimal) => Decimal;
  readonly fallible?: true;
  readonly rising?: true;
}

const unaries: readonly Unary[] = [
  { names: ['abs'], doc: 'Absolute value.', example: ['(-17.40)', '17.40'], f: (x) => x.abs() },
  {
    names: ['ceil', 'ceiling'],
    doc: 'Nearest integer not below the argument.',
    example: ['(-95.3)', '-95'],
    f: (x) => x.ceil(),
    rising: true,
  },
  {
    names: ['floor'],
    doc: 'Nearest integer not above the argument.',
    example: ['(-95.3)', '-96'],
    f: (x) => x.floor(),
    rising: true,
  },
  {
    names: ['round'],
    doc: 'Nearest integer; ties go away from zero.',
    example: ['(42.5)', '43'],
    f: (x) => x.round(),
    rising: true,
  },
  {
    names: ['trunc'],
    doc: 'Integer part, towards zero.',
    example: ['(-42.8)', '-42'],
    f: (x) => x.trunc(),
    rising: true,
  },
  { names: ['sign'], doc: '-1, 0 or 1.', example: ['(-8.4)', '-1'], f: (x) => x.sign(), rising: true },
  {
    names: ['sqrt'],
    doc: 'Square root.',
    example: ['(2.0)', '1.414213562373095'],
    f: decimalMath.sqrt,
    fallible: true,
  },
  {
    names: ['exp'],
    doc: 'Exponential.',
    example: ['(1.0)', '2.7182818284590452'],
    f: decimalMath.exp,
    fallible: true,
  },
  {
    names: ['ln'],
    doc: 'Natural logarithm.',
    example: ['(2.0)', '0.6931471805599453'],
    f: decimalMath.ln,
    fallible: true,
  },
  {
    names: ['log', 'log10'],
    doc: 'Logarithm to base 10.',
    example: ['(100.0)', '2.0000000000000000'],
    f: decimalMath.log10,
    fallible: true,
  },
  {
    names: ['trim_scale'],
    doc: 'The same value without trailing zeros after the point.',
    example: ['(8.4100)', '8.41'],
    f: (x) => x.trimScale(),
    rising: true,
  },
];

function unary(u: Unary): readonly ScalarFunction[] {
  return u.names.map((name) =>
    scalar({
      name,
      args: ['numeric'],
      returns: 'numeric',
      ...(u.fallible === true ? {} : { infallible: true }),
      ...(u.rising === true ? { monotone: { argument: 0, direction: 'increasing' } as const } : {}),
      doc: u.doc,
      examples: [[`${name}${u.example[0]}`, u.example[1]]],
      evaluate: u.f,
    }),
  );
}

function gcdBigint(a: bigint, b: bigint): bigint {
  let x = a < 0n ? -a : a;
  let y = b < 0n ? -b : b;
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}

function lcmBigint(a: bigint, b: bigint): bigint {
  if (a === 0n || b === 0n) return 0n;
  const product = (a / gcdBigint(a, b)) * b;
  return product < 0n ? -product : product;
}

function checkInt4(n: bigint): number {
  return n > 2147483647n ? integerOutOfRange() : Number(n);
}

function checkInt8(n: bigint): bigint {
  return n > 0x7fffffffffffffffn ? bigintOutOfRange() : n;
}

/** Applies an integer function to both coefficients at their common scale. */
function overCoefficients(a: Decimal, b: Decimal, f: (x: bigint, y: bigint) => bigint): Decimal {
  if (!a.isFinite() || !b.isFinite()) return Decimal.NAN;
  const zero = new Decimal(0n, Math.max(a.scale, b.scale));
  const x = a.add(zero);
  const y = b.add(zero);
  return Decimal.scaled(f(x.coefficient, y.coefficient), zero.scale);
}

/** Bucket number, 1..count, of `operand` among equal divisions of [low, high). */
function widthBucket(operand: Decimal, low: Decimal, high: Decimal, count: number): number {
  const error = (message: string): never => {
    throw new SqlError('2201G', message);
  };
  if (count <= 0) error('count must be greater than zero');
  if (operand.isNaN() || low.isNaN() || high.isNaN())
    error('operand, lower bound, and upper bound cannot be NaN');
  if (!low.isFinite() || !high.isFinite()) error('lower and upper bounds must be finite');
  const direction = low.compare(high);
  if (direction === 0) error('lower bound cannot equal upper bound');
  if (operand.compare(low) * direction > 0) return 0;
  if (operand.compare(high) * direction <= 0) return checkInt4(BigInt(count) + 1n);
  const quotient = operand.sub(low).mul(Decimal.fromInt(count)).divTrunc(high.sub(low));
  return Math.min(quotient.toInt4(), count - 1) + 1;
}

const powerLiteral = {
  args: ['numeric', 'numeric'],
  returns: 'numeric',
  doc: 'First argument raised to the second.',
  evaluate: decimalMath.power,
} as const;

const gcdDoc = 'Greatest common divisor: the largest positive number that divides both without remainder.';
const lcmDoc = 'Least common multiple: the smallest positive number that is a multiple of both.';

export const numericMath: readonly ScalarFunction[] = [
  ...unaries.flatMap(unary),
  scalar({
    name: 'round',
    args: ['numeric', 'int4'],
    returns: 'numeric',
    infallible: true,
    monotone: { argument: 0, direction: 'increasing' },
    doc: 'Rounds to that many digits after the point; ties go away from zero.',
    examples: [
      ['round(42.4382, 2)', '42.44'],
      ['round(1234.56, -1)', '1230'],
    ],
    evaluate: (x, digits) => x.round(digits),
  }),
  scalar({
    name: 'trunc',
    args: ['numeric', 'int4'],
    returns: 'numeric',
    infallible: true,
    monotone: { argument: 0, direction: 'increasing' },
    doc: 'Cuts to that many digits after the point.',
    examples: [['trunc(42.4382, 2)', '42.43']],
    evaluate: (x, digits) => x.trunc(digits),
  }),
  scalar({
    name: 'log',
    args: ['numeric', 'numeric'],
    returns: 'numeric',
    doc: 'Logarithm of the second argument to the base of the first.',
    examples: [['log(2.0, 64.0)', '6.0000000000000000']],
    evaluate: decimalMath.log,
  }),
  scalar({ ...powerLiteral, name: 'power', examples: [['power(2.0, 10)', '1024.0000000000000000']] }),
  scalar({ ...powerLiteral, name: 'pow', examples: [['pow(2.0, 0.5)', '1.4142135623730950']] }),
  scalar({
    ...powerLiteral,
    name: 'numeric_power',
    operator: '^',
    examples: [['2.0 ^ 3.0', '8.0000000000000000']],
  }),
  scalar({
    name: 'mod',
    args: ['numeric', 'numeric'],
    returns: 'numeric',
    doc: 'Remainder; it has the sign of the dividend.',
    examples: [['mod(9.5, 4)', '1.5']],
    evaluate: (a, b) => a.mod(b),
  }),
  scalar({
    name: 'div',
    args: ['numeric', 'numeric'],
    returns: 'numeric',
    doc: 'Integer quotient, truncated towards zero.',
    examples: [['div(9.7, 4)', '2']],
    evaluate: (a, b) => a.divTrunc(b),
  }),
  scalar({
    name: 'scale',
    args: ['numeric'],
    returns: 'int4',
    mayReturnNull: true,
    infallible: true,
    doc: 'Number of digits after the point; NULL for NaN and infinities.',
    examples: [['scale(8.4100)', '4']],
    evaluate: (x) => (x.isFinite() ? x.scale : null),
  }),
  scalar({
    name: 'min_scale',
    args: ['numeric'],
    returns: 'int4',
    mayReturnNull: true,
    infallible: true,
    doc: 'Least number of digits after the point that shows the value exactly; NULL for NaN and infinities.',
    examples: [['min_scale(8.4100)', '2']],
    evaluate: (x) => x.minScale(),
  }),
  scalar({
    name: 'factorial',
    args: ['int8'],
    returns: 'numeric',
    doc: 'Factorial.',
    examples: [['factorial(5)', '120']],
    evaluate: decimalMath.factorial,
  }),
  scalar({
    name: 'width_bucket',
    args: ['numeric', 'numeric', 'numeric', 'int4'],
    returns: 'int4',
    doc: 'Number of the bucket that the operand falls into, of count equal buckets from low to high; 0 or count + 1 outside.',
    examples: [['width_bucket(5.35, 0.024, 10.06, 5)', '3']],
    evaluate: widthBucket,
  }),
  scalar({
    name: 'gcd',
    args: ['int4', 'int4'],
    returns: 'int4',
    doc: gcdDoc,
    examples: [['gcd(1071, 462)', '21']],
    evaluate: (a, b) => checkInt4(gcdBigint(BigInt(a), BigInt(b))),
  }),
  scalar({
    name: 'gcd',
    args: ['int8', 'int8'],
    returns: 'int8',
    doc: gcdDoc,
    examples: [['gcd(1071::int8, 462)', '21']],
    evaluate: (a, b) => checkInt8(gcdBigint(a, b)),
  }),
  scalar({
    name: 'gcd',
    args: ['numeric', 'numeric'],
    returns: 'numeric',
    doc: gcdDoc,
    examples: [['gcd(10.5, 4.2)', '2.1']],
    evaluate: (a, b) => overCoefficients(a, b, gcdBigint),
  }),
  scalar({
    name: 'lcm',
    args: ['int4', 'int4'],
    returns: 'int4',
    doc: lcmDoc,
    examples: [['lcm(1071, 462)', '23562']],
    evaluate: (a, b) => checkInt4(lcmBigint(BigInt(a), BigInt(b))),
  }),
  scalar({
    name: 'lcm',
    args: ['int8', 'int8'],
    returns: 'int8',
    doc: lcmDoc,
    examples: [['lcm(1071::int8, 462)', '23562']],
    evaluate: (a, b) => checkInt8(lcmBigint(a, b)),
  }),
  scalar({
    name: 'lcm',
    args: ['numeric', 'numeric'],
    returns: 'numeric',
    doc: lcmDoc,
    examples: [['lcm(10.5, 4.2)', '21.0']],
    evaluate: (a, b) => overCoefficients(a, b, lcmBigint),
  }),
];
