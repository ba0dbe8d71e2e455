/**
 * Runs sqllogictest records against a server that speaks the Postgres wire.
 *
 * Two modes. batch: as written. incremental: every SELECT becomes a materialised view as soon as its relations exist,
 * before the data that follows, and is read from that view and once more directly; statements in between keep it up to
 * date. Inside BEGIN ... COMMIT a view shows the transaction's own writes too. The scenarios are incremental, and something
 * happens to the server between records, outside transactions; what sessions were told they are told again.
 */
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { checkError, checkRows, errorText, Mismatch, type TextRow } from './compare.ts';
import { IncrementalViews, type QueryRecord } from './incremental.ts';
import { parseSlt, type SltRecord } from './record.ts';
import { type Scenario, type ScenarioRun, scenarios } from './scenario.ts';
import { SessionState } from './sessionState.ts';
import { hashLine, valueRows } from './sqlite.ts';
import { runCommand } from './system.ts';

export type SltMode = 'batch' | 'incremental' | Scenario;

export const sltModes: readonly SltMode[] = ['batch', 'incremental', ...scenarios];

export interface SltOptions {
  readonly url: string;
  readonly mode: SltMode;
  /** Labels for skipif / onlyif, the engine's name included; the mode's name is one too, and `incremental` of a scenario. */
  readonly labels: readonly string[];
  /** What happens between the records, in a mode that is a scenario. */
  readonly scenario?: ScenarioRun;
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
  readonly #sessions = new Map<string, SessionState>();
  readonly #variables = new Map<string, string>();
  /** Hashes of the results of labelled queries. */
  readonly #labels = new Map<string, string>();
  readonly #failures: SltFailure[] = [];
  readonly #views: IncrementalViews | null;
  /** The scenario waits for the end of a transaction. */
  #isDue = false;
  #substitution = false;
  #directory: string | null = null;
  #passed = 0;

  constructor(options: SltOptions) {
    this.#options = options;
    this.#views = options.mode === 'batch' ? null : new IncrementalViews();
  }

  get #url(): string {
    return this.#options.scenario?.url ?? this.#options.url;
  }

  async runFile(file: string): Promise<void> {
    try {
      const all = this.#expand(file);
      const records = all.filter((record) => this.#applies(record));
      this.#views?.plan(
        records,
        all.some((r) => r.kind === 'control' && r.name === 'substitution'),
      );
      this.#options.scenario?.plan(records);
      await this.#views?.create(await this.#client('default'));
      for (const [i, record] of records.entries()) {
        await this.#between(i, record);
        if (record.kind === 'halt') return;
        await this.#attempt(record);
      }
      const last = records.at(-1);
      if (last !== undefined) await this.#between(records.length, last);
    } catch (error) {
      this.#failures.push({ file, line: 0, message: error instanceof Error ? error.message : String(error) });
    }
  }

  /** What the scenario has for this place, or for an earlier one that was inside a transaction. */
  async #between(place: number, { file, line }: SltRecord): Promise<void> {
    const { scenario } = this.#options;
    if (scenario === undefined) return;
    await scenario.pass(place);
    if (scenario.isPlace(place)) this.#isDue = true;
    if (!this.#isDue || [...this.#sessions.values()].some((s) => s.inTransaction)) return;
    this.#isDue = false;
    if (scenario.endsSessions) await this.#disconnect();
    for (const message of await scenario.happen()) this.#failures.push({ file, line, message });
  }

  async #disconnect(): Promise<void> {
    for (const client of this.#clients.values()) await client.end();
    this.#clients.clear();
  }

  async close(): Promise<SltReport> {
    await this.#disconnect();
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
    const { labels: given, mode } = this.#options;
    const labels = [...given, mode, ...(mode === 'batch' ? [] : ['incremental']), 'postgresql'];
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
    const client = new pg.Client({ connectionString: this.#url, types: rawTypes });
    client.on('error', () => {});
    await client.connect();
    this.#clients.set(name, client);
    for (const statement of this.#session(name).statements) await client.query(statement);
    return client;
  }

  #session(connection: string): SessionState {
    const session = this.#sessions.get(connection) ?? new SessionState();
    this.#sessions.set(connection, session);
    return session;
  }

  /** Names that the dialect gives a meaning. The directory is made when it is first named. */
  #special(name: string): string | null {
    if (name === '__NOW__') return String(BigInt(Date.now()) * 1_000_000n);
    if (name === '__DATABASE__') return new URL(this.#url).pathname.slice(1);
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
    const done = await runCommand(this.#substitute(record.command), this.#url);
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
        this.#session(record.connection).note(sql);
      } catch (error) {
        failure = error;
        this.#session(record.connection).noteFailure(sql);
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
    const session = this.#session(connection);
    const verb = /^\s*(\w+)/.exec(sql)?.[1]?.toLowerCase() ?? '';
    const replaces = /^(drop|alter|set|reset)$/.test(verb) || /^\s*create\s+or\s+replace\b/i.test(sql);
    if (replaces && !session.inTransaction) await views?.dropAll(client);
    const outcome = await runSql(client, sql);
    session.note(sql);
    if (/^(create|drop|alter|set|reset)$/.test(verb) && !session.inTransaction) await views?.create(client);
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
