/**
 * Text by characters. SQL counts code points while JavaScript strings are UTF-16, so a string with surrogate pairs takes
 * the slow way; all others (nearly all) index directly.
 */

const surrogate = /[\ud800-\udfff]/;

export function hasSurrogates(text: string): boolean {
  return surrogate.test(text);
}

/** Number of characters. */
export function codePointLength(text: string): number {
  if (!surrogate.test(text)) return text.length;
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0xdc00 || unit > 0xdfff) count++;
  }
  return count;
}

/** UTF-16 offset of the character with 0-based index `index` (at most the text's length). */
export function unitOffset(text: string, index: number): number {
  if (index <= 0) return 0;
  if (!surrogate.test(text)) return Math.min(index, text.length);
  let seen = 0;
  let at = 0;
  while (at < text.length && seen < index) {
    const unit = text.charCodeAt(at);
    at += unit >= 0xd800 && unit <= 0xdbff ? 2 : 1;
    seen++;
  }
  return Math.min(at, text.length);
}

/** Characters from `start` (0-based) up to, not including, `end`. */
export function slicePoints(text: string, start: number, end?: number): string {
  if (!surrogate.test(text))
    return text.slice(Math.max(start, 0), end === undefined ? undefined : Math.max(end, 0));
  const from = unitOffset(text, start);
  return end === undefined ? text.slice(from) : text.slice(from, Math.max(from, unitOffset(text, end)));
}

/** 0-based character index of a UTF-16 offset. */
export function pointIndex(text: string, offset: number): number {
  return codePointLength(text.slice(0, offset));
}

/** The text's characters. */
export function points(text: string): readonly string[] {
  return surrogate.test(text) ? Array.from(text) : text.split('');
}

/** Length of the text in UTF-8 bytes. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    // Each half of a surrogate pair stands for two of its four bytes.
    bytes += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return bytes;
}
