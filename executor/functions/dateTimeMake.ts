/** Dates and times made of parts or of numbers, and moved between time zones: make_*, to_timestamp, timezone, OVERLAPS. */
import {
  checkTimestamp,
  daysFromCivil,
  daysInMonth,
  joinTimestamp,
  MICROS_PER_SECOND,
} from '../../common/dateTime.ts';
import type { ScalarFunction, TypePattern } from '../../common/function.ts';
import { scalar } from '../../common/function.ts';
import { Interval, roundEven } from '../../common/interval.ts';
import { formatInterval } from '../../common/intervalFormat.ts';
import { SqlError } from '../../common/sqlError.ts';
import { TimeTz } from '../../common/timeTz.ts';
import {
  fixedZone,
  localToUtc,
  offsetAt,
  utcToLocal,
  type Zone,
  zoneForExpression,
  zoneOf,
} from '../../common/timeZone.ts';
import { TIMESTAMP_INFINITY, TIMESTAMP_MINUS_INFINITY, type Value } from '../../common/value.ts';
import * as math from './support/dateTimeMath.ts';

function two(n: number): string {
  return n < 0 ? `-${String(-n).padStart(1, '0')}` : String(n).padStart(2, '0');
}

/** C's %g: six significant digits, an exponent for large and small numbers. */
function shortNumber(x: number): string {
  const exponent = x === 0 ? 0 : Number(x.toExponential(5).split('e')[1]);
  if (exponent >= -4 && exponent < 6) return String(Number(x.toPrecision(6)));
  const [mantissa = '', power = ''] = Number(x.toPrecision(6)).toExponential().split('e');
  return `${mantissa}e${power.charAt(0)}${power.slice(1).padStart(2, '0')}`;
}

/** Negative years are BC; there is no year 0. */
function makeDate(year: number, month: number, day: number): number {
  const astronomical = year < 0 ? year + 1 : year;
  if (year === 0 || month < 1 || month > 12 || day < 1 || day > daysInMonth(astronomical, month)) {
    throw new SqlError('22008', `date field value out of range: ${year}-${two(month)}-${two(day)}`);
  }
  const days = daysFromCivil(astronomical, month, day);
  if (days < -2440588 || days > 2145042905) {
    throw new SqlError('22008', `date out of range: ${year}-${two(month)}-${two(day)}`);
  }
  return days;
}

function makeTime(hour: number, minute: number, second: number): bigint {
  const micros = roundEven(second * 1e6);
  const total = (hour * 60 + minute) * 60_000_000 + micros;
  const valid = hour >= 0 && minute >= 0 && minute < 60 && second >= 0 && micros <= 60_000_000;
  if (!valid || !(total <= 86_400_000_000)) {
    const shown = shortNumber(second).padStart(2, '0');
    throw new SqlError('22008', `time field value out of range: ${hour}:${two(minute)}:${shown}`);
  }
  return BigInt(total);
}

function makeTimestamp(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): bigint {
  return checkTimestamp(joinTimestamp(makeDate(year, month, day), 0) + makeTime(hour, minute, second));
}

function fromSeconds(seconds: number): bigint {
  if (Number.isNaN(seconds)) throw new SqlError('22008', 'timestamp cannot be NaN');
  if (seconds === Infinity) return TIMESTAMP_INFINITY;
  if (seconds === -Infinity) return TIMESTAMP_MINUS_INFINITY;
  if (seconds < -210_866_803_200 || seconds >= 9_224_318_016_000) {
    throw new SqlError('22008', `timestamp out of range: "${shortNumber(seconds)}"`);
  }
  // Whole seconds and fraction apart: their product with 10^6 may need more than 53 bits.
  const whole = Math.floor(seconds);
  return BigInt(whole) * MICROS_PER_SECOND + BigInt(roundEven((seconds - whole) * 1e6));
}

const intervalParameters: readonly TypePattern[] = ['int4', 'int4', 'int4', 'int4', 'int4', 'int4', 'float8'];

function makeInterval(
  years = 0,
  months = 0,
  weeks = 0,
  days = 0,
  hours = 0,
  minutes = 0,
  seconds = 0,
): Interval {
  if (!Number.isFinite(seconds)) throw new SqlError('22008', 'interval out of range');
  const micros = BigInt(hours * 3600 + minutes * 60) * MICROS_PER_SECOND + BigInt(roundEven(seconds * 1e6));
  return Interval.checked(years * 12 + months, weeks * 7 + days, micros);
}

const makeIntervals: readonly ScalarFunction[] = Array.from({ length: 8 }, (_, count) => {
  const parts = ['1', '2', '3', '4', '5', '6', '7.5'].slice(0, count);
  const results = [
    '00:00:00',
    '1 year',
    '1 year 2 mons',
    '1 year 2 mons 21 days',
    '1 year 2 mons 25 days',
    '1 year 2 mons 25 days 05:00:00',
    '1 year 2 mons 25 days 05:06:00',
    '1 year 2 mons 25 days 05:06:07.5',
  ];
  return scalar({
    name: 'make_interval',
    args: intervalParameters.slice(0, count),
    returns: 'interval',
    doc: 'Interval of years, months, weeks, days, hours, minutes, seconds.',
    examples: [[`make_interval(${parts.join(', ')})`, results[count] ?? '']],
    implement: () => ({ evaluate: makeInterval }),
  });
});

const making: readonly ScalarFunction[] = [
  ...makeIntervals,
  scalar({
    name: 'make_date',
    args: ['int4', 'int4', 'int4'],
    returns: 'date',
    doc: 'Date of year, month and day.',
    examples: [['make_date(2013, 7, 15)', '2013-07-15']],
    evaluate: makeDate,
  }),
  scalar({
    name: 'make_time',
    args: ['int4', 'int4', 'float8'],
    returns: 'time',
    doc: 'Time of hour, minute and seconds.',
    examples: [['make_time(8, 15, 23.5)', '08:15:23.5']],
    evaluate: makeTime,
  }),
  scalar({
    name: 'make_timestamp',
    args: ['int4', 'int4', 'int4', 'int4', 'int4', 'float8'],
    returns: 'timestamp',
    doc: 'Timestamp of year, month, day, hour, minute and seconds.',
    examples: [['make_timestamp(2013, 7, 15, 8, 15, 23.5)', '2013-07-15 08:15:23.5']],
    evaluate: makeTimestamp,
  }),
  scalar({
    name: 'make_timestamptz',
    args: ['int4', 'int4', 'int4', 'int4', 'int4', 'float8'],
    returns: 'timestamptz',
    volatility: 'stable',
    doc: 'Moment of year, month, day, hour, minute and seconds in the session time zone.',
    examples: [['make_timestamptz(2013, 7, 15, 8, 15, 23.5)', '2013-07-15 08:15:23.5+00']],
    evaluateWith: (context, ...parts) => localToUtc(zoneOf(context.timeZone), makeTimestamp(...parts)),
  }),
  scalar({
    name: 'make_timestamptz',
    args: ['int4', 'int4', 'int4', 'int4', 'int4', 'float8', 'text'],
    returns: 'timestamptz',
    doc: 'Moment of year, month, day, hour, minute and seconds in the given time zone.',
    examples: [["make_timestamptz(2013, 7, 15, 8, 15, 23.5, 'Europe/Oslo')", '2013-07-15 06:15:23.5+00']],
    evaluate: (year, month, day, hour, minute, second, zone) =>
      localToUtc(zoneForExpression(zone), makeTimestamp(year, month, day, hour, minute, second)),
  }),
  ...(['to_timestamp', 'sec_to_timestamptz'] as const).map((name) =>
    scalar({
      name,
      args: ['float8'],
      returns: 'timestamptz',
      monotone: { argument: 0, direction: 'increasing' },
      doc: 'Moment so many seconds after 1970-01-01 00:00 UTC.',
      examples: [[`${name}(1284352323.5)`, '2010-09-13 04:32:03.5+00']],
      evaluate: fromSeconds,
    }),
  ),
];

/** A zone given as an interval east of UTC. */
function intervalZone(interval: Interval): Zone {
  if (interval.months !== 0 || interval.days !== 0) {
    const shown = formatInterval(interval, 'postgres');
    throw new SqlError('22023', `interval time zone "${shown}" must not include months or days`);
  }
  return fixedZone(Number(interval.micros / MICROS_PER_SECOND));
}

function moveTimeTz(zone: Zone, value: TimeTz, now: bigint): TimeTz {
  const offset = offsetAt(zone, now);
  const day = 86_400_000_000n;
  const moved = (value.micros + BigInt(offset - value.offsetSeconds) * MICROS_PER_SECOND) % day;
  return new TimeTz(moved < 0n ? moved + day : moved, offset);
}

function zoneFunctions<P extends 'text' | 'interval'>(
  pattern: P,
  zones: (given: P extends 'text' ? string : Interval) => Zone,
): readonly ScalarFunction[] {
  const zone = pattern === 'text' ? "'America/Denver'" : "interval '-07:00'";
  const find = zones as (given: unknown) => Zone;
  const call = (value: string): string => `timezone(${zone}, ${value})`;
  return [
    scalar({
      name: 'timezone',
      args: [pattern, 'timestamp'],
      returns: 'timestamptz',
      doc: 'Moment of a local time in a zone: timestamp AT TIME ZONE.',
      examples: [[call("timestamp '2001-02-16 20:38:40'"), '2001-02-17 03:38:40+00']],
      evaluate: (given, value) => localToUtc(find(given), value),
    }),
    scalar({
      name: 'timezone',
      args: [pattern, 'timestamptz'],
      returns: 'timestamp',
      doc: 'Local time in a zone of a moment: timestamptz AT TIME ZONE.',
      examples: [[call("timestamptz '2001-02-16 20:38:40+00'"), '2001-02-16 13:38:40']],
      evaluate: (given, value) => utcToLocal(find(given), value),
    }),
    scalar({
      name: 'timezone',
      args: [pattern, 'timetz'],
      returns: 'timetz',
      volatility: 'stable',
      doc: 'The same time in another zone.',
      examples: [[`timezone(interval '-07:00', timetz '20:38:40+00')`, '13:38:40-07']],
      evaluateWith: (context, given, value) => moveTimeTz(find(given), value, context.now()),
    }),
  ];
}

/** AT LOCAL: the zone is the session's, or the one in which a view was made. */
const localFunctions: readonly ScalarFunction[] = [
  scalar({
    name: 'timezone',
    args: ['timestamp'],
    returns: 'timestamptz',
    volatility: 'stable',
    doc: "Moment of a local time in the session's zone: timestamp AT LOCAL.",
    examples: [["timezone(timestamp '2001-02-16 20:38:40')", '2001-02-16 20:38:40+00']],
    evaluateWith: (context, value) => localToUtc(zoneOf(context.timeZone), value),
  }),
  scalar({
    name: 'timezone',
    args: ['timestamptz'],
    returns: 'timestamp',
    volatility: 'stable',
    doc: "Local time of a moment in the session's zone: timestamptz AT LOCAL.",
    examples: [["timezone(timestamptz '2001-02-16 20:38:40-05')", '2001-02-17 01:38:40']],
    evaluateWith: (context, value) => utcToLocal(zoneOf(context.timeZone), value),
  }),
  scalar({
    name: 'timezone',
    args: ['timetz'],
    returns: 'timetz',
    volatility: 'stable',
    doc: "The same time in the session's zone: timetz AT LOCAL.",
    examples: [["timezone(timetz '20:38:40-05')", '01:38:40+00']],
    evaluateWith: (context, value) => moveTimeTz(zoneOf(context.timeZone), value, context.now()),
  }),
];

/** Whether two periods overlap, given by their ends in any order; an unknown end may leave it open. */
function overlaps<T>(compare: (a: T, b: T) => number) {
  return (start1: T | null, end1: T | null, start2: T | null, end2: T | null): Value => {
    const order = (a: T | null, b: T | null): readonly [T, T | null] | null => {
      if (a === null) return b === null ? null : [b, null];
      return b !== null && compare(a, b) > 0 ? [b, a] : [a, b];
    };
    const first = order(start1, end1);
    const second = order(start2, end2);
    if (first === null || second === null) return null;
    const relation = compare(first[0], second[0]);
    if (relation === 0) return first[1] === null || second[1] === null ? null : true;
    const [earlier, later] = relation < 0 ? [first, second] : [second, first];
    if (earlier[1] === null) return null;
    if (compare(later[0], earlier[1]) < 0) return true;
    return later[1] === null ? null : false;
  };
}

function compareBigints(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const overlapsDoc =
  'Whether two periods, each given by two ends or a start and a length, have a moment in common.';

type MomentId = 'time' | 'timestamp' | 'timestamptz';

const momentSamples: { readonly [K in MomentId]: readonly [string, string, string, string] } = {
  time: ["time '01:00'", "time '03:00'", "time '02:00'", "time '04:00'"],
  timestamp: [
    "timestamp '2001-01-01'",
    "timestamp '2001-01-03'",
    "timestamp '2001-01-02'",
    "timestamp '2001-01-04'",
  ],
  timestamptz: [
    "timestamptz '2001-01-01'",
    "timestamptz '2001-01-03'",
    "timestamptz '2001-01-02'",
    "timestamptz '2001-01-04'",
  ],
};

/** One form of OVERLAPS: which of the second and fourth arguments are lengths. */
function overlapsFunction(type: MomentId, firstLength: boolean, secondLength: boolean): ScalarFunction {
  const [a, b, c, d] = momentSamples[type];
  const compute = overlaps(compareBigints);
  const args: readonly TypePattern[] = [
    type,
    firstLength ? 'interval' : type,
    type,
    secondLength ? 'interval' : type,
  ];
  const sql = [a, firstLength ? "interval '2 hours'" : b, c, secondLength ? "interval '2 hours'" : d].join(
    ', ',
  );
  const overlapping = type === 'time' || !firstLength;
  return scalar({
    name: 'overlaps',
    args,
    returns: 'bool',
    nulls: 'called',
    mayReturnNull: true,
    volatility: type === 'timestamptz' && (firstLength || secondLength) ? 'stable' : 'immutable',
    doc: overlapsDoc,
    examples: [[`"overlaps"(${sql})`, overlapping ? 't' : 'f']],
    implement: () => ({
      evaluateWith: (context, start1: Value, end1: Value, start2: Value, end2: Value) => {
        const end = (start: bigint | null, given: Value): bigint | null => {
          if (given === null || typeof given === 'bigint') return given;
          if (start === null || !(given instanceof Interval)) return null;
          if (type === 'time') return math.addToTime(start, given);
          return type === 'timestamp'
            ? math.addToTimestamp(start, given)
            : math.addToTimestampTz(start, given, context.timeZone);
        };
        const first = typeof start1 === 'bigint' ? start1 : null;
        const second = typeof start2 === 'bigint' ? start2 : null;
        return compute(first, end(first, end1), second, end(second, end2));
      },
    }),
  });
}

function compareTimeTz(a: TimeTz, b: TimeTz): number {
  const utc = (t: TimeTz): bigint => t.micros - BigInt(t.offsetSeconds) * MICROS_PER_SECOND;
  return compareBigints(utc(a), utc(b)) || b.offsetSeconds - a.offsetSeconds;
}

export const dateTimeMakingFunctions: readonly ScalarFunction[] = [
  ...making,
  ...zoneFunctions('text', zoneForExpression),
  ...zoneFunctions('interval', intervalZone),
  ...localFunctions,
  ...(['time', 'timestamp', 'timestamptz'] as const).flatMap((type) => [
    overlapsFunction(type, false, false),
    overlapsFunction(type, true, true),
    overlapsFunction(type, true, false),
    overlapsFunction(type, false, true),
  ]),
  scalar({
    name: 'overlaps',
    args: ['timetz', 'timetz', 'timetz', 'timetz'],
    returns: 'bool',
    nulls: 'called',
    mayReturnNull: true,
    doc: overlapsDoc,
    examples: [
      [`"overlaps"(timetz '01:00+00', timetz '03:00+00', timetz '02:00+00', timetz '04:00+00')`, 't'],
    ],
    evaluate: overlaps(compareTimeTz),
  }),
];
