/**
 * Readers of JSON values by SQL type, from bytes into columns. Each knows the usual form of its type; what else there is, the
 * conversion of the parsed value (convert.ts) says, whose results they must equal. As readers.ts, which does so from text.
 */
import type { DataType } from '../../../common/dataType.ts';
import { daysFromCivil, daysInMonth } from '../../../common/dateTime.ts';
import { parseJson } from '../../../common/jsonText.ts';
import { decodeUtf8 } from '../../../common/utf8.ts';
import type { RecordMemory } from '../../remote.ts';
import type { AnyWriter, Float64Writer, Int32Writer, Int64Writer, TextWriter } from '../columnWriters.ts';
import {
  type ByteField,
  type ByteReader,
  escapedText,
  isPlain,
  numberEnd,
  plainEnd,
  valueEnd,
  wide,
  wordEnd,
} from './byteScanner.ts';
import { type JsonConverter, readsUtc } from './convert.ts';
import type { JsonContext } from './forms.ts';
import { MAX_FAST_DIGITS, POWERS } from './readers.ts';
import { cursor } from './scanner.ts';

const MICROS_PER_DAY = 86_400_000_000;

/** Parses the value and converts it: for every type and form. */
function nodeReader(convert: JsonConverter, writer: AnyWriter): ByteReader {
  return (memory, at, row) => {
    const end = valueEnd(memory, at, 0);
    cursor.at = end;
    if (end < 0) return;
    const value = convert(parseJson(decodeUtf8(memory.bytes, at, end)));
    if (value === null) writer.setNull(row);
    else writer.put(row, value);
    cursor.at = end;
  };
}

/** NULL, or what the conversion makes of it. */
function orNull(other: ByteReader, writer: AnyWriter): ByteReader {
  return (memory, at, row) => {
    const end = memory.bytes[at] === 110 ? wordEnd(memory, at, 'null') : -1;
    if (end < 0) {
      other(memory, at, row);
      return;
    }
    writer.setNull(row);
    cursor.at = end;
  };
}

/** Digits of a whole number of at most 15 places; NaN when it is anything else. */
function wholeNumber({ bytes }: RecordMemory, at: number): number {
  let i = at;
  let c = bytes[i] as number;
  const negative = c === 45;
  if (negative) c = bytes[++i] as number;
  const first = i;
  let n = 0;
  while (c >= 48 && c <= 57) {
    n = n * 10 + (c - 48);
    c = bytes[++i] as number;
  }
  const digits = i - first;
  if (digits === 0 || digits > MAX_FAST_DIGITS || c === 46 || c === 101 || c === 69) return Number.NaN;
  if (digits > 1 && bytes[first] === 48) return Number.NaN;
  cursor.at = i;
  return negative ? 0 - n : n;
}

function int32Reader(least: number, most: number, writer: Int32Writer, other: ByteReader): ByteReader {
  return (memory, at, row) => {
    const n = wholeNumber(memory, at);
    if (n >= least && n <= most) writer.data[row] = n;
    else other(memory, at, row);
  };
}

function int64Reader(writer: Int64Writer, other: ByteReader): ByteReader {
  return (memory, at, row) => {
    const n = wholeNumber(memory, at);
    if (!Number.isNaN(n)) writer.setNumber(row, n);
    else other(memory, at, row);
  };
}

function float64Reader(writer: Float64Writer, other: ByteReader): ByteReader {
  return (memory, at, row) => {
    const n = wholeNumber(memory, at);
    if (!Number.isNaN(n)) {
      // Zero has no sign as numeric.
      writer.data[row] = n + 0;
      return;
    }
    const end = numberEnd(memory, at);
    if (end < 0) return other(memory, at, row);
    const { bytes } = memory;
    const x = Number(Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at).toString('latin1'));
    if (x === 0 || !Number.isFinite(x)) return other(memory, at, row);
    writer.data[row] = x;
    cursor.at = end;
  };
}

function boolReader(writer: AnyWriter, other: ByteReader): ByteReader {
  return (memory, at, row) => {
    const end = wordEnd(memory, at, 'true');
    const after = end >= 0 ? end : wordEnd(memory, at, 'false');
    if (after < 0) return other(memory, at, row);
    writer.put(row, end >= 0);
    cursor.at = after;
  };
}

/** Of the four bytes one is a quote, a backslash, below the blank or beyond ASCII. */
function hasSpecial(word: number): boolean {
  const quotes = word ^ 0x22222222;
  const slashes = word ^ 0x5c5c5c5c;
  const zeros = ((quotes - 0x01010101) & ~quotes) | ((slashes - 0x01010101) & ~slashes);
  return ((zeros | (word - 0x20202020) | word) & 0x80808080) !== 0;
}

/** A text without escapes is copied as it is. */
function textReader(writer: TextWriter, other: ByteReader): ByteReader {
  return (memory, at, row) => {
    const { bytes, view } = memory;
    if (bytes[at] !== 34) return other(memory, at, row);
    const { heap, view: heapView } = writer;
    const start = writer.at;
    // As far as there is room and a message.
    const last = Math.min(bytes.length, at + 1 + heap.length - start);
    let i = at + 1;
    let h = start;
    let c = 0;
    for (const lastWord = last - 4; i <= lastWord; i += 4, h += 4) {
      const word = view.getInt32(i, true);
      if (hasSpecial(word)) break;
      heapView.setInt32(h, word, true);
    }
    for (; i < last; i++) {
      c = bytes[i] as number;
      if (isPlain[c] === 0) break;
      heap[h++] = c;
    }
    if (c === 34) {
      writer.at = h;
      writer.ends[row] = h;
      cursor.at = i + 1;
      return;
    }
    copyText(memory, at, row, writer, other);
  };
}

/** A text that needs more room, has characters beyond ASCII, or escapes. */
function copyText(
  memory: RecordMemory,
  at: number,
  row: number,
  writer: TextWriter,
  other: ByteReader,
): void {
  const { bytes } = memory;
  const before = wide.seen;
  wide.seen = false;
  const end = plainEnd(memory, at);
  const isWide = wide.seen;
  wide.seen ||= before;
  if (end < 0) {
    other(memory, at, row);
    return;
  }
  const length = end - at - 2;
  const heap = writer.room(length);
  heap.set(bytes.subarray(at + 1, end - 1), writer.at);
  writer.at += length;
  writer.ends[row] = writer.at;
  if (isWide) writer.wide = true;
  cursor.at = end;
}

/** A string with escapes, or none. */
function escapedReader(writer: TextWriter, other: ByteReader): ByteReader {
  return (memory, at, row) => {
    if (memory.bytes[at] !== 34) return other(memory, at, row);
    const text = escapedText(memory, at);
    if (text !== null) writer.put(row, text);
  };
}

/** Two digits as a number; NaN when they are not. */
function two(bytes: Uint8Array, at: number): number {
  const a = (bytes[at] as number) - 48;
  const b = (bytes[at + 1] as number) - 48;
  return a >= 0 && a <= 9 && b >= 0 && b <= 9 ? a * 10 + b : Number.NaN;
}

/** Days of `2024-01-31` at a place; NaN when it is not quite such a date of the years 1700 to 2200. */
function dayAt(bytes: Uint8Array, at: number): number {
  const year = two(bytes, at) * 100 + two(bytes, at + 2);
  const month = two(bytes, at + 5);
  const day = two(bytes, at + 8);
  if (bytes[at + 4] !== 45 || bytes[at + 7] !== 45) return Number.NaN;
  if (!(year >= 1700 && year < 2200 && month >= 1 && month <= 12 && day >= 1)) return Number.NaN;
  return day <= 28 || day <= daysInMonth(year, month) ? daysFromCivil(year, month, day) : Number.NaN;
}

function dateReader(writer: Int32Writer, other: ByteReader): ByteReader {
  return (memory, at, row) => {
    const { bytes } = memory;
    const isText = bytes[at] === 34 && bytes[at + 11] === 34;
    const days = isText ? dayAt(bytes, at + 1) : Number.NaN;
    if (Number.isNaN(days)) return other(memory, at, row);
    writer.data[row] = days;
    cursor.at = at + 12;
  };
}

/** Knows the last day that it saw: messages come in the order of time, mostly. */
class Days {
  #first = -1;
  #second = -1;
  #last = -1;
  #days = Number.NaN;

  at({ bytes, view }: RecordMemory, at: number): number {
    if (at + 12 > bytes.length) return Number.NaN;
    const first = view.getInt32(at, true);
    const second = view.getInt32(at + 4, true);
    const last = view.getInt32(at + 6, true);
    if (first === this.#first && second === this.#second && last === this.#last) return this.#days;
    this.#first = first;
    this.#second = second;
    this.#last = last;
    this.#days = dayAt(bytes, at);
    return this.#days;
  }
}

/** `"2024-01-31 12:34:56.789"`, with a T and a Z perhaps. `zoned`: without the Z it is not for this reader. */
function timestampReader(zoned: boolean, writer: Int64Writer, other: ByteReader): ByteReader {
  const known = new Days();
  return (memory, at, row) => {
    const { bytes } = memory;
    const days = bytes[at] === 34 ? known.at(memory, at + 1) : Number.NaN;
    const gap = bytes[at + 11];
    const hour = two(bytes, at + 12);
    const minute = two(bytes, at + 15);
    const second = two(bytes, at + 18);
    const plain =
      (gap === 32 || gap === 84) &&
      bytes[at + 14] === 58 &&
      bytes[at + 17] === 58 &&
      hour <= 23 &&
      minute <= 59 &&
      second <= 59;
    if (!plain || Number.isNaN(days)) return other(memory, at, row);
    let i = at + 20;
    let micros = 0;
    if (bytes[i] === 46) {
      const first = ++i;
      for (let c = bytes[i] as number; c >= 48 && c <= 57; c = bytes[++i] as number)
        micros = micros * 10 + c - 48;
      const digits = i - first;
      if (digits === 0 || digits > 6) return other(memory, at, row);
      micros *= POWERS[6 - digits] ?? 0;
    }
    const hasZone = bytes[i] === 90;
    if (hasZone) i++;
    if ((zoned && !hasZone) || bytes[i] !== 34) return other(memory, at, row);
    cursor.at = i + 1;
    writer.setNumber(row, days * MICROS_PER_DAY + (hour * 3600 + minute * 60 + second) * 1_000_000 + micros);
  };
}

function readerOf(
  type: DataType,
  writer: AnyWriter,
  convert: JsonConverter,
  context: JsonContext,
): ByteReader {
  const other = orNull(nodeReader(convert, writer), writer);
  switch (writer.kind) {
    case 'bool':
      return boolReader(writer, other);
    case 'i32':
      if (type.id === 'int2') return int32Reader(-32768, 32767, writer, other);
      if (type.id === 'int4') return int32Reader(-2147483648, 2147483647, writer, other);
      return type.id === 'date' ? dateReader(writer, other) : other;
    case 'i64': {
      if (type.id === 'int8') return int64Reader(writer, other);
      if (type.id !== 'timestamp' && type.id !== 'timestamptz') return other;
      const zoned = type.id === 'timestamptz' && context.text.timeZone !== 'UTC' && !readsUtc(context.forms);
      return type.precision === undefined ? timestampReader(zoned, writer, other) : other;
    }
    case 'f64':
      return type.id === 'float8' ? float64Reader(writer, other) : other;
    case 'text': {
      const isText = type.id === 'text' || (type.id === 'varchar' && type.length === undefined);
      return isText ? textReader(writer, escapedReader(writer, other)) : other;
    }
    case 'boxed':
      return other;
  }
}

/** How a column's values are read into it. */
export function byteField(
  type: DataType,
  writer: AnyWriter,
  convert: JsonConverter,
  context: JsonContext,
): ByteField {
  return {
    read: readerOf(type, writer, convert, context),
    absent: (row) => writer.setNull(row),
  };
}

/** Types whose values text is the better source of: readers.ts knows their inner forms. */
export function isForBytes(type: DataType): boolean {
  return type.id !== 'array' && type.id !== 'struct';
}
