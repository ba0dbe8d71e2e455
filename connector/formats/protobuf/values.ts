/**
 * From Protobuf's values to SQL values and JSON documents, by a field's type: numbers may become wider ones, enums are their names,
 * well-known types (Timestamp, Duration, wrappers, Struct) are what they mean.
 */
import protobuf from 'protobufjs';
import { arrayOf, type DataType, types } from '../../../common/dataType.ts';
import { formatTimestamp } from '../../../common/dateTime.ts';
import { Decimal } from '../../../common/decimal.ts';
import { formatFloat4, formatFloat8 } from '../../../common/floatText.ts';
import { Interval } from '../../../common/interval.ts';
import { Jsonb, type JsonNode } from '../../../common/jsonb.ts';
import { jsonObject, printJson } from '../../../common/jsonText.ts';
import { SqlArray } from '../../../common/sqlArray.ts';
import type { TextContext } from '../../../common/textContext.ts';
import { parseValue } from '../../../common/textIo.ts';
import { formatType } from '../../../common/typeTable.ts';
import type { Value } from '../../../common/value.ts';
import { floorDivide, fromMicros } from '../debezium/types.ts';
import { FieldFailure } from '../encode.ts';
import { fullName } from './schema.ts';
import { isMessage, malformedProto, type Raw, RawMap, type RawMessage, zeroOf } from './wire.ts';

export type ProtoConverter = (raw: Raw) => Value;

const MAX_NESTED = 20;
const wrappers: ReadonlySet<string> = new Set(
  ['Double', 'Float', 'Int64', 'UInt64', 'Int32', 'UInt32', 'Bool', 'String', 'Bytes'].map(
    (name) => `google.protobuf.${name}Value`,
  ),
);
const documents: ReadonlySet<string> = new Set([
  'google.protobuf.Struct',
  'google.protobuf.Value',
  'google.protobuf.ListValue',
  'google.protobuf.Any',
]);

/** The field of a column: by name, in either spelling, or by a name that differs in case. */
export function protoFieldOf(type: protobuf.Type, name: string): protobuf.Field | undefined {
  const folded = name.toLowerCase();
  const plain = folded.replaceAll('_', '');
  const fields = type.fieldsArray;
  return (
    fields.find((f) => f.name === name) ??
    fields.find((f) => f.name.toLowerCase() === folded) ??
    fields.find((f) => f.name.toLowerCase().replaceAll('_', '') === plain)
  );
}

function hasPresence(field: protobuf.Field): boolean {
  return field.hasPresence || field.partOf !== null || field.resolvedType instanceof protobuf.Type;
}

/** The value of a field, the zero of one that is always there, or undefined. */
export function rawOf(message: RawMessage, field: protobuf.Field): Raw | undefined {
  const raw = message.fields.get(field.name);
  if (raw !== undefined) return raw;
  if (field instanceof protobuf.MapField) return new RawMap();
  if (field.repeated) return [];
  return hasPresence(field) ? undefined : zeroOf(field);
}

function innerOf(message: RawMessage, name: string): Raw | undefined {
  const field = message.type.fields[name];
  return field === undefined ? undefined : (message.fields.get(name) ?? zeroOf(field));
}

/** Microseconds of google.protobuf.Timestamp and Duration. */
function microsOf(message: RawMessage): bigint {
  const seconds = message.fields.get('seconds') ?? 0n;
  const nanos = message.fields.get('nanos') ?? 0;
  if (typeof seconds !== 'bigint' || typeof nanos !== 'number') throw malformedProto('a time is none');
  return seconds * 1_000_000n + floorDivide(BigInt(nanos), 1000n);
}

/** Text of a scalar, for parsing it as another type. */
function scalarText(raw: Raw, field: protobuf.Field): string | null {
  if (typeof raw === 'number' && field.resolvedType instanceof protobuf.Enum)
    return enumName(raw, field.resolvedType);
  if (typeof raw === 'number') {
    if (field.type === 'double') return formatFloat8(raw);
    return field.type === 'float' ? formatFloat4(raw) : String(raw);
  }
  return typeof raw === 'string' || typeof raw === 'bigint' || typeof raw === 'boolean' ? String(raw) : null;
}

function enumName(value: number, type: protobuf.Enum): string {
  return type.valuesById[value] ?? String(value);
}

const integers: readonly string[] = ['int8', 'numeric', 'float4', 'float8', 'text', 'varchar'];
const texts: readonly string[] = ['text', 'varchar', 'bpchar'];
const scalarTargets: Readonly<Record<string, readonly string[]>> = {
  int32: ['int4', 'int2', ...integers],
  sint32: ['int4', 'int2', ...integers],
  sfixed32: ['int4', 'int2', ...integers],
  uint32: integers,
  fixed32: integers,
  int64: integers,
  sint64: integers,
  sfixed64: integers,
  uint64: integers,
  fixed64: integers,
  float: ['float4', 'float8', 'numeric', 'text', 'varchar'],
  double: ['float8', 'numeric', 'text', 'varchar'],
  bool: ['bool', 'text', 'varchar'],
  string: [
    ...texts,
    ...['uuid', 'date', 'time', 'timestamp', 'timestamptz', 'interval', 'numeric', 'json', 'jsonb'],
  ],
  bytes: ['bytea'],
};

function scalarConverter(field: protobuf.Field, type: DataType, context: TextContext): ProtoConverter | null {
  const isEnum = field.resolvedType instanceof protobuf.Enum;
  if (isEnum && type.id === 'int4') return (raw) => (typeof raw === 'number' ? raw : null);
  const targets = isEnum ? texts : (scalarTargets[field.type] ?? []);
  if (!targets.includes(type.id)) return null;
  switch (type.id) {
    case 'bool':
    case 'float8':
    case 'int4':
    case 'bytea':
      return (raw) => {
        if (typeof raw === 'bigint') return Number(raw);
        return typeof raw === 'object' && !(raw instanceof Uint8Array) ? null : raw;
      };
    case 'int8':
      return (raw) => {
        const n = typeof raw === 'bigint' ? raw : BigInt(Number(raw));
        return n <= 0x7fffffffffffffffn ? n : parseValue(String(n), type, context);
      };
    default:
      return (raw) => {
        const text = scalarText(raw, field);
        if (text === null) return null;
        return type.id === 'text' ? text : parseValue(text, type, context);
      };
  }
}

function messageConverter(
  message: protobuf.Type,
  type: DataType,
  path: string,
  context: TextContext,
  depth: number,
): ProtoConverter | null {
  const name = fullName(message);
  if (name === 'google.protobuf.Timestamp') {
    if (fromMicros(0n, type) === undefined) return null;
    return (raw) => (isMessage(raw) ? (fromMicros(microsOf(raw), type) ?? null) : null);
  }
  if (name === 'google.protobuf.Duration') {
    return type.id === 'interval'
      ? (raw) => (isMessage(raw) ? new Interval(0, 0, microsOf(raw)) : null)
      : null;
  }
  if (wrappers.has(name)) {
    const inner = message.fields['value'];
    if (inner === undefined) return null;
    const convert = protoConverter(inner, type, path, context, depth + 1);
    return (raw) => (isMessage(raw) ? convert(innerOf(raw, 'value') ?? zeroOf(inner)) : null);
  }
  if (type.id !== 'struct') return null;
  const fields = type.fields.map((f) => {
    const field = protoFieldOf(message, f.name);
    const at = `${path}.${f.name}`;
    return field === undefined
      ? null
      : { field, convert: protoConverter(field, f.type, at, context, depth + 1) };
  });
  return (raw) => {
    if (!isMessage(raw)) return null;
    return fields.map((f) => {
      const item = f === null ? undefined : rawOf(raw, f.field);
      return f === null || item === undefined ? null : f.convert(item);
    });
  };
}

/** The conversion of one item of a field, repeated or not. */
function itemConverter(
  field: protobuf.Field,
  type: DataType,
  path: string,
  context: TextContext,
  depth: number,
): ProtoConverter {
  const convert =
    field.resolvedType instanceof protobuf.Type
      ? messageConverter(field.resolvedType, type, path, context, depth)
      : scalarConverter(field, type, context);
  if (convert !== null) return convert;
  throw new FieldFailure(
    '42804',
    `field "${path}": Protobuf ${field.type} cannot be read as ${formatType(type)}`,
    path,
  );
}

/** Throws FieldFailure 42804 where the types do not go together. */
export function protoConverter(
  field: protobuf.Field,
  type: DataType,
  path: string,
  context: TextContext,
  depth = 0,
): ProtoConverter {
  if (depth > MAX_NESTED) throw new FieldFailure('42804', `field "${path}" is nested too deeply`, path);
  const isScalarText = field.type === 'string' && !field.repeated && !field.map;
  if (type.id === 'jsonb' && !isScalarText) return (raw) => new Jsonb(rawNode(raw, field));
  if (type.id === 'json' && !isScalarText) return (raw) => printJson(rawNode(raw, field));
  if (field.repeated) {
    if (type.id !== 'array' || type.element.id === 'array') {
      throw new FieldFailure(
        '42804',
        `field "${path}": repeated Protobuf ${field.type} cannot be read as ${formatType(type)}`,
        path,
      );
    }
    const convert = itemConverter(field, type.element, `${path}[]`, context, depth);
    return (raw) => new SqlArray((Array.isArray(raw) ? raw : []).map(convert));
  }
  if (field.map) {
    throw new FieldFailure(
      '42804',
      `field "${path}": Protobuf map cannot be read as ${formatType(type)}`,
      path,
    );
  }
  return itemConverter(field, type, path, context, depth);
}

// --- documents -----------------------------------------------------------------------------------------------------

function rawNode(raw: Raw, field: protobuf.Field): JsonNode {
  if (Array.isArray(raw)) return raw.map((item) => rawNode(item, field));
  if (raw instanceof RawMap) {
    return jsonObject([...raw.entries].map(([key, item]): [string, JsonNode] => [key, rawNode(item, field)]));
  }
  if (raw instanceof Uint8Array) return Buffer.from(raw).toString('base64');
  if (isMessage(raw)) return messageNode(raw);
  if (typeof raw === 'bigint') return Decimal.fromBigint(raw);
  if (typeof raw !== 'number') return raw;
  if (field.resolvedType instanceof protobuf.Enum) return enumName(raw, field.resolvedType);
  if (!Number.isFinite(raw)) return String(raw);
  return Decimal.parse(scalarText(raw, field) ?? '0');
}

function messageNode(message: RawMessage): JsonNode {
  const name = fullName(message.type);
  const node = (field: string): JsonNode => {
    const raw = innerOf(message, field);
    const at = message.type.fields[field];
    return raw === undefined || at === undefined ? null : rawNode(raw, at);
  };
  if (name === 'google.protobuf.Timestamp') return `${formatTimestamp(microsOf(message)).replace(' ', 'T')}Z`;
  if (name === 'google.protobuf.Duration') {
    return `${Decimal.scaled(microsOf(message), 6).toString()}s`;
  }
  if (wrappers.has(name)) return node('value');
  if (name === 'google.protobuf.Struct') return message.fields.has('fields') ? node('fields') : new Map();
  if (name === 'google.protobuf.ListValue') return message.fields.has('values') ? node('values') : [];
  if (name === 'google.protobuf.Value') {
    const [kind] = message.fields.keys();
    return kind === undefined || kind === 'null_value' || kind === 'nullValue' ? null : node(kind);
  }
  const fields: [string, JsonNode][] = [];
  for (const field of message.type.fieldsArray) {
    const raw = rawOf(message, field);
    if (raw !== undefined) fields.push([field.name, rawNode(raw, field)]);
  }
  return jsonObject(fields);
}

// --- inference -----------------------------------------------------------------------------------------------------

const scalarTypes: Readonly<Record<string, DataType>> = {
  int32: types.int4,
  sint32: types.int4,
  sfixed32: types.int4,
  uint32: types.int8,
  fixed32: types.int8,
  int64: types.int8,
  sint64: types.int8,
  sfixed64: types.int8,
  uint64: types.numeric,
  fixed64: types.numeric,
  float: types.float4,
  double: types.float8,
  bool: types.bool,
  string: types.text,
  bytes: types.bytea,
};

function messageColumnType(message: protobuf.Type, within: readonly protobuf.Type[]): DataType {
  const name = fullName(message);
  if (name === 'google.protobuf.Timestamp') return types.timestamptz;
  if (name === 'google.protobuf.Duration') return types.interval;
  const inner = wrappers.has(name) ? message.fields['value'] : undefined;
  if (inner !== undefined) return scalarTypes[inner.type] ?? types.text;
  if (documents.has(name) || within.includes(message) || within.length >= MAX_NESTED) return types.jsonb;
  const deeper = [...within, message];
  const fields = message.fieldsArray.map((f) => ({ name: f.name, type: protoColumnType(f, deeper) }));
  return fields.length === 0 ? types.jsonb : { id: 'struct', fields };
}

/** The column type for values of a field. */
export function protoColumnType(field: protobuf.Field, within: readonly protobuf.Type[]): DataType {
  field.resolve();
  if (field.map) return types.jsonb;
  const { resolvedType } = field;
  const item =
    resolvedType instanceof protobuf.Type
      ? messageColumnType(resolvedType, within)
      : resolvedType instanceof protobuf.Enum
        ? types.text
        : (scalarTypes[field.type] ?? types.text);
  if (!field.repeated) return item;
  return item.id === 'jsonb' ? types.jsonb : arrayOf(item);
}
