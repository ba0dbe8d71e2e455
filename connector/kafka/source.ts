/**
 * The `kafka` source: a topic of an Apache Kafka cluster. Positions are the database's, so that every committed message counts
 * exactly once, whatever restarts; there is no consumer group, and nothing is rebalanced.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { arrayOf, type DataType, types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Position } from '../connector.ts';
import type { RemoteConfig, RemoteConnector, RemoteReader, RemoteRecord } from '../remote.ts';
import { type KafkaClient, openKafkaClient } from './client.ts';
import type { TopicMetadata } from './cluster.ts';
import { missingTopic } from './errors.ts';
import { kafkaSettings } from './options.ts';
import { type KafkaPosition, readPosition, startPosition } from './position.ts';
import { recreated } from './rangeErrors.ts';
import { KafkaReader } from './reader.ts';
import { type KafkaSourceSettings, kafkaSourceOptions, kafkaSourceSettings } from './sourceOptions.ts';

const SAMPLE_MILLIS = 3000;
/** A topic that has just been made may be without leaders for a moment. */
const CHECK_ATTEMPTS = 20;
const CHECK_RETRY_MILLIS = 100;

const headerType: DataType = arrayOf({
  id: 'struct',
  fields: [
    { name: 'key', type: types.text },
    { name: 'value', type: types.bytea },
  ],
});

interface Opened {
  readonly client: KafkaClient;
  readonly settings: KafkaSourceSettings;
  readonly topic: TopicMetadata;
}

async function opened(config: RemoteConfig): Promise<Opened> {
  const settings = kafkaSourceSettings(config.options);
  const client = await openKafkaClient(kafkaSettings(config.options));
  try {
    const topic = await client.topic(settings.topic);
    if (topic === null) throw missingTopic(settings.topic);
    return { client, settings, topic };
  } catch (error) {
    await client.close();
    throw error;
  }
}

/** Where to go on in a topic that may have been made again since. */
async function positionIn(
  { client, settings, topic }: Opened,
  from: Position | null,
): Promise<KafkaPosition> {
  if (from === null) return await startPosition(client, topic, settings);
  const position = readPosition(from);
  if (position.topicId === null || topic.id === null || position.topicId === topic.id) return position;
  if (!settings.skipMissing) throw recreated(topic.name);
  return await startPosition(client, topic, { ...settings, startup: { mode: 'earliest' } });
}

async function open(config: RemoteConfig, from: Position | null): Promise<RemoteReader> {
  const all = await opened(config);
  const { client, settings, topic } = all;
  try {
    const position = await positionIn(all, from);
    const group = settings.groupPrefix === null ? null : `${settings.groupPrefix}-${config.identity}`;
    return new KafkaReader(client, settings, topic, position, from === null, group);
  } catch (error) {
    await client.close();
    throw error;
  }
}

/** Bad offsets and times are told when a source is declared, not when reading begins. */
async function checkStart({ client, settings, topic }: Opened): Promise<TopicMetadata> {
  let known = topic;
  for (let attempt = 1; ; attempt++) {
    try {
      await startPosition(client, known, settings);
      return known;
    } catch (error) {
      const passes = error instanceof SqlError && error.state === '08006';
      if (!passes || attempt === CHECK_ATTEMPTS) throw error;
    }
    await sleep(CHECK_RETRY_MILLIS);
    known = (await client.topic(settings.topic)) ?? known;
  }
}

/** Messages from where reading begins; with `latest`, the last ones before. */
async function sample(config: RemoteConfig, count: number): Promise<readonly RemoteRecord[]> {
  const all = await opened(config);
  const { client, settings, topic } = all;
  const signal = AbortSignal.timeout(SAMPLE_MILLIS);
  let position: KafkaPosition;
  try {
    position = await startPosition(client, topic, settings);
    if (settings.startup.mode === 'latest') {
      const starts = await client.offsets(
        topic,
        new Map(topic.partitions.map((p) => [p.partition, 'earliest'])),
      );
      const back = [...position.offsets].map(([partition, end]): [number, number] => [
        partition,
        Math.max(starts.get(partition) ?? 0, end - count),
      ]);
      position = { ...position, offsets: new Map(back) };
    }
  } catch (error) {
    await client.close();
    throw error;
  }
  const reader = new KafkaReader(client, settings, topic, position, false, null);
  const records: RemoteRecord[] = [];
  try {
    while (records.length < count && !signal.aborted) {
      records.push(...(await reader.fetch(count - records.length, signal)).records);
      // What there is has come: a topic with few messages is not waited for.
      if (records.length > 0 && reader.progress().every((p) => p.lag === 0n)) break;
    }
  } finally {
    await reader.close();
  }
  return records;
}

export const kafka: RemoteConnector = {
  name: 'kafka',
  doc: 'Reads a topic of an Apache Kafka cluster, exactly once, with offsets that the database keeps.',
  options: kafkaSourceOptions,
  formats: [
    'PLAIN JSON',
    'PLAIN CSV',
    'PLAIN AVRO',
    'PLAIN PROTOBUF',
    'PLAIN BYTES',
    'UPSERT JSON',
    'UPSERT AVRO',
    'UPSERT PROTOBUF',
    'DEBEZIUM JSON',
    'DEBEZIUM AVRO',
    'DEBEZIUM PROTOBUF',
  ],
  include: [
    { name: 'key', type: types.bytea, doc: 'Key of the message.' },
    { name: 'timestamp', type: types.timestamptz, doc: 'Time of the message.' },
    { name: 'partition', type: types.varchar, doc: 'Number of its partition.' },
    { name: 'offset', type: types.varchar, doc: 'Its offset in the partition.' },
    {
      name: 'header',
      type: headerType,
      doc: 'Its headers, or with a name the one of that name (bytea).',
    },
    { name: 'payload', type: types.jsonb, doc: 'The whole value.' },
  ],
  async check(config) {
    const all = await opened(config);
    try {
      const topic = await checkStart(all);
      return { partitions: topic.partitions.map((p) => String(p.partition)) };
    } finally {
      await all.client.close();
    }
  },
  sample,
  open,
};
