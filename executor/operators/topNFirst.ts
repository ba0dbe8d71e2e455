/**
 * The first row of each partition over append-only input: last bid per auction, best bid, deduplication.
 *
 * A partition keeps its current first row only. Within a batch the winners are found by row number and stored together;
 * of rows that are peers the earlier one wins. When a partition is first touched in a tick its published row is set
 * aside until `flush` has emitted the difference. With a bound, partitions whose column has passed are dropped without
 * output.
 */
import { must } from '../../common/assert.ts';
import type { PhysicalTopN } from '../../planner/plan/physical.ts';
import type { Int32Blocks } from '../../storage/state/blocks.ts';
import { KeyTable } from '../../storage/state/keyTable.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { RowStore } from '../../storage/state/rowStore.ts';
import type { Batch } from '../batch.ts';
import { compileVectorOrder, type VectorOrder } from '../codegen/vectorOrder.ts';
import type { Emit, Operator, TickContext } from './operator.ts';
import { persistentParts } from './persistent.ts';
import { keyCleaner, type StateCleaner } from './stateCleaner.ts';
import { RowOutput } from './topNOutput.ts';

export class TopNFirstOperator implements Operator {
  readonly emitsInitially = false;
  readonly isDue?: () => boolean;
  readonly #cleaner: StateCleaner | null = null;
  readonly #partition: readonly number[];
  readonly #partitions: KeyTable;
  readonly #store: RowStore;
  readonly #order: VectorOrder;
  readonly #output: RowOutput;
  /** Per partition: the row now, the published row (both + 1, 0: none), the winner in the current batch + 1. */
  readonly #current: Int32Blocks;
  readonly #published: Int32Blocks;
  readonly #winner: Int32Blocks;
  /** Partitions whose row has changed in this tick. */
  #touched = new Int32Array(16);
  #touchedCount = 0;
  #partitionSlots = new Int32Array(16);
  #scratch = new Int32Array(16);
  #winners = new Int32Array(16);
  #rowSlots = new Int32Array(16);

  constructor(node: PhysicalTopN, context: TickContext) {
    const { schema } = node.input;
    this.#partition = node.partition;
    this.#partitions = new KeyTable(node.partition.map((column) => must(schema[column]).type));
    this.#store = new RowStore(schema.map((column) => column.type));
    this.#order = compileVectorOrder(node.order, schema, this.#store, 0);
    this.#output = new RowOutput(this.#store, 0, node.rank !== null);
    this.#current = this.#partitions.store.addInt32();
    this.#published = this.#partitions.store.addInt32();
    this.#winner = this.#partitions.store.addInt32();
    if (node.clean === undefined) return;
    const column = node.partition.indexOf(node.clean.column);
    const drop = (partitions: Int32Array, n: number): void => {
      for (let j = 0; j < n; j++) this.#store.free(this.#current.get(partitions[j] as number) - 1);
    };
    const cleaner = keyCleaner(node.clean.term, context, this.#partitions, column, drop);
    this.#cleaner = cleaner;
    this.isDue = () => cleaner.isDue();
  }

  push(_port: number, batch: Batch): void {
    const n = batch.length;
    if (this.#partitionSlots.length < n) {
      this.#partitionSlots = new Int32Array(n);
      this.#scratch = new Int32Array(n);
      this.#winners = new Int32Array(n);
      this.#rowSlots = new Int32Array(n);
    }
    const keys = this.#partition.map((column) => must(batch.columns[column]));
    const made = this.#partitions.upsert(keys, n, this.#partitionSlots, this.#scratch);
    for (let j = 0; j < made; j++) {
      const partition = this.#scratch[j] as number;
      this.#current.set(partition, 0);
      this.#published.set(partition, 0);
      this.#winner.set(partition, 0);
    }
    this.#storeWinners(batch, this.#findWinners(batch));
  }

  /** Lists the partitions with a better row in this batch in #scratch; their winner is the row's number. */
  #findWinners(batch: Batch): number {
    const { columns } = batch;
    const order = this.#order;
    const winner = this.#winner;
    let count = 0;
    for (let j = 0; j < batch.length; j++) {
      const partition = this.#partitionSlots[j] as number;
      const best = winner.get(partition) - 1;
      if (best >= 0) {
        if (order.within(columns, j, best) < 0) winner.set(partition, j + 1);
        continue;
      }
      const current = this.#current.get(partition) - 1;
      if (current >= 0 && order.withStored(columns, j, current) >= 0) continue;
      winner.set(partition, j + 1);
      this.#scratch[count++] = partition;
    }
    return count;
  }

  #storeWinners(batch: Batch, count: number): void {
    for (let c = 0; c < count; c++) {
      const partition = this.#scratch[c] as number;
      const current = this.#current.get(partition);
      if (current === this.#published.get(partition)) this.#touch(partition);
      // A row that came and was beaten within the tick was never seen.
      else this.#store.free(current - 1);
      const row = this.#store.alloc();
      this.#current.set(partition, row + 1);
      this.#winners[c] = this.#winner.get(partition) - 1;
      this.#winner.set(partition, 0);
      this.#rowSlots[c] = row;
    }
    if (count > 0) this.#store.store(batch.columns, null, this.#winners, count, this.#rowSlots);
  }

  #touch(partition: number): void {
    if (this.#touchedCount === this.#touched.length) {
      const grown = new Int32Array(this.#touched.length * 2);
      grown.set(this.#touched);
      this.#touched = grown;
    }
    this.#touched[this.#touchedCount++] = partition;
  }

  flush(emit: Emit): void {
    this.#output.begin(emit, this.#touchedCount * 2);
    for (let t = 0; t < this.#touchedCount; t++) {
      const partition = this.#touched[t] as number;
      const old = this.#published.get(partition);
      if (old !== 0) this.#output.add(old - 1, -1, 1);
      this.#output.add(this.#current.get(partition) - 1, 1, 1);
    }
    this.#output.end();
    for (let t = 0; t < this.#touchedCount; t++) {
      const partition = this.#touched[t] as number;
      const old = this.#published.get(partition);
      if (old !== 0) this.#store.free(old - 1);
      this.#published.set(partition, this.#current.get(partition));
    }
    this.#touchedCount = 0;
    this.#cleaner?.clean();
  }

  get persistent(): Persistent {
    return persistentParts(this.#partitions, this.#store);
  }

  stateRows(): number {
    return this.#store.rows() + this.#partitions.rows();
  }

  stateBytes(): number {
    return this.#store.bytes() + this.#partitions.bytes();
  }
}
