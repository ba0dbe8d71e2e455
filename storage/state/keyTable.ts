/**
 * A set of keys, each with a slot: what groups, distinct rows and counters hang on.
 *
 * `upsert` gives every row of a batch the slot of its key, making slots for new keys. The owner adds columns to `store`
 * (addInt32 and friends) for what it keeps per key, and must set them for created slots. `remove` forgets a key.
 * With `keepTime` keys also lie in buckets by one of their columns, so that those before a bound can be dropped.
 */
import { assert } from '../../common/assert.ts';
import type { DataType } from '../../common/dataType.ts';
import type { NonNullValue, Value } from '../../common/value.ts';
import { KeyIndex, type KeyMode, Scratch } from './keyIndex.ts';
import type { Persistent, StateReader, StateWriter } from './persist.ts';
import { RowStore } from './rowStore.ts';
import { TimeBuckets } from './timeBuckets.ts';
import { batchOfRows, type OutputVector, type StateVector } from './vector.ts';

export class KeyTable implements Persistent {
  readonly store: RowStore;
  readonly index: KeyIndex;
  readonly #hashes = new Scratch();
  readonly #pendingRows = new Scratch();
  readonly #pendingSlots = new Scratch();
  readonly #created = new Scratch();
  readonly #removal = new Int32Array(2);
  #time: TimeBuckets<NonNullValue> | null = null;

  constructor(types: readonly DataType[], mode: KeyMode = 'equal') {
    this.store = new RowStore(types);
    this.index = new KeyIndex(
      this.store,
      types.map((_, c) => c),
      mode,
    );
  }

  rows(): number {
    return this.store.rows();
  }

  bytes(): number {
    return this.store.bytes() + this.index.bytes() + (this.#time?.bytes() ?? 0);
  }

  clear(): void {
    assert(this.#time === null, 'a table with times is not cleared as a whole');
    this.store.clear();
    this.index.clear();
  }

  save(out: StateWriter): void {
    this.store.save(out);
    this.index.save(out);
    this.#time?.save(out);
  }

  restore(from: StateReader): void {
    this.store.restore(from);
    this.index.restore(from);
    this.#time?.restore(from);
  }

  /** Keeps the keys by the time in a column, from now on (the table is empty). */
  keepTime(column: number, exact: boolean): TimeBuckets<NonNullValue> {
    assert(this.rows() === 0 && this.#time === null, 'times are kept from the start');
    this.#time = new TimeBuckets(this.store, column, exact);
    return this.#time;
  }

  /** slots[j] = slot of row j's key, or -1. `vectors` are the key columns, in key order. */
  find(vectors: readonly StateVector[], n: number, slots: Int32Array): void {
    const hashes = this.#hashes.ints(n);
    this.index.hash(vectors, n, hashes);
    this.index.find(vectors, hashes, n, slots);
  }

  /**
   * slots[j] = slot of row j's key, made when new. Returns the number of new keys; their slots are created[0..], in
   * order of first appearance, when `created` is given (room for n).
   */
  upsert(vectors: readonly StateVector[], n: number, slots: Int32Array, created?: Int32Array): number {
    const hashes = this.#hashes.ints(n);
    const { index, store } = this;
    index.hash(vectors, n, hashes);
    index.find(vectors, hashes, n, slots);
    const pendingRows = this.#pendingRows.ints(n);
    const pendingSlots = this.#pendingSlots.ints(n);
    const news = this.#time === null ? created : (created ?? this.#created.ints(n));
    let pending = 0;
    let made = 0;
    for (let j = 0; j < n; j++) {
      if ((slots[j] as number) >= 0) continue;
      const hash = hashes[j] as number;
      // A hit can only be a key made by an earlier row of this batch (or a collision): its columns must be there.
      let slot = index.index.first(hash);
      if (slot >= 0) {
        if (pending > 0) store.store(vectors, null, pendingRows, pending, pendingSlots);
        pending = 0;
        slot = index.findOne(vectors, j, hash);
      }
      if (slot < 0) {
        slot = store.alloc();
        index.insert(hash, slot);
        pendingRows[pending] = j;
        pendingSlots[pending++] = slot;
        if (news !== undefined) news[made] = slot;
        made++;
      }
      slots[j] = slot;
    }
    if (pending > 0) store.store(vectors, null, pendingRows, pending, pendingSlots);
    if (news !== undefined && made > 0) this.#time?.insertAll(news, made);
    return made;
  }

  /** Forgets the key at `slot`. */
  remove(slot: number): void {
    this.#time?.remove(slot);
    const [slots, hashes] = [this.#removal.subarray(0, 1), this.#removal.subarray(1)];
    slots[0] = slot;
    this.index.hashSlots(slots, 1, hashes);
    this.index.remove(hashes[0] as number, slot);
    this.store.free(slot);
  }

  /** Forgets keys that have expired: their time buckets have let go of them. */
  removeExpired(slots: Int32Array, n: number): void {
    const hashes = this.#hashes.ints(n);
    this.index.hashSlots(slots, n, hashes);
    for (let j = 0; j < n; j++) {
      this.index.remove(hashes[j] as number, slots[j] as number);
      this.store.free(slots[j] as number);
    }
  }

  /** out[offset + c][j] = key column c of slots[j]. */
  load(slots: Int32Array, n: number, out: readonly OutputVector[], offset = 0): void {
    this.store.load(slots, n, out, offset);
  }

  /** The slot of a key given as boxed values, or -1. */
  findValues(values: readonly Value[]): number {
    const slots = new Int32Array(1);
    this.find(batchOfRows(this.store.types, [values]).columns, 1, slots);
    return slots[0] as number;
  }
}
