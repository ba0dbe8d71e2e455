/**
 * FORMAT over ENCODE: what each message means.
 *
 * PLAIN: a row. UPSERT: the row under its key; without a value, that it is gone. DEBEZIUM: a change with the row before and after.
 * Invariant: every record of a batch, in order, ends in `put`, `remove` or `fail` (an update that changes the key in `remove` and
 * `put`); nothing but a registry that does not answer rejects.
 */
import { must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Row, Value } from '../../common/value.ts';
import type { RecordMemory, RemoteRecord } from '../remote.ts';
import type { RowColumns } from './columnWriters.ts';
import type { Batches, ChangeDecoder, ColumnDecoder, EncodeConfig, Report, RowDecoder } from './encode.ts';
import { FieldFailure } from './encode.ts';
import { findEncode } from './encodes.ts';
import type { DecodedRows, DirectRows, Drift, MessageConfig, MessageDecoder } from './message.ts';

/** Names of fields that one batch tells at most: random names must not flood the counters. */
const MAX_DRIFTS = 200;
/** Records of a batch that are not for columns before it is asked whether most are. */
const MOST_OTHERS = 32;
const FIRST_COPY = 4096;

/** Collects what decoders tell of the record at hand. */
class BatchReport implements Report {
  readonly #out: DecodedRows;
  readonly #told = new Set<string>();
  record: RemoteRecord | null = null;
  nulls: { readonly error: SqlError; readonly field: string }[] = [];

  constructor(out: DecodedRows) {
    this.#out = out;
  }

  nulled(error: SqlError, field: string): void {
    this.nulls.push({ error, field });
  }

  drift(kind: Drift, field: string): void {
    const name = `${kind} ${field}`;
    if (this.#told.has(name) || this.#told.size >= MAX_DRIFTS || this.record === null) return;
    this.#told.add(name);
    this.#out.drift(this.record, kind, field);
  }

  /** The row comes: so do the fields that were made NULL in it. */
  tellNulls(record: RemoteRecord): void {
    for (const { error, field } of this.nulls) this.#out.nulled(record, error, field);
  }
}

/** Null or wrong values of columns that must have one. */
function checkNotNull(
  row: Row,
  positions: readonly number[],
  config: MessageConfig,
  report?: BatchReport,
): void {
  for (const position of positions) {
    if ((row[position] ?? null) !== null) continue;
    const name = config.columns[position]?.name ?? '';
    // What made it NULL says more than that it is.
    const cause = report?.nulls.find(({ field }) => field === name || field.startsWith(`${name}.`));
    if (cause !== undefined) throw cause.error;
    throw new FieldFailure('23502', `null value in column "${name}" violates not-null constraint`, name);
  }
}

/** What to do with one record; it may throw SqlError. */
interface FormatDecoder {
  readonly parts: readonly { readonly decoder: Batches; readonly of: 'key' | 'value' }[];
  one(index: number, record: RemoteRecord, report: BatchReport, out: DecodedRows): void;
  /** Reads values straight into columns, where it can. */
  direct?(columns: RowColumns): ColumnDecoder | null;
}

function partConfig(
  config: MessageConfig,
  part: 'key' | 'value',
  positions: readonly number[],
  optional: readonly number[] = [],
): EncodeConfig {
  const { columns, options, topic, context } = config;
  return {
    columns,
    positions,
    optional: new Set(optional),
    options,
    topic,
    part,
    nullOnError: part === 'value' && config.onError === 'null',
    context,
  };
}

/** Columns that are the decoder's. */
function ownPositions(config: MessageConfig): readonly number[] {
  return config.columns.flatMap((c, i) => (config.included.has(i) || c.hidden === true ? [] : [i]));
}

function requiredPositions(config: MessageConfig): readonly number[] {
  const own = new Set(ownPositions(config));
  return config.columns.flatMap((c, i) => (own.has(i) && (!c.nullable || config.key.includes(i)) ? [i] : []));
}

function plainFormat(config: MessageConfig): FormatDecoder {
  const encode = findEncode(config.encode);
  if (config.keyEncode !== null) {
    throw new SqlError('0A000', 'KEY ENCODE with FORMAT PLAIN is not supported', {
      hint: 'INCLUDE key AS name gives the key of each message.',
    });
  }
  const own = ownPositions(config);
  const decoder = encode.rows(partConfig(config, 'value', own));
  const required = requiredPositions(config);
  const takesNull = encode.name === 'BYTES' || encode.name === 'TEXT';
  return {
    parts: [{ decoder, of: 'value' }],
    direct: (columns) => directDecoder(config, decoder, columns),
    one(index, record, report, out) {
      if (record.value === null && !takesNull) {
        throw new SqlError('22004', 'message has no value', {
          hint: 'A message without a value takes a row back in FORMAT UPSERT.',
        });
      }
      const row = decoder.decode(index, report);
      checkNotNull(row, required, config, report);
      report.tellNulls(record);
      out.put(record, row);
    },
  };
}

/** Rows of PLAIN in which nothing is missing that must be there. */
function directDecoder(
  config: MessageConfig,
  decoder: RowDecoder,
  columns: RowColumns,
): ColumnDecoder | null {
  const into = decoder.into?.(columns) ?? null;
  if (into === null) return null;
  const own = new Set(ownPositions(config));
  const others = columns.writers.filter((_, c) => !own.has(c) && !config.included.has(c));
  const required = columns.writers.filter((_, c) => requiredPositions(config).includes(c));
  return {
    begin: () => into.begin(),
    read(memory, from, to, row, report) {
      if (!into.read(memory, from, to, row, report)) return false;
      for (const { nulls } of required) if (nulls !== null && nulls[row] === 1) return false;
      for (const writer of others) writer.setNull(row);
      return true;
    },
  };
}

/** The key's columns from the key of the message; null: INCLUDE fills all of them, and the key is not read. */
function keyDecoder(config: MessageConfig): RowDecoder | null {
  const own = config.key.filter((position) => !config.included.has(position));
  if (own.length === 0) return null;
  const encode = findEncode(config.keyEncode ?? config.encode);
  if (!encode.asKey) {
    throw new SqlError('0A000', `KEY ENCODE ${encode.name} is not supported`, {
      hint: 'Keys are JSON, AVRO, PROTOBUF, TEXT or BYTES.',
    });
  }
  return encode.rows(partConfig(config, 'key', own));
}

/** A row of the key's columns, for `remove`. */
function keyRow(
  decoder: RowDecoder | null,
  index: number,
  record: RemoteRecord,
  report: Report,
  config: MessageConfig,
): Row {
  if (decoder === null) return new Array<Value>(config.columns.length).fill(null);
  if (record.key === null) {
    throw new SqlError('22004', 'message has neither a key nor a value', {
      hint: 'The key says which row goes.',
    });
  }
  const row = decoder.decode(index, report);
  checkNotNull(
    row,
    config.key.filter((position) => !config.included.has(position)),
    config,
  );
  return row;
}

function checkKey(config: MessageConfig): void {
  if (config.key.length > 0) return;
  throw new SqlError('42P16', `FORMAT ${config.format} needs a primary key`, {
    hint: 'Declare PRIMARY KEY: the columns that tell which row a message replaces.',
  });
}

function upsertFormat(config: MessageConfig): FormatDecoder {
  checkKey(config);
  const own = ownPositions(config);
  const keys = keyDecoder(config);
  const ownKey = config.key.filter((position) => !config.included.has(position));
  // With a KEY ENCODE the message's key is the key; else the value has it, or the message's key where it has not.
  const fromKey = config.keyEncode !== null && keys !== null;
  const values = findEncode(config.encode).rows(partConfig(config, 'value', own, ownKey));
  const required = requiredPositions(config);
  const put = (index: number, record: RemoteRecord, report: BatchReport): Row => {
    const row = values.decode(index, report);
    const lacks = ownKey.some((position) => (row[position] ?? null) === null);
    if (keys === null || record.key === null || !(fromKey || lacks)) return row;
    const key = keys.decode(index, report);
    const whole = [...row];
    for (const position of ownKey)
      if (fromKey || whole[position] === null) whole[position] = key[position] ?? null;
    return whole;
  };
  const parts: { decoder: Batches; of: 'key' | 'value' }[] = [{ decoder: values, of: 'value' }];
  if (keys !== null) parts.push({ decoder: keys, of: 'key' });
  return {
    parts,
    one(index, record, report, out) {
      if (record.value === null) {
        out.remove(record, keyRow(keys, index, record, report, config));
        return;
      }
      const row = put(index, record, report);
      checkNotNull(row, required, config, report);
      report.tellNulls(record);
      out.put(record, row);
    },
  };
}

const silent: Report = { nulled: () => undefined, drift: () => undefined };

function debeziumFormat(config: MessageConfig): FormatDecoder {
  checkKey(config);
  const encode = findEncode(config.encode);
  const own = ownPositions(config);
  const changes: ChangeDecoder | undefined = encode.changes?.({
    ...partConfig(config, 'value', own),
    key: config.key.filter((position) => !config.included.has(position)),
  });
  if (changes === undefined) {
    throw new SqlError('0A000', `FORMAT DEBEZIUM ENCODE ${encode.name} is not supported`);
  }
  const keys = keyDecoder(config);
  const ownKey = config.key.filter((position) => !config.included.has(position));
  const required = requiredPositions(config);
  const isWhole = (row: Row): boolean => ownKey.every((position) => (row[position] ?? null) !== null);
  const parts: { decoder: Batches; of: 'key' | 'value' }[] = [{ decoder: changes, of: 'value' }];
  if (keys !== null) parts.push({ decoder: keys, of: 'key' });
  const takeAway = (index: number, record: RemoteRecord, before: Row | null, out: DecodedRows): void => {
    const row = before !== null && isWhole(before) ? before : keyRow(keys, index, record, silent, config);
    out.remove(record, row);
  };
  return {
    parts,
    one(index, record, report, out) {
      if (record.value === null) return takeAway(index, record, null, out);
      const { op, before, after } = changes.decode(index, report);
      if (op === 'd') return takeAway(index, record, before, out);
      if (op === 't' || op === 'm') {
        throw new SqlError('0A000', `Debezium operation "${op}" is not supported`, {
          hint:
            op === 't' ? 'TRUNCATE of the table there takes no rows away here.' : 'It is a logical message.',
        });
      }
      if (after === null)
        throw new FieldFailure('22004', `Debezium operation "${op}" has no row after`, 'after');
      checkNotNull(after, required, config, report);
      const moved = op === 'u' && before !== null && isWhole(before) && !sameKey(before, after, ownKey);
      if (moved) out.remove(record, before);
      report.tellNulls(record);
      out.put(record, after);
    },
  };
}

function sameKey(a: Row, b: Row, key: readonly number[]): boolean {
  return key.every((position) => {
    const x = a[position] ?? null;
    const y = b[position] ?? null;
    return x === y || (typeof x === 'object' && typeof y === 'object' && keyText(x) === keyText(y));
  });
}

function keyText(value: Value): string {
  return JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? `${v}n` : v));
}

function formatDecoder(config: MessageConfig): FormatDecoder {
  const encode = findEncode(config.encode);
  if (!encode.formats.includes(config.format)) {
    throw new SqlError('0A000', `FORMAT ${config.format} ENCODE ${encode.name} is not supported`, {
      hint: `ENCODE ${encode.name} goes with FORMAT ${encode.formats.join(', ')}.`,
    });
  }
  switch (config.format) {
    case 'PLAIN':
      return plainFormat(config);
    case 'UPSERT':
      return upsertFormat(config);
    case 'DEBEZIUM':
      return debeziumFormat(config);
  }
}

/** Stack overflow and strings that are too long: the payload's fault, and the only ones that are no SqlError. */
function failureOf(error: unknown): SqlError {
  if (error instanceof SqlError) return error;
  if (error instanceof RangeError) {
    return new SqlError('54000', 'message is too large or nested too deeply', { detail: error.message });
  }
  throw error;
}

function memoryOf(bytes: number): RecordMemory {
  const memory = new ArrayBuffer(bytes);
  return { bytes: new Uint8Array(memory), view: new DataView(memory) };
}

/** Batches whose values go straight into columns, as far as they can. */
class DirectDecoding {
  readonly rows: DirectRows;
  readonly #decoder: ColumnDecoder | null;
  /** For messages that lie in no larger memory. */
  #copy = memoryOf(FIRST_COPY);

  constructor(rows: DirectRows, decoder: ColumnDecoder | null) {
    this.rows = rows;
    this.#decoder = decoder;
  }

  /**
   * Reads records in order; those that are not for columns go to `other`, one by one. Gives the place of the first that it has not
   * looked at: when many were not for columns, the rest of the batch had better become rows.
   */
  run(records: readonly RemoteRecord[], report: BatchReport, other: (record: RemoteRecord) => void): number {
    const decoder = this.#decoder;
    if (decoder === null) return 0;
    const { columns } = this.rows;
    decoder.begin();
    let others = 0;
    for (let i = 0; i < records.length; i++) {
      const record = records[i] as RemoteRecord;
      report.record = record;
      const row = columns.begin();
      if (this.#read(decoder, record, row, report)) {
        this.rows.took(record);
        continue;
      }
      columns.back();
      other(record);
      if (++others > MOST_OTHERS && others * 2 > i) return i + 1;
    }
    return records.length;
  }

  #read(decoder: ColumnDecoder, record: RemoteRecord, row: number, report: BatchReport): boolean {
    const { memory, valueFrom = 0, valueTo = 0 } = record;
    if (memory !== undefined) return decoder.read(memory, valueFrom, valueTo, row, report);
    const { value } = record;
    if (value === null) return false;
    if (value.length > this.#copy.bytes.length) this.#copy = memoryOf(value.length * 2);
    this.#copy.bytes.set(value);
    return decoder.read(this.#copy, 0, value.length, row, report);
  }
}

/** What a batch gives in rows: the record at a place among those that `begin` has seen. */
function decodeOne(
  format: FormatDecoder,
  index: number,
  record: RemoteRecord,
  report: BatchReport,
  out: DecodedRows,
): void {
  report.record = record;
  if (report.nulls.length > 0) report.nulls = [];
  try {
    format.one(index, record, report, out);
  } catch (error) {
    const failure = failureOf(error);
    out.fail(record, failure, failure instanceof FieldFailure ? failure.field : null);
  }
}

/** The decoder of a source. Throws SqlError where FORMAT, ENCODE, their options and the columns do not go together. */
export function createMessageDecoder(config: MessageConfig): MessageDecoder {
  const format = formatDecoder(config);
  const inRows = (
    records: readonly RemoteRecord[],
    report: BatchReport,
    out: DecodedRows,
  ): Promise<void> | undefined => {
    const waits = format.parts.flatMap(({ decoder, of }) => {
      const wait = decoder.begin(records.map((r) => r[of]));
      return wait === null ? [] : [wait];
    });
    const run = (): void => {
      for (let i = 0; i < records.length; i++) decodeOne(format, i, must(records[i]), report, out);
    };
    if (waits.length > 0) return Promise.all(waits).then(run);
    run();
    return undefined;
  };
  let direct: DirectDecoding | null = null;
  return {
    decode(records, out) {
      const report = new BatchReport(out);
      const { direct: rows } = out;
      if (rows === undefined || format.direct === undefined) return inRows(records, report, out);
      if (direct?.rows !== rows) direct = new DirectDecoding(rows, format.direct(rows.columns));
      const from = direct.run(records, report, (record) => inRows([record], report, out));
      return from === records.length ? undefined : inRows(records.slice(from), report, out);
    },
    async close() {
      for (const { decoder } of format.parts) await decoder.close?.();
    },
  };
}
