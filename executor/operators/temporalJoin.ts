/**
 * Process-time temporal join: each left row with the right rows of its key at the end of the tick in which it comes.
 *
 * Right rows are arranged by key and emit nothing. Left rows wait for `flush`, so that right changes of the same tick
 * count however the batches are interleaved. An append-only left input leaves no state; of another one, what each row
 * was joined with is remembered (temporalMemo.ts) and taken back with it. Without keys every right row is looked at.
 */
import { must } from '../../common/assert.ts';
import type { PhysicalTemporalJoin } from '../../planner/plan/physical.ts';
import type { Arrangement } from '../../storage/state/arrangement.ts';
import { Scratch } from '../../storage/state/keyIndex.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { newBatch, type OutputBatch } from '../../storage/state/vector.ts';
import { BATCH_ROWS, type Batch, type Vector } from '../batch.ts';
import { compileSelection, type Selection } from '../codegen/predicate.ts';
import { KeyedRows } from './arrange.ts';
import { JoinKeys } from './joinKeys.ts';
import { PairBatch, type PairSources } from './joinPairs.ts';
import type { Emit, Operator, TickContext } from './operator.ts';
import { persistentParts } from './persistent.ts';
import { PendingRows, TemporalMemo } from './temporalMemo.ts';

/** A chunk of left rows on its way through the join. */
interface Pass {
  readonly batch: Batch;
  /** Slots of its rows, and their entries in this tick; null: nothing is remembered. */
  readonly memo: { readonly slots: Int32Array; readonly layers: Int32Array } | null;
  readonly sources: PairSources;
  readonly emit: Emit;
}

export class TemporalJoinOperator implements Operator {
  readonly emitsInitially = false;
  readonly #context: TickContext;
  readonly #padded: boolean;
  readonly #width: number;
  readonly #residual: Selection | null;
  readonly #leftKeys: JoinKeys;
  readonly #keyed: KeyedRows;
  /** Its rows. */
  readonly #right: Arrangement;
  readonly #pending: PendingRows | null;
  readonly #memo: TemporalMemo | null;
  readonly #output: PairBatch;
  readonly #candidates: PairBatch;
  readonly #passed = new Scratch();
  readonly #matches = new Scratch();
  readonly #layers = new Scratch();
  readonly #chunk: OutputBatch;
  readonly persistent: Persistent;

  constructor(node: PhysicalTemporalJoin, context: TickContext) {
    const { left, right, leftKeys, rightKeys, nullSafe } = node;
    const leftTypes = left.schema.map((c) => c.type);
    const rightTypes = right.schema.map((c) => c.type);
    const both = [...left.schema, ...right.schema];
    this.#context = context;
    this.#padded = node.type === 'left';
    this.#width = leftTypes.length;
    this.#residual = node.residual === null ? null : compileSelection(node.residual, both, node.kind);
    this.#leftKeys = new JoinKeys(leftKeys, nullSafe);
    this.#keyed = new KeyedRows(rightTypes, { columns: rightKeys, nullSafe }, right.appendOnly);
    this.#right = this.#keyed.rows;
    this.#pending = left.appendOnly ? new PendingRows(leftTypes) : null;
    this.#memo = left.appendOnly ? null : new TemporalMemo(leftTypes, rightTypes);
    this.#output = new PairBatch([...leftTypes, ...rightTypes]);
    this.#candidates = new PairBatch([...leftTypes, ...rightTypes]);
    this.#chunk = newBatch(leftTypes, BATCH_ROWS);
    this.persistent = persistentParts(this.#right, this.#memo?.persistent ?? null);
  }

  push(port: number, batch: Batch): void {
    if (port === 1) this.#takeRight(batch);
    else if (this.#memo !== null) this.#memo.push(batch);
    else must(this.#pending).push(batch);
  }

  #takeRight(batch: Batch): void {
    this.#keyed.apply(batch);
    // Nobody is handed the batch: its hashes are of no further use.
    this.#keyed.forget();
  }

  flush(emit: Emit): void {
    const memo = this.#memo;
    if (memo !== null) {
      const came = memo.takeBack(emit);
      for (let at = 0; at < came.length; at += BATCH_ROWS) {
        const slots = Int32Array.from(came.slice(at, at + BATCH_ROWS));
        const weights = (slot: number): number => memo.copiesOf(slot);
        this.#join(this.#load(memo.lefts, slots, weights), slots, emit);
      }
      memo.settle();
      return;
    }
    const pending = must(this.#pending);
    for (let at = 0; at < pending.slots.length; at += BATCH_ROWS) {
      const slots = Int32Array.from(pending.slots.slice(at, at + BATCH_ROWS));
      const batch = this.#load(pending.store, slots, (slot) => pending.weightOf(slot));
      this.#join(batch, null, emit);
    }
    pending.clear();
  }

  #load(
    store: { load(slots: Int32Array, n: number, out: OutputBatch['columns']): void },
    slots: Int32Array,
    weightOf: (slot: number) => number,
  ): Batch {
    const n = slots.length;
    store.load(slots, n, this.#chunk.columns);
    for (let j = 0; j < n; j++) this.#chunk.weights[j] = weightOf(slots[j] as number);
    this.#chunk.length = n;
    return this.#chunk;
  }

  /** Joins left rows with the right rows there are; `slots` of the rows when they are to be remembered. */
  #join(batch: Batch, slots: Int32Array | null, emit: Emit): void {
    const n = batch.length;
    const rows = this.#right;
    const keys = this.#leftKeys;
    const vectors = keys.vectors(batch);
    const hashes = keys.hash(vectors, n, rows);
    const skipped = keys.skipped(batch);
    const heads = keys.partners(vectors, hashes, n, rows);
    if (skipped !== null) for (let i = 0; i < n; i++) if (skipped[i] === 1) heads[i] = -1;
    const sources: PairSources = {
      vectors: batch.columns,
      rowOffset: 0,
      store: rows.store,
      slotOffset: this.#width,
    };
    const memo = slots === null ? null : { slots, layers: this.#layers.ints(n).fill(0, 0, n) };
    const pass: Pass = { batch, memo, sources, emit };
    const matches = this.#matches.ints(n).fill(0, 0, n);
    for (let i = 0; i < n; i++) {
      const weight = batch.weights[i] as number;
      for (let slot = heads[i] as number; slot >= 0; slot = rows.nextOf(slot)) {
        this.#pair(pass, i, slot, weight * rows.weightOf(slot), matches);
      }
    }
    if (this.#residual !== null) this.#evaluate(pass, this.#residual, matches);
    if (this.#padded) {
      for (let i = 0; i < n; i++) {
        if (matches[i] === 0 && this.#output.add(i, -1, batch.weights[i] as number)) this.#emitOutput(pass);
      }
    }
    this.#emitOutput(pass);
  }

  #pair(pass: Pass, row: number, slot: number, weight: number, matches: Int32Array): void {
    if (this.#residual !== null) {
      if (this.#candidates.add(row, slot, weight)) this.#evaluate(pass, this.#residual, matches);
      return;
    }
    matches[row] = 1;
    if (this.#output.add(row, slot, weight)) this.#emitOutput(pass);
  }

  /** Keeps the candidates that pass the residual. */
  #evaluate(pass: Pass, residual: Selection, matches: Int32Array): void {
    const candidates = this.#candidates;
    const { rows, slots, length } = candidates;
    if (length === 0) return;
    const batch = candidates.gather(pass.sources);
    const passed = this.#passed.ints(length);
    const count = residual(batch.columns as readonly Vector[], length, batch.weights, this.#context, passed);
    for (let p = 0; p < count; p++) {
      const at = passed[p] as number;
      matches[rows[at] as number] = 1;
      if (this.#output.add(rows[at] as number, slots[at] as number, batch.weights[at] as number)) {
        this.#emitOutput(pass);
      }
    }
    candidates.reset();
  }

  #emitOutput(pass: Pass): void {
    const output = this.#output;
    const n = output.length;
    if (n === 0) return;
    const batch = output.gather(pass.sources);
    const { memo } = pass;
    if (memo !== null) {
      const pairs = { rows: output.rows, matched: output.slots, weights: batch.weights };
      must(this.#memo).record(memo.slots, memo.layers, pairs, batch.columns.slice(this.#width), n);
    }
    output.reset();
    pass.emit(batch);
  }

  stateRows(): number {
    return this.#right.rows() + (this.#memo?.rows() ?? 0) + (this.#pending?.store.rows() ?? 0);
  }

  stateBytes(): number {
    return this.#right.bytes() + (this.#memo?.bytes() ?? 0) + (this.#pending?.store.bytes() ?? 0);
  }
}
