/**
 * Dead letters decoded again, by the definition that their source has now. A letter that holds no record, only the row that was
 * made of it, is read from that.
 */
import { SqlError } from '../../common/sqlError.ts';
import { plainContext } from '../../common/textIo.ts';
import type { Row, Value } from '../../common/value.ts';
import type { RawRecord, SourceConfig } from '../../connector/connector.ts';
import { HEADER_LINE } from '../../connector/file/source.ts';
import type { RecordDecoder, RecordReport } from '../../connector/formats/decoder.ts';
import { formats } from '../../connector/formats/index.ts';
import { jsonDecoder } from '../../connector/formats/json.ts';
import type { MessageDecoder } from '../../connector/formats/message.ts';
import { createMessageDecoder } from '../../connector/formats/messageDecoder.ts';
import { bytesAsText, fromBase64, remoteRecord } from '../../connector/rawRecord.ts';
import { type IncludeFiller, includeFiller } from '../remote/include.ts';
import { RemoteSource } from '../remote/remoteSource.ts';
import type { SourceRuntime } from '../sourceRuntime.ts';
import { ONLY_PARTITION } from '../time/eventTime.ts';
import { recordOf, rowTextOf } from './letterRow.ts';

/** A field, or a whole record, that does not fit. */
export interface Misfit {
  readonly error: SqlError;
  readonly field: string | null;
}

/** What a letter's record is now. */
export interface DecodedLetter {
  readonly letter: Row;
  /** Physical rows, in order: they come, or the row with their key goes. */
  readonly changes: readonly { readonly row: Row; readonly removes: boolean }[];
  readonly partition: string;
  /** It still cannot be used. */
  readonly failure: Misfit | null;
  /** Its row comes with these fields NULL. */
  readonly nulled: readonly Misfit[];
}

/** Decodes one letter after the other. */
interface LetterDecoder {
  decode(letter: Row): Promise<DecodedLetter>;
  close(): Promise<void>;
}

function failed(letter: Row, error: SqlError): DecodedLetter {
  const failure = { error, field: error.column ?? null };
  return { letter, changes: [], partition: ONLY_PARTITION, failure, nulled: [] };
}

const unknownRecord = (): SqlError => new SqlError('55000', 'the letter holds no record');

/** Local connectors: a record is a line of text. */
class TextLetters implements LetterDecoder {
  readonly #config: SourceConfig;
  readonly #nulled: Misfit[] = [];
  readonly #report: RecordReport = {
    nulled: (error, field) => this.#nulled.push({ error, field }),
    drift: () => {},
  };

  constructor(config: SourceConfig) {
    this.#config = config;
  }

  #settings(options: ReadonlyMap<string, string>, columns: SourceConfig['columns']) {
    const { clock, timeZone, onError = 'skip' } = this.#config;
    const context = { ...plainContext(clock), timeZone };
    return { columns, options, context, onError, report: this.#report };
  }

  /** Of the source's own format, having read the header that the record had. */
  #decoder(record: RawRecord): RecordDecoder | null {
    const { encode, encodeOptions, columns, included } = this.#config;
    const make = formats[encode ?? ''];
    if (make === undefined) return null;
    const decoded = columns.slice(0, columns.length - (included?.count ?? 0));
    const decoder = make(this.#settings(encodeOptions, decoded));
    const header = record.headers.find(([name]) => name === HEADER_LINE)?.[1] ?? null;
    if (header !== null) decoder.decode(bytesAsText(fromBase64(header)));
    return decoder;
  }

  #row(letter: Row): Row | null {
    const record = recordOf(letter);
    const decoder = record === null ? null : this.#decoder(record);
    if (record?.value != null && decoder !== null) {
      const decoded = decoder.decode(bytesAsText(fromBase64(record.value)));
      const filled: Value[] | null = decoded === null ? null : [...decoded];
      if (filled !== null) this.#config.included?.fill(remoteRecord(record), filled);
      return filled;
    }
    const row = rowTextOf(letter);
    if (row === null) throw unknownRecord();
    return jsonDecoder(this.#settings(new Map(), this.#config.columns)).decode(row);
  }

  decode(letter: Row): Promise<DecodedLetter> {
    this.#nulled.length = 0;
    try {
      const row = this.#row(letter);
      const changes = row === null ? [] : [{ row, removes: false }];
      const nulled = [...this.#nulled];
      return Promise.resolve({ letter, changes, partition: ONLY_PARTITION, failure: null, nulled });
    } catch (error) {
      if (error instanceof SqlError) return Promise.resolve(failed(letter, error));
      throw error;
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Remote connectors: messages in the source's FORMAT and ENCODE. */
class MessageLetters implements LetterDecoder {
  readonly #decoder: MessageDecoder;
  readonly #fill: IncludeFiller;
  readonly #rows: TextLetters;

  constructor(source: RemoteSource, config: SourceConfig) {
    const context = { ...plainContext(config.clock), timeZone: config.timeZone };
    const { message, include } = source.decoding(config);
    this.#decoder = createMessageDecoder({ ...message, context });
    this.#fill = includeFiller(
      include,
      [...message.included].sort((a, b) => a - b),
      context,
    );
    this.#rows = new TextLetters(config);
  }

  async decode(letter: Row): Promise<DecodedLetter> {
    const raw = recordOf(letter);
    if (raw === null) return this.#rows.decode(letter);
    const changes: { row: Row; removes: boolean }[] = [];
    const nulled: Misfit[] = [];
    let failure: Misfit | null = null;
    const add = (row: Row, removes: boolean): void => {
      const filled: Value[] = [...row];
      try {
        this.#fill(record, filled);
        changes.push({ row: filled, removes });
      } catch (error) {
        if (!(error instanceof SqlError)) throw error;
        failure = { error, field: error.column ?? null };
      }
    };
    const record = remoteRecord(raw);
    await this.#decoder.decode([record], {
      put: (_, row) => add(row, false),
      remove: (_, row) => add(row, true),
      fail: (_, error, field) => {
        failure = { error, field };
      },
      nulled: (_, error, field) => nulled.push({ error, field }),
      drift: () => {},
    });
    return { letter, changes: failure === null ? changes : [], partition: record.partition, failure, nulled };
  }

  close(): Promise<void> {
    return this.#decoder.close();
  }
}

/** Decodes letters by what their source is now. Rejects where nothing can be decoded: a registry does not answer. */
export async function decodeAgain(
  source: SourceRuntime,
  letters: readonly Row[],
  check: () => void,
): Promise<readonly DecodedLetter[]> {
  const { connector, config } = source;
  const decoder =
    connector instanceof RemoteSource ? new MessageLetters(connector, config) : new TextLetters(config);
  try {
    const decoded: DecodedLetter[] = [];
    for (const letter of letters) {
      check();
      decoded.push(await decoder.decode(letter));
    }
    return decoded;
  } finally {
    await decoder.close();
  }
}
