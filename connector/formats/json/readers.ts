/**
 * Fast readers of JSON values by SQL type. Each knows the usual form of its type (digits, `2024-01-01 00:00:00.123`, a string
 * without escapes) and leaves everything else to the conversion of the parsed value (convert.ts), whose results it must equal.
 */
import type { DataType } from '../../../common/dataType.ts';
import { daysFromCivil, daysInMonth } from '../../../common/dateTime.ts';
import { Decimal } from '../../../common/decimal.ts';
import { parseJson } from '../../../common/jsonText.ts';
import { SqlArray } from '../../../common/sqlArray.ts';
import type { Value } from '../../../common/value.ts';
import { isDocument, type JsonConverter, jsonConverter, readsUtc } from './convert.ts';
import type { JsonContext } from './forms.ts';
import { type ObjectScanner, objectScanner } from './objectScanner.ts';
import {
  bail,
  cursor,
  endOfNumber,
  isNull,
  type Reader,
  readString,
  skipSpace,
  skipValue,
} from './scanner.ts';
import { textInput } from './textInput.ts';

export type TextScanner = ObjectScanner<string, Value[]>;

export const MAX_FAST_DIGITS = 15;
export const POWERS = Array.from({ length: 23 }, (_, i) => 10 ** i);

/** Parses the value and converts it: for every type and form. */
export function nodeReader(convert: JsonConverter): Reader {
  return (text, at) => {
    const end = skipValue(text, at, 0);
    if (end < 0) return bail();
    const value = convert(parseJson(text.slice(at, end)));
    cursor.at = end;
    return value;
  };
}

/** Digits of a whole number of at most 15 places; NaN when it is anything else. */
function wholeNumber(text: string, at: number): number {
  let i = at;
  let c = text.charCodeAt(i);
  const negative = c === 45;
  if (negative) c = text.charCodeAt(++i);
  const first = i;
  let n = 0;
  while (c >= 48 && c <= 57) {
    n = n * 10 + (c - 48);
    c = text.charCodeAt(++i);
  }
  const digits = i - first;
  if (digits === 0 || digits > MAX_FAST_DIGITS || c === 46 || c === 101 || c === 69) return Number.NaN;
  if (digits > 1 && text.charCodeAt(first) === 48) return Number.NaN;
  cursor.at = i;
  return negative ? 0 - n : n;
}

function integerReader(least: number, most: number, other: Reader): Reader {
  return (text, at) => {
    const n = wholeNumber(text, at);
    if (n >= least && n <= most) return n;
    return isNull(text, at) ? null : other(text, at);
  };
}

function int8Reader(other: Reader): Reader {
  return (text, at) => {
    const n = wholeNumber(text, at);
    if (!Number.isNaN(n)) return BigInt(n);
    return isNull(text, at) ? null : other(text, at);
  };
}

function float8Reader(other: Reader): Reader {
  return (text, at) => {
    const n = wholeNumber(text, at);
    if (!Number.isNaN(n)) return n;
    const end = endOfNumber(text, at);
    if (end < 0) return isNull(text, at) ? null : other(text, at);
    const x = Number(text.slice(at, end));
    // Zero has no sign as numeric, and what underflows is an error.
    if (x === 0 || !Number.isFinite(x)) return other(text, at);
    cursor.at = end;
    return x;
  };
}

function numericReader(other: Reader): Reader {
  return (text, at) => {
    const end = endOfNumber(text, at);
    if (end < 0) return isNull(text, at) ? null : other(text, at);
    const value = Decimal.parse(text.slice(at, end));
    cursor.at = end;
    return value;
  };
}

function boolReader(other: Reader): Reader {
  return (text, at) => {
    const c = text.charCodeAt(at);
    if (c === 116 && text.startsWith('true', at)) {
      cursor.at = at + 4;
      return true;
    }
    if (c === 102 && text.startsWith('false', at)) {
      cursor.at = at + 5;
      return false;
    }
    return isNull(text, at) ? null : other(text, at);
  };
}

function textReader(other: Reader): Reader {
  return (text, at) => {
    if (text.charCodeAt(at) === 34) return readString(text, at);
    return isNull(text, at) ? null : other(text, at);
  };
}

/** Two digits as a number; NaN when they are not. */
function two(text: string, at: number): number {
  const a = text.charCodeAt(at) - 48;
  const b = text.charCodeAt(at + 1) - 48;
  return a >= 0 && a <= 9 && b >= 0 && b <= 9 ? a * 10 + b : Number.NaN;
}

/** Days of `2024-01-31` at a place; NaN when it is not quite such a date of the years 1700 to 2200. */
function dayAt(text: string, at: number): number {
  const year = two(text, at) * 100 + two(text, at + 2);
  const month = two(text, at + 5);
  const day = two(text, at + 8);
  if (text.charCodeAt(at + 4) !== 45 || text.charCodeAt(at + 7) !== 45) return Number.NaN;
  if (!(year >= 1700 && year < 2200 && month >= 1 && month <= 12 && day >= 1)) return Number.NaN;
  return day <= 28 || day <= daysInMonth(year, month) ? daysFromCivil(year, month, day) : Number.NaN;
}

function dateReader(other: Reader): Reader {
  return (text, at) => {
    if (text.charCodeAt(at) === 34 && text.charCodeAt(at + 11) === 34) {
      const days = dayAt(text, at + 1);
      if (!Number.isNaN(days)) {
        cursor.at = at + 12;
        return days;
      }
    }
    return isNull(text, at) ? null : other(text, at);
  };
}

/** `"2024-01-31 12:34:56.789"`, with a T and a Z perhaps. `zoned`: without the Z it is not for this reader. */
function timestampReader(zoned: boolean, other: Reader): Reader {
  return (text, at) => {
    const days = text.charCodeAt(at) === 34 ? dayAt(text, at + 1) : Number.NaN;
    const gap = text.charCodeAt(at + 11);
    const hour = two(text, at + 12);
    const minute = two(text, at + 15);
    const second = two(text, at + 18);
    const plain =
      (gap === 32 || gap === 84) &&
      text.charCodeAt(at + 14) === 58 &&
      text.charCodeAt(at + 17) === 58 &&
      hour <= 23 &&
      minute <= 59 &&
      second <= 59;
    if (!plain || Number.isNaN(days)) return isNull(text, at) ? null : other(text, at);
    let i = at + 20;
    let micros = 0;
    if (text.charCodeAt(i) === 46) {
      const first = ++i;
      for (let c = text.charCodeAt(i); c >= 48 && c <= 57; c = text.charCodeAt(++i))
        micros = micros * 10 + c - 48;
      const digits = i - first;
      if (digits === 0 || digits > 6) return other(text, at);
      micros *= POWERS[6 - digits] ?? 0;
    }
    const hasZone = text.charCodeAt(i) === 90;
    if (hasZone) i++;
    if ((zoned && !hasZone) || text.charCodeAt(i) !== 34) return other(text, at);
    cursor.at = i + 1;
    return BigInt(days * 86_400_000_000 + (hour * 3600 + minute * 60 + second) * 1_000_000 + micros);
  };
}

/** `nests`: an array within is a dimension, which the full parser sees to. */
function arrayReader(element: Reader, nests: boolean, other: Reader): Reader {
  return (text, start) => {
    if (text.charCodeAt(start) !== 91) return isNull(text, start) ? null : other(text, start);
    const elements: Value[] = [];
    let at = skipSpace(text, start + 1);
    if (text.charCodeAt(at) === 93) {
      cursor.at = at + 1;
      return new SqlArray(elements);
    }
    for (;;) {
      if (nests && text.charCodeAt(at) === 91) return other(text, start);
      elements.push(element(text, at));
      at = cursor.at;
      if (at < 0) return bail();
      at = skipSpace(text, at);
      const c = text.charCodeAt(at);
      if (c === 93) break;
      if (c !== 44) return bail();
      at = skipSpace(text, at + 1);
    }
    cursor.at = at + 1;
    return new SqlArray(elements);
  };
}

function structReader(scanner: TextScanner, width: number, other: Reader): Reader {
  return (text, at) => {
    if (text.charCodeAt(at) !== 123) return isNull(text, at) ? null : other(text, at);
    const fields: Value[] = new Array<Value>(width).fill(null);
    cursor.at = scanner.scan(text, at, fields);
    return fields;
  };
}

/** The reader of a type at a path. Scanners of objects within it are added to `scanners`. */
export function jsonReader(
  type: DataType,
  path: string,
  context: JsonContext,
  scanners: TextScanner[],
): Reader {
  const other = nodeReader(jsonConverter(type, path, context));
  switch (type.id) {
    case 'bool':
      return boolReader(other);
    case 'int2':
      return integerReader(-32768, 32767, other);
    case 'int4':
      return integerReader(-2147483648, 2147483647, other);
    case 'int8':
      return int8Reader(other);
    case 'float8':
      return float8Reader(other);
    case 'numeric':
      return type.precision === undefined ? numericReader(other) : other;
    case 'text':
      return textReader(other);
    case 'varchar':
      return type.length === undefined ? textReader(other) : other;
    case 'date':
      return dateReader(other);
    case 'timestamp':
      return type.precision === undefined ? timestampReader(false, other) : other;
    case 'timestamptz': {
      const zoned = context.text.timeZone !== 'UTC' && !readsUtc(context.forms);
      return type.precision === undefined ? timestampReader(zoned, other) : other;
    }
    case 'array':
      if (type.element.id === 'array') return other;
      return arrayReader(
        jsonReader(type.element, `${path}[]`, context, scanners),
        !isDocument(type.element),
        other,
      );
    case 'struct': {
      const fields = type.fields.map((f, i) => ({
        name: f.name,
        optional: false,
        of: { index: i, read: jsonReader(f.type, `${path}.${f.name}`, context, scanners) },
      }));
      const scanner = objectScanner(textInput, fields, `${path}.`, context);
      scanners.push(scanner);
      return structReader(scanner, fields.length, other);
    }
    default:
      return other;
  }
}
