/**
 * Values on their way into a script and back. Numbers are numbers, bigint is BigInt, json and jsonb are what JSON.parse
 * gives, bytea is Uint8Array, arrays are arrays, structs are objects; every other type is its text, times in ISO 8601. What
 * comes back is read by the type's input function, so a wrong value fails as a wrong literal does.
 */
import type { DataType } from '../../common/dataType.ts';
import { Jsonb } from '../../common/jsonb.ts';
import { printJson } from '../../common/jsonText.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatValue, parseValue, plainContext } from '../../common/textIo.ts';
import type { NonNullValue, Value } from '../../common/value.ts';
import type { Shape } from './prelude.ts';

/** A script belongs to no session: times with zone are in UTC. */
const context = plainContext(() => 0n);

/** How values of a type travel. */
export function shapeOf(type: DataType): Shape {
  switch (type.id) {
    case 'bool':
      return 'bool';
    case 'int2':
    case 'int4':
    case 'oid':
      return 'number';
    case 'float4':
    case 'float8':
      return 'float';
    case 'int8':
      return 'bigint';
    case 'bytea':
      return 'bytes';
    case 'json':
    case 'jsonb':
      return 'json';
    case 'array':
      return { array: shapeOf(type.element) };
    case 'struct':
      return { row: type.fields.map((f) => [f.name, shapeOf(f.type)] as const) };
    default:
      return 'text';
  }
}

type Encode = (value: NonNullValue) => string;

const quote = (text: string): string => JSON.stringify(text);

function nullable(value: Value, encode: Encode): string {
  return value === null ? 'null' : encode(value);
}

/** `2024-01-02 03:04:05+00` as `2024-01-02T03:04:05Z`. */
function isoTime(text: string): string {
  return text.replace(/^(\d{4}-\d\d-\d\d) /, '$1T').replace(/\+00$/, 'Z');
}

/** JSON text for values of a type. */
export function encoderOf(type: DataType): Encode {
  switch (type.id) {
    case 'bool':
    case 'int2':
    case 'int4':
    case 'oid':
      return String;
    case 'float4':
    case 'float8':
      return (value) => (Number.isFinite(value) ? String(value) : quote(String(value)));
    case 'text':
    case 'varchar':
    case 'bpchar':
    case 'name':
      return (value) => quote(String(value));
    case 'json':
      return String;
    case 'jsonb':
      return (value) => (value instanceof Jsonb ? printJson(value.root) : 'null');
    case 'timestamp':
    case 'timestamptz':
      return (value) => quote(isoTime(formatValue(value, type, context)));
    case 'array':
      return arrayEncoder(encoderOf(type.element));
    case 'struct': {
      const fields = type.fields.map((f) => encoderOf(f.type));
      return (value) => {
        const items = Array.isArray(value) ? (value as readonly Value[]) : [];
        return `[${fields.map((encode, i) => nullable(items[i] ?? null, encode)).join()}]`;
      };
    }
    default:
      return (value) => quote(formatValue(value, type, context));
  }
}

function arrayEncoder(encode: Encode): Encode {
  return (value) => {
    if (!(value instanceof SqlArray)) return 'null';
    const { elements, dimensions } = value;
    const part = (dimension: number, start: number, count: number): string => {
      if (dimension === dimensions.length) return nullable(elements[start] ?? null, encode);
      const length = dimensions[dimension] ?? 0;
      const size = count / length;
      const items = Array.from({ length }, (_, i) => part(dimension + 1, start + i * size, size));
      return `[${items.join()}]`;
    };
    return elements.length === 0 ? '[]' : part(0, 0, elements.length);
  };
}

/** JSON text of an argument list. */
export function argumentsEncoder(types: readonly DataType[]): (args: readonly Value[]) => string {
  const encoders = types.map(encoderOf);
  return (args) => `[${encoders.map((encode, i) => nullable(args[i] ?? null, encode)).join()}]`;
}

/** A value of a type from what JSON.parse gives of the script's answer. */
export function decodeValue(json: unknown, type: DataType): Value {
  if (json === null || json === undefined) return null;
  switch (type.id) {
    case 'bool':
      return typeof json === 'boolean' ? json : parseValue(String(json), type, context);
    case 'text':
    case 'varchar':
    case 'name':
      return String(json);
    case 'array':
      return decodeArray(json, type.element);
    case 'struct': {
      const items: readonly unknown[] = Array.isArray(json) ? json : [];
      return type.fields.map((f, i) => decodeValue(items[i], f.type));
    }
    default:
      return parseValue(String(json), type, context);
  }
}

function decodeArray(json: unknown, element: DataType): SqlArray {
  const elements: Value[] = [];
  const dimensions: number[] = [];
  const visit = (items: readonly unknown[], depth: number): void => {
    dimensions[depth] ??= items.length;
    if (dimensions[depth] !== items.length) throw ragged();
    const nested = element.id !== 'struct' && items.some((item) => Array.isArray(item));
    if (!nested && dimensions.length > depth + 1) throw ragged();
    for (const item of items) {
      if (!nested) elements.push(decodeValue(item, element));
      else if (Array.isArray(item)) visit(item, depth + 1);
      else throw ragged();
    }
  };
  visit(Array.isArray(json) ? json : [], 0);
  return elements.length === 0 ? new SqlArray([]) : new SqlArray(elements, dimensions);
}

function ragged(): SqlError {
  return new SqlError(
    '2202E',
    'multidimensional arrays must have array expressions with matching dimensions',
  );
}
