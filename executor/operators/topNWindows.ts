/**
 * Ordered rows by partition, and the visible part of each partition.
 *
 * Rows lie in a row store whose first column is the partition's slot; one counted tree holds all partitions, by
 * (partition, order keys, slot). Changes of a tick are collected by the operator and applied together: the touched
 * partitions' visible rows are listed before and after, and the lists are compared. A change behind a full window
 * touches nothing but the tree.
 */
import { must } from '../../common/assert.ts';
import type { DataType } from '../../common/dataType.ts';
import type { SortKey } from '../../planner/plan/aggregateCall.ts';
import type { Int32Blocks } from '../../storage/state/blocks.ts';
import { KeyTable } from '../../storage/state/keyTable.ts';
import { type OrderedCursor, OrderedIndex } from '../../storage/state/orderedIndex.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { RowOrder } from '../../storage/state/rowOrder.ts';
import type { RowStore } from '../../storage/state/rowStore.ts';
import { persistentParts } from './persistent.ts';

export interface WindowSpec {
  /** Types of the partition columns. */
  readonly partition: readonly DataType[];
  /** Order by row columns (0: the first column of the row, not the partition slot). */
  readonly order: readonly SortKey[];
  readonly offset: number;
  /** Infinity: no limit. */
  readonly limit: number;
  readonly withTies: boolean;
  readonly rank: 'row_number' | 'rank' | null;
}

/** Visible rows of one partition: slots with multiplicity and rank (0 where no rank is asked for). */
export class VisibleRows {
  readonly slots: number[] = [];
  readonly copies: number[] = [];
  readonly ranks: number[] = [];

  add(slot: number, copies: number, rank: number): void {
    this.slots.push(slot);
    this.copies.push(copies);
    this.ranks.push(rank);
  }
}

/** Receives a row that appears or disappears. */
export type RowChange = (slot: number, weight: number, rank: number) => void;

export class TopNWindows {
  readonly partitions: KeyTable;
  readonly #store: RowStore;
  readonly #tree: OrderedIndex;
  readonly #cursor: OrderedCursor;
  readonly #spec: WindowSpec;
  /** Per partition: entries in the tree; the last visible row + 1 when the window is full, else 0. */
  readonly #entries: Int32Blocks;
  readonly #last: Int32Blocks;
  /** Per row: its count in the tree (0: not in it), and a mark for comparing lists. */
  readonly treeCount: Int32Blocks;
  readonly #mark: Int32Blocks;
  /** Where the last listed window ended. */
  #windowEnd = -1;
  #full = false;

  constructor(store: RowStore, spec: WindowSpec) {
    this.partitions = new KeyTable(spec.partition);
    this.#entries = this.partitions.store.addInt32();
    this.#last = this.partitions.store.addInt32();
    this.#store = store;
    this.treeCount = store.addInt32();
    this.#mark = store.addInt32();
    const order = spec.order.map((key) => ({ ...key, column: key.column + 1 }));
    this.#tree = new OrderedIndex(
      new RowOrder(store, [{ column: 0, descending: false, nullsFirst: false }, ...order]),
    );
    this.#cursor = this.#tree.cursor();
    this.#spec = spec;
  }

  /** Without the rows' store. */
  get persistent(): Persistent {
    return persistentParts(this.partitions, this.#tree);
  }

  initPartitions(slots: Int32Array, n: number): void {
    for (let j = 0; j < n; j++) {
      this.#entries.set(slots[j] as number, 0);
      this.#last.set(slots[j] as number, 0);
    }
  }

  initRow(slot: number): void {
    this.treeCount.set(slot, 0);
    this.#mark.set(slot, 0);
  }

  partitionOf(row: number): number {
    return must(this.#store.columns[0]).value(row) as number;
  }

  /** The last visible row of a full window, or -1. */
  lastOf(partition: number): number {
    return this.#last.get(partition) - 1;
  }

  /** True when a change of this row cannot change its partition's visible rows. */
  isBehind(row: number): boolean {
    const last = this.lastOf(this.partitionOf(row));
    if (last < 0 || last === row) return false;
    const { compare, compareKeys } = this.#tree.order;
    return (this.#spec.withTies ? compareKeys(row, last) : compare(row, last)) > 0;
  }

  /** Makes the tree hold a row `count` times. */
  setCount(row: number, count: number): void {
    const before = this.treeCount.get(row);
    if (before === count) return;
    this.treeCount.set(row, count);
    const partition = this.partitionOf(row);
    if (before === 0) {
      this.#tree.insert(row, count);
      this.#entries.set(partition, this.#entries.get(partition) + 1);
    } else if (count === 0) {
      this.#tree.remove(row);
      this.#entries.set(partition, this.#entries.get(partition) - 1);
    } else this.#tree.addCount(row, count - before);
  }

  /** Lists the visible rows of a partition. Remembers where they end, for `finishPartition`. */
  visible(partition: number): VisibleRows {
    const { offset, limit, rank } = this.#spec;
    const rows = new VisibleRows();
    const cursor = this.#cursor;
    this.#windowEnd = -1;
    this.#full = false;
    if (this.#tree.entries() === 0 || limit === 0) return rows;
    const start = offset === 0 ? 0 : this.#tree.rankLower([partition]);
    let position = 0;
    if (offset === 0) this.#tree.seekLower(cursor, [partition]);
    else position = this.#tree.seekPosition(cursor, start + offset) - start;
    let peers = -1;
    let peersRank = 0;
    if (rank === 'rank' && cursor.slot >= 0 && offset > 0) peersRank = this.#rankOf(cursor.slot, start);
    const end = offset + limit;
    while (cursor.slot >= 0 && position < end && this.partitionOf(cursor.slot) === partition) {
      const { slot, count } = cursor;
      const from = Math.max(position, offset);
      // Copies of the last row are its ties.
      const to = this.#spec.withTies ? position + count : Math.min(position + count, end);
      if (rank === 'row_number') for (let p = from; p < to; p++) rows.add(slot, 1, p + 1);
      else {
        if (peers >= 0 && this.#tree.order.compareKeys(slot, peers) !== 0) peersRank = position;
        rows.add(slot, to - from, peersRank + 1);
      }
      peers = slot;
      position += count;
      this.#windowEnd = slot;
      cursor.next();
    }
    this.#full = position >= end;
    if (this.#spec.withTies && this.#full) this.#addTies(rows, partition, position, peersRank);
    return rows;
  }

  /** Rows strictly before a row's peers, in its partition. */
  #rankOf(slot: number, start: number): number {
    const keys = [0, ...this.#spec.order.map((key) => key.column + 1)];
    return this.#tree.rankLower(keys.map((column) => must(this.#store.columns[column]).value(slot))) - start;
  }

  #addTies(rows: VisibleRows, partition: number, from: number, peersRank: number): void {
    const cursor = this.#cursor;
    const last = this.#windowEnd;
    let position = from;
    while (cursor.slot >= 0 && this.partitionOf(cursor.slot) === partition) {
      const { slot, count } = cursor;
      if (this.#tree.order.compareKeys(slot, last) !== 0) return;
      if (this.#spec.rank === 'row_number') {
        for (let p = position; p < position + count; p++) rows.add(slot, 1, p + 1);
      } else rows.add(slot, count, peersRank + 1);
      position += count;
      this.#windowEnd = slot;
      cursor.next();
    }
  }

  /** Sets a partition's last visible row from the last listing; forgets it when it is empty. Call after emission. */
  finishPartition(partition: number): void {
    this.#last.set(partition, this.#full ? this.#windowEnd + 1 : 0);
  }

  /** Forgets a partition without rows. */
  removeIfEmpty(partition: number): void {
    if (this.#entries.get(partition) === 0) this.partitions.remove(partition);
  }

  /** Takes all rows behind the last listed window out of the tree and hands each to `drop`. */
  evictBehind(partition: number, drop: (row: number) => void): void {
    if (!this.#full || this.#windowEnd < 0) return;
    for (;;) {
      const cursor = this.#tree.seekSlot(this.#cursor, this.#windowEnd);
      cursor.next();
      const { slot } = cursor;
      if (slot < 0 || this.partitionOf(slot) !== partition) return;
      this.setCount(slot, 0);
      drop(slot);
    }
  }

  /** Takes all rows of a partition out of the tree and hands each to `drop`. */
  dropRows(partition: number, drop: (row: number) => void): void {
    for (let left = this.#entries.get(partition); left > 0; left--) {
      const { slot } = this.#tree.seekLower(this.#cursor, [partition]);
      this.setCount(slot, 0);
      drop(slot);
    }
  }

  /** Hands the difference of two listings of a partition to `change`. */
  compare(before: VisibleRows, after: VisibleRows, change: RowChange): void {
    if (this.#spec.rank === 'row_number') compareByPosition(before, after, change);
    else this.#compareBySlot(before, after, change);
  }

  #compareBySlot(before: VisibleRows, after: VisibleRows, change: RowChange): void {
    const mark = this.#mark;
    before.slots.forEach((slot, i) => {
      mark.set(slot, i + 1);
    });
    after.slots.forEach((slot, i) => {
      const copies = after.copies[i] as number;
      const rank = after.ranks[i] as number;
      const at = mark.get(slot) - 1;
      mark.set(slot, 0);
      if (at < 0) {
        change(slot, copies, rank);
        return;
      }
      const oldCopies = before.copies[at] as number;
      const oldRank = before.ranks[at] as number;
      if (this.#spec.rank === null || oldRank === rank) {
        if (copies !== oldCopies) change(slot, copies - oldCopies, rank);
        return;
      }
      change(slot, -oldCopies, oldRank);
      change(slot, copies, rank);
    });
    before.slots.forEach((slot, i) => {
      if (mark.get(slot) === 0) return;
      mark.set(slot, 0);
      change(slot, -(before.copies[i] as number), before.ranks[i] as number);
    });
  }

  bytes(): number {
    return this.partitions.bytes() + this.#tree.bytes();
  }
}

/** Lists with one row a position: what stands at the same position is compared. */
function compareByPosition(before: VisibleRows, after: VisibleRows, change: RowChange): void {
  const n = Math.max(before.slots.length, after.slots.length);
  for (let i = 0; i < n; i++) {
    const old = before.slots[i];
    const now = after.slots[i];
    if (old === now) continue;
    if (old !== undefined) change(old, -1, before.ranks[i] as number);
    if (now !== undefined) change(now, 1, after.ranks[i] as number);
  }
}
