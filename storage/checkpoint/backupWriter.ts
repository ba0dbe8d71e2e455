/**
 * Writing a backup, as the main thread sees it: the newest checkpoint in one file, which a thread of its own copies while
 * everything goes on. The file appears under its name when it is whole and on disk, or not at all.
 */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { SqlError } from '../../common/sqlError.ts';
import type { SqlState } from '../../common/sqlStates.ts';

export interface BackupRequest {
  /** The data directory. */
  readonly directory: string;
  /** An empty file. */
  readonly path: string;
}

export type BackupAnswer =
  | { readonly kind: 'written'; readonly bytes: number }
  | { readonly kind: 'failed'; readonly state: SqlState; readonly message: string };

/** What the system's errors are called in PostgreSQL. */
const systemErrors: Readonly<Record<string, readonly [state: SqlState, text: string]>> = {
  ENOENT: ['58P01', 'No such file or directory'],
  EACCES: ['42501', 'Permission denied'],
  EPERM: ['42501', 'Operation not permitted'],
  EROFS: ['42501', 'Read-only file system'],
  EISDIR: ['42809', 'Is a directory'],
  ENOTDIR: ['42809', 'Not a directory'],
  ENOSPC: ['53100', 'No space left on device'],
  EDQUOT: ['53100', 'Disk quota exceeded'],
};

/** The error of an operation on a file, as PostgreSQL says it: `doing` such as `could not open file "x" for writing`. */
export function fileError(doing: string, error: unknown, hint?: string): SqlError {
  if (error instanceof SqlError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const [state, text] = systemErrors[code] ?? [
    '58030',
    error instanceof Error ? error.message : String(error),
  ];
  return new SqlError(state, `${doing}: ${text}`, hint === undefined ? {} : { hint });
}

const HINT = 'The file is written by the server, on the machine and with the rights of the server.';

/** Makes an empty file that only its owner may read: a backup has everything in it. */
function createPart(path: string, part: string): void {
  try {
    const present = statSync(path, { throwIfNoEntry: false });
    if (present?.isDirectory() === true) throw Object.assign(new Error('directory'), { code: 'EISDIR' });
    if (present?.isFile() === false) throw new SqlError('42809', `"${path}" is not a regular file`);
    closeSync(openSync(part, 'w', 0o600));
  } catch (error) {
    throw fileError(`could not open file "${path}" for writing`, error, HINT);
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

/** A name that becomes `path` when it is whole. */
export function moveInto(path: string, part: string): void {
  renameSync(part, path);
  syncDirectory(dirname(path));
}

function runWorker(request: BackupRequest): Promise<BackupAnswer> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./backupWorker.ts', import.meta.url), { workerData: request });
    worker.on('message', resolve);
    worker.on('error', reject);
    worker.on('exit', () => reject(new Error('the backup writer has ended')));
  });
}

/**
 * Writes the newest checkpoint of a data directory into one file, which is replaced if it is there. Gives its size. Throws
 * SqlError 42501, 42809, 53100, 58030, 58P01, XX001, and then there is nothing of it.
 */
export async function writeBackup(directory: string, path: string): Promise<number> {
  const part = `${path}.part-${process.pid}`;
  createPart(path, part);
  try {
    const answer = await runWorker({ directory, path: part });
    if (answer.kind === 'failed') {
      throw new SqlError(answer.state, `could not write file "${path}": ${answer.message}`);
    }
    moveInto(path, part);
    return answer.bytes;
  } catch (error) {
    for (const rest of ['', '-journal', '-wal']) rmSync(`${part}${rest}`, { force: true });
    throw fileError(`could not write file "${path}"`, error);
  }
}
