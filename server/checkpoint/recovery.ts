/**
 * A restart: the newest checkpoint is put back, then the journal's records after it are carried out again. What cannot be read is
 * an error that says what is lost; views that had to be built again are logged.
 */
import { SqlError } from '../../common/sqlError.ts';
import {
  type CheckpointInput,
  type CheckpointPlace,
  inDirectory,
} from '../../storage/checkpoint/checkpointPlace.ts';
import type { Database, DdlOrigin } from '../database.ts';
import type { Journal } from '../journal.ts';
import { replayJournal } from '../journalRecovery.ts';
import { Checkpointer, type CheckpointPace, type CheckpointPosition } from './checkpointer.ts';
import { type CheckpointDescription, readDescription } from './description.ts';
import { restoreCheckpoint } from './restoration.ts';

/** Carries out a statement under the id that it had, without journalling it. */
export type RunDdl = (statement: DdlOrigin & { readonly id: number | null }) => Promise<void>;

/** How the last restart went, for the catalog. */
export interface RecoveryReport {
  readonly checkpoint: number | null;
  /** Microseconds. */
  readonly restoreMicros: number;
  readonly replayMicros: number;
  readonly replayedRecords: number;
  readonly rebuilt: readonly { readonly view: string; readonly reason: string }[];
}

export interface Recovered {
  readonly checkpointer: Checkpointer;
  readonly report: RecoveryReport;
}

/** Brings an empty database to what the directory holds, and keeps it there from now on. */
export function recoverDirectory(
  database: Database,
  directory: string,
  journal: Journal,
  runDdl: RunDdl,
  log: (line: string) => void,
): Promise<Recovered> {
  return recover(database, inDirectory(directory), journal, runDdl, log);
}

/** As `recoverDirectory`, with checkpoints wherever they are kept. */
export async function recover(
  database: Database,
  place: CheckpointPlace,
  journal: Journal,
  runDdl: RunDdl,
  log: (line: string) => void,
  pace?: CheckpointPace,
): Promise<Recovered> {
  const { serverClock } = database.environment;
  const started = serverClock.system();
  const file = place.open();
  try {
    const description = readDescription(file);
    checkContinues(journal, description);
    const rebuilt = description === null ? [] : await restoreCheckpoint(database, file, description, runDdl);
    for (const { view, reason } of rebuilt) log(`materialized view "${view}" was built again: ${reason}`);
    const restored = serverClock.system();
    const after = description?.journalSeq ?? 0;
    await replayJournal(database, journal, runDdl, after);
    const report: RecoveryReport = {
      checkpoint: description?.number ?? null,
      restoreMicros: Number(restored - started),
      replayMicros: Number(serverClock.system() - restored),
      replayedRecords: Math.max(0, journal.lastSeq - after),
      rebuilt,
    };
    return { checkpointer: new Checkpointer(database, place, positionOf(file, description), pace), report };
  } finally {
    file.close();
  }
}

/** The journal's first records are gone because a checkpoint covers them: that one, or a later one, must be there. */
function checkContinues(journal: Journal, description: CheckpointDescription | null): void {
  const covered = description?.journalSeq ?? 0;
  if (journal.truncated <= covered) return;
  throw new SqlError(
    'XX001',
    description === null
      ? 'the checkpoint that the journal continues is missing'
      : `the checkpoint is older than the journal: it holds what happened through record ${covered}, the journal begins after record ${journal.truncated}`,
    { hint: 'Restore the data directory from a backup: state.db and journal.db belong together.' },
  );
}

function positionOf(file: CheckpointInput, description: CheckpointDescription | null): CheckpointPosition {
  const images = new Map<string, Uint8Array>();
  for (const name of file.imageNames()) {
    const image = file.image(name);
    if (image !== null) images.set(name, image);
  }
  return {
    number: description?.number ?? 0,
    journalSeq: description?.journalSeq ?? 0,
    lastBlockId: description?.lastBlock ?? 0,
    blockIds: new Set(file.blockIds()),
    images,
  };
}
