/**
 * Columns of state as arrays of fixed-size blocks: slot s lies at blocks[s >>> BLOCK_SHIFT][s & BLOCK_MASK].
 *
 * A block of an 8-byte kind is 64 KiB. Only the first block ever moves (it starts small and doubles, so that small
 * states stay small); after that growth adds a block and copies nothing. The `blocks` array itself keeps its identity,
 * so generated code may close over it.
 *
 * Blocks of several columns over the same slots share one list of marks (persist.ts). `set` marks the slot's block, and
 * finds marked blocks in an array of their own, so that this costs nothing; whoever writes into `blocks` directly touches
 * before. Invariant: a block in `writable` is the one in `blocks`, and is marked as changed.
 *
 * Blocks may be away: whoever reads one finds it (blockList.ts); batches call `need` before, which is faster.
 */
import { ByteReader, ByteWriter } from '../../common/byteWriter.ts';
import type { StateCodec } from '../../common/stateCodec.ts';
import { blockList, makeHole, sumPresent } from './blockList.ts';
import { type BlockMarks, type BlockPart, CHANGED } from './persist.ts';

export const BLOCK_SHIFT = 13;
export const BLOCK_ROWS = 1 << BLOCK_SHIFT;
export const BLOCK_MASK = BLOCK_ROWS - 1;
/** What a column has room for from the start, and keeps when it is emptied. */
export const FIRST_ROWS = 32;

/** The capacity after `capacity`: doubling within the first block, then a block at a time. */
export function nextCapacity(capacity: number): number {
  if (capacity === 0) return FIRST_ROWS;
  return capacity < BLOCK_ROWS ? capacity << 1 : capacity + BLOCK_ROWS;
}

type TypedBlock = Uint8Array | Int32Array | Float64Array | BigInt64Array;

/** Bytes that come from a checkpoint. */
type Bytes = Uint8Array<ArrayBuffer>;

export interface BlockColumn {
  /** Makes room for slots below `capacity` (a value nextCapacity gave). New entries are 0. */
  grow(capacity: number): void;
  bytes(): number;
  clear(): void;
  /** Block b as it is saved. */
  part(b: number): BlockPart;
  /** Gives block b its contents back; the bytes may be kept. */
  adopt(b: number, bytes: Bytes): void;
  /** Block b is marked as changed no more. */
  lock(b: number): void;
  /** Lets block b go: it is away, or about to be. */
  release(b: number): void;
}

/** Blocks a column has that has room for `capacity` slots. */
export function blocksFor(capacity: number): number {
  return (capacity + BLOCK_MASK) >>> BLOCK_SHIFT;
}

/** Marks the blocks of slots that are about to be written to. A test that never fails is cheap, even of random slots. */
export function touchSlots(marks: BlockMarks, slots: Int32Array, n: number): void {
  let byBlock = marks.marks;
  for (let j = 0; j < n; j++) {
    const b = (slots[j] as number) >>> BLOCK_SHIFT;
    if (byBlock[b] === CHANGED) continue;
    marks.touch(b);
    byBlock = marks.marks;
  }
}

/** Fewer slots are not worth looking at. */
const RUN_SLOTS = 32;

/** True for many slots, one after another: what a store that only grows gives. */
export function isRun(slots: Int32Array, n: number): boolean {
  if (n < RUN_SLOTS) return false;
  const first = slots[0] as number;
  if ((slots[n - 1] as number) - first !== n - 1) return false;
  for (let j = 1; j < n; j++) if ((slots[j] as number) !== first + j) return false;
  return true;
}

/** `touchSlots` for a run of n slots. */
export function touchRun(marks: BlockMarks, first: number, n: number): void {
  const last = (first + n - 1) >>> BLOCK_SHIFT;
  for (let b = first >>> BLOCK_SHIFT; b <= last; b++) if (marks.marks[b] !== CHANGED) marks.touch(b);
}

/** Writes data[from..] to a run of n slots. */
export function copyRun<T extends TypedBlock>(
  blocks: readonly T[],
  data: T,
  from: number,
  n: number,
  first: number,
): void {
  for (let j = 0; j < n; ) {
    const at = (first + j) & BLOCK_MASK;
    const count = Math.min(n - j, BLOCK_ROWS - at);
    // Of one kind, which the type of `set` cannot say.
    const block = blocks[(first + j) >>> BLOCK_SHIFT] as Float64Array;
    block.set(data.subarray(from + j, from + j + count) as Float64Array, at);
    j += count;
  }
}

/** A column of typed-array blocks. */
abstract class Blocks<T extends TypedBlock> implements BlockColumn {
  readonly blocks: T[];
  protected readonly writable: (T | undefined)[] = [];
  protected readonly marks: BlockMarks;

  constructor(marks: BlockMarks) {
    this.marks = marks;
    this.blocks = blockList((b) => marks.fetch(b));
  }

  protected abstract make(rows: number, old: T | undefined): T;
  protected abstract view(bytes: Bytes): T;

  /** The slot's block is about to be written to, in all columns that share its marks. */
  touch(slot: number): void {
    const b = slot >>> BLOCK_SHIFT;
    if (this.marks.marks[b] !== CHANGED) this.marks.touch(b);
  }

  /** Block b, marked. */
  protected unlock(b: number): T {
    this.marks.touch(b);
    const block = this.blocks[b] as T;
    this.writable[b] = block;
    return block;
  }

  lock(b: number): void {
    this.writable[b] = undefined;
  }

  release(b: number): void {
    makeHole(this.blocks, b);
    while (this.writable.length < b) this.writable.push(undefined);
    this.writable[b] = undefined;
  }

  part(b: number): BlockPart {
    return this.blocks[b] as T;
  }

  adopt(b: number, bytes: Bytes): void {
    this.blocks[b] = this.view(bytes);
    this.writable[b] = undefined;
  }

  grow(capacity: number): void {
    if (capacity <= BLOCK_ROWS) {
      this.blocks[0] = this.make(capacity, this.blocks[0]);
      this.writable[0] = undefined;
      return;
    }
    while (this.blocks.length << BLOCK_SHIFT < capacity) {
      this.blocks.push(this.make(BLOCK_ROWS, undefined));
      this.writable.push(undefined);
    }
  }

  /** Of the blocks that are in memory. */
  bytes(): number {
    return sumPresent(this.blocks, (block) => block.byteLength);
  }

  clear(): void {
    this.blocks.length = 0;
    this.writable.length = 0;
  }
}

export class ByteBlocks extends Blocks<Uint8Array> {
  protected make(rows: number, old: Uint8Array | undefined): Uint8Array {
    const block = new Uint8Array(rows);
    if (old !== undefined) block.set(old);
    return block;
  }

  protected view(bytes: Bytes): Uint8Array {
    return bytes;
  }

  get(slot: number): number {
    return (this.blocks[slot >>> BLOCK_SHIFT] as Uint8Array)[slot & BLOCK_MASK] as number;
  }

  set(slot: number, value: number): void {
    const b = slot >>> BLOCK_SHIFT;
    (this.writable[b] ?? this.unlock(b))[slot & BLOCK_MASK] = value;
  }
}

export class Int32Blocks extends Blocks<Int32Array> {
  protected make(rows: number, old: Int32Array | undefined): Int32Array {
    const block = new Int32Array(rows);
    if (old !== undefined) block.set(old);
    return block;
  }

  protected view(bytes: Bytes): Int32Array {
    return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2);
  }

  get(slot: number): number {
    return (this.blocks[slot >>> BLOCK_SHIFT] as Int32Array)[slot & BLOCK_MASK] as number;
  }

  set(slot: number, value: number): void {
    const b = slot >>> BLOCK_SHIFT;
    (this.writable[b] ?? this.unlock(b))[slot & BLOCK_MASK] = value;
  }

  /** Entry of slots[j] = values[j]. */
  setAll(slots: Int32Array, values: Int32Array, n: number): void {
    if (isRun(slots, n)) {
      const first = slots[0] as number;
      touchRun(this.marks, first, n);
      copyRun(this.blocks, values, 0, n, first);
    } else for (let j = 0; j < n; j++) this.set(slots[j] as number, values[j] as number);
  }
}

export class Float64Blocks extends Blocks<Float64Array> {
  protected make(rows: number, old: Float64Array | undefined): Float64Array {
    const block = new Float64Array(rows);
    if (old !== undefined) block.set(old);
    return block;
  }

  protected view(bytes: Bytes): Float64Array {
    return new Float64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 3);
  }

  get(slot: number): number {
    return (this.blocks[slot >>> BLOCK_SHIFT] as Float64Array)[slot & BLOCK_MASK] as number;
  }

  set(slot: number, value: number): void {
    const b = slot >>> BLOCK_SHIFT;
    (this.writable[b] ?? this.unlock(b))[slot & BLOCK_MASK] = value;
  }
}

/** `words` are the same blocks as 32-bit halves, for copying without making bigints. */
export class BigInt64Blocks extends Blocks<BigInt64Array> {
  readonly words: Int32Array[];

  constructor(marks: BlockMarks) {
    super(marks);
    this.words = blockList((b) => marks.fetch(b));
  }

  protected make(rows: number, old: BigInt64Array | undefined): BigInt64Array {
    const block = new BigInt64Array(rows);
    if (old !== undefined) block.set(old);
    return block;
  }

  protected view(bytes: Bytes): BigInt64Array {
    return new BigInt64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 3);
  }

  override release(b: number): void {
    super.release(b);
    makeHole(this.words, b);
  }

  override adopt(b: number, bytes: Bytes): void {
    super.adopt(b, bytes);
    this.words[b] = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2);
  }

  get(slot: number): bigint {
    return (this.blocks[slot >>> BLOCK_SHIFT] as BigInt64Array)[slot & BLOCK_MASK] as bigint;
  }

  set(slot: number, value: bigint): void {
    const b = slot >>> BLOCK_SHIFT;
    (this.writable[b] ?? this.unlock(b))[slot & BLOCK_MASK] = value;
  }

  override grow(capacity: number): void {
    super.grow(capacity);
    const first = this.blocks[0];
    if (capacity <= BLOCK_ROWS && first !== undefined) this.words[0] = new Int32Array(first.buffer);
    for (let b = this.words.length; b < this.blocks.length; b++) {
      this.words.push(new Int32Array((this.blocks[b] as BigInt64Array).buffer));
    }
  }

  override clear(): void {
    super.clear();
    this.words.length = 0;
  }
}

/** What an entry with what it refers to is taken to be when memory is scarce. */
const BOXED_BYTES = 64;

/** JavaScript values by slot, for accumulators that have no fixed-width form. Costs heap: not for rows. */
export class BoxedBlocks implements BlockColumn {
  readonly blocks: unknown[][];
  readonly #marks: BlockMarks;
  readonly #codec: StateCodec;

  constructor(marks: BlockMarks, codec: StateCodec) {
    this.blocks = blockList((b) => marks.fetch(b));
    this.#marks = marks;
    this.#codec = codec;
  }

  /** The slot's block is about to be written to, or an object in it to be changed in place. */
  touch(slot: number): void {
    const b = slot >>> BLOCK_SHIFT;
    if (this.#marks.marks[b] !== CHANGED) this.#marks.touch(b);
  }

  get(slot: number): unknown {
    return this.blocks[slot >>> BLOCK_SHIFT]?.[slot & BLOCK_MASK];
  }

  set(slot: number, value: unknown): void {
    this.touch(slot);
    (this.blocks[slot >>> BLOCK_SHIFT] as unknown[])[slot & BLOCK_MASK] = value;
  }

  part(b: number): BlockPart {
    const block = this.blocks[b] as unknown[];
    return { encode: () => this.#encode(block), bytes: block.length * BOXED_BYTES };
  }

  release(b: number): void {
    makeHole(this.blocks, b);
  }

  /** Number of entries, then for each 0 (null) or 1 and its encoding. */
  #encode(block: readonly unknown[]): Uint8Array {
    const out = new ByteWriter(4096);
    out.varint(block.length);
    for (const value of block) {
      if (value === null) {
        out.uint8(0);
        continue;
      }
      out.uint8(1);
      this.#codec.encode(value, out);
    }
    return out.bytes();
  }

  adopt(b: number, bytes: Bytes): void {
    const input = new ByteReader(bytes);
    const block = new Array<unknown>(input.varint()).fill(null);
    for (let i = 0; i < block.length; i++) if (input.uint8() === 1) block[i] = this.#codec.decode(input);
    this.blocks[b] = block;
  }

  grow(capacity: number): void {
    if (capacity <= BLOCK_ROWS) {
      const block = new Array<unknown>(capacity).fill(null);
      const old = this.blocks[0] ?? [];
      for (let i = 0; i < old.length; i++) block[i] = old[i];
      this.blocks[0] = block;
      return;
    }
    while (this.blocks.length << BLOCK_SHIFT < capacity)
      this.blocks.push(new Array<unknown>(BLOCK_ROWS).fill(null));
  }

  lock(): void {}

  /** An estimate: 8 bytes an entry and nothing for what the entries refer to. */
  bytes(): number {
    return sumPresent(this.blocks, (block) => block.length * 8);
  }

  clear(): void {
    this.blocks.length = 0;
  }
}

export type ExtraBlocks = ByteBlocks | Int32Blocks | Float64Blocks | BigInt64Blocks | BoxedBlocks;

/** Which slots of a null column's block may be NULL: blocks without any share this one, which is never written. */
const NO_NULLS = new Uint8Array(BLOCK_ROWS);
/** How such a block is saved. */
const NOTHING = new Uint8Array(0);

/** Null bytes of a column; a block of 8192 rows costs memory only once a NULL is stored in it. */
export class NullBlocks implements BlockColumn {
  readonly blocks: Uint8Array[];
  /** False until the first NULL comes: readers may then skip the null bytes altogether. */
  any = false;

  constructor(marks: BlockMarks) {
    this.blocks = blockList((b) => marks.fetch(b));
  }

  grow(capacity: number): void {
    if (capacity <= BLOCK_ROWS) {
      const first = this.blocks[0];
      if (first === undefined) this.blocks[0] = NO_NULLS;
      else if (first !== NO_NULLS) {
        const block = new Uint8Array(capacity);
        block.set(first);
        this.blocks[0] = block;
      }
      return;
    }
    while (this.blocks.length << BLOCK_SHIFT < capacity) this.blocks.push(NO_NULLS);
  }

  part(b: number): BlockPart {
    const block = this.blocks[b] as Uint8Array;
    return block === NO_NULLS ? NOTHING : block;
  }

  adopt(b: number, bytes: Bytes): void {
    this.blocks[b] = bytes.length === 0 ? NO_NULLS : bytes;
    if (bytes.length > 0) this.any = true;
  }

  lock(): void {}

  release(b: number): void {
    makeHole(this.blocks, b);
  }

  isNull(slot: number): boolean {
    return this.any && (this.blocks[slot >>> BLOCK_SHIFT] as Uint8Array)[slot & BLOCK_MASK] === 1;
  }

  /** `capacity` is the store's, for the size of a first block, which the caller has touched. */
  set(slot: number, isNull: boolean, capacity: number): void {
    const b = slot >>> BLOCK_SHIFT;
    const block = this.blocks[b] as Uint8Array;
    if (block !== NO_NULLS) block[slot & BLOCK_MASK] = isNull ? 1 : 0;
    else if (isNull) {
      const own = new Uint8Array(Math.min(capacity, BLOCK_ROWS));
      own[slot & BLOCK_MASK] = 1;
      this.blocks[b] = own;
      this.any = true;
    }
  }

  bytes(): number {
    return sumPresent(this.blocks, (block) => (block === NO_NULLS ? 0 : block.byteLength));
  }

  clear(): void {
    this.blocks.length = 0;
    this.any = false;
  }
}
