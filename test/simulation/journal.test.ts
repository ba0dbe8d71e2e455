/**
 * The journal alone over the simulated disk, many times: records small and large, written, synced, refused and covered by checkpoints
 * in any order, and deaths in between. What was on disk is there, what follows has no gap, and nothing else is ever read.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { JournalFile } from '../../storage/journal.ts';
import { generator } from '../server/time/random.ts';
import { type CrashKind, Disk } from './disk.ts';

const SEEDS = 600;
const LIVES = 6;
const STEPS = 40;

/** What the payload of a record may be; one where it is known. */
class Model {
  readonly possible = new Map<number, Set<string>>();
  readonly refused = new Set<string>();
  written = 0;
  synced = 0;
  #made = 0;

  /** A payload that no other record has. */
  payload(random: (n: number) => number): string | Uint8Array {
    const text = `${++this.#made} ${'x'.repeat(random(400))}`;
    return random(2) === 0 ? text : new Uint8Array(Buffer.from(text));
  }

  attempt(seq: number, payload: string | Uint8Array): void {
    const known = this.possible.get(seq) ?? new Set();
    this.possible.set(seq, known.add(textOf(payload)));
  }

  /** Through `seq` the newest are those that are there. */
  settle(through: number): void {
    for (let seq = this.synced + 1; seq <= through; seq++) {
      const newest = [...(this.possible.get(seq) ?? [])].at(-1);
      if (newest === undefined) continue;
      expect(this.refused, `record ${seq} was refused`).not.toContain(newest);
      this.possible.set(seq, new Set([newest]));
    }
    this.synced = Math.max(this.synced, through);
  }
}

const textOf = (payload: string | Uint8Array): string =>
  typeof payload === 'string' ? payload : Buffer.from(payload).toString();

class History {
  readonly #random: (n: number) => number;
  readonly #model = new Model();
  #disk: Disk;
  torn = 0;

  constructor(seed: number) {
    this.#random = generator(seed);
    this.#disk = new Disk(this.#random);
  }

  async run(): Promise<void> {
    for (let life = 0; life < LIVES; life++) {
      const kind: CrashKind = this.#random(3) === 0 ? 'process' : 'power';
      await this.#live();
      const before = this.#disk.lastWritten;
      this.#disk.dead = true;
      for (let i = 0; i < 10; i++) await nextTurn();
      this.#disk = this.#disk.afterCrash(kind, this.#random);
      this.#check(kind, before);
    }
  }

  #open(): JournalFile {
    const file = new JournalFile(this.#disk.openStore(), () => () => {});
    file.continueAfter(this.#disk.covered);
    return file;
  }

  #check(kind: CrashKind, before: number): void {
    const model = this.#model;
    const { covered } = this.#disk;
    const file = this.#open();
    let last = covered;
    for (const { seq, payload } of file.read(covered)) {
      expect(seq).toBe(last + 1);
      expect([...(model.possible.get(seq) ?? [])], `record ${seq}`).toContain(textOf(payload));
      model.possible.set(seq, new Set([textOf(payload)]));
      // It was refused since it could not be synced, and the server died before it could write anything else.
      model.refused.delete(textOf(payload));
      last = seq;
    }
    expect(last, kind).toBeGreaterThanOrEqual(kind === 'process' ? model.written : model.synced);
    if (last < before) this.torn++;
    for (const seq of model.possible.keys()) if (seq > last) model.possible.delete(seq);
    model.written = last;
    // What is there need not be on disk: it may be lost by the next death but one.
    model.synced = Math.min(model.synced, last);
  }

  async #live(): Promise<void> {
    const disk = this.#disk;
    const random = this.#random;
    const model = this.#model;
    const file = this.#open();
    disk.slowness = 1 + random(4);
    disk.crashAt = disk.events + 1 + random(120);
    const syncs: Promise<void>[] = [];
    for (let step = 0; step < STEPS && !disk.dead; step++) {
      if (random(6) === 0) disk.fault = ([null, 'full', 'io'] as const)[random(3)] ?? null;
      try {
        await this.#step(file, syncs);
      } catch (error) {
        expect(String(error)).toMatch(/could not write the journal|cannot write the checkpoint/);
        expect(disk.wrong).toBeNull();
      }
      if (random(3) === 0) await nextTurn();
    }
    disk.fault = null;
    // It recovers by itself.
    if (disk.dead || random(2) === 0) return;
    disk.crashAt = null;
    const payload = model.payload(random);
    model.attempt(file.lastSeq + 1, payload);
    const seq = file.append({ kind: 'k', payload });
    model.settle(seq);
    model.written = Math.max(model.written, seq);
  }

  async #step(file: JournalFile, syncs: Promise<void>[]): Promise<void> {
    const model = this.#model;
    const random = this.#random;
    const payload = model.payload(random);
    switch (random(8)) {
      case 0:
      case 1: {
        model.attempt(file.lastSeq + 1, payload);
        file.appendLater('k', payload);
        return;
      }
      case 2: {
        const seq = file.lastSeq + 1;
        model.attempt(seq, payload);
        try {
          file.append({ kind: 'k', payload });
        } catch (error) {
          if (!this.#disk.dead) model.refused.add(textOf(payload));
          throw error;
        }
        if (!this.#disk.dead) model.settle(seq);
        model.written = Math.max(model.written, model.synced);
        return;
      }
      case 3: {
        if (!file.tryFlush() || this.#disk.dead) return;
        model.written = file.lastSeq;
        return;
      }
      case 4:
        file.probe(10);
        return;
      case 5:
        file.release();
        return;
      case 6: {
        const through = file.lastSeq;
        const sync = file.flushThrough(through).then(
          () => {
            if (this.#disk.dead) return;
            model.settle(through);
            model.written = Math.max(model.written, through);
          },
          () => {},
        );
        syncs.push(sync);
        if (random(2) === 0) await this.#whileAlive(sync);
        return;
      }
      default:
        if (random(3) === 0) await this.#checkpoint(file);
    }
  }

  async #whileAlive(work: Promise<unknown>): Promise<void> {
    let done = false;
    work.then(
      () => {
        done = true;
      },
      () => {
        done = true;
      },
    );
    while (!done && !this.#disk.dead) await nextTurn();
  }

  async #checkpoint(file: JournalFile): Promise<void> {
    const random = this.#random;
    // More has been written by the time it is on disk.
    const journalSeq = file.lastSeq - random(6);
    if (journalSeq <= this.#disk.covered) return;
    const writer = this.#disk.writer();
    writer.begin();
    const description = JSON.stringify({ journalSeq, version: '1' });
    const end = { description, images: new Map(), droppedImages: [], droppedBlocks: [] };
    const committed = writer.commit(end);
    committed.catch(() => {});
    await this.#whileAlive(committed);
    if (this.#disk.dead) return;
    await committed;
    this.#model.settle(journalSeq);
    this.#model.written = Math.max(this.#model.written, journalSeq);
    file.truncateThrough(journalSeq);
  }
}

describe('the journal over a disk that dies', () => {
  it('has what was on disk, and nothing that was never written', async () => {
    let torn = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const history = new History(seed);
      try {
        await history.run();
      } catch (error) {
        throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, {
          cause: error,
        });
      }
      torn += history.torn;
    }
    expect(torn).toBeGreaterThan(SEEDS / 10);
  });
});
