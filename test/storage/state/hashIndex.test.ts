import { describe, expect, it } from 'vitest';
import { HashIndex } from '../../../storage/state/hashIndex.ts';
import { Random } from './random.ts';

/** All slots under a hash. */
function found(index: HashIndex, hash: number): number[] {
  const slots: number[] = [];
  for (let slot = index.first(hash); slot >= 0; slot = index.next()) slots.push(slot);
  return slots.sort((a, b) => a - b);
}

describe('HashIndex', () => {
  for (const [name, hashOf] of [
    ['spread hashes', (k: number) => Math.imul(k, 0x9e3779b1)],
    ['few different hashes', (k: number) => (k % 40) * 0x01000003],
    ['hashes that differ in their high bits only', (k: number) => k << 18],
    ['hashes that differ in their low bits only', (k: number) => k & 0xffff],
  ] as const) {
    it(`agrees with a multimap: ${name}`, () => {
      const random = new Random(3);
      const index = new HashIndex();
      const model = new Map<number, number[]>();
      const live: number[] = [];
      for (let slot = 0; slot < 30_000; slot++) {
        const hash = hashOf(slot) | 0;
        index.insert(hash, slot);
        model.set(hash, [...(model.get(hash) ?? []), slot]);
        live.push(slot);
        if (model.get(hash)?.length === 2001) {
          const old = model.get(hash)?.shift() ?? -1;
          expect(index.remove(hash, old)).toBe(true);
          live.splice(live.indexOf(old), 1);
        }
      }
      expect(index.entries()).toBe(live.length);
      for (let k = 0; k < 2000 && live.length > 0; k++) {
        const at = random.below(live.length);
        const slot = live[at] ?? 0;
        live[at] = live.at(-1) ?? 0;
        live.pop();
        const hash = hashOf(slot) | 0;
        index.remove(hash, slot);
        const rest = (model.get(hash) ?? []).filter((s) => s !== slot);
        model.set(hash, rest);
      }
      for (const [hash, slots] of model) {
        if (random.below(8) === 0) expect(found(index, hash)).toEqual(slots);
      }
      for (const slot of live) expect(index.remove(hashOf(slot) | 0, slot)).toBe(true);
      expect(index.entries()).toBe(0);
    });
  }

  it('replaces a slot in place', () => {
    const index = new HashIndex();
    index.insert(7, 1);
    index.insert(7, 2);
    expect(index.replace(7, 1, 9)).toBe(true);
    expect(found(index, 7)).toEqual([2, 9]);
    expect(index.replace(7, 1, 5)).toBe(false);
    expect(index.remove(8, 9)).toBe(false);
  });
});
