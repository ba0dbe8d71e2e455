/**
 * A checkpoint while it is being taken. `add` freezes pieces of state, all between the same two ticks; then the frozen
 * blocks are copied out by `step`, a few at a time, or by a writer that is about to change one (copy on write).
 *
 * Invariant: when nothing is pending, every frozen block was given to `deliver` once, with its contents at the freeze.
 */
import type { Allocate, BlockMarks, Freezer, Persistent } from '../state/persist.ts';
import { type ImageContext, saveImage } from './image.ts';

interface Waiting {
  readonly marks: BlockMarks;
  readonly b: number;
  readonly id: number;
}

export class Snapshot implements Freezer, ImageContext {
  readonly freezer: Freezer = this;
  readonly images = new Map<string, Buffer>();
  /** Every block that the checkpoint consists of. */
  readonly liveIds = new Set<number>();
  readonly #deliver: (id: number, packed: Uint8Array) => void;
  readonly #newId: () => number;
  readonly #allocate: Allocate | undefined;
  readonly #queue: Waiting[] = [];
  readonly #copied: Waiting[] = [];
  #at = 0;
  #pending = 0;
  bytes = 0;

  /** `allocate`: memory for copies of blocks, which `deliver` may pass on. */
  constructor(newId: () => number, deliver: (id: number, packed: Uint8Array) => void, allocate?: Allocate) {
    this.#newId = newId;
    this.#deliver = deliver;
    this.#allocate = allocate;
  }

  /** Freezes one piece of state under a name. */
  add(name: string, state: Persistent): void {
    this.images.set(name, saveImage(state, this));
  }

  newId(): number {
    return this.#newId();
  }

  frozen(marks: BlockMarks, b: number, id: number): void {
    this.#queue.push({ marks, b, id });
    this.#pending++;
  }

  live(id: number): void {
    this.liveIds.add(id);
  }

  /** Blocks still to be copied. */
  get pending(): number {
    return this.#pending;
  }

  get blocks(): number {
    return this.#queue.length;
  }

  take(marks: BlockMarks, b: number): void {
    const id = marks.ids[b];
    if (id !== undefined) this.#copy({ marks, b, id });
  }

  /** Copies pending blocks, about `bytes` of them. True when none is left. */
  step(bytes: number): boolean {
    const until = this.bytes + bytes;
    while (this.#at < this.#queue.length && this.bytes < until) {
      const next = this.#queue[this.#at++];
      if (next?.marks.isFrozen(next.b) === true && next.marks.ids[next.b] === next.id) {
        this.#copy(next);
        next.marks.thaw(next.b);
      }
    }
    return this.#pending === 0;
  }

  #copy(waiting: Waiting): void {
    const packed = waiting.marks.packed(waiting.b, this.#allocate);
    this.#pending--;
    this.#copied.push(waiting);
    this.bytes += packed.byteLength;
    this.#deliver(waiting.id, packed);
  }

  /** The checkpoint is on disk. */
  settle(): void {
    for (const { marks, b, id } of this.#queue) if (marks.ids[b] === id) marks.settle(b);
  }

  /** The checkpoint has failed: what it was to hold is still to be written by the next one. */
  abandon(): void {
    for (const { marks, b, id } of this.#queue) if (marks.ids[b] === id) marks.forget(b);
  }
}
