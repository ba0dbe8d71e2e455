/**
 * From a parsed JSON document to values of types: what decides, for the fast readers (readers.ts) too. A string is read as text of
 * the type; a number must fit it; text takes everything.
 */
import type { DataType, StructField } from '../../../common/dataType.ts';
import { checkDate, checkTimestamp } from '../../../common/dateTime.ts';
import { Decimal } from '../../../common/decimal.ts';
import { Jsonb, type JsonNode } from '../../../common/jsonb.ts';
import { isJsonArray, isJsonObject, printJson } from '../../../common/jsonText.ts';
import { SqlArray } from '../../../common/sqlArray.ts';
import { parseValue } from '../../../common/textIo.ts';
import { roundTimestamp } from '../../../common/timePrecision.ts';
import { formatType } from '../../../common/typeTable.ts';
import type { Value } from '../../../common/value.ts';
import { FieldFailure } from '../encode.ts';
import type { JsonContext, JsonForms } from './forms.ts';

export type JsonConverter = (node: JsonNode) => Value;

const MICROS_PER_DAY = 86_400_000_000n;

function kindOf(node: JsonNode): string {
  if (node === null) return 'null';
  if (typeof node === 'string') return 'string';
  if (typeof node === 'boolean') return 'boolean';
  if (node instanceof Decimal) return 'number';
  return isJsonObject(node) ? 'object' : 'array';
}

/** Kinds of JSON that a type usually is; any other that can still be converted counts as drift. */
export function usualKinds(type: DataType): readonly string[] | null {
  switch (type.id) {
    case 'bool':
      return ['boolean'];
    case 'int2':
    case 'int4':
    case 'int8':
    case 'oid':
      return ['number'];
    case 'float4':
    case 'float8':
    case 'numeric':
      return ['number', 'string'];
    case 'date':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
      return ['number', 'string'];
    case 'json':
    case 'jsonb':
      return null;
    case 'array':
      return ['array'];
    case 'struct':
      return ['object'];
    default:
      return ['string'];
  }
}

function mismatch(node: JsonNode, type: DataType, path: string): FieldFailure {
  const shown = printJson(node).slice(0, 100);
  return new FieldFailure(
    '22P02',
    `field "${path}" is not of type ${formatType(type)}: ${kindOf(node)} ${shown}`,
    path,
  );
}

/** Microseconds of a count whose unit its size tells: seconds until the year 5138, milliseconds until then, microseconds. */
export function guessMicros(n: bigint): bigint {
  const size = n < 0n ? -n : n;
  if (size < 100_000_000_000n) return n * 1_000_000n;
  if (size < 100_000_000_000_000n) return n * 1000n;
  return size < 100_000_000_000_000_000n ? n : n / 1000n;
}

function epochMicros(n: Decimal, unit: 'guess_number_unit' | 'micro' | 'milli'): bigint {
  if (unit === 'micro') return n.toInteger('timestamp');
  if (unit === 'milli') return n.mul(Decimal.fromInt(1000)).toInteger('timestamp');
  if (n.isInteger()) return guessMicros(n.toInteger('timestamp'));
  const whole = n.trunc().toInteger('timestamp');
  const unitMicros = whole === 0n ? 1_000_000n : guessMicros(whole) / whole;
  return n.mul(Decimal.fromBigint(unitMicros)).toInteger('timestamp');
}

function fromNumber(node: Decimal, type: DataType, path: string, context: JsonContext): Value {
  const { forms } = context;
  switch (type.id) {
    case 'int2':
    case 'int4':
    case 'int8':
    case 'oid':
      if (!node.isInteger()) throw mismatch(node, type, path);
      return parseValue(String(node.toInteger('integer')), type, context.text);
    case 'float4':
    case 'float8':
    case 'numeric':
    case 'text':
    case 'varchar':
    case 'bpchar':
    case 'name':
    case 'char':
      return parseValue(node.toString(), type, context.text);
    case 'date':
      if (!node.isInteger()) throw mismatch(node, type, path);
      return checkDate(node.toInt4());
    case 'time': {
      const micros = node.toInteger('time') * (forms.time === 'milli' ? 1000n : 1n);
      if (micros < 0n || micros > MICROS_PER_DAY) throw mismatch(node, type, path);
      return micros;
    }
    case 'timestamp':
      return roundTimestamp(checkTimestamp(epochMicros(node, forms.timestamp)), type);
    case 'timestamptz': {
      const unit = forms.timestamptz;
      if (unit === 'utc_string' || unit === 'utc_without_suffix') throw mismatch(node, type, path);
      return roundTimestamp(checkTimestamp(epochMicros(node, unit)), type);
    }
    default:
      throw mismatch(node, type, path);
  }
}

/** The text of a string in the type's input form. */
function fromString(node: string, type: DataType, path: string, context: JsonContext): Value {
  if (type.id === 'bytea' && context.forms.bytea === 'base64') return fromBase64(node, type, path);
  if (type.id === 'timestamptz' && readsUtc(context.forms)) {
    return parseValue(node, type, { ...context.text, timeZone: 'UTC' });
  }
  return parseValue(node, type, context.text);
}

export function readsUtc(forms: JsonForms): boolean {
  return forms.timestamptz === 'utc_string' || forms.timestamptz === 'utc_without_suffix';
}

function fromBase64(node: string, type: DataType, path: string): Uint8Array {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(node)) throw mismatch(node, type, path);
  return new Uint8Array(Buffer.from(node, 'base64'));
}

function scalarConverter(type: DataType, path: string, context: JsonContext): JsonConverter {
  return (node) => {
    if (node === null) return null;
    try {
      if (typeof node === 'string') return fromString(node, type, path, context);
      if (node instanceof Decimal) return fromNumber(node, type, path, context);
      if (type.id === 'bool' && typeof node === 'boolean') return node;
      if (type.id === 'text' || type.id === 'varchar' || type.id === 'bpchar') {
        return parseValue(printJson(node), type, context.text);
      }
    } catch (error) {
      throw FieldFailure.of(error, path);
    }
    throw mismatch(node, type, path);
  };
}

/** Documents may be arrays themselves; of other types, an array within an array is a dimension. */
export function isDocument(type: DataType): boolean {
  return type.id === 'json' || type.id === 'jsonb';
}

/** How many arrays lie within one another, by the first that is there. */
function depthOf(node: JsonNode): number {
  let depth = 0;
  for (let at: JsonNode = node; at !== null && isJsonArray(at); depth++) {
    at = at.find((item) => item !== null) ?? null;
  }
  return depth;
}

/** Arrays of arrays are one array of more dimensions, as many as a value has: every level has equal lengths. */
function arrayConverter(
  element: DataType,
  type: DataType,
  path: string,
  context: JsonContext,
): JsonConverter {
  let leaf = element;
  let declared = 1;
  while (leaf.id === 'array') {
    leaf = leaf.element;
    declared++;
  }
  const convert = jsonConverter(leaf, `${path}[]`, context);
  const isFixed = isDocument(leaf);
  return (node) => {
    if (node === null) return null;
    const depth = isFixed ? declared : Math.max(declared, depthOf(node));
    const dimensions: number[] = [];
    const elements: Value[] = [];
    const level = (item: JsonNode, at: number): void => {
      if (at === depth) {
        elements.push(convert(item));
        return;
      }
      if (item === null || !isJsonArray(item)) throw mismatch(item, type, path);
      if (dimensions.length === at) dimensions.push(item.length);
      if (dimensions[at] !== item.length) {
        throw new FieldFailure('2202E', `field "${path}": arrays within an array differ in length`, path);
      }
      for (const inner of item) level(inner, at + 1);
    };
    level(node, 0);
    return elements.length === 0 ? new SqlArray([]) : new SqlArray(elements, dimensions);
  };
}

/** The value of a field: of exactly its name, else of the only one that differs in case. */
export function fieldOf(object: ReadonlyMap<string, JsonNode>, name: string): JsonNode | undefined {
  const exact = object.get(name);
  if (exact !== undefined) return exact;
  const folded = name.toLowerCase();
  for (const [key, node] of object)
    if (key.length === name.length && key.toLowerCase() === folded) return node;
  return undefined;
}

/** Fields of an object that no column has, by name. */
export function unknownFields(
  object: ReadonlyMap<string, JsonNode>,
  names: readonly string[],
): readonly string[] {
  const folded = new Set(names.map((name) => name.toLowerCase()));
  return [...object.keys()].filter((key) => !folded.has(key.toLowerCase()));
}

function structConverter(
  fields: readonly StructField[],
  type: DataType,
  path: string,
  context: JsonContext,
): JsonConverter {
  const converters = fields.map((f) => jsonConverter(f.type, `${path}.${f.name}`, context));
  const names = fields.map((f) => f.name);
  return (node) => {
    if (node === null) return null;
    if (!isJsonObject(node)) throw mismatch(node, type, path);
    for (const name of unknownFields(node, names)) context.drift('unknown field', `${path}.${name}`);
    return converters.map((convert, i) => {
      const item = fieldOf(node, names[i] ?? '');
      if (item === undefined) context.drift('missing field', `${path}.${names[i] ?? ''}`);
      return item === undefined ? null : convert(item);
    });
  };
}

/** The conversion of a node to a type; it throws FieldFailure. */
export function jsonConverter(type: DataType, path: string, context: JsonContext): JsonConverter {
  switch (type.id) {
    case 'jsonb':
      return (node) => (node === null ? null : new Jsonb(node));
    case 'json':
      return (node) => (node === null ? null : printJson(node));
    case 'array':
      return arrayConverter(type.element, type, path, context);
    case 'struct':
      return structConverter(type.fields, type, path, context);
    default: {
      const convert = scalarConverter(type, path, context);
      const usual = usualKinds(type);
      return (node) => {
        const value = convert(node);
        if (node !== null && usual !== null && !usual.includes(kindOf(node)))
          context.drift('type changed', path);
        return value;
      };
    }
  }
}
