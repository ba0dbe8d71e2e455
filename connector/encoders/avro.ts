/**
 * ENCODE AVRO of sinks: a record of the columns, each a union with null and null by default, so that columns may come and go.
 * numeric with a precision is a decimal, without one text (Avro's decimals have a fixed scale); what Avro has no type for is text.
 */
import { Buffer } from 'node:buffer';
import type { Column, DataType } from '../../common/dataType.ts';
import { Decimal } from '../../common/decimal.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatterOf, plainContext } from '../../common/textIo.ts';
import type { NonNullValue, Value } from '../../common/value.ts';
import { avroName, avroRecordSchema, avroSchemaOf } from '../formats/avro/fromColumns.ts';
import { AvroWriter } from '../formats/avro/writer.ts';
import { registryClient } from '../registry/client.ts';
import { recordName, subjectOf } from '../registry/options.ts';
import { schemaHeader } from '../registry/wireFormat.ts';
import type { SinkConfig } from '../sink.ts';
import type { RowBytes, RowsAsBytes } from './byteEncoder.ts';

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
      throw new SqlError('22003', `${String(value)} is no Avro decimal`);
    }
    writer.bytes(signedBytes(value.round(scale).coefficient));
  };
}

/** Arrays of more dimensions are arrays of arrays. */
function arrayWriter(element: DataType): ValueWriter {
  let leaf = element;
  while (leaf.id === 'array') leaf = leaf.element;
  const write = nullableWriter(leaf);
  return (writer, value) => {
    if (!(value instanceof SqlArray)) return;
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

function rowBytes(id: number, columns: readonly Column[], positions: readonly number[]): RowBytes {
  const header = schemaHeader(id);
  const writer = new AvroWriter();
  const fields = positions.flatMap((position) => {
    const column = columns[position];
    return column === undefined ? [] : [{ position, write: nullableWriter(column.type) }];
  });
  return (row) => {
    writer.raw(header);
    try {
      for (const { position, write } of fields) write(writer, row[position] ?? null);
    } catch (error) {
      writer.take();
      throw error;
    }
    return writer.take();
  };
}

/** A full name in parts that Avro takes. */
function fullAvroName(name: string): string {
  return name.split('.').map(avroName).join('.');
}

export async function openAvroRows(config: SinkConfig, topic: string | null): Promise<RowsAsBytes> {
  const { columns, encodeOptions: options, key, name } = config;
  const client = registryClient(options);
  const part = async (of: 'key' | 'value', positions: readonly number[]): Promise<RowBytes> => {
    const record = recordName(options, of) ?? (of === 'value' ? name : `${name}_key`);
    const chosen = positions.flatMap((p) => columns[p] ?? []);
    const schema = avroRecordSchema(fullAvroName(record), chosen);
    const id = await client.register(subjectOf(options, topic, of, record), 'AVRO', schema);
    return rowBytes(id, columns, positions);
  };
  return {
    value: await part(
      'value',
      columns.map((_, i) => i),
    ),
    key: key === null ? null : await part('key', key),
  };
}
