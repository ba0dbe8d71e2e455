/**
 * The journal's records as a table of SQLite (WAL), and the narrow interface of it, so that tests can put a disk of their own there.
 *
 * `write` hands records to the operating system (they outlive the process), `sync` to the disk (they outlive power). SQLite
 * itself runs with synchronous NORMAL, which keeps the file consistent; that the newest records are on disk is seen to here,
 * by fdatasync of its write-ahead log, off the main thread.
 */
import { closeSync, fdatasync, fdatasyncSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { SqlError } from '../common/sqlError.ts';
import type { StoredRecord } from './journalRecord.ts';
import type { RowsPlace } from './journalRows.ts';
import { upgradeToFormat2 } from './journalUpgrade.ts';

export const JOURNAL_FORMAT = 3;
export const JOURNAL_FILE = 'journal.db';
/** How long a server waits for one that is just stopping. */
const LOCK_WAIT_MS = 1500;
/** Pages of SQLite's log after which it is copied into the file. */
const LOG_PAGES = 1000;

export type MetaKey = 'format' | 'truncated' | 'seed' | 'probe';

/** `place`: where its payload is, which is empty here; null: here. */
export interface PlacedRecord extends StoredRecord {
  readonly place: RowsPlace | null;
}

export interface JournalTable {
  /** All or nothing: takes out records from `dropFrom` on (null: none), then adds `records`. At the operating system on return. */
  write(records: readonly PlacedRecord[], dropFrom: number | null): void;
  /** What was written before is on disk when this resolves. */
  sync(): Promise<void>;
  /** As `sync`, at once. */
  syncNow(): void;
  /** Records after `after`, in order, up to `limit`. */
  records(after: number, limit: number): Iterable<PlacedRecord>;
  /** Numbers of the records after `after` whose payloads are elsewhere, in order. */
  placed(after: number): readonly number[];
  /** Files that payloads are in. */
  files(): readonly number[];
  /** Sequence number of the last record; 0: there is none. */
  last(): number;
  /** Takes out the records through `seq` and remembers that they are gone for good. */
  truncate(seq: number): void;
  /** See JournalStore. */
  setCalm(calm: boolean): void;
  meta(key: MetaKey): string | null;
  setMeta(key: MetaKey, value: string): void;
  close(): void;
}

const schema = `
  CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS record (seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, payload TEXT NOT NULL, checksum INTEGER);
  CREATE TABLE IF NOT EXISTS place (seq INTEGER PRIMARY KEY, file INTEGER NOT NULL, at INTEGER NOT NULL, bytes INTEGER NOT NULL);
`;

/** SQLite's code or the system's; '' for other errors. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** True when the file is not what it was: pages that contradict each other or are missing, or none of SQLite's at all. */
export function isCorruption(error: unknown): boolean {
  return /^SQLITE_(CORRUPT|NOTADB|IOERR_SHORT_READ)/.test(errorCode(error));
}

export class JournalUnreadable extends Error {
  override readonly name = 'JournalUnreadable';
}

function openDatabase(directory: string, now: bigint): Sqlite.Database {
  let db: Sqlite.Database | null = null;
  try {
    mkdirSync(directory, { recursive: true });
    db = new Sqlite(join(directory, JOURNAL_FILE), { timeout: LOCK_WAIT_MS });
    db.pragma('locking_mode = EXCLUSIVE');
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.exec('BEGIN EXCLUSIVE');
    db.exec(schema);
    const version = db.prepare("SELECT value FROM meta WHERE key = 'format'").pluck().get();
    if (version === '1') upgradeToFormat2(db, now);
    else if (version !== undefined && version !== '2' && version !== String(JOURNAL_FORMAT)) {
      throw new SqlError(
        '55000',
        `data directory ${directory} has format ${String(version)}, this server reads formats 1 to ${JOURNAL_FORMAT}`,
      );
    }
    db.prepare("INSERT OR REPLACE INTO meta VALUES ('format', ?)").run(String(JOURNAL_FORMAT));
    db.exec('COMMIT');
    db.pragma('synchronous = NORMAL');
    return db;
  } catch (error) {
    db?.close();
    if (error instanceof SqlError) throw error;
    const text = error instanceof Error ? error.message : String(error);
    if (errorCode(error).startsWith('SQLITE_BUSY')) {
      throw new SqlError('55000', `data directory ${directory} is in use by another server`);
    }
    if (isCorruption(error)) throw new JournalUnreadable(text);
    throw new SqlError('58030', `cannot open data directory ${directory}: ${text}`);
  }
}

/** A record and, of a large one, where its payload is. */
type FoundRecord = Omit<StoredRecord, 'payload'> & {
  readonly payload: unknown;
} & { readonly [K in keyof RowsPlace]: RowsPlace[K] | null };

/** In the table `record`, and of those whose payloads are elsewhere also in `place`. */
export class SqliteTable implements JournalTable {
  readonly #db: Sqlite.Database;
  readonly #insert: Sqlite.Statement;
  readonly #insertPlace: Sqlite.Statement;
  readonly #drop: readonly Sqlite.Statement[];
  readonly #page: Sqlite.Statement;
  readonly #wal: number;
  /** The last sync has failed. */
  #doubtful = false;

  /** Throws SqlError 55000 when another server has it, 58030 when it cannot be opened, JournalUnreadable when it is damaged. */
  constructor(directory: string, now: bigint) {
    this.#db = openDatabase(directory, now);
    this.#insert = this.#db.prepare('INSERT INTO record (seq, kind, payload, checksum) VALUES (?, ?, ?, ?)');
    this.#insertPlace = this.#db.prepare('INSERT INTO place (seq, file, at, bytes) VALUES (?, ?, ?, ?)');
    this.#drop = ['record', 'place'].map((table) => this.#db.prepare(`DELETE FROM ${table} WHERE seq >= ?`));
    this.#page = this.#db.prepare(
      `SELECT seq, kind, payload, checksum, file, at, bytes FROM record LEFT JOIN place USING (seq)
       WHERE seq > ? ORDER BY seq LIMIT ?`,
    );
    this.#wal = openSync(join(directory, `${JOURNAL_FILE}-wal`), 'r+');
  }

  write(records: readonly PlacedRecord[], dropFrom: number | null): void {
    this.#db.transaction(() => {
      if (dropFrom !== null) for (const drop of this.#drop) drop.run(dropFrom);
      for (const { seq, kind, payload, checksum, place } of records) {
        this.#insert.run(seq, kind, payload, checksum);
        if (place !== null) this.#insertPlace.run(seq, place.file, place.at, place.bytes);
      }
    })();
  }

  async sync(): Promise<void> {
    this.#leaveDoubtfulLog();
    try {
      await new Promise<void>((resolve, reject) => {
        fdatasync(this.#wal, (error) => (error === null ? resolve() : reject(error)));
      });
    } catch (error) {
      this.#doubtful = true;
      throw error;
    }
  }

  syncNow(): void {
    this.#leaveDoubtfulLog();
    try {
      fdatasyncSync(this.#wal);
    } catch (error) {
      this.#doubtful = true;
      throw error;
    }
  }

  /**
   * After a failed sync the system may have forgotten pages of the log that are not on disk, and says nothing of them again: what
   * is written behind such a hole would be lost with it. So everything goes into the file, and the log begins anew.
   */
  #leaveDoubtfulLog(): void {
    if (!this.#doubtful) return;
    this.#db.pragma('synchronous = FULL');
    try {
      const [result] = this.#db.pragma('wal_checkpoint(TRUNCATE)') as { readonly busy: number }[];
      if (result?.busy !== 0) throw Object.assign(new Error('the log is in use'), { code: 'EIO' });
      this.#doubtful = false;
    } finally {
      this.#db.pragma('synchronous = NORMAL');
    }
  }

  *records(after: number, limit: number): Generator<PlacedRecord> {
    for (const found of this.#page.iterate(after, limit)) {
      const { seq, kind, payload, checksum, file, at, bytes } = found as FoundRecord;
      const place = file === null || at === null || bytes === null ? null : { file, at, bytes };
      // Bytes that were changed can make anything of it, against the schema too: nothing that its checksum would be of.
      const isPayload = typeof payload === 'string' || payload instanceof Uint8Array;
      yield { seq, kind: String(kind), payload: isPayload ? payload : '', checksum, place };
    }
  }

  placed(after: number): readonly number[] {
    return this.#db
      .prepare('SELECT seq FROM place WHERE seq > ? ORDER BY seq')
      .pluck()
      .all(after)
      .map(Number);
  }

  files(): readonly number[] {
    return this.#db.prepare('SELECT DISTINCT file FROM place').pluck().all().map(Number);
  }

  last(): number {
    return Number(this.#db.prepare('SELECT coalesce(max(seq), 0) FROM record').pluck().get());
  }

  truncate(seq: number): void {
    this.#db.transaction(() => {
      for (const table of ['record', 'place'])
        this.#db.prepare(`DELETE FROM ${table} WHERE seq <= ?`).run(seq);
      this.setMeta('truncated', String(seq));
    })();
  }

  /**
   * SQLite copies its log into the file when that has so many pages, in the midst of a commit, and waits for the disk: that takes
   * some milliseconds, but up to 160 while a large checkpoint is on its way to the same disk.
   */
  setCalm(calm: boolean): void {
    this.#db.pragma(`wal_autocheckpoint = ${calm ? LOG_PAGES : 0}`);
  }

  meta(key: MetaKey): string | null {
    const value = this.#db.prepare('SELECT value FROM meta WHERE key = ?').pluck().get(key);
    return value === undefined ? null : String(value);
  }

  setMeta(key: MetaKey, value: string): void {
    this.#db.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)').run(key, value);
  }

  close(): void {
    closeSync(this.#wal);
    this.#db.close();
  }
}
