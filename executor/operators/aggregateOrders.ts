/**
 * Entries of an argument set in order: one counted tree over all groups, by group first, then by the order's keys.
 *
 * An entry is in the tree while its variant counts it, with a count of 1 or of its rows; `placed` has the count under which
 * it lies there. What hangs on an order is found in O(log n): the least and the greatest entry of a group, the entry at a
 * place in it, or all of a group's entries in turn.
 * Invariant between ticks: `placed` is what the variant's count asks for.
 */
import { must } from '../../common/assert.ts';
import type { OrderedRows } from '../../common/function.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Value } from '../../common/value.ts';
import { type ByteBlocks, Int32Blocks } from '../../storage/state/blocks.ts';
import type { StateColumn } from '../../storage/state/column.ts';
import type { KeyTable } from '../../storage/state/keyTable.ts';
import { type OrderedCursor, OrderedIndex } from '../../storage/state/orderedIndex.ts';
import { RowOrder } from '../../storage/state/rowOrder.ts';
import type { CallLayout, Collect, OrderLayout } from './aggregateLayout.ts';
import type { Modes } from './aggregateModes.ts';
import { type Cached, cacheError, cacheResult, getNumber, type State, setState } from './aggregateStates.ts';

export function byteAt(blocks: ByteBlocks, slot: number): number {
  return blocks.get(slot);
}

export function setByte(blocks: ByteBlocks, slot: number, value: number): void {
  blocks.set(slot, value);
}

/** The least or the greatest value of each group, cached. */
interface Extreme {
  readonly end: 'min' | 'max';
  readonly cached: Cached;
  /** Per group: the entry that is the extreme, + 1. */
  readonly best: State;
}

export class EntryOrder {
  readonly layout: OrderLayout;
  readonly tree: OrderedIndex;
  readonly #groups: StateColumn;
  readonly #values: readonly StateColumn[];
  readonly #placed: ByteBlocks | Int32Blocks;
  readonly #extremes: Extreme[] = [];
  readonly #cursor: OrderedCursor;

  constructor(layout: OrderLayout, { store }: KeyTable) {
    this.layout = layout;
    const [groups, ...values] = store.columns;
    this.#groups = must(groups);
    this.#values = values;
    const keys = layout.keys.map((key) => ({ ...key, column: key.column + 1 }));
    this.tree = new OrderedIndex(
      new RowOrder(store, [{ column: 0, descending: false, nullsFirst: false }, ...keys]),
    );
    this.#cursor = this.tree.cursor();
    this.#placed = layout.counted ? store.addInt32() : store.addByte();
  }

  addExtreme(end: 'min' | 'max', cached: Cached, best: State): void {
    this.#extremes.push({ end, cached, best });
  }

  /** A new entry is not in the tree. */
  initialise(entry: number): void {
    this.#setPlaced(entry, 0);
  }

  /** The count under which an entry lies in the tree; 0: it does not. */
  placed(entry: number): number {
    const placed = this.#placed;
    return placed instanceof Int32Blocks ? placed.get(entry) : byteAt(placed, entry);
  }

  #setPlaced(entry: number, count: number): void {
    const placed = this.#placed;
    if (placed instanceof Int32Blocks) placed.set(entry, count);
    else setByte(placed, entry, count);
  }

  #groupOf(entry: number): number {
    return this.#groups.value(entry) as number;
  }

  /** Brings the tree in line with the counts of entries that changed (each may be listed several times). */
  settle(changed: readonly number[], counts: Int32Blocks): void {
    const { tree } = this;
    const { counted } = this.layout;
    const stale = new Set<number>();
    for (const entry of changed) {
      const now = counts.get(entry);
      const count = now <= 0 ? 0 : counted ? now : 1;
      const placed = this.placed(entry);
      if (count === placed) continue;
      this.#setPlaced(entry, count);
      if (placed === 0) tree.insert(entry, count);
      else if (count === 0) tree.remove(entry);
      else tree.addCount(entry, count - placed);
      if (this.#extremes.length > 0) this.#contend(entry, count > 0, stale);
    }
    for (const group of stale) {
      for (const extreme of this.#extremes) this.#setBest(extreme, group, this.#lookUp(extreme.end, group));
    }
  }

  /** An entry came or went: it may be the extreme of its group now, or have been. */
  #contend(entry: number, isPresent: boolean, stale: Set<number>): void {
    const group = this.#groupOf(entry);
    for (const extreme of this.#extremes) {
      const best = getNumber(extreme.best, group) - 1;
      if (!isPresent) {
        if (best === entry) stale.add(group);
      } else if (best < 0 || this.tree.order.compare(entry, best) < 0 === (extreme.end === 'min')) {
        // Beaten anyway if the best one has gone in this tick: then the group is looked up again.
        this.#setBest(extreme, group, entry);
      }
    }
  }

  #setBest(extreme: Extreme, group: number, entry: number): void {
    setState(extreme.best, group, entry + 1);
    cacheResult(extreme.cached, group, entry < 0 ? null : must(this.#values[0]).value(entry));
  }

  /** The group's first or last entry in the tree, or -1. */
  #lookUp(end: 'min' | 'max', group: number): number {
    const cursor = this.#cursor;
    if (end === 'min') this.tree.seekLower(cursor, [group]);
    else {
      this.tree.seekUpper(cursor, [group]);
      if (cursor.slot < 0) this.tree.seekLast(cursor);
      else cursor.previous();
    }
    return cursor.slot >= 0 && this.#groupOf(cursor.slot) === group ? cursor.slot : -1;
  }

  /** The first entry of a group whose first value equals this one. */
  firstWith(group: number, value: Value): number {
    const { slot } = this.tree.seekLower(this.#cursor, [group, value]);
    return slot;
  }

  /** Takes an entry that is dropped out of the tree. */
  drop(entry: number): void {
    if (this.placed(entry) > 0) this.tree.remove(entry);
    this.#setPlaced(entry, 0);
  }

  /** The first `width` values of an entry. */
  row(entry: number, width: number): Value[] {
    const row: Value[] = [];
    for (let c = 0; c < width; c++) row.push((this.#values[c] as StateColumn).value(entry));
    return row;
  }

  /** The rows of a group by their places. */
  rowsOf(group: number, width: number): OrderedRows {
    const { tree } = this;
    const from = tree.rankLower([group]);
    return {
      length: tree.rankUpper([group]) - from,
      nulls: () => tree.rankUpper([group, null]) - tree.rankLower([group, null]),
      at: (place) => {
        tree.seekPosition(this.#cursor, from + place);
        return this.row(this.#cursor.slot, width);
      },
    };
  }

  /** The rows of a group in order, each as often as it counts. */
  *all(group: number, width: number): Iterable<readonly Value[]> {
    const { tree } = this;
    const cursor = tree.seekLower(tree.cursor(), [group]);
    for (; cursor.slot >= 0 && this.#groupOf(cursor.slot) === group; cursor.next()) {
      const row = this.row(cursor.slot, width);
      for (let i = cursor.count; i > 0; i--) yield row;
    }
  }

  has(group: number): boolean {
    const { slot } = this.tree.seekLower(this.#cursor, [group]);
    return slot >= 0 && this.#groupOf(slot) === group;
  }
}

type CollectCall = Extract<CallLayout, { readonly form: 'collect' }>;

/** A call whose results are computed from the rows of groups that changed. */
export class Collector {
  readonly collect: Collect;
  readonly #call: CollectCall;
  readonly #order: EntryOrder;
  readonly #cached: Cached;
  readonly #modes: Modes | null;

  constructor(call: CollectCall, order: EntryOrder, cached: Cached, modes: Modes | null) {
    this.collect = call.collect;
    this.#call = call;
    this.#order = order;
    this.#cached = cached;
    this.#modes = modes;
  }

  /** Computes a group's result anew and caches it. */
  compute(group: number): void {
    try {
      cacheResult(this.#cached, group, this.#result(group));
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      cacheError(this.#cached, group, error);
    }
  }

  #result(group: number): Value {
    const { finish, index, overNothing } = this.collect;
    const width = this.#call.call.args.length;
    const order = this.#order;
    if (overNothing !== true && !order.has(group)) return null;
    if (this.#modes !== null) return this.#modes.modeOf(group);
    if (index?.kind === 'place') return index.find(order.rowsOf(group, width));
    return finish(order.all(group, width));
  }
}
