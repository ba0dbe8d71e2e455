/** Order and equality of rows as SQL has them, NULL equal to NULL. */
import { must } from '../../../common/assert.ts';
import { compareNullsLast, equalValues } from '../../../common/compare.ts';
import type { DataType } from '../../../common/dataType.ts';
import type { Row, Value } from '../../../common/value.ts';
import type { SortKey } from '../../../planner/plan/aggregateCall.ts';

export function sameValues(a: Value, b: Value, type: DataType): boolean {
  return a === null || b === null ? a === b : equalValues(a, b, type);
}

export function sameRow(a: Row, b: Row, types: readonly DataType[]): boolean {
  return types.every((type, i) => sameValues(a[i] ?? null, b[i] ?? null, type));
}

export function compareByKeys(a: Row, b: Row, order: readonly SortKey[], types: readonly DataType[]): number {
  for (const key of order) {
    const x = a[key.column] ?? null;
    const y = b[key.column] ?? null;
    if (x === null && y === null) continue;
    if (x === null || y === null) return (x === null) === key.nullsFirst ? -1 : 1;
    const sign = compareNullsLast(x, y, must(types[key.column]));
    if (sign !== 0) return key.descending ? -sign : sign;
  }
  return 0;
}

/** Sorted by the keys; ties by the whole row. */
export function sortRows(
  rows: readonly Row[],
  order: readonly SortKey[],
  types: readonly DataType[],
): readonly Row[] {
  const whole = types.map((_, column) => ({ column, descending: false, nullsFirst: false }));
  return [...rows].sort((a, b) => compareByKeys(a, b, order, types) || compareByKeys(a, b, whole, types));
}

/** Rows by equal values of the chosen columns, in order of first occurrence. */
export function groupRows(
  rows: readonly Row[],
  columns: readonly number[],
  types: readonly DataType[],
): readonly { readonly key: Row; readonly rows: readonly Row[] }[] {
  const keyTypes = columns.map((c) => must(types[c]));
  const groups: { readonly key: Row; readonly rows: Row[] }[] = [];
  for (const row of rows) {
    const key = columns.map((c) => row[c] ?? null);
    const group = groups.find((g) => sameRow(g.key, key, keyTypes));
    if (group === undefined) groups.push({ key, rows: [row] });
    else group.rows.push(row);
  }
  return groups;
}
