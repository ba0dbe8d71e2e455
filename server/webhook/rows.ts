/** Records of a request to rows of the table: fields by name, or the whole object where the table is one column of jsonb. */

import { parseJsonb } from '../../common/jsonText.ts';
import { SqlError } from '../../common/sqlError.ts';
import { plainContext } from '../../common/textIo.ts';
import type { Row } from '../../common/value.ts';
import type { BadRecord, FieldDrift, OnError, RawRecord } from '../../connector/connector.ts';
import { DriftTally } from '../../connector/file/driftTally.ts';
import { jsonDecoder } from '../../connector/formats/json.ts';
import { textRecord } from '../../connector/rawRecord.ts';
import type { SourceRuntime } from '../sourceRuntime.ts';
import type { BodyRecord } from './body.ts';

/** What is wrong with one record of the request. */
export interface RecordError {
  /** From 0. */
  readonly record: number;
  readonly message: string;
}

export interface DecodedBody {
  readonly rows: readonly Row[];
  /** Of each row, the number of its record. */
  readonly numbers: readonly number[];
  /** Records without a row, and (outcome nulled) such with a field that was made NULL. */
  readonly bad: readonly BadRecord[];
  readonly errors: readonly RecordError[];
  readonly drift: readonly FieldDrift[];
  recordOf(row: number): RawRecord | null;
}

/** How records are read; made anew for each request, since columns change. */
export function decodeBody(
  source: SourceRuntime,
  records: readonly BodyRecord[],
  onError: OnError,
  request: string,
): DecodedBody {
  const { columns, clock, timeZone } = source.config;
  const only = columns.length === 1 ? columns[0] : undefined;
  const nulled: { readonly error: SqlError; readonly field: string }[] = [];
  const drift = new DriftTally();
  const decode =
    only?.type.id === 'jsonb'
      ? (text: string): Row => [parseJsonb(text)]
      : decoder(source, onError, { ...plainContext(clock), timeZone }, nulled, drift);
  const rows: Row[] = [];
  const numbers: number[] = [];
  const bad: BadRecord[] = [];
  const errors: RecordError[] = [];
  const rawOf = (number: number): RawRecord =>
    textRecord(records[number]?.text ?? '', { partition: '0', offset: `${request}:${number}` });
  // Without ENCODE nobody could read the text again; an object of fields is read as the row that it should have been.
  const what = (number: number) => {
    const row = records[number]?.error === null ? { row: records[number]?.text ?? null } : {};
    return { record: rawOf(number), ...row };
  };
  const addBad = (number: number, error: SqlError, field: string | null, outcome?: 'nulled'): void => {
    const { message, state } = error;
    const raw = records[number]?.text ?? '';
    const position = `${request}:${number}`;
    bad.push({ position, raw, message, state, ...what(number), field, ...(outcome && { outcome }) });
  };
  records.forEach(({ text, error }, number) => {
    nulled.length = 0;
    try {
      if (error !== null) throw error;
      rows.push(decode(text));
      numbers.push(number);
      for (const n of nulled) addBad(number, n.error, n.field, 'nulled');
    } catch (e) {
      if (!(e instanceof SqlError)) throw e;
      errors.push({ record: number, message: e.message });
      addBad(number, e, e.column ?? null);
    }
  });
  const recordOf = (row: number): RawRecord | null => {
    const number = numbers[row];
    return number === undefined ? null : rawOf(number);
  };
  return { rows, numbers, bad, errors, drift: drift.list(), recordOf };
}

function decoder(
  source: SourceRuntime,
  onError: OnError,
  context: ReturnType<typeof plainContext>,
  nulled: { readonly error: SqlError; readonly field: string }[],
  drift: DriftTally,
): (text: string) => Row {
  const { decode } = jsonDecoder({
    columns: source.config.columns,
    options: source.config.encodeOptions,
    context,
    onError,
    report: {
      nulled: (error, field) => nulled.push({ error, field }),
      drift: (kind, field, sample) => drift.count(kind, field, sample),
    },
  });
  return (text) => decode(text) ?? [];
}
