/** The reader of NATS JetStream against a real server. */

import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Position } from '../../../connector/connector.ts';
import { nats } from '../../../connector/nats/source.ts';
import { checkOptions } from '../../../connector/options.ts';
import type { RemoteConfig, RemoteReader, RemoteRecord } from '../../../connector/remote.ts';
import { nats as kind, startNats } from '../../../scripts/servers/nats.ts';
import type { ServerProcess } from '../../../scripts/servers/server.ts';

const missing = (): boolean => {
  if (kind.installed()) return false;
  expect(process.env.MILLRACE_REQUIRE_SERVERS, `it needs ${kind.needs}`).not.toBe('1');
  return true;
};

let server: ServerProcess | null = null;
let connection: NatsConnection | null = null;

const url = (): string => server?.url ?? '';
const client = async (): Promise<NatsConnection> => {
  if (connection === null || connection.isClosed()) {
    connection = await connect({ servers: url(), reconnect: false });
  }
  return connection;
};

function config(options: Readonly<Record<string, string>>): RemoteConfig {
  const given = new Map(Object.entries({ server_url: url(), ...options }));
  return { identity: 't_1', name: 'source', options: checkOptions(nats, given) };
}

async function publish(subject: string, from: number, to: number): Promise<void> {
  const js = jetstream(await client());
  for (let i = from; i < to; i++) await js.publish(subject, JSON.stringify({ n: i }));
}

/** Reads until so many have come. */
async function take(
  reader: RemoteReader,
  count: number,
): Promise<{ records: RemoteRecord[]; position: Position }> {
  const records: RemoteRecord[] = [];
  let position: Position = {};
  for (let rounds = 0; records.length < count && rounds < 20; rounds++) {
    const got = await reader.fetch(Math.min(3, count - records.length), new AbortController().signal);
    records.push(...got.records);
    position = got.position;
  }
  return { records, position };
}

const numbers = (records: readonly RemoteRecord[]): number[] =>
  records.map((r) => JSON.parse(new TextDecoder().decode(r.value ?? new Uint8Array())).n);

const upTo = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

async function stream(name: string, subjects: string[], more: Readonly<Record<string, unknown>> = {}) {
  const manager = await jetstreamManager(await client());
  await manager.streams.add({ name, subjects, ...more });
  return manager;
}

beforeAll(async () => {
  if (kind.installed()) server = await startNats();
});
afterAll(async () => {
  await connection?.close();
  await server?.close();
});

describe('nats', () => {
  it('gives each message once over restarts of the reader and of the server', async () => {
    if (missing()) return;
    await stream('orders', ['orders.*']);
    await publish('orders.a', 0, 10);
    expect(await nats.check(config({ subject: 'orders.*' }))).toEqual({ partitions: ['orders'] });
    let reader = await nats.open(config({ subject: 'orders.*' }), null);
    const first = await take(reader, 7);
    expect(numbers(first.records)).toEqual(upTo(0, 7));
    expect(first.records[0]).toMatchObject({
      partition: 'orders',
      offset: '1',
      fields: { subject: 'orders.a' },
    });
    await reader.close();
    reader = await nats.open(config({ subject: 'orders.*' }), first.position);
    expect(numbers((await take(reader, 2)).records)).toEqual([7, 8]);
    expect(reader.progress()).toMatchObject([{ partition: 'orders', offset: '10', lag: 1n, note: null }]);
    const { position } = await take(reader, 1);
    await server?.kill();
    await expect(take(reader, 1)).rejects.toMatchObject({ state: '08006' });
    await reader.close();
    await expect(nats.open(config({ subject: 'orders.*' }), position)).rejects.toMatchObject({
      state: '08001',
    });
    await server?.start();
    await publish('orders.b', 10, 20);
    reader = await nats.open(config({ subject: 'orders.*' }), position);
    expect(numbers((await take(reader, 10)).records)).toEqual(upTo(10, 20));
    await reader.close();
  });

  it('begins where it is told', async () => {
    if (missing()) return;
    await stream('starts', ['starts']);
    await publish('starts', 0, 3);
    const manager = await jetstreamManager(await client());
    const third = await manager.streams.getMessage('starts', { seq: 3 });
    const from = async (options: Readonly<Record<string, string>>, count: number): Promise<number[]> => {
      const reader = await nats.open(config({ subject: 'starts', ...options }), null);
      const got = await take(reader, count);
      await reader.close();
      return numbers(got.records);
    };
    expect(await from({ 'scan.startup.mode': 'sequence', 'scan.startup.sequence': '2' }, 2)).toEqual([1, 2]);
    const millis = String(third?.time.getTime() ?? 0);
    const since = await from(
      { 'scan.startup.mode': 'timestamp', 'scan.startup.timestamp.millis': millis },
      1,
    );
    expect(since.length).toBe(1);
    const later = String((third?.time.getTime() ?? 0) + 60_000);
    const reader = await nats.open(
      config({ subject: 'starts', 'scan.startup.mode': 'timestamp', 'scan.startup.timestamp.millis': later }),
      null,
    );
    expect((await take(reader, 0)).records).toEqual([]);
    await reader.close();
    const latest = await nats.open(config({ subject: 'starts', 'scan.startup.mode': 'latest' }), null);
    const begun = await latest.fetch(10, new AbortController().signal);
    expect(begun.records).toEqual([]);
    await latest.close();
    await publish('starts', 3, 5);
    const again = await nats.open(
      config({ subject: 'starts', 'scan.startup.mode': 'latest' }),
      begun.position,
    );
    expect(numbers((await take(again, 2)).records)).toEqual([3, 4]);
    await again.close();
  });

  it('moves on over messages of other subjects, and gives headers', async () => {
    if (missing()) return;
    await stream('mixed', ['mixed.>']);
    await publish('mixed.other', 0, 5);
    const reader = await nats.open(config({ subject: 'mixed.mine' }), null);
    await take(reader, 0);
    const h = headers();
    h.append('trace', 'a');
    await jetstream(await client()).publish('mixed.mine', '{"n":1}', { headers: h });
    const { records, position } = await take(reader, 1);
    expect(records[0]?.offset).toBe('6');
    expect(
      records[0]?.headers.map(([name, value]) => [name, new TextDecoder().decode(value ?? undefined)]),
    ).toEqual([['trace', 'a']]);
    expect(position).toMatchObject({ next: '7' });
    await publish('mixed.other', 0, 5);
    const idle = await reader.fetch(10, new AbortController().signal);
    expect(idle.position).toMatchObject({ next: '12' });
    await reader.close();
  });

  it('tells of messages that the stream has given up', async () => {
    if (missing()) return;
    const manager = await stream('short', ['short'], { max_msgs: 5 });
    await publish('short', 0, 3);
    const reader = await nats.open(config({ subject: 'short' }), null);
    const { position } = await take(reader, 3);
    await reader.close();
    await publish('short', 3, 13);
    await expect(nats.open(config({ subject: 'short' }), position)).rejects.toMatchObject({ state: '55000' });
    const on = await nats.open(config({ subject: 'short', 'retention.overrun': 'earliest' }), position);
    expect(numbers((await take(on, 5)).records)).toEqual(upTo(8, 13));
    expect(on.progress()[0]?.note).toContain('begins at sequence 9, 4 is next (5 messages at most)');
    await on.close();
    await manager.streams.delete('short');
    await expect(nats.open(config({ subject: 'short' }), position)).rejects.toMatchObject({ state: '42704' });
    await stream('short', ['short']);
    await publish('short', 0, 2);
    await expect(nats.open(config({ subject: 'short' }), position)).rejects.toMatchObject({ state: '55000' });
    const anew = await nats.open(config({ subject: 'short', 'retention.overrun': 'earliest' }), position);
    expect(numbers((await take(anew, 2)).records)).toEqual([0, 1]);
    expect(anew.progress()[0]?.note).toContain('was made anew');
    await anew.close();
  });

  it('says what is wrong with a configuration, and no secret', async () => {
    if (missing()) return;
    const closed = { server_url: 'nats://127.0.0.1:1', subject: 's' };
    await expect(nats.check(config(closed))).rejects.toMatchObject({ state: '08001' });
    await expect(nats.check(config({ subject: 'nobody' }))).rejects.toMatchObject({ state: '42704' });
    await expect(nats.check(config({ subject: 's', stream: 'nobody' }))).rejects.toMatchObject({
      state: '42704',
    });
    await expect(nats.check(config({ subject: 's', server_url: 'http://x' }))).rejects.toMatchObject({
      state: '22023',
    });
    await expect(nats.check(config({ subject: 's', connect_mode: 'token' }))).rejects.toMatchObject({
      state: '22023',
    });
    const guarded = await startNats(['authorization { token: "right" }']);
    try {
      const wrong = config({ server_url: guarded.url, subject: 's', connect_mode: 'token', token: 'wr0ng' });
      const error = await nats.check(wrong).then(
        () => null,
        (e: unknown) => e,
      );
      expect(error).toMatchObject({ state: '28P01' });
      expect(String(error)).not.toContain('wr0ng');
      const right = config({ server_url: guarded.url, subject: 's', connect_mode: 'token', token: 'right' });
      await expect(nats.check(right)).rejects.toMatchObject({ state: '42704' });
    } finally {
      await guarded.close();
    }
  });
});
