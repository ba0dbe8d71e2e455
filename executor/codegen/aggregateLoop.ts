/**
 * Generated loops of the group aggregate.
 *
 * `update` runs over a batch whose group slots (and argument-set entries) are already found. A group that is touched for
 * the first time in a tick is noted with its old result; then the row's accumulators are loaded, changed in locals and
 * stored at the end, so that a row that fails leaves no trace. `flush` compares old and new results of the touched
 * groups and writes only differences. With no key columns the accumulators stay in locals over the whole batch.
 */
import { must } from '../../common/assert.ts';
import type { Schema } from '../../common/dataType.ts';
import type { Row } from '../../common/value.ts';
import type { Vector } from '../batch.ts';
import type { CallLayout, Condition } from '../operators/aggregateLayout.ts';
import { conditionKey } from '../operators/aggregateLayout.ts';
import type { CallStates, GroupStates, State } from '../operators/aggregateStates.ts';
import type { TickContext } from '../operators/operator.ts';
import { resultsProgram } from './aggregateResults.ts';
import { ColumnInput } from './columnInput.ts';
import { emitScalar } from './emitScalar.ts';
import { type Code, Emitter } from './emitter.ts';
import { instantiate } from './program.ts';
import { emitRowReport } from './rowFailure.ts';
import { lessOf } from './typeOperations.ts';

/** What the loop needs of an argument set. */
export interface LoopSet {
  readonly rows: readonly Int32Array[];
  readonly variants: readonly {
    readonly condition: Condition;
    readonly counts: readonly Int32Array[];
    /** Entries to be listed: those that come into the variant or leave it, or all whose count changes. */
    readonly tracked: 'none' | 'presence' | 'count';
  }[];
  readonly zeros: number[];
  readonly changed: readonly number[][];
}

export interface AggregateProgram {
  readonly input: Schema;
  /** Result columns. */
  readonly output: Schema;
  readonly calls: readonly CallLayout[];
  readonly groups: GroupStates;
  readonly sets: readonly LoopSet[];
  /** No key columns: every row is of one group. */
  readonly keyless: boolean;
  /** The (one) group has a result even without rows. */
  readonly global: boolean;
  readonly appendOnly: boolean;
  /** Results that cannot be computed are taken back when their group changes: they were reported before. */
  readonly retracts: boolean;
  readonly operator: string;
  /** The group of a slot, for reports. */
  readonly keys: { readonly schema: Schema; readonly row: (slot: number) => Row };
}

/** Receives `n` result rows: their groups, result columns and weights. Arrays are used again afterwards. */
export type ResultSink = (
  n: number,
  slots: Int32Array,
  columns: readonly Vector[],
  weights: Int32Array,
) => void;

export interface AggregateLoop {
  /** Sets the accumulators of new groups. */
  init(slots: Int32Array, n: number): void;
  update(
    columns: readonly Vector[],
    n: number,
    weights: Int32Array,
    slots: Int32Array,
    entries: readonly Int32Array[],
    tick: TickContext,
    stamp: number,
  ): void;
  /** Notes a group as touched. `hadResult`: for a global group, whether its result was emitted before. */
  touch(slot: number, tick: TickContext, stamp: number): void;
  touched(): Int32Array;
  touchedCount(): number;
  /** Lists groups as touched whose result nobody knows yet. */
  announce(slots: Int32Array, n: number): void;
  /** The global group has been put back: its result is known. */
  resume(): void;
  /** Forgets the touched groups. */
  forget(): void;
  /** Emits the changes and forgets the touched groups. */
  flush(tick: TickContext, sink: ResultSink): void;
}

export function compileAggregate(program: AggregateProgram): AggregateLoop {
  const input = new ColumnInput(program.input);
  const emitter = new Emitter(input);
  const rows = new RowProgram(program, emitter);
  const body = rows.emit();
  const blocks = (state: State): string => emitter.constant(state.blocks);
  const inits = program.groups.all.map((state) => `${blocks(state)}[b][k] = ${state.initial};`);
  const text = `${resultsProgram(program, emitter)}
return {
init: (slots, n) => {
for (let j = 0; j < n; j++) { const s = slots[j], b = s >>> 13, k = s & 8191; ${inits.join(' ')} }
},
update: (cols, n, W, slots, entries, tick, stamp) => {
ctx = tick.eval; running = tick;
${input.bindings('cols', 'n', emitter)}
${program.sets.map((_, x) => `const E${x} = entries[${x}];`).join('\n')}
${body}
},
touch: (s, tick, stamp) => {
ctx = tick.eval; running = tick;
const T = ${blocks(program.groups.stamp)}[s >>> 13];
if (T[s & 8191] !== stamp) { T[s & 8191] = stamp; touch(s); }
},
announce: (slots, n) => {
for (let j = 0; j < n; j++) { if (nt === touched.length) growTouched(); touched[nt] = slots[j]; had[nt++] = 0; }
},
resume: () => { emitted = true; },
forget,
touched: () => touched,
touchedCount: () => nt,
flush,
};`;
  return instantiate<AggregateLoop>(text, emitter.constants);
}

/** A state entry that a row changes: loaded into `name`, stored when the row has succeeded. */
interface Loaded {
  readonly name: string;
  readonly place: string;
}

class RowProgram {
  readonly #program: AggregateProgram;
  readonly #emitter: Emitter;
  /** Group states and set counts by their name in the row. */
  readonly #loaded = new Map<State | readonly unknown[], Loaded>();
  readonly #groupStates: Loaded[] = [];
  readonly #setStates: Loaded[] = [];

  constructor(program: AggregateProgram, emitter: Emitter) {
    this.#program = program;
    this.#emitter = emitter;
  }

  emit(): string {
    const { groups, keyless, operator, sets } = this.#program;
    const emitter = this.#emitter;
    const rowCount = this.#state(groups.rows);
    emitter.line(`${rowCount} += w;`);
    this.#program.calls.forEach((call, x) => {
      this.#call(call, must(groups.calls[x]));
    });
    this.#setCounts();
    const body = emitter.take();
    const load = (states: readonly Loaded[]) =>
      states.map(({ name, place }) => `let ${name} = ${place};`).join('\n');
    const store = (states: readonly Loaded[]) =>
      states.map(({ name, place }) => `${place} = ${name};`).join('\n');
    const addresses = sets
      .map((_, x) => `const e${x} = E${x}[i], f${x} = e${x} >>> 13, g${x} = e${x} & 8191;`)
      .join('\n');
    // A failed row may have been the first of its entries.
    const orphans = this.#program.appendOnly
      ? ''
      : sets.map((set, x) => `${emitter.constant(set.zeros)}.push(E${x}[i]);`).join(' ');
    const failed = `${emitRowReport(operator, this.#program.input, 'w', emitter)} ${orphans}`;
    const touch = `const T = ${emitter.constant(groups.stamp.blocks)}[b];\nif (T[k] !== stamp) { T[k] = stamp; touch(s); }`;
    const find = 'const s = slots[i], b = s >>> 13, k = s & 8191;';
    if (!keyless) {
      return `for (let i = 0; i < n; i++) {
const w = W[i];
${find}
${touch}
let pos = -1;
try {
${addresses}
${load([...this.#groupStates, ...this.#setStates])}
${body}
${store([...this.#groupStates, ...this.#setStates])}
} catch (error) { ${failed} }
}`;
    }
    // The one group's states stay in locals; each row works on copies until it has succeeded.
    const outer = this.#groupStates.map(({ name, place }) => ({ name: `${name}_`, place }));
    const copies = this.#groupStates.map(({ name }) => `let ${name} = ${name}_;`).join('\n');
    const keep = this.#groupStates.map(({ name }) => `${name}_ = ${name};`).join('\n');
    return `if (n === 0) return;
${find.replaceAll('[i]', '[0]')}
${touch}
${load(outer)}
for (let i = 0; i < n; i++) {
const w = W[i];
let pos = -1;
try {
${addresses}
${copies}
${load(this.#setStates)}
${body}
${keep}
${store(this.#setStates)}
} catch (error) { ${failed} }
}
${store(outer)}`;
  }

  /** The local that holds a group state in this row. */
  #state(state: State): string {
    return this.#load(state, `${this.#emitter.constant(state.blocks)}[b][k]`, this.#groupStates);
  }

  #count(set: number, blocks: readonly Int32Array[]): string {
    return this.#load(blocks, `${this.#emitter.constant(blocks)}[f${set}][g${set}]`, this.#setStates);
  }

  #load(key: State | readonly unknown[], place: string, into: Loaded[]): string {
    const known = this.#loaded.get(key);
    if (known !== undefined) return known.name;
    const made = { name: this.#emitter.temp(), place };
    this.#loaded.set(key, made);
    into.push(made);
    return made.name;
  }

  #column(index: number): Code {
    const type = must(this.#program.input[index]).type;
    return emitScalar({ kind: 'column', index, type }, this.#emitter);
  }

  /** An atom that is true for rows that meet the condition; null: all do. */
  #condition(condition: Condition): string | null {
    const key = `condition ${conditionKey(condition)}`;
    const known = this.#emitter.known(key);
    if (known !== undefined) return known.value;
    const parts = condition.present.flatMap((index) => {
      const { isNull } = this.#column(index);
      return isNull === null ? [] : [`!${isNull}`];
    });
    if (condition.filter !== null) {
      const { value, isNull } = this.#column(condition.filter);
      parts.push(isNull === null ? value : `!${isNull} && ${value}`);
    }
    if (parts.length === 0) return null;
    const value = this.#emitter.atom(`(${parts.join(' && ')})`);
    this.#emitter.remember(key, { value, isNull: null });
    return value;
  }

  #call(layout: CallLayout, states: CallStates): void {
    switch (layout.form) {
      case 'linear': {
        const condition = this.#condition(layout.condition);
        const add = (): void => this.#add(layout, states, 'w', condition !== null);
        if (condition === null) add();
        else this.#emitter.block(`if (${condition})`, add);
        return;
      }
      case 'linearDistinct': {
        const { before, after } = this.#transition(layout.set, layout.variant);
        const change = this.#emitter.atom(`(${after} > 0 ? 1 : 0) - (${before} > 0 ? 1 : 0)`);
        this.#emitter.block(`if (${change} !== 0)`, () => this.#add(layout, states, change, true));
        return;
      }
      case 'extreme':
        this.#extreme(layout, states);
        return;
      case 'indexedExtreme':
      case 'collect':
        this.#transition(layout.set, layout.variant);
    }
  }

  #counted = new Set<State>();

  #add(
    layout: Extract<CallLayout, { readonly form: 'linear' | 'linearDistinct' }>,
    states: CallStates,
    weight: string,
    counted: boolean,
  ): void {
    const accumulators = states.accumulators.map((state) => this.#state(state));
    const args = layout.call.args.map((arg) => {
      const { value, isNull } = this.#column(arg);
      return layout.call.fn.nulls === 'skip' || isNull === null ? value : `(${isNull} ? null : ${value})`;
    });
    this.#emitter.line(layout.linear.add(accumulators, args, weight, this.#emitter));
    // Calls with one condition share their count.
    if (!counted || states.count === null || this.#counted.has(states.count)) return;
    this.#counted.add(states.count);
    this.#emitter.line(`${this.#state(states.count)} += ${weight};`);
  }

  #extreme(layout: Extract<CallLayout, { readonly form: 'extreme' }>, states: CallStates): void {
    const { value: best, flag } = must(states.cached);
    const x = this.#state(best);
    const has = this.#state(flag);
    const condition = this.#condition(layout.condition);
    const update = (): void => {
      const { value } = this.#column(layout.argument);
      const [a, b] = layout.end === 'min' ? [value, x] : [x, value];
      const better = lessOf(layout.call.type, a, b, this.#emitter);
      this.#emitter.line(`if (${has} === 0 || ${better}) { ${x} = ${value}; ${has} = 1; }`);
    };
    if (condition === null) update();
    else this.#emitter.block(`if (${condition})`, update);
  }

  /** Counts the row in a variant, once a row; gives the count before and after. */
  #transition(set: number, variant: number): { readonly before: string; readonly after: string } {
    const emitter = this.#emitter;
    const key = `transition ${set} ${variant}`;
    const { condition, counts, tracked } = must(must(this.#program.sets[set]).variants[variant]);
    const after = this.#count(set, counts);
    const known = emitter.known(key);
    if (known !== undefined) return { before: known.value, after };
    const met = this.#condition(condition);
    const before = emitter.temp();
    emitter.line(`const ${before} = ${after};`);
    emitter.line(`${met === null ? '' : `if (${met}) `}${after} += w;`);
    if (tracked !== 'none') {
      const list = emitter.constant(must(must(this.#program.sets[set]).changed[variant]));
      const isTracked = tracked === 'count' ? `${before} !== ${after}` : `(${before} > 0) !== (${after} > 0)`;
      emitter.line(`if (${isTracked}) ${list}.push(e${set});`);
    }
    emitter.remember(key, { value: before, isNull: null });
    return { before, after };
  }

  /** Rows of the entries, where they can go away. */
  #setCounts(): void {
    if (this.#program.appendOnly) return;
    this.#program.sets.forEach((set, x) => {
      const count = this.#count(x, set.rows);
      this.#emitter.line(`${count} += w;`);
      this.#emitter.line(`if (${count} === 0) ${this.#emitter.constant(set.zeros)}.push(e${x});`);
    });
  }
}
