/**
 * The bottom of the fast JSON path: readers of values straight from the text of a message.
 *
 * A reader gets the text and the place of a value's first character, and leaves the place after the value in `cursor.at`; -1 there
 * means that it cannot tell, and the message is read again by the full parser (jsonText.ts), which is the judge of everything.
 * Invariant: a text ends with a NUL character, which no reader passes, so none looks for the end of the text.
 */
import type { Value } from '../../../common/value.ts';

export type Reader = (text: string, at: number) => Value;

/** Where the last reader stopped. */
export const cursor: { at: number } = { at: 0 };

const MAX_DEPTH = 200;
const MAX_NUMBER = 1000;
const MAX_EXPONENT_DIGITS = 4;

export function skipSpace(text: string, at: number): number {
  let i = at;
  let c = text.charCodeAt(i);
  while (c === 32 || c === 10 || c === 13 || c === 9) c = text.charCodeAt(++i);
  return i;
}

/** Not for the fast path. */
export function bail(): null {
  cursor.at = -1;
  return null;
}

/** True at `null`; the cursor is after it then. */
export function isNull(text: string, at: number): boolean {
  if (
    text.charCodeAt(at) !== 110 ||
    text.charCodeAt(at + 1) !== 117 ||
    text.charCodeAt(at + 2) !== 108 ||
    text.charCodeAt(at + 3) !== 108
  ) {
    return false;
  }
  cursor.at = at + 4;
  return true;
}

/** A string whose opening quote is at `at`; null and a cursor of -1 when there is none. */
export function readString(text: string, at: number): string | null {
  if (text.charCodeAt(at) !== 34) return bail();
  let i = at + 1;
  for (;;) {
    const c = text.charCodeAt(i);
    if (c === 34) break;
    if (c === 92) return readEscaped(text, at, i);
    if (!(c >= 32)) return bail();
    i++;
  }
  cursor.at = i + 1;
  return text.substring(at + 1, i);
}

/** A string with escapes: rare, so the platform's parser may read it. */
function readEscaped(text: string, start: number, at: number): string | null {
  let i = at;
  for (;;) {
    const c = text.charCodeAt(i);
    if (c === 34) break;
    if (!(c >= 32)) return bail();
    i += c === 92 ? 2 : 1;
  }
  let value: unknown;
  try {
    value = JSON.parse(text.substring(start, i + 1));
  } catch {
    return bail();
  }
  // What JSON allows and text does not: half of a surrogate pair, and NUL.
  if (typeof value !== 'string' || !value.isWellFormed() || value.includes('\0')) return bail();
  cursor.at = i + 1;
  return value;
}

/** After the string that begins at `at`; -1 when it is not one. */
function endOfString(text: string, at: number): number {
  let i = at + 1;
  for (;;) {
    const c = text.charCodeAt(i);
    if (c === 34) return i + 1;
    if (c === 92) {
      readEscaped(text, at, i);
      return cursor.at;
    }
    if (!(c >= 32)) return -1;
    i++;
  }
}

/** After the number that begins at `at`; -1 when it is not one, or one of unusual size. */
export function endOfNumber(text: string, at: number): number {
  let i = at;
  let c = text.charCodeAt(i);
  if (c === 45) c = text.charCodeAt(++i);
  if (c === 48) c = text.charCodeAt(++i);
  else {
    if (!(c >= 49 && c <= 57)) return -1;
    while (c >= 48 && c <= 57) c = text.charCodeAt(++i);
  }
  if (c === 46) {
    c = text.charCodeAt(++i);
    if (!(c >= 48 && c <= 57)) return -1;
    while (c >= 48 && c <= 57) c = text.charCodeAt(++i);
  }
  if (c === 101 || c === 69) {
    c = text.charCodeAt(++i);
    if (c === 43 || c === 45) c = text.charCodeAt(++i);
    const digits = i;
    while (c >= 48 && c <= 57) c = text.charCodeAt(++i);
    if (i === digits || i - digits > MAX_EXPONENT_DIGITS) return -1;
  }
  return i - at > MAX_NUMBER ? -1 : i;
}

/** After the value at `at`, whatever it is; -1 when it is malformed, or needs the full parser. */
export function skipValue(text: string, at: number, depth: number): number {
  switch (text.charCodeAt(at)) {
    case 34:
      return endOfString(text, at);
    case 123:
      return depth > MAX_DEPTH ? -1 : skipObject(text, at, depth + 1);
    case 91:
      return depth > MAX_DEPTH ? -1 : skipArray(text, at, depth + 1);
    case 116:
      return text.startsWith('true', at) ? at + 4 : -1;
    case 102:
      return text.startsWith('false', at) ? at + 5 : -1;
    case 110:
      return text.startsWith('null', at) ? at + 4 : -1;
    default:
      return endOfNumber(text, at);
  }
}

function skipObject(text: string, start: number, depth: number): number {
  let at = skipSpace(text, start + 1);
  if (text.charCodeAt(at) === 125) return at + 1;
  for (;;) {
    if (text.charCodeAt(at) !== 34) return -1;
    at = endOfString(text, at);
    if (at < 0) return -1;
    at = skipSpace(text, at);
    if (text.charCodeAt(at) !== 58) return -1;
    at = skipValue(text, skipSpace(text, at + 1), depth);
    if (at < 0) return -1;
    at = skipSpace(text, at);
    const c = text.charCodeAt(at);
    if (c === 125) return at + 1;
    if (c !== 44) return -1;
    at = skipSpace(text, at + 1);
  }
}

function skipArray(text: string, start: number, depth: number): number {
  let at = skipSpace(text, start + 1);
  if (text.charCodeAt(at) === 93) return at + 1;
  for (;;) {
    at = skipValue(text, at, depth);
    if (at < 0) return -1;
    at = skipSpace(text, at);
    const c = text.charCodeAt(at);
    if (c === 93) return at + 1;
    if (c !== 44) return -1;
    at = skipSpace(text, at + 1);
  }
}
