/** The narrow Kafka client against a real broker, with other implementations at the other end. */
import { describe, expect, it } from 'vitest';
import { kafkaSettings } from '../../../connector/kafka/options.ts';
import { openTransactionalProducer } from '../../../connector/kafka/producer.ts';
import { consume, consumeByJava, createTopic, produce, produceTransactions } from '../../harness/kafka.ts';
import { useKafka } from '../../harness/useKafka.ts';

const kafka = useKafka();
const text = (value: Uint8Array | null): string | null =>
  value === null ? null : Buffer.from(value).toString('utf8');

describe('reading', () => {
  it('reads keys, tombstones, headers and times of every codec', async () => {
    const server = kafka();
    if (server === null) return;
    for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
      const topic = `codec-${codec}`;
      await createTopic(server, topic);
      await produce(
        server,
        topic,
        [
          { key: 'a', value: 'x'.repeat(300), timestamp: 1_700_000_000_123, headers: { h: 'é', g: '' } },
          { key: 'b', value: null, timestamp: 1_700_000_000_000 },
          { value: '', timestamp: 1_700_000_000_456 },
        ],
        codec,
      );
      const records = await consume(server, topic);
      expect(records.map((r) => [text(r.key), text(r.value), r.timestamp, r.offset])).toEqual([
        ['a', 'x'.repeat(300), 1_700_000_000_123_000n, '0'],
        ['b', null, 1_700_000_000_000_000n, '1'],
        [null, '', 1_700_000_000_456_000n, '2'],
      ]);
      expect(records[0]?.headers.map(([n, v]) => [n, text(v)])).toEqual([
        ['h', 'é'],
        ['g', ''],
      ]);
    }
  });

  it('shows nothing of aborted transactions, however they lie', async () => {
    const server = kafka();
    if (server === null) return;
    await createTopic(server, 'aborted');
    const part = (name: string, n: number, end: 'commit' | 'abort') => ({
      messages: Array.from({ length: n }, (_, i) => ({ key: name, value: `${name}${i}` })),
      end,
    });
    await produce(server, 'aborted', [{ key: 'p', value: 'plain' }]);
    await produceTransactions(server, 'aborted', 'one', [
      part('a', 3, 'abort'),
      part('b', 2, 'commit'),
      part('c', 1, 'abort'),
      part('d', 4, 'abort'),
      part('e', 1, 'commit'),
    ]);
    const seen = (await consume(server, 'aborted')).map((r) => `${text(r.key)}\t${text(r.value)}`);
    expect(seen).toEqual(['p\tplain', 'b\tb0', 'b\tb1', 'e\te0']);
    expect(seen).toEqual(await consumeByJava(server, 'aborted'));
  }, 30_000);
});

describe('writing in transactions', () => {
  it('commits, aborts, and a restarted producer fences the earlier one', async () => {
    const server = kafka();
    if (server === null) return;
    await createTopic(server, 'written', 2);
    const settings = kafkaSettings(new Map([['properties.bootstrap.server', server.url]]));
    const open = (compression: 'none' | 'lz4') =>
      openTransactionalProducer(settings, { compression, transactionalId: 'writer', timeoutMillis: 30_000 });
    const record = (partition: number, value: string | null) => ({
      partition,
      key: Buffer.from('k'),
      value: value === null ? null : Buffer.from(value),
      timestamp: 1_700_000_000_000,
      headers: [['n', Buffer.from('v')] as const],
    });
    const first = await open('none');
    first.begin();
    await first.send('written', [record(0, 'one'), record(1, 'two'), record(0, null)]);
    await first.commit();
    first.begin();
    await first.send('written', [record(0, 'gone')]);
    await first.abort();
    first.begin();
    await first.send('written', [record(0, 'left open')]);
    const second = await open('lz4');
    expect(second.producerId).toBe(first.producerId);
    expect(second.producerEpoch).toBeGreaterThan(first.producerEpoch);
    await expect(first.commit()).rejects.toThrow();
    second.begin();
    await second.send('written', [record(0, 'three')]);
    await second.send('written', [record(0, 'four')]);
    await second.commit();
    await first.close();
    await second.close();
    const records = await consume(server, 'written');
    expect(records.map((r) => `${r.partition}:${text(r.value)}`)).toEqual([
      '0:one',
      '0:null',
      '0:three',
      '0:four',
      '1:two',
    ]);
    expect(records[0]?.headers.map(([n, v]) => [n, text(v)])).toEqual([['n', 'v']]);
    expect((await consumeByJava(server, 'written')).sort()).toEqual([
      'k\tfour',
      'k\tnull',
      'k\tone',
      'k\tthree',
      'k\ttwo',
    ]);
  }, 30_000);
});
