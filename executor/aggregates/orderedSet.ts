/** Aggregates WITHIN GROUP (ORDER BY ...): percentiles and mode. Direct arguments come first in the argument list. */
import { compareValues } from '../../common/compare.ts';
import type { DataType } from '../../common/dataType.ts';
import { arrayOf, types } from '../../common/dataType.ts';
import type { AggregateFunction, OrderedRows } from '../../common/function.ts';
import { Interval } from '../../common/interval.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { NonNullValue, Value } from '../../common/value.ts';
import { aggregate, lookUp, over } from './define.ts';

function checkFraction(fraction: number): number {
  if (!(fraction >= 0 && fraction <= 1)) {
    throw new SqlError('22003', `percentile value ${fraction} is not between 0 and 1`);
  }
  return fraction;
}

/** The values of a group in order, without NULLs. */
interface OrderedValues {
  readonly length: number;
  at(place: number): Value;
}

function valuesOf(rows: OrderedRows, column: number): OrderedValues {
  const nulls = rows.nulls();
  const from = nulls > 0 && (rows.at(0)[column] ?? null) === null ? nulls : 0;
  return { length: rows.length - nulls, at: (place) => rows.at(from + place)[column] ?? null };
}

type Pick = (values: OrderedValues, fraction: number) => Value;

const pickDiscrete: Pick = (values, fraction) =>
  values.at(Math.max(Math.ceil(fraction * values.length), 1) - 1);

function interpolate(low: Value, high: Value, share: number): Value {
  if (typeof low === 'number' && typeof high === 'number') return low + share * (high - low);
  if (low instanceof Interval && high instanceof Interval) return low.add(high.sub(low).mul(share));
  return null;
}

const pickContinuous: Pick = (values, fraction) => {
  const place = fraction * (values.length - 1);
  const low = Math.floor(place);
  const high = Math.ceil(place);
  return low === high ? values.at(low) : interpolate(values.at(low), values.at(high), place - low);
};

/** The direct argument is the same in every row. */
function one(pick: Pick, column = 1) {
  return lookUp((rows) => {
    const direct = rows.length === 0 ? null : rows.at(0)[0];
    if (typeof direct !== 'number') return null;
    checkFraction(direct);
    const values = valuesOf(rows, column);
    return values.length === 0 ? null : pick(values, direct);
  }, column);
}

function many(pick: Pick) {
  return lookUp((rows) => {
    const direct = rows.length === 0 ? null : rows.at(0)[0];
    if (!(direct instanceof SqlArray)) return null;
    const values = valuesOf(rows, 1);
    if (values.length === 0) return null;
    const results = direct.elements.map((fraction) =>
      typeof fraction === 'number' ? pick(values, checkFraction(fraction)) : null,
    );
    return new SqlArray(results, direct.dimensions, direct.lowerBounds);
  }, 1);
}

/** The most frequent value of rows in order; of several, the first. */
function mostFrequent(rows: Iterable<readonly Value[]>, type: DataType): Value {
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
    implement: one(pickContinuous),
  }),
  aggregate({
    ...orderedSet,
    name: 'percentile_cont',
    args: ['float8', 'interval'],
    returns: 'interval',
    doc: continuousDoc,
    examples: [[`percentile_cont(0.5) WITHIN GROUP (ORDER BY x) ${intervals}`, '01:30:00']],
    implement: one(pickContinuous),
  }),
  aggregate({
    ...orderedSet,
    name: 'percentile_cont',
    args: ['float8[]', 'float8'],
    returns: 'float8[]',
    doc: continuousDoc,
    examples: [[`percentile_cont(array[0.5, 1]) WITHIN GROUP (ORDER BY x) ${floats}`, '{3,8}']],
    implement: many(pickContinuous),
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
    implement: many(pickContinuous),
  }),
  aggregate({
    ...orderedSet,
    name: 'percentile_disc',
    args: ['float8', 'anyelement'],
    returns: 'anyelement',
    doc: discreteDoc,
    examples: [[`percentile_disc(0.5) WITHIN GROUP (ORDER BY x) ${over('1', '2', '4', '8')}`, '2']],
    implement: one(pickDiscrete),
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
    implement: many(pickDiscrete),
  }),
  aggregate({
    ...orderedSet,
    name: 'approx_percentile',
    args: ['float8', 'float8', 'float8'],
    returns: 'float8',
    doc: 'Percentile within a relative error. The result is exact: the same as percentile_disc.',
    examples: [[`approx_percentile(0.5, 0.01) WITHIN GROUP (ORDER BY x) ${floats}`, '2']],
    implement: one(pickDiscrete, 2),
  }),
  aggregate({
    ...orderedSet,
    name: 'mode',
    args: ['anyelement'],
    returns: 'anyelement',
    doc: 'The most frequent value.',
    examples: [[`mode() WITHIN GROUP (ORDER BY x) ${over('1', '2', '2', '3')}`, '2']],
    implement: ([type]) => ({
      form: 'collect',
      finish: (rows) => mostFrequent(rows, type ?? types.unknown),
      index: { kind: 'frequency' },
    }),
  }),
];
