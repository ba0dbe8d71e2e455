/**
 * Keeps state within a limit of memory: blocks that have not been needed for a while go to disk, and come back when they are.
 *
 * Second chance: a hand goes round all blocks and sets some aside - still in memory, but whoever needs one has to fetch it,
 * which costs next to nothing. What is still aside when its turn comes, first in first out, has not been needed: it is put
 * away, unchanged blocks of the checkpoint without being written, all others into the swap file. So nobody notes uses.
 *
 * Invariant: `relieve` is called only where nobody is in the middle of writing into a block: between ticks, and between batches
 * of a scan. Within a tick more may come to memory than the limit.
 */
import type { BlockMarks, BlockStore, Persistent, StateWriter } from './persist.ts';

/** Blocks below this usually stay: they are of small states. */
const LEAST_BYTES = 4096;
/** Down to this share of the limit, so that not every tick has to make room. */
const GOAL = 0.9;
/** Of the limit, kept aside to find out what is needed. */
const ASIDE = 0.125;

/** Where blocks are kept that no checkpoint has as they are. */
export interface Swap {
  write(packed: Uint8Array<ArrayBuffer>): number;
  read(place: number): Uint8Array<ArrayBuffer>;
  free(place: number): void;
  /** What it takes. */
  readonly bytes: number;
  close(): void;
}

interface Owner {
  readonly marks: BlockMarks;
  /** By block, what it takes in memory; 0: nothing, or not known. */
  sizes: number[];
}

interface Aside {
  readonly owner: Owner;
  readonly b: number;
  readonly bytes: number;
}

/** All marks of a piece of state that is between ticks. */
export function marksOf(states: Iterable<Persistent>): ReadonlySet<BlockMarks> {
  const all = new Set<BlockMarks>();
  const collector: StateWriter = { value: () => {}, blocks: (marks) => all.add(marks) };
  for (const state of states) state.save(collector);
  return all;
}

export class Residency implements BlockStore {
  limit: number;
  readonly #swap: Swap;
  readonly #leastBytes: number;
  /** Gives a block of the newest checkpoint. */
  readonly #checkpoint: (id: number) => Uint8Array<ArrayBuffer>;
  #owners: Owner[] = [];
  #known = new WeakMap<BlockMarks, Owner>();
  /** Of state that is being built and is not yet found where the rest is. */
  #building: WeakRef<BlockMarks>[] = [];
  /** Places of structures that are dropped as a whole. */
  readonly #dropped = new FinalizationRegistry<ReadonlySet<number>>((places) => {
    for (const place of places) this.free(place);
  });
  #resident = 0;
  #aside: Aside[] = [];
  #asideBytes = 0;
  /** The hand. */
  #ownerAt = 0;
  #blockAt = 0;
  /** Blocks that came back from disk, and that went there. */
  fetches = 0n;
  evictions = 0n;

  constructor(
    limit: number,
    swap: Swap,
    checkpoint: (id: number) => Uint8Array<ArrayBuffer>,
    leastBytes = LEAST_BYTES,
  ) {
    this.limit = limit;
    this.#leastBytes = leastBytes;
    this.#swap = swap;
    this.#checkpoint = checkpoint;
  }

  /** Bytes of blocks in memory, as of the last `measure` and what has come and gone since. */
  get resident(): number {
    return this.#resident;
  }

  block(id: number): Uint8Array<ArrayBuffer> {
    return this.#checkpoint(id);
  }

  write(packed: Uint8Array<ArrayBuffer>): number {
    return this.#swap.write(packed);
  }

  read(place: number): Uint8Array<ArrayBuffer> {
    return this.#swap.read(place);
  }

  free(place: number): void {
    this.#swap.free(place);
  }

  fetched(bytes: number): void {
    this.fetches++;
    this.#resident += bytes;
  }

  /** State that is being built counts too. */
  include(states: Iterable<Persistent>): void {
    for (const marks of marksOf(states)) this.#building.push(new WeakRef(marks));
  }

  /** Counts anew what there is. Between ticks. */
  measure(states: Iterable<Persistent>): void {
    const all = new Set(marksOf(states));
    const building: WeakRef<BlockMarks>[] = [];
    for (const ref of this.#building) {
      const marks = ref.deref();
      if (marks === undefined || all.has(marks)) continue;
      building.push(ref);
      all.add(marks);
    }
    this.#building = building;
    this.#owners = [];
    this.#resident = 0;
    for (const marks of all) {
      const owner = this.#known.get(marks) ?? this.#adopt(marks);
      this.#owners.push(owner);
      this.#resident += measured(owner);
    }
  }

  #adopt(marks: BlockMarks): Owner {
    const owner: Owner = { marks, sizes: [] };
    marks.store = this;
    this.#known.set(marks, owner);
    this.#dropped.register(marks, marks.places);
    return owner;
  }

  /** Sends blocks away until there is room again. False: there was nothing more that could go. */
  relieve(): boolean {
    if (this.#resident <= this.limit) return true;
    const goal = this.limit * GOAL;
    // What has come back from aside makes further rounds necessary.
    for (let round = 0; round < 3 && this.#resident > goal; round++) {
      this.#setAside(this.#resident - goal + this.limit * ASIDE);
      this.#putAway(goal);
    }
    return this.#resident <= this.limit;
  }

  /** Puts away what has been aside for the longest time, until no more than `goal` is in memory. */
  #putAway(goal: number): void {
    let k = 0;
    try {
      for (; k < this.#aside.length && this.#resident > goal; k++) {
        const { owner, b, bytes } = this.#aside[k] as Aside;
        if (!owner.marks.isAside(b)) continue;
        owner.marks.putAway(b);
        owner.sizes[b] = 0;
        this.#resident -= bytes;
        this.evictions++;
      }
    } finally {
      for (const { bytes } of this.#aside.splice(0, k)) this.#asideBytes -= bytes;
    }
  }

  /** Lets the hand go on until so much is aside, or once round. */
  #setAside(bytes: number): void {
    let left = this.#owners.length + 1;
    while (this.#asideBytes < bytes && left > 0) {
      const owner = this.#owners[this.#ownerAt];
      if (owner === undefined || this.#blockAt >= owner.marks.owner.blockCount()) {
        this.#ownerAt = this.#ownerAt + 1 < this.#owners.length ? this.#ownerAt + 1 : 0;
        this.#blockAt = 0;
        left--;
        continue;
      }
      const b = this.#blockAt++;
      if (owner.marks.absent[b] === 1) continue;
      const size = owner.marks.size(b);
      if (size < this.#leastBytes) continue;
      owner.marks.setAside(b);
      this.#aside.push({ owner, b, bytes: size });
      this.#asideBytes += size;
    }
  }
}

/** The memory of an owner's blocks. Only a first block changes its size, and the last ones are new. */
function measured(owner: Owner): number {
  const { marks } = owner;
  const count = marks.owner.blockCount();
  const { sizes } = owner;
  sizes.length = Math.min(sizes.length, count);
  let sum = 0;
  for (let b = 0; b < count; b++) {
    if (b === 0 || (sizes[b] ?? 0) === 0)
      sizes[b] = marks.absent[b] === 1 && !marks.isAside(b) ? 0 : marks.size(b);
    sum += sizes[b] as number;
  }
  return sum;
}
