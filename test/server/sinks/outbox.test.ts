/** The outbox against a list: added, read, dropped, spilled, saved at any time and put back. */
import { describe, expect, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import type { SinkBatch, SinkChange } from '../../../connector/sink.ts';
import { Outbox } from '../../../server/sinks/outbox.ts';
import type { Spill } from '../../../server/sinks/spill.ts';
import { MemoryCheckpoint } from '../../harness/checkpoint.ts';
import { MemoryStore, marksOf } from '../../harness/eviction.ts';
import { generator } from '../time/random.ts';

class MemorySpill implements Spill {
  readonly files = new Map<string, Uint8Array>();
  full = false;

  put(name: string, bytes: Uint8Array): void {
    if (this.full) throw new Error('no space left on device');
    this.files.set(name, bytes);
  }

  get(name: string): Uint8Array {
    const bytes = this.files.get(name);
    if (bytes === undefined) throw new Error(`${name} is gone`);
    return bytes;
  }

  remove(name: string): void {
    this.files.delete(name);
  }
}

const columns = [types.int4, types.text, types.numeric];
const limits = { memoryBytes: 2000, chunkBytes: 700 };

const texts = (batches: Iterable<SinkBatch>): readonly string[] =>
  [...batches].flatMap(({ epoch, at, first, changes }) =>
    changes.map(({ before, after }, i) => `${epoch} ${at} ${first + i} ${before?.join()} ${after?.join()}`),
  );

function someChanges(random: (n: number) => number): readonly SinkChange[] {
  const row = () => [random(100), random(3) === 0 ? null : 'x'.repeat(random(20)), null];
  return Array.from({ length: 1 + random(6) }, (): SinkChange => {
    const form = random(3);
    if (form === 0) return { before: null, after: row() };
    return form === 1 ? { before: row(), after: null } : { before: row(), after: row() };
  });
}

/** Sets some blocks aside, and puts some of those away. */
function sendAway(outbox: Outbox, store: MemoryStore, random: (n: number) => number): void {
  for (const marks of marksOf(outbox)) {
    marks.store = store;
    for (let b = 0; b < outbox.blockCount(); b++) {
      if (marks.absent[b] !== 1 && random(2) === 0) marks.setAside(b);
      if (marks.isAside(b) && random(2) === 0) marks.putAway(b);
    }
  }
}

describe('outbox', () => {
  it('gives what was added and not dropped, in order', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = generator(seed);
      const spill = random(4) === 0 ? null : new MemorySpill();
      let outbox = new Outbox('a', columns, spill, limits);
      let expected: SinkBatch[] = [];
      let epoch = 0n;
      const checkpoint = new MemoryCheckpoint();
      const store = new MemoryStore((id) => checkpoint.block(id));
      for (let step = 0; step < 200; step++) {
        const what = random(13);
        if (what < 8) {
          if (random(4) > 0) epoch++;
          const changes = someChanges(random);
          const before = expected.at(-1);
          const first = before?.epoch === epoch ? before.first + before.changes.length : 0;
          if (outbox.lastEpoch === epoch && before?.epoch !== epoch) continue;
          outbox.add(epoch, epoch * 10n, changes);
          expected.push({ epoch, at: epoch * 10n, first, changes });
        } else if (what < 10) {
          const through = epoch - BigInt(random(20));
          outbox.dropThrough(through);
          expected = expected.filter((b) => b.epoch > through);
        } else if (what === 10) {
          checkpoint.begin(outbox);
          const then = texts(expected);
          // The outbox goes on while it is copied.
          outbox.add(++epoch, 0n, someChanges(random));
          outbox.dropThrough(epoch - BigInt(random(9)));
          checkpoint.copy(random(3), random);
          outbox.dropThrough(epoch);
          checkpoint.finish();
          outbox.clear();
          outbox = new Outbox('a', columns, spill, limits);
          checkpoint.restore(outbox);
          expect(texts(outbox.waiting(epoch))).toEqual(then);
        }
        if (what === 12) sendAway(outbox, store, random);
        expect(outbox.rows).toBe(expected.reduce((sum, b) => sum + b.changes.length, 0));
        if (random(8) === 0) expect(texts(outbox.waiting(epoch))).toEqual(texts(expected));
        const some = epoch - BigInt(random(10));
        if (random(8) === 0) {
          expect(texts(outbox.waiting(some))).toEqual(texts(expected.filter((b) => b.epoch <= some)));
        }
      }
      outbox.dropThrough(epoch);
      expect(outbox.isEmpty).toBe(true);
      expect(outbox.bytes).toBe(0);
      expect(outbox.isDrained).toBe(true);
      if (spill !== null) expect(spill.files.size).toBe(0);
    }
  });

  it('keeps to its memory as long as there is room on disk', () => {
    const spill = new MemorySpill();
    const outbox = new Outbox('a', columns, spill, limits);
    const random = generator(3);
    for (let epoch = 1n; epoch <= 500n; epoch++) {
      outbox.add(epoch, 0n, someChanges(random));
      expect(outbox.isOver).toBe(false);
    }
    expect(outbox.spilledBytes).toBeGreaterThan(outbox.bytes - limits.memoryBytes - 2 * limits.chunkBytes);
    spill.full = true;
    for (let epoch = 501n; epoch <= 600n; epoch++) outbox.add(epoch, 0n, someChanges(random));
    expect(outbox.isOver).toBe(true);
    expect(String(outbox.spillFailure)).toContain('no space left');
    expect([...outbox.waiting(600n)].map((b) => b.epoch)).toEqual(
      Array.from({ length: 600 }, (_, i) => BigInt(i + 1)),
    );
  });
});
