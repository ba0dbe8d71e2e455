/** Mathematical functions of float8. */
import type { ScalarFunction } from '../../common/function.ts';
import { scalar } from '../../common/function.ts';
import { SqlError } from '../../common/sqlError.ts';
import { inputOutOfRange, integerOutOfRange } from './support/errors.ts';
import * as float from './support/floatMath.ts';
import * as trig from './support/trigonometry.ts';

interface Unary {
  readonly names: readonly string[];
  readonly operator?: string;
  readonly doc: string;
  readonly example: readonly [sql: string, result: string];
  readonly f: (x: number) => number;
  readonly fallible?: true;
  readonly rising?: true;
}

const coth = (x: number): number => (x === 0 ? Infinity : 1 / Math.tanh(x));

const rounding: readonly Unary[] = [
  {
    names: ['ceil', 'ceiling'],
    doc: 'Nearest integer not below the argument.',
    example: ['(1.2::float8)', '2'],
    f: Math.ceil,
    rising: true,
  },
  {
    names: ['floor'],
    doc: 'Nearest integer not above the argument.',
    example: ['((-1.2)::float8)', '-2'],
    f: Math.floor,
    rising: true,
  },
  {
    names: ['round'],
    doc: 'Nearest integer; ties go to the even one.',
    example: ['(2.5::float8)', '2'],
    f: float.roundHalfEven,
    rising: true,
  },
  {
    names: ['trunc'],
    doc: 'Integer part, towards zero.',
    example: ['((-1.7)::float8)', '-1'],
    f: Math.trunc,
    rising: true,
  },
  {
    names: ['sign'],
    doc: '-1, 0 or 1.',
    example: ['((-8.4)::float8)', '-1'],
    f: (x) => (x > 0 ? 1 : x < 0 ? -1 : 0),
    rising: true,
  },
];

const powers: readonly Unary[] = [
  {
    names: ['sqrt'],
    doc: 'Square root.',
    example: ['(2::float8)', '1.4142135623730951'],
    f: float.sqrt,
    fallible: true,
  },
  {
    names: ['dsqrt'],
    operator: '|/',
    doc: 'Square root.',
    example: ['|/ 25.0::float8', '5'],
    f: float.sqrt,
    fallible: true,
  },
  { names: ['cbrt'], doc: 'Cube root.', example: ['(64::float8)', '4'], f: Math.cbrt, rising: true },
  {
    names: ['dcbrt'],
    operator: '||/',
    doc: 'Cube root.',
    example: ['||/ 64.0::float8', '4'],
    f: Math.cbrt,
    rising: true,
  },
  {
    names: ['exp'],
    doc: 'Exponential.',
    example: ['(1::float8)', '2.718281828459045'],
    f: float.exp,
    fallible: true,
  },
  {
    names: ['ln'],
    doc: 'Natural logarithm.',
    example: ['(2::float8)', '0.6931471805599453'],
    f: float.ln,
    fallible: true,
  },
  {
    names: ['log', 'log10'],
    doc: 'Logarithm to base 10.',
    example: ['(100::float8)', '2'],
    f: float.log10,
    fallible: true,
  },
  {
    names: ['gamma'],
    doc: 'Gamma function.',
    example: ['(5::float8)', '24'],
    f: float.gamma,
    fallible: true,
  },
  {
    names: ['lgamma'],
    doc: 'Logarithm of the absolute value of the gamma function.',
    example: ['(1::float8)', '0'],
    f: float.logGamma,
    fallible: true,
  },
];

const radians: readonly Unary[] = [
  {
    names: ['degrees'],
    doc: 'Radians to degrees.',
    example: ['(0::float8)', '0'],
    f: float.degrees,
    fallible: true,
  },
  {
    names: ['radians'],
    doc: 'Degrees to radians.',
    example: ['(0::float8)', '0'],
    f: float.radians,
    fallible: true,
  },
  {
    names: ['sin'],
    doc: 'Sine.',
    example: ['(0::float8)', '0'],
    f: trig.finiteArgument(Math.sin),
    fallible: true,
  },
  {
    names: ['cos'],
    doc: 'Cosine.',
    example: ['(0::float8)', '1'],
    f: trig.finiteArgument(Math.cos),
    fallible: true,
  },
  {
    names: ['tan'],
    doc: 'Tangent.',
    example: ['(0::float8)', '0'],
    f: trig.finiteArgument(Math.tan),
    fallible: true,
  },
  {
    names: ['cot'],
    doc: 'Cotangent.',
    example: ['(0::float8)', 'Infinity'],
    f: trig.finiteArgument((x) => 1 / Math.tan(x)),
    fallible: true,
  },
  {
    names: ['asin'],
    doc: 'Inverse sine.',
    example: ['(0::float8)', '0'],
    f: trig.unitArgument(Math.asin),
    fallible: true,
  },
  {
    names: ['acos'],
    doc: 'Inverse cosine.',
    example: ['(1::float8)', '0'],
    f: trig.unitArgument(Math.acos),
    fallible: true,
  },
  { names: ['atan'], doc: 'Inverse tangent.', example: ['(0::float8)', '0'], f: Math.atan, rising: true },
  { names: ['sinh'], doc: 'Hyperbolic sine.', example: ['(0::float8)', '0'], f: Math.sinh, rising: true },
  { names: ['cosh'], doc: 'Hyperbolic cosine.', example: ['(0::float8)', '1'], f: Math.cosh },
  { names: ['tanh'], doc: 'Hyperbolic tangent.', example: ['(0::float8)', '0'], f: Math.tanh, rising: true },
  { names: ['coth'], doc: 'Hyperbolic cotangent.', example: ["('infinity'::float8)", '1'], f: coth },
  {
    names: ['asinh'],
    doc: 'Inverse hyperbolic sine.',
    example: ['(0::float8)', '0'],
    f: Math.asinh,
    rising: true,
  },
  {
    names: ['acosh'],
    doc: 'Inverse hyperbolic cosine.',
    example: ['(1::float8)', '0'],
    f: (x) => (x < 1 ? inputOutOfRange() : Math.acosh(x)),
    fallible: true,
  },
  {
    names: ['atanh'],
    doc: 'Inverse hyperbolic tangent.',
    example: ['(0::float8)', '0'],
    f: trig.unitArgument(Math.atanh),
    fallible: true,
  },
];

const degrees: readonly Unary[] = [
  {
    names: ['sind'],
    doc: 'Sine of degrees.',
    example: ['(30::float8)', '0.5'],
    f: trig.sinDegrees,
    fallible: true,
  },
  {
    names: ['cosd'],
    doc: 'Cosine of degrees.',
    example: ['(60::float8)', '0.5'],
    f: trig.cosDegrees,
    fallible: true,
  },
  {
    names: ['tand'],
    doc: 'Tangent of degrees.',
    example: ['(45::float8)', '1'],
    f: trig.tanDegrees,
    fallible: true,
  },
  {
    names: ['cotd'],
    doc: 'Cotangent of degrees.',
    example: ['(45::float8)', '1'],
    f: trig.cotDegrees,
    fallible: true,
  },
  {
    names: ['asind'],
    doc: 'Inverse sine in degrees.',
    example: ['(0.5::float8)', '30'],
    f: trig.asinDegrees,
    fallible: true,
  },
  {
    names: ['acosd'],
    doc: 'Inverse cosine in degrees.',
    example: ['(0.5::float8)', '60'],
    f: trig.acosDegrees,
    fallible: true,
  },
  {
    names: ['atand'],
    doc: 'Inverse tangent in degrees.',
    example: ['(1::float8)', '45'],
    f: trig.atanDegrees,
    rising: true,
  },
];

function unary(u: Unary): readonly ScalarFunction[] {
  return u.names.map((name) =>
    scalar({
      name,
      ...(u.operator === undefined ? {} : { operator: u.operator }),
      args: ['float8'],
      returns: 'float8',
      ...(u.fallible === true ? {} : { infallible: true }),
      ...(u.rising === true ? { monotone: { argument: 0, direction: 'increasing' } as const } : {}),
      doc: u.doc,
      examples: [u.operator === undefined ? [`${name}${u.example[0]}`, u.example[1]] : u.example],
      emit: ([a = ''], g) => `${g.constant(u.f)}(${a})`,
    }),
  );
}

/** Bucket number, 1..count, of `operand` among equal divisions of [low, high). */
function widthBucket(operand: number, low: number, high: number, count: number): number {
  const error = (message: string): never => {
    throw new SqlError('2201G', message);
  };
  if (count <= 0) error('count must be greater than zero');
  if (Number.isNaN(operand) || Number.isNaN(low) || Number.isNaN(high)) {
    error('operand, lower bound, and upper bound cannot be NaN');
  }
  if (!Number.isFinite(low) || !Number.isFinite(high)) error('lower and upper bounds must be finite');
  if (low === high) error('lower bound cannot equal upper bound');
  const before = low < high ? operand < low : operand > low;
  if (before) return 0;
  const after = low < high ? operand >= high : operand <= high;
  if (after) return count === 2147483647 ? integerOutOfRange() : count + 1;
  const width = high - low;
  const share = Number.isFinite(width)
    ? (operand - low) / width
    : (operand / 2 - low / 2) / (high / 2 - low / 2);
  return Math.min(Math.trunc(count * share), count - 1) + 1;
}

const powerLiteral = {
  args: ['float8', 'float8'],
  returns: 'float8',
  doc: 'First argument raised to the second.',
  evaluate: float.power,
} as const;

export const floatMath: readonly ScalarFunction[] = [
  ...[...rounding, ...powers, ...radians, ...degrees].flatMap(unary),
  scalar({ ...powerLiteral, name: 'power', examples: [['power(2::float8, 10)', '1024']] }),
  scalar({ ...powerLiteral, name: 'pow', examples: [['pow(9::float8, 0.5)', '3']] }),
  scalar({ ...powerLiteral, name: 'dpow', operator: '^', examples: [['2::float8 ^ 3', '8']] }),
  scalar({
    name: 'atan2',
    args: ['float8', 'float8'],
    returns: 'float8',
    infallible: true,
    doc: 'Inverse tangent of the quotient of its arguments.',
    examples: [['atan2(0, 1)', '0']],
    emit: ([a = '', b = '']) => `Math.atan2(${a}, ${b})`,
  }),
  scalar({
    name: 'atan2d',
    args: ['float8', 'float8'],
    returns: 'float8',
    infallible: true,
    doc: 'Inverse tangent of the quotient of its arguments, in degrees.',
    examples: [['atan2d(1, 1)', '45']],
    evaluate: trig.atan2Degrees,
  }),
  scalar({
    name: 'pi',
    args: [],
    returns: 'float8',
    infallible: true,
    doc: 'The constant pi.',
    examples: [['pi()', '3.141592653589793']],
    emit: () => 'Math.PI',
  }),
  scalar({
    name: 'random',
    args: [],
    returns: 'float8',
    volatility: 'volatile',
    infallible: true,
    doc: 'A random number, 0 <= x < 1.',
    examples: [['random() < 1', 't']],
    evaluateWith: (context) => context.random(),
  }),
  scalar({
    name: 'width_bucket',
    args: ['float8', 'float8', 'float8', 'int4'],
    returns: 'int4',
    doc: 'Number of the bucket that the operand falls into, of count equal buckets from low to high; 0 or count + 1 outside.',
    examples: [['width_bucket(5.35::float8, 0.024, 10.06, 5)', '3']],
    evaluate: widthBucket,
  }),
];
