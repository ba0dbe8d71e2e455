/** The Redis sink against a real server. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { redisSink } from '../../../connector/redis/sink.ts';
import type { SinkChange } from '../../../connector/sink.ts';
import { redisServer, startRedis } from '../../../scripts/servers/redis.ts';
import type { ServerProcess } from '../../../scripts/servers/server.ts';
import { contents, deliver, keyCount, redisConfig, ttlOf } from './support.ts';

const installed = redisServer.installed();
const came = (...row: readonly (number | string | null)[]): SinkChange => ({ before: null, after: row });
const went = (...row: readonly (number | string | null)[]): SinkChange => ({ before: row, after: null });

if (!installed) {
  it('is tested where redis-server is installed; it is missing here', () => {
    expect(process.env.MILLRACE_REQUIRE_SERVERS, 'redis-server is required but missing').not.toBe('1');
  });
}

const suite = (): void => {
  let server: ServerProcess;
  let url = '';
  let database = 0;

  beforeAll(async () => {
    server = await startRedis();
  });
  beforeEach(() => {
    url = `${server.url}/${database++}`;
  });
  afterAll(() => server.close());

  it('keeps a key for each row, with the epoch, and forgets rows that go', async () => {
    const config = redisConfig({ 'redis.url': url, 'key.prefix': 'user:' });
    const writer = await redisSink.open(config);
    expect(await writer.recover()).toBe(null);
    await deliver(writer, 7n, [came(1, 'Ann'), came(2, 'Bob'), came(3, null)]);
    await deliver(writer, 9n, [{ before: [1, 'Ann'], after: [1, 'Anna'] }, went(2, 'Bob')]);
    await writer.close();
    expect(await contents(url)).toEqual({
      'user:1': '{"id":1,"name":"Anna"}',
      'user:3': '{"id":3,"name":null}',
      'millrace:sink:aa': '9',
    });
    const again = await redisSink.open(config);
    expect(await again.recover()).toBe(9n);
    await again.close();
  });

  it('has nothing of a transaction that was prepared and not committed', async () => {
    const writer = await redisSink.open(redisConfig({ 'redis.url': url }));
    await writer.recover();
    await deliver(writer, 1n, [came(1, 'a')], false);
    await writer.close();
    expect(await contents(url)).toEqual({});
  });

  it('writes hashes, and lets keys expire', async () => {
    const options = { 'redis.url': url, 'redis.type': 'hash', 'redis.ttl_seconds': '100' };
    const writer = await redisSink.open(redisConfig(options));
    await writer.recover();
    await deliver(writer, 1n, [came(1, 'a'), came(2, 'b')]);
    await deliver(writer, 2n, [{ before: [2, 'b'], after: [2, null] }]);
    await writer.close();
    expect(await contents(url)).toMatchObject({ '1': { id: '1', name: 'a' }, '2': { id: '2' } });
    expect(await ttlOf(url, '1')).toBeGreaterThan(90);
    expect(await ttlOf(url, 'millrace:sink:aa')).toBe(-1);
  });

  it('tells rows apart whose key has several columns', async () => {
    const writer = await redisSink.open(redisConfig({ 'redis.url': url }, { key: [0, 1] }));
    await writer.recover();
    await deliver(writer, 1n, [came(1, 'a:b'), came(1, '%3A'), came(1, null), came(1, '%N'), came(1, '')]);
    await writer.close();
    const keys = Object.keys(await contents(url)).filter((key) => !key.startsWith('millrace'));
    expect(keys.sort()).toEqual(['1:', '1:%253A', '1:%25N', '1:%N', '1:a%3Ab']);
  });

  it('fills templates', async () => {
    const encodeOptions = new Map([
      ['key_format', 'u/{id}'],
      ['value_format', '{"who": "{name}", "id": {id}}'],
    ]);
    const config = redisConfig({ 'redis.url': url }, { encode: 'TEMPLATE', encodeOptions });
    const writer = await redisSink.open(config);
    await writer.recover();
    await deliver(writer, 1n, [came(1, 'Ann'), came(2, null)]);
    await deliver(writer, 2n, [went(2, null)]);
    await writer.close();
    expect(await contents(url)).toMatchObject({ 'u/1': '{"who": "Ann", "id": 1}' });
    const wrong = (key: string, value: string) =>
      redisSink.open({
        ...config,
        encodeOptions: new Map([
          ['key_format', key],
          ['value_format', value],
        ]),
      });
    await expect(wrong('u', '{id}')).rejects.toMatchObject({ state: '22023' });
    await expect(wrong('{id}', '{nobody}')).rejects.toMatchObject({ state: '42703' });
  });

  it('writes more keys than fit into one transaction', async () => {
    const writer = await redisSink.open(redisConfig({ 'redis.url': url }));
    await writer.recover();
    const transaction = await writer.begin(1n);
    for (let part = 0; part < 6; part++) {
      const changes = Array.from({ length: 4096 }, (_, i) => came(part * 4096 + i, 'x'));
      await transaction.write({ epoch: 1n, at: 0n, first: part * 4096, changes });
    }
    await transaction.prepare(1n);
    expect(await keyCount(url)).toBe(5 * 4096);
    await transaction.commit();
    await writer.close();
    expect(await keyCount(url)).toBe(6 * 4096 + 1);
  });

  it('has its epoch again after the server was killed', async () => {
    const config = redisConfig({ 'redis.url': url });
    const writer = await redisSink.open(config);
    await writer.recover();
    await deliver(writer, 5n, [came(1, 'a')]);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await server.kill();
    await expect(deliver(writer, 6n, [came(2, 'b')])).rejects.toMatchObject({ state: '08006' });
    await writer.close();
    await expect((await redisSink.open(config)).recover()).rejects.toMatchObject({ state: '08001' });
    await server.start();
    const again = await redisSink.open(config);
    expect(await again.recover()).toBe(5n);
    await again.close();
  });

  it('says what is wrong, without the password', async () => {
    const locked = await startRedis({ password: 'sesame' });
    try {
      const bad = `redis://:wrong-one@127.0.0.1:${locked.port}`;
      const error = await redisSink
        .open(redisConfig({ 'redis.url': bad }))
        .then((writer) => writer.recover())
        .catch((e: unknown) => e);
      expect(error).toMatchObject({ state: '28P01' });
      expect(JSON.stringify(error) + String(error)).not.toContain('wrong-one');
      const open = await redisSink.open(redisConfig({ 'redis.url': locked.url }));
      expect(await open.recover()).toBe(null);
      await open.close();
    } finally {
      await locked.close();
    }
    const invalid = (options: Readonly<Record<string, string>>, more = {}) =>
      redisSink.open(redisConfig(options, more)).then((writer) => writer.recover());
    await expect(invalid({ 'redis.url': 'http://x' })).rejects.toMatchObject({ state: '22023' });
    await expect(invalid({ 'redis.url': '["redis://a"]' })).rejects.toMatchObject({ state: '0A000' });
    await expect(invalid({ 'redis.url': `${server.url}/99` })).rejects.toMatchObject({ state: '22023' });
    await expect(invalid({ 'redis.url': url }, { key: null })).rejects.toMatchObject({ state: '42P16' });
  });

  it('speaks TLS, to servers that it can trust', async () => {
    const secure = await startRedis({ tls: true });
    try {
      const trusting = redisConfig({ 'redis.url': secure.url, 'redis.tls.ca': secure.caFile ?? '' });
      const writer = await redisSink.open(trusting);
      expect(await writer.recover()).toBe(null);
      await deliver(writer, 1n, [came(1, 'a')]);
      await writer.close();
      const wary = await redisSink.open(redisConfig({ 'redis.url': secure.url }));
      await expect(wary.recover()).rejects.toMatchObject({
        state: '08001',
        message: expect.stringContaining('a certificate that is not trusted'),
      });
    } finally {
      await secure.close();
    }
  });

  it('refuses a cluster', async () => {
    const cluster = await startRedis({ args: ['--cluster-enabled', 'yes'] });
    try {
      const writer = await redisSink.open(redisConfig({ 'redis.url': cluster.url }));
      await expect(writer.recover()).rejects.toMatchObject({ state: '0A000' });
    } finally {
      await cluster.close();
    }
  });
};

if (installed) describe('redis sink', suite);
