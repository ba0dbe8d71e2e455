/** Parts of dates and times: extract, date_part, date_trunc, date_bin, age, justify_*, tumbling windows. */
import { isFiniteDate, isFiniteTimestamp, splitTimestamp } from '../../common/dateTime.ts';
import * as extract from '../../common/dateTimeExtract.ts';
import {
  age,
  binTimestamp,
  truncateInterval,
  truncateTimestamp,
  truncateTimestampTz,
} from '../../common/dateTimeMath.ts';
import type { Decimal } from '../../common/decimal.ts';
import type { EmitContext, EvalContext, ScalarFunction, TypePattern } from '../../common/function.ts';
import { scalar } from '../../common/function.ts';
import type { Interval } from '../../common/interval.ts';
import { utcToLocal, zoneForExpression, zoneOf } from '../../common/timeZone.ts';
import { dateToTimestamp } from './support/dateTimeMath.ts';
import { windowBound } from './support/windowStart.ts';

interface Source {
  readonly type: TypePattern;
  readonly sample: string;
  /** Field of the example and its value. */
  readonly example: readonly [field: string, numeric: string, float: string];
  readonly extract: (context: EvalContext, field: string, value: never) => Decimal | null;
}

const sources: readonly Source[] = [
  {
    type: 'date',
    sample: "date '2001-02-16'",
    example: ['dow', '5', '5'],
    extract: (_context, field, value: number) => extract.extractFromDate(field, value),
  },
  {
    type: 'time',
    sample: "time '20:38:40.5'",
    example: ['second', '40.500000', '40.5'],
    extract: (_context, field, value: bigint) => extract.extractFromTime(field, value),
  },
  {
    type: 'timetz',
    sample: "timetz '20:38:40+02'",
    example: ['timezone', '7200', '7200'],
    extract: (_context, field, value: never) => extract.extractFromTimeTz(field, value),
  },
  {
    type: 'timestamp',
    sample: "timestamp '2001-02-16 20:38:40'",
    example: ['century', '21', '21'],
    extract: (_context, field, value: bigint) => extract.extractFromTimestamp(field, value),
  },
  {
    type: 'timestamptz',
    sample: "timestamptz '2001-02-16 20:38:40.12+00'",
    example: ['epoch', '982355920.120000', '982355920.12'],
    extract: (context, field, value: bigint) =>
      extract.extractFromTimestampTz(field, value, zoneOf(context.timeZone)),
  },
  {
    type: 'interval',
    sample: "interval '3 years 3 months'",
    example: ['month', '3', '3'],
    extract: (_context, field, value: Interval) => extract.extractFromInterval(field, value),
  },
];

function extractFunctions(source: Source): readonly ScalarFunction[] {
  const [field, numeric, float] = source.example;
  const take = source.extract as (context: EvalContext, field: string, value: unknown) => Decimal | null;
  const shared = {
    args: ['text', source.type],
    mayReturnNull: true,
    volatility: source.type === 'timestamptz' ? 'stable' : 'immutable',
  } as const;
  return [
    scalar({
      ...shared,
      name: 'extract',
      returns: 'numeric',
      doc: 'A field (year, month, day, hour, minute, second, epoch, dow, ...) as an exact number.',
      examples: [[`extract(${field} from ${source.sample})`, numeric]],
      evaluateWith: (context, name, value) => take(context, name, value),
    }),
    scalar({
      ...shared,
      name: 'date_part',
      returns: 'float8',
      doc: 'A field (year, month, day, hour, minute, second, epoch, dow, ...) as a floating-point number.',
      examples: [[`date_part('${field}', ${source.sample})`, float]],
      evaluateWith: (context, name, value) => take(context, name, value)?.toNumber() ?? null,
    }),
  ];
}

/** Units below a day, which truncate by a division. */
const clockUnits: ReadonlyMap<string, bigint> = new Map([
  ['millisecond', 1_000n],
  ['milliseconds', 1_000n],
  ['second', 1_000_000n],
  ['seconds', 1_000_000n],
  ['minute', 60_000_000n],
  ['minutes', 60_000_000n],
  ['hour', 3_600_000_000n],
  ['hours', 3_600_000_000n],
  ['day', 86_400_000_000n],
  ['days', 86_400_000_000n],
]);

/** date_trunc for one call site: remembers the size of the last unit. */
function truncator(): (unit: string, timestamp: bigint) => bigint {
  let lastUnit: string | null = null;
  let size = 0n;
  return (unit, timestamp) => {
    if (unit !== lastUnit) {
      size = clockUnits.get(unit.toLowerCase()) ?? 0n;
      lastUnit = unit;
    }
    if (size === 0n || !isFiniteTimestamp(timestamp)) return truncateTimestamp(unit, timestamp);
    const rest = timestamp % size;
    return rest < 0n ? timestamp - rest - size : timestamp - rest;
  };
}

const truncation: readonly ScalarFunction[] = [
  scalar({
    name: 'date_trunc',
    args: ['text', 'timestamp'],
    returns: 'timestamp',
    monotone: { argument: 1, direction: 'increasing' },
    doc: 'Start of the unit (microseconds to millennium) that the timestamp lies in.',
    examples: [["date_trunc('hour', timestamp '2001-02-16 20:38:40')", '2001-02-16 20:00:00']],
    implement: () => {
      const truncate = truncator();
      return {
        emit: ([unit = '', value = '']: readonly string[], g: EmitContext) =>
          `${g.constant(truncate)}(${unit}, ${value})`,
      };
    },
  }),
  scalar({
    name: 'date_trunc',
    args: ['text', 'timestamptz'],
    returns: 'timestamptz',
    volatility: 'stable',
    doc: 'Start of the unit that the moment lies in, by the session time zone.',
    examples: [["date_trunc('day', timestamptz '2001-02-16 20:38:40+00')", '2001-02-16 00:00:00+00']],
    evaluateWith: (context, unit, value) => truncateTimestampTz(unit, value, zoneOf(context.timeZone)),
  }),
  scalar({
    name: 'date_trunc',
    args: ['text', 'timestamptz', 'text'],
    returns: 'timestamptz',
    doc: 'Start of the unit that the moment lies in, by the given time zone.',
    examples: [
      [
        "date_trunc('day', timestamptz '2001-02-16 20:38:40+00', 'Australia/Sydney')",
        '2001-02-16 13:00:00+00',
      ],
    ],
    evaluate: (unit, value, zone) => truncateTimestampTz(unit, value, zoneForExpression(zone)),
  }),
  scalar({
    name: 'date_trunc',
    args: ['text', 'interval'],
    returns: 'interval',
    doc: 'Interval without the fields below the unit.',
    examples: [["date_trunc('hour', interval '2 days 3 hours 40 minutes')", '2 days 03:00:00']],
    evaluate: truncateInterval,
  }),
  ...(['timestamp', 'timestamptz'] as const).map((type) => {
    const zone = type === 'timestamp' ? '' : '+00';
    return scalar({
      name: 'date_bin',
      args: ['interval', type, type],
      returns: type,
      monotone: { argument: 1, direction: 'increasing' },
      doc: 'Start of the stride that the value lies in, strides being counted from an origin.',
      examples: [
        [
          `date_bin('15 minutes', ${type} '2001-02-16 20:38:40${zone}', ${type} '2001-02-16 20:05:00${zone}')`,
          `2001-02-16 20:35:00${zone}`,
        ],
      ],
      evaluate: binTimestamp,
    });
  }),
];

function localMidnight(context: EvalContext): bigint {
  const local = utcToLocal(zoneOf(context.timeZone), context.now());
  return dateToTimestamp(splitTimestamp(local).days);
}

const ages: readonly ScalarFunction[] = [
  scalar({
    name: 'age',
    args: ['timestamp', 'timestamp'],
    returns: 'interval',
    doc: 'Difference in years, months and days.',
    examples: [["age(timestamp '2001-04-10', timestamp '1957-06-13')", '43 years 9 mons 27 days']],
    evaluate: age,
  }),
  scalar({
    name: 'age',
    args: ['timestamptz', 'timestamptz'],
    returns: 'interval',
    volatility: 'stable',
    doc: 'Difference in years, months and days of the session time zone.',
    examples: [["age(timestamptz '2001-04-10', timestamptz '1957-06-13')", '43 years 9 mons 27 days']],
    evaluateWith: (context, a, b) => {
      const zone = zoneOf(context.timeZone);
      return age(utcToLocal(zone, a), utcToLocal(zone, b));
    },
  }),
  scalar({
    name: 'age',
    args: ['timestamp'],
    returns: 'interval',
    volatility: 'stable',
    doc: 'Age at midnight of the current date.',
    examples: [["age(current_date - interval '1 day')", '1 day']],
    evaluateWith: (context, value) => age(localMidnight(context), value),
  }),
  scalar({
    name: 'age',
    args: ['timestamptz'],
    returns: 'interval',
    volatility: 'stable',
    doc: 'Age at midnight of the current date.',
    examples: [["age(current_date::timestamptz - interval '1 day')", '1 day']],
    evaluateWith: (context, value) =>
      age(localMidnight(context), utcToLocal(zoneOf(context.timeZone), value)),
  }),
];

const intervals: readonly ScalarFunction[] = [
  scalar({
    name: 'justify_days',
    args: ['interval'],
    returns: 'interval',
    doc: 'Interval with every 30 days made a month.',
    examples: [["justify_days(interval '35 days')", '1 mon 5 days']],
    evaluate: (interval) => interval.justifyDays(),
  }),
  scalar({
    name: 'justify_hours',
    args: ['interval'],
    returns: 'interval',
    doc: 'Interval with every 24 hours made a day.',
    examples: [["justify_hours(interval '27 hours')", '1 day 03:00:00']],
    evaluate: (interval) => interval.justifyHours(),
  }),
  scalar({
    name: 'justify_interval',
    args: ['interval'],
    returns: 'interval',
    doc: 'Interval with days and hours adjusted and all fields of one sign.',
    examples: [["justify_interval(interval '1 mon -1 hour')", '29 days 23:00:00']],
    evaluate: (interval) => interval.justify(),
  }),
  scalar({
    name: 'isfinite',
    args: ['date'],
    returns: 'bool',
    infallible: true,
    doc: 'Whether the date is not infinite.',
    examples: [["isfinite(date 'infinity')", 'f']],
    evaluate: isFiniteDate,
  }),
  ...(['timestamp', 'timestamptz'] as const).map((type) =>
    scalar({
      name: 'isfinite',
      args: [type],
      returns: 'bool',
      infallible: true,
      doc: 'Whether the value is not infinite.',
      examples: [[`isfinite(${type} '2001-02-16')`, 't']],
      evaluate: isFiniteTimestamp,
    }),
  ),
  scalar({
    name: 'isfinite',
    args: ['interval'],
    returns: 'bool',
    infallible: true,
    doc: 'Always true: intervals are finite.',
    examples: [["isfinite(interval '4 hours')", 't']],
    evaluate: () => true,
  }),
];

function tumble(
  name: 'tumble_start' | 'tumble_end',
  type: 'date' | 'timestamp' | 'timestamptz',
): readonly ScalarFunction[] {
  const result = type === 'date' ? 'timestamp' : type;
  const end = name === 'tumble_end';
  const zone = type === 'timestamptz' ? '+00' : '';
  const value = type === 'date' ? "date '2024-01-01'" : `${type} '2024-01-01 10:17:00${zone}'`;
  const plain = type === 'date' ? (end ? '00:15' : '00:00') : end ? '10:30' : '10:15';
  const shifted = type === 'date' ? (end ? '00:05' : '23:50') : end ? '10:20' : '10:05';
  const shiftedDate = type === 'date' && !end ? '2023-12-31' : '2024-01-01';
  const implement = () => {
    const bound = windowBound(end);
    return {
      emit: ([time = '', ...rest]: readonly string[], g: EmitContext) => {
        const moment = type === 'date' ? `${g.constant(dateToTimestamp)}(${time})` : time;
        return `${g.constant(bound)}(${[moment, ...rest].join(', ')})`;
      },
    };
  };
  const shared = {
    name,
    returns: result,
    monotone: { argument: 0, direction: 'increasing' },
    implement,
  } as const;
  const what = end ? 'End' : 'Start';
  return [
    scalar({
      ...shared,
      args: [type, 'interval'],
      doc: `${what} of the tumbling window of the given size that the time lies in.`,
      examples: [[`${name}(${value}, interval '15 minutes')`, `2024-01-01 ${plain}:00${zone}`]],
    }),
    scalar({
      ...shared,
      args: [type, 'interval', 'interval'],
      doc: `${what} of the tumbling window of the given size and offset that the time lies in.`,
      examples: [
        [
          `${name}(${value}, interval '15 minutes', interval '5 minutes')`,
          `${shiftedDate} ${shifted}:00${zone}`,
        ],
      ],
    }),
  ];
}

export const dateTimePartFunctions: readonly ScalarFunction[] = [
  ...sources.flatMap(extractFunctions),
  ...truncation,
  ...ages,
  ...intervals,
  ...(['date', 'timestamp', 'timestamptz'] as const).flatMap((type) => [
    ...tumble('tumble_start', type),
    ...tumble('tumble_end', type),
  ]),
];
