/**
 * Time as operators see it: the clock of the tick and watermarks.
 *
 * A term (planner/plan/watermark.ts) is compiled to a reader. Its value is computed again only when a watermark or the
 * clock has moved. Two readings: `strict` waits for every input and is what state may be dropped by; `active` leaves out
 * inputs that are idle and is what windows are closed by.
 */
import { compareValues } from '../common/compare.ts';
import type { EvalContext } from '../common/function.ts';
import type { NonNullValue, Value } from '../common/value.ts';
import type { WatermarkTerm } from '../planner/plan/watermark.ts';
import { compileScalar } from './codegen/evaluate.ts';

/** The watermark of one column of a relation. */
export interface ColumnWatermark {
  /** By all inputs; null: none yet. */
  readonly value: Value;
  /** By the inputs that are not idle. */
  readonly active: Value;
  /** Its input has been quiet for so long that nobody waits for it. */
  readonly idle: boolean;
}

export interface TimeReader {
  /** The tick's time, microseconds; never goes back. */
  now(): bigint;
  /** Changes whenever some watermark has. */
  epoch(): number;
  watermark(relation: number, column: number): ColumnWatermark;
}

const noWatermark: ColumnWatermark = { value: null, active: null, idle: false };

/** For plans without watermarks: ad-hoc reads. */
export function timeWithoutWatermarks(now: () => bigint): TimeReader {
  return { now, epoch: () => 0, watermark: () => noWatermark };
}

export interface TermReader {
  /** The watermark by all inputs, idle or not; null: none yet. */
  strict(): Value;
  /** The watermark by the inputs that are not idle (all, when all are). */
  active(): Value;
  /** All inputs are idle. */
  idle(): boolean;
}

interface Reading {
  readonly strict: Value;
  readonly active: Value;
  readonly idle: boolean;
}

type Read = () => Reading;

/** Compiles a term. */
export function compileTerm(term: WatermarkTerm, time: TimeReader, context: EvalContext): TermReader {
  const read = compile(term, time, context);
  let epoch = -1;
  let now = -1n;
  let last: Reading = { strict: null, active: null, idle: false };
  const current = (): Reading => {
    if (time.epoch() === epoch && time.now() === now) return last;
    epoch = time.epoch();
    now = time.now();
    last = read();
    return last;
  };
  return { strict: () => current().strict, active: () => current().active, idle: () => current().idle };
}

function compile(term: WatermarkTerm, time: TimeReader, context: EvalContext): Read {
  switch (term.kind) {
    case 'relation':
      return () => {
        const { value, active, idle } = time.watermark(term.relation, term.column);
        const behind = (v: Value): Value =>
          v === null || term.lateness === 0n ? v : earlier(v, term.lateness);
        return { strict: behind(value), active: behind(active), idle };
      };
    case 'clock':
      return () => {
        const now = time.now();
        return { strict: now, active: now, idle: false };
      };
    case 'map': {
      const input = compile(term.input, time, context);
      const fn = compileScalar(term.expr);
      const apply = (value: Value): Value => (value === null ? null : fn(context, [value]));
      return () => {
        const { strict, active, idle } = input();
        const mapped = apply(strict);
        return { strict: mapped, active: active === strict ? mapped : apply(active), idle };
      };
    }
    case 'min':
    case 'max': {
      const inputs = term.terms.map((t) => compile(t, time, context));
      const pick = term.kind === 'min' ? least : greatest;
      return () => {
        const readings = inputs.map((read) => read());
        const busy = readings.filter((r) => !r.idle);
        const waited = busy.length === 0 ? readings : busy;
        // Where all inputs are quiet, whatever any of them has reached counts.
        const active = busy.length === 0 ? greatest : pick;
        return {
          strict: pick(
            readings.map((r) => r.strict),
            term,
          ),
          active: active(
            waited.map((r) => r.active),
            term,
          ),
          idle: busy.length === 0,
        };
      };
    }
  }
}

const MICROS_PER_DAY = 86_400_000_000n;

/** A timestamp or date that much before. */
function earlier(value: NonNullValue, micros: bigint): Value {
  if (typeof value === 'bigint') return value - micros;
  return typeof value === 'number' ? value - Number((micros + MICROS_PER_DAY - 1n) / MICROS_PER_DAY) : value;
}

/** Null as soon as one is: an input without a watermark may still bring anything. */
function least(values: readonly Value[], term: WatermarkTerm): Value {
  let result: Value = values[0] ?? null;
  for (const value of values) {
    if (value === null || result === null) return null;
    if (compareValues(value, result, term.type) < 0) result = value;
  }
  return result;
}

function greatest(values: readonly Value[], term: WatermarkTerm): Value {
  let result: Value = null;
  for (const value of values) {
    if (value !== null && (result === null || compareValues(value, result, term.type) > 0)) result = value;
  }
  return result;
}
