/**
 * WITH RECURSIVE, kept up to date by following changes through the recursion, for a linear step (see PhysicalRecursive).
 *
 * State: per different row how often the base gives it and how often the step does over the rows of the recursion, and
 * how often it is among those rows itself (`fed`); the step's dataflow has taken in exactly these. A row belongs to the
 * recursion as often as base and step give it (UNION ALL), or once if they give it at all (UNION).
 *
 * A tick has two phases. First what the inputs lose: derivations go, and under UNION each row that lost one goes too,
 * unless the base gives it, since what is left of its derivations may hang on itself (a cycle); and so on (delete and
 * re-derive). Then what the inputs gain, together with the rows that went but are still derived: each new row is fed to
 * the step once (semi-naive), until there are none. Work is in proportion to the rows that change, so an insert into a
 * large recursion costs what follows from it. Losses first also lets UNION ALL end whenever its old and new results do.
 *
 * Invariant: between ticks fed is what base and step give, or, after a recursion without end, nothing at all.
 */
import { must } from '../../common/assert.ts';
import type { PhysicalRecursive } from '../../planner/plan/physical.ts';
import type { Int32Blocks } from '../../storage/state/blocks.ts';
import { Scratch } from '../../storage/state/keyIndex.ts';
import { KeyTable } from '../../storage/state/keyTable.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { SlotEmitter } from '../../storage/state/slotEmitter.ts';
import { TouchedSlots } from '../../storage/state/touchedSlots.ts';
import type { Batch } from '../batch.ts';
import { NetChanges } from './netChanges.ts';
import type { Emit, Operator, OutputPort, TickContext } from './operator.ts';
import { persistentParts, persistentValue } from './persistent.ts';
import { RecursionLimit } from './recursiveLimit.ts';
import { type StepBuilder, type StepDataflow, StepSink } from './recursiveStep.ts';
import { WholeRecursion } from './recursiveWhole.ts';

/** The operator of a recursion. Port 0 is the base, the others are the sources. */
export function createRecursive(node: PhysicalRecursive, context: TickContext, build: StepBuilder): Operator {
  return node.linear ? new LinearRecursion(node, context, build) : new WholeRecursion(node, context, build);
}

class LinearRecursion implements Operator {
  readonly emitsInitially = false;
  readonly #all: boolean;
  readonly #step: StepDataflow;
  readonly #limit: RecursionLimit;
  readonly #rows: KeyTable;
  readonly #base: Int32Blocks;
  readonly #derived: Int32Blocks;
  readonly #fed: Int32Blocks;
  /** Rows touched in this tick, with what was fed of them before. */
  readonly #result: TouchedSlots;
  /** Rows whose support changed since the last iteration, with the support before. */
  readonly #changed: TouchedSlots;
  readonly #toSelf: SlotEmitter;
  readonly #output: SlotEmitter;
  /** Per port, while there are rows in the recursion. */
  readonly #waiting: readonly { readonly negative: boolean; readonly changes: NetChanges }[];
  readonly #slots = new Scratch();
  readonly #created = new Scratch();
  /** Different rows that are fed. */
  #live = 0;
  readonly #streams: boolean;
  #port: OutputPort | null = null;

  constructor(node: PhysicalRecursive, context: TickContext, build: StepBuilder) {
    this.#all = node.all;
    this.#streams = node.streams ?? false;
    this.#limit = new RecursionLimit(node, context);
    this.#rows = new KeyTable(node.schema.map((column) => column.type));
    const { store } = this.#rows;
    this.#base = store.addInt32();
    this.#derived = store.addInt32();
    this.#fed = store.addInt32();
    this.#result = new TouchedSlots(store);
    this.#changed = new TouchedSlots(store);
    this.#toSelf = new SlotEmitter(store);
    this.#output = new SlotEmitter(store);
    const inputs = [{ plan: node.base, negative: false }, ...node.sources];
    this.#waiting = inputs.map(({ plan, negative }) => ({
      negative,
      changes: new NetChanges(plan.schema.map((column) => column.type)),
    }));
    const sink = new StepSink((batch) => this.#count(batch, this.#derived));
    this.#step = build(context, sink);
  }

  get persistent(): Persistent {
    const live = persistentValue<number>(
      () => this.#live,
      (rows) => {
        this.#live = rows;
      },
    );
    return persistentParts(this.#rows, live, this.#limit.persistent, this.#step.persistent);
  }

  connectOutput(port: OutputPort): void {
    this.#port = port;
  }

  push(port: number, batch: Batch): void {
    // Over an empty working table the order does not matter: the step gives nothing.
    if (this.#live === 0) this.#take(port, batch);
    else must(this.#waiting[port]).changes.add(batch);
  }

  #take(port: number, batch: Batch): void {
    if (port === 0) this.#count(batch, this.#base);
    else this.#step.feedSource(port - 1, batch);
  }

  /** Adds to how often the base or the step gives rows. */
  #count(batch: Batch, counts: Int32Blocks): void {
    const n = batch.length;
    const slots = this.#slots.ints(n);
    const created = this.#created.ints(n);
    const made = this.#rows.upsert(batch.columns, n, slots, created);
    for (let k = 0; k < made; k++) {
      for (const column of [this.#base, this.#derived, this.#fed]) column.set(created[k] as number, 0);
    }
    for (let i = 0; i < n; i++) {
      const slot = slots[i] as number;
      this.#touch(slot);
      const count = counts.get(slot) + (batch.weights[i] as number);
      this.#limit.checkMultiplicity(count);
      counts.set(slot, count);
    }
  }

  #touch(slot: number): void {
    this.#result.touch(slot, this.#fed.get(slot));
    this.#changed.touch(slot, this.#support(slot));
  }

  #support(slot: number): number {
    return this.#base.get(slot) + this.#derived.get(slot);
  }

  flush(emit: Emit): void {
    this.#limit.start();
    const gone = this.#live > 0 ? this.#lose() : [];
    this.#waiting.forEach(({ negative, changes }, port) => {
      changes.emit(negative ? -1 : 1, (batch) => this.#take(port, batch));
      changes.clear();
    });
    for (const slot of gone) this.#touch(slot);
    // After a recursion without end all is to be done again.
    if (this.#limit.failed) this.#touchAll();
    const stops = (): boolean => {
      this.#emitResult(emit);
      return this.#port?.isSatisfied() === true;
    };
    const ended = this.#iterate((slot) => this.#wanted(slot), this.#streams ? stops : undefined);
    this.#limit.settle(!ended);
    if (!ended) this.#withdraw();
    this.#emitResult(emit);
  }

  /** How often a row belongs to the recursion. */
  #wanted(slot: number): number {
    const support = this.#support(slot);
    return this.#all ? support : support > 0 ? 1 : 0;
  }

  /** What the inputs lose, and all that may hang on it. Returns the rows that went. */
  #lose(): readonly number[] {
    const gone: number[] = [];
    this.#waiting.forEach(({ negative, changes }, port) => {
      changes.emit(negative ? 1 : -1, (batch) => this.#take(port, batch));
    });
    if (this.#all) {
      this.#iterate((slot) => this.#support(slot));
      return gone;
    }
    this.#iterate((slot, before) => {
      const fed = this.#fed.get(slot);
      if (fed === 0 || this.#base.get(slot) > 0 || this.#support(slot) >= before) return fed;
      gone.push(slot);
      return 0;
    });
    return gone;
  }

  /**
   * Feeds the step with the rows of which another number is wanted than was fed, until there are none or `stops`. False:
   * there is no end.
   */
  #iterate(wanted: (slot: number, before: number) => number, stops?: () => boolean): boolean {
    const feed = (batch: Batch): void => this.#step.feedSelf(batch);
    const changed = this.#changed;
    for (;;) {
      this.#step.run();
      const slots: number[] = [];
      const changes: number[] = [];
      for (let t = 0; t < changed.length; t++) {
        const slot = changed.slots[t] as number;
        const change = wanted(slot, changed.before[t] as number) - this.#fed.get(slot);
        if (change === 0) continue;
        slots.push(slot);
        changes.push(change);
      }
      changed.reset();
      if (slots.length === 0) return true;
      if (!this.#limit.next(this.#rows.rows())) return false;
      slots.forEach((slot, k) => {
        this.#setFed(slot, this.#fed.get(slot) + must(changes[k]));
      });
      if (stops?.() === true) return true;
      slots.forEach((slot, k) => {
        this.#toSelf.add(slot, must(changes[k]), feed);
      });
      this.#toSelf.finish(feed);
    }
  }

  #setFed(slot: number, fed: number): void {
    const before = this.#fed.get(slot);
    this.#result.touch(slot, before);
    this.#live += (fed === 0 ? 0 : 1) - (before === 0 ? 0 : 1);
    this.#fed.set(slot, fed);
  }

  #eachSlot(visit: (slot: number) => void): void {
    const { store } = this.#rows;
    const free = store.freeSlots();
    for (let slot = 0; slot < store.end(); slot++) if (!free.has(slot)) visit(slot);
  }

  #touchAll(): void {
    this.#eachSlot((slot) => this.#touch(slot));
  }

  /** Takes all rows back out of the step, which then holds its sources only. */
  #withdraw(): void {
    const feed = (batch: Batch): void => this.#step.feedSelf(batch);
    const slots: number[] = [];
    this.#eachSlot((slot) => {
      if (this.#fed.get(slot) !== 0) slots.push(slot);
    });
    for (const slot of slots) {
      this.#toSelf.add(slot, -this.#fed.get(slot), feed);
      this.#setFed(slot, 0);
    }
    this.#toSelf.finish(feed);
    this.#step.run();
    this.#changed.reset();
  }

  #emitResult(emit: Emit): void {
    const result = this.#result;
    const gone: number[] = [];
    for (let t = 0; t < result.length; t++) {
      const slot = result.slots[t] as number;
      const fed = this.#fed.get(slot);
      const change = fed - (result.before[t] as number);
      if (change !== 0) this.#output.add(slot, change, emit);
      if (fed === 0 && this.#base.get(slot) === 0 && this.#derived.get(slot) === 0) gone.push(slot);
    }
    this.#output.finish(emit);
    result.reset();
    for (const slot of gone) this.#rows.remove(slot);
  }

  stateRows(): number {
    return this.#rows.rows() + this.#step.stateRows();
  }

  stateBytes(): number {
    const waiting = this.#waiting.reduce((sum, { changes }) => sum + changes.bytes(), 0);
    return (
      this.#rows.bytes() + this.#result.bytes() + this.#changed.bytes() + waiting + this.#step.stateBytes()
    );
  }
}
