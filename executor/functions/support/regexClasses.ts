/** What the classes and escapes of PostgreSQL's regular expressions stand for in JavaScript's (flag `v`). */

const WORD = '\\p{L}\\p{M}\\p{N}_';
const DIGIT = '0-9';
const SPACE =
  '\\t-\\r\\u{20}\\u{85}\\u{1680}\\u{2000}-\\u{2006}\\u{2008}-\\u{200a}\\u{2028}\\u{2029}\\u{205f}\\u{3000}';

export const namedClasses: ReadonlyMap<string, string> = new Map([
  ['alnum', '\\p{L}\\p{M}\\p{N}'],
  ['alpha', '\\p{L}\\p{M}'],
  ['ascii', '\\u{0}-\\u{7f}'],
  ['blank', '\\u{20}\\t'],
  ['cntrl', '\\p{Cc}'],
  ['digit', DIGIT],
  ['graph', '\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}'],
  ['lower', '\\p{Lowercase}'],
  ['print', '\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Zs}'],
  ['punct', '\\p{P}\\p{S}'],
  ['space', SPACE],
  ['upper', '\\p{Uppercase}'],
  ['xdigit', '0-9A-Fa-f'],
  ['word', WORD],
]);

export const shorthand: ReadonlyMap<string, readonly [set: string, negated: boolean]> = new Map([
  ['d', [DIGIT, false]],
  ['D', [DIGIT, true]],
  ['s', [SPACE, false]],
  ['S', [SPACE, true]],
  ['w', [WORD, false]],
  ['W', [WORD, true]],
]);

export const characterEscapes: ReadonlyMap<string, number> = new Map([
  ['a', 7],
  ['b', 8],
  ['B', 92],
  ['e', 27],
  ['f', 12],
  ['n', 10],
  ['r', 13],
  ['t', 9],
  ['v', 11],
]);

export const constraintEscapes: ReadonlyMap<string, string> = new Map([
  ['A', '(?<![^])'],
  ['Z', '(?![^])'],
  ['m', `(?:(?<![${WORD}])(?=[${WORD}]))`],
  ['M', `(?:(?<=[${WORD}])(?![${WORD}]))`],
  ['y', `(?:(?<=[${WORD}])(?![${WORD}])|(?<![${WORD}])(?=[${WORD}]))`],
  ['Y', `(?:(?<=[${WORD}])(?=[${WORD}])|(?<![${WORD}])(?![${WORD}]))`],
]);

/** Names of single characters in [. .] and [= =] that are not the character itself. */
export const collatingNames: ReadonlyMap<string, string> = new Map([
  ['NUL', '\0'],
  ['tab', '\t'],
  ['newline', '\n'],
  ['carriage-return', '\r'],
  ['space', ' '],
  ['hyphen', '-'],
  ['period', '.'],
  ['left-square-bracket', '['],
  ['right-square-bracket', ']'],
  ['backslash', '\\'],
  ['circumflex', '^'],
  ['underscore', '_'],
]);
