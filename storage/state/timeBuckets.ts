/**
 * Rows of a store by the time in one of their columns, so that those before a bound can be dropped together.
 *
 * Rows lie in buckets by the high bits of their time: doubly linked lists through two Int32 columns of the store, found
 * by a map, with a heap of the buckets' keys. Adding and taking a row are O(1); expiry takes whole buckets off the heap.
 * An int64 bucket is 2^20 wide (about a second of microseconds); an int32 one is one value wide.
 *
 * `exact`: the bucket that the bound lies in is opened into a radix heap: list 0 has the rows at the bound, list k those
 * whose highest bit that differs from the bound's is bit k - 1. Moving the bound empties the lists below the highest bit
 * that changes and spreads that bit's list over them, so a row moves at most 20 times. Not exact: rows stay until
 * their whole bucket has passed, and nothing is ever moved.
 *
 * previous[slot]: 0: in no list (its time is NULL); p + 1: the slot before; ~list for the first of a list.
 * next[slot]: the slot after, + 1; 0 at the end.
 * Invariant: no row in a list is below what has passed (not exact: its bucket is not).
 */
import { assert } from '../../common/assert.ts';
import { type BigInt64Blocks, BLOCK_MASK, BLOCK_SHIFT, type Int32Blocks, type NullBlocks } from './blocks.ts';
import { Int32Column, Int64Column } from './fixedColumns.ts';
import { MinHeap } from './minHeap.ts';
import type { RowStore } from './rowStore.ts';
import { type StateVector, wordsOf } from './vector.ts';

/** An int64 (timestamps, int8) or int32 (dates, int4) value. */
export type TimeValue = bigint | number;

const LOW_BITS = 20;
const LOW_MASK = (1 << LOW_BITS) - 1;
const LOW_BITS_WIDE = BigInt(LOW_BITS);
const LOW_MASK_WIDE = BigInt(LOW_MASK);
const HIGH_FACTOR = 2 ** (32 - LOW_BITS);
/** Lists of the open bucket: list 0 and one a bit. */
const FINE_LISTS = LOW_BITS + 1;
const CHUNK = 1024;

/** Where the times of slots are: 32-bit words of int64 values, or int32 values. */
interface TimeSource {
  readonly words: readonly Int32Array[] | null;
  readonly values: readonly Int32Array[] | null;
  readonly wide: readonly BigInt64Array[] | null;
  readonly nulls: NullBlocks | null;
}

function sourceOf(store: RowStore, column: number | BigInt64Blocks): TimeSource {
  if (typeof column !== 'number') {
    return { words: column.words, values: null, wide: column.blocks, nulls: null };
  }
  const stored = store.columns[column];
  if (stored instanceof Int64Column) {
    return { words: stored.words, values: null, wide: stored.blocks, nulls: stored.nulls };
  }
  assert(stored instanceof Int32Column, `column ${column} has no times to order rows by`);
  return { words: null, values: stored.blocks, wide: null, nulls: stored.nulls };
}

/** The bucket of a value, and its place in it. */
function keyOf(value: TimeValue): number {
  return typeof value === 'bigint' ? Number(value >> LOW_BITS_WIDE) : value;
}

function lowOf(value: TimeValue): number {
  return typeof value === 'bigint' ? Number(value & LOW_MASK_WIDE) : 0;
}

export class TimeBuckets {
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
  /** The bound that rows were last dropped by: its bucket and its place in it. */
  #passedKey = Number.NEGATIVE_INFINITY;
  #passedLow = 0;
  /** The bucket last added to: times mostly come in order. */
  #lastKey = Number.NaN;
  #lastList = 0;
  #minimum: TimeValue | null = null;
  readonly #chunk = new Int32Array(CHUNK);
  #chunked = 0;

  /** `column`: of the store's columns (int64 or int32), or an int64 column of the owner's. */
  constructor(store: RowStore, column: number | BigInt64Blocks, exact: boolean) {
    this.#source = sourceOf(store, column);
    this.#fine = exact && this.#source.words !== null;
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

  /** Adds stored rows, which are not below what has passed. */
  insertAll(slots: Int32Array, n: number): void {
    for (let j = 0; j < n; j++) this.insert(slots[j] as number);
  }

  insert(slot: number): void {
    if (this.#source.nulls?.isNull(slot) === true) {
      this.#previous.set(slot, 0);
      return;
    }
    const key = this.#keyAt(slot);
    assert(key >= this.#passedKey, 'a row is not below the watermark that has passed');
    let list = this.#lastList;
    if (key === this.#passedKey && this.#fine) list = this.#fineList(this.#lowAt(slot));
    else if (key !== this.#lastKey) list = this.#listOf(key);
    this.#link(slot, list);
    this.#rows++;
    if (this.#minimum !== null) {
      const value = this.valueAt(slot);
      if (value < this.#minimum) this.#minimum = value;
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
    if (this.#minimum !== null && this.valueAt(slot) === this.#minimum) this.#minimum = null;
  }

  /** True when rows may have to go by this bound; false once `expire` was called with it. */
  isDue(bound: TimeValue): boolean {
    if (this.#rows === 0) return false;
    const key = keyOf(bound);
    if (key < this.#passedKey) return false;
    const first = this.#firstKey();
    if (first !== key || !this.#fine) return first < key;
    return lowOf(bound) > (key === this.#passedKey ? this.#passedLow : 0);
  }

  /**
   * Takes out the rows whose time is below the bound and hands their slots to `drop`, up to 1024 at a time, buckets in
   * order. `drop` may free them, and must not change the buckets otherwise.
   */
  expire(bound: TimeValue, drop: (slots: Int32Array, n: number) => void): void {
    const key = keyOf(bound);
    const low = lowOf(bound);
    if (key < this.#passedKey || (key === this.#passedKey && low <= this.#passedLow)) return;
    const before = this.#rows;
    if (key > this.#passedKey) this.#pass(key, drop);
    if (this.#fine) this.#passFine(low, drop);
    this.#dropChunk(drop);
    if (this.#rows !== before) this.#minimum = null;
  }

  /** out[i] = 1 where the vector's value is below what has passed, else 0; false when it is nowhere. */
  markPassed(vector: StateVector, n: number, out: Uint8Array): boolean {
    if (this.#passedKey === Number.NEGATIVE_INFINITY) return false;
    let marked = 0;
    if (vector.kind === 'i64') {
      const words = wordsOf(vector.data, n);
      const high = Math.floor(this.#passedKey / HIGH_FACTOR);
      const low = (this.#passedKey - high * HIGH_FACTOR) * (LOW_MASK + 1) + this.#passedLow;
      for (let i = 0; i < n; i++) {
        const h = words[(i << 1) + 1] as number;
        const isBelow = h < high || (h === high && (words[i << 1] as number) >>> 0 < low);
        marked |= out[i] = isBelow ? 1 : 0;
      }
    } else {
      assert(vector.kind === 'i32', 'times are int64 or int32');
      for (let i = 0; i < n; i++) marked |= out[i] = (vector.data[i] as number) < this.#passedKey ? 1 : 0;
    }
    if (marked === 0 || vector.nulls === null) return marked !== 0;
    for (let i = 0; i < n; i++) if (vector.nulls[i] === 1) out[i] = 0;
    return out.includes(1);
  }

  /** The earliest time of all rows; null: there are none. */
  minimum(): TimeValue | null {
    if (this.#rows === 0) return null;
    if (this.#minimum !== null) return this.#minimum;
    const fine = this.#fine ? this.#heads.findIndex((head, list) => head !== 0 && list < FINE_LISTS) : -1;
    const list = fine >= 0 ? fine : (this.#lists.get(this.#firstKey()) ?? -1);
    let least: TimeValue | null = null;
    for (let slot = (this.#heads[list] ?? 0) - 1; slot >= 0; slot = this.#next.get(slot) - 1) {
      const value = this.valueAt(slot);
      if (least === null || value < least) least = value;
    }
    this.#minimum = least;
    return least;
  }

  /** The time of a stored row, which is not NULL. */
  valueAt(slot: number): TimeValue {
    const { wide, values } = this.#source;
    const block = slot >>> BLOCK_SHIFT;
    const blocks = wide ?? values;
    return blocks?.[block]?.[slot & BLOCK_MASK] as TimeValue;
  }

  #keyAt(slot: number): number {
    const { words, values } = this.#source;
    const block = slot >>> BLOCK_SHIFT;
    const at = slot & BLOCK_MASK;
    if (words === null) return values?.[block]?.[at] as number;
    const pair = words[block] as Int32Array;
    const high = pair[(at << 1) + 1] as number;
    return high * HIGH_FACTOR + ((pair[at << 1] as number) >>> LOW_BITS);
  }

  #lowAt(slot: number): number {
    const pair = this.#source.words?.[slot >>> BLOCK_SHIFT] as Int32Array;
    return (pair[(slot & BLOCK_MASK) << 1] as number) & LOW_MASK;
  }

  #fineList(low: number): number {
    assert(low >= this.#passedLow, 'a row is not below the watermark that has passed');
    return 32 - Math.clz32(low ^ this.#passedLow);
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
  #pass(key: number, drop: (slots: Int32Array, n: number) => void): void {
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

  /** Moves the bound within the open bucket. */
  #passFine(low: number, drop: (slots: Int32Array, n: number) => void): void {
    const changed = 32 - Math.clz32(low ^ this.#passedLow);
    if (changed === 0) return;
    for (let list = 0; list < changed; list++) this.#drain(list, drop);
    this.#passedLow = low;
    // Of the list of the highest bit that changed, rows below the new bound go and the others move down.
    let slot = (this.#heads[changed] as number) - 1;
    this.#heads[changed] = 0;
    while (slot >= 0) {
      const after = this.#next.get(slot) - 1;
      const at = this.#lowAt(slot);
      if (at < low) this.#take(slot, drop);
      else this.#link(slot, this.#fineList(at));
      slot = after;
    }
  }

  /** Moves the rows of a bucket to the lists of the open one. */
  #spread(list: number): void {
    let slot = (this.#heads[list] as number) - 1;
    this.#heads[list] = 0;
    while (slot >= 0) {
      const after = this.#next.get(slot) - 1;
      this.#link(slot, this.#fineList(this.#lowAt(slot)));
      slot = after;
    }
  }

  #drain(list: number, drop: (slots: Int32Array, n: number) => void): void {
    let slot = (this.#heads[list] as number) - 1;
    this.#heads[list] = 0;
    while (slot >= 0) {
      const after = this.#next.get(slot) - 1;
      this.#take(slot, drop);
      slot = after;
    }
  }

  #take(slot: number, drop: (slots: Int32Array, n: number) => void): void {
    this.#previous.set(slot, 0);
    this.#rows--;
    this.#chunk[this.#chunked++] = slot;
    if (this.#chunked === CHUNK) this.#dropChunk(drop);
  }

  #dropChunk(drop: (slots: Int32Array, n: number) => void): void {
    const n = this.#chunked;
    this.#chunked = 0;
    if (n > 0) drop(this.#chunk, n);
  }
}
