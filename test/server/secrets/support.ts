/** Databases with secrets: over a directory that can be opened again, and with sinks that say what they were told. */
import { join } from 'node:path';
import type { SinkConfig, SinkConnector } from '../../../connector/sink.ts';
import { recoverDirectory } from '../../../server/checkpoint/recovery.ts';
import type { Database } from '../../../server/database.ts';
import { Journal } from '../../../server/journal.ts';
import { SecretKey } from '../../../server/secrets/secretKey.ts';
import { createDatabase, ddlRunner, localSession, realEnvironment } from '../../../server/serve.ts';
import type { StatementResult } from '../../../server/statements/statement.ts';

/** A target that takes everything, and keeps what it was opened with. */
export class Target {
  readonly opened: SinkConfig[] = [];
  readonly connector: SinkConnector = {
    name: 'target',
    doc: 'A target for tests.',
    options: [
      { name: 'headers.x', type: 'string', secret: true, alterable: true, doc: 'A secret.' },
      { name: 'port', type: 'integer', default: '1', alterable: true, doc: 'A number.' },
      { name: 'ca.location', type: 'string', doc: 'A file.' },
    ],
    formats: ['UPSERT JSON'],
    encodeOptions: new Map([
      ['JSON', [{ name: 'schema.registry.password', type: 'string', secret: true, doc: 'A secret.' }]],
    ]),
    guarantee: 'at least once',
    batching: () => ({ rows: 1, millis: 0 }),
    open: async (config) => {
      this.opened.push(config);
      return {
        recover: async () => null,
        begin: async () => ({
          write: async () => {},
          prepare: async () => {},
          commit: async () => {},
          abort: async () => {},
        }),
        close: async () => {},
      };
    },
  };
}

export interface OpenOptions {
  readonly key?: string;
  readonly acceptLoss?: boolean;
}

/** A data directory that is opened, closed and opened again. */
export class SecretWorld {
  readonly path: string;
  readonly target = new Target();
  readonly log: string[] = [];
  #database: Database | null = null;
  #close: () => Promise<void> = async () => {};

  constructor(path: string) {
    this.path = path;
  }

  get directory(): string {
    return join(this.path, 'data');
  }

  get database(): Database {
    if (this.#database === null) throw new TypeError('it is not open');
    return this.#database;
  }

  async open(options: OpenOptions = {}): Promise<void> {
    const database = createDatabase({ ...realEnvironment(), sinks: [this.target.connector] });
    const journal = new Journal(this.directory, { now: () => 0n, acceptDataLoss: false, log: () => {} });
    try {
      database.secrets.useKey(new SecretKey(this.directory, options.key ?? null));
      database.secrets.acceptLoss = options.acceptLoss ?? false;
      database.secrets.onLost = ({ message }) => this.log.push(message);
      const log = (line: string): void => {
        this.log.push(line);
      };
      const { checkpointer } = await recoverDirectory(
        database,
        this.directory,
        journal,
        ddlRunner(database),
        log,
      );
      this.#close = async () => {
        await checkpointer.close();
        database.close();
      };
    } catch (error) {
      database.close();
      if (database.journal === null) journal.close();
      throw error;
    }
    this.#database = database;
  }

  async checkpoint(): Promise<void> {
    await this.run('CHECKPOINT');
  }

  async close(): Promise<void> {
    await this.#close();
    this.#close = async () => {};
    this.#database = null;
  }

  /** Rows of the last statement. */
  run(sql: string): Promise<readonly (readonly unknown[])[]> {
    return runIn(this.database, sql);
  }
}

export async function runIn(database: Database, sql: string): Promise<readonly (readonly unknown[])[]> {
  const session = localSession(database);
  try {
    const results: readonly StatementResult[] = await session.run(sql);
    return results.at(-1)?.rows ?? [];
  } finally {
    await session.close();
  }
}

/** SQLSTATE, message, detail and position of a statement that must fail. */
export async function failureOf(database: Database, sql: string): Promise<string> {
  try {
    await runIn(database, sql);
  } catch (error) {
    if (!(error instanceof Error) || !('state' in error)) throw error;
    const detail = 'detail' in error && error.detail !== undefined ? ` / ${String(error.detail)}` : '';
    const at = 'position' in error && error.position !== undefined ? ` @${String(error.position)}` : '';
    return `${String(error.state)} ${error.message}${detail}${at}`;
  }
  return 'done';
}
