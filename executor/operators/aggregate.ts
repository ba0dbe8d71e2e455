/**
 * GROUP BY: one row per group, emitted as net changes.
 *
 * Batches are added to the groups as they come (see aggregateGroups.ts). In `flush` the touched groups' results are
 * compared with those before the tick.
 * Invariant between ticks: a group exists iff its rows' weights sum to more than zero (a global group always) and, with
 * a bound, its key (or the latest of its rows) has not passed: such groups are dropped without output.
 */
import { must } from '../../common/assert.ts';
import type { PhysicalAggregate } from '../../planner/plan/physical.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import type { Batch } from '../batch.ts';
import { AggregateGroups } from './aggregateGroups.ts';
import { GroupTimes } from './groupTimes.ts';
import type { Emit, Operator, TickContext } from './operator.ts';
import { persistentParts, persistentValue } from './persistent.ts';
import { keyCleaner, type StateCleaner } from './stateCleaner.ts';

export class AggregateOperator implements Operator {
  readonly emitsInitially: boolean;
  readonly isDue?: () => boolean;
  readonly #context: TickContext;
  readonly #global: boolean;
  readonly #groups: AggregateGroups;
  /** The tick's number: what marks a group as touched in it. */
  #stamp = 1;
  readonly #cleaner: StateCleaner | null = null;
  /** Where the bound is on the greatest value of an argument. */
  readonly #times: GroupTimes | null = null;
  readonly #timeColumn: number = -1;

  constructor(node: PhysicalAggregate, context: TickContext) {
    this.emitsInitially = node.global;
    this.#context = context;
    this.#global = node.global;
    const groups = new AggregateGroups(node, context, node.clean !== undefined, true);
    this.#groups = groups;
    if (node.clean === undefined) return;
    const drop = (slots: Int32Array, n: number): void => groups.drop(slots, n);
    const { term, column } = node.clean;
    if (column >= node.keys.length) {
      const { args, type } = must(node.aggregates[column - node.keys.length]);
      this.#times = new GroupTimes(term, type, context, groups.table, drop);
      this.#timeColumn = must(args[0]);
    }
    const cleaner = this.#times?.cleaner ?? keyCleaner(term, context, groups.table, column, drop);
    this.#cleaner = cleaner;
    this.isDue = () => cleaner.isDue();
  }

  push(_port: number, batch: Batch): void {
    const groups = this.#groups;
    const made = groups.find(batch);
    if (made > 0) this.#times?.create(groups.created, made);
    groups.update(batch, this.#stamp);
    this.#times?.add(must(batch.columns[this.#timeColumn]), batch.length, batch.weights, groups.slots);
  }

  flush(emit: Emit): void {
    if (this.#global) this.#touchGlobal();
    const groups = this.#groups;
    const { loop } = groups;
    const touched = loop.touched();
    const count = loop.touchedCount();
    groups.settle(touched, count, false);
    loop.flush(this.#context, groups.sink(emit));
    for (const set of groups.sets) set.sweep();
    if (!this.#global) this.#removeDead(touched, count);
    this.#cleaner?.clean();
    this.#stamp = (this.#stamp + 1) | 0;
  }

  /** The global group is there and counts as touched, so that its first result comes out without input. */
  #touchGlobal(): void {
    const groups = this.#groups;
    if (groups.table.rows() === 0) groups.find({ length: 1, columns: [], weights: new Int32Array(1) });
    groups.table.store.touchExtra(0);
    groups.loop.touch(0, this.#context, this.#stamp);
  }

  #removeDead(touched: Int32Array, count: number): void {
    const groups = this.#groups;
    for (let t = 0; t < count; t++) {
      const slot = touched[t] as number;
      if (groups.rowsOf(slot) > 0) continue;
      groups.release(slot);
      this.#times?.remove(slot);
      groups.table.remove(slot);
    }
  }

  get persistent(): Persistent {
    const stamp = persistentValue<number>(
      () => this.#stamp,
      (saved) => {
        this.#stamp = saved;
        if (this.#global && this.#groups.table.rows() > 0) this.#groups.loop.resume();
      },
    );
    return persistentParts(this.#groups.persistent, this.#times?.persistent ?? null, stamp);
  }

  stateRows(): number {
    const groups = this.#groups;
    return groups.stateRows() - (this.#global ? Math.min(1, groups.table.rows()) : 0);
  }

  stateBytes(): number {
    return this.#groups.stateBytes() + (this.#times?.bytes() ?? 0);
  }
}
