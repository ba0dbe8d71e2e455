/**
 * Runs sqllogictest records against a server that speaks the Postgres wire.
 *
 * Two modes. batch: as written. incremental: every SELECT becomes a materialised view as soon as its relations exist,
 * before the data that follows, and is read from that view and once more directly; statements in between keep it up to
 * date. Inside BEGIN ... COMMIT a view shows the transaction's own writes too.
 */
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { checkError, checkRows, errorText, Mismatch, type TextRow } from './compare.ts';
import { IncrementalViews, type QueryRecord } from './incremental.ts';
import { parseSlt, type SltRecord } from './record.ts';
import { hashLine, valueRows } from './sqlite.ts';
import { runCommand } from './system.ts';

export type SltMode = 'batch' | 'incremental';

export interface SltOptions {
  readonly url: string;
  readonly mode: SltMode;
  /** Labels for skipif / onlyif, the engine's name included; the mode's name is one too. */
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

export interface QueryOutcome {
  readonly rows: readonly TextRow[];
  readonly count: number;
  /** Type oids of the columns. */
  readonly types: readonly number[];
}

const rawTypes: pg.CustomTypesConfig = { getTypeParser: () => (value: string | Buffer) => value };

const spelled = (value: unknown): string =>
  value === null ? 'NULL' : value === '' ? '(empty)' : String(value);

/** A statement's outcome over the simple protocol; only the first statement's rows of a string count. */
export async function runSql(client: pg.Client, sql: string): Promise<QueryOutcome> {
  const answer: unknown = await client.query({ text: sql, rowMode: 'array' });
  const first = (Array.isArray(answer) ? answer[0] : answer) as pg.QueryArrayResult | undefined;
  const rows = (first?.rows ?? []).map((row) => row.map(spelled));
  return {
    rows,
    count: first?.rowCount ?? rows.length,
    types: (first?.fields ?? []).map((f) => f.dataTypeID),
  };
}

export class SltRunner {
  readonly #options: SltOptions;
  readonly #clients = new Map<string, pg.Client>();
  readonly #inTransaction = new Set<string>();
  readonly #variables = new Map<string, string>();
  /** Hashes of the results of labelled queries. */
  readonly #labels = new Map<string, string>();
  readonly #failures: SltFailure[] = [];
  readonly #views: IncrementalViews | null;
  #substitution = false;
  #directory: string | null = null;
  #passed = 0;

  constructor(options: SltOptions) {
    this.#options = options;
    this.#views = options.mode === 'incremental' ? new IncrementalViews() : null;
  }

  async runFile(file: string): Promise<void> {
    try {
      const records = this.#expand(file);
      this.#views?.plan(
        records.filter((record) => this.#applies(record)),
        records.some((r) => r.kind === 'control' && r.name === 'substitution'),
      );
      await this.#views?.create(await this.#client('default'));
      for (const record of records) {
        if (!this.#applies(record)) continue;
        if (record.kind === 'halt') break;
        await this.#attempt(record);
      }
    } catch (error) {
      this.#failures.push({ file, line: 0, message: error instanceof Error ? error.message : String(error) });
    }
  }

  async close(): Promise<SltReport> {
    for (const client of this.#clients.values()) await client.end();
    if (this.#directory !== null) rmSync(this.#directory, { recursive: true, force: true });
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
        ? globSync(join(dirname(file), record.pattern))
            .sort()
            .flatMap((f) => this.#expand(f))
        : [record],
    );
  }

  #applies(record: SltRecord): boolean {
    // The corpus knows engines of Postgres's SQL by this name.
    const labels = [...this.#options.labels, this.#options.mode, 'postgresql'];
    return record.conditions.every((c) => labels.includes(c.label) === (c.kind === 'onlyif'));
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
        const message = error instanceof Mismatch ? error.message : errorText(error);
        const sql = 'sql' in record && !(error instanceof Mismatch) ? `\n${record.sql}` : '';
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

  /** Names that the dialect gives a meaning. The directory is made when it is first named. */
  #special(name: string): string | null {
    if (name === '__NOW__') return String(BigInt(Date.now()) * 1_000_000n);
    if (name === '__DATABASE__') return new URL(this.#options.url).pathname.slice(1);
    if (name !== '__TEST_DIR__') return null;
    this.#directory ??= mkdtempSync(join(tmpdir(), 'millrace-slt-'));
    return this.#directory;
  }

  #substitute(sql: string): string {
    if (!this.#substitution) return sql;
    return sql.replace(
      /\\([$\\])|\$(?:\{(\w+)(?::([^}]*))?\}|(\w+))/g,
      (_all, escaped, braced, fallback, plain) => {
        if (escaped !== undefined) return String(escaped);
        const name = String(braced ?? plain);
        const value = this.#special(name) ?? this.#variables.get(name) ?? process.env[name] ?? fallback;
        if (value === undefined) throw new Mismatch(`unknown variable $${name}`);
        return String(value);
      },
    );
  }

  async #run(record: SltRecord): Promise<void> {
    switch (record.kind) {
      case 'statement':
        return this.#statement(record);
      case 'query':
        return this.#query(record);
      case 'let': {
        const { rows } = await runSql(await this.#client(record.connection), this.#substitute(record.sql));
        if (rows.length !== 1) throw new Mismatch(`let expects one row, got ${rows.length}`);
        record.names.forEach((name, i) => {
          this.#variables.set(name, rows[0]?.[i] ?? '');
        });
        return;
      }
      case 'system':
        return this.#system(record);
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

  async #system(record: SltRecord & { readonly kind: 'system' }): Promise<void> {
    const done = await runCommand(this.#substitute(record.command), this.#options.url);
    if (done.status !== 0)
      throw new Mismatch(`command failed (${done.status}): ${done.stdout}${done.stderr}`);
    if (record.expected !== null && done.stdout.trim() !== record.expected) {
      throw new Mismatch(`command printed:\n${done.stdout}\nexpected:\n${record.expected}`);
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
      if (failure === null) throw new Mismatch(`expected an error, but it succeeded:\n${sql}`);
      checkError(failure, record.expect.error);
      return;
    }
    const outcome = await this.#runAmongViews(client, sql, record.connection);
    if (typeof record.expect === 'object' && outcome.count !== record.expect.count) {
      throw new Mismatch(`expected ${record.expect.count} rows, got ${outcome.count}:\n${sql}`);
    }
  }

  /** Runs a statement with the views out of its way where they could change its outcome, and makes those it allows. */
  async #runAmongViews(client: pg.Client, sql: string, connection: string): Promise<QueryOutcome> {
    const views = this.#views;
    if (views === null) return runSql(client, sql);
    const verb = /^\s*(\w+)/.exec(sql)?.[1]?.toLowerCase() ?? '';
    const replaces = /^(drop|alter|set|reset)$/.test(verb) || /^\s*create\s+or\s+replace\b/i.test(sql);
    if (replaces && !this.#inTransaction.has(connection)) await views.dropAll(client);
    const outcome = await runSql(client, sql);
    if (verb === 'begin' || verb === 'start') this.#inTransaction.add(connection);
    if (/^(commit|end|abort)$/.test(verb) || /^\s*rollback\s*(;|$|work|transaction)/i.test(sql)) {
      this.#inTransaction.delete(connection);
    }
    if (/^(create|drop|alter|set|reset)$/.test(verb) && !this.#inTransaction.has(connection))
      await views.create(client);
    return outcome;
  }

  async #query(record: QueryRecord): Promise<void> {
    const client = await this.#client(record.connection);
    const view = this.#views?.take(record) ?? null;
    const kept = view === null ? null : (await runSql(client, `SELECT * FROM ${view}`)).rows;
    const { rows } = await runSql(client, this.#substitute(record.sql));
    checkRows(rows, record, null);
    if (kept !== null) checkRows(kept, record, rows);
    this.#checkLabel(record, rows);
  }

  /** Queries with one label in the corpus are the same query written in several ways. */
  #checkLabel(record: QueryRecord, rows: readonly TextRow[]): void {
    if (record.layout !== 'values' || record.label === null) return;
    const key = `${record.file}\n${record.label}`;
    const hash = hashLine(valueRows(rows, record.types, record.sort).flat());
    const first = this.#labels.get(key) ?? hash;
    this.#labels.set(key, first);
    if (first !== hash)
      throw new Mismatch(`query:\n${record.sql}\nhas another result than the first query ${record.label}`);
  }
}
