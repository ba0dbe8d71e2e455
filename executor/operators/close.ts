/**
 * EMIT ON WINDOW CLOSE: rows are kept back until their column is below the watermark, and then given once and for all.
 *
 * State: the rows that wait, by identity with their net weight (updates cancel), in buckets by the column's value. In
 * `flush` the rows below the watermark of the inputs that are not idle go out in the column's order and are forgotten.
 * A change of a row that is below what has been given comes too late: it is reported, or, with `corrections`, goes out
 * as it is. Rows with a NULL in the column are never given and not kept.
 * The watermark that counts is that of the ticks before: rows of the tick in which it moves are in time.
 */

import { assert, must } from '../../common/assert.ts';
import { type Comparator, comparator } from '../../common/compare.ts';
import type { Schema } from '../../common/dataType.ts';
import type { NonNullValue } from '../../common/value.ts';
import type { PhysicalClose } from '../../planner/plan/physical.ts';
import type { Int32Blocks } from '../../storage/state/blocks.ts';
import { Scratch } from '../../storage/state/keyIndex.ts';
import { KeyTable } from '../../storage/state/keyTable.ts';
import { SlotEmitter } from '../../storage/state/slotEmitter.ts';
import type { TimeBuckets } from '../../storage/state/timeBuckets.ts';
import { TouchedSlots } from '../../storage/state/touchedSlots.ts';
import { vectorValue } from '../../storage/state/vector.ts';
import type { Batch } from '../batch.ts';
import { compileTerm, type TermReader } from '../time.ts';
import { ClockWake, followsClock } from './clockWake.ts';
import type { Emit, Operator, TickContext } from './operator.ts';
import { splitRows } from './splitRows.ts';

export class CloseOperator implements Operator {
  readonly emitsInitially = false;
  readonly #context: TickContext;
  readonly #column: number;
  readonly #schema: Schema;
  readonly #corrections: boolean;
  readonly #term: TermReader;
  readonly #compare: Comparator;
  /** For windows over the clock's time. */
  readonly #wake: ClockWake | null;
  readonly #rows: KeyTable;
  readonly #time: TimeBuckets<NonNullValue>;
  readonly #weights: Int32Blocks;
  readonly #touched: TouchedSlots;
  readonly #output: SlotEmitter;
  readonly #slots = new Scratch();
  readonly #created = new Scratch();
  readonly #places = new Scratch();
  /** Rows below it have been given. */
  #released: NonNullValue | null = null;
  #closing: number[] = [];

  constructor(node: PhysicalClose, context: TickContext) {
    this.#context = context;
    this.#column = node.column;
    this.#corrections = node.corrections;
    this.#schema = node.input.schema;
    this.#term = compileTerm(node.term, context.time, context.eval);
    this.#compare = comparator(node.term.type);
    this.#wake = followsClock(node.term) ? new ClockWake(node.term, context) : null;
    this.#rows = new KeyTable(
      node.input.schema.map((column) => column.type),
      'same',
    );
    this.#time = this.#rows.keepTime(node.column, true);
    this.#weights = this.#rows.store.addInt32();
    this.#touched = new TouchedSlots(this.#rows.store);
    this.#output = new SlotEmitter(this.#rows.store);
  }

  push(_port: number, batch: Batch, emit: Emit): void {
    const [late, waiting] = this.#split(batch);
    if (late.length > 0) {
      if (this.#corrections) emit(late);
      else this.#report(late);
    }
    if (waiting.length > 0) this.#keep(waiting);
  }

  /** Rows below what has been given, and the others; rows with a NULL in the column are in neither. */
  #split(batch: Batch): readonly [late: Batch, waiting: Batch] {
    const n = batch.length;
    const vector = must(batch.columns[this.#column]);
    const places = this.#places.zeroBytes(n);
    if (this.#released !== null) this.#time.markPassed(vector, n, places);
    if (vector.nulls !== null) for (let i = 0; i < n; i++) if (vector.nulls[i] === 1) places[i] = 2;
    return [splitRows(batch, places, 1), splitRows(batch, places, 0)];
  }

  #report(late: Batch): void {
    for (let i = 0; i < late.length; i++) {
      if ((late.weights[i] as number) < 0) continue;
      const row = late.columns.map((column) => vectorValue(column, i));
      for (let k = late.weights[i] as number; k > 0; k--) {
        this.#context.lateRow(row, row[this.#column] ?? null, this.#released, this.#schema);
      }
    }
  }

  #keep(batch: Batch): void {
    const n = batch.length;
    const slots = this.#slots.ints(n);
    const created = this.#created.ints(n);
    const made = this.#rows.upsert(batch.columns, n, slots, created);
    for (let k = 0; k < made; k++) this.#weights.set(created[k] as number, 0);
    for (let i = 0; i < n; i++) {
      const slot = slots[i] as number;
      const weight = this.#weights.get(slot);
      this.#touched.touch(slot, weight);
      this.#weights.set(slot, weight + (batch.weights[i] as number));
    }
  }

  flush(emit: Emit): void {
    this.#settle();
    const watermark = this.#term.active();
    if (watermark === null || !this.#isAhead(watermark)) return;
    this.#released = watermark;
    this.#time.expire(watermark, (slots, n) => {
      for (let j = 0; j < n; j++) this.#closing.push(slots[j] as number);
    });
    if (this.#closing.length > 0) this.#release(emit);
  }

  /** Forgets rows that came and went. */
  #settle(): void {
    const touched = this.#touched;
    const gone: number[] = [];
    for (let t = 0; t < touched.length; t++) {
      const slot = touched.slots[t] as number;
      if (this.#weights.get(slot) === 0) gone.push(slot);
    }
    touched.reset();
    for (const slot of gone) this.#rows.remove(slot);
  }

  /** Gives the rows that have been taken out of the buckets, and forgets them. */
  #release(emit: Emit): void {
    const closing = this.#closing;
    this.#closing = [];
    const column = must(this.#rows.store.columns[this.#column]);
    closing.sort((a, b) => column.compareSlots(a, b) || a - b);
    for (const slot of closing) {
      const weight = this.#weights.get(slot);
      assert(weight > 0, 'a row is taken back that was not there');
      this.#output.add(slot, weight, emit);
    }
    this.#output.finish(emit);
    const slots = Int32Array.from(closing);
    this.#rows.removeExpired(slots, slots.length);
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

  /** True when the watermark is above what has been given. */
  #isAhead(watermark: NonNullValue): boolean {
    return this.#released === null || this.#compare(watermark, this.#released) > 0;
  }

  nextWake(): bigint | null {
    const first = this.#wake === null ? null : this.#time.minimum();
    return first === null ? null : (this.#wake?.whenAbove(first) ?? null);
  }

  stateRows(): number {
    return this.#rows.rows();
  }

  stateBytes(): number {
    return this.#rows.bytes() + this.#touched.bytes();
  }
}
