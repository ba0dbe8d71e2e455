/** The files that journalRows.ts keeps large payloads in, as a narrow interface: a directory, or a disk in a test's hands. */
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
import { dirname, join } from 'node:path';

/** Under the data directory. */
export const ROWS_DIRECTORY = 'journal.rows';

/** A file that is written to. */
export interface RowsFile {
  /** At the operating system on return. */
  write(bytes: Uint8Array, at: number): void;
  /** What was written before is on disk when this resolves. */
  sync(): Promise<void>;
  /** As `sync`, at once. */
  syncNow(): void;
  close(): void;
}

/** Files with numbers for names. */
export interface RowsFiles {
  names(): readonly number[];
  /** An empty file. It is under its name on return, also after power loss. */
  create(file: number): RowsFile;
  /** The bytes; null: they are not all there. */
  read(file: number, at: number, bytes: number): Uint8Array | null;
  remove(file: number): void;
}

class OpenFile implements RowsFile {
  readonly #handle: number;

  constructor(path: string) {
    this.#handle = openSync(path, 'w');
  }

  write(bytes: Uint8Array, at: number): void {
    for (let done = 0; done < bytes.byteLength; ) {
      done += writeSync(this.#handle, bytes, done, bytes.byteLength - done, at + done);
    }
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fdatasync(this.#handle, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  syncNow(): void {
    fdatasyncSync(this.#handle);
  }

  close(): void {
    closeSync(this.#handle);
  }
}

function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

class Directory implements RowsFiles {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  names(): readonly number[] {
    try {
      return readdirSync(this.#path).map(Number).filter(Number.isSafeInteger);
    } catch {
      return [];
    }
  }

  create(file: number): RowsFile {
    const isNew = mkdirSync(this.#path, { recursive: true }) !== undefined;
    const made = new OpenFile(join(this.#path, String(file)));
    try {
      syncDirectory(this.#path);
      if (isNew) syncDirectory(dirname(this.#path));
      return made;
    } catch (error) {
      made.close();
      throw error;
    }
  }

  read(file: number, at: number, bytes: number): Uint8Array | null {
    let handle: number;
    try {
      handle = openSync(join(this.#path, String(file)), 'r');
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

  remove(file: number): void {
    rmSync(join(this.#path, String(file)), { force: true });
  }
}

/** Those of a data directory. */
export function rowsFilesIn(directory: string): RowsFiles {
  return new Directory(join(directory, ROWS_DIRECTORY));
}
