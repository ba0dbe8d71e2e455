/** Run-time bodies of array and row expressions: construction, subscripts, slices, row null tests. */
import { SqlArray } from '../../common/sqlArray.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Value } from '../../common/value.ts';

function sameShape(a: SqlArray, b: SqlArray): boolean {
  return (
    a.dimensions.length === b.dimensions.length &&
    a.dimensions.every((n, d) => n === b.dimensions[d]) &&
    a.lowerBounds.every((n, d) => n === b.lowerBounds[d])
  );
}

/** ARRAY[...] of arrays: one more dimension; NULL and empty items are allowed only if all are. */
export function nestArrays(items: readonly (SqlArray | null)[]): SqlArray {
  const full = items.filter((item) => item !== null && item.dimensions.length > 0);
  const first = full[0];
  if (first === undefined || first === null) return new SqlArray([]);
  if (full.length < items.length || !full.every((item) => item !== null && sameShape(item, first))) {
    throw new SqlError(
      '2202E',
      'multidimensional arrays must have array expressions with matching dimensions',
    );
  }
  if (first.dimensions.length >= 6) {
    throw new SqlError(
      '54000',
      `number of array dimensions (${first.dimensions.length + 1}) exceeds the maximum allowed (6)`,
    );
  }
  const elements = full.flatMap((item) => item?.elements ?? []);
  return new SqlArray(elements, [items.length, ...first.dimensions], [1, ...first.lowerBounds]);
}

/** a[i][j]...: NULL out of bounds or with another number of subscripts than dimensions. */
export function arrayElement(array: SqlArray, indexes: readonly number[]): Value {
  if (indexes.length !== array.dimensions.length) return null;
  let offset = 0;
  for (let d = 0; d < indexes.length; d++) {
    const length = array.dimensions[d] ?? 0;
    const at = (indexes[d] ?? 0) - (array.lowerBounds[d] ?? 1);
    if (at < 0 || at >= length) return null;
    offset = offset * length + at;
  }
  return array.elements[offset] ?? null;
}

/** a[l:u]...: clipped to the array, with lower bounds 1; a bound that is left out (null) is the array's own. */
export function arraySlice(
  array: SqlArray,
  lowers: readonly (number | null)[],
  uppers: readonly (number | null)[],
): SqlArray {
  const rank = array.dimensions.length;
  if (rank < lowers.length) return new SqlArray([]);
  const starts: number[] = [];
  const lengths: number[] = [];
  for (let d = 0; d < rank; d++) {
    const low = array.lowerBounds[d] ?? 1;
    const high = low + (array.dimensions[d] ?? 0) - 1;
    const from = Math.max(lowers[d] ?? low, low);
    const to = Math.min(uppers[d] ?? high, high);
    if (to < from) return new SqlArray([]);
    starts.push(from - low);
    lengths.push(to - from + 1);
  }
  const elements: Value[] = [];
  const visit = (d: number, offset: number): void => {
    const start = starts[d] ?? 0;
    const length = lengths[d] ?? 0;
    for (let i = start; i < start + length; i++) {
      const at = offset * (array.dimensions[d] ?? 0) + i;
      if (d === rank - 1) elements.push(array.elements[at] ?? null);
      else visit(d + 1, at);
    }
  };
  if (rank > 0) visit(0, 0);
  return new SqlArray(elements, lengths);
}

/** row IS NULL: every field is NULL. */
export function allFieldsNull(row: readonly Value[]): boolean {
  return row.every((field) => field === null);
}

/** row IS NOT NULL: no field is NULL. */
export function noFieldNull(row: readonly Value[]): boolean {
  return row.every((field) => field !== null);
}
