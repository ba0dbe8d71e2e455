/**
 * The journal: an append-only list of numbered records. What records mean is the caller's.
 *
 * A record is put off (`appendLater`: nobody was promised anything about it), written (at the operating system, outlives the
 * process) or synced (on disk, outlives power), and records go through these states in the order of their numbers.
 *
 * State: `#queue` what is put off, `#unsynced` what is written and not synced; numbers `#written` and `#synced` end those.
 * Invariants: numbers have no gaps; a failed write leaves nothing behind, a failed sync puts everything since the last good one
 * back into the queue to be written again (what the disk made of it is unknown).
 */
import { SqlError } from '../common/sqlError.ts';
import { JournalDamage } from './journalDamage.ts';
import {
  isIntact,
  type JournalRecord,
  type NumberedRecord,
  type Payload,
  recordChecksum,
  type StoredRecord,
} from './journalRecord.ts';
import type { JournalStore } from './journalStore.ts';
import { errorCode, isCorruption } from './journalTable.ts';

/** Records put off beyond so many characters are written at once. */
const MOST_PUT_OFF = 256 * 1024;
/** A commit that does not wait for the disk is on it after this time and that of a sync. */
const SYNC_SOON_MS = 10;
const PAGE = 256;

/** Calls `run` after so many milliseconds; gives what calls it off. */
export type After = (ms: number, run: () => void) => () => void;

const afterMs: After = (ms, run) => {
  const timer = setTimeout(run, ms).unref();
  return () => clearTimeout(timer);
};

/** What a write to the disk has met, as PostgreSQL says it. */
function writeError(error: unknown): SqlError {
  const code = errorCode(error);
  const text = error instanceof Error ? error.message : String(error);
  if (code.startsWith('SQLITE_FULL') || code === 'ENOSPC' || code === 'EDQUOT') {
    return new SqlError('53100', 'could not write the journal: No space left on device', {
      detail: 'The change was not made. Reads go on.',
      hint: 'Check free disk space: writes are taken again as soon as there is some.',
    });
  }
  return new SqlError(isCorruption(error) ? 'XX001' : '58030', `could not write the journal: ${text}`, {
    detail: 'The change was not made. Reads go on.',
  });
}

/** Number of the last record; 0 also where a damaged page hides it, which reading will find. */
function lastOf(store: JournalStore): number {
  try {
    return store.last();
  } catch (error) {
    if (isCorruption(error)) return 0;
    throw error;
  }
}

export class JournalFile {
  readonly #store: JournalStore;
  #queue: StoredRecord[] = [];
  #queued = 0;
  #unsynced: StoredRecord[] = [];
  #last: number;
  #written: number;
  #synced: number;
  #truncated: number;
  /** Records from this number on are to be taken out with the next write; null: none. */
  #dropFrom: number | null = null;
  /** How often records have been taken out, and how often on disk: until then power loss could bring them back. */
  #drops = 0;
  #syncedDrops = 0;
  #syncing: Promise<void> | null = null;
  /** Syncs that have failed. */
  #failedSyncs = 0;
  /** Calls off the sync that is due soon; null: none is. */
  #syncTimer: (() => void) | null = null;
  readonly #after: After;
  #closed = false;
  /** Bytes of payloads that were written since this was made. */
  writtenBytes = 0;
  /** Why the last write or sync failed; null: it did not. */
  failure: SqlError | null = null;
  /** Called when further records are on disk. */
  onSynced: () => void = () => {};

  constructor(store: JournalStore, after: After = afterMs) {
    this.#store = store;
    this.#after = after;
    this.#truncated = Number(store.meta('truncated') ?? 0);
    this.#last = Math.max(lastOf(store), this.#truncated);
    this.#written = this.#last;
    this.#synced = this.#last;
  }

  /** Number of the newest record, put off or not. */
  get lastSeq(): number {
    return this.#last;
  }

  /** Number of the newest record that outlives power loss. */
  get syncedSeq(): number {
    return this.#synced;
  }

  get records(): number {
    return this.#last - this.#truncated;
  }

  /** Records through this number have been taken out by `truncateThrough`. */
  get truncated(): number {
    return this.#truncated;
  }

  /** A value that lives as long as the directory; made by `make` when it is first asked for. */
  secret(make: () => string): string {
    const known = this.#store.meta('seed');
    if (known !== null) return known;
    const made = make();
    this.#store.setMeta('seed', made);
    return made;
  }

  #numbered({ kind, payload }: JournalRecord, seq: number): StoredRecord {
    return { seq, kind, payload, checksum: recordChecksum(seq, kind, payload) };
  }

  /** A record that is written with the next one that is not put off, or with the next `flush`. Gives its number. */
  appendLater(kind: string, payload: Payload): number {
    const seq = ++this.#last;
    this.#queue.push(this.#numbered({ kind, payload }, seq));
    this.#queued += payload.length;
    if (this.#queued > MOST_PUT_OFF && this.failure === null) this.tryFlush();
    return seq;
  }

  /** Writes what was put off and then `records`. Throws SqlError 53100 or 58030, and then `records` are not there. */
  write(records: readonly JournalRecord[]): number {
    let seq = this.#last;
    const all = [...this.#queue, ...records.map((record) => this.#numbered(record, ++seq))];
    if (all.length === 0 && this.#dropFrom === null) return seq;
    try {
      this.#store.write(all, this.#dropFrom);
    } catch (error) {
      this.failure = writeError(error);
      throw this.failure;
    }
    for (const record of all) {
      this.#unsynced.push(record);
      this.writtenBytes += Buffer.byteLength(record.payload);
    }
    if (this.#dropFrom !== null) this.#drops++;
    this.#last = seq;
    this.#written = seq;
    this.#queue = [];
    this.#queued = 0;
    this.#dropFrom = null;
    this.failure = null;
    return seq;
  }

  /** Writes and syncs a record, at once. Throws SqlError 53100 or 58030, and then it is not there. */
  append(record: JournalRecord): number {
    const seq = this.write([record]);
    try {
      this.flushNow();
    } catch (error) {
      this.retract(seq);
      throw error;
    }
    return seq;
  }

  /** 53100 or 58030 unless there is space for `bytes`; as many are kept for `release`. */
  probe(bytes: number): void {
    this.write([]);
    try {
      this.#store.probe(bytes);
    } catch (error) {
      this.failure = writeError(error);
      throw this.failure;
    }
    this.failure = null;
  }

  /** What was refused may be tried again, with the space that `probe` has kept. False: there is none. */
  release(): boolean {
    try {
      return this.#store.release();
    } catch {
      return false;
    }
  }

  /** Takes records from `seq` on back that were written but could not be synced: they are the newest. */
  retract(seq: number): void {
    this.#queue = this.#queue.filter((record) => record.seq < seq);
    this.#last = Math.min(this.#last, seq - 1);
  }

  /** Resolves when records through `seq` are on disk; waiting callers share syncs. Throws SqlError 53100 or 58030. */
  async flushThrough(seq: number): Promise<void> {
    if (this.#written < seq) this.write([]);
    while (this.#synced < seq || (this.#syncedDrops < this.#drops && seq === this.#written)) {
      if (this.#written < seq) throw this.failure ?? new SqlError('58030', 'could not write the journal');
      this.#syncing ??= this.#sync();
      await this.#syncing;
    }
  }

  async #sync(): Promise<void> {
    const through = this.#written;
    const drops = this.#drops;
    const failed = this.#failedSyncs;
    try {
      await this.#store.sync();
      // The system tells of a failure once: one that another sync has met meanwhile was about these records too.
      if (failed !== this.#failedSyncs) return;
      this.#syncedDrops = drops;
      this.#onDisk(through);
    } catch (error) {
      throw this.#notOnDisk(error);
    } finally {
      this.#syncing = null;
    }
  }

  /** As `flushThrough` of everything, at once. */
  flushNow(): void {
    this.write([]);
    if (this.#synced === this.#written && this.#syncedDrops === this.#drops) return;
    try {
      this.#store.syncNow();
    } catch (error) {
      throw this.#notOnDisk(error);
    }
    this.#syncedDrops = this.#drops;
    this.#onDisk(this.#written);
  }

  #onDisk(through: number): void {
    if (through <= this.#synced) return;
    this.#synced = through;
    const first = this.#unsynced.findIndex((record) => record.seq > through);
    this.#unsynced = first < 0 ? [] : this.#unsynced.slice(first);
    try {
      this.#store.mark(through);
    } catch {
      // The mark only helps to notice damage: it stays behind.
    }
    this.onSynced();
  }

  #notOnDisk(error: unknown): SqlError {
    this.failure = writeError(error);
    this.#failedSyncs++;
    this.#dropFrom = this.#synced + 1;
    this.#queue = [...this.#unsynced, ...this.#queue];
    this.#unsynced = [];
    this.#written = this.#synced;
    return this.failure;
  }

  /** Written records are on disk soon, without anybody waiting for it. */
  syncSoon(): void {
    if (this.#syncTimer !== null) return;
    this.#syncTimer = this.#after(SYNC_SOON_MS, () => {
      this.#syncTimer = null;
      // What fails is written again by the next flush, and `failure` says so until then.
      if (!this.#closed) this.flushThrough(this.#written).catch(() => {});
    });
  }

  /** Writes what was put off; false when that failed, and it stays put off. */
  tryFlush(): boolean {
    try {
      this.write([]);
      return true;
    } catch {
      return false;
    }
  }

  /** True when writes may be expected to succeed: after a failure it is tried. */
  ready(): boolean {
    return this.failure === null || this.tryFlush();
  }

  /**
   * Records after `after`, in order. Throws JournalDamage at the first that is missing or not what was written, and at the end
   * when it is known that there were more.
   */
  *read(after = 0): Generator<NumberedRecord> {
    const from = Math.max(after, this.truncated);
    let last = from;
    for (;;) {
      const page = this.#page(last);
      if (page.length === 0) break;
      for (const record of page) {
        if (record.seq !== last + 1) throw new JournalDamage(this.#store, last, 'gap');
        if (!isIntact(record)) throw new JournalDamage(this.#store, last, 'checksum');
        last = record.seq;
        yield record;
      }
    }
    if (this.#store.marked > last) throw new JournalDamage(this.#store, last, 'end');
    if (last > this.#last) this.continueAfter(last);
  }

  #page(last: number): readonly StoredRecord[] {
    try {
      return this.#store.read(last, PAGE);
    } catch (error) {
      if (!isCorruption(error)) throw writeError(error);
      throw new JournalDamage(this.#store, last, 'page');
    }
  }

  /** The next record has a number above `seq`: a checkpoint is ahead of the journal. */
  continueAfter(seq: number): void {
    if (seq <= this.#last) return;
    this.#last = seq;
    this.#written = seq;
    this.#synced = seq;
  }

  /** See JournalStore. */
  setCalm(calm: boolean): void {
    this.#store.setCalm(calm);
  }

  /** Forgets the records through `seq`: a checkpoint on disk covers them. */
  truncateThrough(seq: number): void {
    try {
      this.#store.truncate(seq);
    } catch (error) {
      throw writeError(error);
    }
    this.#queue = this.#queue.filter((record) => record.seq > seq);
    this.#unsynced = this.#unsynced.filter((record) => record.seq > seq);
    this.#written = Math.max(this.#written, Math.min(seq, this.#last));
    this.#synced = Math.max(this.#synced, Math.min(seq, this.#last));
    this.#truncated = Math.max(this.#truncated, seq);
  }

  /** Writes and syncs what there is; what the disk refuses is lost, as nobody was promised it. */
  close(): void {
    this.#closed = true;
    this.#syncTimer?.();
    try {
      this.flushNow();
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
    } finally {
      this.#store.close();
    }
  }
}
