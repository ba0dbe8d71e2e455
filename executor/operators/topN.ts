/**
 * The rows at positions [offset, offset + limit) of each partition in an order, optionally with ties or ranks.
 *
 * Retractable form: every row is kept, found again by its identity, with the sum of its weights. Append-only form: no
 * row that has fallen behind a full window can come back, so such rows are not kept, and rows are not looked up. In
 * both, a tick's changes are applied to the ordered rows in `flush` and the visible rows compared before and after.
 * Invariant between ticks: rows in the store have positive counts and are in the tree with them; with a bound, partitions
 * whose column has passed are dropped as a whole, without output.
 */
import { must } from '../../common/assert.ts';
import { types } from '../../common/dataType.ts';
import type { PhysicalTopN } from '../../planner/plan/physical.ts';
import type { Int32Blocks } from '../../storage/state/blocks.ts';
import { KeyTable } from '../../storage/state/keyTable.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { RowStore } from '../../storage/state/rowStore.ts';
import type { Batch, Vector } from '../batch.ts';
import { compileVectorOrder, type VectorOrder } from '../codegen/vectorOrder.ts';
import type { Emit, Operator, TickContext } from './operator.ts';
import { persistentParts } from './persistent.ts';
import { keyCleaner, type StateCleaner } from './stateCleaner.ts';
import { TopNFirstOperator } from './topNFirst.ts';
import { RowOutput } from './topNOutput.ts';
import { StoppingTopN } from './topNStops.ts';
import { TopNWindows, type VisibleRows, type WindowSpec } from './topNWindows.ts';
import { UnionAllOperator } from './unionAll.ts';

/** The cheapest form that the node allows. */
export function createTopN(node: PhysicalTopN, context: TickContext): Operator {
  // Without bounds the rows are all there; who reads the result sorts it.
  if (node.limit === null && node.offset === 0 && node.rank === null) return new UnionAllOperator();
  const limit = limitOf(node, context);
  return node.stops === true ? new StoppingTopN(node, limit) : limit;
}

function limitOf(node: PhysicalTopN, context: TickContext): Operator {
  if (!node.input.appendOnly) return new RetractableTopN(node, context);
  const first = node.limit === 1 && node.offset === 0 && !node.withTies;
  return first ? new TopNFirstOperator(node, context) : new AppendOnlyTopN(node, context);
}

function specOf(node: PhysicalTopN): WindowSpec {
  return {
    partition: node.partition.map((column) => must(node.input.schema[column]).type),
    order: node.order,
    offset: node.offset,
    limit: node.limit ?? Number.POSITIVE_INFINITY,
    withTies: node.withTies,
    rank: node.rank,
  };
}

abstract class TopNOperator implements Operator {
  readonly emitsInitially = false;
  readonly isDue?: () => boolean;
  protected readonly store: RowStore;
  protected readonly windows: TopNWindows;
  /** Sum of weights of a row. */
  protected readonly counts: Int32Blocks;
  readonly #partition: readonly number[];
  readonly #output: RowOutput;
  protected slots = new Int32Array(16);
  protected created = new Int32Array(16);
  protected partitionSlots = new Int32Array(16);
  /** Rows that changed in this tick; a row may be there several times. */
  protected readonly changed: number[] = [];
  /** Partitions that were made or lost a row in this tick, as far as they have not been listed. */
  readonly #made: number[] = [];
  readonly #cleaner: StateCleaner | null = null;

  constructor(node: PhysicalTopN, store: RowStore, context: TickContext) {
    this.store = store;
    this.counts = store.addInt32();
    this.windows = new TopNWindows(store, specOf(node));
    this.#partition = node.partition;
    this.#output = new RowOutput(store, 1, node.rank !== null);
    if (node.clean === undefined) return;
    const column = node.partition.indexOf(node.clean.column);
    const drop = (partitions: Int32Array, n: number): void => this.#dropPartitions(partitions, n);
    const cleaner = keyCleaner(node.clean.term, context, this.windows.partitions, column, drop);
    this.#cleaner = cleaner;
    this.isDue = () => cleaner.isDue();
  }

  abstract push(port: number, batch: Batch, emit: Emit): void;
  /** Frees a row that was listed as changed, if it is gone. */
  protected abstract free(row: number): void;
  /** Frees a row that is out of the tree. */
  protected abstract drop(row: number): void;
  /** Called when a touched partition's new window is listed. */
  protected abstract afterWindow(partition: number): void;

  /** Fills partitionSlots. */
  protected findPartitions(batch: Batch): void {
    const n = batch.length;
    if (this.slots.length < n) {
      this.slots = new Int32Array(n);
      this.created = new Int32Array(n);
      this.partitionSlots = new Int32Array(n);
    }
    const keys = this.#partition.map((column) => must(batch.columns[column]));
    const made = this.windows.partitions.upsert(keys, n, this.partitionSlots, this.created);
    this.windows.initPartitions(this.created, made);
    for (let j = 0; j < made; j++) this.#made.push(this.created[j] as number);
  }

  protected rowVectors(batch: Batch): readonly Vector[] {
    return [{ kind: 'i32', data: this.partitionSlots, nulls: null }, ...batch.columns];
  }

  flush(emit: Emit): void {
    const before = new Map<number, VisibleRows>();
    const { windows, changed } = this;
    for (const row of changed) {
      if (this.counts.get(row) === windows.treeCount.get(row) || windows.isBehind(row)) continue;
      const partition = windows.partitionOf(row);
      if (!before.has(partition)) before.set(partition, windows.visible(partition));
    }
    const maybeEmpty = new Set(this.#made);
    for (const row of changed) {
      windows.setCount(row, this.counts.get(row));
      if (this.counts.get(row) === 0) maybeEmpty.add(windows.partitionOf(row));
    }
    this.#output.begin(emit, changed.length * 2);
    const change = (slot: number, weight: number, rank: number): void => this.#output.add(slot, weight, rank);
    for (const [partition, old] of before) {
      const now = windows.visible(partition);
      windows.finishPartition(partition);
      this.afterWindow(partition);
      windows.compare(old, now, change);
    }
    this.#output.end();
    for (const row of changed) this.free(row);
    for (const partition of maybeEmpty) windows.removeIfEmpty(partition);
    changed.length = 0;
    this.#made.length = 0;
    this.afterFlush();
    this.#cleaner?.clean();
  }

  #dropPartitions(partitions: Int32Array, n: number): void {
    for (let j = 0; j < n; j++) {
      this.windows.dropRows(partitions[j] as number, (row) => this.drop(row));
    }
  }

  /** The rows are in line with what was emitted. */
  protected afterFlush(): void {}

  stateRows(): number {
    return this.store.rows() + this.windows.partitions.rows();
  }

  stateBytes(): number {
    return this.store.bytes() + this.windows.bytes();
  }
}

class RetractableTopN extends TopNOperator {
  readonly #rows: KeyTable;
  readonly #live: Int32Blocks;

  constructor(node: PhysicalTopN, context: TickContext) {
    const rows = new KeyTable([types.int4, ...node.input.schema.map((column) => column.type)], 'same');
    super(node, rows.store, context);
    this.#rows = rows;
    this.#live = rows.store.addInt32();
  }

  push(_port: number, batch: Batch): void {
    const n = batch.length;
    this.findPartitions(batch);
    const made = this.#rows.upsert(this.rowVectors(batch), n, this.slots, this.created);
    for (let j = 0; j < made; j++) {
      const row = this.created[j] as number;
      this.counts.set(row, 0);
      this.#live.set(row, 1);
      this.windows.initRow(row);
    }
    for (let j = 0; j < n; j++) {
      const row = this.slots[j] as number;
      this.counts.set(row, this.counts.get(row) + (batch.weights[j] as number));
      this.changed.push(row);
    }
  }

  protected free(row: number): void {
    // A row may be listed twice, and the store may have let go of all its memory with the last row.
    if (this.#rows.rows() === 0 || this.#live.get(row) === 0 || this.counts.get(row) !== 0) return;
    this.drop(row);
  }

  protected drop(row: number): void {
    this.#live.set(row, 0);
    this.#rows.remove(row);
  }

  protected afterWindow(): void {}

  get persistent(): Persistent {
    return persistentParts(this.#rows, this.windows.persistent);
  }

  override stateBytes(): number {
    return super.stateBytes() + this.#rows.index.bytes();
  }
}

class AppendOnlyTopN extends TopNOperator {
  readonly #order: VectorOrder;
  readonly #withTies: boolean;
  /** Rows taken out of the tree in this flush. */
  readonly #evicted: number[] = [];

  constructor(node: PhysicalTopN, context: TickContext) {
    const store = new RowStore([types.int4, ...node.input.schema.map((column) => column.type)]);
    super(node, store, context);
    this.#withTies = node.withTies;
    this.#order = compileVectorOrder(node.order, node.input.schema, store, 1);
  }

  push(_port: number, batch: Batch): void {
    const n = batch.length;
    this.findPartitions(batch);
    const bound = this.#withTies ? 0 : -1;
    // Equal rows keep their order of arrival: a later one is behind.
    let kept = 0;
    const rows = this.created;
    for (let j = 0; j < n; j++) {
      const last = this.windows.lastOf(this.partitionSlots[j] as number);
      if (last >= 0 && this.#order.withStored(batch.columns, j, last) > bound) continue;
      rows[kept] = j;
      this.slots[kept++] = this.store.alloc();
    }
    if (kept === 0) return;
    this.store.store(this.rowVectors(batch), null, rows, kept, this.slots);
    for (let j = 0; j < kept; j++) {
      const row = this.slots[j] as number;
      this.windows.initRow(row);
      this.counts.set(row, batch.weights[rows[j] as number] as number);
      this.changed.push(row);
    }
  }

  get persistent(): Persistent {
    return persistentParts(this.store, this.windows.persistent);
  }

  protected override afterFlush(): void {
    for (const row of this.#evicted) this.store.free(row);
    this.#evicted.length = 0;
  }

  protected free(): void {}

  protected drop(row: number): void {
    this.store.free(row);
  }

  protected afterWindow(partition: number): void {
    this.windows.evictBehind(partition, (row) => this.#evicted.push(row));
  }
}
