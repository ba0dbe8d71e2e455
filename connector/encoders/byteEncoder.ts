/**
 * Changes as records of bytes, for targets whose messages are bytes: JSON in UTF-8, AVRO and PROTOBUF in the framing of a
 * schema registry. Opening one registers the schema of the sink's columns under the subject, which refuses what its compatibility
 * rules do not allow. Keys have an encoding of their own (keyEncoder.ts).
 */
import { SqlError } from '../../common/sqlError.ts';
import type { Row } from '../../common/value.ts';
import type { SinkBatch, SinkConfig } from '../sink.ts';
import { openAvroValues } from './avro.ts';
import { jsonChange } from './encoder.ts';
import type { ChangeBytes } from './envelope.ts';
import { openKeyBytes } from './keyEncoder.ts';
import { openProtobufValues } from './protobuf.ts';

export interface ByteRecord {
  readonly key: Uint8Array | null;
  /** Null: the row of that key is gone. */
  readonly value: Uint8Array | null;
}

export interface ByteEncoder {
  records(batch: SinkBatch): readonly ByteRecord[];
}

function jsonValues(config: SinkConfig): ChangeBytes {
  const text = jsonChange(config);
  return (change, batch) => Buffer.from(text(change, batch));
}

function openValues(config: SinkConfig, topic: string | null): Promise<ChangeBytes> {
  switch (config.encode) {
    case 'AVRO':
      return openAvroValues(config, topic);
    case 'PROTOBUF':
      return openProtobufValues(config, topic);
    case 'JSON':
      return Promise.resolve(jsonValues(config));
    default:
      throw new SqlError('0A000', `ENCODE ${config.encode} is not supported for messages of bytes`);
  }
}

/** `topic` names the subject; null: the target has nothing like it. Rejects with SqlError. */
export async function openByteEncoder(config: SinkConfig, topic: string | null): Promise<ByteEncoder> {
  const { format } = config;
  const value = await openValues(config, topic);
  const keyOf = await openKeyBytes(config, topic);
  const key = (row: Row | null): Uint8Array | null => (keyOf === null || row === null ? null : keyOf(row));
  return {
    records: (batch) =>
      batch.changes.flatMap((change): ByteRecord[] => {
        const { before, after } = change;
        if (after !== null || format === 'DEBEZIUM')
          return [{ key: key(after ?? before), value: value(change, batch) }];
        return format === 'UPSERT' ? [{ key: key(before), value: null }] : [];
      }),
  };
}
