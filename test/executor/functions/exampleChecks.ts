/** Runs the examples that come with functions. */
import { expect } from 'vitest';
import type { SqlFunction } from '../../../common/function.ts';
import { evaluateSql, queryRows } from '../../harness/evaluateSql.ts';

function rowText(row: readonly string[]): string {
  return row.length === 1 ? (row[0] ?? '') : `(${row.map((v) => (v === 'NULL' ? '' : v)).join(',')})`;
}

/** Every example of the list: expression and result, table function and rows. */
export function checkExamples(functions: readonly SqlFunction[]): void {
  const given: [string, unknown][] = [];
  const wanted: [string, unknown][] = [];
  for (const fn of functions) {
    for (const [sql, result] of fn.examples) {
      wanted.push([sql, result]);
      try {
        given.push([
          sql,
          fn.kind === 'table' ? queryRows(`SELECT * FROM ${sql}`).map(rowText) : evaluateSql(sql),
        ]);
      } catch (error) {
        given.push([sql, `${error}`]);
      }
    }
  }
  expect(given).toEqual(wanted);
}
