/** The thread that writes checkpoints: one message per step, in order; answers say how much has been taken. */
import { platform, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import { CheckpointFile } from './checkpointFile.ts';
import type { PackedBlock, WriterAnswer, WriterData, WriterRequest } from './checkpointWriter.ts';

const LESS_THAN_TICKS = 5;
// On Linux that is this thread's: where processors are short, ticks come first.
if (platform() === 'linux') setPriority(LESS_THAN_TICKS);

const port = must(parentPort);
const { directory, memory } = workerData as WriterData;
const file = new CheckpointFile(directory);
/** After a failure the rest of that checkpoint is let go. */
let failed = false;

function answer(message: WriterAnswer): void {
  port.postMessage(message);
}

/** The blocks have been written, or need not be. */
function taken(blocks: readonly PackedBlock[]): void {
  const bytes = blocks.reduce((sum, block) => sum + contents(block).byteLength, 0);
  answer({ kind: 'taken', bytes, pieces: blocks.filter((block) => 'at' in block).length });
}

function contents(block: PackedBlock): Uint8Array {
  return 'own' in block ? block.own : new Uint8Array(memory, block.at, block.length);
}

function carryOut(request: WriterRequest): void {
  switch (request.kind) {
    case 'begin':
      failed = false;
      file.begin();
      return;
    case 'blocks':
      if (!failed) for (const block of request.blocks) file.putBlock(block.id, contents(block));
      taken(request.blocks);
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
    if (request.kind === 'blocks') taken(request.blocks);
    answer({ kind: 'failed', state, message });
  }
});
