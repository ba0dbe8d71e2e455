/**
 * Relation store: the rows of a table or materialised view, with their weights, a hash index on the key (or on the
 * whole row where there is no key) and ordered secondary indexes.
 *
 * A tick applies deltas row by row to the weights and notes which rows it touched; `commit` emits their net changes,
 * brings secondary indexes up to date and frees rows that went. Between ticks every stored row has a positive weight,
 * and with a key no two rows share one. Within a tick an update's two rows are both present, so key look-ups are for
 * between ticks only (but `findCurrentRow`).
 * An append-only relation takes its rows as they come: without a look-up, without an index where there is no key, and
 * with nothing to do at `commit`; its net changes are the deltas themselves.
 * A reader may go through the rows while they change (`follow`).
 */
import { assert, must } from '../../common/assert.ts';
import type { DataType } from '../../common/dataType.ts';
import type { Row, Value } from '../../common/value.ts';
import { KeyIndex, Scratch } from './keyIndex.ts';
import { NetWeights } from './netWeights.ts';
import type { Persistent, StateReader, StateWriter } from './persist.ts';
import { RowStore } from './rowStore.ts';
import { type RangeBound, SecondaryIndex } from './secondaryIndex.ts';
import { SlotEmitter } from './slotEmitter.ts';
import { batchOfRows, type StateBatch, type StateVector } from './vector.ts';

export interface IndexDefinition {
  readonly id: number;
  readonly columns: readonly number[];
  readonly descending: readonly boolean[];
}

type EmitBatch = (batch: StateBatch) => void;

/**
 * Somebody who goes through the rows slot by slot while they change. Rows below `below` have been given to it, and so have
 * all changes of them; rows at or above it are given as they are when their turn comes. What it has been given is at every
 * moment the rows that are there now below `below`: a row stays in its slot from when it comes until it goes.
 */
export interface Follower {
  /** Infinity: it has been given everything. */
  below: number;
  readonly emit: EmitBatch;
}

/** An index that is being made while the rows change: it holds those at slots below `below`. Nobody reads it yet. */
export interface IndexFill {
  readonly id: number;
  readonly index: SecondaryIndex;
  below: number;
}

export class RelationStore implements Persistent {
  readonly types: readonly DataType[];
  readonly key: readonly number[] | null;
  readonly appendOnly: boolean;
  readonly #store: RowStore;
  readonly #weights: NetWeights;
  readonly #index: KeyIndex;
  readonly #keyColumns: readonly number[];
  readonly #changes: SlotEmitter;
  /** By index id; null: the key's, made when a range of it is first read. */
  readonly #secondary = new Map<number | null, SecondaryIndex>();
  readonly #hashes = new Scratch();
  readonly #found = new Scratch();
  readonly #differs = new Scratch();
  readonly #pendingRows = new Scratch();
  readonly #pendingSlots = new Scratch();
  readonly #indexFills = new Set<IndexFill>();
  readonly #followers = new Map<Follower, SlotEmitter>();

  /** `key`: columns that identify a row; null: rows are a bag. `appendOnly`: no weight is ever negative. */
  constructor(types: readonly DataType[], key: readonly number[] | null, appendOnly = false) {
    this.appendOnly = appendOnly;
    this.types = types;
    this.key = key;
    this.#store = new RowStore(types);
    this.#weights = new NetWeights(this.#store);
    this.#keyColumns = key ?? types.map((_, c) => c);
    this.#index = new KeyIndex(this.#store, this.#keyColumns, key === null ? 'same' : 'equal');
    this.#changes = new SlotEmitter(this.#store);
  }

  /** Stored rows (of a bag: different rows). */
  rowCount(): number {
    return this.#store.rows();
  }

  bytes(): number {
    let sum = this.#store.bytes() + this.#index.bytes() + this.#weights.bytes();
    for (const index of this.#secondary.values()) sum += index.bytes();
    return sum;
  }

  /** After `commit`. */
  save(out: StateWriter): void {
    this.#weights.save();
    this.#store.save(out);
    this.#index.save(out);
    out.value([...this.#secondary.keys()]);
    for (const index of this.#secondary.values()) index.save(out);
  }

  /** Its indexes, empty like itself, must have been added; that on the key is made where there was one. */
  restore(from: StateReader): void {
    this.#store.restore(from);
    this.#index.restore(from);
    const ids = from.value() as readonly (number | null)[];
    for (const id of ids) {
      const index = this.#secondary.get(id) ?? this.#addKeyOrder(id);
      index.restore(from);
    }
    assert(this.#secondary.size === ids.length, 'a relation has the indexes it was saved with');
  }

  /** Takes a delta of all columns within a tick. */
  apply(batch: StateBatch): void {
    if (this.appendOnly) this.#append(batch);
    else this.#change(batch);
  }

  #keyVectors(vectors: readonly StateVector[]): readonly StateVector[] {
    return this.key === null ? vectors : this.#keyColumns.map((k) => must(vectors[k]));
  }

  /** Append-only: every row is new, and in every index at once. */
  #append(batch: StateBatch): void {
    const n = batch.length;
    const slots = this.#found.ints(n);
    let least = 1;
    for (let j = 0; j < n; j++) least = Math.min(least, batch.weights[j] as number);
    assert(least > 0, 'append-only relation has a negative weight');
    this.#store.allocAll(n, slots);
    this.#weights.setAll(slots, batch.weights, n);
    this.#store.store(batch.columns, null, null, n, slots);
    if (this.key !== null) {
      const hashes = this.#hashes.ints(n);
      this.#index.hash(this.#keyVectors(batch.columns), n, hashes);
      for (let j = 0; j < n; j++) this.#index.insert(hashes[j] as number, slots[j] as number);
    }
    for (const index of this.#secondary.values()) {
      for (let j = 0; j < n; j++) index.insert(slots[j] as number);
    }
    for (const { index, below } of this.#indexFills) {
      for (let j = 0; j < n; j++) if ((slots[j] as number) < below) index.insert(slots[j] as number);
    }
    for (const [follower, out] of this.#followers) {
      for (let j = 0; j < n; j++) {
        const slot = slots[j] as number;
        if (slot < follower.below) out.add(slot, batch.weights[j] as number, follower.emit);
      }
      out.finish(follower.emit);
    }
  }

  #change(batch: StateBatch): void {
    const n = batch.length;
    const vectors = batch.columns;
    const keys = this.#keyVectors(vectors);
    const hashes = this.#hashes.ints(n);
    const found = this.#found.ints(n);
    this.#index.hash(keys, n, hashes);
    this.#index.find(keys, hashes, n, found);
    const differs = this.#differs.zeroBytes(n);
    if (this.key !== null) this.#store.differences(vectors, n, found, differs);
    this.#weights.prefetch(found, n);
    const pendingRows = this.#pendingRows.ints(n);
    const pendingSlots = this.#pendingSlots.ints(n);
    let pending = 0;
    for (let j = 0; j < n; j++) {
      const hash = hashes[j] as number;
      let slot = found[j] as number;
      if (slot < 0 || differs[j] === 1) {
        slot = this.#index.index.first(hash);
        if (slot >= 0) {
          // Rows of this batch under the same hash must be there to be compared with.
          if (pending > 0) this.#store.store(vectors, null, pendingRows, pending, pendingSlots);
          pending = 0;
          slot = this.#findRow(vectors, j, hash);
        }
      }
      if (slot < 0) {
        slot = this.#store.alloc();
        this.#weights.set(slot, 0);
        this.#index.insert(hash, slot);
        pendingRows[pending] = j;
        pendingSlots[pending++] = slot;
      }
      this.#weights.add(slot, batch.weights[j] as number);
    }
    if (pending > 0) this.#store.store(vectors, null, pendingRows, pending, pendingSlots);
  }

  #findRow(vectors: readonly StateVector[], j: number, hash: number): number {
    const { index } = this.#index;
    for (let slot = index.first(hash); slot >= 0; slot = index.next()) {
      if (this.#store.sameRow(vectors, j, slot)) return slot;
    }
    return -1;
  }

  /**
   * Ends the tick: emits the net changes, if to anyone, and makes them the state that readers see. Returns how many rows
   * changed. Of an append-only relation the deltas are the net changes, and nothing is emitted.
   */
  commit(emit: EmitBatch | null): number {
    try {
      for (const [follower, out] of this.#followers) this.#emitChanges(out, follower.emit, follower.below);
      return emit === null ? this.#changedRows() : this.#emitChanges(this.#changes, emit);
    } finally {
      this.#settle();
    }
  }

  /** Takes the running tick's changes back. Of an append-only relation they stay. */
  rollback(): void {
    const { before, now, length } = this.#weights;
    for (let t = 0; t < length; t++) now[t] = before[t] as number;
    this.#settle();
  }

  /**
   * Takes the rows of an index up to a bound out without a change: those who have been given them keep what they have. Of an
   * append-only relation, between ticks. Gives their number.
   */
  forget(index: number, upper: RangeBound): number {
    assert(this.appendOnly, 'rows are forgotten where none is ever deleted');
    const found: number[] = [];
    this.#secondaryOf(index).range([], null, upper, (slot) => found.push(slot));
    const slots = Int32Array.from(found);
    for (const slot of slots) {
      for (const secondary of this.#secondary.values()) secondary.remove(slot);
      for (const fill of this.#indexFills) if (slot < fill.below) fill.index.remove(slot);
    }
    if (this.key !== null) {
      const hashes = this.#hashes.ints(slots.length);
      this.#index.hashSlots(slots, slots.length, hashes);
      slots.forEach((slot, j) => {
        this.#index.remove(hashes[j] as number, slot);
      });
    }
    for (const slot of slots) {
      this.#weights.set(slot, 0);
      this.#store.free(slot);
    }
    return slots.length;
  }

  #changedRows(): number {
    const { before, now, length } = this.#weights;
    let changed = 0;
    for (let t = 0; t < length; t++) if (now[t] !== before[t]) changed++;
    return changed;
  }

  #emitChanges(out: SlotEmitter, emit: EmitBatch, below = Number.POSITIVE_INFINITY): number {
    const { slots, before, now, length } = this.#weights;
    let changed = 0;
    // Removals first: consumers that keep one row per key never hold two.
    for (const sign of [-1, 1]) {
      for (let t = 0; t < length; t++) {
        const delta = (now[t] as number) - (before[t] as number);
        const slot = slots[t] as number;
        if (delta * sign <= 0 || slot >= below) continue;
        out.add(slot, delta, emit);
        changed++;
      }
    }
    out.finish(emit);
    return changed;
  }

  /** Index upkeep, and the slots of rows that went. */
  #settle(): void {
    const { slots, before, now, length } = this.#weights;
    const gone: number[] = [];
    for (let t = 0; t < length; t++) {
      const weight = now[t] as number;
      assert(weight >= 0, 'row removed more often than added');
      const slot = slots[t] as number;
      if (weight === 0) gone.push(slot);
      if (weight > 0 === (before[t] as number) > 0) continue;
      for (const index of this.#secondary.values()) {
        if (weight > 0) index.insert(slot);
        else index.remove(slot);
      }
      for (const { index, below } of this.#indexFills) {
        if (slot >= below) continue;
        if (weight > 0) index.insert(slot);
        else index.remove(slot);
      }
    }
    this.#weights.settle();
    const removed = Int32Array.from(gone);
    const hashes = this.#hashes.ints(removed.length);
    this.#index.hashSlots(removed, removed.length, hashes);
    removed.forEach((slot, j) => {
      this.#index.remove(hashes[j] as number, slot);
      this.#store.free(slot);
    });
  }

  /** Every row, in batches of all columns. */
  scan(emit: EmitBatch): void {
    const end = this.#store.end();
    const out = new SlotEmitter(this.#store, Math.max(1, Math.min(this.#store.rows(), 1024)));
    let left = this.#store.rows();
    for (let slot = 0; slot < end && left > 0; slot++) {
      const weight = this.#weights.get(slot);
      if (weight === 0) continue;
      left--;
      out.add(slot, weight, emit);
    }
    out.finish(emit);
  }

  /** About `count` rows from slot `from` on; gives the slot to go on with, -1 after the last. */
  scanPart(from: number, count: number, emit: EmitBatch): number {
    const end = this.#store.end();
    const out = new SlotEmitter(this.#store, Math.max(1, Math.min(count, 1024)));
    let slot = from;
    for (let rows = 0; slot < end && rows < count; slot++) {
      const weight = this.#weights.get(slot);
      if (weight === 0) continue;
      rows++;
      out.add(slot, weight, emit);
    }
    out.finish(emit);
    return slot < end ? slot : -1;
  }

  /** Begins to go through the rows while they change; between ticks. */
  follow(emit: EmitBatch): Follower {
    const follower: Follower = { below: 0, emit };
    this.#followers.set(follower, new SlotEmitter(this.#store));
    return follower;
  }

  /** Gives the next `count` rows or so; between ticks. */
  readOn(follower: Follower, count: number): void {
    const next = this.scanPart(follower.below, count, follower.emit);
    follower.below = next < 0 ? Number.POSITIVE_INFINITY : next;
  }

  unfollow(follower: Follower): void {
    this.#followers.delete(follower);
  }

  /** Every row as values, repeated by its weight. */
  *rows(): Generator<Row> {
    const end = this.#store.end();
    for (let slot = 0; slot < end; slot++) {
      const weight = this.#weights.get(slot);
      for (let k = 0; k < weight; k++) yield this.#store.values(slot);
    }
  }

  /** The slot of the row with these key values (in key order), or -1. */
  findByKey(values: readonly Value[]): number {
    assert(this.key !== null, 'relation must have a key');
    const types = this.#keyColumns.map((k) => must(this.types[k]));
    const batch = batchOfRows(types, [values]);
    const hash = this.#hashes.ints(1);
    this.#index.hash(batch.columns, 1, hash);
    return this.#index.findOne(batch.columns, 0, hash[0] as number);
  }

  /** The values of a row. */
  row(slot: number): Value[] {
    return this.#store.values(slot);
  }

  /** The row with these key values, or null. */
  findRow(values: readonly Value[]): Row | null {
    const slot = this.findByKey(values);
    return slot < 0 ? null : this.row(slot);
  }

  /** As `findRow`, also within a tick: the row that is there after the changes so far. */
  findCurrentRow(values: readonly Value[]): Row | null {
    assert(this.key !== null, 'relation must have a key');
    const types = this.#keyColumns.map((k) => must(this.types[k]));
    const batch = batchOfRows(types, [values]);
    const hashes = this.#hashes.ints(1);
    this.#index.hash(batch.columns, 1, hashes);
    const { index } = this.#index;
    for (let slot = index.first(hashes[0] as number); slot >= 0; slot = index.next()) {
      if (this.#weights.get(slot) > 0 && this.#index.matches(batch.columns, 0, slot)) return this.row(slot);
    }
    return null;
  }

  /** Makes an index over what is stored; later changes keep it up to date. */
  addIndex(definition: IndexDefinition): void {
    assert(!this.#secondary.has(definition.id), 'index exists');
    const index = new SecondaryIndex(this.#store, definition.columns, definition.descending);
    this.#secondary.set(definition.id, index);
    this.#fill(index);
  }

  /** Begins to make an index while the rows change; between ticks, as what follows. */
  beginIndex({ id, columns, descending }: IndexDefinition): IndexFill {
    const index = new SecondaryIndex(this.#store, columns, descending);
    const fill: IndexFill = { id, index, below: 0 };
    this.#indexFills.add(fill);
    return fill;
  }

  /** Goes on by about `count` rows and gives their number; null: the index is complete, and one like any other. */
  fillIndex(fill: IndexFill, count: number): number | null {
    const end = this.#store.end();
    let rows = 0;
    for (; fill.below < end && rows < count; fill.below++) {
      if (this.#weights.get(fill.below) === 0) continue;
      fill.index.insert(fill.below);
      rows++;
    }
    if (fill.below < end || rows > 0) return rows;
    this.#indexFills.delete(fill);
    this.#secondary.set(fill.id, fill.index);
    return null;
  }

  abandonIndex(fill: IndexFill): void {
    this.#indexFills.delete(fill);
  }

  dropIndex(id: number): void {
    this.#secondary.delete(id);
  }

  /** Rows whose leading index columns equal `values` (as many as given). `index` null: the key. */
  lookup(index: number | null, values: readonly Value[], emit: EmitBatch): void {
    if (index === null && this.key !== null && values.length === this.key.length) {
      const slot = this.findByKey(values);
      if (slot < 0) return;
      const out = new SlotEmitter(this.#store, 1);
      out.add(slot, this.#weights.get(slot), emit);
      out.finish(emit);
      return;
    }
    this.range(index, values, null, null, emit);
  }

  /** The first row in the order of an index, or null. */
  first(index: number): Row | null {
    const slot = this.#secondaryOf(index).first();
    return slot < 0 ? null : this.row(slot);
  }

  /**
   * Rows whose leading index columns equal `prefix` and whose next index column lies between the bounds (not NULL when
   * there is a bound).
   */
  range(
    index: number | null,
    prefix: readonly Value[],
    lower: RangeBound | null,
    upper: RangeBound | null,
    emit: EmitBatch,
  ): void {
    const out = new SlotEmitter(this.#store);
    this.#secondaryOf(index).range(prefix, lower, upper, (slot) =>
      out.add(slot, this.#weights.get(slot), emit),
    );
    out.finish(emit);
  }

  #secondaryOf(id: number | null): SecondaryIndex {
    const known = this.#secondary.get(id);
    if (known !== undefined) return known;
    const index = this.#addKeyOrder(id);
    this.#fill(index);
    return index;
  }

  /** The index on the key, still empty. */
  #addKeyOrder(id: number | null): SecondaryIndex {
    assert(id === null && this.key !== null, 'index must exist');
    const index = new SecondaryIndex(
      this.#store,
      this.key,
      this.key.map(() => false),
    );
    this.#secondary.set(null, index);
    return index;
  }

  #fill(index: SecondaryIndex): void {
    const end = this.#store.end();
    for (let slot = 0; slot < end; slot++) if (this.#weights.get(slot) !== 0) index.insert(slot);
  }
}
