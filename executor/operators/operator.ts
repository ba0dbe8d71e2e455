/**
 * The contract of every incremental operator.
 *
 * Within one tick the dataflow pushes any number of batches into an operator's ports, in any order and interleaving of
 * ports; when all upstream operators are done for the tick it calls `flush` once, in topological order, if anything was
 * pushed (or on the first tick, for operators that emit on empty input). Then the tick is over.
 *
 * 1. Output, summed over the tick, is the exact change of the operator's result between the two versions. An operator
 *    may emit during `push` (linear operators, joins) or only in `flush` (aggregates, distinct, top-n: net changes).
 * 2. Within a tick the pushed deltas may pass through states with negative multiplicities; an operator must give the
 *    right answer for the sum. At `flush` all multiplicities of its inputs are >= 0.
 * 3. `emit` runs consumers synchronously; a batch handed to `emit` may be reused after it returns. A batch received by
 *    `push` may be read only until `push` returns.
 * 4. State lives in storage/state structures and is accounted: after deleting every input row, `stateRows()` is 0
 *    (a global aggregate's own row excepted).
 *    Rows that no later delta can concern, by a watermark, are dropped in `flush`.
 * 5. A row whose expression fails is reported through `TickContext.rowError` and left out (both when it comes and when
 *    it goes), unless the context throws (ad-hoc reads do). Reports of one error are as exact as output: their weights
 *    sum to the number of rows that fail that way now, and a row is taken back as it was reported.
 */
import type { Schema } from '../../common/dataType.ts';
import type { EvalContext } from '../../common/function.ts';
import type { SqlError } from '../../common/sqlError.ts';
import type { Row, Value } from '../../common/value.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import type { Batch } from '../batch.ts';
import type { TimeReader } from '../time.ts';

export type Emit = (batch: Batch) => void;

/** What an operator may ask during a tick. One object per dataflow, its fields updated each tick. */
export interface TickContext {
  readonly eval: EvalContext;
  readonly time: TimeReader;
  /**
   * Reports that the expression of `operator` failed on a row, or (negative weight) that this row is gone. `row` is what
   * the expression was given, with columns of `schema`. May throw.
   */
  rowError(error: SqlError, weight: number, operator: string, row: Row, schema: Schema): void;
  /** Reports a row that came when its window had closed, and is left out. */
  lateRow(row: Row, eventTime: Value, watermark: Value, schema: Schema): void;
}

/** The place an operator's output goes to, for operators that save work when nobody takes it. */
export interface OutputPort {
  hasConsumers(): boolean;
  /** Counts rows that would have been emitted. */
  countUnread(rows: number): void;
  /** True when nothing that is emitted from now on could matter. */
  isSatisfied(): boolean;
}

/** What an operator wants to be looked up outside of the database. */
export interface LookupDemand {
  /** Id of the relation whose rows are looked up by its key. */
  readonly relation: number;
  /** Keys that rows wait for since the last call, as values of the key's columns; some may have been asked for before. */
  take(): readonly Row[];
}

export interface Operator {
  /** Takes one delta batch at an input port. */
  push(port: number, batch: Batch, emit: Emit): void;
  /** All input of this tick has come. */
  flush(emit: Emit): void;
  /** Called once, before the first tick, by a dataflow. Without it the output counts as taken. */
  connectOutput?(output: OutputPort): void;
  /** True when the operator must be flushed on its first tick even without input (global aggregate, values). */
  readonly emitsInitially: boolean;
  /**
   * For operators that time moves (watermarks, the clock): true when `flush` has work although nothing was pushed. Asked
   * before every tick's flush, after watermarks and clock have their new values.
   */
  isDue?(): boolean;
  /** The clock time (microseconds) at which `isDue` becomes true by itself; null: none. */
  nextWake?(): bigint | null;
  /** Everything that the operator remembers from one tick to the next. Absent: nothing. */
  readonly persistent?: Persistent;
  /** True when no further input of this tick could change the output. Absent: never. */
  isSatisfied?(): boolean;
  /** For operators whose rows wait for something that is looked up elsewhere. */
  readonly lookup?: LookupDemand;
  /** Rows held in state. */
  stateRows(): number;
  /** Bytes of state, in and off the heap (estimated for boxed values). */
  stateBytes(): number;
}
