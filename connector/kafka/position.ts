/**
 * How far a topic is read: which topic (its id), the next offset of each partition, and how many messages of each were gone
 * before they were read. It is the database's to keep; brokers are not asked.
 */
import { SqlError } from '../../common/sqlError.ts';
import type { Position } from '../connector.ts';
import type { KafkaClient, OffsetQuery } from './client.ts';
import type { TopicMetadata } from './cluster.ts';
import type { KafkaSourceSettings } from './sourceOptions.ts';

export interface KafkaPosition {
  /** Null: the brokers do not tell. */
  readonly topicId: string | null;
  readonly offsets: ReadonlyMap<number, number>;
  readonly lost: ReadonlyMap<number, number>;
}

function numbers(position: Position, name: string): ReadonlyMap<number, number> {
  const value = position[name];
  if (typeof value !== 'object') return new Map();
  return new Map(Object.entries(value).map(([partition, offset]) => [Number(partition), Number(offset)]));
}

const texts = (map: ReadonlyMap<number, number>): Position =>
  Object.fromEntries([...map].map(([partition, offset]) => [String(partition), String(offset)]));

export function readPosition(position: Position): KafkaPosition {
  const { topic } = position;
  return {
    topicId: typeof topic === 'string' && topic !== '' ? topic : null,
    offsets: numbers(position, 'offsets'),
    lost: numbers(position, 'lost'),
  };
}

export function writePosition({ topicId, offsets, lost }: KafkaPosition): Position {
  return {
    topic: topicId ?? '',
    offsets: texts(offsets),
    ...(lost.size === 0 ? {} : { lost: texts(lost) }),
  };
}

/** Where the options say that reading begins. Rejects with SqlError. */
export async function startPosition(
  client: KafkaClient,
  topic: TopicMetadata,
  { startup }: KafkaSourceSettings,
): Promise<KafkaPosition> {
  const partitions = topic.partitions.map((p) => p.partition);
  const at = (query: OffsetQuery): Promise<ReadonlyMap<number, number>> =>
    client.offsets(topic, new Map(partitions.map((p) => [p, query])));
  const lost = new Map<number, number>();
  switch (startup.mode) {
    case 'earliest':
    case 'latest':
      return { topicId: topic.id, offsets: await at(startup.mode), lost };
    case 'timestamp':
      return { topicId: topic.id, offsets: await at(startup.millis), lost };
    case 'offsets': {
      const offsets = new Map(await at('earliest'));
      for (const [partition, offset] of startup.offsets) {
        if (!offsets.has(partition))
          throw new SqlError('22023', `topic "${topic.name}" has no partition ${partition}`, {
            hint: `Option "scan.startup.offsets" can name: ${partitions.join(', ')}.`,
          });
        offsets.set(partition, offset);
      }
      return { topicId: topic.id, offsets, lost };
    }
  }
}
