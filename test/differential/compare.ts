/**
 * Results as multisets, or as sequences where the query orders all rows. Values are compared as their text. What PostgreSQL
 * itself does not determine is not compared: which of several equal values stands for them (1.5 and 1.50, 24:00:00 and
 * 1 day) where rows are grouped, made distinct or chosen from.
 */
import type { TextRow } from './target.ts';

const intervalText =
  /^(?:(-?\d+) years? ?)?(?:(-?\d+) mons? ?)?(?:([-+]?\d+) days? ?)?(?:([-+]?)(\d\d+):(\d\d):(\d\d(?:\.\d+)?))?$/;

/** An interval's length as intervals are compared: months of 30 days, days of 24 hours. */
function interval(value: string): string | null {
  const m = intervalText.exec(value);
  if (m === null || value === '') return null;
  const number = (i: number): number => Number(m[i] ?? 0);
  const days = (number(1) * 12 + number(2)) * 30 + number(3);
  const time = (number(5) * 60 + number(6)) * 60 + number(7);
  const seconds = days * 86_400 + (m[4] === '-' ? -time : time);
  return `${seconds.toFixed(6)} s`;
}

function canonical(value: string | null): string {
  if (value === null) return '\\N';
  if (/^-?\d+\.\d+$/.test(value)) return value.replace(/\.?0+$/, '').replace(/^-0$/, '0');
  return interval(value) ?? value;
}

/** Parts of a query after which one of several equal values may stand for all of them. */
const choosing =
  /\b(GROUP BY|DISTINCT|UNION|INTERSECT|EXCEPT|USING|NATURAL|min|max|mode|percentile_disc|greatest|least|row_number|RECURSIVE|LIMIT|FETCH|OVER)\b/i;

/** Whether a query has a part that chooses one of several equal values. */
export function choosesRepresentation(sql: string): boolean {
  return choosing.test(sql);
}

function lines(rows: readonly TextRow[], exact: boolean): readonly string[] {
  return rows.map((row) => row.map((v) => (exact ? (v ?? '\\N') : canonical(v))).join('|'));
}

export interface Comparison {
  /** Equal values of different text are different. */
  readonly exact: boolean;
  /** The order of the rows counts. */
  readonly ordered: boolean;
}

/** Null when equal, else what is missing and what is too much. */
export function difference(
  actual: readonly TextRow[],
  expected: readonly TextRow[],
  { exact, ordered }: Comparison = { exact: false, ordered: false },
): string | null {
  const own = lines(actual, exact);
  const other = lines(expected, exact);
  const left = [...own].sort();
  const right = [...other].sort();
  const missing: string[] = [];
  const extra: string[] = [];
  let i = 0;
  let j = 0;
  while (i < left.length || j < right.length) {
    const a = left[i];
    const b = right[j];
    if (a !== undefined && a === b) {
      i++;
      j++;
    } else if (b === undefined || (a !== undefined && a < b)) {
      extra.push(a ?? '');
      i++;
    } else {
      missing.push(b);
      j++;
    }
  }
  if (missing.length === 0 && extra.length === 0) {
    const at = ordered ? own.findIndex((line, row) => line !== other[row]) : -1;
    return at < 0 ? null : `out of order at row ${at}: expected ${other[at]}\n  got ${own[at]}`;
  }
  const shown = (rows: readonly string[]): string =>
    rows
      .slice(0, 8)
      .map((r) => `    ${r}`)
      .join('\n');
  return `missing ${missing.length}:\n${shown(missing)}\n  too many ${extra.length}:\n${shown(extra)}`;
}
