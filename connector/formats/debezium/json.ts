/**
 * FORMAT DEBEZIUM ENCODE JSON: the envelope `{before, after, op, ...}`, by itself or as `payload` beside its `schema`. The
 * envelope is scanned for where its parts begin; the row within is read as ENCODE JSON reads one, with the conversions that the
 * schema asks for. Schemas are told apart by their text, which is the same in every message until the table changes.
 */
import type { JsonNode } from '../../../common/jsonb.ts';
import { isJsonObject, parseJson } from '../../../common/jsonText.ts';
import { SqlError } from '../../../common/sqlError.ts';
import { decodeUtf8 } from '../../../common/utf8.ts';
import type { Row } from '../../../common/value.ts';
import type { ChangeConfig, ChangeDecoder, EncodeConfig, Report, RowChange, RowDecoder } from '../encode.ts';
import { jsonForms } from '../json/forms.ts';
import { type ConverterOf, JsonObjectRows } from '../json/rows.ts';
import { cursor, readString, skipSpace, skipValue } from '../json/scanner.ts';
import { PayloadTexts } from '../json/texts.ts';
import { connectConverter, connectFields, structOf } from './types.ts';

const MAX_SCHEMAS = 64;
const operations: ReadonlySet<string> = new Set(['c', 'r', 'u', 'd', 't', 'm']);

/** Where the values of an object's fields begin and end. */
type Places = ReadonlyMap<string, readonly [start: number, end: number]>;

/** Null: not an object, or nothing for the fast path. The cursor is after it. */
function placesOf(text: string, start: number): Places | null {
  if (text.charCodeAt(start) !== 123) return null;
  const places = new Map<string, readonly [number, number]>();
  let at = skipSpace(text, start + 1);
  if (text.charCodeAt(at) === 125) {
    cursor.at = at + 1;
    return places;
  }
  for (;;) {
    const key = readString(text, at);
    if (key === null) return null;
    at = skipSpace(text, cursor.at);
    if (text.charCodeAt(at) !== 58) return null;
    at = skipSpace(text, at + 1);
    const end = skipValue(text, at, 0);
    if (end < 0) return null;
    places.set(key, [at, end]);
    at = skipSpace(text, end);
    const c = text.charCodeAt(at);
    if (c === 125) {
      cursor.at = at + 1;
      return places;
    }
    if (c !== 44) return null;
    at = skipSpace(text, at + 1);
  }
}

/** A place in a text, or a parsed node: whichever there is. */
type Part = { readonly text: string; readonly at: number } | { readonly node: JsonNode };

interface Envelope {
  readonly schema: string | null;
  /** Null: absent, or null. */
  readonly part: (name: string) => Part | null;
}

function fastEnvelope(text: string, start: number, end: number): Envelope | null {
  const root = placesOf(text, skipSpace(text, start));
  if (root === null || skipSpace(text, cursor.at) !== end) return null;
  const schema = root.get('schema');
  const payload = root.get('payload');
  const inner = payload === undefined ? root : placesOf(text, payload[0]);
  if (inner === null && payload !== undefined && text.charCodeAt(payload[0]) !== 110) return null;
  return {
    schema: schema === undefined || payload === undefined ? null : text.slice(schema[0], schema[1]),
    part: (name) => {
      const place = inner?.get(name);
      return place === undefined || text.charCodeAt(place[0]) === 110 ? null : { text, at: place[0] };
    },
  };
}

function parsedEnvelope(bytes: Uint8Array): Envelope {
  const text = decodeUtf8(bytes);
  const root = parseJson(text);
  if (!isJsonObject(root)) throw new SqlError('22P02', 'message is not a JSON object');
  const payload = root.get('payload');
  const inner = payload === undefined ? root : payload;
  if (inner !== null && !isJsonObject(inner))
    throw new SqlError('22P02', 'payload of the message is not a JSON object');
  const schema = root.get('schema');
  return {
    schema: schema === undefined || schema === null || payload === undefined ? null : schemaText(text),
    part: (name) => {
      const node = inner?.get(name);
      return node === undefined || node === null ? null : { node };
    },
  };
}

/** The text of the schema within a message that the full parser accepts. */
function schemaText(text: string): string | null {
  const place = placesOf(`${text}\0`, skipSpace(text, 0))?.get('schema');
  return place === undefined ? null : text.slice(place[0], place[1]);
}

function nodeOf(part: Part): JsonNode {
  if ('node' in part) return part.node;
  return parseJson(part.text.slice(part.at, skipValue(part.text, part.at, 0)));
}

function rowOf(part: Part, rows: JsonObjectRows, report: Report): Row {
  if ('text' in part && part.text.charCodeAt(part.at) === 123) {
    const row = rows.emptyRow();
    if (rows.scan(part.text, part.at, row, report) >= 0) return row;
  }
  return rows.fromNode(nodeOf(part), report);
}

/** Decoders of rows by the text of their schema. */
class Layouts {
  readonly #make: (schema: JsonNode | undefined) => readonly JsonObjectRows[];
  readonly #bySchema = new Map<string, readonly JsonObjectRows[]>();
  #last: string | null = null;

  constructor(make: (schema: JsonNode | undefined) => readonly JsonObjectRows[]) {
    this.#make = make;
  }

  begin(): void {
    for (const layout of this.#bySchema.values()) for (const rows of layout) rows.begin();
  }

  get(schema: string | null, report: Report): readonly JsonObjectRows[] {
    const text = schema ?? '';
    if (this.#last !== null && this.#last !== text) report.drift('schema changed', 'schema');
    this.#last = text;
    const known = this.#bySchema.get(text);
    if (known !== undefined) return known;
    const layout = this.#make(text === '' ? undefined : parseJson(text));
    if (this.#bySchema.size >= MAX_SCHEMAS) this.#bySchema.clear();
    this.#bySchema.set(text, layout);
    return layout;
  }
}

/** Conversions that the struct schema asks for. */
function conversions(struct: JsonNode | undefined): ConverterOf {
  const fields = connectFields(struct);
  return (column, context) => {
    const field = fields.get(column.name);
    return field === undefined ? null : connectConverter(field, column.type, column.name, context);
  };
}

export function debeziumJsonChanges(config: ChangeConfig): ChangeDecoder {
  const forms = jsonForms(config.options, 'base64');
  const texts = new PayloadTexts();
  let payloads: readonly (Uint8Array | null)[] = [];
  // A row before has its key at least, and only that is asked for.
  const keyOnly: EncodeConfig = { ...config, positions: config.key, nullOnError: false };
  const layouts = new Layouts((schema) => [
    new JsonObjectRows(config, forms, conversions(structOf(schema, 'after'))),
    new JsonObjectRows(keyOnly, forms, conversions(structOf(schema, 'before'))),
  ]);
  const silent = { nulled: () => undefined, drift: () => undefined };
  return {
    begin(given) {
      payloads = given;
      texts.begin(given);
      layouts.begin();
      return null;
    },
    decode(index, report): RowChange {
      texts.at(index);
      const envelope =
        (texts.valid ? fastEnvelope(texts.text, texts.start, texts.end) : null) ??
        parsedEnvelope(payloads[index] ?? new Uint8Array());
      const [afterRows, beforeRows] = layouts.get(envelope.schema, report);
      const op = envelope.part('op');
      const before = envelope.part('before');
      const after = envelope.part('after');
      // A tombstone in the clothes of an envelope.
      const name = op === null && before === null && after === null && envelope.schema !== null ? 'd' : null;
      const letter = name ?? (op === null ? null : nodeOf(op));
      if (typeof letter !== 'string' || !operations.has(letter)) {
        throw new SqlError(
          '22P02',
          letter === null ? 'message has no field "op"' : 'field "op" is none of c, r, u, d, t, m',
          {
            hint: 'FORMAT DEBEZIUM takes whole change events; rows alone (ExtractNewRecordState) are FORMAT UPSERT.',
          },
        );
      }
      return {
        op: letter as RowChange['op'],
        before: before === null || beforeRows === undefined ? null : rowOf(before, beforeRows, silent),
        after: after === null || afterRows === undefined ? null : rowOf(after, afterRows, report),
      };
    },
  };
}

/** Keys in JSON: an object, a bare value, or either as `payload` beside its `schema`. */
export function jsonKeyRows(config: EncodeConfig): RowDecoder {
  const wrapped = !config.positions.some((p) => config.columns[p]?.name === 'payload');
  const layouts = new Layouts((schema) => [
    new JsonObjectRows(config, jsonForms(config.options, 'base64'), conversions(schema)),
  ]);
  let payloads: readonly (Uint8Array | null)[] = [];
  return {
    begin(given) {
      payloads = given;
      layouts.begin();
      return null;
    },
    decode(index, report) {
      const text = decodeUtf8(payloads[index] ?? new Uint8Array());
      const root = parseJson(text);
      const payload = wrapped && isJsonObject(root) && root.has('schema') ? root.get('payload') : undefined;
      const [rows] = layouts.get(payload === undefined ? null : schemaText(text), {
        ...report,
        drift: () => undefined,
      });
      if (rows === undefined) throw new SqlError('22P02', 'key is not a JSON object');
      return rows.fromNode(payload === undefined ? root : payload, report);
    },
  };
}
