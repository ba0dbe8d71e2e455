/** A format turns the bytes of one record into a row, or says why it can't. */
import type { Column } from '../../common/dataType.ts';
import type { TextContext } from '../../common/textContext.ts';
import type { Row } from '../../common/value.ts';

export interface RecordDecoder {
  /** A row of the source's columns, null to skip the record (a header). Throws SqlError for a bad record. */
  decode(record: string): Row | null;
  /** True when a record may span lines (quoted line ends): `complete` tells if the text so far is one record. */
  complete(record: string): boolean;
}

export interface FormatConfig {
  readonly columns: readonly Column[];
  readonly options: ReadonlyMap<string, string>;
  readonly context: TextContext;
}
