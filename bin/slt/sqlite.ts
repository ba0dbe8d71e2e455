/**
 * Results in the form of sqlite's sqllogictest corpus: one value a line, written as the query's type letter says, and long
 * results as the MD5 of those lines. `.test` files have this form, and so does what follows `hash-threshold` or
 * `control resultmode valuewise`.
 */
import { createHash } from 'node:crypto';
import type { SortMode } from './record.ts';

const hashed = /^(\d+) values hashing to ([0-9a-f]{32})$/;

/** True when the expected result is only known by its hash. */
export function isHash(expected: readonly string[]): boolean {
  return expected.length === 1 && hashed.test(expected[0] ?? '');
}

/** The line that stands for a long result. */
export function hashLine(values: readonly string[]): string {
  const md5 = createHash('md5');
  for (const value of values) md5.update(`${value}\n`);
  return `${values.length} values hashing to ${md5.digest('hex')}`;
}

/** The number that C's conversion of a text to a number reads: its longest prefix that is one, or 0. */
function numberOf(text: string): number {
  if (text === 't') return 1;
  if (text === 'f') return 0;
  const value = Number.parseFloat(text);
  return Number.isNaN(value) ? 0 : value;
}

/** A value as its letter says: I an integer, R with three decimals, T text without what cannot be printed. */
function written(value: string, letter: string): string {
  if (value === 'NULL' || value === '(empty)') return value;
  switch (letter) {
    case 'I':
      return /^-?\d+$/.test(value)
        ? value
        : /^-?\d+\.\d*$/.test(value)
          ? integerPart(value)
          : String(Math.trunc(numberOf(value)));
    case 'R':
      return numberOf(value).toFixed(3);
    default:
      // Byte by byte.
      return value.replace(/[^ -~]/gu, (c) => '@'.repeat(Buffer.byteLength(c)));
  }
}

function integerPart(text: string): string {
  const whole = text.slice(0, text.indexOf('.'));
  return whole === '-0' ? '0' : whole;
}

const byCode = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function byValues(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < a.length; i++) {
    const order = byCode(a[i] ?? '', b[i] ?? '');
    if (order !== 0) return order;
  }
  return 0;
}

/** The rows as the corpus writes them, sorted as asked. */
export function valueRows(
  rows: readonly (readonly string[])[],
  types: string,
  sort: SortMode,
): readonly (readonly string[])[] {
  const out = rows.map((row) => row.map((value, c) => written(value, types[c] ?? 'T')));
  switch (sort) {
    case 'nosort':
      return out;
    case 'rowsort':
      return out.sort(byValues);
    case 'valuesort':
      return out
        .flat()
        .sort(byCode)
        .map((value) => [value]);
  }
}

/** Expected lines as rows of `width` values. */
export function linesAsRows(lines: readonly string[], width: number): readonly (readonly string[])[] {
  const rows: string[][] = [];
  for (let i = 0; i < lines.length; i += width) rows.push(lines.slice(i, i + width));
  return rows;
}

/** Rows in one order whatever their order was. */
export function inAnyOrder(rows: readonly (readonly string[])[]): readonly string[] {
  return [...rows].sort(byValues).flat();
}
