/** Joins as of a time from their definition: each left row with the nearest right row, or with those there are now. */
import { must } from '../../../common/assert.ts';
import { compareValues } from '../../../common/compare.ts';
import type { Row, Value } from '../../../common/value.ts';
import type { LogicalAsofJoin } from '../../../planner/plan/logical.ts';
import type { Scalar } from '../../../planner/plan/scalar.ts';
import { keysOf } from '../../../planner/properties.ts';
import { compareByKeys } from './order.ts';

export function asofJoin(
  plan: LogicalAsofJoin,
  lefts: readonly Row[],
  rights: readonly Row[],
  value: (s: Scalar, row: Row) => Value,
): readonly Row[] {
  const nulls = plan.right.schema.map(() => null);
  const types = plan.right.schema.map((c) => c.type);
  const ascending = (column: number) => ({ column, descending: false, nullsFirst: false });
  const { time } = plan;
  return lefts.flatMap((l) => {
    let found = rights.filter((r) => value(plan.condition, [...l, ...r]) === true);
    if (time.kind === 'asof') {
      const type = must(types[time.right]);
      const at = l[time.left] ?? null;
      found = found.filter((r) => {
        const other = r[time.right] ?? null;
        if (at === null || other === null) return false;
        const order = compareValues(at, other, type);
        return order === 0 ? time.operator.endsWith('=') : order > 0 === time.operator.startsWith('>');
      });
      const nearest = { ...ascending(time.right), descending: time.operator.startsWith('>') };
      const key = [...(keysOf(plan.right)[0] ?? [])].sort((a, b) => a - b);
      const order = [nearest, ...key.map(ascending), ...types.map((_, c) => ascending(c))];
      found = [...found].sort((a, b) => compareByKeys(a, b, order, types)).slice(0, 1);
    }
    if (found.length === 0 && plan.type === 'left') return [[...l, ...nulls]];
    return found.map((r) => [...l, ...r]);
  });
}
