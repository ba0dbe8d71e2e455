/** Bids as JSON of 200 bytes, written to a topic as fast as the client goes. */

import type { CompressionCodec } from '../../connector/kafka/compression.ts';
import { kafkaSettings } from '../../connector/kafka/options.ts';
import { openKafkaProducer } from '../../connector/kafka/producer.ts';
import type { OutgoingRecord } from '../../connector/kafka/recordWriter.ts';

const CHUNK = 20_000;
const BATCH = 1000;
export const MESSAGE_BYTES = 200;

export function bidMessage(i: number): Buffer {
  const bid = {
    auction: 1000 + (i % 5000),
    bidder: 2000 + ((i * 7) % 9973),
    price: 100 + ((i * 31) % 100_000),
    channel: `channel-${i % 10}`,
    url: `https://www.example.com/item.htm?query=1&channel_id=${i % 10_000}`,
    date_time: new Date(1_700_000_000_000 + i).toISOString(),
    extra: '',
  };
  const length = Buffer.byteLength(JSON.stringify(bid));
  return Buffer.from(JSON.stringify({ ...bid, extra: 'x'.repeat(MESSAGE_BYTES - length) }));
}

/** Writes `count` bids over the partitions in batches of a thousand. Gives seconds. */
export async function produceBids(
  url: string,
  topic: string,
  count: number,
  partitions: number,
  compression: CompressionCodec,
): Promise<number> {
  const producer = await openKafkaProducer(kafkaSettings(new Map([['properties.bootstrap.server', url]])), {
    compression,
  });
  const start = performance.now();
  for (let at = 0; at < count; at += CHUNK) {
    const lists = new Map<number, OutgoingRecord[]>();
    for (let i = at; i < Math.min(count, at + CHUNK); i++) {
      const partition = Math.floor(i / BATCH) % partitions;
      const list = lists.get(partition) ?? [];
      list.push({ partition, key: null, value: bidMessage(i), timestamp: 1_700_000_000_000 + i });
      lists.set(partition, list);
      if (list.length === BATCH) {
        await producer.send(topic, list);
        lists.delete(partition);
      }
    }
    for (const list of lists.values()) await producer.send(topic, list);
  }
  await producer.close();
  return (performance.now() - start) / 1000;
}
