/**
 * Runs a failure again on fresh databases, to shrink it, and writes it as an slt file under sql-tests/regressions/ with
 * PostgreSQL's answer. The file makes a view of the query where the view stood (incremental mode), and asks it directly.
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createDatabase } from '../../server/serve.ts';
import { type Comparison, difference } from './compare.ts';
import type { Finding } from './run.ts';
import { type Failure, shrink, VIEW } from './shrink.ts';
import { type Answer, localTarget, type Target, type TextRow } from './target.ts';

const folder = join(import.meta.dirname, '..', '..', 'sql-tests', 'regressions');

/** Answers of more rows are not compared while shrinking. */
const MOST_ROWS = 20_000;

function viewSql(failure: Failure): string {
  return `CREATE MATERIALIZED VIEW ${failure.view} AS ${failure.query}`;
}

/** Null for what is no answer to a query or a statement. */
export function failureOf(finding: Finding): Failure | null {
  if (finding.kind === 'state') return null;
  const made = finding.history.find((sql) => sql.endsWith(` AS ${finding.query}`));
  const view = /^CREATE (?:MATERIALIZED )?VIEW (\w+)/.exec(made ?? '')?.[1] ?? 'watched';
  const statements =
    finding.kind === 'statement'
      ? finding.history.slice(0, -1)
      : finding.history.map((sql) => (sql === made ? VIEW : sql));
  return { kind: finding.kind, statements, query: finding.query, view };
}

export class Reproduction {
  readonly #expected: Target;
  readonly #comparison: Comparison;
  /** How the answer was wrong at first: a SQLSTATE, or `rows`. Smaller failures are wrong in the same way. */
  #symptom: string | null = null;
  /** The statements that PostgreSQL's database holds. */
  #loaded: string | null = null;

  /** `expected`: a database of PostgreSQL of which everything is dropped. */
  constructor(expected: Target, comparison: Comparison = { exact: false, ordered: false }) {
    this.#expected = expected;
    this.#comparison = comparison;
  }

  /** PostgreSQL's answer, null when it refuses a statement before it. */
  async answer(failure: Failure): Promise<Answer | null> {
    const used = new RegExp(`\\b${failure.view}\\b`);
    const others = failure.statements.some((sql) => sql !== VIEW && used.test(sql));
    const statements = failure.statements.flatMap((sql) =>
      sql !== VIEW ? [sql] : others ? [viewSql(failure)] : [],
    );
    const key = statements.join('\n');
    if (this.#loaded !== key || failure.kind === 'statement') {
      this.#loaded = null;
      await this.#expected.run('ROLLBACK');
      await this.#expected.run('DROP SCHEMA public CASCADE');
      await this.#expected.run('CREATE SCHEMA public');
      await this.#expected.run("SET statement_timeout = '2s'");
      await this.#expected.run('SET jit = off');
      for (const sql of statements) {
        const done = await this.#expected.run(sql.replace(/^(CREATE|DROP) MATERIALIZED VIEW/, '$1 VIEW'));
        if ('failure' in done) return null;
      }
      this.#loaded = key;
    }
    return this.#expected.run(failure.query);
  }

  /** Whether Millrace's answer is wrong, in the way of the failure's kind. */
  async fails(failure: Failure): Promise<boolean> {
    const expected = await this.answer(failure);
    if (expected === null) return false;
    if (failure.kind !== 'statement' && ('failure' in expected || expected.rows.length > MOST_ROWS))
      return false;
    const database = createDatabase();
    const actual = localTarget(database);
    try {
      for (const sql of failure.statements) {
        if (sql === VIEW && failure.kind === 'ad hoc' && failure.view === 'watched') continue;
        const done = await actual.run(sql === VIEW ? viewSql(failure) : sql);
        if ('failure' in done) return false;
      }
      const symptom = await this.#wrong(failure, actual, expected);
      this.#symptom ??= symptom;
      if (symptom === null || symptom !== this.#symptom) return false;
      return symptom !== 'rows' || 'failure' in expected || (await this.#oneAnswer(failure, expected.rows));
    } finally {
      await actual.close();
      database.close();
    }
  }

  /** Whether the query has the same answer when the tables' rows are stored in another order. */
  async #oneAnswer(failure: Failure, rows: readonly TextRow[]): Promise<boolean> {
    const tables = failure.statements.flatMap((sql) => /^CREATE TABLE (\w+)/.exec(sql)?.[1] ?? []);
    this.#loaded = null;
    await this.#expected.run('BEGIN');
    for (const direction of ['ASC', 'DESC']) {
      for (const table of tables) {
        const copy = `other_${table}_${direction}`;
        await this.#expected.run(
          `CREATE TEMP TABLE ${copy} AS SELECT * FROM ${table} AS x ORDER BY x::text ${direction}`,
        );
        await this.#expected.run(`DELETE FROM ${table}`);
        await this.#expected.run(`INSERT INTO ${table} SELECT * FROM ${copy}`);
      }
      const answer = await this.#expected.run(failure.query);
      if ('failure' in answer || difference(answer.rows, rows, this.#comparison) !== null) return false;
    }
    return true;
  }

  /** What is wrong, null when nothing is. */
  async #wrong(failure: Failure, actual: Target, expected: Answer): Promise<string | null> {
    const state = (answer: Answer): string | null => ('failure' in answer ? answer.failure.state : null);
    switch (failure.kind) {
      case 'plan':
        return state(await actual.run(`CREATE MATERIALIZED VIEW ${failure.view} AS ${failure.query}`));
      case 'statement': {
        const got = state(await actual.run(failure.query));
        return (got === null) === (state(expected) === null) ? null : (got ?? 'done');
      }
      case 'ad hoc':
      case 'view': {
        const sql = failure.kind === 'view' ? `SELECT * FROM ${failure.view}` : failure.query;
        const answer = await actual.run(sql);
        // Rows without columns say nothing.
        if ('failure' in expected || expected.rows[0]?.length === 0) return null;
        if ('failure' in answer) return answer.failure.state;
        if (answer.types.join() !== expected.types.join()) return 'types';
        return difference(answer.rows, expected.rows, this.#comparison) === null ? null : 'rows';
      }
    }
  }

  /** Shrinks a finding and saves it; null when it does not happen again. */
  async save(finding: Finding, seed: number): Promise<string | null> {
    const failure = failureOf(finding);
    if (failure === null || !(await this.fails(failure))) return null;
    const small = await shrink(failure, (candidate) => this.fails(candidate));
    const expected = await this.answer(small);
    if (expected === null) return null;
    const text = regressionText(small, expected, seed);
    const name = createHash('sha256').update(small.query).digest('hex').slice(0, 8);
    const file = join(folder, `random_${seed}_${name}.slt`);
    writeFileSync(file, text);
    return file;
  }
}

const spelled = (value: string | null): string =>
  value === null ? 'NULL' : value === '' ? '(empty)' : value;

function rowLines(rows: readonly TextRow[]): readonly string[] {
  return rows.flatMap((row) => row.map(spelled).join(' ').split('\n')).sort();
}

function regressionText(failure: Failure, expected: Answer, seed: number): string {
  const lines = [`# A random query against PostgreSQL, seed ${seed} (${failure.kind}).`, ''];
  const used = failure.statements.some(
    (sql) => sql !== VIEW && new RegExp(`\\b${failure.view}\\b`).test(sql),
  );
  for (const sql of failure.statements) {
    if (sql !== VIEW) lines.push('statement ok', sql, '');
    else if (used) lines.push('statement ok', viewSql(failure), '');
  }
  if ('failure' in expected) lines.push(`statement error (${expected.failure.state})`, failure.query);
  else if (failure.kind === 'statement') lines.push('statement ok', failure.query);
  else {
    const types = 'T'.repeat(expected.rows[0]?.length ?? 1);
    lines.push(`query ${types} rowsort`, failure.query, '----', ...rowLines(expected.rows));
  }
  return `${lines.join('\n')}\n`;
}
