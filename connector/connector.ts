/**
 * What a source connector is: data plus a reader. The server validates options from the specs, so a connector states
 * each option once. Readers are deterministic: reading again from the start gives the same rows in the same order, which
 * is how a view created later, or a restarted server, sees what has already been.
 */
import type { Column, DataType } from '../common/dataType.ts';
import type { Row, Value } from '../common/value.ts';
import type { Drift } from './formats/message.ts';
import type { IncludeField, RemoteRecord } from './remote.ts';

export interface OptionSpec {
  /** Dotted name as in WITH (...). A trailing `*` matches any suffix (`fields.*`). */
  readonly name: string;
  readonly type: 'string' | 'integer' | 'float' | 'boolean' | 'list';
  readonly required?: boolean;
  /** ALTER may change it: the rows and their order do not depend on it. */
  readonly alterable?: boolean;
  readonly default?: string;
  /** Its value is for the other server only: nothing shows it (secretOptions.ts). */
  readonly secret?: boolean;
  readonly choices?: readonly string[];
  readonly doc: string;
}

/** A position that a reader can resume from: plain JSON. */
export type Position = { readonly [key: string]: string | number | boolean | Position };

/** What becomes of a record that cannot be used: it is left out; its field is NULL; its source pauses before it. */
export type OnError = 'skip' | 'null' | 'fail';

/** A record as it came, as plain JSON: it goes through threads, the journal and checkpoints (rawRecord.ts makes it). */
export interface RawRecord {
  /** Partition, file, subject ...; null: there is none. */
  readonly partition: string | null;
  /** Where in it. */
  readonly offset: string | null;
  /** Base64. */
  readonly key: string | null;
  /** Base64. */
  readonly value: string | null;
  /** Microseconds since 1970. */
  readonly timestamp: string | null;
  /** Values in base64. */
  readonly headers: readonly (readonly [name: string, value: string | null])[];
  /** Further fields of its connector (RemoteRecord.fields). */
  readonly fields?: Readonly<Record<string, string | null>>;
}

/** A record that could not be used, or not as it is. Plain JSON. */
export interface BadRecord {
  /** Where it was: file and byte offset, partition and offset ... */
  readonly position: string;
  /** The record's bytes as text (hex when it is not UTF-8). */
  readonly raw: string;
  readonly message: string;
  readonly state: string;
  /** Absent or null: not known. */
  readonly record?: RawRecord | null;
  /** What it was decoded to, when the relation refuses its row: an object of columns, as JSON. */
  readonly row?: string | null;
  /** The field that is to blame. */
  readonly field?: string | null;
  /** Absent: it was left out. Else its row came: with a NULL in `field`, or with an event time that says nothing. */
  readonly outcome?: 'nulled' | 'admitted';
}

/** So often a field was not as its column is, in what one poll gives. */
export interface FieldDrift {
  readonly kind: Drift;
  readonly field: string;
  readonly count: number;
  /** What the field held, shortened; null: nothing to show. */
  readonly sample: string | null;
}

/** Rows in bytes (server/remote/block.ts), as they come from another thread. */
export interface RowBlock {
  readonly rows: number;
  readonly bytes: Uint8Array;
}

/** What one poll gives. `rows` are in arrival order; each row has the source's columns. */
export interface SourceRows {
  readonly rows: readonly Row[];
  /** The partition that each row is a message of. Absent: all of the source's only one, '0'. */
  readonly partitions?: readonly string[] | null;
  readonly bad: readonly BadRecord[];
  readonly drift?: readonly FieldDrift[];
  /** The record that a row (by its number) was made of, asked for when the relation refuses the row. */
  readonly recordOf?: (row: number) => RawRecord | null;
  /** Position after these rows. */
  readonly position: Position;
  /** Of a remote source: the rows are here (null: there are none), and `rows` is empty. */
  readonly block?: RowBlock | null;
  /** Bytes of the messages, as they came. */
  readonly messageBytes?: number;
}

export interface SourceReader {
  /**
   * Up to `maxRows` rows that are there now; null when there is nothing (yet). With `until`, reads without throttling
   * and not past that position; null then means that it is reached.
   */
  poll(maxRows: number, until: Position | null): SourceRows | null;
  /** Microseconds (wall clock) before which polling again is pointless; null: ended for ever. */
  nextPollMicros(): bigint | null;
  /** False: it is still connecting, which may fail. Absent: true. */
  readonly connected?: boolean;
  /**
   * Goes on with other columns; rows that were read with those of before come as `complete` makes them. False: it is to be closed, and
   * another one opened. `complete` null: rows of before cannot be used.
   */
  changeColumns?(config: SourceConfig, complete: ((row: Row) => Row) | null): boolean;
  close(): void;
}

/** Fields of records besides what they decode to (INCLUDE): the last of the columns. */
export interface IncludedFields {
  /** How many of the columns. */
  readonly count: number;
  /** Their names, as the connector has them. */
  readonly fields: readonly string[];
  /** Sets their columns of a row. Throws SqlError where a field is not of its column's type. */
  fill(record: RemoteRecord, row: Value[]): void;
}

export interface SourceConfig {
  /** Options given by the user with defaults filled in, validated against the specs. */
  readonly options: ReadonlyMap<string, string>;
  /** The source's physical columns (generated columns excluded). */
  readonly columns: readonly Column[];
  /** Upper case; null when the clause is absent. */
  readonly format: string | null;
  readonly encode: string | null;
  readonly encodeOptions: ReadonlyMap<string, string>;
  /** Wall clock in microseconds. */
  readonly clock: () => bigint;
  readonly timeZone: string;
  /**
   * Absent: 'skip'. With 'fail', a bad record ends what a poll without `until` gives, and is thrown by the next one; what is read
   * again (`until`) has been decided: there it is left out.
   */
  readonly onError?: OnError;
  /** Absent: none. */
  readonly included?: IncludedFields;
  /** The statement says who may write (VALIDATE). */
  readonly validated?: boolean;
}

export interface SourceConnector {
  readonly name: string;
  readonly doc: string;
  /** Where its columns come from, as a sentence; absent: the user declares them, or it has its own. */
  readonly columnsDoc?: string;
  readonly options: readonly OptionSpec[];
  /** Accepted FORMAT/ENCODE pairs; `NATIVE` stands for no clause. */
  readonly formats: readonly string[];
  /** What INCLUDE can name of its records; absent: nothing. */
  readonly include?: readonly IncludeField[];
  /** Rows are only ever added. */
  readonly appendOnly: boolean;
  /** Its rows come only once, so they must be kept: CREATE TABLE, not CREATE SOURCE. */
  readonly tablesOnly?: boolean;
  /** Columns of the source when the user writes none; null: the user must. `declared` may be checked too. */
  fixedColumns(
    options: ReadonlyMap<string, string>,
  ): readonly { readonly name: string; readonly type: DataType }[] | null;
  /**
   * Partitions that are known before anything is read: the source's watermark waits for all of them. Absent or empty:
   * those that messages come from.
   */
  partitions?(options: ReadonlyMap<string, string>): readonly string[];
  /** Opens a reader at `from` (null: the start). Throws SqlError on a bad configuration. */
  open(config: SourceConfig, from: Position | null): SourceReader;
  /** Where a bounded read of what is there right now would end; null when the source has no end (generators). */
  currentEnd(config: SourceConfig): Position | null;
}
