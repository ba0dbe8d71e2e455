/** The `kafka` sink against a real node: transactions that are cut off, overtaken, and ended by a broker that dies. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import { SqlError } from '../../../common/sqlError.ts';
import { kafkaSinkConnector } from '../../../connector/kafka/sink.ts';
import { murmur2 } from '../../../connector/kafka/sinkPartitioner.ts';
import { SinkRefusal } from '../../../connector/sink.ts';
import { type KafkaServer, kafka, startKafka } from '../../../scripts/servers/kafka.ts';
import { generator } from '../../server/time/random.ts';
import {
  batchOf,
  came,
  configOf,
  consume,
  createTopic,
  deliver,
  numbersIn,
  type Shape,
  text,
} from './support.ts';

let server: KafkaServer | null = null;

beforeAll(async () => {
  if (kafka.installed()) server = await startKafka();
}, 120_000);

afterAll(() => server?.close());

function has(): boolean {
  if (server === null) expect(process.env.MILLRACE_REQUIRE_SERVERS, kafka.needs).not.toBe('1');
  return server !== null;
}

const url = (): string => server?.url ?? '';

it('partitions keys as Kafka does', () => {
  const known: readonly (readonly [string, number])[] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ];
  for (const [key, hash] of known) expect(murmur2(Buffer.from(key)), key).toBe(hash);
});

const LAST = 40;
const rowsOf = (epoch: number): readonly number[] =>
  Array.from({ length: (epoch % 4) + 1 }, (_, i) => epoch * 10 + i);
const all = Array.from({ length: LAST }, (_, i) => rowsOf(i + 1)).flat();

it('has every row once over writers that are lost anywhere', async () => {
  if (!has()) return;
  await createTopic(url(), 'lost', 3);
  const connector = kafkaSinkConnector();
  const config = configOf(url(), { options: { topic: 'lost' } });
  const random = generator(5);
  let lost = 0;
  for (let next = 1; next <= LAST; ) {
    const writer = await connector.open(config);
    next = Number((await writer.recover()) ?? 0n) + 1;
    for (let left = 1 + random(3); left > 0 && next <= LAST; left--) {
      const last = Math.min(LAST, next + random(4));
      const transaction = await writer.begin(BigInt(next));
      const stop = random(5);
      for (let epoch = next; epoch <= last; epoch++) {
        await transaction.write(
          batchOf(
            epoch,
            rowsOf(epoch).map((n) => came(n)),
          ),
        );
      }
      if (stop === 0) break;
      if (stop === 1) {
        await transaction.abort();
        continue;
      }
      await transaction.prepare(BigInt(last));
      if (stop === 2) break;
      const committed = transaction.commit();
      // Nobody waits for the answer: it may have happened.
      if (stop === 3) {
        await Promise.race([committed.catch(() => {}), new Promise((resolve) => setImmediate(resolve))]);
        committed.catch(() => {});
        break;
      }
      await committed;
      next = last + 1;
    }
    lost++;
    await writer.close();
  }
  expect(lost).toBeGreaterThan(5);
  expect(await numbersIn(url(), 'lost')).toEqual(all);
}, 60_000);

it('lets a process that was overtaken commit no more, and not come back by itself', async () => {
  if (!has()) return;
  await createTopic(url(), 'overtaken');
  const config = configOf(url(), { options: { topic: 'overtaken' } });
  const old = kafkaSinkConnector();
  const first = await old.open(config);
  expect(await first.recover()).toBe(null);
  await deliver(first, 1, [came(1)]);
  // It hangs with everything at the brokers.
  const transaction = await first.begin(2n);
  await transaction.write(batchOf(2, [came(2)]));
  await transaction.prepare(2n);
  const second = await kafkaSinkConnector().open(config);
  expect(await second.recover()).toBe(1n);
  await deliver(second, 2, [came(2)]);
  await expect(transaction.commit()).rejects.toThrow();
  await expect(transaction.commit()).rejects.toThrow();
  await expect(deliver(first, 3, [came(3)])).rejects.toThrow();
  await first.close();
  const again = await old.open(config);
  await expect(again.recover()).rejects.toBeInstanceOf(SinkRefusal);
  await again.close();
  await deliver(second, 3, [came(3)]);
  await second.close();
  // The refusal is what RESUME answers to.
  const resumed = await old.open(config);
  expect(await resumed.recover()).toBe(3n);
  await resumed.close();
  expect(await numbersIn(url(), 'overtaken')).toEqual([1, 2, 3]);
}, 30_000);

it('goes on after the broker has died', async () => {
  if (server === null) return;
  const broker = server;
  await createTopic(url(), 'restarts');
  const connector = kafkaSinkConnector();
  const options = { topic: 'restarts', 'properties.request.timeout.ms': '3000' };
  const config = configOf(url(), { options });
  const writer = await connector.open(config);
  await writer.recover();
  await deliver(writer, 1, [came(1)]);
  const transaction = await writer.begin(2n);
  await transaction.write(batchOf(2, [came(2)]));
  await transaction.prepare(2n);
  await broker.kill();
  const failed = transaction.commit();
  await expect(failed).rejects.not.toBeInstanceOf(SinkRefusal);
  await writer.close();
  const down = await connector.open(config);
  await expect(down.recover()).rejects.toSatisfy((e) => e instanceof SqlError && e.state.startsWith('08'));
  await down.close();
  await broker.start();
  for (;;) {
    const next = await connector.open(config);
    try {
      expect(await next.recover()).toBe(1n);
      await deliver(next, 2, [came(2)]);
      break;
    } catch (error) {
      // Leaders are chosen; delivery tries again.
      if (!(error instanceof SqlError) || !error.state.startsWith('08')) throw error;
    } finally {
      await next.close();
    }
  }
  expect(await numbersIn(url(), 'restarts')).toEqual([1, 2]);
}, 60_000);

it('shares a topic for progress, and reads far back', async () => {
  if (!has()) return;
  await createTopic(url(), 'shared', 2);
  const connector = kafkaSinkConnector();
  const shape = (identity: string): Shape => ({
    identity,
    options: { topic: 'shared', 'progress.topic': 'progress' },
  });
  const quiet = await connector.open(configOf(url(), shape('quiet')));
  await quiet.recover();
  await deliver(quiet, 7, [came(7)]);
  const busy = await connector.open(configOf(url(), shape('busy')));
  await busy.recover();
  for (let epoch = 1; epoch <= 120; epoch++) await deliver(busy, epoch, []);
  await quiet.close();
  await busy.close();
  const late = await connector.open(configOf(url(), shape('quiet')));
  expect(await late.recover()).toBe(7n);
  await late.close();
}, 60_000);

it('writes keys, tombstones and changes', async () => {
  if (!has()) return;
  const columns = [['id', types.int4] as const, ['v', types.text] as const];
  const connector = kafkaSinkConnector();
  for (const format of ['UPSERT', 'DEBEZIUM'] as const) {
    const topic = `format-${format}`;
    const options = { topic, 'create.topic': 'true', 'create.topic.partitions': '4' };
    const writer = await connector.open(configOf(url(), { columns, key: [0], format, options }));
    await writer.recover();
    await deliver(writer, 1, [came(1, 'a'), came(2, 'b')]);
    await deliver(writer, 2, [
      { before: [1, 'a'], after: [1, 'c'] },
      { before: [2, 'b'], after: null },
    ]);
    await writer.close();
    const records = await consume(url(), topic);
    const partitions = new Map<string | null, Set<string>>();
    for (const { key, partition } of records)
      partitions.set(text(key), (partitions.get(text(key)) ?? new Set()).add(partition));
    expect([...partitions].map(([key, set]) => [key, set.size]).sort()).toEqual([
      ['{"id":1}', 1],
      ['{"id":2}', 1],
    ]);
    const one = records.filter(({ key }) => text(key) === '{"id":2}').map(({ value }) => text(value));
    if (format === 'UPSERT') expect(one).toEqual(['{"id":2,"v":"b"}', null]);
    else expect(one.map((v) => (JSON.parse(v ?? '') as { op: string }).op)).toEqual(['c', 'd']);
    expect(records[0]?.timestamp).toBe(1_700_000_000_000_000n);
  }
}, 30_000);

it('writes at least once, with headers that tell repetitions', async () => {
  if (!has()) return;
  await createTopic(url(), 'least');
  const options = {
    topic: 'least',
    'delivery.guarantee': 'at-least-once',
    'properties.compression.codec': 'zstd',
  };
  const connector = kafkaSinkConnector();
  const writer = await connector.open(configOf(url(), { options }));
  await writer.recover();
  await deliver(writer, 1, [came(1), came(2)]);
  const transaction = await writer.begin(2n);
  await transaction.write(batchOf(2, [came(3)]));
  await transaction.prepare(2n);
  await writer.close();
  const next = await connector.open(configOf(url(), { options }));
  expect(await next.recover()).toBe(1n);
  await deliver(next, 2, [came(3)]);
  await next.close();
  const headers = (await consume(url(), 'least')).map((r) => r.headers.map(([, v]) => text(v)).join('/'));
  expect(headers).toEqual(['id-least/1/0', 'id-least/1/1', 'id-least/2/0', 'id-least/2/0']);
}, 30_000);

it('sends large deliveries in batches that the topic takes, and names the record that is too large', async () => {
  if (!has()) return;
  await createTopic(url(), 'small', 2, { 'max.message.bytes': '2000' });
  const columns = [['n', types.int4] as const, ['v', types.text] as const];
  const connector = kafkaSinkConnector();
  const config = configOf(url(), { columns, key: [0], options: { topic: 'small' } });
  const rows = Array.from({ length: 500 }, (_, n) => came(n, 'x'.repeat(50)));
  const tries = async (changes: typeof rows, epoch: number): Promise<unknown> => {
    for (let attempt = 0; ; attempt++) {
      const writer = await connector.open(config);
      await writer.recover();
      try {
        await deliver(writer, epoch, changes);
        return null;
      } catch (error) {
        if (error instanceof SinkRefusal || attempt > 8) return error;
      } finally {
        await writer.close();
      }
    }
  };
  expect(await tries(rows, 1)).toBe(null);
  expect(await numbersIn(url(), 'small')).toEqual(rows.map((_, n) => n));
  const refusal = await tries([...rows, came(1000, 'y'.repeat(3000))], 2);
  expect(refusal).toBeInstanceOf(SinkRefusal);
  expect(String(refusal)).toMatch(
    /"small" refuses a record of 3\d\d\d bytes \(key \{"n":1000\}\).* max\.message\.bytes/,
  );
  expect(await numbersIn(url(), 'small')).toEqual(rows.map((_, n) => n));
}, 60_000);

it('says what is wrong with the target', async () => {
  if (!has()) return;
  const opened = async (options: Readonly<Record<string, string>>, at = url()): Promise<string> => {
    const writer = await kafkaSinkConnector().open(configOf(at, { options }));
    try {
      await writer.recover();
      return 'done';
    } catch (error) {
      return error instanceof SqlError ? `${error.state} ${error.message}` : String(error);
    } finally {
      await writer.release?.();
      await writer.close();
    }
  };
  expect(await opened({ topic: 'nowhere' })).toBe('42704 topic "nowhere" does not exist');
  expect(await opened({ topic: 'x', 'properties.transaction.timeout.ms': '999999999' })).toMatch(
    /^22023 .*more than/,
  );
  expect(
    await opened({ topic: 'x', 'create.topic': 'true', 'create.topic.replication.factor': '9' }),
  ).toMatch(/^22023/);
  expect(await opened({ topic: 'x' }, '127.0.0.1:1')).toMatch(/^08001/);
  const writer = await kafkaSinkConnector().open(
    configOf(url(), { options: { topic: 'made', 'create.topic': 'true' } }),
  );
  await writer.recover();
  await writer.release?.();
  await writer.close();
  expect(await opened({ topic: 'made' })).toBe('42704 topic "made" does not exist');
}, 30_000);
