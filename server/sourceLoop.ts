/** Keeps sources flowing: polls them while there is input, sleeps until the next is due, and lets the wire breathe. */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Database } from './database.ts';
import { isDue, least, nextDue, runDue } from './time/due.ts';

/** Longest sleep: a new consumer or a grown file is noticed within this time. */
const MAX_SLEEP_MS = 20;
/** What was put off is written within this time. */
const FLUSH_MS = 50;

export class SourceLoop {
  readonly #database: Database;
  readonly #onFailure: (error: unknown) => void;
  readonly #stop = new AbortController();
  /** Ends a sleep early: something has come. */
  #wake = new AbortController();
  /** Something has come since the last poll began. */
  #input = false;
  #done: Promise<void> = Promise.resolve();

  /** `onFailure` gets anything that is not a source's own SqlError: a bug, reported once; the loop goes on. */
  constructor(database: Database, onFailure: (error: unknown) => void) {
    this.#database = database;
    this.#onFailure = onFailure;
  }

  start(): void {
    this.#database.onInput = () => {
      this.#input = true;
      this.#wake.abort();
    };
    const { journal } = this.#database;
    if (journal !== null) journal.onSynced = () => this.#database.acknowledgeSources();
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#database.onInput = () => {};
    const { journal } = this.#database;
    if (journal !== null) journal.onSynced = () => {};
    this.#stop.abort();
    this.#wake.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let flushedAt = 0n;
    while (!signal.aborted) {
      let any = false;
      try {
        // Behind what is running: a commit that waits for the disk is no reason to spin.
        if (this.#database.busy) await this.#database.exclusive(() => {});
        this.#input = false;
        any = await this.#database.pollSources();
        this.#acknowledge();
        if (isDue(this.#database)) await this.#database.exclusive(() => runDue(this.#database));
        const now = this.#database.environment.serverClock.system();
        if (now - flushedAt > BigInt(FLUSH_MS) * 1000n) {
          this.#database.journal?.flushSoon();
          flushedAt = now;
        }
      } catch (error) {
        this.#onFailure(error);
        any = false;
      }
      if (any) await nextTurn();
      else if (!this.#input) await this.#sleep();
    }
  }

  /** What is durable is acknowledged, now or when the disk has it. */
  #acknowledge(): void {
    const database = this.#database;
    database.acknowledgeSources();
    for (const source of database.remoteSources()) {
      if (!source.isWaitedFor) continue;
      database.journal?.hurry();
      return;
    }
  }

  async #sleep(): Promise<void> {
    this.#wake = new AbortController();
    await sleep(this.#sleepMs(), undefined, { signal: this.#wake.signal }).catch(() => {});
  }

  #sleepMs(): number {
    const next = least(this.#database.nextSourcePoll(), nextDue(this.#database));
    if (next === null) return MAX_SLEEP_MS;
    const ms = Number(next - this.#database.environment.clock()) / 1000;
    return Math.max(1, Math.min(MAX_SLEEP_MS, ms));
  }
}
