/**
 * The image of one piece of state: the small values that its `save` wrote, in order, with the numbers of its blocks in
 * between, serialised. The blocks themselves lie in the checkpoint under their numbers.
 */
import { deserialize, serialize } from 'node:v8';
import { assert } from '../../common/assert.ts';
import {
  type BlockMarks,
  type BlockStore,
  type Freezer,
  type Persistent,
  type StateReader,
  type StateWriter,
  unpackBlock,
} from '../state/persist.ts';

/** Takes part in a checkpoint that has begun. */
export interface ImageContext {
  readonly freezer: Freezer;
  newId(): number;
  /** Block b waits under `id` until it is copied. */
  frozen(marks: BlockMarks, b: number, id: number): void;
  /** A block belongs to the checkpoint, changed or not. */
  live(id: number): void;
}

class ImageWriter implements StateWriter {
  readonly items: unknown[] = [];
  readonly #context: ImageContext;

  constructor(context: ImageContext) {
    this.#context = context;
  }

  value(value: unknown): void {
    this.items.push(value);
  }

  blocks(marks: BlockMarks): void {
    const context = this.#context;
    const frozen = marks.freeze(context.freezer, () => context.newId());
    for (const b of frozen) context.frozen(marks, b, marks.ids[b] ?? 0);
    const ids = marks.ids.slice(0, marks.owner.blockCount());
    for (const id of ids) context.live(id);
    this.items.push(ids);
  }
}

/** Freezes a piece of state; gives its image. */
export function saveImage(state: Persistent, context: ImageContext): Buffer {
  const writer = new ImageWriter(context);
  state.save(writer);
  return serialize(writer.items);
}

/** Where the blocks of images are. */
export interface BlockSource {
  /** The packed block; the buffer is the caller's. Throws when it is missing or damaged. */
  block(id: number): Uint8Array<ArrayBuffer>;
}

class ImageReader implements StateReader {
  readonly #items: readonly unknown[];
  readonly #source: BlockSource;
  readonly #away: BlockStore | null;
  #at = 0;

  constructor(items: readonly unknown[], source: BlockSource, away: BlockStore | null) {
    this.#items = items;
    this.#source = source;
    this.#away = away;
  }

  value(): unknown {
    assert(this.#at < this.#items.length, 'image has further values');
    return this.#items[this.#at++];
  }

  blocks(marks: BlockMarks): void {
    const ids = this.value();
    assert(Array.isArray(ids), 'image has block numbers here');
    const numbers = ids as readonly number[];
    if (this.#away !== null) {
      marks.restoredAway(numbers, this.#away);
      return;
    }
    numbers.forEach((id, b) => {
      marks.owner.adoptBlock(b, unpackBlock(this.#source.block(id)));
    });
    marks.restored(numbers);
  }

  done(): boolean {
    return this.#at === this.#items.length;
  }
}

/** Puts an image back into a fresh structure of the same shape. `away`: its blocks stay there until they are needed. */
export function restoreImage(
  state: Persistent,
  image: Uint8Array,
  source: BlockSource,
  away: BlockStore | null = null,
): void {
  const items: unknown = deserialize(image);
  assert(Array.isArray(items), 'image is a list');
  const reader = new ImageReader(items, source, away);
  state.restore(reader);
  assert(reader.done(), 'image has no further values');
}
