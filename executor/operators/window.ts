/**
 * OVER: window functions by partition. Output: input ++ one column a call.
 *
 * State: every row by identity with its count, linked by partition. In `flush` each touched partition is sorted and its
 * calls computed twice, with the counts that were published and with the new ones; rows whose results differ are
 * replaced. Rows that tie in the order keep the order of their slots, so that ties do not move.
 * Invariant between ticks: a row's published count is its count, and above zero.
 */
import { must } from '../../common/assert.ts';
import { types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Row, Value } from '../../common/value.ts';
import type { PhysicalWindow } from '../../planner/plan/physical.ts';
import type { Int32Blocks } from '../../storage/state/blocks.ts';
import { KeyTable } from '../../storage/state/keyTable.ts';
import type { Batch, Vector } from '../batch.ts';
import { BatchBuilder } from '../batchBuilder.ts';
import { sameBoxed } from '../codegen/typeOperations.ts';
import { type RowComparator, rowComparator } from '../sort.ts';
import type { Emit, Operator, TickContext } from './operator.ts';
import { computeCall } from './windowCalls.ts';
import { sortedPartition } from './windowFrame.ts';

/** Results of the copies of each row (by slot), in order. */
type Results = ReadonlyMap<number, readonly (readonly Value[])[]>;

interface Member {
  readonly slot: number;
  readonly row: Row;
}

export class WindowOperator implements Operator {
  readonly emitsInitially = false;
  readonly #node: PhysicalWindow;
  readonly #context: TickContext;
  readonly #compare: RowComparator;
  readonly #partitions: KeyTable;
  readonly #rows: KeyTable;
  /** Per row: weight now and as published; whether it exists; its neighbours in the partition, + 1. */
  readonly #counts: Int32Blocks;
  readonly #published: Int32Blocks;
  readonly #live: Int32Blocks;
  readonly #next: Int32Blocks;
  readonly #previous: Int32Blocks;
  /** Per partition: first row + 1. */
  readonly #heads: Int32Blocks;
  readonly #touchedPartitions = new Set<number>();
  readonly #touchedRows: number[] = [];
  readonly #builder: BatchBuilder;
  #partitionSlots = new Int32Array(16);
  #slots = new Int32Array(16);
  #created = new Int32Array(16);

  constructor(node: PhysicalWindow, context: TickContext) {
    const inputTypes = node.input.schema.map((column) => column.type);
    this.#node = node;
    this.#context = context;
    this.#compare = rowComparator(inputTypes, node.order);
    this.#partitions = new KeyTable(node.partition.map((column) => must(inputTypes[column])));
    this.#heads = this.#partitions.store.addInt32();
    this.#rows = new KeyTable([types.int4, ...inputTypes], 'same');
    const { store } = this.#rows;
    this.#counts = store.addInt32();
    this.#published = store.addInt32();
    this.#live = store.addInt32();
    this.#next = store.addInt32();
    this.#previous = store.addInt32();
    this.#builder = new BatchBuilder(node.schema.map((column) => column.type));
  }

  push(_port: number, batch: Batch): void {
    const n = batch.length;
    if (this.#slots.length < n) {
      this.#partitionSlots = new Int32Array(n);
      this.#slots = new Int32Array(n);
      this.#created = new Int32Array(n);
    }
    const keys = this.#node.partition.map((column) => must(batch.columns[column]));
    const partitions = this.#partitions.upsert(keys, n, this.#partitionSlots, this.#created);
    for (let j = 0; j < partitions; j++) this.#heads.set(this.#created[j] as number, 0);
    const vectors: Vector[] = [{ kind: 'i32', data: this.#partitionSlots, nulls: null }, ...batch.columns];
    const made = this.#rows.upsert(vectors, n, this.#slots, this.#created);
    for (let j = 0; j < made; j++) this.#link(this.#created[j] as number);
    for (let j = 0; j < n; j++) {
      const slot = this.#slots[j] as number;
      this.#counts.set(slot, this.#counts.get(slot) + (batch.weights[j] as number));
      this.#touchedRows.push(slot);
      this.#touchedPartitions.add(this.#partitionSlots[j] as number);
    }
  }

  #link(slot: number): void {
    const partition = this.#partitionOf(slot);
    const head = this.#heads.get(partition);
    this.#counts.set(slot, 0);
    this.#published.set(slot, 0);
    this.#live.set(slot, 1);
    this.#next.set(slot, head);
    this.#previous.set(slot, 0);
    if (head !== 0) this.#previous.set(head - 1, slot + 1);
    this.#heads.set(partition, slot + 1);
  }

  #partitionOf(slot: number): number {
    return must(this.#rows.store.columns[0]).value(slot) as number;
  }

  flush(emit: Emit): void {
    for (const partition of this.#touchedPartitions) {
      const slots = this.#slotsOf(partition);
      if (slots.every((slot) => this.#counts.get(slot) === this.#published.get(slot))) continue;
      const members = slots.map((slot) => ({ slot, row: this.#rows.store.values(slot).slice(1) }));
      members.sort((a, b) => this.#compare(a.row, b.row) || a.slot - b.slot);
      const before = this.#compute(members, this.#published, false);
      const after = this.#compute(members, this.#counts, true);
      for (const member of members) this.#emitDifference(member, before, after, emit);
    }
    if (this.#builder.length > 0) emit(this.#builder.build());
    this.#sweep();
  }

  #slotsOf(partition: number): number[] {
    const slots: number[] = [];
    for (let slot = this.#heads.get(partition) - 1; slot >= 0; slot = this.#next.get(slot) - 1)
      slots.push(slot);
    return slots;
  }

  /** Results of all rows at these counts; none if a call fails. */
  #compute(members: readonly Member[], counts: Int32Blocks, report: boolean): Results {
    const results = new Map<number, Value[][]>();
    const copies = members.flatMap((member) => new Array<Member>(counts.get(member.slot)).fill(member));
    if (copies.length === 0) return results;
    const partition = sortedPartition(
      copies.map(({ row }) => row),
      this.#compare,
    );
    const input = {
      partition,
      order: this.#node.order,
      types: this.#node.input.schema.map((column) => column.type),
      context: this.#context.eval,
    };
    let columns: Value[][];
    try {
      columns = this.#node.calls.map((call) => computeCall(call, input));
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      if (report) this.#context.rowError(error, copies.length, this.#node.kind);
      return results;
    }
    copies.forEach(({ slot }, i) => {
      const values = columns.map((column) => column[i] ?? null);
      const known = results.get(slot);
      if (known === undefined) results.set(slot, [values]);
      else known.push(values);
    });
    return results;
  }

  #emitDifference({ slot, row }: Member, before: Results, after: Results, emit: Emit): void {
    const old = before.get(slot) ?? [];
    const now = after.get(slot) ?? [];
    for (let i = 0; i < Math.max(old.length, now.length); i++) {
      const a = old[i];
      const b = now[i];
      if (a !== undefined && b !== undefined && a.every((value, c) => sameValue(value, b[c] ?? null)))
        continue;
      if (a !== undefined) this.#append([...row, ...a], -1, emit);
      if (b !== undefined) this.#append([...row, ...b], 1, emit);
    }
  }

  #append(row: Row, weight: number, emit: Emit): void {
    this.#builder.append(row, weight);
    if (this.#builder.full) emit(this.#builder.build());
  }

  #sweep(): void {
    for (const slot of this.#touchedRows) {
      // A row may be listed twice, and the store may have let go of all its memory with the last row.
      if (this.#rows.rows() === 0 || this.#live.get(slot) === 0) continue;
      const count = this.#counts.get(slot);
      this.#published.set(slot, count);
      if (count === 0) this.#remove(slot);
    }
    for (const partition of this.#touchedPartitions) {
      if (this.#heads.get(partition) === 0) this.#partitions.remove(partition);
    }
    this.#touchedRows.length = 0;
    this.#touchedPartitions.clear();
  }

  #remove(slot: number): void {
    const next = this.#next.get(slot);
    const previous = this.#previous.get(slot);
    if (previous === 0) this.#heads.set(this.#partitionOf(slot), next);
    else this.#next.set(previous - 1, next);
    if (next !== 0) this.#previous.set(next - 1, previous);
    this.#live.set(slot, 0);
    this.#rows.remove(slot);
  }

  stateRows(): number {
    return this.#rows.rows() + this.#partitions.rows();
  }

  stateBytes(): number {
    return this.#rows.bytes() + this.#partitions.bytes();
  }
}

function sameValue(a: Value, b: Value): boolean {
  return Object.is(a, b) || sameBoxed(a, b);
}
