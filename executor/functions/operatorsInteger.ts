/**
 * Arithmetic of int2, int4 and int8, also across widths, as PostgreSQL's cross-type operators.
 *
 * All are emitted inline. int2 and int4 are computed as doubles, which hold every sum and product of two int4 that is
 * in range exactly; int8 as bigint, where the check is arranged so that V8 keeps the value in a 64-bit register.
 */
import type { EmitContext, ScalarFunction } from '../../common/function.ts';
import { scalar } from '../../common/function.ts';
import { bigintOutOfRange, divisionByZero, integerOutOfRange, smallintOutOfRange } from './support/errors.ts';

type IntegerId = 'int2' | 'int4' | 'int8';

const integerIds: readonly IntegerId[] = ['int2', 'int4', 'int8'];
const digit: { readonly [K in IntegerId]: string } = { int2: '2', int4: '4', int8: '8' };

const outOfRange: { readonly [K in IntegerId]: () => never } = {
  int2: smallintOutOfRange,
  int4: integerOutOfRange,
  int8: bigintOutOfRange,
};

function wider(a: IntegerId, b: IntegerId): IntegerId {
  return digit[a] >= digit[b] ? a : b;
}

/** The expression that brings an operand of type `from` to the width of the result. */
function widen(expression: string, from: IntegerId, to: IntegerId): string {
  if (to !== 'int8' || from === 'int8') return expression;
  return /^-?\d+$/.test(expression) ? `${expression}n` : `BigInt(${expression})`;
}

/** `value` (an int2 or int4 computed as double) if it is in range, else the error. */
function checkedSmall(value: string, type: 'int2' | 'int4', g: EmitContext): string {
  const fail = `${g.constant(outOfRange[type])}()`;
  return type === 'int4'
    ? `((${value} | 0) === ${value} ? ${value} | 0 : ${fail})`
    : `((${value} << 16 >> 16) === ${value} ? ${value} | 0 : ${fail})`;
}

interface Operation {
  readonly symbol: '+' | '-' | '*' | '/';
  readonly suffix: string;
  readonly word: string;
  readonly commutator?: string;
  readonly emit: (a: string, b: string, type: IntegerId, g: EmitContext) => string;
  readonly example: string;
  /** Whether the result rises with the first argument whatever the second one is. */
  readonly monotone: boolean;
}

function emitAdd(a: string, b: string, type: IntegerId, g: EmitContext): string {
  if (type !== 'int8') return checkedSmall(`(${a} + ${b})`, type, g);
  const sum = `BigInt.asIntN(64, ${a} + ${b})`;
  // Overflow iff the sum's sign differs from both operands' signs.
  return `(((${a} ^ ${sum}) & (${b} ^ ${sum})) < 0n ? ${g.constant(bigintOutOfRange)}() : ${sum})`;
}

function emitSubtract(a: string, b: string, type: IntegerId, g: EmitContext): string {
  if (type !== 'int8') return checkedSmall(`(${a} - ${b})`, type, g);
  const difference = `BigInt.asIntN(64, ${a} - ${b})`;
  return `(((${a} ^ ${b}) & (${a} ^ ${difference})) < 0n ? ${g.constant(bigintOutOfRange)}() : ${difference})`;
}

function emitMultiply(a: string, b: string, type: IntegerId, g: EmitContext): string {
  // The product of two int4 may exceed 2^53, but then it is far out of int4's range however it is rounded.
  if (type !== 'int8') return checkedSmall(`(${a} * ${b})`, type, g);
  const product = `BigInt.asIntN(64, ${a} * ${b})`;
  return `(${product} === ${a} * ${b} ? ${product} : ${g.constant(bigintOutOfRange)}())`;
}

function emitDivide(a: string, b: string, type: IntegerId, g: EmitContext): string {
  const zero = `${g.constant(divisionByZero)}()`;
  const overflow = `${g.constant(outOfRange[type])}()`;
  if (type === 'int8') {
    return `(${b} === 0n ? ${zero} : ${b} === -1n && ${a} === -9223372036854775808n ? ${overflow} : ${a} / ${b})`;
  }
  const least = type === 'int4' ? '-2147483648' : '-32768';
  return `(${b} === 0 ? ${zero} : ${b} === -1 && ${a} === ${least} ? ${overflow} : (${a} / ${b}) | 0)`;
}

const operations: readonly Operation[] = [
  { symbol: '+', suffix: 'pl', word: 'Sum', commutator: '+', emit: emitAdd, example: '9', monotone: true },
  { symbol: '-', suffix: 'mi', word: 'Difference', emit: emitSubtract, example: '5', monotone: true },
  {
    symbol: '*',
    suffix: 'mul',
    word: 'Product',
    commutator: '*',
    emit: emitMultiply,
    example: '14',
    monotone: false,
  },
  {
    symbol: '/',
    suffix: 'div',
    word: 'Quotient, truncated towards zero',
    emit: emitDivide,
    example: '3',
    monotone: false,
  },
];

function binary(operation: Operation, left: IntegerId, right: IntegerId): ScalarFunction {
  const result = wider(left, right);
  const { commutator } = operation;
  const name =
    left === right ? `${left}${operation.suffix}` : `int${digit[left]}${digit[right]}${operation.suffix}`;
  return scalar({
    name,
    operator: operation.symbol,
    ...(commutator === undefined ? {} : { commutator }),
    args: [left, right],
    returns: result,
    ...(operation.monotone ? { monotone: { argument: 0, direction: 'increasing' } as const } : {}),
    doc: `${operation.word} of integers.`,
    examples: [[`7::${left} ${operation.symbol} 2::${right}`, operation.example]],
    emit: ([a = '', b = ''], g) => {
      const x = widen(a, left, result);
      const y = widen(b, right, result);
      return operation.emit(x, y, result, g);
    },
  });
}

function modulo(type: IntegerId): readonly ScalarFunction[] {
  const emit = ([a = '', b = '']: readonly string[], g: EmitContext): string => {
    const zero = `${g.constant(divisionByZero)}()`;
    // A negative dividend with remainder 0 gives -0 in doubles.
    return type === 'int8'
      ? `(${b} === 0n ? ${zero} : ${a} % ${b})`
      : `(${b} === 0 ? ${zero} : ${a} % ${b} | 0)`;
  };
  const common = {
    args: [type, type],
    returns: type,
    doc: 'Remainder; it has the sign of the dividend.',
    emit,
  } as const;
  return [
    scalar({
      ...common,
      name: `${type}mod`,
      operator: '%',
      examples: [[`(-7)::${type} % 3::${type}`, '-1']],
    }),
    scalar({ ...common, name: 'mod', examples: [[`mod(7::${type}, 3::${type})`, '1']] }),
  ];
}

function unary(type: IntegerId): readonly ScalarFunction[] {
  const zero = type === 'int8' ? '0n' : '0';
  const negate = (a: string, g: EmitContext): string =>
    type === 'int8'
      ? `(${a} === -9223372036854775808n ? ${g.constant(bigintOutOfRange)}() : -${a})`
      : checkedSmall(`(0 - ${a})`, type, g);
  const absolute = {
    args: [type],
    returns: type,
    doc: 'Absolute value.',
    emit: ([a = '']: readonly string[], g: EmitContext) => `(${a} < ${zero} ? ${negate(a, g)} : ${a})`,
  } as const;
  return [
    scalar({
      name: `${type}um`,
      operator: '-',
      args: [type],
      returns: type,
      monotone: { argument: 0, direction: 'decreasing' },
      doc: 'Negation.',
      examples: [[`- (5::${type})`, '-5']],
      emit: ([a = ''], g) => negate(a, g),
    }),
    scalar({
      name: `${type}up`,
      operator: '+',
      args: [type],
      returns: type,
      infallible: true,
      monotone: { argument: 0, direction: 'increasing' },
      doc: 'The same number.',
      examples: [[`+ (5::${type})`, '5']],
      emit: ([a = '']) => a,
    }),
    scalar({ ...absolute, name: 'abs', examples: [[`abs((-5)::${type})`, '5']] }),
    scalar({ ...absolute, name: `${type}abs`, operator: '@', examples: [[`@ (-5)::${type}`, '5']] }),
  ];
}

interface BitOperation {
  readonly symbol: '&' | '|' | '#';
  readonly js: string;
  readonly suffix: string;
  readonly doc: string;
  readonly example: string;
}

const bitOperations: readonly BitOperation[] = [
  { symbol: '&', js: '&', suffix: 'and', doc: 'Bitwise AND.', example: '2' },
  { symbol: '|', js: '|', suffix: 'or', doc: 'Bitwise OR.', example: '7' },
  { symbol: '#', js: '^', suffix: 'xor', doc: 'Bitwise exclusive OR.', example: '5' },
];

function bitwise(type: IntegerId): readonly ScalarFunction[] {
  const left = (a: string, b: string): string => {
    if (type === 'int8') return `BigInt.asIntN(64, ${a} << BigInt(${b} & 63))`;
    return type === 'int4' ? `(${a} << ${b})` : `(${a} << ${b} << 16 >> 16)`;
  };
  return [
    ...bitOperations.map((operation) =>
      scalar({
        name: `${type}${operation.suffix}`,
        operator: operation.symbol,
        commutator: operation.symbol,
        args: [type, type],
        returns: type,
        infallible: true,
        doc: operation.doc,
        examples: [[`6::${type} ${operation.symbol} 3::${type}`, operation.example]],
        emit: ([a = '', b = '']) => `(${a} ${operation.js} ${b})`,
      }),
    ),
    scalar({
      name: `${type}not`,
      operator: '~',
      args: [type],
      returns: type,
      infallible: true,
      doc: 'Bitwise NOT.',
      examples: [[`~ (5::${type})`, '-6']],
      emit: ([a = '']) => `(~${a})`,
    }),
    scalar({
      name: `${type}shl`,
      operator: '<<',
      args: [type, 'int4'],
      returns: type,
      infallible: true,
      doc: 'Bitwise shift left; the count is taken modulo the width of the machine word.',
      examples: [[`5::${type} << 2`, '20']],
      emit: ([a = '', b = '']) => left(a, b),
    }),
    scalar({
      name: `${type}shr`,
      operator: '>>',
      args: [type, 'int4'],
      returns: type,
      infallible: true,
      doc: 'Arithmetic shift right.',
      examples: [[`(-20)::${type} >> 2`, '-5']],
      emit: ([a = '', b = '']) => (type === 'int8' ? `(${a} >> BigInt(${b} & 63))` : `(${a} >> ${b})`),
    }),
  ];
}

export const integerOperators: readonly ScalarFunction[] = [
  ...operations.flatMap((operation) =>
    integerIds.flatMap((left) => integerIds.map((right) => binary(operation, left, right))),
  ),
  ...integerIds.flatMap(modulo),
  ...integerIds.flatMap(unary),
  ...integerIds.flatMap(bitwise),
];
