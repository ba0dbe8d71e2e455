/** Changes of a sink as bytes and back, for checkpoints and for what is spilled. */
import { ByteReader, ByteWriter } from '../../common/byteWriter.ts';
import { decodeValue, encodeValue, readBigint, writeBigint } from '../../common/codec.ts';
import type { DataType } from '../../common/dataType.ts';
import type { Row } from '../../common/value.ts';
import type { SinkBatch, SinkChange } from '../../connector/sink.ts';

const BEFORE = 1;
const AFTER = 2;

export interface ChangeCodec {
  encode(batches: readonly SinkBatch[]): Uint8Array;
  decode(bytes: Uint8Array): SinkBatch[];
}

export function changeCodec(types: readonly DataType[]): ChangeCodec {
  const encoders = types.map(encodeValue);
  const decoders = types.map(decodeValue);
  const writeRow = (row: Row, out: ByteWriter): void => {
    encoders.forEach((encode, c) => {
      const value = row[c] ?? null;
      out.uint8(value === null ? 0 : 1);
      if (value !== null) encode(value, out);
    });
  };
  const readRow = (input: ByteReader): Row =>
    decoders.map((decode) => (input.uint8() === 0 ? null : decode(input)));
  const readChange = (input: ByteReader): SinkChange => {
    const form = input.uint8();
    if (form === AFTER) return { before: null, after: readRow(input) };
    const before = readRow(input);
    return form === BEFORE ? { before, after: null } : { before, after: readRow(input) };
  };
  return {
    encode(batches) {
      const out = new ByteWriter(1 << 16);
      out.varint(batches.length);
      for (const { epoch, at, first, changes } of batches) {
        writeBigint(epoch, out);
        writeBigint(at, out);
        out.varint(first);
        out.varint(changes.length);
        for (const { before, after } of changes) {
          out.uint8((before === null ? 0 : BEFORE) | (after === null ? 0 : AFTER));
          if (before !== null) writeRow(before, out);
          if (after !== null) writeRow(after, out);
        }
      }
      return out.bytes();
    },
    decode(bytes) {
      const input = new ByteReader(bytes);
      const batches: SinkBatch[] = [];
      for (let left = input.varint(); left > 0; left--) {
        const epoch = readBigint(input);
        const at = readBigint(input);
        const first = input.varint();
        const changes: SinkChange[] = [];
        for (let n = input.varint(); n > 0; n--) changes.push(readChange(input));
        batches.push({ epoch, at, first, changes });
      }
      return batches;
    },
  };
}
