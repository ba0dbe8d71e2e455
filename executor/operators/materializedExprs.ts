/**
 * Volatile expressions whose values stay with their row: a row that goes takes the values along that it came with.
 *
 * State: the input's rows by identity, each with a chain of its copies, newest first; a copy holds the values, or that
 * they could not be computed. In `flush` the net change of each row is worked off: copies that go are taken from the
 * newest end, copies that come are evaluated. With a bound, rows whose column has passed are forgotten without output.
 * Over append-only input rows are evaluated and passed on, and nothing is kept.
 * Invariant between ticks: a row has as many copies as its multiplicity, at least one.
 */
import { must } from '../../common/assert.ts';
import { type Schema, types } from '../../common/dataType.ts';
import type { SqlError } from '../../common/sqlError.ts';
import type { Row } from '../../common/value.ts';
import type { PhysicalMaterializedExprs } from '../../planner/plan/physical.ts';
import type { Scalar } from '../../planner/plan/scalar.ts';
import type { Int32Blocks } from '../../storage/state/blocks.ts';
import { Scratch } from '../../storage/state/keyIndex.ts';
import { KeyTable } from '../../storage/state/keyTable.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { RowStore } from '../../storage/state/rowStore.ts';
import { TouchedSlots } from '../../storage/state/touchedSlots.ts';
import { newBatch, type OutputBatch } from '../../storage/state/vector.ts';
import { BATCH_ROWS, type Batch } from '../batch.ts';
import { type CalcLoop, compileCalc } from '../codegen/calc.ts';
import type { Emit, Operator, TickContext } from './operator.ts';
import { persistentFailures, persistentParts, persistentValue } from './persistent.ts';
import { SlotPairs } from './slotPairs.ts';
import { keyCleaner, type StateCleaner } from './stateCleaner.ts';
import { StatelessOperator } from './stateless.ts';

/** The operator of a MaterializedExprs node. */
export function createMaterializedExprs(node: PhysicalMaterializedExprs, context: TickContext): Operator {
  return node.input.appendOnly
    ? new EvaluatedOnce(node, context)
    : new MaterializedExprsOperator(node, context);
}

const columnsOf = (schema: Schema): readonly Scalar[] =>
  schema.map(({ type }, index) => ({ kind: 'column', index, type }));

/** Rows that stay: nothing has to be remembered. */
class EvaluatedOnce extends StatelessOperator {
  readonly #loop: CalcLoop;
  readonly #context: TickContext;

  constructor(node: PhysicalMaterializedExprs, context: TickContext) {
    super();
    const { schema } = node.input;
    this.#loop = compileCalc(null, [...columnsOf(schema), ...node.exprs], schema, node.kind);
    this.#context = context;
  }

  push(_port: number, batch: Batch, emit: Emit): void {
    this.#loop(batch, this.#context, emit);
  }
}

/** An error that a copy was reported with; it is taken back when the copy goes. */
interface Failure {
  readonly error: SqlError;
  readonly operator: string;
}

class MaterializedExprsOperator implements Operator {
  readonly emitsInitially = false;
  readonly isDue?: () => boolean;
  readonly #context: TickContext;
  readonly #schema: Schema;
  readonly #rows: KeyTable;
  /** Per row: the net change in this tick, its newest copy + 1. */
  readonly #delta: Int32Blocks;
  readonly #head: Int32Blocks;
  readonly #touched: TouchedSlots;
  readonly #copies: RowStore;
  /** Per copy: the copy before it + 1. */
  readonly #next: Int32Blocks;
  /** By copy: what was reported of it. */
  readonly #failures = new Map<number, Failure>();
  /** Copies without values: rows that are left out. */
  readonly #failed = new Set<number>();
  readonly #pairs: SlotPairs;
  readonly #cleaner: StateCleaner | null;
  readonly #evaluation: Evaluation;
  readonly #slots = new Scratch();
  readonly #created = new Scratch();
  readonly persistent: Persistent;

  constructor(node: PhysicalMaterializedExprs, context: TickContext) {
    const { schema } = node.input;
    this.#context = context;
    this.#schema = schema;
    this.#rows = new KeyTable(
      schema.map((c) => c.type),
      'same',
    );
    const { store } = this.#rows;
    this.#delta = store.addInt32();
    this.#head = store.addInt32();
    this.#touched = new TouchedSlots(store);
    this.#copies = new RowStore(node.exprs.map((s) => s.type));
    this.#next = this.#copies.addInt32();
    this.#pairs = new SlotPairs({ store, hidden: 0 }, { store: this.#copies, hidden: 0 });
    this.#evaluation = new Evaluation(node, context);
    const { clean } = node;
    const drop = (slots: Int32Array, n: number): void => {
      for (let j = 0; j < n; j++) this.#forget(slots[j] as number);
    };
    this.#cleaner =
      clean === undefined ? null : keyCleaner(clean.term, context, this.#rows, clean.column, drop);
    const cleaner = this.#cleaner;
    if (cleaner !== null) this.isDue = () => cleaner.isDue();
    this.persistent = persistentParts(
      this.#rows,
      this.#copies,
      persistentFailures(this.#failures),
      persistentValue<readonly number[]>(
        () => [...this.#failed],
        (failed) => {
          for (const copy of failed) this.#failed.add(copy);
        },
      ),
    );
  }

  push(_port: number, batch: Batch): void {
    const n = batch.length;
    const slots = this.#slots.ints(n);
    const created = this.#created.ints(n);
    const made = this.#rows.upsert(batch.columns, n, slots, created);
    for (let k = 0; k < made; k++) {
      this.#delta.set(created[k] as number, 0);
      this.#head.set(created[k] as number, 0);
    }
    for (let i = 0; i < n; i++) {
      const slot = slots[i] as number;
      this.#touched.touch(slot, 0);
      this.#delta.set(slot, this.#delta.get(slot) + (batch.weights[i] as number));
    }
  }

  flush(emit: Emit): void {
    const touched = this.#touched.slots.slice(0, this.#touched.length);
    this.#touched.reset();
    this.#takeBack(touched, emit);
    this.#evaluate(touched, emit);
    for (const slot of touched) {
      this.#delta.set(slot, 0);
      if (this.#head.get(slot) === 0) this.#rows.remove(slot);
    }
    this.#cleaner?.clean();
  }

  #takeBack(touched: Int32Array, emit: Emit): void {
    const gone: number[] = [];
    for (const slot of touched) {
      for (let n = this.#delta.get(slot); n < 0 && this.#head.get(slot) !== 0; n++) {
        const copy = this.#head.get(slot) - 1;
        this.#head.set(slot, this.#next.get(copy));
        const failure = this.#failures.get(copy);
        if (failure !== undefined) this.#report(failure, -1, slot);
        if (!this.#failed.has(copy)) this.#pairs.add(slot, copy, -1, emit);
        gone.push(copy);
      }
    }
    this.#pairs.finish(emit);
    for (const copy of gone) this.#free(copy);
  }

  #evaluate(touched: Int32Array, emit: Emit): void {
    let pending: number[] = [];
    for (const slot of touched) {
      for (let n = this.#delta.get(slot); n > 0; n--) {
        pending.push(slot);
        if (pending.length < BATCH_ROWS) continue;
        this.#evaluateRows(pending, emit);
        pending = [];
      }
    }
    if (pending.length > 0) this.#evaluateRows(pending, emit);
    this.#pairs.finish(emit);
  }

  /** Makes a copy of each of the rows (one for each time it occurs). */
  #evaluateRows(slots: readonly number[], emit: Emit): void {
    const n = slots.length;
    const copies = new Int32Array(n);
    for (let j = 0; j < n; j++) {
      const slot = slots[j] as number;
      const copy = this.#copies.alloc();
      copies[j] = copy;
      this.#next.set(copy, this.#head.get(slot));
      this.#head.set(slot, copy + 1);
    }
    const { failures, computed } = this.#evaluation.run(
      (out) => this.#rows.load(Int32Array.from(slots), n, out.columns),
      n,
      (columns, rows) => {
        const target = Int32Array.from(rows, (row) => copies[row] as number);
        this.#copies.store(columns, null, null, rows.length, target);
      },
    );
    for (const [row, failure] of failures) {
      this.#failures.set(copies[row] as number, failure);
      this.#report(failure, 1, slots[row] as number);
    }
    for (let j = 0; j < n; j++) {
      const copy = copies[j] as number;
      if (computed[j] === 1) this.#pairs.add(slots[j] as number, copy, 1, emit);
      else this.#failed.add(copy);
    }
    this.#storeNulls(copies.filter((_, j) => computed[j] === 0));
  }

  /** Slots that are used again hold NULLs, not what was there before. */
  #storeNulls(copies: Int32Array): void {
    if (copies.length === 0) return;
    const nulls = newBatch(this.#copies.types, copies.length).columns;
    for (const vector of nulls) vector.nulls = vector.spare.fill(1);
    this.#copies.store(nulls, null, null, copies.length, copies);
  }

  #report(failure: Failure, weight: number, slot: number): void {
    const row = this.#rows.store.values(slot);
    this.#context.rowError(failure.error, weight, failure.operator, row, this.#schema);
  }

  /** Lets go of the copies of a row whose time is over. */
  #forget(slot: number): void {
    let copy = this.#head.get(slot) - 1;
    while (copy >= 0) {
      const before = this.#next.get(copy) - 1;
      this.#free(copy);
      copy = before;
    }
    this.#head.set(slot, 0);
  }

  #free(copy: number): void {
    this.#failures.delete(copy);
    this.#failed.delete(copy);
    this.#copies.free(copy);
  }

  stateRows(): number {
    return this.#rows.rows() + this.#copies.rows();
  }

  stateBytes(): number {
    return this.#rows.bytes() + this.#copies.bytes() + this.#touched.bytes() + this.#pairs.bytes();
  }
}

interface Evaluated {
  /** By row of the batch: what went wrong. A row may have its values all the same (NULL in place of what failed). */
  readonly failures: ReadonlyMap<number, Failure>;
  /** computed[row] = 1: the row has values. */
  readonly computed: Uint8Array;
}

/** Computes the expressions over batches; rows are told apart by a number behind the input's columns. */
class Evaluation {
  readonly #loop: CalcLoop;
  readonly #batch: OutputBatch;
  readonly #failures = new Map<number, Failure>();
  readonly #tick: TickContext;

  constructor(node: PhysicalMaterializedExprs, context: TickContext) {
    const numbered: Schema = [...node.input.schema, { name: 'row', type: types.int4, nullable: false }];
    const number: Scalar = { kind: 'column', index: numbered.length - 1, type: types.int4 };
    this.#loop = compileCalc(null, [number, ...node.exprs], numbered, node.kind);
    this.#batch = newBatch(
      numbered.map((c) => c.type),
      BATCH_ROWS,
    );
    this.#batch.weights.fill(1);
    const failures = this.#failures;
    this.#tick = {
      get eval() {
        return context.eval;
      },
      get time() {
        return context.time;
      },
      rowError: (error: SqlError, _weight: number, operator: string, row: Row): void => {
        failures.set(must(row.at(-1)) as number, { error, operator });
      },
      lateRow: (row, eventTime, watermark, schema) => context.lateRow(row, eventTime, watermark, schema),
    };
  }

  /** `load` fills in the rows; `take` gets the values of those (by number) that could be computed. */
  run(
    load: (out: OutputBatch) => void,
    n: number,
    take: (values: Batch['columns'], rows: Int32Array) => void,
  ): Evaluated {
    const batch = this.#batch;
    this.#failures.clear();
    load(batch);
    const numbers = must(batch.columns.at(-1)).data;
    for (let j = 0; j < n; j++) numbers[j] = j;
    batch.length = n;
    const computed = new Uint8Array(n);
    this.#loop(batch, this.#tick, (result) => {
      const [number, ...values] = result.columns;
      const rows = Int32Array.from(must(number).data.slice(0, result.length) as Int32Array);
      for (const row of rows) computed[row] = 1;
      take(values, rows);
    });
    return { failures: new Map(this.#failures), computed };
  }
}
