/**
 * Objects read from bytes into columns, where they lie: no text and no row is made of a message. As scanner.ts over UTF-8: what it
 * cannot tell (-1) is read again as text.
 *
 * A message may lie among others, so nothing here looks for its end: whoever scans compares the place after the object with it.
 * Bytes beyond ASCII set `wide.seen`: then the message must be UTF-8 as a whole, which whoever scans finds out.
 */
import type { RecordMemory } from '../../remote.ts';
import type { ScanInput } from './objectScanner.ts';
import { cursor } from './scanner.ts';

/** Reads the value at a place into its column, in row `row`. The cursor is after it then, or -1. */
export type ByteReader = (memory: RecordMemory, at: number, row: number) => void;

export interface ByteField {
  readonly read: ByteReader;
  /** NULL in the row. */
  readonly absent: (row: number) => void;
}

export const wide: { seen: boolean } = { seen: false };

const MAX_DEPTH = 200;
const MAX_NUMBER = 1000;
const MAX_EXPONENT_DIGITS = 4;
const WORD_BYTES = 4;

/** Bytes of a text that need not be looked at: ASCII from the blank on, but the quote and the backslash. */
export const isPlain = Uint8Array.from({ length: 256 }, (_, c) =>
  c >= 32 && c < 128 && c !== 34 && c !== 92 ? 1 : 0,
);

function spaceEnd({ bytes }: RecordMemory, at: number): number {
  let i = at;
  let c = bytes[i] as number;
  while (c === 32 || c === 10 || c === 13 || c === 9) c = bytes[++i] as number;
  return i;
}

/** After the string that begins at `at`; -1 when it is not one, or has escapes. */
export function plainEnd({ bytes }: RecordMemory, at: number): number {
  let i = at + 1;
  const { length } = bytes;
  for (; i < length; i++) {
    const c = bytes[i] as number;
    if (isPlain[c] === 1) continue;
    if (c === 34) return i + 1;
    if (c < 128) return -1;
    wide.seen = true;
  }
  return -1;
}

/** After the string that begins at `at`; -1 when it is not one. */
function stringEnd(memory: RecordMemory, at: number): number {
  const end = plainEnd(memory, at);
  if (end >= 0) return end;
  return escapedText(memory, at) === null ? -1 : cursor.at;
}

/** A string with escapes, as the platform's parser reads it; null and a cursor of -1 when it is none. */
export function escapedText({ bytes }: RecordMemory, at: number): string | null {
  cursor.at = -1;
  let i = at + 1;
  for (; i < bytes.length; i++) {
    const c = bytes[i] as number;
    if (c === 34 || c < 32) break;
    if (c === 92) i++;
    else if (c >= 128) wide.seen = true;
  }
  if (bytes[at] !== 34 || bytes[i] !== 34) return null;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset + at, i + 1 - at).toString('utf8'));
  } catch {
    return null;
  }
  // What JSON allows and text does not: half of a surrogate pair, and NUL.
  if (typeof value !== 'string' || !value.isWellFormed() || value.includes('\0')) return null;
  cursor.at = i + 1;
  return value;
}

/** After the number that begins at `at`; -1 when it is not one, or one of unusual size. */
export function numberEnd({ bytes }: RecordMemory, at: number): number {
  let i = at;
  let c = bytes[i] as number;
  if (c === 45) c = bytes[++i] as number;
  if (c === 48) c = bytes[++i] as number;
  else {
    if (!(c >= 49 && c <= 57)) return -1;
    while (c >= 48 && c <= 57) c = bytes[++i] as number;
  }
  if (c === 46) {
    c = bytes[++i] as number;
    if (!(c >= 48 && c <= 57)) return -1;
    while (c >= 48 && c <= 57) c = bytes[++i] as number;
  }
  if (c === 101 || c === 69) {
    c = bytes[++i] as number;
    if (c === 43 || c === 45) c = bytes[++i] as number;
    const digits = i;
    while (c >= 48 && c <= 57) c = bytes[++i] as number;
    if (i === digits || i - digits > MAX_EXPONENT_DIGITS) return -1;
  }
  return i - at > MAX_NUMBER ? -1 : i;
}

/** After `word` (ASCII), where it is at `at`; else -1. */
export function wordEnd({ bytes }: RecordMemory, at: number, word: string): number {
  for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word.charCodeAt(i)) return -1;
  return at + word.length;
}

/** After the value at `at`, whatever it is; -1 when it is malformed, or needs the full parser. */
export function valueEnd(memory: RecordMemory, at: number, depth: number): number {
  switch (memory.bytes[at]) {
    case 34:
      return stringEnd(memory, at);
    case 123:
      return depth > MAX_DEPTH ? -1 : nestedEnd(memory, at, depth + 1, true);
    case 91:
      return depth > MAX_DEPTH ? -1 : nestedEnd(memory, at, depth + 1, false);
    case 116:
      return wordEnd(memory, at, 'true');
    case 102:
      return wordEnd(memory, at, 'false');
    case 110:
      return wordEnd(memory, at, 'null');
    default:
      return numberEnd(memory, at);
  }
}

/** After an object or an array. */
function nestedEnd(memory: RecordMemory, start: number, depth: number, isObject: boolean): number {
  const { bytes } = memory;
  const end = isObject ? 125 : 93;
  let at = spaceEnd(memory, start + 1);
  if (bytes[at] === end) return at + 1;
  for (;;) {
    if (isObject) {
      if (bytes[at] !== 34) return -1;
      at = stringEnd(memory, at);
      if (at < 0) return -1;
      at = spaceEnd(memory, at);
      if (bytes[at] !== 58) return -1;
      at = spaceEnd(memory, at + 1);
    }
    at = valueEnd(memory, at, depth);
    if (at < 0) return -1;
    at = spaceEnd(memory, at);
    const c = bytes[at];
    if (c === end) return at + 1;
    if (c !== 44) return -1;
    at = spaceEnd(memory, at + 1);
  }
}

/** A key; null and a cursor of -1 when it is not one. */
function readKey(memory: RecordMemory, at: number): string | null {
  const { bytes } = memory;
  const end = bytes[at] === 34 ? plainEnd(memory, at) : -1;
  if (end < 0) return escapedText(memory, at);
  cursor.at = end;
  return Buffer.from(bytes.buffer, bytes.byteOffset + at + 1, end - at - 2).toString('utf8');
}

/** Four bytes at a time, and the last ones overlapping; `v` and `length` are those of the prologue. */
function keyTest(quoted: string): string | null {
  const bytes = Buffer.from(quoted, 'utf8');
  // A key beyond ASCII would not be noticed as such.
  if (bytes.length !== quoted.length) return null;
  const tests = [`at + ${bytes.length} <= length`];
  if (bytes.length < WORD_BYTES)
    for (const [i, byte] of bytes.entries()) tests.push(`b[at + ${i}] === ${byte}`);
  for (let i = 0; bytes.length >= WORD_BYTES && i < bytes.length; i += WORD_BYTES) {
    const from = Math.min(i, bytes.length - WORD_BYTES);
    tests.push(`v.getInt32(at + ${from}, true) === ${bytes.readInt32LE(from)}`);
  }
  return tests.join(' && ');
}

export const byteInput: ScanInput<RecordMemory, number, ByteField> = {
  prologue: 'const b = t.bytes, v = t.view, length = b.length;',
  codeAt: (place) => `b[${place}]`,
  isAt: keyTest,
  lengthOf: (key) => Buffer.byteLength(key),
  constants: (f, of) => `read${f} = ${of}.read`,
  readCode: (f) => `read${f}(t, at, row);`,
  read: ({ read }, memory, at, row) => read(memory, at, row),
  absent: ({ absent }, row) => absent(row),
  // A text that was written cannot be taken back.
  takesRepeats: false,
  charCode: ({ bytes }, at) => bytes[at] as number,
  readString: readKey,
  skipSpace: spaceEnd,
  skipValue: valueEnd,
};
