/**
 * Rows wait until their keys have been looked up elsewhere.
 *
 * State: the keys that are known (the right input), and the left rows that wait, both arranged by key. A left row whose key is
 * known when the tick ends passes on; another one waits, and its key is asked for (`lookup.take`). When a key comes, all rows
 * that wait for it pass in the same tick. A row that goes is taken from those that wait, or, when it has passed, passed on. What
 * has passed is not remembered: a key that ceases to be known concerns only rows that come later.
 *
 * Rows are netted among those that wait before anything is decided, so that a tick's order does not matter: what is negative
 * there at the end of a tick has passed before. Rows with a NULL in the key match nothing: they do not wait.
 */
import type { Row } from '../../common/value.ts';
import type { PhysicalAwaitLookup } from '../../planner/plan/physical.ts';
import { Arrangement } from '../../storage/state/arrangement.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { newBatch, type OutputBatch } from '../../storage/state/vector.ts';
import { BATCH_ROWS, type Batch } from '../batch.ts';
import { BatchBuilder, batchRow, vectorValue } from '../batchBuilder.ts';
import { KeyedRows } from './arrange.ts';
import { JoinKeys } from './joinKeys.ts';
import type { Emit, LookupDemand, Operator } from './operator.ts';

export class AwaitLookupOperator implements Operator {
  readonly emitsInitially = false;
  readonly lookup: LookupDemand;
  readonly persistent: Persistent;
  readonly #types: PhysicalAwaitLookup['schema'];
  readonly #known: KeyedRows;
  readonly #waiting: Arrangement;
  readonly #leftKeys: JoinKeys;
  /** Slots of waiting rows that the tick has changed. */
  readonly #touched = new Set<number>();
  /** Keys that came in this tick. */
  #came: Batch[] = [];
  readonly #rightTypes: PhysicalAwaitLookup['schema'];
  readonly #rightKeys: JoinKeys;
  #wanted: Row[] = [];

  constructor(node: PhysicalAwaitLookup) {
    const { left, right, leftKeys, rightKeys } = node;
    const strict = leftKeys.map(() => false);
    this.#types = left.schema;
    this.#rightTypes = right.schema;
    this.#known = new KeyedRows(
      right.schema.map((c) => c.type),
      { columns: rightKeys, nullSafe: strict },
      false,
    );
    this.#waiting = new Arrangement(
      left.schema.map((c) => c.type),
      leftKeys,
      { appendOnly: false, totals: false, degrees: false },
    );
    this.#leftKeys = new JoinKeys(leftKeys, strict);
    this.#rightKeys = new JoinKeys(rightKeys, strict);
    this.lookup = { relation: node.relation.id, take: () => this.#take() };
    this.persistent = {
      save: (out) => {
        this.#known.rows.save(out);
        this.#waiting.save(out);
      },
      restore: (from) => {
        this.#known.rows.restore(from);
        this.#waiting.restore(from);
        // Nobody has been asked since the start.
        this.#wantAll();
      },
    };
  }

  push(port: number, batch: Batch, emit: Emit): void {
    if (port === 1) this.#takeKeys(batch);
    else this.#takeRows(batch, emit);
  }

  #takeKeys(batch: Batch): void {
    this.#known.apply(batch);
    this.#known.forget();
    const came = copyRows(
      batch,
      this.#rightTypes,
      rowsWhere(batch.length, (i) => (batch.weights[i] as number) > 0),
    );
    if (came.length > 0) this.#came.push(came);
  }

  #takeRows(batch: Batch, emit: Emit): void {
    const skipped = this.#leftKeys.skipped(batch);
    if (skipped !== null) {
      const rows = rowsWhere(batch.length, (i) => skipped[i] === 1);
      if (rows.length > 0) emit(copyRows(batch, this.#types, rows));
    }
    this.#apply(batch, skipped, (slot) => this.#touched.add(slot));
  }

  /** Adds the rows to those that wait. */
  #apply(batch: Batch, skipped: Uint8Array | null, changed: (slot: number) => void): void {
    const n = batch.length;
    const rows = this.#waiting;
    const keys = this.#leftKeys;
    const vectors = keys.vectors(batch);
    const hashes = keys.hash(vectors, n, rows);
    const heads = keys.ownHeads(vectors, hashes, n, rows);
    rows.begin(batch.columns, n);
    for (let i = 0; i < n; i++) {
      if (skipped !== null && skipped[i] === 1) continue;
      const slot = rows.apply(i, hashes[i] as number, heads[i] as number, batch.weights[i] as number);
      if (slot >= 0) changed(slot);
    }
    rows.finish();
  }

  flush(emit: Emit): void {
    if (this.#touched.size === 0 && this.#came.length === 0) return;
    const ready: Batch[] = [];
    for (const came of this.#came) this.#release(came);
    this.#came = [];
    const slots = [...this.#touched].filter((slot) => this.#waiting.weightOf(slot) !== 0);
    this.#touched.clear();
    for (let at = 0; at < slots.length; at += BATCH_ROWS) {
      const passing = this.#decide(this.#load(slots.slice(at, at + BATCH_ROWS)));
      if (passing.length > 0) ready.push(passing);
    }
    for (const batch of ready) {
      emit(batch);
      for (let i = 0; i < batch.length; i++) batch.weights[i] = -(batch.weights[i] as number);
      this.#apply(batch, null, () => {});
    }
  }

  /** All rows that wait for these keys are looked at. */
  #release(came: Batch): void {
    const rows = this.#waiting;
    const vectors = this.#rightKeys.vectors(came);
    const hashes = this.#rightKeys.hash(vectors, came.length, rows);
    const heads = this.#rightKeys.partners(vectors, hashes, came.length, rows);
    for (let i = 0; i < came.length; i++) {
      for (let slot = heads[i] as number; slot >= 0; slot = rows.nextOf(slot)) this.#touched.add(slot);
    }
  }

  /** Those of the rows that pass; the keys of the others are asked for. */
  #decide(batch: Batch): Batch {
    const n = batch.length;
    const rows = this.#known.rows;
    const vectors = this.#leftKeys.vectors(batch);
    const hashes = this.#leftKeys.hash(vectors, n, rows);
    const heads = this.#leftKeys.partners(vectors, hashes, n, rows);
    const passing: number[] = [];
    for (let i = 0; i < n; i++) {
      if ((heads[i] as number) >= 0 || (batch.weights[i] as number) < 0) passing.push(i);
      else this.#wanted.push(vectors.map((vector) => vectorValue(vector, i)));
    }
    return copyRows(batch, this.#types, passing);
  }

  #load(slots: readonly number[]): OutputBatch {
    const batch = newBatch(
      this.#types.map((c) => c.type),
      slots.length,
    );
    this.#waiting.store.load(Int32Array.from(slots), slots.length, batch.columns);
    slots.forEach((slot, i) => {
      batch.weights[i] = this.#waiting.weightOf(slot);
    });
    batch.length = slots.length;
    return batch;
  }

  #take(): readonly Row[] {
    if (this.#wanted.length === 0) return [];
    const wanted = this.#wanted;
    this.#wanted = [];
    return wanted;
  }

  #wantAll(): void {
    this.#wanted = [];
    for (const slots of this.#waiting.slotChunks(BATCH_ROWS)) {
      const batch = this.#load([...slots]);
      const vectors = this.#leftKeys.vectors(batch);
      for (let i = 0; i < batch.length; i++) this.#wanted.push(vectors.map((v) => vectorValue(v, i)));
    }
  }

  stateRows(): number {
    return this.#known.rows.rows() + this.#waiting.rows();
  }

  stateBytes(): number {
    return this.#known.rows.bytes() + this.#waiting.bytes();
  }
}

/** The chosen rows in vectors of their own, with their weights. */
function copyRows(batch: Batch, schema: PhysicalAwaitLookup['schema'], rows: readonly number[]): Batch {
  const builder = new BatchBuilder(
    schema.map((c) => c.type),
    Math.max(1, rows.length),
  );
  for (const row of rows) builder.append(batchRow(batch, row), batch.weights[row] as number);
  return builder.build();
}

function rowsWhere(n: number, test: (i: number) => boolean): readonly number[] {
  const rows: number[] = [];
  for (let i = 0; i < n; i++) if (test(i)) rows.push(i);
  return rows;
}
