/**
 * Row store: rows of typed columns in slots, with further columns of the owner's (counts, links, accumulators).
 *
 * A slot is a number that stays with its row until `free`; freed slots are used again, last first. Nullability costs
 * nothing until a NULL is stored. Texts and boxed values lie in the store's byte arena.
 * When its last row goes, a store is again what it was at first: it keeps room for a few rows, since small states empty and
 * fill every tick, and grows at once to what it held when it fills again.
 * In checkpoints a block is a block of all columns, or one of all further columns, or one of the list of free slots, so
 * that counts that change do not make rows be written again.
 * Invariant: every column and extra has room for `capacity` slots; slots at or above `end` were never used. Nothing is
 * written into a block that is not marked as changed.
 */
import { must, unreachable } from '../../common/assert.ts';
import { type DataType, physicalKind } from '../../common/dataType.ts';
import type { StateCodec } from '../../common/stateCodec.ts';
import type { Value } from '../../common/value.ts';
import { ByteArena } from './arena.ts';
import { BoxedColumn, TextColumn } from './arenaColumns.ts';
import {
  BigInt64Blocks,
  BLOCK_ROWS,
  BLOCK_SHIFT,
  BoxedBlocks,
  ByteBlocks,
  blocksFor,
  type ExtraBlocks,
  FIRST_ROWS,
  Float64Blocks,
  Int32Blocks,
  isRun,
  nextCapacity,
  touchRun,
  touchSlots,
} from './blocks.ts';
import type { StateColumn } from './column.ts';
import { BoolColumn, Float64Column, Int32Column, Int64Column } from './fixedColumns.ts';
import { NumericColumn } from './numericColumn.ts';
import {
  BlockMarks,
  type BlockOwner,
  CHANGED,
  type Persistent,
  type StateReader,
  type StateWriter,
} from './persist.ts';
import type { OutputVector, StateVector } from './vector.ts';

function newColumn(type: DataType, arena: ByteArena, marks: BlockMarks): StateColumn {
  const kind = physicalKind(type);
  switch (kind) {
    case 'bool':
      return new BoolColumn(type, marks);
    case 'i32':
      return new Int32Column(type, marks);
    case 'i64':
      return new Int64Column(type, marks);
    case 'f64':
      return new Float64Column(type, marks);
    case 'text':
      return new TextColumn(type, arena, marks);
    case 'boxed':
      return type.id === 'numeric'
        ? new NumericColumn(type, arena, marks)
        : new BoxedColumn(type, arena, marks);
    default:
      return unreachable(kind);
  }
}

/** Values of the type lie in the arena. */
function ownsBytes(type: DataType): boolean {
  const kind = physicalKind(type);
  return kind === 'text' || kind === 'boxed';
}

const one = new Int32Array(1);

/** What is saved beside the blocks. */
interface RowStoreImage {
  readonly rows: number;
  readonly end: number;
  readonly capacity: number;
  readonly freeCount: number;
  readonly freeCapacity: number;
  /** By column: it has had a NULL. Absent in old checkpoints. */
  readonly nullable?: readonly boolean[];
}

export class RowStore implements Persistent {
  readonly types: readonly DataType[];
  readonly columns: readonly StateColumn[];
  readonly arena: ByteArena;
  readonly #extras: ExtraBlocks[] = [];
  readonly #columnMarks = new BlockMarks(this.#columnBlocks());
  readonly #extraMarks = new BlockMarks(this.#extraBlocks());
  readonly #freeMarks = new BlockMarks(this.#freeBlocks());
  /** Columns that own arena chunks. */
  readonly #owning: readonly StateColumn[];
  #capacity = 0;
  #end = 0;
  #rows = 0;
  readonly #freeSlots = new Int32Blocks(this.#freeMarks);
  #freeCapacity = 0;
  #freeCount = 0;
  /** Rows there were at most when the store was last emptied. */
  #expected = 0;
  readonly #whenEmptied: (() => void)[] = [];

  constructor(types: readonly DataType[]) {
    this.types = types;
    this.arena = new ByteArena(types.some(ownsBytes));
    this.columns = types.map((type) => newColumn(type, this.arena, this.#columnMarks));
    this.#owning = this.columns.filter((c) => ownsBytes(c.type));
    this.#reserve();
  }

  /** Calls `release` whenever the last row has gone: for memory that is kept along with the rows. */
  whenEmptied(release: () => void): void {
    this.#whenEmptied.push(release);
  }

  /** Rows held. */
  rows(): number {
    return this.#rows;
  }

  /** One above the highest slot in use. */
  end(): number {
    return this.#end;
  }

  /** The slots below `end` that hold no row. */
  freeSlots(): ReadonlySet<number> {
    const free = new Set<number>();
    for (let k = 0; k < this.#freeCount; k++) free.add(this.#freeSlots.get(k));
    return free;
  }

  bytes(): number {
    let sum = this.arena.bytes() + this.#freeSlots.bytes();
    for (const column of this.columns) sum += column.bytes();
    for (const extra of this.#extras) sum += extra.bytes();
    return sum;
  }

  /** A further column, in step with the slots. Its entry is whatever the slot's last owner left (0 at first). */
  addInt32(): Int32Blocks {
    return this.#addExtra(new Int32Blocks(this.#extraMarks));
  }
  addBigInt64(): BigInt64Blocks {
    return this.#addExtra(new BigInt64Blocks(this.#extraMarks));
  }
  addFloat64(): Float64Blocks {
    return this.#addExtra(new Float64Blocks(this.#extraMarks));
  }
  addByte(): ByteBlocks {
    return this.#addExtra(new ByteBlocks(this.#extraMarks));
  }
  /** `codec`: how an entry that is not null is saved. */
  addBoxed(codec: StateCodec): BoxedBlocks {
    return this.#addExtra(new BoxedBlocks(this.#extraMarks, codec));
  }

  /** The further columns are about to be written to at these slots, other than by `set`. */
  touchExtras(slots: Int32Array, n: number): void {
    touchSlots(this.#extraMarks, slots, n);
  }

  touchExtra(slot: number): void {
    const b = slot >>> BLOCK_SHIFT;
    if (this.#extraMarks.marks[b] !== CHANGED) this.#extraMarks.touch(b);
  }

  #addExtra<B extends ExtraBlocks>(extra: B): B {
    // Blocks get one part more.
    for (let b = blocksFor(this.#capacity) - 1; b >= 0; b--) this.#extraMarks.touch(b);
    if (this.#capacity > 0 && this.#capacity < BLOCK_ROWS) extra.grow(this.#capacity);
    else if (this.#capacity > 0) {
      extra.grow(BLOCK_ROWS);
      if (this.#capacity > BLOCK_ROWS) extra.grow(this.#capacity);
    }
    this.#extras.push(extra);
    return extra;
  }

  /** A slot for a new row, whose columns must be stored next. */
  alloc(): number {
    this.#rows++;
    if (this.#freeCount > 0) return this.#freeSlots.get(--this.#freeCount);
    if (this.#end === this.#capacity) this.#grow();
    return this.#end++;
  }

  /** Slots for n new rows. */
  allocAll(n: number, slots: Int32Array): void {
    let j = 0;
    for (; j < n && this.#freeCount > 0; j++) slots[j] = this.alloc();
    this.#rows += n - j;
    for (; j < n; j++) {
      if (this.#end === this.#capacity) this.#grow();
      slots[j] = this.#end++;
    }
  }

  /** Gives a row's slot and memory back. */
  free(slot: number): void {
    for (const column of this.#owning) column.release(slot);
    if (--this.#rows === 0) {
      this.#restart();
      return;
    }
    if (this.#freeCount === this.#freeCapacity) {
      if (this.#freeCapacity > 0 && this.#freeCapacity < BLOCK_ROWS) this.#freeMarks.touch(0);
      this.#freeCapacity = nextCapacity(this.#freeCapacity);
      this.#freeSlots.grow(this.#freeCapacity);
    }
    this.#freeSlots.set(this.#freeCount++, slot);
  }

  /**
   * Writes rows: column c of slots[j] = vectors[map[c]] at rows[j] (map null: vectors[c]; rows null: entry j), j < n.
   */
  store(
    vectors: readonly StateVector[],
    map: readonly number[] | null,
    rows: Int32Array | null,
    n: number,
    slots: Int32Array,
  ): void {
    const { columns } = this;
    const run = isRun(slots, n);
    if (run) touchRun(this.#columnMarks, slots[0] as number, n);
    else touchSlots(this.#columnMarks, slots, n);
    const whole = run && (rows === null || isRun(rows, n));
    const from = rows === null ? 0 : (rows[0] as number);
    for (let c = 0; c < columns.length; c++) {
      const vector = vectors[map === null ? c : (map[c] as number)] as StateVector;
      const column = columns[c] as StateColumn;
      if (whole) column.putRun(vector, rows, from, n, slots);
      else column.put(vector, rows, n, slots);
    }
  }

  /** Reads rows: out[offset + c][j] = column c of slots[j]; a negative slot gives NULLs. */
  load(slots: Int32Array, n: number, out: readonly OutputVector[], offset = 0): void {
    const { columns } = this;
    for (let c = 0; c < columns.length; c++) {
      (columns[c] as StateColumn).load(slots, n, out[offset + c] as OutputVector);
    }
  }

  /** The row's boxed values. */
  values(slot: number): Value[] {
    return this.columns.map((column) => column.value(slot));
  }

  /** Writes one row, entry i of the vectors. */
  storeOne(vectors: readonly StateVector[], map: readonly number[] | null, i: number, slot: number): void {
    const rows = new Int32Array(1);
    rows[0] = i;
    one[0] = slot;
    this.store(vectors, map, rows, 1, one);
  }

  /** True when entry i of the vectors (one a column) is the very row at `slot`. */
  sameRow(vectors: readonly StateVector[], i: number, slot: number): boolean {
    const { columns } = this;
    for (let c = 0; c < columns.length; c++) {
      if (!(columns[c] as StateColumn).same(vectors[c] as StateVector, i, slot)) return false;
    }
    return true;
  }

  /** Sets bad[j] = 1 where slots[j] >= 0 is not the very row j of the vectors; true if there is any. */
  differences(vectors: readonly StateVector[], n: number, slots: Int32Array, bad: Uint8Array): boolean {
    const { columns } = this;
    let any = false;
    for (let c = 0; c < columns.length; c++) {
      if ((columns[c] as StateColumn).differences(vectors[c] as StateVector, n, slots, bad)) any = true;
    }
    return any;
  }

  clear(): void {
    this.#columnMarks.drop();
    this.#extraMarks.drop();
    this.#freeMarks.drop();
    for (const column of this.columns) column.clear();
    for (const extra of this.#extras) extra.clear();
    this.arena.clear();
    this.#freeSlots.clear();
    this.#freeCapacity = 0;
    this.#freeCount = 0;
    this.#end = 0;
    this.#rows = 0;
    this.#reserve();
  }

  /** The room that a store always has. */
  #reserve(): void {
    this.#capacity = FIRST_ROWS;
    for (const column of this.columns) column.grow(FIRST_ROWS);
    for (const extra of this.#extras) extra.grow(FIRST_ROWS);
  }

  /** The last row went. */
  #restart(): void {
    this.#expected = this.#end;
    if (this.#capacity > FIRST_ROWS || this.columns.some(({ nulls }) => nulls.any)) this.clear();
    else {
      this.#freeMarks.drop();
      this.#freeSlots.clear();
      this.#freeCapacity = 0;
      this.#freeCount = 0;
      this.#end = 0;
    }
    for (const release of this.#whenEmptied) release();
  }

  #grow(): void {
    if (this.#capacity > 0 && this.#capacity < BLOCK_ROWS) {
      // The first block moves.
      this.#columnMarks.touch(0);
      this.#extraMarks.touch(0);
    }
    do this.#capacity = nextCapacity(this.#capacity);
    while (this.#capacity < BLOCK_ROWS && this.#capacity < this.#expected);
    for (const column of this.columns) column.grow(this.#capacity);
    for (const extra of this.#extras) extra.grow(this.#capacity);
  }

  save(out: StateWriter): void {
    const image: RowStoreImage = {
      rows: this.#rows,
      end: this.#end,
      capacity: this.#capacity,
      freeCount: this.#freeCount,
      freeCapacity: this.#freeCapacity,
      nullable: this.columns.map(({ nulls }) => nulls.any),
    };
    out.value(image);
    out.blocks(this.#columnMarks);
    out.blocks(this.#extraMarks);
    out.blocks(this.#freeMarks);
    this.arena.save(out);
  }

  restore(from: StateReader): void {
    const image = from.value() as RowStoreImage;
    this.#rows = image.rows;
    this.#end = image.end;
    this.#capacity = image.capacity;
    this.#freeCount = image.freeCount;
    this.#freeCapacity = image.freeCapacity;
    this.columns.forEach((column, c) => {
      column.resume(image.capacity);
      column.nulls.any = image.nullable?.[c] ?? true;
    });
    from.blocks(this.#columnMarks);
    from.blocks(this.#extraMarks);
    from.blocks(this.#freeMarks);
    this.arena.restore(from);
  }

  #columnBlocks(): BlockOwner {
    return {
      blockCount: () => (this.columns.length === 0 ? 0 : blocksFor(this.#capacity)),
      blockParts: (b) => this.columns.flatMap((column) => column.parts(b)),
      adoptBlock: (b, parts) => {
        let at = 0;
        for (const column of this.columns) at += column.adopt(b, parts, at);
      },
      lockBlock: (b) => {
        for (const column of this.columns) column.lock(b);
      },
      releaseBlock: (b) => {
        for (const column of this.columns) column.releaseBlock(b);
      },
    };
  }

  #extraBlocks(): BlockOwner {
    return {
      blockCount: () => (this.#extras.length === 0 ? 0 : blocksFor(this.#capacity)),
      blockParts: (b) => this.#extras.map((extra) => extra.part(b)),
      adoptBlock: (b, parts) => {
        this.#extras.forEach((extra, k) => {
          extra.adopt(b, must(parts[k]));
        });
      },
      lockBlock: (b) => {
        for (const extra of this.#extras) extra.lock(b);
      },
      releaseBlock: (b) => {
        for (const extra of this.#extras) extra.release(b);
      },
    };
  }

  #freeBlocks(): BlockOwner {
    return {
      blockCount: () => blocksFor(this.#freeCapacity),
      blockParts: (b) => [this.#freeSlots.part(b)],
      adoptBlock: (b, parts) => this.#freeSlots.adopt(b, must(parts[0])),
      lockBlock: (b) => this.#freeSlots.lock(b),
      releaseBlock: (b) => this.#freeSlots.release(b),
    };
  }
}
