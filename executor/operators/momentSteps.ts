/**
 * The steps of an expression of the moment, such as `date_trunc('day', now() - INTERVAL '1 month')`, innermost first.
 *
 * Such expressions rise with time, but not everywhere: local time goes back when summer time ends, and a day later in a
 * longer month may end up earlier in a shorter one. A step knows at which of its arguments it may fall back (`breaks`)
 * and how far its result is from its argument at most, which is what a search for the time of a crossing needs.
 * All times are microseconds; a date is its midnight.
 */
import { AssertionError, must } from '../../common/assert.ts';
import { MICROS_PER_DAY } from '../../common/dateTime.ts';
import { truncateTimestamp } from '../../common/dateTimeMath.ts';
import { truncateUnit } from '../../common/dateTimeUnits.ts';
import { Interval } from '../../common/interval.ts';
import {
  fixedOffset,
  localToUtc,
  offsetAt,
  utcToLocal,
  type Zone,
  zoneForExpression,
  zoneOf,
} from '../../common/timeZone.ts';
import type { Value } from '../../common/value.ts';
import type { Scalar } from '../../planner/plan/scalar.ts';
import { addToTimestamp } from '../functions/support/dateTimeMath.ts';

export interface MomentStep {
  /** The result; what date_bin does exactly is left to its `breaks`, of which it has none. */
  readonly apply: (time: bigint) => bigint;
  /** result - argument lies between these. */
  readonly least: bigint;
  readonly most: bigint;
  /** Arguments in (from, to] at which the result may be smaller than just before; ascending. Null: it never is. */
  readonly breaks: ((from: bigint, to: bigint) => readonly bigint[]) | null;
}

const HOUR = 3_600_000_000n;
const SECOND = 1_000_000n;
/** No zone is farther from UTC. */
const ZONE_SPAN = 26n * HOUR;

function shift(by: bigint): MomentStep {
  return { apply: (time) => time + by, least: by, most: by, breaks: null };
}

/** Moments in (from, to] at which the zone's offset changes. */
function zoneChanges(zone: Zone, from: bigint, to: bigint): readonly bigint[] {
  const changes: bigint[] = [];
  for (let low = from; low < to; ) {
    const high = low + 2n * MICROS_PER_DAY;
    const before = offsetAt(zone, low);
    if (offsetAt(zone, high) !== before) {
      let a = low / SECOND - 1n;
      let b = high / SECOND + 1n;
      while (b - a > 1n) {
        const middle = (a + b) / 2n;
        if (offsetAt(zone, middle * SECOND) === before) a = middle;
        else b = middle;
      }
      const change = b * SECOND;
      if (change > from && change <= to) changes.push(change);
    }
    low = high;
  }
  return changes;
}

function toLocal(zone: Zone): MomentStep {
  const offset = fixedOffset(zone);
  if (offset !== null) return shift(BigInt(offset) * SECOND);
  return {
    apply: (time) => utcToLocal(zone, time),
    least: -ZONE_SPAN,
    most: ZONE_SPAN,
    breaks: (from, to) => zoneChanges(zone, from, to),
  };
}

function toUtc(zone: Zone): MomentStep {
  const offset = fixedOffset(zone);
  if (offset !== null) return shift(BigInt(-offset) * SECOND);
  return {
    apply: (time) => localToUtc(zone, time),
    least: -ZONE_SPAN,
    most: ZONE_SPAN,
    breaks: (from, to) =>
      zoneChanges(zone, from - ZONE_SPAN, to + ZONE_SPAN)
        .flatMap((change) => [
          change + BigInt(offsetAt(zone, change - SECOND)) * SECOND,
          change + BigInt(offsetAt(zone, change)) * SECOND,
        ])
        .filter((local) => local > from && local <= to)
        .sort((a, b) => (a < b ? -1 : 1)),
  };
}

/** Multiples of a day in (from, to]. */
function midnights(from: bigint, to: bigint): readonly bigint[] {
  const result: bigint[] = [];
  let next = floorDay(from) + MICROS_PER_DAY;
  for (; next <= to; next += MICROS_PER_DAY) result.push(next);
  return result;
}

function floorDay(time: bigint): bigint {
  const rest = time % MICROS_PER_DAY;
  return rest < 0n ? time - rest - MICROS_PER_DAY : time - rest;
}

/** Days in a month of the calendar's 400-year cycle, times 10^6. */
const AVERAGE_MONTH = 30_436_875n;

function addMonths(months: number): MomentStep {
  const interval = new Interval(months, 0, 0n);
  const average = (BigInt(months) * AVERAGE_MONTH * MICROS_PER_DAY) / 1_000_000n;
  return {
    apply: (time) => addToTimestamp(time, interval),
    least: average - 8n * MICROS_PER_DAY,
    most: average + 8n * MICROS_PER_DAY,
    breaks: midnights,
  };
}

const toDay: MomentStep = { apply: floorDay, least: -MICROS_PER_DAY, most: 0n, breaks: null };

/** Days of the calendar units, at most. */
const unitDays: { readonly [unit: string]: bigint } = {
  week: 7n,
  month: 31n,
  quarter: 92n,
  year: 366n,
  decade: 3653n,
  century: 36_525n,
  millennium: 365_250n,
};

function truncate(unit: string): MomentStep {
  const days = unitDays[truncateUnit(unit, 'timestamp without time zone')] ?? 1n;
  return {
    apply: (time) => truncateTimestamp(unit, time),
    least: -days * MICROS_PER_DAY,
    most: 0n,
    breaks: null,
  };
}

function addInterval(interval: Interval, zone: Zone | null): readonly MomentStep[] {
  const steps: MomentStep[] = [];
  const calendar = (step: MomentStep): void => {
    if (zone === null) steps.push(step);
    else steps.push(toLocal(zone), step, toUtc(zone));
  };
  if (interval.months !== 0) calendar(addMonths(interval.months));
  if (interval.days !== 0) calendar(shift(BigInt(interval.days) * MICROS_PER_DAY));
  if (interval.micros !== 0n) steps.push(shift(interval.micros));
  return steps;
}

function literalOf(scalar: Scalar | undefined): Value {
  return scalar?.kind === 'literal' ? scalar.value : null;
}

type Call = Extract<Scalar, { kind: 'call' }>;

function unknownStep(scalar: Scalar): AssertionError {
  const name = scalar.kind === 'call' ? scalar.fn.name : scalar.kind;
  return new AssertionError(`${name} in an expression of the moment`);
}

function castSteps(from: string, to: string, zone: Zone, scalar: Scalar): readonly MomentStep[] {
  if (from === to || (from === 'date' && to === 'timestamp')) return [];
  if (from === 'timestamp' && to === 'date') return [toDay];
  if (from === 'timestamptz') return to === 'date' ? [toLocal(zone), toDay] : [toLocal(zone)];
  if (to === 'timestamptz') return [toUtc(zone)];
  throw unknownStep(scalar);
}

/** Where the call's argument of the moment is, and its steps. */
function callSteps(call: Call, session: Zone): readonly [time: Scalar, steps: readonly MomentStep[]] {
  const { args, fn } = call;
  const [first, second, third] = args;
  if (fn.operator === '+' || fn.operator === '-') {
    const at = args.findIndex((arg) => arg.kind === 'literal');
    const time = must(args[1 - at]);
    const by = literalOf(args[at]);
    if (typeof by === 'number') {
      return [time, [shift(BigInt(fn.operator === '-' ? -by : by) * MICROS_PER_DAY)]];
    }
    if (!(by instanceof Interval)) throw unknownStep(call);
    const zone = time.type.id === 'timestamptz' ? session : null;
    const signed = fn.operator === '-' ? new Interval(-by.months, -by.days, -by.micros) : by;
    return [time, addInterval(signed, zone)];
  }
  const name = literalOf(first);
  if (second === undefined) throw unknownStep(call);
  const isZoned = second.type.id === 'timestamptz';
  if (fn.name === 'timezone' && name instanceof Interval) {
    return [second, [shift(isZoned ? name.micros : -name.micros)]];
  }
  if (fn.name === 'timezone' && typeof name === 'string') {
    const zone = zoneForExpression(name);
    return [second, [isZoned ? toLocal(zone) : toUtc(zone)]];
  }
  if (fn.name === 'date_trunc' && typeof name === 'string') {
    if (!isZoned) return [second, [truncate(name)]];
    const given = literalOf(third);
    const zone = typeof given === 'string' ? zoneForExpression(given) : session;
    return [second, [toLocal(zone), truncate(name), toUtc(zone)]];
  }
  if (fn.name === 'date_bin' && name instanceof Interval) {
    const stride = BigInt(name.days) * MICROS_PER_DAY + name.micros;
    const origin = literalOf(third);
    if (typeof origin !== 'bigint') throw unknownStep(call);
    const bin = (time: bigint): bigint => {
      const rest = (time - origin) % stride;
      return rest < 0n ? time - rest - stride : time - rest;
    };
    return [second, [{ apply: bin, least: -stride, most: 0n, breaks: null }]];
  }
  throw unknownStep(call);
}

/** The steps from column 0 (the tick's time) to the value of `moment`; the planner has seen to its form. */
export function momentSteps(moment: Scalar, timeZone: string): readonly MomentStep[] {
  const session = zoneOf(timeZone);
  const steps: MomentStep[] = [];
  for (let s = moment; s.kind !== 'column'; ) {
    if (s.kind === 'cast') {
      steps.unshift(...castSteps(s.operand.type.id, s.type.id, session, s));
      s = s.operand;
    } else if (s.kind === 'call') {
      const [time, own] = callSteps(s, session);
      steps.unshift(...own);
      s = time;
    } else throw unknownStep(s);
  }
  return steps;
}
