/**
 * The texts of a batch of payloads for the scanner: each ends with a NUL. Payloads of ASCII are joined and become one string,
 * which costs a fraction of a string each; others are decoded singly, and may be no text at all.
 */
import { Buffer, isAscii, isUtf8 } from 'node:buffer';

const MAX_JOINED = 1 << 20;

export class PayloadTexts {
  #payloads: readonly (Uint8Array | null)[] = [];
  #buffer: Buffer = Buffer.allocUnsafe(1 << 16);
  /** Where each payload of the chunk at hand begins in the joined bytes. */
  #starts: number[] = [];
  #from = 0;
  #to = 0;
  /** Of the chunk; null: it is not ASCII. */
  #joined: string | null = null;
  /** False: the payload is not UTF-8. */
  valid = true;
  text = '';
  start = 0;
  /** Of the NUL. */
  end = 0;

  begin(payloads: readonly (Uint8Array | null)[]): void {
    this.#payloads = payloads;
    this.#from = 0;
    this.#to = 0;
    this.#joined = null;
  }

  /** Sets `text`, `start` and `end` to those of a payload, and `valid`. */
  at(index: number): void {
    if (index >= this.#to || index < this.#from) this.#join(index);
    const start = this.#starts[index - this.#from] ?? 0;
    const end = start + (this.#payloads[index]?.length ?? 0);
    const text = this.#joined;
    this.valid = true;
    if (text !== null) {
      this.text = text;
      this.start = start;
      this.end = end;
      return;
    }
    const bytes = this.#buffer.subarray(start, end + 1);
    this.valid = isUtf8(bytes);
    this.text = this.valid ? bytes.toString('utf8') : '';
    this.start = 0;
    this.end = this.text.length - 1;
  }

  /** Joins payloads from this one on, as many as make a chunk. */
  #join(from: number): void {
    const payloads = this.#payloads;
    let size = 0;
    let to = from;
    while (to < payloads.length) {
      const length = (payloads[to]?.length ?? 0) + 1;
      if (to > from && size + length > MAX_JOINED) break;
      size += length;
      to++;
    }
    if (this.#buffer.length < size) this.#buffer = Buffer.allocUnsafe(size * 2);
    const buffer = this.#buffer;
    const starts: number[] = [];
    let at = 0;
    for (let i = from; i < to; i++) {
      const payload = payloads[i];
      starts.push(at);
      if (payload !== null && payload !== undefined) {
        buffer.set(payload, at);
        at += payload.length;
      }
      buffer[at++] = 0;
    }
    const bytes = buffer.subarray(0, at);
    this.#starts = starts;
    this.#from = from;
    this.#to = to;
    this.#joined = isAscii(bytes) ? bytes.toString('latin1') : null;
  }
}
