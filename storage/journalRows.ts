/**
 * Files for what is large in the journal: rows of sources lie here one behind the other, and the journal's own record says
 * where. SQLite would write every byte twice, and wait for the disk while it does so.
 *
 * State: the newest file, which grows; older ones are only read, and taken away when no record points into them any more. What
 * is written after the start, or after a sync that failed, goes into a new file. Invariant: bytes that a record points to were
 * written before that record, and are synced before it is.
 */
import type { RowsFile, RowsFiles } from './rowsFiles.ts';

/** A file that has grown so far gives way to the next. */
const FILE_BYTES = 64 * 1024 * 1024;

export interface RowsPlace {
  readonly file: number;
  readonly at: number;
  readonly bytes: number;
}

export class JournalRows {
  readonly #files: RowsFiles;
  readonly #fileBytes: number;
  #last: number;
  /** The newest file; null: there is none since the start. */
  #newest: RowsFile | null = null;
  #at = 0;
  #dirty = false;
  /** Older files that are open still: until they are synced. */
  #left: readonly RowsFile[] = [];
  /** Syncs on their way. */
  #syncing = 0;

  constructor(files: RowsFiles, fileBytes = FILE_BYTES) {
    this.#files = files;
    this.#fileBytes = fileBytes;
    this.#last = Math.max(0, ...files.names());
  }

  /** Where the next bytes go. */
  get end(): RowsPlace {
    return { file: this.#last, at: this.#at, bytes: 0 };
  }

  /** What was written since `end` was asked for is not pointed to after all. */
  takeBack({ file, at }: RowsPlace): void {
    if (file === this.#last) this.#at = at;
  }

  /** Writes them; at the operating system on return. */
  add(bytes: Uint8Array): RowsPlace {
    const file = this.#newest === null || this.#at >= this.#fileBytes ? this.#next() : this.#newest;
    const place = { file: this.#last, at: this.#at, bytes: bytes.byteLength };
    this.#dirty = true;
    file.write(bytes, this.#at);
    this.#at += bytes.byteLength;
    return place;
  }

  #next(): RowsFile {
    const file = this.#files.create(this.#last + 1);
    this.#leave();
    this.#last++;
    this.#newest = file;
    this.#at = 0;
    return file;
  }

  #leave(): void {
    if (this.#newest !== null) this.#left = [...this.#left, this.#newest];
    this.#newest = null;
  }

  /** What was written before is on disk when this resolves. */
  async sync(): Promise<void> {
    if (!this.#dirty) return;
    this.#dirty = false;
    const left = this.#left;
    const files = this.#toSync();
    this.#syncing++;
    try {
      for (const file of files) await file.sync();
    } catch (error) {
      this.#giveUp(files);
      throw error;
    } finally {
      this.#syncing--;
      this.#closeLeft(left);
    }
  }

  /** As `sync`, at once. */
  syncNow(): void {
    if (!this.#dirty && this.#syncing === 0) return;
    this.#dirty = false;
    const left = this.#left;
    const files = this.#toSync();
    try {
      for (const file of files) file.syncNow();
    } catch (error) {
      this.#giveUp(files);
      throw error;
    } finally {
      this.#closeLeft(left);
    }
  }

  #toSync(): readonly RowsFile[] {
    return this.#newest === null ? [...this.#left] : [...this.#left, this.#newest];
  }

  /** What the disk has of these files is unknown: what is not known to be there is written again, into another. */
  #giveUp(files: readonly RowsFile[]): void {
    if (this.#newest !== null && files.includes(this.#newest)) this.#leave();
  }

  /** `synced`: had been left before the sync began. One that has been left since may have got more meanwhile. */
  #closeLeft(synced: readonly RowsFile[]): void {
    if (this.#syncing > 0) return;
    for (const file of this.#left) if (synced.includes(file)) file.close();
    this.#left = this.#left.filter((file) => !synced.includes(file));
  }

  /** The bytes; null: they are not all there. */
  read({ file, at, bytes }: RowsPlace): Uint8Array | null {
    return this.#files.read(file, at, bytes);
  }

  /** Files that are none of these, and never will be. */
  unused(files: ReadonlySet<number>): readonly number[] {
    return this.#files
      .names()
      .filter((file) => !files.has(file) && (file !== this.#last || this.#newest === null));
  }

  remove(files: readonly number[]): void {
    for (const file of files) this.#files.remove(file);
  }

  close(): void {
    this.#leave();
    for (const file of this.#left) file.close();
    this.#left = [];
  }
}
