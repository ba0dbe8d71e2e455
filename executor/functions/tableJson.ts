/** Set-returning functions over JSON documents, for jsonb (trees) and json (text as it was written). */
import { type DataType, type StructField, type StructType, types } from '../../common/dataType.ts';
import type { EvalContext, TableFunction } from '../../common/function.ts';
import { Jsonb } from '../../common/jsonb.ts';
import { jsonElements, jsonMembers, jsonToText } from '../../common/jsonbOps.ts';
import { isJsonArray, isJsonObject, parseJson } from '../../common/jsonText.ts';
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

const listRequired = 'a column definition list is required for functions returning "record"';

/** Functions whose columns only a column definition list tells: `AS x(a int, b text)`. */
function toRecord({ type, elements }: Document, suffix: 'to_record' | 'to_recordset'): TableFunction {
  const name = `${type}_${suffix}`;
  const isSet = suffix === 'to_recordset';
  const withColumns = (fields: readonly StructField[]): TableFunction => ({
    ...base,
    columns: () => fields,
    implement:
      () =>
      (context, doc = null) =>
        doc === null
          ? isSet
            ? []
            : [fields.map(() => null)]
          : recordsOf(name, isSet ? elements(doc) : [doc], fields, context),
  });
  const example = isSet
    ? ([`[{"a":1,"b":"x"},{"a":2}]`, ['(1,x)', '(2,)']] as const)
    : ([`{"a":1,"b":"x"}`, ['(1,x)']] as const);
  const base: TableFunction = {
    kind: 'table',
    name,
    args: [type],
    columns: () => [{ name, type: { id: 'struct', fields: [] } }],
    volatility: 'stable',
    nulls: 'called',
    withColumns,
    doc: `${isSet ? 'Rows from an array of objects' : 'A row from an object'}, with the columns that a column definition list names.`,
    examples: [[`${name}('${example[0]}') AS x(a int, b text)`, example[1]]],
    implement: () => () => {
      throw new SqlError('42601', listRequired);
    },
  };
  return base;
}

function* recordsOf(
  name: string,
  objects: readonly Value[],
  fields: readonly StructField[],
  context: EvalContext,
): Generator<Row> {
  const type: StructType = { id: 'struct', fields };
  for (const object of objects) {
    const root = object instanceof Jsonb ? object.root : parseJson(String(object));
    if (!isJsonObject(root)) {
      throw name.endsWith('set')
        ? new SqlError('22023', `argument of ${name} must be an array of objects`)
        : new SqlError(
            '22023',
            `cannot call populate_composite on ${isJsonArray(root) ? 'an array' : 'a scalar'}`,
          );
    }
    yield populateRecord(null, root, type, context);
  }
}

export const jsonTableFunctions: readonly TableFunction[] = [
  ...functionsOf(jsonb),
  ...functionsOf(json),
  ...[jsonb, json].flatMap((d) => [toRecord(d, 'to_record'), toRecord(d, 'to_recordset')]),
];
