/**
 * Rows of a store by the time in one of their columns, so that those before a bound can be dropped together.
 *
 * Rows lie in buckets (see timeSource.ts): doubly linked lists through two Int32 columns of the store, found by a map,
 * with a heap of the buckets' keys. Adding and taking a row are O(1); expiry takes whole buckets off the heap.
 *
 * `exact`: the bucket that the bound lies in is opened. Of int64 times it becomes a radix heap: list 0 has the rows at the
 * bound, list k those whose highest bit that differs from the bound's is bit k - 1. Moving the bound empties the lists
 * below the highest bit that changes and spreads that bit's list over them, so a row moves at most 20 times. Of times that
 * only comparison tells apart all rows of the open bucket are in list 0, and are compared.
 * Not exact: rows stay until their whole bucket has passed, and nothing is ever moved.
 *
 * previous[slot]: 0: in no list (its time is NULL); p + 1: the slot before; ~list for the first of a list.
 * next[slot]: the slot after, + 1; 0 at the end.
 * Invariant: no row in a list is below what has passed (not exact: its bucket is not).
 */
import { assert, must } from '../../common/assert.ts';
import type { NonNullValue } from '../../common/value.ts';
import type { BigInt64Blocks, Int32Blocks } from './blocks.ts';
import { boxedCodec } from './boxedCodec.ts';
import { MinHeap } from './minHeap.ts';
import type { Persistent, StateReader, StateWriter } from './persist.ts';
import type { RowStore } from './rowStore.ts';
import { LOW_BITS, type TimeSource, timeSource } from './timeSource.ts';
import type { StateVector } from './vector.ts';

/** Lists of the open bucket: list 0 and one a bit. */
const FINE_LISTS = LOW_BITS + 1;
const CHUNK = 1024;

/** Of timestamps, dates and integers. */
export type TimeValue = bigint | number;

type Drop = (slots: Int32Array, n: number) => void;

/** What is saved beside the links, which are the store's. The map and the heap follow from the lists' keys. */
interface TimeBucketsImage {
  readonly heads: Int32Array;
  readonly keys: Float64Array;
  readonly freeLists: Int32Array;
  readonly rows: number;
  /** Encoded. */
  readonly passed: Uint8Array | null;
  readonly passedKey: number;
  readonly passedLow: number;
}

export class TimeBuckets<T extends NonNullValue = TimeValue> implements Persistent {
  readonly #source: TimeSource;
  /** The bucket of the bound is opened. */
  readonly #fine: boolean;
  readonly #next: Int32Blocks;
  readonly #previous: Int32Blocks;
  /** First slot + 1 of each list; the open bucket's lists come first. */
  #heads: number[] = new Array<number>(FINE_LISTS).fill(0);
  readonly #keys: number[] = new Array<number>(FINE_LISTS).fill(0);
  readonly #freeLists: number[] = [];
  readonly #lists = new Map<number, number>();
  /** Keys of buckets; may have keys of buckets that are gone. */
  #heap = new MinHeap();
  #rows = 0;
  /** The bound that rows were last dropped by, its bucket and its low bits. */
  #passed: T | null = null;
  #passedKey = Number.NEGATIVE_INFINITY;
  #passedLow = 0;
  /** The bucket last added to: times mostly come in order. */
  #lastKey = Number.NaN;
  #lastList = 0;
  #minimum: T | null = null;
  readonly #chunk = new Int32Array(CHUNK);
  #chunked = 0;

  /** `column`: of the store's columns, or an int64 column of the owner's. */
  constructor(store: RowStore, column: number | BigInt64Blocks, exact: boolean) {
    this.#source = timeSource(store, column);
    this.#fine = exact && this.#source.within !== 'equal';
    this.#next = store.addInt32();
    this.#previous = store.addInt32();
  }

  /** Rows in buckets: all but those whose time is NULL. */
  rows(): number {
    return this.#rows;
  }

  /** Bytes beside the store's columns (estimated). */
  bytes(): number {
    return this.#heads.length * 16 + this.#lists.size * 40 + this.#heap.size * 8 + CHUNK * 4;
  }

  save(out: StateWriter): void {
    assert(this.#chunked === 0, 'time buckets are saved between ticks');
    const passed = this.#passed;
    const image: TimeBucketsImage = {
      heads: Int32Array.from(this.#heads),
      keys: Float64Array.from(this.#keys),
      freeLists: Int32Array.from(this.#freeLists),
      rows: this.#rows,
      passed: passed === null ? null : Uint8Array.from(boxedCodec(this.#source.type).encode(passed)),
      passedKey: this.#passedKey,
      passedLow: this.#passedLow,
    };
    out.value(image);
  }

  restore(from: StateReader): void {
    const image = from.value() as TimeBucketsImage;
    const { passed } = image;
    replace(this.#heads, image.heads);
    replace(this.#keys, image.keys);
    replace(this.#freeLists, image.freeLists);
    const free = new Set(this.#freeLists);
    for (let list = FINE_LISTS; list < this.#keys.length; list++) {
      if (!free.has(list)) this.#lists.set(must(this.#keys[list]), list);
    }
    this.#heap = new MinHeap(this.#lists.keys());
    this.#rows = image.rows;
    this.#passed = passed === null ? null : (boxedCodec(this.#source.type).decode(passed) as T);
    this.#passedKey = image.passedKey;
    this.#passedLow = image.passedLow;
  }

  /** Adds stored rows, which are not below what has passed. */
  insertAll(slots: Int32Array, n: number): void {
    for (let j = 0; j < n; j++) this.insert(slots[j] as number);
  }

  insert(slot: number): void {
    const source = this.#source;
    if (source.isNull(slot)) {
      this.#previous.set(slot, 0);
      return;
    }
    const key = source.key(slot);
    assert(key >= this.#passedKey, 'a row is not below the watermark that has passed');
    let list = this.#lastList;
    if (key === this.#passedKey && this.#fine) list = this.#fineList(slot);
    else if (key !== this.#lastKey) list = this.#listOf(key);
    this.#link(slot, list);
    this.#rows++;
    if (this.#minimum !== null) {
      const value = source.value(slot) as T;
      if (source.compare(value, this.#minimum) < 0) this.#minimum = value;
    }
  }

  /** Takes a row out; before it is freed. */
  remove(slot: number): void {
    const previous = this.#previous.get(slot);
    if (previous === 0) return;
    const next = this.#next.get(slot);
    this.#previous.set(slot, 0);
    if (next !== 0) this.#previous.set(next - 1, previous);
    if (previous > 0) this.#next.set(previous - 1, next);
    else {
      this.#heads[~previous] = next;
      if (next === 0 && ~previous >= FINE_LISTS) this.#forget(~previous);
    }
    this.#rows--;
    if (this.#minimum !== null && this.#source.compare(this.valueAt(slot), this.#minimum) === 0) {
      this.#minimum = null;
    }
    if (this.#rows === 0) this.#restart();
  }

  /** No row is left: forgets the buckets. What has passed stays. */
  #restart(): void {
    if (this.#heads.length > FINE_LISTS) {
      this.#heads.length = FINE_LISTS;
      this.#keys.length = FINE_LISTS;
      this.#freeLists.length = 0;
    }
    this.#lists.clear();
    if (this.#heap.size > 0) this.#heap = new MinHeap();
    this.#lastKey = Number.NaN;
  }

  /** True when rows may have to go by this bound; false once `expire` was called with it. */
  isDue(bound: T): boolean {
    if (this.#rows === 0 || !this.#isAhead(bound)) return false;
    const key = this.#source.keyOf(bound);
    const first = this.#firstKey();
    // In the bucket of the bound some rows may be below it, which only `expire` finds out.
    return first < key || (first === key && this.#fine);
  }

  /** True when the bound is above what has passed. */
  #isAhead(bound: T): boolean {
    return this.#passed === null || this.#source.compare(bound, this.#passed) > 0;
  }

  /**
   * Takes out the rows whose time is below the bound and hands their slots to `drop`, up to 1024 at a time, buckets in
   * order. `drop` may free them, and must not change the buckets otherwise.
   */
  expire(bound: T, drop: Drop): void {
    if (!this.#isAhead(bound)) return;
    const source = this.#source;
    const before = this.#rows;
    this.#passed = bound;
    const key = source.keyOf(bound);
    if (key > this.#passedKey) this.#pass(key, drop);
    if (this.#fine && source.within === 'bits') this.#passBits(source.lowOf(bound), drop);
    else if (this.#fine) this.#passOrder(bound, drop);
    this.#dropChunk(drop);
    if (this.#rows !== before) this.#minimum = null;
    if (this.#rows === 0) this.#restart();
  }

  /** out[i] = 1 where the vector's value is below what has passed, else 0; false when it is nowhere. */
  markPassed(vector: StateVector, n: number, out: Uint8Array): boolean {
    if (this.#passed === null) return false;
    if (this.#fine || this.#source.within === 'equal') {
      this.#source.markBelow(vector, n, this.#passed, out);
    } else if (vector.kind === 'i64') {
      this.#source.markBelow(vector, n, BigInt(this.#passedKey) << BigInt(LOW_BITS), out);
    } else assert(false, 'times that are compared are kept exactly');
    const { nulls } = vector;
    let marked = 0;
    for (let i = 0; i < n; i++) {
      if (nulls !== null && nulls[i] === 1) out[i] = 0;
      marked |= out[i] as number;
    }
    return marked !== 0;
  }

  /** The earliest time of all rows; null: there are none. */
  minimum(): T | null {
    if (this.#rows === 0) return null;
    if (this.#minimum !== null) return this.#minimum;
    const fine = this.#fine ? this.#heads.findIndex((head, list) => head !== 0 && list < FINE_LISTS) : -1;
    const list = fine >= 0 ? fine : (this.#lists.get(this.#firstKey()) ?? -1);
    let least: T | null = null;
    for (let slot = (this.#heads[list] ?? 0) - 1; slot >= 0; slot = this.#next.get(slot) - 1) {
      const value = this.#source.value(slot) as T;
      if (least === null || this.#source.compare(value, least) < 0) least = value;
    }
    this.#minimum = least;
    return least;
  }

  /** The time of a stored row, which is not NULL. */
  valueAt(slot: number): T {
    return this.#source.value(slot) as T;
  }

  /** Order of two stored rows, whose times are not NULL. */
  compareSlots(a: number, b: number): number {
    return this.#source.compare(this.#source.value(a), this.#source.value(b));
  }

  /** The list of the open bucket that a row belongs in. */
  #fineList(slot: number): number {
    const source = this.#source;
    if (source.within === 'bits') {
      const low = source.low(slot);
      assert(low >= this.#passedLow, 'a row is not below the watermark that has passed');
      return 32 - Math.clz32(low ^ this.#passedLow);
    }
    const isBelow = this.#passed !== null && source.compare(source.value(slot), this.#passed) < 0;
    assert(!isBelow, 'a row is not below the watermark that has passed');
    return 0;
  }

  #listOf(key: number): number {
    let list = this.#lists.get(key);
    if (list === undefined) {
      list = this.#freeLists.pop() ?? this.#heads.length;
      this.#heads[list] = 0;
      this.#keys[list] = key;
      this.#lists.set(key, list);
      this.#heap.push(key);
    }
    this.#lastKey = key;
    this.#lastList = list;
    return list;
  }

  #link(slot: number, list: number): void {
    const head = this.#heads[list] as number;
    this.#next.set(slot, head);
    this.#previous.set(slot, ~list);
    if (head !== 0) this.#previous.set(head - 1, slot + 1);
    this.#heads[list] = slot + 1;
  }

  /** A bucket has no rows any more. Its key stays in the heap for a while. */
  #forget(list: number): void {
    const key = this.#keys[list] as number;
    this.#lists.delete(key);
    this.#freeLists.push(list);
    if (key === this.#lastKey) this.#lastKey = Number.NaN;
    if (this.#heap.size > 64 + 2 * this.#lists.size) this.#heap = new MinHeap(this.#lists.keys());
  }

  /** The bucket of the earliest row; there is one. */
  #firstKey(): number {
    if (this.#fine) {
      for (let list = 0; list < FINE_LISTS; list++) if (this.#heads[list] !== 0) return this.#passedKey;
    }
    let key = this.#heap.first();
    while (!this.#lists.has(key)) {
      this.#heap.pop();
      key = this.#heap.first();
    }
    return key;
  }

  /** Drops all buckets before `key`, and opens that. */
  #pass(key: number, drop: Drop): void {
    if (this.#fine) for (let list = 0; list < FINE_LISTS; list++) this.#drain(list, drop);
    while (this.#heap.size > 0 && this.#heap.first() < key) {
      const list = this.#lists.get(this.#heap.pop());
      if (list === undefined) continue;
      this.#drain(list, drop);
      this.#forget(list);
    }
    this.#passedKey = key;
    this.#passedLow = 0;
    const opened = this.#fine ? this.#lists.get(key) : undefined;
    if (opened === undefined) return;
    this.#spread(opened);
    this.#forget(opened);
  }

  /** Moves the bound within the open bucket, by low bits. */
  #passBits(low: number, drop: Drop): void {
    const changed = 32 - Math.clz32(low ^ this.#passedLow);
    if (changed === 0) return;
    for (let list = 0; list < changed; list++) this.#drain(list, drop);
    this.#passedLow = low;
    // Of the list of the highest bit that changed, rows below the new bound go and the others move down.
    let slot = (this.#heads[changed] as number) - 1;
    this.#heads[changed] = 0;
    while (slot >= 0) {
      const after = this.#next.get(slot) - 1;
      if (this.#source.low(slot) < low) this.#take(slot, drop);
      else this.#link(slot, this.#fineList(slot));
      slot = after;
    }
  }

  /** Moves the bound within the open bucket, by comparison. */
  #passOrder(bound: T, drop: Drop): void {
    const { compare } = this.#source;
    let slot = (this.#heads[0] as number) - 1;
    this.#heads[0] = 0;
    while (slot >= 0) {
      const after = this.#next.get(slot) - 1;
      if (compare(this.#source.value(slot), bound) < 0) this.#take(slot, drop);
      else this.#link(slot, 0);
      slot = after;
    }
  }

  /** Moves the rows of a bucket to the lists of the open one. */
  #spread(list: number): void {
    const isByBits = this.#source.within === 'bits';
    let slot = (this.#heads[list] as number) - 1;
    this.#heads[list] = 0;
    while (slot >= 0) {
      const after = this.#next.get(slot) - 1;
      // By comparison rows below the bound are still among them.
      this.#link(slot, isByBits ? this.#fineList(slot) : 0);
      slot = after;
    }
  }

  #drain(list: number, drop: Drop): void {
    let slot = (this.#heads[list] as number) - 1;
    this.#heads[list] = 0;
    while (slot >= 0) {
      const after = this.#next.get(slot) - 1;
      this.#take(slot, drop);
      slot = after;
    }
  }

  #take(slot: number, drop: Drop): void {
    this.#previous.set(slot, 0);
    this.#rows--;
    this.#chunk[this.#chunked++] = slot;
    if (this.#chunked === CHUNK) this.#dropChunk(drop);
  }

  #dropChunk(drop: Drop): void {
    const n = this.#chunked;
    this.#chunked = 0;
    if (n > 0) drop(this.#chunk, n);
  }
}

function replace(list: number[], by: ArrayLike<number>): void {
  list.length = by.length;
  for (let i = 0; i < by.length; i++) list[i] = by[i] as number;
}
