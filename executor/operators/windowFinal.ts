/**
 * OVER on window close: a row goes out once and for all, when the watermark has passed it and its frame is complete.
 *
 * State: the rows that wait, and those that frames still reach, linked by partition. An agenda tells which partitions
 * the watermark has made ready; only those are computed, over their rows below the watermark.
 * Rows below the watermark of the ticks before come too late: they are reported and left out. Rows without a value in
 * the order column are never given and not kept. When a partition as a whole has passed (`clean`), all its rows are
 * complete.
 * Invariant between ticks: rows below what has been released are given if their frame is complete; given rows come
 * first in their partition.
 */
import { must } from '../../common/assert.ts';
import { type Comparator, comparator } from '../../common/compare.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { NonNullValue } from '../../common/value.ts';
import type { PhysicalWindow } from '../../planner/plan/physical.ts';
import type { StateBound } from '../../planner/plan/watermark.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { vectorValue } from '../../storage/state/vector.ts';
import type { Batch } from '../batch.ts';
import { BatchBuilder, batchRow } from '../batchBuilder.ts';
import { compileTerm, type TermReader } from '../time.ts';
import { ClockWake, followsClock } from './clockWake.ts';
import type { Emit, Operator, TickContext } from './operator.ts';
import { persistentParts, persistentSqlValue } from './persistent.ts';
import { splitRows } from './splitRows.ts';
import { keyCleaner, type StateCleaner } from './stateCleaner.ts';
import { WindowAgenda } from './windowAgenda.ts';
import { computeCalls } from './windowCalls.ts';
import { WindowExtent } from './windowExtent.ts';
import { sortedPartition } from './windowFrame.ts';
import { copiesOf, type Member, WindowRows } from './windowRows.ts';

const WAITS = 0;
const LATE = 1;
const UNTIMED = 2;

export class FinalWindowOperator implements Operator {
  readonly emitsInitially = false;
  readonly #node: PhysicalWindow;
  readonly #context: TickContext;
  readonly #column: number;
  readonly #compare: Comparator;
  readonly #term: TermReader;
  /** For windows over the clock's time. */
  readonly #wake: ClockWake | null;
  readonly #rows: WindowRows;
  readonly #extent: WindowExtent;
  readonly #agenda: WindowAgenda;
  readonly #cleaner: StateCleaner | null;
  readonly #builder: BatchBuilder;
  /** Rows below it have been settled. */
  #released: NonNullValue | null = null;
  #emit: Emit = () => {};

  constructor(node: PhysicalWindow, context: TickContext) {
    const bound = must(node.orderBound, 'rows become final by a watermark');
    this.#node = node;
    this.#context = context;
    this.#column = bound.column;
    this.#compare = comparator(must(node.input.schema[bound.column]).type);
    this.#term = compileTerm(bound.term, context.time, context.eval);
    this.#wake = followsClock(bound.term) ? new ClockWake(bound.term, context) : null;
    this.#rows = new WindowRows(node);
    this.#extent = new WindowExtent(node, context.eval.timeZone);
    this.#agenda = new WindowAgenda(this.#compare);
    this.#cleaner = node.clean === undefined ? null : this.#partitionCleaner(node.clean);
    this.#builder = new BatchBuilder(node.schema.map((column) => column.type));
  }

  #partitionCleaner(bound: StateBound): StateCleaner {
    const drop = (partitions: Int32Array, n: number): void => {
      for (let j = 0; j < n; j++) this.#finish(partitions[j] as number);
    };
    const column = this.#node.partition.indexOf(bound.column);
    return keyCleaner(bound.term, this.#context, this.#rows.partitions, column, drop);
  }

  push(_port: number, batch: Batch): void {
    const vector = must(batch.columns[this.#column]);
    const places = new Uint8Array(batch.length);
    for (let i = 0; i < batch.length; i++) {
      const value = vectorValue(vector, i);
      if (value === null) places[i] = UNTIMED;
      else if (this.#released !== null && this.#compare(value, this.#released) < 0) places[i] = LATE;
    }
    this.#reportLate(splitRows(batch, places, LATE));
    const waiting = splitRows(batch, places, WAITS);
    if (waiting.length > 0) this.#rows.push(waiting);
  }

  #reportLate(late: Batch): void {
    for (let i = 0; i < late.length; i++) {
      const row = batchRow(late, i);
      for (let k = late.weights[i] as number; k > 0; k--) {
        this.#context.lateRow(row, row[this.#column] ?? null, this.#released, this.#node.input.schema);
      }
    }
  }

  flush(emit: Emit): void {
    this.#emit = emit;
    for (const [partition, value] of this.#rows.touchedValues(this.#column)) {
      this.#agenda.lower(partition, must(value));
    }
    this.#rows.settle(
      () => {},
      (partition) => this.#agenda.forget(partition),
    );
    const watermark = this.#watermark();
    if (watermark !== null) {
      this.#released = watermark;
      for (const partition of this.#agenda.takeBelow(watermark)) this.#release(partition, watermark);
    }
    this.#cleaner?.clean();
    if (this.#builder.length > 0) emit(this.#builder.build());
  }

  /** The watermark, if it has moved. */
  #watermark(): NonNullValue | null {
    const watermark = this.#term.active();
    if (watermark === null) return null;
    return this.#released === null || this.#compare(watermark, this.#released) > 0 ? watermark : null;
  }

  /** Gives the rows that have become complete, and drops those that no frame can reach any more. */
  #release(partition: number, watermark: NonNullValue): void {
    const members = this.#rows.membersOf(partition);
    const copies = copiesOf(members, (slot) => this.#rows.counts.get(slot));
    const open = copies.findIndex(({ row }) => this.#compare(must(row[this.#column]), watermark) >= 0);
    const settledCopies = open < 0 ? copies : copies.slice(0, open);
    const settled = sortedPartition(
      settledCopies.map(({ row }) => row),
      this.#rows.comparePeers,
    );
    const complete = this.#extent.complete(settled, watermark);
    this.#give(settledCopies, complete);
    const needed = this.#extent.needed(settled, complete, watermark);
    const next = this.#extent.next(settled, complete, needed, copies[settledCopies.length]?.row);
    if (next !== null) this.#agenda.lower(partition, next);
    const kept = new Set(copies.slice(needed).map(({ slot }) => slot));
    for (const { slot } of members) if (!kept.has(slot)) this.#rows.remove(slot);
    this.#rows.removeIfEmpty(partition, (empty) => this.#agenda.forget(empty));
  }

  /** The partition has passed: its rows are complete, and then not needed. */
  #finish(partition: number): void {
    const members = this.#rows.membersOf(partition);
    const copies = copiesOf(members, (slot) => this.#rows.counts.get(slot));
    this.#give(copies, copies.length);
    this.#agenda.forget(partition);
    for (const { slot } of members) this.#rows.remove(slot);
  }

  /** Emits the first `complete` of the rows, but for those that have been given before. */
  #give(copies: readonly Member[], complete: number): void {
    const { published } = this.#rows;
    const places = new Map<number, number>();
    const fresh: number[] = [];
    for (let i = 0; i < complete; i++) {
      const { slot } = must(copies[i]);
      const place = (places.get(slot) ?? 0) + 1;
      places.set(slot, place);
      if (place > published.get(slot)) fresh.push(i);
    }
    if (fresh.length === 0) return;
    const partition = sortedPartition(
      copies.map(({ row }) => row),
      this.#rows.comparePeers,
    );
    const values = computeCalls(this.#node, partition, this.#context.eval);
    for (const i of fresh) {
      const { slot, row } = must(copies[i]);
      published.set(slot, published.get(slot) + 1);
      if (values instanceof SqlError) {
        this.#context.rowError(values, 1, this.#node.kind, row, this.#node.input.schema);
        continue;
      }
      this.#builder.append([...row, ...must(values[i])], 1);
      if (this.#builder.full) this.#emit(this.#builder.build());
    }
  }

  /**
   * Whenever the watermark has moved, as what is late from now on depends on it. But the clock always moves: there, only
   * when it settles something.
   */
  isDue(): boolean {
    if (this.#cleaner?.isDue() === true) return true;
    const watermark = this.#watermark();
    if (watermark === null) return false;
    if (this.#wake === null) return true;
    const first = this.#agenda.first();
    return first !== null && this.#compare(first, watermark) < 0;
  }

  nextWake(): bigint | null {
    const first = this.#wake === null ? null : this.#agenda.first();
    return first === null ? null : (this.#wake?.whenAbove(first) ?? null);
  }

  get persistent(): Persistent {
    const { type } = must(this.#node.input.schema[this.#column]);
    const released = persistentSqlValue(
      type,
      () => this.#released,
      (value) => {
        this.#released = value;
      },
    );
    return persistentParts(this.#rows.persistent, this.#agenda.persistent(type), released);
  }

  stateRows(): number {
    return this.#rows.stateRows();
  }

  stateBytes(): number {
    return this.#rows.stateBytes() + this.#agenda.bytes();
  }
}
