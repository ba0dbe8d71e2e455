/**
 * Parts of a json text as they were written: json keeps white space, order and repeated keys, so access to its members
 * slices the text rather than printing a tree. The text is known to be valid JSON.
 */
import { SqlError } from '../../../common/sqlError.ts';

const space = /[ \t\n\r]*/y;

function skipSpace(text: string, at: number): number {
  space.lastIndex = at;
  space.test(text);
  return space.lastIndex;
}

function endOfString(text: string, at: number): number {
  let i = at + 1;
  while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
  return i + 1;
}

/** Offset just after the value that starts at `at`. */
function endOfValue(text: string, at: number): number {
  const first = text[at];
  if (first === '"') return endOfString(text, at);
  if (first !== '{' && first !== '[') {
    let i = at;
    while (i < text.length && !',]} \t\n\r'.includes(text[i] ?? '')) i++;
    return i;
  }
  let depth = 0;
  let i = at;
  while (i < text.length) {
    const c = text[i];
    if (c === '"') {
      i = endOfString(text, i);
      continue;
    }
    if (c === '{' || c === '[') depth++;
    if (c === '}' || c === ']') depth--;
    i++;
    if (depth === 0) return i;
  }
  return i;
}

export type RawKind = 'object' | 'array' | 'string' | 'number' | 'boolean' | 'null';

/** What kind of value the text is. */
export function rawKind(text: string): RawKind {
  switch (text[skipSpace(text, 0)]) {
    case '{':
      return 'object';
    case '[':
      return 'array';
    case '"':
      return 'string';
    case 't':
    case 'f':
      return 'boolean';
    case 'n':
      return 'null';
    default:
      return 'number';
  }
}

/** Members of an object in the order written, values as written; null when the text is not an object. */
export function rawMembers(text: string): readonly (readonly [key: string, value: string])[] | null {
  if (rawKind(text) !== 'object') return null;
  const members: [string, string][] = [];
  let at = skipSpace(text, skipSpace(text, 0) + 1);
  while (at < text.length && text[at] !== '}') {
    const keyEnd = endOfString(text, at);
    const key = rawString(text.slice(at, keyEnd));
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = endOfValue(text, start);
    members.push([key, text.slice(start, end)]);
    at = skipSpace(text, end);
    if (text[at] === ',') at = skipSpace(text, at + 1);
  }
  return members;
}

/** Elements of an array as written; null when the text is not an array. */
export function rawElements(text: string): readonly string[] | null {
  if (rawKind(text) !== 'array') return null;
  const elements: string[] = [];
  let at = skipSpace(text, skipSpace(text, 0) + 1);
  while (at < text.length && text[at] !== ']') {
    const end = endOfValue(text, at);
    elements.push(text.slice(at, end));
    at = skipSpace(text, end);
    if (text[at] === ',') at = skipSpace(text, at + 1);
  }
  return elements;
}

/** The string that a JSON string literal stands for. */
export function rawString(literal: string): string {
  const value: unknown = JSON.parse(literal);
  if (typeof value !== 'string') throw new SqlError('22030', 'invalid JSON string');
  if (value.includes('\u0000')) {
    throw new SqlError('22P05', 'unsupported Unicode escape sequence', {
      detail: '\\u0000 cannot be converted to text.',
    });
  }
  return value;
}

/** What `->>` gives for a value as written: strings unquoted, JSON null as SQL NULL. */
export function rawToText(value: string | null): string | null {
  if (value === null) return null;
  const kind = rawKind(value);
  if (kind === 'null') return null;
  return kind === 'string' ? rawString(value.trim()) : value;
}

/** `->` with a key: the last of equal keys. */
export function rawField(text: string, key: string): string | null {
  const members = rawMembers(text) ?? [];
  return members.findLast(([name]) => name === key)?.[1] ?? null;
}

/** `->` with an index, from the end when negative. */
export function rawElement(text: string, index: number): string | null {
  const elements = rawElements(text) ?? [];
  return elements[index < 0 ? elements.length + index : index] ?? null;
}

/** `#>`. */
export function rawPath(text: string, path: readonly string[]): string | null {
  let at: string | null = text;
  for (const step of path) {
    if (at === null) return null;
    if (rawKind(at) === 'array') at = /^\s*[+-]?\d+$/.test(step) ? rawElement(at, Number(step)) : null;
    else at = rawField(at, step);
  }
  return at;
}
