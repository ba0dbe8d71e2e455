/**
 * The file of the newest checkpoint: blocks, images and what they belong to, in SQLite. A checkpoint is one transaction
 * that replaces the blocks and images which changed since the one before; a crash in the middle leaves that one.
 *
 * Everything carries a CRC-32; whatever does not match, is missing or cannot be read is damage (SqlError XX001).
 */
import { basename, dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import Sqlite from 'better-sqlite3';
import { SqlError } from '../../common/sqlError.ts';

/**
 * Of the file, and of the images and blocks of tables, sources and the engine: raised with every change that an older server
 * would misread. What they say is nowhere else, so a server reads every format from the oldest on.
 */
export const STATE_FORMAT = 1;
export const OLDEST_STATE_FORMAT = 1;
/**
 * Of the images and blocks of views, their operators and arrangements: raised with every change to them. Those of another
 * format are not read: they are built again from what the views are over.
 */
export const VIEW_FORMAT = 1;

export const STATE_FILE = 'state.db';
const PAGE_BYTES = 16384;

const schema = `
  CREATE TABLE IF NOT EXISTS checkpoint (id INTEGER PRIMARY KEY CHECK (id = 1), crc INTEGER NOT NULL, description TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS block (id INTEGER PRIMARY KEY, crc INTEGER NOT NULL, bytes BLOB NOT NULL);
  CREATE TABLE IF NOT EXISTS image (name TEXT PRIMARY KEY, crc INTEGER NOT NULL, bytes BLOB NOT NULL);
`;

/** What ends a checkpoint. */
export interface CheckpointEnd {
  /** What the checkpoint is about; the meaning is the caller's. */
  readonly description: string;
  /** Images that changed. */
  readonly images: ReadonlyMap<string, Uint8Array>;
  readonly droppedImages: readonly string[];
  readonly droppedBlocks: readonly number[];
}

/** What a checkpoint consists of; bytes of blocks and images. */
export interface CheckpointSize {
  readonly blocks: number;
  readonly images: number;
  readonly bytes: number;
}

interface Stored {
  readonly crc: number;
  readonly bytes: Buffer;
}

export function damaged(file: string, what: string): SqlError {
  return new SqlError('XX001', `${what} of the checkpoint in ${file} is damaged`, {
    hint: 'Restore the data directory from a backup, or remove state.db: the server then starts from the journal alone, if that is complete.',
  });
}

function failure(doing: string, error: unknown): SqlError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const message = error instanceof Error ? error.message : String(error);
  if (/^SQLITE_(CORRUPT|NOTADB|IOERR_SHORT_READ)/.test(code)) {
    return new SqlError('XX001', `cannot ${doing} the checkpoint: ${message}`, {
      hint: 'Restore the data directory from a backup.',
    });
  }
  return new SqlError(
    code.startsWith('SQLITE_FULL') ? '53100' : '58030',
    `cannot ${doing} the checkpoint: ${message}`,
  );
}

export class CheckpointFile {
  readonly path: string;
  readonly #db: Sqlite.Database;
  readonly #putBlock: Sqlite.Statement;
  readonly #getBlock: Sqlite.Statement;

  /** Opens or creates the file in `directory`. */
  constructor(
    directory: string,
    options: { readonly readonly: boolean; readonly name?: string } = { readonly: false },
  ) {
    this.path = join(directory, options.name ?? STATE_FILE);
    try {
      this.#db = new Sqlite(this.path, { readonly: options.readonly });
      if (!options.readonly) {
        this.#db.pragma(`page_size = ${PAGE_BYTES}`);
        this.#db.pragma('journal_mode = WAL');
        this.#db.pragma('synchronous = FULL');
        this.#db.exec(schema);
      }
      this.#putBlock = options.readonly
        ? this.#db.prepare('SELECT 1')
        : this.#db.prepare(
            'INSERT INTO block VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET crc = excluded.crc, bytes = excluded.bytes',
          );
      this.#getBlock = this.#db.prepare('SELECT crc, bytes FROM block WHERE id = ?');
    } catch (error) {
      throw failure('open', error);
    }
  }

  /** Opens a file that is a backup, to read it. SqlError XX001 when it is none. */
  static backup(path: string): CheckpointFile {
    try {
      return new CheckpointFile(dirname(path), { readonly: true, name: basename(path) });
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      const { message } = error;
      throw new SqlError('XX001', `"${path}" is not a backup, or is damaged`, { detail: message });
    }
  }

  // Writing

  begin(): void {
    this.#attempt('write', () => this.#db.exec('BEGIN IMMEDIATE'));
  }

  putBlock(id: number, bytes: Uint8Array): void {
    this.#attempt('write', () => this.#putBlock.run(id, crc32(bytes), bytes));
  }

  /** Ends the checkpoint; afterwards it is on disk. */
  commit({ description, images, droppedImages, droppedBlocks }: CheckpointEnd): void {
    this.#attempt('write', () => {
      const dropBlock = this.#db.prepare('DELETE FROM block WHERE id = ?');
      for (const id of droppedBlocks) dropBlock.run(id);
      const dropImage = this.#db.prepare('DELETE FROM image WHERE name = ?');
      for (const name of droppedImages) dropImage.run(name);
      const putImage = this.#db.prepare('INSERT OR REPLACE INTO image VALUES (?, ?, ?)');
      for (const [name, bytes] of images) putImage.run(name, crc32(bytes), bytes);
      this.#db
        .prepare('INSERT OR REPLACE INTO checkpoint VALUES (1, ?, ?)')
        .run(crc32(description), description);
      this.#db.exec('COMMIT');
    });
    try {
      this.#db.pragma('wal_checkpoint(PASSIVE)');
    } catch {
      // The transaction is on disk in the log; SQLite copies it into the file at the next occasion.
    }
  }

  rollback(): void {
    if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
  }

  #attempt(doing: string, section: () => void): void {
    try {
      section();
    } catch (error) {
      throw error instanceof SqlError ? error : failure(doing, error);
    }
  }

  // Reading

  /** What the newest checkpoint is about; null: there is none. SqlError XX001 when it is damaged. */
  description(): string | null {
    try {
      const row = this.#db.prepare('SELECT crc, description FROM checkpoint').get() as
        | { crc: number; description: string }
        | undefined;
      if (row === undefined) return null;
      if (crc32(row.description) !== row.crc) throw damaged(this.path, 'the description');
      return row.description;
    } catch (error) {
      throw error instanceof SqlError ? error : failure('read', error);
    }
  }

  /** An image by its name; null: there is none. */
  image(name: string): Uint8Array | null {
    const stored = this.#get('SELECT crc, bytes FROM image WHERE name = ?', name);
    if (stored === null) return null;
    if (crc32(stored.bytes) !== stored.crc) throw damaged(this.path, `image ${name}`);
    return stored.bytes;
  }

  imageNames(): readonly string[] {
    return this.#column('SELECT name FROM image ORDER BY name').map(String);
  }

  blockIds(): readonly number[] {
    return this.#column('SELECT id FROM block').map(Number);
  }

  block(id: number): Uint8Array<ArrayBuffer> {
    let stored: Stored | undefined;
    try {
      stored = this.#getBlock.get(id) as Stored | undefined;
    } catch (error) {
      throw failure('read', error);
    }
    if (stored === undefined) throw damaged(this.path, `block ${id}`);
    if (crc32(stored.bytes) !== stored.crc) throw damaged(this.path, `block ${id}`);
    // The driver's buffer may lie anywhere in a larger one: state keeps an own one, from its first byte on.
    const own = new Uint8Array(stored.bytes.length);
    own.set(stored.bytes);
    return own;
  }

  #column(sql: string): readonly unknown[] {
    try {
      return this.#db.prepare(sql).pluck().all();
    } catch (error) {
      throw failure('read', error);
    }
  }

  #get(sql: string, key: string): Stored | null {
    try {
      return (this.#db.prepare(sql).get(key) as Stored | undefined) ?? null;
    } catch (error) {
      throw failure('read', error);
    }
  }

  /** Copies the newest checkpoint into a file that is empty or not there. Takes as long as that takes. */
  copyTo(path: string): void {
    this.#attempt('copy', () => this.#db.prepare('VACUUM INTO ?').run(path));
  }

  /** Reads everything. SqlError XX001 at what is not as it was written. */
  verify(): CheckpointSize {
    const found = { blocks: 0, images: 0, bytes: 0 };
    this.#attempt('read', () => {
      const [problem] = this.#db.pragma('quick_check(1)', { simple: false }) as { quick_check: string }[];
      if (problem?.quick_check !== 'ok') throw damaged(this.path, `a page (${problem?.quick_check ?? '?'})`);
      for (const row of this.#db.prepare('SELECT id, crc, bytes FROM block').iterate()) {
        const { id, crc, bytes } = row as Stored & { readonly id: number };
        if (crc32(bytes) !== crc) throw damaged(this.path, `block ${id}`);
        found.blocks++;
        found.bytes += bytes.length;
      }
      for (const row of this.#db.prepare('SELECT name, crc, bytes FROM image').iterate()) {
        const { name, crc, bytes } = row as Stored & { readonly name: string };
        if (crc32(bytes) !== crc) throw damaged(this.path, `image ${name}`);
        found.images++;
        found.bytes += bytes.length;
      }
    });
    return found;
  }

  close(): void {
    this.#db.close();
  }
}
