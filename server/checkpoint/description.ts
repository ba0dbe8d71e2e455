/** What a checkpoint says about itself. */
import { SqlError } from '../../common/sqlError.ts';
import { OLDEST_STATE_FORMAT, STATE_FORMAT } from '../../storage/checkpoint/checkpointFile.ts';
import type { CheckpointInput } from '../../storage/checkpoint/checkpointPlace.ts';
import type { Definition } from './definitions.ts';

export interface CheckpointDescription {
  /** STATE_FORMAT of the server that wrote it. */
  readonly format: number;
  /** VIEW_FORMAT of that server; absent: 1. */
  readonly viewFormat?: number;
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
  /** What random values of views follow from; absent in old ones. */
  readonly secret?: string;
  /** How many blocks and images it consists of; absent in old ones. */
  readonly blocks?: number;
  readonly images?: number;
}

/** The newest checkpoint's; null: there is none. SqlError 55000 when another version of the server has to read it. */
export function readDescription(file: CheckpointInput): CheckpointDescription | null {
  const text = file.description();
  if (text === null) return null;
  const description = JSON.parse(text) as CheckpointDescription;
  const { format } = description;
  if (format >= OLDEST_STATE_FORMAT && format <= STATE_FORMAT) return description;
  const formats =
    OLDEST_STATE_FORMAT < STATE_FORMAT
      ? `formats ${OLDEST_STATE_FORMAT} to ${STATE_FORMAT}`
      : `format ${STATE_FORMAT}`;
  throw new SqlError(
    '55000',
    `the checkpoint in ${file.path} has format ${format}, this server reads ${formats}`,
    {
      hint:
        format > STATE_FORMAT
          ? 'A newer server wrote it: start that one, or restore a backup that this one can read.'
          : 'Start a version in between, which brings it to its own format.',
    },
  );
}
