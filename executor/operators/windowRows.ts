/**
 * The state of OVER: every row by identity with its count, linked by partition. Rows that tie in the order are put in
 * order by their columns, so that results do not depend on when rows came or on what state has been dropped.
 */
import { must } from '../../common/assert.ts';
import { types } from '../../common/dataType.ts';
import type { Row } from '../../common/value.ts';
import type { PhysicalWindow } from '../../planner/plan/physical.ts';
import type { Int32Blocks } from '../../storage/state/blocks.ts';
import { KeyTable } from '../../storage/state/keyTable.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import type { Batch, Vector } from '../batch.ts';
import { type RowComparator, rowComparator } from '../sort.ts';
import { persistentParts } from './persistent.ts';

export interface Member {
  readonly slot: number;
  readonly row: Row;
}

/** Each member as often as it counts, in order. */
export function copiesOf(members: readonly Member[], count: (slot: number) => number): readonly Member[] {
  return members.flatMap((member) => {
    const n = count(member.slot);
    return n === 1 ? member : new Array<Member>(n).fill(member);
  });
}

export class WindowRows {
  readonly partitions: KeyTable;
  /** Weight of each row now, and as given to the output. */
  readonly counts: Int32Blocks;
  readonly published: Int32Blocks;
  /** By the node's order alone: rows it does not tell apart are peers. */
  readonly comparePeers: RowComparator;
  readonly #compare: RowComparator;
  readonly #partition: readonly number[];
  readonly #rows: KeyTable;
  /** Per row: its neighbours in the partition, + 1. */
  readonly #next: Int32Blocks;
  readonly #previous: Int32Blocks;
  /** Per row: 1 when it is listed in #touched. */
  readonly #marks: Int32Blocks;
  /** Per partition: first row + 1. */
  readonly #heads: Int32Blocks;
  readonly touchedPartitions = new Set<number>();
  readonly #touched: number[] = [];
  #partitionSlots = new Int32Array(16);
  #slots = new Int32Array(16);
  #created = new Int32Array(16);

  constructor(node: PhysicalWindow) {
    const inputTypes = node.input.schema.map((column) => column.type);
    this.#partition = node.partition;
    this.comparePeers = rowComparator(inputTypes, node.order);
    const columns = inputTypes.map((_, column) => ({ column, descending: false, nullsFirst: false }));
    this.#compare = rowComparator(inputTypes, [...node.order, ...columns]);
    this.partitions = new KeyTable(node.partition.map((column) => must(inputTypes[column])));
    this.#heads = this.partitions.store.addInt32();
    this.#rows = new KeyTable([types.int4, ...inputTypes], 'same');
    const { store } = this.#rows;
    this.counts = store.addInt32();
    this.published = store.addInt32();
    this.#next = store.addInt32();
    this.#previous = store.addInt32();
    this.#marks = store.addInt32();
  }

  get persistent(): Persistent {
    return persistentParts(this.partitions, this.#rows);
  }

  /** Takes in a delta; touched partitions and rows are noted. */
  push(batch: Batch): void {
    const n = batch.length;
    if (this.#slots.length < n) {
      this.#partitionSlots = new Int32Array(n);
      this.#slots = new Int32Array(n);
      this.#created = new Int32Array(n);
    }
    const keys = this.#partition.map((column) => must(batch.columns[column]));
    const partitions = this.partitions.upsert(keys, n, this.#partitionSlots, this.#created);
    for (let j = 0; j < partitions; j++) this.#heads.set(this.#created[j] as number, 0);
    const vectors: Vector[] = [{ kind: 'i32', data: this.#partitionSlots, nulls: null }, ...batch.columns];
    const made = this.#rows.upsert(vectors, n, this.#slots, this.#created);
    for (let j = 0; j < made; j++) this.#link(this.#created[j] as number);
    for (let j = 0; j < n; j++) {
      const slot = this.#slots[j] as number;
      this.counts.set(slot, this.counts.get(slot) + (batch.weights[j] as number));
      this.touchedPartitions.add(this.#partitionSlots[j] as number);
      if (this.#marks.get(slot) !== 0) continue;
      this.#marks.set(slot, 1);
      this.#touched.push(slot);
    }
  }

  #link(slot: number): void {
    const partition = this.#partitionOf(slot);
    const head = this.#heads.get(partition);
    this.counts.set(slot, 0);
    this.published.set(slot, 0);
    this.#marks.set(slot, 0);
    this.#next.set(slot, head);
    this.#previous.set(slot, 0);
    if (head !== 0) this.#previous.set(head - 1, slot + 1);
    this.#heads.set(partition, slot + 1);
  }

  #partitionOf(slot: number): number {
    return must(this.#rows.store.columns[0]).value(slot) as number;
  }

  slotsOf(partition: number): number[] {
    const slots: number[] = [];
    for (let slot = this.#heads.get(partition) - 1; slot >= 0; slot = this.#next.get(slot) - 1)
      slots.push(slot);
    return slots;
  }

  /** The partition's rows in order. */
  membersOf(partition: number): Member[] {
    const members = this.slotsOf(partition).map((slot) => ({ slot, row: this.rowOf(slot) }));
    return members.sort((a, b) => this.#compare(a.row, b.row) || a.slot - b.slot);
  }

  rowOf(slot: number): Row {
    return this.#rows.store.values(slot).slice(1);
  }

  /** Values of a column of the rows touched in this tick that are still there, with their partitions. */
  *touchedValues(column: number): Iterable<readonly [partition: number, value: Row[number]]> {
    const stored = must(this.#rows.store.columns[column + 1]);
    for (const slot of this.#touched) {
      if (this.counts.get(slot) !== 0) yield [this.#partitionOf(slot), stored.value(slot)];
    }
  }

  /** Ends the tick: rows that are gone are forgotten. `emptied` is called with partitions that have none left. */
  settle(afterRow: (slot: number) => void, emptied: (partition: number) => void): void {
    for (const slot of this.#touched) {
      this.#marks.set(slot, 0);
      afterRow(slot);
      if (this.counts.get(slot) === 0) this.remove(slot);
    }
    for (const partition of this.touchedPartitions) this.removeIfEmpty(partition, emptied);
    this.#touched.length = 0;
    this.touchedPartitions.clear();
  }

  /** Forgets a row. */
  remove(slot: number): void {
    const next = this.#next.get(slot);
    const previous = this.#previous.get(slot);
    if (previous === 0) this.#heads.set(this.#partitionOf(slot), next);
    else this.#next.set(previous - 1, next);
    if (next !== 0) this.#previous.set(next - 1, previous);
    this.#rows.remove(slot);
  }

  removeIfEmpty(partition: number, emptied: (partition: number) => void): void {
    if (this.#heads.get(partition) !== 0) return;
    emptied(partition);
    this.partitions.remove(partition);
  }

  stateRows(): number {
    return this.#rows.rows() + this.partitions.rows();
  }

  stateBytes(): number {
    return this.#rows.bytes() + this.partitions.bytes();
  }
}
