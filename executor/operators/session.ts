/**
 * Session windows: each row with the id of its session, that is of the rows of its partition that a chain without a
 * gap above the limit connects.
 *
 * State: the rows (by identity, where they may be taken back) with their weights, and their sessions (SessionLabels).
 * A tick's changes are summed first; `flush` then takes the rows that have appeared into their sessions, in order of
 * time, and after them removes the rows that have gone: a row replaced by one of the same time splits nothing. What
 * goes out is the difference per row of weight and id before and after, so that a row that returns to its old session
 * within the tick is silent. Ids are never used twice.
 * Rows without a time have no session and no state. Sessions that a watermark has left behind go silently.
 * Invariant between ticks: stored rows have positive weights and are in a session.
 */
import { assert, must } from '../../common/assert.ts';
import { physicalKind, types } from '../../common/dataType.ts';
import type { PhysicalSession } from '../../planner/plan/physical.ts';
import type { Int32Blocks } from '../../storage/state/blocks.ts';
import { KeyTable } from '../../storage/state/keyTable.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { RowStore } from '../../storage/state/rowStore.ts';
import type { Batch, Vector } from '../batch.ts';
import { withoutRows } from '../codegen/calc.ts';
import { compileTerm, type TermReader } from '../time.ts';
import type { Emit, Operator, TickContext } from './operator.ts';
import { persistentParts } from './persistent.ts';
import { SessionLabels } from './sessionLabels.ts';
import { RowOutput } from './topNOutput.ts';

export class SessionOperator implements Operator {
  readonly emitsInitially = false;
  readonly #partitionColumns: readonly number[];
  readonly #time: number;
  readonly #partitions: KeyTable;
  /** Per partition: its stored rows. */
  readonly #partitionRows: Int32Blocks;
  /** Finds a row again; null when no row is ever taken back. */
  readonly #rows: KeyTable | null;
  readonly #store: RowStore;
  readonly #weights: Int32Blocks;
  /** Per row: its place in `#touched` + 1, 0 while this tick has not changed it. */
  readonly #marks: Int32Blocks;
  readonly #labels: SessionLabels;
  readonly #output: RowOutput;
  readonly #bound: TermReader | null;
  /** Changed rows with their weights and ids before. */
  readonly #touched: number[] = [];
  readonly #weightsBefore: number[] = [];
  readonly #idsBefore: number[] = [];
  #partitionSlots = new Int32Array(16);
  #slots = new Int32Array(16);
  #created = new Int32Array(16);

  constructor(node: PhysicalSession, context: TickContext) {
    const inputTypes = node.input.schema.map((column) => column.type);
    const timeType = must(inputTypes[node.time]);
    assert(physicalKind(timeType) === 'i64', 'session time is a timestamp or bigint');
    assert(node.clean === undefined || node.clean.column === node.time, 'sessions end by their time');
    this.#partitionColumns = node.partition;
    this.#time = node.time;
    this.#partitions = new KeyTable(node.partition.map((column) => must(inputTypes[column])));
    this.#partitionRows = this.#partitions.store.addInt32();
    const stored = [types.int4, ...inputTypes];
    this.#rows = node.input.appendOnly ? null : new KeyTable(stored, 'same');
    this.#store = this.#rows?.store ?? new RowStore(stored);
    this.#weights = this.#store.addInt32();
    this.#marks = this.#store.addInt32();
    this.#labels = new SessionLabels(this.#store, 1 + node.time, timeType, {
      gap: node.gapMicros,
      ends: node.clean !== undefined,
      beforeRelabel: (row) => this.#touch(row),
    });
    this.#output = new RowOutput(this.#store, 1, true);
    this.#bound = node.clean === undefined ? null : compileTerm(node.clean.term, context.time, context.eval);
  }

  push(_port: number, batch: Batch, emit: Emit): void {
    const timed = this.#timed(batch, emit);
    const n = timed.length;
    if (n === 0) return;
    if (this.#slots.length < n) {
      this.#partitionSlots = new Int32Array(n);
      this.#slots = new Int32Array(n);
      this.#created = new Int32Array(n);
    }
    const keys = this.#partitionColumns.map((column) => must(timed.columns[column]));
    const partitions = this.#partitions.upsert(keys, n, this.#partitionSlots, this.#created);
    for (let j = 0; j < partitions; j++) this.#partitionRows.set(this.#created[j] as number, 0);
    const made = this.#storeRows(timed);
    for (let j = 0; j < made; j++) this.#init(this.#created[j] as number);
    for (let j = 0; j < n; j++) {
      const row = this.#slots[j] as number;
      this.#touch(row);
      this.#weights.set(row, this.#weights.get(row) + (timed.weights[j] as number));
    }
  }

  /** The rows that have a time; the others go out at once. */
  #timed(batch: Batch, emit: Emit): Batch {
    const { nulls } = must(batch.columns[this.#time]);
    if (nulls === null) return batch;
    const dead = nulls.slice(0, batch.length);
    if (!dead.includes(1)) return batch;
    const untimed = withoutRows(
      batch,
      dead.map((isNull) => 1 - isNull),
    );
    const n = untimed.length;
    const id: Vector = { kind: 'i64', data: new BigInt64Array(n), nulls: new Uint8Array(n).fill(1) };
    emit({ length: n, columns: [...untimed.columns, id], weights: untimed.weights });
    return withoutRows(batch, dead);
  }

  /** Fills #slots, and #created with those that are new. */
  #storeRows(batch: Batch): number {
    const n = batch.length;
    const vectors: Vector[] = [{ kind: 'i32', data: this.#partitionSlots, nulls: null }, ...batch.columns];
    if (this.#rows !== null) return this.#rows.upsert(vectors, n, this.#slots, this.#created);
    for (let j = 0; j < n; j++) {
      const row = this.#store.alloc();
      this.#slots[j] = row;
      this.#created[j] = row;
    }
    this.#store.store(vectors, null, null, n, this.#slots);
    return n;
  }

  #init(row: number): void {
    this.#weights.set(row, 0);
    this.#marks.set(row, 0);
    this.#labels.init(row);
    const partition = this.#partitionOf(row);
    this.#partitionRows.set(partition, this.#partitionRows.get(partition) + 1);
  }

  #partitionOf(row: number): number {
    return must(this.#store.columns[0]).value(row) as number;
  }

  #touch(row: number): void {
    if (this.#marks.get(row) !== 0) return;
    this.#touched.push(row);
    this.#weightsBefore.push(this.#weights.get(row));
    this.#idsBefore.push(this.#labels.idOf(row));
    this.#marks.set(row, this.#touched.length);
  }

  flush(emit: Emit): void {
    const appeared: number[] = [];
    const gone: number[] = [];
    this.#touched.forEach((row, i) => {
      const before = this.#weightsBefore[i] !== 0;
      const now = this.#weights.get(row) !== 0;
      if (now && !before) appeared.push(row);
      else if (before && !now) gone.push(row);
    });
    appeared.sort(this.#labels.compare);
    for (const row of appeared) this.#labels.insert(row);
    for (const row of gone) this.#labels.remove(row);
    this.#emitChanges(emit);
    this.#clean();
  }

  #emitChanges(emit: Emit): void {
    const output = this.#output;
    output.begin(emit, this.#touched.length * 2);
    this.#touched.forEach((row, i) => {
      const weightBefore = this.#weightsBefore[i] as number;
      const idBefore = this.#idsBefore[i] as number;
      const weight = this.#weights.get(row);
      const id = this.#labels.idOf(row);
      if (id === idBefore) {
        if (weight !== weightBefore) output.add(row, weight - weightBefore, id);
        return;
      }
      if (weightBefore !== 0) output.add(row, -weightBefore, idBefore);
      if (weight !== 0) output.add(row, weight, id);
    });
    output.end();
    for (const row of this.#touched) {
      this.#marks.set(row, 0);
      if (this.#weights.get(row) === 0) this.#free(row);
    }
    this.#touched.length = 0;
    this.#weightsBefore.length = 0;
    this.#idsBefore.length = 0;
  }

  #free(row: number): void {
    const partition = this.#partitionOf(row);
    const left = this.#partitionRows.get(partition) - 1;
    this.#partitionRows.set(partition, left);
    if (left === 0) this.#partitions.remove(partition);
    if (this.#rows !== null) this.#rows.remove(row);
    else this.#store.free(row);
  }

  #clean(): void {
    const bound = this.#watermark();
    if (bound === null || !this.#labels.hasEnded(bound)) return;
    for (const row of this.#labels.takeEnded(bound)) this.#free(row);
  }

  #watermark(): bigint | null {
    const value = this.#bound?.strict() ?? null;
    return typeof value === 'bigint' ? value : null;
  }

  isDue(): boolean {
    const bound = this.#watermark();
    return bound !== null && this.#labels.hasEnded(bound);
  }

  get persistent(): Persistent {
    return persistentParts(this.#partitions, this.#rows ?? this.#store, this.#labels.persistent);
  }

  stateRows(): number {
    return this.#store.rows() + this.#partitions.rows() + this.#labels.sessions();
  }

  stateBytes(): number {
    const rows = this.#rows?.bytes() ?? this.#store.bytes();
    return rows + this.#partitions.bytes() + this.#labels.bytes();
  }
}
