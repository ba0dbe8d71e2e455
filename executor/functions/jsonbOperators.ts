/** Operators of jsonb and json, under the names of PostgreSQL's functions: access, containment, existence, change. */
import type { ScalarFunction } from '../../common/function.ts';
import { scalar } from '../../common/function.ts';
import { Jsonb, type JsonNode } from '../../common/jsonb.ts';
import {
  concatJson,
  containsJson,
  deleteElement,
  deleteKeys,
  deletePath,
  existsJson,
  getElement,
  getField,
  getPath,
  jsonToText,
} from '../../common/jsonbOps.ts';
import type { SqlArray } from '../../common/sqlArray.ts';
import { rawElement, rawField, rawPath, rawToText } from './support/jsonRaw.ts';

/** A node as a value, NULL when there is none. */
function nodeValue(node: JsonNode | undefined): Jsonb | null {
  return node === undefined ? null : new Jsonb(node);
}

/** The strings of a text array; null when one is NULL. */
export function pathOf(array: SqlArray): readonly string[] | null {
  const path: string[] = [];
  for (const step of array.elements) {
    if (typeof step !== 'string') return null;
    path.push(step);
  }
  return path;
}

function keysOf(array: SqlArray): readonly string[] {
  return array.elements.filter((key) => typeof key === 'string');
}

const access: readonly ScalarFunction[] = [
  scalar({
    name: 'jsonb_object_field',
    operator: '->',
    args: ['jsonb', 'text'],
    returns: 'jsonb',
    infallible: true,
    mayReturnNull: true,
    doc: 'Member of an object by key.',
    examples: [[`'{"a": {"b":"foo"}}'::jsonb -> 'a'`, '{"b": "foo"}']],
    evaluate: (doc, key) => nodeValue(getField(doc.root, key)),
  }),
  scalar({
    name: 'jsonb_array_element',
    operator: '->',
    args: ['jsonb', 'int4'],
    returns: 'jsonb',
    infallible: true,
    mayReturnNull: true,
    doc: 'Element of an array by index, from 0; from the end when negative.',
    examples: [
      [`'[{"a":"foo"},{"b":"bar"}]'::jsonb -> 1`, '{"b": "bar"}'],
      [`'[1,2,3]'::jsonb -> -1`, '3'],
    ],
    evaluate: (doc, index) => nodeValue(getElement(doc.root, index)),
  }),
  scalar({
    name: 'jsonb_object_field_text',
    operator: '->>',
    args: ['jsonb', 'text'],
    returns: 'text',
    infallible: true,
    mayReturnNull: true,
    doc: 'Member of an object by key, as text.',
    examples: [[`'{"a":1,"b":"x"}'::jsonb ->> 'b'`, 'x']],
    evaluate: (doc, key) => jsonToText(getField(doc.root, key)),
  }),
  scalar({
    name: 'jsonb_array_element_text',
    operator: '->>',
    args: ['jsonb', 'int4'],
    returns: 'text',
    infallible: true,
    mayReturnNull: true,
    doc: 'Element of an array by index, as text.',
    examples: [[`'[1,2,3]'::jsonb ->> 2`, '3']],
    evaluate: (doc, index) => jsonToText(getElement(doc.root, index)),
  }),
  scalar({
    name: 'jsonb_extract_path',
    operator: '#>',
    args: ['jsonb', 'text[]'],
    returns: 'jsonb',
    infallible: true,
    mayReturnNull: true,
    doc: 'Node at a path of keys and indexes.',
    examples: [[`'{"a": {"b": ["foo","bar"]}}'::jsonb #> '{a,b,1}'`, '"bar"']],
    evaluate: (doc, path) => {
      const steps = pathOf(path);
      return steps === null ? null : nodeValue(getPath(doc.root, steps));
    },
  }),
  scalar({
    name: 'jsonb_extract_path_text',
    operator: '#>>',
    args: ['jsonb', 'text[]'],
    returns: 'text',
    infallible: true,
    mayReturnNull: true,
    doc: 'Node at a path of keys and indexes, as text.',
    examples: [[`'{"a": {"b": ["foo","bar"]}}'::jsonb #>> '{a,b,1}'`, 'bar']],
    evaluate: (doc, path) => {
      const steps = pathOf(path);
      return steps === null ? null : jsonToText(getPath(doc.root, steps));
    },
  }),
];

const textAccess: readonly ScalarFunction[] = [
  scalar({
    name: 'json_object_field',
    operator: '->',
    args: ['json', 'text'],
    returns: 'json',
    infallible: true,
    mayReturnNull: true,
    doc: 'Member of an object by key, as it was written.',
    examples: [[`'{"a": {"b":"foo"}}'::json -> 'a'`, '{"b":"foo"}']],
    evaluate: rawField,
  }),
  scalar({
    name: 'json_array_element',
    operator: '->',
    args: ['json', 'int4'],
    returns: 'json',
    infallible: true,
    mayReturnNull: true,
    doc: 'Element of an array by index, as it was written.',
    examples: [[`'[{"a":"foo"},{"b":"bar"}]'::json -> 1`, '{"b":"bar"}']],
    evaluate: rawElement,
  }),
  scalar({
    name: 'json_object_field_text',
    operator: '->>',
    args: ['json', 'text'],
    returns: 'text',
    mayReturnNull: true,
    doc: 'Member of an object by key, as text.',
    examples: [[`'{"a":1,"b":"x"}'::json ->> 'b'`, 'x']],
    evaluate: (doc, key) => rawToText(rawField(doc, key)),
  }),
  scalar({
    name: 'json_array_element_text',
    operator: '->>',
    args: ['json', 'int4'],
    returns: 'text',
    mayReturnNull: true,
    doc: 'Element of an array by index, as text.',
    examples: [[`'["a",null]'::json ->> 1`, 'NULL']],
    evaluate: (doc, index) => rawToText(rawElement(doc, index)),
  }),
  scalar({
    name: 'json_extract_path',
    operator: '#>',
    args: ['json', 'text[]'],
    returns: 'json',
    infallible: true,
    mayReturnNull: true,
    doc: 'Node at a path of keys and indexes, as it was written.',
    examples: [[`'{"a": {"b": ["foo","bar"]}}'::json #> '{a,b}'`, '["foo","bar"]']],
    evaluate: (doc, path) => {
      const steps = pathOf(path);
      return steps === null ? null : rawPath(doc, steps);
    },
  }),
  scalar({
    name: 'json_extract_path_text',
    operator: '#>>',
    args: ['json', 'text[]'],
    returns: 'text',
    mayReturnNull: true,
    doc: 'Node at a path of keys and indexes, as text.',
    examples: [[`'{"a": {"b": ["foo","bar"]}}'::json #>> '{a,b,1}'`, 'bar']],
    evaluate: (doc, path) => {
      const steps = pathOf(path);
      return steps === null ? null : rawToText(rawPath(doc, steps));
    },
  }),
];

const tests: readonly ScalarFunction[] = [
  scalar({
    name: 'jsonb_contains',
    operator: '@>',
    commutator: '<@',
    args: ['jsonb', 'jsonb'],
    returns: 'bool',
    infallible: true,
    doc: 'First document contains the second.',
    examples: [[`'{"a":1, "b":2}'::jsonb @> '{"b":2}'::jsonb`, 't']],
    evaluate: (whole, part) => containsJson(whole.root, part.root),
  }),
  scalar({
    name: 'jsonb_contained',
    operator: '<@',
    commutator: '@>',
    args: ['jsonb', 'jsonb'],
    returns: 'bool',
    infallible: true,
    doc: 'First document is contained in the second.',
    examples: [[`'{"b":2}'::jsonb <@ '{"a":1, "b":2}'::jsonb`, 't']],
    evaluate: (part, whole) => containsJson(whole.root, part.root),
  }),
  scalar({
    name: 'jsonb_exists',
    operator: '?',
    args: ['jsonb', 'text'],
    returns: 'bool',
    infallible: true,
    doc: 'The text is a key of the object or a string of the array.',
    examples: [[`'{"a":1, "b":2}'::jsonb ? 'b'`, 't']],
    evaluate: (doc, key) => existsJson(doc.root, key),
  }),
  scalar({
    name: 'jsonb_exists_any',
    operator: '?|',
    args: ['jsonb', 'text[]'],
    returns: 'bool',
    infallible: true,
    doc: 'One of the texts is a key of the object or a string of the array.',
    examples: [[`'{"a":1, "b":2, "c":3}'::jsonb ?| array['b', 'd']`, 't']],
    evaluate: (doc, keys) => keysOf(keys).some((key) => existsJson(doc.root, key)),
  }),
  scalar({
    name: 'jsonb_exists_all',
    operator: '?&',
    args: ['jsonb', 'text[]'],
    returns: 'bool',
    infallible: true,
    doc: 'All texts are keys of the object or strings of the array.',
    examples: [[`'["a", "b", "c"]'::jsonb ?& array['a', 'd']`, 'f']],
    evaluate: (doc, keys) => keysOf(keys).every((key) => existsJson(doc.root, key)),
  }),
];

const changes: readonly ScalarFunction[] = [
  scalar({
    name: 'jsonb_concat',
    operator: '||',
    args: ['jsonb', 'jsonb'],
    returns: 'jsonb',
    infallible: true,
    doc: 'Objects merged, arrays joined.',
    examples: [
      [`'["a", "b"]'::jsonb || '["a", "d"]'::jsonb`, '["a", "b", "a", "d"]'],
      [`'{"a": "b"}'::jsonb || '{"c": "d"}'::jsonb`, '{"a": "b", "c": "d"}'],
    ],
    evaluate: (a, b) => new Jsonb(concatJson(a.root, b.root)),
  }),
  scalar({
    name: 'jsonb_delete',
    operator: '-',
    args: ['jsonb', 'text'],
    returns: 'jsonb',
    doc: 'Without a key of the object or a string of the array.',
    examples: [[`'{"a": "b", "c": "d"}'::jsonb - 'a'`, '{"c": "d"}']],
    evaluate: (doc, key) => new Jsonb(deleteKeys(doc.root, [key])),
  }),
  scalar({
    name: 'jsonb_delete',
    operator: '-',
    args: ['jsonb', 'text[]'],
    returns: 'jsonb',
    doc: 'Without the keys of the object or strings of the array.',
    examples: [[`'{"a": "b", "c": "d"}'::jsonb - '{a,c}'::text[]`, '{}']],
    evaluate: (doc, keys) => new Jsonb(deleteKeys(doc.root, keysOf(keys))),
  }),
  scalar({
    name: 'jsonb_delete',
    operator: '-',
    args: ['jsonb', 'int4'],
    returns: 'jsonb',
    doc: 'Without an element of the array.',
    examples: [[`'["a", "b"]'::jsonb - 1`, '["a"]']],
    evaluate: (doc, index) => new Jsonb(deleteElement(doc.root, index)),
  }),
  scalar({
    name: 'jsonb_delete_path',
    operator: '#-',
    args: ['jsonb', 'text[]'],
    returns: 'jsonb',
    mayReturnNull: true,
    doc: 'Without the node at a path.',
    examples: [[`'["a", {"b":1}]'::jsonb #- '{1,b}'`, '["a", {}]']],
    evaluate: (doc, path) => {
      const steps = pathOf(path);
      return steps === null ? null : new Jsonb(deletePath(doc.root, steps));
    },
  }),
];

export const jsonbOperators: readonly ScalarFunction[] = [...access, ...textAccess, ...tests, ...changes];
