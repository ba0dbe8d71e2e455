/**
 * Where the journal lies: a table of records (journalTable.ts), files of what is large in them (journalRows.ts), a mark beside it,
 * and space in reserve. The narrow interface under the journal, so that tests can put a failing disk there.
 *
 * `write` hands records to the operating system (they outlive the process), `sync` to the disk (they outlive power): large payloads
 * before the records that point to them.
 *
 * The mark holds the newest sequence number known to be on disk. It is written without a sync of its own, so after power loss
 * it may be older than the truth, never newer: a journal that ends before its mark has lost records.
 */
import { closeSync, existsSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { isIntact, type StoredRecord } from './journalRecord.ts';
import { JournalRows } from './journalRows.ts';
import {
  isCorruption,
  JOURNAL_FILE,
  type JournalTable,
  type MetaKey,
  type PlacedRecord,
  SqliteTable,
} from './journalTable.ts';
import { type Reserve, ReserveFile } from './reserve.ts';
import { rowsFilesIn } from './rowsFiles.ts';

export const MARK_FILE = 'journal.mark';

/** Payloads of bytes from this size on lie beside the table. */
const LARGE_BYTES = 16 * 1024;
/** A page of records ends when it has so many bytes. */
const PAGE_BYTES = 16 * 1024 * 1024;

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
  /** Throws as `write` does when there is no space for so many bytes, and keeps as many in reserve. */
  probe(bytes: number): void;
  /** Lets the reserve go: what could not be written may find space. False: there is none. */
  release(): boolean;
  /** Notes that records through `seq` are on disk. */
  mark(seq: number): void;
  /** What the mark said when the journal was opened; 0: none. */
  readonly marked: number;
  close(): void;
}

/** The newest number that is known to be on disk. */
export interface Mark {
  /** When it was opened; 0: there is none that can be trusted. */
  readonly seq: number;
  /** There was one, and it is gone or not what was written: how far the journal was synced is not known. */
  readonly isLost: boolean;
  write(seq: number): void;
  close(): void;
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

class MarkFile implements Mark {
  readonly #directory: string;
  readonly seq: number;
  readonly isLost: boolean;
  #handle: number | null = null;

  /** Before the journal is opened, which makes one where there is none. */
  constructor(directory: string) {
    this.#directory = directory;
    this.seq = readMark(directory);
    const path = join(directory, MARK_FILE);
    this.isLost = existsSync(path)
      ? statSync(path).size > 0 && this.seq === 0
      : existsSync(join(directory, JOURNAL_FILE));
  }

  open(): void {
    this.#handle = openSync(join(this.#directory, MARK_FILE), this.seq === 0 ? 'w' : 'r+');
  }

  write(seq: number): void {
    if (this.#handle !== null) writeSync(this.#handle, markText(seq), 0, 'latin1');
  }

  close(): void {
    if (this.#handle !== null) closeSync(this.#handle);
  }
}

/** What a store consists of. */
export interface StoreParts {
  readonly table: JournalTable;
  readonly rows: JournalRows;
  readonly mark: Mark;
  readonly reserve: Reserve;
  /** Payloads from this size on are kept by `rows`. */
  readonly largeBytes: number;
}

export class PlacedStore implements JournalStore {
  readonly #table: JournalTable;
  readonly #rows: JournalRows;
  readonly #mark: Mark;
  readonly #reserve: Reserve;
  readonly #largeBytes: number;
  /**
   * Files that no record needs any more since a truncation. They go when that is on disk: power loss may bring the records back, and
   * without their rows they, and all behind them, would look as if they had never been synced.
   */
  #unused: readonly number[] = [];

  constructor({ table, rows, mark, reserve, largeBytes }: StoreParts) {
    this.#table = table;
    this.#rows = rows;
    this.#mark = mark;
    this.#reserve = reserve;
    this.#largeBytes = largeBytes;
    try {
      // Without the mark it could be damage as well: reading says so.
      if (!mark.isLost) this.#dropTorn();
    } catch (error) {
      // Reading will find it, and say what is lost.
      if (!isCorruption(error)) throw error;
    }
  }

  get marked(): number {
    return this.#mark.seq;
  }

  /**
   * The system may have brought a record to the disk and not the rows it points to, when power went before either was synced:
   * such a one, and what follows it, was promised to nobody.
   */
  #dropTorn(): void {
    for (const seq of this.#table.placed(this.marked)) {
      const [record] = this.read(seq - 1, 1);
      if (record !== undefined && isIntact(record)) continue;
      this.#table.write([], seq);
      return;
    }
  }

  write(records: readonly StoredRecord[], dropFrom: number | null): void {
    const end = this.#rows.end;
    try {
      this.#table.write(
        records.map((record) => this.#placed(record)),
        dropFrom,
      );
    } catch (error) {
      this.#rows.takeBack(end);
      throw error;
    }
  }

  #placed(record: StoredRecord): PlacedRecord {
    const { payload } = record;
    if (typeof payload === 'string' || payload.byteLength < this.#largeBytes)
      return { ...record, place: null };
    return { ...record, payload: '', place: this.#rows.add(payload) };
  }

  async sync(): Promise<void> {
    const unused = this.#unused;
    await this.#rows.sync();
    await this.#table.sync();
    this.#remove(unused);
  }

  syncNow(): void {
    const unused = this.#unused;
    this.#rows.syncNow();
    this.#table.syncNow();
    this.#remove(unused);
  }

  #remove(files: readonly number[]): void {
    if (files.length === 0) return;
    this.#unused = this.#unused.filter((file) => !files.includes(file));
    this.#rows.remove(files);
  }

  read(after: number, limit: number): readonly StoredRecord[] {
    const page: StoredRecord[] = [];
    let size = 0;
    for (const { seq, kind, payload, checksum, place } of this.#table.records(after, limit)) {
      // What is not there any more is no payload that its checksum would be of.
      const whole = place === null ? payload : (this.#rows.read(place) ?? '');
      page.push({ seq, kind, payload: whole, checksum });
      size += whole.length;
      if (size >= PAGE_BYTES) break;
    }
    return page;
  }

  last(): number {
    return this.#table.last();
  }

  truncate(seq: number): void {
    this.#table.truncate(seq);
    this.#unused = this.#rows.unused(new Set(this.#table.files()));
  }

  setCalm(calm: boolean): void {
    this.#table.setCalm(calm);
  }

  meta(key: MetaKey): string | null {
    return this.#table.meta(key);
  }

  setMeta(key: MetaKey, value: string): void {
    this.#table.setMeta(key, value);
  }

  probe(bytes: number): void {
    this.setMeta('probe', ' '.repeat(bytes));
    this.setMeta('probe', '');
    this.#reserve.hold(bytes);
  }

  release(): boolean {
    return this.#reserve.release();
  }

  mark(seq: number): void {
    this.#mark.write(seq);
  }

  close(): void {
    this.#rows.close();
    this.#mark.close();
    this.#table.close();
  }
}

/** In a data directory. */
export class SqliteJournalStore extends PlacedStore {
  /**
   * Opens or creates the journal in `directory`. Throws SqlError 55000 when another server has it, 58030 when it cannot be
   * opened, JournalUnreadable when it is damaged. `now`: microseconds, the time of an upgrade.
   */
  constructor(directory: string, now: bigint) {
    const mark = new MarkFile(directory);
    const table = new SqliteTable(directory, now);
    mark.open();
    const rows = new JournalRows(rowsFilesIn(directory));
    super({ table, rows, mark, reserve: new ReserveFile(directory), largeBytes: LARGE_BYTES });
  }
}
