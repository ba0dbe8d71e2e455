/**
 * Values that rise with the clock, and when they reach something: `next` gives the first time after another at which the
 * value passes a threshold, in either direction.
 *
 * Where the value is always as far from the clock (`now() - INTERVAL '1 hour'`, and in zones without summer time nearly
 * all), that is one subtraction. Else time is cut, a chunk of about a hundred days at a time, into pieces within which
 * the value does not fall; the crossing is found by the values at the ends of pieces and then by bisection to the
 * microsecond. State: the pieces of the chunks looked at lately.
 */
import { must } from '../../common/assert.ts';
import { MICROS_PER_DAY } from '../../common/dateTime.ts';
import type { EvalContext } from '../../common/function.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Value } from '../../common/value.ts';
import {
  DATE_INFINITY,
  DATE_MINUS_INFINITY,
  TIMESTAMP_INFINITY,
  TIMESTAMP_MINUS_INFINITY,
} from '../../common/value.ts';
import type { MomentComparison } from '../../planner/plan/physical.ts';
import type { Scalar } from '../../planner/plan/scalar.ts';
import { compileScalar } from '../codegen/evaluate.ts';
import { type MomentStep, momentSteps } from './momentSteps.ts';

/** A chunk has 2^43 microseconds. */
const CHUNK_BITS = 43n;
const MAX_CHUNKS = 256;

/** Piece i is [starts[i], starts[i + 1]); `first` and `last` are the values at its first and last microsecond. */
interface Chunk {
  readonly starts: readonly bigint[];
  readonly first: readonly bigint[];
  readonly last: readonly bigint[];
}

/** The least t in [low, high] for which `holds`, which holds for high and, once it does, goes on to hold. */
function firstTime(low: bigint, high: bigint, holds: (time: bigint) => boolean): bigint {
  let from = low - 1n;
  let to = high;
  while (to - from > 1n) {
    const middle = (from + to) >> 1n;
    if (holds(middle)) to = middle;
    else from = middle;
  }
  return to;
}

/** `at` if it is after `time` and the clock can show it. */
function laterThan(time: bigint, at: bigint): bigint | null {
  return at > time && at < TIMESTAMP_INFINITY ? at : null;
}

/** An expression over the tick's time. */
export class Moment {
  readonly #at: (time: bigint) => bigint;
  readonly #steps: readonly MomentStep[];
  readonly #isShift: boolean;
  /** value - time lies between these. */
  readonly #least: bigint;
  readonly #most: bigint;
  readonly #chunks = new Map<bigint, Chunk>();

  constructor(expr: Scalar, context: EvalContext) {
    const fn = compileScalar(expr);
    this.#at = (time) => {
      const value = fn(context, [time]);
      return typeof value === 'number' ? BigInt(value) * MICROS_PER_DAY : (value as bigint);
    };
    this.#steps = momentSteps(expr, context.timeZone);
    this.#isShift = this.#steps.every((step) => step.least === step.most);
    this.#least = this.#steps.reduce((sum, step) => sum + step.least, 0n);
    this.#most = this.#steps.reduce((sum, step) => sum + step.most, 0n);
  }

  /** True when the value is at the threshold (in microseconds), or above it; an error counts as no. */
  reaches(threshold: bigint, time: bigint): boolean {
    try {
      return this.#at(time) >= threshold;
    } catch (error) {
      if (error instanceof SqlError) return false;
      throw error;
    }
  }

  /**
   * The first time after `time` at which `value >= threshold` (in microseconds) is not what it is at `time`; null:
   * never, or when the value is out of its type's range.
   */
  next(threshold: bigint, time: bigint): bigint | null {
    if (this.#isShift) return laterThan(time, threshold - this.#least);
    try {
      const crossing = this.#search(threshold, time);
      return crossing === null ? null : laterThan(time, crossing);
    } catch (error) {
      if (error instanceof SqlError) return null;
      throw error;
    }
  }

  #search(threshold: bigint, time: bigint): bigint | null {
    // Before the one the value is below the threshold, from the other on it is not.
    const possible = threshold - this.#most;
    const certain = threshold - this.#least;
    if (time >= certain) return null;
    const from = possible > time ? possible : time + 1n;
    const isAbove = possible <= time && this.#at(time) >= threshold;
    for (let c = from >> CHUNK_BITS; c << CHUNK_BITS <= certain; c++) {
      const { starts, first, last } = this.#chunk(c);
      for (let p = 0; p < first.length; p++) {
        const end = must(starts[p + 1]) - 1n;
        if (end < from) continue;
        const start = must(starts[p]);
        const low = start < from ? from : start;
        if (isAbove) {
          const value = low === start ? must(first[p]) : this.#at(low);
          if (value < threshold) return low;
        } else if (must(last[p]) >= threshold) {
          const holds = (t: bigint): boolean => this.#at(t) >= threshold;
          // Mostly the value goes with the clock all through the piece.
          const guess = start + threshold - must(first[p]);
          if (guess > low && guess <= end && !holds(guess - 1n) && holds(guess)) return guess;
          return firstTime(low, end, holds);
        }
      }
    }
    return null;
  }

  #chunk(index: bigint): Chunk {
    const known = this.#chunks.get(index);
    if (known !== undefined) return known;
    const starts = this.#cut(index << CHUNK_BITS, (index + 1n) << CHUNK_BITS);
    const chunk = {
      starts,
      first: starts.slice(0, -1).map((t) => this.#at(t)),
      last: starts.slice(1).map((t) => this.#at(t - 1n)),
    };
    if (this.#chunks.size >= MAX_CHUNKS) this.#chunks.clear();
    this.#chunks.set(index, chunk);
    return chunk;
  }

  /** The starts of the pieces of [from, to), and `to`. A step's breaks are sought where all before it rise. */
  #cut(from: bigint, to: bigint): readonly bigint[] {
    let starts: readonly bigint[] = [from, to];
    this.#steps.forEach(({ breaks }, s) => {
      if (breaks === null) return;
      const before = (time: bigint): bigint =>
        this.#steps.slice(0, s).reduce((value, step) => step.apply(value), time);
      const cut: bigint[] = [];
      for (let p = 0; p + 1 < starts.length; p++) {
        const start = must(starts[p]);
        const end = must(starts[p + 1]);
        cut.push(start);
        for (const value of breaks(before(start), before(end - 1n))) {
          const at = firstTime(start, end - 1n, (t) => before(t) >= value);
          if (at > must(cut.at(-1))) cut.push(at);
        }
      }
      starts = [...cut, to];
    });
    return starts;
  }
}

function isBounded(value: bigint | number): boolean {
  return typeof value === 'number'
    ? value !== DATE_INFINITY && value !== DATE_MINUS_INFINITY
    : value !== TIMESTAMP_INFINITY && value !== TIMESTAMP_MINUS_INFINITY;
}

function earlier(a: bigint | null, b: bigint | null): bigint | null {
  if (a === null) return b;
  return b !== null && b < a ? b : a;
}

/** The thresholds of being at a value and of being above it; null for what no moment ever passes. */
function thresholds(value: Value): readonly [at: bigint, above: bigint] | null {
  if ((typeof value !== 'bigint' && typeof value !== 'number') || !isBounded(value)) return null;
  return typeof value === 'bigint'
    ? [value, value + 1n]
    : [BigInt(value) * MICROS_PER_DAY, BigInt(value + 1) * MICROS_PER_DAY];
}

/** Whether `value operator moment` is true at a time. */
export function holdsAt(
  value: Value,
  operator: MomentComparison['operator'],
  moment: Moment,
  time: bigint,
): boolean {
  if (value === null) return false;
  const passed = thresholds(value);
  const isLow = value === TIMESTAMP_MINUS_INFINITY || value === DATE_MINUS_INFINITY;
  const atLeast = passed === null ? isLow : moment.reaches(passed[0], time);
  const above = passed === null ? isLow : moment.reaches(passed[1], time);
  switch (operator) {
    case '>':
      return !atLeast;
    case '>=':
      return !above;
    case '<':
      return above;
    case '<=':
      return atLeast;
    case '=':
      return atLeast && !above;
    case '<>':
      return above || !atLeast;
  }
}

/** The first time after `time` at which `value operator moment` has another result; null: never. */
export function nextFlip(
  value: Value,
  operator: MomentComparison['operator'],
  moment: Moment,
  time: bigint,
): bigint | null {
  const passed = thresholds(value);
  if (passed === null) return null;
  const [equal, above] = passed;
  switch (operator) {
    case '>':
    case '<=':
      return moment.next(equal, time);
    case '>=':
    case '<':
      return moment.next(above, time);
    case '=':
    case '<>':
      return earlier(moment.next(equal, time), moment.next(above, time));
  }
}
