/** ENCODE PROTOBUF: messages as rows, and Debezium's envelopes as changes, with a schema registry (id and indexes before each message) or the type of a .proto file. */
import protobuf from 'protobufjs';
import { SqlError } from '../../../common/sqlError.ts';
import type { Row, Value } from '../../../common/value.ts';
import { recordName, recordNameOptions, registryOptions } from '../../registry/options.ts';
import { HEADER_BYTES } from '../../registry/wireFormat.ts';
import { SchemaCache } from '../avro/schemas.ts';
import {
  type Batches,
  type ChangeConfig,
  type ChangeDecoder,
  type Encode,
  type EncodeConfig,
  FieldFailure,
  operationOf,
  type Report,
  type RowDecoder,
} from '../encode.ts';
import { fullName, messageType, type ProtoSchema, protoFile, protoSchemaOf, typeAt } from './schema.ts';
import { type ProtoConverter, protoConverter, protoFieldOf, rawOf } from './values.ts';
import { isMessage, malformedProto, ProtoTap, type RawMessage, readMessage } from './wire.ts';

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

/** What decoders of rows and of changes share: schemas, and the message of a payload with what its type leads to. */
class ProtoPayloads<T> implements Batches {
  readonly #config: EncodeConfig;
  readonly #cache: SchemaCache<ProtoSchema>;
  readonly #layoutOf: (type: protobuf.Type) => T;
  readonly #fixed: { readonly type: protobuf.Type; readonly layout: T } | null;
  readonly #wanted: string | null;
  readonly #layouts = new Map<protobuf.Type, T>();
  #payloads: readonly (Uint8Array | null)[] = [];
  #last = -1;

  constructor(config: EncodeConfig, layoutOf: (type: protobuf.Type) => T) {
    this.#config = config;
    this.#layoutOf = layoutOf;
    this.#cache = new SchemaCache<ProtoSchema>(config.options, 'PROTOBUF', protoSchemaOf);
    this.#wanted = recordName(config.options, config.part);
    const location = config.options.get('schema.location');
    if ((location === undefined) === (this.#cache.client === null)) {
      throw new SqlError(
        '22023',
        'ENCODE PROTOBUF needs one of the options "schema.registry" and "schema.location"',
      );
    }
    const type = location === undefined ? null : messageType(protoFile(location), this.#wanted);
    this.#fixed = type === null ? null : { type, layout: layoutOf(type) };
  }

  begin(payloads: readonly (Uint8Array | null)[]): Promise<void> | null {
    this.#payloads = payloads;
    return this.#cache.begin(payloads);
  }

  /** `told` is called with the layout before the message is read. */
  open(
    index: number,
    report: Report,
    told: (layout: T) => void,
  ): { readonly message: RawMessage; readonly layout: T } {
    const payload = this.#payloads[index] ?? new Uint8Array();
    const tap = new ProtoTap(payload, 0);
    const { type, layout } = this.#fixed ?? this.#named(tap, payload, report);
    told(layout);
    const message = readMessage(tap, type, 0, (number) => report.drift('unknown field', `#${number}`));
    return { message, layout };
  }

  /** The type that the payload names; the tap is behind its name. */
  #named(
    tap: ProtoTap,
    payload: Uint8Array,
    report: Report,
  ): { readonly type: protobuf.Type; readonly layout: T } {
    const { id, made } = this.#cache.of(payload);
    if (this.#last >= 0 && this.#last !== id) report.drift('schema changed', this.#config.part);
    this.#last = id;
    tap.at = HEADER_BYTES;
    const type = typeAt(made, readIndexes(tap));
    if (this.#wanted !== null && fullName(type) !== this.#wanted) {
      throw new SqlError('22P03', `message is of type "${fullName(type)}", not "${this.#wanted}"`);
    }
    const known = this.#layouts.get(type);
    if (known !== undefined) return { type, layout: known };
    const layout = this.#layoutOf(type);
    this.#layouts.set(type, layout);
    return { type, layout };
  }
}

/** Reads rows of layouts; what does not fit a layout is told once a batch, since a report is of one batch. */
function rowsOf(config: EncodeConfig): (message: RawMessage, layout: Layout, report: Report) => Row {
  return (message, layout, report) => {
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
  };
}

/** Tells what a layout has too much or too little of. */
class Differences {
  #report: Report | null = null;
  #layout: Layout | null = null;

  tell(layout: Layout, report: Report): void {
    if (report === this.#report && layout === this.#layout) return;
    this.#report = report;
    this.#layout = layout;
    for (const name of layout.unknown) report.drift('unknown field', name);
    for (const name of layout.missing) report.drift('missing field', name);
  }
}

function protobufRows(config: EncodeConfig): RowDecoder {
  const payloads = new ProtoPayloads(config, (type) => layoutOf(type, config));
  const differences = new Differences();
  const rowOf = rowsOf(config);
  return {
    begin: (given) => payloads.begin(given),
    decode(index, report) {
      const { message, layout } = payloads.open(index, report, (found) => differences.tell(found, report));
      return rowOf(message, layout, report);
    },
  };
}

interface Envelope {
  readonly before: Layout;
  readonly after: Layout;
}

/** The message that a field of an envelope holds. */
function rowTypeOf(type: protobuf.Type, name: string): protobuf.Type {
  const found = type.fields[name]?.resolvedType;
  if (found instanceof protobuf.Type && type.fields['op'] !== undefined) return found;
  throw new SqlError('42804', `Protobuf message "${fullName(type)}" is not a Debezium envelope`, {
    hint: 'FORMAT DEBEZIUM takes whole change events; rows alone (ExtractNewRecordState) are FORMAT UPSERT.',
  });
}

const silent: Report = { nulled: () => undefined, drift: () => undefined };

function protobufChanges(config: ChangeConfig): ChangeDecoder {
  const keyOnly: EncodeConfig = { ...config, positions: config.key, nullOnError: false };
  const payloads = new ProtoPayloads(
    config,
    (type): Envelope => ({
      before: layoutOf(rowTypeOf(type, 'before'), keyOnly),
      after: layoutOf(rowTypeOf(type, 'after'), config),
    }),
  );
  const differences = new Differences();
  const rowBefore = rowsOf(keyOnly);
  const rowAfter = rowsOf(config);
  return {
    begin: (given) => payloads.begin(given),
    decode(index, report) {
      const { message, layout } = payloads.open(index, report, ({ after }) =>
        differences.tell(after, report),
      );
      const part = (name: string): RawMessage | null => {
        const raw = message.fields.get(name);
        return raw !== undefined && isMessage(raw) ? raw : null;
      };
      const before = part('before');
      const after = part('after');
      return {
        op: operationOf(message.fields.get('op')),
        before: before === null ? null : rowBefore(before, layout.before, silent),
        after: after === null ? null : rowAfter(after, layout.after, report),
      };
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
  formats: ['PLAIN', 'UPSERT', 'DEBEZIUM'],
  asKey: true,
  rows: protobufRows,
  changes: protobufChanges,
};
