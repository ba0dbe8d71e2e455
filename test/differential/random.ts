/** Seeded random choices: the same seed always makes the same run. Generator: mulberry32. */
import { must } from '../../common/assert.ts';

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return must(items[this.int(0, items.length - 1)], 'nothing to pick from');
  }

  /** At least one item of `items`, at most `most`, without repeats. */
  some<T>(items: readonly T[], most: number): T[] {
    const left = [...items];
    const count = this.int(1, Math.min(most, left.length));
    return Array.from({ length: count }, () => must(left.splice(this.int(0, left.length - 1), 1)[0]));
  }
}
