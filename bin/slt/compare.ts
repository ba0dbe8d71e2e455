/** What a query or an error should have been against what it was. */
import type { Expectation, SltRecord } from './record.ts';
import { hashLine, inAnyOrder, isHash, linesAsRows, valueRows } from './sqlite.ts';

/** Text of each value: NULL and (empty) spelled out. */
export type TextRow = readonly string[];

/** A record's expectation that was not met. */
export class Mismatch extends Error {}

/** The text that error expectations are matched against. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const fields = error as Error & { readonly detail?: string; readonly hint?: string };
  const detail = fields.detail === undefined ? '' : `\nDETAIL: ${fields.detail}`;
  const hint = fields.hint === undefined ? '' : `\nHINT: ${fields.hint}`;
  return `db error: ERROR: ${error.message}${detail}${hint}`;
}

/** SQLSTATE of a server's error, null for any other. */
export function errorState(error: unknown): string | null {
  const code = error instanceof Error ? (error as { readonly code?: unknown }).code : null;
  return typeof code === 'string' ? code : null;
}

export function checkError(error: unknown, expected: Expectation): void {
  const text = errorText(error);
  switch (expected.kind) {
    case 'any':
      return;
    case 'state': {
      const state = errorState(error);
      if (state !== expected.state)
        throw new Mismatch(`expected SQLSTATE ${expected.state}, got ${state}: ${text}`);
      return;
    }
    case 'regex':
      if (!expected.regex.test(text))
        throw new Mismatch(`expected error matching ${expected.regex.source}\ngot: ${text}`);
      return;
    case 'text':
      if (text.trim() !== expected.text && !text.includes(expected.text)) {
        throw new Mismatch(`expected error:\n${expected.text}\ngot:\n${text}`);
      }
  }
}

const normal = (line: string): string => line.trim().replace(/\s+/g, ' ');

function matches(actual: readonly string[], expected: readonly string[]): boolean {
  if (expected.some((line) => line.includes('<slt:ignore>'))) {
    let rest = normal(actual.join('\n'));
    for (const fragment of normal(expected.join('\n')).split('<slt:ignore>')) {
      const at = rest.indexOf(fragment);
      if (at < 0) return false;
      rest = rest.slice(at + fragment.length);
    }
    return true;
  }
  return (
    actual.length === expected.length && actual.every((line, i) => normal(line) === normal(expected[i] ?? ''))
  );
}

/** The result lines of a query, as its record writes them. */
export function resultLines(
  rows: readonly TextRow[],
  sort: 'nosort' | 'rowsort' | 'valuesort',
): readonly string[] {
  if (sort === 'valuesort') return rows.flat().sort();
  // A value may have several lines.
  const lines = rows.flatMap((row) => row.join(' ').split('\n'));
  return sort === 'rowsort' ? lines.sort() : lines;
}

/**
 * The rows of a record in the form of sqlite's corpus. `direct`: the same query's rows, right ones, for an order that only
 * the query has and a result of which only the hash is known.
 */
function checkValues(
  rows: readonly TextRow[],
  record: SltRecord & { readonly kind: 'query' },
  expected: readonly string[],
  direct: readonly TextRow[] | null,
): void {
  const { types, sort } = record;
  const odd = rows.find((row) => row.length !== types.length);
  if (odd !== undefined)
    throw new Mismatch(`query:\n${record.sql}\nexpected ${types.length} columns, got ${odd.length}`);
  let actual: readonly string[] = valueRows(rows, types, sort).flat();
  let wanted = expected;
  if (direct !== null && sort === 'nosort') {
    actual = inAnyOrder(valueRows(rows, types, sort));
    wanted = inAnyOrder(
      isHash(expected) ? valueRows(direct, types, sort) : linesAsRows(expected, types.length),
    );
  }
  // A file may have been hashed with another threshold than it says.
  if (isHash(wanted)) actual = [hashLine(actual)];
  if (actual.length !== wanted.length || actual.some((value, i) => value !== wanted[i]))
    throw new Mismatch(`query:\n${record.sql}\nexpected:\n${wanted.join('\n')}\ngot:\n${actual.join('\n')}`);
}

/** `direct`: the rows came from a view, which has no order whatever the query's ORDER BY; the query's own rows. */
export function checkRows(
  rows: readonly TextRow[],
  record: SltRecord & { readonly kind: 'query' },
  direct: readonly TextRow[] | null,
): void {
  if (record.expected === null) return;
  if (record.layout === 'values') {
    checkValues(rows, record, record.expected, direct);
    return;
  }
  const anyOrder = direct !== null;
  let actual = resultLines(rows, record.sort);
  let expected = record.expected;
  if (anyOrder && record.sort !== 'valuesort') {
    actual = actual.map(normal).sort();
    expected = expected.map(normal).sort();
  }
  if (!matches(actual, expected)) {
    throw new Mismatch(
      `query:\n${record.sql}\nexpected:\n${expected.join('\n')}\ngot:\n${actual.join('\n')}`,
    );
  }
}
