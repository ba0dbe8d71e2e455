/**
 * Growing and reading byte strings, big-endian. A writer may be reset and used again; its bytes are copied out.
 */

const SMALL = 24;

/** For wide numbers, which a Buffer writes and reads a byte at a time. */
const viewOf = (buffer: Buffer): DataView =>
  new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);

export class ByteWriter {
  #buffer: Buffer;
  /** Of the buffer; made when it is needed. */
  #wide: DataView | null = null;
  #length = 0;

  constructor(capacity = 256) {
    this.#buffer = Buffer.allocUnsafe(capacity);
  }

  get length(): number {
    return this.#length;
  }

  reset(): void {
    this.#length = 0;
  }

  /** Forgets what was written after `length`. */
  truncate(length: number): void {
    this.#length = length;
  }

  /** The bytes written so far, valid until the next write or reset. */
  view(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** A copy of the bytes written so far. */
  bytes(): Uint8Array {
    return Uint8Array.from(this.view());
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
    this.#wide = null;
  }

  uint8(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
  }

  uint32(value: number): void {
    this.#reserve(4);
    this.#length = this.#buffer.writeUInt32BE(value >>> 0, this.#length);
  }

  int32(value: number): void {
    this.#reserve(4);
    this.#length = this.#buffer.writeInt32BE(value, this.#length);
  }

  int64(value: bigint): void {
    this.#reserve(8);
    this.#wide ??= viewOf(this.#buffer);
    this.#wide.setBigInt64(this.#length, value);
    this.#length += 8;
  }

  uint64(value: bigint): void {
    this.#reserve(8);
    this.#wide ??= viewOf(this.#buffer);
    this.#wide.setBigUint64(this.#length, value);
    this.#length += 8;
  }

  float64(value: number): void {
    this.#reserve(8);
    this.#wide ??= viewOf(this.#buffer);
    this.#wide.setFloat64(this.#length, value);
    this.#length += 8;
  }

  /** Unsigned integer below 2^53 in groups of seven bits, lowest first. */
  varint(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.uint8((rest % 128) | 128);
      rest = Math.floor(rest / 128);
    }
    this.uint8(rest);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** UTF-8 bytes without a length. */
  utf8(text: string): void {
    this.#reserve(text.length * 3);
    if (text.length <= SMALL) {
      let at = this.#length;
      for (let i = 0; i < text.length; i++) {
        const c = text.charCodeAt(i);
        if (c >= 128) {
          this.#length += this.#buffer.write(text, this.#length, 'utf8');
          return;
        }
        this.#buffer[at++] = c;
      }
      this.#length = at;
      return;
    }
    this.#length += this.#buffer.write(text, this.#length, 'utf8');
  }

  /** Length and UTF-8 bytes. */
  text(text: string): void {
    this.varint(Buffer.byteLength(text));
    this.utf8(text);
  }

  /** Inverts the bits of the bytes written since `start`. */
  invert(start: number): void {
    for (let i = start; i < this.#length; i++) this.#buffer[i] = ~(this.#buffer[i] ?? 0) & 0xff;
  }
}

export class ByteReader {
  #buffer: Buffer;
  #wide: DataView | null = null;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Where the next read begins. */
  get position(): number {
    return this.#at;
  }

  get atEnd(): boolean {
    return this.#at >= this.#buffer.length;
  }

  /** Starts anew on other bytes. */
  reset(bytes: Uint8Array, position = 0): void {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#wide = null;
    this.#at = position;
  }

  uint8(): number {
    return this.#buffer.readUInt8(this.#at++);
  }

  int32(): number {
    const value = this.#buffer.readInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  int64(): bigint {
    this.#wide ??= viewOf(this.#buffer);
    const value = this.#wide.getBigInt64(this.#at);
    this.#at += 8;
    return value;
  }

  float64(): number {
    this.#wide ??= viewOf(this.#buffer);
    const value = this.#wide.getFloat64(this.#at);
    this.#at += 8;
    return value;
  }

  varint(): number {
    let value = 0;
    let unit = 1;
    for (;;) {
      const b = this.uint8();
      value += (b & 127) * unit;
      if (b < 128) return value;
      unit *= 128;
    }
  }

  /** A copy of the next bytes. */
  raw(length: number): Uint8Array {
    const bytes = Uint8Array.from(this.#buffer.subarray(this.#at, this.#at + length));
    this.#at += length;
    return bytes;
  }

  text(): string {
    const length = this.varint();
    const text = this.#buffer.toString('utf8', this.#at, this.#at + length);
    this.#at += length;
    return text;
  }
}
