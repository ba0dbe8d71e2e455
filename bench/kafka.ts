/**
 * End to end: bids of 200 bytes as JSON in a topic of 4 partitions become a maintained `GROUP BY` count, against the bare loop
 * of the client over the same topic in the same run (fetched and JSON.parse'd, and fetched only), each in a process of its own.
 * All begin with the first message: starting processes, threads and connections is left out. CPU is that of the server's threads
 * from CREATE SOURCE on: the main one / the readers' and the checkpoints' / V8's compilation and garbage.
 *
 * Run: node bench/kafka.ts [--messages N] [--runs N]
 */
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { must } from '../common/assert.ts';
import { kafka } from '../connector/kafka/source.ts';
import { checkOptions } from '../connector/options.ts';
import { startKafka } from '../scripts/servers/kafka.ts';
import { createTopic } from '../test/harness/kafka.ts';
import { MESSAGE_BYTES, produceBids } from './support/kafkaMessages.ts';
import { kafkaPeers } from './support/kafkaPeers.ts';
import { type CpuSeconds, startServer } from './support/server.ts';
import { markdownTable } from './support/statistics.ts';

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '1000000' },
    runs: { type: 'string', default: '3' },
    loop: { type: 'string' },
    url: { type: 'string' },
  },
});
const count = Number(values.messages);
const TOPIC = 'bids';
const PARTITIONS = 4;
const POLL_MILLIS = 200;
const FIRST_POLL_MILLIS = 10;

/** The bare client: seconds from the first message to the last. */
async function bareLoop(url: string, parse: boolean): Promise<number> {
  const options = checkOptions(
    kafka,
    new Map([
      ['topic', TOPIC],
      ['properties.bootstrap.server', url],
    ]),
  );
  const reader = await kafka.open({ identity: 'bench', name: 'bench', options }, null);
  const signal = new AbortController().signal;
  const decoder = new TextDecoder();
  const counts = new Map<number, number>();
  let seen = 0;
  const start = performance.now();
  while (seen < count) {
    const { records } = await reader.fetch(4096, signal);
    seen += records.length;
    if (!parse) continue;
    for (const { value } of records) {
      const { auction }: { auction: number } = JSON.parse(decoder.decode(value ?? new Uint8Array()));
      counts.set(auction, (counts.get(auction) ?? 0) + 1);
    }
  }
  const seconds = (performance.now() - start) / 1000;
  await reader.close();
  return seconds;
}

/** As a user of a client's package writes it: its consumer, JSON.parse and a count. Seconds from the first message to the last. */
async function packageLoop(url: string, name: string): Promise<number> {
  const peer = must((await kafkaPeers()).find((p) => p.name === name));
  const decoder = new TextDecoder();
  const counts = new Map<number, number>();
  let seen = 0;
  let start: number | null = null;
  let finish = (_seconds: number): void => {};
  const finished = new Promise<number>((resolve) => {
    finish = resolve;
  });
  const stop = await peer.consume(url, TOPIC, (batch) => {
    start ??= performance.now();
    for (const value of batch) {
      const { auction }: { auction: number } = JSON.parse(decoder.decode(value ?? new Uint8Array()));
      counts.set(auction, (counts.get(auction) ?? 0) + 1);
    }
    seen += batch.length;
    if (seen >= count) finish((performance.now() - start) / 1000);
  });
  const seconds = await finished;
  await stop();
  return seconds;
}

/** Packages whose consumers are there. */
async function packages(): Promise<readonly string[]> {
  const names = (await kafkaPeers()).map((peer) => peer.name);
  return names.filter((name) => name === 'kafkajs' || name === '@platformatic/kafka');
}

function inProcess(url: string, loop: string): number {
  const args = [import.meta.filename, '--loop', loop, '--url', url, '--messages', String(count)];
  const done = spawnSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  return Number(done.stdout);
}

interface Served {
  /** Messages a second, from when the view has first counted any. */
  readonly rate: number;
  readonly cpu: CpuSeconds;
}

async function throughServer(url: string): Promise<Served> {
  const server = await startServer(true);
  const client = await server.connect();
  const before = server.cpu();
  await client.query(
    `CREATE SOURCE bids (auction bigint, bidder bigint, price bigint, channel text, url text, date_time timestamptz, extra text)
     WITH (connector = 'kafka', topic = '${TOPIC}', properties.bootstrap.server = '${url}')
     FORMAT PLAIN ENCODE JSON`,
  );
  await client.query(
    'CREATE MATERIALIZED VIEW v AS SELECT auction, count(*) AS n FROM bids GROUP BY auction',
  );
  let first: { readonly at: number; readonly counted: number } | null = null;
  let rate = 0;
  for (;;) {
    const { rows } = await client.query('SELECT coalesce(sum(n), 0) AS n FROM v');
    const counted = Number(rows[0]?.n);
    if (first === null && counted > 0) first = { at: performance.now(), counted };
    else if (first !== null) rate = (counted - first.counted) / ((performance.now() - first.at) / 1000);
    if (counted >= count) break;
    await sleep(first === null ? FIRST_POLL_MILLIS : POLL_MILLIS);
  }
  const after = server.cpu();
  await client.end();
  await server.close();
  const cpu = {
    main: after.main - before.main,
    workers: after.workers - before.workers,
    engine: after.engine - before.engine,
  };
  return { rate, cpu };
}

if (values.loop !== undefined) {
  const { loop, url = '' } = values;
  const own = loop === 'fetch' || loop === 'parse';
  process.stdout.write(String(await (own ? bareLoop(url, loop === 'parse') : packageLoop(url, loop))));
  process.exit(0);
}

const broker = await startKafka();
await createTopic(broker, TOPIC, PARTITIONS);
await produceBids(broker.url, TOPIC, count, PARTITIONS, 'none');
const rows: string[][] = [];
const others = await packages();
for (let run = 1; run <= Number(values.runs); run++) {
  const fetched = inProcess(broker.url, 'fetch');
  const parsed = inProcess(broker.url, 'parse');
  const asPackages = others.map((name) => inProcess(broker.url, name));
  const served = await throughServer(broker.url);
  const rate = (perSecond: number): string =>
    `${Math.round(perSecond / 1000)} k/s, ${Math.round((perSecond * MESSAGE_BYTES) / 1e6)} MB/s`;
  rows.push([
    String(run),
    rate(count / fetched),
    rate(count / parsed),
    ...asPackages.map((seconds) => rate(count / seconds)),
    rate(served.rate),
    [parsed, ...asPackages]
      .map((seconds) => `${Math.round((100 * served.rate * seconds) / count)} %`)
      .join(', '),
    [served.cpu.main, served.cpu.workers, served.cpu.engine].map((s) => s.toFixed(1)).join(' / '),
  ]);
}
process.stdout.write(
  `\n${count} messages of ${MESSAGE_BYTES} bytes, ${PARTITIONS} partitions\n\n${markdownTable(
    [
      'run',
      'client, fetched',
      'client, JSON.parse and count',
      ...others.map((name) => `${name}, JSON.parse and count`),
      'Millrace, GROUP BY count',
      'of each client that parses',
      'CPU s',
    ],
    rows,
  )}\n`,
);
await broker.close();
process.exit(0);
