/** A format turns the bytes of one record into a row, or says why it can't. */
import type { Column } from '../../common/dataType.ts';
import type { SqlError } from '../../common/sqlError.ts';
import type { TextContext } from '../../common/textContext.ts';
import type { Row } from '../../common/value.ts';
import type { OnError } from '../connector.ts';
import type { Drift } from './message.ts';

export interface RecordDecoder {
  /**
   * A row of the source's columns, null to skip the record (a header). Throws SqlError for a bad record; its `column` is the field
   * to blame, where one is.
   */
  decode(record: string): Row | null;
  /** True when a record may span lines (quoted line ends): `complete` tells if the text so far is one record. */
  complete(record: string): boolean;
}

/** What a field holds, or how to get it: only the first is asked for. */
export type Sample = string | null | (() => string | null);

/** What is to be known of a record whose row comes all the same. */
export interface RecordReport {
  /** A field does not fit its column and is NULL. */
  nulled(error: SqlError, field: string): void;
  /** A field is not as its column. `sample`: what it holds. */
  drift(kind: Drift, field: string, sample: Sample): void;
}

export interface FormatConfig {
  readonly columns: readonly Column[];
  readonly options: ReadonlyMap<string, string>;
  readonly context: TextContext;
  /** Absent: a field that does not fit makes the record bad. */
  readonly onError?: OnError;
  readonly report?: RecordReport;
}
