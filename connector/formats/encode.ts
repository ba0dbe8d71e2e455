/**
 * What an ENCODE is: data plus decoders of payloads. FORMAT (messageDecoder.ts) says what a payload stands for; an encoding turns
 * its bytes into the columns asked for. A decoder works in batches: `begin` sees all payloads first (to join their text, or to
 * fetch the schemas that they name), then each is decoded by its number without waiting.
 */
import type { Column } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { SqlState } from '../../common/sqlStates.ts';
import type { TextContext } from '../../common/textContext.ts';
import type { Row } from '../../common/value.ts';
import type { OptionSpec } from '../connector.ts';
import type { RecordMemory } from '../remote.ts';
import type { RowColumns } from './columnWriters.ts';
import type { Drift, MessageFormat } from './message.ts';

const MAX_MESSAGE = 400;

/** A payload that cannot be used, and the field within it that is to blame. */
export class FieldFailure extends SqlError {
  readonly field: string;

  constructor(state: SqlState, message: string, field: string) {
    super(state, message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}...` : message);
    this.field = field;
  }

  /** Names the field in an error of its value. */
  static of(error: unknown, field: string): unknown {
    if (error instanceof FieldFailure || !(error instanceof SqlError)) return error;
    return new FieldFailure(error.state, `field "${field}": ${error.message}`, field);
  }
}

/** What a decoder tells besides the row. */
export interface Report {
  /** Only where `nullOnError` is set: the field is NULL now. */
  nulled(error: SqlError, field: string): void;
  /** May be called for every payload; cheap after the first time in a batch. */
  drift(kind: Drift, field: string): void;
}

export interface EncodeConfig {
  readonly columns: readonly Column[];
  /** Positions that the decoder fills; the others are null in its rows. */
  readonly positions: readonly number[];
  /** Of these, those that need not be there. */
  readonly optional: ReadonlySet<number>;
  readonly options: ReadonlyMap<string, string>;
  readonly topic: string | null;
  readonly part: 'key' | 'value';
  /** A field that does not fit makes its column NULL. */
  readonly nullOnError: boolean;
  readonly context: TextContext;
}

export interface Batches {
  /** A batch of payloads; a promise when it has to wait. Rejects when nothing can be decoded now. */
  begin(payloads: readonly (Uint8Array | null)[]): Promise<void> | null;
  close?(): Promise<void>;
}

export interface RowDecoder extends Batches {
  /** The row of a payload that is not null. Throws SqlError (FieldFailure where a field is to blame). */
  decode(index: number, report: Report): Row;
  /** Reads payloads of PLAIN straight into columns. Absent: it makes rows only. Null: not into these. */
  into?(columns: RowColumns): ColumnDecoder | null;
}

export interface ColumnDecoder {
  /** A new batch. */
  begin(): void;
  /**
   * Reads the payload that lies at [from, to) into row `row` of the columns that are the decoder's. False: it is for `decode` to say
   * what it is; what has been written of the row does not count.
   */
  read(memory: RecordMemory, from: number, to: number, row: number, report: Report): boolean;
}

/** FORMAT DEBEZIUM: what became of a row. */
export interface RowChange {
  readonly op: 'c' | 'r' | 'u' | 'd' | 't' | 'm';
  /** Only the key's columns. */
  readonly before: Row | null;
  readonly after: Row | null;
}

/** The operation that an envelope names. */
export function operationOf(letter: unknown): RowChange['op'] {
  switch (letter) {
    case 'c':
    case 'r':
    case 'u':
    case 'd':
    case 't':
    case 'm':
      return letter;
    default:
      throw new FieldFailure('22P02', 'field "op" is none of c, r, u, d, t, m', 'op');
  }
}

export interface ChangeDecoder extends Batches {
  decode(index: number, report: Report): RowChange;
}

export interface ChangeConfig extends EncodeConfig {
  readonly key: readonly number[];
}

export interface Encode {
  readonly name: string;
  readonly doc: string;
  readonly options: readonly OptionSpec[];
  readonly formats: readonly MessageFormat[];
  /** It may stand in KEY ENCODE. */
  readonly asKey: boolean;
  /** Throws SqlError where the columns are not for it. */
  rows(config: EncodeConfig): RowDecoder;
  /** FORMAT DEBEZIUM. */
  changes?(config: ChangeConfig): ChangeDecoder;
}
