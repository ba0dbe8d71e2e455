/**
 * What tests and benchmarks do with a Kafka node (useKafka.ts gives a test file one). What is written goes through the client
 * package's own producer, so a test of Millrace's reader or writer has another implementation at the other end; `consumeByJava`
 * is Kafka's own console consumer.
 */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Admin, Producer } from '@platformatic/kafka';
import { openKafkaClient } from '../../connector/kafka/client.ts';
import { kafkaSettings } from '../../connector/kafka/options.ts';
import type { RemoteRecord } from '../../connector/remote.ts';
import type { KafkaServer } from '../../scripts/servers/kafka.ts';
import { javaArguments } from '../../scripts/servers/kafkaInstall.ts';

async function withAdmin<T>(server: KafkaServer, act: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [server.url], retries: 20, retryDelay: 100 });
  try {
    return await act(admin);
  } finally {
    await admin.close();
  }
}

export async function createTopic(
  server: KafkaServer,
  topic: string,
  partitions = 1,
  configs: Readonly<Record<string, string>> = {},
): Promise<void> {
  await withAdmin(server, (admin) =>
    admin.createTopics({
      topics: [topic],
      partitions,
      replicas: 1,
      configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
    }),
  );
  const client = await openKafkaClient(kafkaSettings(new Map([['properties.bootstrap.server', server.url]])));
  try {
    for (;;) {
      const made = await client.topic(topic);
      if (made?.partitions.length === partitions && made.partitions.every((p) => p.leader >= 0)) return;
      await sleep(20);
    }
  } finally {
    await client.close();
  }
}

export async function deleteTopic(server: KafkaServer, topic: string): Promise<void> {
  await withAdmin(server, (admin) => admin.deleteTopics({ topics: [topic] }));
}

/** Gives a topic more partitions: so many in all. */
export async function addPartitions(server: KafkaServer, topic: string, total: number): Promise<void> {
  await withAdmin(server, async (admin) => {
    const known = await admin.metadata({ topics: [topic] });
    const assignments = Array.from(
      { length: total - (known.topics.get(topic)?.partitionsCount ?? 0) },
      () => ({
        brokerIds: [1],
      }),
    );
    await admin.createPartitions({ topics: [{ name: topic, count: total, assignments }] });
  });
}

/** Deletes what a partition holds before an offset, as retention does. */
export async function deleteRecords(
  server: KafkaServer,
  topic: string,
  partition: number,
  before: number,
): Promise<void> {
  await withAdmin(server, (admin) =>
    admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition, offset: BigInt(before) }] }] }),
  );
}

/** Offsets that a consumer group has committed, by partition. */
export async function committedOffsets(
  server: KafkaServer,
  group: string,
  topic: string,
): Promise<ReadonlyMap<number, bigint>> {
  const groups = await withAdmin(server, (admin) => admin.listConsumerGroupOffsets({ groups: [group] }));
  const found = groups.flatMap((g) => g.topics).find((t) => t.name === topic);
  return new Map(found?.partitions.map((p) => [p.partitionIndex, p.committedOffset]) ?? []);
}

export interface TestMessage {
  readonly key?: string | Buffer | null;
  /** Null: a tombstone. */
  readonly value: string | Buffer | null;
  readonly partition?: number;
  readonly timestamp?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

const bytes = (value: string | Buffer): Buffer => (typeof value === 'string' ? Buffer.from(value) : value);

function toProduce(topic: string, messages: readonly TestMessage[]) {
  return messages.map((m) => ({
    topic,
    partition: m.partition ?? 0,
    ...(m.key === undefined || m.key === null ? {} : { key: bytes(m.key) }),
    ...(m.value === null ? {} : { value: bytes(m.value) }),
    ...(m.timestamp === undefined ? {} : { timestamp: BigInt(m.timestamp) }),
    ...(m.headers === undefined
      ? {}
      : {
          headers: new Map(Object.entries(m.headers).map(([n, v]) => [Buffer.from(n), Buffer.from(v)])),
        }),
  }));
}

/** Writes messages, each to its partition (0 unless it says). */
export async function produce(
  server: KafkaServer,
  topic: string,
  messages: readonly TestMessage[],
  compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd' = 'none',
): Promise<void> {
  const producer = new Producer({
    clientId: 'test',
    bootstrapBrokers: [server.url],
    // Sent again after a lost answer, messages are still there once.
    idempotent: true,
    producerId: -1n,
    producerEpoch: -1,
    retries: 20,
    retryDelay: 100,
  });
  try {
    await producer.send({
      messages: toProduce(topic, messages),
      compression,
    });
  } finally {
    await producer.close();
  }
}

/** Writes messages in one transaction each list, of one producer, and ends each as it says. */
export async function produceTransactions(
  server: KafkaServer,
  topic: string,
  transactionalId: string,
  transactions: readonly { readonly messages: readonly TestMessage[]; readonly end: 'commit' | 'abort' }[],
): Promise<void> {
  const producer = new Producer({
    clientId: 'test',
    bootstrapBrokers: [server.url],
    transactionalId,
    idempotent: true,
    // The package's own default of 0/0 is refused.
    producerId: -1n,
    producerEpoch: -1,
    retries: 20,
    retryDelay: 100,
  });
  try {
    for (const { messages, end } of transactions) {
      const transaction = await producer.beginTransaction({ producerId: -1n, producerEpoch: -1 });
      await transaction.send({ messages: toProduce(topic, messages) });
      if (end === 'commit') await transaction.commit();
      else await transaction.abort();
    }
  } finally {
    await producer.close();
  }
}

/** Everything that is committed in a topic now, by partition and offset, as Millrace's client reads it. */
export async function consume(server: KafkaServer, topic: string): Promise<readonly RemoteRecord[]> {
  const client = await openKafkaClient(kafkaSettings(new Map([['properties.bootstrap.server', server.url]])));
  try {
    const metadata = await client.topic(topic);
    if (metadata === null) throw new Error(`no topic ${topic}`);
    const all = (at: 'earliest' | 'latest') =>
      client.offsets(metadata, new Map(metadata.partitions.map((p) => [p.partition, at])));
    const [starts, ends] = [await all('earliest'), await all('latest')];
    const records: RemoteRecord[] = [];
    for (const { partition, leader, leaderEpoch } of metadata.partitions) {
      let from = starts.get(partition) ?? 0;
      while (from < (ends.get(partition) ?? 0)) {
        const [got] = await client.fetch({
          leader,
          topic: metadata,
          partitions: [{ partition, leaderEpoch, from }],
          maxWaitMillis: 500,
          minBytes: 1,
          maxBytes: 1 << 24,
          maxPartitionBytes: 1 << 20,
        });
        if (got === undefined || got.error !== 0) throw new Error(`Kafka error ${got?.error}`);
        got.records.take(Number.POSITIVE_INFINITY, records);
        from = got.records.end;
      }
    }
    return records;
  } finally {
    await client.close();
  }
}

/** Lines `key<TAB>value` of what is committed, read by Kafka's own console consumer; slow (seconds). */
export async function consumeByJava(server: KafkaServer, topic: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)(
    'java',
    [
      ...javaArguments(),
      'org.apache.kafka.tools.consumer.ConsoleConsumer',
      ...['--bootstrap-server', server.url, '--topic', topic, '--from-beginning'],
      ...['--isolation-level', 'read_committed', '--timeout-ms', '2000'],
      ...['--property', 'print.key=true'],
    ],
    { maxBuffer: 1 << 28 },
  ).catch((error: { stdout?: string }) => ({ stdout: error.stdout ?? '' }));
  return stdout.split('\n').filter((line) => line !== '');
}
