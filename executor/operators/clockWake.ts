/**
 * When a watermark that follows the clock reaches something: its term is evaluated at times to come, and as it never
 * goes back the earliest such time is found by bisection.
 */

import { type Comparator, comparator } from '../../common/compare.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { NonNullValue } from '../../common/value.ts';
import type { WatermarkTerm } from '../../planner/plan/watermark.ts';
import { compileTerm, type TermReader, type TimeReader } from '../time.ts';
import type { TickContext } from './operator.ts';

/** Nothing is looked for beyond some hundred years. */
const FARTHEST_STEP = 1n << 52n;

/** True when the clock alone moves the term. */
export function followsClock(term: WatermarkTerm): boolean {
  switch (term.kind) {
    case 'clock':
      return true;
    case 'relation':
      return false;
    case 'map':
      return followsClock(term.input);
    case 'min':
    case 'max':
      return term.terms.some(followsClock);
  }
}

export class ClockWake {
  readonly #time: TimeReader;
  readonly #term: TermReader;
  readonly #compare: Comparator;
  #probe = 0n;
  /** The last question and its answer. */
  #value: NonNullValue | null = null;
  #epoch = -1;
  #answer: bigint | null = null;

  constructor(term: WatermarkTerm, context: TickContext) {
    const { time } = context;
    this.#time = time;
    this.#compare = comparator(term.type);
    const probe: TimeReader = {
      now: () => this.#probe,
      epoch: () => time.epoch(),
      watermark: (relation, column) => time.watermark(relation, column),
    };
    this.#term = compileTerm(term, probe, context.eval);
  }

  /** The earliest time from now on at which the term is above `value`; null: the clock does not bring it there. */
  whenAbove(value: NonNullValue): bigint | null {
    const isKnown =
      this.#value !== null && this.#compare(value, this.#value) === 0 && this.#time.epoch() === this.#epoch;
    if (!isKnown) {
      this.#value = value;
      this.#epoch = this.#time.epoch();
      this.#answer = this.#search(value);
    }
    return this.#answer;
  }

  #search(value: NonNullValue): bigint | null {
    const now = this.#time.now();
    if (this.#isAbove(value, now)) return now;
    let step = 1n;
    while (!this.#isAbove(value, now + step)) {
      step <<= 1n;
      if (step > FARTHEST_STEP) return null;
    }
    let below = step >> 1n;
    let above = step;
    if (step === 1n) below = 0n;
    while (above - below > 1n) {
      const middle = (above + below) >> 1n;
      if (this.#isAbove(value, now + middle)) above = middle;
      else below = middle;
    }
    return now + above;
  }

  #isAbove(value: NonNullValue, time: bigint): boolean {
    this.#probe = time;
    try {
      const active = this.#term.active();
      return active !== null && this.#compare(active, value) > 0;
    } catch (error) {
      // Times so far ahead may be out of the type's range.
      if (error instanceof SqlError) return false;
      throw error;
    }
  }
}
