import { describe, expect, it } from 'vitest';
import { ByteArena } from '../../../storage/state/arena.ts';
import { Random } from './random.ts';

function randomText(random: Random): string {
  const length = random.pick([0, 1, 3, 11, 12, 13, 24, 25, 60, 64, 65, 300, 5000, 70_000]);
  const unit = random.pick(['a', 'xyz', 'é', '€uro', '😀']);
  return unit
    .repeat(Math.ceil((length + 1) / unit.length))
    .slice(0, length)
    .toWellFormed();
}

describe('ByteArena', () => {
  it('stores texts that are bytes already as it stores strings', () => {
    const texts = ['a', 'abc', 'abcd', 'abcde', 'é', 'aé漢😀', 'x'.repeat(70_000), `${'y'.repeat(200)}é`, ''];
    const bytes = new Uint8Array(Buffer.from(texts.join('')));
    const view = new DataView(bytes.buffer);
    const arena = new ByteArena(true);
    let at = 0;
    const refs = texts.map((text) => {
      const from = at;
      at += Buffer.byteLength(text);
      return arena.putUtf8(bytes, view, from, at, false);
    });
    texts.forEach((text, i) => {
      const ref = refs[i] ?? -1;
      expect(arena.text(ref)).toBe(text);
      expect(arena.equalsText(ref, text)).toBe(true);
      expect(arena.isAscii(ref)).toBe(Buffer.byteLength(text) === text.length);
      expect(arena.compare(ref, arena.putText(text))).toBe(0);
    });
  });

  it('gives back what was put, whatever is freed in between', () => {
    const random = new Random(77);
    const arena = new ByteArena(false);
    const model = new Map<number, string>();
    for (let step = 0; step < 4000; step++) {
      if (random.below(5) < 3) {
        const text = randomText(random);
        const ref = arena.putText(text);
        if (text === '') expect(ref).toBe(0);
        else {
          expect(model.has(ref)).toBe(false);
          model.set(ref, text);
        }
      } else if (model.size > 0) {
        const ref = random.pick([...model.keys()].slice(0, 50));
        arena.free(ref);
        model.delete(ref);
      }
      if (step % 97 === 0) for (const [ref, text] of model) expect(arena.text(ref) === text).toBe(true);
    }
    expect(arena.chunks()).toBe(model.size);
    for (const ref of model.keys()) arena.free(ref);
    expect(arena.chunks()).toBe(0);
    expect(arena.bytes()).toBeLessThanOrEqual(1 << 16);
  });

  it('compares texts without decoding them', () => {
    const random = new Random(5);
    const arena = new ByteArena(false);
    const texts = Array.from(
      { length: 60 },
      () => randomText(random).slice(0, 100).toWellFormed() + random.below(3),
    );
    const refs = texts.map((text) => arena.putText(text));
    texts.forEach((a, i) => {
      texts.forEach((b, j) => {
        const order = Buffer.compare(Buffer.from(a), Buffer.from(b));
        expect(Math.sign(arena.compare(refs[i] ?? 0, refs[j] ?? 0))).toBe(order);
        expect(arena.equalsText(refs[i] ?? 0, b)).toBe(a === b);
      });
    });
  });

  it('uses the space of freed chunks again', () => {
    const arena = new ByteArena(false);
    const refs = Array.from({ length: 10_000 }, (_, i) => arena.putText(`text number ${i}`));
    const bytes = arena.bytes();
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < refs.length; i += 2) arena.free(refs[i] ?? 0);
      for (let i = 0; i < refs.length; i += 2) refs[i] = arena.putText(`round number ${round}`);
    }
    expect(arena.bytes()).toBe(bytes);
  });

  it('takes a text larger than a page first', () => {
    const arena = new ByteArena(false);
    const large = arena.putText('x'.repeat(100_000));
    const small = arena.putText('small');
    expect(arena.text(large).length).toBe(100_000);
    expect(arena.text(small)).toBe('small');
    arena.free(large);
    expect(arena.text(small)).toBe('small');
    expect(arena.bytes()).toBeLessThan(1000);
  });
});
