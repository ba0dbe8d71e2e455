/**
 * Where blocks lie that had to leave memory although no checkpoint holds them as they are: extents of a file that nobody else
 * sees and that is gone with the process.
 *
 * An extent is a whole number of 4 KiB units; a freed one is used again for a block of as many units (blocks of one structure
 * have one size), and the file starts anew when all are free. What was written is known by its CRC-32: other bytes are damage
 * (SqlError XX001). A full disk is SqlError 53100.
 */
import { closeSync, ftruncateSync, mkdirSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';

const UNIT_SHIFT = 12;

interface Extent {
  readonly length: number;
  readonly crc: number;
}

const unitsOf = (bytes: number): number => (bytes + (1 << UNIT_SHIFT) - 1) >>> UNIT_SHIFT;

export class SwapFile {
  readonly #directory: string;
  /** Made when it is first written to. */
  #file: number | null = null;
  /** By their first unit. */
  readonly #extents = new Map<number, Extent>();
  /** Free extents by their number of units. */
  readonly #free = new Map<number, number[]>();
  #end = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Size of the file. */
  get bytes(): number {
    return this.#end * 2 ** UNIT_SHIFT;
  }

  #open(): number {
    if (this.#file !== null) return this.#file;
    mkdirSync(this.#directory, { recursive: true });
    const path = join(this.#directory, `swap.${process.pid}`);
    this.#file = openSync(path, 'w+', 0o600);
    // It lives as long as it is open.
    unlinkSync(path);
    return this.#file;
  }

  /** Keeps bytes; gives their place. */
  write(bytes: Uint8Array<ArrayBuffer>): number {
    const units = unitsOf(bytes.byteLength);
    const place = this.#free.get(units)?.pop() ?? this.#end;
    try {
      const file = this.#open();
      let at = 0;
      while (at < bytes.byteLength) {
        at += writeSync(file, bytes, at, bytes.byteLength - at, place * 2 ** UNIT_SHIFT + at);
      }
    } catch (error) {
      if (place !== this.#end) this.#release(place, units);
      throw failure('write to', error);
    }
    if (place === this.#end) this.#end += units;
    this.#extents.set(place, { length: bytes.byteLength, crc: crc32(bytes) });
    return place;
  }

  read(place: number): Uint8Array<ArrayBuffer> {
    const { length, crc } = must(this.#extents.get(place));
    const bytes = new Uint8Array(length);
    try {
      let at = 0;
      while (at < length) {
        const got = readSync(must(this.#file), bytes, at, length - at, place * 2 ** UNIT_SHIFT + at);
        if (got === 0) break;
        at += got;
      }
    } catch (error) {
      throw failure('read', error);
    }
    if (crc32(bytes) !== crc) {
      throw new SqlError('XX001', 'state that was moved to disk is damaged there', {
        hint: 'Restart the server: it goes on from its last checkpoint and its journal.',
      });
    }
    return bytes;
  }

  free(place: number): void {
    const { length } = must(this.#extents.get(place));
    this.#extents.delete(place);
    if (this.#extents.size > 0) {
      this.#release(place, unitsOf(length));
      return;
    }
    this.#free.clear();
    this.#end = 0;
    if (this.#file !== null) ftruncateSync(this.#file, 0);
  }

  #release(place: number, units: number): void {
    const places = this.#free.get(units);
    if (places === undefined) this.#free.set(units, [place]);
    else places.push(place);
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }
}

function failure(doing: string, error: unknown): SqlError {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  const message = error instanceof Error ? error.message : String(error);
  return new SqlError(
    code === 'ENOSPC' || code === 'EDQUOT' ? '53100' : '58030',
    `cannot ${doing} the file that state is moved to: ${message}`,
  );
}
