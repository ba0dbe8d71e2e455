/**
 * Filter on the moment: rows for which a condition with now() in it is true, as time passes.
 *
 * State: the rows (by identity, where they may be taken back) with their weights, whether they are in the output, and
 * the next time at which one of the condition's comparisons flips, in buckets by that time. In `flush` new rows and the
 * rows whose time has come are tested at the tick's time; between its flips a row costs nothing.
 * A row none of whose comparisons will ever flip again, or that one of them keeps out for ever, is forgotten: its verdict
 * is final, so its retraction is tested when it comes.
 * Invariant between ticks: stored rows have positive weights and a next flip after the last tick's time.
 */
import { must } from '../../common/assert.ts';
import type { Schema } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Value } from '../../common/value.ts';
import type { MomentComparison, PhysicalTemporalFilter } from '../../planner/plan/physical.ts';
import type { BigInt64Blocks, Int32Blocks } from '../../storage/state/blocks.ts';
import { KeyTable } from '../../storage/state/keyTable.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { RowStore } from '../../storage/state/rowStore.ts';
import { TimeBuckets } from '../../storage/state/timeBuckets.ts';
import { newBatch, type OutputBatch, vectorValue } from '../../storage/state/vector.ts';
import { BATCH_ROWS, type Batch } from '../batch.ts';
import { batchRow } from '../batchBuilder.ts';
import { compileScalar, type RowFunction } from '../codegen/evaluate.ts';
import { compileSelection, type Selection } from '../codegen/predicate.ts';
import { holdsAt, Moment, nextFlip } from './moment.ts';
import type { Emit, Operator, TickContext } from './operator.ts';
import { persistentErrors, persistentParts } from './persistent.ts';
import { RowOutput } from './topNOutput.ts';

/** What the condition says of a row. */
const UNTESTED = 0;
const FAILS = 1;
const PASSES = 2;
const ERROR = 3;

/** The next flip of a row that is to be forgotten. */
const NEVER = -(1n << 63n);

interface Comparison {
  readonly operator: MomentComparison['operator'];
  /** The compared column, or -1. */
  readonly column: number;
  readonly expr: RowFunction;
  readonly moment: Moment;
  readonly conjunct: boolean;
}

export class TemporalFilterOperator implements Operator {
  readonly emitsInitially = false;
  readonly #context: TickContext;
  readonly #operator: string;
  readonly #schema: Schema;
  readonly #comparisons: readonly Comparison[];
  readonly #selection: Selection;
  /** Finds a row again; null when no row is ever taken back. */
  readonly #table: KeyTable | null;
  readonly #store: RowStore;
  readonly #weights: Int32Blocks;
  /** Per row: the verdict of its last test, and the weight that was emitted (passes) or reported (error) by it. */
  readonly #verdicts: Int32Blocks;
  readonly #settled: Int32Blocks;
  /** Per row: 1 when it is listed in #touched. */
  readonly #marks: Int32Blocks;
  readonly #flips: BigInt64Blocks;
  readonly #due: TimeBuckets;
  readonly #errors = new Map<number, SqlError>();
  readonly #touched: number[] = [];
  readonly #output: RowOutput;
  #batch: OutputBatch;
  #slots = new Int32Array(16);
  #created = new Int32Array(16);
  /** For tests: rows by their number in the batch, + 1, so that an error tells its row. */
  readonly #numbers = Int32Array.from({ length: BATCH_ROWS }, (_, i) => i + 1);
  readonly #passed = new Int32Array(BATCH_ROWS);
  readonly #testContext: TickContext;
  #tested: readonly number[] = [];

  constructor(node: PhysicalTemporalFilter, context: TickContext) {
    const { schema } = node.input;
    const types = schema.map((column) => column.type);
    this.#context = context;
    this.#operator = node.kind;
    this.#schema = schema;
    this.#comparisons = node.comparisons.map(({ expr, operator, moment, conjunct }) => ({
      operator,
      conjunct: conjunct === true,
      column: expr.kind === 'column' ? expr.index : -1,
      expr: compileScalar(expr),
      moment: new Moment(moment, context.eval),
    }));
    this.#selection = compileSelection(node.condition, schema, node.kind);
    this.#table = node.input.appendOnly ? null : new KeyTable(types, 'same');
    this.#store = this.#table?.store ?? new RowStore(types);
    this.#weights = this.#store.addInt32();
    this.#verdicts = this.#store.addInt32();
    this.#settled = this.#store.addInt32();
    this.#marks = this.#store.addInt32();
    this.#flips = this.#store.addBigInt64();
    this.#due = new TimeBuckets(this.#store, this.#flips, true);
    this.#output = new RowOutput(this.#store, 0, false);
    this.#batch = newBatch(types, 16);
    this.#testContext = {
      eval: context.eval,
      time: context.time,
      lateRow: (...late) => context.lateRow(...late),
      rowError: (error, number) => {
        const slot = must(this.#tested[number - 1]);
        this.#errors.set(slot, error);
        this.#verdicts.set(slot, ERROR);
      },
    };
  }

  push(_port: number, batch: Batch): void {
    const n = batch.length;
    if (this.#slots.length < n) {
      this.#slots = new Int32Array(n);
      this.#created = new Int32Array(n);
    }
    const made = this.#storeRows(batch);
    for (let j = 0; j < made; j++) {
      const slot = this.#created[j] as number;
      this.#weights.set(slot, 0);
      this.#verdicts.set(slot, UNTESTED);
      this.#settled.set(slot, 0);
      this.#marks.set(slot, 0);
      this.#setFlip(slot, NEVER);
    }
    for (let j = 0; j < n; j++) {
      const slot = this.#slots[j] as number;
      this.#weights.set(slot, this.#weights.get(slot) + (batch.weights[j] as number));
      this.#touch(slot);
    }
  }

  /** Fills #slots, and #created with those that are new. */
  #storeRows(batch: Batch): number {
    const n = batch.length;
    if (this.#table !== null) return this.#table.upsert(batch.columns, n, this.#slots, this.#created);
    for (let j = 0; j < n; j++) {
      const slot = this.#store.alloc();
      this.#slots[j] = slot;
      this.#created[j] = slot;
    }
    this.#store.store(batch.columns, null, null, n, this.#slots);
    return n;
  }

  #touch(slot: number): void {
    if (this.#marks.get(slot) !== 0) return;
    this.#marks.set(slot, 1);
    this.#touched.push(slot);
  }

  #setFlip(slot: number, flip: bigint): void {
    this.#flips.set(slot, flip);
  }

  #flipOf(slot: number): bigint {
    return this.#flips.get(slot);
  }

  flush(emit: Emit): void {
    const now = this.#context.time.now();
    const untested: number[] = [];
    for (const slot of this.#touched) {
      if (this.#verdicts.get(slot) === UNTESTED && this.#weights.get(slot) !== 0) untested.push(slot);
    }
    this.#due.expire(now + 1n, (slots, n) => {
      for (let j = 0; j < n; j++) {
        const slot = slots[j] as number;
        this.#touch(slot);
        if (this.#weights.get(slot) !== 0) untested.push(slot);
      }
    });
    this.#output.begin(emit, this.#touched.length);
    for (let from = 0; from < untested.length; from += BATCH_ROWS) {
      this.#test(untested.slice(from, from + BATCH_ROWS), now);
    }
    for (const slot of this.#touched) this.#settle(slot, this.#weights.get(slot));
    this.#output.end();
    for (const slot of this.#touched) this.#finish(slot);
    this.#touched.length = 0;
  }

  /** Tests rows at this time, and finds out when they are to be tested again. */
  #test(slots: readonly number[], now: bigint): void {
    const n = slots.length;
    if (this.#batch.weights.length < n) this.#batch = newBatch(this.#store.types, BATCH_ROWS);
    const batch = this.#batch;
    this.#store.load(Int32Array.from(slots), n, batch.columns);
    batch.length = n;
    this.#tested = slots;
    const before = slots.map((slot) => this.#verdicts.get(slot));
    const errors = slots.map((slot) => this.#errors.get(slot));
    for (const slot of slots) this.#verdicts.set(slot, FAILS);
    const passed = this.#selection(batch.columns, n, this.#numbers, this.#testContext, this.#passed);
    for (let k = 0; k < passed; k++) this.#verdicts.set(slots[this.#passed[k] as number] as number, PASSES);
    slots.forEach((slot, i) => {
      const verdict = this.#verdicts.get(slot);
      const was = before[i] as number;
      if (was !== verdict) this.#takeBack(slot, was, errors[i]);
      // Its error is taken back as it was reported.
      else if (verdict === ERROR) this.#errors.set(slot, must(errors[i]));
      const flip = this.#nextFlip(batch, i, now);
      this.#setFlip(slot, flip ?? NEVER);
      if (flip !== null) this.#due.insert(slot);
    });
  }

  #nextFlip(batch: OutputBatch, i: number, now: bigint): bigint | null {
    let next: bigint | null = null;
    for (const comparison of this.#comparisons) {
      const value = this.#valueOf(comparison, batch, i);
      const { operator, moment, conjunct } = comparison;
      const flip = nextFlip(value, operator, moment, now);
      // False for ever: whatever the others do.
      if (flip === null && conjunct && !holdsAt(value, operator, moment, now)) return null;
      if (flip !== null && (next === null || flip < next)) next = flip;
    }
    return next;
  }

  /** The compared value; NULL where it cannot be computed: it never can, and flips nothing. */
  #valueOf({ column, expr }: Comparison, batch: OutputBatch, i: number): Value {
    if (column >= 0) return vectorValue(must(batch.columns[column]), i);
    try {
      return expr(this.#context.eval, batchRow(batch, i));
    } catch (error) {
      if (error instanceof SqlError) return null;
      throw error;
    }
  }

  /** The row's verdict has changed: what was emitted or reported by the last one does not hold any more. */
  #takeBack(slot: number, verdict: number, error: SqlError | undefined): void {
    const weight = this.#settled.get(slot);
    if (weight !== 0 && verdict === PASSES) this.#output.add(slot, -weight, 0);
    if (verdict === ERROR) {
      if (weight !== 0) this.#report(slot, must(error), -weight);
      this.#errors.delete(slot);
    }
    this.#settled.set(slot, 0);
  }

  #report(slot: number, error: SqlError, weight: number): void {
    const row = this.#store.columns.map((column) => column.value(slot));
    this.#context.rowError(error, weight, this.#operator, row, this.#schema);
  }

  /** Emits or reports what the row's weight has changed by. */
  #settle(slot: number, weight: number): void {
    const change = weight - this.#settled.get(slot);
    if (change === 0) return;
    const verdict = this.#verdicts.get(slot);
    if (verdict === PASSES) this.#output.add(slot, change, 0);
    else if (verdict === ERROR) this.#report(slot, must(this.#errors.get(slot)), change);
    this.#settled.set(slot, weight);
  }

  /** Forgets the row if it is gone, or if its verdict is final. */
  #finish(slot: number): void {
    this.#marks.set(slot, 0);
    const isFinal = this.#flipOf(slot) === NEVER;
    if (this.#weights.get(slot) !== 0 && !isFinal) return;
    this.#errors.delete(slot);
    if (!isFinal) this.#due.remove(slot);
    if (this.#table !== null) this.#table.remove(slot);
    else this.#store.free(slot);
  }

  isDue(): boolean {
    const first = this.nextWake();
    return first !== null && first <= this.#context.time.now();
  }

  nextWake(): bigint | null {
    return this.#due.minimum() as bigint | null;
  }

  get persistent(): Persistent {
    return persistentParts(this.#table ?? this.#store, this.#due, persistentErrors(this.#errors));
  }

  stateRows(): number {
    return this.#store.rows();
  }

  stateBytes(): number {
    return (this.#table?.bytes() ?? this.#store.bytes()) + this.#due.bytes();
  }
}
