/**
 * Drops slots and publications in PostgreSQL that no source has: left behind by a CREATE that was not finished, or a DROP that could
 * not reach the server, because the process died or the connection did. It is tried at the start and whenever one may have been left,
 * then after 1, 2, 4 ... 60 seconds until it has succeeded.
 *
 * State: the notes of what has been made (slotNotes.ts), and the slots that running statements are making. Invariant: what has a
 * source in the catalog, or is being made, is not touched.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { SqlError } from '../../common/sqlError.ts';
import { UpstreamConnection } from '../../connector/postgresCdc/connection.ts';
import type { PostgresCdcOptions } from '../../connector/postgresCdc/options.ts';
import { dropPublication, dropSlot } from '../../connector/postgresCdc/upstream.ts';
import type { Database } from '../database.ts';
import { SlotNotes } from './slotNotes.ts';
import { cdcSources } from './tables.ts';

const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 60_000;
const STOP_MS = 1000;

/** A statement that makes a slot, a publication or both. */
export interface Making {
  /** Before the first is made. Throws SqlError. */
  note(): void;
  /** They are somebody else's. */
  forget(): void;
  /** The statement has ended: what is in the catalog stays. */
  end(): void;
}

/** Drops both, as far as Millrace has made them. Throws SqlError. */
export async function dropUpstream(options: PostgresCdcOptions): Promise<void> {
  const connection = await UpstreamConnection.open(options);
  try {
    if (options.createsSlot) await dropSlot(connection, options.slot);
    if (options.createsPublication) await dropPublication(connection, options.publication);
  } finally {
    await connection.close();
  }
}

export class Orphans {
  readonly #database: Database;
  readonly #notes: SlotNotes;
  #log: (line: string) => void = () => {};
  readonly #inMaking = new Set<{ readonly slot: string }>();
  /** Slots whose failure has been logged. */
  readonly #told = new Set<string>();
  #stopping = new AbortController();
  #running: Promise<void> | null = null;
  #again = false;

  constructor(database: Database) {
    this.#database = database;
    this.#notes = new SlotNotes(database);
  }

  start(log: (line: string) => void, directory: string | null): void {
    this.#log = log;
    this.#stopping = new AbortController();
    if (directory !== null) {
      this.#notes.open(directory, (error) =>
        log(`what may be left in PostgreSQL is not known: ${error.message}`),
      );
    }
    this.look();
  }

  /** A server that does not answer is not waited for. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    if (this.#running !== null)
      await Promise.race([this.#running, sleep(STOP_MS, undefined, { ref: false })]);
  }

  making(options: PostgresCdcOptions): Making {
    const { slot, createsSlot, createsPublication } = options;
    const made = { slot };
    this.#inMaking.add(made);
    return {
      note: () => {
        if (createsSlot || createsPublication) this.#notes.keep(options);
      },
      forget: () => this.#notes.forget(slot),
      end: () => {
        this.#inMaking.delete(made);
        this.look();
      },
    };
  }

  /** How a source that there is is reached now. */
  keep(options: PostgresCdcOptions): void {
    if (options.createsSlot || options.createsPublication) this.#notes.keep(options);
  }

  /** They have been dropped. */
  forget({ slot }: PostgresCdcOptions): void {
    this.#notes.forget(slot);
  }

  #left(): readonly PostgresCdcOptions[] {
    const made = cdcSources(this.#database).map(({ runtime }) => runtime.options);
    const used = new Set([...made, ...this.#inMaking].map(({ slot }) => slot));
    return this.#notes.list().filter(({ slot }) => !used.has(slot));
  }

  /** Something may have been left. */
  look(): void {
    this.#again = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    for (let tries = 0; !signal.aborted; tries++) {
      if (this.#again) tries = 0;
      this.#again = false;
      const left = this.#left();
      for (const options of left) if (!signal.aborted) await this.#drop(options);
      if (this.#left().length === 0 && !this.#again) return;
      const wait = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(tries, 6));
      await sleep(wait, undefined, { signal }).catch(() => {});
    }
  }

  async #drop(options: PostgresCdcOptions): Promise<void> {
    const { slot, host, port } = options;
    const what = `replication slot "${slot}" in PostgreSQL at ${host}:${port}, which no source has,`;
    try {
      await dropUpstream(options);
      this.#notes.forget(slot);
      this.#log(`${what} has been dropped`);
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      if (this.#told.has(slot)) return;
      this.#told.add(slot);
      this.#log(`${what} could not be dropped, which is tried again: ${error.message}`);
    }
  }
}
