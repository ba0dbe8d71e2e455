import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BlockRing } from '../../../storage/checkpoint/blockRing.ts';

interface Piece {
  readonly bytes: Uint8Array;
  readonly fill: number;
}

describe('the ring of blocks', () => {
  it('never gives memory that is not back yet, and all of it again when everything is', () => {
    const step = fc.oneof(
      fc.record({ take: fc.integer({ min: 1, max: 400 }) }),
      fc.record({ give: fc.integer({ min: 1, max: 4 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const ring = new BlockRing(1024);
        const held: Piece[] = [];
        let fill = 0;
        for (const step of steps) {
          if ('take' in step) {
            const bytes = ring.take(step.take);
            if (bytes === null) {
              expect(held.length).toBeGreaterThan(0);
              continue;
            }
            expect([bytes.byteLength, bytes.byteOffset % 8, ring.has(bytes)]).toEqual([step.take, 0, true]);
            fill = (fill + 1) % 256;
            bytes.fill(fill);
            held.push({ bytes, fill });
          } else {
            const count = Math.min(step.give, held.length);
            held.splice(0, count);
            ring.give(count);
          }
          for (const { bytes, fill } of held) expect(bytes.every((byte) => byte === fill)).toBe(true);
        }
        ring.give(held.length);
        expect(ring.take(1024)?.byteOffset).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it('has no room for what is larger than it, and knows what lies in it', () => {
    const ring = new BlockRing(64);
    expect(ring.take(65)).toBeNull();
    expect(ring.has(new Uint8Array(8))).toBe(false);
    expect(ring.take(64)?.byteLength).toBe(64);
    expect(ring.take(1)).toBeNull();
  });
});
