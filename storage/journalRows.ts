/**
 * Files for what is large in the journal: rows of sources lie here one behind the other, and the journal's own record says
 * where. SQLite would write every byte twice, and wait for the disk while it does so.
 *
 * State: the newest file, which grows; older ones are only read, and taken away when no record points into them any more. What
 * is written after the start, or after a sync that failed, goes into a new file. Invariant: bytes that a record points to were
 * written before that record, and are synced before it is.
 */
import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

/** Under the data directory. */
export const ROWS_DIRECTORY = 'journal.rows';
/** A file that has grown so far gives way to the next. */
const FILE_BYTES = 64 * 1024 * 1024;

export interface RowsPlace {
  readonly file: number;
  readonly at: number;
  readonly bytes: number;
}

const syncedLater = (handle: number): Promise<void> =>
  new Promise((resolve, reject) => {
    fdatasync(handle, (error) => (error === null ? resolve() : reject(error)));
  });

export class JournalRows {
  readonly #directory: string;
  #last: number;
  /** The newest file; null: there is none since the start. */
  #handle: number | null = null;
  #at = 0;
  #dirty = false;
  /** Older files that are open still: until they are synced. */
  #left: number[] = [];
  /** Syncs on their way. */
  #syncing = 0;

  constructor(directory: string) {
    this.#directory = join(directory, ROWS_DIRECTORY);
    this.#last = Math.max(0, ...this.#files());
  }

  #files(): readonly number[] {
    try {
      return readdirSync(this.#directory).map(Number).filter(Number.isSafeInteger);
    } catch {
      return [];
    }
  }

  #path(file: number): string {
    return join(this.#directory, String(file));
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
    const handle = this.#handle === null || this.#at >= FILE_BYTES ? this.#next() : this.#handle;
    const place = { file: this.#last, at: this.#at, bytes: bytes.byteLength };
    this.#dirty = true;
    for (let done = 0; done < bytes.byteLength; ) {
      done += writeSync(handle, bytes, done, bytes.byteLength - done, this.#at + done);
    }
    this.#at += bytes.byteLength;
    return place;
  }

  #next(): number {
    mkdirSync(this.#directory, { recursive: true });
    const handle = openSync(this.#path(this.#last + 1), 'w');
    this.#leave();
    this.#last++;
    this.#handle = handle;
    this.#at = 0;
    const directory = openSync(this.#directory, 'r');
    try {
      fsyncSync(directory);
    } finally {
      closeSync(directory);
    }
    return handle;
  }

  #leave(): void {
    if (this.#handle !== null) this.#left.push(this.#handle);
    this.#handle = null;
  }

  /** What was written before is on disk when this resolves. */
  async sync(): Promise<void> {
    if (!this.#dirty) return;
    this.#dirty = false;
    const handles = this.#toSync();
    this.#syncing++;
    try {
      for (const handle of handles) await syncedLater(handle);
    } catch (error) {
      this.#giveUp(handles);
      throw error;
    } finally {
      this.#syncing--;
      this.#closeLeft(handles);
    }
  }

  /** As `sync`, at once. */
  syncNow(): void {
    if (!this.#dirty && this.#syncing === 0) return;
    this.#dirty = false;
    const handles = this.#toSync();
    try {
      for (const handle of handles) fdatasyncSync(handle);
    } catch (error) {
      this.#giveUp(handles);
      throw error;
    } finally {
      this.#closeLeft(handles);
    }
  }

  #toSync(): readonly number[] {
    return this.#handle === null ? [...this.#left] : [...this.#left, this.#handle];
  }

  /** What the disk has of these files is unknown: what is not known to be there is written again, into another. */
  #giveUp(handles: readonly number[]): void {
    if (this.#handle !== null && handles.includes(this.#handle)) this.#leave();
  }

  #closeLeft(synced: readonly number[]): void {
    if (this.#syncing > 0) return;
    for (const handle of this.#left) if (synced.includes(handle)) closeSync(handle);
    this.#left = this.#left.filter((handle) => !synced.includes(handle));
  }

  /** The bytes; null: they are not all there. */
  read({ file, at, bytes }: RowsPlace): Uint8Array | null {
    let handle: number;
    try {
      handle = openSync(this.#path(file), 'r');
    } catch {
      return null;
    }
    try {
      // Memory of its own, which views of columns are laid over.
      const read = Buffer.allocUnsafeSlow(bytes);
      for (let done = 0; done < bytes; ) {
        const more = readSync(handle, read, done, bytes - done, at + done);
        if (more === 0) return null;
        done += more;
      }
      return read;
    } catch {
      return null;
    } finally {
      closeSync(handle);
    }
  }

  /** Takes the files away that are none of these. */
  keep(files: ReadonlySet<number>): void {
    for (const file of this.#files()) {
      if (files.has(file) || (file === this.#last && this.#handle !== null)) continue;
      rmSync(this.#path(file), { force: true });
    }
  }

  close(): void {
    this.#leave();
    for (const handle of this.#left) closeSync(handle);
    this.#left = [];
  }
}
