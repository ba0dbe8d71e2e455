/**
 * Random values for maintained views: a stream that follows from a secret and from what is being computed, so that a replay of
 * the same tick gives the same values, and nobody without the secret can tell them.
 *
 * State: the name of the running tick or build and how much of its stream is used. The stream is SHA-256 over secret, name and
 * a counter.
 */
import { createHash } from 'node:crypto';

export class TickRandom {
  #secret: Uint8Array;
  #name = '';
  #counter = 0;
  #block = Buffer.alloc(0);
  #used = 0;

  constructor(secret: Uint8Array) {
    this.#secret = secret;
  }

  get secret(): Uint8Array {
    return this.#secret;
  }

  /** Values depend on this from now on. */
  set secret(secret: Uint8Array) {
    this.#secret = secret;
  }

  /** What draws from now on; its stream starts anew, unless it is the one that is being drawn from. */
  begin(name: string): void {
    if (name === this.#name) return;
    this.#name = name;
    this.#counter = 0;
    this.#used = this.#block.length;
  }

  randomBytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    for (let i = 0; i < count; i++) {
      if (this.#used >= this.#block.length) this.#refill();
      bytes[i] = this.#block[this.#used++] ?? 0;
    }
    return bytes;
  }

  /** Uniform in [0, 1). */
  random(): number {
    if (this.#used + 8 > this.#block.length) this.#refill();
    const bits = this.#block.readBigUInt64LE(this.#used);
    this.#used += 8;
    return Number(bits >> 11n) / 2 ** 53;
  }

  #refill(): void {
    const hash = createHash('sha256')
      .update(this.#secret)
      .update(`${this.#name}#${this.#counter++}`);
    this.#block = hash.digest();
    this.#used = 0;
  }
}
