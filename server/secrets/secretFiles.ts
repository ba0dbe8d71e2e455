/**
 * Values of secrets as files, for options that name a file (`SECRET name AS FILE`): each in a directory of this process that nobody
 * else can enter, under a path that stays the same while the server runs.
 */
import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileError } from '../../storage/checkpoint/backupWriter.ts';

export class SecretFiles {
  #directory: string | null = null;
  readonly #written = new Map<number, string>();

  /** The file with this value of the secret. */
  path(id: number, value: string): string {
    const path = join(this.#open(), `secret-${id}`);
    if (this.#written.get(id) === value) return path;
    const part = `${path}.part`;
    try {
      rmSync(part, { force: true });
      writeFileSync(part, value, { mode: 0o600, flag: 'wx' });
      // Whoever reads has the old value or the new one.
      renameSync(part, path);
    } catch (error) {
      throw fileError(`could not write file "${path}"`, error);
    }
    this.#written.set(id, value);
    return path;
  }

  #open(): string {
    if (this.#directory !== null) return this.#directory;
    try {
      const directory = mkdtempSync(join(tmpdir(), 'millrace-secrets-'));
      chmodSync(directory, 0o700);
      this.#directory = directory;
      return directory;
    } catch (error) {
      throw fileError('could not create a directory for secrets', error);
    }
  }

  remove(id: number): void {
    if (this.#directory === null || !this.#written.delete(id)) return;
    rmSync(join(this.#directory, `secret-${id}`), { force: true });
  }

  close(): void {
    if (this.#directory !== null) rmSync(this.#directory, { recursive: true, force: true });
    this.#directory = null;
    this.#written.clear();
  }
}
