/**
 * Checkpoints in memory, for tests of durable state: blocks by number, values in order, copies taken a few at a time.
 *
 * `begin` freezes, `copy` copies some of the frozen blocks, `finish` the rest; then `restore` reads the image back.
 */
import { expect } from 'vitest';
import { must } from '../../common/assert.ts';
import {
  type BlockMarks,
  type BlockStore,
  type Freezer,
  type Persistent,
  type StateReader,
  type StateWriter,
  unpackBlock,
} from '../../storage/state/persist.ts';

interface Frozen {
  readonly marks: BlockMarks;
  readonly b: number;
  readonly id: number;
}

interface Image {
  readonly values: readonly unknown[];
  /** By owner, in the order of saving: the numbers of its blocks. */
  readonly owners: readonly { readonly marks: BlockMarks; readonly ids: readonly number[] }[];
}

export class MemoryCheckpoint implements Freezer {
  /** The contents of blocks as of the last checkpoint that was finished. */
  readonly #blocks = new Map<number, Uint8Array>();
  /** What the running checkpoint has copied so far. */
  #copied = new Map<number, Uint8Array>();
  #pending: Frozen[] = [];
  #image: Image | null = null;
  #running: Image | null = null;
  #lastId = 0;

  /** Freezes the changed blocks; returns how many there are. */
  begin(state: Persistent): number {
    const values: unknown[] = [];
    const owners: { marks: BlockMarks; ids: readonly number[] }[] = [];
    const out: StateWriter = {
      value: (value) => values.push(structuredClone(value)),
      blocks: (marks) => {
        const frozen = marks.freeze(this, () => ++this.#lastId);
        for (const b of frozen) this.#pending.push({ marks, b, id: must(marks.ids[b]) });
        owners.push({ marks, ids: marks.ids.slice(0, marks.owner.blockCount()) });
      },
    };
    state.save(out);
    this.#running = { values, owners };
    return this.#pending.length;
  }

  take(marks: BlockMarks, b: number): void {
    this.#copied.set(must(marks.ids[b]), marks.packed(b));
  }

  /** Copies up to `count` of the blocks that are still frozen; `pick` chooses among those that are left. */
  copy(count: number, pick: (left: number) => number): void {
    for (let k = 0; k < count && this.#pending.length > 0; k++) {
      const [frozen] = this.#pending.splice(pick(this.#pending.length), 1);
      const { marks, b } = must(frozen);
      if (!marks.isFrozen(b)) continue;
      this.take(marks, b);
      marks.thaw(b);
    }
  }

  /** Copies what is left: the checkpoint is complete. Returns the numbers of the blocks that it wrote. */
  finish(): readonly number[] {
    this.copy(this.#pending.length, () => 0);
    const written = [...this.#copied.keys()];
    for (const [id, bytes] of this.#copied) this.#blocks.set(id, bytes);
    this.#copied = new Map();
    this.#image = must(this.#running);
    for (const { marks } of this.#image.owners)
      marks.ids.forEach((_id, b) => {
        marks.settle(b);
      });
    return written;
  }

  /** Gives the running checkpoint up: what it froze counts as changed. */
  fail(): void {
    for (const { marks, b } of this.#pending) if (marks.isFrozen(b)) marks.forget(b);
    for (const { marks } of must(this.#running).owners) {
      for (let b = 0; b < marks.ids.length; b++) if (this.#copied.has(must(marks.ids[b]))) marks.forget(b);
    }
    this.#pending = [];
    this.#copied = new Map();
  }

  /** A block of the last checkpoint that was finished. */
  block(id: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(must(this.#blocks.get(id)));
  }

  /** Puts the last finished checkpoint into a fresh structure, whose blocks stay in `away`, if given. */
  restore(into: Persistent, away: BlockStore | null = null): void {
    const { values, owners } = must(this.#image);
    let value = 0;
    let owner = 0;
    const from: StateReader = {
      value: () => structuredClone(values[value++]),
      blocks: (marks) => {
        const { ids } = must(owners[owner++]);
        if (away !== null) {
          marks.restoredAway(ids, away);
          return;
        }
        ids.forEach((id, b) => {
          // Each block comes in a buffer of its own, as it would from a file.
          marks.owner.adoptBlock(b, unpackBlock(this.block(id)));
        });
        marks.restored(ids);
      },
    };
    into.restore(from);
    expect([value, owner]).toEqual([values.length, owners.length]);
  }

  /** Every block that counts as unchanged is what was last written: nobody forgot to touch. */
  verify(state: Persistent): void {
    state.save({
      value: () => {},
      blocks: (marks) => {
        for (let b = 0; b < marks.owner.blockCount(); b++) {
          const id = marks.ids[b] ?? 0;
          if (id === 0 || marks.marks[b] !== 0) continue;
          expect(Buffer.compare(marks.packed(b), must(this.#blocks.get(id)))).toBe(0);
        }
      },
    });
  }
}
