/**
 * Where a large transaction waits until it is complete: a file of messages, each with its length before it. It has a name only until
 * it is open, so whatever becomes of the process, nothing stays behind.
 *
 * State: the file, and what is gathered for the next write. Invariant: `messages` gives what was added, in its order.
 */
import { closeSync, mkdirSync, openSync, readSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { SqlError } from '../../common/sqlError.ts';

/** Bytes that are written, or read, at once. */
const PIECE = 1 << 20;
const LENGTH_BYTES = 4;

function fileError(what: string, error: unknown): SqlError {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  const text = error instanceof Error ? error.message : String(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new SqlError('53100', `${what}: No space left on device`, {
      hint: 'A large transaction of PostgreSQL waits in a file until it is complete. It is read again when there is space.',
    });
  }
  return new SqlError('58030', `${what}: ${text}`);
}

/** 53100 where the directory's disk has no room for so many bytes more. */
export function checkRoom(directory: string, bytes: number): void {
  let room: number;
  try {
    const { bavail, bsize } = statfsSync(directory);
    room = bavail * bsize;
  } catch (error) {
    throw fileError(`could not look at "${directory}"`, error);
  }
  if (room < bytes) throw fileError('could not write a transaction of PostgreSQL', { code: 'ENOSPC' });
}

export class TransactionSpill {
  readonly #handle: number;
  readonly #piece = Buffer.allocUnsafe(PIECE);
  #gathered = 0;
  #written = 0;
  #closed = false;

  /** A new file in the directory, which is made; `name`: one that nobody else uses. Throws SqlError. */
  constructor(directory: string, name: string) {
    const path = join(directory, name);
    try {
      mkdirSync(directory, { recursive: true });
      this.#handle = openSync(path, 'w+', 0o600);
      rmSync(path, { force: true });
    } catch (error) {
      throw fileError(`could not open "${path}"`, error);
    }
  }

  /** What it takes on disk. */
  get bytes(): number {
    return this.#written + this.#gathered;
  }

  /** Adds a message, which is copied. Throws SqlError 53100 when there is no space. */
  add(message: Buffer): void {
    const needed = LENGTH_BYTES + message.length;
    if (this.#gathered + needed > PIECE) this.#flush();
    if (needed > PIECE) {
      const head = Buffer.allocUnsafe(LENGTH_BYTES);
      head.writeUInt32LE(message.length);
      this.#write(head);
      this.#write(message);
      return;
    }
    this.#piece.writeUInt32LE(message.length, this.#gathered);
    this.#gathered += LENGTH_BYTES;
    this.#gathered += message.copy(this.#piece, this.#gathered);
  }

  #flush(): void {
    this.#write(this.#piece.subarray(0, this.#gathered));
    this.#gathered = 0;
  }

  #write(bytes: Uint8Array): void {
    try {
      for (let at = 0; at < bytes.length; ) {
        const count = writeSync(this.#handle, bytes, at, bytes.length - at, this.#written);
        at += count;
        this.#written += count;
      }
    } catch (error) {
      throw fileError('could not keep a transaction of PostgreSQL', error);
    }
  }

  /** Every message; each is valid until the next is asked for. May be read more than once. */
  *messages(): Generator<Buffer> {
    this.#flush();
    let piece = Buffer.allocUnsafe(PIECE);
    let have = 0;
    let at = 0;
    let from = 0;
    for (;;) {
      const length = have - at >= LENGTH_BYTES ? piece.readUInt32LE(at) : -1;
      if (length >= 0 && have - at >= LENGTH_BYTES + length) {
        yield piece.subarray(at + LENGTH_BYTES, at + LENGTH_BYTES + length);
        at += LENGTH_BYTES + length;
        continue;
      }
      if (from >= this.#written) {
        if (at < have) throw new SqlError('58030', 'a kept transaction of PostgreSQL ends too early');
        return;
      }
      // What is left of the piece moves to its beginning; a message may be larger than a piece.
      const room = Math.max(PIECE, LENGTH_BYTES + length);
      const next = room > piece.length ? Buffer.allocUnsafe(room) : piece;
      piece.copy(next, 0, at, have);
      piece = next;
      have -= at;
      at = 0;
      const count = this.#read(piece, have, from);
      have += count;
      from += count;
    }
  }

  #read(into: Buffer, at: number, from: number): number {
    try {
      const count = readSync(this.#handle, into, at, Math.min(into.length - at, this.#written - from), from);
      if (count > 0) return count;
    } catch (error) {
      throw fileError('could not read a kept transaction of PostgreSQL', error);
    }
    throw new SqlError('58030', 'a kept transaction of PostgreSQL ends too early');
  }

  /** The file goes. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#handle);
  }
}
