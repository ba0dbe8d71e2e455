/**
 * Statements with PostgreSQL 15's own answers: `sql-tests/plan/bindPostgres.txt`. A block is the statement, `----`, and
 * the answer; where Millrace means to differ, `~~~~ reason` and Millrace's answer follow.
 */
import { readFileSync } from 'node:fs';

export interface Recorded {
  readonly line: number;
  readonly sql: string;
  readonly postgres: string;
  /** Millrace's own answer, where it differs on purpose. */
  readonly differs: { readonly reason: string; readonly answer: string } | null;
}

export interface Section {
  readonly title: string;
  readonly statements: readonly Recorded[];
}

function block(text: string, line: number): Recorded {
  const [sql = '', rest = ''] = text.split('\n----\n');
  const [postgres = '', own] = rest.split(/^~~~~ /m);
  const end = own?.indexOf('\n') ?? -1;
  const differs = own === undefined ? null : { reason: own.slice(0, end), answer: own.slice(end + 1).trim() };
  return { line, sql, postgres: postgres.trim(), differs };
}

/** The file's sections in order. */
export function readAnswers(path: string): readonly Section[] {
  const sections: { title: string; statements: Recorded[] }[] = [];
  let line = 1;
  for (const paragraph of readFileSync(path, 'utf8').split('\n\n')) {
    const text = paragraph.replace(/^\n+/, '').trimEnd();
    if (text.startsWith('# ')) sections.push({ title: text.slice(2), statements: [] });
    else if (text !== '') sections.at(-1)?.statements.push(block(text, line));
    line += paragraph.split('\n').length + 1;
  }
  return sections;
}
