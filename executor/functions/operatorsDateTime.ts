/**
 * Arithmetic operators of date, time, timetz, timestamp, timestamptz and interval. Those that move a timestamptz by an
 * interval count on the session's calendar and are therefore stable, not immutable.
 */
import type { EmitContext, ScalarFunction } from '../../common/function.ts';
import { scalar } from '../../common/function.ts';
import { Interval } from '../../common/interval.ts';
import * as math from './support/dateTimeMath.ts';

const plus = { operator: '+', commutator: '+' } as const;
const minus = { operator: '-' } as const;

/** Moves a timestamp by an interval; `swapped` when the interval is the first argument. */
function shiftTimestamp(subtract: boolean, swapped = false): ScalarFunction['implement'] {
  return () => {
    const shift = math.timestampShift(subtract, false);
    return {
      emit: ([a = '', b = '']: readonly string[], g: EmitContext) =>
        `${g.constant(shift)}(${swapped ? `${b}, ${a}` : `${a}, ${b}`})`,
    };
  };
}

function shiftTimestampTz(subtract: boolean, swapped = false): ScalarFunction['implement'] {
  return () => {
    const shift = math.timestampShift(subtract, true);
    return {
      emit: ([a = '', b = '']: readonly string[], g: EmitContext) =>
        `${g.constant(shift)}(${swapped ? `${b}, ${a}` : `${a}, ${b}`}, ${g.context}.timeZone)`,
    };
  };
}

const dateOperators: readonly ScalarFunction[] = [
  scalar({
    ...plus,
    name: 'date_pli',
    args: ['date', 'int4'],
    returns: 'date',
    monotone: { argument: 0, direction: 'increasing' },
    doc: 'Date some days later.',
    examples: [["date '2001-09-28' + 7", '2001-10-05']],
    evaluate: math.addDays,
  }),
  scalar({
    ...plus,
    name: 'integer_pl_date',
    args: ['int4', 'date'],
    returns: 'date',
    monotone: { argument: 1, direction: 'increasing' },
    doc: 'Date some days later.',
    examples: [["7 + date '2001-09-28'", '2001-10-05']],
    evaluate: (days, date) => math.addDays(date, days),
  }),
  scalar({
    ...minus,
    name: 'date_mii',
    args: ['date', 'int4'],
    returns: 'date',
    monotone: { argument: 0, direction: 'increasing' },
    doc: 'Date some days earlier.',
    examples: [["date '2001-10-01' - 7", '2001-09-24']],
    evaluate: (date, days) => math.addDays(date, -days),
  }),
  scalar({
    ...minus,
    name: 'date_mi',
    args: ['date', 'date'],
    returns: 'int4',
    monotone: { argument: 0, direction: 'increasing' },
    doc: 'Number of days between two dates.',
    examples: [["date '2001-10-01' - date '2001-09-28'", '3']],
    evaluate: math.subtractDates,
  }),
  scalar({
    ...plus,
    name: 'date_pl_interval',
    args: ['date', 'interval'],
    returns: 'timestamp',
    doc: 'Timestamp an interval after the date.',
    examples: [["date '2001-09-28' + interval '1 hour'", '2001-09-28 01:00:00']],
    evaluate: (date, interval) => math.addToTimestamp(math.dateToTimestamp(date), interval),
  }),
  scalar({
    ...plus,
    name: 'interval_pl_date',
    args: ['interval', 'date'],
    returns: 'timestamp',
    doc: 'Timestamp an interval after the date.',
    examples: [["interval '1 hour' + date '2001-09-28'", '2001-09-28 01:00:00']],
    evaluate: (interval, date) => math.addToTimestamp(math.dateToTimestamp(date), interval),
  }),
  scalar({
    ...minus,
    name: 'date_mi_interval',
    args: ['date', 'interval'],
    returns: 'timestamp',
    doc: 'Timestamp an interval before the date.',
    examples: [["date '2001-09-28' - interval '1 hour'", '2001-09-27 23:00:00']],
    evaluate: (date, interval) => math.subtractFromTimestamp(math.dateToTimestamp(date), interval),
  }),
  scalar({
    ...plus,
    name: 'datetime_pl',
    args: ['date', 'time'],
    returns: 'timestamp',
    monotone: { argument: 0, direction: 'increasing' },
    doc: 'Timestamp of a date and a time of day.',
    examples: [["date '2001-09-28' + time '03:00'", '2001-09-28 03:00:00']],
    evaluate: math.addTimeToDate,
  }),
  scalar({
    ...plus,
    name: 'timedate_pl',
    args: ['time', 'date'],
    returns: 'timestamp',
    monotone: { argument: 1, direction: 'increasing' },
    doc: 'Timestamp of a date and a time of day.',
    examples: [["time '03:00' + date '2001-09-28'", '2001-09-28 03:00:00']],
    evaluate: (time, date) => math.addTimeToDate(date, time),
  }),
  scalar({
    ...plus,
    name: 'datetimetz_pl',
    args: ['date', 'timetz'],
    returns: 'timestamptz',
    doc: 'Moment of a date and a time of day with zone.',
    examples: [["date '2001-09-28' + timetz '03:00+01'", '2001-09-28 02:00:00+00']],
    evaluate: math.addTimeTzToDate,
  }),
  scalar({
    ...plus,
    name: 'timetzdate_pl',
    args: ['timetz', 'date'],
    returns: 'timestamptz',
    doc: 'Moment of a date and a time of day with zone.',
    examples: [["timetz '03:00+01' + date '2001-09-28'", '2001-09-28 02:00:00+00']],
    evaluate: (time, date) => math.addTimeTzToDate(date, time),
  }),
];

const timeOperators: readonly ScalarFunction[] = [
  scalar({
    ...plus,
    name: 'time_pl_interval',
    args: ['time', 'interval'],
    returns: 'time',
    infallible: true,
    doc: 'Time of day after an interval, modulo 24 hours.',
    examples: [["time '23:00' + interval '3 hours'", '02:00:00']],
    evaluate: math.addToTime,
  }),
  scalar({
    ...plus,
    name: 'interval_pl_time',
    args: ['interval', 'time'],
    returns: 'time',
    infallible: true,
    doc: 'Time of day after an interval, modulo 24 hours.',
    examples: [["interval '3 hours' + time '23:00'", '02:00:00']],
    evaluate: (interval, time) => math.addToTime(time, interval),
  }),
  scalar({
    ...minus,
    name: 'time_mi_interval',
    args: ['time', 'interval'],
    returns: 'time',
    infallible: true,
    doc: 'Time of day before an interval, modulo 24 hours.',
    examples: [["time '05:00' - interval '2 hours'", '03:00:00']],
    evaluate: math.subtractFromTime,
  }),
  scalar({
    ...minus,
    name: 'time_mi_time',
    args: ['time', 'time'],
    returns: 'interval',
    infallible: true,
    doc: 'Interval between two times of day.',
    examples: [["time '05:00' - time '03:00'", '02:00:00']],
    evaluate: (a, b) => new Interval(0, 0, a - b),
  }),
  scalar({
    ...plus,
    name: 'timetz_pl_interval',
    args: ['timetz', 'interval'],
    returns: 'timetz',
    infallible: true,
    doc: 'Time of day after an interval, modulo 24 hours.',
    examples: [["timetz '23:00+02' + interval '3 hours'", '02:00:00+02']],
    evaluate: math.addToTimeTz,
  }),
  scalar({
    ...plus,
    name: 'interval_pl_timetz',
    args: ['interval', 'timetz'],
    returns: 'timetz',
    infallible: true,
    doc: 'Time of day after an interval, modulo 24 hours.',
    examples: [["interval '3 hours' + timetz '23:00+02'", '02:00:00+02']],
    evaluate: (interval, time) => math.addToTimeTz(time, interval),
  }),
  scalar({
    ...minus,
    name: 'timetz_mi_interval',
    args: ['timetz', 'interval'],
    returns: 'timetz',
    infallible: true,
    doc: 'Time of day before an interval, modulo 24 hours.',
    examples: [["timetz '05:00+02' - interval '2 hours'", '03:00:00+02']],
    evaluate: math.subtractFromTimeTz,
  }),
];

const timestampOperators: readonly ScalarFunction[] = [
  scalar({
    ...plus,
    name: 'timestamp_pl_interval',
    args: ['timestamp', 'interval'],
    returns: 'timestamp',
    doc: 'Timestamp an interval later.',
    examples: [["timestamp '2001-01-31 01:00' + interval '1 month 23 hours'", '2001-03-01 00:00:00']],
    implement: shiftTimestamp(false),
  }),
  scalar({
    ...plus,
    name: 'interval_pl_timestamp',
    args: ['interval', 'timestamp'],
    returns: 'timestamp',
    doc: 'Timestamp an interval later.',
    examples: [["interval '23 hours' + timestamp '2001-09-28 01:00'", '2001-09-29 00:00:00']],
    implement: shiftTimestamp(false, true),
  }),
  scalar({
    ...minus,
    name: 'timestamp_mi_interval',
    args: ['timestamp', 'interval'],
    returns: 'timestamp',
    doc: 'Timestamp an interval earlier.',
    examples: [["timestamp '2001-09-28 23:00' - interval '23 hours'", '2001-09-28 00:00:00']],
    implement: shiftTimestamp(true),
  }),
  scalar({
    ...minus,
    name: 'timestamp_mi',
    args: ['timestamp', 'timestamp'],
    returns: 'interval',
    monotone: { argument: 0, direction: 'increasing' },
    doc: 'Interval between two timestamps, in days and time.',
    examples: [["timestamp '2001-09-29 03:00' - timestamp '2001-07-27 12:00'", '63 days 15:00:00']],
    evaluate: math.subtractTimestamps,
  }),
  scalar({
    ...plus,
    name: 'timestamptz_pl_interval',
    args: ['timestamptz', 'interval'],
    returns: 'timestamptz',
    volatility: 'stable',
    doc: 'Moment an interval later, days and months counted in the session time zone.',
    examples: [["timestamptz '2001-09-28 01:00+00' + interval '1 day'", '2001-09-29 01:00:00+00']],
    implement: shiftTimestampTz(false),
  }),
  scalar({
    ...plus,
    name: 'interval_pl_timestamptz',
    args: ['interval', 'timestamptz'],
    returns: 'timestamptz',
    volatility: 'stable',
    doc: 'Moment an interval later, days and months counted in the session time zone.',
    examples: [["interval '1 day' + timestamptz '2001-09-28 01:00+00'", '2001-09-29 01:00:00+00']],
    implement: shiftTimestampTz(false, true),
  }),
  scalar({
    ...minus,
    name: 'timestamptz_mi_interval',
    args: ['timestamptz', 'interval'],
    returns: 'timestamptz',
    volatility: 'stable',
    doc: 'Moment an interval earlier, days and months counted in the session time zone.',
    examples: [["timestamptz '2001-09-28 01:00+00' - interval '1 day'", '2001-09-27 01:00:00+00']],
    implement: shiftTimestampTz(true),
  }),
  scalar({
    ...minus,
    name: 'timestamptz_mi',
    args: ['timestamptz', 'timestamptz'],
    returns: 'interval',
    monotone: { argument: 0, direction: 'increasing' },
    doc: 'Interval between two moments, in days and time.',
    examples: [["timestamptz '2001-09-29 03:00+00' - timestamptz '2001-09-28 12:00+00'", '15:00:00']],
    evaluate: math.subtractTimestamps,
  }),
];

const intervalOperators: readonly ScalarFunction[] = [
  scalar({
    ...plus,
    name: 'interval_pl',
    args: ['interval', 'interval'],
    returns: 'interval',
    doc: 'Sum of intervals.',
    examples: [["interval '1 day' + interval '1 hour'", '1 day 01:00:00']],
    evaluate: (a, b) => a.add(b),
  }),
  scalar({
    ...minus,
    name: 'interval_mi',
    args: ['interval', 'interval'],
    returns: 'interval',
    doc: 'Difference of intervals.',
    examples: [["interval '1 day' - interval '1 hour'", '1 day -01:00:00']],
    evaluate: (a, b) => a.sub(b),
  }),
  scalar({
    ...minus,
    name: 'interval_um',
    args: ['interval'],
    returns: 'interval',
    doc: 'Negation.',
    examples: [["- interval '23 hours'", '-23:00:00']],
    evaluate: (a) => a.neg(),
  }),
  scalar({
    name: 'interval_mul',
    operator: '*',
    commutator: '*',
    args: ['interval', 'float8'],
    returns: 'interval',
    doc: 'Multiple of an interval.',
    examples: [["interval '1 hour' * 3.5", '03:30:00']],
    evaluate: (interval, factor) => interval.mul(factor),
  }),
  scalar({
    name: 'mul_d_interval',
    operator: '*',
    commutator: '*',
    args: ['float8', 'interval'],
    returns: 'interval',
    doc: 'Multiple of an interval.',
    examples: [["21 * interval '1 day'", '21 days']],
    evaluate: (factor, interval) => interval.mul(factor),
  }),
  scalar({
    name: 'interval_div',
    operator: '/',
    args: ['interval', 'float8'],
    returns: 'interval',
    doc: 'Fraction of an interval.',
    examples: [["interval '1 hour' / 1.5", '00:40:00']],
    evaluate: (interval, divisor) => interval.div(divisor),
  }),
];

export const dateTimeOperators: readonly ScalarFunction[] = [
  ...dateOperators,
  ...timeOperators,
  ...timestampOperators,
  ...intervalOperators,
];
