/** Functions and operators that tell about arrays: size, positions, containment, extremes, sums, text. */
import { compareValues } from '../../common/compare.ts';
import type { DataType } from '../../common/dataType.ts';
import { Decimal } from '../../common/decimal.ts';
import type { EvalContext, ScalarFunction, TypePattern } from '../../common/function.ts';
import { scalar } from '../../common/function.ts';
import { Interval } from '../../common/interval.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatValue } from '../../common/textIo.ts';
import type { NonNullValue, Value } from '../../common/value.ts';
import { containsArray, dimensionsText, leafType, overlapsArray, positionsOf } from './support/arrayOps.ts';

const sizes: readonly ScalarFunction[] = [
  scalar({
    name: 'array_ndims',
    args: ['anyarray'],
    returns: 'int4',
    infallible: true,
    mayReturnNull: true,
    doc: 'Number of dimensions; NULL for an empty array.',
    examples: [['array_ndims(ARRAY[[1,2,3],[4,5,6]])', '2']],
    evaluate: (array) => array.dimensions.length || null,
  }),
  scalar({
    name: 'array_dims',
    args: ['anyarray'],
    returns: 'text',
    infallible: true,
    mayReturnNull: true,
    doc: 'Bounds of the dimensions as text.',
    examples: [['array_dims(ARRAY[[1,2,3],[4,5,6]])', '[1:2][1:3]']],
    evaluate: (array) => dimensionsText(array) || null,
  }),
  scalar({
    name: 'array_length',
    args: ['anyarray', 'int4'],
    returns: 'int4',
    infallible: true,
    mayReturnNull: true,
    doc: 'Length of a dimension; NULL when there is no such dimension.',
    examples: [
      ['array_length(ARRAY[1,2,3], 1)', '3'],
      ["array_length('{}'::int[], 1)", 'NULL'],
    ],
    evaluate: (array, dimension) => array.dimensions[dimension - 1] ?? null,
  }),
  scalar({
    name: 'array_length',
    args: ['anyarray'],
    returns: 'int4',
    infallible: true,
    doc: 'Length of the first dimension, 0 for an empty array.',
    examples: [['array_length(ARRAY[1,2,3])', '3']],
    evaluate: (array) => array.dimensions[0] ?? 0,
  }),
  scalar({
    name: 'array_lower',
    args: ['anyarray', 'int4'],
    returns: 'int4',
    infallible: true,
    mayReturnNull: true,
    doc: 'Lower bound of a dimension.',
    examples: [["array_lower('[0:2]={1,2,3}'::int[], 1)", '0']],
    evaluate: (array, dimension) => array.lowerBounds[dimension - 1] ?? null,
  }),
  scalar({
    name: 'array_upper',
    args: ['anyarray', 'int4'],
    returns: 'int4',
    infallible: true,
    mayReturnNull: true,
    doc: 'Upper bound of a dimension.',
    examples: [['array_upper(ARRAY[1,8,3,7], 1)', '4']],
    evaluate: (array, dimension) => {
      const lower = array.lowerBounds[dimension - 1];
      return lower === undefined ? null : lower + (array.dimensions[dimension - 1] ?? 0) - 1;
    },
  }),
  scalar({
    name: 'cardinality',
    args: ['anyarray'],
    returns: 'int4',
    infallible: true,
    doc: 'Number of elements in all dimensions.',
    examples: [['cardinality(ARRAY[[1,2],[3,4]])', '4']],
    evaluate: (array) => array.elements.length,
  }),
];

function positionBody(type: DataType): (array: SqlArray | null, value: Value, start?: Value) => Value {
  return (array, value, start) => {
    if (array === null) return null;
    if (start === null) throw new SqlError('22004', 'initial position must not be null');
    const from = typeof start === 'number' ? start : undefined;
    for (const position of positionsOf(array, value, type, from)) return position;
    return null;
  };
}

const positions: readonly ScalarFunction[] = [
  scalar({
    name: 'array_position',
    args: ['anycompatiblearray', 'anycompatible'],
    returns: 'int4',
    nulls: 'called',
    mayReturnNull: true,
    doc: 'Subscript of the first element equal to the value, or NULL.',
    examples: [["array_position(ARRAY['sun','mon','tue'], 'mon')", '2']],
    implement: ([type]) => ({ evaluate: positionBody(leafType(type)) }),
  }),
  scalar({
    name: 'array_position',
    args: ['anycompatiblearray', 'anycompatible', 'int4'],
    returns: 'int4',
    nulls: 'called',
    mayReturnNull: true,
    doc: 'Subscript of the first element equal to the value, from a subscript on, or NULL.',
    examples: [['array_position(ARRAY[1,2,1], 1, 2)', '3']],
    implement: ([type]) => ({ evaluate: positionBody(leafType(type)) }),
  }),
  scalar({
    name: 'array_positions',
    args: ['anycompatiblearray', 'anycompatible'],
    returns: 'int4[]',
    nulls: 'called',
    mayReturnNull: true,
    doc: 'Subscripts of the elements equal to the value.',
    examples: [["array_positions(ARRAY['A','A','B','A'], 'A')", '{1,2,4}']],
    implement: ([type]) => ({
      evaluate: (array: SqlArray | null, value: Value) =>
        array === null ? null : new SqlArray([...positionsOf(array, value, leafType(type))]),
    }),
  }),
];

type ArrayTest = (a: SqlArray, b: SqlArray, element: DataType) => boolean;

function testFunction(
  name: string,
  test: ArrayTest,
  doc: string,
  examples: readonly (readonly [string, string])[],
  operator?: { readonly operator: string; readonly commutator: string },
): ScalarFunction {
  return scalar({
    name,
    ...operator,
    args: ['anyarray', 'anyarray'],
    returns: 'bool',
    infallible: true,
    doc,
    examples,
    implement: ([type]) => ({
      evaluate: (a: SqlArray, b: SqlArray) => test(a, b, leafType(type)),
    }),
  });
}

const contained: ArrayTest = (a, b, element) => containsArray(b, a, element);

const tests: readonly ScalarFunction[] = [
  testFunction(
    'arraycontains',
    containsArray,
    'First array has all elements of the second.',
    [['ARRAY[1,4,3] @> ARRAY[3,1,3]', 't']],
    {
      operator: '@>',
      commutator: '<@',
    },
  ),
  testFunction(
    'arraycontained',
    contained,
    'Second array has all elements of the first.',
    [['ARRAY[2,2,7] <@ ARRAY[1,7,4,2,6]', 't']],
    {
      operator: '<@',
      commutator: '@>',
    },
  ),
  testFunction(
    'arrayoverlap',
    overlapsArray,
    'The arrays have an element in common.',
    [['ARRAY[1,4,3] && ARRAY[2,1]', 't']],
    {
      operator: '&&',
      commutator: '&&',
    },
  ),
  testFunction('array_contains', containsArray, 'First array has all elements of the second.', [
    ['array_contains(ARRAY[1,2], ARRAY[3])', 'f'],
  ]),
  testFunction('array_contained', contained, 'Second array has all elements of the first.', [
    ['array_contained(ARRAY[1], ARRAY[1,2])', 't'],
  ]),
  testFunction('array_overlaps', overlapsArray, 'The arrays have an element in common.', [
    ['array_overlaps(ARRAY[1], ARRAY[1,2])', 't'],
  ]),
  testFunction('array_is_overlap', overlapsArray, 'The arrays have an element in common.', [
    ['array_is_overlap(ARRAY[1], ARRAY[2])', 'f'],
  ]),
  testFunction('array_is_intersect', overlapsArray, 'The arrays have an element in common.', [
    ['array_is_intersect(ARRAY[1], ARRAY[1])', 't'],
  ]),
];

function extreme(name: 'array_min' | 'array_max', sign: 1 | -1): ScalarFunction {
  return scalar({
    name,
    args: ['anyarray'],
    returns: (args) => leafType(args[0]),
    infallible: true,
    mayReturnNull: true,
    doc: `The ${sign < 0 ? 'smallest' : 'largest'} element that is not NULL.`,
    examples: [[`${name}(ARRAY[3,NULL,1])`, sign < 0 ? '1' : '3']],
    implement: ([type]) => ({
      evaluate: (array: SqlArray): Value => {
        let best: NonNullValue | null = null;
        for (const x of array.elements) {
          if (x !== null && (best === null || compareValues(x, best, leafType(type)) * sign > 0)) best = x;
        }
        return best;
      },
    }),
  });
}

/** array_sum of one element type; NULLs are left out, an array of none gives NULL. */
function sum(
  element: 'int2' | 'int4' | 'int8' | 'numeric' | 'float4' | 'float8' | 'interval',
  returns: TypePattern,
  example: readonly [string, string],
  add: (items: readonly NonNullValue[]) => Value,
): ScalarFunction {
  return scalar({
    name: 'array_sum',
    args: [`${element}[]`],
    returns,
    mayReturnNull: true,
    doc: 'Sum of the elements that are not NULL.',
    examples: [example],
    evaluate: (array: SqlArray) => {
      const items = array.elements.filter((x) => x !== null);
      return items.length === 0 ? null : add(items);
    },
  });
}

const sumBigint = (items: readonly NonNullValue[]): bigint =>
  items.reduce((total: bigint, x) => total + BigInt(x as number | bigint), 0n);
const sumFloat = (items: readonly NonNullValue[]): number =>
  items.reduce((total: number, x) => total + (x as number), 0);

const sums: readonly ScalarFunction[] = [
  sum('int2', 'int8', ['array_sum(ARRAY[1,2]::int2[])', '3'], sumBigint),
  sum('int4', 'int8', ['array_sum(ARRAY[1,NULL,2])', '3'], sumBigint),
  sum('int8', 'numeric', ['array_sum(ARRAY[9223372036854775807,1])', '9223372036854775808'], (items) =>
    Decimal.parse(sumBigint(items).toString()),
  ),
  sum('numeric', 'numeric', ['array_sum(ARRAY[1.5,2.25])', '3.75'], (items) =>
    items.reduce((total: Decimal, x) => total.add(x as Decimal), Decimal.parse('0')),
  ),
  sum('float4', 'float4', ['array_sum(ARRAY[1.5,2]::float4[])', '3.5'], (items) =>
    Math.fround(sumFloat(items)),
  ),
  sum('float8', 'float8', ['array_sum(ARRAY[1.5,2]::float8[])', '3.5'], sumFloat),
  sum(
    'interval',
    'interval',
    ["array_sum(ARRAY[interval '1 day', interval '2 hours'])", '1 day 02:00:00'],
    (items) => items.reduce((total: Interval, x) => total.add(x as Interval), new Interval(0, 0, 0n)),
  ),
];

function joined(
  array: SqlArray,
  separator: string,
  nullText: string | null,
  type: DataType,
  context: EvalContext,
): string {
  const texts: string[] = [];
  for (const x of array.elements) {
    if (x !== null) texts.push(formatValue(x, type, context));
    else if (nullText !== null) texts.push(nullText);
  }
  return texts.join(separator);
}

const texts: readonly ScalarFunction[] = (['array_to_string', 'array_join'] as const).flatMap((name) => [
  scalar({
    name,
    args: ['anyarray', 'text'],
    returns: 'text',
    volatility: 'stable',
    doc: 'Texts of the elements that are not NULL with a separator between.',
    examples: [[`${name}(ARRAY[1,NULL,3], ',')`, '1,3']],
    implement: ([type]) => ({
      evaluateWith: (context: EvalContext, array: SqlArray, separator: string) =>
        joined(array, separator, null, leafType(type), context),
    }),
  }),
  scalar({
    name,
    args: ['anyarray', 'text', 'text'],
    returns: 'text',
    nulls: 'called',
    mayReturnNull: true,
    volatility: 'stable',
    doc: 'Texts of the elements with a separator between; NULLs as the given text.',
    examples: [[`${name}(ARRAY[1,NULL,3], ',', '*')`, '1,*,3']],
    implement: ([type]) => ({
      evaluateWith: (
        context: EvalContext,
        array: SqlArray | null,
        separator: string | null,
        nullText: string | null,
      ) =>
        array === null || separator === null
          ? null
          : joined(array, separator, nullText, leafType(type), context),
    }),
  }),
]);

export const arrayFactFunctions: readonly ScalarFunction[] = [
  ...sizes,
  ...positions,
  ...tests,
  extreme('array_min', -1),
  extreme('array_max', 1),
  ...sums,
  ...texts,
];
