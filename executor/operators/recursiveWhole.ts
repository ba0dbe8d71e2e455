/**
 * WITH RECURSIVE computed as a whole in every tick that concerns it, for a step that is not linear (DISTINCT ON, window
 * functions, LIMIT, a subquery over the working table ...): its result over the rows of one iteration does not follow from
 * those over the next. Only the net change goes out.
 *
 * State: per different row how often the base gives it and how often it is in the result; the sources, in the step's
 * dataflow, which stays. Within a tick the working table is put into the step, and its change from one iteration to the
 * next. Invariant: between ticks the working table is empty.
 */
import type { SqlError } from '../../common/sqlError.ts';
import type { PhysicalRecursive } from '../../planner/plan/physical.ts';
import type { Int32Blocks } from '../../storage/state/blocks.ts';
import { Scratch } from '../../storage/state/keyIndex.ts';
import { KeyTable } from '../../storage/state/keyTable.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { SlotEmitter } from '../../storage/state/slotEmitter.ts';
import type { Batch } from '../batch.ts';
import type { Emit, Operator, OutputPort, TickContext } from './operator.ts';
import {
  loadedError,
  loadedRow,
  persistentParts,
  persistentValue,
  type SavedError,
  savedError,
  savedRow,
} from './persistent.ts';
import { RecursionLimit } from './recursiveLimit.ts';
import { type StepBuilder, type StepDataflow, StepSink } from './recursiveStep.ts';

type ErrorReport = readonly [
  error: SqlError,
  operator: string,
  row: Parameters<TickContext['rowError']>[3],
  schema: Parameters<TickContext['rowError']>[4],
];

interface SavedReport {
  readonly error: SavedError;
  readonly operator: string;
  readonly row: readonly (Uint8Array | null)[];
  readonly schema: ErrorReport[3];
}

export class WholeRecursion implements Operator {
  readonly emitsInitially = false;
  readonly #all: boolean;
  readonly #streams: boolean;
  #port: OutputPort | null = null;
  readonly #context: TickContext;
  readonly #limit: RecursionLimit;
  readonly #step: StepDataflow;
  readonly #rows: KeyTable;
  readonly #base: Int32Blocks;
  /** How often the step gives the row over the present working table. */
  readonly #given: Int32Blocks;
  /** What of the row is in the working table. */
  readonly #working: Int32Blocks;
  readonly #before: Int32Blocks;
  readonly #after: Int32Blocks;
  readonly #toSelf: SlotEmitter;
  readonly #output: SlotEmitter;
  readonly #slots = new Scratch();
  readonly #created = new Scratch();
  /** Rows that the step gives. */
  readonly #present = new Set<number>();
  /** Of the last evaluation: what failed, each as often as reported. */
  #reports: ErrorReport[] = [];

  constructor(node: PhysicalRecursive, context: TickContext, build: StepBuilder) {
    this.#all = node.all;
    this.#streams = node.streams ?? false;
    this.#context = context;
    this.#limit = new RecursionLimit(node, context);
    this.#rows = new KeyTable(node.schema.map((column) => column.type));
    const { store } = this.#rows;
    this.#base = store.addInt32();
    this.#given = store.addInt32();
    this.#working = store.addInt32();
    this.#before = store.addInt32();
    this.#after = store.addInt32();
    this.#toSelf = new SlotEmitter(store);
    this.#output = new SlotEmitter(store);
    const sink = new StepSink((batch) => this.#count(batch, this.#given));
    this.#step = build(this.#inner(), sink);
  }

  /** A failure counts when its row comes; that rows go again within the tick is of no interest. */
  #inner(): TickContext {
    const context = this.#context;
    return {
      get eval() {
        return context.eval;
      },
      get time() {
        return context.time;
      },
      rowError: (error, weight, operator, row, schema) => {
        for (let i = 0; i < weight; i++) {
          context.rowError(error, 1, operator, row, schema);
          this.#reports.push([error, operator, row, schema]);
        }
      },
      lateRow: (row, eventTime, watermark, schema) => context.lateRow(row, eventTime, watermark, schema),
    };
  }

  get persistent(): Persistent {
    const present = persistentValue<readonly number[]>(
      () => [...this.#present],
      (slots) => {
        for (const slot of slots) this.#present.add(slot);
      },
    );
    return persistentParts(
      this.#rows,
      present,
      this.#savedReports(),
      this.#limit.persistent,
      this.#step.persistent,
    );
  }

  #savedReports(): Persistent {
    return persistentValue<readonly SavedReport[]>(
      () =>
        this.#reports.map(([error, operator, row, schema]) => ({
          error: savedError(error),
          operator,
          row: savedRow(row, schema),
          schema,
        })),
      (saved) => {
        this.#reports = saved.map(({ error, operator, row, schema }) => [
          loadedError(error),
          operator,
          loadedRow(row, schema),
          schema,
        ]);
      },
    );
  }

  connectOutput(port: OutputPort): void {
    this.#port = port;
  }

  push(port: number, batch: Batch): void {
    if (port === 0) this.#count(batch, this.#base);
    else this.#step.feedSource(port - 1, batch);
  }

  #count(batch: Batch, counts: Int32Blocks): void {
    const n = batch.length;
    const slots = this.#slots.ints(n);
    const created = this.#created.ints(n);
    const made = this.#rows.upsert(batch.columns, n, slots, created);
    const columns = [this.#base, this.#given, this.#working, this.#before, this.#after];
    for (let k = 0; k < made; k++) for (const column of columns) column.set(created[k] as number, 0);
    for (let i = 0; i < n; i++) {
      const slot = slots[i] as number;
      const count = counts.get(slot) + (batch.weights[i] as number);
      this.#limit.checkMultiplicity(count);
      counts.set(slot, count);
      if (counts !== this.#given) continue;
      if (count === 0) this.#present.delete(slot);
      else this.#present.add(slot);
    }
  }

  flush(emit: Emit): void {
    for (const [error, operator, row, schema] of this.#reports.splice(0)) {
      this.#context.rowError(error, -1, operator, row, schema);
    }
    this.#limit.start();
    this.#step.run();
    const ended = this.#evaluate(emit);
    this.#limit.settle(!ended);
    this.#emitResult(ended, emit);
  }

  /** Fills `after`; false: there is no end. The working table is empty afterwards. */
  #evaluate(emit: Emit): boolean {
    let working: ReadonlyMap<number, number> = this.#first();
    let ended = true;
    while (working.size > 0) {
      for (const [slot, count] of working) {
        const all = this.#after.get(slot) + count;
        this.#limit.checkMultiplicity(all);
        this.#after.set(slot, all);
      }
      if (this.#streams && this.#stream(working, emit)) break;
      ended = this.#limit.next(this.#rows.rows());
      if (!ended) break;
      this.#replace(working);
      working = this.#next();
    }
    this.#replace(new Map());
    return ended;
  }

  /** Emits the rows of an iteration; true: that was enough. */
  #stream(rows: ReadonlyMap<number, number>, emit: Emit): boolean {
    for (const [slot, count] of rows) {
      this.#before.set(slot, this.#before.get(slot) + count);
      this.#output.add(slot, count, emit);
    }
    this.#output.finish(emit);
    return this.#port?.isSatisfied() === true;
  }

  #first(): ReadonlyMap<number, number> {
    const rows = new Map<number, number>();
    this.#eachSlot((slot) => {
      const count = this.#base.get(slot);
      if (count > 0) rows.set(slot, this.#all ? count : 1);
    });
    return rows;
  }

  #next(): ReadonlyMap<number, number> {
    const rows = new Map<number, number>();
    for (const slot of this.#present) {
      const count = this.#given.get(slot);
      if (this.#all) rows.set(slot, count);
      else if (this.#after.get(slot) === 0) rows.set(slot, 1);
    }
    return rows;
  }

  #inTable: number[] = [];

  /** Gives the step another working table. */
  #replace(rows: ReadonlyMap<number, number>): void {
    const feed = (batch: Batch): void => this.#step.feedSelf(batch);
    for (const slot of this.#inTable) {
      const change = (rows.get(slot) ?? 0) - this.#working.get(slot);
      if (change < 0) this.#change(slot, change, feed);
    }
    for (const [slot, count] of rows) {
      const change = count - this.#working.get(slot);
      if (change > 0) this.#change(slot, change, feed);
    }
    this.#toSelf.finish(feed);
    this.#inTable = [...rows.keys()];
    this.#step.run();
  }

  #change(slot: number, change: number, feed: Emit): void {
    this.#working.set(slot, this.#working.get(slot) + change);
    this.#toSelf.add(slot, change, feed);
  }

  #eachSlot(visit: (slot: number) => void): void {
    const { store } = this.#rows;
    const free = store.freeSlots();
    const end = store.end();
    for (let slot = 0; slot < end; slot++) if (!free.has(slot)) visit(slot);
  }

  #emitResult(ended: boolean, emit: Emit): void {
    const gone: number[] = [];
    this.#eachSlot((slot) => {
      const after = ended ? this.#after.get(slot) : 0;
      const change = after - this.#before.get(slot);
      if (change !== 0) this.#output.add(slot, change, emit);
      this.#before.set(slot, after);
      this.#after.set(slot, 0);
      if (after === 0 && this.#base.get(slot) === 0 && this.#given.get(slot) === 0) gone.push(slot);
    });
    this.#output.finish(emit);
    for (const slot of gone) this.#rows.remove(slot);
  }

  stateRows(): number {
    return this.#rows.rows() + this.#step.stateRows();
  }

  stateBytes(): number {
    return this.#rows.bytes() + this.#step.stateBytes();
  }
}
