/** Avro schemas and column types, both ways: columns of a record that a registry has, and the record that a sink registers. */
import type { Column, DataType } from '../../../common/dataType.ts';
import { arrayOf, types } from '../../../common/dataType.ts';
import { SqlError } from '../../../common/sqlError.ts';
import { instantOf, isDate, isDecimal, timeOf } from './scalars.ts';
import type { AvroMeaning, AvroRecord, AvroType } from './schema.ts';

const MAX_NESTED = 20;

function numberType(kind: 'int' | 'long', meaning: AvroMeaning): DataType {
  if (isDate(meaning)) return types.date;
  if (timeOf(meaning) !== undefined) return types.time;
  if (instantOf(meaning) === undefined) return kind === 'int' ? types.int4 : types.int8;
  const isLocal = meaning.logical === null || meaning.logical.startsWith('local-');
  return isLocal ? types.timestamp : types.timestamptz;
}

function bytesType(meaning: AvroMeaning): DataType {
  if (!isDecimal(meaning)) return types.bytea;
  return meaning.precision > 0
    ? { id: 'numeric', precision: meaning.precision, scale: meaning.scale }
    : types.numeric;
}

const connectStrings: Readonly<Record<string, DataType>> = {
  'io.debezium.time.ZonedTimestamp': types.timestamptz,
  'io.debezium.time.ZonedTime': types.timetz,
  'io.debezium.time.Interval': types.interval,
  'io.debezium.data.Json': types.jsonb,
  'io.debezium.data.Uuid': types.uuid,
};

/** The column type for values of an Avro type. A record within itself, and a union of several types, is jsonb. */
export function columnTypeOf(type: AvroType, within: readonly AvroRecord[] = []): DataType {
  switch (type.kind) {
    case 'null':
      return types.text;
    case 'boolean':
      return types.bool;
    case 'int':
    case 'long':
      return numberType(type.kind, type.meaning);
    case 'float':
      return types.float4;
    case 'double':
      return types.float8;
    case 'bytes':
      return bytesType(type.meaning);
    case 'fixed':
      if (type.meaning.logical === 'uuid' && type.size === 16) return types.uuid;
      return type.meaning.logical === 'duration' ? types.interval : bytesType(type.meaning);
    case 'string':
      if (type.meaning.logical === 'uuid') return types.uuid;
      return connectStrings[type.meaning.connect ?? ''] ?? types.text;
    case 'enum':
      return types.text;
    case 'map':
      return types.jsonb;
    case 'array': {
      const element = columnTypeOf(type.items, within);
      return element.id === 'jsonb' || element.id === 'array' ? types.jsonb : arrayOf(element);
    }
    case 'union': {
      const present = type.branches.filter((b) => b.kind !== 'null');
      return present.length === 1 && present[0] !== undefined
        ? columnTypeOf(present[0], within)
        : types.jsonb;
    }
    case 'record': {
      if (within.includes(type) || within.length >= MAX_NESTED) return types.jsonb;
      const deeper = [...within, type];
      const fields = type.fields.map((f) => ({ name: f.name, type: columnTypeOf(f.type, deeper) }));
      return fields.some((f) => f.type === types.jsonb && refersTo(type))
        ? types.jsonb
        : { id: 'struct', fields };
    }
  }
}

/** A record that contains itself. */
function refersTo(record: AvroRecord): boolean {
  const seen = new Set<AvroType>();
  const visit = (type: AvroType): boolean => {
    if (seen.has(type)) return type === record;
    seen.add(type);
    switch (type.kind) {
      case 'array':
        return visit(type.items);
      case 'map':
        return visit(type.values);
      case 'union':
        return type.branches.some(visit);
      case 'record':
        return type.fields.some((f) => visit(f.type));
      default:
        return false;
    }
  };
  return visit(record);
}

export function columnsOfRecord(
  record: AvroRecord,
): readonly { readonly name: string; readonly type: DataType }[] {
  return record.fields.map((f) => ({ name: f.name, type: columnTypeOf(f.type, [record]) }));
}

/** A name that Avro takes: letters, digits and underscores. */
export function avroName(name: string): string {
  const plain = name.replace(/[^A-Za-z0-9_]/g, '_');
  return /^[0-9]/.test(plain) || plain === '' ? `_${plain}` : plain;
}

type Schema = string | { readonly [key: string]: unknown } | readonly Schema[];

/** The schema of a type's values; `path` names the records within it. */
export function avroSchemaOf(type: DataType, path: string): Schema {
  switch (type.id) {
    case 'bool':
      return 'boolean';
    case 'int2':
    case 'int4':
      return 'int';
    case 'int8':
    case 'oid':
      return 'long';
    case 'float4':
      return 'float';
    case 'float8':
      return 'double';
    case 'numeric':
      if (type.precision === undefined || (type.scale ?? 0) < 0) return 'string';
      return { type: 'bytes', logicalType: 'decimal', precision: type.precision, scale: type.scale ?? 0 };
    case 'bytea':
      return 'bytes';
    case 'date':
      return { type: 'int', logicalType: 'date' };
    case 'time':
      return { type: 'long', logicalType: 'time-micros' };
    case 'timestamp':
      return { type: 'long', logicalType: 'local-timestamp-micros' };
    case 'timestamptz':
      return { type: 'long', logicalType: 'timestamp-micros' };
    case 'uuid':
      return { type: 'string', logicalType: 'uuid' };
    case 'json':
    case 'jsonb':
      // Text of a document, not a document that is a string.
      return { type: 'string', 'connect.name': 'io.debezium.data.Json' };
    case 'array':
      return { type: 'array', items: ['null', avroSchemaOf(type.element, path)] };
    case 'struct':
      return recordSchema(
        path,
        type.fields.map((f) => ({ name: f.name, type: f.type })),
      );
    default:
      return 'string';
  }
}

function recordSchema(
  name: string,
  fields: readonly { readonly name: string; readonly type: DataType }[],
): Schema {
  const names = new Set<string>();
  return {
    type: 'record',
    name,
    fields: fields.map((f) => {
      const field = avroName(f.name);
      if (names.has(field)) {
        throw new SqlError('42701', `two columns have the name "${field}" in Avro`, {
          hint: 'Give one of them another name with AS.',
        });
      }
      names.add(field);
      // Nullable with a default: a column that comes or goes later leaves the schema compatible both ways.
      return { name: field, type: ['null', avroSchemaOf(f.type, `${name}_${field}`)], default: null };
    }),
  };
}

/** The schema that a sink registers for rows of these columns. */
export function avroRecordSchema(name: string, columns: readonly Pick<Column, 'name' | 'type'>[]): string {
  return JSON.stringify(recordSchema(name, columns));
}
