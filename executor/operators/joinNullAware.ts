/**
 * x NOT IN (SELECT y ...): an anti join by one key where NULLs make the answer unknown.
 *
 * A left row is kept iff the right side is empty, or x is not NULL, no y is NULL, and no y equals x. State: all left
 * rows by x, the counts of right keys (NULL is a key like any other), and the right side's total.
 * The right side is in one of three modes: `empty` (all left rows are kept), `unknown` (some y is NULL: none is kept)
 * and `known` (by key). While the mode stays `known`, only left rows of keys that came or went change; when it changes,
 * every left row is looked at once. A right batch takes effect as a whole, so modes that come and go within it cost
 * nothing. Multiplicities below zero count as absent; the steps telescope.
 * With bounds (see joinBounds.ts) left rows and right keys that have passed are dropped; the total goes on counting them.
 */
import { must } from '../../common/assert.ts';
import type { PhysicalJoin } from '../../planner/plan/physical.ts';
import { Arrangement } from '../../storage/state/arrangement.ts';
import { KeyCounts } from '../../storage/state/keyCounts.ts';
import { Scratch } from '../../storage/state/keyIndex.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { newBatch, type OutputBatch } from '../../storage/state/vector.ts';
import { BATCH_ROWS, type Batch, type Vector } from '../batch.ts';
import { dueOf, passedRows, SideCleaner, sideBound } from './joinBounds.ts';
import { JoinKeys } from './joinKeys.ts';
import { PairBatch, type PairSources } from './joinPairs.ts';
import { withoutSkipped } from './joinSkipped.ts';
import type { Emit, Operator, TickContext } from './operator.ts';
import { persistentParts, persistentValue } from './persistent.ts';

type Mode = 'empty' | 'unknown' | 'known';

function isNull(vector: Vector, i: number): boolean {
  return vector.nulls !== null && vector.nulls[i] === 1;
}

export class NullAwareAntiJoin implements Operator {
  readonly emitsInitially = false;
  readonly isDue?: () => boolean;
  readonly #left: Arrangement;
  readonly #leftKeys: JoinKeys;
  readonly #rightKeys: JoinKeys;
  readonly #right: KeyCounts;
  /** Sum of all right weights, and of those with a NULL key. */
  #total = 0;
  #nulls = 0;
  readonly #output: PairBatch;
  readonly #keyBatch: OutputBatch;
  readonly #found = new Scratch();
  readonly #below = new Scratch();
  readonly #leftCleaner: SideCleaner | null;
  readonly #rightCleaner: SideCleaner | null;

  readonly persistent: Persistent;

  constructor(node: PhysicalJoin, context: TickContext) {
    const leftTypes = node.left.schema.map((column) => column.type);
    const keyTypes = node.rightKeys.map((key) => must(node.right.schema[key]).type);
    this.#left = new Arrangement(leftTypes, node.leftKeys, {
      appendOnly: node.left.appendOnly,
      totals: false,
      degrees: false,
    });
    // NULL keys are stored and found like others; what they mean is decided here.
    this.#leftKeys = new JoinKeys(node.leftKeys, [true]);
    this.#rightKeys = new JoinKeys(node.rightKeys, [true]);
    this.#right = new KeyCounts(keyTypes);
    this.#output = new PairBatch(leftTypes);
    this.#keyBatch = newBatch(keyTypes, BATCH_ROWS);
    // A NULL on the right, which no watermark keeps from coming, takes all left rows back.
    const mayBeNull = must(node.right.schema[must(node.rightKeys[0])]).nullable;
    const left = mayBeNull ? null : sideBound(node, 'left', false);
    const right = mayBeNull ? null : sideBound(node, 'right', true);
    this.#leftCleaner =
      left === null ? null : new SideCleaner(left, node, 'left', this.#left, left.column, context);
    this.#rightCleaner =
      right === null ? null : new SideCleaner(right, node, 'right', this.#right, 0, context);
    this.persistent = persistentParts(
      this.#left,
      this.#right,
      persistentValue<readonly [number, number]>(
        () => [this.#total, this.#nulls],
        ([total, nulls]) => {
          this.#total = total;
          this.#nulls = nulls;
        },
      ),
    );
    const isDue = dueOf([this.#leftCleaner, this.#rightCleaner]);
    if (isDue !== undefined) this.isDue = isDue;
  }

  #mode(): Mode {
    if (this.#total <= 0) return 'empty';
    return this.#nulls > 0 ? 'unknown' : 'known';
  }

  push(port: number, batch: Batch, emit: Emit): void {
    if (port === 0) this.#pushLeft(batch, emit);
    else this.#pushRight(batch, emit);
  }

  #pushLeft(batch: Batch, emit: Emit): void {
    const n = batch.length;
    const keys = this.#leftKeys;
    const vectors = keys.vectors(batch);
    const hashes = keys.hash(vectors, n, this.#left);
    const found = this.#found.ints(n);
    this.#right.table.find(vectors, n, found);
    const heads = keys.ownHeads(vectors, hashes, n, this.#left);
    const sources = this.#sources(batch, true);
    const mode = this.#mode();
    const key = must(vectors[0]);
    const passed = passedRows(this.#leftCleaner, batch, this.#leftCleaner?.column ?? -1, this.#below);
    this.#left.begin(batch.columns, n);
    for (let i = 0; i < n; i++) {
      const weight = batch.weights[i] as number;
      const count = this.#right.countOf(found[i] as number);
      if (isKept(mode, isNull(key, i), count)) this.#emitRow(i, -1, weight, sources, emit);
      if (passed !== null && passed[i] === 1) continue;
      this.#left.apply(i, hashes[i] as number, heads[i] as number, weight);
    }
    this.#left.finish();
    this.#flushOutput(sources, emit);
  }

  #pushRight(batch: Batch, emit: Emit): void {
    const n = batch.length;
    const vectors = this.#rightKeys.vectors(batch);
    const key = must(vectors[0]);
    const before = this.#mode();
    for (let i = 0; i < n; i++) {
      const weight = batch.weights[i] as number;
      this.#total += weight;
      if (isNull(key, i)) this.#nulls += weight;
    }
    // No left row has a key that has passed on the right.
    const all = { length: n, columns: vectors, weights: batch.weights };
    const keyed = withoutSkipped(vectors, all, passedRows(this.#rightCleaner, all, 0, this.#below));
    this.#right.add(keyed.columns, keyed.length, keyed.weights);
    const after = this.#mode();
    const sources = this.#sources(batch, false);
    if (before !== after) this.#compareAll(before, after, sources, emit);
    else if (after === 'known') this.#compareTouched(keyed, keyed.columns, sources, emit);
    this.#flushOutput(sources, emit);
    this.#right.settle();
  }

  /** The mode stayed `known`: left rows of keys that came or went. */
  #compareTouched(batch: Batch, vectors: readonly Vector[], sources: PairSources, emit: Emit): void {
    if (this.#left.rows() === 0) return;
    const { counts, touched } = this.#right;
    const hashes = this.#leftKeys.hash(vectors, batch.length, this.#left);
    const heads = this.#leftKeys.ownHeads(vectors, hashes, batch.length, this.#left);
    for (let t = 0; t < touched.length; t++) {
      const row = touched.tags[t] as number;
      if (isNull(must(vectors[0]), row)) continue;
      const isThere = counts.get(touched.slots[t] as number) > 0;
      if (isThere === (touched.before[t] as number) > 0) continue;
      for (let slot = heads[row] as number; slot >= 0; slot = this.#left.nextOf(slot)) {
        this.#emitRow(-1, slot, (isThere ? -1 : 1) * this.#left.weightOf(slot), sources, emit);
      }
    }
  }

  /** The mode changed: every left row, by its key's count before and after. */
  #compareAll(before: Mode, after: Mode, sources: PairSources, emit: Emit): void {
    const { touched } = this.#right;
    const old = new Map<number, number>();
    for (let t = 0; t < touched.length; t++) old.set(touched.slots[t] as number, touched.before[t] as number);
    const column = must(this.#left.store.columns[must(this.#leftKeys.columns[0])]);
    const key = must(this.#keyBatch.columns[0]);
    const found = this.#found.ints(BATCH_ROWS);
    for (const slots of this.#left.slotChunks(BATCH_ROWS)) {
      const n = slots.length;
      column.load(slots, n, key);
      this.#right.table.find([key], n, found);
      for (let j = 0; j < n; j++) {
        const entry = found[j] as number;
        const count = this.#right.countOf(entry);
        const keyIsNull = isNull(key, j);
        const was = isKept(before, keyIsNull, old.get(entry) ?? count);
        const is = isKept(after, keyIsNull, count);
        if (was === is) continue;
        const slot = slots[j] as number;
        this.#emitRow(-1, slot, (is ? 1 : -1) * this.#left.weightOf(slot), sources, emit);
      }
    }
  }

  #sources(batch: Batch, isLeft: boolean): PairSources {
    return {
      vectors: batch.columns,
      rowOffset: isLeft ? 0 : null,
      store: this.#left.store,
      slotOffset: isLeft ? null : 0,
    };
  }

  #emitRow(row: number, slot: number, weight: number, sources: PairSources, emit: Emit): void {
    if (this.#output.add(row, slot, weight)) this.#flushOutput(sources, emit);
  }

  #flushOutput(sources: PairSources, emit: Emit): void {
    if (this.#output.length === 0) return;
    const batch = this.#output.gather(sources);
    this.#output.reset();
    emit(batch);
  }

  flush(): void {
    this.#leftCleaner?.clean();
    this.#rightCleaner?.clean();
  }

  stateRows(): number {
    return this.#left.rows() + this.#right.rows();
  }

  stateBytes(): number {
    return this.#left.bytes() + this.#right.bytes();
  }
}

function isKept(mode: Mode, keyIsNull: boolean, count: number): boolean {
  switch (mode) {
    case 'empty':
      return true;
    case 'unknown':
      return false;
    case 'known':
      return !keyIsNull && count <= 0;
  }
}
