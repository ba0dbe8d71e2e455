/** A partition as a sequence: rows by position, peers, and searches, each in O(log n), or O(1) next to the last one. */
import { must } from '../../common/assert.ts';
import type { Value } from '../../common/value.ts';
import type { PhysicalWindow } from '../../planner/plan/physical.ts';
import type { OrderedCursor } from '../../storage/state/orderedIndex.ts';
import type { WindowStore } from './windowStore.ts';

/** Rows by position, quick for steps to a neighbour. */
export class PlaceReader {
  readonly #view: WindowView;
  readonly #cursor: OrderedCursor;
  #at = Number.NaN;

  constructor(view: WindowView) {
    this.#view = view;
    this.#cursor = view.store.tree.cursor();
  }

  /** The row at a position of the partition, which must be there. */
  slotAt(i: number): number {
    const cursor = this.#cursor;
    if (i === this.#at + 1) cursor.next();
    else if (i === this.#at - 1) cursor.previous();
    else if (i !== this.#at) this.#view.store.tree.seekPosition(cursor, this.#view.start + i);
    this.#at = i;
    return cursor.slot;
  }
}

/** One partition of the store as it is now; valid until the tree changes. */
export class WindowView {
  readonly store: WindowStore;
  readonly partition: number;
  /** Position of its first row in the tree, and its number of rows. */
  readonly start: number;
  readonly n: number;
  readonly #order: readonly number[];

  constructor(store: WindowStore, node: PhysicalWindow, partition: number) {
    this.store = store;
    this.partition = partition;
    this.n = store.size(partition);
    this.start = store.tree.rankLower([partition]);
    this.#order = node.order.map((key) => key.column);
  }

  reader(): PlaceReader {
    return new PlaceReader(this);
  }

  #keys(slot: number): Value[] {
    return [this.partition, ...this.#order.map((column) => this.store.column(column).value(slot))];
  }

  /** The first row of a row's peers, or where it would be. */
  peersFrom(slot: number): number {
    return this.#order.length === 0 ? 0 : this.store.tree.rankLower(this.#keys(slot)) - this.start;
  }

  /** The row after a row's peers. */
  peersTo(slot: number): number {
    return this.#order.length === 0 ? this.n : this.store.tree.rankUpper(this.#keys(slot)) - this.start;
  }

  /** The first position of which `before` does not hold; it holds of leading rows only. Quick near the hint. */
  search(hint: number, before: (i: number) => boolean): number {
    let low = 0;
    let high = this.n;
    let step = 1;
    if (hint < this.n && before(hint)) {
      low = hint + 1;
      for (let i = low; i < this.n; i += step, step *= 2) {
        if (!before(i)) {
          high = i;
          break;
        }
        low = i + 1;
      }
    } else {
      high = Math.min(hint, this.n);
      for (let i = high - 1; i >= 0; i -= step, step *= 2) {
        if (before(i)) {
          low = i + 1;
          break;
        }
        high = i;
      }
    }
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (before(middle)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The peers of the row last asked for. */
export class PeerReader {
  readonly #view: WindowView;
  readonly #rows: PlaceReader;
  from = 0;
  to = 0;

  constructor(view: WindowView) {
    this.#view = view;
    this.#rows = view.reader();
  }

  find(i: number): this {
    if (i >= this.from && i < this.to) return this;
    const view = this.#view;
    const { comparePeers } = view.store;
    const afterLast = i === this.to && this.to > this.from;
    const before = i > 0 && !afterLast ? this.#rows.slotAt(i - 1) : -1;
    const slot = this.#rows.slotAt(i);
    const after = i + 1 < view.n ? this.#rows.slotAt(i + 1) : -1;
    this.from = before >= 0 && comparePeers(before, slot) === 0 ? view.peersFrom(slot) : i;
    this.to = after >= 0 && comparePeers(slot, after) === 0 ? view.peersTo(slot) : i + 1;
    return this;
  }

  /** The first row of the group that is so many before the one that starts at `from`. */
  back(from: number, groups: number): number {
    let at = from;
    for (let g = groups; g > 0 && at > 0; g--) at = this.find(at - 1).from;
    return at;
  }

  /** The row after the group that is so many after the one that ends at `to`. */
  forward(to: number, groups: number): number {
    let at = to;
    for (let g = groups; g > 0 && at < this.#view.n; g--) at = this.find(at).to;
    return at;
  }
}

/** Reads an argument. */
export type ColumnReader = (slot: number) => Value;

export function columnReader(store: WindowStore, column: number | undefined): ColumnReader {
  if (column === undefined) return () => null;
  const stored = must(store.column(column));
  return (slot) => stored.value(slot);
}

/** The arguments of a row that the aggregate takes; null: it skips the row. */
export type Arguments = (slot: number) => readonly Value[] | null;
