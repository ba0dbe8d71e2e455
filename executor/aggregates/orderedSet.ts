/** Aggregates WITHIN GROUP (ORDER BY ...): percentiles and mode. Direct arguments come first in the argument list. */
import { compareValues } from '../../common/compare.ts';
import type { DataType } from '../../common/dataType.ts';
import { arrayOf, types } from '../../common/dataType.ts';
import type { AggregateFunction } from '../../common/function.ts';
import { Interval } from '../../common/interval.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { NonNullValue, Value } from '../../common/value.ts';
import { aggregate, collect, over } from './define.ts';

type Rows = Iterable<readonly Value[]>;

/** The direct argument (the same in every row), and the ordered values without NULLs. */
function split(
  rows: Rows,
  valueAt: number,
): { readonly direct: Value; readonly values: readonly NonNullValue[] } {
  const values: NonNullValue[] = [];
  let direct: Value = null;
  for (const row of rows) {
    direct = row[0] ?? null;
    const value = row[valueAt] ?? null;
    if (value !== null) values.push(value);
  }
  return { direct, values };
}

function checkFraction(fraction: number): number {
  if (!(fraction >= 0 && fraction <= 1)) {
    throw new SqlError('22003', `percentile value ${fraction} is not between 0 and 1`);
  }
  return fraction;
}

type Pick = (values: readonly NonNullValue[], fraction: number) => Value;

const pickDiscrete: Pick = (values, fraction) =>
  values[Math.max(Math.ceil(fraction * values.length), 1) - 1] ?? null;

function interpolate(low: NonNullValue, high: NonNullValue, share: number): Value {
  if (typeof low === 'number' && typeof high === 'number') return low + share * (high - low);
  if (low instanceof Interval && high instanceof Interval) return low.add(high.sub(low).mul(share));
  return null;
}

const pickContinuous: Pick = (values, fraction) => {
  const place = fraction * (values.length - 1);
  const low = values[Math.floor(place)];
  const high = values[Math.ceil(place)];
  if (low === undefined || high === undefined) return null;
  return Math.floor(place) === Math.ceil(place) ? low : interpolate(low, high, place - Math.floor(place));
};

function one(pick: Pick, valueAt = 1) {
  return (rows: Rows): Value => {
    const { direct, values } = split(rows, valueAt);
    if (typeof direct !== 'number') return null;
    checkFraction(direct);
    return values.length === 0 ? null : pick(values, direct);
  };
}

function many(pick: Pick) {
  return (rows: Rows): Value => {
    const { direct, values } = split(rows, 1);
    if (!(direct instanceof SqlArray) || values.length === 0) return null;
    const results = direct.elements.map((fraction) =>
      typeof fraction === 'number' ? pick(values, checkFraction(fraction)) : null,
    );
    return new SqlArray(results, direct.dimensions, direct.lowerBounds);
  };
}

/** The most frequent value; of several, the first in order. */
function mostFrequent(rows: Rows, argTypes: readonly DataType[]): Value {
  const type = argTypes[0] ?? types.unknown;
  let best: Value = null;
  let bestCount = 0;
  let current: NonNullValue | null = null;
  let count = 0;
  for (const [value] of rows) {
    if (value === null || value === undefined) continue;
    if (current !== null && compareValues(current, value, type) === 0) count++;
    else {
      current = value;
      count = 1;
    }
    if (count > bestCount) {
      best = current;
      bestCount = count;
    }
  }
  return best;
}

const orderedSet = { nulls: 'called', orderSensitive: true, orderedSet: true } as const;
const floats = over('1::float8', '2', '4', '8');
const intervals = over("interval '1 hour'", "interval '2 hours'");

const continuousDoc = 'Value at a fraction of the ordered values, interpolated between neighbours.';
const discreteDoc = 'First of the ordered values whose place reaches a fraction.';

export const orderedSetAggregates: readonly AggregateFunction[] = [
  aggregate({
    ...orderedSet,
    name: 'percentile_cont',
    args: ['float8', 'float8'],
    returns: 'float8',
    doc: continuousDoc,
    examples: [[`percentile_cont(0.5) WITHIN GROUP (ORDER BY x) ${floats}`, '3']],
    implement: collect(one(pickContinuous)),
  }),
  aggregate({
    ...orderedSet,
    name: 'percentile_cont',
    args: ['float8', 'interval'],
    returns: 'interval',
    doc: continuousDoc,
    examples: [[`percentile_cont(0.5) WITHIN GROUP (ORDER BY x) ${intervals}`, '01:30:00']],
    implement: collect(one(pickContinuous)),
  }),
  aggregate({
    ...orderedSet,
    name: 'percentile_cont',
    args: ['float8[]', 'float8'],
    returns: 'float8[]',
    doc: continuousDoc,
    examples: [[`percentile_cont(array[0.5, 1]) WITHIN GROUP (ORDER BY x) ${floats}`, '{3,8}']],
    implement: collect(many(pickContinuous)),
  }),
  aggregate({
    ...orderedSet,
    name: 'percentile_cont',
    args: ['float8[]', 'interval'],
    returns: 'interval[]',
    doc: continuousDoc,
    examples: [
      [`percentile_cont(array[0.5, 1]) WITHIN GROUP (ORDER BY x) ${intervals}`, '{01:30:00,02:00:00}'],
    ],
    implement: collect(many(pickContinuous)),
  }),
  aggregate({
    ...orderedSet,
    name: 'percentile_disc',
    args: ['float8', 'anyelement'],
    returns: 'anyelement',
    doc: discreteDoc,
    examples: [[`percentile_disc(0.5) WITHIN GROUP (ORDER BY x) ${over('1', '2', '4', '8')}`, '2']],
    implement: collect(one(pickDiscrete)),
  }),
  aggregate({
    ...orderedSet,
    name: 'percentile_disc',
    args: ['float8[]', 'anyelement'],
    returns: ([, element]) => arrayOf(element ?? types.text),
    doc: discreteDoc,
    examples: [
      [`percentile_disc(array[0.5, 1]) WITHIN GROUP (ORDER BY x) ${over('1', '2', '4', '8')}`, '{2,8}'],
    ],
    implement: collect(many(pickDiscrete)),
  }),
  aggregate({
    ...orderedSet,
    name: 'approx_percentile',
    args: ['float8', 'float8', 'float8'],
    returns: 'float8',
    doc: 'Percentile within a relative error. The result is exact: the same as percentile_disc.',
    examples: [[`approx_percentile(0.5, 0.01) WITHIN GROUP (ORDER BY x) ${floats}`, '2']],
    implement: collect(one(pickDiscrete, 2)),
  }),
  aggregate({
    ...orderedSet,
    name: 'mode',
    args: ['anyelement'],
    returns: 'anyelement',
    doc: 'The most frequent value.',
    examples: [[`mode() WITHIN GROUP (ORDER BY x) ${over('1', '2', '2', '3')}`, '2']],
    implement: collect(mostFrequent),
  }),
];
