/** A bad record as the row of a relation of dead letters, and the record that a letter holds. */
import { type Column, type DataType, types } from '../../common/dataType.ts';
import { Jsonb, type JsonNode } from '../../common/jsonb.ts';
import { isJsonArray, isJsonObject, jsonObject, parseJsonb } from '../../common/jsonText.ts';
import { formatValue } from '../../common/textIo.ts';
import type { Row, Value } from '../../common/value.ts';
import type { BadRecord, RawRecord } from '../../connector/connector.ts';
import { bytesAsText, fromBase64 } from '../../connector/rawRecord.ts';
import { toJsonText } from '../../executor/functions/support/jsonValue.ts';
import { messageContext } from '../ingest.ts';
import { letterColumns } from './deadRelation.ts';

/** `skipped`: it has been left out. The others came all the same, and are told of. */
export type Outcome = 'skipped' | 'nulled' | 'admitted';

const positions = new Map(letterColumns.map((c, i) => [c.name, i]));

/** The value of a letter's column. */
export function letterValue(letter: Row, column: string): Value {
  return letter[positions.get(column) ?? -1] ?? null;
}

/** The letter with other values in some columns. */
export function changedLetter(letter: Row, changes: Readonly<Record<string, Value>>): Row {
  const row: Value[] = [...letter];
  for (const [name, value] of Object.entries(changes)) row[positions.get(name) ?? -1] = value;
  return row;
}

const bytesOf = (text: string | null | undefined): Uint8Array | null =>
  text === null || text === undefined ? null : fromBase64(text);

/** A header's bytes as text; in hex where the text would be taken for hex or is none. */
function headerText(bytes: Uint8Array): string {
  const text = bytesAsText(bytes);
  return text.startsWith('\\x') ? `\\x${Buffer.from(bytes).toString('hex')}` : text;
}

function headersJson(record: RawRecord): Jsonb | null {
  if (record.headers.length === 0) return null;
  return new Jsonb(
    record.headers.map(([name, value]) =>
      jsonObject([
        ['name', name],
        ['value', value === null ? null : headerText(fromBase64(value))],
      ]),
    ),
  );
}

function fieldsJson({ fields }: RawRecord): Jsonb | null {
  return fields === undefined ? null : new Jsonb(jsonObject(Object.entries(fields)));
}

/** The row of the relation of dead letters, with a fresh id. */
export function letterRow(bad: BadRecord, id: bigint, at: bigint): Row {
  const record = bad.record ?? null;
  return [
    id,
    record?.partition ?? null,
    record?.offset ?? (bad.position === '' ? null : bad.position),
    bytesOf(record?.key),
    bytesOf(record?.value),
    record === null || record.timestamp === null ? null : BigInt(record.timestamp),
    record === null ? null : headersJson(record),
    record === null ? null : fieldsJson(record),
    bad.row === undefined || bad.row === null ? null : parseJsonb(bad.row),
    bad.message,
    bad.state,
    bad.field ?? null,
    (bad.outcome ?? 'skipped') satisfies Outcome,
    1,
    at,
    id,
  ];
}

const base64 = (bytes: Value): string | null =>
  bytes instanceof Uint8Array ? Buffer.from(bytes).toString('base64') : null;

const textOf = (value: Value): string | null => (typeof value === 'string' ? value : null);

function headerBytes(text: string): string {
  const bytes = text.startsWith('\\x') ? Buffer.from(text.slice(2), 'hex') : Buffer.from(text, 'utf8');
  return bytes.toString('base64');
}

function headersOf(value: Value): RawRecord['headers'] {
  if (!(value instanceof Jsonb) || !isJsonArray(value.root)) return [];
  return value.root.flatMap((header) => {
    if (!isJsonObject(header)) return [];
    const [name, text] = [header.get('name'), header.get('value')];
    if (typeof name !== 'string') return [];
    return [[name, typeof text === 'string' ? headerBytes(text) : null] as const];
  });
}

function fieldsOf(value: Value): Record<string, string | null> | undefined {
  if (!(value instanceof Jsonb) || !isJsonObject(value.root)) return undefined;
  const text = (node: JsonNode): string | null => (typeof node === 'string' ? node : null);
  return Object.fromEntries([...value.root].map(([name, node]) => [name, text(node)]));
}

/** The record that the letter holds; null: only the row that was made of it, or not even that. */
export function recordOf(letter: Row): RawRecord | null {
  const [key, value] = [base64(letterValue(letter, 'key')), base64(letterValue(letter, 'value'))];
  if (key === null && value === null) return null;
  const timestamp = letterValue(letter, 'timestamp');
  const fields = fieldsOf(letterValue(letter, 'fields'));
  return {
    partition: textOf(letterValue(letter, 'partition')),
    offset: textOf(letterValue(letter, 'position')),
    key,
    value,
    timestamp: timestamp === null ? null : String(timestamp),
    headers: headersOf(letterValue(letter, 'headers')),
    ...(fields === undefined ? {} : { fields }),
  };
}

/** A row as an object of its visible columns, in JSON. */
export function rowJson(row: Row, columns: readonly Column[]): string {
  const shown = columns.flatMap((c, i) => (c.hidden === true ? [] : [{ ...c, i }]));
  const type: DataType = { id: 'struct', fields: shown.map(({ name, type: t }) => ({ name, type: t })) };
  return toJsonText(
    shown.map(({ i }) => row[i] ?? null),
    type,
    messageContext,
  );
}

/** The row that the letter holds, in JSON; null: none. */
export function rowTextOf(letter: Row): string | null {
  const row = letterValue(letter, 'row');
  return row === null ? null : formatValue(row, types.jsonb, messageContext);
}

/** Where the record was and what it was, in one line each. */
export function letterText(letter: Row): { readonly position: string; readonly raw: string } {
  const partition = textOf(letterValue(letter, 'partition'));
  const offset = textOf(letterValue(letter, 'position'));
  const value = letterValue(letter, 'value');
  return {
    position: partition === null ? (offset ?? '') : `${partition}:${offset ?? ''}`,
    raw: value instanceof Uint8Array ? bytesAsText(value) : (rowTextOf(letter) ?? ''),
  };
}
