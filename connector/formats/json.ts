/**
 * ENCODE JSON of files: one object per record, its fields converted as those of messages are (json/convert.ts). A field that is absent
 * or null is NULL; a value that does not fit its column's type makes the record bad, or (onError 'null') is NULL. Fields without a
 * column and columns without a field are reported.
 */
import type { Column } from '../../common/dataType.ts';
import type { JsonNode } from '../../common/jsonb.ts';
import { isJsonObject, parseJson, printJson } from '../../common/jsonText.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Value } from '../../common/value.ts';
import type { FormatConfig, RecordDecoder } from './decoder.ts';
import { type JsonConverter, jsonConverter } from './json/convert.ts';
import { type JsonContext, jsonForms } from './json/forms.ts';

const SAMPLE = 100;

function sampleOf(node: JsonNode | undefined): string | null {
  return node === undefined ? null : printJson(node).slice(0, SAMPLE);
}

const nothing = (): null => null;

interface Field extends Column {
  readonly convert: JsonConverter;
}

export function jsonDecoder(config: FormatConfig): RecordDecoder {
  const { columns, onError = 'skip', report, options } = config;
  const names = new Set(columns.map((c) => c.name));
  const context: JsonContext = {
    forms: jsonForms(options, 'text'),
    text: config.context,
    drift: () => undefined,
  };
  const fields = columns.map(
    (column): Field => ({ ...column, convert: jsonConverter(column.type, column.name, context) }),
  );
  const fieldValue = (node: JsonNode | undefined, { name, convert }: Field): Value => {
    try {
      return node === undefined ? null : convert(node);
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      report?.drift('type changed', name, () => sampleOf(node));
      if (onError !== 'null') throw error.with({ column: name });
      report?.nulled(error, name);
      return null;
    }
  };
  return {
    decode(record) {
      const root = parseJson(record);
      if (!isJsonObject(root)) throw new SqlError('22P02', 'record is not a JSON object');
      let found = 0;
      try {
        return fields.map((field) => {
          const node = root.get(field.name);
          if (node === undefined) report?.drift('missing field', field.name, nothing);
          else found++;
          return fieldValue(node, field);
        });
      } finally {
        // Also of a record that cannot be used.
        if (report !== undefined && root.size > found) {
          for (const [name, node] of root)
            if (!names.has(name)) report.drift('unknown field', name, () => sampleOf(node));
        }
      }
    },
    complete: () => true,
  };
}
