/**
 * ENCODE AVRO of sinks, of values and keys: a record of the columns, each a union with null and null by default, so that columns may come and go.
 * numeric with a precision is a decimal, without one text (Avro's decimals have a fixed scale); what Avro has no type for is text.
 */
import { Buffer } from 'node:buffer';
import type { Column, DataType } from '../../common/dataType.ts';
import { Decimal } from '../../common/decimal.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatterOf, plainContext } from '../../common/textIo.ts';
import type { NonNullValue, Row, Value } from '../../common/value.ts';
import { avroName, avroRecordSchema, avroSchemaOf } from '../formats/avro/fromColumns.ts';
import { AvroWriter } from '../formats/avro/writer.ts';
import { registryClient } from '../registry/client.ts';
import { subjectOf } from '../registry/options.ts';
import { schemaHeader } from '../registry/wireFormat.ts';
import type { SinkBatch, SinkChange, SinkConfig } from '../sink.ts';
import {
  type ChangeBytes,
  checkDimensions,
  millisOf,
  nameOf,
  operationOf,
  type RowBytes,
  rowOf,
  siblingName,
} from './envelope.ts';

const plain = plainContext(() => 0n);

type ValueWriter = (writer: AvroWriter, value: NonNullValue) => void;

/** The shortest two's complement of a whole number, big end first. */
export function signedBytes(n: bigint): Uint8Array {
  let length = 1;
  while (BigInt.asIntN(length * 8, n) !== n) length++;
  const hex = BigInt.asUintN(length * 8, n)
    .toString(16)
    .padStart(length * 2, '0');
  return Buffer.from(hex, 'hex');
}

function decimalWriter(scale: number): ValueWriter {
  return (writer, value) => {
    if (!(value instanceof Decimal) || !value.isFinite()) {
      throw new SqlError('22003', `${String(value)} is no Avro decimal`, {
        hint: 'A numeric without a precision is written as text, which takes it.',
      });
    }
    writer.bytes(signedBytes(value.round(scale).coefficient));
  };
}

/** Arrays of more dimensions are arrays of arrays. */
function arrayWriter(element: DataType): ValueWriter {
  let leaf = element;
  let depth = 1;
  for (; leaf.id === 'array'; depth++) leaf = leaf.element;
  const write = nullableWriter(leaf);
  return (writer, value) => {
    if (!(value instanceof SqlArray)) return;
    checkDimensions(value, depth);
    const { dimensions, elements } = value;
    let at = 0;
    const level = (dimension: number): void => {
      const length = dimensions[dimension] ?? 0;
      if (length > 0) writer.long(BigInt(length));
      for (let i = 0; i < length; i++) {
        if (dimension >= dimensions.length - 1) write(writer, elements[at++] ?? null);
        else {
          writer.long(1n);
          level(dimension + 1);
        }
      }
      writer.long(0n);
    };
    level(0);
  };
}

function valueWriter(type: DataType): ValueWriter {
  switch (type.id) {
    case 'bool':
      return (writer, value) => writer.boolean(value === true);
    case 'int2':
    case 'int4':
    case 'oid':
    case 'date':
      return (writer, value) => writer.long(BigInt(Number(value)));
    case 'int8':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
      return (writer, value) => writer.long(typeof value === 'bigint' ? value : 0n);
    case 'float4':
      return (writer, value) => writer.float(Number(value));
    case 'float8':
      return (writer, value) => writer.double(Number(value));
    case 'bytea':
      return (writer, value) => writer.bytes(value instanceof Uint8Array ? value : new Uint8Array());
    case 'array':
      return arrayWriter(type.element);
    case 'struct': {
      const fields = type.fields.map((f) => nullableWriter(f.type));
      return (writer, value) => {
        const values = value as readonly Value[];
        fields.forEach((write, i) => {
          write(writer, values[i] ?? null);
        });
      };
    }
    case 'numeric':
      if (avroSchemaOf(type, '') !== 'string') return decimalWriter(type.scale ?? 0);
      break;
    default:
      break;
  }
  const format = formatterOf(type);
  return (writer, value) => writer.string(format(value, plain));
}

/** A value of the union of null and the type. */
function nullableWriter(type: DataType): (writer: AvroWriter, value: Value) => void {
  const write = valueWriter(type);
  return (writer, value) => {
    writer.long(value === null ? 0n : 1n);
    if (value !== null) write(writer, value);
  };
}

/** Writes these columns of a row as the fields of a record. */
function recordWriter(
  columns: readonly Column[],
  positions: readonly number[],
): (writer: AvroWriter, row: Row) => void {
  const fields = positions.flatMap((position) => {
    const column = columns[position];
    return column === undefined ? [] : [{ position, column, write: nullableWriter(column.type) }];
  });
  return (writer, row) => {
    for (const { position, column, write } of fields) {
      try {
        write(writer, row[position] ?? null);
      } catch (error) {
        throw error instanceof SqlError ? named(error, column) : error;
      }
    }
  };
}

function named({ state, message, hint }: SqlError, { name }: Column): SqlError {
  return new SqlError(state, `column "${name}": ${message}`, hint === undefined ? {} : { hint });
}

/** Messages of a schema; after a failure nothing is left of what was begun. */
function messages<T>(id: number, write: (writer: AvroWriter, given: T) => void): (given: T) => Uint8Array {
  const header = schemaHeader(id);
  const writer = new AvroWriter();
  return (given) => {
    writer.raw(header);
    try {
      write(writer, given);
    } catch (error) {
      writer.take();
      throw error;
    }
    return writer.take();
  };
}

async function openRecords(
  config: SinkConfig,
  topic: string | null,
  of: 'key' | 'value',
  positions: readonly number[],
): Promise<RowBytes> {
  const { columns, encodeOptions: options } = config;
  const record = nameOf(config, topic, of);
  const chosen = positions.flatMap((p) => columns[p] ?? []);
  const schema = avroRecordSchema(fullAvroName(record), chosen);
  const id = await registryClient(options).register(subjectOf(options, topic, of, record), 'AVRO', schema);
  return messages(id, recordWriter(columns, positions));
}

/** Debezium's envelope: the row before and after, where it is from, what was done, and when. */
async function openEnvelopes(config: SinkConfig, topic: string | null): Promise<ChangeBytes> {
  const { columns, encodeOptions: options, name } = config;
  const record = nameOf(config, topic, 'value');
  const schema = avroEnvelope(fullAvroName(record), columns);
  const id = await registryClient(options).register(
    subjectOf(options, topic, 'value', record),
    'AVRO',
    schema,
  );
  const writeRow = recordWriter(
    columns,
    columns.map((_, i) => i),
  );
  const optional = (writer: AvroWriter, row: Row | null): void => {
    writer.long(row === null ? 0n : 1n);
    if (row !== null) writeRow(writer, row);
  };
  const write = messages<{ readonly change: SinkChange; readonly batch: SinkBatch }>(
    id,
    (writer, { change, batch }) => {
      const { before, after } = change;
      optional(writer, before);
      optional(writer, after);
      writer.string('millrace');
      writer.string(name);
      writer.long(batch.epoch);
      writer.string(operationOf(change));
      writer.long(1n);
      writer.long(millisOf(batch));
    },
  );
  return (change, batch) => write({ change, batch });
}

/** The schema of envelopes of rows with these columns, as Debezium names its parts. */
function avroEnvelope(record: string, columns: readonly Column[]): string {
  const row = siblingName(record, 'Value');
  const value: unknown = JSON.parse(avroRecordSchema(row, columns));
  const source = {
    type: 'record',
    name: siblingName(record, 'Source'),
    fields: [
      { name: 'connector', type: 'string' },
      { name: 'name', type: 'string' },
      { name: 'version', type: 'long' },
    ],
  };
  return JSON.stringify({
    type: 'record',
    name: record,
    fields: [
      { name: 'before', type: ['null', value], default: null },
      { name: 'after', type: ['null', row], default: null },
      { name: 'source', type: source },
      { name: 'op', type: 'string' },
      { name: 'ts_ms', type: ['null', 'long'], default: null },
    ],
  });
}

/** A full name in parts that Avro takes. */
function fullAvroName(name: string): string {
  return name.split('.').map(avroName).join('.');
}

export async function openAvroValues(config: SinkConfig, topic: string | null): Promise<ChangeBytes> {
  if (config.format === 'DEBEZIUM') return openEnvelopes(config, topic);
  const bytes = await openRecords(
    config,
    topic,
    'value',
    config.columns.map((_, i) => i),
  );
  return (change) => bytes(rowOf(change));
}

export function openAvroKeys(
  config: SinkConfig,
  key: readonly number[],
  topic: string | null,
): Promise<RowBytes> {
  return openRecords(config, topic, 'key', key);
}
