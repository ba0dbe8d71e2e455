/** The Kafka source's reader by itself against a real broker: where it begins, what it meets on the way, what it never does. */
import { describe, expect, it } from 'vitest';
import type { Position } from '../../../connector/connector.ts';
import { kafka } from '../../../connector/kafka/source.ts';
import { checkOptions } from '../../../connector/options.ts';
import type { RemoteConfig, RemoteReader, RemoteRecord } from '../../../connector/remote.ts';
import type { KafkaServer } from '../../../scripts/servers/kafka.ts';
import {
  addPartitions,
  committedOffsets,
  createTopic,
  deleteRecords,
  deleteTopic,
  produce,
  produceTransactions,
} from '../../harness/kafka.ts';
import { useKafka } from '../../harness/useKafka.ts';

const server = useKafka();
const text = (value: Uint8Array | null): string | null =>
  value === null ? null : Buffer.from(value).toString('utf8');

function config(
  broker: KafkaServer,
  topic: string,
  options: Readonly<Record<string, string>> = {},
): RemoteConfig {
  const given = new Map(
    Object.entries({
      topic,
      'properties.bootstrap.server': broker.url,
      'properties.metadata.max.age.ms': '200',
      'properties.fetch.wait.max.ms': '100',
      ...options,
    }),
  );
  return { identity: '7-test', name: topic, options: checkOptions(kafka, given) };
}

const messages = (prefix: string, count: number, partition = 0) =>
  Array.from({ length: count }, (_, i) => ({ value: `${prefix}${i}`, partition, timestamp: 1_000_000 + i }));

const forever = new AbortController().signal;

/** Reads until so many messages have come, and everything before the position that goes with them. */
async function read(
  reader: RemoteReader,
  count: number,
  most = 1000,
): Promise<{ readonly seen: readonly RemoteRecord[]; readonly position: Position }> {
  const seen: RemoteRecord[] = [];
  let position: Position = {};
  while (seen.length < count || position.offsets === undefined) {
    const got = await reader.fetch(most, forever);
    seen.push(...got.records);
    position = got.position;
  }
  return { seen, position };
}

const values = (records: readonly RemoteRecord[]): readonly (string | null)[] =>
  records.map((r) => text(r.value));

describe('where reading begins and goes on', () => {
  it('goes on from any position, and each message comes once', async () => {
    const broker = server();
    if (broker === null) return;
    await createTopic(broker, 'steps', 3);
    const sent = [...messages('a', 40, 0), ...messages('b', 30, 1), ...messages('c', 20, 2)];
    await produce(broker, 'steps', sent, 'lz4');
    const seen: string[] = [];
    let position: Position | null = null;
    while (seen.length < 90) {
      const reader: RemoteReader = await kafka.open(config(broker, 'steps'), position);
      for (let i = 0; i < 3; i++) {
        const got = await reader.fetch(7, forever);
        expect(got.records.length).toBeLessThanOrEqual(7);
        seen.push(...got.records.map((r) => `${text(r.value)}@${r.partition}:${r.offset}`));
        position = got.position;
        if (seen.length >= 90) break;
      }
      await reader.close();
    }
    const of = (partition: number): readonly string[] => seen.filter((s) => s.includes(`@${partition}:`));
    expect(of(0)).toEqual(Array.from({ length: 40 }, (_, i) => `a${i}@0:${i}`));
    expect(of(1)).toEqual(Array.from({ length: 30 }, (_, i) => `b${i}@1:${i}`));
    expect(of(2)).toEqual(Array.from({ length: 20 }, (_, i) => `c${i}@2:${i}`));
  });

  it('begins at the end, at a time, or at offsets', async () => {
    const broker = server();
    if (broker === null) return;
    await createTopic(broker, 'begin', 2);
    await produce(broker, 'begin', [...messages('a', 10, 0), ...messages('b', 10, 1)]);
    const first = async (options: Readonly<Record<string, string>>) => {
      const reader = await kafka.open(config(broker, 'begin', options), null);
      const { position, records } = await reader.fetch(10, forever);
      expect(records).toEqual([]);
      await reader.close();
      return position.offsets;
    };
    expect(await first({})).toEqual({ 0: '0', 1: '0' });
    expect(await first({ 'scan.startup.mode': 'latest' })).toEqual({ 0: '10', 1: '10' });
    const time = { 'scan.startup.mode': 'timestamp', 'scan.startup.timestamp.millis': '1000004' };
    expect(await first(time)).toEqual({ 0: '4', 1: '4' });
    const late = { 'scan.startup.mode': 'timestamp', 'scan.startup.timestamp.millis': '1000100' };
    expect(await first(late)).toEqual({ 0: '10', 1: '10' });
    const offsets = { 'scan.startup.mode': 'offsets', 'scan.startup.offsets': '1:6' };
    expect(await first(offsets)).toEqual({ 0: '0', 1: '6' });
    await expect(
      kafka.check(config(broker, 'begin', { ...offsets, 'scan.startup.offsets': '9:6' })),
    ).rejects.toMatchObject({ state: '22023' });
    expect(await kafka.check(config(broker, 'begin'))).toEqual({ partitions: ['0', '1'] });
    const sample = await kafka.sample?.(config(broker, 'begin', { 'scan.startup.mode': 'latest' }), 3);
    expect(sample?.length).toBe(3);
  });

  it('reads new partitions from their start', async () => {
    const broker = server();
    if (broker === null) return;
    await createTopic(broker, 'grows', 1);
    const reader = await kafka.open(config(broker, 'grows', { 'scan.startup.mode': 'latest' }), null);
    await reader.fetch(10, forever);
    await addPartitions(broker, 'grows', 3);
    await produce(broker, 'grows', [...messages('n', 5, 2), ...messages('o', 2, 0)]);
    const { seen, position } = await read(reader, 7);
    expect([...values(seen)].sort()).toEqual(['n0', 'n1', 'n2', 'n3', 'n4', 'o0', 'o1']);
    expect(position.offsets).toEqual({ 0: '2', 1: '0', 2: '5' });
    await reader.close();
  });
});

describe('transactions', () => {
  it('moves past aborted messages and markers, and tells so', async () => {
    const broker = server();
    if (broker === null) return;
    await createTopic(broker, 'txn', 1);
    await produceTransactions(broker, 'txn', 'reader-txn', [
      { messages: messages('x', 3), end: 'abort' },
      { messages: messages('y', 2), end: 'commit' },
      { messages: messages('z', 300), end: 'abort' },
      { messages: messages('w', 2), end: 'abort' },
    ]);
    const reader = await kafka.open(
      config(broker, 'txn', { 'properties.max.partition.fetch.bytes': '1024' }),
      null,
    );
    const seen: (string | null)[] = [];
    for (let at = ''; at !== '311'; ) {
      const got = await reader.fetch(1, forever);
      seen.push(...values(got.records));
      at = String((got.position.offsets as Position)['0']);
    }
    expect(seen).toEqual(['y0', 'y1']);
    expect(reader.progress()).toEqual([{ partition: '0', offset: '311', end: '311', lag: 0n, note: null }]);
    await reader.close();
  });
});

describe('what can go wrong', () => {
  it('goes on by itself when the broker restarts', async () => {
    const broker = server();
    if (broker === null) return;
    await createTopic(broker, 'restart', 1);
    await produce(broker, 'restart', messages('a', 5));
    const reader = await kafka.open(config(broker, 'restart'), null);
    expect(values((await read(reader, 5)).seen)).toEqual(['a0', 'a1', 'a2', 'a3', 'a4']);
    const waiting = read(reader, 3);
    await broker.kill();
    await broker.start();
    await produce(broker, 'restart', messages('b', 3));
    expect(values((await waiting).seen)).toEqual(['b0', 'b1', 'b2']);
    await reader.close();
  }, 30_000);

  it('stops where messages are gone that were not read, or counts them when told to', async () => {
    const broker = server();
    if (broker === null) return;
    await createTopic(broker, 'gone', 1);
    await produce(broker, 'gone', messages('a', 10));
    const reader = await kafka.open(config(broker, 'gone'), null);
    const { position } = await read(reader, 4, 4);
    await reader.close();
    await deleteRecords(broker, 'gone', 0, 7);
    const failing = await kafka.open(config(broker, 'gone'), position);
    await expect(read(failing, 1)).rejects.toMatchObject({
      state: '55000',
      message:
        'messages of topic "gone" are gone that were not read: partition 0 begins at offset 7 now, and 4 is next',
    });
    await failing.close();
    const counting = await kafka.open(
      config(broker, 'gone', { 'scan.offset.out.of.range': 'earliest' }),
      position,
    );
    const rest = await read(counting, 3);
    expect(values(rest.seen)).toEqual(['a7', 'a8', 'a9']);
    expect(rest.position.lost).toEqual({ 0: '3' });
    expect(counting.progress()[0]?.note).toBe('3 messages were gone before they were read');
    await counting.close();
    const later = await kafka.open(config(broker, 'gone'), rest.position);
    expect(later.progress()[0]?.note).toBe('3 messages were gone before they were read');
    await later.close();
  });

  it('notices a topic that was deleted and made again', async () => {
    const broker = server();
    if (broker === null) return;
    await createTopic(broker, 'again', 1);
    await produce(broker, 'again', messages('a', 3));
    const reader = await kafka.open(config(broker, 'again'), null);
    const { position } = await read(reader, 3);
    await deleteTopic(broker, 'again');
    await expect(read(reader, 1)).rejects.toMatchObject({ state: '42704' });
    await reader.close();
    await createTopic(broker, 'again', 1);
    await produce(broker, 'again', messages('b', 5));
    await expect(kafka.open(config(broker, 'again'), position)).rejects.toMatchObject({
      state: '55000',
      message: 'topic "again" was deleted and made again',
    });
    const over = await kafka.open(
      config(broker, 'again', { 'scan.offset.out.of.range': 'earliest' }),
      position,
    );
    expect(values((await read(over, 5)).seen)).toEqual(['b0', 'b1', 'b2', 'b3', 'b4']);
    await over.close();
  });

  it('commits what is durable to a group when asked to, and reads without it', async () => {
    const broker = server();
    if (broker === null) return;
    await createTopic(broker, 'lag', 1);
    await produce(broker, 'lag', messages('a', 3));
    const reader = await kafka.open(config(broker, 'lag', { 'group.id.prefix': 'millrace' }), null);
    const { position } = await read(reader, 3);
    await reader.acknowledge(position);
    expect(reader.progress()[0]?.note).toBe(null);
    expect(await committedOffsets(broker, 'millrace-7-test', 'lag')).toEqual(new Map([[0, 3n]]));
    await reader.close();
  });

  it('says what is wrong with a declaration', async () => {
    const broker = server();
    if (broker === null) return;
    await expect(kafka.check(config(broker, 'no-such'))).rejects.toMatchObject({
      state: '42704',
      message: 'topic "no-such" does not exist',
    });
    await expect(
      kafka.check(config(broker, 't', { 'properties.bootstrap.server': '127.0.0.1:1' })),
    ).rejects.toMatchObject({
      state: '08001',
      message: 'could not connect to Kafka at 127.0.0.1:1 (ECONNREFUSED)',
    });
    await expect(
      kafka.check(config(broker, 't', { 'properties.bootstrap.server': 'user:secret@host:9' })),
    ).rejects.toMatchObject({ state: '22023', message: expect.not.stringContaining('secret') });
  });
});
