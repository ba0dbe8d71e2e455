/**
 * Messages of an MQTT source (QoS 1) a second, published while they are read, into a maintained count, durable; against the `mqtt`
 * package's client that counts and acknowledges at once. A broker sends only so many messages before they are acknowledged (MQTT
 * 3.1.1: 20 in mosquitto; MQTT 5: what the client asks for), and Millrace acknowledges what is on disk, so the rate is that of the
 * disk where few are under way. (Mosquitto 2.0 keeps to its limit only while it is 1 or publishers are slow.) CPU of the server's threads per 1000 messages: the main one / the readers' and the checkpoints' /
 * V8's own.
 *
 * Run: node bench/mqtt.ts [--messages N] [--runs N]
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connectAsync, type IClientOptions } from 'mqtt';
import { must } from '../common/assert.ts';
import { startMosquitto } from '../scripts/servers/mosquitto.ts';
import { type BenchServer, type CpuSeconds, startServer } from './support/server.ts';
import { markdownTable } from './support/statistics.ts';

const { values } = parseArgs({
  options: { messages: { type: 'string', default: '20000' }, runs: { type: 'string', default: '3' } },
});
const most = Number(values.messages);
const runs = Number(values.runs);
/** Publishes that are not answered yet. */
const UNDER_WAY = 1000;
/** Seldom: a query waits for the disk, and acknowledgements with it. */
const POLL_MILLIS = 200;

interface Variant {
  readonly version: '3.1.1' | '5';
  /** Messages that the broker may send before they are acknowledged. */
  readonly inflight: number;
}

const variants: readonly Variant[] = [
  { version: '5', inflight: 1 },
  { version: '3.1.1', inflight: 20 },
  { version: '5', inflight: 100 },
  { version: '5', inflight: 1000 },
];

/** One after the other takes its time. */
const countOf = ({ inflight }: Variant): number => (inflight === 1 ? Math.ceil(most / 20) : most);

/** The queue of a client that is slower than the publisher has no limit here. */
const broker = await startMosquitto(['max_queued_messages 0']);

async function publish(topic: string, count: number): Promise<void> {
  const publisher = await connectAsync(broker.url);
  const sent: Promise<unknown>[] = [];
  for (let n = 0; n < count; n++) {
    sent.push(publisher.publishAsync(topic, JSON.stringify({ n, place: `place ${n % 100}` }), { qos: 1 }));
    if (sent.length === UNDER_WAY) await Promise.all(sent.splice(0));
  }
  await Promise.all(sent);
  await publisher.endAsync();
}

interface Measured {
  /** Messages a second. */
  readonly rate: number;
  /** Milliseconds of CPU per 1000 messages. */
  readonly cpu: readonly number[];
}

async function bareClient(variant: Variant, topic: string): Promise<number> {
  const { version, inflight } = variant;
  const count = countOf(variant);
  const options: IClientOptions = {
    clientId: `bare-${topic}`,
    clean: false,
    reconnectPeriod: 0,
    protocolVersion: version === '5' ? 5 : 4,
    ...(version === '5' ? { properties: { sessionExpiryInterval: 3600, receiveMaximum: inflight } } : {}),
  };
  const client = await connectAsync(broker.url, options);
  await client.subscribeAsync(topic, { qos: 1 });
  let seen = 0;
  const all = new Promise<void>((resolve) => {
    client.on('message', (_topic, payload) => {
      JSON.parse(payload.toString());
      if (++seen === count) resolve();
    });
  });
  const began = performance.now();
  await publish(topic, count);
  await all;
  const seconds = (performance.now() - began) / 1000;
  await client.endAsync();
  return count / seconds;
}

async function throughServer(server: BenchServer, variant: Variant, name: string): Promise<Measured> {
  const { version, inflight } = variant;
  const count = countOf(variant);
  const client = await server.connect();
  await client.query(
    `CREATE SOURCE ${name} (n int, place text)
     WITH (connector = 'mqtt', url = '${broker.url}', topic = '${name}', qos = '1', mqtt.version = '${version}',
           inflight_messages = '${inflight}') FORMAT PLAIN ENCODE JSON`,
  );
  await client.query(
    `CREATE MATERIALIZED VIEW v_${name} AS SELECT place, count(*) AS c FROM ${name} GROUP BY place`,
  );
  const position = `SELECT position FROM millrace_catalog.sources WHERE name = '${name}'`;
  while ((await client.query(position)).rows[0]?.position === null) await sleep(POLL_MILLIS);
  const before = server.cpu();
  const began = performance.now();
  await publish(name, count);
  for (;;) {
    const { rows } = await client.query(`SELECT coalesce(sum(c), 0) AS c FROM v_${name}`);
    if (Number(rows[0]?.c) >= count) break;
    await sleep(POLL_MILLIS);
  }
  const seconds = (performance.now() - began) / 1000;
  const after = server.cpu();
  await client.query(`DROP SOURCE ${name} CASCADE`);
  await client.end();
  const cpu = (part: keyof CpuSeconds): number => ((after[part] - before[part]) * 1e6) / count;
  return { rate: count / seconds, cpu: [cpu('main'), cpu('workers'), cpu('engine')] };
}

/** Of several runs, the one in the middle. */
function middle<T>(measured: readonly T[], rateOf: (one: T) => number): T {
  const sorted = [...measured].sort((a, b) => rateOf(a) - rateOf(b));
  return must(sorted[sorted.length >> 1]);
}

const server = await startServer(true);
const rows: string[][] = [];
try {
  for (const [i, variant] of variants.entries()) {
    const all: Measured[] = [];
    const bare: number[] = [];
    for (let run = 0; run < runs; run++) {
      all.push(await throughServer(server, variant, `m${i}_${run}`));
      bare.push(await bareClient(variant, `b${i}_${run}`));
    }
    const mine = middle(all, ({ rate }) => rate);
    rows.push([
      `MQTT ${variant.version}, ${variant.inflight} under way`,
      mine.rate.toFixed(0),
      mine.cpu.map((millis) => millis.toFixed(0)).join(' / '),
      middle(bare, (rate) => rate).toFixed(0),
    ]);
  }
} finally {
  await server.close();
  await broker.close();
}
const header = ['', 'Millrace, messages/s', 'CPU ms per 1000', 'mqtt package, messages/s'];
console.log(markdownTable(header, rows));
