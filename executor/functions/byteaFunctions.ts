/** Functions and operators on binary strings that have no counterpart for text, or treat bytes as characters. */
import type { ScalarFunction } from '../../common/function.ts';
import { scalar } from '../../common/function.ts';
import { SqlError } from '../../common/sqlError.ts';

function joinBytes(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}

/** substring: 1-based start, which may lie before the first byte; without `length` to the end. */
function sliceBytes(bytes: Uint8Array, start: number, length?: number): Uint8Array {
  if (length !== undefined && length < 0)
    throw new SqlError('22011', 'negative substring length not allowed');
  const end = length === undefined ? bytes.length : Math.min(bytes.length, start - 1 + length);
  return bytes.slice(Math.max(0, start - 1), Math.max(0, end));
}

function indexOf(bytes: Uint8Array, part: Uint8Array): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(part);
}

function overlay(bytes: Uint8Array, part: Uint8Array, start: number, length: number): Uint8Array {
  if (start <= 0) throw new SqlError('22011', 'negative substring length not allowed');
  return joinBytes(joinBytes(sliceBytes(bytes, 1, start - 1), part), sliceBytes(bytes, start + length));
}

function trim(bytes: Uint8Array, set: Uint8Array, left: boolean, right: boolean): Uint8Array {
  let start = 0;
  let end = bytes.length;
  while (left && start < end && set.includes(bytes[start] ?? 0)) start++;
  while (right && end > start && set.includes(bytes[end - 1] ?? 0)) end--;
  return bytes.slice(start, end);
}

function outOfRange(index: number | bigint, last: number): SqlError {
  return new SqlError('2202E', `index ${index} out of valid range, 0..${last}`);
}

function byteAt(bytes: Uint8Array, index: number): number {
  const byte = bytes[index];
  if (byte === undefined) throw outOfRange(index, bytes.length - 1);
  return byte;
}

function bitPosition(bytes: Uint8Array, index: bigint): { readonly byte: number; readonly bit: number } {
  if (index < 0n || index >= BigInt(bytes.length) * 8n) throw outOfRange(index, bytes.length * 8 - 1);
  const n = Number(index);
  return { byte: n >> 3, bit: n & 7 };
}

function withByte(bytes: Uint8Array, index: number, value: number): Uint8Array {
  byteAt(bytes, index);
  const changed = bytes.slice();
  changed[index] = value;
  return changed;
}

function withBit(bytes: Uint8Array, index: bigint, value: number): Uint8Array {
  const { byte, bit } = bitPosition(bytes, index);
  if (value !== 0 && value !== 1) throw new SqlError('22023', 'new bit must be 0 or 1');
  const old = byteAt(bytes, byte);
  return withByte(bytes, byte, value === 1 ? old | (1 << bit) : old & ~(1 << bit));
}

function bitCount(bytes: Uint8Array): bigint {
  let count = 0;
  for (const byte of bytes) for (let rest = byte; rest !== 0; rest &= rest - 1) count++;
  return BigInt(count);
}

const lengths: readonly ScalarFunction[] = (
  [
    ['length', 1, '5'],
    ['octet_length', 1, '5'],
    ['bit_length', 8, '40'],
  ] as const
).map(([name, factor, result]) =>
  scalar({
    name,
    args: ['bytea'],
    returns: 'int4',
    infallible: true,
    doc: factor === 1 ? 'Number of bytes.' : 'Number of bits.',
    examples: [[`${name}('\\x1234567890'::bytea)`, result]],
    evaluate: (bytes) => bytes.length * factor,
  }),
);

const parts: readonly ScalarFunction[] = [
  scalar({
    name: 'byteacat',
    operator: '||',
    args: ['bytea', 'bytea'],
    returns: 'bytea',
    infallible: true,
    doc: 'Concatenation.',
    examples: [["'\\x1234'::bytea || '\\x56'::bytea", '\\x123456']],
    evaluate: joinBytes,
  }),
  ...(['substring', 'substr'] as const).flatMap((name) => [
    scalar({
      name,
      args: ['bytea', 'int4'],
      returns: 'bytea',
      infallible: true,
      doc: 'Bytes from a 1-based position to the end.',
      examples: [[`${name}('\\x1234567890'::bytea, 3)`, '\\x567890']],
      evaluate: (bytes, start) => sliceBytes(bytes, start),
    }),
    scalar({
      name,
      args: ['bytea', 'int4', 'int4'],
      returns: 'bytea',
      doc: 'At most `length` bytes from a 1-based position.',
      examples: [[`${name}('\\x1234567890'::bytea, 3, 2)`, '\\x5678']],
      evaluate: sliceBytes,
    }),
  ]),
  scalar({
    name: 'overlay',
    args: ['bytea', 'bytea', 'int4'],
    returns: 'bytea',
    doc: 'Replaces as many bytes as the new ones from a 1-based position.',
    examples: [["overlay('\\x1234567890'::bytea placing '\\x0203'::bytea from 2)", '\\x1202037890']],
    evaluate: (bytes, part, start) => overlay(bytes, part, start, part.length),
  }),
  scalar({
    name: 'overlay',
    args: ['bytea', 'bytea', 'int4', 'int4'],
    returns: 'bytea',
    doc: 'Replaces a number of bytes from a 1-based position.',
    examples: [["overlay('\\x1234567890'::bytea placing '\\x0203'::bytea from 2 for 3)", '\\x12020390']],
    evaluate: overlay,
  }),
  ...(['position', 'strpos'] as const).map((name) =>
    scalar({
      name,
      args: ['bytea', 'bytea'],
      returns: 'int4',
      infallible: true,
      doc:
        name === 'strpos'
          ? '1-based position of the second in the first, or 0.'
          : '1-based position of a part, or 0.',
      examples: [
        name === 'strpos'
          ? ["strpos('\\x1234567890'::bytea, '\\x5678'::bytea)", '3']
          : ["position('\\x5678'::bytea in '\\x1234567890'::bytea)", '3'],
      ],
      evaluate: (bytes, part) => indexOf(bytes, part) + 1,
    }),
  ),
  ...(
    [
      ['btrim', true, true, '\\x345678'],
      ['ltrim', true, false, '\\x34567890'],
      ['rtrim', false, true, '\\x12345678'],
    ] as const
  ).map(([name, left, right, result]) =>
    scalar({
      name,
      args: ['bytea', 'bytea'],
      returns: 'bytea',
      infallible: true,
      doc: 'Without the bytes of a set at the ends.',
      examples: [[`${name}('\\x1234567890'::bytea, '\\x9012'::bytea)`, result]],
      evaluate: (bytes, set) => trim(bytes, set, left, right),
    }),
  ),
];

const bits: readonly ScalarFunction[] = [
  scalar({
    name: 'get_byte',
    args: ['bytea', 'int4'],
    returns: 'int4',
    doc: 'The n-th byte, from 0.',
    examples: [["get_byte('\\x1234567890'::bytea, 4)", '144']],
    evaluate: byteAt,
  }),
  scalar({
    name: 'set_byte',
    args: ['bytea', 'int4', 'int4'],
    returns: 'bytea',
    doc: 'With the n-th byte, from 0, set.',
    examples: [["set_byte('\\x1234567890'::bytea, 4, 64)", '\\x1234567840']],
    evaluate: (bytes, index, value) => withByte(bytes, index, value & 255),
  }),
  scalar({
    name: 'get_bit',
    args: ['bytea', 'int8'],
    returns: 'int4',
    doc: 'The n-th bit, from 0, the lowest of each byte first.',
    examples: [["get_bit('\\x1234567890'::bytea, 30)", '1']],
    evaluate: (bytes, index) => {
      const { byte, bit } = bitPosition(bytes, index);
      return (byteAt(bytes, byte) >> bit) & 1;
    },
  }),
  scalar({
    name: 'set_bit',
    args: ['bytea', 'int8', 'int4'],
    returns: 'bytea',
    doc: 'With the n-th bit, from 0, set to 0 or 1.',
    examples: [["set_bit('\\x1234567890'::bytea, 30, 0)", '\\x1234563890']],
    evaluate: withBit,
  }),
  scalar({
    name: 'bit_count',
    args: ['bytea'],
    returns: 'int8',
    infallible: true,
    doc: 'Number of bits that are 1.',
    examples: [["bit_count('\\x1234567890'::bytea)", '15']],
    evaluate: bitCount,
  }),
];

function int8ToBytes(n: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, n);
  return bytes;
}

function bytesToInt8(bytes: Uint8Array): bigint {
  if (bytes.length !== 8) throw new SqlError('22P03', 'insufficient data left in message');
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigInt64(0);
}

const integers: readonly ScalarFunction[] = [
  scalar({
    name: 'int8send',
    args: ['int8'],
    returns: 'bytea',
    infallible: true,
    doc: 'The eight bytes of a bigint, most significant first.',
    examples: [['int8send(258)', '\\x0000000000000102']],
    evaluate: int8ToBytes,
  }),
  scalar({
    name: 'int8recv',
    args: ['bytea'],
    returns: 'int8',
    doc: 'The bigint of eight bytes, most significant first.',
    examples: [["int8recv('\\x0000000000000102'::bytea)", '258']],
    evaluate: bytesToInt8,
  }),
];

export const byteaFunctions: readonly ScalarFunction[] = [...lengths, ...parts, ...bits, ...integers];
