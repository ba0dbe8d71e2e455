/** Writes record batches (format v2) as brokers take them: one batch of one partition at a time. */
import { type BlockCodecs, type CompressionCodec, compress, compressionCodecs } from './compression.ts';

const BATCH_HEADER = 61;
/** The checksum is over everything after itself. */
const CRC_AT = 17;
const CRC_FROM = 21;
const MAGIC = 2;
const TRANSACTIONAL = 16;
const VARINT_MAX = 10;

export interface OutgoingRecord {
  readonly partition: number;
  readonly key: Uint8Array | null;
  /** Null: a tombstone. */
  readonly value: Uint8Array | null;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly headers?: readonly (readonly [name: string, value: Uint8Array | null])[];
}

export interface BatchOwner {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  /** Number of the first record among those of this producer and partition. */
  readonly firstSequence: number;
  readonly transactional: boolean;
}

/** Of records that no producer numbers. */
export const unnumbered: BatchOwner = {
  producerId: -1n,
  producerEpoch: -1,
  firstSequence: -1,
  transactional: false,
};

class RecordBuffer {
  bytes: Buffer;
  at = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafe(size);
  }

  room(size: number): void {
    if (this.at + size <= this.bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.at + size));
    this.bytes.copy(grown, 0, 0, this.at);
    this.bytes = grown;
  }

  /** Zigzag varint of an integer of up to 53 bits. */
  varint(value: number): void {
    let rest = value >= 0 ? value * 2 : -value * 2 - 1;
    const { bytes } = this;
    while (rest > 0x7f) {
      bytes[this.at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    bytes[this.at++] = rest;
  }

  bytesOrNull(value: Uint8Array | null): void {
    if (value === null) {
      this.room(VARINT_MAX);
      this.varint(-1);
      return;
    }
    this.room(VARINT_MAX + value.length);
    this.varint(value.length);
    this.bytes.set(value, this.at);
    this.at += value.length;
  }
}

function writeRecord(body: RecordBuffer, record: OutgoingRecord, delta: number, firstMillis: number): void {
  body.at = 0;
  body.room(1 + 3 * VARINT_MAX);
  body.bytes[body.at++] = 0;
  body.varint(record.timestamp - firstMillis);
  body.varint(delta);
  body.bytesOrNull(record.key);
  body.bytesOrNull(record.value);
  const headers = record.headers ?? [];
  body.room(VARINT_MAX);
  body.varint(headers.length);
  for (const [name, value] of headers) {
    body.bytesOrNull(Buffer.from(name, 'utf8'));
    body.bytesOrNull(value);
  }
}

/** One batch. `records` is not empty, and all of one partition. */
export function recordBatch(
  records: readonly OutgoingRecord[],
  owner: BatchOwner,
  codec: CompressionCodec,
  codecs: BlockCodecs,
  crc32c: (bytes: Buffer) => number,
): Buffer {
  const firstMillis = records[0]?.timestamp ?? 0;
  let maxMillis = firstMillis;
  const payload = new RecordBuffer(records.length * 64);
  const body = new RecordBuffer(256);
  for (const [delta, record] of records.entries()) {
    if (record.timestamp > maxMillis) maxMillis = record.timestamp;
    writeRecord(body, record, delta, firstMillis);
    payload.room(VARINT_MAX + body.at);
    payload.varint(body.at);
    body.bytes.copy(payload.bytes, payload.at, 0, body.at);
    payload.at += body.at;
  }
  const data = compress(codec, payload.bytes.subarray(0, payload.at), codecs);
  const batch = Buffer.allocUnsafe(BATCH_HEADER + data.length);
  batch.writeBigInt64BE(0n, 0);
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt32BE(-1, 12);
  batch[16] = MAGIC;
  batch.writeInt16BE(compressionCodecs.indexOf(codec) | (owner.transactional ? TRANSACTIONAL : 0), CRC_FROM);
  batch.writeInt32BE(records.length - 1, 23);
  batch.writeBigInt64BE(BigInt(firstMillis), 27);
  batch.writeBigInt64BE(BigInt(maxMillis), 35);
  batch.writeBigInt64BE(owner.producerId, 43);
  batch.writeInt16BE(owner.producerEpoch, 51);
  batch.writeInt32BE(owner.firstSequence, 53);
  batch.writeInt32BE(records.length, 57);
  data.copy(batch, BATCH_HEADER);
  batch.writeUInt32BE(crc32c(batch.subarray(CRC_FROM)), CRC_AT);
  return batch;
}
