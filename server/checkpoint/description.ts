/** What a checkpoint says about itself. */
import { SqlError } from '../../common/sqlError.ts';
import { STATE_FORMAT } from '../../storage/checkpoint/checkpointFile.ts';
import type { CheckpointInput } from '../../storage/checkpoint/checkpointPlace.ts';
import type { Definition } from './definitions.ts';

export interface CheckpointDescription {
  /** STATE_FORMAT of the server that wrote it. */
  readonly format: number;
  readonly number: number;
  /** The journal's records up to this one are in it. */
  readonly journalSeq: number;
  /** Version of the database; bigints as text. */
  readonly version: string;
  /** Time of the last tick, and when the checkpoint was taken; microseconds. */
  readonly now: string;
  readonly takenAt: string;
  /** Where the server's clock stands; null: it is the system's. */
  readonly virtualClock: string | null;
  readonly lastBlock: number;
  readonly nextId: number;
  readonly definitions: readonly Definition[];
}

/** The newest checkpoint's; null: there is none. SqlError 55000 when another version of the server has to read it. */
export function readDescription(file: CheckpointInput): CheckpointDescription | null {
  const text = file.description();
  if (text === null) return null;
  const description = JSON.parse(text) as CheckpointDescription;
  if (description.format === STATE_FORMAT) return description;
  throw new SqlError(
    '55000',
    `the checkpoint in ${file.path} has format ${description.format}, this server reads format ${STATE_FORMAT}`,
    {
      hint: 'Start the version of the server that wrote it, or restore a backup that this version can read.',
    },
  );
}
