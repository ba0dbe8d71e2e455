/** The generator against the reference generator's own test vector, and its fast path against its slow one. */
import { describe, expect, it } from 'vitest';
import { NexmarkGenerator } from '../../connector/nexmark/generator.ts';
import { EventRandom } from '../../connector/nexmark/random.ts';
import { nexmarkConfig } from '../../connector/nexmark/source.ts';

describe('nexmark generator', () => {
  it('makes the reference event 0', () => {
    const [id, name, email, card, city, state] = new NexmarkGenerator(nexmarkConfig(new Map())).event(0);
    expect([id, name, email, card, city, state]).toEqual([
      1000n,
      'vicky noris',
      'yplkvgz@qbxfg.com',
      '7878 5821 1864 2539',
      'cheyenne',
      'az',
    ]);
  });

  it('draws letters one by one or many at once alike', () => {
    const many = new EventRandom();
    const single = new EventRandom();
    for (let seed = 0; seed < 2000; seed++) {
      many.seed(seed);
      single.seed(seed);
      const length = 1 + (seed % 150);
      const letters = Array.from({ length }, () => String.fromCharCode(97 + single.letterIndex()));
      expect(many.letters(length)).toBe(letters.join(''));
      expect(many.below64(1000)).toBe(single.below64(1000));
    }
  });

  it('gives every event a type, a time and an id that follow from its number', () => {
    const generator = new NexmarkGenerator(nexmarkConfig(new Map()));
    const ids = { person: 1000n, auction: 1000n };
    for (let n = 0; n < 5000; n++) {
      const type = generator.type(n);
      const row = generator.event(n);
      const time = row[type === 'person' ? 6 : 5];
      expect(time).toBe(1436918400000000n + BigInt(Math.round(n / 10)) * 1000n);
      if (type !== 'bid') expect(row[0]).toBe(ids[type]++);
      expect(type).toBe(n % 50 === 0 ? 'person' : n % 50 < 4 ? 'auction' : 'bid');
    }
  });
});
