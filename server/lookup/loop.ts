/** Asks other servers what rows wait for: for each lookup table as many loops as it may have connections. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../database.ts';
import { LookupAsking } from './asking.ts';
import type { LookupRuntime } from './runtime.ts';

const STOP_MS = 5000;

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
    const asking = new LookupAsking(this.#database, runtime);
    while (!signal.aborted) {
      const result = await asking.step();
      if (result === 'dropped') break;
      if (result === 'idle') await this.#rest(runtime);
      else if (result === 'failed') await sleep(asking.retryDelay, undefined, { signal }).catch(() => {});
    }
    await asking.close();
  }

  #rest(runtime: LookupRuntime): Promise<void> {
    const { signal } = this.#stop;
    if (signal.aborted || runtime.dropped || runtime.waiting > 0) return Promise.resolve();
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
