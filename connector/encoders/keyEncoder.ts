/**
 * Keys of messages of bytes, by KEY ENCODE: JSON, AVRO and PROTOBUF are an object, a record or a message of the key's columns; TEXT
 * and BYTES are the key's only column, as SQL shows it and as it is. Without the clause a key is encoded as the value.
 */
import type { Column } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatterOf, plainContext } from '../../common/textIo.ts';
import { formatType } from '../../common/typeTable.ts';
import type { Row } from '../../common/value.ts';
import type { SinkConfig } from '../sink.ts';
import { openAvroKeys } from './avro.ts';
import { jsonKey, KEY_ENCODE } from './encoder.ts';
import { openProtobufKeys } from './protobuf.ts';

const plain = plainContext(() => 0n);

/** Null: the row's key is NULL. */
export type KeyBytes = (row: Row) => Uint8Array | null;

/** The encodings that KEY ENCODE takes. */
export const keyEncodes: readonly string[] = ['JSON', 'TEXT', 'BYTES', 'AVRO', 'PROTOBUF'];

/** The key's only column. */
function onlyColumn(
  name: string,
  { columns, key }: SinkConfig,
): { readonly position: number; readonly column: Column } {
  const [position, ...more] = key ?? [];
  const column = position === undefined ? undefined : columns[position];
  if (position === undefined || column === undefined || more.length > 0) {
    throw new SqlError('42P16', `KEY ENCODE ${name} needs a key of one column`, {
      hint: 'Use KEY ENCODE JSON, or let primary_key name one column.',
    });
  }
  return { position, column };
}

function textKeys(config: SinkConfig): KeyBytes {
  const { position, column } = onlyColumn('TEXT', config);
  const format = formatterOf(column.type);
  return (row) => {
    const value = row[position] ?? null;
    return value === null ? null : Buffer.from(format(value, plain));
  };
}

function bytesKeys(config: SinkConfig): KeyBytes {
  const { position, column } = onlyColumn('BYTES', config);
  if (column.type.id !== 'bytea') {
    throw new SqlError('42804', `column "${column.name}" is of type ${formatType(column.type)}, not bytea`, {
      hint: 'KEY ENCODE BYTES writes bytes; KEY ENCODE TEXT writes values of any type.',
    });
  }
  return (row) => {
    const value = row[position] ?? null;
    return value instanceof Uint8Array ? value : null;
  };
}

function jsonKeys(config: SinkConfig): KeyBytes | null {
  const text = jsonKey(config);
  return text === null ? null : (row) => Buffer.from(text(row));
}

/** The encoder of keys; null: rows have no key. Rejects with SqlError. */
export async function openKeyBytes(config: SinkConfig, topic: string | null): Promise<KeyBytes | null> {
  const { key, encode } = config;
  const asked = config.encodeOptions.get(KEY_ENCODE);
  if (key === null && asked !== undefined) {
    throw new SqlError('42P16', `KEY ENCODE ${asked} needs a key`, {
      hint: 'Name its columns in primary_key.',
    });
  }
  if (key === null) return null;
  const by = asked ?? encode;
  switch (by) {
    case 'TEXT':
      return textKeys(config);
    case 'BYTES':
      return bytesKeys(config);
    case 'AVRO':
      return openAvroKeys(config, key, topic);
    case 'PROTOBUF':
      return openProtobufKeys(config, key, topic);
    default:
      return jsonKeys(config);
  }
}
