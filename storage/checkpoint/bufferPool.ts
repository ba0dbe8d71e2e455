/**
 * Buffers that go to the checkpoint's writer and come back: a block is copied into memory that has been written to before, which
 * takes half the time of fresh memory (the system clears each page of that first).
 *
 * Sizes are rounded up, so that blocks of about one size share buffers. At most so many bytes are kept.
 */
const ROUND = 1 << 14;
const KEPT_BYTES = 32 << 20;

export class BufferPool {
  readonly #free = new Map<number, ArrayBuffer[]>();
  #bytes = 0;

  /** A buffer of at least so many bytes, with anything in it. */
  take(bytes: number): ArrayBuffer {
    const size = Math.ceil(bytes / ROUND) * ROUND;
    const buffer = this.#free.get(size)?.pop();
    if (buffer === undefined) return new ArrayBuffer(size);
    this.#bytes -= size;
    return buffer;
  }

  /** Nobody else has it any more. */
  give(buffer: ArrayBuffer): void {
    const size = buffer.byteLength;
    if (size === 0 || size % ROUND !== 0 || this.#bytes + size > KEPT_BYTES) return;
    this.#bytes += size;
    const free = this.#free.get(size);
    if (free === undefined) this.#free.set(size, [buffer]);
    else free.push(buffer);
  }

  /** Keeps none: the next checkpoint may be long in coming. */
  clear(): void {
    this.#free.clear();
    this.#bytes = 0;
  }
}
