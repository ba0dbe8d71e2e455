/**
 * ENCODE PROTOBUF of sinks, of values and keys: messages of the columns (protobufSchema.ts). What Protobuf has no type for is text;
 * arrays that hold NULL cannot be written, and an array that is NULL is an empty one.
 */
import { Buffer } from 'node:buffer';
import protobuf from 'protobufjs';
import type { Column, DataType } from '../../common/dataType.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatterOf, plainContext } from '../../common/textIo.ts';
import type { NonNullValue, Row, Value } from '../../common/value.ts';
import { avroName } from '../formats/avro/fromColumns.ts';
import { withReferences } from '../formats/avro/schemas.ts';
import { messageType, protoSchemaOf } from '../formats/protobuf/schema.ts';
import { registryClient } from '../registry/client.ts';
import { subjectOf } from '../registry/options.ts';
import { schemaHeader } from '../registry/wireFormat.ts';
import type { SinkConfig } from '../sink.ts';
import {
  type ChangeBytes,
  checkDimensions,
  millisOf,
  nameOf,
  operationOf,
  type RowBytes,
  rowOf,
} from './envelope.ts';
import { envelopeShape, messageName, messageShape, protoText } from './protobufSchema.ts';

const plain = plainContext(() => 0n);
/** What protobufjs writes for a value of a field. */
type ToPlain = (value: NonNullValue) => unknown;

function timestampParts(value: bigint): { readonly seconds: bigint; readonly nanos: number } {
  const micros = ((value % 1_000_000n) + 1_000_000n) % 1_000_000n;
  return { seconds: (value - micros) / 1_000_000n, nanos: Number(micros) * 1000 };
}

/** The class of 64-bit integers that protobufjs writes exactly; its types do not tell of the static part. */
const longs = protobuf.util.Long as unknown as { readonly fromString: (text: string) => unknown };

function long(value: bigint): unknown {
  return longs.fromString(value.toString());
}

function toPlain(type: DataType): ToPlain {
  switch (type.id) {
    case 'bool':
    case 'int2':
    case 'int4':
    case 'float4':
    case 'float8':
      return (value) => value;
    case 'oid':
      return (value) => long(BigInt(Number(value)));
    case 'int8':
      return (value) => long(BigInt(value as bigint));
    case 'bytea':
      return (value) => (value instanceof Uint8Array ? Buffer.from(value) : Buffer.alloc(0));
    case 'timestamptz':
      return (value) => {
        const { seconds, nanos } = timestampParts(value as bigint);
        return { seconds: long(seconds), nanos };
      };
    case 'struct': {
      const fields = type.fields.map((f) => ({ name: avroName(f.name), write: toPlain(f.type) }));
      return (value) => {
        const values = value as readonly Value[];
        return Object.fromEntries(
          fields.flatMap(({ name, write }, i) => {
            const item = values[i] ?? null;
            return item === null ? [] : [[name, write(item)]];
          }),
        );
      };
    }
    case 'array': {
      if (type.element.id === 'array') break;
      const write = toPlain(type.element);
      return (value) => {
        if (!(value instanceof SqlArray)) return [];
        checkDimensions(value, 1);
        return value.elements.map((item) => {
          if (item !== null) return write(item);
          throw new SqlError('22004', 'an array with NULL in it is not possible in Protobuf', {
            hint: 'Take NULLs out with array_remove(a, NULL), or use ENCODE AVRO or JSON.',
          });
        });
      };
    }
    default:
      break;
  }
  const format = formatterOf(type);
  return (value) => format(value, plain);
}

/** What protobufjs writes for a row. */
type Message = Readonly<Record<string, unknown>>;

/** These columns of a row as the fields of a message; NULL is not there. */
function rowMessage(columns: readonly Column[], positions: readonly number[]): (row: Row) => Message {
  const fields = positions.flatMap((position) => {
    const column = columns[position];
    return column === undefined
      ? []
      : [{ position, name: avroName(column.name), write: toPlain(column.type) }];
  });
  return (row) => {
    const message: Record<string, unknown> = {};
    for (const { position, name, write } of fields) {
      const value = row[position] ?? null;
      if (value === null) continue;
      try {
        message[name] = write(value);
      } catch (error) {
        if (!(error instanceof SqlError)) throw error;
        const { state, hint } = error;
        throw new SqlError(state, `column "${name}": ${error.message}`, hint === undefined ? {} : { hint });
      }
    }
    return message;
  };
}

/** Registers the schema that `shape` makes, given the one that was there, and gives what writes its messages. */
async function openMessages(
  config: SinkConfig,
  topic: string | null,
  of: 'key' | 'value',
  shape: (name: string, latest: protobuf.Type | null) => string,
): Promise<(message: Message) => Uint8Array> {
  const { encodeOptions: options } = config;
  const client = registryClient(options);
  const record = nameOf(config, topic, of);
  const subject = subjectOf(options, topic, of, record);
  const named = messageName(record);
  const latest = await client.latest(subject);
  const before =
    latest === null || latest.kind !== 'PROTOBUF'
      ? null
      : messageType(protoSchemaOf(await withReferences(client, latest)), named.full);
  const text = protoText(named, shape(named.name, before));
  const id = await client.register(subject, 'PROTOBUF', text);
  const type = messageType(protoSchemaOf({ id, text, imports: [] }), named.full);
  // The first type of the schema: the single index 0.
  const header = Buffer.concat([schemaHeader(id), Buffer.from([0])]);
  return (message) => Buffer.concat([header, type.encode(message).finish()]);
}

async function openRows(
  config: SinkConfig,
  topic: string | null,
  of: 'key' | 'value',
  positions: readonly number[],
): Promise<RowBytes> {
  const { columns } = config;
  const chosen = positions.flatMap((p) => columns[p] ?? []);
  const encode = await openMessages(
    config,
    topic,
    of,
    (name, latest) => messageShape(name, chosen, latest).text,
  );
  const message = rowMessage(columns, positions);
  return (row) => encode(message(row));
}

/** Debezium's envelope: the row before and after, where it is from, what was done, and when. */
async function openEnvelopes(config: SinkConfig, topic: string | null): Promise<ChangeBytes> {
  const { columns, name } = config;
  const encode = await openMessages(config, topic, 'value', (envelope, latest) =>
    envelopeShape(envelope, columns, latest),
  );
  const message = rowMessage(
    columns,
    columns.map((_, i) => i),
  );
  return (change, batch) => {
    const { before, after } = change;
    return encode({
      ...(before === null ? {} : { before: message(before) }),
      ...(after === null ? {} : { after: message(after) }),
      source: { connector: 'millrace', name, version: long(batch.epoch) },
      op: operationOf(change),
      ts_ms: long(millisOf(batch)),
    });
  };
}

export async function openProtobufValues(config: SinkConfig, topic: string | null): Promise<ChangeBytes> {
  if (config.format === 'DEBEZIUM') return openEnvelopes(config, topic);
  const bytes = await openRows(
    config,
    topic,
    'value',
    config.columns.map((_, i) => i),
  );
  return (change) => bytes(rowOf(change));
}

export function openProtobufKeys(
  config: SinkConfig,
  key: readonly number[],
  topic: string | null,
): Promise<RowBytes> {
  return openRows(config, topic, 'key', key);
}
