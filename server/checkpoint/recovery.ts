/**
 * A restart: the newest checkpoint is put back, then the journal's records after it are carried out again. What cannot be read is
 * an error that says what is lost; views that had to be built again are logged.
 */
import { join } from 'node:path';
import { SqlError } from '../../common/sqlError.ts';
import {
  type CheckpointInput,
  type CheckpointPlace,
  inDirectory,
} from '../../storage/checkpoint/checkpointPlace.ts';
import type { DamageMark } from '../../storage/checkpoint/damageMark.ts';
import { Backups } from '../backup/backups.ts';
import type { Database, DdlOrigin } from '../database.ts';
import type { Journal } from '../journal.ts';
import { replayJournal } from '../journalRecovery.ts';
import { DirectorySpill } from '../sinks/spill.ts';
import { Checkpointer, type CheckpointPace, type CheckpointPosition } from './checkpointer.ts';
import { type CheckpointDescription, readDescription } from './description.ts';
import { RecoveryProgress, type RecoveryReport } from './progress.ts';
import { restoreCheckpoint } from './restoration.ts';

const MOST_ROOM = 256 << 20;
const LEAST_ROOM = 8 << 20;

/** Carries out a statement under the id that it had, without journalling it. */
export type RunDdl = (statement: DdlOrigin & { readonly id: number | null }) => Promise<void>;

export interface Recovered {
  readonly checkpointer: Checkpointer;
  readonly report: RecoveryReport;
}

/**
 * Memory for blocks on their way to the checkpoint's writer: a small share of the limit. The more there is, the more blocks that
 * are changed while a checkpoint is taken find memory that the system has already given (64 KiB of fresh memory take 300 us on
 * some virtual machines, a copy 6 us).
 */
function roomForBlocks(limit: number): number {
  return Math.floor(Math.min(MOST_ROOM, Math.max(LEAST_ROOM, limit / 32)));
}

/** Brings an empty database to what the directory holds, and keeps it there from now on. */
export async function recoverDirectory(
  database: Database,
  directory: string,
  journal: Journal,
  runDdl: RunDdl,
  log: (line: string) => void,
  progress?: RecoveryProgress,
): Promise<Recovered> {
  const place = inDirectory(directory, roomForBlocks(database.memory?.limit ?? Infinity));
  database.sinks.spill = new DirectorySpill(join(directory, 'spill'));
  const recovered = await recover(database, place, journal, runDdl, log, undefined, progress);
  const { durability } = database;
  const backups = new Backups(directory, recovered.checkpointer);
  if (durability !== null) database.durability = { ...durability, backups };
  return recovered;
}

/** As `recoverDirectory`, with checkpoints wherever they are kept. */
export async function recover(
  database: Database,
  place: CheckpointPlace,
  journal: Journal,
  runDdl: RunDdl,
  log: (line: string) => void,
  pace?: CheckpointPace,
  progress = new RecoveryProgress(() => database.environment.serverClock.system(), log, pace?.turn),
): Promise<Recovered> {
  const { serverClock } = database.environment;
  const started = serverClock.system();
  const file = place.open();
  try {
    const description = readDescription(file);
    checkContinues(journal, description);
    adoptSecret(database, journal, description);
    const { damage } = place;
    const suspect = damage?.isSet ?? false;
    watchDamage(database, damage ?? null, log);
    database.memory?.readFrom(() => place.open(), description?.blocks ?? 0, suspect);
    const rebuilt =
      description === null ? [] : await restoreCheckpoint(database, file, description, runDdl, progress);
    for (const { view, reason } of rebuilt) log(`materialized view "${view}" was built again: ${reason}`);
    const restored = serverClock.system();
    const after = description?.journalSeq ?? 0;
    progress.begin('journal', Math.max(0, journal.lastSeq - after));
    let replayedRecords = 0;
    await replayJournal(database, journal, runDdl, after, () => {
      replayedRecords++;
      progress.step();
      return progress.turn();
    });
    database.secrets.requireValues();
    progress.begin('done', 0);
    const report: RecoveryReport = {
      startedAt: started,
      checkpoint: description?.number ?? null,
      takenAt: description === null ? null : BigInt(description.takenAt),
      restoreMicros: Number(restored - started),
      replayMicros: Number(serverClock.system() - restored),
      replayedRecords,
      rebuilt,
    };
    const checkpointer = new Checkpointer(database, place, positionOf(file, description), pace);
    database.durability = { checkpointer, backups: null, progress, recovery: report };
    if (suspect) {
      // Everything has been read, and what was damaged was built again.
      await checkpointer.checkpoint();
      damage?.clear();
    }
    return { checkpointer, report };
  } catch (error) {
    // Whatever failed may have failed for the want of it.
    throw database.secrets.refusal ?? error;
  } finally {
    file.close();
  }
}

function watchDamage(database: Database, mark: DamageMark | null, log: (line: string) => void): void {
  if (database.memory === null) return;
  database.memory.onDamage = (damage) => {
    mark?.set(damage.message);
    log(
      `${damage.message}; no checkpoints are taken until the server is started again, which reads all of it`,
    );
  };
}

/** Random values of views follow from a secret, which a backup brings along. */
function adoptSecret(database: Database, journal: Journal, description: CheckpointDescription | null): void {
  const { secret } = description ?? {};
  if (secret === undefined) return;
  database.random.secret = Buffer.from(
    journal.secret(() => secret),
    'hex',
  );
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
