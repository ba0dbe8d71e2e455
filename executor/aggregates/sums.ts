/**
 * sum and avg. Exact for every type: integers in 64-bit words or pairs of them, numeric with its scale, floats as
 * exact expansions rounded once, intervals by field.
 */
import { Decimal } from '../../common/decimal.ts';
import type { AggregateFunction, EmitContext } from '../../common/function.ts';
import { Interval } from '../../common/interval.ts';
import { floatOverflow } from '../functions/support/errors.ts';
import { aggregate, linear, objectState, over } from './define.ts';
import { ExactFloatSum } from './support/exactFloat.ts';
import { NumericSum } from './support/numericSum.ts';

/** `x * weight` as bigint, where the weight is nearly always 1. */
function weighted(x: string, weight: string): string {
  return weight === '1' ? x : `(${weight} === 1 ? ${x} : ${x} * BigInt(${weight}))`;
}

/** Sum of int2 or int4 in one word: 2^31 rows cannot overflow it. */
const narrowState = [{ kind: 'i64', initial: '0n' }] as const;

function addNarrow([sum = '']: readonly string[], [x = '']: readonly string[], weight: string): string {
  return `${sum} = BigInt.asIntN(64, ${sum} + ${weighted(`BigInt(${x})`, weight)});`;
}

/** Sum of int8 as high * 2^32 + low. */
const wideState = [
  { kind: 'i64', initial: '0n' },
  { kind: 'i64', initial: '0n' },
] as const;

function addWide(
  [high = '', low = '']: readonly string[],
  [x = '']: readonly string[],
  weight: string,
): string {
  return `${high} = BigInt.asIntN(64, ${high} + ${weighted(`(${x} >> 32n)`, weight)});
${low} = BigInt.asIntN(64, ${low} + ${weighted(`(${x} & 0xffffffffn)`, weight)});`;
}

function averageOf(sum: bigint, count: number): Decimal {
  return new Decimal(sum, 0).div(Decimal.fromInt(count));
}

const wideSum = (high: bigint, low: bigint): Decimal => new Decimal(high * 4294967296n + low, 0);
const wideAverage = (high: bigint, low: bigint, count: number): Decimal =>
  averageOf(high * 4294967296n + low, count);

function narrowSum(type: 'int2' | 'int4'): AggregateFunction {
  return aggregate({
    name: 'sum',
    args: [type],
    returns: 'int8',
    doc: 'Sum.',
    examples: [[`sum(x) ${over(`1::${type}`, `2::${type}`, 'NULL')}`, '3']],
    implement: linear({ state: narrowState, add: addNarrow, result: ([sum = '']) => sum }),
  });
}

function narrowAverage(type: 'int2' | 'int4'): AggregateFunction {
  return aggregate({
    name: 'avg',
    args: [type],
    returns: 'numeric',
    doc: 'Average.',
    examples: [[`avg(x) ${over(`1::${type}`, `2::${type}`)}`, '1.5000000000000000']],
    implement: linear({
      state: narrowState,
      add: addNarrow,
      result: ([sum = ''], count, g) => `${g.constant(averageOf)}(${sum}, ${count})`,
    }),
  });
}

const floatState = {
  create: () => new ExactFloatSum(),
  add: (state: ExactFloatSum, weight: number, x: number) => state.add(x, weight),
};

function float4Sum(state: ExactFloatSum): number {
  const sum = state.value();
  const rounded = Math.fround(sum);
  return Number.isFinite(sum) && !Number.isFinite(rounded) ? floatOverflow() : rounded;
}

const numericState = {
  create: () => new NumericSum(),
  add: (state: NumericSum, weight: number, x: Decimal) => state.add(x, weight),
};

const intervalState = [
  { kind: 'i64', initial: '0n' },
  { kind: 'i64', initial: '0n' },
  { kind: 'i64', initial: '0n' },
] as const;

function addInterval(
  [months = '', days = '', micros = '']: readonly string[],
  [x = '']: readonly string[],
  weight: string,
): string {
  const part = (sum: string, value: string): string =>
    `${sum} = BigInt.asIntN(64, ${sum} + ${weighted(value, weight)});`;
  return [
    part(months, `BigInt(${x}.months)`),
    part(days, `BigInt(${x}.days)`),
    part(micros, `${x}.micros`),
  ].join('\n');
}

function intervalSum(months: bigint, days: bigint, micros: bigint): Interval {
  return Interval.checked(Number(months), Number(days), micros);
}

function intervalAverage(months: bigint, days: bigint, micros: bigint, count: number): Interval {
  return intervalSum(months, days, micros).div(count);
}

export const sumAggregates: readonly AggregateFunction[] = [
  narrowSum('int2'),
  narrowSum('int4'),
  narrowAverage('int2'),
  narrowAverage('int4'),
  aggregate({
    name: 'sum',
    args: ['int8'],
    returns: 'numeric',
    doc: 'Sum.',
    examples: [[`sum(x) ${over('9223372036854775807', '1')}`, '9223372036854775808']],
    implement: linear({
      state: wideState,
      add: addWide,
      result: ([high = '', low = ''], _count, g: EmitContext) => `${g.constant(wideSum)}(${high}, ${low})`,
    }),
  }),
  aggregate({
    name: 'avg',
    args: ['int8'],
    returns: 'numeric',
    doc: 'Average.',
    examples: [[`avg(x) ${over('1::int8', '2::int8')}`, '1.5000000000000000']],
    implement: linear({
      state: wideState,
      add: addWide,
      result: ([high = '', low = ''], count, g) => `${g.constant(wideAverage)}(${high}, ${low}, ${count})`,
    }),
  }),
  aggregate({
    name: 'sum',
    args: ['numeric'],
    returns: 'numeric',
    doc: 'Sum.',
    examples: [[`sum(x) ${over('1.5', '2')}`, '3.5']],
    implement: objectState({ ...numericState, result: (state: NumericSum) => state.value() }),
  }),
  aggregate({
    name: 'avg',
    args: ['numeric'],
    returns: 'numeric',
    doc: 'Average.',
    examples: [[`avg(x) ${over('1.5', '2')}`, '1.7500000000000000']],
    implement: objectState({
      ...numericState,
      result: (state: NumericSum, count: number) => state.value().div(Decimal.fromInt(count)),
    }),
  }),
  aggregate({
    name: 'sum',
    args: ['float4'],
    returns: 'float4',
    doc: 'Sum, rounded once.',
    examples: [[`sum(x) ${over('1.5::float4', '2::float4')}`, '3.5']],
    implement: objectState({ ...floatState, result: float4Sum }),
  }),
  aggregate({
    name: 'sum',
    args: ['float8'],
    returns: 'float8',
    doc: 'Sum, rounded once: the same in any order.',
    examples: [[`sum(x) ${over('1e16::float8', '1::float8', '-1e16::float8')}`, '1']],
    implement: objectState({ ...floatState, result: (state: ExactFloatSum) => state.value() }),
  }),
  ...(['float4', 'float8'] as const).map((type) =>
    aggregate({
      name: 'avg',
      args: [type],
      returns: 'float8',
      doc: 'Average.',
      examples: [[`avg(x) ${over(`1.5::${type}`, `2::${type}`)}`, '1.75']],
      implement: objectState({
        ...floatState,
        result: (state: ExactFloatSum, count: number) => state.value() / count,
      }),
    }),
  ),
  aggregate({
    name: 'sum',
    args: ['interval'],
    returns: 'interval',
    doc: 'Sum.',
    examples: [[`sum(x) ${over("interval '1 day'", "interval '2 hours'")}`, '1 day 02:00:00']],
    implement: linear({
      state: intervalState,
      add: addInterval,
      result: ([months = '', days = '', micros = ''], _count, g) =>
        `${g.constant(intervalSum)}(${months}, ${days}, ${micros})`,
    }),
  }),
  aggregate({
    name: 'avg',
    args: ['interval'],
    returns: 'interval',
    doc: 'Average.',
    examples: [[`avg(x) ${over("interval '1 hour'", "interval '2 hours'")}`, '01:30:00']],
    implement: linear({
      state: intervalState,
      add: addInterval,
      result: ([months = '', days = '', micros = ''], count, g) =>
        `${g.constant(intervalAverage)}(${months}, ${days}, ${micros}, ${count})`,
    }),
  }),
];
