/**
 * The argument values of groups, with counts: what DISTINCT, retractable MIN and MAX and collecting aggregates need.
 *
 * An entry is (group slot, argument columns) in a key table, with the sum of weights of its rows and one count per
 * condition (variant). Entries that must be ordered lie in one tree per variant, by group and value; entries that are
 * read as a whole are linked per group.
 *
 * Counts may go below zero within a tick; trees and lists are brought in line in `settle`, when they are final.
 * Invariant between ticks: an entry exists iff its row count is above zero; it is in a variant's tree iff the variant's
 * count is.
 */
import { must } from '../../common/assert.ts';
import { type Comparator, comparator } from '../../common/compare.ts';
import { types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { NonNullValue, Value } from '../../common/value.ts';
import type { SortKey } from '../../planner/plan/aggregateCall.ts';
import type { ByteBlocks, Int32Blocks } from '../../storage/state/blocks.ts';
import { BLOCK_MASK, BLOCK_SHIFT } from '../../storage/state/blocks.ts';
import { KeyTable } from '../../storage/state/keyTable.ts';
import { type OrderedCursor, OrderedIndex } from '../../storage/state/orderedIndex.ts';
import { RowOrder } from '../../storage/state/rowOrder.ts';
import type { Vector } from '../batch.ts';
import type { CallLayout, SetLayout } from './aggregateLayout.ts';
import {
  type Cached,
  cacheError,
  cacheResult,
  getNumber,
  type State,
  type StateMaker,
  setState,
} from './aggregateStates.ts';

type ExtremeCall = Extract<CallLayout, { readonly form: 'indexedExtreme' }>;
type CollectCall = Extract<CallLayout, { readonly form: 'collect' }>;

function byteAt(blocks: ByteBlocks, slot: number): number {
  return blocks.blocks[slot >>> BLOCK_SHIFT]?.[slot & BLOCK_MASK] ?? 0;
}

function setByte(blocks: ByteBlocks, slot: number, value: number): void {
  const block = must(blocks.blocks[slot >>> BLOCK_SHIFT]);
  block[slot & BLOCK_MASK] = value;
}

interface Extreme {
  readonly end: 'min' | 'max';
  readonly cached: Cached;
  /** Per group: the entry that is the extreme, + 1. */
  readonly best: State;
}

/** The counts of one condition, with the order of the entries that it counts. */
class Variant {
  readonly counts: Int32Blocks;
  readonly tree: OrderedIndex | null;
  readonly inTree: ByteBlocks | null;
  readonly extremes: Extreme[] = [];

  constructor(table: KeyTable, ordered: boolean) {
    this.counts = table.store.addInt32();
    const key = (column: number) => ({ column, descending: false, nullsFirst: false });
    this.tree = ordered ? new OrderedIndex(new RowOrder(table.store, [key(0), key(1)])) : null;
    this.inTree = ordered ? table.store.addByte() : null;
  }
}

interface Collector {
  readonly call: CollectCall;
  readonly variant: Variant;
  readonly cached: Cached;
  readonly compare: (a: readonly Value[], b: readonly Value[]) => number;
}

/** Order of entries (argument columns): by the call's ORDER BY, then by the columns themselves. */
function entryOrder(order: readonly SortKey[], comparators: readonly Comparator[]): Collector['compare'] {
  const rest = comparators.map((_, column) => ({ column, descending: false, nullsFirst: false }));
  const keys = [...order, ...rest];
  return (a, b) => {
    for (const key of keys) {
      const x = a[key.column] ?? null;
      const y = b[key.column] ?? null;
      if (x === null || y === null) {
        if (x === y) continue;
        return (x === null) === key.nullsFirst ? -1 : 1;
      }
      const order = must(comparators[key.column])(x as NonNullValue, y as NonNullValue);
      if (order !== 0) return key.descending ? -order : order;
    }
    return 0;
  };
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
  readonly #comparators: readonly Comparator[];
  readonly #heads: State | null;
  readonly #next: Int32Blocks | null;
  readonly #previous: Int32Blocks | null;
  readonly #collectors: Collector[] = [];
  #entries = new Int32Array(16);
  #created = new Int32Array(16);

  constructor(layout: SetLayout, maker: StateMaker) {
    this.table = new KeyTable([types.int4, ...layout.types], layout.mode);
    this.#columns = layout.columns;
    this.#comparators = layout.types.map(comparator);
    const { store } = this.table;
    this.rows = store.addInt32();
    this.#live = store.addByte();
    this.variants = layout.variants.map((_, v) => new Variant(this.table, layout.ordered.has(v)));
    this.changed = this.variants.map(() => []);
    this.#heads = layout.linked ? maker.int32() : null;
    this.#next = layout.linked ? store.addInt32() : null;
    this.#previous = layout.linked ? store.addInt32() : null;
  }

  addExtreme(call: ExtremeCall, cached: Cached, maker: StateMaker): void {
    must(this.variants[call.variant]).extremes.push({ end: call.end, cached, best: maker.int32() });
  }

  addCollector(call: CollectCall, cached: Cached): void {
    const compare = entryOrder(call.order, this.#comparators);
    this.#collectors.push({ call, variant: must(this.variants[call.variant]), cached, compare });
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
    for (const variant of this.variants) {
      variant.counts.set(entry, 0);
      if (variant.inTree !== null) setByte(variant.inTree, entry, 0);
    }
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

  /** Input of the tick is complete: brings trees in line and recomputes the cached results of touched groups. */
  settle(touched: Int32Array, count: number): void {
    this.variants.forEach((variant, v) => {
      const changed = must(this.changed[v]);
      if (variant.tree !== null) this.#settleTree(variant, variant.tree, changed);
      changed.length = 0;
    });
    for (const collector of this.#collectors) {
      for (let t = 0; t < count; t++) this.#collect(collector, touched[t] as number);
    }
  }

  #settleTree(variant: Variant, tree: OrderedIndex, changed: readonly number[]): void {
    const stale = new Set<number>();
    for (const entry of changed) {
      const present = variant.counts.get(entry) > 0;
      if (present === (byteAt(must(variant.inTree), entry) === 1)) continue;
      setByte(must(variant.inTree), entry, present ? 1 : 0);
      const group = this.#groupOf(entry);
      if (present) tree.insert(entry);
      else tree.remove(entry);
      for (const extreme of variant.extremes) {
        const best = getNumber(extreme.best, group) - 1;
        if (!present) {
          if (best === entry) stale.add(group);
        } else if (best < 0 || tree.order.compare(entry, best) < 0 === (extreme.end === 'min')) {
          // Beaten anyway if the best one has gone in this tick: then the group is looked up again below.
          this.#setBest(extreme, group, entry);
        }
      }
    }
    const cursor = tree.cursor();
    for (const group of stale) {
      for (const extreme of variant.extremes)
        this.#setBest(extreme, group, this.#lookUp(tree, cursor, extreme.end, group));
    }
  }

  #setBest(extreme: Extreme, group: number, entry: number): void {
    setState(extreme.best, group, entry + 1);
    cacheResult(extreme.cached, group, entry < 0 ? null : must(this.table.store.columns[1]).value(entry));
  }

  /** The group's first or last entry in the tree, or -1. */
  #lookUp(tree: OrderedIndex, cursor: OrderedCursor, end: 'min' | 'max', group: number): number {
    if (end === 'min') tree.seekLower(cursor, [group]);
    else {
      tree.seekUpper(cursor, [group]);
      if (cursor.slot < 0) tree.seekLast(cursor);
      else cursor.previous();
    }
    return cursor.slot >= 0 && this.#groupOf(cursor.slot) === group ? cursor.slot : -1;
  }

  #collect(collector: Collector, group: number): void {
    const entries: { readonly values: readonly Value[]; readonly count: number }[] = [];
    const { store } = this.table;
    for (
      let entry = getNumber(must(this.#heads), group) - 1;
      entry >= 0;
      entry = must(this.#next).get(entry) - 1
    ) {
      const count = collector.variant.counts.get(entry);
      if (count > 0) entries.push({ values: store.values(entry).slice(1), count });
    }
    const { call } = collector;
    if (entries.length === 0 && call.collect.overNothing !== true) {
      cacheResult(collector.cached, group, null);
      return;
    }
    entries.sort((a, b) => collector.compare(a.values, b.values));
    try {
      cacheResult(
        collector.cached,
        group,
        call.collect.finish(repeated(entries, call.args, call.call.distinct)),
      );
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      cacheError(collector.cached, group, error);
    }
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
        for (const { tree, inTree } of this.variants) {
          if (tree !== null && inTree !== null && byteAt(inTree, entry) === 1) tree.remove(entry);
        }
        setByte(this.#live, entry, 0);
        this.table.remove(entry);
        entry = after;
      }
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

  stateRows(): number {
    return this.table.rows();
  }

  stateBytes(): number {
    let sum = this.table.bytes();
    for (const variant of this.variants) sum += variant.tree?.bytes() ?? 0;
    return sum;
  }
}

function* repeated(
  entries: readonly { readonly values: readonly Value[]; readonly count: number }[],
  args: number,
  once: boolean,
): Iterable<readonly Value[]> {
  for (const { values, count } of entries) {
    const row = values.slice(0, args);
    for (let i = once ? 1 : count; i > 0; i--) yield row;
  }
}
