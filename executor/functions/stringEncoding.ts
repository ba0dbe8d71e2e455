/** Encodings and digests: encode, decode, convert_from, convert_to, md5, sha*, crc, Unicode normalisation. */
import { createHash } from 'node:crypto';
import type { ScalarFunction } from '../../common/function.ts';
import { scalar } from '../../common/function.ts';
import { SqlError } from '../../common/sqlError.ts';
import { decodeBytes, encodeBytes } from './support/binaryText.ts';
import { decodeText, encodeText } from './support/characterSets.ts';

function digest(algorithm: string, bytes: Uint8Array | string): Uint8Array {
  return new Uint8Array(createHash(algorithm).update(bytes).digest());
}

/** Table of a reflected CRC-32 polynomial. */
function crcTable(polynomial: number): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? polynomial ^ (c >>> 1) : c >>> 1;
    return c;
  });
}

const crc32Table = crcTable(0xedb88320);
const crc32cTable = crcTable(0x82f63b78);

function crc(table: Uint32Array, bytes: Uint8Array): bigint {
  let c = 0xffffffff;
  for (const b of bytes) c = (table[(c ^ b) & 255] ?? 0) ^ (c >>> 8);
  return BigInt((c ^ 0xffffffff) >>> 0);
}

const transcoding: readonly ScalarFunction[] = [
  scalar({
    name: 'encode',
    args: ['bytea', 'text'],
    returns: 'text',
    doc: 'Binary string as text: base64, escape or hex.',
    examples: [
      ["encode('123\\000\\001'::bytea, 'base64')", 'MTIzAAE='],
      ["encode('123\\000\\001'::bytea, 'hex')", '3132330001'],
    ],
    evaluate: encodeBytes,
  }),
  scalar({
    name: 'decode',
    args: ['text', 'text'],
    returns: 'bytea',
    doc: 'Binary string from its text in base64, escape or hex.',
    examples: [["decode('MTIzAAE=', 'base64')", '\\x3132330001']],
    evaluate: decodeBytes,
  }),
  scalar({
    name: 'convert_from',
    args: ['bytea', 'text'],
    returns: 'text',
    doc: 'Text of a binary string in an encoding.',
    examples: [["convert_from('\\xe9'::bytea, 'LATIN1')", 'é']],
    evaluate: decodeText,
  }),
  scalar({
    name: 'convert_to',
    args: ['text', 'text'],
    returns: 'bytea',
    doc: 'Binary string of a text in an encoding.',
    examples: [["convert_to('é', 'UTF8')", '\\xc3a9']],
    evaluate: encodeText,
  }),
];

const shaNames = ['sha224', 'sha256', 'sha384', 'sha512'] as const;

const shaExamples: { readonly [K in (typeof shaNames)[number]]: string } = {
  sha224: '\\x23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7',
  sha256: '\\xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  sha384:
    '\\xcb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7',
  sha512:
    '\\xddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
};

const digests: readonly ScalarFunction[] = [
  scalar({
    name: 'md5',
    args: ['text'],
    returns: 'text',
    infallible: true,
    doc: 'MD5 digest in hexadecimal.',
    examples: [["md5('abc')", '900150983cd24fb0d6963f7d28e17f72']],
    evaluate: (text) => createHash('md5').update(text).digest('hex'),
  }),
  scalar({
    name: 'md5',
    args: ['bytea'],
    returns: 'text',
    infallible: true,
    doc: 'MD5 digest in hexadecimal.',
    examples: [["md5('abc'::bytea)", '900150983cd24fb0d6963f7d28e17f72']],
    evaluate: (bytes) => createHash('md5').update(bytes).digest('hex'),
  }),
  scalar({
    name: 'sha1',
    args: ['bytea'],
    returns: 'bytea',
    infallible: true,
    doc: 'SHA-1 digest.',
    examples: [["sha1('abc'::bytea)", '\\xa9993e364706816aba3e25717850c26c9cd0d89d']],
    evaluate: (bytes) => digest('sha1', bytes),
  }),
  ...shaNames.map((name) =>
    scalar({
      name,
      args: ['bytea'],
      returns: 'bytea',
      infallible: true,
      doc: `SHA-${name.slice(3)} digest.`,
      examples: [[`${name}('abc'::bytea)`, shaExamples[name]]],
      evaluate: (bytes) => digest(name, bytes),
    }),
  ),
  scalar({
    name: 'crc32',
    args: ['bytea'],
    returns: 'int8',
    infallible: true,
    doc: 'CRC-32 checksum.',
    examples: [["crc32('hello'::bytea)", '907060870']],
    evaluate: (bytes) => crc(crc32Table, bytes),
  }),
  scalar({
    name: 'crc32c',
    args: ['bytea'],
    returns: 'int8',
    infallible: true,
    doc: 'CRC-32C checksum.',
    examples: [["crc32c('hello'::bytea)", '2591144780']],
    evaluate: (bytes) => crc(crc32cTable, bytes),
  }),
];

function normalForm(name: string): 'NFC' | 'NFD' | 'NFKC' | 'NFKD' {
  const form = name.toUpperCase();
  if (form === 'NFC' || form === 'NFD' || form === 'NFKC' || form === 'NFKD') return form;
  throw new SqlError('22023', `invalid normalization form: ${name}`);
}

/** Letters whose decomposition has no ASCII base letter. */
const asciiLetters: ReadonlyMap<string, string> = new Map([
  ['ß', 'ss'],
  ['Æ', 'AE'],
  ['æ', 'ae'],
  ['Œ', 'OE'],
  ['œ', 'oe'],
  ['Ø', 'O'],
  ['ø', 'o'],
  ['Đ', 'D'],
  ['đ', 'd'],
  ['Ð', 'D'],
  ['ð', 'd'],
  ['Þ', 'Th'],
  ['þ', 'th'],
  ['Ł', 'L'],
  ['ł', 'l'],
  ['ı', 'i'],
]);

function toAscii(text: string): string {
  let result = '';
  for (const c of text.normalize('NFKD')) {
    if (c < '\u0080') result += c;
    else if (!/\p{M}/u.test(c)) result += asciiLetters.get(c) ?? '?';
  }
  return result;
}

const unicodeEscape = /\\(?:\\|([0-9A-Fa-f]{4})|\+([0-9A-Fa-f]{6})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|)/g;

/** Replaces \XXXX, \+XXXXXX, \uXXXX, \UXXXXXXXX and doubled backslashes. */
function unescapeUnicode(text: string): string {
  const result = text.replace(unicodeEscape, (whole, a?: string, b?: string, c?: string, d?: string) => {
    if (whole === '\\\\') return '\\';
    const digits = a ?? b ?? c ?? d;
    if (digits === undefined) {
      throw new SqlError('42601', 'invalid Unicode escape', {
        hint: 'Unicode escapes must be \\XXXX, \\+XXXXXX, \\uXXXX, or \\UXXXXXXXX.',
      });
    }
    const code = Number.parseInt(digits, 16);
    if (code === 0 || code > 0x10ffff)
      throw new SqlError('42601', `invalid Unicode code point: ${digits.toUpperCase()}`);
    return String.fromCodePoint(code);
  });
  if (!result.isWellFormed()) throw new SqlError('42601', 'invalid Unicode surrogate pair');
  return result;
}

const unicode: readonly ScalarFunction[] = [
  scalar({
    name: 'normalize',
    args: ['text'],
    returns: 'text',
    infallible: true,
    doc: 'Text in Unicode normal form NFC.',
    examples: [["normalize(E'e\\u0301') = 'é'", 't']],
    evaluate: (text) => text.normalize('NFC'),
  }),
  scalar({
    name: 'normalize',
    args: ['text', 'text'],
    returns: 'text',
    doc: 'Text in a Unicode normal form: NFC, NFD, NFKC or NFKD.',
    examples: [["length(normalize('é', NFD))", '2']],
    evaluate: (text, form) => text.normalize(normalForm(form)),
  }),
  scalar({
    name: 'is_normalized',
    args: ['text', 'text'],
    returns: 'bool',
    doc: 'Whether the text is in a Unicode normal form.',
    examples: [["is_normalized('é', 'NFD')", 'f']],
    evaluate: (text, form) => text.normalize(normalForm(form)) === text,
  }),
  scalar({
    name: 'is_normalized',
    args: ['text'],
    returns: 'bool',
    doc: 'Whether the text is in Unicode normal form C.',
    examples: [["is_normalized('é')", 't']],
    evaluate: (text) => text.normalize('NFC') === text,
  }),
  scalar({
    name: 'unistr',
    args: ['text'],
    returns: 'text',
    doc: 'Replaces escaped Unicode characters.',
    examples: [["unistr('d\\0061t\\+000061')", 'data']],
    evaluate: unescapeUnicode,
  }),
  scalar({
    name: 'to_ascii',
    args: ['text'],
    returns: 'text',
    infallible: true,
    doc: 'Text without accents; other characters outside ASCII become question marks.',
    examples: [["to_ascii('Karél')", 'Karel']],
    evaluate: toAscii,
  }),
];

export const encodingFunctions: readonly ScalarFunction[] = [...transcoding, ...digests, ...unicode];
