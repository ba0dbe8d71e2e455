/**
 * A note in the data directory that damage was found in the checkpoint while the server ran: the next start reads all of it, so
 * that views are built again where theirs is damaged, and what is nowhere else is missed at once.
 */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = 'state.damaged';

export class DamageMark {
  readonly #path: string;

  constructor(directory: string) {
    this.#path = join(directory, FILE);
  }

  get isSet(): boolean {
    return existsSync(this.#path);
  }

  /** A disk that does not take the note either leaves things to be found again. */
  set(what: string): void {
    try {
      writeFileSync(this.#path, `${what}\n`);
    } catch {
      // Reads of the same block fail again.
    }
  }

  clear(): void {
    rmSync(this.#path, { force: true });
  }
}
