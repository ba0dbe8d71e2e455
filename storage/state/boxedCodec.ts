/** Boxed values as bytes for the arena: common/codec.ts with one writer and reader per column. */
import { ByteReader, ByteWriter } from '../../common/byteWriter.ts';
import { decodeValue, encodeValue } from '../../common/codec.ts';
import type { DataType } from '../../common/dataType.ts';
import type { NonNullValue } from '../../common/value.ts';

export interface BoxedCodec {
  /** The bytes, valid until the next call. Values that are the same give the same bytes. */
  encode(value: NonNullValue): Uint8Array;
  decode(bytes: Uint8Array): NonNullValue;
}

const NOTHING = new Uint8Array(0);

export function boxedCodec(type: DataType): BoxedCodec {
  const writer = new ByteWriter(64);
  const reader = new ByteReader(NOTHING);
  const write = encodeValue(type);
  const read = decodeValue(type);
  // A value is compared with what is stored, then stored: it may be long, and is encoded once.
  let written: NonNullValue | null = null;
  return {
    encode(value) {
      if (value !== written || typeof value !== 'object') {
        written = null;
        writer.reset();
        write(value, writer);
        written = value;
      }
      return writer.view();
    },
    decode(bytes) {
      reader.reset(bytes);
      return read(reader);
    },
  };
}
