/**
 * Where the journal lies: a table of records in SQLite (WAL), files of what is large in them (journalRows.ts) and a mark beside
 * it. The narrow interface under the journal, so that tests can put a failing disk there.
 *
 * `write` hands records to the operating system (they outlive the process), `sync` to the disk (they outlive power). SQLite
 * itself runs with synchronous NORMAL, which keeps the file consistent; that the newest records are on disk is seen to here,
 * by fdatasync of its write-ahead log, off the main thread.
 *
 * The mark holds the newest sequence number known to be on disk. It is written without a sync of its own, so after power loss
 * it may be older than the truth, never newer: a journal that ends before its mark has lost records.
 */
import {
  closeSync,
  existsSync,
  fdatasync,
  fdatasyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import Sqlite from 'better-sqlite3';
import { SqlError } from '../common/sqlError.ts';
import { isIntact, type StoredRecord } from './journalRecord.ts';
import { JournalRows, type RowsPlace } from './journalRows.ts';
import { upgradeToFormat2 } from './journalUpgrade.ts';

export const JOURNAL_FORMAT = 3;
export const JOURNAL_FILE = 'journal.db';
export const MARK_FILE = 'journal.mark';
/** How long a server waits for one that is just stopping. */
const LOCK_WAIT_MS = 1500;

/** Payloads of bytes from this size on lie beside the database. */
const LARGE_BYTES = 16 * 1024;
/** Pages of SQLite's log after which it is copied into the file. */
const LOG_PAGES = 1000;
/** A page of records ends when it has so many bytes. */
const PAGE_BYTES = 16 * 1024 * 1024;

export type MetaKey = 'format' | 'truncated' | 'seed' | 'probe';

export interface JournalStore {
  /** All or nothing: takes out records from `dropFrom` on (null: none), then adds `records`. At the operating system on return. */
  write(records: readonly StoredRecord[], dropFrom: number | null): void;
  /** What was written before is on disk when this resolves. */
  sync(): Promise<void>;
  /** As `sync`, at once. */
  syncNow(): void;
  /** Records after `after`, in order: up to `limit`, and fewer of large ones; none only behind the last. */
  read(after: number, limit: number): readonly StoredRecord[];
  /** Sequence number of the last record; 0: there is none. */
  last(): number;
  /** Takes out the records through `seq` and remembers that they are gone for good. */
  truncate(seq: number): void;
  /** False: the disk is busy with something else, so what can wait is put off until it is true again. */
  setCalm(calm: boolean): void;
  meta(key: MetaKey): string | null;
  setMeta(key: MetaKey, value: string): void;
  /** Throws as `write` does when there is no space for so many bytes. */
  probe(bytes: number): void;
  /** Notes that records through `seq` are on disk. */
  mark(seq: number): void;
  /** What the mark said when the journal was opened; 0: none. */
  readonly marked: number;
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

/** True when the file is not what it was: pages that contradict each other, or none of SQLite's at all. */
export function isCorruption(error: unknown): boolean {
  return /^SQLITE_(CORRUPT|NOTADB)/.test(errorCode(error));
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

const MARK_BYTES = 32;

function markText(seq: number): string {
  const number = String(seq).padStart(20, '0');
  return `${number} ${crc32(number).toString(16).padStart(8, '0')}`.padEnd(MARK_BYTES - 1).concat('\n');
}

/** The number in a mark; 0 where there is none, or none that can be trusted. */
export function readMark(directory: string): number {
  try {
    const text = readFileSync(join(directory, MARK_FILE), 'latin1');
    const seq = Number(text.slice(0, 20));
    return text === markText(seq) ? seq : 0;
  } catch {
    return 0;
  }
}

/** There was a mark, and it is gone or not what was written: how far the journal was synced is not known. */
function isMarkLost(directory: string): boolean {
  const path = join(directory, MARK_FILE);
  if (!existsSync(path)) return existsSync(join(directory, JOURNAL_FILE));
  return statSync(path).size > 0 && readMark(directory) === 0;
}

/** A record and, of a large one, where its payload is. */
type FoundRecord = StoredRecord & { readonly [K in keyof RowsPlace]: RowsPlace[K] | null };

export class SqliteJournalStore implements JournalStore {
  readonly marked: number;
  readonly #db: Sqlite.Database;
  readonly #rows: JournalRows;
  readonly #insert: Sqlite.Statement;
  readonly #insertPlace: Sqlite.Statement;
  readonly #drop: readonly Sqlite.Statement[];
  readonly #page: Sqlite.Statement;
  readonly #wal: number;
  readonly #mark: number;
  /** The last sync has failed. */
  #doubtful = false;

  /**
   * Opens or creates the journal in `directory`. Throws SqlError 55000 when another server has it, 58030 when it cannot be
   * opened, JournalUnreadable when it is damaged. `now`: microseconds, the time of an upgrade.
   */
  constructor(directory: string, now: bigint) {
    this.marked = readMark(directory);
    const isLost = isMarkLost(directory);
    this.#db = openDatabase(directory, now);
    this.#insert = this.#db.prepare('INSERT INTO record (seq, kind, payload, checksum) VALUES (?, ?, ?, ?)');
    this.#insertPlace = this.#db.prepare('INSERT INTO place (seq, file, at, bytes) VALUES (?, ?, ?, ?)');
    this.#drop = ['record', 'place'].map((table) => this.#db.prepare(`DELETE FROM ${table} WHERE seq >= ?`));
    this.#page = this.#db.prepare(
      `SELECT seq, kind, payload, checksum, file, at, bytes FROM record LEFT JOIN place USING (seq)
       WHERE seq > ? ORDER BY seq LIMIT ?`,
    );
    this.#rows = new JournalRows(directory);
    this.#wal = openSync(join(directory, `${JOURNAL_FILE}-wal`), 'r+');
    this.#mark = openSync(join(directory, MARK_FILE), this.marked === 0 ? 'w' : 'r+');
    try {
      // Without the mark it could be damage as well: reading says so.
      if (!isLost) this.#dropTorn();
      this.#dropUnusedRows();
    } catch (error) {
      // Reading will find it, and say what is lost.
      if (!isCorruption(error)) throw error;
    }
  }

  /**
   * The system may have brought a record to the disk and not the rows it points to, when power went before either was synced:
   * such a one, and what follows it, was promised to nobody.
   */
  #dropTorn(): void {
    const places = this.#db.prepare('SELECT seq FROM place WHERE seq > ? ORDER BY seq').pluck();
    for (const seq of places.all(this.marked)) {
      const [record] = this.read(Number(seq) - 1, 1);
      if (record !== undefined && isIntact(record)) continue;
      this.#db.transaction(() => {
        for (const drop of this.#drop) drop.run(seq);
      })();
      return;
    }
  }

  #dropUnusedRows(): void {
    const files = this.#db.prepare('SELECT DISTINCT file FROM place').pluck().all();
    this.#rows.keep(new Set(files.map(Number)));
  }

  write(records: readonly StoredRecord[], dropFrom: number | null): void {
    const end = this.#rows.end;
    try {
      this.#db.transaction(() => {
        if (dropFrom !== null) for (const drop of this.#drop) drop.run(dropFrom);
        for (const record of records) this.#add(record);
      })();
    } catch (error) {
      this.#rows.takeBack(end);
      throw error;
    }
  }

  #add({ seq, kind, payload, checksum }: StoredRecord): void {
    if (typeof payload === 'string' || payload.byteLength < LARGE_BYTES) {
      this.#insert.run(seq, kind, payload, checksum);
      return;
    }
    const { file, at, bytes } = this.#rows.add(payload);
    this.#insert.run(seq, kind, '', checksum);
    this.#insertPlace.run(seq, file, at, bytes);
  }

  async sync(): Promise<void> {
    await this.#rows.sync();
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
    this.#rows.syncNow();
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

  read(after: number, limit: number): readonly StoredRecord[] {
    const page: StoredRecord[] = [];
    let size = 0;
    for (const found of this.#page.iterate(after, limit)) {
      const { seq, kind, payload, checksum, file, at, bytes } = found as FoundRecord;
      const place = file === null || at === null || bytes === null ? null : { file, at, bytes };
      // What is not there any more is no payload that its checksum would be of.
      const whole = place === null ? payload : (this.#rows.read(place) ?? '');
      page.push({ seq, kind, payload: whole, checksum });
      size += whole.length;
      if (size >= PAGE_BYTES) break;
    }
    return page;
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
    // Power loss may bring the records back, without their rows: the checkpoint covers them, so nobody will read them.
    this.#dropUnusedRows();
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

  probe(bytes: number): void {
    this.setMeta('probe', ' '.repeat(bytes));
    this.setMeta('probe', '');
  }

  mark(seq: number): void {
    writeSync(this.#mark, markText(seq), 0, 'latin1');
  }

  close(): void {
    this.#rows.close();
    closeSync(this.#wal);
    closeSync(this.#mark);
    this.#db.close();
  }
}
