/** Keeps every CDC source of the database followed, from its creation, or the server's start, to its end. */
import type { Database } from '../database.ts';
import { CdcFeed } from './feed.ts';
import { cdcSources } from './tables.ts';

export class CdcFeeds {
  readonly #database: Database;
  readonly #feeds = new Map<number, CdcFeed>();
  #log: ((line: string) => void) | null = null;

  constructor(database: Database) {
    this.#database = database;
  }

  start(log: (line: string) => void): void {
    this.#log = log;
    this.update();
  }

  /** The catalog has changed: new sources are followed, and tables of those that are there already. */
  update(): void {
    if (this.#log === null) return;
    for (const { object, runtime } of cdcSources(this.#database)) {
      if (!this.#feeds.has(object.id)) {
        this.#feeds.set(object.id, new CdcFeed(this.#database, object, runtime, this.#log));
      }
      runtime.wake();
    }
  }

  find(id: number): CdcFeed | null {
    return this.#feeds.get(id) ?? null;
  }

  /** Of a source that has been dropped. */
  async end(id: number): Promise<void> {
    const feed = this.#feeds.get(id);
    this.#feeds.delete(id);
    await feed?.stop();
  }

  async stop(): Promise<void> {
    this.#log = null;
    await Promise.all([...this.#feeds.values()].map((feed) => feed.stop()));
    this.#feeds.clear();
  }
}
