/**
 * Why a source stands still. What may pass by itself (I/O, connections, resources) is tried again, after one second, two, four
 * and so on up to a minute; anything else waits for ALTER ... RESUME. Whatever goes wrong in a reader concerns its source alone.
 */
import { SqlError } from '../common/sqlError.ts';

const FIRST_RETRY = 1_000_000n;
const LAST_RETRY = 60_000_000n;

/** Classes of SQLSTATE of what may be over the next time: connections, resources, an operator's doing, the system. */
const PASSING = ['08', '53', '57', '58'];

export interface SourcePause {
  /** `user`: by ALTER; `failure`: its reader failed; `changed`: in a restart it had not what had been read of it. */
  readonly cause: 'user' | 'failure' | 'changed';
  /** Null: a user wanted it. */
  readonly error: SqlError | null;
  /** Microseconds: since when, and when it is tried again (null: not by itself). */
  readonly at: bigint;
  readonly retryAt: bigint | null;
}

/** As users see it. */
export function pauseReason({ error }: SourcePause): string {
  if (error === null) return 'paused by ALTER';
  return `${error.message} (SQLSTATE ${error.state})`;
}

/** What a reader has thrown: of the system, or a bug of ours. */
export function readerError(error: unknown, connector: string): SqlError {
  if (error instanceof SqlError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const isSystem = error instanceof Error && 'syscall' in error;
  return isSystem
    ? new SqlError('58030', `the ${connector} source cannot be read: ${message}`)
    : new SqlError('XX000', `internal error in the ${connector} source: ${message}`);
}

/** The pause after an error; `tries`: how often it has failed in a row, this time included. */
export function failurePause(error: SqlError, at: bigint, since: bigint, tries: number): SourcePause {
  if (!PASSING.includes(error.state.slice(0, 2)))
    return { cause: 'failure', error, at: since, retryAt: null };
  const wait = FIRST_RETRY << BigInt(Math.min(tries - 1, 6));
  return { cause: 'failure', error, at: since, retryAt: at + (wait < LAST_RETRY ? wait : LAST_RETRY) };
}
