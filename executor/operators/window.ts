/**
 * OVER: window functions by partition. Output: input ++ one column a call.
 *
 * State: every row by identity with its count, linked by partition. In `flush` each touched partition is sorted and its
 * calls computed twice, with the counts that were published and with the new ones; rows whose results differ are
 * replaced.
 * Bounds: whole partitions go with a partition column (`clean`). With a bound on the order column, rows below it whose
 * results are complete and that no frame can reach any more are dropped. Rows before the first complete one stay as
 * context: what is computed for them is the same before and after any change, so nothing is emitted.
 * Invariant between ticks: a row's published count is its count, and above zero.
 */
import { assert, must } from '../../common/assert.ts';
import { comparator } from '../../common/compare.ts';
import type { DataType } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { NonNullValue, Row, Value } from '../../common/value.ts';
import type { PhysicalWindow } from '../../planner/plan/physical.ts';
import type { StateBound } from '../../planner/plan/watermark.ts';
import type { Int32Blocks } from '../../storage/state/blocks.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import type { Batch } from '../batch.ts';
import { BatchBuilder } from '../batchBuilder.ts';
import { sameBoxed } from '../codegen/typeOperations.ts';
import { compileTerm, type TermReader } from '../time.ts';
import type { Emit, Operator, TickContext } from './operator.ts';
import {
  type PartitionFailure,
  persistentPartitionFailures,
  persistentParts,
  persistentSqlValue,
} from './persistent.ts';
import { keyCleaner, type StateCleaner } from './stateCleaner.ts';
import { WindowAgenda } from './windowAgenda.ts';
import { computeCalls } from './windowCalls.ts';
import { ChangeWindowOperator } from './windowChange.ts';
import { keepsWholePartition, WindowExtent } from './windowExtent.ts';
import { FinalWindowOperator } from './windowFinal.ts';
import { sortedPartition } from './windowFrame.ts';
import { copiesOf, type Member, WindowRows } from './windowRows.ts';

/** Results of the copies of each row (by slot), in order. */
type Results = ReadonlyMap<number, readonly (readonly Value[])[]>;

const noResults: Results = new Map();

/**
 * The operator of an OVER, on update or on window close. Where rows are dropped below a bound, partitions are as large
 * as the frames that can still change, and are computed as a whole; elsewhere only the rows that a change may concern.
 */
export function createWindow(node: PhysicalWindow, context: TickContext): Operator {
  if (node.final === true) return new FinalWindowOperator(node, context);
  const trims = node.orderBound !== undefined && !keepsWholePartition(node);
  return trims ? new WindowOperator(node, context) : new ChangeWindowOperator(node, context);
}

export class WindowOperator implements Operator {
  readonly emitsInitially = false;
  readonly isDue?: () => boolean;
  readonly #node: PhysicalWindow;
  readonly #context: TickContext;
  readonly #rows: WindowRows;
  readonly #builder: BatchBuilder;
  /** Partitions whose calls fail: nothing of them is published. */
  readonly #failed = new Map<number, PartitionFailure>();
  readonly #cleaner: StateCleaner | null;
  readonly #trimmer: Trimmer | null;

  constructor(node: PhysicalWindow, context: TickContext) {
    this.#node = node;
    this.#context = context;
    this.#rows = new WindowRows(node);
    this.#builder = new BatchBuilder(node.schema.map((column) => column.type));
    const trims = node.orderBound !== undefined && !keepsWholePartition(node);
    this.#trimmer = trims ? new Trimmer(node, must(node.orderBound), this.#rows, context) : null;
    this.#cleaner = node.clean === undefined ? null : this.#partitionCleaner(node.clean);
    if (this.#cleaner === null && this.#trimmer === null) return;
    this.isDue = () => this.#cleaner?.isDue() === true || this.#trimmer?.isDue() === true;
  }

  #partitionCleaner(bound: StateBound): StateCleaner {
    const drop = (partitions: Int32Array, n: number): void => {
      for (let j = 0; j < n; j++) {
        const partition = partitions[j] as number;
        this.#forget(partition);
        for (const slot of this.#rows.slotsOf(partition)) this.#rows.remove(slot);
      }
    };
    const column = this.#node.partition.indexOf(bound.column);
    return keyCleaner(bound.term, this.#context, this.#rows.partitions, column, drop);
  }

  #forget(partition: number): void {
    this.#failed.delete(partition);
    this.#trimmer?.forget(partition);
  }

  push(_port: number, batch: Batch): void {
    this.#rows.push(batch);
  }

  flush(emit: Emit): void {
    const rows = this.#rows;
    for (const partition of rows.touchedPartitions) this.#update(partition, emit);
    if (this.#builder.length > 0) emit(this.#builder.build());
    this.#trimmer?.noteTouched();
    rows.settle(
      (slot) => rows.published.set(slot, rows.counts.get(slot)),
      (partition) => this.#forget(partition),
    );
    this.#cleaner?.clean();
    this.#trimmer?.trim(
      (partition) => this.#failed.has(partition),
      (partition) => this.#forget(partition),
    );
  }

  #update(partition: number, emit: Emit): void {
    const { counts, published } = this.#rows;
    const isSame = this.#rows.slotsOf(partition).every((slot) => counts.get(slot) === published.get(slot));
    if (isSame) return;
    const members = this.#rows.membersOf(partition);
    const before = this.#failed.has(partition) ? noResults : this.#compute(members, published);
    const after = this.#compute(members, counts);
    assert(!(before instanceof SqlError), 'what was published can be computed');
    this.#noteFailure(partition, after, members);
    const results = after instanceof SqlError ? noResults : after;
    for (const member of members) this.#emitDifference(member, before, results, emit);
  }

  /** Reports the error of a partition that cannot be computed now, and takes the last one back. */
  #noteFailure(partition: number, after: Results | SqlError, members: readonly Member[]): void {
    const old = this.#failed.get(partition);
    if (old !== undefined) this.#report(old, -1);
    this.#failed.delete(partition);
    if (!(after instanceof SqlError)) return;
    const weight = members.reduce((sum, { slot }) => sum + this.#rows.counts.get(slot), 0);
    const row = this.#node.partition.map((column) => members[0]?.row[column] ?? null);
    const failure = { error: after, weight, row };
    this.#report(failure, 1);
    this.#failed.set(partition, failure);
  }

  #report({ error, weight, row }: PartitionFailure, sign: 1 | -1): void {
    const schema = this.#node.partition.map((column) => must(this.#node.input.schema[column]));
    this.#context.rowError(error, sign * weight, this.#node.kind, row, schema);
  }

  /** Results of all rows at these counts. */
  #compute(members: readonly Member[], counts: Int32Blocks): Results | SqlError {
    const copies = copiesOf(members, (slot) => counts.get(slot));
    const partition = sortedPartition(
      copies.map(({ row }) => row),
      this.#rows.comparePeers,
    );
    const values = computeCalls(this.#node, partition, this.#context.eval);
    if (values instanceof SqlError) return values;
    const results = new Map<number, (readonly Value[])[]>();
    copies.forEach(({ slot }, i) => {
      const known = results.get(slot);
      if (known === undefined) results.set(slot, [must(values[i])]);
      else known.push(must(values[i]));
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

  get persistent(): Persistent {
    const key = this.#node.partition.map((column) => must(this.#node.input.schema[column]));
    return persistentParts(
      this.#rows.persistent,
      persistentPartitionFailures(this.#failed, key),
      this.#trimmer?.persistent ?? null,
    );
  }

  stateRows(): number {
    return this.#rows.stateRows();
  }

  stateBytes(): number {
    return this.#rows.stateBytes() + (this.#trimmer?.bytes() ?? 0);
  }
}

function sameValue(a: Value, b: Value): boolean {
  return Object.is(a, b) || sameBoxed(a, b);
}

/** Drops rows that are below the watermark of the order column and that no frame can reach any more. */
class Trimmer {
  readonly #rows: WindowRows;
  readonly #column: number;
  readonly #compare: (a: NonNullValue, b: NonNullValue) => number;
  readonly #term: TermReader;
  readonly #type: DataType;
  readonly #extent: WindowExtent;
  readonly #agenda: WindowAgenda;
  /** The watermark that rows were last dropped by. */
  #passed: NonNullValue | null = null;

  constructor(node: PhysicalWindow, bound: StateBound, rows: WindowRows, context: TickContext) {
    this.#rows = rows;
    this.#column = bound.column;
    this.#type = must(node.input.schema[bound.column]).type;
    this.#compare = comparator(this.#type);
    this.#term = compileTerm(bound.term, context.time, context.eval);
    this.#extent = new WindowExtent(node, context.eval.timeZone);
    this.#agenda = new WindowAgenda(this.#compare);
  }

  #watermark(): NonNullValue | null {
    const watermark = this.#term.strict();
    if (watermark === null) return null;
    return this.#passed === null || this.#compare(watermark, this.#passed) > 0 ? watermark : null;
  }

  isDue(): boolean {
    const watermark = this.#watermark();
    const first = watermark === null ? null : this.#agenda.first();
    return watermark !== null && first !== null && this.#compare(first, watermark) < 0;
  }

  /** Rows have come: their partitions are looked at when the watermark passes them. */
  noteTouched(): void {
    for (const [partition, value] of this.#rows.touchedValues(this.#column)) {
      if (value !== null) this.#agenda.lower(partition, value);
    }
  }

  forget(partition: number): void {
    this.#agenda.forget(partition);
  }

  trim(isFailed: (partition: number) => boolean, emptied: (partition: number) => void): void {
    const watermark = this.#watermark();
    if (watermark === null) return;
    this.#passed = watermark;
    for (const partition of this.#agenda.takeBelow(watermark)) {
      // Its rows are not published: none of them is complete.
      if (!isFailed(partition)) this.#trimPartition(partition, watermark, emptied);
    }
  }

  #trimPartition(partition: number, watermark: NonNullValue, emptied: (partition: number) => void): void {
    const members = this.#rows.membersOf(partition);
    const copies = copiesOf(members, (slot) => this.#rows.counts.get(slot));
    const value = (copy: Member | undefined): Value => copy?.row[this.#column] ?? null;
    const open = copies.findIndex((copy) => {
      const own = value(copy);
      return own === null || this.#compare(own, watermark) >= 0;
    });
    const settledCopies = open < 0 ? copies : copies.slice(0, open);
    const settled = sortedPartition(
      settledCopies.map(({ row }) => row),
      this.#rows.comparePeers,
    );
    const complete = this.#extent.complete(settled, watermark);
    const needed = this.#extent.needed(settled, complete, watermark);
    const next = this.#extent.next(settled, complete, needed, copies[settledCopies.length]?.row);
    if (next !== null) this.#agenda.lower(partition, next);
    const kept = new Set(copies.slice(needed).map(({ slot }) => slot));
    for (const { slot } of members) if (!kept.has(slot)) this.#rows.remove(slot);
    this.#rows.removeIfEmpty(partition, emptied);
  }

  get persistent(): Persistent {
    const passed = persistentSqlValue(
      this.#type,
      () => this.#passed,
      (value) => {
        this.#passed = value;
      },
    );
    return persistentParts(this.#agenda.persistent(this.#type), passed);
  }

  bytes(): number {
    return this.#agenda.bytes();
  }
}
