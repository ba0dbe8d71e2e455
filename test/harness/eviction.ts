/** Blocks that are away, in memory, for tests: random ones of a structure are sent away between its ticks. */
import { must } from '../../common/assert.ts';
import type { BlockMarks, BlockStore, Persistent } from '../../storage/state/persist.ts';
import type { Swap } from '../../storage/state/residency.ts';

export class MemoryStore implements BlockStore, Swap {
  readonly #places = new Map<number, Uint8Array<ArrayBuffer>>();
  readonly #checkpoint: (id: number) => Uint8Array<ArrayBuffer>;
  #last = 0;
  written = 0;
  fetches = 0;

  /** `checkpoint` gives the blocks of the newest one. */
  constructor(checkpoint: (id: number) => Uint8Array<ArrayBuffer>) {
    this.#checkpoint = checkpoint;
  }

  block(id: number): Uint8Array<ArrayBuffer> {
    return this.#checkpoint(id);
  }

  write(packed: Uint8Array<ArrayBuffer>): number {
    this.#places.set(++this.#last, Uint8Array.from(packed));
    this.written++;
    return this.#last;
  }

  read(place: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(must(this.#places.get(place)));
  }

  free(place: number): void {
    if (!this.#places.delete(place)) throw new TypeError('a place is freed once');
  }

  fetched(): void {
    this.fetches++;
  }

  get bytes(): number {
    let sum = 0;
    for (const packed of this.#places.values()) sum += packed.byteLength;
    return sum;
  }

  close(): void {}

  /** Places that are taken. */
  get places(): number {
    return this.#places.size;
  }
}

/** The marks of a structure that is between ticks. */
export function marksOf(state: Persistent): readonly BlockMarks[] {
  const all: BlockMarks[] = [];
  state.save({ value: () => {}, blocks: (marks) => all.push(marks) });
  return all;
}

/** Sets blocks for which `chosen` is true aside, or puts those away that are. */
export function evict(all: readonly BlockMarks[], store: BlockStore, chosen: () => boolean): void {
  for (const marks of all) {
    marks.store = store;
    for (let b = marks.owner.blockCount() - 1; b >= 0; b--) {
      if (!chosen()) continue;
      if (marks.absent[b] !== 1) marks.setAside(b);
      if (chosen()) marks.putAway(b);
    }
  }
}
