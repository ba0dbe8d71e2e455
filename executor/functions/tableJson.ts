/** Set-returning functions over JSON documents, for jsonb (trees) and json (text as it was written). */
import { type DataType, types } from '../../common/dataType.ts';
import type { EvalContext, TableFunction } from '../../common/function.ts';
import { Jsonb } from '../../common/jsonb.ts';
import { jsonElements, jsonMembers, jsonToText } from '../../common/jsonbOps.ts';
import { isJsonObject, parseJson } from '../../common/jsonText.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Row, Value } from '../../common/value.ts';
import { populateRecord } from './support/jsonPopulate.ts';
import { rawElements, rawKind, rawMembers, rawToText } from './support/jsonRaw.ts';

interface Document {
  readonly type: 'jsonb' | 'json';
  /** Elements as values of the type, and as text. */
  readonly elements: (doc: Value) => readonly Value[];
  readonly members: (doc: Value, functionName: string) => readonly (readonly [key: string, value: Value])[];
  readonly text: (value: Value) => Value;
}

function rootOf(doc: Value) {
  return doc instanceof Jsonb ? doc.root : null;
}

const jsonb: Document = {
  type: 'jsonb',
  elements: (doc) => jsonElements(rootOf(doc)).map((node) => new Jsonb(node)),
  members: (doc, name) =>
    [...jsonMembers(rootOf(doc), name)].map(([key, node]) => [key, new Jsonb(node)] as const),
  text: (value) => jsonToText(rootOf(value)),
};

const json: Document = {
  type: 'json',
  elements: (doc) => {
    const text = String(doc);
    const elements = rawElements(text);
    if (elements !== null) return elements;
    throw new SqlError(
      '22023',
      `cannot call json_array_elements on ${rawKind(text) === 'object' ? 'a non-array' : 'a scalar'}`,
    );
  },
  members: (doc, name) => {
    const text = String(doc);
    const members = rawMembers(text);
    if (members !== null) return members;
    const array = rawKind(text) === 'array';
    if (name.endsWith('_object_keys')) {
      throw new SqlError('22023', `cannot call ${name} on ${array ? 'an array' : 'a scalar'}`);
    }
    throw new SqlError(
      '22023',
      array ? 'cannot deconstruct an array as an object' : 'cannot deconstruct a scalar',
    );
  },
  text: (value) => (value === null ? null : rawToText(String(value))),
};

function table(
  name: string,
  type: Document['type'],
  columns: readonly { readonly name: string; readonly type: DataType }[],
  doc: string,
  example: readonly [string, readonly string[]],
  rows: (doc: Value) => Iterable<Row>,
): TableFunction {
  return {
    kind: 'table',
    name,
    args: [type],
    columns: () => columns,
    volatility: 'immutable',
    nulls: 'strict',
    doc,
    examples: [example],
    implement:
      () =>
      (_context: EvalContext, value: Value = null) =>
        rows(value),
  };
}

function functionsOf(d: Document): readonly TableFunction[] {
  const { type } = d;
  const valueType: DataType = { id: type };
  const [elements, each, keys] = [`${type}_array_elements`, `${type}_each`, `${type}_object_keys`];
  const space = type === 'jsonb' ? ' ' : '';
  return [
    table(
      elements,
      type,
      [{ name: 'value', type: valueType }],
      'Elements of an array.',
      [`${elements}('[1,true,[2,${space}false]]'::${type})`, ['1', 'true', `[2,${space}false]`]],
      (doc) => d.elements(doc).map((value) => [value]),
    ),
    table(
      `${elements}_text`,
      type,
      [{ name: 'value', type: types.text }],
      'Elements of an array as text.',
      [`${elements}_text('["foo","bar",null]'::${type})`, ['foo', 'bar', 'NULL']],
      (doc) => d.elements(doc).map((value) => [d.text(value)]),
    ),
    table(
      each,
      type,
      [
        { name: 'key', type: types.text },
        { name: 'value', type: valueType },
      ],
      'Members of an object.',
      [`${each}('{"a":1,"b":2}'::${type})`, ['(a,1)', '(b,2)']],
      (doc) => d.members(doc, each),
    ),
    table(
      `${each}_text`,
      type,
      [
        { name: 'key', type: types.text },
        { name: 'value', type: types.text },
      ],
      'Members of an object, values as text.',
      [`${each}_text('{"a":"foo","b":null}'::${type})`, ['(a,foo)', '(b,)']],
      (doc) => d.members(doc, `${each}_text`).map(([key, value]) => [key, d.text(value)]),
    ),
    table(
      keys,
      type,
      [{ name: keys, type: types.text }],
      'Keys of an object.',
      [`${keys}('{"f1":1,"f2":{"f3":2}}'::${type})`, ['f1', 'f2']],
      (doc) => d.members(doc, keys).map(([key]) => [key]),
    ),
    populateRecordset(d),
  ];
}

function populateRecordset({ type, elements }: Document): TableFunction {
  const name = `${type}_populate_recordset`;
  return {
    kind: 'table',
    name,
    args: ['record', type],
    columns: ([row]) => (row?.id === 'struct' ? row.fields : []),
    volatility: 'stable',
    nulls: 'called',
    doc: "Rows of the first argument's type from an array of objects.",
    examples: [[`${name}(row(1, 'x'::text), '[{"f1":2},{"f2":"y"}]'::${type})`, ['(2,x)', '(1,y)']]],
    implement: ([row]) =>
      function* (context, base = null, doc = null): Generator<Row> {
        if (doc === null || row?.id !== 'struct') return;
        for (const element of elements(doc)) {
          const root = element instanceof Jsonb ? element.root : parseJson(String(element));
          if (!isJsonObject(root))
            throw new SqlError('22023', `argument of ${name} must be an array of objects`);
          yield populateRecord(Array.isArray(base) ? base : null, root, row, context);
        }
      },
  };
}

/** Functions whose columns only a column definition list could tell; the binder refuses such lists by name. */
function toRecord(type: Document['type'], suffix: 'to_record' | 'to_recordset'): TableFunction {
  const name = `${type}_${suffix}`;
  return {
    kind: 'table',
    name,
    args: [type],
    columns: () => [{ name, type: { id: 'struct', fields: [] } }],
    volatility: 'stable',
    nulls: 'called',
    doc: 'Rows of the columns that a column definition list names, which is not supported: use populate functions.',
    examples: [],
    implement: () => () => {
      throw new SqlError('42601', 'a column definition list is required for functions returning "record"');
    },
  };
}

export const jsonTableFunctions: readonly TableFunction[] = [
  ...functionsOf(jsonb),
  ...functionsOf(json),
  ...(['jsonb', 'json'] as const).flatMap((type) => [
    toRecord(type, 'to_record'),
    toRecord(type, 'to_recordset'),
  ]),
];
