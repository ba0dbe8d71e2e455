/** The reader of MQTT against a real broker. */
import { connectAsync, type IClientPublishOptions, type MqttClient } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Position } from '../../../connector/connector.ts';
import { mqtt } from '../../../connector/mqtt/source.ts';
import { checkOptions } from '../../../connector/options.ts';
import type { RemoteConfig, RemoteReader, RemoteRecord } from '../../../connector/remote.ts';
import { mosquitto as kind, startMosquitto } from '../../../scripts/servers/mosquitto.ts';
import type { ServerProcess } from '../../../scripts/servers/server.ts';

const missing = (): boolean => {
  if (kind.installed()) return false;
  expect(process.env.MILLRACE_REQUIRE_SERVERS, `it needs ${kind.needs}`).not.toBe('1');
  return true;
};

let server: ServerProcess | null = null;
const url = (): string => server?.url ?? '';
let identities = 0;

function config(options: Readonly<Record<string, string>>, identity = `t${++identities}`): RemoteConfig {
  const given = new Map(Object.entries({ url: url(), ...options }));
  return { identity, name: 'source', options: checkOptions(mqtt, given) };
}

async function publish(
  topic: string,
  numbers: readonly number[],
  options: IClientPublishOptions = { qos: 2 },
) {
  const client: MqttClient = await connectAsync(url(), { reconnectPeriod: 0 });
  for (const n of numbers) await client.publishAsync(topic, JSON.stringify({ n }), options);
  await client.endAsync();
}

const upTo = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

const signal = new AbortController().signal;

/** Reads until so many have come; `durable` acknowledges each position as the runtime does. */
async function take(reader: RemoteReader, count: number, durable = true) {
  const records: RemoteRecord[] = [];
  let position: Position = {};
  for (let rounds = 0; records.length < count && rounds < 40; rounds++) {
    const got = await reader.fetch(Math.min(7, count - records.length), signal);
    records.push(...got.records);
    position = got.position;
    if (durable) await reader.acknowledge(position);
  }
  return { records, position, numbers: numbersOf(records) };
}

const numbersOf = (records: readonly RemoteRecord[]): number[] =>
  records.map((r) => JSON.parse(new TextDecoder().decode(r.value ?? new Uint8Array())).n);

/** What is left: until nothing comes any more. */
async function rest(reader: RemoteReader): Promise<number[]> {
  const found: number[] = [];
  for (let empty = 0; empty < 1; ) {
    const got = await reader.fetch(100, signal);
    await reader.acknowledge(got.position);
    found.push(...numbersOf(got.records));
    empty = got.records.length === 0 ? empty + 1 : 0;
  }
  return found;
}

beforeAll(async () => {
  if (kind.installed()) server = await startMosquitto();
});
afterAll(async () => {
  await server?.close();
});

describe('mqtt', () => {
  it.each(['3.1.1', '5'])(
    'reads topics with wildcards, what came while it was away too (%s)',
    async (version) => {
      if (missing()) return;
      const c = config({ topic: `v${version}/+/in/#`, 'mqtt.version': version });
      expect(await mqtt.check(c)).toEqual({ partitions: ['0'] });
      let reader = await mqtt.open(c, null);
      const first = await take(reader, 0);
      expect(first.records).toEqual([]);
      await publish(`v${version}/a/in/x`, upTo(0, 10));
      await publish(`v${version}/a/out`, upTo(100, 105));
      const got = await take(reader, 10);
      expect(got.numbers).toEqual(upTo(0, 10));
      expect(got.records[9]).toMatchObject({
        partition: '0',
        offset: '10',
        fields: { topic: `v${version}/a/in/x`, qos: '1', retain: 'false' },
      });
      await reader.close();
      await publish(`v${version}/b/in`, upTo(10, 20));
      reader = await mqtt.open(c, got.position);
      expect((await take(reader, 10)).numbers).toEqual(upTo(10, 20));
      expect(await rest(reader)).toEqual([]);
      await reader.close();
    },
  );

  it('keeps what comes between the check and the reader', async () => {
    if (missing()) return;
    for (const version of ['3.1.1', '5']) {
      await publish(`early/${version}`, [0], { qos: 1, retain: true });
      const c = config({ topic: `early/${version}`, 'mqtt.version': version });
      await mqtt.check(c);
      await publish(`early/${version}`, upTo(1, 5));
      const reader = await mqtt.open(c, null);
      const { numbers, position } = await take(reader, 5);
      expect(numbers.sort()).toEqual(upTo(0, 5));
      // Nothing moves while nothing comes.
      expect((await reader.fetch(10, signal)).position).toBe(position);
      await reader.close();
    }
  });

  it('gets again what was not acknowledged', async () => {
    if (missing()) return;
    const c = config({ topic: 'unacked' });
    let reader = await mqtt.open(c, null);
    await publish('unacked', upTo(0, 10));
    const got = await take(reader, 4);
    const lost = await take(reader, 6, false);
    expect([...got.numbers, ...lost.numbers]).toEqual(upTo(0, 10));
    await reader.close();
    reader = await mqtt.open(c, got.position);
    expect(await rest(reader)).toEqual(lost.numbers);
    await reader.close();
  });

  it.each(['1', '2'])('gives each once when the broker is killed under it (qos %s)', async (qos) => {
    if (missing()) return;
    const c = config({ topic: `killed${qos}`, qos });
    const reader = await mqtt.open(c, null);
    await publish(`killed${qos}`, upTo(0, 10));
    const first = await take(reader, 10, false);
    // The broker writes its sessions to its disk.
    await server?.stop();
    await server?.start();
    await reader.acknowledge(first.position);
    await publish(`killed${qos}`, upTo(10, 20));
    const second = [...(await take(reader, 10)).numbers, ...(await rest(reader))];
    expect([...first.numbers, ...second]).toEqual(upTo(0, 20));
    await reader.close();
  });

  it('gives each message of QoS 2 once over restarts of the reader at any moment', async () => {
    if (missing()) return;
    const c = config({ topic: 'once', qos: '2' });
    let reader = await mqtt.open(c, null);
    let position: Position = {};
    await publish('once', upTo(0, 200));
    const found: number[] = [];
    for (let turn = 0; found.length < 200 && turn < 400; turn++) {
      const got = await reader.fetch(5, signal);
      found.push(...numbersOf(got.records));
      // It is durable from here on; the answers go out, or the process ends before.
      position = got.position;
      if (turn % 3 !== 2) await reader.acknowledge(position);
      if (turn % 4 === 3) {
        await reader.close();
        reader = await mqtt.open(c, position);
      }
    }
    found.push(...(await rest(reader)));
    expect(found).toEqual(upTo(0, 200));
    await reader.close();
  });

  it('takes retained messages once, or not at all', async () => {
    if (missing()) return;
    await publish('kept/a', [1], { qos: 1, retain: true });
    const c = config({ topic: 'kept/#' });
    let reader = await mqtt.open(c, null);
    const got = await take(reader, 1);
    expect(got.records[0]?.fields).toMatchObject({ retain: 'true' });
    await reader.close();
    reader = await mqtt.open(c, got.position);
    expect(await rest(reader)).toEqual([]);
    await reader.close();
    const without = await mqtt.open(config({ topic: 'kept/#', retained: 'false' }), null);
    expect(await rest(without)).toEqual([]);
    await without.close();
    expect(numbersOf((await mqtt.sample?.(c, 1)) ?? [])).toEqual([1]);
  });

  it('tells partitions by topic, and shares a subscription', async () => {
    if (missing()) return;
    const c = config({ topic: 'parts/+', 'partition.by': 'topic' });
    expect(await mqtt.check(c)).toEqual({ partitions: [] });
    const reader = await mqtt.open(c, null);
    const shared = config({ topic: '$share/g/parts/+' });
    await mqtt.check(shared);
    const [a, b] = [await mqtt.open(shared, null), await mqtt.open({ ...shared, identity: 'other' }, null)];
    await publish('parts/x', upTo(0, 5));
    await publish('parts/y', upTo(5, 10));
    const got = await take(reader, 10);
    expect(new Set(got.records.map((r) => r.partition))).toEqual(new Set(['parts/x', 'parts/y']));
    expect(reader.progress().map((p) => [p.partition, p.offset])).toEqual([
      ['parts/x', '6'],
      ['parts/y', '11'],
    ]);
    const both = [...(await rest(a)), ...(await rest(b))];
    expect(both.sort((x, y) => x - y)).toEqual(upTo(0, 10));
    for (const r of [reader, a, b]) await r.close();
  });

  it('says what is wrong with a configuration, and no secret', async () => {
    if (missing()) return;
    const states = async (options: Readonly<Record<string, string>>): Promise<unknown> =>
      mqtt.check(config({ topic: 't', ...options })).then(
        () => null,
        (error: { state: string }) => error.state,
      );
    expect(await states({ url: 'mqtt://127.0.0.1:1' })).toBe('08001');
    expect(await states({ url: 'http://127.0.0.1' })).toBe('22023');
    expect(await states({ topic: 'a/#/b' })).toBe('22023');
    expect(await states({ topic: 'a+/b' })).toBe('22023');
    expect(await states({ url: url().replace('mqtt:', 'mqtts:'), 'connect.timeout.ms': '1000' })).toBe(
      '08001',
    );
    // reader : right
    const guarded = await startMosquitto(
      [],
      'reader:$7$101$WFcElPQC0RPKRYff$WnIwtcANcu+0GnK4DdLIzjuPKJmnaMu9FLpj4vZpbQoMorjLoep9bP3pDlQ+cJVM5Fbsi5qkvy9t7gfzQJhvvg==\n',
    );
    try {
      expect(await states({ url: guarded.url })).toBe('28P01');
      const wrong = config({ url: guarded.url, topic: 't', username: 'reader', password: 'wr0ng' });
      const error = await mqtt.check(wrong).then(
        () => null,
        (e: unknown) => e,
      );
      expect(error).toMatchObject({ state: '28P01' });
      expect(JSON.stringify(error) + String(error)).not.toContain('wr0ng');
      const right = config({ url: guarded.url, topic: 't', username: 'reader', password: 'right' });
      expect(await mqtt.check(right)).toEqual({ partitions: ['0'] });
    } finally {
      await guarded.close();
    }
  });
});
