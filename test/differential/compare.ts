/** Results as multisets. Trailing zeros of a numeric are not compared: equal values may be represented by either. */
import type { TextRow } from './target.ts';

function canonical(value: string | null): string {
  if (value === null) return '\\N';
  if (/^-?\d+\.\d+$/.test(value)) return value.replace(/\.?0+$/, '').replace(/^-0$/, '0');
  return value;
}

function sorted(rows: readonly TextRow[]): readonly string[] {
  return rows.map((row) => row.map(canonical).join('|')).sort();
}

/** Null when equal, else what is missing and what is too much. */
export function difference(actual: readonly TextRow[], expected: readonly TextRow[]): string | null {
  const left = sorted(actual);
  const right = sorted(expected);
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
  if (missing.length === 0 && extra.length === 0) return null;
  const shown = (rows: readonly string[]): string =>
    rows
      .slice(0, 8)
      .map((r) => `    ${r}`)
      .join('\n');
  return `missing ${missing.length}:\n${shown(missing)}\n  too many ${extra.length}:\n${shown(extra)}`;
}
