/** Functions and operators that make arrays from arrays: append, concatenate, remove, replace, sort, fill. */
import { compareNullsLast } from '../../common/compare.ts';
import type { ScalarFunction } from '../../common/function.ts';
import { scalar } from '../../common/function.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Value } from '../../common/value.ts';
import {
  appendElement,
  concatArrays,
  distinctElements,
  filledArray,
  leafType,
  prependElement,
  removeElement,
  sameValue,
} from './support/arrayOps.ts';

const joining: readonly ScalarFunction[] = [
  scalar({
    name: 'array_append',
    operator: '||',
    args: ['anycompatiblearray', 'anycompatible'],
    returns: 'anycompatiblearray',
    nulls: 'called',
    doc: 'Array with an element added at the end.',
    examples: [
      ['array_append(ARRAY[1,2], 3)', '{1,2,3}'],
      ['ARRAY[1,2] || 3', '{1,2,3}'],
      ['array_append(NULL::int[], 1)', '{1}'],
    ],
    evaluate: appendElement,
  }),
  scalar({
    name: 'array_prepend',
    operator: '||',
    args: ['anycompatible', 'anycompatiblearray'],
    returns: 'anycompatiblearray',
    nulls: 'called',
    doc: 'Array with an element added at the start.',
    examples: [
      ['array_prepend(1, ARRAY[2,3])', '{1,2,3}'],
      ['1 || ARRAY[2,3]', '{1,2,3}'],
    ],
    evaluate: prependElement,
  }),
  scalar({
    name: 'array_cat',
    operator: '||',
    args: ['anycompatiblearray', 'anycompatiblearray'],
    returns: 'anycompatiblearray',
    nulls: 'called',
    mayReturnNull: true,
    doc: 'Concatenation of arrays.',
    examples: [
      ['array_cat(ARRAY[1,2], ARRAY[3])', '{1,2,3}'],
      ['ARRAY[1,2] || ARRAY[[3,4],[5,6]]', '{{1,2},{3,4},{5,6}}'],
      ["ARRAY[1,2] || '{3}'", '{1,2,3}'],
    ],
    evaluate: (a, b) => (a === null ? b : b === null ? a : concatArrays(a, b)),
  }),
];

const elements: readonly ScalarFunction[] = [
  scalar({
    name: 'array_remove',
    args: ['anycompatiblearray', 'anycompatible'],
    returns: 'anycompatiblearray',
    nulls: 'called',
    mayReturnNull: true,
    doc: 'Array without the elements equal to the value.',
    examples: [['array_remove(ARRAY[1,2,3,2], 2)', '{1,3}']],
    implement: ([type]) => ({
      evaluate: (array: SqlArray | null, value: Value) =>
        array === null ? null : removeElement(array, value, leafType(type)),
    }),
  }),
  scalar({
    name: 'array_replace',
    args: ['anycompatiblearray', 'anycompatible', 'anycompatible'],
    returns: 'anycompatiblearray',
    nulls: 'called',
    mayReturnNull: true,
    doc: 'Array with each element equal to one value replaced by another.',
    examples: [['array_replace(ARRAY[1,2,5,4], 5, 3)', '{1,2,3,4}']],
    implement: ([type]) => ({
      evaluate: (array: SqlArray | null, from: Value, to: Value) =>
        array === null
          ? null
          : new SqlArray(
              array.elements.map((x) => (sameValue(x, from, leafType(type)) ? to : x)),
              array.dimensions,
              array.lowerBounds,
            ),
    }),
  }),
  scalar({
    name: 'array_distinct',
    args: ['anyarray'],
    returns: 'anyarray',
    infallible: true,
    doc: 'Array with each element once.',
    examples: [['array_distinct(ARRAY[1,2,1,1])', '{1,2}']],
    implement: ([type]) => ({ evaluate: (array: SqlArray) => distinctElements(array, leafType(type)) }),
  }),
  scalar({
    name: 'array_flatten',
    args: ['anyarray'],
    returns: 'anyarray',
    infallible: true,
    doc: 'Array of one dimension with all elements of a multidimensional array.',
    examples: [['array_flatten(ARRAY[[1,2],[3,4]])', '{1,2,3,4}']],
    evaluate: (array) => new SqlArray(array.elements),
  }),
  scalar({
    name: 'array_sort',
    args: ['anyarray'],
    returns: 'anyarray',
    infallible: true,
    doc: 'Array with its elements in ascending order, NULLs last.',
    examples: [['array_sort(ARRAY[3,NULL,1,2])', '{1,2,3,NULL}']],
    implement: ([type]) => ({
      evaluate: (array: SqlArray) =>
        new SqlArray([...array.elements].sort((a, b) => compareNullsLast(a, b, leafType(type)))),
    }),
  }),
  scalar({
    name: 'array_reverse',
    args: ['anyarray'],
    returns: 'anyarray',
    infallible: true,
    doc: 'Array with its first dimension in reverse order.',
    examples: [
      ['array_reverse(ARRAY[1,2,3])', '{3,2,1}'],
      ['array_reverse(ARRAY[[1,2],[3,4]])', '{{3,4},{1,2}}'],
    ],
    evaluate: reversed,
  }),
  scalar({
    name: 'trim_array',
    args: ['anyarray', 'int4'],
    returns: 'anyarray',
    doc: 'Array without its last n elements.',
    examples: [['trim_array(ARRAY[1,2,3,4,5,6], 2)', '{1,2,3,4}']],
    evaluate: trimmed,
  }),
];

function reversed(array: SqlArray): SqlArray {
  const width = array.elements.length / (array.dimensions[0] ?? 1);
  const result: Value[] = [];
  for (let at = array.elements.length - width; at >= 0 && width > 0; at -= width) {
    result.push(...array.elements.slice(at, at + width));
  }
  return new SqlArray(result, array.dimensions, array.lowerBounds);
}

function trimmed(array: SqlArray, n: number): SqlArray {
  const length = array.dimensions[0] ?? 0;
  if (n < 0 || n > length) {
    throw new SqlError('2202E', `number of elements to trim must be between 0 and ${length}`);
  }
  if (n === length) return new SqlArray([]);
  const width = array.elements.length / length;
  return new SqlArray(array.elements.slice(0, (length - n) * width), [
    length - n,
    ...array.dimensions.slice(1),
  ]);
}

function requireBounds(bounds: SqlArray | null): SqlArray {
  if (bounds !== null) return bounds;
  throw new SqlError('22004', 'dimension array or low bound array cannot be null');
}

const filling: readonly ScalarFunction[] = [
  scalar({
    name: 'array_fill',
    args: ['anyelement', 'int4[]'],
    returns: 'anyarray',
    nulls: 'called',
    doc: 'Array of the given dimensions with every element the value.',
    examples: [['array_fill(11, ARRAY[2,3])', '{{11,11,11},{11,11,11}}']],
    evaluate: (value, dimensions) => filledArray(value, requireBounds(dimensions), null),
  }),
  scalar({
    name: 'array_fill',
    args: ['anyelement', 'int4[]', 'int4[]'],
    returns: 'anyarray',
    nulls: 'called',
    doc: 'Array of the given dimensions and lower bounds with every element the value.',
    examples: [['array_fill(7, ARRAY[3], ARRAY[2])', '[2:4]={7,7,7}']],
    evaluate: (value, dimensions, bounds) =>
      filledArray(value, requireBounds(dimensions), requireBounds(bounds)),
  }),
];

export const arrayChangeFunctions: readonly ScalarFunction[] = [...joining, ...elements, ...filling];
