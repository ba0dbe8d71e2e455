/** ENCODE PROTOBUF: messages as rows, with a schema registry (id and indexes before each message) or the type of a .proto file. */
import type protobuf from 'protobufjs';
import { SqlError } from '../../../common/sqlError.ts';
import type { Value } from '../../../common/value.ts';
import { recordName, recordNameOptions, registryOptions } from '../../registry/options.ts';
import { HEADER_BYTES } from '../../registry/wireFormat.ts';
import { SchemaCache } from '../avro/schemas.ts';
import { type Encode, type EncodeConfig, FieldFailure, type Report, type RowDecoder } from '../encode.ts';
import { fullName, messageType, type ProtoSchema, protoFile, protoSchemaOf, typeAt } from './schema.ts';
import { type ProtoConverter, protoConverter, protoFieldOf, rawOf } from './values.ts';
import { malformedProto, ProtoTap, readMessage } from './wire.ts';

const MAX_INDEXES = 50;

interface Field {
  readonly position: number;
  readonly name: string;
  readonly field: protobuf.Field;
  readonly convert: ProtoConverter | SqlError;
}

interface Layout {
  readonly type: protobuf.Type;
  readonly fields: readonly Field[];
  readonly unknown: readonly string[];
  readonly missing: readonly string[];
}

function layoutOf(type: protobuf.Type, config: EncodeConfig): Layout {
  const fields: Field[] = [];
  const missing: string[] = [];
  const used = new Set<protobuf.Field>();
  for (const position of config.positions) {
    const column = config.columns[position];
    const field = column === undefined ? undefined : protoFieldOf(type, column.name);
    if (column === undefined) continue;
    if (field === undefined) {
      if (!config.optional.has(position)) missing.push(column.name);
      continue;
    }
    used.add(field);
    const { name } = column;
    try {
      fields.push({
        position,
        name,
        field,
        convert: protoConverter(field, column.type, name, config.context),
      });
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      fields.push({ position, name, field, convert: error });
    }
  }
  const unknown = type.fieldsArray.filter((f) => !used.has(f)).map((f) => f.name);
  return { type, fields, unknown, missing };
}

/** Which of the schema's types comes: a count and so many indexes, zigzag; a single 0 for the first. */
function readIndexes(tap: ProtoTap): readonly number[] {
  const next = (): number => {
    const n = tap.varint();
    return Number((n >> 1n) ^ -(n & 1n));
  };
  const count = next();
  if (count === 0) return [0];
  if (count < 0 || count > MAX_INDEXES) throw malformedProto('it names no type');
  return Array.from({ length: count }, next);
}

function convertField({ convert, field, name }: Field, raw: ReturnType<typeof rawOf>): Value {
  if (convert instanceof SqlError) throw convert;
  try {
    return raw === undefined ? null : convert(raw);
  } catch (error) {
    throw FieldFailure.of(error, name || field.name);
  }
}

function protobufRows(config: EncodeConfig): RowDecoder {
  const wanted = recordName(config.options, config.part);
  const location = config.options.get('schema.location');
  const cache = new SchemaCache<ProtoSchema>(config.options, 'PROTOBUF', protoSchemaOf);
  if ((location === undefined) === (cache.client === null)) {
    throw new SqlError(
      '22023',
      'ENCODE PROTOBUF needs one of the options "schema.registry" and "schema.location"',
    );
  }
  const fixed = location === undefined ? null : layoutOf(messageType(protoFile(location), wanted), config);
  const layouts = new Map<protobuf.Type, Layout>();
  let payloads: readonly (Uint8Array | null)[] = [];
  let told: Report | null = null;
  let toldLayout: Layout | null = null;
  let last = -1;

  const open = (tap: ProtoTap, payload: Uint8Array, report: Report): Layout => {
    if (fixed !== null) return fixed;
    const { id, made } = cache.of(payload);
    if (last >= 0 && last !== id) report.drift('schema changed', config.part);
    last = id;
    tap.at = HEADER_BYTES;
    const type = typeAt(made, readIndexes(tap));
    if (wanted !== null && fullName(type) !== wanted) {
      throw new SqlError('22P03', `message is of type "${fullName(type)}", not "${wanted}"`);
    }
    const known = layouts.get(type);
    if (known !== undefined) return known;
    const layout = layoutOf(type, config);
    layouts.set(type, layout);
    return layout;
  };
  return {
    begin(given) {
      payloads = given;
      return cache.begin(given);
    },
    decode(index, report) {
      const payload = payloads[index] ?? new Uint8Array();
      const tap = new ProtoTap(payload, 0);
      const layout = open(tap, payload, report);
      if (report !== told || layout !== toldLayout) {
        told = report;
        toldLayout = layout;
        for (const name of layout.unknown) report.drift('unknown field', name);
        for (const name of layout.missing) report.drift('missing field', name);
      }
      const message = readMessage(tap, layout.type, 0, (number) =>
        report.drift('unknown field', `#${number}`),
      );
      const row = new Array<Value>(config.columns.length).fill(null);
      for (const field of layout.fields) {
        try {
          row[field.position] = convertField(field, rawOf(message, field.field));
        } catch (error) {
          if (!config.nullOnError || !(error instanceof SqlError)) throw error;
          report.nulled(error, error instanceof FieldFailure ? error.field : field.name);
        }
      }
      return row;
    },
  };
}

export const protobufEncode: Encode = {
  name: 'PROTOBUF',
  doc: 'Protobuf messages. With a schema registry each message names its schema and type; with `schema.location` all are of the type `message` of that .proto file.',
  options: [
    ...registryOptions,
    ...recordNameOptions,
    { name: 'schema.location', type: 'string', doc: 'The .proto file, for messages that name no schema.' },
  ],
  formats: ['PLAIN', 'UPSERT'],
  asKey: true,
  rows: protobufRows,
};
