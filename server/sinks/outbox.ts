/**
 * The outbox of a sink: the changes that its target does not have yet, in the order of their epochs.
 *
 * They lie in chunks; the newest is open, the others are complete. Beyond a bound of memory completed chunks are spilled, newest
 * first, since the oldest are delivered next. A chunk is a block of a checkpoint, under the place that it holds; places of
 * delivered chunks are used again. Epochs rise; the changes of one may lie in several chunks and leave together.
 */
import { assert, must } from '../../common/assert.ts';
import type { DataType } from '../../common/dataType.ts';
import type { Value } from '../../common/value.ts';
import type { SinkBatch, SinkChange } from '../../connector/sink.ts';
import {
  BlockMarks,
  type BlockOwner,
  type BlockPart,
  type Persistent,
  type StateReader,
  type StateWriter,
} from '../../storage/state/persist.ts';
import { type ChangeCodec, changeCodec } from './changeCodec.ts';
import type { Spill } from './spill.ts';

export interface OutboxLimits {
  /** Bytes of changes that stay in memory. */
  readonly memoryBytes: number;
  /** Bytes after which a chunk is complete. */
  readonly chunkBytes: number;
}

export const outboxLimits: OutboxLimits = { memoryBytes: 16 << 20, chunkBytes: 1 << 20 };

interface Chunk {
  readonly place: number;
  /** Bytes: as a checkpoint has them. Away: with its block, which its marks bring back. */
  content: SinkBatch[] | Uint8Array | 'spilled' | 'away';
  rows: number;
  /** An estimate. */
  bytes: number;
  last: bigint;
}

interface SavedChunk {
  readonly place: number;
  readonly rows: number;
  readonly bytes: number;
  readonly last: bigint;
}

interface SavedOutbox {
  readonly chunks: readonly SavedChunk[];
  readonly places: number;
  readonly lastEpoch: bigint;
  readonly nextChange: number;
}

export class Outbox implements Persistent, BlockOwner {
  readonly #name: string;
  readonly #codec: ChangeCodec;
  readonly #limits: OutboxLimits;
  readonly #spill: Spill | null;
  readonly #marks = new BlockMarks(this);
  readonly #places: (Chunk | null)[] = [];
  #chunks: Chunk[] = [];
  /** Of what is in memory. */
  #memory = 0;
  /** The epoch that was added last, delivered or not. */
  lastEpoch = 0n;
  /** How many changes of it have been added. */
  #nextChange = 0;
  /** Of what is on disk; an estimate. */
  #spilled = 0;
  /** How much may be there. */
  diskLimit = Number.POSITIVE_INFINITY;
  /** The last failure to spill; null: there was room. */
  spillFailure: unknown = null;

  /** `name` is for files of the spill. Without one, everything stays in memory. */
  constructor(name: string, types: readonly DataType[], spill: Spill | null, limits = outboxLimits) {
    this.#name = name;
    this.#codec = changeCodec(types);
    this.#spill = spill;
    this.#limits = limits;
  }

  get rows(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.rows, 0);
  }

  get bytes(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.bytes, 0);
  }

  get spilledBytes(): number {
    return this.#spilled;
  }

  get isEmpty(): boolean {
    return this.#chunks.length === 0;
  }

  /** More is in memory, or on disk, than may be. */
  get isOver(): boolean {
    return this.isOverDisk || this.#memory > this.#limits.memoryBytes + this.#limits.chunkBytes;
  }

  get isOverDisk(): boolean {
    return this.#spilled > this.diskLimit;
  }

  /** The bounds are far away again. */
  get isDrained(): boolean {
    return this.#memory <= this.#limits.memoryBytes / 2 && this.#spilled <= this.diskLimit / 2;
  }

  /** The time of the oldest tick that waits; null: none does. */
  get oldest(): bigint | null {
    const [first] = this.#chunks;
    return first === undefined ? null : must(this.#batches(first)[0]).at;
  }

  /** Changes of the newest epoch, or of one above it. */
  add(epoch: bigint, at: bigint, changes: readonly SinkChange[]): void {
    if (epoch !== this.lastEpoch) {
      this.lastEpoch = epoch;
      this.#nextChange = 0;
    }
    const first = this.#nextChange;
    this.#nextChange += changes.length;
    const chunk = this.#open();
    this.#marks.touch(chunk.place);
    assert(Array.isArray(chunk.content), 'the newest chunk is open');
    const bytes = changes.reduce((sum, change) => sum + changeBytes(change), 64);
    chunk.content.push({ epoch, at, first, changes });
    chunk.rows += changes.length;
    chunk.bytes += bytes;
    chunk.last = epoch;
    this.#memory += bytes;
    if (chunk.bytes >= this.#limits.chunkBytes) this.#relieve(chunk);
  }

  /** The chunk that takes what comes. */
  #open(): Chunk {
    const newest = this.#chunks.at(-1);
    if (newest !== undefined && Array.isArray(newest.content) && newest.bytes < this.#limits.chunkBytes) {
      return newest;
    }
    const free = this.#places.indexOf(null);
    const place = free >= 0 ? free : this.#places.length;
    // What was there goes to a running checkpoint before something else is.
    this.#marks.touch(place);
    const chunk: Chunk = { place, content: [], rows: 0, bytes: 0, last: 0n };
    this.#places[place] = chunk;
    this.#chunks.push(chunk);
    return chunk;
  }

  /** Spills a complete chunk if memory is full. */
  #relieve(chunk: Chunk): void {
    const { content } = chunk;
    if (this.#spill === null || this.#memory <= this.#limits.memoryBytes || typeof content === 'string')
      return;
    const bytes = Array.isArray(content) ? this.#codec.encode(content) : content;
    try {
      this.#spill.put(this.#file(chunk), bytes);
    } catch (error) {
      this.spillFailure = error;
      return;
    }
    this.spillFailure = null;
    chunk.content = 'spilled';
    this.#memory -= chunk.bytes;
    this.#spilled += chunk.bytes;
  }

  #file({ place }: Chunk): string {
    return `${this.#name}-${place}`;
  }

  #batches(chunk: Chunk): readonly SinkBatch[] {
    if (chunk.content === 'away') this.#marks.fetch(chunk.place);
    const { content } = chunk;
    return Array.isArray(content) ? content : this.#codec.decode(this.#bytesOf(chunk));
  }

  #bytesOf(chunk: Chunk): Uint8Array {
    const { content } = chunk;
    assert(content !== 'away', 'a chunk is brought back before it is read');
    if (Array.isArray(content)) return this.#codec.encode(content);
    return content === 'spilled' ? must(this.#spill).get(this.#file(chunk)) : content;
  }

  /** Its memory, or its place in the spill, is free. */
  #letGo(chunk: Chunk): void {
    if (chunk.content === 'spilled') {
      this.#spill?.remove(this.#file(chunk));
      this.#spilled -= chunk.bytes;
    } else if (chunk.content !== 'away') this.#memory -= chunk.bytes;
  }

  /** What waits, oldest first, through the epoch `through`. May be gone through while more is added. */
  *waiting(through: bigint): Generator<SinkBatch> {
    for (const chunk of [...this.#chunks]) {
      for (const batch of [...this.#batches(chunk)]) {
        if (batch.epoch > through) return;
        yield batch;
      }
    }
  }

  /** The target has everything through `epoch`. */
  dropThrough(epoch: bigint): void {
    for (let chunk = this.#chunks[0]; chunk !== undefined; chunk = this.#chunks[0]) {
      if (chunk.last > epoch) {
        this.#dropWithin(chunk, epoch);
        return;
      }
      this.#drop(chunk);
    }
  }

  #drop(chunk: Chunk): void {
    this.#marks.touch(chunk.place);
    this.#letGo(chunk);
    this.#places[chunk.place] = null;
    this.#chunks.shift();
  }

  #dropWithin(chunk: Chunk, epoch: bigint): void {
    const batches = this.#batches(chunk);
    const kept = batches.filter((batch) => batch.epoch > epoch);
    if (kept.length === batches.length) return;
    this.#marks.touch(chunk.place);
    this.#letGo(chunk);
    chunk.content = kept;
    chunk.rows = kept.reduce((sum, batch) => sum + batch.changes.length, 0);
    chunk.bytes = kept.reduce(
      (sum, b) => b.changes.reduce((s, change) => s + changeBytes(change), sum + 64),
      0,
    );
    this.#memory += chunk.bytes;
  }

  /** Forgets everything, and removes what was spilled. */
  clear(): void {
    while (this.#chunks[0] !== undefined) this.#drop(this.#chunks[0]);
  }

  // Checkpoints

  save(out: StateWriter): void {
    const saved: SavedOutbox = {
      chunks: this.#chunks.map(({ place, rows, bytes, last }) => ({ place, rows, bytes, last })),
      places: this.#places.length,
      lastEpoch: this.lastEpoch,
      nextChange: this.#nextChange,
    };
    out.value(saved);
    out.blocks(this.#marks);
  }

  restore(from: StateReader): void {
    this.clear();
    const saved = from.value() as SavedOutbox;
    this.#places.length = 0;
    for (let place = 0; place < saved.places; place++) this.#places.push(null);
    this.#chunks = saved.chunks.map((chunk) => ({ ...chunk, content: 'away' }));
    for (const chunk of this.#chunks) this.#places[chunk.place] = chunk;
    this.lastEpoch = saved.lastEpoch;
    this.#nextChange = saved.nextChange;
    from.blocks(this.#marks);
  }

  blockCount(): number {
    return this.#places.length;
  }

  blockParts(b: number): readonly BlockPart[] {
    const chunk = this.#places[b] ?? null;
    if (chunk === null) return [];
    if (chunk.content instanceof Uint8Array) return [chunk.content];
    const bytes = chunk.content === 'spilled' ? 0 : chunk.bytes;
    return [{ encode: () => this.#bytesOf(chunk), bytes }];
  }

  adoptBlock(b: number, parts: readonly Uint8Array<ArrayBuffer>[]): void {
    const chunk = this.#places[b] ?? null;
    const [bytes] = parts;
    if (chunk === null || bytes === undefined) return;
    this.#letGo(chunk);
    chunk.content = bytes;
    this.#memory += chunk.bytes;
    this.#relieve(chunk);
  }

  releaseBlock(b: number): void {
    const chunk = this.#places[b] ?? null;
    if (chunk === null) return;
    this.#letGo(chunk);
    chunk.content = 'away';
  }
}

/** About how much memory a change takes. */
function changeBytes({ before, after }: SinkChange): number {
  let sum = 48;
  for (const row of [before, after]) if (row !== null) for (const value of row) sum += valueBytes(value);
  return sum;
}

function valueBytes(value: Value): number {
  if (typeof value === 'string') return 24 + value.length;
  if (value instanceof Uint8Array) return 64 + value.length;
  return typeof value === 'object' && value !== null ? 64 : 16;
}
