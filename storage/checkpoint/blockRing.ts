/**
 * Memory through which blocks go to the checkpoint's writer: a ring that both threads see. A block is copied into it, and its place
 * is free again when the writer says so. Nothing is made or handed over per block, so that the garbage collector, to which each
 * buffer that changes hands is new memory, has nothing to do (it stood for most of the long ticks while a checkpoint was taken).
 *
 * Pieces are given back in the order in which they were taken.
 */
const ALIGNMENT = 8;

export class BlockRing {
  readonly memory: SharedArrayBuffer;
  /** Where each piece begins and ends, oldest first, from `#first` on. */
  #pieces: { readonly at: number; readonly end: number }[] = [];
  #first = 0;

  constructor(bytes: number) {
    this.memory = new SharedArrayBuffer(bytes);
  }

  /** A piece of exactly so many bytes, from a multiple of 8 on, with anything in it; null: there is no room. */
  take(bytes: number): Uint8Array | null {
    const at = this.#place(Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
    if (at === null) return null;
    this.#pieces.push({ at, end: at + Math.ceil(bytes / ALIGNMENT) * ALIGNMENT });
    return new Uint8Array(this.memory, at, bytes);
  }

  /** Behind the newest piece, or at the beginning; from there on again when all are back: then few pages are ever touched. */
  #place(size: number): number | null {
    const oldest = this.#pieces[this.#first];
    const newest = this.#pieces.at(-1);
    if (oldest === undefined || newest === undefined) return size <= this.memory.byteLength ? 0 : null;
    if (newest.at < oldest.at) return newest.end + size <= oldest.at ? newest.end : null;
    if (newest.end + size <= this.memory.byteLength) return newest.end;
    return size <= oldest.at ? 0 : null;
  }

  /** The oldest `count` pieces are free again. */
  give(count: number): void {
    this.#first += count;
    if (this.#first === this.#pieces.length) this.#pieces = [];
    else if (this.#first > 1024) this.#pieces.splice(0, this.#first);
    else return;
    this.#first = 0;
  }

  has(bytes: Uint8Array): boolean {
    return bytes.buffer === this.memory;
  }
}
