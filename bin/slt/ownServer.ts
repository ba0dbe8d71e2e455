/**
 * A server of the runner's own, in this process, that can be stopped and started again in the middle of a file: orderly, or as
 * after kill -9 (the data directory as the operating system has it at that moment, opened anew), or from a backup. Its address is another one then.
 *
 * Checkpoints come when they are asked for and when the server is stopped, never by the clock.
 */
import { copyFileSync, cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { must } from '../../common/assert.ts';
import { restoreBackup } from '../../server/backup/restore.ts';
import type { RecoveryReport } from '../../server/checkpoint/progress.ts';
import type { Database } from '../../server/database.ts';
import { KEY_FILE } from '../../server/secrets/secretKey.ts';
import { localSession, type RunningServer, startServer } from '../../server/serve.ts';
import { type DatabaseText, databaseText, differences } from './databaseText.ts';

/** Taken until nothing has happened meanwhile. */
const BACKUPS = 50;

/** A database before and after the server was down. */
export interface Outage {
  readonly before: DatabaseText;
  readonly after: DatabaseText;
  /** Views that were not put back, but built again. */
  readonly rebuilt: RecoveryReport['rebuilt'];
}

export class OwnServer {
  /** Null: it could not be started again. */
  #server: RunningServer | null;
  /** Null: nothing is kept. */
  #directory: string | null;
  readonly #parent: string | null;
  #lastNumber = 0;

  private constructor(server: RunningServer, parent: string | null, directory: string | null) {
    this.#server = server;
    this.#parent = parent;
    this.#directory = directory;
  }

  /** `kept`: with a data directory, which goes when the server is closed. */
  static async start(kept: boolean): Promise<OwnServer> {
    const parent = kept ? mkdtempSync(join(tmpdir(), 'millrace-slt-data-')) : null;
    const directory = parent === null ? null : join(parent, 'data');
    const { server } = await serve(directory);
    return new OwnServer(server, parent, directory);
  }

  get url(): string {
    const { pgHost, pgPort } = must(this.#server);
    return `postgres://root@${pgHost}:${pgPort}/dev`;
  }

  get database(): Database {
    return must(this.#server).database;
  }

  /** As an operator would who looks after the server. */
  async run(statement: string): Promise<void> {
    const session = localSession(this.database);
    try {
      await session.run(statement);
    } finally {
      await session.close();
    }
  }

  /** Stops the server, with its last checkpoint, and starts it again. */
  async restart(): Promise<Outage> {
    const { database } = await this.#stop();
    return this.#goOn(databaseText(database), must(this.#directory));
  }

  /** Opens what kill -9 would leave now. */
  async crash(): Promise<Outage> {
    const { database } = this;
    const to = this.#fresh('data');
    const before = await database.exclusive(() => {
      // What nobody waits for (rows of sources) may be in the journal a little later: a test would see it lost.
      database.journal?.flush();
      cpSync(must(this.#directory), to, { recursive: true });
      return databaseText(database);
    });
    await this.#stop();
    return this.#goOn(before, to);
  }

  /** Takes a backup while the server runs, and starts another one from it. */
  async backup(): Promise<Outage> {
    for (let i = 0; i < BACKUPS; i++) {
      const before = databaseText(this.database);
      const file = this.#fresh('backup');
      await this.run(`BACKUP TO '${file}'`);
      const quiet = differences(before, databaseText(this.database)).length === 0;
      if (quiet) {
        await this.#stop();
        const to = this.#fresh('data');
        restoreBackup(file, to);
        // Values of secrets are in the backup, their key is not.
        const key = join(must(this.#directory), KEY_FILE);
        if (existsSync(key)) copyFileSync(key, join(to, KEY_FILE));
        rmSync(file);
        return this.#goOn(before, to);
      }
      rmSync(file);
    }
    throw new TypeError('the server is never at rest, so that there is no saying what is in its backup');
  }

  #fresh(name: string): string {
    return join(must(this.#parent), `${name}-${++this.#lastNumber}`);
  }

  async #stop(): Promise<RunningServer> {
    const server = must(this.#server);
    this.#server = null;
    await server.close();
    return server;
  }

  async #goOn(before: DatabaseText, directory: string): Promise<Outage> {
    const from = must(this.#directory);
    if (from !== directory) rmSync(from, { recursive: true });
    this.#directory = directory;
    const { server, text, rebuilt } = await serve(directory);
    this.#server = server;
    return { before, after: text, rebuilt };
  }

  async close(): Promise<void> {
    await this.#server?.close();
    if (this.#parent !== null) rmSync(this.#parent, { recursive: true, force: true });
  }
}

/** What a start found. */
interface Recovered {
  readonly text: DatabaseText;
  readonly rebuilt: RecoveryReport['rebuilt'];
}

interface Started extends Recovered {
  readonly server: RunningServer;
}

async function serve(dataDir: string | null): Promise<Started> {
  let recovered: Recovered = { text: new Map(), rebuilt: [] };
  const server = await startServer({
    host: '127.0.0.1',
    port: 0,
    httpPort: 0,
    dataDir,
    checkpointIntervalMs: Number.POSITIVE_INFINITY,
    onRecovered: (database, { rebuilt }) => {
      recovered = { text: databaseText(database), rebuilt };
    },
    log: () => {},
  });
  return { server, ...recovered };
}
