/** From changes to records of key and value, by FORMAT and ENCODE. Every connector that writes text uses this. */
import type { Column } from '../../common/dataType.ts';
import { quoteJson } from '../../common/jsonText.ts';
import { formatValue, plainContext } from '../../common/textIo.ts';
import type { Row } from '../../common/value.ts';
import type { OptionSpec } from '../connector.ts';
import { recordNameOptions, registryOptions } from '../registry/options.ts';
import type { SinkBatch, SinkChange, SinkConfig } from '../sink.ts';
import { millisOf, operationOf, rowOf } from './envelope.ts';
import { type JsonForms, jsonEncodeOptions, jsonValue } from './jsonValue.ts';

/** What goes to the target for one change. */
export interface SinkRecord {
  /** Null: rows have no key. */
  readonly key: string | null;
  /** Null: the row of that key is gone. */
  readonly value: string | null;
}

export interface SinkEncoder {
  /** The line that files begin with; null: none. */
  readonly header: string | null;
  records(batch: SinkBatch): readonly SinkRecord[];
}

const plain = plainContext(() => 0n);

export const csvEncodeOptions: readonly OptionSpec[] = [
  {
    name: 'without_header',
    type: 'boolean',
    default: 'true',
    doc: 'Whether the line of column names that a file may begin with is left out.',
  },
  { name: 'delimiter', type: 'string', default: ',', doc: 'What parts the fields.' },
];

/** Options of ENCODE AVRO and PROTOBUF, which only targets of bytes take (byteEncoder.ts). */
const schemaEncodeOptions: readonly OptionSpec[] = [
  ...registryOptions.map((o) => (o.name === 'schema.registry' ? { ...o, required: true } : o)),
  ...recordNameOptions,
];

/** Options of the ENCODE clause, by encoding. */
export const encodeOptions: ReadonlyMap<string, readonly OptionSpec[]> = new Map([
  ['JSON', jsonEncodeOptions],
  ['CSV', csvEncodeOptions],
  ['AVRO', schemaEncodeOptions],
  ['PROTOBUF', schemaEncodeOptions],
]);

/** What KEY ENCODE says comes among the options of ENCODE, under this name. */
export const KEY_ENCODE = 'key.encode';

type RowText = (row: Row) => string;

/** An object with these columns. */
function jsonRow(columns: readonly Column[], positions: readonly number[], forms: JsonForms): RowText {
  const fields = positions.flatMap((position) => {
    const column = columns[position];
    return column === undefined ? [] : [{ position, type: column.type, name: `${quoteJson(column.name)}:` }];
  });
  return (row) => {
    let text = '{';
    for (const { position, type, name } of fields) {
      if (text.length > 1) text += ',';
      text += name + jsonValue(row[position] ?? null, type, forms);
    }
    return `${text}}`;
  };
}

function debeziumValue(
  rowText: RowText,
  config: SinkConfig,
): (change: SinkChange, batch: SinkBatch) => string {
  const text = (row: Row | null): string => (row === null ? 'null' : rowText(row));
  const name = quoteJson(config.name);
  return (change, batch) => {
    const { before, after } = change;
    const source = `{"connector":"millrace","name":${name},"version":${batch.epoch}}`;
    return `{"before":${text(before)},"after":${text(after)},"op":"${operationOf(change)}","ts_ms":${millisOf(batch)},"source":${source}}`;
  };
}

function formsOf({ encodeOptions: options }: SinkConfig): JsonForms {
  return {
    timestamptz: (options.get('timestamptz.handling.mode') ?? 'utc_string') as JsonForms['timestamptz'],
    jsonb: (options.get('jsonb.handling.mode') ?? 'string') as JsonForms['jsonb'],
  };
}

/** The key's columns as a JSON object; null: rows have no key. */
export function jsonKey(config: SinkConfig): RowText | null {
  return config.key === null ? null : jsonRow(config.columns, config.key, formsOf(config));
}

/** What is written for a change that has a value: an envelope, or the row that came. */
export function jsonChange(config: SinkConfig): (change: SinkChange, batch: SinkBatch) => string {
  const { columns, format } = config;
  const rowText = jsonRow(
    columns,
    columns.map((_, c) => c),
    formsOf(config),
  );
  return format === 'DEBEZIUM' ? debeziumValue(rowText, config) : (change) => rowText(rowOf(change));
}

function jsonEncoder(config: SinkConfig): SinkEncoder {
  const { format } = config;
  const value = jsonChange(config);
  const keyText = jsonKey(config);
  const keyOf = (row: Row | null): string | null => (keyText === null || row === null ? null : keyText(row));
  return {
    header: null,
    records: (batch) =>
      batch.changes.flatMap((change): SinkRecord[] => {
        const { before, after } = change;
        if (after !== null || format === 'DEBEZIUM')
          return [{ key: keyOf(after ?? before), value: value(change, batch) }];
        return format === 'UPSERT' ? [{ key: keyOf(before), value: null }] : [];
      }),
  };
}

/** A field as RFC 4180 has it: NULL is nothing, an empty string is quoted. */
function csvField(text: string | null, delimiter: string): string {
  if (text === null) return '';
  const quoted = text === '' || text.includes(delimiter) || /["\r\n]/.test(text);
  return quoted ? `"${text.replaceAll('"', '""')}"` : text;
}

function csvEncoder({ columns, encodeOptions: options }: SinkConfig): SinkEncoder {
  const delimiter = options.get('delimiter') ?? ',';
  const hasHeader = options.get('without_header') === 'false';
  const rowText = (row: Row): string =>
    columns
      .map(({ type }, c) => {
        const value = row[c] ?? null;
        return csvField(value === null ? null : formatValue(value, type, plain), delimiter);
      })
      .join(delimiter);
  return {
    header: hasHeader ? columns.map((c) => csvField(c.name, delimiter)).join(delimiter) : null,
    records: ({ changes }) =>
      changes.flatMap(({ after }) => (after === null ? [] : [{ key: null, value: rowText(after) }])),
  };
}

/** The encoder of a sink; its FORMAT and ENCODE have been checked against the connector's. */
export function sinkEncoder(config: SinkConfig): SinkEncoder {
  return config.encode === 'CSV' ? csvEncoder(config) : jsonEncoder(config);
}
