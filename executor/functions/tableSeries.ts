/** Set-returning functions over numbers and times: generate_series (end included) and range (end excluded). */
import type { DataType } from '../../common/dataType.ts';
import { isFiniteTimestamp } from '../../common/dateTime.ts';
import { Decimal } from '../../common/decimal.ts';
import type { EvalContext, TableFunction, TypePattern } from '../../common/function.ts';
import { Interval } from '../../common/interval.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { NonNullValue, Value } from '../../common/value.ts';
import { addToTimestamp, addToTimestampTz } from './support/dateTimeMath.ts';

function zeroStep(): SqlError {
  return new SqlError('22023', 'step size cannot equal zero');
}

type Series = (
  start: NonNullValue,
  stop: NonNullValue,
  step: NonNullValue | null,
  context: EvalContext,
) => Iterable<Value>;

/** Integers; ends where the next would leave the type. */
function integers(min: bigint, max: bigint, make: (n: bigint) => Value, endIncluded: boolean): Series {
  return function* (start, stop, step) {
    const end = BigInt(stop as number | bigint);
    const by = step === null ? 1n : BigInt(step as number | bigint);
    if (by === 0n) throw zeroStep();
    let n = BigInt(start as number | bigint);
    while ((by > 0n ? n < end : n > end) || (endIncluded && n === end)) {
      yield make(n);
      n += by;
      if (n > max || n < min) return;
    }
  };
}

function checkNumeric(value: Decimal, what: string): Decimal {
  if (value.isNaN()) throw new SqlError('22023', `${what} cannot be NaN`);
  if (value === Decimal.INFINITY || value === Decimal.MINUS_INFINITY) {
    throw new SqlError('22023', `${what} cannot be infinity`);
  }
  return value;
}

function numerics(endIncluded: boolean): Series {
  return function* (start, stop, step) {
    const end = checkNumeric(stop as Decimal, 'stop value');
    const by = step === null ? Decimal.ONE : checkNumeric(step as Decimal, 'step size');
    const direction = by.compare(Decimal.ZERO);
    if (direction === 0) throw zeroStep();
    let n = checkNumeric(start as Decimal, 'start value');
    for (;;) {
      const order = n.compare(end) * direction;
      if (order > 0 || (order === 0 && !endIncluded)) return;
      yield n;
      n = n.add(by);
    }
  };
}

function times(
  endIncluded: boolean,
  next: (at: bigint, step: Interval, context: EvalContext) => bigint,
): Series {
  return function* (start, stop, step, context) {
    const by = step as Interval;
    const direction = by.compare(Interval.ZERO);
    if (direction === 0) throw zeroStep();
    let at = start as bigint;
    const end = stop as bigint;
    while ((direction > 0 ? at < end : at > end) || (endIncluded && at === end)) {
      yield at;
      if (!isFiniteTimestamp(at)) return;
      at = next(at, by, context);
    }
  };
}

function timesInZone(endIncluded: boolean): Series {
  return times(endIncluded, (at, step, context) => addToTimestampTz(at, step, context.timeZone));
}

interface SeriesOf {
  readonly type: TypePattern;
  readonly stepType: TypePattern;
  readonly stepRequired: boolean;
  readonly stable?: boolean;
  readonly series: (endIncluded: boolean) => Series;
  /** Arguments and the rows of generate_series; range has all but the last. */
  readonly example: readonly [args: string, rows: readonly string[]];
}

const kinds: readonly SeriesOf[] = [
  {
    type: 'int4',
    stepType: 'int4',
    stepRequired: false,
    series: (end) => integers(-0x80000000n, 0x7fffffffn, Number, end),
    example: ['2, 4', ['2', '3', '4']],
  },
  {
    type: 'int8',
    stepType: 'int8',
    stepRequired: false,
    series: (end) => integers(-0x8000000000000000n, 0x7fffffffffffffffn, (n) => n, end),
    example: ['5::int8, 1::int8, -2::int8', ['5', '3', '1']],
  },
  {
    type: 'numeric',
    stepType: 'numeric',
    stepRequired: false,
    series: numerics,
    example: ['1.1, 4, 1.3', ['1.1', '2.4', '3.7']],
  },
  {
    type: 'timestamp',
    stepType: 'interval',
    stepRequired: true,
    series: (end) => times(end, (at, step) => addToTimestamp(at, step)),
    example: [
      "timestamp '2008-03-01 00:00', timestamp '2008-03-01 20:00', interval '10 hours'",
      ['2008-03-01 00:00:00', '2008-03-01 10:00:00', '2008-03-01 20:00:00'],
    ],
  },
  {
    type: 'timestamptz',
    stepType: 'interval',
    stepRequired: true,
    stable: true,
    series: timesInZone,
    example: [
      "timestamptz '2008-03-01 00:00+00', timestamptz '2008-03-02 00:00+00', interval '1 day'",
      ['2008-03-01 00:00:00+00', '2008-03-02 00:00:00+00'],
    ],
  },
];

function overloads(name: 'generate_series' | 'range', kind: SeriesOf): readonly TableFunction[] {
  const endIncluded = name === 'generate_series';
  const counts = kind.stepRequired ? [3] : [2, 3];
  const exampleCount = kind.example[0].split(', ').length;
  return counts.map((count) => ({
    kind: 'table',
    name,
    args: [kind.type, kind.type, kind.stepType].slice(0, count),
    columns: ([type]: readonly DataType[]) => [{ name, type: type ?? { id: 'int4' } }],
    volatility: kind.stable === true ? 'stable' : 'immutable',
    nulls: 'strict',
    doc: endIncluded
      ? 'Values from start to stop by a step.'
      : 'Values from start until before stop by a step.',
    examples:
      count === exampleCount && endIncluded
        ? [[`${name}(${kind.example[0]})`, kind.example[1]] as const]
        : [],
    implement: () => {
      const series = kind.series(endIncluded);
      return function* (context: EvalContext, ...args: readonly Value[]) {
        const [start = null, stop = null, step = null] = args;
        if (start === null || stop === null) return;
        for (const value of series(start, stop, step, context)) yield [value];
      };
    },
  }));
}

/** generate_series(start, stop, step, zone): days and months are counted in that zone. */
const inZone: TableFunction = {
  kind: 'table',
  name: 'generate_series',
  args: ['timestamptz', 'timestamptz', 'interval', 'text'],
  columns: () => [{ name: 'generate_series', type: { id: 'timestamptz' } }],
  volatility: 'immutable',
  nulls: 'strict',
  doc: 'Moments from start to stop by a step counted in a time zone.',
  examples: [],
  implement: () => {
    const series = timesInZone(true);
    return function* (context: EvalContext, ...args: readonly Value[]) {
      const [start = null, stop = null, step = null, zone = null] = args;
      if (start === null || stop === null) return;
      for (const value of series(start, stop, step, { ...context, timeZone: String(zone) })) yield [value];
    };
  },
};

export const seriesTableFunctions: readonly TableFunction[] = [
  ...kinds.flatMap((kind) => overloads('generate_series', kind)),
  inZone,
  ...kinds.flatMap((kind) => overloads('range', kind)),
];
