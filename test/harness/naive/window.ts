/** Window calls over one sorted partition. */
import type { DataType } from '../../../common/dataType.ts';
import type { Row, Value } from '../../../common/value.ts';
import type { FrameBound, SortKey, WindowCall } from '../../../planner/plan/aggregateCall.ts';
import { aggregateRows } from './aggregates.ts';
import { compareByKeys } from './order.ts';

interface Partition {
  readonly rows: readonly Row[];
  readonly types: readonly DataType[];
  /** First and last position of each row's peers. */
  readonly first: readonly number[];
  readonly last: readonly number[];
}

export function partitionOf(
  rows: readonly Row[],
  order: readonly SortKey[],
  types: readonly DataType[],
): Partition {
  const peers = (a: Row, b: Row): boolean => compareByKeys(a, b, order, types) === 0;
  const first = rows.map((row) => rows.findIndex((other) => peers(row, other)));
  const last = rows.map((row) => rows.findLastIndex((other) => peers(row, other)));
  return { rows, types, first, last };
}

function bound(
  b: FrameBound,
  unit: 'rows' | 'range' | 'groups',
  i: number,
  p: Partition,
  start: boolean,
): number {
  switch (b.bound) {
    case 'unbounded preceding':
      return 0;
    case 'unbounded following':
      return p.rows.length - 1;
    case 'current row':
      if (unit === 'rows') return i;
      return (start ? p.first[i] : p.last[i]) ?? i;
    case 'preceding':
    case 'following': {
      if (unit !== 'rows') throw new Error(`${unit} frames with offsets are not part of this oracle`);
      return b.bound === 'preceding' ? i - Number(b.offset) : i + Number(b.offset);
    }
  }
}

/** The call's value for row i. */
export function windowValue(call: WindowCall, p: Partition, i: number): Value {
  const arg = (row: number, a = 0): Value => p.rows[row]?.[call.args[a] ?? -1] ?? null;
  if (call.fn.kind === 'window') {
    switch (call.fn.name) {
      case 'row_number':
        return BigInt(i + 1);
      case 'rank':
        return BigInt((p.first[i] ?? 0) + 1);
      case 'dense_rank':
        return BigInt(new Set(p.first.slice(0, i + 1)).size);
      case 'lag':
        return arg(i - 1);
      case 'lead':
        return arg(i + 1);
      default:
        throw new Error(`${call.fn.name} is not part of this oracle`);
    }
  }
  const from = Math.max(0, bound(call.frame.start, call.frame.unit, i, p, true));
  const to = bound(call.frame.end, call.frame.unit, i, p, false);
  const { fn, args, distinct, filter, type } = call;
  return aggregateRows(
    { fn, args, distinct, filter, orderBy: [], type },
    p.rows.slice(from, to + 1),
    p.types,
  );
}
