/** ORDER BY over rows of JavaScript values: the last step of an ad-hoc read. */
import { must } from '../common/assert.ts';
import { comparator } from '../common/compare.ts';
import type { DataType } from '../common/dataType.ts';
import type { Row } from '../common/value.ts';
import type { SortKey } from '../planner/plan/aggregateCall.ts';

export type RowComparator = (a: Row, b: Row) => number;

/** The order by `keys` over rows whose columns have these types. */
export function rowComparator(types: readonly DataType[], keys: readonly SortKey[]): RowComparator {
  const parts = keys.map((key) => ({ ...key, compare: comparator(must(types[key.column], 'sort column')) }));
  return (a, b) => {
    for (const { column, descending, nullsFirst, compare } of parts) {
      const x = a[column] ?? null;
      const y = b[column] ?? null;
      if (x === null || y === null) {
        if (x === y) continue;
        return (x === null) === nullsFirst ? -1 : 1;
      }
      const order = compare(x, y);
      if (order !== 0) return descending ? -order : order;
    }
    return 0;
  };
}

/** Sorts rows in place by `keys`; stable. */
export function sortRows(rows: Row[], types: readonly DataType[], keys: readonly SortKey[]): Row[] {
  return keys.length === 0 ? rows : rows.sort(rowComparator(types, keys));
}
