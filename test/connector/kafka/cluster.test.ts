/**
 * A cluster of three nodes: sources and sinks go on when the leader of their partitions is killed, with a bootstrap list whose first
 * broker is dead, and when a topic gets another partition. Each record is once in the source, and each result once in the
 * topic of a sink, as Kafka's own console consumer reads it.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Admin, Producer } from '@platformatic/kafka';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openKafkaClient } from '../../../connector/kafka/client.ts';
import type { TopicMetadata } from '../../../connector/kafka/cluster.ts';
import { kafkaSettings } from '../../../connector/kafka/options.ts';
import { kafka } from '../../../scripts/servers/kafka.ts';
import { type KafkaCluster, startKafkaCluster } from '../../../scripts/servers/kafkaCluster.ts';
import { javaArguments } from '../../../scripts/servers/kafkaInstall.ts';
import { freePort } from '../../../scripts/servers/server.ts';
import { useSqlServer } from './sqlServer.ts';

const COPIES = 3;
const BATCH = 300;

let cluster: KafkaCluster | null = null;
let bootstrap = '';

beforeAll(async () => {
  if (!kafka.installed()) return;
  cluster = await startKafkaCluster(COPIES);
  // Nobody listens at the first.
  bootstrap = `127.0.0.1:${await freePort()},${cluster.url}`;
}, 180_000);
afterAll(async () => {
  await cluster?.close();
});

const sql = useSqlServer(() => null);

async function withAdmin<T>(at: KafkaCluster, act: (admin: Admin) => Promise<T>): Promise<T> {
  const bootstrapBrokers = at.url.split(',');
  const admin = new Admin({ clientId: 'test', bootstrapBrokers, retries: 30, retryDelay: 200 });
  try {
    return await act(admin);
  } finally {
    await admin.close();
  }
}

async function metadata(topic: string): Promise<TopicMetadata> {
  const client = await openKafkaClient(kafkaSettings(new Map([['properties.bootstrap.server', bootstrap]])));
  try {
    for (;;) {
      const made = await client.topic(topic);
      if (made?.partitions.every((p) => p.leader >= 0) === true) return made;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  } finally {
    await client.close();
  }
}

async function leaderOf(topic: string, partition: number): Promise<number> {
  return (await metadata(topic)).partitions.find((p) => p.partition === partition)?.leader ?? 0;
}

/** By another implementation: transactions of numbers, of which every second list is aborted. */
async function produce(at: KafkaCluster, topic: string, numbers: readonly number[]): Promise<void> {
  const producer = new Producer({
    clientId: 'test',
    bootstrapBrokers: at.url.split(','),
    transactionalId: 'cluster-test',
    idempotent: true,
    producerId: -1n,
    producerEpoch: -1,
    retries: 30,
    retryDelay: 200,
  });
  const messages = (wrong: boolean) =>
    numbers.map((n) => ({
      topic,
      partition: n % 2,
      value: Buffer.from(JSON.stringify({ n: wrong ? -1 - n : n })),
    }));
  try {
    for (const wrong of [true, false]) {
      const transaction = await producer.beginTransaction({ producerId: -1n, producerEpoch: -1 });
      await transaction.send({ messages: messages(wrong) });
      if (wrong) await transaction.abort();
      else await transaction.commit();
    }
  } finally {
    await producer.close();
  }
}

/** What Kafka's own consumer reads of a topic, committed only. */
async function consumeByJava(at: KafkaCluster, topic: string, count: number): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)(
    'java',
    [
      ...javaArguments(),
      'org.apache.kafka.tools.consumer.ConsoleConsumer',
      ...['--bootstrap-server', at.url, '--topic', topic, '--from-beginning'],
      ...['--isolation-level', 'read_committed', '--timeout-ms', '4000', '--max-messages', String(count + 1)],
    ],
    { maxBuffer: 1 << 28 },
  ).catch((error: { stdout?: string }) => ({ stdout: error.stdout ?? '' }));
  return stdout.split('\n').filter((line) => line !== '');
}

it('has each record once, whoever leads', async () => {
  if (cluster === null) {
    expect(process.env.MILLRACE_REQUIRE_SERVERS, `Kafka needs ${kafka.needs}`).not.toBe('1');
    return;
  }
  const at = cluster;
  await withAdmin(at, (admin) =>
    admin.createTopics({ topics: ['numbers', 'results'], partitions: 2, replicas: COPIES }),
  );
  await Promise.all([metadata('numbers'), metadata('results')]);
  const address = { 'properties.bootstrap.server': bootstrap };
  const sink = `WITH (connector = 'kafka', properties.bootstrap.server = '${bootstrap}'`;
  await sql.run(`CREATE SOURCE s (n int) ${sql.withKafka('numbers', address)} FORMAT PLAIN ENCODE JSON`);
  await sql.run(
    'CREATE MATERIALIZED VIEW v AS SELECT count(*) AS c, count(DISTINCT n) AS d, sum(n) AS t FROM s',
  );
  await sql.run(`CREATE SINK out FROM s ${sink}, topic = 'results') FORMAT PLAIN ENCODE JSON`);
  await sql.run('CREATE TABLE fed (n int) APPEND ONLY');
  await sql.run(`CREATE SINK feed FROM fed ${sink}, topic = 'numbers') FORMAT PLAIN ENCODE JSON`);

  let next = 0;
  const numbers = (): readonly number[] => Array.from({ length: BATCH }, () => next++);
  const insert = async (): Promise<void> => {
    for (const n of numbers()) await sql.run(`INSERT INTO fed VALUES (${n})`);
  };
  const expectAll = async (): Promise<void> => {
    const total = (BigInt(next) * BigInt(next - 1)) / 2n;
    await sql.expectRows('SELECT c, d, t FROM v', [`${next} | ${next} | ${total}`]);
  };

  await produce(at, 'numbers', numbers());
  await insert();
  await expectAll();

  const first = await leaderOf('numbers', 0);
  await at.kill(first);
  await insert();
  await expectAll();
  const second = await leaderOf('numbers', 0);
  expect(second).not.toBe(first);

  // Under way while another leader dies; two of three must be there for a write to count.
  await at.start(first);
  const inserting = insert();
  await at.kill(second);
  await inserting;
  await expectAll();
  await at.start(second);

  const assignments = [{ brokerIds: [1, 2, 3] }];
  await withAdmin(at, (admin) =>
    admin.createPartitions({ topics: [{ name: 'numbers', count: 3, assignments }] }),
  );
  await metadata('numbers');
  await insert();
  await produce(at, 'numbers', numbers());
  await expectAll();
  await sql.expectRows(
    "SELECT partition FROM millrace_catalog.source_partitions WHERE source = 's' ORDER BY 1",
    ['0', '1', '2'],
  );

  await sql.expectRows("SELECT backlog_rows FROM millrace_catalog.sinks WHERE name = 'out'", ['0']);
  const results = await consumeByJava(at, 'results', next);
  const found = results.map((line) => Number((JSON.parse(line) as { n: number }).n)).sort((a, b) => a - b);
  expect(found).toEqual(Array.from({ length: next }, (_, n) => n));
}, 120_000);
