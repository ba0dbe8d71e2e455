/**
 * Where the backlog of sinks goes that memory has no room for: a file for each chunk, in a directory of the data directory. It is
 * no part of what a restart reads (a checkpoint has the chunks, the journal makes later ones again), so it is emptied at start
 * and never synced.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Spill {
  /** Throws when there is no room. */
  put(name: string, bytes: Uint8Array): void;
  get(name: string): Uint8Array;
  remove(name: string): void;
}

export class DirectorySpill implements Spill {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    rmSync(directory, { recursive: true, force: true });
  }

  put(name: string, bytes: Uint8Array): void {
    mkdirSync(this.#directory, { recursive: true });
    writeFileSync(join(this.#directory, name), bytes);
  }

  get(name: string): Uint8Array {
    return readFileSync(join(this.#directory, name));
  }

  remove(name: string): void {
    rmSync(join(this.#directory, name), { force: true });
  }
}
