/**
 * One column of a row store: values in blocks by slot, moved a batch at a time.
 *
 * Equality has two meanings. `equal*` is SQL equality with NULL equal to NULL (1.0 = 1.00, -0 = 0): for keys. `same*`
 * is identity of the stored value: for finding the row that a retraction means.
 */
import { must } from '../../common/assert.ts';
import type { DataType, PhysicalKind } from '../../common/dataType.ts';
import type { Value } from '../../common/value.ts';
import { BLOCK_MASK, BLOCK_SHIFT, type BlockColumn, NullBlocks, touchSlots } from './blocks.ts';
import type { BlockMarks, BlockPart } from './persist.ts';
import type { OutputVector, StateVector } from './vector.ts';

/** Many producers hand over a NULL map in which nothing is NULL: one look at it saves a test per value. */
function anyNull(nulls: Uint8Array | null, rows: Int32Array | null, n: number): boolean {
  if (nulls === null) return false;
  for (let j = 0; j < n; j++) if (nulls[rows === null ? j : (rows[j] as number)] === 1) return true;
  return false;
}

export abstract class StateColumn {
  abstract readonly kind: PhysicalKind;
  readonly type: DataType;
  readonly nulls: NullBlocks;
  protected capacity = 0;
  /** Shared by all columns of the store. */
  protected readonly marks: BlockMarks;

  constructor(type: DataType, marks: BlockMarks) {
    this.type = type;
    this.marks = marks;
    this.nulls = new NullBlocks(marks);
  }

  /** slots[j] = vector[rows[j]] for j < n; rows null: row j. The slots hold nothing yet (or were released). */
  store(vector: StateVector, rows: Int32Array | null, n: number, slots: Int32Array): void {
    touchSlots(this.marks, slots, n);
    this.put(vector, rows, n, slots);
  }

  /** As `store`, when the slots' blocks have been touched. */
  put(vector: StateVector, rows: Int32Array | null, n: number, slots: Int32Array): void {
    this.need(slots, n);
    this.storeNulls(vector.nulls, rows, n, slots);
    this.storeData(vector, rows, n, slots);
  }

  /** As `put`, of a run of slots and of rows that are one too, from row `from` on. */
  putRun(vector: StateVector, rows: Int32Array | null, from: number, n: number, slots: Int32Array): void {
    this.storeNulls(vector.nulls, rows, n, slots);
    if (!this.storeRun(vector, from, n, slots[0] as number)) this.storeData(vector, rows, n, slots);
  }

  /** Columns of fixed width copy such rows as a whole. */
  protected storeRun(_vector: StateVector, _from: number, _n: number, _first: number): boolean {
    return false;
  }

  /** out[j] = value at slots[j]. A negative slot gives NULL. */
  load(slots: Int32Array, n: number, out: OutputVector): void {
    this.need(slots, n);
    this.loadNulls(slots, n, out);
    this.loadData(slots, n, out);
  }

  /** The slots are about to be read or written: their blocks come back if they are away. */
  need(slots: Int32Array, n: number): void {
    if (this.marks.absentCount > 0) this.marks.need(slots, n, BLOCK_SHIFT);
  }

  isNull(slot: number): boolean {
    return this.nulls.isNull(slot);
  }

  /** The boxed value. */
  value(slot: number): Value {
    return this.nulls.isNull(slot) ? null : this.valueOf(slot);
  }

  /** SQL equality of entry i and a slot; NULL equals NULL. */
  equal(vector: StateVector, i: number, slot: number): boolean {
    const isNull = vector.nulls !== null && vector.nulls[i] === 1;
    if (isNull || this.nulls.isNull(slot)) return isNull && this.nulls.isNull(slot);
    return this.equalData(vector, i, slot);
  }

  /** Identity of entry i and the value at a slot. */
  same(vector: StateVector, i: number, slot: number): boolean {
    const isNull = vector.nulls !== null && vector.nulls[i] === 1;
    if (isNull || this.nulls.isNull(slot)) return isNull && this.nulls.isNull(slot);
    return this.sameData(vector, i, slot);
  }

  /** Sets bad[j] = 1 where slots[j] >= 0 and does not equal entry j; true if there is any. */
  mismatches(vector: StateVector, n: number, slots: Int32Array, bad: Uint8Array): boolean {
    this.need(slots, n);
    if (!this.nulls.any && !anyNull(vector.nulls, null, n)) return this.mismatchesData(vector, n, slots, bad);
    let any = false;
    for (let j = 0; j < n; j++) {
      const slot = slots[j] as number;
      if (slot >= 0 && !this.equal(vector, j, slot)) {
        bad[j] = 1;
        any = true;
      }
    }
    return any;
  }

  /** As `mismatches`, by identity. */
  differences(vector: StateVector, n: number, slots: Int32Array, bad: Uint8Array): boolean {
    this.need(slots, n);
    let any = false;
    for (let j = 0; j < n; j++) {
      const slot = slots[j] as number;
      if (slot < 0 || bad[j] === 1 || this.same(vector, j, slot)) continue;
      bad[j] = 1;
      any = true;
    }
    return any;
  }

  /** Order of two non-null stored values. */
  abstract compareSlots(a: number, b: number): number;
  /** Order of a stored non-null value against a boxed non-null one. */
  abstract compareValue(slot: number, value: Value): number;
  /** Mixes the stored values into hashes[j], exactly as hashVector does for vectors. */
  abstract hashSlots(slots: Int32Array, n: number, hashes: Int32Array): void;
  /** Gives back what a slot owns outside the blocks. */
  abstract release(slot: number): void;
  /** Bytes of the blocks; an arena accounts for itself. */
  abstract bytes(): number;

  grow(capacity: number): void {
    this.capacity = capacity;
    this.nulls.grow(capacity);
    this.growData(capacity);
  }

  clear(): void {
    this.capacity = 0;
    this.nulls.clear();
    this.clearData();
  }

  /** Block b as it is saved: data, then null bytes. */
  parts(b: number): readonly BlockPart[] {
    return [...this.data().map((blocks) => blocks.part(b)), this.nulls.part(b)];
  }

  /** Takes its parts of block b from parts[at] on; returns how many. */
  adopt(b: number, parts: readonly Uint8Array<ArrayBuffer>[], at: number): number {
    const lists = [...this.data(), this.nulls];
    lists.forEach((blocks, k) => {
      blocks.adopt(b, must(parts[at + k]));
    });
    return lists.length;
  }

  /** Block b is marked as changed no more. */
  lock(b: number): void {
    for (const blocks of this.data()) blocks.lock(b);
  }

  /** Lets block b go. */
  releaseBlock(b: number): void {
    for (const blocks of this.data()) blocks.release(b);
    this.nulls.release(b);
  }

  /** Blocks for this capacity are about to be adopted. */
  resume(capacity: number): void {
    this.capacity = capacity;
  }

  protected abstract data(): readonly BlockColumn[];
  protected abstract storeData(
    vector: StateVector,
    rows: Int32Array | null,
    n: number,
    slots: Int32Array,
  ): void;
  protected abstract loadData(slots: Int32Array, n: number, out: OutputVector): void;
  protected abstract valueOf(slot: number): Value;
  protected abstract equalData(vector: StateVector, i: number, slot: number): boolean;
  protected abstract mismatchesData(
    vector: StateVector,
    n: number,
    slots: Int32Array,
    bad: Uint8Array,
  ): boolean;
  protected abstract growData(capacity: number): void;
  protected abstract clearData(): void;

  /** Where identity is stricter than equality this is overridden. */
  protected sameData(vector: StateVector, i: number, slot: number): boolean {
    return this.equalData(vector, i, slot);
  }

  private storeNulls(nulls: Uint8Array | null, rows: Int32Array | null, n: number, slots: Int32Array): void {
    if (!this.nulls.any && !anyNull(nulls, rows, n)) return;
    for (let j = 0; j < n; j++) {
      const isNull = nulls !== null && nulls[rows === null ? j : (rows[j] as number)] === 1;
      this.nulls.set(slots[j] as number, isNull, this.capacity);
    }
  }

  private loadNulls(slots: Int32Array, n: number, out: OutputVector): void {
    const spare = out.spare;
    let any = 0;
    if (this.nulls.any) {
      const blocks = this.nulls.blocks;
      for (let j = 0; j < n; j++) {
        const slot = slots[j] as number;
        const isNull =
          slot < 0 ? 1 : ((blocks[slot >>> BLOCK_SHIFT] as Uint8Array)[slot & BLOCK_MASK] as number);
        spare[j] = isNull;
        any |= isNull;
      }
    } else {
      for (let j = 0; j < n; j++) any |= slots[j] as number;
      if (any < 0) for (let j = 0; j < n; j++) spare[j] = (slots[j] as number) >>> 31;
      any = any < 0 ? 1 : 0;
    }
    out.nulls = any === 0 ? null : spare;
  }
}
