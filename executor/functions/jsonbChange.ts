/** Functions on JSON documents that give facts about them or changed copies. */

import type { ScalarFunction } from '../../common/function.ts';
import { scalar, variadicScalar } from '../../common/function.ts';
import { Jsonb } from '../../common/jsonb.ts';
import {
  deletePath,
  getPath,
  insertPath,
  jsonArrayLength,
  jsonElements,
  jsonToText,
  jsonTypeOf,
  setPath,
  stripNulls,
} from '../../common/jsonbOps.ts';
import { parseJson, prettyJson, quoteJson } from '../../common/jsonText.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Value } from '../../common/value.ts';
import { pathOf } from './jsonbOperators.ts';
import { rawElements, rawKind, rawMembers, rawPath, rawString, rawToText } from './support/jsonRaw.ts';

/** Path steps of a variadic call; null when one is NULL. */
function steps(args: readonly Value[]): readonly string[] | null {
  const path = args.slice(1);
  return path.every((step) => typeof step === 'string') ? path : null;
}

function rawStripNulls(text: string): string {
  const members = rawMembers(text);
  if (members !== null) {
    const kept = members.filter(([, value]) => rawKind(value) !== 'null');
    return `{${kept.map(([key, value]) => `${quoteJson(key)}:${rawStripNulls(value)}`).join(',')}}`;
  }
  const elements = rawElements(text);
  if (elements !== null) return `[${elements.map(rawStripNulls).join(',')}]`;
  const scalarText = text.trim();
  return rawKind(scalarText) === 'string' ? quoteJson(rawString(scalarText)) : scalarText;
}

function rawArrayLength(text: string): number {
  const elements = rawElements(text);
  if (elements !== null) return elements.length;
  throw new SqlError(
    '22023',
    `cannot get array length of a ${rawKind(text) === 'object' ? 'non-array' : 'scalar'}`,
  );
}

const facts: readonly ScalarFunction[] = [
  scalar({
    name: 'jsonb_typeof',
    args: ['jsonb'],
    returns: 'text',
    infallible: true,
    doc: 'object, array, string, number, boolean or null.',
    examples: [["jsonb_typeof('-123.4')", 'number']],
    evaluate: (doc) => jsonTypeOf(doc.root),
  }),
  scalar({
    name: 'json_typeof',
    args: ['json'],
    returns: 'text',
    infallible: true,
    doc: 'object, array, string, number, boolean or null.',
    examples: [["json_typeof('null'::json)", 'null']],
    evaluate: rawKind,
  }),
  scalar({
    name: 'jsonb_array_length',
    args: ['jsonb'],
    returns: 'int4',
    doc: 'Number of elements.',
    examples: [[`jsonb_array_length('[1,2,{"a":1}]')`, '3']],
    evaluate: (doc) => jsonArrayLength(doc.root),
  }),
  scalar({
    name: 'json_array_length',
    args: ['json'],
    returns: 'int4',
    doc: 'Number of elements.',
    examples: [[`json_array_length('[1,2,{"a":1}]'::json)`, '3']],
    evaluate: rawArrayLength,
  }),
  scalar({
    name: 'jsonb_pretty',
    args: ['jsonb'],
    returns: 'text',
    infallible: true,
    doc: 'Indented text.',
    examples: [[`jsonb_pretty('[1]')`, '[\n    1\n]']],
    evaluate: (doc) => prettyJson(doc.root),
  }),
  scalar({
    name: 'jsonb_to_array',
    args: ['jsonb'],
    returns: 'jsonb[]',
    doc: 'The elements as an SQL array.',
    examples: [[`jsonb_to_array('[1,2]')`, '{1,2}']],
    evaluate: (doc) => new SqlArray(jsonElements(doc.root).map((node) => new Jsonb(node))),
  }),
  scalar({
    name: 'is_json',
    args: ['text', 'text'],
    returns: 'bool',
    infallible: true,
    doc: 'Whether the text is JSON of a kind: value, scalar, array or object. Behind IS JSON.',
    examples: [
      ["'[1]' IS JSON ARRAY", 't'],
      ["'{a}' IS JSON", 'f'],
    ],
    evaluate: isJson,
  }),
];

function isJson(text: string, kind: string): boolean {
  let type: string;
  try {
    type = jsonTypeOf(parseJson(text));
  } catch (error) {
    if (error instanceof SqlError) return false;
    throw error;
  }
  if (kind === 'array' || kind === 'object') return type === kind;
  return kind === 'scalar' ? type !== 'array' && type !== 'object' : true;
}

const paths: readonly ScalarFunction[] = [
  variadicScalar({
    name: 'jsonb_extract_path',
    args: ['jsonb', 'text'],
    returns: 'jsonb',
    nulls: 'strict',
    volatility: 'immutable',
    mayReturnNull: true,
    doc: 'Node at a path of keys and indexes.',
    examples: [[`jsonb_extract_path('{"f2":{"f3":1},"f4":{"f5":99}}'::jsonb, 'f4', 'f5')`, '99']],
    evaluate: (_context, args) => {
      const path = steps(args);
      const [doc] = args;
      const node = path === null || !(doc instanceof Jsonb) ? undefined : getPath(doc.root, path);
      return node === undefined ? null : new Jsonb(node);
    },
  }),
  variadicScalar({
    name: 'jsonb_extract_path_text',
    args: ['jsonb', 'text'],
    returns: 'text',
    nulls: 'strict',
    volatility: 'immutable',
    mayReturnNull: true,
    doc: 'Node at a path of keys and indexes, as text.',
    examples: [[`jsonb_extract_path_text('{"f4":{"f6":"foo"}}'::jsonb, 'f4', 'f6')`, 'foo']],
    evaluate: (_context, args) => {
      const path = steps(args);
      const [doc] = args;
      return path === null || !(doc instanceof Jsonb) ? null : jsonToText(getPath(doc.root, path));
    },
  }),
  variadicScalar({
    name: 'json_extract_path',
    args: ['json', 'text'],
    returns: 'json',
    nulls: 'strict',
    volatility: 'immutable',
    mayReturnNull: true,
    doc: 'Node at a path of keys and indexes, as it was written.',
    examples: [[`json_extract_path('{"f4":{"f5":99}}'::json, 'f4', 'f5')`, '99']],
    evaluate: (_context, args) => {
      const path = steps(args);
      return path === null ? null : rawPath(String(args[0]), path);
    },
  }),
  variadicScalar({
    name: 'json_extract_path_text',
    args: ['json', 'text'],
    returns: 'text',
    nulls: 'strict',
    volatility: 'immutable',
    mayReturnNull: true,
    doc: 'Node at a path of keys and indexes, as text.',
    examples: [[`json_extract_path_text('{"f4":{"f6":"foo"}}'::json, 'f4', 'f6')`, 'foo']],
    evaluate: (_context, args) => {
      const path = steps(args);
      return path === null ? null : rawToText(rawPath(String(args[0]), path));
    },
  }),
];

/** Path steps for a change: a NULL step is an error. */
function changePath(path: SqlArray): readonly string[] {
  const found = pathOf(path);
  if (found !== null) return found;
  const position = path.elements.indexOf(null) + 1;
  throw new SqlError('22004', `path element at position ${position} is null`);
}

function setLax(doc: Jsonb, path: SqlArray, value: Jsonb | null, create: boolean, treatment: string): Value {
  if (value !== null) return new Jsonb(setPath(doc.root, changePath(path), value.root, create));
  switch (treatment) {
    case 'raise_exception':
      throw new SqlError('22004', 'JSON value must not be null', {
        detail: 'Exception was raised because null_value_treatment is "raise_exception".',
        hint: 'To avoid, either change the null_value_treatment argument or ensure that an SQL NULL is not passed.',
      });
    case 'use_json_null':
      return new Jsonb(setPath(doc.root, changePath(path), null, create));
    case 'delete_key':
      return new Jsonb(deletePath(doc.root, changePath(path)));
    case 'return_target':
      return doc;
    default:
      throw new SqlError(
        '22023',
        'null_value_treatment must be "delete_key", "return_target", "use_json_null", or "raise_exception"',
      );
  }
}

const changes: readonly ScalarFunction[] = [
  scalar({
    name: 'jsonb_set',
    args: ['jsonb', 'text[]', 'jsonb'],
    returns: 'jsonb',
    doc: 'With the node at a path replaced, or added where it is missing.',
    examples: [[`jsonb_set('{"a":1}', '{b}', '2')`, '{"a": 1, "b": 2}']],
    evaluate: (doc, path, value) => new Jsonb(setPath(doc.root, changePath(path), value.root, true)),
  }),
  scalar({
    name: 'jsonb_set',
    args: ['jsonb', 'text[]', 'jsonb', 'bool'],
    returns: 'jsonb',
    doc: 'With the node at a path replaced, or added where it is missing if so asked.',
    examples: [
      [
        `jsonb_set('[{"f1":1,"f2":null},2]', '{0,f1}', '[2,3,4]', false)`,
        '[{"f1": [2, 3, 4], "f2": null}, 2]',
      ],
    ],
    evaluate: (doc, path, value, create) =>
      new Jsonb(setPath(doc.root, changePath(path), value.root, create)),
  }),
  ...([3, 4, 5] as const).map((count) =>
    scalar({
      name: 'jsonb_set_lax',
      args: (['jsonb', 'text[]', 'jsonb', 'bool', 'text'] as const).slice(0, count),
      returns: 'jsonb',
      nulls: 'called',
      mayReturnNull: true,
      doc: 'As jsonb_set; a NULL value is treated as the last argument says.',
      examples: count === 3 ? [[`jsonb_set_lax('{"a":1}', '{a}', NULL)`, '{"a": null}']] : [],
      implement: () => ({
        evaluate: (
          doc: Jsonb | null,
          path: SqlArray | null,
          value: Jsonb | null,
          create: boolean | null = true,
          treatment: string | null = 'use_json_null',
        ) =>
          doc === null || path === null || create === null
            ? null
            : setLax(doc, path, value, create, treatment ?? ''),
      }),
    }),
  ),
  scalar({
    name: 'jsonb_insert',
    args: ['jsonb', 'text[]', 'jsonb'],
    returns: 'jsonb',
    doc: 'With a node put before the one at a path.',
    examples: [[`jsonb_insert('{"a": [0,1,2]}', '{a,1}', '"new"')`, '{"a": [0, "new", 1, 2]}']],
    evaluate: (doc, path, value) => new Jsonb(insertPath(doc.root, changePath(path), value.root, false)),
  }),
  scalar({
    name: 'jsonb_insert',
    args: ['jsonb', 'text[]', 'jsonb', 'bool'],
    returns: 'jsonb',
    doc: 'With a node put before or after the one at a path.',
    examples: [[`jsonb_insert('{"a": [0,1,2]}', '{a,1}', '"new"', true)`, '{"a": [0, 1, "new", 2]}']],
    evaluate: (doc, path, value, after) =>
      new Jsonb(insertPath(doc.root, changePath(path), value.root, after)),
  }),
  scalar({
    name: 'jsonb_strip_nulls',
    args: ['jsonb'],
    returns: 'jsonb',
    infallible: true,
    doc: 'Without members that are null, at every level.',
    examples: [[`jsonb_strip_nulls('[{"f1":1, "f2":null}, 2, null]')`, '[{"f1": 1}, 2, null]']],
    evaluate: (doc) => new Jsonb(stripNulls(doc.root)),
  }),
  scalar({
    name: 'json_strip_nulls',
    args: ['json'],
    returns: 'json',
    infallible: true,
    doc: 'Without members that are null, at every level.',
    examples: [[`json_strip_nulls('[{"f1":1, "f2":null}, 2, null]'::json)`, '[{"f1":1},2,null]']],
    evaluate: rawStripNulls,
  }),
];

export const jsonbChangeFunctions: readonly ScalarFunction[] = [...facts, ...paths, ...changes];
