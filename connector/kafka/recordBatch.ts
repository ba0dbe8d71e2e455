/**
 * Reads what a broker gives of a partition: a sequence of record batches (format v2). Headers are walked at once, to know
 * where the next fetch goes on; records are decoded when they are asked for, over the response's own bytes. Records of aborted
 * transactions, control batches and records before the asked offset are left out.
 *
 * Aborted transactions as in Kafka's own consumer: those of the response, by first offset, make a set of producers whose
 * transactional batches are skipped until the producer's abort marker.
 */
import { SqlError } from '../../common/sqlError.ts';
import type { RecordMemory, RemoteRecord } from '../remote.ts';
import { type BlockCodecs, decompress } from './compression.ts';

const BATCH_HEADER = 61;
const LENGTH_END = 12;
const MAGIC = 2;
const CODEC_MASK = 7;
const LOG_APPEND_TIME = 8;
const TRANSACTIONAL = 16;
const CONTROL = 32;
const ABORT_MARKER = 0;
const NO_HEADERS: RemoteRecord['headers'] = [];
const MICROS = 1000n;
const NONE = -1;

export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: number;
}

function memoryOf({ buffer, byteOffset, length }: Buffer): RecordMemory {
  return {
    bytes: new Uint8Array(buffer, byteOffset, length),
    view: new DataView(buffer, byteOffset, length),
  };
}

/** A record, as places in the memory of its batch: what is asked for is made then. -1: there is none. */
class KafkaRecord implements RemoteRecord {
  readonly partition: string;
  readonly #batch: RecordMemory;
  readonly #offset: number;
  readonly #millis: number;
  readonly #keyFrom: number;
  readonly #keyTo: number;
  readonly valueFrom: number;
  readonly valueTo: number;
  readonly #headers: number;

  constructor(
    partition: string,
    batch: RecordMemory,
    offset: number,
    millis: number,
    keyFrom: number,
    keyTo: number,
    valueFrom: number,
    valueTo: number,
    headers: number,
  ) {
    this.partition = partition;
    this.#batch = batch;
    this.#offset = offset;
    this.#millis = millis;
    this.#keyFrom = keyFrom;
    this.#keyTo = keyTo;
    this.valueFrom = valueFrom;
    this.valueTo = valueTo;
    this.#headers = headers;
  }

  get memory(): RecordMemory | undefined {
    return this.valueFrom < 0 ? undefined : this.#batch;
  }

  get key(): Uint8Array | null {
    return this.#keyFrom < 0 ? null : this.#batch.bytes.subarray(this.#keyFrom, this.#keyTo);
  }

  get value(): Uint8Array | null {
    return this.valueFrom < 0 ? null : this.#batch.bytes.subarray(this.valueFrom, this.valueTo);
  }

  get size(): number {
    return this.#keyTo - this.#keyFrom + this.valueTo - this.valueFrom;
  }

  get offset(): string {
    return String(this.#offset);
  }

  get timestamp(): bigint | null {
    return this.#millis < 0 ? null : BigInt(this.#millis) * MICROS;
  }

  get headers(): RemoteRecord['headers'] {
    const cursor = new VarintCursor(this.#batch.bytes, this.#headers);
    const count = cursor.int();
    return count === 0 ? NO_HEADERS : readHeaders(cursor, count);
  }
}

/** Zigzag varints at a place that moves on. 64 bits are read as a double: offsets and milliseconds fit. */
class VarintCursor {
  readonly bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  /** Of at most 32 bits: lengths and offsets within a batch. */
  int(): number {
    const { bytes } = this;
    let byte = bytes[this.at++] ?? 0;
    let value = byte & 0x7f;
    for (let shift = 7; byte > 0x7f; shift += 7) {
      byte = bytes[this.at++] ?? 0;
      value |= (byte & 0x7f) << shift;
    }
    return (value >>> 1) ^ -(value & 1);
  }

  long(): number {
    const { bytes } = this;
    let byte = bytes[this.at++] ?? 0;
    let value = byte & 0x7f;
    for (let scale = 128; byte > 0x7f; scale *= 128) {
      byte = bytes[this.at++] ?? 0;
      value += (byte & 0x7f) * scale;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  bytesOrNull(): Uint8Array | null {
    const length = this.int();
    if (length < 0) return null;
    const value = this.bytes.subarray(this.at, this.at + length);
    this.at += length;
    return value;
  }
}

function readHeaders(cursor: VarintCursor, count: number): RemoteRecord['headers'] {
  const headers: [string, Uint8Array | null][] = [];
  for (let i = 0; i < count; i++) {
    const length = cursor.int();
    const { buffer, byteOffset } = cursor.bytes;
    const name = Buffer.from(buffer, byteOffset + cursor.at, length).toString('utf8');
    cursor.at += length;
    headers.push([name, cursor.bytesOrNull()]);
  }
  return headers;
}

/** Records of one partition from one response, in order. */
export class FetchedRecords {
  /** The first offset after the last whole batch: where the next fetch goes on. */
  readonly end: number;
  /** The first offset after what was taken. */
  next: number;
  readonly #bytes: Buffer;
  readonly #partition: string;
  readonly #codecs: BlockCodecs;
  /** Transactions of the response that have not been reached yet, the next one last. */
  readonly #aborted: AbortedTransaction[];
  readonly #abortedProducers = new Set<bigint>();
  readonly #limit: number;
  #at = 0;
  /** The batch that is being read: its records, how many are left, and what they count from. */
  #cursor: VarintCursor | null = null;
  /** Where its records lie. */
  #memory: RecordMemory | null = null;
  /** Of the response as it came. */
  readonly #whole: RecordMemory;
  #left = 0;
  #baseOffset = 0;
  #baseMillis = 0;
  #appendMillis: number | null = null;
  #batchEnd = 0;

  constructor(
    partition: string,
    bytes: Buffer,
    from: number,
    aborted: readonly AbortedTransaction[],
    codecs: BlockCodecs,
  ) {
    this.#partition = partition;
    this.#bytes = bytes;
    this.#whole = memoryOf(bytes);
    this.#codecs = codecs;
    this.#aborted = [...aborted].sort((a, b) => b.firstOffset - a.firstOffset);
    this.next = from;
    let end = from;
    let at = 0;
    // A response may end within a batch: what is there of it is left out.
    while (at + BATCH_HEADER <= bytes.length) {
      const size = LENGTH_END + bytes.readInt32BE(at + 8);
      if (at + size > bytes.length) break;
      const last = Number(bytes.readBigInt64BE(at)) + bytes.readInt32BE(at + 23);
      if (last + 1 > end) end = last + 1;
      at += size;
    }
    this.#limit = at;
    this.end = end;
  }

  /** Bytes that are held until everything is taken. */
  get size(): number {
    return this.#bytes.length;
  }

  get done(): boolean {
    return this.#cursor === null && this.#at >= this.#limit;
  }

  /** Decodes at most so many records to the end of `out`. */
  take(count: number, out: RemoteRecord[]): void {
    let wanted = count;
    while (wanted > 0) {
      if (this.#cursor === null && !this.#nextBatch()) return;
      wanted -= this.#records(wanted, out);
    }
  }

  #records(wanted: number, out: RemoteRecord[]): number {
    const cursor = this.#cursor;
    const memory = this.#memory;
    if (cursor === null || memory === null) return 0;
    const from = this.next;
    let taken = 0;
    while (this.#left > 0 && taken < wanted) {
      const length = cursor.int();
      const end = cursor.at + length;
      cursor.at++;
      const millis = this.#baseMillis + cursor.long();
      const offset = this.#baseOffset + cursor.int();
      this.#left--;
      if (offset < from) {
        cursor.at = end;
        continue;
      }
      const keyLength = cursor.int();
      const key = cursor.at;
      if (keyLength > 0) cursor.at = key + keyLength;
      const valueLength = cursor.int();
      const value = cursor.at;
      out.push(
        new KafkaRecord(
          this.#partition,
          memory,
          offset,
          this.#appendMillis ?? millis,
          keyLength < 0 ? NONE : key,
          keyLength < 0 ? NONE : key + keyLength,
          valueLength < 0 ? NONE : value,
          valueLength < 0 ? NONE : value + valueLength,
          value + Math.max(0, valueLength),
        ),
      );
      cursor.at = end;
      this.next = offset + 1;
      taken++;
    }
    if (this.#left === 0) {
      this.#cursor = null;
      // Offsets at a batch's end may be gone by compaction.
      if (this.#batchEnd > this.next) this.next = this.#batchEnd;
    }
    return taken;
  }

  /** Goes to the next batch with records to give; false: there is none. */
  #nextBatch(): boolean {
    const bytes = this.#bytes;
    while (this.#at < this.#limit) {
      const at = this.#at;
      const size = LENGTH_END + bytes.readInt32BE(at + 8);
      this.#at = at + size;
      if (bytes[at + 16] !== MAGIC)
        throw new SqlError('0A000', `messages in format v${bytes[at + 16] ?? 0} of Kafka are not supported`);
      this.#baseOffset = Number(bytes.readBigInt64BE(at));
      this.#batchEnd = this.#baseOffset + bytes.readInt32BE(at + 23) + 1;
      const attributes = bytes.readInt16BE(at + 21);
      const count = bytes.readInt32BE(at + 57);
      if (this.#batchEnd <= this.next) continue;
      if (this.#skipped(at, attributes) || count === 0) {
        this.next = this.#batchEnd;
        continue;
      }
      this.#baseMillis = Number(bytes.readBigInt64BE(at + 27));
      this.#appendMillis =
        (attributes & LOG_APPEND_TIME) === 0 ? null : Number(bytes.readBigInt64BE(at + 35));
      const codec = attributes & CODEC_MASK;
      const isPacked = codec !== 0;
      this.#memory = isPacked ? this.#unpacked(codec, at + BATCH_HEADER, at + size) : this.#whole;
      this.#cursor = new VarintCursor(this.#memory.bytes, isPacked ? 0 : at + BATCH_HEADER);
      this.#left = count;
      return true;
    }
    return false;
  }

  #unpacked(codec: number, from: number, to: number): RecordMemory {
    try {
      return memoryOf(decompress(codec, this.#bytes.subarray(from, to), this.#codecs));
    } catch (error) {
      if (error instanceof SqlError) throw error;
      throw new SqlError(
        '58030',
        `the record batch of partition ${this.#partition} at offset ${this.#baseOffset} cannot be decompressed`,
      );
    }
  }

  /** Control batches and batches of aborted transactions. Keeps account of which producers' are aborted. */
  #skipped(at: number, attributes: number): boolean {
    if ((attributes & (TRANSACTIONAL | CONTROL)) === 0) return false;
    const bytes = this.#bytes;
    const producer = bytes.readBigInt64BE(at + 43);
    for (;;) {
      const next = this.#aborted.at(-1);
      if (next === undefined || next.firstOffset >= this.#batchEnd) break;
      this.#abortedProducers.add(next.producerId);
      this.#aborted.pop();
    }
    if ((attributes & CONTROL) === 0) return this.#abortedProducers.has(producer);
    if (this.#controlType(at) === ABORT_MARKER) this.#abortedProducers.delete(producer);
    return true;
  }

  #controlType(at: number): number {
    const cursor = new VarintCursor(this.#bytes, at + BATCH_HEADER);
    cursor.int();
    cursor.at++;
    cursor.long();
    cursor.int();
    const key = cursor.bytesOrNull();
    return key === null || key.length < 4 ? -1 : Buffer.from(key.buffer, key.byteOffset).readInt16BE(2);
  }
}
