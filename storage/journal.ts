/**
 * The journal file: an append-only list of records in SQLite (WAL, synchronous FULL), plus the newest position of every
 * source. What records mean is the caller's. One process may have a directory open: the lock is SQLite's exclusive lock.
 *
 * Invariant: `append` returns after its record, the records put off before it and the pending positions are on disk in one
 * transaction.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { SqlError } from '../common/sqlError.ts';

const FORMAT_VERSION = 1;
/** How long a server waits for one that is just stopping. */
const LOCK_WAIT_MS = 1500;

export interface JournalRecord {
  readonly kind: string;
  readonly payload: string;
}

const schema = `
  CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS record (seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, payload TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS position (id INTEGER PRIMARY KEY, payload TEXT NOT NULL);
`;

function openDatabase(directory: string): Sqlite.Database {
  try {
    mkdirSync(directory, { recursive: true });
    const db = new Sqlite(join(directory, 'journal.db'), { timeout: LOCK_WAIT_MS });
    db.pragma('locking_mode = EXCLUSIVE');
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.exec('BEGIN EXCLUSIVE');
    db.exec(schema);
    db.exec('COMMIT');
    return db;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code.startsWith('SQLITE_BUSY')) {
      throw new SqlError('55000', `data directory ${directory} is in use by another server`);
    }
    throw new SqlError(
      '58030',
      `cannot open data directory ${directory}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

export class JournalFile {
  readonly #db: Sqlite.Database;
  readonly #insert: Sqlite.Statement;
  readonly #upsertPosition: Sqlite.Statement;
  readonly #pending = new Map<number, string>();
  #later: JournalRecord[] = [];
  #records: number;

  /** Opens or creates the journal in `directory`. SqlError 55000 when another server has it, 58030 when it cannot. */
  constructor(directory: string) {
    this.#db = openDatabase(directory);
    const version = this.#db.prepare("SELECT value FROM meta WHERE key = 'format'").pluck().get();
    if (version === undefined) {
      this.#db.prepare("INSERT INTO meta VALUES ('format', ?)").run(String(FORMAT_VERSION));
    } else if (version !== String(FORMAT_VERSION)) {
      this.#db.close();
      throw new SqlError(
        '55000',
        `data directory ${directory} has format ${String(version)}, this server reads format ${FORMAT_VERSION}`,
      );
    }
    this.#insert = this.#db.prepare('INSERT INTO record (kind, payload) VALUES (?, ?)');
    this.#upsertPosition = this.#db.prepare(
      'INSERT INTO position VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET payload = excluded.payload',
    );
    this.#records = Number(this.#db.prepare('SELECT count(*) FROM record').pluck().get());
  }

  get records(): number {
    return this.#records;
  }

  append(kind: string, payload: string): void {
    this.#transaction(() => {
      this.#insert.run(kind, payload);
      this.#records++;
    });
  }

  /** Keeps the newest position of a source; written with the next append or `flush`. */
  notePosition(id: number, payload: string): void {
    this.#pending.set(id, payload);
  }

  /** A record that belongs to positions noted in the same step: written with them. */
  appendLater(kind: string, payload: string): void {
    this.#later.push({ kind, payload });
  }

  /** Records that were put off, at once. */
  flushLater(): void {
    if (this.#later.length > 0) this.#transaction(() => {});
  }

  flush(): void {
    if (this.#pending.size > 0 || this.#later.length > 0) this.#transaction(() => {});
  }

  #transaction(body: () => void): void {
    try {
      this.#db.transaction(() => {
        for (const { kind, payload } of this.#later) {
          this.#insert.run(kind, payload);
          this.#records++;
        }
        body();
        for (const [id, payload] of this.#pending) this.#upsertPosition.run(id, payload);
      })();
      this.#pending.clear();
      this.#later = [];
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      const full = code.startsWith('SQLITE_FULL');
      throw new SqlError(
        full ? '53100' : '58030',
        `cannot write the journal: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  *read(): Generator<JournalRecord> {
    const page = this.#db.prepare(
      'SELECT seq, kind, payload FROM record WHERE seq > ? ORDER BY seq LIMIT 256',
    );
    for (let last = 0; ; ) {
      const rows = page.all(last) as { seq: number; kind: string; payload: string }[];
      if (rows.length === 0) return;
      for (const { seq, kind, payload } of rows) {
        last = seq;
        yield { kind, payload };
      }
    }
  }

  positions(): ReadonlyMap<number, string> {
    const rows = this.#db.prepare('SELECT id, payload FROM position').all() as {
      id: number;
      payload: string;
    }[];
    return new Map(rows.map((r) => [r.id, r.payload]));
  }

  /** Replaces all records by `records` and drops positions of other ids, atomically. */
  rewrite(records: Iterable<JournalRecord>, liveIds: ReadonlySet<number>): void {
    // Records that were put off are part of the history that is replaced; their positions stay.
    this.flush();
    this.#db.transaction(() => {
      this.#db.exec('DELETE FROM record');
      this.#records = 0;
      for (const { kind, payload } of records) {
        this.#insert.run(kind, payload);
        this.#records++;
      }
      for (const id of this.positions().keys()) {
        if (!liveIds.has(id)) this.#db.prepare('DELETE FROM position WHERE id = ?').run(id);
      }
    })();
    this.#db.pragma('wal_checkpoint(TRUNCATE)');
  }

  close(): void {
    this.flush();
    this.#db.close();
  }
}
