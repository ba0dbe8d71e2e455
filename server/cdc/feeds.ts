/** Keeps every CDC source of the database followed, from its creation, or the server's start, to its end. */
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from '../database.ts';
import { CdcFeed } from './feed.ts';
import { Orphans } from './orphans.ts';
import { cdcSources } from './tables.ts';

/** Large transactions wait in it: under the data directory, or where there is none, in that for temporary files. */
const SPILL_DIRECTORY = 'cdc.spill';

export class CdcFeeds {
  readonly #database: Database;
  readonly #feeds = new Map<number, CdcFeed>();
  #log: ((line: string) => void) | null = null;
  #spillDirectory = tmpdir();
  readonly orphans: Orphans;

  constructor(database: Database) {
    this.#database = database;
    this.orphans = new Orphans(database);
  }

  /** `directory`: the data directory; null: there is none. */
  start(log: (line: string) => void, directory: string | null): void {
    this.#log = log;
    if (directory !== null) {
      this.#spillDirectory = join(directory, SPILL_DIRECTORY);
      rmSync(this.#spillDirectory, { recursive: true, force: true });
    }
    this.orphans.start(log, directory);
    this.update();
  }

  /** The catalog has changed: new sources are followed, and tables of those that are there already. */
  update(): void {
    if (this.#log === null) return;
    for (const { object, runtime } of cdcSources(this.#database)) {
      if (!this.#feeds.has(object.id)) {
        this.#feeds.set(
          object.id,
          new CdcFeed(this.#database, object, runtime, this.#log, this.#spillDirectory),
        );
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
    await this.orphans.stop();
    await Promise.all([...this.#feeds.values()].map((feed) => feed.stop()));
    this.#feeds.clear();
  }
}
