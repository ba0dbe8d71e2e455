/**
 * Runs sqllogictest records against a server that speaks the Postgres wire.
 *
 * Two modes. batch: as written. incremental: every SELECT becomes a materialised view as soon as its relations exist,
 * before the data that follows, and is later read from the view; statements in between keep it up to date.
 */
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { IncrementalViews } from './incremental.ts';
import { type Expectation, parseSlt, type SltRecord } from './record.ts';

export interface SltOptions {
  readonly url: string;
  readonly mode: 'batch' | 'incremental';
  /** Labels for skipif / onlyif, the engine's name included. */
  readonly labels: readonly string[];
}

export interface SltFailure {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

export interface SltReport {
  readonly passed: number;
  readonly failures: readonly SltFailure[];
  /** Incremental mode: queries answered from a view, and the reasons why others were not. */
  readonly incremental: number;
  readonly notIncremental: readonly string[];
}

/** Text of each value: NULL and (empty) spelled out. */
export type TextRow = readonly string[];

export interface QueryOutcome {
  readonly rows: readonly TextRow[];
  readonly count: number;
}

const rawTypes = { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig;

class Failure extends Error {}

/** A statement's outcome over the simple protocol; only the first statement's rows of a string count. */
export async function runSql(client: pg.Client, sql: string): Promise<QueryOutcome> {
  const answer = (await client.query({ text: sql, rowMode: 'array' })) as unknown as pg.QueryArrayResult | pg.QueryArrayResult[];
  const first = Array.isArray(answer) ? answer[0] : answer;
  const rows = (first?.rows ?? []).map((row) =>
    row.map((value: unknown) => (value === null ? 'NULL' : value === '' ? '(empty)' : String(value))),
  );
  return { rows, count: first?.rowCount ?? rows.length };
}

function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const fields = error as Error & { readonly detail?: string; readonly hint?: string };
  const detail = fields.detail === undefined ? '' : `\nDETAIL: ${fields.detail}`;
  const hint = fields.hint === undefined ? '' : `\nHINT: ${fields.hint}`;
  return `db error: ERROR: ${error.message}${detail}${hint}`;
}

function checkError(error: unknown, expected: Expectation): void {
  const text = errorText(error);
  switch (expected.kind) {
    case 'any':
      return;
    case 'state': {
      const state = (error as { readonly code?: string }).code;
      if (state !== expected.state) throw new Failure(`expected SQLSTATE ${expected.state}, got ${state}: ${text}`);
      return;
    }
    case 'regex':
      if (!expected.regex.test(text)) throw new Failure(`expected error matching ${expected.regex.source}\ngot: ${text}`);
      return;
    case 'text':
      if (text.trim() !== expected.text && !text.includes(expected.text)) {
        throw new Failure(`expected error:\n${expected.text}\ngot:\n${text}`);
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
  return actual.length === expected.length && actual.every((line, i) => normal(line) === normal(expected[i] ?? ''));
}

function checkRows(rows: readonly TextRow[], record: SltRecord & { readonly kind: 'query' }, anyOrder: boolean): void {
  if (record.expected === null) return;
  let actual: string[];
  let expected = [...record.expected];
  if (record.sort === 'valuesort') actual = rows.flat().sort();
  else {
    actual = rows.map((row) => row.join(' '));
    if (record.sort === 'rowsort') actual.sort();
  }
  if (anyOrder && record.sort !== 'valuesort') {
    actual = actual.map(normal).sort();
    expected = expected.map(normal).sort();
  }
  if (!matches(actual, expected)) {
    throw new Failure(`query:\n${record.sql}\nexpected:\n${expected.join('\n')}\ngot:\n${actual.join('\n')}`);
  }
}

export class SltRunner {
  readonly #options: SltOptions;
  readonly #clients = new Map<string, pg.Client>();
  readonly #variables = new Map<string, string>();
  readonly #failures: SltFailure[] = [];
  readonly #views: IncrementalViews | null;
  #substitution = false;
  #passed = 0;

  constructor(options: SltOptions) {
    this.#options = options;
    this.#views = options.mode === 'incremental' ? new IncrementalViews() : null;
  }

  async runFile(file: string): Promise<void> {
    try {
      const records = this.#expand(file);
      this.#views?.plan(records);
      for (const record of records) {
        if (record.kind === 'halt') break;
        if (!this.#applies(record)) continue;
        await this.#attempt(record);
      }
    } catch (error) {
      this.#failures.push({ file, line: 0, message: error instanceof Error ? error.message : String(error) });
    }
  }

  async close(): Promise<SltReport> {
    const client = await this.#client('default').catch(() => null);
    if (client !== null) await this.#views?.dropAll(client);
    for (const c of this.#clients.values()) await c.end();
    return {
      passed: this.#passed,
      failures: this.#failures,
      incremental: this.#views?.used ?? 0,
      notIncremental: this.#views?.refused ?? [],
    };
  }

  #expand(file: string): readonly SltRecord[] {
    return parseSlt(readFileSync(file, 'utf8'), file).flatMap((record) =>
      record.kind === 'include'
        ? globSync(join(dirname(file), record.pattern)).sort().flatMap((f) => this.#expand(f))
        : [record],
    );
  }

  #applies(record: SltRecord): boolean {
    return record.conditions.every((c) => this.#options.labels.includes(c.label) === (c.kind === 'onlyif'));
  }

  async #attempt(record: SltRecord): Promise<void> {
    const attempts = record.retry?.attempts ?? 1;
    for (let i = 1; ; i++) {
      try {
        await this.#run(record);
        if (record.kind !== 'control') this.#passed++;
        return;
      } catch (error) {
        if (i < attempts) {
          await sleep(record.retry?.backoffMs ?? 0);
          continue;
        }
        const message = error instanceof Failure ? error.message : errorText(error);
        const sql = 'sql' in record && !(error instanceof Failure) ? `\n${record.sql}` : '';
        this.#failures.push({ file: record.file, line: record.line, message: `${message}${sql}` });
        return;
      }
    }
  }

  async #client(name: string): Promise<pg.Client> {
    const known = this.#clients.get(name);
    if (known !== undefined) return known;
    const client = new pg.Client({ connectionString: this.#options.url, types: rawTypes });
    client.on('error', () => {});
    await client.connect();
    this.#clients.set(name, client);
    return client;
  }

  #substitute(sql: string): string {
    if (!this.#substitution) return sql;
    return sql.replace(/\\([$\\])|\$(?:\{(\w+)(?::([^}]*))?\}|(\w+))/g, (_all, escaped, braced, fallback, plain) => {
      if (escaped !== undefined) return String(escaped);
      const name = String(braced ?? plain);
      const value = this.#variables.get(name) ?? process.env[name] ?? fallback;
      if (value === undefined) throw new Failure(`unknown variable $${name}`);
      return String(value);
    });
  }

  async #run(record: SltRecord): Promise<void> {
    switch (record.kind) {
      case 'statement':
        return this.#statement(record);
      case 'query':
        return this.#query(record);
      case 'let': {
        const { rows } = await runSql(await this.#client(record.connection), this.#substitute(record.sql));
        if (rows.length !== 1) throw new Failure(`let expects one row, got ${rows.length}`);
        record.names.forEach((name, i) => {
          this.#variables.set(name, rows[0]?.[i] ?? '');
        });
        return;
      }
      case 'system': {
        const done = spawnSync('bash', ['-c', this.#substitute(record.command)], { encoding: 'utf8' });
        if (done.status !== 0) throw new Failure(`command failed (${done.status}): ${done.stderr}`);
        if (record.expected !== null && done.stdout.trim() !== record.expected) {
          throw new Failure(`command printed:\n${done.stdout}\nexpected:\n${record.expected}`);
        }
        return;
      }
      case 'control':
        if (record.name === 'substitution') this.#substitution = record.value === 'on';
        return;
      case 'sleep':
        await sleep(record.ms);
        return;
      case 'include':
      case 'halt':
        return;
    }
  }

  async #statement(record: SltRecord & { readonly kind: 'statement' }): Promise<void> {
    const client = await this.#client(record.connection);
    const sql = this.#substitute(record.sql);
    if (typeof record.expect === 'object' && 'error' in record.expect) {
      let failure: unknown = null;
      try {
        await runSql(client, sql);
      } catch (error) {
        failure = error;
      }
      if (failure === null) throw new Failure(`expected an error, but it succeeded:\n${sql}`);
      checkError(failure, record.expect.error);
      return;
    }
    const outcome = await this.#withViewsOutOfTheWay(client, sql);
    if (typeof record.expect === 'object' && outcome.count !== record.expect.count) {
      throw new Failure(`expected ${record.expect.count} rows, got ${outcome.count}:\n${sql}`);
    }
    await this.#views?.afterStatement(client, sql);
  }

  /** A DROP must not fail because of the runner's own views. */
  async #withViewsOutOfTheWay(client: pg.Client, sql: string): Promise<QueryOutcome> {
    if (this.#views !== null && /^\s*(drop|alter)\b/i.test(sql)) await this.#views.dropAll(client);
    return runSql(client, sql);
  }

  async #query(record: SltRecord & { readonly kind: 'query' }): Promise<void> {
    const client = await this.#client(record.connection);
    const view = this.#views?.take(record) ?? null;
    if (view !== null) {
      checkRows((await runSql(client, `SELECT * FROM ${view}`)).rows, record, true);
    }
    checkRows((await runSql(client, this.#substitute(record.sql))).rows, record, false);
  }
}
