/** How far the frames of window calls reach beyond their row: which older rows a new row can change. */
import { unreachable } from '../../common/assert.ts';
import type { Value } from '../../common/value.ts';
import type { WindowCall } from '../plan/aggregateCall.ts';
import type { PhysicalPlan, PhysicalWindow } from '../plan/physical.ts';

/**
 * none: a row depends on itself, its peers and what is before it. range: also on rows whose order column is up to
 * `distances` greater. rows: also on a number of rows after it. all: on the whole partition.
 */
export type LookAhead =
  | { readonly reach: 'none' | 'rows' | 'all' }
  | { readonly reach: 'range'; readonly distances: readonly Value[] };

/** Window functions that do not look at the frame. */
const ownReach: { readonly [name: string]: 'none' | 'rows' | 'all' } = {
  row_number: 'none',
  rank: 'none',
  dense_rank: 'none',
  lead: 'rows',
  percent_rank: 'all',
  cume_dist: 'all',
  ntile: 'all',
};

/** The offset of lag may be negative: then it leads. */
function laggingReach(call: WindowCall, input: PhysicalPlan): 'none' | 'rows' {
  const [, offset] = call.args;
  if (offset === undefined) return 'none';
  const expr = input.kind === 'Calc' ? input.exprs[offset] : undefined;
  const value = expr?.kind === 'literal' ? expr.value : null;
  return (typeof value === 'number' || typeof value === 'bigint') && value >= 0 ? 'none' : 'rows';
}

function reachOf(call: WindowCall, input: PhysicalPlan): LookAhead {
  if (call.fn.kind === 'window') {
    if (call.fn.name === 'lag') return { reach: laggingReach(call, input) };
    const own = ownReach[call.fn.name];
    if (own !== undefined) return { reach: own };
  }
  const { unit, end } = call.frame;
  switch (end.bound) {
    case 'unbounded preceding':
    case 'preceding':
    case 'current row':
      return { reach: 'none' };
    case 'following':
      return unit === 'range' ? { reach: 'range', distances: [end.offset] } : { reach: 'rows' };
    case 'unbounded following':
      return { reach: 'all' };
    default:
      return unreachable(end.bound);
  }
}

const order = ['none', 'range', 'rows', 'all'] as const;

/** The farthest that any call of the window looks. */
export function lookAhead(plan: PhysicalWindow): LookAhead {
  const reaches = plan.calls.map((call) => reachOf(call, plan.input));
  const distances = reaches.flatMap((r) => (r.reach === 'range' ? r.distances : []));
  const farthest = Math.max(0, ...reaches.map((r) => order.indexOf(r.reach)));
  const reach = order[farthest] ?? 'all';
  return reach === 'range' ? { reach, distances } : { reach };
}
