/**
 * OVER, on update, at the cost of the rows whose results may change.
 *
 * State: the rows in their order (windowStore.ts) and the results given out (windowPublished.ts). In `flush` each call
 * tells which rows of a touched partition the edits may have changed, computes those anew, and rows whose results differ
 * are replaced. Partitions as a whole go with a partition column (`clean`).
 * A partition one of whose calls fails is not given out at all, and is computed from nothing when it changes.
 * Invariant between ticks: every row of a partition that has not failed is published with its results.
 */
import { must } from '../../common/assert.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { Row } from '../../common/value.ts';
import type { WindowCall } from '../../planner/plan/aggregateCall.ts';
import type { PhysicalWindow } from '../../planner/plan/physical.ts';
import type { StateBound } from '../../planner/plan/watermark.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import type { Batch } from '../batch.ts';
import { BatchBuilder } from '../batchBuilder.ts';
import type { Emit, Operator, TickContext } from './operator.ts';
import { type PartitionFailure, persistentPartitionFailures, persistentParts } from './persistent.ts';
import { keyCleaner, type StateCleaner } from './stateCleaner.ts';
import { aggregateOf, type CallComputer, stateless } from './windowAggregates.ts';
import { frameValueOf, neighbourOf } from './windowNeighbours.ts';
import { WindowPublished } from './windowPublished.ts';
import { cumeDist, denseRank, ntileOf, percentRank, rank, rowNumber } from './windowRanks.ts';
import { type Edit, WindowStore } from './windowStore.ts';
import { WindowView } from './windowView.ts';

function computerOf(call: WindowCall, node: PhysicalWindow, context: TickContext): CallComputer {
  if (call.fn.kind === 'aggregate') return aggregateOf(call, call.fn, node, context.eval);
  switch (call.fn.name) {
    case 'row_number':
      return stateless(rowNumber);
    case 'rank':
      return stateless(rank);
    case 'dense_rank':
      return stateless(denseRank);
    case 'percent_rank':
      return stateless(percentRank);
    case 'cume_dist':
      return stateless(cumeDist);
    case 'ntile':
      return stateless(ntileOf(call));
    case 'lag':
      return stateless(neighbourOf(call, node, -1));
    case 'lead':
      return stateless(neighbourOf(call, node, 1));
    case 'first_value':
    case 'last_value':
    case 'nth_value':
      return stateless(frameValueOf(call, node, context.eval.timeZone));
    default:
      throw unsupported(`window function ${call.fn.name}`);
  }
}

export class ChangeWindowOperator implements Operator {
  readonly emitsInitially = false;
  readonly isDue?: () => boolean;
  readonly #node: PhysicalWindow;
  readonly #context: TickContext;
  readonly #rows: WindowStore;
  readonly #published: WindowPublished;
  readonly #computers: readonly CallComputer[];
  readonly #builder: BatchBuilder;
  readonly #failed = new Map<number, PartitionFailure>();
  readonly #cleaner: StateCleaner | null;
  #emit: Emit = () => {};

  constructor(node: PhysicalWindow, context: TickContext) {
    this.#node = node;
    this.#context = context;
    this.#rows = new WindowStore(node);
    this.#published = new WindowPublished(
      node.calls.map((call) => call.type),
      this.#rows.place,
    );
    this.#computers = node.calls.map((call) => computerOf(call, node, context));
    this.#builder = new BatchBuilder(node.schema.map((column) => column.type));
    const cleaner = node.clean === undefined ? null : this.#partitionCleaner(node.clean);
    this.#cleaner = cleaner;
    if (cleaner !== null) this.isDue = () => cleaner.isDue();
  }

  #partitionCleaner(bound: StateBound): StateCleaner {
    const drop = (partitions: Int32Array, n: number): void => {
      for (let j = 0; j < n; j++) {
        const partition = partitions[j] as number;
        const slots = this.#rows.slotsOf(partition);
        for (const slot of slots) this.#published.forget(slot);
        this.#rows.drop(slots);
        this.#forget(partition);
      }
    };
    const column = this.#node.partition.indexOf(bound.column);
    return keyCleaner(bound.term, this.#context, this.#rows.partitions, column, drop);
  }

  #forget(partition: number): void {
    this.#failed.delete(partition);
    for (const computer of this.#computers) computer.forget(partition);
  }

  push(_port: number, batch: Batch): void {
    this.#rows.push(batch);
  }

  flush(emit: Emit): void {
    this.#emit = emit;
    for (const [partition, edits] of this.#rows.apply()) this.#update(partition, edits);
    if (this.#builder.length > 0) emit(this.#builder.build());
    this.#rows.settle((partition) => this.#forget(partition));
    this.#cleaner?.clean();
  }

  #update(partition: number, edits: readonly Edit[]): void {
    const view = new WindowView(this.#rows, this.#node, partition);
    const failure = this.#failed.get(partition);
    if (failure !== undefined) this.#report(failure, -1);
    this.#failed.delete(partition);
    const full = failure !== undefined;
    for (const { slot, inserted } of edits) if (!inserted) this.#withdraw(slot);
    if (full) for (const slot of this.#rows.slotsOf(partition)) this.#published.admit(slot);
    else for (const { slot, inserted } of edits) if (inserted) this.#published.admit(slot);
    const error = view.n === 0 ? null : this.#compute(view, edits, full);
    if (error !== null) {
      this.#fail(partition, error);
      return;
    }
    this.#published.finish((slot, old) => {
      const row = this.#rows.rowOf(slot);
      if (old !== null) this.#append(row, old, -1);
      this.#append(row, this.#published.results(slot), 1);
    });
  }

  #compute(view: WindowView, edits: readonly Edit[], full: boolean): SqlError | null {
    try {
      this.#computers.forEach((computer, c) => {
        const results = must(this.#published.calls[c]);
        computer.compute({ view, edits, full, results });
        results.commit();
      });
      return null;
    } catch (error) {
      if (error instanceof SqlError) return error;
      throw error;
    }
  }

  /** Nothing of the partition is given out any more. */
  #fail(partition: number, error: SqlError): void {
    const slots = this.#rows.slotsOf(partition);
    this.#published.revoke(slots, (slot, results) => this.#append(this.#rows.rowOf(slot), results, -1));
    for (const computer of this.#computers) computer.forget(partition);
    const row = this.#rows.partitions.store.values(partition);
    const failed = { error, weight: slots.length, row };
    this.#report(failed, 1);
    this.#failed.set(partition, failed);
  }

  /** The error concerns all rows of the partition: it is told by the partition's key. */
  #report({ error, weight, row }: PartitionFailure, sign: 1 | -1): void {
    const schema = this.#node.partition.map((column) => must(this.#node.input.schema[column]));
    this.#context.rowError(error, sign * weight, this.#node.kind, row, schema);
  }

  /** A row has gone. */
  #withdraw(slot: number): void {
    if (this.#published.placeOf(slot) < 0) return;
    this.#append(this.#rows.rowOf(slot), this.#published.results(slot), -1);
    this.#published.forget(slot);
  }

  #append(row: Row, results: Row, weight: number): void {
    this.#builder.append([...row, ...results], weight);
    if (this.#builder.full) this.#emit(this.#builder.build());
  }

  /** Without the folds that computers park: they are made again when they are missed. */
  get persistent(): Persistent {
    const key = this.#node.partition.map((column) => must(this.#node.input.schema[column]));
    return persistentParts(
      this.#rows.persistent,
      this.#published.persistent,
      persistentPartitionFailures(this.#failed, key),
    );
  }

  stateRows(): number {
    return this.#rows.stateRows();
  }

  stateBytes(): number {
    const kept = this.#computers.reduce((sum, computer) => sum + computer.stateBytes(), 0);
    return this.#rows.stateBytes() + this.#published.stateBytes() + kept + this.#failed.size * 64;
  }
}
