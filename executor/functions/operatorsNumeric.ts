/** Arithmetic of numeric: exact, by Decimal. */
import type { ScalarFunction } from '../../common/function.ts';
import { scalar } from '../../common/function.ts';

const binary = { args: ['numeric', 'numeric'], returns: 'numeric' } as const;
const unary = { args: ['numeric'], returns: 'numeric', infallible: true } as const;
const rising = { monotone: { argument: 0, direction: 'increasing' } } as const;

export const numericOperators: readonly ScalarFunction[] = [
  scalar({
    ...binary,
    ...rising,
    name: 'numeric_add',
    operator: '+',
    commutator: '+',
    doc: 'Exact sum.',
    examples: [['0.1 + 0.2', '0.3']],
    evaluate: (a, b) => a.add(b),
  }),
  scalar({
    ...binary,
    ...rising,
    name: 'numeric_sub',
    operator: '-',
    doc: 'Exact difference.',
    examples: [['1.0 - 0.25', '0.75']],
    evaluate: (a, b) => a.sub(b),
  }),
  scalar({
    ...binary,
    name: 'numeric_mul',
    operator: '*',
    commutator: '*',
    doc: 'Exact product.',
    examples: [['1.5 * 0.20', '0.300']],
    evaluate: (a, b) => a.mul(b),
  }),
  scalar({
    ...binary,
    name: 'numeric_div',
    operator: '/',
    doc: 'Quotient, with at least 16 significant digits.',
    examples: [['1.0 / 3', '0.33333333333333333333']],
    evaluate: (a, b) => a.div(b),
  }),
  scalar({
    ...binary,
    name: 'numeric_mod',
    operator: '%',
    doc: 'Remainder; it has the sign of the dividend.',
    examples: [['7.5 % 2', '1.5']],
    evaluate: (a, b) => a.mod(b),
  }),
  scalar({
    ...unary,
    name: 'numeric_uminus',
    operator: '-',
    monotone: { argument: 0, direction: 'decreasing' },
    doc: 'Negation.',
    examples: [['- (1.50)', '-1.50']],
    evaluate: (a) => a.neg(),
  }),
  scalar({
    ...unary,
    ...rising,
    name: 'numeric_uplus',
    operator: '+',
    doc: 'The same number.',
    examples: [['+ (1.50)', '1.50']],
    evaluate: (a) => a,
  }),
  scalar({
    ...unary,
    name: 'numeric_abs',
    operator: '@',
    doc: 'Absolute value.',
    examples: [['@ (-1.50)', '1.50']],
    evaluate: (a) => a.abs(),
  }),
];
