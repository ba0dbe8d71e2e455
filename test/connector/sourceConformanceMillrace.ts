/** What the conformance suites of sources and lookups have in common: a Millrace that is killed and started again, and what it refuses. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { must } from '../../common/assert.ts';
import type { OptionSpec } from '../../connector/connector.ts';
import { type ServedProgram, startProgram } from '../harness/server.ts';
import { Connection, type TextRow } from '../server/clients.ts';
import { temporaryDirectory } from '../server/journal/support.ts';
import { SECRET } from './sourceFixtures.ts';

const WAIT_MS = 60_000;
/** A test with kills, on a machine that is busy with others. */
const TEST_MS = 240_000;

const wrongValues: Readonly<Record<OptionSpec['type'], string | null>> = {
  integer: 'many',
  float: 'long',
  boolean: 'perhaps',
  list: null,
  string: null,
};

/** A value that an option of this kind refuses; null: it takes any. */
export function wrongValue({ type, choices }: OptionSpec): string | null {
  return choices === undefined ? wrongValues[type] : 'none of them';
}

/** Names with a part that is no identifier are quoted. */
function optionName(name: string): string {
  return /\.\d/.test(name) ? `"${name}"` : name;
}

/** WITH (...) of these. */
export function withClause(connector: string, options: Readonly<Record<string, string | null>>): string {
  const list = Object.entries(options).flatMap(([name, value]) =>
    value === null ? [] : [`${optionName(name)} = '${value}'`],
  );
  return `WITH (${[`connector = '${connector}'`, ...list].join(', ')})`;
}

/** Connections to a port of this machine that are open, whoever has them. */
export function connectionsTo(port: number): number {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return ['/proc/net/tcp', '/proc/net/tcp6']
    .flatMap((path) => readFileSync(path, 'utf8').split('\n'))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , remote, state]) => remote?.endsWith(`:${hex}`) && state === '01').length;
}

/** Waits until it is so; then says what it is. */
export async function eventually(read: () => Promise<unknown>, expected: unknown): Promise<void> {
  const end = Date.now() + WAIT_MS;
  let seen = await read();
  while (Date.now() < end) {
    try {
      expect(seen).toEqual(expected);
      return;
    } catch {
      await sleep(25);
    }
    seen = await read();
  }
  expect(seen).toEqual(expected);
}

/** A Millrace of the command line that is killed and started again over one directory. */
export class Millrace {
  readonly #directory: string;
  #server: ServedProgram | null = null;
  #client: Connection | null = null;
  /** What servers that have ended said. */
  #log = '';

  constructor(directory: string) {
    this.#directory = directory;
  }

  get client(): Connection {
    return must(this.#client);
  }

  get log(): string {
    const { program } = must(this.#server);
    return this.#log + program.stdout + program.stderr;
  }

  readonly http = (): string => `http://127.0.0.1:${must(this.#server).httpPort}`;

  rows(sql: string): Promise<readonly TextRow[]> {
    return this.client.rows(sql);
  }

  async start(): Promise<void> {
    this.#server = await startProgram([
      ...['--data-dir', join(this.#directory, 'data')],
      ...['--checkpoint-interval', '500ms'],
    ]);
    this.#client = new Connection(this.#server.url);
    await this.#client.client.connect();
  }

  async kill(): Promise<void> {
    const { program } = must(this.#server);
    program.signal('SIGKILL');
    await program.finished();
    this.#log += program.stdout + program.stderr;
    await this.#client?.end().catch(() => {});
  }

  async close(): Promise<void> {
    await this.#client?.end().catch(() => {});
    await this.#server?.close();
  }

  /** The statement must fail so, say something, and no secret. */
  async refused(sql: string, state: string): Promise<pg.DatabaseError> {
    const failure = must(await this.client.failure(sql), `${sql} is not refused`);
    expect([failure.code, failure.message], sql).toEqual([state, expect.stringMatching(/\w/)]);
    const said = [failure.message, failure.detail, failure.hint, failure.where].join('\n');
    expect(said).not.toContain(SECRET);
    return failure;
  }
}

/** One Millrace for all suites of a test file. */
export function useMillrace(): Millrace {
  vi.setConfig({ testTimeout: TEST_MS });
  const directory = temporaryDirectory('source-conformance');
  const millrace = new Millrace(directory.path);
  beforeAll(() => millrace.start());
  afterAll(async () => {
    await millrace.close();
    directory.remove();
  });
  return millrace;
}

/** Says that something has to be installed. */
export function needs(missing: string): void {
  it(`is tested where there is ${missing}`, () => {
    expect(process.env.MILLRACE_REQUIRE_SERVERS, `${missing} is required`).not.toBe('1');
  });
}
