/**
 * The groups of an aggregation: a key table with accumulator columns, the argument sets, and the generated loop over
 * them. Per batch, in phases: find or make the groups of all rows, then the entries of all argument sets, then the loop
 * updates accumulators. Operators decide when results go out and groups go away.
 */
import { must } from '../../common/assert.ts';
import type { PhysicalAggregate } from '../../planner/plan/physical.ts';
import { KeyTable } from '../../storage/state/keyTable.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { newVector, type OutputVector } from '../../storage/state/vector.ts';
import type { Batch } from '../batch.ts';
import { type AggregateLoop, compileAggregate, type ResultSink } from '../codegen/aggregateLoop.ts';
import { layoutAggregates } from './aggregateLayout.ts';
import { ArgumentSet } from './aggregateSets.ts';
import { addStates, type GroupStates, getNumber, StateMaker, setState } from './aggregateStates.ts';
import type { Emit, TickContext } from './operator.ts';
import { persistentErrors, persistentParts } from './persistent.ts';

export class AggregateGroups {
  readonly table: KeyTable;
  readonly loop: AggregateLoop;
  readonly sets: readonly ArgumentSet[];
  readonly #keys: readonly number[];
  readonly #states: GroupStates;
  readonly #context: TickContext;
  /** Slots of the batch's rows, and the new ones among them. */
  slots = new Int32Array(16);
  created = new Int32Array(16);
  /** Key columns of the output. */
  #keyVectors: readonly OutputVector[] = [];
  #keyCapacity = 0;

  /**
   * `droppable`: groups go with all they have, before their rows are taken back. `retracts`: what was said of a group is
   * taken back when it changes; else a group is spoken of once.
   */
  constructor(node: PhysicalAggregate, context: TickContext, droppable: boolean, retracts: boolean) {
    const input = node.input.schema;
    const { appendOnly } = node.input;
    this.#context = context;
    this.#keys = node.keys;
    this.table = new KeyTable(node.keys.map((key) => must(input[key]).type));
    const layout = layoutAggregates(node.aggregates, input, appendOnly);
    // A group's entries go with it, so they must be found by it.
    if (droppable) for (const set of layout.sets) set.linked = true;
    const maker = new StateMaker(this.table.store);
    this.#states = addStates(layout.calls, maker);
    this.sets = layout.sets.map((set) => new ArgumentSet(set, maker));
    layout.calls.forEach((call, x) => {
      const { cached } = must(this.#states.calls[x]);
      if (call.form === 'indexedExtreme') must(this.sets[call.set]).addExtreme(call, must(cached), maker);
      if (call.form === 'collect') must(this.sets[call.set]).addCollector(call, must(cached));
    });
    this.loop = compileAggregate({
      input,
      output: node.schema.slice(node.keys.length),
      calls: layout.calls,
      groups: { ...this.#states, all: maker.all },
      sets: this.sets.map((set, s) => ({
        rows: set.rows.blocks,
        variants: set.variants.map((variant, v) => ({
          condition: must(must(layout.sets[s]).variants[v]),
          counts: variant.counts.blocks,
          tracked: variant.tracked,
        })),
        zeros: set.zeros,
        changed: set.changed,
      })),
      keyless: node.keys.length === 0,
      global: node.global,
      appendOnly,
      retracts,
      operator: node.kind,
      keys: {
        schema: node.keys.map((key) => must(input[key])),
        row: (slot) => this.table.store.columns.map((column) => column.value(slot)),
      },
    });
  }

  /** Finds the groups of a batch's rows in `slots`; makes new ones, which are listed in `created`. Returns how many. */
  find(batch: Batch): number {
    const n = batch.length;
    if (this.slots.length < n) {
      this.slots = new Int32Array(n);
      this.created = new Int32Array(n);
    }
    const keys = this.#keys.map((key) => must(batch.columns[key]));
    const made = this.table.upsert(keys, n, this.slots, this.created);
    if (made > 0) {
      this.table.store.touchExtras(this.created, made);
      this.loop.init(this.created, made);
    }
    return made;
  }

  /** Adds a batch to the groups that `find` has found. */
  update(batch: Batch, stamp: number): void {
    const n = batch.length;
    const { slots } = this;
    const entries = this.sets.map((set) => set.entriesOf(batch.columns, n, slots));
    this.table.store.touchExtras(slots, n);
    this.sets.forEach((set, s) => {
      set.table.store.touchExtras(must(entries[s]), n);
    });
    this.loop.update(batch.columns, n, batch.weights, slots, entries, this.#context, stamp);
  }

  /**
   * Input is complete: brings the argument sets in line and computes what groups have cached of them. `isFirst`: nothing
   * was computed for these groups before.
   */
  settle(slots: Int32Array, n: number, isFirst: boolean): void {
    for (const set of this.sets) set.settle(slots, n, isFirst);
  }

  /** Emits results with their keys. */
  sink(emit: Emit): ResultSink {
    const { table } = this;
    return (n, slots, columns, weights) => {
      if (this.#keyCapacity < slots.length) {
        this.#keyCapacity = slots.length;
        this.#keyVectors = table.store.types.map((type) => newVector(type, slots.length));
      }
      table.load(slots, n, this.#keyVectors);
      emit({ length: n, columns: [...this.#keyVectors, ...columns], weights });
    };
  }

  /** Sum of the weights of a group's rows. */
  rowsOf(slot: number): number {
    return getNumber(this.#states.rows, slot);
  }

  /** Lets go of what a group that goes away refers to. */
  release(slot: number): void {
    for (const state of this.#states.all) if (state.boxed) setState(state, slot, null);
    for (const { cached } of this.#states.calls) cached?.errors.delete(slot);
  }

  /** Lets go of all that groups which are about to be dropped have, but not of the groups themselves. */
  drop(slots: Int32Array, n: number): void {
    for (let j = 0; j < n; j++) this.release(slots[j] as number);
    for (const set of this.sets) set.dropGroups(slots, n);
  }

  get persistent(): Persistent {
    const errors = this.#states.calls.map(({ cached }) =>
      cached === null ? null : persistentErrors(cached.errors),
    );
    return persistentParts(this.table, ...this.sets.map((set) => set.persistent), ...errors);
  }

  stateRows(): number {
    let rows = this.table.rows();
    for (const set of this.sets) rows += set.stateRows();
    return rows;
  }

  stateBytes(): number {
    let bytes = this.table.bytes();
    for (const set of this.sets) bytes += set.stateBytes();
    return bytes;
  }
}
