/**
 * A server of the runner's own, in this process, that can be stopped and started again in the middle of a file: orderly, or as
 * after kill -9 (the data directory as the operating system has it at that moment, opened anew). Its address stays the same.
 *
 * Checkpoints come when they are asked for and when the server is stopped, never by the clock.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { must } from '../../common/assert.ts';
import type { RecoveryReport } from '../../server/checkpoint/progress.ts';
import { type RunningServer, startServer } from '../../server/serve.ts';
import { type DatabaseText, databaseText } from './databaseText.ts';

/** The longest time a timer takes: about 24 days. */
const NEVER_MS = 2 ** 31 - 1;

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
  #crashes = 0;

  private constructor(server: RunningServer, parent: string | null, directory: string | null) {
    this.#server = server;
    this.#parent = parent;
    this.#directory = directory;
  }

  /** `kept`: with a data directory, which goes when the server is closed. */
  static async start(kept: boolean): Promise<OwnServer> {
    const parent = kept ? mkdtempSync(join(tmpdir(), 'millrace-slt-data-')) : null;
    const directory = parent === null ? null : join(parent, 'data');
    const { server } = await serve(directory, 0);
    return new OwnServer(server, parent, directory);
  }

  get url(): string {
    const { pgHost, pgPort } = must(this.#server);
    return `postgres://root@${pgHost}:${pgPort}/dev`;
  }

  async checkpoint(): Promise<void> {
    await must(must(this.#server).checkpointer).checkpoint();
  }

  /** Stops the server, with its last checkpoint, and starts it again. */
  async restart(): Promise<Outage> {
    const { database, pgPort } = await this.#stop();
    const before = databaseText(database);
    return this.#again(before, pgPort);
  }

  /** Opens what kill -9 would leave now. */
  async crash(): Promise<Outage> {
    const { database, pgPort } = must(this.#server);
    const from = must(this.#directory);
    const to = `${must(this.#parent)}/data-${++this.#crashes}`;
    const before = await database.exclusive(() => {
      // What nobody waits for (rows of sources) may be in the journal a little later: a test would see it lost.
      database.journal?.flush();
      cpSync(from, to, { recursive: true });
      return databaseText(database);
    });
    await this.#stop();
    rmSync(from, { recursive: true });
    this.#directory = to;
    return this.#again(before, pgPort);
  }

  async #stop(): Promise<RunningServer> {
    const server = must(this.#server);
    this.#server = null;
    await server.close();
    return server;
  }

  async #again(before: DatabaseText, port: number): Promise<Outage> {
    const { server, text, rebuilt } = await serve(this.#directory, port);
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

async function serve(dataDir: string | null, port: number): Promise<Started> {
  let recovered: Recovered = { text: new Map(), rebuilt: [] };
  const server = await startServer({
    host: '127.0.0.1',
    port,
    httpPort: 0,
    dataDir,
    checkpointIntervalMs: NEVER_MS,
    onRecovered: (database, { rebuilt }) => {
      recovered = { text: databaseText(database), rebuilt };
    },
    log: () => {},
  });
  return { server, ...recovered };
}
