/**
 * LIKE patterns: `%` any string, `_` any character, an escape character makes the next one literal.
 *
 * A pattern becomes literal segments between `%`, matched by startsWith, indexOf and endsWith; only patterns with `_`
 * need a regular expression. Compiled patterns are kept by call site.
 */
import { SqlError } from '../../../common/sqlError.ts';

export type Matcher = (text: string) => boolean;

/** Splits at unescaped `%`; the regular expression source of each segment goes along in case there is a `_`. */
interface Parsed {
  readonly segments: readonly string[];
  readonly sources: readonly string[];
  readonly hasAnyCharacter: boolean;
}

function quoteForRegex(character: string): string {
  return /[A-Za-z0-9]/.test(character) ? character : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

function parse(pattern: string): Parsed {
  const segments: string[] = [];
  const sources: string[] = [];
  let segment = '';
  let source = '';
  let hasAnyCharacter = false;
  const characters = Array.from(pattern);
  for (let i = 0; i < characters.length; i++) {
    let c = characters[i] ?? '';
    if (c === '%') {
      segments.push(segment);
      sources.push(source);
      segment = '';
      source = '';
      continue;
    }
    if (c === '_') {
      hasAnyCharacter = true;
      source += '[^]';
      continue;
    }
    if (c === '\\') {
      i++;
      c = characters[i] ?? '';
    }
    segment += c;
    source += quoteForRegex(c);
  }
  segments.push(segment);
  sources.push(source);
  return { segments, sources, hasAnyCharacter };
}

function matchSegments(segments: readonly string[]): Matcher {
  const first = segments[0] ?? '';
  const last = segments[segments.length - 1] ?? '';
  if (segments.length === 1) return (text) => text === first;
  const middle = segments.slice(1, -1).filter((s) => s !== '');
  const least = first.length + last.length;
  if (middle.length === 0) {
    return (text) => text.length >= least && text.startsWith(first) && text.endsWith(last);
  }
  return (text) => {
    if (text.length < least || !text.startsWith(first) || !text.endsWith(last)) return false;
    let at = first.length;
    for (const part of middle) {
      const found = text.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return at <= text.length - last.length;
  };
}

/** True when the last character is an escape that escapes nothing. */
function endsWithEscape(pattern: string): boolean {
  return (/\\+$/.exec(pattern)?.[0].length ?? 0) % 2 === 1;
}

/** A matcher for `pattern`, whose escape character is a backslash. */
export function compileLike(pattern: string): Matcher {
  if (endsWithEscape(pattern)) {
    // As in PostgreSQL it is an error only for a text that gets that far.
    const reaches = compileLike(`${pattern.slice(0, -1)}_%`);
    return (text) => {
      if (reaches(text)) throw new SqlError('22025', 'LIKE pattern must not end with escape character');
      return false;
    };
  }
  const { segments, sources, hasAnyCharacter } = parse(pattern);
  if (!hasAnyCharacter) return matchSegments(segments);
  const regex = new RegExp(`^${sources.join('[^]*')}$`, 'v');
  return (text) => regex.test(text);
}

/** As `compileLike`, but letters match in either case. */
export function compileInsensitiveLike(pattern: string): Matcher {
  const matcher = compileLike(pattern.toLowerCase());
  return (text) => matcher(text.toLowerCase());
}

const CACHED_PATTERNS = 256;

/** Calls `compile` once per distinct key among those recently used; the last one is found without a look-up. */
export function memoized<T>(compile: (key: string) => T): (key: string) => T {
  const known = new Map<string, T>();
  let lastKey: string | undefined;
  let last: T | undefined;
  return (key) => {
    if (key === lastKey && last !== undefined) return last;
    let value = known.get(key);
    if (value === undefined) {
      value = compile(key);
      if (known.size >= CACHED_PATTERNS) known.clear();
      known.set(key, value);
    }
    lastKey = key;
    last = value;
    return value;
  };
}

function escapeCharacter(given: string): string {
  const characters = Array.from(given);
  if (characters.length > 1) {
    throw new SqlError('22025', 'invalid escape string', {
      hint: 'Escape string must be empty or one character.',
    });
  }
  return characters[0] ?? '';
}

/** Rewrites a pattern with another escape character (none when empty) to one whose escape is the backslash. */
export function likeEscape(pattern: string, escapeText: string): string {
  const character = escapeCharacter(escapeText);
  if (character === '\\') return pattern;
  if (character === '') return pattern.replaceAll('\\', '\\\\');
  let result = '';
  let afterEscape = false;
  for (const c of pattern) {
    if (c === character && !afterEscape) {
      result += '\\';
      afterEscape = true;
    } else if (c === '\\') {
      if (!afterEscape) result += '\\';
      result += '\\';
      afterEscape = false;
    } else {
      result += c;
      afterEscape = false;
    }
  }
  return result;
}

interface SimilarState {
  result: string;
  afterEscape: boolean;
  inBrackets: boolean;
  /** Separators seen so far. */
  quotes: number;
}

function separator(s: SimilarState): string {
  s.quotes++;
  if (s.quotes === 1) return '){1,1}?(';
  if (s.quotes === 2) return '){1,1}(?:';
  throw new SqlError(
    '2200C',
    'SQL regular expression may not contain more than two escape-double-quote separators',
  );
}

function similarCharacter(c: string, mark: string, s: SimilarState): string {
  if (s.afterEscape) {
    s.afterEscape = false;
    return c === '"' && !s.inBrackets ? separator(s) : `\\${c}`;
  }
  if (c === mark) {
    s.afterEscape = true;
    return '';
  }
  if (s.inBrackets) {
    if (c === ']') s.inBrackets = false;
    return c === '\\' ? '\\\\' : c;
  }
  switch (c) {
    case '[':
      s.inBrackets = true;
      return c;
    case '%':
      return '.*';
    case '_':
      return '.';
    case '(':
      return '(?:';
    case '\\':
    case '.':
    case '^':
    case '$':
      return `\\${c}`;
    default:
      return c;
  }
}

/**
 * The regular expression of a SIMILAR TO pattern, in PostgreSQL's form. Escape-double-quote pairs enclose the part that
 * SUBSTRING returns; the text before it is matched as short as possible.
 */
export function similarToRegex(pattern: string, escapeText: string): string {
  const character = escapeCharacter(escapeText);
  const state: SimilarState = { result: '', afterEscape: false, inBrackets: false, quotes: 0 };
  for (const c of pattern) state.result += similarCharacter(c, character, state);
  return `^(?:${state.result})$`;
}
