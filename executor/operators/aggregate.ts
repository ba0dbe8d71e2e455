/**
 * GROUP BY: one row per group, emitted as net changes.
 *
 * Per batch, in phases: find or make the groups of all rows, then the entries of all argument sets, then one generated
 * loop updates accumulators. In `flush` the touched groups' results are compared with those before the tick.
 * State: a key table of groups with accumulator columns, and argument sets (see aggregateSets.ts).
 * Invariant between ticks: a group exists iff its rows' weights sum to more than zero (a global group always) and, with
 * a bound, its key (or the latest of its rows) has not passed: such groups are dropped without output.
 */
import { must } from '../../common/assert.ts';
import type { PhysicalAggregate } from '../../planner/plan/physical.ts';
import { KeyTable } from '../../storage/state/keyTable.ts';
import { newVector, type OutputVector } from '../../storage/state/vector.ts';
import type { Batch } from '../batch.ts';
import { type AggregateLoop, compileAggregate, type ResultSink } from '../codegen/aggregateLoop.ts';
import { layoutAggregates } from './aggregateLayout.ts';
import { ArgumentSet } from './aggregateSets.ts';
import { addStates, type GroupStates, getNumber, StateMaker, setState } from './aggregateStates.ts';
import { GroupTimes } from './groupTimes.ts';
import type { Emit, Operator, TickContext } from './operator.ts';
import { keyCleaner, type StateCleaner } from './stateCleaner.ts';

export class AggregateOperator implements Operator {
  readonly emitsInitially: boolean;
  readonly isDue?: () => boolean;
  readonly #context: TickContext;
  readonly #keys: readonly number[];
  readonly #global: boolean;
  readonly #groups: KeyTable;
  readonly #states: GroupStates;
  readonly #sets: readonly ArgumentSet[];
  readonly #loop: AggregateLoop;
  /** Slots of the batch's rows, and the new ones among them. */
  #slots = new Int32Array(16);
  #created = new Int32Array(16);
  /** Key columns of the output. */
  #keyVectors: readonly OutputVector[] = [];
  #keyCapacity = 0;
  /** The tick's number: what marks a group as touched in it. */
  #stamp = 1;
  readonly #cleaner: StateCleaner | null = null;
  /** Where the bound is on the greatest value of an argument. */
  readonly #times: GroupTimes | null = null;
  readonly #timeColumn: number = -1;

  constructor(node: PhysicalAggregate, context: TickContext) {
    const input = node.input.schema;
    const { appendOnly } = node.input;
    this.emitsInitially = node.global;
    this.#context = context;
    this.#keys = node.keys;
    this.#global = node.global;
    this.#groups = new KeyTable(node.keys.map((key) => must(input[key]).type));
    const layout = layoutAggregates(node.aggregates, input, appendOnly);
    if (node.clean !== undefined) {
      // A group's entries go with it, so they must be found by it.
      for (const set of layout.sets) set.linked = true;
      const drop = (slots: Int32Array, n: number): void => this.#drop(slots, n);
      const { term, column } = node.clean;
      if (column >= node.keys.length) {
        const { args, type } = must(node.aggregates[column - node.keys.length]);
        this.#times = new GroupTimes(term, type, context, this.#groups, drop);
        this.#timeColumn = must(args[0]);
      }
      const cleaner = this.#times?.cleaner ?? keyCleaner(term, context, this.#groups, column, drop);
      this.#cleaner = cleaner;
      this.isDue = () => cleaner.isDue();
    }
    const maker = new StateMaker(this.#groups.store);
    this.#states = addStates(layout.calls, maker);
    this.#sets = layout.sets.map((set) => new ArgumentSet(set, maker));
    layout.calls.forEach((call, x) => {
      const { cached } = must(this.#states.calls[x]);
      if (call.form === 'indexedExtreme') must(this.#sets[call.set]).addExtreme(call, must(cached), maker);
      if (call.form === 'collect') must(this.#sets[call.set]).addCollector(call, must(cached));
    });
    this.#loop = compileAggregate({
      input,
      output: node.schema.slice(node.keys.length),
      calls: layout.calls,
      groups: { ...this.#states, all: maker.all },
      sets: this.#sets.map((set, s) => ({
        rows: set.rows.blocks,
        variants: set.variants.map((variant, v) => ({
          condition: must(must(layout.sets[s]).variants[v]),
          counts: variant.counts.blocks,
          tracked: variant.tree !== null,
        })),
        zeros: set.zeros,
        changed: set.changed,
      })),
      keyless: node.keys.length === 0,
      global: node.global,
      appendOnly,
      operator: node.kind,
    });
  }

  push(_port: number, batch: Batch): void {
    const n = batch.length;
    this.#findGroups(batch);
    const slots = this.#slots;
    const entries = this.#sets.map((set) => set.entriesOf(batch.columns, n, slots));
    this.#loop.update(batch.columns, n, batch.weights, slots, entries, this.#context, this.#stamp);
    this.#times?.add(must(batch.columns[this.#timeColumn]), n, batch.weights, slots);
  }

  #findGroups(batch: Batch): void {
    const n = batch.length;
    if (this.#slots.length < n) {
      this.#slots = new Int32Array(n);
      this.#created = new Int32Array(n);
    }
    const keys = this.#keys.map((key) => must(batch.columns[key]));
    const made = this.#groups.upsert(keys, n, this.#slots, this.#created);
    if (made === 0) return;
    this.#loop.init(this.#created, made);
    this.#times?.create(this.#created, made);
  }

  flush(emit: Emit): void {
    if (this.#global) this.#touchGlobal();
    const touched = this.#loop.touched();
    const count = this.#loop.touchedCount();
    for (const set of this.#sets) set.settle(touched, count);
    this.#loop.flush(this.#context, this.#sink(emit));
    for (const set of this.#sets) set.sweep();
    if (!this.#global) this.#removeDead(touched, count);
    this.#cleaner?.clean();
    this.#stamp = (this.#stamp + 1) | 0;
  }

  /** The global group is there and counts as touched, so that its first result comes out without input. */
  #touchGlobal(): void {
    if (this.#groups.rows() === 0) this.#findGroups({ length: 1, columns: [], weights: new Int32Array(1) });
    this.#loop.touch(0, this.#context, this.#stamp);
  }

  #sink(emit: Emit): ResultSink {
    return (n, slots, columns, weights) => {
      if (this.#keyCapacity < slots.length) {
        this.#keyCapacity = slots.length;
        this.#keyVectors = this.#groups.store.types.map((type) => newVector(type, slots.length));
      }
      this.#groups.load(slots, n, this.#keyVectors);
      emit({ length: n, columns: [...this.#keyVectors, ...columns], weights });
    };
  }

  #removeDead(touched: Int32Array, count: number): void {
    for (let t = 0; t < count; t++) {
      const slot = touched[t] as number;
      if (getNumber(this.#states.rows, slot) > 0) continue;
      this.#release(slot);
      this.#times?.remove(slot);
      this.#groups.remove(slot);
    }
  }

  /** Lets go of what a group that goes away refers to. */
  #release(slot: number): void {
    for (const state of this.#states.all) if (state.boxed) setState(state, slot, null);
    for (const { cached } of this.#states.calls) cached?.errors.delete(slot);
  }

  /** Groups whose key has passed. */
  #drop(slots: Int32Array, n: number): void {
    for (let j = 0; j < n; j++) this.#release(slots[j] as number);
    for (const set of this.#sets) set.dropGroups(slots, n);
  }

  stateRows(): number {
    let rows = this.#groups.rows() - (this.#global ? Math.min(1, this.#groups.rows()) : 0);
    for (const set of this.#sets) rows += set.stateRows();
    return rows;
  }

  stateBytes(): number {
    let bytes = this.#groups.bytes() + (this.#times?.bytes() ?? 0);
    for (const set of this.#sets) bytes += set.stateBytes();
    return bytes;
  }
}
