/**
 * Matching with PostgreSQL's regular expressions: compiled once per pattern and flags, searched from left to right.
 * Offsets inside are UTF-16; those that SQL sees are characters.
 */
import { must } from '../../../common/assert.ts';
import { SqlError } from '../../../common/sqlError.ts';
import { memoized } from './likePattern.ts';
import { asciiTwin, isAscii } from './regexLinear.ts';
import type { RegexOptions } from './regexTranslate.ts';
import { parseRegexFlags, translateRegex } from './regexTranslate.ts';

export interface CompiledRegex {
  /** Has the flag g. */
  readonly regex: RegExp;
  /** For ASCII texts, where the pattern could otherwise take exponential time; null: not needed, or not to be had. */
  readonly linear: RegExp | null;
  /** The same with the flag d, which makes V8 match twice: only where the places of groups are asked for. */
  readonly spanning: () => RegExp;
  readonly options: RegexOptions;
}

export interface RegexMatch {
  readonly start: number;
  readonly end: number;
  /** Text of each parenthesised group; null where it took no part. */
  readonly groups: readonly (string | null)[];
}

function construct(source: string, flags: string): RegExp {
  try {
    return new RegExp(source, flags);
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new SqlError('2201B', `invalid regular expression: ${error.message}`);
    throw error;
  }
}

/** Compiles for matching only. */
export function compileTest(pattern: string, options: RegexOptions): (text: string) => boolean {
  const { source, flags } = translateRegex(pattern, options);
  const regex = construct(source, flags);
  const twin = asciiTwin(source, flags);
  if (twin === null) return (text) => regex.test(text);
  const linear = construct(twin, '');
  return (text) => (isAscii(text) ? linear : regex).test(text);
}

/** A compiler with a cache for one call site; `flags` are the letters of the flags argument. */
export function regexCompiler(): (pattern: string, flags: string) => CompiledRegex {
  // A flag is a letter, so the first slash ends the flags.
  const compile = memoized((key: string): CompiledRegex => {
    const slash = key.indexOf('/');
    const options = parseRegexFlags(key.slice(0, slash));
    const { source, flags } = translateRegex(key.slice(slash + 1), options);
    let spanning: RegExp | null = null;
    const twin = asciiTwin(source, flags);
    return {
      regex: construct(source, `${flags}g`),
      linear: twin === null ? null : construct(twin, 'g'),
      options,
      spanning: () => {
        spanning ??= construct(source, `${flags}gd`);
        return spanning;
      },
    };
  });
  // Nearly always the pattern is a constant: then not even a cache key is made.
  let last: { readonly pattern: string; readonly flags: string; readonly compiled: CompiledRegex } | null =
    null;
  return (pattern, flags) => {
    if (last !== null && last.pattern === pattern && last.flags === flags) return last.compiled;
    if (flags.includes('/')) throw new SqlError('22023', 'invalid regular expression option: "/"');
    last = { pattern, flags, compiled: compile(`${flags}/${pattern}`) };
    return last.compiled;
  };
}

/** The first match at or after UTF-16 offset `from`. */
export function findMatch(compiled: CompiledRegex, text: string, from = 0): RegexMatch | null {
  const regex = compiled.linear !== null && isAscii(text) ? compiled.linear : compiled.regex;
  regex.lastIndex = from;
  const found = regex.exec(text);
  if (found === null) return null;
  const start = found.index;
  const groups: (string | null)[] = [];
  for (let g = 1; g < found.length; g++) groups.push(found[g] ?? null);
  return { start, end: start + found[0].length, groups };
}

/** Offsets of a group (from 1) of a match; null where it took no part. */
export function groupSpan(
  compiled: CompiledRegex,
  text: string,
  match: RegexMatch,
  group: number,
): readonly [start: number, end: number] | null {
  const regex = compiled.spanning();
  regex.lastIndex = match.start;
  const found = must(regex.exec(text), 'what has matched matches again');
  return must(found.indices, 'the regular expression must have the flag d')[group] ?? null;
}

/** All matches from `from` on, left to right; after an empty match the search goes on one character later. */
export function* allMatches(compiled: CompiledRegex, text: string, from = 0): Generator<RegexMatch> {
  let at = from;
  while (at <= text.length) {
    const match = findMatch(compiled, text, at);
    if (match === null) return;
    yield match;
    at = match.end;
    if (match.start === match.end) at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  }
}

/** The pieces between matches, empty matches at the ends or right after another match not counting. */
export function splitByRegex(compiled: CompiledRegex, text: string): string[] {
  const pieces: string[] = [];
  let previousEnd = 0;
  let pieceStart = 0;
  for (const match of allMatches(compiled, text)) {
    if (match.start < text.length && match.end > previousEnd) {
      pieces.push(text.slice(pieceStart, match.start));
      pieceStart = match.end;
    }
    previousEnd = match.end;
  }
  pieces.push(text.slice(pieceStart));
  return pieces;
}

/** Fills in \1..\9 and \&; any other escaped character stands for itself, with its backslash unless that is escaped. */
export function expandReplacement(replacement: string, match: RegexMatch, text: string): string {
  if (!replacement.includes('\\')) return replacement;
  return replacement.replace(/\\([1-9&\\])/g, (_, c: string) => {
    if (c === '\\') return '\\';
    if (c === '&') return text.slice(match.start, match.end);
    return match.groups[Number(c) - 1] ?? '';
  });
}

/** Replaces the matches from number `first` (1-based) on: that one only, or all that follow when `all`. */
export function replaceMatches(
  compiled: CompiledRegex,
  text: string,
  replacement: string,
  from: number,
  first: number,
  all: boolean,
): string {
  let result = '';
  let at = 0;
  let number = 0;
  for (const match of allMatches(compiled, text, from)) {
    number++;
    if (number < first) continue;
    result += text.slice(at, match.start) + expandReplacement(replacement, match, text);
    at = match.end;
    if (!all) break;
  }
  return at === 0 && result === '' ? text : result + text.slice(at);
}

/** The groups of a match, or the whole match when the pattern has none: what regexp_match returns. */
export function matchGroups(match: RegexMatch, text: string): readonly (string | null)[] {
  return match.groups.length > 0 ? match.groups : [text.slice(match.start, match.end)];
}
