/**
 * Durable state: an image restored is the structure at the moment of the freeze, whatever happened while its blocks were
 * copied, and goes on as the original would have.
 */
import { serialize } from 'node:v8';
import { describe, expect, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import { ByteArena } from '../../../storage/state/arena.ts';
import { OrderedIndex } from '../../../storage/state/orderedIndex.ts';
import type { Persistent } from '../../../storage/state/persist.ts';
import { packBlock, unpackBlock } from '../../../storage/state/persist.ts';
import { RowOrder } from '../../../storage/state/rowOrder.ts';
import { RowStore } from '../../../storage/state/rowStore.ts';
import { batchOfRows } from '../../../storage/state/vector.ts';
import { MemoryCheckpoint } from '../../harness/checkpoint.ts';
import { type Driver, type Subject, subjects } from './drivers.ts';
import { Random } from './random.ts';

function run(driver: Driver, ticks: number): void {
  for (let t = 0; t < ticks; t++) driver.tick();
}

/** A driver that has done `ticks` ticks, on a structure restored from the checkpoint. */
function restored(subject: Subject, checkpoint: MemoryCheckpoint, seed: number, ticks: number): Driver {
  const driver = subject.drive(seed);
  run(driver, ticks);
  const structure: Persistent = subject.make();
  checkpoint.restore(structure);
  driver.structure = structure;
  return driver;
}

function twin(subject: Subject, seed: number, ticks: number): Driver {
  const driver = subject.drive(seed);
  run(driver, ticks);
  return driver;
}

function expectSame(driver: Driver, expected: Driver): void {
  const [a, b] = [driver.observe(), expected.observe()];
  // Comparing bytes is quick; only a difference is looked at closely.
  if (Buffer.compare(serialize(a), serialize(b)) !== 0) expect(a).toEqual(b);
}

for (const subject of subjects) {
  describe(subject.name, () => {
    for (const seed of [1, 2]) {
      it(`is in three checkpoints what it was when they froze it: seed ${seed}`, () => {
        const random = new Random(seed * 7919);
        const checkpoint = new MemoryCheckpoint();
        let original = subject.drive(seed);
        let ticks = 0;
        for (let round = 0; round < 3; round++) {
          const before = 1 + random.below(round === 0 ? subject.ticks : 8);
          run(original, before);
          ticks += before;
          const frozenAt = ticks;
          checkpoint.begin(original.structure);
          for (let t = random.below(12); t > 0; t--) {
            checkpoint.copy(random.below(4), (left) => random.below(left));
            original.tick();
            ticks++;
          }
          if (random.below(4) === 0) {
            checkpoint.fail();
            continue;
          }
          checkpoint.finish();
          checkpoint.verify(original.structure);
          const again = restored(subject, checkpoint, seed, frozenAt);
          const expected = twin(subject, seed, frozenAt);
          expectSame(again, expected);
          run(again, 6);
          run(expected, 6);
          expectSame(again, expected);
          // Every other round goes on after a restart.
          if (round === 1) {
            original = restored(subject, checkpoint, seed, frozenAt);
            ticks = frozenAt;
          }
        }
        expectSame(original, twin(subject, seed, ticks));
      });
    }
  });
}

describe('incremental checkpoints', () => {
  const rows = 60_000;

  function filled() {
    const store = new RowStore([types.int8, types.int4]);
    const count = store.addInt32();
    const slots = Int32Array.from({ length: rows }, () => store.alloc());
    const values = Array.from({ length: rows }, (_, i) => [BigInt(i), i]);
    store.store(batchOfRows(store.types, values).columns, null, null, rows, slots);
    for (const slot of slots) count.set(slot, slot);
    return { store, count };
  }

  it('write only blocks that changed', () => {
    const { store, count } = filled();
    const checkpoint = new MemoryCheckpoint();
    const first = checkpoint.begin(store);
    checkpoint.finish();
    expect(first).toBe(16);
    expect(checkpoint.begin(store)).toBe(0);
    checkpoint.finish();
    // A count changes: a block of further columns. A row does: a block of columns.
    count.set(20_000, 1);
    expect(checkpoint.begin(store)).toBe(1);
    expect(checkpoint.finish().length).toBe(1);
    store.storeOne(batchOfRows(store.types, [[5n, 5]]).columns, null, 0, 30_000);
    count.set(2, 1);
    expect(checkpoint.begin(store)).toBe(2);
    // Changes while it runs are not in it, but in the next.
    count.set(50_000, 99);
    count.set(2, 77);
    checkpoint.finish();
    const again = filledFrom(checkpoint);
    expect([again.count.get(20_000), again.count.get(2), again.count.get(50_000)]).toEqual([1, 1, 50_000]);
    expect(again.store.values(30_000)).toEqual([5n, 5]);
    expect(checkpoint.begin(store)).toBe(2);
    checkpoint.finish();
    expect(filledFrom(checkpoint).count.get(2)).toBe(77);
  });

  function filledFrom(checkpoint: MemoryCheckpoint) {
    const store = new RowStore([types.int8, types.int4]);
    const count = store.addInt32();
    checkpoint.restore(store);
    return { store, count };
  }

  it('go on after a restart where they were', () => {
    const { store } = filled();
    const checkpoint = new MemoryCheckpoint();
    checkpoint.begin(store);
    checkpoint.finish();
    const again = filledFrom(checkpoint);
    expect(checkpoint.begin(again.store)).toBe(0);
    checkpoint.finish();
    again.count.set(59_999, -1);
    expect(checkpoint.begin(again.store)).toBe(1);
    checkpoint.finish();
    expect(filledFrom(checkpoint).count.get(59_999)).toBe(-1);
  });

  it('keep a further column that is added late', () => {
    const { store, count } = filled();
    const checkpoint = new MemoryCheckpoint();
    checkpoint.begin(store);
    checkpoint.finish();
    checkpoint.begin(store);
    count.set(1, 5);
    const late = store.addFloat64();
    late.set(7, 0.5);
    checkpoint.finish();
    expect(filledFrom(checkpoint).count.get(1)).toBe(1);
    checkpoint.begin(store);
    checkpoint.finish();
    const again = new RowStore([types.int8, types.int4]);
    const [counts, lates] = [again.addInt32(), again.addFloat64()];
    checkpoint.restore(again);
    expect([counts.get(1), lates.get(7)]).toEqual([5, 0.5]);
  });
});

describe('ByteArena', () => {
  it('keeps a page of which only the rest goes to the free lists', () => {
    const arena = new ByteArena(true);
    // Two pages; of the second a little is left.
    const refs = Array.from({ length: 126 }, (_, i) => arena.putText(String(i % 10).repeat(1000)));
    // Of the size of the rest, which will be linked to it.
    arena.free(refs.shift() ?? 0);
    const checkpoint = new MemoryCheckpoint();
    checkpoint.begin(arena);
    checkpoint.finish();
    refs.push(arena.putText('x'.repeat(5000)));
    checkpoint.verify(arena);
    checkpoint.begin(arena);
    checkpoint.finish();
    const again = new ByteArena(true);
    checkpoint.restore(again);
    for (const into of [arena, again]) for (let k = 0; k < 50; k++) into.putText('y'.repeat(k * 5));
    expect(refs.map((ref) => again.text(ref))).toEqual(refs.map((ref) => arena.text(ref)));
    expect(again.bytes()).toBe(arena.bytes());
  });
});

describe('OrderedIndex', () => {
  it('marks the neighbour of a leaf that is split', () => {
    const store = new RowStore([types.int4]);
    const order = new RowOrder(store, [{ column: 0, descending: false, nullsFirst: false }]);
    const tree = new OrderedIndex(order);
    const add = (value: number): void => {
      const slot = store.alloc();
      store.storeOne(batchOfRows(store.types, [[value]]).columns, null, 0, slot);
      tree.insert(slot);
    };
    // Full leaves, 64 a block: the one after the last of a block lies in the next.
    for (let i = 0; i < 64 * 140; i++) add(i * 10);
    const checkpoint = new MemoryCheckpoint();
    checkpoint.begin(tree);
    checkpoint.finish();
    add((63 * 64 + 5) * 10 + 1);
    checkpoint.verify(tree);
  });
});

describe('packed blocks', () => {
  it('give their parts back, each from a multiple of 8 on', () => {
    const parts = [Uint8Array.of(1, 2, 3), new Float64Array([1.5]), new Uint8Array(0), Int32Array.of(7)];
    const back = unpackBlock(packBlock([...parts, { encode: () => Uint8Array.of(9) }]));
    expect(back.map((part) => part.byteOffset % 8)).toEqual([0, 0, 0, 0, 0]);
    expect(back.map((part) => part.byteLength)).toEqual([3, 8, 0, 4, 1]);
    expect([...(back[0] ?? [])]).toEqual([1, 2, 3]);
    expect(unpackBlock(packBlock([]))).toEqual([]);
  });
});
