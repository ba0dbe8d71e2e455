/** The thread that writes one backup: copies the newest checkpoint into a new file, reads that back, and has it on disk. */
import { closeSync, fsyncSync, openSync, statSync } from 'node:fs';
import { platform, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { BackupAnswer, BackupRequest } from './backupWriter.ts';
import { CheckpointFile } from './checkpointFile.ts';

const LESS_THAN_TICKS = 5;
// On Linux that is this thread's: where processors are short, ticks come first.
if (platform() === 'linux') setPriority(LESS_THAN_TICKS);

const port = must(parentPort);
const { directory, path } = workerData as BackupRequest;

function writeBackup(): BackupAnswer {
  const source = new CheckpointFile(directory, { readonly: true });
  try {
    source.copyTo(path);
  } finally {
    source.close();
  }
  const copy = CheckpointFile.backup(path);
  try {
    copy.verify();
  } finally {
    copy.close();
  }
  const file = openSync(path, 'r+');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return { kind: 'written', bytes: statSync(path).size };
}

try {
  port.postMessage(writeBackup());
} catch (error) {
  const state = error instanceof SqlError ? error.state : '58030';
  const message = error instanceof Error ? error.message : String(error);
  port.postMessage({ kind: 'failed', state, message } satisfies BackupAnswer);
}
