/** How much of its rows an OVER needs for rows still to come, given a watermark on its one order column. */
import type { WindowCall } from '../plan/aggregateCall.ts';
import type { PhysicalWindow } from '../plan/physical.ts';

/** Functions whose result depends on all rows before, or of the whole partition. */
const wholePartition: ReadonlySet<string> = new Set([
  'row_number',
  'rank',
  'dense_rank',
  'percent_rank',
  'cume_dist',
  'ntile',
]);

/**
 * range: rows within a distance of the watermark. rows: a number of rows of each partition, however old. none: all rows.
 */
export type WindowStateBound = 'range' | 'rows' | 'none';

/** lag and lead count rows; their offset is a column, and must be the same for all rows to say how many. */
function neighbourBound(call: WindowCall, window: PhysicalWindow): WindowStateBound {
  const [, column] = call.args;
  const { input } = window;
  const expr = column !== undefined && input.kind === 'Calc' ? input.exprs[column] : undefined;
  const value = column === undefined ? 1 : expr?.kind === 'literal' ? expr.value : null;
  if (typeof value !== 'number' && typeof value !== 'bigint') return 'none';
  const looksBack = call.fn.name === 'lag' ? value > 0 : value < 0;
  return looksBack && call.ignoreNulls ? 'none' : 'rows';
}

function boundOf(call: WindowCall, window: PhysicalWindow): WindowStateBound {
  if (call.fn.kind === 'window') {
    if (wholePartition.has(call.fn.name)) return 'none';
    if (call.fn.name === 'lag' || call.fn.name === 'lead') return neighbourBound(call, window);
  }
  const { unit, start, end } = call.frame;
  if (start.bound === 'unbounded preceding' || end.bound === 'unbounded following') return 'none';
  if (unit === 'range') return 'range';
  // Nothing before or after the row counts: only its own peers.
  return start.bound === 'current row' && end.bound === 'current row' ? 'range' : 'rows';
}

/** What bounds the rows kept, over all calls. */
export function windowStateBound(window: PhysicalWindow): WindowStateBound {
  const bounds = window.calls.map((call) => boundOf(call, window));
  if (bounds.includes('none')) return 'none';
  return bounds.includes('rows') ? 'rows' : 'range';
}
