/**
 * Rows a second of the sinks that have real servers as targets, from rows in memory to a commit at the target: PostgreSQL
 * (appended, under new keys, under known keys) and Kafka (with and without keys, compressed). Deliveries of 10,000 rows.
 *
 * Run: node bench/sinkTargets.ts [--rows N]
 */
import { parseArgs } from 'node:util';
import { types } from '../common/dataType.ts';
import { Decimal } from '../common/decimal.ts';
import { kafkaSinkConnector } from '../connector/kafka/sink.ts';
import { postgresSinkConnector } from '../connector/postgres/sink.ts';
import type { SinkChange, SinkWriter } from '../connector/sink.ts';
import { kafka, startKafka } from '../scripts/servers/kafka.ts';
import * as kafkaSink from '../test/connector/kafkaSink/support.ts';
import * as postgresSink from '../test/connector/postgresSink/support.ts';
import { markdownTable } from './support/statistics.ts';

const { values } = parseArgs({ options: { rows: { type: 'string', default: '300000' } } });
const rows = Number(values.rows);
const DELIVERY = 10_000;

const columns = [
  ['id', types.int8],
  ['name', types.text],
  ['amount', types.numeric],
  ['at', types.timestamptz],
] as const;

function changes(from: number, count: number): readonly SinkChange[] {
  return Array.from({ length: count }, (_, i) => {
    const id = from + i;
    const row = [
      BigInt(id),
      `customer number ${id}`,
      Decimal.parse(`${id}.25`),
      1_700_000_000_000_000n + BigInt(id),
    ];
    return { before: null, after: row };
  });
}

/** Delivers all rows; epochs go on from `epoch`. */
async function measure(writer: SinkWriter, epoch: number): Promise<readonly string[]> {
  await writer.recover();
  const deliveries = Array.from({ length: Math.ceil(rows / DELIVERY) }, (_, i) =>
    changes(i * DELIVERY, DELIVERY),
  );
  const cpu = process.cpuUsage();
  const start = performance.now();
  for (const [i, delivery] of deliveries.entries()) await postgresSink.deliver(writer, epoch + i, delivery);
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  await writer.close();
  const cpuSeconds = (user + system) / 1e6;
  const count = deliveries.length * DELIVERY;
  return [`${Math.round(count / seconds / 1000)} k/s`, `${Math.round(count / cpuSeconds / 1000)} k/s`];
}

const table: (readonly string[])[] = [];

const target = await postgresSink.Target.start();
if (target !== null) {
  const connector = postgresSinkConnector();
  const open = (name: string, key: readonly number[] | null): Promise<SinkWriter> =>
    connector.open(
      postgresSink.configOf(target.port, {
        columns,
        key,
        format: key === null ? 'PLAIN' : 'UPSERT',
        options: { table: name, 'create.table': 'true' },
      }),
    );
  table.push(['postgres, appended', ...(await measure(await open('appended', null), 1))]);
  table.push(['postgres, new keys', ...(await measure(await open('keyed', [0]), 1))]);
  table.push(['postgres, known keys', ...(await measure(await open('keyed', [0]), 1_000_000))]);
  await target.close();
}
if (kafka.installed()) {
  const server = await startKafka();
  const connector = kafkaSinkConnector();
  for (const [name, key, codec] of [
    ['kafka, no keys', null, 'none'],
    ['kafka, keys', [0], 'none'],
    ['kafka, keys, lz4', [0], 'lz4'],
  ] as const) {
    const topic = name.replaceAll(/\W+/g, '-');
    await kafkaSink.createTopic(server.url, topic, 4);
    const options = { topic, 'properties.compression.codec': codec };
    const writer = await connector.open(kafkaSink.configOf(server.url, { columns, key, options }));
    table.push([name, ...(await measure(writer, 1))]);
  }
  await server.close();
}
process.stdout.write(`${markdownTable(['target', 'rows', 'rows per CPU s of this process'], table)}\n`);
