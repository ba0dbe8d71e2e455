/**
 * ENCODE JSON: one object per record. A field that is absent or null is NULL; a value that does not fit its column's
 * type makes the record bad, or (onError 'null') is NULL. Fields without a column and columns without a field are reported.
 */
import type { Column, DataType } from '../../common/dataType.ts';
import { Decimal } from '../../common/decimal.ts';
import { Jsonb, type JsonNode } from '../../common/jsonb.ts';
import { isJsonArray, isJsonObject, parseJson, printJson } from '../../common/jsonText.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { TextContext } from '../../common/textContext.ts';
import { parseValue } from '../../common/textIo.ts';
import { formatType } from '../../common/typeTable.ts';
import type { Value } from '../../common/value.ts';
import type { FormatConfig, RecordDecoder } from './decoder.ts';

function mismatch(node: JsonNode, type: DataType, path: string): SqlError {
  return new SqlError(
    '22P02',
    `field "${path}" is not of type ${formatType(type)}: ${printJson(node).slice(0, 100)}`,
  );
}

function convert(node: JsonNode | undefined, type: DataType, path: string, context: TextContext): Value {
  if (node === undefined || node === null) return null;
  switch (type.id) {
    case 'jsonb':
      return new Jsonb(node);
    case 'json':
      return printJson(node);
    case 'array':
      if (!isJsonArray(node)) throw mismatch(node, type, path);
      return new SqlArray(node.map((item, i) => convert(item, type.element, `${path}[${i}]`, context)));
    case 'struct':
      if (!isJsonObject(node)) throw mismatch(node, type, path);
      return type.fields.map((f) => convert(node.get(f.name), f.type, `${path}.${f.name}`, context));
    case 'bool':
      if (typeof node === 'boolean') return node;
      break;
    case 'text':
    case 'varchar':
    case 'bpchar':
      if (typeof node !== 'string') return parseValue(printJson(node), type, context);
      break;
    default:
      break;
  }
  if (typeof node === 'string') return parseField(node, type, path, context);
  if (node instanceof Decimal) return parseField(printJson(node), type, path, context);
  throw mismatch(node, type, path);
}

function parseField(text: string, type: DataType, path: string, context: TextContext): Value {
  try {
    return parseValue(text, type, context);
  } catch (error) {
    if (error instanceof SqlError) throw new SqlError(error.state, `field "${path}": ${error.message}`);
    throw error;
  }
}

const SAMPLE = 100;

function sampleOf(node: JsonNode | undefined): string | null {
  return node === undefined ? null : printJson(node).slice(0, SAMPLE);
}

const nothing = (): null => null;

export function jsonDecoder(config: FormatConfig): RecordDecoder {
  const { columns, context, onError = 'skip', report } = config;
  const names = new Set(columns.map((c) => c.name));
  const field = (node: JsonNode | undefined, { name, type }: Column): Value => {
    try {
      return convert(node, type, name, context);
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
        return columns.map((column) => {
          const node = root.get(column.name);
          if (node === undefined) report?.drift('missing field', column.name, nothing);
          else found++;
          return field(node, column);
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
