/** Functions over regular expressions: regexp_match and its relatives, and the forms of substring that take a pattern. */
import type { DataType } from '../../common/dataType.ts';
import type { ScalarFunction, ScalarImplementation, TypePattern } from '../../common/function.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Value } from '../../common/value.ts';
import { pointIndex, unitOffset } from './support/codePoints.ts';
import { similarToRegex } from './support/likePattern.ts';
import type { CompiledRegex } from './support/regex.ts';
import {
  allMatches,
  findMatch,
  groupSpan,
  matchGroups,
  regexCompiler,
  replaceMatches,
  splitByRegex,
} from './support/regex.ts';

type Compile = (pattern: string, flags: string) => CompiledRegex;

interface RegexpLiteral {
  readonly name: string;
  readonly args: readonly TypePattern[];
  readonly returns: TypePattern;
  readonly mayReturnNull?: boolean;
  readonly doc: string;
  readonly examples: readonly (readonly [sql: string, result: string])[];
  /** The body, given the call site's compiler. */
  readonly body: (compile: Compile) => (...args: never[]) => Value;
}

/** A strict function with a cache of compiled patterns per call site. */
function regexp({ body, ...literal }: RegexpLiteral): ScalarFunction {
  return {
    kind: 'scalar',
    nulls: 'strict',
    volatility: 'immutable',
    ...literal,
    implement: (_args: readonly DataType[]): ScalarImplementation => ({ evaluate: body(regexCompiler()) }),
  };
}

function rejectGlobal(compiled: CompiledRegex, name: string, hint?: string): CompiledRegex {
  if (compiled.options.global) {
    const message = `${name}() does not support the "global" option`;
    throw new SqlError('22023', message, hint === undefined ? {} : { hint });
  }
  return compiled;
}

function invalidParameter(name: string, value: number): SqlError {
  return new SqlError('22023', `invalid value for parameter "${name}": ${value}`);
}

/** UTF-16 offset of the 1-based character position `start`; beyond the end when there are fewer characters. */
function startOffset(text: string, start: number): number {
  if (start <= 0) throw invalidParameter('start', start);
  const offset = unitOffset(text, start - 1);
  return offset === text.length && pointIndex(text, offset) < start - 1 ? text.length + 1 : offset;
}

function arrayOfText(texts: readonly (string | null)[]): SqlArray {
  return new SqlArray(texts);
}

const matchHint = 'Use the regexp_matches function instead.';

function regexpMatch(compile: Compile) {
  return (text: string, pattern: string, flags = ''): Value => {
    const compiled = rejectGlobal(compile(pattern, flags), 'regexp_match', matchHint);
    const match = findMatch(compiled, text);
    return match === null ? null : arrayOfText(matchGroups(match, text));
  };
}

function regexpLike(compile: Compile) {
  return (text: string, pattern: string, flags = ''): Value =>
    findMatch(rejectGlobal(compile(pattern, flags), 'regexp_like'), text) !== null;
}

function regexpCount(compile: Compile) {
  return (text: string, pattern: string, start = 1, flags = ''): Value => {
    const from = startOffset(text, start);
    let count = 0;
    for (const _ of allMatches(rejectGlobal(compile(pattern, flags), 'regexp_count'), text, from)) count++;
    return count;
  };
}

function regexpReplace(compile: Compile) {
  return (text: string, pattern: string, replacement: string, flags = ''): Value => {
    // A digit here is a start position whose type got lost in a quoted literal.
    if (/^[0-9]/.test(flags)) {
      throw new SqlError('22023', `invalid regular expression option: "${flags.charAt(0)}"`, {
        hint: 'If you meant to use regexp_replace() with a start parameter, cast the fourth argument to integer explicitly.',
      });
    }
    const compiled = compile(pattern, flags);
    return replaceMatches(compiled, text, replacement, 0, 1, compiled.options.global);
  };
}

function regexpReplaceFrom(compile: Compile) {
  return (
    text: string,
    pattern: string,
    replacement: string,
    start: number,
    n?: number,
    flags = '',
  ): Value => {
    const from = startOffset(text, start);
    if (n !== undefined && n < 0) throw invalidParameter('n', n);
    const compiled = compile(pattern, flags);
    // An explicit number of the match overrides the g flag; 0 means all.
    const all = n === undefined ? compiled.options.global : n === 0;
    return replaceMatches(compiled, text, replacement, from, Math.max(n ?? 1, 1), all);
  };
}

function regexpInstr(compile: Compile) {
  return (text: string, pattern: string, start = 1, n = 1, endOption = 0, flags = '', group = 0): Value => {
    const from = startOffset(text, start);
    if (n <= 0) throw invalidParameter('n', n);
    if (endOption < 0 || endOption > 1) throw invalidParameter('endoption', endOption);
    if (group < 0) throw invalidParameter('subexpr', group);
    let number = 0;
    const compiled = rejectGlobal(compile(pattern, flags), 'regexp_instr');
    for (const match of allMatches(compiled, text, from)) {
      number++;
      if (number < n) continue;
      const span =
        group === 0 ? ([match.start, match.end] as const) : groupSpan(compiled, text, match, group);
      if (span === null || span === undefined) return 0;
      return pointIndex(text, span[endOption === 0 ? 0 : 1]) + 1;
    }
    return 0;
  };
}

function regexpSubstr(compile: Compile) {
  return (text: string, pattern: string, start = 1, n = 1, flags = '', group = 0): Value => {
    const from = startOffset(text, start);
    if (n <= 0) throw invalidParameter('n', n);
    if (group < 0) throw invalidParameter('subexpr', group);
    let number = 0;
    for (const match of allMatches(rejectGlobal(compile(pattern, flags), 'regexp_substr'), text, from)) {
      number++;
      if (number < n) continue;
      return group === 0 ? text.slice(match.start, match.end) : (match.groups[group - 1] ?? null);
    }
    return null;
  };
}

function regexpSplit(compile: Compile) {
  return (text: string, pattern: string, flags = ''): Value =>
    arrayOfText(splitByRegex(rejectGlobal(compile(pattern, flags), 'regexp_split_to_array'), text));
}

function substringByPattern(compile: Compile) {
  return (text: string, pattern: string): Value => {
    const match = findMatch(compile(pattern, ''), text);
    if (match === null) return null;
    return match.groups.length > 0 ? (match.groups[0] ?? null) : text.slice(match.start, match.end);
  };
}

function substringSimilar(compile: Compile) {
  return (text: string, pattern: string, mark: string): Value =>
    substringByPattern(compile)(text, similarToRegex(pattern, mark));
}

type Examples = RegexpLiteral['examples'];

/** The same function with one to all of its optional trailing parameters. */
function overloads(
  literal: Omit<RegexpLiteral, 'examples' | 'args'>,
  required: readonly TypePattern[],
  optional: readonly TypePattern[],
  examples: readonly Examples[],
): readonly ScalarFunction[] {
  return examples.map((e, i) =>
    regexp({ ...literal, args: [...required, ...optional.slice(0, i)], examples: e }),
  );
}

export const regexpFunctions: readonly ScalarFunction[] = [
  ...overloads(
    {
      name: 'regexp_match',
      returns: 'text[]',
      mayReturnNull: true,
      doc: 'Groups of the first match of a regular expression (the whole match if it has no groups), or NULL.',
      body: regexpMatch,
    },
    ['text', 'text'],
    ['text'],
    [
      [["regexp_match('foobarbequebaz', '(bar)(beque)')", '{bar,beque}']],
      [["regexp_match('ABC', 'b', 'i')", '{B}']],
    ],
  ),
  ...overloads(
    {
      name: 'regexp_like',
      returns: 'bool',
      doc: 'Whether a regular expression matches somewhere in the text.',
      body: regexpLike,
    },
    ['text', 'text'],
    ['text'],
    [[["regexp_like('Hello World', 'world$')", 'f']], [["regexp_like('Hello World', 'world$', 'i')", 't']]],
  ),
  ...overloads(
    {
      name: 'regexp_count',
      returns: 'int4',
      doc: 'Number of matches of a regular expression, from a start position on.',
      body: regexpCount,
    },
    ['text', 'text'],
    ['int4', 'text'],
    [
      [["regexp_count('123456789012', '\\d\\d\\d')", '4']],
      [["regexp_count('123456789012', '\\d\\d\\d', 2)", '3']],
      [["regexp_count('ABCABC', 'b', 1, 'i')", '2']],
    ],
  ),
  ...overloads(
    {
      name: 'regexp_replace',
      returns: 'text',
      doc: 'Replaces the first match of a regular expression, or with the flag g every one; \\1 to \\9 and \\& stand for matched text.',
      body: regexpReplace,
    },
    ['text', 'text', 'text'],
    ['text'],
    [
      [["regexp_replace('Thomas', '.[mN]a.', 'M')", 'ThM']],
      [["regexp_replace('foobarbaz', 'b(..)', 'X\\1Y', 'g')", 'fooXarYXazY']],
    ],
  ),
  ...overloads(
    {
      name: 'regexp_replace',
      returns: 'text',
      doc: 'Replaces the n-th match (0: every match) of a regular expression from a start position on.',
      body: regexpReplaceFrom,
    },
    ['text', 'text', 'text', 'int4'],
    ['int4', 'text'],
    [
      [["regexp_replace('foobarbaz', 'b..', 'X', 5)", 'foobarX']],
      [["regexp_replace('Thomas', '.', 'X', 3, 2)", 'ThoXas']],
      [["regexp_replace('A PostgreSQL function', 'a|e|i|o|u', 'X', 1, 0, 'i')", 'X PXstgrXSQL fXnctXXn']],
    ],
  ),
  ...overloads(
    {
      name: 'regexp_instr',
      returns: 'int4',
      doc: 'Position of the n-th match of a regular expression (or the one after its end), 0 when there is none.',
      body: regexpInstr,
    },
    ['text', 'text'],
    ['int4', 'int4', 'int4', 'text', 'int4'],
    [
      [["regexp_instr('ABCDEF', 'c..')", '0']],
      [["regexp_instr('ABCABC', 'B', 3)", '5']],
      [["regexp_instr('ABCABC', 'B', 1, 2)", '5']],
      [["regexp_instr('ABCABC', 'B', 1, 2, 1)", '6']],
      [["regexp_instr('ABCDEF', 'c(.)(..)', 1, 1, 0, 'i')", '3']],
      [["regexp_instr('ABCDEF', 'c(.)(..)', 1, 1, 0, 'i', 2)", '5']],
    ],
  ),
  ...overloads(
    {
      name: 'regexp_substr',
      returns: 'text',
      mayReturnNull: true,
      doc: 'Text of the n-th match of a regular expression or of one of its groups.',
      body: regexpSubstr,
    },
    ['text', 'text'],
    ['int4', 'int4', 'text', 'int4'],
    [
      [["regexp_substr('ABCDEF', 'C..')", 'CDE']],
      [["regexp_substr('ABCABD', 'AB.', 2)", 'ABD']],
      [["regexp_substr('ABCABD', 'AB.', 1, 2)", 'ABD']],
      [["regexp_substr('ABCDEF', 'c(.)(..)', 1, 1, 'i')", 'CDEF']],
      [["regexp_substr('ABCDEF', 'c(.)(..)', 1, 1, 'i', 2)", 'EF']],
    ],
  ),
  ...overloads(
    {
      name: 'regexp_split_to_array',
      returns: 'text[]',
      doc: 'Pieces of the text between the matches of a regular expression.',
      body: regexpSplit,
    },
    ['text', 'text'],
    ['text'],
    [
      [["regexp_split_to_array('hello world', '\\s+')", '{hello,world}']],
      [["regexp_split_to_array('aXbxc', 'x', 'i')", '{a,b,c}']],
    ],
  ),
  regexp({
    name: 'substring',
    args: ['text', 'text'],
    returns: 'text',
    mayReturnNull: true,
    doc: 'First match of a regular expression, or of its first group if it has any.',
    examples: [
      ["substring('Thomas' from '...$')", 'mas'],
      ["substring('foobar' from 'o(.)b')", 'o'],
    ],
    body: substringByPattern,
  }),
  regexp({
    name: 'substring',
    args: ['text', 'text', 'text'],
    returns: 'text',
    mayReturnNull: true,
    doc: 'Part of the text that an SQL regular expression encloses in escape-double-quote pairs.',
    examples: [["substring('Thomas' similar '%#\"o_a#\"_' escape '#')", 'oma']],
    body: substringSimilar,
  }),
];
