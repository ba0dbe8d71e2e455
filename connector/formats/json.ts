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
import { isDocument } from './json/convert.ts';

/** `base64`: what strings for bytea are, else PostgreSQL's text form. */
interface JsonText extends TextContext {
  readonly base64: boolean;
}

function mismatch(node: JsonNode, type: DataType, path: string): SqlError {
  return new SqlError(
    '22P02',
    `field "${path}" is not of type ${formatType(type)}: ${printJson(node).slice(0, 100)}`,
  );
}

/** Arrays of arrays are one array of more dimensions, each of equal lengths. */
function convertArray(
  node: JsonNode,
  type: DataType & { readonly id: 'array' },
  path: string,
  context: JsonText,
): SqlArray {
  const { element } = type;
  const elements: Value[] = [];
  const dimensions: number[] = [];
  const level = (item: JsonNode, at: number, name: string): void => {
    if (item === null || !isJsonArray(item)) throw mismatch(item, type, name);
    if (dimensions.length === at) dimensions.push(item.length);
    if (dimensions[at] !== item.length)
      throw new SqlError('2202E', `field "${path}": arrays within an array differ in length`);
    const nests = !isDocument(element) && item.some((inner) => inner !== null && isJsonArray(inner));
    item.forEach((inner, i) => {
      if (nests) level(inner, at + 1, `${name}[${i}]`);
      else if (dimensions.length > at + 1) throw mismatch(inner, type, `${name}[${i}]`);
      else elements.push(convert(inner, element, `${name}[${i}]`, context));
    });
  };
  level(node, 0, path);
  return elements.length === 0 ? new SqlArray([]) : new SqlArray(elements, dimensions);
}

function convert(node: JsonNode | undefined, type: DataType, path: string, context: JsonText): Value {
  if (node === undefined || node === null) return null;
  switch (type.id) {
    case 'jsonb':
      return new Jsonb(node);
    case 'json':
      return printJson(node);
    case 'array':
      return convertArray(node, type, path, context);
    case 'struct':
      if (!isJsonObject(node)) throw mismatch(node, type, path);
      return type.fields.map((f) => convert(node.get(f.name), f.type, `${path}.${f.name}`, context));
    case 'bool':
      if (typeof node === 'boolean') return node;
      break;
    case 'bytea':
      if (!context.base64 || typeof node !== 'string') break;
      if (!/^[A-Za-z0-9+/]*={0,2}$/.test(node)) throw mismatch(node, type, path);
      return new Uint8Array(Buffer.from(node, 'base64'));
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
  const { columns, onError = 'skip', report, options } = config;
  const context: JsonText = { ...config.context, base64: options.get('bytea.handling.mode') === 'base64' };
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
