/**
 * One asker of a lookup table: takes keys that rows wait for, asks the other server for them, and puts the answers into the
 * tables. It is on a connection of its own, which is given up after any failure; the keys are asked for again then.
 */
import { SqlError } from '../../common/sqlError.ts';
import type { Row } from '../../common/value.ts';
import type { LookupClient } from '../../connector/lookup.ts';
import type { Database } from '../database.ts';
import { takeAnswers } from './answers.ts';
import type { LookupRuntime } from './runtime.ts';

const FIRST_DELAY_MS = 100;
const LAST_DELAY_MS = 30_000;

export type AskResult =
  | 'answered'
  /** No row waits. */
  | 'idle'
  /** It is to be tried again after `retryDelay`. */
  | 'failed'
  | 'dropped';

export class LookupAsking {
  readonly #database: Database;
  readonly runtime: LookupRuntime;
  #client: LookupClient | null = null;
  /** Of the options that the client has. */
  #generation = 0;

  constructor(database: Database, runtime: LookupRuntime) {
    this.#database = database;
    this.runtime = runtime;
  }

  get retryDelay(): number {
    const doublings = Math.max(0, this.runtime.attempts - 1);
    return Math.min(LAST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(doublings, 20));
  }

  /** Asks once, if there is something to ask for. */
  async step(): Promise<AskResult> {
    const { runtime } = this;
    if (runtime.dropped) return 'dropped';
    const keys = runtime.next();
    if (keys.length === 0) return 'idle';
    try {
      await this.#ask(await this.#connected(), keys);
      return 'answered';
    } catch (error) {
      await this.close();
      runtime.failed(keys, asSqlError(error));
      return 'failed';
    }
  }

  async #connected(): Promise<LookupClient> {
    const { runtime } = this;
    if (this.#generation !== runtime.generation) await this.close();
    this.#generation = runtime.generation;
    this.#client ??= await runtime.connector.open(runtime.config);
    return this.#client;
  }

  async #ask(client: LookupClient, keys: readonly Row[]): Promise<void> {
    const { runtime } = this;
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

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    await client?.close().catch(() => {});
  }
}

function asSqlError(error: unknown): SqlError {
  if (error instanceof SqlError) return error;
  return new SqlError('08006', error instanceof Error ? error.message : String(error));
}
