/**
 * Changes as records of bytes, for targets whose messages are bytes: text encodings in UTF-8, AVRO and PROTOBUF in the framing of a
 * schema registry. Opening one registers the schema of the sink's columns under the subject, which refuses what its compatibility
 * rules do not allow.
 */
import { SqlError } from '../../common/sqlError.ts';
import type { Row } from '../../common/value.ts';
import type { SinkBatch, SinkConfig } from '../sink.ts';
import { openAvroRows } from './avro.ts';
import { sinkEncoder } from './encoder.ts';
import { openProtobufRows } from './protobuf.ts';

export interface ByteRecord {
  readonly key: Uint8Array | null;
  /** Null: the row of that key is gone. */
  readonly value: Uint8Array | null;
}

export interface ByteEncoder {
  records(batch: SinkBatch): readonly ByteRecord[];
}

export type RowBytes = (row: Row) => Uint8Array;

/** Rows of a sink as bytes, of all columns and of the key's. */
export interface RowsAsBytes {
  readonly value: RowBytes;
  readonly key: RowBytes | null;
}

function fromRows(config: SinkConfig, rows: RowsAsBytes): ByteEncoder {
  const key = (row: Row): Uint8Array | null => rows.key?.(row) ?? null;
  return {
    records: ({ changes }) =>
      changes.flatMap(({ before, after }): ByteRecord[] => {
        if (after !== null) return [{ key: key(after), value: rows.value(after) }];
        return config.format === 'UPSERT' && before !== null ? [{ key: key(before), value: null }] : [];
      }),
  };
}

/** `topic` names the subject; null: the target has nothing like it. Rejects with SqlError. */
export async function openByteEncoder(config: SinkConfig, topic: string | null): Promise<ByteEncoder> {
  if (config.encode === 'AVRO' || config.encode === 'PROTOBUF') {
    if (config.format === 'DEBEZIUM') {
      throw new SqlError('0A000', `FORMAT DEBEZIUM ENCODE ${config.encode} is not supported`);
    }
    return fromRows(
      config,
      await (config.encode === 'AVRO' ? openAvroRows : openProtobufRows)(config, topic),
    );
  }
  const text = sinkEncoder(config);
  const bytes = (part: string | null): Uint8Array | null => (part === null ? null : Buffer.from(part));
  return {
    records: (batch) => text.records(batch).map((r) => ({ key: bytes(r.key), value: bytes(r.value) })),
  };
}
