/**
 * Nodes of the counted B+-tree, in Int32Array blocks of 64 nodes.
 *
 * A node is a header (number of entries, next and previous leaf + 1) and parallel arrays: items (leaf: slots; inner:
 * children), counts (leaf: weight of the slot; inner: sum below), and in inner nodes firsts (first slot below).
 * Checkpoints save these blocks; methods that write touch the node's before.
 */
import { must } from '../../common/assert.ts';
import { blockList, makeHole, sumPresent } from './blockList.ts';
import {
  BlockMarks,
  type BlockOwner,
  type BlockPart,
  type Persistent,
  type StateReader,
  type StateWriter,
} from './persist.ts';

export const FANOUT = 64;
const HEADER = 4;
const ITEMS = HEADER;
const COUNTS = ITEMS + FANOUT;
const FIRSTS = COUNTS + FANOUT;
const BLOCK_SHIFT = 6;
const BLOCK_NODES = 1 << BLOCK_SHIFT;

/** What is saved beside the blocks. */
interface NodePoolImage {
  readonly end: number;
  readonly capacity: number;
  readonly free: Int32Array;
}

export class NodePool implements BlockOwner, Persistent {
  readonly blocks: Int32Array[] = blockList((b) => this.#marks.fetch(b));
  readonly #words: number;
  readonly #inner: boolean;
  #end = 0;
  #capacity = 0;
  #free: number[] = [];
  readonly #marks = new BlockMarks(this);
  /** Blocks that are marked as changed. */
  #writable: (Int32Array | undefined)[] = [];

  constructor(inner: boolean) {
    this.#inner = inner;
    this.#words = inner ? FIRSTS + FANOUT : FIRSTS;
  }

  bytes(): number {
    return sumPresent(this.blocks, (block) => block.byteLength);
  }

  clear(): void {
    this.#marks.drop();
    this.#writable = [];
    this.blocks.length = 0;
    this.#end = 0;
    this.#capacity = 0;
    this.#free = [];
  }

  alloc(): number {
    const free = this.#free.pop();
    const id = free ?? this.#end++;
    if (id >= this.#capacity) this.#grow();
    const block = this.#own(id);
    const base = this.base(id);
    block[base] = 0;
    block[base + 1] = 0;
    block[base + 2] = 0;
    return id;
  }

  free(id: number): void {
    this.#free.push(id);
  }

  /** The first block starts with one node and doubles. */
  #grow(): void {
    if (this.#capacity >= BLOCK_NODES) {
      this.blocks.push(new Int32Array(BLOCK_NODES * this.#words));
      this.#capacity += BLOCK_NODES;
      return;
    }
    if (this.#capacity > 0) this.#marks.touch(0);
    this.#capacity = this.#capacity === 0 ? 1 : this.#capacity << 1;
    const block = new Int32Array(this.#capacity * this.#words);
    const old = this.blocks[0];
    if (old !== undefined) block.set(old);
    this.blocks[0] = block;
    this.#writable[0] = undefined;
  }

  /** The block of a node that is about to be written to, marked. */
  #own(id: number): Int32Array {
    const b = id >>> BLOCK_SHIFT;
    return this.#writable[b] ?? this.#unlock(b);
  }

  #unlock(b: number): Int32Array {
    this.#marks.touch(b);
    const block = this.blocks[b] as Int32Array;
    this.#writable[b] = block;
    return block;
  }

  lockBlock(b: number): void {
    this.#writable[b] = undefined;
  }

  save(out: StateWriter): void {
    const image: NodePoolImage = {
      end: this.#end,
      capacity: this.#capacity,
      free: Int32Array.from(this.#free),
    };
    out.value(image);
    out.blocks(this.#marks);
  }

  restore(from: StateReader): void {
    const { end, capacity, free } = from.value() as NodePoolImage;
    this.#end = end;
    this.#capacity = capacity;
    this.#free = [...free];
    from.blocks(this.#marks);
  }

  blockCount(): number {
    return this.blocks.length;
  }

  blockParts(b: number): readonly BlockPart[] {
    return [must(this.blocks[b])];
  }

  adoptBlock(b: number, parts: readonly Uint8Array<ArrayBuffer>[]): void {
    const { buffer, byteOffset, byteLength } = must(parts[0]);
    this.blocks[b] = new Int32Array(buffer, byteOffset, byteLength >>> 2);
    this.#writable[b] = undefined;
  }

  releaseBlock(b: number): void {
    makeHole(this.blocks, b);
    while (this.#writable.length < b) this.#writable.push(undefined);
    this.#writable[b] = undefined;
  }

  block(id: number): Int32Array {
    return this.blocks[id >>> BLOCK_SHIFT] as Int32Array;
  }

  base(id: number): number {
    return (id & (BLOCK_NODES - 1)) * this.#words;
  }

  size(id: number): number {
    return this.block(id)[this.base(id)] as number;
  }

  /** Neighbour leaf or -1. */
  next(id: number): number {
    return (this.block(id)[this.base(id) + 1] as number) - 1;
  }

  previous(id: number): number {
    return (this.block(id)[this.base(id) + 2] as number) - 1;
  }

  /** Makes `b` the leaf after `a` (either may be -1). */
  link(a: number, b: number): void {
    if (a >= 0) this.#own(a)[this.base(a) + 1] = b + 1;
    if (b >= 0) this.#own(b)[this.base(b) + 2] = a + 1;
  }

  item(id: number, at: number): number {
    return this.block(id)[this.base(id) + ITEMS + at] as number;
  }

  count(id: number, at: number): number {
    return this.block(id)[this.base(id) + COUNTS + at] as number;
  }

  addCount(id: number, at: number, delta: number): void {
    const block = this.#own(id);
    const i = this.base(id) + COUNTS + at;
    block[i] = (block[i] as number) + delta;
  }

  setCount(id: number, at: number, count: number): void {
    this.#own(id)[this.base(id) + COUNTS + at] = count;
  }

  /** First slot of entry `at`. */
  first(id: number, at: number): number {
    return this.block(id)[this.base(id) + (this.#inner ? FIRSTS : ITEMS) + at] as number;
  }

  setFirst(id: number, at: number, slot: number): void {
    this.#own(id)[this.base(id) + FIRSTS + at] = slot;
  }

  /** Sum of the counts of entries below `to`. */
  sum(id: number, to: number): number {
    const block = this.block(id);
    const base = this.base(id) + COUNTS;
    let sum = 0;
    for (let i = 0; i < to; i++) sum += block[base + i] as number;
    return sum;
  }

  insertAt(id: number, at: number, item: number, count: number, first: number): void {
    const block = this.#own(id);
    const base = this.base(id);
    const n = block[base] as number;
    this.#shift(block, base + ITEMS, at, n, item);
    this.#shift(block, base + COUNTS, at, n, count);
    if (this.#inner) this.#shift(block, base + FIRSTS, at, n, first);
    block[base] = n + 1;
  }

  #shift(block: Int32Array, base: number, at: number, n: number, value: number): void {
    for (let i = base + n; i > base + at; i--) block[i] = block[i - 1] as number;
    block[base + at] = value;
  }

  removeAt(id: number, at: number): void {
    const block = this.#own(id);
    const base = this.base(id);
    const n = block[base] as number;
    block.copyWithin(base + ITEMS + at, base + ITEMS + at + 1, base + ITEMS + n);
    block.copyWithin(base + COUNTS + at, base + COUNTS + at + 1, base + COUNTS + n);
    if (this.#inner) block.copyWithin(base + FIRSTS + at, base + FIRSTS + at + 1, base + FIRSTS + n);
    block[base] = n - 1;
  }

  /** Moves the entries from `at` on to the end of node `to`. */
  moveTail(id: number, at: number, to: number): void {
    const from = this.#own(id);
    const base = this.base(id);
    const n = from[base] as number;
    const target = this.#own(to);
    const targetBase = this.base(to);
    const m = target[targetBase] as number;
    const arrays = this.#inner ? [ITEMS, COUNTS, FIRSTS] : [ITEMS, COUNTS];
    for (const offset of arrays) {
      for (let i = at; i < n; i++)
        target[targetBase + offset + m + i - at] = from[base + offset + i] as number;
    }
    from[base] = at;
    target[targetBase] = m + n - at;
  }
}
