/** Aggregates over all rows of a group: string_agg, array_agg, JSON aggregates, first_value, arg_min and their like. */
import { compareValues } from '../../common/compare.ts';
import type { DataType } from '../../common/dataType.ts';
import { arrayOf, types } from '../../common/dataType.ts';
import type { AggregateFunction, OrderedRows } from '../../common/function.ts';
import { Jsonb, type JsonNode } from '../../common/jsonb.ts';
import { jsonObject, quoteJson } from '../../common/jsonText.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatValue, plainContext } from '../../common/textIo.ts';
import type { NonNullValue, Value } from '../../common/value.ts';
import { toJsonNode, toJsonText } from '../functions/support/jsonValue.ts';
import { aggregate, collect, lookUp, over, overPairs } from './define.ts';

type Rows = Iterable<readonly Value[]>;

/** A maintained aggregate belongs to no session: times with zone are shown in UTC. */
const textContext = plainContext(() => 0n);

function joinTexts(rows: Rows): Value {
  let result: string | null = null;
  for (const [value, delimiter] of rows) {
    if (typeof value !== 'string') continue;
    result = result === null ? value : result + (typeof delimiter === 'string' ? delimiter : '') + value;
  }
  return result;
}

function joinBytes(rows: Rows): Value {
  let parts: Uint8Array[] | null = null;
  for (const [value, delimiter] of rows) {
    if (!(value instanceof Uint8Array)) continue;
    if (parts === null) parts = [value];
    else parts.push(delimiter instanceof Uint8Array ? delimiter : new Uint8Array(0), value);
  }
  return parts === null ? null : new Uint8Array(Buffer.concat(parts));
}

function collectArray(rows: Rows): Value {
  const elements: Value[] = [];
  for (const [value] of rows) elements.push(value ?? null);
  return elements.length === 0 ? null : new SqlArray(elements);
}

/** Arrays of one shape, stacked in a further dimension. */
function stackArrays(rows: Rows): Value {
  const elements: Value[] = [];
  let first: SqlArray | null = null;
  let count = 0;
  for (const [value] of rows) {
    if (!(value instanceof SqlArray)) throw new SqlError('22004', 'cannot accumulate null arrays');
    if (value.dimensions.length === 0) throw new SqlError('2202E', 'cannot accumulate empty arrays');
    first ??= value;
    const dimensions = value.dimensions;
    if (
      dimensions.length !== first.dimensions.length ||
      !first.dimensions.every((n, i) => n === dimensions[i])
    ) {
      throw new SqlError('2202E', 'cannot accumulate arrays of different dimensionality');
    }
    elements.push(...value.elements);
    count++;
  }
  if (first === null) return null;
  return new SqlArray(elements, [count, ...first.dimensions], [1, ...first.lowerBounds]);
}

function typeAt(argTypes: readonly DataType[], index: number): DataType {
  return argTypes[index] ?? types.unknown;
}

function jsonbArray(rows: Rows, argTypes: readonly DataType[]): Value {
  const items: JsonNode[] = [];
  let any = false;
  for (const [value] of rows) {
    any = true;
    items.push(toJsonNode(value ?? null, typeAt(argTypes, 0), textContext));
  }
  return any ? new Jsonb(items) : null;
}

function jsonArray(rows: Rows, argTypes: readonly DataType[]): Value {
  const type = typeAt(argTypes, 0);
  const isNested = type.id === 'array' || type.id === 'struct';
  let result: string | null = null;
  for (const [value] of rows) {
    const item = toJsonText(value ?? null, type, textContext);
    // PostgreSQL puts each array and row but the first on a line of its own.
    const gap = isNested && value !== null ? ', \n ' : ', ';
    result = result === null ? item : result + gap + item;
  }
  return result === null ? null : `[${result}]`;
}

function keyText(key: Value | undefined, type: DataType): string {
  if (key === null || key === undefined) throw new SqlError('22023', 'field name must not be null');
  return formatValue(key, type, textContext);
}

function jsonbObject(rows: Rows, argTypes: readonly DataType[]): Value {
  const fields: (readonly [string, JsonNode])[] = [];
  for (const [key, value] of rows) {
    fields.push([
      keyText(key, typeAt(argTypes, 0)),
      toJsonNode(value ?? null, typeAt(argTypes, 1), textContext),
    ]);
  }
  return fields.length === 0 ? null : new Jsonb(jsonObject(fields));
}

function jsonTextObject(rows: Rows, argTypes: readonly DataType[]): Value {
  const fields: string[] = [];
  for (const [key, value] of rows) {
    const name = quoteJson(keyText(key, typeAt(argTypes, 0)));
    fields.push(`${name} : ${toJsonText(value ?? null, typeAt(argTypes, 1), textContext)}`);
  }
  return fields.length === 0 ? null : `{ ${fields.join(', ')} }`;
}

const first = lookUp((rows) => (rows.length === 0 ? null : (rows.at(0)[0] ?? null)), 0);

const last = lookUp((rows) => (rows.length === 0 ? null : (rows.at(rows.length - 1)[0] ?? null)), 0);

/** Value of the row with the least (or greatest) key; of equal keys the first. */
function argumentOfExtreme(descending: boolean): AggregateFunction['implement'] {
  const direction = descending ? -1 : 1;
  const finish = (rows: Rows, keyType: DataType): Value => {
    let best: NonNullValue | null = null;
    let result: Value = null;
    for (const [value, key] of rows) {
      if (key === null || key === undefined) continue;
      if (best !== null && compareValues(key, best, keyType) * direction >= 0) continue;
      best = key;
      result = value ?? null;
    }
    return result;
  };
  // In the order of keys, NULLs last.
  const find = (rows: OrderedRows): Value => {
    const [value, key] = rows.length === 0 ? [] : rows.at(0);
    return key === null || key === undefined ? null : (value ?? null);
  };
  return (argTypes) => ({
    form: 'collect',
    finish: (rows) => finish(rows, typeAt(argTypes, 1)),
    index: { kind: 'place', leading: { argument: 1, descending }, find },
  });
}

/** Rows come in the order of their value, so equal ones are neighbours. */
function countDistinct(rows: Rows, argTypes: readonly DataType[]): Value {
  let count = 0n;
  let previous: NonNullValue | null = null;
  for (const [value] of rows) {
    if (value === null || value === undefined) continue;
    if (previous !== null && compareValues(previous, value, typeAt(argTypes, 0)) === 0) continue;
    previous = value;
    count++;
  }
  return count;
}

const called = { nulls: 'called', orderSensitive: true } as const;

const textsAndArrays: readonly AggregateFunction[] = [
  aggregate({
    ...called,
    name: 'string_agg',
    args: ['text', 'text'],
    returns: 'text',
    doc: 'Concatenation of all texts, with the delimiter of each row but the first before it.',
    examples: [[`string_agg(x, ', ' ORDER BY x) ${over("'b'", "'a'", 'NULL')}`, 'a, b']],
    implement: collect(joinTexts),
  }),
  aggregate({
    ...called,
    name: 'string_agg',
    args: ['bytea', 'bytea'],
    returns: 'bytea',
    doc: 'Concatenation of all binary strings, with the delimiter of each row but the first before it.',
    examples: [[`string_agg(x, '\\x00'::bytea) ${over("'\\x01'::bytea", "'\\x02'::bytea")}`, '\\x010002']],
    implement: collect(joinBytes),
  }),
  aggregate({
    ...called,
    name: 'array_agg',
    args: ['anynonarray'],
    returns: ([element]) => arrayOf(element ?? types.text),
    doc: 'Array of all values, NULLs included.',
    examples: [[`array_agg(x ORDER BY x DESC) ${over('1', 'NULL', '2')}`, '{NULL,2,1}']],
    implement: collect(collectArray),
  }),
  aggregate({
    ...called,
    name: 'array_agg',
    args: ['anyarray'],
    returns: 'anyarray',
    doc: 'Array of all arrays, with one more dimension.',
    examples: [[`array_agg(x ORDER BY x) ${over('array[3,4]', 'array[1,2]')}`, '{{1,2},{3,4}}']],
    implement: collect(stackArrays),
  }),
];

const json: readonly AggregateFunction[] = [
  aggregate({
    ...called,
    name: 'jsonb_agg',
    args: ['anyelement'],
    returns: 'jsonb',
    doc: 'JSON array of all values, NULLs included.',
    examples: [[`jsonb_agg(x ORDER BY x) ${over('1', 'NULL', '2')}`, '[1, 2, null]']],
    implement: collect(jsonbArray),
  }),
  aggregate({
    ...called,
    name: 'json_agg',
    args: ['anyelement'],
    returns: 'json',
    doc: 'JSON array of all values, NULLs included.',
    examples: [[`json_agg(x ORDER BY x) ${over("'a'::text", 'NULL')}`, '["a", null]']],
    implement: collect(jsonArray),
  }),
  aggregate({
    ...called,
    name: 'jsonb_object_agg',
    args: ['any', 'any'],
    returns: 'jsonb',
    doc: 'JSON object of all pairs of key and value.',
    examples: [[`jsonb_object_agg(x, y) ${overPairs("'a'::text, 1", "'b', NULL")}`, '{"a": 1, "b": null}']],
    implement: collect(jsonbObject),
  }),
  aggregate({
    ...called,
    name: 'json_object_agg',
    args: ['any', 'any'],
    returns: 'json',
    doc: 'JSON object of all pairs of key and value.',
    examples: [
      [
        `json_object_agg(x, y ORDER BY x) ${overPairs("'a'::text, 1", "'b', NULL")}`,
        '{ "a" : 1, "b" : null }',
      ],
    ],
    implement: collect(jsonTextObject),
  }),
];

const choosing: readonly AggregateFunction[] = [
  aggregate({
    ...called,
    name: 'first_value',
    args: ['anyelement'],
    returns: 'anyelement',
    orderedSet: true,
    doc: 'Value of the first row in the given order.',
    examples: [[`first_value(x ORDER BY x DESC) ${over('1', '3', '2')}`, '3']],
    implement: first,
  }),
  aggregate({
    ...called,
    name: 'last_value',
    args: ['anyelement'],
    returns: 'anyelement',
    orderedSet: true,
    doc: 'Value of the last row in the given order.',
    examples: [[`last_value(x ORDER BY x DESC) ${over('1', '3', '2')}`, '1']],
    implement: last,
  }),
  aggregate({
    ...called,
    name: 'arg_min',
    args: ['anyelement', 'any'],
    returns: 'anyelement',
    doc: 'Value of the row where the second argument is least.',
    examples: [[`arg_min(x, y) ${overPairs("'a'::text, 2", "'b', 1", "'c', NULL")}`, 'b']],
    implement: argumentOfExtreme(false),
  }),
  aggregate({
    ...called,
    name: 'arg_max',
    args: ['anyelement', 'any'],
    returns: 'anyelement',
    doc: 'Value of the row where the second argument is greatest.',
    examples: [[`arg_max(x, y) ${overPairs("'a'::text, 2", "'b', 1", "'c', NULL")}`, 'a']],
    implement: argumentOfExtreme(true),
  }),
  aggregate({
    name: 'approx_count_distinct',
    args: ['any'],
    returns: 'int8',
    doc: 'Number of distinct values. The result is exact.',
    examples: [[`approx_count_distinct(x) ${over('1', '2', '1', 'NULL')}`, '2']],
    implement: (argTypes) => ({
      form: 'collect',
      finish: (rows) => countDistinct(rows, argTypes),
      overNothing: true,
      index: { kind: 'distinct' },
    }),
  }),
];

export const collectingAggregates: readonly AggregateFunction[] = [...textsAndArrays, ...json, ...choosing];
