/**
 * Terms that move together. Rows that are kept back until column c has passed its term hold back their other columns as
 * well; another column d keeps its term only if c >= term(c) implies d >= term(d). That is so where both are derived
 * from one column and d is a non-decreasing function of c, or c and d are the two ends of one window.
 */
import { unreachable } from '../../common/assert.ts';
import { scalarKey } from '../plan/fingerprint.ts';
import type { Scalar } from '../plan/scalar.ts';
import { rewriteScalar, someScalar } from '../plan/walk.ts';
import type { WatermarkTerm } from '../plan/watermark.ts';
import { isCumulateEnd } from './functions.ts';
import { isOrderable, sameTerm } from './terms.ts';

const NAMES: { readonly [name: string]: string } = {
  tumble_start: 'tumble_end',
  tumble_end: 'tumble_start',
  hop_start: 'hop_end',
  hop_end: 'hop_start',
  // A window that ends later does not start earlier; windows with one start end at many times.
  cumulate_end: 'cumulate_start',
};

/** Functions whose result is not above their time argument, and the argument's position. */
const truncating: { readonly [name: string]: number } = {
  tumble_start: 0,
  hop_start: 0,
  cumulate_start: 0,
  date_trunc: 1,
  date_bin: 1,
};

const isInput = (s: Scalar): boolean => s.kind === 'column';

/** The two ends of one window. */
function isOtherEnd(c: Scalar, d: Scalar): boolean {
  if (c.kind !== 'call' || d.kind !== 'call' || NAMES[c.fn.name] !== d.fn.name) return false;
  const key = (s: typeof c): string => s.args.map(scalarKey).join();
  return key(c) === key(d);
}

/** d is a function of c. */
function isFunctionOf(c: Scalar, d: Scalar): boolean {
  const key = scalarKey(c);
  const hidden = rewriteTopDown(d, (s) => scalarKey(s) === key);
  return !someScalar(hidden, isInput);
}

/** The scalar with the parts that satisfy `test` replaced by a constant. */
function rewriteTopDown(s: Scalar, test: (s: Scalar) => boolean): Scalar {
  return rewriteScalar(s, (x) => (test(x) ? { kind: 'literal', value: null, type: x.type } : x));
}

/** The term of `d` among rows that wait for `c` to pass; null: none. */
export function companionTerm(c: WatermarkTerm, d: WatermarkTerm): WatermarkTerm | null {
  if (sameTerm(c, d)) return d;
  switch (c.kind) {
    case 'relation':
    case 'clock':
      return d.kind === 'map' && sameTerm(d.input, c) ? d : null;
    case 'map':
      return mappedCompanion(c, d);
    case 'min': {
      if (d.kind !== 'min' || c.terms.length !== d.terms.length) return null;
      // Each input row fits one pair; both minima are over the same inputs in one order.
      const pairs = c.terms.map((t, i) => {
        const other = d.terms[i];
        return other !== undefined && companionTerm(t, other) === other;
      });
      return pairs.every(Boolean) ? d : null;
    }
    case 'max':
      return null;
    default:
      return unreachable(c);
  }
}

function mappedCompanion(c: Extract<WatermarkTerm, { kind: 'map' }>, d: WatermarkTerm): WatermarkTerm | null {
  if (d.kind === 'map' && sameTerm(c.input, d.input)) {
    return isOtherEnd(c.expr, d.expr) || isFunctionOf(c.expr, d.expr) ? d : null;
  }
  // d itself: not below what it is truncated to.
  const { expr } = c;
  const position = expr.kind === 'call' ? truncating[expr.fn.name] : undefined;
  if (!sameTerm(c.input, d) || expr.kind !== 'call' || position === undefined) return null;
  const argument = expr.args[position];
  return argument !== undefined && isInput(argument) && expr.type.id === d.type.id ? c : null;
}

/** Of the columns the one to wait for: of the ends of growing windows the later one, else the first with a watermark. */
export function columnToWaitFor(
  columns: readonly number[],
  terms: readonly (WatermarkTerm | null)[],
): number | null {
  const usable = columns.filter((c) => {
    const term = terms[c] ?? null;
    return term !== null && isOrderable(term);
  });
  return usable.find((c) => isCumulateEnd(terms[c] ?? null)) ?? usable[0] ?? null;
}
