/**
 * The bytes of a file that is read in parts: as they lie there, followed as they grow; or unpacked (`.gz`), as a whole.
 *
 * Invariant: what was read is still there when more is read. A file that has become shorter, begins differently, or has gone before
 * it was read to its end, is an error: nothing is read twice or passed over in silence. (Of what another process read before a
 * restart only the length is known.)
 */
import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { SqlError } from '../../common/sqlError.ts';

const HEAD_BYTES = 1024;
/** Bytes that a packed file may unpack to. */
const MOST_UNPACKED = 1024 * 1024 * 1024;
const NEWLINE = 0x0a;

export interface FileContent {
  /** Bytes from `offset`, at most to `end` and so many; null: there are none (yet). */
  read(offset: number, end: number, most: number): Buffer | null;
  /** Bytes there are now. */
  length(): number;
  /** The file has gone: is there something of it that was not read? */
  hasMore(offset: number): boolean;
}

export function changed(shown: string, what: string): SqlError {
  return new SqlError('55000', `file "${shown}" ${what}`, {
    hint: 'Put it back as it was, then resume the source. New data belongs in a file of another name, or at the end of this one.',
  });
}

/** 58P01 for a file that is not there any more. */
export function vanished(shown: string): SqlError {
  return new SqlError('58P01', `file "${shown}" has gone before it was read to its end`, {
    hint: 'Put it back; it is looked for again.',
  });
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

class PlainContent implements FileContent {
  readonly #path: string;
  readonly #shown: string;
  #head: Buffer | null = null;
  #size = 0;

  constructor(path: string, shown: string) {
    this.#path = path;
    this.#shown = shown;
  }

  read(offset: number, end: number, most: number): Buffer | null {
    let fd: number;
    try {
      fd = openSync(this.#path, 'r');
    } catch (error) {
      throw isMissing(error) ? vanished(this.#shown) : error;
    }
    try {
      const { size } = fstatSync(fd);
      this.#size = size;
      if (size < offset)
        throw changed(
          this.#shown,
          `has ${size} bytes, ${offset} were read of it: it was truncated or replaced`,
        );
      const available = Math.min(size, end) - offset;
      if (available <= 0) return null;
      this.#checkHead(fd, size);
      const buffer = Buffer.allocUnsafe(Math.min(available, most));
      const count = readSync(fd, buffer, 0, buffer.length, offset);
      return count === 0 ? null : buffer.subarray(0, count);
    } finally {
      closeSync(fd);
    }
  }

  #checkHead(fd: number, size: number): void {
    const length = this.#head?.length ?? Math.min(HEAD_BYTES, size);
    const head = Buffer.alloc(length);
    readSync(fd, head, 0, length, 0);
    if (this.#head !== null && !head.equals(this.#head)) {
      throw changed(this.#shown, 'does not begin any more as it was read: it was replaced');
    }
    // A short file may still get the rest of its beginning.
    if (this.#head === null || length < HEAD_BYTES) {
      const whole = Buffer.alloc(Math.min(HEAD_BYTES, size));
      readSync(fd, whole, 0, whole.length, 0);
      this.#head = whole;
    }
  }

  length(): number {
    return statSync(this.#path).size;
  }

  hasMore(offset: number): boolean {
    return this.#size > offset;
  }
}

class PackedContent implements FileContent {
  readonly #path: string;
  readonly #shown: string;
  /** Null: not unpacked, or read to its end. */
  #bytes: Buffer | null = null;
  /** Of the packed file; null: it has not been whole yet. */
  #size: number | null = null;
  #length = 0;

  constructor(path: string, shown: string) {
    this.#path = path;
    this.#shown = shown;
  }

  read(offset: number, end: number, most: number): Buffer | null {
    this.#unpack(offset);
    if (this.#size === null) return null;
    if (this.#length < offset)
      throw changed(this.#shown, `unpacks to ${this.#length} bytes, ${offset} were read of it`);
    const available = Math.min(this.#length, end) - offset;
    if (this.#bytes === null || available <= 0) {
      if (offset >= this.#length) this.#bytes = null;
      return null;
    }
    return this.#bytes.subarray(offset, offset + Math.min(available, most));
  }

  #unpack(offset: number): void {
    const size = this.#fileSize();
    if (this.#size !== null && size !== this.#size)
      throw changed(this.#shown, 'was changed after it was read');
    const isRead = this.#size !== null && offset >= this.#length;
    if (this.#bytes !== null || isRead) return;
    let bytes: Buffer;
    try {
      bytes = gunzipSync(readFileSync(this.#path), { maxOutputLength: MOST_UNPACKED });
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : '';
      // It ends in the middle: somebody is writing it.
      if (code === 'Z_BUF_ERROR') return;
      if (code === 'ERR_BUFFER_TOO_LARGE') {
        throw new SqlError('54000', `file "${this.#shown}" unpacks to more than ${MOST_UNPACKED} bytes`);
      }
      if (code === 'Z_DATA_ERROR')
        throw new SqlError('22P04', `file "${this.#shown}" is not gzip, or damaged`);
      throw error;
    }
    // It does not grow: what it ends with is a whole record.
    const isClosed = bytes.length === 0 || bytes.at(-1) === NEWLINE;
    this.#bytes = isClosed ? bytes : Buffer.concat([bytes, Buffer.from('\n')]);
    this.#size = size;
    this.#length = this.#bytes.length;
  }

  #fileSize(): number {
    try {
      return statSync(this.#path).size;
    } catch (error) {
      throw isMissing(error) ? vanished(this.#shown) : error;
    }
  }

  length(): number {
    this.#unpack(0);
    return this.#length;
  }

  hasMore(offset: number): boolean {
    return this.#size === null || offset < this.#length;
  }
}

/** `shown`: its name for messages. */
export function fileContent(path: string, shown: string): FileContent {
  return shown.endsWith('.gz') ? new PackedContent(path, shown) : new PlainContent(path, shown);
}
