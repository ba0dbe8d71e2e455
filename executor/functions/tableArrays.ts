/** Set-returning functions over arrays and texts: unnest, subscripts, splitting, regular expressions. */
import { type DataType, types } from '../../common/dataType.ts';
import type { TableFunction, TypePattern } from '../../common/function.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { SqlError } from '../../common/sqlError.ts';
import { typeName } from '../../common/typeTable.ts';
import type { Row, Value } from '../../common/value.ts';
import { leafType } from './support/arrayOps.ts';
import { allMatches, findMatch, matchGroups, regexCompiler, splitByRegex } from './support/regex.ts';

type Examples = TableFunction['examples'];

/** A strict, immutable function of one column named like it. */
function set(
  name: string,
  args: readonly TypePattern[],
  type: (args: readonly DataType[]) => DataType,
  doc: string,
  examples: Examples,
  values: () => (...args: readonly Value[]) => Iterable<Value>,
): TableFunction {
  return {
    kind: 'table',
    name,
    args,
    columns: (argTypes) => [{ name, type: type(argTypes) }],
    volatility: 'immutable',
    nulls: 'strict',
    doc,
    examples,
    implement: () => {
      const run = values();
      return function* (_context, ...call) {
        for (const value of run(...call)) yield [value];
      };
    },
  };
}

function elementsOf(value: Value | undefined): readonly Value[] {
  return value instanceof SqlArray ? value.elements : [];
}

function unnestedType(type: DataType): DataType {
  if (type.id === 'array') return leafType(type);
  throw new SqlError('42883', `function unnest(${typeName(type)}) does not exist`, {
    hint: 'No function matches the given name and argument types. You might need to add explicit type casts.',
  });
}

/** unnest(a, b, ...) side by side, shorter ones padded with NULL. */
const unnestMany: TableFunction = {
  kind: 'table',
  name: 'unnest',
  args: ['any', 'any'],
  variadic: true,
  columns: (argTypes) => argTypes.map((type) => ({ name: 'unnest', type: unnestedType(type) })),
  volatility: 'immutable',
  nulls: 'called',
  doc: 'Elements of several arrays side by side.',
  examples: [["unnest(ARRAY[1,2], ARRAY['a','b','c'])", ['(1,a)', '(2,b)', '(,c)']]],
  implement: () =>
    function* (_context, ...args): Generator<Row> {
      const lists = args.map(elementsOf);
      const length = Math.max(...lists.map((list) => list.length));
      for (let i = 0; i < length; i++) yield lists.map((list) => list[i] ?? null);
    },
};

/** _pg_expandarray: elements with their positions, as the information schema uses it. */
const expandArray: TableFunction = {
  kind: 'table',
  name: '_pg_expandarray',
  args: ['anyarray'],
  columns: ([type]) => [
    { name: 'x', type: leafType(type) },
    { name: 'n', type: types.int4 },
  ],
  volatility: 'immutable',
  nulls: 'strict',
  doc: 'Elements of an array with their positions from 1.',
  examples: [['_pg_expandarray(ARRAY[5,6])', ['(5,1)', '(6,2)']]],
  implement: () =>
    function* (_context, array) {
      let n = 0;
      for (const x of elementsOf(array)) yield [x, ++n];
    },
};

function* subscripts(
  array: Value | undefined,
  dimension: Value | undefined,
  reverse: Value | undefined,
): Generator<number> {
  if (!(array instanceof SqlArray) || typeof dimension !== 'number') return;
  const lower = array.lowerBounds[dimension - 1];
  const length = array.dimensions[dimension - 1];
  if (lower === undefined || length === undefined) return;
  for (let i = 0; i < length; i++) yield reverse === true ? lower + length - 1 - i : lower + i;
}

function fieldsOf(text: string, delimiter: string | null): readonly string[] {
  if (text === '') return [];
  if (delimiter === null) return [...text];
  return delimiter === '' ? [text] : text.split(delimiter);
}

/** string_to_table: a NULL delimiter splits into characters. */
function stringToTable(count: 2 | 3): TableFunction {
  return {
    kind: 'table',
    name: 'string_to_table',
    args: (['text', 'text', 'text'] as const).slice(0, count),
    columns: () => [{ name: 'string_to_table', type: types.text }],
    volatility: 'immutable',
    nulls: 'called',
    doc: 'Fields of a delimited text; those equal to the third argument are NULL.',
    examples: count === 3 ? [["string_to_table('xx~^~yy~^~zz', '~^~', 'yy')", ['xx', 'NULL', 'zz']]] : [],
    implement: () =>
      function* (_context, text, delimiter = null, nullText = null) {
        if (typeof text !== 'string') return;
        for (const field of fieldsOf(text, delimiter === null ? null : String(delimiter))) {
          yield [field === nullText ? null : field];
        }
      },
  };
}

const textArray = (): DataType => ({ id: 'array', element: types.text });

function* matches(
  compile: ReturnType<typeof regexCompiler>,
  text: string,
  pattern: string,
  flags: string,
): Generator<SqlArray> {
  const compiled = compile(pattern, flags);
  if (compiled.options.global) {
    for (const match of allMatches(compiled, text)) yield new SqlArray(matchGroups(match, text));
    return;
  }
  const match = findMatch(compiled, text);
  if (match !== null) yield new SqlArray(matchGroups(match, text));
}

function* pieces(
  compile: ReturnType<typeof regexCompiler>,
  text: string,
  pattern: string,
  flags: string,
): Generator<string> {
  const compiled = compile(pattern, flags);
  if (compiled.options.global) {
    throw new SqlError('22023', 'regexp_split_to_table() does not support the "global" option');
  }
  yield* splitByRegex(compiled, text);
}

function regexps(
  name: string,
  type: () => DataType,
  doc: string,
  example: readonly [string, readonly string[]],
  run: (
    compile: ReturnType<typeof regexCompiler>,
    text: string,
    pattern: string,
    flags: string,
  ) => Iterable<Value>,
): readonly TableFunction[] {
  return [2, 3].map((count) =>
    set(
      name,
      (['text', 'text', 'text'] as const).slice(0, count),
      type,
      doc,
      count === 3 ? [example] : [],
      () => {
        const compile = regexCompiler();
        return (text, pattern, flags = '') => run(compile, String(text), String(pattern), String(flags));
      },
    ),
  );
}

/** The name=value options of a foreign object, as psql shows them. */
const optionsToTable: TableFunction = {
  kind: 'table',
  name: 'pg_options_to_table',
  args: ['text[]'],
  columns: () => [
    { name: 'option_name', type: types.text },
    { name: 'option_value', type: types.text },
  ],
  volatility: 'stable',
  nulls: 'strict',
  doc: 'Options of the form name=value as rows.',
  examples: [["pg_options_to_table('{a=1,b=x}')", ['(a,1)', '(b,x)']]],
  implement: () =>
    function* (_context, options) {
      for (const option of elementsOf(options)) {
        const text = String(option);
        const at = text.indexOf('=');
        yield at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
      }
    },
};

/** Words of the language, from the catalog. */
const keywords: TableFunction = {
  kind: 'table',
  name: 'pg_get_keywords',
  args: [],
  columns: () => [
    { name: 'word', type: types.text },
    { name: 'catcode', type: types.char },
    { name: 'barelabel', type: types.bool },
    { name: 'catdesc', type: types.text },
    { name: 'baredesc', type: types.text },
  ],
  volatility: 'stable',
  nulls: 'called',
  doc: 'Key words of the language and how far each is reserved.',
  examples: [],
  implement: () =>
    function* (context): Generator<Row> {
      const rows = context.session.catalogFunction('pg_get_keywords', []);
      for (const row of elementsOf(rows)) if (Array.isArray(row)) yield row;
    },
};

export const arrayTableFunctions: readonly TableFunction[] = [
  set(
    'unnest',
    ['anyarray'],
    ([type]) => leafType(type),
    'Elements of an array.',
    [['unnest(ARRAY[[1,2],[3,4]])', ['1', '2', '3', '4']]],
    () => elementsOf,
  ),
  unnestMany,
  expandArray,
  ...[2, 3].map((count) =>
    set(
      'generate_subscripts',
      (['anyarray', 'int4', 'bool'] as const).slice(0, count),
      () => types.int4,
      'Subscripts of a dimension of an array.',
      count === 3 ? [['generate_subscripts(ARRAY[5,6,7], 1, true)', ['3', '2', '1']]] : [],
      () => subscripts,
    ),
  ),
  stringToTable(2),
  stringToTable(3),
  ...regexps(
    'regexp_matches',
    textArray,
    'Groups of the first match, or with flag g of every match.',
    ["regexp_matches('foobarbequebaz', 'ba.', 'g')", ['{bar}', '{baz}']],
    matches,
  ),
  ...regexps(
    'regexp_split_to_table',
    () => types.text,
    'Parts between the matches of a regular expression.',
    ["regexp_split_to_table('aXbxc', 'x', 'i')", ['a', 'b', 'c']],
    pieces,
  ),
  optionsToTable,
  keywords,
];
