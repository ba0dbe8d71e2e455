/**
 * Operations on SqlArray behind the array functions and operators. Elements lie in row-major order, so most work on the
 * flat list; only concatenation and display look at dimensions.
 */
import { compareNullsLast, equalValues } from '../../../common/compare.ts';
import type { DataType } from '../../../common/dataType.ts';
import { SqlArray } from '../../../common/sqlArray.ts';
import { SqlError } from '../../../common/sqlError.ts';
import type { Value } from '../../../common/value.ts';

/** The innermost element type of an array type. */
export function leafType(type: DataType | undefined): DataType {
  let leaf: DataType = type ?? { id: 'unknown' };
  while (leaf.id === 'array') leaf = leaf.element;
  return leaf;
}

/** IS NOT DISTINCT FROM. */
export function sameValue(a: Value, b: Value, type: DataType): boolean {
  return a === null || b === null ? a === b : equalValues(a, b, type);
}

function incompatible(detail: string): SqlError {
  return new SqlError('2202E', 'cannot concatenate incompatible arrays', { detail });
}

function requireOneDimension(array: SqlArray): void {
  if (array.dimensions.length > 1) {
    throw new SqlError('22000', 'argument must be empty or one-dimensional array');
  }
}

/** A one-dimensional array with one more element at the end; the lower bound stays. */
export function appendElement(array: SqlArray | null, element: Value): SqlArray {
  if (array === null || array.elements.length === 0) return new SqlArray([element]);
  requireOneDimension(array);
  return new SqlArray([...array.elements, element], [array.elements.length + 1], array.lowerBounds);
}

/** A one-dimensional array with one more element at the start; the lower bound stays. */
export function prependElement(element: Value, array: SqlArray | null): SqlArray {
  if (array === null || array.elements.length === 0) return new SqlArray([element]);
  requireOneDimension(array);
  return new SqlArray([element, ...array.elements], [array.elements.length + 1], array.lowerBounds);
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}

/** Arrays of one dimensionality are joined along the first dimension; an array of one dimension less is one element. */
export function concatArrays(a: SqlArray, b: SqlArray): SqlArray {
  if (a.dimensions.length === 0) return b;
  if (b.dimensions.length === 0) return a;
  const elements = [...a.elements, ...b.elements];
  const difference = a.dimensions.length - b.dimensions.length;
  if (difference === 0) {
    if (!sameNumbers(a.dimensions.slice(1), b.dimensions.slice(1))) {
      throw incompatible('Arrays with differing element dimensions are not compatible for concatenation.');
    }
    const length = (a.dimensions[0] ?? 0) + (b.dimensions[0] ?? 0);
    return new SqlArray(elements, [length, ...a.dimensions.slice(1)], a.lowerBounds);
  }
  if (Math.abs(difference) !== 1) {
    throw incompatible(
      `Arrays of ${a.dimensions.length} and ${b.dimensions.length} dimensions are not compatible for concatenation.`,
    );
  }
  const [outer, inner] = difference > 0 ? [a, b] : [b, a];
  if (!sameNumbers(outer.dimensions.slice(1), inner.dimensions)) {
    throw incompatible('Arrays with differing dimensions are not compatible for concatenation.');
  }
  return new SqlArray(elements, [(outer.dimensions[0] ?? 0) + 1, ...inner.dimensions], outer.lowerBounds);
}

/** `@>`: every element of `part` equals one of `whole`; NULL equals nothing. */
export function containsArray(whole: SqlArray, part: SqlArray, type: DataType): boolean {
  return part.elements.every((x) => x !== null && hasElement(whole, x, type));
}

/** `&&`: some element is in both. */
export function overlapsArray(a: SqlArray, b: SqlArray, type: DataType): boolean {
  return a.elements.some((x) => x !== null && hasElement(b, x, type));
}

function hasElement(array: SqlArray, value: Value, type: DataType): boolean {
  return array.elements.some((y) => y !== null && value !== null && equalValues(value, y, type));
}

/** Subscripts of the elements that are not distinct from `value`, from subscript `start`. */
export function* positionsOf(
  array: SqlArray,
  value: Value,
  type: DataType,
  start?: number,
): Generator<number> {
  if (array.dimensions.length > 1) {
    throw new SqlError('0A000', 'searching for elements in multidimensional arrays is not supported');
  }
  const lower = array.lowerBounds[0] ?? 1;
  for (let i = Math.max(0, (start ?? lower) - lower); i < array.elements.length; i++) {
    if (sameValue(array.elements[i] ?? null, value, type)) yield i + lower;
  }
}

/** Without the elements that are not distinct from `value`. */
export function removeElement(array: SqlArray, value: Value, type: DataType): SqlArray {
  if (array.dimensions.length > 1) {
    throw new SqlError('0A000', 'removing elements from multidimensional arrays is not supported');
  }
  const kept = array.elements.filter((x) => !sameValue(x, value, type));
  if (kept.length === array.elements.length) return array;
  return kept.length === 0 ? new SqlArray([]) : new SqlArray(kept, [kept.length], array.lowerBounds);
}

/** Each element once, in the order of first appearance. */
export function distinctElements(array: SqlArray, type: DataType): SqlArray {
  const sorted = array.elements
    .map((value, i) => ({ value, i }))
    .sort((a, b) => compareNullsLast(a.value, b.value, type) || a.i - b.i);
  const first = sorted.filter(
    ({ value }, n) => n === 0 || !sameValue(value, sorted[n - 1]?.value ?? null, type),
  );
  return new SqlArray(first.sort((a, b) => a.i - b.i).map(({ value }) => value));
}

/** array_dims: `[1:2][1:3]`. */
export function dimensionsText(array: SqlArray): string {
  return array.dimensions
    .map((length, d) => {
      const lower = array.lowerBounds[d] ?? 1;
      return `[${lower}:${lower + length - 1}]`;
    })
    .join('');
}

/** An array of the given dimensions filled with one value. */
export function filledArray(value: Value, dimensions: SqlArray, lowerBounds: SqlArray | null): SqlArray {
  const lengths = subscripts(dimensions, 'Dimension array');
  const lower = lowerBounds === null ? lengths.map(() => 1) : subscripts(lowerBounds, 'Low bound array');
  if (lengths.length > 6) {
    throw new SqlError(
      '54000',
      `number of array dimensions (${lengths.length}) exceeds the maximum allowed (6)`,
    );
  }
  if (lower.length !== lengths.length) {
    throw new SqlError('2202E', 'wrong number of array subscripts', {
      detail: 'Low bound array has different size than dimensions array.',
    });
  }
  const total = lengths.reduce((n, length) => n * length, 1);
  if (total > 134_217_727 || lengths.some((length) => length < 0)) {
    throw new SqlError('54000', 'array size exceeds the maximum allowed (134217727)');
  }
  return lengths.length === 0 || total === 0
    ? new SqlArray([])
    : new SqlArray(new Array<Value>(total).fill(value), lengths, lower);
}

function subscripts(array: SqlArray, what: string): number[] {
  if (array.dimensions.length > 1) {
    throw new SqlError('2202E', 'wrong number of array subscripts', {
      detail: `${what} must be one dimensional.`,
    });
  }
  return array.elements.map((n) => {
    if (typeof n !== 'number') throw new SqlError('22004', 'dimension values cannot be null');
    return n;
  });
}
