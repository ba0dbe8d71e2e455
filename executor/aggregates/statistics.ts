/** Variance, standard deviation, correlation and linear regression, from exact sums. */
import type { Decimal } from '../../common/decimal.ts';
import type { AggregateFunction } from '../../common/function.ts';
import type { Value } from '../../common/value.ts';
import { aggregate, linear, objectState, over, overPairs } from './define.ts';
import { FloatMoments, FloatPairMoments } from './support/floatMoments.ts';
import { NumericMoments } from './support/numericSum.ts';

interface Spread {
  readonly names: readonly string[];
  readonly doc: string;
  readonly sample: boolean;
  readonly root: boolean;
  /** Result over 1, 2, 4 as numeric and as float8. */
  readonly examples: readonly [numeric: string, float: string];
}

const spreads: readonly Spread[] = [
  {
    names: ['var_pop'],
    doc: 'Variance of the population.',
    sample: false,
    root: false,
    examples: ['1.5555555555555556', '1.5555555555555556'],
  },
  {
    names: ['var_samp', 'variance'],
    doc: 'Variance estimated from a sample.',
    sample: true,
    root: false,
    examples: ['2.3333333333333333', '2.3333333333333335'],
  },
  {
    names: ['stddev_pop'],
    doc: 'Standard deviation of the population.',
    sample: false,
    root: true,
    examples: ['1.2472191289246471', '1.247219128924647'],
  },
  {
    names: ['stddev_samp', 'stddev'],
    doc: 'Standard deviation estimated from a sample.',
    sample: true,
    root: true,
    examples: ['1.5275252316519467', '1.5275252316519468'],
  },
];

type IntegerId = 'int2' | 'int4' | 'int8';

function integerImplementation(type: IntegerId, s: Spread): AggregateFunction['implement'] {
  const result = (state: NumericMoments, count: number): Value =>
    s.root ? state.standardDeviation(count, s.sample) : state.variance(count, s.sample);
  const create = (): NumericMoments => new NumericMoments();
  return type === 'int8'
    ? objectState({
        create,
        add: (state: NumericMoments, w: number, x: bigint) => state.addInteger(x, w),
        result,
      })
    : objectState({
        create,
        add: (state: NumericMoments, w: number, x: number) => state.addInteger(BigInt(x), w),
        result,
      });
}

function spreadFunctions(s: Spread): readonly AggregateFunction[] {
  return s.names.flatMap((name) => [
    ...(['int2', 'int4', 'int8'] as const).map((type) =>
      aggregate({
        name,
        args: [type],
        returns: 'numeric',
        doc: s.doc,
        examples: [[`${name}(x) ${over(`1::${type}`, `2::${type}`, `4::${type}`)}`, s.examples[0]]],
        implement: integerImplementation(type, s),
      }),
    ),
    aggregate({
      name,
      args: ['numeric'],
      returns: 'numeric',
      doc: s.doc,
      examples: [[`${name}(x) ${over('1.0', '2', '4')}`, s.examples[0]]],
      implement: objectState({
        create: () => new NumericMoments(),
        add: (state: NumericMoments, w: number, x: Decimal) => state.add(x, w),
        result: (state: NumericMoments, count: number) =>
          s.root ? state.standardDeviation(count, s.sample) : state.variance(count, s.sample),
      }),
    }),
    ...(['float4', 'float8'] as const).map((type) =>
      aggregate({
        name,
        args: [type],
        returns: 'float8',
        doc: s.doc,
        examples: [[`${name}(x) ${over(`1::${type}`, `2::${type}`, `4::${type}`)}`, s.examples[1]]],
        implement: objectState({
          create: () => new FloatMoments(),
          add: (state: FloatMoments, w: number, x: number) => state.add(x, w),
          result: (state: FloatMoments, count: number) =>
            s.root ? state.standardDeviation(count, s.sample) : state.variance(count, s.sample),
        }),
      }),
    ),
  ]);
}

interface PairStatistic {
  readonly name: string;
  readonly doc: string;
  /** Result over (y, x) = (1, 2), (3, 5), (4, 5). */
  readonly example: string;
  readonly result: (state: FloatPairMoments, count: number) => number | null;
}

const pairStatistics: readonly PairStatistic[] = [
  {
    name: 'corr',
    doc: 'Correlation coefficient.',
    example: '0.944911182523068',
    result: (s, n) => s.correlation(n),
  },
  {
    name: 'covar_pop',
    doc: 'Covariance of the population.',
    example: '1.6666666666666667',
    result: (s, n) => s.covariance(n, false),
  },
  {
    name: 'covar_samp',
    doc: 'Covariance estimated from a sample.',
    example: '2.5',
    result: (s, n) => s.covariance(n, true),
  },
  {
    name: 'regr_avgx',
    doc: 'Average of the independent variable, the second argument.',
    example: '4',
    result: (s, n) => s.averageX(n),
  },
  {
    name: 'regr_avgy',
    doc: 'Average of the dependent variable, the first argument.',
    example: '2.6666666666666665',
    result: (s, n) => s.averageY(n),
  },
  {
    name: 'regr_intercept',
    doc: 'Where the line fitted by least squares meets x = 0.',
    example: '-0.6666666666666666',
    result: (s, n) => s.intercept(n),
  },
  {
    name: 'regr_slope',
    doc: 'Slope of the line fitted by least squares.',
    example: '0.8333333333333334',
    result: (s, n) => s.slope(n),
  },
  {
    name: 'regr_r2',
    doc: 'Square of the correlation coefficient.',
    example: '0.8928571428571429',
    result: (s, n) => s.determination(n),
  },
  {
    name: 'regr_sxx',
    doc: 'Sum of squared deviations of the independent variable.',
    example: '6',
    result: (s, n) => s.sxx(n),
  },
  {
    name: 'regr_syy',
    doc: 'Sum of squared deviations of the dependent variable.',
    example: '4.666666666666667',
    result: (s, n) => s.syy(n),
  },
  { name: 'regr_sxy', doc: 'Sum of products of the deviations.', example: '5', result: (s, n) => s.sxy(n) },
];

const pairs = overPairs('1::float8, 2::float8', '3, 5', '4, 5');

export const statisticAggregates: readonly AggregateFunction[] = [
  ...spreads.flatMap(spreadFunctions),
  ...pairStatistics.map((p) =>
    aggregate({
      name: p.name,
      args: ['float8', 'float8'],
      returns: 'float8',
      doc: p.doc,
      examples: [[`${p.name}(x, y) ${pairs}`, p.example]],
      implement: objectState({
        create: () => new FloatPairMoments(),
        add: (state: FloatPairMoments, w: number, y: number, x: number) => state.add(y, x, w),
        result: p.result,
      }),
    }),
  ),
  aggregate({
    name: 'regr_count',
    args: ['float8', 'float8'],
    returns: 'int8',
    doc: 'Number of rows where both arguments are not NULL.',
    examples: [[`regr_count(x, y) ${pairs}`, '3']],
    implement: linear({
      state: [],
      add: () => '',
      result: (_state, count) => `BigInt(${count})`,
      emptyResult: '0n',
    }),
  }),
];
