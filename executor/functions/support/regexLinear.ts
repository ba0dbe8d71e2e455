/**
 * A guard against catastrophic backtracking: V8 gives a regular expression up after many backtracks and matches it in linear
 * time, but only without the flags `v` and `i`, look-around and back references. A pattern that repeats a group gets a twin
 * for ASCII texts that has none of these and matches the same.
 */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');

/** Matching takes exponential time only where a repeated group may be repeated in many ways. */
const REPEATED_GROUP = /\)(?:[*+]|\{\d+,)/;
/** Look-around, back references, and what only the flag `v` has: operators and classes within classes. */
const BEYOND = /\(\?[=!<]|\\[1-9kBb]|--|&&|\[[^\]]*\[/;
const NOT_ASCII = /[^\0-\x7f]/;

const asciiOf: ReadonlyMap<string, string> = new Map([
  ['L', 'A-Za-z'],
  ['M', ''],
  ['N', '0-9'],
  ['P', '!-#%-*,-\\/:;?@\\[-\\]_\\{\\}'],
  ['S', '$+<=>\\^`\\|~'],
  ['Cc', '\\0-\\x1f\\x7f'],
  ['Zs', ' '],
  ['Lowercase', 'a-z'],
  ['Uppercase', 'A-Z'],
]);

const hex = (code: number): string => `\\x${code.toString(16).padStart(2, '0')}`;

/** The source for ASCII texts; null when there is none. */
export function asciiTwin(source: string, flags: string): string | null {
  if (flags.includes('i') || !REPEATED_GROUP.test(source) || BEYOND.test(source) || NOT_ASCII.test(source)) {
    return null;
  }
  let known = true;
  const twin = source
    .replace(/\\p\{(\w+)\}/g, (_, name: string) => {
      const set = asciiOf.get(name);
      known &&= set !== undefined;
      return set ?? '';
    })
    .replace(/\\u\{([0-9a-f]+)\}(?:-\\u\{([0-9a-f]+)\})?/gi, (_, low: string, high: string | undefined) => {
      const from = Number.parseInt(low, 16);
      if (high === undefined) return from <= 0x7f ? hex(from) : '\u0080';
      const to = Math.min(Number.parseInt(high, 16), 0x7f);
      return from > 0x7f ? '\u0080' : `${hex(from)}-${hex(to)}`;
    });
  return known && !/\\[pPu]/.test(twin) ? twin : null;
}

export const isAscii = (text: string): boolean => !NOT_ASCII.test(text);
