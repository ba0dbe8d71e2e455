/**
 * ENCODE JSON: an object is a row. The generated scanner reads it; what that cannot, the full parser does, which also says what is
 * wrong and in which field. A field is found by the column's name, or by one that differs only in case.
 */
import type { Column } from '../../../common/dataType.ts';
import type { JsonNode } from '../../../common/jsonb.ts';
import { isJsonObject, parseJson } from '../../../common/jsonText.ts';
import { SqlError } from '../../../common/sqlError.ts';
import { decodeUtf8 } from '../../../common/utf8.ts';
import type { Row, Value } from '../../../common/value.ts';
import { type EncodeConfig, FieldFailure, type Report, type RowDecoder } from '../encode.ts';
import { jsonColumns } from './columns.ts';
import { fieldOf, type JsonConverter, jsonConverter, unknownFields } from './convert.ts';
import { type JsonContext, type JsonForms, jsonForms } from './forms.ts';
import { objectScanner } from './objectScanner.ts';
import { jsonReader, nodeReader, type TextScanner } from './readers.ts';
import { type Reader, skipSpace } from './scanner.ts';
import { textInput } from './textInput.ts';
import { PayloadTexts } from './texts.ts';

/** What reads one field of an object. */
export interface JsonField {
  readonly name: string;
  readonly position: number;
  readonly optional: boolean;
  readonly convert: JsonConverter;
  readonly read: Reader;
}

/** A conversion of its own for a column; null: by the column's type. */
export type ConverterOf = (column: Column, context: JsonContext) => JsonConverter | null;

/** The decoder of objects with these columns, for whoever has found the object within a text. */
export class JsonObjectRows {
  readonly #config: EncodeConfig;
  readonly #fields: readonly JsonField[];
  readonly #names: readonly string[];
  readonly #scanners: TextScanner[] = [];
  readonly #scanner: TextScanner;
  readonly #empty: Value[];
  #report: Report | null = null;

  constructor(config: EncodeConfig, forms: JsonForms, converterOf: ConverterOf = () => null) {
    this.#config = config;
    this.#empty = config.columns.map(() => null);
    const context: JsonContext = {
      forms,
      text: config.context,
      drift: (kind, field) => this.#report?.drift(kind, field),
    };
    this.#fields = config.positions.flatMap((position): JsonField[] => {
      const column = config.columns[position];
      if (column === undefined) return [];
      const { name, type } = column;
      const optional = config.optional.has(position);
      const own = converterOf(column, context);
      if (own !== null) return [{ name, position, optional, convert: own, read: nodeReader(own) }];
      const convert = jsonConverter(type, name, context);
      return [{ name, position, optional, convert, read: jsonReader(type, name, context, this.#scanners) }];
    });
    this.#names = this.#fields.map((f) => f.name);
    this.#scanner = objectScanner(
      textInput,
      this.#fields.map(({ name, optional, position, read }) => ({
        name,
        optional,
        of: { index: position, read },
      })),
      '',
      context,
    );
    this.#scanners.push(this.#scanner);
  }

  begin(): void {
    for (const scanner of this.#scanners) scanner.reset();
  }

  emptyRow(): Value[] {
    return this.#empty.slice();
  }

  /** Reads the object whose brace is at `at`. After it, or -1: see `fromNode`. */
  scan(text: string, at: number, row: Value[], report: Report): number {
    this.#report = report;
    try {
      return this.#scanner.scan(text, at, row);
    } catch (error) {
      if (error instanceof SqlError) return -1;
      throw error;
    }
  }

  /** The row of a parsed object; throws FieldFailure. */
  fromNode(root: JsonNode, report: Report): Row {
    this.#report = report;
    const { part, columns, positions } = this.#config;
    const row = this.emptyRow();
    const only = this.#fields[0];
    if (!isJsonObject(root)) {
      // A key of one column may be the bare value.
      if (part === 'key' && positions.length === 1 && only !== undefined && columns.length > 0) {
        row[only.position] = this.#value(only, root, report);
        return row;
      }
      throw new SqlError('22P02', `${part === 'key' ? 'key' : 'message'} is not a JSON object`);
    }
    for (const name of unknownFields(root, this.#names)) report.drift('unknown field', name);
    for (const field of this.#fields) {
      const node = fieldOf(root, field.name);
      if (node !== undefined) row[field.position] = this.#value(field, node, report);
      else if (!field.optional) report.drift('missing field', field.name);
    }
    return row;
  }

  #value(field: JsonField, node: JsonNode, report: Report): Value {
    try {
      return field.convert(node);
    } catch (error) {
      if (!this.#config.nullOnError || !(error instanceof SqlError)) throw error;
      report.nulled(error, error instanceof FieldFailure ? error.field : field.name);
      return null;
    }
  }
}

export function jsonRows(config: EncodeConfig): RowDecoder {
  const forms = jsonForms(config.options, 'text');
  const rows = new JsonObjectRows(config, forms);
  const texts = new PayloadTexts();
  let payloads: readonly (Uint8Array | null)[] = [];
  return {
    begin(given) {
      payloads = given;
      texts.begin(given);
      rows.begin();
      return null;
    },
    decode(index, report) {
      texts.at(index);
      if (texts.valid) {
        const { text, start, end } = texts;
        const at = skipSpace(text, start);
        if (text.charCodeAt(at) === 123) {
          const row = rows.emptyRow();
          const after = rows.scan(text, at, row, report);
          if (after >= 0 && skipSpace(text, after) === end) return row;
        }
      }
      return rows.fromNode(parseJson(decodeUtf8(payloads[index] ?? new Uint8Array())), report);
    },
    into: (columns) => jsonColumns(config, forms, columns),
  };
}
