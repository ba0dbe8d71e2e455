/**
 * Semi and anti joins by key alone (EXISTS, IN, NOT EXISTS).
 *
 * State: the left rows by key, and the right keys with their counts. A left delta is passed on or not by the count of
 * its key; a right delta matters only where a count goes to or from 0: then the stored left rows of the key come or go.
 * Where the right side is append-only a key that was seen stays, so left rows with such a key are not stored.
 * With bounds (see joinBounds.ts) left rows and right keys that have passed are dropped without output.
 */
import { must } from '../../common/assert.ts';
import type { PhysicalJoin } from '../../planner/plan/physical.ts';
import { Arrangement } from '../../storage/state/arrangement.ts';
import { KeyCounts } from '../../storage/state/keyCounts.ts';
import { Scratch } from '../../storage/state/keyIndex.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import type { Batch } from '../batch.ts';
import { dueOf, passedRows, SideCleaner, sideBound } from './joinBounds.ts';
import { JoinKeys } from './joinKeys.ts';
import { PairBatch, type PairSources } from './joinPairs.ts';
import { withoutSkipped } from './joinSkipped.ts';
import type { Emit, Operator, TickContext } from './operator.ts';
import { persistentParts } from './persistent.ts';

export class SemiJoin implements Operator {
  readonly emitsInitially = false;
  readonly isDue?: () => boolean;
  readonly #left: Arrangement;
  readonly #leftKeys: JoinKeys;
  readonly #right: KeyCounts;
  readonly #rightKeys: JoinKeys;
  /** Left rows are output when their key is there (semi), or when it is not (anti). */
  readonly #onMatch: boolean;
  readonly #rightStays: boolean;
  readonly #output: PairBatch;
  readonly #found = new Scratch();
  readonly #below = new Scratch();
  readonly #leftCleaner: SideCleaner | null;
  readonly #rightCleaner: SideCleaner | null;
  /** The bounded one of the right keys. */
  readonly #rightKey: number;

  readonly persistent: Persistent;

  constructor(node: PhysicalJoin, context: TickContext) {
    const leftTypes = node.left.schema.map((column) => column.type);
    this.#left = new Arrangement(leftTypes, node.leftKeys, {
      appendOnly: node.left.appendOnly,
      totals: false,
      degrees: false,
    });
    this.#leftKeys = new JoinKeys(node.leftKeys, node.nullSafe);
    this.#right = new KeyCounts(node.rightKeys.map((key) => must(node.right.schema[key]).type));
    this.#rightKeys = new JoinKeys(node.rightKeys, node.nullSafe);
    this.#onMatch = node.type === 'semi';
    this.#rightStays = node.right.appendOnly;
    this.#output = new PairBatch(leftTypes);
    const left = sideBound(node, 'left', false);
    this.#leftCleaner =
      left === null ? null : new SideCleaner(left, node, 'left', this.#left, left.column, context);
    // Of an append-only right side, left rows of keys that were seen are gone: nobody will ask for the count again.
    const right = sideBound(node, 'right', !this.#rightStays);
    const at = right === null ? -1 : node.rightKeys.indexOf(right.column);
    this.#rightCleaner =
      right === null || at < 0 ? null : new SideCleaner(right, node, 'right', this.#right, at, context);
    this.#rightKey = at;
    this.persistent = persistentParts(this.#left, this.#right);
    const isDue = dueOf([this.#leftCleaner, this.#rightCleaner]);
    if (isDue !== undefined) this.isDue = isDue;
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
    const skipped = keys.skipped(batch);
    const found = this.#found.ints(n);
    this.#right.table.find(vectors, n, found);
    const heads = keys.ownHeads(vectors, hashes, n, this.#left);
    const sources = this.#sources(batch, true);
    const passed = passedRows(this.#leftCleaner, batch, this.#leftCleaner?.column ?? -1, this.#below);
    this.#left.begin(batch.columns, n);
    for (let i = 0; i < n; i++) {
      const weight = batch.weights[i] as number;
      const isSkipped = skipped !== null && skipped[i] === 1;
      const hasMatch = !isSkipped && this.#right.countOf(found[i] as number) > 0;
      if (hasMatch === this.#onMatch && this.#output.add(i, -1, weight)) this.#flushOutput(sources, emit);
      if (isSkipped || (hasMatch && this.#rightStays)) continue;
      if (passed !== null && passed[i] === 1) continue;
      this.#left.apply(i, hashes[i] as number, heads[i] as number, weight);
    }
    this.#left.finish();
    this.#flushOutput(sources, emit);
  }

  #pushRight(batch: Batch, emit: Emit): void {
    const present = withoutSkipped(this.#rightKeys.vectors(batch), batch, this.#rightKeys.skipped(batch));
    const passed = passedRows(this.#rightCleaner, present, this.#rightKey, this.#below);
    if (passed !== null) this.#matchPassed(present, passed, emit);
    const keyed = withoutSkipped(present.columns, present, passed);
    const n = keyed.length;
    if (n === 0) return;
    const { counts, touched } = this.#right;
    this.#right.add(keyed.columns, n, keyed.weights);
    if (this.#left.rows() > 0) {
      const sources = this.#sources(batch, false);
      const hashes = this.#leftKeys.hash(keyed.columns, n, this.#left);
      const heads = this.#leftKeys.ownHeads(keyed.columns, hashes, n, this.#left);
      for (let t = 0; t < touched.length; t++) {
        const after = counts.get(touched.slots[t] as number) > 0 ? 1 : 0;
        const change = after - ((touched.before[t] as number) > 0 ? 1 : 0);
        if (change === 0) continue;
        const head = heads[touched.tags[t] as number] as number;
        this.#emitChain(head, this.#onMatch ? change : -change, sources, emit);
      }
      this.#flushOutput(sources, emit);
      if (this.#rightStays) {
        for (let t = 0; t < touched.length; t++) {
          const row = touched.tags[t] as number;
          const head = heads[row] as number;
          if (head >= 0) this.#left.removeChain(hashes[row] as number, head);
        }
      }
    }
    this.#right.settle();
  }

  /** Right keys that have passed match the left rows that are there, and are not stored: those were the last. */
  #matchPassed(batch: Batch, passed: Uint8Array, emit: Emit): void {
    if (!this.#rightStays || this.#left.rows() === 0) return;
    const n = batch.length;
    const sources = this.#sources(batch, false);
    const hashes = this.#leftKeys.hash(batch.columns, n, this.#left);
    for (let i = 0; i < n; i++) {
      if (passed[i] !== 1) continue;
      const head = this.#left.index.findOne(batch.columns, i, hashes[i] as number);
      if (head < 0) continue;
      this.#emitChain(head, this.#onMatch ? 1 : -1, sources, emit);
      this.#flushOutput(sources, emit);
      this.#left.removeChain(hashes[i] as number, head);
    }
  }

  #emitChain(head: number, sign: number, sources: PairSources, emit: Emit): void {
    for (let slot = head; slot >= 0; slot = this.#left.nextOf(slot)) {
      if (this.#output.add(-1, slot, sign * this.#left.weightOf(slot))) this.#flushOutput(sources, emit);
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
