/**
 * Space in reserve for what must be written because it has been done: a file of nothing, which is taken away when the disk is full
 * in that moment. Other programs may take what it leaves; then it was worth trying.
 */
import { closeSync, fdatasyncSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export const RESERVE_FILE = 'journal.reserve';

export interface Reserve {
  /** So many bytes are kept. Throws as any write does. */
  hold(bytes: number): void;
  /** They are free. False: none were kept. */
  release(): boolean;
}

export class ReserveFile implements Reserve {
  readonly #path: string;
  /** Known to be on disk. */
  #held: number | null = null;

  constructor(directory: string) {
    this.#path = join(directory, RESERVE_FILE);
  }

  hold(bytes: number): void {
    this.#held ??= statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
    if (this.#held >= bytes) return;
    const handle = openSync(this.#path, 'w');
    try {
      this.#held = 0;
      // What is all zeros, some file systems keep as nothing.
      writeSync(handle, Buffer.alloc(bytes, 'reserve '), 0, bytes, 0);
      fdatasyncSync(handle);
      this.#held = bytes;
    } finally {
      closeSync(handle);
    }
  }

  release(): boolean {
    const held = this.#held ?? 0;
    this.#held = 0;
    rmSync(this.#path, { force: true });
    return held > 0;
  }
}
