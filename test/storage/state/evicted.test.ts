/** Structures whose blocks are sent away between ticks are what they are when all stay in memory, through checkpoints too. */
import { serialize } from 'node:v8';
import { describe, expect, it } from 'vitest';
import { MemoryCheckpoint } from '../../harness/checkpoint.ts';
import { evict, MemoryStore, marksOf } from '../../harness/eviction.ts';
import { type Driver, subjects } from './drivers.ts';
import { Random } from './random.ts';

function expectSame(driver: Driver, expected: Driver): void {
  // What is observed includes the memory it takes.
  for (const marks of marksOf(driver.structure)) {
    for (let b = 0; b < marks.absent.length; b++) marks.fetch(b);
  }
  const [a, b] = [driver.observe(), expected.observe()];
  if (Buffer.compare(serialize(a), serialize(b)) !== 0) expect(a).toEqual(b);
}

for (const subject of subjects) {
  describe(subject.name, () => {
    for (const share of [2, 1]) {
      it(`is the same with one in ${share} blocks away after each tick, and after a restart with all away`, () => {
        const random = new Random(share * 31);
        const checkpoint = new MemoryCheckpoint();
        const store = new MemoryStore((id) => checkpoint.block(id));
        const driver = subject.drive(share);
        const expected = subject.drive(share);
        const both = (): void => {
          driver.tick();
          expected.tick();
          evict(marksOf(driver.structure), store, () => random.below(share) === 0);
        };
        for (let t = 0; t < subject.ticks; t += 2) both();
        expectSame(driver, expected);
        for (let round = 0; round < 3; round++) {
          checkpoint.begin(driver.structure);
          for (let t = 0; t < 4; t++) {
            checkpoint.copy(random.below(4), (left) => random.below(left));
            both();
          }
          if (round === 1) checkpoint.fail();
          else checkpoint.finish();
          both();
          checkpoint.verify(driver.structure);
          both();
          expectSame(driver, expected);
        }
        evict(marksOf(driver.structure), store, () => true);
        checkpoint.begin(driver.structure);
        checkpoint.finish();
        expect(store.places).toBe(0);
        driver.structure = subject.make();
        checkpoint.restore(driver.structure, store);
        for (let t = 0; t < 3; t++) both();
        expectSame(driver, expected);
        if (marksOf(driver.structure).length > 0) expect(store.fetches).toBeGreaterThan(0);
      });
    }
  });
}
