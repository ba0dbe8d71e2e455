/**
 * Bytes in and out: FrameBuffer collects what the socket delivers and cuts frames, ByteReader walks one message,
 * ByteWriter builds outgoing ones. Integers are big-endian. Invariant: no read goes beyond its message; a message that
 * is too short is a ProtocolError.
 */
import { SqlError, type SqlErrorFields } from '../common/sqlError.ts';
import { decodeUtf8 } from '../common/utf8.ts';

/** The peer broke the protocol: FATAL 08P01, the connection ends. */
export class ProtocolError extends SqlError {
  constructor(message: string, fields: SqlErrorFields = {}) {
    super('08P01', message, fields);
  }
}

/** Incoming chunks, cut anywhere, as one queue of bytes. Chunks are joined only when a frame is complete. */
export class FrameBuffer {
  private chunks: Buffer[] = [];
  private total = 0;

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.chunks.push(chunk);
    this.total += chunk.length;
  }

  /** Bytes waiting. */
  get length(): number {
    return this.total;
  }

  /** The first `count` bytes without taking them; null when there are fewer. */
  peek(count: number): Buffer | null {
    if (this.total < count) return null;
    return this.joined(count).subarray(0, count);
  }

  /** Takes `count` bytes; null when there are fewer. */
  take(count: number): Buffer | null {
    if (this.total < count) return null;
    if (count === 0) return Buffer.alloc(0);
    const head = this.joined(count);
    if (head.length === count) this.chunks.shift();
    else this.chunks[0] = head.subarray(count);
    this.total -= count;
    return head.subarray(0, count);
  }

  /** Forgets everything. */
  clear(): void {
    this.chunks = [];
    this.total = 0;
  }

  private joined(count: number): Buffer {
    const first = this.chunks[0];
    if (first !== undefined && first.length >= count) return first;
    const all = Buffer.concat(this.chunks, this.total);
    this.chunks = [all];
    return all;
  }
}

/** Reads the fields of one message body. */
export class ByteReader {
  private readonly bytes: Buffer;
  private offset = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get remaining(): number {
    return this.bytes.length - this.offset;
  }

  uint8(): number {
    return this.bytes.readUInt8(this.advance(1));
  }

  int16(): number {
    return this.bytes.readInt16BE(this.advance(2));
  }

  uint16(): number {
    return this.bytes.readUInt16BE(this.advance(2));
  }

  int32(): number {
    return this.bytes.readInt32BE(this.advance(4));
  }

  uint32(): number {
    return this.bytes.readUInt32BE(this.advance(4));
  }

  int64(): bigint {
    return this.bytes.readBigInt64BE(this.advance(8));
  }

  float32(): number {
    return this.bytes.readFloatBE(this.advance(4));
  }

  float64(): number {
    return this.bytes.readDoubleBE(this.advance(8));
  }

  /** The next `count` bytes, not copied. */
  raw(count: number): Buffer {
    const start = this.advance(count);
    return this.bytes.subarray(start, start + count);
  }

  /** Bytes up to a NUL, which is skipped, not yet decoded. */
  cstringBytes(): Buffer {
    const end = this.bytes.indexOf(0, this.offset);
    if (end < 0) throw new ProtocolError('invalid string in message');
    const start = this.offset;
    this.offset = end + 1;
    return this.bytes.subarray(start, end);
  }

  /** A NUL-terminated string; 22021 when not valid UTF-8. */
  cstring(): string {
    return decodeUtf8(this.cstringBytes());
  }

  /** Raises unless everything was read. */
  finish(): void {
    if (this.remaining !== 0) throw new ProtocolError('invalid message format');
  }

  private advance(count: number): number {
    const start = this.offset;
    if (count < 0 || start + count > this.bytes.length) {
      throw new ProtocolError('insufficient data left in message');
    }
    this.offset = start + count;
    return start;
  }
}

const CHUNK_BYTES = 64 * 1024;
/** With less room than this left, a new chunk is begun after `take`. */
const MIN_ROOM_BYTES = 4 * 1024;

/**
 * Growing output. `bytes` and `position` are open to generated row writers, which call `reserve` first. Bytes that were
 * taken are never written again, so the socket may hold on to them.
 */
export class ByteWriter {
  bytes: Buffer;
  /** Where the next byte goes. */
  position = 0;
  private start = 0;

  constructor(capacity: number = CHUNK_BYTES) {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
  }

  /** Bytes written and not yet taken. */
  get length(): number {
    return this.position - this.start;
  }

  /** Makes room for `count` more bytes; may replace `bytes` and move `position`. */
  reserve(count: number): void {
    if (this.position + count > this.bytes.length) this.grow(count);
  }

  uint8(n: number): void {
    this.reserve(1);
    this.position = this.bytes.writeUInt8(n, this.position);
  }

  int16(n: number): void {
    this.reserve(2);
    this.position = this.bytes.writeInt16BE(n, this.position);
  }

  uint16(n: number): void {
    this.reserve(2);
    this.position = this.bytes.writeUInt16BE(n, this.position);
  }

  int32(n: number): void {
    this.reserve(4);
    this.position = this.bytes.writeInt32BE(n, this.position);
  }

  uint32(n: number): void {
    this.reserve(4);
    this.position = this.bytes.writeUInt32BE(n, this.position);
  }

  int64(n: bigint): void {
    this.reserve(8);
    this.position = this.bytes.writeBigInt64BE(n, this.position);
  }

  float32(x: number): void {
    this.reserve(4);
    this.position = this.bytes.writeFloatBE(x, this.position);
  }

  float64(x: number): void {
    this.reserve(8);
    this.position = this.bytes.writeDoubleBE(x, this.position);
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.position);
    this.position += bytes.length;
  }

  /** UTF-8 without a terminator. */
  utf8(text: string): void {
    // A UTF-16 unit is at most three bytes of UTF-8.
    this.reserve(text.length * 3);
    this.position += this.bytes.write(text, this.position, 'utf8');
  }

  /** UTF-8 with a NUL. An embedded NUL would cut the message short, so it is left out. */
  cstring(text: string): void {
    this.utf8(text.includes('\0') ? text.replaceAll('\0', '') : text);
    this.uint8(0);
  }

  /** Leaves four bytes for a length; returns their place, relative to what is untaken. */
  beginLength(): number {
    const mark = this.length;
    this.reserve(4);
    this.position += 4;
    return mark;
  }

  /** Fills the length that `beginLength` left open; `own` is 4 when the length counts itself. */
  endLength(mark: number, own: 0 | 4): void {
    this.bytes.writeInt32BE(this.length - mark - 4 + own, this.start + mark);
  }

  /** Drops what was written after `length` bytes: undoes a message that failed half way. */
  truncate(length: number): void {
    this.position = this.start + length;
  }

  /** The bytes written so far; the writer goes on behind them. */
  take(): Buffer {
    const taken = this.bytes.subarray(this.start, this.position);
    if (this.bytes.length - this.position < MIN_ROOM_BYTES) {
      this.bytes = Buffer.allocUnsafeSlow(CHUNK_BYTES);
      this.position = 0;
    }
    this.start = this.position;
    return taken;
  }

  private grow(count: number): void {
    const used = this.length;
    let capacity = Math.max(CHUNK_BYTES, this.bytes.length);
    while (capacity < used + count) capacity *= 2;
    const larger = Buffer.allocUnsafeSlow(capacity);
    this.bytes.copy(larger, 0, this.start, this.position);
    this.bytes = larger;
    this.start = 0;
    this.position = used;
  }
}
