/** Functions that make JSON of SQL values, and SQL rows of JSON: to_json, json_build_*, json_object, populate_record. */
import { type DataType, types } from '../../common/dataType.ts';
import type { EvalContext, ScalarFunction } from '../../common/function.ts';
import { scalar, variadicScalar } from '../../common/function.ts';
import { Jsonb } from '../../common/jsonb.ts';
import { isJsonObject, jsonObject, parseJsonb, quoteJson } from '../../common/jsonText.ts';
import type { SqlArray } from '../../common/sqlArray.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatValue } from '../../common/textIo.ts';
import type { NonNullValue, Value } from '../../common/value.ts';
import { populateRecord } from './support/jsonPopulate.ts';
import { toJsonLines, toJsonNode, toJsonText } from './support/jsonValue.ts';

type Call = readonly [args: readonly Value[], argTypes: readonly DataType[], context: EvalContext];

function typeAt(argTypes: readonly DataType[], i: number): DataType {
  return argTypes[i] ?? types.unknown;
}

const conversions: readonly ScalarFunction[] = [
  scalar({
    name: 'to_json',
    args: ['any'],
    returns: 'json',
    volatility: 'stable',
    doc: 'Value as json.',
    examples: [[`to_json('Fred said "Hi."'::text)`, '"Fred said \\"Hi.\\""']],
    implement: ([type]) => ({
      evaluateWith: (context: EvalContext, value: NonNullValue) =>
        toJsonText(value, type ?? types.unknown, context),
    }),
  }),
  scalar({
    name: 'to_jsonb',
    args: ['any'],
    returns: 'jsonb',
    volatility: 'stable',
    doc: 'Value as jsonb.',
    examples: [
      ['to_jsonb(ARRAY[1,NULL])', '[1, null]'],
      ["to_jsonb(row(42, 'a'))", '{"f1": 42, "f2": "a"}'],
    ],
    implement: ([type]) => ({
      evaluateWith: (context: EvalContext, value: NonNullValue) =>
        new Jsonb(toJsonNode(value, type ?? types.unknown, context)),
    }),
  }),
  scalar({
    name: 'array_to_json',
    args: ['anyarray'],
    returns: 'json',
    volatility: 'stable',
    doc: 'Array as json.',
    examples: [["array_to_json('{{1,5},{99,100}}'::int[])", '[[1,5],[99,100]]']],
    implement: ([type]) => ({
      evaluateWith: (context: EvalContext, value: SqlArray) =>
        toJsonText(value, type ?? types.unknown, context),
    }),
  }),
  scalar({
    name: 'row_to_json',
    args: ['record'],
    returns: 'json',
    volatility: 'stable',
    doc: 'Row as a json object.',
    examples: [["row_to_json(row(1, 'foo'))", '{"f1":1,"f2":"foo"}']],
    implement: ([type]) => ({
      evaluateWith: (context: EvalContext, value: readonly Value[]) =>
        toJsonText(value, type ?? types.unknown, context),
    }),
  }),
  scalar({
    name: 'row_to_json',
    args: ['record', 'bool'],
    returns: 'json',
    volatility: 'stable',
    doc: 'Row as a json object, its members on lines of their own if the second argument is true.',
    examples: [["replace(row_to_json(row(1, 'foo'), true)::text, chr(10), '~')", '{"f1":1,~ "f2":"foo"}']],
    implement: ([type]) => ({
      evaluateWith: (context: EvalContext, value: readonly Value[], lines: boolean) =>
        (lines ? toJsonLines : toJsonText)(value, type ?? types.unknown, context),
    }),
  }),
  scalar({
    name: 'array_to_json',
    args: ['anyarray', 'bool'],
    returns: 'json',
    volatility: 'stable',
    doc: 'Array as json, its elements on lines of their own if the second argument is true.',
    examples: [
      ["replace(array_to_json('{{1,5},{99,100}}'::int[], true)::text, chr(10), '~')", '[[1,5],~ [99,100]]'],
    ],
    implement: ([type]) => ({
      evaluateWith: (context: EvalContext, value: SqlArray, lines: boolean) =>
        (lines ? toJsonLines : toJsonText)(value, type ?? types.unknown, context),
    }),
  }),
];

/** The arguments as alternating keys and values. */
function pairsOf(
  name: string,
  [args, argTypes, context]: Call,
): readonly (readonly [key: string, at: number])[] {
  if (args.length % 2 === 1) {
    throw new SqlError('22023', 'argument list must have even number of elements', {
      hint: `The arguments of ${name}() must consist of alternating keys and values.`,
    });
  }
  const pairs: [string, number][] = [];
  for (let i = 0; i < args.length; i += 2) {
    const key = args[i] ?? null;
    const type = typeAt(argTypes, i);
    if (key === null) {
      if (name === 'jsonb_build_object')
        throw new SqlError('22023', `argument ${i + 1}: key must not be null`);
      throw new SqlError('22023', `argument ${i + 1} cannot be null`, {
        hint: 'Object keys should be text.',
      });
    }
    if (['array', 'struct', 'json', 'jsonb'].includes(type.id)) {
      throw new SqlError('22023', 'key value must be scalar, not array, composite, or json');
    }
    pairs.push([typeof key === 'boolean' ? String(key) : formatValue(key, type, context), i + 1]);
  }
  return pairs;
}

const builders: readonly ScalarFunction[] = [
  variadicScalar({
    name: 'jsonb_build_array',
    args: ['any'],
    returns: 'jsonb',
    nulls: 'called',
    volatility: 'stable',
    doc: 'Array of the arguments.',
    examples: [["jsonb_build_array(1, 2, 'foo', NULL)", '[1, 2, "foo", null]']],
    evaluate: (context, args, argTypes) =>
      new Jsonb(args.map((value, i) => toJsonNode(value, typeAt(argTypes, i), context))),
  }),
  variadicScalar({
    name: 'json_build_array',
    args: ['any'],
    returns: 'json',
    nulls: 'called',
    volatility: 'stable',
    doc: 'Array of the arguments.',
    examples: [["json_build_array(1, 2, 'foo', NULL)", '[1, 2, "foo", null]']],
    evaluate: (context, args, argTypes) =>
      `[${args.map((value, i) => toJsonText(value, typeAt(argTypes, i), context)).join(', ')}]`,
  }),
  variadicScalar({
    name: 'jsonb_build_object',
    args: ['any'],
    returns: 'jsonb',
    nulls: 'called',
    volatility: 'stable',
    doc: 'Object of alternating keys and values.',
    examples: [["jsonb_build_object('foo', 1, 2, row(3, 'bar'))", '{"2": {"f1": 3, "f2": "bar"}, "foo": 1}']],
    evaluate: (context, args, argTypes) => {
      const pairs = pairsOf('jsonb_build_object', [args, argTypes, context]);
      return new Jsonb(
        jsonObject(
          pairs.map(([key, i]) => [key, toJsonNode(args[i] ?? null, typeAt(argTypes, i), context)] as const),
        ),
      );
    },
  }),
  variadicScalar({
    name: 'json_build_object',
    args: ['any'],
    returns: 'json',
    nulls: 'called',
    volatility: 'stable',
    doc: 'Object of alternating keys and values.',
    examples: [["json_build_object('foo', 1, 2, row(3, 'bar'))", '{"foo" : 1, "2" : {"f1":3,"f2":"bar"}}']],
    evaluate: (context, args, argTypes) => {
      const pairs = pairsOf('json_build_object', [args, argTypes, context]);
      const members = pairs.map(
        ([key, i]) => `${quoteJson(key)} : ${toJsonText(args[i] ?? null, typeAt(argTypes, i), context)}`,
      );
      return `{${members.join(', ')}}`;
    },
  }),
];

/** The forms without arguments, which a variadic signature does not cover. */
const empty: readonly ScalarFunction[] = (
  [
    ['jsonb_build_array', 'jsonb', 'array', '[]'],
    ['jsonb_build_object', 'jsonb', 'object', '{}'],
    ['json_build_array', 'json', 'array', '[]'],
    ['json_build_object', 'json', 'object', '{}'],
  ] as const
).map(([name, returns, what, result]) =>
  scalar({
    name,
    args: [],
    returns,
    infallible: true,
    doc: `The empty ${what}.`,
    examples: [[`${name}()`, result]],
    evaluate: () => (returns === 'json' ? result : parseJsonb(result)),
  }),
);

type TextPair = readonly [key: string, value: string | null];

function textKey(key: Value): string {
  if (typeof key === 'string') return key;
  throw new SqlError('22004', 'null value not allowed for object key');
}

function textOrNull(value: Value | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

/** Keys and values that alternate, or come in pairs as rows of a two-column array. */
function alternating(array: SqlArray): readonly TextPair[] {
  const { dimensions, elements } = array;
  if (dimensions.length === 2 && dimensions[1] !== 2)
    throw new SqlError('2202E', 'array must have two columns');
  if (dimensions.length > 2) throw new SqlError('2202E', 'wrong number of array subscripts');
  if (elements.length % 2 === 1) throw new SqlError('2202E', 'array must have even number of elements');
  const pairs: TextPair[] = [];
  for (let i = 0; i < elements.length; i += 2) {
    pairs.push([textKey(elements[i] ?? null), textOrNull(elements[i + 1])]);
  }
  return pairs;
}

function pairwise(keys: SqlArray, values: SqlArray): readonly TextPair[] {
  if (keys.dimensions.length > 1 || values.dimensions.length > 1) {
    throw new SqlError('2202E', 'wrong number of array subscripts');
  }
  if (keys.elements.length !== values.elements.length) {
    throw new SqlError('2202E', 'mismatched array dimensions');
  }
  return keys.elements.map((key, i) => [textKey(key), textOrNull(values.elements[i])] as const);
}

function objectText(pairs: readonly TextPair[]): string {
  const members = pairs.map(
    ([key, value]) => `${quoteJson(key)} : ${value === null ? 'null' : quoteJson(value)}`,
  );
  return `{${members.join(', ')}}`;
}

const objects: readonly ScalarFunction[] = [
  scalar({
    name: 'jsonb_object',
    args: ['text[]'],
    returns: 'jsonb',
    doc: 'Object of an array of alternating keys and values.',
    examples: [["jsonb_object('{a,1,b,def}')", '{"a": "1", "b": "def"}']],
    evaluate: (array) => new Jsonb(jsonObject(alternating(array))),
  }),
  scalar({
    name: 'jsonb_object',
    args: ['text[]', 'text[]'],
    returns: 'jsonb',
    doc: 'Object of an array of keys and an array of values.',
    examples: [["jsonb_object('{a,b}', '{1,2}')", '{"a": "1", "b": "2"}']],
    evaluate: (keys, values) => new Jsonb(jsonObject(pairwise(keys, values))),
  }),
  scalar({
    name: 'json_object',
    args: ['text[]'],
    returns: 'json',
    doc: 'Object of an array of alternating keys and values.',
    examples: [["json_object('{{a,1},{b,NULL}}')", '{"a" : "1", "b" : null}']],
    evaluate: (array) => objectText(alternating(array)),
  }),
  scalar({
    name: 'json_object',
    args: ['text[]', 'text[]'],
    returns: 'json',
    doc: 'Object of an array of keys and an array of values.',
    examples: [["json_object('{a,b}', '{1,2}')", '{"a" : "1", "b" : "2"}']],
    evaluate: (keys, values) => objectText(pairwise(keys, values)),
  }),
];

const rows: readonly ScalarFunction[] = (['jsonb', 'json'] as const).map((kind) =>
  scalar({
    name: `${kind}_populate_record`,
    args: ['record', kind],
    returns: 'record',
    nulls: 'called',
    mayReturnNull: true,
    volatility: 'stable',
    doc: "Row of the first argument's type with its fields taken from an object; fields without a member stay.",
    examples: [[`${kind}_populate_record(row(1, 'x'::text), '{"f2": "y"}'::${kind})`, '(1,y)']],
    implement: ([type]) => ({
      evaluateWith: (context: EvalContext, base: readonly Value[] | null, doc: Jsonb | string | null) => {
        if (doc === null || type?.id !== 'struct') return base;
        const root = doc instanceof Jsonb ? doc.root : toJsonNode(doc, types.json, context);
        if (!isJsonObject(root))
          throw new SqlError('22023', `cannot call ${kind}_populate_record on a scalar`);
        return populateRecord(base, root, type, context);
      },
    }),
  }),
);

export const jsonbBuildFunctions: readonly ScalarFunction[] = [
  ...conversions,
  ...builders,
  ...empty,
  ...objects,
  ...rows,
];
