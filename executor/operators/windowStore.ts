/**
 * The rows of an incremental OVER in their order: one counted tree by (partition, order, all columns).
 *
 * State: every row by identity, a row of weight n as n copies, so that positions in the tree are row numbers. Rows that
 * tie in the order are put in order by their columns, so that results do not depend on when rows came.
 * `apply` brings a tick's net changes into the tree and tells them as edits, by partition and in order.
 * Invariant between ticks: the tree has as many copies of a row as it counts; rows that count nothing are gone.
 */
import { must } from '../../common/assert.ts';
import { types } from '../../common/dataType.ts';
import type { Row } from '../../common/value.ts';
import type { PhysicalWindow } from '../../planner/plan/physical.ts';
import type { Int32Blocks } from '../../storage/state/blocks.ts';
import type { StateColumn } from '../../storage/state/column.ts';
import { KeyTable } from '../../storage/state/keyTable.ts';
import { OrderedIndex } from '../../storage/state/orderedIndex.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { RowOrder, type SlotCompare } from '../../storage/state/rowOrder.ts';
import type { Batch, Vector } from '../batch.ts';
import { BatchBuilder } from '../batchBuilder.ts';
import { persistentParts } from './persistent.ts';

/** A row that came, or went (its columns can be read until the tick ends). */
export interface Edit {
  readonly slot: number;
  readonly inserted: boolean;
  /** Where in the partition the row is now; of a row that went, where the row behind it is. */
  at: number;
}

/** Columns before the input's: the partition's slot and the number of the copy. */
const LEADING = 2;

export class WindowStore {
  readonly partitions: KeyTable;
  readonly tree: OrderedIndex;
  /** 0 for rows of one partition that the order does not tell apart. */
  readonly comparePeers: SlotCompare;
  /** Per row, for the owner: 0 when the row is made. */
  readonly place: Int32Blocks;
  readonly #partition: readonly number[];
  readonly #rows: KeyTable;
  readonly #copies: BatchBuilder;
  /** Of the first copy of each row: its weight, the copies in the tree, and 1 when it is listed in #touched. */
  readonly #counts: Int32Blocks;
  readonly #live: Int32Blocks;
  readonly #marks: Int32Blocks;
  /** Per partition: rows in the tree. */
  readonly #sizes: Int32Blocks;
  readonly #touched: number[] = [];
  readonly #touchedPartitions = new Set<number>();
  #gone: number[] = [];
  #partitionSlots = new Int32Array(16);
  #slots = new Int32Array(16);
  #created = new Int32Array(16);

  constructor(node: PhysicalWindow) {
    const inputTypes = node.input.schema.map((column) => column.type);
    const rowTypes = [types.int4, types.int4, ...inputTypes];
    this.#partition = node.partition;
    this.partitions = new KeyTable(node.partition.map((column) => must(inputTypes[column])));
    this.#sizes = this.partitions.store.addInt32();
    this.#rows = new KeyTable(rowTypes, 'same');
    this.#copies = new BatchBuilder(rowTypes);
    const { store } = this.#rows;
    this.#counts = store.addInt32();
    this.#live = store.addInt32();
    this.#marks = store.addInt32();
    this.place = store.addInt32();
    const peers = [
      { column: 0, descending: false, nullsFirst: false },
      ...node.order.map((key) => ({ ...key, column: key.column + LEADING })),
    ];
    const settled = new Set([...node.partition, ...node.order.map((key) => key.column)]);
    const ties = inputTypes
      .map((_, column) => column)
      .filter((column) => !settled.has(column))
      .map((column) => ({ column: column + LEADING, descending: false, nullsFirst: false }));
    this.comparePeers = new RowOrder(store, peers).compareKeys;
    this.tree = new OrderedIndex(new RowOrder(store, [...peers, ...ties]));
  }

  get persistent(): Persistent {
    return persistentParts(this.partitions, this.#rows, this.tree);
  }

  /** A column of the input. */
  column(index: number): StateColumn {
    return must(this.#rows.store.columns[index + LEADING]);
  }

  partitionOf(slot: number): number {
    return must(this.#rows.store.columns[0]).value(slot) as number;
  }

  rowOf(slot: number): Row {
    return this.#rows.store.values(slot).slice(LEADING);
  }

  /** Takes in a delta. */
  push(batch: Batch): void {
    const n = batch.length;
    if (this.#slots.length < n) {
      this.#partitionSlots = new Int32Array(n);
      this.#slots = new Int32Array(n);
      this.#created = new Int32Array(n);
    }
    const keys = this.#partition.map((column) => must(batch.columns[column]));
    const partitions = this.partitions.upsert(keys, n, this.#partitionSlots, this.#created);
    for (let j = 0; j < partitions; j++) this.#sizes.set(this.#created[j] as number, 0);
    const copy: Vector = { kind: 'i32', data: new Int32Array(n), nulls: null };
    const vectors: Vector[] = [
      { kind: 'i32', data: this.#partitionSlots, nulls: null },
      copy,
      ...batch.columns,
    ];
    const made = this.#rows.upsert(vectors, n, this.#slots, this.#created);
    this.#initialise(made);
    for (let j = 0; j < n; j++) {
      const slot = this.#slots[j] as number;
      this.#counts.set(slot, this.#counts.get(slot) + (batch.weights[j] as number));
      this.#touchedPartitions.add(this.#partitionSlots[j] as number);
      if (this.#marks.get(slot) !== 0) continue;
      this.#marks.set(slot, 1);
      this.#touched.push(slot);
    }
  }

  #initialise(made: number): void {
    for (let j = 0; j < made; j++) {
      const slot = this.#created[j] as number;
      this.#counts.set(slot, 0);
      this.#live.set(slot, 0);
      this.#marks.set(slot, 0);
      this.place.set(slot, 0);
    }
  }

  /** Brings the net changes into the tree. */
  apply(): ReadonlyMap<number, readonly Edit[]> {
    const edits: Edit[] = [];
    for (const head of this.#touched) {
      this.#marks.set(head, 0);
      const now = this.#counts.get(head);
      const old = this.#live.get(head);
      this.#live.set(head, now);
      if (old === 0 && now === 0) this.#gone.push(head);
      if (now > old)
        for (const slot of this.#copiesOf(head, old, now)) edits.push({ slot, inserted: true, at: 0 });
      if (now < old)
        for (const slot of this.#copiesOf(head, now, old)) edits.push({ slot, inserted: false, at: 0 });
    }
    this.#touched.length = 0;
    const { tree } = this;
    for (const edit of edits) if (edit.inserted) tree.insert(edit.slot);
    edits.sort((a, b) => tree.order.compare(a.slot, b.slot));
    let removed = 0;
    for (const edit of edits) {
      edit.at = tree.rank(edit.slot) - removed;
      if (!edit.inserted) removed++;
    }
    for (const edit of edits) {
      if (edit.inserted) continue;
      tree.remove(edit.slot);
      this.#gone.push(edit.slot);
    }
    return this.#byPartition(edits);
  }

  #byPartition(edits: readonly Edit[]): ReadonlyMap<number, readonly Edit[]> {
    const partitions = new Map<number, Edit[]>();
    for (const edit of edits) {
      const partition = this.partitionOf(edit.slot);
      const known = partitions.get(partition);
      if (known === undefined) partitions.set(partition, [edit]);
      else known.push(edit);
    }
    for (const [partition, own] of partitions) {
      const start = this.tree.rankLower([partition]);
      let change = 0;
      for (const edit of own) {
        edit.at -= start;
        change += edit.inserted ? 1 : -1;
      }
      this.#sizes.set(partition, this.#sizes.get(partition) + change);
    }
    return partitions;
  }

  /** The slots of copies [from, to) of a row; copies that are not there are made. */
  #copiesOf(head: number, from: number, to: number): Iterable<number> {
    if (to === 1) return [head];
    const [partition = null, , ...row] = this.#rows.store.values(head);
    const slots: number[] = [];
    if (from === 0) slots.push(head);
    for (let copy = Math.max(1, from); copy < to; ) {
      for (; copy < to && !this.#copies.full; copy++) this.#copies.append([partition, copy, ...row], 1);
      const batch = this.#copies.build();
      const found = new Int32Array(batch.length);
      if (this.#created.length < batch.length) this.#created = new Int32Array(batch.length);
      this.#initialise(this.#rows.upsert(batch.columns, batch.length, found, this.#created));
      for (const slot of found) slots.push(slot);
    }
    return slots;
  }

  size(partition: number): number {
    return this.#sizes.get(partition);
  }

  /** Ends the tick: rows that are gone are forgotten. `emptied` is called with partitions that have none left. */
  settle(emptied: (partition: number) => void): void {
    const gone = this.#gone;
    this.#gone = [];
    for (const slot of gone) this.#rows.remove(slot);
    for (const partition of this.#touchedPartitions) {
      if (this.#sizes.get(partition) !== 0) continue;
      emptied(partition);
      this.partitions.remove(partition);
    }
    this.#touchedPartitions.clear();
  }

  /** The rows of a partition, in order. */
  slotsOf(partition: number): number[] {
    const cursor = this.tree.seekLower(this.tree.cursor(), [partition]);
    const slots: number[] = [];
    for (let i = this.#sizes.get(partition); i > 0; i--) {
      slots.push(cursor.slot);
      cursor.next();
    }
    return slots;
  }

  /** Forgets all rows of a partition, between ticks. */
  drop(slots: readonly number[]): void {
    for (const slot of slots) this.tree.remove(slot);
    for (const slot of slots) this.#rows.remove(slot);
  }

  stateRows(): number {
    return this.#rows.rows() + this.partitions.rows();
  }

  stateBytes(): number {
    return this.#rows.bytes() + this.partitions.bytes() + this.tree.bytes();
  }
}
