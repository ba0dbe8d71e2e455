/**
 * Arrangement: rows with weights, grouped by key; what a join keeps of one input.
 *
 * The rows of a key form a chain (links by slot); the hash index maps the key to the chain's head. New rows go in after
 * the head, so only the removal of a head touches the index. The head carries what belongs to the key: the number of
 * its rows and, on request, the sum of their weights (`totals`).
 * A retraction searches its chain for the row; once a chain has LONG_CHAIN rows, its rows are also entered in a second
 * hash index by whole row, so that skewed keys (and joins without keys) stay O(1). Equal rows may lie in several slots
 * of a short chain. Retractions that come before their insertion leave a negative weight until the tick is over.
 * With `appendOnly` there are no weights and no way back: a row of weight w is stored w times.
 * With `keepTime` rows also lie in buckets by one of their columns and those before a bound can be dropped. A key's total
 * goes on counting its dropped rows until its last row goes: for the other side of a join they are still there.
 *
 * previous[slot]: the slot before in the chain; for a head ~(rows * 2 + (in the row index ? 1 : 0)), which is negative.
 * next[slot]: the slot after, + 1; 0 at the end.
 */

import { assert, must } from '../../common/assert.ts';
import type { DataType } from '../../common/dataType.ts';
import type { NonNullValue } from '../../common/value.ts';
import type { Int32Blocks } from './blocks.ts';
import { HASH_SEED, hashVector } from './hash.ts';
import { HashIndex } from './hashIndex.ts';
import { KeyIndex, Scratch } from './keyIndex.ts';
import type { Persistent, StateReader, StateWriter } from './persist.ts';
import { RowStore } from './rowStore.ts';
import { TimeBuckets } from './timeBuckets.ts';
import { newBatch, type OutputVector, type StateVector } from './vector.ts';

const LONG_CHAIN = 24;
/** Rows dropped at once, at most: what TimeBuckets hands over. */
const DROPPED_ROWS = 1024;

export interface ArrangementOptions {
  /** No weight is ever negative. */
  readonly appendOnly: boolean;
  /** Keep the sum of weights per key. */
  readonly totals: boolean;
  /** Keep a number per row for the owner. */
  readonly degrees: boolean;
}

export class Arrangement implements Persistent {
  readonly store: RowStore;
  readonly index: KeyIndex;
  readonly next: Int32Blocks;
  readonly weights: Int32Blocks | null;
  /** Valid at heads. */
  readonly totals: Int32Blocks | null;
  readonly degrees: Int32Blocks | null;
  readonly #previous: Int32Blocks;
  readonly #types: readonly DataType[];
  readonly #keys: readonly number[];
  readonly #rowIndex = new HashIndex();
  /** Slots with a negative weight. */
  #negatives = 0;
  /** Slots that ceased to be heads since the batch's look-up, which may have answered with them. */
  readonly #formerHeads = new Set<number>();
  /** The batch being applied. */
  #vectors: readonly StateVector[] = [];
  #keyVectors: readonly StateVector[] = [];
  #length = 0;
  #rowHashed = false;
  readonly #rowHashes = new Scratch();
  readonly #pendingRows = new Scratch();
  readonly #pendingSlots = new Scratch();
  #pending = 0;
  #time: TimeBuckets<NonNullValue> | null = null;
  /** Keys of rows being dropped. */
  #droppedKeys: readonly OutputVector[] = [];

  constructor(types: readonly DataType[], keys: readonly number[], options: ArrangementOptions) {
    this.#types = types;
    this.#keys = keys;
    this.store = new RowStore(types);
    this.index = new KeyIndex(this.store, keys);
    this.next = this.store.addInt32();
    this.#previous = this.store.addInt32();
    this.weights = options.appendOnly ? null : this.store.addInt32();
    this.totals = options.totals ? this.store.addInt32() : null;
    this.degrees = options.degrees ? this.store.addInt32() : null;
  }

  rows(): number {
    return this.store.rows();
  }

  bytes(): number {
    return this.store.bytes() + this.index.bytes() + this.#rowIndex.bytes() + (this.#time?.bytes() ?? 0);
  }

  /** Between batches: what belongs to one is not saved. */
  save(out: StateWriter): void {
    assert(this.#pending === 0, 'an arrangement is saved between batches');
    out.value(this.#negatives);
    this.store.save(out);
    this.index.save(out);
    this.#rowIndex.save(out);
    this.#time?.save(out);
  }

  restore(from: StateReader): void {
    this.#negatives = from.value() as number;
    this.store.restore(from);
    this.index.restore(from);
    this.#rowIndex.restore(from);
    this.#time?.restore(from);
  }

  /** Keeps the rows by the time in a column, from now on (there are none). Rows below what has passed must not come. */
  keepTime(column: number, exact: boolean): TimeBuckets<NonNullValue> {
    assert(this.rows() === 0 && this.#time === null, 'times are kept from the start');
    this.#time = new TimeBuckets<NonNullValue>(this.store, column, exact);
    this.#droppedKeys = newBatch(
      this.#keys.map((key) => must(this.#types[key])),
      DROPPED_ROWS,
    ).columns;
    return this.#time;
  }

  keyVectors(vectors: readonly StateVector[]): readonly StateVector[] {
    return this.#keys.map((key) => must(vectors[key]));
  }

  weightOf(slot: number): number {
    return this.weights === null ? 1 : this.weights.get(slot);
  }

  /** The slot after in the chain, or -1. */
  nextOf(slot: number): number {
    return this.next.get(slot) - 1;
  }

  /** Sum of weights of the head's key; 0 for -1. */
  totalOf(head: number): number {
    return head < 0 || this.totals === null ? 0 : this.totals.get(head);
  }

  /** Rows of the head's key. */
  chainLength(head: number): number {
    return ~this.#previous.get(head) >>> 1;
  }

  /** All slots with rows, up to `size` at a time; the array is reused. */
  *slotChunks(size: number): Generator<Int32Array> {
    const slots = new Int32Array(Math.max(1, Math.min(size, this.rows())));
    const isFree = this.store.freeSlots();
    const end = this.store.end();
    let n = 0;
    for (let slot = 0; slot < end; slot++) {
      if (isFree.has(slot)) continue;
      slots[n++] = slot;
      if (n < slots.length) continue;
      yield slots;
      n = 0;
    }
    if (n > 0) yield slots.subarray(0, n);
  }

  /** Starts applying a batch whose keys' heads are `heads` (as found by `index.find`). */
  begin(vectors: readonly StateVector[], n: number): void {
    this.#vectors = vectors;
    this.#keyVectors = this.keyVectors(vectors);
    this.#length = n;
    this.#rowHashed = false;
    if (this.#formerHeads.size > 0) this.#formerHeads.clear();
    this.#pending = 0;
    this.#pendingRows.ints(n);
    this.#pendingSlots.ints(n);
  }

  /**
   * Adds row i with weight w under its key; `head` is what the batch's look-up found. Returns the slot of the added row,
   * or -1 when it was cancelled against (or taken from) rows that are there. Sets `head` for totalOf.
   */
  apply(i: number, hash: number, found: number, w: number): number {
    const head = this.#currentHead(i, hash, found);
    this.head = head;
    if (w < 0 || this.#negatives > 0) return this.#applySearching(i, hash, w);
    if (head >= 0 && (~this.#previous.get(head) & 1) === 1 && this.weights !== null) {
      const slot = this.#findInRowIndex(i);
      if (slot >= 0) {
        this.weights.set(slot, this.weights.get(slot) + w);
        this.#addTotal(head, w);
        return slot;
      }
    }
    return this.#append(i, hash, head, w);
  }

  /** The head of the key of the last `apply`, after it; -1 when its last row went. */
  head = -1;

  /** Writes the rows of the batch that are still only noted. To be called before reading rows, and at the end. */
  finish(): void {
    if (this.#pending === 0) return;
    this.store.store(this.#vectors, null, this.#pendingRows.int32, this.#pending, this.#pendingSlots.int32);
    this.#time?.insertAll(this.#pendingSlots.int32, this.#pending);
    this.#pending = 0;
  }

  #currentHead(i: number, hash: number, found: number): number {
    if (found >= 0 && (this.#formerHeads.size === 0 || !this.#formerHeads.has(found))) return found;
    if (this.index.index.first(hash) < 0) return -1;
    this.finish();
    return this.index.findOne(this.#keyVectors, i, hash);
  }

  #addTotal(head: number, w: number): void {
    if (this.totals !== null) this.totals.set(head, this.totals.get(head) + w);
  }

  /** Adds a new slot (append-only: one per unit of weight). */
  #append(i: number, hash: number, head: number, w: number): number {
    const { weights } = this;
    if (weights !== null) {
      const slot = this.#insert(i, hash, head);
      weights.set(slot, w);
      if (w < 0) this.#negatives++;
      this.#addTotal(this.head, w);
      return slot;
    }
    assert(w > 0, 'append-only input has a negative weight');
    let slot = -1;
    for (let k = 0; k < w; k++) slot = this.#insert(i, hash, this.head);
    this.#addTotal(this.head, w);
    return slot;
  }

  #insert(i: number, hash: number, head: number): number {
    const slot = this.store.alloc();
    // A batch may store a row more often than it has rows (append-only weights): then write what is pending.
    if (this.#pending === this.#pendingRows.int32.length) this.finish();
    this.#pendingRows.int32[this.#pending] = i;
    this.#pendingSlots.int32[this.#pending++] = slot;
    if (head < 0) {
      this.next.set(slot, 0);
      this.#previous.set(slot, ~2);
      if (this.totals !== null) this.totals.set(slot, 0);
      this.index.insert(hash, slot);
      this.head = slot;
      return slot;
    }
    const after = this.next.get(head);
    this.next.set(slot, after);
    this.#previous.set(slot, head);
    if (after !== 0) this.#previous.set(after - 1, slot);
    this.next.set(head, slot + 1);
    const state = ~this.#previous.get(head) + 2;
    this.#previous.set(head, ~state);
    if (this.weights !== null) {
      if ((state & 1) === 1) this.#rowIndex.insert(this.#rowHash(i), slot);
      else if (state >>> 1 >= LONG_CHAIN) this.#enterRowIndex(head, state);
    }
    return slot;
  }

  /** The chain has become long: all its rows go into the row index. */
  #enterRowIndex(head: number, state: number): void {
    this.finish();
    const slots: number[] = [];
    for (let slot = head; slot >= 0; slot = this.nextOf(slot)) slots.push(slot);
    const hashes = new Int32Array(slots.length);
    this.#hashStored(Int32Array.from(slots), hashes);
    slots.forEach((slot, j) => {
      this.#rowIndex.insert(hashes[j] as number, slot);
    });
    this.#previous.set(head, ~(state | 1));
  }

  #hashStored(slots: Int32Array, hashes: Int32Array): void {
    hashes.fill(HASH_SEED, 0, slots.length);
    for (const column of this.store.columns) {
      column.need(slots, slots.length);
      column.hashSlots(slots, slots.length, hashes);
    }
  }

  /** Hash of the whole row i of the batch. */
  #rowHash(i: number): number {
    const n = this.#length;
    const hashes = this.#rowHashes.ints(n);
    if (!this.#rowHashed) {
      this.#rowHashed = true;
      hashes.fill(HASH_SEED, 0, n);
      this.#vectors.forEach((vector, c) => {
        hashVector(vector, must(this.#types[c]), n, hashes);
      });
    }
    return hashes[i] as number;
  }

  #findInRowIndex(i: number): number {
    const hash = this.#rowHash(i);
    let slot = this.#rowIndex.first(hash);
    if (slot < 0) return -1;
    this.finish();
    while (slot >= 0 && !this.store.sameRow(this.#vectors, i, slot)) slot = this.#rowIndex.next();
    return slot;
  }

  /** Cancels w against equal rows of the opposite sign; what is left over is added. */
  #applySearching(i: number, hash: number, w: number): number {
    const weights = must(this.weights, 'append-only input has a negative weight');
    let left = w;
    while (left !== 0 && this.head >= 0) {
      const slot = this.#findOpposite(i, this.head, left);
      if (slot < 0) break;
      const weight = weights.get(slot);
      const part = Math.abs(weight) < Math.abs(left) ? -weight : left;
      weights.set(slot, weight + part);
      this.#addTotal(this.head, part);
      left -= part;
      if (weight + part !== 0) continue;
      if (weight < 0) this.#negatives--;
      if ((~this.#previous.get(this.head) & 1) === 1) this.#rowIndex.remove(this.#rowHash(i), slot);
      this.#time?.remove(slot);
      this.#unlink(hash, this.head, slot);
    }
    if (left === 0) return -1;
    if (this.head >= 0 && (~this.#previous.get(this.head) & 1) === 1) {
      // A long chain holds each row once: add to the weight that is there.
      const slot = this.#findInRowIndex(i);
      if (slot >= 0) {
        weights.set(slot, weights.get(slot) + left);
        this.#addTotal(this.head, left);
        return slot;
      }
    }
    return this.#append(i, hash, this.head, left);
  }

  /** A slot of the chain with the same row and a weight of the opposite sign of w, or -1. */
  #findOpposite(i: number, head: number, w: number): number {
    const weights = must(this.weights);
    const long = (~this.#previous.get(head) & 1) === 1;
    if (!long) {
      this.finish();
      for (let slot = head; slot >= 0; slot = this.nextOf(slot)) {
        if (weights.get(slot) > 0 !== w > 0 && this.store.sameRow(this.#vectors, i, slot)) return slot;
      }
      return -1;
    }
    const hash = this.#rowHash(i);
    let slot = this.#rowIndex.first(hash);
    if (slot >= 0) this.finish();
    for (; slot >= 0; slot = this.#rowIndex.next()) {
      if (weights.get(slot) > 0 !== w > 0 && this.store.sameRow(this.#vectors, i, slot)) return slot;
    }
    return -1;
  }

  /** Takes a slot out of its chain and frees it. It is in the row index no more. */
  #unlink(hash: number, head: number, slot: number): void {
    const state = ~this.#previous.get(head) - 2;
    const after = this.next.get(slot) - 1;
    if (slot !== head) {
      const before = this.#previous.get(slot);
      this.next.set(before, after + 1);
      if (after >= 0) this.#previous.set(after, before);
      this.#previous.set(head, ~state);
    } else if (after >= 0) {
      this.#previous.set(after, ~state);
      if (this.totals !== null) this.totals.set(after, this.totals.get(head));
      this.index.index.replace(hash, head, after);
      this.#formerHeads.add(head);
      this.head = after;
    } else {
      this.index.remove(hash, head);
      this.#formerHeads.add(head);
      this.head = -1;
    }
    this.store.free(slot);
  }

  /** Forgets a key with all its rows. Not while a batch is being applied. */
  removeChain(hash: number, head: number): void {
    if ((~this.#previous.get(head) & 1) === 1) {
      const slots: number[] = [];
      for (let slot = head; slot >= 0; slot = this.nextOf(slot)) slots.push(slot);
      const hashes = new Int32Array(slots.length);
      this.#hashStored(Int32Array.from(slots), hashes);
      slots.forEach((slot, j) => {
        this.#rowIndex.remove(hashes[j] as number, slot);
      });
    }
    this.index.remove(hash, head);
    for (let slot = head; slot >= 0; ) {
      const after = this.nextOf(slot);
      if (this.weightOf(slot) < 0) this.#negatives--;
      this.#time?.remove(slot);
      this.store.free(slot);
      slot = after;
    }
  }

  /** Forgets the rows whose time is below the bound. Not while a batch is being applied. */
  expire(bound: NonNullValue): void {
    this.#time?.expire(bound, (slots, n) => this.#drop(slots, n));
  }

  #drop(slots: Int32Array, n: number): void {
    const keys = this.#droppedKeys;
    this.#keys.forEach((key, k) => {
      must(this.store.columns[key]).load(slots, n, must(keys[k]));
    });
    const hashes = this.#pendingRows.ints(n);
    const heads = this.#pendingSlots.ints(n);
    this.index.hashSlots(slots, n, hashes);
    this.index.find(keys, hashes, n, heads);
    const rowHashes = this.#rowIndex.entries() === 0 ? null : this.#rowHashes.ints(n);
    if (rowHashes !== null) this.#hashStored(slots.subarray(0, n), rowHashes);
    this.#formerHeads.clear();
    for (let j = 0; j < n; j++) {
      const slot = slots[j] as number;
      const hash = hashes[j] as number;
      let head = heads[j] as number;
      if (this.#formerHeads.has(head)) head = this.index.findOne(keys, j, hash);
      if (rowHashes !== null && (~this.#previous.get(head) & 1) === 1) {
        this.#rowIndex.remove(rowHashes[j] as number, slot);
      }
      if (this.weightOf(slot) < 0) this.#negatives--;
      this.#unlink(hash, head, slot);
    }
  }
}
