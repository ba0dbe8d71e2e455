/** Asks other servers what rows wait for: for each lookup table as many loops as it may have connections. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SqlError } from '../../common/sqlError.ts';
import type { LookupClient } from '../../connector/lookup.ts';
import type { Database } from '../database.ts';
import { takeAnswers } from './answers.ts';
import type { LookupRuntime } from './runtime.ts';

const STOP_MS = 5000;
const FIRST_DELAY_MS = 100;
const LAST_DELAY_MS = 30_000;

export class LookupLoops {
  readonly #database: Database;
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<void>>();
  /** Those that rest, by table. */
  readonly #resting = new Map<LookupRuntime, Set<() => void>>();

  constructor(database: Database) {
    this.#database = database;
  }

  start(): void {
    const { lookups } = this.#database;
    lookups.onCreated = (runtime) => this.#begin(runtime);
    for (const runtime of lookups.list()) this.#begin(runtime);
    // What views wait for since before the start.
    lookups.collect();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#database.lookups.onCreated = () => {};
    await Promise.race([Promise.all(this.#running), sleep(STOP_MS, undefined, { ref: false })]);
  }

  #begin(runtime: LookupRuntime): void {
    const resting = new Set<() => void>();
    this.#resting.set(runtime, resting);
    runtime.wake = () => {
      for (const end of [...resting]) end();
    };
    for (let i = 0; i < runtime.connections; i++) {
      const loop = this.#run(runtime).finally(() => this.#running.delete(loop));
      this.#running.add(loop);
    }
  }

  async #run(runtime: LookupRuntime): Promise<void> {
    const { signal } = this.#stop;
    let client: LookupClient | null = null;
    while (!signal.aborted && !runtime.dropped) {
      const keys = runtime.next();
      if (keys.length === 0) {
        await this.#rest(runtime);
        continue;
      }
      try {
        client ??= await runtime.connector.open(runtime.config);
        await this.#ask(runtime, client, keys);
      } catch (error) {
        const closing = client;
        client = null;
        await closing?.close().catch(() => {});
        runtime.failed(keys, asSqlError(error));
        await sleep(delayOf(runtime), undefined, { signal }).catch(() => {});
      }
    }
    await client?.close().catch(() => {});
  }

  async #ask(runtime: LookupRuntime, client: LookupClient, keys: LookupKeys): Promise<void> {
    const { serverClock } = this.#database.environment;
    const started = serverClock.system();
    runtime.asked += BigInt(keys.length);
    const answers = await client.fetch(keys);
    runtime.lastMicros = serverClock.system() - started;
    await this.#database.exclusive(() => {
      // Nothing may be seen that could not be journalled.
      this.#database.journal?.requireReady();
      takeAnswers(this.#database, runtime, keys, answers);
    });
  }

  #rest(runtime: LookupRuntime): Promise<void> {
    const { signal } = this.#stop;
    if (signal.aborted || runtime.waiting > 0) return Promise.resolve();
    return new Promise((resolve) => {
      const resting = this.#resting.get(runtime);
      const end = (): void => {
        signal.removeEventListener('abort', end);
        resting?.delete(end);
        resolve();
      };
      signal.addEventListener('abort', end);
      resting?.add(end);
    });
  }
}

type LookupKeys = Parameters<LookupClient['fetch']>[0];

function delayOf({ attempts }: LookupRuntime): number {
  return Math.min(LAST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(Math.max(0, attempts - 1), 20));
}

function asSqlError(error: unknown): SqlError {
  if (error instanceof SqlError) return error;
  return new SqlError('08006', error instanceof Error ? error.message : String(error));
}
