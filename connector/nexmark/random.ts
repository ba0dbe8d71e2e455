/**
 * The generator's random numbers: xoshiro256++ (Blackman and Vigna) seeded by PCG32 (O'Neill), with range sampling by widening
 * multiplication and rejection (Lemire), as the reference generator draws them, so that events are identical to its.
 *
 * 64-bit words are pairs of 32-bit halves: a draw costs no allocation.
 */
// 6364136223846793005 and 11634580027462260723, as halves.
const MULTIPLIER_HIGH = 0x5851f42d;
const MULTIPLIER_LOW = 0x4c957f2d;
const INCREMENT_HIGH = 0xa17654e4 | 0;
const INCREMENT_LOW = 0x6fbe17f3;

/** 8-bit ranges reject by modulus: (2^32 - 26) mod 26 = 22 values. */
const LAST_ACCEPTED = 0xffffffff - 22;

/** Upper 32 bits of the product of two unsigned 32-bit numbers. */
function multiplyHigh(a: number, b: number): number {
  const al = a & 0xffff;
  const ah = a >>> 16;
  const bl = b & 0xffff;
  const bh = b >>> 16;
  const middle = ah * bl + ((al * bl) >>> 16);
  const carry = (middle & 0xffff) + al * bh;
  return (ah * bh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) | 0;
}

export class EventRandom {
  #pcgHigh = 0;
  #pcgLow = 0;
  // State words s0..s3 as (high, low) halves.
  #h0 = 0;
  #l0 = 0;
  #h1 = 0;
  #l1 = 0;
  #h2 = 0;
  #l2 = 0;
  #h3 = 0;
  #l3 = 0;
  readonly #bytes = Buffer.alloc(1024);
  /** The last drawn word, unsigned halves. */
  high = 0;
  low = 0;

  /** Restarts the sequence of this seed: eight 32-bit outputs of PCG-XSH-RR fill the state. */
  seed(seed: number): void {
    this.#pcgHigh = Math.floor(seed / 0x100000000) | 0;
    this.#pcgLow = seed | 0;
    this.#l0 = this.#pcg();
    this.#h0 = this.#pcg();
    this.#l1 = this.#pcg();
    this.#h1 = this.#pcg();
    this.#l2 = this.#pcg();
    this.#h2 = this.#pcg();
    this.#l3 = this.#pcg();
    this.#h3 = this.#pcg();
  }

  /** One step of the 64-bit congruential generator and its permuted output. */
  #pcg(): number {
    const low = this.#pcgLow;
    const productLow = Math.imul(low, MULTIPLIER_LOW);
    const productHigh =
      (multiplyHigh(low, MULTIPLIER_LOW) +
        Math.imul(low, MULTIPLIER_HIGH) +
        Math.imul(this.#pcgHigh, MULTIPLIER_LOW)) |
      0;
    const sum = (productLow >>> 0) + INCREMENT_LOW;
    const l = sum | 0;
    const h = (productHigh + INCREMENT_HIGH + (sum > 0xffffffff ? 1 : 0)) | 0;
    this.#pcgLow = l;
    this.#pcgHigh = h;
    // ((state >> 18) ^ state) >> 27, rotated right by state >> 59
    const mixedLow = ((l >>> 18) | (h << 14)) ^ l;
    const mixedHigh = (h >>> 18) ^ h;
    const word = (mixedLow >>> 27) | (mixedHigh << 5);
    const rotation = h >>> 27;
    return (word >>> rotation) | (word << ((32 - rotation) & 31));
  }

  /** Draws the next 64-bit word into `high` and `low`. */
  next(): void {
    // result = rotl(s0 + s3, 23) + s0
    const sumLow = (this.#l0 >>> 0) + (this.#l3 >>> 0);
    const tl = sumLow | 0;
    const th = (this.#h0 + this.#h3 + (sumLow > 0xffffffff ? 1 : 0)) | 0;
    const rh = (th << 23) | (tl >>> 9);
    const rl = (tl << 23) | (th >>> 9);
    const outLow = (rl >>> 0) + (this.#l0 >>> 0);
    this.low = outLow >>> 0;
    this.high = (rh + this.#h0 + (outLow > 0xffffffff ? 1 : 0)) >>> 0;
    // t = s1 << 17
    const sh = (this.#h1 << 17) | (this.#l1 >>> 15);
    const sl = this.#l1 << 17;
    this.#h2 ^= this.#h0;
    this.#l2 ^= this.#l0;
    this.#h3 ^= this.#h1;
    this.#l3 ^= this.#l1;
    this.#h1 ^= this.#h2;
    this.#l1 ^= this.#l2;
    this.#h0 ^= this.#h3;
    this.#l0 ^= this.#l3;
    this.#h2 ^= sh;
    this.#l2 ^= sl;
    // s3 = rotl(s3, 45) = rotl of swapped halves by 13
    const h3 = this.#h3;
    const l3 = this.#l3;
    this.#h3 = (l3 << 13) | (h3 >>> 19);
    this.#l3 = (h3 << 13) | (l3 >>> 19);
  }

  /** Uniform in [0, range) from 32-bit draws: the upper half of each word. range >= 1. */
  below32(range: number): number {
    const zone = ((range << Math.clz32(range)) >>> 0) - 1;
    for (;;) {
      this.next();
      const product = this.high * range;
      // Exact: high < 2^32 and range < 2^21 in this generator.
      if (product % 0x100000000 <= zone) return Math.floor(product / 0x100000000);
    }
  }

  /** Uniform in [0, range) from 64-bit draws; range < 2^21. */
  below64(range: number): number {
    const zoneHigh = ((range << Math.clz32(range)) >>> 0) - 1;
    for (;;) {
      this.next();
      const upper = this.high * range + Math.floor((this.low * range) / 0x100000000);
      if (upper % 0x100000000 <= zoneHigh) return Math.floor(upper / 0x100000000);
    }
  }

  /** Uniform in [0, 1) with 24 bits. */
  float32(): number {
    this.next();
    return (this.high >>> 8) / 0x1000000;
  }

  /**
   * `length` letters a..z, as one flat string (by concatenation it would be a tree of two-character nodes). The same
   * draws as `letterIndex`, with the state in local variables: most of an event is letters.
   */
  letters(length: number): string {
    const bytes = this.#bytes.length < length ? Buffer.alloc(length) : this.#bytes;
    let [h0, l0, h1, l1] = [this.#h0, this.#l0, this.#h1, this.#l1];
    let [h2, l2, h3, l3] = [this.#h2, this.#l2, this.#h3, this.#l3];
    for (let i = 0; i < length; ) {
      const tl = (l0 + l3) | 0;
      const th = (h0 + h3 + (tl >>> 0 < l0 >>> 0 ? 1 : 0)) | 0;
      const rl = (tl << 23) | (th >>> 9);
      const carry = (rl + l0) >>> 0 < l0 >>> 0 ? 1 : 0;
      const high = (((th << 23) | (tl >>> 9)) + h0 + carry) | 0;
      const sh = (h1 << 17) | (l1 >>> 15);
      const sl = l1 << 17;
      h2 ^= h0;
      l2 ^= l0;
      h3 ^= h1;
      l3 ^= l1;
      h1 ^= h2;
      l1 ^= l2;
      h0 ^= h3;
      l0 ^= l3;
      h2 ^= sh;
      l2 ^= sl;
      const swapped = (l3 << 13) | (h3 >>> 19);
      l3 = (h3 << 13) | (l3 >>> 19);
      h3 = swapped;
      // Of high * 26 the lower 32 bits decide, the upper ones are the letter.
      if (Math.imul(high, 26) >>> 0 > LAST_ACCEPTED) continue;
      bytes[i++] = 97 + (((high >>> 16) * 26 + (((high & 0xffff) * 26) >>> 16)) >>> 16);
    }
    [this.#h0, this.#l0, this.#h1, this.#l1] = [h0, l0, h1, l1];
    [this.#h2, this.#l2, this.#h3, this.#l3] = [h2, l2, h3, l3];
    return bytes.toString('latin1', 0, length);
  }

  /** Uniform in 0..25. */
  letterIndex(): number {
    for (;;) {
      this.next();
      const product = this.high * 26;
      if (product % 0x100000000 <= LAST_ACCEPTED) return Math.floor(product / 0x100000000);
    }
  }
}
