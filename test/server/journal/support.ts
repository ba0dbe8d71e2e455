/** Databases with a journal on an injected clock and disk, without sockets or loops: tests decide what happens when. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatValue, plainContext } from '../../../common/textIo.ts';
import type { Database } from '../../../server/database.ts';
import { Journal } from '../../../server/journal.ts';
import { replayJournal } from '../../../server/journalRecovery.ts';
import { createDatabase, ddlRunner, localSession } from '../../../server/serve.ts';
import type { Session } from '../../../server/session.ts';
import { ServerClock } from '../../../server/time/clock.ts';
import type { StoredRecord } from '../../../storage/journalRecord.ts';
import { type JournalStore, SqliteJournalStore } from '../../../storage/journalStore.ts';
import type { MetaKey } from '../../../storage/journalTable.ts';
import { generator } from '../time/random.ts';

/** 2024-01-01 in microseconds. */
export const START = 1_704_067_200_000_000n;

export interface OpenOptions {
  readonly store?: (directory: string) => JournalStore;
  readonly acceptDataLoss?: boolean;
  readonly log?: (line: string) => void;
  /** The system's clock. */
  readonly now?: () => bigint;
  readonly seed?: number;
}

export interface Opened {
  readonly database: Database;
  readonly journal: Journal;
  readonly session: Session;
}

/** Opens the data directory and recovers it from the journal alone. */
export async function open(directory: string, options: OpenOptions = {}): Promise<Opened> {
  const now = options.now ?? (() => START);
  const random = generator(options.seed ?? 1);
  const serverClock = new ServerClock(now);
  const database = createDatabase({
    serverClock,
    clock: () => serverClock.now(),
    random: () => random(1 << 30) / (1 << 30),
    randomBytes: (count) => Uint8Array.from({ length: count }, () => random(256)),
  });
  const journal = new Journal(
    directory,
    { now, acceptDataLoss: options.acceptDataLoss ?? false, log: options.log ?? (() => {}) },
    options.store?.(directory),
  );
  try {
    await replayJournal(database, journal, ddlRunner(database));
  } catch (error) {
    journal.close();
    throw error;
  }
  return { database, journal, session: localSession(database) };
}

const plain = plainContext(() => 0n);

/** Every row of every table and view, late rows too, with watermarks and the version: what a restart must give again. */
export function dump(database: Database): Readonly<Record<string, readonly string[]>> {
  const result: Record<string, readonly string[]> = { version: [String(database.version)] };
  for (const object of database.catalog.objects()) {
    if (object.kind === 'source') result[`source ${object.name}`] = [sourceText(database, object.id)];
    if (object.kind !== 'table' && object.kind !== 'materialized view') continue;
    const shown = object.columns.map((c, i) => ({ ...c, i })).filter((c) => c.hidden !== true);
    const rows: string[] = [];
    for (const row of object.store.rows()) {
      const cells = shown.map(({ type, i }) => {
        const value = row[i] ?? null;
        return value === null ? 'NULL' : formatValue(value, type, plain);
      });
      rows.push(cells.join(' | '));
    }
    result[`${object.schema}.${object.name}`] = rows.sort();
    if (object.kind === 'table') result[`time ${object.name}`] = [sourceText(database, object.id)];
  }
  return result;
}

function sourceText(database: Database, id: number): string {
  const object = database.catalog.byId(id);
  if (object?.kind !== 'source' && object?.kind !== 'table') return '';
  const { source } = object;
  const read =
    source === null ? '' : `${JSON.stringify(source.position)} ${source.rowsRead} ${source.bad.total}`;
  const eventTime = object.admission?.eventTime ?? null;
  return `${read} ${eventTime === null ? '' : JSON.stringify(eventTime.toJson())}`;
}

/** A fresh directory, and its removal. */
export function temporaryDirectory(name: string): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), `millrace-${name}-`));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** The directory as a crash of the process leaves it: what was handed to the operating system. */
export function afterCrash(directory: string, name: string): string {
  const copy = `${directory}-${name}`;
  rmSync(copy, { recursive: true, force: true });
  cpSync(directory, copy, { recursive: true });
  return copy;
}

/** A disk in the test's hands over a real one. */
export class TestStore implements JournalStore {
  readonly #store: JournalStore;
  writes = 0;
  syncs = 0;
  /** Called before and after every write; throws to fail it. */
  onWrite: (when: 'before' | 'after', count: number) => void = () => {};
  /** What a sync waits for; rejects to fail it. */
  onSync: () => Promise<void> = () => Promise.resolve();

  constructor(directory: string) {
    this.#store = new SqliteJournalStore(directory, START);
  }

  get marked(): number {
    return this.#store.marked;
  }

  write(records: readonly StoredRecord[], dropFrom: number | null): void {
    const count = ++this.writes;
    this.onWrite('before', count);
    this.#store.write(records, dropFrom);
    this.onWrite('after', count);
  }

  async sync(): Promise<void> {
    this.syncs++;
    await this.onSync();
    await this.#store.sync();
  }

  syncNow(): void {
    this.syncs++;
    this.#store.syncNow();
  }

  setCalm(calm: boolean): void {
    this.#store.setCalm(calm);
  }

  probe(bytes: number): void {
    this.onWrite('before', this.writes);
    this.#store.probe(bytes);
  }

  release(): boolean {
    return this.#store.release();
  }

  read(after: number, limit: number): readonly StoredRecord[] {
    return this.#store.read(after, limit);
  }

  last(): number {
    return this.#store.last();
  }

  truncate(seq: number): void {
    this.#store.truncate(seq);
  }

  meta(key: MetaKey): string | null {
    return this.#store.meta(key);
  }

  setMeta(key: MetaKey, value: string): void {
    this.#store.setMeta(key, value);
  }

  mark(seq: number): void {
    this.#store.mark(seq);
  }

  close(): void {
    this.#store.close();
  }
}

/** The error of a disk without space, as SQLite gives it. */
export function diskFull(): Error {
  return Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });
}

export function ioError(): Error {
  return Object.assign(new Error('disk I/O error'), { code: 'EIO' });
}

/** SQLSTATE of a failed statement, `done` otherwise. */
export async function stateOf(action: Promise<unknown>): Promise<string> {
  try {
    await action;
    return 'done';
  } catch (error) {
    return error instanceof Error && 'state' in error ? String(error.state) : String(error);
  }
}
