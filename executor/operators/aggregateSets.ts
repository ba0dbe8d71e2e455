/**
 * The argument values of groups, with counts: what DISTINCT, retractable MIN and MAX and collecting aggregates need.
 *
 * An entry is (group slot, argument columns) in a key table, with the sum of weights of its rows and one count per
 * condition (variant). Entries of a variant are kept in the orders that calls ask for (aggregateOrders.ts); those of groups
 * that are dropped as a whole are linked per group.
 *
 * Counts may go below zero within a tick; orders are brought in line in `settle`, when they are final.
 * Invariant between ticks: an entry exists iff its row count is above zero; it is in an order iff its variant's count is.
 */
import { must } from '../../common/assert.ts';
import { types } from '../../common/dataType.ts';
import type { ByteBlocks, Int32Blocks } from '../../storage/state/blocks.ts';
import { KeyTable } from '../../storage/state/keyTable.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import type { Vector } from '../batch.ts';
import type { CallLayout, SetLayout } from './aggregateLayout.ts';
import { Modes } from './aggregateModes.ts';
import { byteAt, Collector, EntryOrder, setByte } from './aggregateOrders.ts';
import { type Cached, getNumber, type State, type StateMaker, setState } from './aggregateStates.ts';
import { persistentParts } from './persistent.ts';

type ExtremeCall = Extract<CallLayout, { readonly form: 'indexedExtreme' }>;
type CollectCall = Extract<CallLayout, { readonly form: 'collect' }>;

/** The counts of one condition, the orders of the entries that it counts, and what is computed from them. */
class Variant {
  readonly counts: Int32Blocks;
  readonly orders: EntryOrder[] = [];
  readonly modes: Modes[] = [];
  readonly collectors: Collector[] = [];

  constructor(table: KeyTable) {
    this.counts = table.store.addInt32();
  }

  /** Which changes of entries are to be listed. */
  get tracked(): 'none' | 'presence' | 'count' {
    if (this.orders.length === 0) return 'none';
    return this.orders.some(({ layout }) => layout.counted) ? 'count' : 'presence';
  }
}

export class ArgumentSet {
  readonly table: KeyTable;
  readonly variants: readonly Variant[];
  /** Sum of weights of an entry's rows. */
  readonly rows: Int32Blocks;
  /** 1: the entry exists (it may be listed in `zeros` several times). */
  readonly #live: ByteBlocks;
  /** Entries whose row count was seen at zero, and per variant those whose presence changed, in this tick. */
  readonly zeros: number[] = [];
  readonly changed: readonly number[][];
  readonly #columns: readonly number[];
  readonly #orders: readonly EntryOrder[];
  readonly #heads: State | null;
  readonly #next: Int32Blocks | null;
  readonly #previous: Int32Blocks | null;
  /** By the order that they look values up in. */
  readonly #modes = new Map<EntryOrder, Modes>();
  #entries = new Int32Array(16);
  #created = new Int32Array(16);

  constructor(layout: SetLayout, maker: StateMaker) {
    this.table = new KeyTable([types.int4, ...layout.types], layout.mode);
    this.#columns = layout.columns;
    const { store } = this.table;
    this.rows = store.addInt32();
    this.#live = store.addByte();
    this.variants = layout.variants.map(() => new Variant(this.table));
    this.#orders = layout.orders.map((order) => new EntryOrder(order, this.table));
    for (const order of this.#orders) must(this.variants[order.layout.variant]).orders.push(order);
    this.changed = this.variants.map(() => []);
    this.#heads = layout.linked ? maker.int32() : null;
    this.#next = layout.linked ? store.addInt32() : null;
    this.#previous = layout.linked ? store.addInt32() : null;
  }

  addExtreme(call: ExtremeCall, cached: Cached, maker: StateMaker): void {
    must(this.#orders[call.order]).addExtreme(call.end, cached, maker.int32());
  }

  addCollector(call: CollectCall, cached: Cached): void {
    const order = must(this.#orders[call.order]);
    const isMode = call.collect.index?.kind === 'frequency';
    const modes = isMode ? this.#modesOf(order) : null;
    must(this.variants[call.variant]).collectors.push(new Collector(call, order, cached, modes));
  }

  #modesOf(order: EntryOrder): Modes {
    const known = this.#modes.get(order);
    if (known !== undefined) return known;
    const made = new Modes(this.table, order);
    this.#modes.set(order, made);
    must(this.variants[order.layout.variant]).modes.push(made);
    return made;
  }

  /** The entries of a batch's rows, whose groups are `slots`; made when new, with all counts 0. */
  entriesOf(columns: readonly Vector[], n: number, slots: Int32Array): Int32Array {
    if (this.#entries.length < n) {
      this.#entries = new Int32Array(n);
      this.#created = new Int32Array(n);
    }
    const keys: Vector[] = [{ kind: 'i32', data: slots, nulls: null }];
    for (const column of this.#columns) keys.push(must(columns[column]));
    const made = this.table.upsert(keys, n, this.#entries, this.#created);
    for (let j = 0; j < made; j++) this.#initialise(this.#created[j] as number);
    return this.#entries;
  }

  #initialise(entry: number): void {
    this.rows.set(entry, 0);
    setByte(this.#live, entry, 1);
    for (const variant of this.variants) variant.counts.set(entry, 0);
    for (const order of this.#orders) order.initialise(entry);
    if (this.#heads === null || this.#next === null || this.#previous === null) return;
    const group = this.#groupOf(entry);
    const head = getNumber(this.#heads, group);
    this.#next.set(entry, head);
    this.#previous.set(entry, 0);
    if (head !== 0) this.#previous.set(head - 1, entry + 1);
    setState(this.#heads, group, entry + 1);
  }

  #groupOf(entry: number): number {
    return must(this.table.store.columns[0]).value(entry) as number;
  }

  /**
   * Input of the tick is complete: brings orders in line and recomputes the cached results of the touched groups whose
   * entries changed. `isFirst`: nothing was computed for these groups before.
   */
  settle(touched: Int32Array, count: number, isFirst: boolean): void {
    this.variants.forEach((variant, v) => {
      const changed = must(this.changed[v]);
      if (changed.length > 0) {
        for (const modes of variant.modes) modes.settle(changed, variant.counts);
        for (const order of variant.orders) order.settle(changed, variant.counts);
      }
      if (variant.collectors.length > 0) {
        const groups = isFirst ? null : new Set(changed.map((entry) => this.#groupOf(entry)));
        for (const collector of variant.collectors) compute(collector, touched, count, groups);
      }
      changed.length = 0;
    });
  }

  /** After emission: forgets entries without rows. */
  sweep(): void {
    for (const entry of this.zeros) {
      if (byteAt(this.#live, entry) === 0 || this.rows.get(entry) !== 0) continue;
      setByte(this.#live, entry, 0);
      if (this.#heads !== null) this.#unlink(entry, this.#heads, must(this.#next), must(this.#previous));
      this.table.remove(entry);
    }
    this.zeros.length = 0;
  }

  /** Forgets the entries of groups that go away as a whole. The set is linked. */
  dropGroups(groups: Int32Array, n: number): void {
    const heads = must(this.#heads);
    const nexts = must(this.#next);
    for (let j = 0; j < n; j++) {
      const group = groups[j] as number;
      let entry = getNumber(heads, group) - 1;
      while (entry >= 0) {
        const after = nexts.get(entry) - 1;
        for (const order of this.#orders) order.drop(entry);
        setByte(this.#live, entry, 0);
        this.table.remove(entry);
        entry = after;
      }
      for (const modes of this.#modes.values()) modes.drop(group);
      setState(heads, group, 0);
    }
  }

  #unlink(entry: number, heads: State, nexts: Int32Blocks, previouses: Int32Blocks): void {
    const next = nexts.get(entry);
    const previous = previouses.get(entry);
    if (previous === 0) setState(heads, this.#groupOf(entry), next);
    else nexts.set(previous - 1, next);
    if (next !== 0) previouses.set(next - 1, previous);
  }

  get persistent(): Persistent {
    const trees = this.#orders.map(({ tree }) => tree);
    const modes = [...this.#modes.values()].map((m) => m.persistent);
    return persistentParts(this.table, ...trees, ...modes);
  }

  stateRows(): number {
    return this.table.rows();
  }

  stateBytes(): number {
    let sum = this.table.bytes();
    for (const { tree } of this.#orders) sum += tree.bytes();
    for (const modes of this.#modes.values()) sum += modes.bytes();
    return sum;
  }
}

/** `changed`: the groups whose entries changed; null: all may have. */
function compute(
  collector: Collector,
  touched: Int32Array,
  count: number,
  changed: ReadonlySet<number> | null,
): void {
  // A group that is new has a result even if none of its rows counts.
  const isAll = changed === null || collector.collect.overNothing === true;
  for (let t = 0; t < count; t++) {
    const group = touched[t] as number;
    if (isAll || changed.has(group)) collector.compute(group);
  }
}
