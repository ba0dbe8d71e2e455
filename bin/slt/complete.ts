/**
 * Writes expected results into an slt file from a server's answers: every query gets its column types and rows, every
 * `statement error` without an expectation the SQLSTATE, every command with a place for it what it printed. What stands
 * between the records is kept, and so are records that are retried: they wait for an answer that is known. Substitution
 * is not done.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { errorState, resultLines } from './compare.ts';
import { parseSlt, type SltRecord } from './record.ts';
import { runSql } from './runner.ts';
import { hashLine, valueRows } from './sqlite.ts';
import { runCommand } from './system.ts';

const letters: ReadonlyMap<number, string> = new Map([
  [16, 'B'],
  [20, 'I'],
  [21, 'I'],
  [23, 'I'],
  [700, 'R'],
  [701, 'R'],
  [1700, 'R'],
]);

interface Completion {
  readonly text: string;
  /** Records that did not go as their header says. */
  readonly problems: readonly string[];
}

class Completer {
  readonly #clients = new Map<string, pg.Client>();
  readonly #url: string;
  readonly problems: string[] = [];

  constructor(url: string) {
    this.#url = url;
  }

  async #client(name: string): Promise<pg.Client> {
    let client = this.#clients.get(name);
    if (client === undefined) {
      client = new pg.Client({
        connectionString: this.#url,
        types: { getTypeParser: () => (value: string | Buffer) => value },
      });
      await client.connect();
      this.#clients.set(name, client);
    }
    return client;
  }

  async close(): Promise<void> {
    for (const client of this.#clients.values()) await client.end();
  }

  /** New lines for a record, null to keep it as it is. */
  async record(record: SltRecord, header: string): Promise<readonly string[] | null> {
    if (record.kind === 'sleep') await sleep(record.ms);
    if (record.kind === 'system') return this.#system(record);
    if (record.kind !== 'statement' && record.kind !== 'query') return null;
    if (record.retry !== null) return null;
    const client = await this.#client(record.connection);
    try {
      const outcome = await runSql(client, record.sql);
      if (record.kind === 'statement') {
        if (typeof record.expect === 'object' && 'error' in record.expect)
          this.#problem(record, 'expected an error');
        return null;
      }
      if (record.layout === 'values') {
        const values = valueRows(outcome.rows, record.types, record.sort).flat();
        const lines = values.length > record.hashThreshold ? [hashLine(values)] : values;
        return [header, record.sql, '----', ...lines, ''];
      }
      const types = outcome.types.map((oid) => letters.get(oid) ?? 'T').join('');
      const sort = record.sort === 'nosort' ? '' : ` ${record.sort}`;
      return [
        `query ${types === '' ? 'T' : types}${sort}`,
        record.sql,
        '----',
        ...resultLines(outcome.rows, record.sort),
        '',
      ];
    } catch (error) {
      const state = errorState(error);
      if (
        record.kind === 'query' ||
        typeof record.expect !== 'object' ||
        !('error' in record.expect) ||
        state === null
      ) {
        this.#problem(record, error instanceof Error ? error.message : String(error));
        return null;
      }
      return /^statement error$/.test(header.trim()) ? [`statement error (${state})`, record.sql, ''] : null;
    }
  }

  /** What a command prints, where the record has a place for it. */
  async #system(record: SltRecord & { readonly kind: 'system' }): Promise<readonly string[] | null> {
    const done = await runCommand(record.command, this.#url);
    if (done.status !== 0) this.#problem(record, done.stderr);
    if (done.status !== 0 || record.expected === null) return null;
    return ['system ok', record.command, '----', ...done.stdout.trim().split('\n'), '', ''];
  }

  #problem(record: SltRecord, message: string): void {
    this.problems.push(`${record.file}:${record.line}: ${message}`);
  }
}

/** The completed text of one file. */
export async function completeSlt(text: string, file: string, url: string): Promise<Completion> {
  const completer = new Completer(url);
  const lines = text.split('\n');
  const out: string[] = [];
  let at = 0;
  for (const record of parseSlt(text, file)) {
    out.push(...lines.slice(at, record.line - 1));
    const written = await completer.record(record, lines[record.line - 1] ?? '');
    out.push(...(written ?? lines.slice(record.line - 1, record.endLine - 1)));
    at = record.endLine - 1;
  }
  out.push(...lines.slice(at));
  await completer.close();
  return { text: `${out.join('\n').trimEnd()}\n`, problems: completer.problems };
}

/** Completes a file in place. */
export async function completeFile(file: string, url: string): Promise<readonly string[]> {
  const { text, problems } = await completeSlt(readFileSync(file, 'utf8'), file, url);
  writeFileSync(file, text);
  return problems;
}
