/** Topics that a `kafka` sink makes: the one it writes to, if so desired, and the one that keeps its progress. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SqlError } from '../../common/sqlError.ts';
import { KafkaCluster, type TopicMetadata } from './cluster.ts';
import { KafkaProtocolError, protocolCode, requestError } from './errors.ts';
import type { KafkaSettings } from './options.ts';

const TOPIC_EXISTS = 36;
const INVALID_PARTITIONS = 37;
const INVALID_REPLICATION = 38;
const POLICY_VIOLATION = 44;
const REQUESTED_WRONGLY: readonly number[] = [
  INVALID_PARTITIONS,
  INVALID_REPLICATION,
  POLICY_VIOLATION,
  17,
  40,
  42,
];
/** A topic that was made is known to all brokers soon after. */
const LOOKS = 100;
const LOOK_MILLIS = 50;

export interface NewTopic {
  readonly name: string;
  /** -1: what the brokers make by default. */
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly configs: Readonly<Record<string, string>>;
}

async function within<T>(
  settings: KafkaSettings,
  doing: string,
  act: (cluster: KafkaCluster) => Promise<T>,
): Promise<T> {
  const cluster = await KafkaCluster.of(settings);
  try {
    return await act(cluster);
  } catch (error) {
    throw requestError(error, doing, settings);
  } finally {
    await cluster.close();
  }
}

function isReady(topic: TopicMetadata | null): topic is TopicMetadata {
  return topic !== null && topic.partitions.length > 0 && topic.partitions.every((p) => p.leader >= 0);
}

/** The topic, made if it is not there. */
export async function makeTopic(
  settings: KafkaSettings,
  topic: NewTopic,
): Promise<{ readonly topic: TopicMetadata; readonly made: boolean }> {
  return await within(settings, `creating topic "${topic.name}"`, async (cluster) => {
    const there = await cluster.topic(topic.name);
    if (isReady(there)) return { topic: there, made: false };
    let made = true;
    try {
      const { name, partitions: numPartitions, replicationFactor } = topic;
      const configs = Object.entries(topic.configs).map(([name, value]) => ({ name, value }));
      const request = [{ name, numPartitions, replicationFactor, assignments: [], configs }];
      await cluster.anywhere((c) =>
        cluster.kafka.createTopicsV5.api.async(c, request, settings.requestMillis, false),
      );
    } catch (error) {
      const code = protocolCode(error);
      if (code !== null && REQUESTED_WRONGLY.includes(code)) {
        throw new SqlError('22023', `Kafka does not make the topic "${topic.name}" (error ${code})`, {
          hint: 'Check its name, the number of partitions and the replication factor, or make it with the tools of Kafka.',
        });
      }
      if (code !== TOPIC_EXISTS) throw error;
      made = false;
    }
    for (let look = 0; look < LOOKS; look++) {
      const now = await cluster.topic(topic.name).catch(() => null);
      if (isReady(now)) return { topic: now, made };
      await sleep(LOOK_MILLIS);
    }
    throw new KafkaProtocolError(5, `creating topic "${topic.name}"`);
  });
}

export async function removeTopic(settings: KafkaSettings, name: string): Promise<void> {
  await within(settings, `deleting topic "${name}"`, (cluster) =>
    cluster.anywhere((c) => cluster.kafka.deleteTopicsV6.api.async(c, [{ name }], settings.requestMillis)),
  );
}
