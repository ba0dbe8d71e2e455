/**
 * What the main thread and the thread of the readers say to each other. Plain data throughout; rows go as memory that changes
 * hands. A feed is one opened reader of one source; its number is never used again.
 */
import { SqlError } from '../../common/sqlError.ts';
import type { SqlState } from '../../common/sqlStates.ts';
import type { BadRecord, FieldDrift, Position } from '../../connector/connector.ts';
import type { MessageConfig } from '../../connector/formats/message.ts';
import type { PartitionProgress, RemoteConfig } from '../../connector/remote.ts';
import type { IncludedColumn } from './include.ts';

/** Everything that a reader and its decoder are made of. */
export interface FeedSetup {
  readonly connector: string;
  readonly config: RemoteConfig;
  readonly message: Omit<MessageConfig, 'context'>;
  readonly include: readonly IncludedColumn[];
  readonly timeZone: string;
  /** Where it goes on; null: where the options say. */
  readonly from: Position | null;
  /** Messages of one block at most, at first. */
  readonly maxRecords: number;
}

export type FeedRequest =
  | { readonly kind: 'open'; readonly feed: number; readonly setup: FeedSetup }
  /** So many bytes of blocks have been taken: others may come. */
  | { readonly kind: 'taken'; readonly feed: number; readonly bytes: number }
  /** Blocks of so many messages at most from now on. */
  | { readonly kind: 'pace'; readonly feed: number; readonly records: number }
  /** Rows have these columns from the next fetch on, and blocks that number. */
  | {
      readonly kind: 'columns';
      readonly feed: number;
      readonly layout: number;
      readonly message: FeedSetup['message'];
      readonly include: FeedSetup['include'];
    }
  | { readonly kind: 'acknowledge'; readonly feed: number; readonly position: Position }
  | { readonly kind: 'close'; readonly feed: number };

/** What one fetch has given. */
export interface FeedBlock {
  /** Null: no rows. */
  readonly bytes: Uint8Array<ArrayBuffer> | null;
  readonly rows: number;
  /** Bytes of the messages, as they came. */
  readonly messageBytes: number;
  readonly position: Position;
  readonly bad: readonly BadRecord[];
  readonly drift: readonly FieldDrift[];
  /** Of the columns that its rows have; 0: those that the feed was opened with. */
  readonly layout: number;
}

/** An error as plain data. */
export interface ErrorFields {
  readonly state: SqlState;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
}

export type FeedAnswer =
  | { readonly kind: 'opened'; readonly feed: number }
  | { readonly kind: 'block'; readonly feed: number; readonly block: FeedBlock }
  | { readonly kind: 'progress'; readonly feed: number; readonly partitions: readonly PartitionProgress[] }
  /** Nothing more comes of it. */
  | { readonly kind: 'failed'; readonly feed: number; readonly error: ErrorFields }
  | { readonly kind: 'closed'; readonly feed: number };

/** Of a user's or a server's making; anything else is a bug of ours, or of the system. */
export function errorFields(error: unknown): ErrorFields {
  if (error instanceof SqlError) {
    const { state, message, detail, hint } = error;
    return {
      state,
      message,
      ...(detail === undefined ? {} : { detail }),
      ...(hint === undefined ? {} : { hint }),
    };
  }
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof Error && 'syscall' in error) return { state: '58030', message };
  return { state: 'XX000', message: `internal error: ${message}` };
}

export function errorOf({ state, message, detail, hint }: ErrorFields): SqlError {
  return new SqlError(state, message, {
    ...(detail === undefined ? {} : { detail }),
    ...(hint === undefined ? {} : { hint }),
  });
}
