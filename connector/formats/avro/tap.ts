/**
 * Avro's binary encoding, one value after another. Every read is checked against the end of the message and every count against
 * what is left of it, so that no message can make the reader wait, or take memory that its size does not warrant.
 */
import { SqlError } from '../../../common/sqlError.ts';
import { decodeUtf8 } from '../../../common/utf8.ts';

const MAX_DEPTH = 200;
/** Of items that take no bytes at all, in one message. */
const MAX_EMPTY_ITEMS = 10_000;

export function malformed(what: string): SqlError {
  return new SqlError('22P03', `malformed Avro message: ${what}`);
}

export class Tap {
  #bytes: Buffer = Buffer.alloc(0);
  at = 0;
  end = 0;
  depth = 0;
  #empty = 0;

  open(bytes: Uint8Array, from: number): void {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = from;
    this.end = bytes.length;
    this.depth = 0;
    this.#empty = 0;
  }

  /** Takes so many bytes; where they begin. */
  take(count: number): number {
    const from = this.at;
    if (!(count >= 0) || count > this.end - from) throw malformed('it ends early');
    this.at = from + count;
    return from;
  }

  enter(): void {
    if (++this.depth > MAX_DEPTH) throw malformed('it is nested too deeply');
  }

  leave(): void {
    this.depth--;
  }

  boolean(): boolean {
    const byte = this.#bytes[this.take(1)] ?? 0;
    if (byte > 1) throw malformed(`${byte} is not a boolean`);
    return byte === 1;
  }

  /** A zigzag number of at most 32 bits. */
  int(): number {
    const n = this.long();
    if (n < -2147483648n || n > 2147483647n) throw malformed('a number is out of range');
    return Number(n);
  }

  /** Numbers of up to 28 bits, nearly all, need no bigint on the way. */
  long(): bigint {
    const bytes = this.#bytes;
    const { end } = this;
    let at = this.at;
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      if (at >= end) throw malformed('it ends early');
      const byte = bytes[at++] ?? 0;
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.at = at;
        return BigInt((low >>> 1) ^ -(low & 1));
      }
    }
    let n = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      if (at >= end) throw malformed('it ends early');
      const byte = bytes[at++] ?? 0;
      n |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.at = at;
        n = BigInt.asUintN(64, n);
        return BigInt.asIntN(64, (n >> 1n) ^ -(n & 1n));
      }
    }
    throw malformed('a number does not end');
  }

  float(): number {
    return this.#bytes.readFloatLE(this.take(4));
  }

  double(): number {
    return this.#bytes.readDoubleLE(this.take(8));
  }

  #length(): number {
    const n = this.long();
    if (n < 0n || n > BigInt(this.end - this.at)) throw malformed('a length is out of range');
    return Number(n);
  }

  /** A copy. */
  fixed(size: number): Uint8Array {
    const from = this.take(size);
    return new Uint8Array(this.#bytes.subarray(from, from + size));
  }

  bytes(): Uint8Array {
    return this.fixed(this.#length());
  }

  string(): string {
    const length = this.#length();
    const from = this.take(length);
    // Short ASCII, the rule, without the call out of JavaScript.
    if (length < 24) {
      let text = '';
      for (let i = from; i < from + length; i++) {
        const c = this.#bytes[i] ?? 0;
        if (c >= 128 || c === 0) return decodeUtf8(this.#bytes, from, from + length);
        text += String.fromCharCode(c);
      }
      return text;
    }
    return decodeUtf8(this.#bytes, from, from + length);
  }

  skipBytes(): void {
    this.take(this.#length());
  }

  /** Items of the next block of an array or map; 0: no more. `least`: bytes that an item takes at least. */
  block(least: number): number {
    let n = this.long();
    if (n < 0n) {
      n = -n;
      if (this.long() < 0n) throw malformed('the size of a block is out of range');
    }
    const most = least === 0 ? MAX_EMPTY_ITEMS - this.#empty : Math.floor((this.end - this.at) / least);
    if (n > BigInt(most)) throw malformed('a count is out of range');
    const count = Number(n);
    if (least === 0) this.#empty += count;
    return count;
  }

  /** The index of a union's branch or an enum's symbol. */
  index(count: number): number {
    const n = this.long();
    if (n < 0n || n >= BigInt(count)) throw malformed('an index is out of range');
    return Number(n);
  }
}
