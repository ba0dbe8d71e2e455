/**
 * Functions that only watermark terms call: bounds of windows, and least results of calendar functions (zoneBounds.ts).
 * They are named as the SQL functions whose place they take in a term, and are not in the function catalog.
 */

import { types } from '../../common/dataType.ts';
import { isFiniteTimestamp } from '../../common/dateTime.ts';
import { type EvalContext, type ScalarFunction, scalar } from '../../common/function.ts';
import type { Interval } from '../../common/interval.ts';
import { type Zone, zoneForExpression, zoneOf } from '../../common/timeZone.ts';
import type { Scalar } from '../plan/scalar.ts';
import { literal } from '../plan/scalars.ts';
import { someScalar } from '../plan/walk.ts';
import type { WatermarkTerm } from '../plan/watermark.ts';
import { leastLocalTime, leastMoment, leastShifted, leastTruncated, leastUnshifted } from './zoneBounds.ts';

const internal = { doc: 'Internal: part of a watermark.', examples: [] } as const;

const session = (context: EvalContext): Zone => zoneOf(context.timeZone);

const localTime = scalar({
  ...internal,
  name: 'timezone',
  args: ['timestamptz'],
  returns: 'timestamp',
  volatility: 'stable',
  evaluateWith: (context, moment) => leastLocalTime(session(context), moment),
});
const localTimeIn = scalar({
  ...internal,
  name: 'timezone',
  args: ['text', 'timestamptz'],
  returns: 'timestamp',
  evaluate: (zone, moment) => leastLocalTime(zoneForExpression(zone), moment),
});
const momentOf = scalar({
  ...internal,
  name: 'timezone',
  args: ['timestamp'],
  returns: 'timestamptz',
  volatility: 'stable',
  evaluateWith: (context, local) => leastMoment(session(context), local),
});
const momentIn = scalar({
  ...internal,
  name: 'timezone',
  args: ['text', 'timestamp'],
  returns: 'timestamptz',
  evaluate: (zone, local) => leastMoment(zoneForExpression(zone), local),
});
const truncated = scalar({
  ...internal,
  name: 'date_trunc',
  args: ['text', 'timestamptz'],
  returns: 'timestamptz',
  volatility: 'stable',
  evaluateWith: (context, unit, moment) => leastTruncated(session(context), unit, moment),
});
const truncatedIn = scalar({
  ...internal,
  name: 'date_trunc',
  args: ['text', 'timestamptz', 'text'],
  returns: 'timestamptz',
  evaluate: (unit, moment, zone) => leastTruncated(zoneForExpression(zone), unit, moment),
});

const distance = (interval: Interval): readonly [bigint, bigint] => [BigInt(interval.days), interval.micros];

const shifted = scalar({
  ...internal,
  name: 'timestamptz_pl_interval',
  operator: '+',
  args: ['timestamptz', 'interval'],
  returns: 'timestamptz',
  volatility: 'stable',
  evaluateWith: (context, moment, interval) => leastShifted(session(context), moment, ...distance(interval)),
});
const unshifted = scalar({
  ...internal,
  name: 'timestamptz_mi_interval',
  operator: '-',
  args: ['timestamptz', 'interval'],
  returns: 'timestamptz',
  volatility: 'stable',
  evaluateWith: (context, bound, interval) => leastUnshifted(session(context), bound, ...distance(interval)),
});

function call(fn: ScalarFunction, args: readonly Scalar[], type: Scalar['type']): Scalar {
  return { kind: 'call', fn, args, type };
}

/** The least local time from a moment on; `zone` null: the session's. */
export function leastLocalTimeCall(moment: Scalar, zone: Scalar | null): Scalar {
  return zone === null
    ? call(localTime, [moment], types.timestamp)
    : call(localTimeIn, [zone, moment], types.timestamp);
}

/** The first moment from a local time on. */
export function leastMomentCall(local: Scalar, zone: Scalar | null): Scalar {
  return zone === null
    ? call(momentOf, [local], types.timestamptz)
    : call(momentIn, [zone, local], types.timestamptz);
}

/** The least date_trunc from a moment on. */
export function leastTruncatedCall(unit: Scalar, moment: Scalar, zone: Scalar | null): Scalar {
  return zone === null
    ? call(truncated, [unit, moment], types.timestamptz)
    : call(truncatedIn, [unit, moment, zone], types.timestamptz);
}

/** The least `t + interval` from a moment on (interval without months). */
export function leastShiftedCall(moment: Scalar, interval: Interval): Scalar {
  return call(shifted, [moment, literal(interval, types.interval)], types.timestamptz);
}

/** What t must be below for `t + interval` to be below the bound (interval without months). */
export function leastUnshiftedCall(bound: Scalar, interval: Interval): Scalar {
  return call(unshifted, [bound, literal(interval, types.interval)], types.timestamptz);
}

const minusMicros = (type: 'timestamp' | 'timestamptz'): ScalarFunction =>
  scalar({
    ...internal,
    name: `${type}_mi_interval`,
    operator: '-',
    args: [type, 'interval'],
    returns: type,
    evaluate: (time: bigint, interval: Interval) =>
      isFiniteTimestamp(time) ? time - BigInt(interval.days) * 86_400_000_000n - interval.micros : time,
  });
const timestampMinus = minusMicros('timestamp');
const timestamptzMinus = minusMicros('timestamptz');

/** time - interval, whose days are 24 hours; without months. */
export function minusIntervalCall(time: Scalar, interval: Interval): Scalar {
  const fn = time.type.id === 'timestamptz' ? timestamptzMinus : timestampMinus;
  return call(fn, [time, literal(interval, types.interval)], time.type);
}

const minusInt = (['int2', 'int4', 'int8'] as const).map((type) =>
  scalar({
    ...internal,
    name: `${type}mi`,
    operator: '-',
    args: [type, 'int8'],
    returns: type,
    // Below the type's range there is nothing: the watermark says nothing then.
    mayReturnNull: true,
    evaluate: (value: number | bigint, by: bigint) => {
      const result = BigInt(value) - by;
      if (type === 'int8') return BigInt.asIntN(64, result) === result ? result : null;
      return BigInt.asIntN(type === 'int2' ? 16 : 32, result) === result ? Number(result) : null;
    },
  }),
);

/** value - by, for integers; NULL out of range. */
export function minusIntCall(value: Scalar, by: bigint): Scalar | null {
  const fn = minusInt.find((f) => f.args[0] === value.type.id);
  return fn === undefined ? null : call(fn, [value, literal(by, types.int8)], value.type);
}

const floorTo = (value: bigint, size: bigint): bigint => {
  const rest = value % size;
  return rest < 0n ? value - rest - size : value - rest;
};

function windowFunction(
  name: string,
  type: 'timestamp' | 'timestamptz',
  bound: (time: bigint, slide: bigint, size: bigint, offset: bigint) => bigint,
): ScalarFunction {
  return scalar({
    ...internal,
    name,
    args: [type, 'int8', 'int8', 'int8'],
    returns: type,
    evaluate: (time: bigint, slide: bigint, size: bigint, offset: bigint) =>
      isFiniteTimestamp(time) ? bound(time, slide, size, offset) : time,
  });
}

const firstHop = (time: bigint, slide: bigint, size: bigint, offset: bigint): bigint =>
  floorTo(time - size - offset, slide) + slide + offset;

const windowFunctions = (['timestamp', 'timestamptz'] as const).map((type) => ({
  type,
  hopStart: windowFunction('hop_start', type, firstHop),
  hopEnd: windowFunction(
    'hop_end',
    type,
    (t, slide, size, offset) => firstHop(t, slide, size, offset) + size,
  ),
  cumulateStart: windowFunction(
    'cumulate_start',
    type,
    (t, _slide, size, offset) => floorTo(t - offset, size) + offset,
  ),
  cumulateEnd: windowFunction('cumulate_end', type, (t, slide, size, offset) => {
    const start = floorTo(t - offset, size) + offset;
    return start + floorTo(t - start, slide) + slide;
  }),
}));

interface Windows {
  readonly slideMicros: bigint;
  readonly sizeMicros: bigint;
  readonly offsetMicros: bigint;
  readonly cumulate?: boolean;
}

/** Start and end of the first window (of HOP or CUMULATE) that holds `time` or anything later. */
export function firstWindowCalls(
  time: Scalar,
  windows: Windows,
): { readonly start: Scalar; readonly end: Scalar } | null {
  const functions = windowFunctions.find((f) => f.type === time.type.id);
  if (functions === undefined) return null;
  const args = [
    time,
    ...[windows.slideMicros, windows.sizeMicros, windows.offsetMicros].map((v) => literal(v, types.int8)),
  ];
  const { hopStart, hopEnd, cumulateStart, cumulateEnd } = functions;
  const [start, end] = windows.cumulate === true ? [cumulateStart, cumulateEnd] : [hopStart, hopEnd];
  return { start: call(start, args, time.type), end: call(end, args, time.type) };
}

/** The end of a growing window: it closes before its start does. */
export function isCumulateEnd(term: WatermarkTerm | null): boolean {
  if (term === null) return false;
  if (term.kind === 'min' || term.kind === 'max') return term.terms.some(isCumulateEnd);
  return (
    term.kind === 'map' &&
    someScalar(term.expr, (s) => s.kind === 'call' && windowFunctions.some((f) => f.cumulateEnd === s.fn))
  );
}
