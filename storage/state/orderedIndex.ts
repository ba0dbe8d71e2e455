/**
 * Ordered index: a counted B+-tree over the slots of a row store (order statistics).
 *
 * Every entry has a count (a row's weight, default 1) and every inner entry the sum below it, so that the rank of a
 * slot, the slot at a position and the weight of a range take O(log n) comparisons. The leaves are linked both ways.
 * The tree never looks at a row after its removal: the separators in inner nodes are slots that are present.
 * Invariant: entries are in RowOrder.compare order; no node but the root is empty; a small node is merged with its
 * neighbour when both fit. The rows' ordering columns must not change while they are in the tree.
 */
import { assert } from '../../common/assert.ts';
import type { Value } from '../../common/value.ts';
import type { Persistent, StateReader, StateWriter } from './persist.ts';
import type { SlotOrder } from './rowOrder.ts';
import { FANOUT, NodePool } from './treeNodes.ts';

const MERGE_BELOW = FANOUT >> 2;
const MERGE_TO = FANOUT - (FANOUT >> 2);
/** FANOUT / 4 to the power of this is far above 2^31. */
const MAX_HEIGHT = 10;

/** A place in the tree; any change of the tree invalidates it. */
export class OrderedCursor {
  readonly #leaves: NodePool;
  #leaf = -1;
  #at = 0;
  /** The slot here, -1 beyond either end. */
  slot = -1;
  /** Its count. */
  count = 0;

  constructor(leaves: NodePool) {
    this.#leaves = leaves;
  }

  /** Goes to an entry of a leaf; one before the first or after the last means the neighbour's. */
  set(leaf: number, at: number): this {
    this.#leaf = leaf;
    this.#at = at;
    if (leaf >= 0 && at >= this.#leaves.size(leaf)) {
      this.#leaf = this.#leaves.next(leaf);
      this.#at = 0;
    } else if (leaf >= 0 && at < 0) {
      this.#leaf = this.#leaves.previous(leaf);
      this.#at = this.#leaf < 0 ? 0 : this.#leaves.size(this.#leaf) - 1;
    }
    this.slot = this.#leaf < 0 ? -1 : this.#leaves.item(this.#leaf, this.#at);
    this.count = this.#leaf < 0 ? 0 : this.#leaves.count(this.#leaf, this.#at);
    return this;
  }

  /** Moves on; false beyond the end. */
  next(): boolean {
    this.set(this.#leaf, this.#at + 1);
    return this.slot >= 0;
  }

  /** Moves back; false beyond the beginning. */
  previous(): boolean {
    this.set(this.#leaf, this.#at - 1);
    return this.slot >= 0;
  }
}

/** What is saved beside the nodes. */
interface OrderedIndexImage {
  readonly height: number;
  readonly root: number;
  readonly entries: number;
  readonly total: number;
}

export class OrderedIndex implements Persistent {
  readonly order: SlotOrder;
  readonly #leaves = new NodePool(false);
  readonly #inners = new NodePool(true);
  /** Inner levels above the leaves. */
  #height = 0;
  #root = -1;
  #entries = 0;
  #total = 0;
  /** The last descent: node and entry at each inner level (0: just above the leaves), and the leaf. */
  readonly #pathNode = new Int32Array(MAX_HEIGHT);
  readonly #pathAt = new Int32Array(MAX_HEIGHT);
  #leaf = -1;

  constructor(order: SlotOrder) {
    this.order = order;
  }

  /** Number of slots. */
  entries(): number {
    return this.#entries;
  }

  /** Sum of all counts. */
  total(): number {
    return this.#total;
  }

  bytes(): number {
    return this.#leaves.bytes() + this.#inners.bytes();
  }

  clear(): void {
    this.#leaves.clear();
    this.#inners.clear();
    this.#height = 0;
    this.#root = -1;
    this.#entries = 0;
    this.#total = 0;
  }

  save(out: StateWriter): void {
    const image: OrderedIndexImage = {
      height: this.#height,
      root: this.#root,
      entries: this.#entries,
      total: this.#total,
    };
    out.value(image);
    this.#leaves.save(out);
    this.#inners.save(out);
  }

  restore(from: StateReader): void {
    const { height, root, entries, total } = from.value() as OrderedIndexImage;
    this.#height = height;
    this.#root = root;
    this.#entries = entries;
    this.#total = total;
    this.#leaves.restore(from);
    this.#inners.restore(from);
  }

  /** Adds a slot, whose row must be stored. */
  insert(slot: number, count = 1): void {
    this.#entries++;
    this.#total += count;
    if (this.#root < 0) {
      this.#root = this.#leaves.alloc();
      this.#leaves.insertAt(this.#root, 0, slot, count, slot);
      return;
    }
    this.#descend(slot);
    const leaf = this.#leaf;
    const at = this.#lowerBoundIn(leaf, slot);
    if (this.#leaves.size(leaf) < FANOUT) {
      this.#leaves.insertAt(leaf, at, slot, count, slot);
      this.#addToPath(count);
      if (at === 0) this.#repairFirsts();
      return;
    }
    this.#splitLeaf(leaf, at, slot, count);
  }

  /** Changes a slot's count by `delta`; the slot must be present. */
  addCount(slot: number, delta: number): void {
    const at = this.#locate(slot);
    this.#leaves.addCount(this.#leaf, at, delta);
    this.#addToPath(delta);
    this.#total += delta;
  }

  /** Takes a slot out; it must be present and its row still stored. */
  remove(slot: number): void {
    const at = this.#locate(slot);
    const count = this.#leaves.count(this.#leaf, at);
    this.#leaves.removeAt(this.#leaf, at);
    this.#entries--;
    this.#total -= count;
    this.#addToPath(-count);
    if (this.#entries === 0) {
      this.clear();
      return;
    }
    const size = this.#leaves.size(this.#leaf);
    if (size === 0) this.#dropLeaf();
    else {
      if (at === 0) this.#repairFirsts();
      if (size < MERGE_BELOW) this.#merge(0);
    }
  }

  /** True when the slot is in the tree. */
  has(slot: number): boolean {
    if (this.#root < 0) return false;
    this.#descend(slot);
    const at = this.#lowerBoundIn(this.#leaf, slot);
    return at < this.#leaves.size(this.#leaf) && this.#leaves.item(this.#leaf, at) === slot;
  }

  /** Sum of the counts of the slots before this one, which must be present. */
  rank(slot: number): number {
    const at = this.#locate(slot);
    let sum = this.#leaves.sum(this.#leaf, at);
    for (let level = 0; level < this.#height; level++) {
      sum += this.#inners.sum(this.#pathNode[level] as number, this.#pathAt[level] as number);
    }
    return sum;
  }

  /** Sum of the counts of rows before every row whose leading keys are `values` (or would be there). */
  rankLower(values: readonly Value[]): number {
    return this.#rankOf(values, false);
  }

  /** Sum of the counts of rows up to and with those whose leading keys are `values`. */
  rankUpper(values: readonly Value[]): number {
    return this.#rankOf(values, true);
  }

  cursor(): OrderedCursor {
    return new OrderedCursor(this.#leaves);
  }

  /** Goes to the first entry. */
  seekFirst(cursor: OrderedCursor): OrderedCursor {
    if (this.#root < 0) return cursor.set(-1, 0);
    let node = this.#root;
    for (let level = this.#height; level > 0; level--) node = this.#inners.item(node, 0);
    return cursor.set(node, 0);
  }

  /** Goes to the last entry. */
  seekLast(cursor: OrderedCursor): OrderedCursor {
    if (this.#root < 0) return cursor.set(-1, 0);
    let node = this.#root;
    for (let level = this.#height; level > 0; level--)
      node = this.#inners.item(node, this.#inners.size(node) - 1);
    return cursor.set(node, this.#leaves.size(node) - 1);
  }

  /** Goes to a slot, which must be present. */
  seekSlot(cursor: OrderedCursor, slot: number): OrderedCursor {
    const at = this.#locate(slot);
    return cursor.set(this.#leaf, at);
  }

  /** Goes to the first row at or after leading keys `values`. */
  seekLower(cursor: OrderedCursor, values: readonly Value[]): OrderedCursor {
    return this.#seek(cursor, values, false);
  }

  /** Goes to the first row after those with leading keys `values`. */
  seekUpper(cursor: OrderedCursor, values: readonly Value[]): OrderedCursor {
    return this.#seek(cursor, values, true);
  }

  /**
   * Goes to the entry that covers a position (0-based, by counts). Returns the position of the entry's first unit;
   * beyond the end the cursor's slot is -1 and the total is returned. Counts must not be negative.
   */
  seekPosition(cursor: OrderedCursor, position: number): number {
    if (this.#root < 0 || position >= this.#total) {
      cursor.set(-1, 0);
      return this.#total;
    }
    let node = this.#root;
    let before = 0;
    for (let level = this.#height; level > 0; level--) {
      let at = 0;
      while (before + this.#inners.count(node, at) <= position) before += this.#inners.count(node, at++);
      node = this.#inners.item(node, at);
    }
    let at = 0;
    while (before + this.#leaves.count(node, at) <= position) before += this.#leaves.count(node, at++);
    cursor.set(node, at);
    return before;
  }

  #seek(cursor: OrderedCursor, values: readonly Value[], after: boolean): OrderedCursor {
    if (this.#root < 0) return cursor.set(-1, 0);
    let node = this.#root;
    for (let level = this.#height; level > 0; level--) {
      const at = this.#boundIn(this.#inners, node, values, after);
      node = this.#inners.item(node, at === 0 ? 0 : at - 1);
    }
    return cursor.set(node, this.#boundIn(this.#leaves, node, values, after));
  }

  #rankOf(values: readonly Value[], after: boolean): number {
    if (this.#root < 0) return 0;
    let node = this.#root;
    let sum = 0;
    for (let level = this.#height; level > 0; level--) {
      const bound = this.#boundIn(this.#inners, node, values, after);
      const at = bound === 0 ? 0 : bound - 1;
      sum += this.#inners.sum(node, at);
      node = this.#inners.item(node, at);
    }
    return sum + this.#leaves.sum(node, this.#boundIn(this.#leaves, node, values, after));
  }

  /** Number of entries whose first slot is below `values` (with `after`: below or equal). */
  #boundIn(pool: NodePool, node: number, values: readonly Value[], after: boolean): number {
    let low = 0;
    let high = pool.size(node);
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = this.order.comparePrefix(pool.first(node, middle), values);
      if (order < 0 || (after && order === 0)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Number of entries of a leaf before `slot`. */
  #lowerBoundIn(leaf: number, slot: number): number {
    const compare = this.order.compare;
    let low = 0;
    let high = this.#leaves.size(leaf);
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(this.#leaves.item(leaf, middle), slot) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #descend(slot: number): void {
    const compare = this.order.compare;
    let node = this.#root;
    for (let level = this.#height - 1; level >= 0; level--) {
      let low = 1;
      let high = this.#inners.size(node);
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (compare(this.#inners.first(node, middle), slot) <= 0) low = middle + 1;
        else high = middle;
      }
      this.#pathNode[level] = node;
      this.#pathAt[level] = low - 1;
      node = this.#inners.item(node, low - 1);
    }
    this.#leaf = node;
  }

  /** Descends to a slot that must be present; returns its place in the leaf. */
  #locate(slot: number): number {
    assert(this.#root >= 0, 'slot must be in the ordered index');
    this.#descend(slot);
    const at = this.#lowerBoundIn(this.#leaf, slot);
    assert(this.#leaves.item(this.#leaf, at) === slot, 'slot must be in the ordered index');
    return at;
  }

  #addToPath(delta: number): void {
    for (let level = 0; level < this.#height; level++) {
      this.#inners.addCount(this.#pathNode[level] as number, this.#pathAt[level] as number, delta);
    }
  }

  /** The leaf of the path has a new first slot: its separators follow. */
  #repairFirsts(): void {
    const first = this.#leaves.item(this.#leaf, 0);
    for (let level = 0; level < this.#height; level++) {
      this.#inners.setFirst(this.#pathNode[level] as number, this.#pathAt[level] as number, first);
      if (this.#pathAt[level] !== 0) return;
    }
  }

  #splitLeaf(leaf: number, at: number, slot: number, count: number): void {
    const leaves = this.#leaves;
    const right = leaves.alloc();
    const following = leaves.next(leaf);
    // Rows that come in order leave full leaves behind.
    const middle = at === FANOUT && following < 0 ? FANOUT : FANOUT >> 1;
    leaves.moveTail(leaf, middle, right);
    leaves.link(leaf, right);
    leaves.link(right, following);
    if (at < middle || (at === middle && middle !== FANOUT)) leaves.insertAt(leaf, at, slot, count, slot);
    else leaves.insertAt(right, at - middle, slot, count, slot);
    this.#addToPath(count);
    if (at === 0) this.#repairFirsts();
    this.#addSibling(0, leaves.sum(right, leaves.size(right)), leaves.item(right, 0), right);
  }

  /** A child of the path at `level` was split: its right part becomes the entry after it. */
  #addSibling(level: number, count: number, first: number, right: number): void {
    const inners = this.#inners;
    if (level === this.#height) {
      const left = this.#root;
      const root = inners.alloc();
      const leftFirst = level === 0 ? this.#leaves.item(left, 0) : inners.first(left, 0);
      inners.insertAt(root, 0, left, this.#total - count, leftFirst);
      inners.insertAt(root, 1, right, count, first);
      this.#root = root;
      this.#height++;
      return;
    }
    const node = this.#pathNode[level] as number;
    const at = this.#pathAt[level] as number;
    inners.addCount(node, at, -count);
    if (inners.size(node) < FANOUT) {
      inners.insertAt(node, at + 1, right, count, first);
      return;
    }
    const sibling = inners.alloc();
    const middle = at + 1 === FANOUT ? FANOUT : FANOUT >> 1;
    inners.moveTail(node, middle, sibling);
    if (at + 1 <= middle && middle !== FANOUT) inners.insertAt(node, at + 1, right, count, first);
    else inners.insertAt(sibling, at + 1 - middle, right, count, first);
    this.#addSibling(level + 1, inners.sum(sibling, inners.size(sibling)), inners.first(sibling, 0), sibling);
  }

  /** The leaf of the path is empty. */
  #dropLeaf(): void {
    const leaf = this.#leaf;
    this.#leaves.link(this.#leaves.previous(leaf), this.#leaves.next(leaf));
    this.#leaves.free(leaf);
    this.#removeChild(0);
  }

  /** Takes the path's entry at `level` out of its node, whose child is gone. */
  #removeChild(level: number): void {
    const inners = this.#inners;
    const node = this.#pathNode[level] as number;
    const at = this.#pathAt[level] as number;
    inners.removeAt(node, at);
    const size = inners.size(node);
    if (size === 0) {
      inners.free(node);
      this.#removeChild(level + 1);
      return;
    }
    if (at === 0) this.#repairAbove(level, inners.first(node, 0));
    if (level === this.#height - 1) this.#lowerRoot();
    else if (size < MERGE_BELOW) this.#merge(level + 1);
  }

  /** The node of the path at `level` has a new first slot. */
  #repairAbove(level: number, first: number): void {
    for (let up = level + 1; up < this.#height; up++) {
      this.#inners.setFirst(this.#pathNode[up] as number, this.#pathAt[up] as number, first);
      if (this.#pathAt[up] !== 0) return;
    }
  }

  #lowerRoot(): void {
    while (this.#height > 0 && this.#inners.size(this.#root) === 1) {
      const child = this.#inners.item(this.#root, 0);
      this.#inners.free(this.#root);
      this.#root = child;
      this.#height--;
    }
  }

  /** Joins the path's child at `level` with a neighbour under the same node when both fit in one. */
  #merge(level: number): void {
    if (level >= this.#height) return;
    const inners = this.#inners;
    const node = this.#pathNode[level] as number;
    const pool = level === 0 ? this.#leaves : inners;
    let at = this.#pathAt[level] as number;
    if (at + 1 >= inners.size(node)) at--;
    if (at < 0) return;
    const left = inners.item(node, at);
    const right = inners.item(node, at + 1);
    if (pool.size(left) + pool.size(right) > MERGE_TO) return;
    pool.moveTail(right, 0, left);
    if (level === 0) pool.link(left, pool.next(right));
    pool.free(right);
    inners.addCount(node, at, inners.count(node, at + 1));
    this.#pathAt[level] = at + 1;
    this.#removeChild(level);
  }
}
