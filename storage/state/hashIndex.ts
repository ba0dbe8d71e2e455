/**
 * Hash index: entries (hash, slot) in segments of Int32Array, found by extendible hashing.
 *
 * The directory maps the high bits of a hash to a segment; within a segment linear probing starts at the low bits and
 * deletion shifts back, so that there are no tombstones. A segment holds up to 8192 entries (64 KiB); a full one splits
 * by one more hash bit. The first segment starts small and doubles, or grows at once to what it had before the index was
 * emptied. So an insertion never moves more than one segment,
 * and the directory (an array of references) at most doubles.
 *
 * The index knows hashes and slots only: equality is the caller's. Several entries may have equal hashes.
 * In checkpoints a segment is a block. Of a segment that is away only the array is: its words are ABSENT.
 */
import { must } from '../../common/assert.ts';
import {
  BlockMarks,
  type BlockOwner,
  type BlockPart,
  type Persistent,
  type StateReader,
  type StateWriter,
} from './persist.ts';

const FIRST_ENTRIES = 16;
const SEGMENT_ENTRIES = 8192;

const ABSENT = new Int32Array(0);

/** Entry e: hash at words[2e], slot + 1 at words[2e + 1]; 0: empty. */
class Segment {
  words: Int32Array<ArrayBuffer>;
  count = 0;
  /** Number of high hash bits that all entries share. */
  readonly depth: number;
  /** Its number. */
  readonly block: number;
  /** Known to be marked as changed. */
  isChanged = false;

  constructor(entries: number, depth: number, block: number) {
    this.words = new Int32Array(entries << 1);
    this.depth = depth;
    this.block = block;
  }
}

/** What is saved beside the segments' words. */
interface HashIndexImage {
  readonly depth: number;
  /** Numbers of segments. */
  readonly directory: Int32Array;
  readonly counts: Int32Array;
  readonly depths: Uint8Array;
}

export class HashIndex implements BlockOwner, Persistent {
  /** By number. */
  #segments: Segment[] = [new Segment(FIRST_ENTRIES, 0, 0)];
  #directory: Segment[] = [...this.#segments];
  /** Words of the directory's segments; undefined: they are away. */
  #words: (Int32Array | undefined)[] = [];
  #depth = 0;
  #entries = 0;
  #bytes = FIRST_ENTRIES << 3;
  /** Most entries since the index was last empty, and before that. */
  #peak = 0;
  #expected = 0;
  /** Where `next` goes on. */
  #probeWords: Int32Array = EMPTY;
  #probeAt = 0;
  #probeHash = 0;
  readonly #marks = new BlockMarks(this);

  constructor() {
    this.#words = this.#directory.map((s) => s.words);
  }

  entries(): number {
    return this.#entries;
  }

  bytes(): number {
    return this.#bytes + (this.#directory.length << 4);
  }

  clear(): void {
    this.#marks.drop();
    this.#segments = [new Segment(FIRST_ENTRIES, 0, 0)];
    this.#directory = [...this.#segments];
    this.#words = this.#directory.map((s) => s.words);
    this.#depth = 0;
    this.#entries = 0;
    this.#bytes = FIRST_ENTRIES << 3;
  }

  /** slots[j] = the first slot whose entry has hashes[j], or -1: candidates, to be verified by the caller. */
  candidates(hashes: Int32Array, n: number, slots: Int32Array): void {
    const words = this.#words;
    const shift = 31 - this.#depth;
    for (let j = 0; j < n; j++) {
      const hash = hashes[j] as number;
      const segment = words[(hash >>> 1) >>> shift] ?? this.#fetch(hash);
      const mask = segment.length - 1;
      let at = (hash << 1) & mask;
      let entry = segment[at + 1] as number;
      while (entry !== 0 && segment[at] !== hash) {
        at = (at + 2) & mask;
        entry = segment[at + 1] as number;
      }
      slots[j] = entry - 1;
    }
  }

  /** The first slot entered under `hash`, or -1; `next` gives the others. */
  first(hash: number): number {
    const segment = this.#words[(hash >>> 1) >>> (31 - this.#depth)] ?? this.#fetch(hash);
    this.#probeWords = segment;
    this.#probeHash = hash;
    return this.#scan((hash << 1) & (segment.length - 1));
  }

  /** The next slot entered under the hash of the last `first`, or -1. The index must not have changed in between. */
  next(): number {
    return this.#scan((this.#probeAt + 2) & (this.#probeWords.length - 1));
  }

  #scan(from: number): number {
    const words = this.#probeWords;
    const mask = words.length - 1;
    const hash = this.#probeHash;
    let at = from;
    let entry = words[at + 1] as number;
    while (entry !== 0 && words[at] !== hash) {
      at = (at + 2) & mask;
      entry = words[at + 1] as number;
    }
    this.#probeAt = at;
    return entry - 1;
  }

  insert(hash: number, slot: number): void {
    let segment = this.#segment(hash);
    // Three quarters full: linear probing stays short, and a split leaves both halves well filled.
    while (segment.count * 8 >= segment.words.length * 3) {
      this.#makeRoom(segment, hash);
      segment = this.#segment(hash);
    }
    this.#touch(segment);
    place(segment.words, hash, slot + 1);
    segment.count++;
    this.#entries++;
  }

  /** Removes the entry (hash, slot), which must exist. */
  remove(hash: number, slot: number): boolean {
    const segment = this.#segment(hash);
    const { words } = segment;
    const at = find(words, hash, slot + 1);
    if (at < 0) return false;
    this.#touch(segment);
    shiftBack(words, at);
    segment.count--;
    const entries = this.#entries--;
    if (entries > this.#peak) this.#peak = entries;
    if (entries === 1) this.#restart(words.length);
    return true;
  }

  /** The last entry went: gives memory back, but not what a new index has. */
  #restart(words: number): void {
    this.#expected = this.#peak;
    this.#peak = 0;
    if (words > FIRST_ENTRIES << 1 || this.#depth > 0) this.clear();
  }

  /** The entry (hash, from), which must exist, now means slot `to`. */
  replace(hash: number, from: number, to: number): boolean {
    const segment = this.#segment(hash);
    const { words } = segment;
    const at = find(words, hash, from + 1);
    if (at < 0) return false;
    this.#touch(segment);
    words[at + 1] = to + 1;
    return true;
  }

  /** The segment of a hash, in memory. */
  #segment(hash: number): Segment {
    const segment = this.#directory[(hash >>> 1) >>> (31 - this.#depth)] as Segment;
    if (segment.words === ABSENT) this.#marks.fetch(segment.block);
    return segment;
  }

  /** The words of the hash's segment, which was away. */
  #fetch(hash: number): Int32Array {
    return this.#segment(hash).words;
  }

  #touch(segment: Segment): void {
    if (segment.isChanged) return;
    this.#marks.touch(segment.block);
    segment.isChanged = true;
  }

  lockBlock(b: number): void {
    must(this.#segments[b]).isChanged = false;
  }

  #makeRoom(segment: Segment, hash: number): void {
    this.#touch(segment);
    // Entries whose hashes are (nearly) all equal cannot be split apart: such a segment grows instead.
    if (segment.words.length < SEGMENT_ENTRIES << 1 || segment.depth >= 24) {
      const old = segment.words;
      let length = old.length << 1;
      // The size that it had before it was emptied.
      while (length < SEGMENT_ENTRIES << 1 && length * 3 < this.#expected * 8) length <<= 1;
      segment.words = new Int32Array(length);
      this.#bytes += segment.words.byteLength - old.byteLength;
      for (let at = 0; at < old.length; at += 2) {
        if (old[at + 1] !== 0) place(segment.words, old[at] as number, old[at + 1] as number);
      }
      this.#refresh(segment, hash);
      return;
    }
    this.#split(segment, hash);
  }

  /** Directory words follow after a segment's array was replaced. */
  #refresh(segment: Segment, hash: number): void {
    const span = 1 << (this.#depth - segment.depth);
    const from = ((hash >>> 1) >>> (31 - this.#depth)) & ~(span - 1);
    for (let i = from; i < from + span; i++) {
      this.#directory[i] = segment;
      this.#words[i] = segment.words;
    }
  }

  #split(segment: Segment, hash: number): void {
    if (segment.depth === this.#depth) this.#doubleDirectory();
    const depth = segment.depth + 1;
    const halves = [
      new Segment(SEGMENT_ENTRIES, depth, segment.block),
      new Segment(SEGMENT_ENTRIES, depth, this.#segments.length),
    ] as const;
    this.#segments[segment.block] = halves[0];
    this.#segments.push(halves[1]);
    const old = segment.words;
    for (let at = 0; at < old.length; at += 2) {
      const entry = old[at + 1] as number;
      if (entry === 0) continue;
      const h = old[at] as number;
      const half = ((h >>> (32 - depth)) & 1) === 0 ? halves[0] : halves[1];
      place(half.words, h, entry);
      half.count++;
    }
    this.#bytes += SEGMENT_ENTRIES << 3;
    const span = 1 << (this.#depth - segment.depth);
    const from = ((hash >>> 1) >>> (31 - this.#depth)) & ~(span - 1);
    for (let i = 0; i < span; i++) {
      const half = i < span >>> 1 ? halves[0] : halves[1];
      this.#directory[from + i] = half;
      this.#words[from + i] = half.words;
    }
  }

  #doubleDirectory(): void {
    const old = this.#directory;
    const directory = new Array<Segment>(old.length << 1);
    for (let i = 0; i < old.length; i++) {
      directory[i << 1] = old[i] as Segment;
      directory[(i << 1) + 1] = old[i] as Segment;
    }
    this.#directory = directory;
    this.#words = directory.map(presentWords);
    this.#depth++;
  }

  save(out: StateWriter): void {
    const image: HashIndexImage = {
      depth: this.#depth,
      directory: Int32Array.from(this.#directory, (segment) => segment.block),
      counts: Int32Array.from(this.#segments, (segment) => segment.count),
      depths: Uint8Array.from(this.#segments, (segment) => segment.depth),
    };
    out.value(image);
    out.blocks(this.#marks);
  }

  restore(from: StateReader): void {
    const { depth, directory, counts, depths } = from.value() as HashIndexImage;
    this.#depth = depth;
    this.#entries = 0;
    this.#segments = [];
    counts.forEach((count, b) => {
      const segment = new Segment(0, must(depths[b]), b);
      segment.count = count;
      this.#entries += count;
      this.#segments.push(segment);
    });
    this.#bytes = 0;
    this.#directory = Array.from(directory, (b) => must(this.#segments[b]));
    this.#words = this.#directory.map(() => undefined);
    from.blocks(this.#marks);
  }

  blockCount(): number {
    return this.#segments.length;
  }

  blockParts(b: number): readonly BlockPart[] {
    return [must(this.#segments[b]).words];
  }

  adoptBlock(b: number, parts: readonly Uint8Array<ArrayBuffer>[]): void {
    const { buffer, byteOffset, byteLength } = must(parts[0]);
    const segment = must(this.#segments[b]);
    segment.words = new Int32Array(buffer, byteOffset, byteLength >>> 2);
    this.#bytes += byteLength;
    this.#enter(segment, segment.words);
  }

  releaseBlock(b: number): void {
    const segment = must(this.#segments[b]);
    this.#bytes -= segment.words.byteLength;
    segment.words = ABSENT;
    this.#enter(segment, undefined);
  }

  /** Sets the words of all the directory's entries of a segment. */
  #enter(segment: Segment, words: Int32Array | undefined): void {
    const from = this.#directory.indexOf(segment);
    const span = 1 << (this.#depth - segment.depth);
    for (let i = from; i < from + span; i++) this.#words[i] = words;
  }
}

const EMPTY = new Int32Array(2);

function presentWords({ words }: Segment): Int32Array | undefined {
  return words === ABSENT ? undefined : words;
}

/** Puts an entry at the first free place from its home. */
function place(words: Int32Array, hash: number, entry: number): void {
  const mask = words.length - 1;
  let at = (hash << 1) & mask;
  while (words[at + 1] !== 0) at = (at + 2) & mask;
  words[at] = hash;
  words[at + 1] = entry;
}

function find(words: Int32Array, hash: number, entry: number): number {
  const mask = words.length - 1;
  let at = (hash << 1) & mask;
  while (words[at + 1] !== entry) {
    if (words[at + 1] === 0) return -1;
    at = (at + 2) & mask;
  }
  return at;
}

/** Empties the place at `hole` and moves later entries back so that none is cut off from its home. */
function shiftBack(words: Int32Array, from: number): void {
  const mask = words.length - 1;
  let hole = from;
  let at = (hole + 2) & mask;
  while (words[at + 1] !== 0) {
    const home = ((words[at] as number) << 1) & mask;
    // Movable unless its home lies cyclically in (hole, at].
    if (((at - home) & mask) >= ((at - hole) & mask)) {
      words[hole] = words[at] as number;
      words[hole + 1] = words[at + 1] as number;
      hole = at;
    }
    at = (at + 2) & mask;
  }
  words[hole] = 0;
  words[hole + 1] = 0;
}
