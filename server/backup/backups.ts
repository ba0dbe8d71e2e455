/**
 * Backups of a running server: each is one checkpoint in one file, taken while everything goes on. Named ones (savepoints) lie
 * in the data directory under backups/, a file each; which there are is what lies there.
 */
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { SqlError } from '../../common/sqlError.ts';
import { fileError, writeBackup } from '../../storage/checkpoint/backupWriter.ts';
import { CheckpointFile } from '../../storage/checkpoint/checkpointFile.ts';
import type { Checkpointer, CheckpointReport } from '../checkpoint/checkpointer.ts';
import { type CheckpointDescription, readDescription } from '../checkpoint/description.ts';

const FOLDER = 'backups';
const SUFFIX = '.db';

/** Where the backup of this name lies. */
export function backupPath(directory: string, name: string): string {
  return join(directory, FOLDER, `${encodeURIComponent(name).replaceAll('.', '%2E')}${SUFFIX}`);
}

/** A named backup; without a description when it cannot be read. */
export interface BackupEntry {
  readonly name: string;
  readonly bytes: number;
  readonly description: CheckpointDescription | null;
  readonly error: SqlError | null;
}

function entryOf(path: string, name: string): BackupEntry {
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  try {
    const file = CheckpointFile.backup(path);
    try {
      return { name, bytes, description: readDescription(file), error: null };
    } finally {
      file.close();
    }
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return { name, bytes, description: null, error };
  }
}

/** Backups that a data directory keeps, by name. */
export function listBackups(directory: string): readonly BackupEntry[] {
  let files: readonly string[];
  try {
    files = readdirSync(join(directory, FOLDER));
  } catch {
    return [];
  }
  return files
    .filter((file) => file.endsWith(SUFFIX))
    .map((file) => decodeURIComponent(file.slice(0, -SUFFIX.length)))
    .sort()
    .map((name) => entryOf(backupPath(directory, name), name));
}

/** What a server left behind that died while it wrote one. */
function removeParts(directory: string): void {
  const folder = join(directory, FOLDER);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return;
  for (const file of readdirSync(folder))
    if (file.includes('.part-')) rmSync(join(folder, file), { force: true });
}

export class Backups {
  readonly #directory: string;
  readonly #checkpointer: Checkpointer;
  /** Ends with the last one that was asked for: one at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(directory: string, checkpointer: Checkpointer) {
    this.#directory = directory;
    this.#checkpointer = checkpointer;
    removeParts(directory);
  }

  /** Takes a checkpoint and writes it to a file outside the data directory. */
  async writeTo(path: string): Promise<CheckpointReport> {
    if (!isAbsolute(path)) throw new SqlError('42602', 'relative path not allowed for BACKUP TO');
    const inside = relative(resolve(this.#directory), path);
    if (inside === '' || !(inside.startsWith('..') || isAbsolute(inside))) {
      throw new SqlError('42602', 'a backup cannot be written into the data directory', {
        hint: 'BACKUP AS name keeps one there.',
      });
    }
    return this.#write(path);
  }

  /** Takes a checkpoint and keeps it under a name. */
  async keep(name: string): Promise<CheckpointReport> {
    const path = backupPath(this.#directory, name);
    const refuseTaken = (): void => {
      if (this.#exists(name)) throw new SqlError('42710', `backup "${name}" already exists`);
    };
    refuseTaken();
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    } catch (error) {
      throw fileError(`could not create directory "${dirname(path)}"`, error);
    }
    return this.#write(path, refuseTaken);
  }

  #write(path: string, check: () => void = () => {}): Promise<CheckpointReport> {
    const next = this.#last.then(async () => {
      check();
      const report = await this.#checkpointer.checkpoint();
      await writeBackup(this.#directory, path);
      return report;
    });
    this.#last = next.catch(() => {});
    return next;
  }

  #exists(name: string): boolean {
    return statSync(backupPath(this.#directory, name), { throwIfNoEntry: false }) !== undefined;
  }

  /** False: there is none of this name. */
  drop(name: string): boolean {
    if (!this.#exists(name)) return false;
    try {
      rmSync(backupPath(this.#directory, name));
    } catch (error) {
      throw fileError(`could not remove backup "${name}"`, error);
    }
    return true;
  }

  list(): readonly BackupEntry[] {
    return listBackups(this.#directory);
  }
}
