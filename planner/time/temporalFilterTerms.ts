/** Filters on the moment: which way rows move through them, and the watermarks behind them. */

import { types } from '../../common/dataType.ts';
import { Interval } from '../../common/interval.ts';
import type { MomentComparison, PhysicalTemporalFilter } from '../plan/physical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { conjunctsOf } from '../plan/scalars.ts';
import { someScalar } from '../plan/walk.ts';
import type { WatermarkTerm } from '../plan/watermark.ts';
import { termOf } from './monotone.ts';
import { mapTerm, minTerm, type Terms } from './terms.ts';

/** Functions whose value is the tick's time, by name. */
export const momentary: ReadonlySet<string> = new Set([
  'now',
  'current_timestamp',
  'transaction_timestamp',
  'statement_timestamp',
  'current_date',
  'current_time',
  'localtime',
  'localtimestamp',
  'proctime',
]);

const isMomentary = (s: Scalar): boolean =>
  (s.kind === 'call' || s.kind === 'quantified') && momentary.has(s.fn.name);

/** True when each comparison is a conjunct of the condition: all of them hold for every row that passes. */
function areConjuncts(plan: PhysicalTemporalFilter): boolean {
  const timed = conjunctsOf(plan.condition).filter((s) => someScalar(s, isMomentary));
  const simple = timed.every((s) => s.kind === 'call' && s.fn.operator !== undefined && s.args.length === 2);
  return simple && timed.length === plan.comparisons.length;
}

const delays = (c: MomentComparison): boolean => c.operator === '<' || c.operator === '<=';
const expires = (c: MomentComparison): boolean => c.operator === '>' || c.operator === '>=';

/**
 * True when the moment never falls back: it is as far from the clock at all times. Local times fall back when summer
 * time ends, and months are of different lengths.
 */
function isSteady(moment: Scalar): boolean {
  if (moment.kind === 'column') return true;
  if (moment.kind !== 'call' || moment.type.id !== 'timestamptz') return false;
  if (moment.fn.name === 'date_bin')
    return moment.args.every((arg) => arg.kind === 'literal' || isSteady(arg));
  if (moment.fn.operator !== '+' && moment.fn.operator !== '-') return false;
  return moment.args.every((arg) => {
    if (arg.kind !== 'literal') return isSteady(arg);
    return arg.value instanceof Interval && arg.value.months === 0 && arg.value.days === 0;
  });
}

/** Rows only come, some of them later than in the input: none leaves because time passes. */
export function onlyDelays(plan: PhysicalTemporalFilter): boolean {
  return areConjuncts(plan) && plan.comparisons.every((c) => delays(c) && isSteady(c.moment));
}

/** Every row leaves after a while. */
export function expiresAll(plan: PhysicalTemporalFilter): boolean {
  return areConjuncts(plan) && plan.comparisons.some(expires);
}

/**
 * `column > moment`: what is in, comes in or leaves is above the moment, whatever the input's watermark. `column <
 * moment`: rows that wait are not below the moment. Any other column may leave or come at any time.
 */
export function filterTerms(plan: PhysicalTemporalFilter, terms: Terms): Terms {
  const result: (WatermarkTerm | null)[] = terms.map(() => null);
  if (!areConjuncts(plan)) return result;
  const clock: WatermarkTerm = { kind: 'clock', type: types.timestamptz };
  for (const comparison of plan.comparisons) {
    const { expr, moment } = comparison;
    if (expr.kind === 'column' && expires(comparison)) result[expr.index] ??= termOf(moment, [clock]);
  }
  const [first] = plan.comparisons.map((c) => c.expr);
  if (first?.kind !== 'column' || !onlyDelays(plan)) return result;
  const column = first.index;
  // A row that waited for a condition on another column could have any value in this one.
  if (!plan.comparisons.every((c) => c.expr.kind === 'column' && c.expr.index === column)) return result;
  const moments = plan.comparisons.map((c) => mapTerm(clock, c.moment));
  result[column] = minTerm([terms[column] ?? null, ...moments]);
  return result;
}
