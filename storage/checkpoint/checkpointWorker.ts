/** The thread that writes checkpoints: one message per step, in order; answers say how much has been taken. */
import { platform, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import { CheckpointFile } from './checkpointFile.ts';
import type { WriterAnswer, WriterRequest } from './checkpointWriter.ts';

const LESS_THAN_TICKS = 5;
// On Linux that is this thread's: where processors are short, ticks come first.
if (platform() === 'linux') setPriority(LESS_THAN_TICKS);

const port = must(parentPort);
const { directory } = workerData as { readonly directory: string };
const file = new CheckpointFile(directory);
/** After a failure the rest of that checkpoint is let go. */
let failed = false;

function answer(message: WriterAnswer): void {
  port.postMessage(message);
}

/** The block has been written, or need not be. */
function taken({ buffer, byteLength: bytes }: Uint8Array<ArrayBuffer>): void {
  port.postMessage({ kind: 'taken', bytes, buffer } satisfies WriterAnswer, [buffer]);
}

function carryOut(request: WriterRequest): void {
  switch (request.kind) {
    case 'begin':
      failed = false;
      file.begin();
      return;
    case 'block':
      if (!failed) file.putBlock(request.id, request.bytes);
      taken(request.bytes);
      return;
    case 'commit':
      if (failed) return;
      file.commit(request.end);
      answer({ kind: 'committed' });
      return;
    case 'abandon':
      file.rollback();
      return;
    case 'close':
      try {
        file.rollback();
        file.close();
      } finally {
        port.close();
      }
      return;
  }
}

port.on('message', (request: WriterRequest) => {
  try {
    carryOut(request);
  } catch (error) {
    failed = true;
    const state = error instanceof SqlError ? error.state : '58030';
    const message = error instanceof Error ? error.message : String(error);
    try {
      file.rollback();
    } catch {
      // The connection is beyond that; the next checkpoint will tell.
    }
    if (request.kind === 'block') taken(request.bytes);
    answer({ kind: 'failed', state, message });
  }
});
