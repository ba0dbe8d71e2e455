/** Text made of values of any type: ||, concat, format, quoting; and arrays made of text. */
import { castValue } from '../../common/cast.ts';
import type { DataType } from '../../common/dataType.ts';
import { types } from '../../common/dataType.ts';
import type { EvalContext, ScalarFunction } from '../../common/function.ts';
import { scalar, variadicScalar } from '../../common/function.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatValue } from '../../common/textIo.ts';
import type { NonNullValue, Value } from '../../common/value.ts';
import { points } from './support/codePoints.ts';
import { formatString } from './support/formatString.ts';
import { quoteIdentifier, quoteLiteral } from './support/quoting.ts';

/** The text that a cast to text gives, which for booleans and padded characters is not the type's output. */
function castText(value: NonNullValue, type: DataType | undefined, context: EvalContext): string {
  const text = castValue(value, type ?? types.unknown, types.text, true, context);
  return typeof text === 'string' ? text : '';
}

const MAX_LENGTH = 2 ** 29 - 25;

function join(a: string, b: string): string {
  const result = a + b;
  if (result.length > MAX_LENGTH) throw new SqlError('54000', 'requested length too large');
  return result;
}

const concatenation: readonly ScalarFunction[] = [
  scalar({
    name: 'textcat',
    operator: '||',
    args: ['text', 'text'],
    returns: 'text',
    doc: 'Concatenation.',
    examples: [["'Post' || 'greSQL'", 'PostgreSQL']],
    emit: ([a = '', b = ''], g) => `${g.constant(join)}(${a}, ${b})`,
  }),
  scalar({
    name: 'anytextcat',
    operator: '||',
    args: ['anynonarray', 'text'],
    returns: 'text',
    volatility: 'stable',
    doc: 'Concatenation with the text of any value.',
    examples: [["42 || ' apples'", '42 apples']],
    implement: ([type]) => ({
      evaluateWith: (context: EvalContext, a: NonNullValue, b: string) => join(castText(a, type, context), b),
    }),
  }),
  scalar({
    name: 'textanycat',
    operator: '||',
    args: ['text', 'anynonarray'],
    returns: 'text',
    volatility: 'stable',
    doc: 'Concatenation with the text of any value.',
    examples: [["'Value: ' || 42", 'Value: 42']],
    implement: ([, type]) => ({
      evaluateWith: (context: EvalContext, a: string, b: NonNullValue) => join(a, castText(b, type, context)),
    }),
  }),
  variadicScalar({
    name: 'concat',
    args: ['any'],
    returns: 'text',
    nulls: 'called',
    volatility: 'stable',
    doc: 'Concatenates the texts of all arguments that are not NULL.',
    examples: [["concat('abcde', 2, NULL, 22)", 'abcde222']],
    evaluate: (context, args, argTypes) => {
      let result = '';
      args.forEach((value, i) => {
        if (value !== null) result += formatValue(value, argTypes[i] ?? types.unknown, context);
      });
      return result;
    },
  }),
  variadicScalar({
    name: 'concat_ws',
    args: ['text', 'any'],
    returns: 'text',
    nulls: 'called',
    mayReturnNull: true,
    volatility: 'stable',
    doc: 'Concatenates the texts of all arguments after the first that are not NULL, with the first as separator.',
    examples: [["concat_ws(',', 'abcde', 2, NULL, 22)", 'abcde,2,22']],
    evaluate: (context, args, argTypes) => {
      const separator = args[0] ?? null;
      if (typeof separator !== 'string') return null;
      const texts: string[] = [];
      for (let i = 1; i < args.length; i++) {
        const value = args[i] ?? null;
        if (value !== null) texts.push(formatValue(value, argTypes[i] ?? types.unknown, context));
      }
      return texts.join(separator);
    },
  }),
  variadicScalar({
    name: 'format',
    args: ['text', 'any'],
    returns: 'text',
    nulls: 'called',
    mayReturnNull: true,
    volatility: 'stable',
    doc: 'Text with arguments put in for %s (text), %I (quoted identifier) and %L (quoted literal).',
    examples: [
      ["format('Hello %s, %1$s', 'World')", 'Hello World, World'],
      ["format('|%-6s|%I|%L', 'foo', 'Tab', 'O''Reilly')", `|foo   |"Tab"|'O''Reilly'`],
    ],
    evaluate: (context, args, argTypes) => {
      const template = args[0] ?? null;
      if (typeof template !== 'string') return null;
      return formatString(template, args.length - 1, (i) => {
        const value = args[i + 1] ?? null;
        return value === null ? null : formatValue(value, argTypes[i + 1] ?? types.unknown, context);
      });
    },
  }),
  scalar({
    name: 'format',
    args: ['text'],
    returns: 'text',
    doc: 'Text with %% made %.',
    examples: [["format('100%%')", '100%']],
    evaluate: (template) => formatString(template, 0, () => null),
  }),
];

const quoting: readonly ScalarFunction[] = [
  scalar({
    name: 'quote_ident',
    args: ['text'],
    returns: 'text',
    infallible: true,
    doc: 'The text as an identifier, in double quotes where needed.',
    examples: [["quote_ident('Foo bar')", '"Foo bar"']],
    evaluate: quoteIdentifier,
  }),
  scalar({
    name: 'quote_literal',
    args: ['text'],
    returns: 'text',
    infallible: true,
    doc: 'The text as a string literal.',
    examples: [["quote_literal(E'O\\'Reilly')", "'O''Reilly'"]],
    evaluate: quoteLiteral,
  }),
  scalar({
    name: 'quote_literal',
    args: ['anyelement'],
    returns: 'text',
    volatility: 'stable',
    doc: 'The text of the value as a string literal.',
    examples: [['quote_literal(42.5)', "'42.5'"]],
    implement: ([type]) => ({
      evaluateWith: (context: EvalContext, value: NonNullValue) =>
        quoteLiteral(castText(value, type, context)),
    }),
  }),
  scalar({
    name: 'quote_nullable',
    args: ['text'],
    returns: 'text',
    nulls: 'called',
    infallible: true,
    doc: 'The text as a string literal, or NULL as the word.',
    examples: [['quote_nullable(NULL)', 'NULL']],
    evaluate: (text) => (text === null ? 'NULL' : quoteLiteral(text)),
  }),
  scalar({
    name: 'quote_nullable',
    args: ['anyelement'],
    returns: 'text',
    nulls: 'called',
    volatility: 'stable',
    doc: 'The text of the value as a string literal, or NULL as the word.',
    examples: [['quote_nullable(42.5)', "'42.5'"]],
    implement: ([type]) => ({
      evaluateWith: (context: EvalContext, value: Value) =>
        value === null ? 'NULL' : quoteLiteral(castText(value, type, context)),
    }),
  }),
];

function splitToArray(
  text: string | null,
  delimiter: string | null,
  nullText: string | null,
): SqlArray | null {
  if (text === null) return null;
  if (text === '') return new SqlArray([]);
  const fields = delimiter === null ? points(text) : delimiter === '' ? [text] : text.split(delimiter);
  return new SqlArray(
    nullText === null ? fields : fields.map((field) => (field === nullText ? null : field)),
  );
}

const splitting: readonly ScalarFunction[] = [
  scalar({
    name: 'string_to_array',
    args: ['text', 'text'],
    returns: 'text[]',
    nulls: 'called',
    mayReturnNull: true,
    infallible: true,
    doc: 'Fields of a delimited text; with a NULL delimiter, its characters.',
    examples: [["string_to_array('xx~~yy~~zz', '~~')", '{xx,yy,zz}']],
    evaluate: (text, delimiter) => splitToArray(text, delimiter, null),
  }),
  scalar({
    name: 'string_to_array',
    args: ['text', 'text', 'text'],
    returns: 'text[]',
    nulls: 'called',
    mayReturnNull: true,
    infallible: true,
    doc: 'Fields of a delimited text, those equal to the third argument as NULL.',
    examples: [["string_to_array('xx~~yy~~zz', '~~', 'yy')", '{xx,NULL,zz}']],
    evaluate: splitToArray,
  }),
];

export const stringBuildingFunctions: readonly ScalarFunction[] = [
  ...concatenation,
  ...quoting,
  ...splitting,
];
