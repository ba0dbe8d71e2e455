/**
 * What makes state durable: every structure can be saved as small values and numbered blocks, and put back.
 *
 * A block is the unit of checkpoints. Whoever is about to write into one calls `touch` first: it marks the block as changed
 * since the last checkpoint and, while a checkpoint is being taken and this block is still waiting to be copied, hands its
 * old contents over (copy on write). So a checkpoint shows the state between two ticks although ticks go on meanwhile.
 *
 * Invariant: the concatenation of what `save` wrote, given to `restore` of a fresh structure of the same shape, makes one that
 * answers and behaves as the saved one did at that moment.
 */
import { must } from '../../common/assert.ts';

/** Marks of blocks. */
const CLEAN = 0;
/** Written to since the last checkpoint began. */
export const CHANGED = 1;
/** The running checkpoint has still to copy it. */
const FROZEN = 2;
/** The running checkpoint has copied it; it is not yet on disk. */
const COPIED = 3;

/** Memory of a block: a typed array as it lies there, or values that have to be encoded. */
export type BlockPart = ArrayBufferView | EncodedPart;

export interface EncodedPart {
  encode(): Uint8Array;
  /** About how much memory it takes. */
  readonly bytes?: number;
}

/** Who holds blocks. */
export interface BlockOwner {
  /** Number of blocks now. */
  blockCount(): number;
  /** The present contents of block b, always the same parts in the same order. */
  blockParts(b: number): readonly BlockPart[];
  /** Gives block b its contents back; each part starts at a multiple of 8 in its buffer, which the owner may keep. */
  adoptBlock(b: number, parts: readonly Uint8Array<ArrayBuffer>[]): void;
  /** Block b was frozen: an owner that has noted by itself that it is marked as changed forgets so. */
  lockBlock?(b: number): void;
  /** Lets the memory of block b go, or makes room for a block b that is away; what needs it calls `fetch` of its marks. */
  releaseBlock(b: number): void;
}

/** Where blocks lie that are away. */
export interface BlockStore {
  /** A block of the newest checkpoint, packed; the buffer is the caller's. */
  block(id: number): Uint8Array<ArrayBuffer>;
  /** Keeps a packed block until `free`; gives its place. */
  write(packed: Uint8Array<ArrayBuffer>): number;
  read(place: number): Uint8Array<ArrayBuffer>;
  free(place: number): void;
  /** A block of this size has come back to memory. */
  fetched(bytes: number): void;
}

/**
 * A block that is away: set aside (`parts`: still in memory, for the case that it is needed soon), or in a place of the
 * store, or, where both are null, unchanged in the checkpoint.
 */
interface Away {
  parts: readonly Uint8Array<ArrayBuffer>[] | null;
  place: number | null;
  /** What it takes in memory; 0: not known, since it has not been there. */
  readonly bytes: number;
}

/** Takes what a frozen block holds before it is changed or dropped. */
export interface Freezer {
  take(marks: BlockMarks, b: number): void;
}

/**
 * The marks of one owner's blocks, the numbers under which they are in the checkpoint (0: in none), and which of them are away
 * from memory. Being away has nothing to do with the marks; but what is away and not clean has a place or is set aside.
 */
export class BlockMarks {
  readonly owner: BlockOwner;
  /** By block; replaced when it grows. */
  marks = new Uint8Array(4);
  readonly ids: number[] = [];
  /** 1: the block is away. By block; replaced when it grows. */
  absent = new Uint8Array(4);
  /** Blocks that are away. */
  absentCount = 0;
  readonly #away = new Map<number, Away>();
  /** Places of the store that are taken: to be freed when the owner is no more. */
  readonly places = new Set<number>();
  /** Where they are. */
  store: BlockStore | null = null;
  #freezer: Freezer | null = null;

  constructor(owner: BlockOwner) {
    this.owner = owner;
  }

  /** Block b is about to be written to. Inner loops ask `marks[b] !== CHANGED` themselves. */
  touch(b: number): void {
    if (b >= this.marks.length) this.#grow(b);
    if (this.absent[b] === 1) this.fetch(b);
    if (this.marks[b] === FROZEN) must(this.#freezer).take(this, b);
    this.marks[b] = CHANGED;
  }

  /** The owner is about to let blocks from b on go. */
  drop(from = 0): void {
    for (let b = from; b < this.marks.length; b++) {
      if (this.marks[b] === FROZEN) must(this.#freezer).take(this, b);
      this.marks[b] = CLEAN;
      if (this.absent[b] === 1) this.#isBack(b);
    }
    this.ids.length = Math.min(this.ids.length, from);
  }

  /**
   * A checkpoint begins: gives each block a number (`newId` where it has none) and freezes those that changed. Returns the
   * numbers of those, in the order of blocks.
   */
  freeze(freezer: Freezer, newId: () => number): readonly number[] {
    const count = this.owner.blockCount();
    if (count > this.marks.length) this.#grow(count - 1);
    this.#freezer = freezer;
    const frozen: number[] = [];
    for (let b = 0; b < count; b++) {
      const isNew = (this.ids[b] ?? 0) === 0;
      if (isNew) this.ids[b] = newId();
      else if (this.marks[b] !== CHANGED) continue;
      this.marks[b] = FROZEN;
      this.owner.lockBlock?.(b);
      frozen.push(b);
    }
    return frozen;
  }

  isFrozen(b: number): boolean {
    return this.marks[b] === FROZEN;
  }

  /** The checkpoint has copied block b. */
  thaw(b: number): void {
    this.marks[b] = COPIED;
  }

  /** The checkpoint that has copied block b is on disk. */
  settle(b: number): void {
    if (this.marks[b] !== COPIED) return;
    this.marks[b] = CLEAN;
    const away = this.#away.get(b);
    if (away === undefined || away.place === null) return;
    this.#free(away.place);
    away.place = null;
  }

  /** The checkpoint failed: block b counts as changed again. */
  forget(b: number): void {
    if (b < this.marks.length) this.marks[b] = CHANGED;
  }

  /** Blocks come from a checkpoint under these numbers, unchanged. */
  restored(ids: readonly number[]): void {
    if (ids.length > this.marks.length) this.#grow(ids.length - 1);
    this.marks.fill(CLEAN);
    this.ids.length = 0;
    for (const id of ids) this.ids.push(id);
  }

  /** As `restored`, of blocks that nobody has adopted: they are away. */
  restoredAway(ids: readonly number[], store: BlockStore): void {
    this.restored(ids);
    this.store = store;
    for (let b = 0; b < ids.length; b++) {
      this.owner.releaseBlock(b);
      this.#away.set(b, { parts: null, place: null, bytes: 0 });
      this.absent[b] = 1;
    }
    this.absentCount = ids.length;
  }

  /** Brings the blocks of slots (negative: none) back that are away; a block has 2^shift of them. */
  need(slots: Int32Array, n: number, shift: number): void {
    if (this.absentCount === 0) return;
    for (let j = 0; j < n; j++) {
      const slot = slots[j] as number;
      if (slot >= 0 && this.absent[slot >>> shift] === 1) this.fetch(slot >>> shift);
    }
  }

  /** Brings block b back. */
  fetch(b: number): void {
    const away = this.#away.get(b);
    if (away === undefined) return;
    const { parts } = away;
    if (parts === null) {
      const packed = this.#stored(b, away);
      this.owner.adoptBlock(b, unpackBlock(packed));
      must(this.store).fetched(packed.byteLength);
    } else this.owner.adoptBlock(b, parts);
    this.#isBack(b);
  }

  /** Sets block b aside: whoever needs it finds it at once, and until then it can be put away. */
  setAside(b: number): void {
    if (b >= this.marks.length) this.#grow(b);
    const bytes = this.size(b);
    const parts = this.owner.blockParts(b).map(bytesOf);
    this.owner.releaseBlock(b);
    this.#away.set(b, { parts, place: null, bytes });
    this.absent[b] = 1;
    this.absentCount++;
  }

  isAside(b: number): boolean {
    return (this.#away.get(b)?.parts ?? null) !== null;
  }

  /** Puts a block that is set aside away. */
  putAway(b: number): void {
    const away = this.#away.get(b);
    if (away === undefined || away.parts === null) return;
    const isStored = this.marks[b] === CLEAN && (this.ids[b] ?? 0) !== 0;
    if (!isStored) {
      away.place = must(this.store).write(packBlock(away.parts));
      this.places.add(away.place);
    }
    away.parts = null;
  }

  /** The contents of block b, packed, wherever it is. */
  packed(b: number, allocate: Allocate = fresh): Uint8Array {
    const away = this.#away.get(b);
    if (away === undefined) return packBlock(this.owner.blockParts(b), allocate);
    return away.parts === null ? this.#stored(b, away) : packBlock(away.parts, allocate);
  }

  /** What block b takes in memory, about, wherever it is; 0: not known. */
  size(b: number): number {
    const away = this.#away.get(b);
    if (away !== undefined) return away.bytes;
    return this.owner
      .blockParts(b)
      .reduce((sum, part) => sum + (ArrayBuffer.isView(part) ? part.byteLength : (part.bytes ?? 0)), 0);
  }

  #stored(b: number, away: Away): Uint8Array<ArrayBuffer> {
    const store = must(this.store);
    return away.place === null ? store.block(must(this.ids[b])) : store.read(away.place);
  }

  /** Block b is not away any more, or is no more at all. */
  #isBack(b: number): void {
    const place = this.#away.get(b)?.place ?? null;
    if (place !== null) this.#free(place);
    this.#away.delete(b);
    this.absent[b] = 0;
    this.absentCount--;
  }

  #free(place: number): void {
    must(this.store).free(place);
    this.places.delete(place);
  }

  #grow(b: number): void {
    const marks = new Uint8Array(Math.max(b + 1, this.marks.length * 2));
    marks.set(this.marks);
    this.marks = marks;
    const absent = new Uint8Array(marks.length);
    absent.set(this.absent);
    this.absent = absent;
  }
}

/** Where state is written to, in an order that `restore` repeats. */
export interface StateWriter {
  /** A small value that structured cloning keeps: numbers, bigints, strings, typed arrays, arrays and plain objects of them. */
  value(value: unknown): void;
  /** All blocks of one owner. */
  blocks(marks: BlockMarks): void;
}

export interface StateReader {
  value(): unknown;
  /** Calls `adoptBlock` for each block that was saved, in order, and marks them as clean. */
  blocks(marks: BlockMarks): void;
}

/** State that outlives the process. Both calls come between ticks. */
export interface Persistent {
  save(out: StateWriter): void;
  /** Into a fresh structure of the same shape, in which nothing has been put yet. */
  restore(from: StateReader): void;
}

/** So many bytes from a multiple of 8 on, with anything in them. What lies between the parts of a block is not looked at. */
export type Allocate = (bytes: number) => Uint8Array;

const fresh = (bytes: number): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);

const ALIGNMENT = 8;

/** State never lies in shared memory. */
function bytesOf(part: BlockPart): Uint8Array<ArrayBuffer> {
  if (ArrayBuffer.isView(part)) {
    return new Uint8Array(part.buffer as ArrayBuffer, part.byteOffset, part.byteLength);
  }
  return part.encode() as Uint8Array<ArrayBuffer>;
}

/** A block's parts as one buffer: their number, their lengths, then each from a multiple of 8 on. */
export function packBlock(parts: readonly BlockPart[]): Uint8Array<ArrayBuffer>;
export function packBlock(parts: readonly BlockPart[], allocate: Allocate): Uint8Array;
export function packBlock(parts: readonly BlockPart[], allocate: Allocate = fresh): Uint8Array {
  const bytes = parts.map(bytesOf);
  const head = aligned(4 + 4 * bytes.length);
  const total = bytes.reduce((sum, part) => sum + aligned(part.byteLength), head);
  const packed = allocate(total);
  const header = new Uint32Array(packed.buffer, packed.byteOffset, 1 + bytes.length);
  header[0] = bytes.length;
  let at = head;
  bytes.forEach((part, i) => {
    header[i + 1] = part.byteLength;
    packed.set(part, at);
    at += aligned(part.byteLength);
  });
  return packed;
}

/** The parts of a packed block. The buffer must start at the view's first byte. */
export function unpackBlock(packed: Uint8Array<ArrayBuffer>): readonly Uint8Array<ArrayBuffer>[] {
  const own = packed.byteOffset === 0 ? packed : packed.slice();
  const count = must(new Uint32Array(own.buffer, 0, 1)[0]);
  const lengths = new Uint32Array(own.buffer, 4, count);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let at = aligned(4 + 4 * count);
  for (const length of lengths) {
    parts.push(new Uint8Array(own.buffer, at, length));
    at += aligned(length);
  }
  return parts;
}

function aligned(bytes: number): number {
  return (bytes + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}
