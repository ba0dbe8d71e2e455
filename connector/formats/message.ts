/**
 * How messages become rows: FORMAT says what a message means (a row, a row under its key, a change), ENCODE how its bytes are
 * read. A decoder is made once per source in the thread that reads it. It may wait (for a schema of a registry).
 */
import type { Column } from '../../common/dataType.ts';
import type { SqlError } from '../../common/sqlError.ts';
import type { TextContext } from '../../common/textContext.ts';
import type { Row } from '../../common/value.ts';
import type { RemoteRecord } from '../remote.ts';
import type { RowColumns } from './columnWriters.ts';

export type MessageFormat = 'PLAIN' | 'UPSERT' | 'DEBEZIUM';

/** A field that is not as its column: not an error, but counted by name. */
export type Drift = 'unknown field' | 'missing field' | 'type changed' | 'schema changed';

/** Rows that a decoder writes straight into columns. */
export interface DirectRows {
  readonly columns: RowColumns;
  /** The row that was begun is that of this record; what INCLUDE fills is still to come, and then it is finished, or fails. */
  took(record: RemoteRecord): void;
}

/** Where a decoder puts what it makes; calls come in the order of the messages. */
export interface DecodedRows {
  /**
   * A row comes (PLAIN), or replaces the one with its key (UPSERT, DEBEZIUM). It has all physical columns of the relation; those
   * that INCLUDE fills are null in it. It is kept: do not use it again.
   */
  put(record: RemoteRecord, row: Row): void;
  /** The row with this key goes; only the key's columns are looked at. */
  remove(record: RemoteRecord, row: Row): void;
  /** The message cannot be used. `field`: the path within it, where one is to blame. */
  fail(record: RemoteRecord, error: SqlError, field: string | null): void;
  /** on_error = 'null': a field was made NULL; the message's row comes all the same. */
  nulled(record: RemoteRecord, error: SqlError, field: string): void;
  drift(record: RemoteRecord, kind: Drift, field: string): void;
  /** Absent: rows only. */
  readonly direct?: DirectRows;
}

export interface MessageConfig {
  /** All physical columns of the relation. */
  readonly columns: readonly Column[];
  /** Positions of columns that INCLUDE fills: not the decoder's. */
  readonly included: ReadonlySet<number>;
  /** Positions of the primary key; empty: none. */
  readonly key: readonly number[];
  readonly format: MessageFormat;
  /** Upper case: JSON, CSV, AVRO, PROTOBUF, BYTES ... */
  readonly encode: string;
  /** ENCODE of the message's key; null: as the value's. */
  readonly keyEncode: string | null;
  /** Options of the ENCODE clause, checked. */
  readonly options: ReadonlyMap<string, string>;
  /** The subject in a schema registry is named after it; null: the connector has nothing like it. */
  readonly topic: string | null;
  /** What becomes of a field that does not fit its column: the message fails, or the field is NULL. */
  readonly onError: 'skip' | 'null' | 'fail';
  readonly context: TextContext;
}

export interface MessageDecoder {
  /** Rejects (SqlError, class 08) only when it cannot decode anything now: a registry that does not answer. */
  decode(records: readonly RemoteRecord[], out: DecodedRows): Promise<void> | void;
  close(): Promise<void>;
}
