/**
 * Clients for Kafka in one run on one real broker: reading a million messages of 200 bytes from 1 and 4 partitions and with
 * every codec, writing, and what they do about aborted transactions, a transactional id that is used again, and a broker that
 * restarts. kafkajs takes part where it is installed (`npm install --no-save kafkajs`).
 *
 * Run: node bench/kafkaClients.ts [--messages N]
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { CompressionCodec } from '../connector/kafka/compression.ts';
import { startKafka } from '../scripts/servers/kafka.ts';
import { createTopic, produce } from '../test/harness/kafka.ts';
import { bidMessage, MESSAGE_BYTES, produceBids } from './support/kafkaMessages.ts';
import { kafkaPeers, type Peer } from './support/kafkaPeers.ts';
import { markdownTable } from './support/statistics.ts';

const { values } = parseArgs({ options: { messages: { type: 'string', default: '1000000' } } });
const count = Number(values.messages);
const WAIT_MILLIS = 120_000;
const SETTLE_MILLIS = 1500;

const broker = await startKafka();
const peers = await kafkaPeers();

/** Waits until `done` holds; false: it has not, for too long. */
async function until(done: () => boolean, millis: number): Promise<boolean> {
  const end = performance.now() + millis;
  while (!done()) {
    if (performance.now() > end) return false;
    await sleep(5);
  }
  return true;
}

async function reading(peer: Peer, topic: string): Promise<string> {
  let seen = 0;
  let bytes = 0;
  const cpu = process.cpuUsage();
  const start = performance.now();
  let first = start;
  const stop = await peer.consume(broker.url, topic, (batch) => {
    if (seen === 0) first = performance.now();
    seen += batch.length;
    for (const value of batch) bytes += value?.length ?? 0;
  });
  const all = await until(() => seen >= count, WAIT_MILLIS);
  const seconds = (performance.now() - first) / 1000;
  const used = process.cpuUsage(cpu);
  await stop();
  if (!all || bytes !== count * MESSAGE_BYTES) return `got ${seen} of ${count}`;
  return `${Math.round(count / seconds / 1000)} k/s, ${((used.user + used.system) / 1e6).toFixed(1)} CPU s`;
}

async function readings(): Promise<void> {
  const topics: readonly [name: string, partitions: number, codec: CompressionCodec][] = [
    ['1 partition', 1, 'none'],
    ['4 partitions', 4, 'none'],
    ['gzip', 4, 'gzip'],
    ['snappy', 4, 'snappy'],
    ['lz4', 4, 'lz4'],
    ['zstd', 4, 'zstd'],
  ];
  const readers = peers.filter((p) => !p.name.endsWith('-1/-1'));
  const rows: string[][] = [];
  for (const [name, partitions, codec] of topics) {
    const topic = `read-${name.replace(' ', '-')}`;
    await createTopic(broker, topic, partitions);
    await produceBids(broker.url, topic, count, partitions, codec);
    const row = [name];
    for (const peer of readers)
      row.push(peer.codecs.has(codec) ? await reading(peer, topic) : 'not supported');
    rows.push(row);
  }
  report('Reading', ['', ...readers.map((p) => p.name)], rows);
}

function* batches(size: number): Iterable<readonly Buffer[]> {
  for (let at = 0; at < count / 4; at += size)
    yield Array.from({ length: size }, (_, i) => bidMessage(at + i));
}

async function writings(): Promise<void> {
  const rows: string[][] = [];
  for (const peer of peers.filter((p) => !p.name.endsWith('-1/-1'))) {
    const topic = `write-${rows.length}`;
    await createTopic(broker, topic);
    const cpu = process.cpuUsage();
    const start = performance.now();
    await peer.produce(broker.url, topic, batches(1000));
    const seconds = (performance.now() - start) / 1000;
    const used = process.cpuUsage(cpu);
    rows.push([
      peer.name,
      `${Math.round(count / 4 / seconds / 1000)} k/s`,
      ((used.user + used.system) / 1e6).toFixed(1),
    ]);
  }
  report('Writing, batches of 1000, acks=all, one after the other', ['', 'messages/s', 'CPU s'], rows);
}

const outcome = async (act: () => Promise<string>): Promise<string> => {
  try {
    return await act();
  } catch (error) {
    return `fails: ${error instanceof Error ? error.message : String(error)}`;
  }
};

/** Two aborted transactions of one producer and one committed: how many values a reader shows. */
async function transactions(): Promise<void> {
  const rows: string[][] = [];
  for (const peer of peers) {
    const topic = `txn-${rows.length}`;
    await createTopic(broker, topic);
    const again = await outcome(async () => {
      for (let round = 0; round < 3; round++) {
        const writer = await peer.transactions(broker.url, topic);
        await writer.run(topic, 'committed', 'commit');
        await writer.close();
      }
      return 'works';
    });
    const aborted = `aborted-${rows.length}`;
    await createTopic(broker, aborted);
    const writer = await millraceTransactions(aborted);
    for (const end of ['abort', 'abort', 'commit', 'abort'] as const) await writer.run(aborted, end, end);
    await writer.close();
    const seen: string[] = [];
    const stop = await peer.consume(broker.url, aborted, (batch) => {
      for (const value of batch) seen.push(Buffer.from(value ?? []).toString());
    });
    await until(() => seen.includes('commit'), 10_000);
    await sleep(SETTLE_MILLIS);
    await stop();
    rows.push([peer.name, again, `${seen.filter((v) => v === 'abort').length} of 3`]);
  }
  report(
    'Transactions',
    ['', 'three producers of one transactional id', 'aborted messages that read_committed shows'],
    rows,
  );
}

async function millraceTransactions(id: string) {
  const [peer] = peers;
  if (peer === undefined) throw new Error('no clients');
  return await peer.transactions(broker.url, id);
}

async function restarts(): Promise<void> {
  const rows: string[][] = [];
  for (const peer of peers.filter((p) => !p.name.endsWith('-1/-1'))) {
    const topic = `restart-${rows.length}`;
    await createTopic(broker, topic);
    await produce(broker, topic, [{ value: 'a' }]);
    let seen = 0;
    const stop = await peer.consume(broker.url, topic, (batch) => {
      seen += batch.length;
    });
    await until(() => seen === 1, 20_000);
    await broker.kill();
    await broker.start();
    await produce(broker, topic, [{ value: 'b' }]);
    const start = performance.now();
    const went = await until(() => seen === 2, 45_000);
    rows.push([
      peer.name,
      went ? `goes on ${((performance.now() - start) / 1000).toFixed(1)} s after` : `saw ${seen} of 2`,
    ]);
    await Promise.race([stop().catch(() => {}), sleep(5000)]);
  }
  report('A broker that is killed and started again', ['', ''], rows);
}

function report(title: string, head: readonly string[], rows: readonly (readonly string[])[]): void {
  process.stdout.write(`\n${title}\n\n${markdownTable(head, rows)}\n`);
}

await readings();
await writings();
await transactions();
await restarts();
await broker.close();
process.exit(0);
