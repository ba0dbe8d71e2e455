/** How JavaScript values that are kept as state (accumulators, cached results) are written to checkpoints and read back. */
import type { ByteReader, ByteWriter } from './byteWriter.ts';
import { decodeValue, encodeValue } from './codec.ts';
import type { DataType } from './dataType.ts';
import type { NonNullValue } from './value.ts';

/** `decode` reads as far as `encode` wrote and gives a value that behaves as the encoded one. Neither sees null. */
export interface StateCodec {
  readonly encode: (value: unknown, out: ByteWriter) => void;
  readonly decode: (input: ByteReader) => unknown;
}

/** The codec of one type of state. */
export function stateCodec<S>(
  encode: (value: S, out: ByteWriter) => void,
  decode: (input: ByteReader) => S,
): StateCodec {
  // State columns give a codec only what its owner put in.
  return { encode: (value, out) => encode(value as S, out), decode };
}

/** The codec of values of an SQL type. */
export function valueStateCodec(type: DataType): StateCodec {
  return stateCodec<NonNullValue>(encodeValue(type), decodeValue(type));
}

/** The codec of text, such as state that is JSON. */
export const textStateCodec: StateCodec = stateCodec<string>(
  (value, out) => out.text(value),
  (input) => input.text(),
);
