/** LIKE, ILIKE and regular-expression operators. A constant pattern is compiled once per call site. */
import type { EmitContext, ScalarFunction, TypePattern } from '../../common/function.ts';
import { scalar } from '../../common/function.ts';
import {
  compileInsensitiveLike,
  compileLike,
  likeEscape,
  type Matcher,
  memoized,
  similarToRegex,
} from './support/likePattern.ts';
import { compileTest } from './support/regex.ts';
import { parseRegexFlags } from './support/regexTranslate.ts';

interface PatternOperator {
  readonly operator: string;
  readonly negator: string;
  /** Names of the operator's function and of its negation's. */
  readonly suffixes: readonly [match: string, noMatch: string];
  readonly doc: string;
  readonly example: readonly [sql: string, matches: 't' | 'f'];
  readonly compile: (pattern: string) => Matcher;
}

const sensitive = parseRegexFlags('');
const insensitive = parseRegexFlags('i');

const patternOperators: readonly PatternOperator[] = [
  {
    operator: '~~',
    negator: '!~~',
    suffixes: ['like', 'nlike'],
    doc: 'Matches a LIKE pattern',
    example: ["'abc' OP 'a%'", 't'],
    compile: compileLike,
  },
  {
    operator: '~~*',
    negator: '!~~*',
    suffixes: ['iclike', 'icnlike'],
    doc: 'Matches a LIKE pattern in either case',
    example: ["'ABC' OP '_b%'", 't'],
    compile: compileInsensitiveLike,
  },
  {
    operator: '~',
    negator: '!~',
    suffixes: ['regexeq', 'regexne'],
    doc: 'Matches a regular expression',
    example: ["'thomas' OP 't.*ma'", 't'],
    compile: (pattern) => compileTest(pattern, sensitive),
  },
  {
    operator: '~*',
    negator: '!~*',
    suffixes: ['icregexeq', 'icregexne'],
    doc: 'Matches a regular expression in either case',
    example: ["'thomas' OP 'T.*ma'", 't'],
    compile: (pattern) => compileTest(pattern, insensitive),
  },
];

function matchFunction(
  literal: Pick<ScalarFunction, 'name' | 'doc' | 'examples'> &
    Partial<Pick<ScalarFunction, 'operator' | 'negator'>>,
  subject: TypePattern,
  compile: (pattern: string) => Matcher,
  positive: boolean,
): ScalarFunction {
  return scalar({
    ...literal,
    args: [subject, 'text'],
    returns: 'bool',
    implement: () => {
      const compiled = memoized(compile);
      const matches = (text: string, pattern: string): boolean => compiled(pattern)(text);
      return {
        emit: ([text = '', pattern = '']: readonly string[], g: EmitContext) =>
          `${positive ? '' : '!'}${g.constant(matches)}(${text}, ${pattern})`,
      };
    },
  });
}

function both(o: PatternOperator, subject: 'text' | 'bpchar'): readonly ScalarFunction[] {
  const [template, matches] = o.example;
  const example = (operator: string): string =>
    template.replace(' OP ', `${subject === 'bpchar' ? '::bpchar' : ''} ${operator} `);
  const opposite = matches === 't' ? 'f' : 't';
  return [
    matchFunction(
      {
        name: subject + o.suffixes[0],
        operator: o.operator,
        negator: o.negator,
        doc: `${o.doc}.`,
        examples: [[example(o.operator), matches]],
      },
      subject,
      o.compile,
      true,
    ),
    matchFunction(
      {
        name: subject + o.suffixes[1],
        operator: o.negator,
        negator: o.operator,
        doc: `${o.doc}: negated.`,
        examples: [[example(o.negator), opposite]],
      },
      subject,
      o.compile,
      false,
    ),
  ];
}

export const patternFunctions: readonly ScalarFunction[] = [
  ...patternOperators.flatMap((o) => [...both(o, 'text'), ...both(o, 'bpchar')]),
  matchFunction(
    { name: 'like', doc: 'Matches a LIKE pattern.', examples: [["like('abc', 'a_c')", 't']] },
    'text',
    compileLike,
    true,
  ),
  matchFunction(
    { name: 'notlike', doc: 'Does not match a LIKE pattern.', examples: [["notlike('abc', 'a_c')", 'f']] },
    'text',
    compileLike,
    false,
  ),
  scalar({
    name: 'like_escape',
    args: ['text', 'text'],
    returns: 'text',
    doc: 'Rewrites a LIKE pattern with another escape character to one whose escape character is the backslash.',
    examples: [["like_escape('10#%', '#')", '10\\%']],
    evaluate: likeEscape,
  }),
  scalar({
    name: 'similar_to_escape',
    args: ['text'],
    returns: 'text',
    doc: 'Regular expression that an SQL regular expression (SIMILAR TO) stands for.',
    examples: [["similar_to_escape('a_%')", '^(?:a..*)$']],
    evaluate: (pattern) => similarToRegex(pattern, '\\'),
  }),
  scalar({
    name: 'similar_to_escape',
    args: ['text', 'text'],
    returns: 'text',
    doc: 'Regular expression that an SQL regular expression with the given escape character stands for.',
    examples: [["similar_to_escape('a#_', '#')", '^(?:a\\_)$']],
    evaluate: similarToRegex,
  }),
  scalar({
    name: 'starts_with',
    args: ['text', 'text'],
    returns: 'bool',
    infallible: true,
    doc: 'Whether the text starts with the prefix.',
    examples: [["starts_with('alphabet', 'alph')", 't']],
    emit: ([text = '', prefix = '']) => `${text}.startsWith(${prefix})`,
  }),
  scalar({
    name: 'text_starts_with',
    operator: '^@',
    args: ['text', 'text'],
    returns: 'bool',
    infallible: true,
    doc: 'Whether the text starts with the prefix.',
    examples: [["'alphabet' ^@ 'alph'", 't']],
    emit: ([text = '', prefix = '']) => `${text}.startsWith(${prefix})`,
  }),
];
