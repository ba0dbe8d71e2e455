/** Checkpoints of plain blocks: one version's contents whatever is written meanwhile, incremental, all or nothing, damage found. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CheckpointFile } from '../../../storage/checkpoint/checkpointFile.ts';
import { CheckpointWriter } from '../../../storage/checkpoint/checkpointWriter.ts';
import { restoreImage } from '../../../storage/checkpoint/image.ts';
import { Snapshot } from '../../../storage/checkpoint/snapshot.ts';
import {
  BlockMarks,
  type BlockOwner,
  type BlockPart,
  type Persistent,
  type StateReader,
  type StateWriter,
} from '../../../storage/state/persist.ts';

const ROWS = 4;

/** A list of numbers in blocks of four, with a second part of encoded texts. */
class Cells implements BlockOwner, Persistent {
  blocks: Int32Array<ArrayBuffer>[] = [];
  texts: string[][] = [];
  readonly marks = new BlockMarks(this);

  get length(): number {
    return this.blocks.length * ROWS;
  }

  grow(): void {
    this.blocks.push(new Int32Array(ROWS));
    this.texts.push(new Array<string>(ROWS).fill(''));
    this.marks.touch(this.blocks.length - 1);
  }

  shrink(): void {
    this.marks.drop(this.blocks.length - 1);
    this.blocks.pop();
    this.texts.pop();
  }

  set(at: number, value: number): void {
    const b = Math.floor(at / ROWS);
    this.marks.touch(b);
    const block = this.blocks[b];
    const texts = this.texts[b];
    if (block === undefined || texts === undefined) throw new Error('no such block');
    block[at % ROWS] = value;
    texts[at % ROWS] = `text ${value}`;
  }

  contents(): unknown {
    return { numbers: this.blocks.map((b) => [...b]), texts: this.texts.map((t) => [...t]) };
  }

  blockCount(): number {
    return this.blocks.length;
  }

  blockParts(b: number): readonly BlockPart[] {
    const numbers = this.blocks[b] ?? new Int32Array(0);
    const texts = this.texts[b] ?? [];
    return [numbers, { encode: () => new TextEncoder().encode(JSON.stringify(texts)) }];
  }

  /** Its blocks are never away. */
  releaseBlock(): never {
    throw new TypeError('no block is away');
  }

  adoptBlock(b: number, parts: readonly Uint8Array<ArrayBuffer>[]): void {
    const [numbers, texts] = parts;
    if (numbers === undefined || texts === undefined) throw new Error('two parts');
    this.blocks[b] = new Int32Array(numbers.buffer, numbers.byteOffset, numbers.byteLength / 4);
    this.texts[b] = JSON.parse(new TextDecoder().decode(texts)) as string[];
  }

  save(out: StateWriter): void {
    out.value({ length: this.length, exact: 10n ** 20n });
    out.blocks(this.marks);
  }

  restore(from: StateReader): void {
    expect(from.value()).toMatchObject({ exact: 10n ** 20n });
    from.blocks(this.marks);
  }
}

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-checkpoint-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

function restored(): { readonly cells: Cells; readonly description: string | null } {
  const file = new CheckpointFile(directory);
  try {
    const cells = new Cells();
    const image = file.image('cells');
    if (image !== null) restoreImage(cells, image, file);
    return { cells, description: file.description() };
  } finally {
    file.close();
  }
}

type Step =
  | { readonly kind: 'set'; readonly at: number; readonly value: number }
  | { readonly kind: 'grow' | 'shrink' | 'copy' };

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('set' as const), at: fc.nat(40), value: fc.nat(1000) }),
    fc.record({ kind: fc.constantFrom('grow' as const, 'shrink' as const, 'copy' as const) }),
  ),
  { maxLength: 40 },
);

function apply(cells: Cells, step: Step, snapshot: Snapshot | null): void {
  switch (step.kind) {
    case 'set':
      if (cells.length > 0) cells.set(step.at % cells.length, step.value);
      return;
    case 'grow':
      cells.grow();
      return;
    case 'shrink':
      if (cells.length > 0) cells.shrink();
      return;
    case 'copy':
      snapshot?.step(1);
      return;
  }
}

/** Takes a checkpoint of `cells` while `meanwhile` goes on; gives what it must hold. */
class Checkpoints {
  readonly file = new CheckpointFile(directory);
  #lastId = 0;
  #live: ReadonlySet<number> = new Set();

  take(cells: Cells, meanwhile: readonly Step[]): unknown {
    const { file } = this;
    file.begin();
    const snapshot = new Snapshot(
      () => ++this.#lastId,
      (id, bytes) => file.putBlock(id, bytes),
    );
    snapshot.add('cells', cells);
    const expected = cells.contents();
    for (const step of meanwhile) apply(cells, step, snapshot);
    while (!snapshot.step(64));
    const { images, liveIds } = snapshot;
    const droppedBlocks = [...this.#live].filter((id) => !liveIds.has(id));
    file.commit({ description: 'x', images, droppedImages: [], droppedBlocks });
    this.#live = liveIds;
    expect(new Set(file.blockIds())).toEqual(liveIds);
    return expected;
  }
}

describe('checkpoints', () => {
  it('hold the state at the freeze, whatever is written while they are copied', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(steps, steps), { minLength: 1, maxLength: 5 }), (rounds) => {
        rmSync(directory, { recursive: true, force: true });
        directory = mkdtempSync(join(tmpdir(), 'millrace-checkpoint-'));
        const checkpoints = new Checkpoints();
        const cells = new Cells();
        try {
          for (const [before, meanwhile] of rounds) {
            for (const step of before) apply(cells, step, null);
            const expected = checkpoints.take(cells, meanwhile);
            const copy = new Cells();
            const image = checkpoints.file.image('cells');
            expect(image).not.toBeNull();
            if (image !== null) restoreImage(copy, image, checkpoints.file);
            expect(copy.contents()).toEqual(expected);
          }
        } finally {
          checkpoints.file.close();
        }
      }),
      { numRuns: 60 },
    );
  });

  it('write only what has changed', async () => {
    const cells = new Cells();
    for (let b = 0; b < 10; b++) cells.grow();
    let lastId = 0;
    const writer = CheckpointWriter.inDirectory(directory, 1 << 20);
    const take = async (number: number): Promise<number> => {
      writer.begin();
      const snapshot = new Snapshot(
        () => ++lastId,
        (id, bytes) => writer.block(id, bytes),
      );
      snapshot.add('cells', cells);
      while (!snapshot.step(1000)) await writer.drained(100);
      await writer.commit({
        description: `${number}`,
        images: snapshot.images,
        droppedImages: [],
        droppedBlocks: [],
      });
      return snapshot.blocks;
    };
    expect(await take(1)).toBe(10);
    cells.set(17, 4);
    expect(await take(2)).toBe(1);
    expect(await take(3)).toBe(0);
    await writer.close();
    const { cells: copy, description } = restored();
    expect(description).toBe('3');
    expect(copy.contents()).toEqual(cells.contents());
    // A restored structure has nothing to be written again.
    const snapshot = new Snapshot(
      () => ++lastId,
      () => {},
    );
    snapshot.add('cells', copy);
    expect(snapshot.blocks).toBe(0);
  });

  it('that are not ended leave the one before', () => {
    const checkpoints = new Checkpoints();
    const cells = new Cells();
    cells.grow();
    cells.set(1, 11);
    const expected = checkpoints.take(cells, []);
    cells.set(1, 12);
    checkpoints.file.begin();
    const snapshot = new Snapshot(
      () => 99,
      (id, bytes) => checkpoints.file.putBlock(id, bytes),
    );
    snapshot.add('cells', cells);
    snapshot.step(1e6);
    checkpoints.file.rollback();
    snapshot.abandon();
    checkpoints.file.close();
    expect(restored().cells.contents()).toEqual(expected);
    // What it was to hold comes with the next.
    const again = new Checkpoints();
    const now = again.take(cells, []);
    again.file.close();
    expect(restored().cells.contents()).toEqual(now);
  });

  it('tell damaged blocks, images and descriptions', () => {
    const checkpoints = new Checkpoints();
    const cells = new Cells();
    cells.grow();
    checkpoints.take(cells, []);
    checkpoints.file.close();
    const damage = (sql: string): void => {
      const db = new Sqlite(join(directory, 'state.db'));
      db.exec(sql);
      db.close();
    };
    damage("UPDATE checkpoint SET description = 'y'");
    expect(() => restored()).toThrow(/description of the checkpoint .* is damaged/);
    damage("UPDATE checkpoint SET description = 'x'");
    damage('UPDATE block SET bytes = zeroblob(length(bytes))');
    expect(() => restored()).toThrow(/block 1 of the checkpoint .* is damaged/);
    damage('DELETE FROM block');
    expect(() => restored()).toThrow(/block 1 of the checkpoint .* is damaged/);
    damage("UPDATE image SET bytes = x'00'");
    expect(() => restored()).toThrow(/image cells of the checkpoint .* is damaged/);
  });

  it('that cannot be written are reported, and the next one can be', async () => {
    const limited = new Sqlite(join(directory, 'state.db'));
    limited.close();
    const writer = CheckpointWriter.inDirectory(directory, 1 << 20);
    // A second transaction on the file keeps the writer out.
    const other = new CheckpointFile(directory);
    other.begin();
    writer.begin();
    writer.block(1, new Uint8Array(16));
    await expect(
      writer.commit({ description: 'a', images: new Map(), droppedImages: [], droppedBlocks: [] }),
    ).rejects.toMatchObject({ state: '58030' });
    other.rollback();
    other.close();
    writer.begin();
    await writer.commit({ description: 'b', images: new Map(), droppedImages: [], droppedBlocks: [] });
    await writer.close();
    expect(restored().description).toBe('b');
  }, 20_000);
});
