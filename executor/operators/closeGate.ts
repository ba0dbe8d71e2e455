/**
 * What closes rows: the watermark of their column, by the inputs that are not idle.
 *
 * Rows below what has been released come too late. What counts is the watermark of the ticks before, so rows of the tick
 * in which it moves are in time; it never goes back, though inputs that wake up hold the term back.
 */
import { must } from '../../common/assert.ts';
import { type Comparator, comparator } from '../../common/compare.ts';
import type { Schema } from '../../common/dataType.ts';
import type { NonNullValue } from '../../common/value.ts';
import type { WatermarkTerm } from '../../planner/plan/watermark.ts';
import { Scratch } from '../../storage/state/keyIndex.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import type { TimeBuckets } from '../../storage/state/timeBuckets.ts';
import { vectorValue } from '../../storage/state/vector.ts';
import type { Batch } from '../batch.ts';
import { compileTerm, type TermReader } from '../time.ts';
import { ClockWake, followsClock } from './clockWake.ts';
import type { TickContext } from './operator.ts';
import { persistentSqlValue } from './persistent.ts';
import { splitRows } from './splitRows.ts';

/** Rows below what has been released, and the others. Rows with a NULL in the column are in neither. */
export interface SplitBatch {
  readonly late: Batch;
  readonly waiting: Batch;
}

export class CloseGate {
  readonly #context: TickContext;
  readonly #schema: Schema;
  readonly #column: number;
  readonly #term: TermReader;
  readonly #compare: Comparator;
  /** For windows over the clock's time. */
  readonly #wake: ClockWake | null;
  readonly #time: TimeBuckets<NonNullValue>;
  readonly #places = new Scratch();
  /** What has been released; the rows that wait are the owner's. */
  readonly persistent: Persistent;
  #released: NonNullValue | null = null;

  /** For rows of `schema` that wait in `time` by their `column`. */
  constructor(
    term: WatermarkTerm,
    context: TickContext,
    schema: Schema,
    column: number,
    time: TimeBuckets<NonNullValue>,
  ) {
    this.#context = context;
    this.#schema = schema;
    this.#column = column;
    this.#term = compileTerm(term, context.time, context.eval);
    this.#compare = comparator(term.type);
    this.#wake = followsClock(term) ? new ClockWake(term, context) : null;
    this.#time = time;
    this.persistent = persistentSqlValue(
      term.type,
      () => this.#released,
      (released) => {
        this.#released = released;
      },
    );
  }

  split(batch: Batch): SplitBatch {
    const n = batch.length;
    const vector = must(batch.columns[this.#column]);
    const places = this.#places.zeroBytes(n);
    if (this.#released !== null) this.#time.markPassed(vector, n, places);
    if (vector.nulls !== null) for (let i = 0; i < n; i++) if (vector.nulls[i] === 1) places[i] = 2;
    return { late: splitRows(batch, places, 1), waiting: splitRows(batch, places, 0) };
  }

  /** Reports insertions that come too late. */
  report(late: Batch): void {
    for (let i = 0; i < late.length; i++) {
      if ((late.weights[i] as number) < 0) continue;
      const row = late.columns.map((column) => vectorValue(column, i));
      for (let k = late.weights[i] as number; k > 0; k--) {
        this.#context.lateRow(row, row[this.#column] ?? null, this.#released, this.#schema);
      }
    }
  }

  /** Moves on to the watermark now; the slots whose rows it closes, in the column's order. */
  release(): readonly number[] {
    const watermark = this.#term.active();
    if (watermark === null || !this.#isAhead(watermark)) return [];
    this.#released = watermark;
    const closing: number[] = [];
    const time = this.#time;
    time.expire(watermark, (slots, n) => {
      for (let j = 0; j < n; j++) closing.push(slots[j] as number);
    });
    // They come in order of their buckets: mostly in order.
    return closing.sort((a, b) => time.compareSlots(a, b));
  }

  #isAhead(watermark: NonNullValue): boolean {
    return this.#released === null || this.#compare(watermark, this.#released) > 0;
  }

  /**
   * Whenever the watermark has moved, as what is late from now on depends on it. But the clock always moves: there, only
   * when it closes something.
   */
  isDue(): boolean {
    const watermark = this.#term.active();
    if (watermark === null || !this.#isAhead(watermark)) return false;
    if (this.#wake === null) return true;
    const first = this.#time.minimum();
    return first !== null && this.#compare(first, watermark) < 0;
  }

  nextWake(): bigint | null {
    const first = this.#wake === null ? null : this.#time.minimum();
    return first === null ? null : (this.#wake?.whenAbove(first) ?? null);
  }
}
