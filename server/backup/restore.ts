/**
 * Backups while no server runs: checking one, making a data directory from one, and setting a directory back to one that it
 * keeps. A directory changes from one state to another in one step, the renaming of its checkpoint.
 */
import {
  closeSync,
  copyFileSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { SqlError } from '../../common/sqlError.ts';
import { fileError, moveInto } from '../../storage/checkpoint/backupWriter.ts';
import { CheckpointFile, STATE_FILE } from '../../storage/checkpoint/checkpointFile.ts';
import { MARK_FILE } from '../../storage/journalStore.ts';
import { JOURNAL_FILE } from '../../storage/journalTable.ts';
import { ROWS_DIRECTORY } from '../../storage/rowsFiles.ts';
import { type CheckpointDescription, readDescription } from '../checkpoint/description.ts';
import { type Backups, backupPath } from './backups.ts';

/** What a backup holds. */
export interface BackupSummary {
  readonly description: CheckpointDescription;
  readonly blocks: number;
  readonly bytes: number;
}

/** Reads all of a backup. Throws SqlError XX001 where it is damaged, 55000 where another version has to read it. */
export function verifyBackup(path: string): BackupSummary {
  try {
    closeSync(openSync(path, 'r'));
    if (!statSync(path).isFile()) throw new SqlError('42809', `"${path}" is not a regular file`);
  } catch (error) {
    throw fileError(`could not open file "${path}" for reading`, error);
  }
  const file = CheckpointFile.backup(path);
  try {
    const description = readDescription(file);
    if (description === null) throw new SqlError('XX001', `"${path}" holds no checkpoint`);
    const { blocks, images, bytes } = file.verify();
    const missing = (description.blocks ?? blocks) - blocks + (description.images ?? images) - images;
    if (missing !== 0) throw new SqlError('XX001', `"${path}" is damaged: ${missing} parts are missing`);
    return { description, blocks, bytes };
  } finally {
    file.close();
  }
}

/** A copy beside the place where it is to be, on disk. */
function copyToPart(path: string, directory: string): string {
  const part = join(directory, `${STATE_FILE}.part`);
  try {
    copyFileSync(path, part);
    const file = openSync(part, 'r+');
    fsyncSync(file);
    closeSync(file);
    return part;
  } catch (error) {
    rmSync(part, { force: true });
    throw fileError(`could not write file "${part}"`, error);
  }
}

/** Makes a data directory from a backup. Refuses one that has anything in it. */
export function restoreBackup(path: string, directory: string): BackupSummary {
  const summary = verifyBackup(path);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    if (readdirSync(directory).length > 0) {
      throw new SqlError('55000', `directory "${directory}" is not empty`, {
        hint: 'A backup is restored into a directory of its own, so that nothing is lost.',
      });
    }
  } catch (error) {
    throw fileError(`could not create directory "${directory}"`, error);
  }
  moveInto(join(directory, STATE_FILE), copyToPart(path, directory));
  return summary;
}

/** A data directory in use. */
export interface OpenDirectory {
  readonly backups: Backups;
  close(): Promise<void>;
}

/** `before_nightly_20260131T235959` */
function nameOfPresent(name: string, micros: bigint): string {
  const time = new Date(Number(micros / 1000n)).toISOString();
  return `before_${name}_${time.replace(/[-:]|\..*/g, '')}`;
}

const journalFiles = [JOURNAL_FILE, `${JOURNAL_FILE}-wal`, `${JOURNAL_FILE}-shm`, MARK_FILE, ROWS_DIRECTORY];
const stateFiles = [STATE_FILE, `${STATE_FILE}-wal`, `${STATE_FILE}-shm`];

/** What a server cannot start from is not thrown away. */
function putAside(directory: string, name: string): string {
  const aside = join(directory, name);
  mkdirSync(aside, { recursive: true, mode: 0o700 });
  for (const file of [...stateFiles, ...journalFiles]) {
    if (statSync(join(directory, file), { throwIfNoEntry: false }) !== undefined) {
      renameSync(join(directory, file), join(aside, file));
    }
  }
  return aside;
}

/**
 * Sets a data directory back to a backup that it keeps; the present state becomes another one. `open`: recovers the directory
 * as it is, alone. Throws SqlError, and then everything is as it was.
 */
export async function switchToBackup(
  directory: string,
  name: string,
  open: () => Promise<OpenDirectory>,
  now: bigint,
  log: (line: string) => void,
): Promise<void> {
  const path = backupPath(directory, name);
  if (statSync(path, { throwIfNoEntry: false }) === undefined) {
    throw new SqlError('42704', `backup "${name}" does not exist in ${directory}`);
  }
  verifyBackup(path);
  const kept = nameOfPresent(name, now);
  try {
    const present = await open();
    try {
      await present.backups.keep(kept);
    } finally {
      await present.close();
    }
    log(`the state until now is kept as backup "${kept}"`);
  } catch (error) {
    if (!(error instanceof SqlError) || error.state !== 'XX001') throw error;
    log(
      `the state until now cannot be read (${error.message}); its files are kept in ${putAside(directory, kept)}`,
    );
  }
  const part = copyToPart(path, directory);
  // Everything is in the checkpoint, so without its journal the directory is still what it was.
  for (const file of journalFiles) rmSync(join(directory, file), { recursive: true, force: true });
  moveInto(join(directory, STATE_FILE), part);
  log(`starting from backup "${name}"`);
}
