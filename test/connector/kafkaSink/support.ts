/** Topics of a real Kafka node as the tests of the `kafka` sink see them: read committed, in the order of their partitions. */
import { type Column, type DataType, types } from '../../../common/dataType.ts';
import type { Row } from '../../../common/value.ts';
import { openKafkaClient } from '../../../connector/kafka/client.ts';
import { kafkaSettings } from '../../../connector/kafka/options.ts';
import { kafkaSinkOptions } from '../../../connector/kafka/sinkOptions.ts';
import { makeTopic } from '../../../connector/kafka/sinkTopics.ts';
import { checkOptions } from '../../../connector/options.ts';
import type { RemoteRecord } from '../../../connector/remote.ts';
import type { SinkBatch, SinkChange, SinkConfig, SinkWriter } from '../../../connector/sink.ts';

export function optionsOf(url: string, given: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  const all = { 'properties.bootstrap.server': url, ...given };
  return checkOptions({ name: 'kafka', options: kafkaSinkOptions }, new Map(Object.entries(all)));
}

const settingsOf = (url: string) => kafkaSettings(optionsOf(url, { topic: '' }));

export async function createTopic(
  url: string,
  name: string,
  partitions = 1,
  configs: Readonly<Record<string, string>> = {},
): Promise<void> {
  await makeTopic(settingsOf(url), { name, partitions, replicationFactor: 1, configs });
}

export interface Shape {
  readonly columns?: readonly (readonly [name: string, type: DataType])[];
  readonly key?: readonly number[] | null;
  readonly format?: SinkConfig['format'];
  readonly identity?: string;
  readonly options: Readonly<Record<string, string>>;
}

export function configOf(url: string, shape: Shape): SinkConfig {
  const columns: readonly Column[] = (shape.columns ?? [['n', types.int4]]).map(([name, type]) => ({
    name,
    type,
    nullable: true,
  }));
  return {
    identity: shape.identity ?? `id-${shape.options.topic}`,
    name: 's',
    options: optionsOf(url, shape.options),
    columns,
    key: shape.key ?? null,
    format: shape.format ?? 'PLAIN',
    encode: 'JSON',
    encodeOptions: new Map(),
  };
}

export const came = (...row: Row): SinkChange => ({ before: null, after: row });

export const batchOf = (epoch: number, changes: readonly SinkChange[]): SinkBatch => ({
  epoch: BigInt(epoch),
  at: 1_700_000_000_000_000n,
  first: 0,
  changes,
});

export async function deliver(
  writer: SinkWriter,
  epoch: number,
  changes: readonly SinkChange[],
): Promise<void> {
  const transaction = await writer.begin(BigInt(epoch));
  try {
    await transaction.write(batchOf(epoch, changes));
    await transaction.prepare(BigInt(epoch));
  } catch (error) {
    await transaction.abort().catch(() => {});
    throw error;
  }
  await transaction.commit();
}

/** What a consumer that reads committed sees of a topic up to its present end, when all of that is decided. */
export async function consumeEach(
  url: string,
  name: string,
  each: (record: RemoteRecord) => void,
): Promise<void> {
  const client = await openKafkaClient(settingsOf(url));
  try {
    const topic = await client.topic(name);
    if (topic === null) throw new Error(`no topic ${name}`);
    for (const { partition, leader, leaderEpoch } of topic.partitions) {
      let from = 0;
      // Transactions that are committed may still be on their way to being visible.
      for (let end = Number.POSITIVE_INFINITY; from < end; ) {
        const [fetched] = await client.fetch({
          leader,
          topic,
          partitions: [{ partition, leaderEpoch, from }],
          maxWaitMillis: 20,
          minBytes: 1,
          maxBytes: 1 << 22,
          maxPartitionBytes: 1 << 22,
        });
        if (fetched === undefined || fetched.error !== 0) throw new Error(`error ${fetched?.error}`);
        end = Math.min(end, fetched.highWatermark);
        const records: RemoteRecord[] = [];
        fetched.records.take(1 << 30, records);
        for (const record of records) each(record);
        from = Math.max(from, fetched.records.end);
      }
    }
  } finally {
    await client.close();
  }
}

export async function consume(url: string, name: string): Promise<readonly RemoteRecord[]> {
  const records: RemoteRecord[] = [];
  await consumeEach(url, name, (record) => records.push(record));
  return records;
}

export const text = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : Buffer.from(bytes).toString();

/** Column n of all records. */
export async function numbersIn(url: string, name: string): Promise<readonly number[]> {
  const records = await consume(url, name);
  return records
    .map(({ value }) => (JSON.parse(text(value) ?? '') as { readonly n: number }).n)
    .sort((a, b) => a - b);
}
