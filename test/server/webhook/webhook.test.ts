/** Rows by HTTP, through a server: what is accepted, refused, remembered, and there again after a kill. */
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { localSession, type RunningServer, startServer } from '../../../server/serve.ts';

let directory = '';
let server: RunningServer | null = null;

async function start(): Promise<RunningServer> {
  server = await startServer({
    host: '127.0.0.1',
    port: 0,
    httpPort: 0,
    dataDir: directory,
    checkpointIntervalMs: Number.POSITIVE_INFINITY,
    log: () => {},
  });
  return server;
}

function running(): RunningServer {
  if (server === null) throw new Error('not started');
  return server;
}

async function sql(text: string): Promise<readonly (readonly unknown[])[]> {
  const results = await localSession(running().database).run(text);
  return (results.at(-1)?.rows ?? []).map((row) => [...row]);
}

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly headers: Headers;
}

async function post(
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${running().httpPort}/webhook/${path}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  });
  return {
    status: response.status,
    body: (await response.json()) as Answer['body'],
    headers: response.headers,
  };
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-webhook-'));
  await start();
});
afterEach(async () => {
  await server?.close();
  server = null;
  rmSync(directory, { recursive: true, force: true });
});

describe('webhook', () => {
  it('takes objects, arrays and lines, packed or not, into a table and its views', async () => {
    await sql("CREATE TABLE orders (id int, item varchar) WITH (connector = 'webhook', auth = 'none')");
    await sql('CREATE MATERIALIZED VIEW per_item AS SELECT item, count(*) AS n FROM orders GROUP BY item');
    const path = 'dev/public/orders';
    expect((await post(path, '{"id":1,"item":"a"}')).body).toEqual({ accepted: 1, rejected: 0 });
    expect((await post(path, '[{"id":2,"item":"a"},{"id":3,"item":"b"}]')).body).toMatchObject({
      accepted: 2,
    });
    const lines = '{"id":4,"item":"b"}\n{"id":5,"item":"b"}\n';
    expect((await post(path, lines)).body).toMatchObject({ accepted: 2 });
    expect((await post(path, lines, { 'content-type': 'application/x-ndjson' })).body).toMatchObject({
      accepted: 2,
    });
    const packed = new Uint8Array(gzipSync('[{"id":6,"item":"c"}]'));
    expect((await post(path, packed, { 'content-encoding': 'gzip' })).body).toMatchObject({ accepted: 1 });
    expect((await post(path, '[]')).body).toEqual({ accepted: 0, rejected: 0 });
    expect(await sql('SELECT item, n FROM per_item ORDER BY item')).toEqual([
      ['a', 2n],
      ['b', 5n],
      ['c', 1n],
    ]);
  });

  it('puts the whole object into the only column when it is of jsonb', async () => {
    await sql("CREATE TABLE events (data jsonb) WITH (connector = 'webhook', auth = 'none')");
    await post('dev/public/events', '{"kind":"push","n":1}');
    expect(await sql("SELECT data->>'kind' FROM events")).toEqual([['push']]);
  });

  it('has what it acknowledged after the process ends without a word', async () => {
    await sql(
      "CREATE TABLE orders (id int PRIMARY KEY, item varchar) WITH (connector = 'webhook', auth = 'none')",
    );
    await sql('CREATE MATERIALIZED VIEW n AS SELECT count(*) AS n FROM orders');
    for (let id = 0; id < 20; id++) {
      const key = { 'idempotency-key': `k${id}` };
      expect((await post('dev/public/orders', `[{"id":${id}},{"id":"x"}]`, key)).status).toBe(200);
    }
    // A second server over a copy of the directory sees what a killed one leaves.
    const left = mkdtempSync(join(tmpdir(), 'millrace-webhook-'));
    const { cpSync } = await import('node:fs');
    cpSync(directory, left, { recursive: true, filter: (name) => !name.endsWith('lock') });
    await running().close();
    const [first, second] = [directory, left];
    directory = left;
    await start();
    expect(await sql('SELECT n FROM n')).toEqual([[20n]]);
    expect(await sql('SELECT count(*) FROM millrace_dead.orders')).toEqual([[20n]]);
    const again = await post('dev/public/orders', '[{"id":3},{"id":"x"}]', { 'idempotency-key': 'k3' });
    expect(again.body).toEqual({ accepted: 1, rejected: 1, repeated: true });
    expect((await post('dev/public/orders', '{"id":100}')).body).toMatchObject({ accepted: 1 });
    expect(await sql('SELECT n FROM n')).toEqual([[21n]]);
    await running().close();
    server = null;
    rmSync(first, { recursive: true, force: true });
    directory = second;
  });

  it('counts a request with a key once, also when it comes twice at the same time', async () => {
    await sql("CREATE TABLE t (a int) WITH (connector = 'webhook', auth = 'none')");
    const send = () => post('dev/public/t', '{"a":1}', { 'idempotency-key': 'same' });
    const answers = await Promise.all(Array.from({ length: 8 }, send));
    expect(answers.map((a) => a.status)).toEqual(Array(8).fill(200));
    expect(answers.filter((a) => a.body.repeated === true)).toHaveLength(7);
    expect(await sql('SELECT count(*) FROM t')).toEqual([[1n]]);
    const other = await post('dev/public/t', '{"a":2}', { 'idempotency-key': 'same' });
    expect(other.status).toBe(422);
    await sql("CREATE TABLE u (a int) WITH (connector = 'webhook', auth = 'none')");
    expect((await post('dev/public/u', '{"a":2}', { 'idempotency-key': 'same' })).body).toEqual({
      accepted: 1,
      rejected: 0,
    });
    expect((await post('dev/public/u', '{"a":2}', { 'idempotency-key': 'x'.repeat(256) })).status).toBe(400);
  });

  it('keeps what it cannot use as dead letters, or refuses the request', async () => {
    await sql("CREATE TABLE skips (a int NOT NULL, b int) WITH (connector = 'webhook', auth = 'none')");
    const body = '[{"a":1},{"a":"x"},{"b":2},7,{"a":2,"b":3}]';
    const answer = await post('dev/public/skips', body);
    expect(answer).toMatchObject({ status: 200, body: { accepted: 2, rejected: 3 } });
    expect((answer.body.errors as { record: number }[]).map((e) => e.record)).toEqual([1, 2, 3]);
    expect(await sql('SELECT a FROM skips ORDER BY a')).toEqual([[1], [2]]);
    expect(await sql('SELECT count(*) FROM millrace_dead.skips')).toEqual([[3n]]);
    await sql(
      "CREATE TABLE fails (a int NOT NULL) WITH (connector = 'webhook', auth = 'none', on_error = 'fail')",
    );
    expect(await post('dev/public/fails', body)).toMatchObject({ status: 400 });
    expect(await post('dev/public/fails', '[{"a":1},{"a":null}]')).toMatchObject({ status: 400 });
    expect(await sql('SELECT count(*) FROM fails')).toEqual([[0n]]);
    expect((await post('dev/public/fails', '{"a":1}')).status).toBe(200);
    await sql("CREATE TABLE nulls (a int) WITH (connector = 'webhook', auth = 'none', on_error = 'null')");
    expect((await post('dev/public/nulls', '{"a":"x"}')).body).toEqual({ accepted: 1, rejected: 0 });
    expect(await sql('SELECT a FROM nulls')).toEqual([[null]]);
  });

  it('keeps event time like other tables', async () => {
    await sql(
      "CREATE TABLE t (a int, at timestamptz, WATERMARK FOR at AS at - INTERVAL '1 second') APPEND ONLY WITH (connector = 'webhook', auth = 'none')",
    );
    await post('dev/public/t', '[{"a":1,"at":"2026-01-01T00:00:10Z"}]');
    await post('dev/public/t', '[{"a":2,"at":"2026-01-01T00:00:00Z"},{"a":3,"at":"2026-01-01T00:00:20Z"}]');
    const before = [
      await sql('SELECT a FROM t ORDER BY a'),
      await sql('SELECT count(*) FROM millrace_late.t'),
    ];
    await running().close();
    await start();
    expect([
      await sql('SELECT a FROM t ORDER BY a'),
      await sql('SELECT count(*) FROM millrace_late.t'),
    ]).toEqual(before);
    expect(before).toEqual([[[1], [3]], [[1n]]]);
  });

  it('checks tokens and signatures', async () => {
    await expect(
      sql("CREATE SOURCE s (a int) WITH (connector = 'webhook', auth = 'none')"),
    ).rejects.toMatchObject({ state: '0A000' });
    await expect(sql("CREATE TABLE open (a int) WITH (connector = 'webhook')")).rejects.toMatchObject({
      state: '22023',
    });
    await sql("CREATE TABLE t (a int) WITH (connector = 'webhook', token = 'sesame')");
    expect((await post('dev/public/t', '{"a":1}')).status).toBe(401);
    expect((await post('dev/public/t', '{"a":1}', { authorization: 'Bearer wrong' })).status).toBe(401);
    expect((await post('dev/public/t', '{"a":1}', { authorization: 'Bearer sesame' })).status).toBe(200);
    await sql("CREATE TABLE signed (a int) WITH (connector = 'webhook', hmac.secret = 'k')");
    const sign = (text: string) => createHmac('sha256', 'k').update(text).digest('hex');
    const body = '{"a":1}';
    expect((await post('dev/public/signed', body)).status).toBe(401);
    const header = (value: string) => ({ 'x-hub-signature-256': value });
    expect((await post('dev/public/signed', body, header(`sha256=${sign('{"a":2}')}`))).status).toBe(401);
    expect((await post('dev/public/signed', body, header(`sha256=${sign(body)}`))).status).toBe(200);
    await sql(
      "CREATE TABLE stripe (a int) WITH (connector = 'webhook', hmac.secret = 'k', hmac.header = 'Stripe-Signature', hmac.scheme = 'stripe')",
    );
    const signedAt = (t: number) => ({ 'stripe-signature': `t=${t},v1=${sign(`${t}.${body}`)}` });
    const now = Math.floor(Date.now() / 1000);
    expect((await post('dev/public/stripe', body, signedAt(now - 1000))).status).toBe(401);
    expect((await post('dev/public/stripe', body, signedAt(now))).status).toBe(200);
  });

  it('says what is wrong with a request', async () => {
    await sql("CREATE TABLE t (a int) WITH (connector = 'webhook', auth = 'none', max.body.bytes = '50')");
    await sql('CREATE TABLE plain (a int)');
    expect((await post('dev/public/nobody', '{}')).status).toBe(404);
    expect((await post('dev/public/plain', '{}')).status).toBe(404);
    expect((await post('other/public/t', '{}')).status).toBe(404);
    expect((await post('dev/public', '{}')).status).toBe(404);
    expect(await post('dev/public/t', '{"a":')).toMatchObject({ status: 400 });
    expect(await post('dev/public/t', '7')).toMatchObject({ status: 400 });
    expect(await post('dev/public/t', new Uint8Array([0x22, 0xff, 0x22]))).toMatchObject({ status: 400 });
    expect((await post('dev/public/t', `{"a":1,"b":"${'x'.repeat(50)}"}`)).status).toBe(413);
    const bomb = new Uint8Array(gzipSync('x'.repeat(1000)));
    expect((await post('dev/public/t', bomb, { 'content-encoding': 'gzip' })).status).toBe(413);
    expect((await post('dev/public/t', '{}', { 'content-encoding': 'gzip' })).status).toBe(400);
    expect((await post('dev/public/t', '{}', { 'content-encoding': 'br' })).status).toBe(415);
    const get = await fetch(`http://127.0.0.1:${running().httpPort}/webhook/dev/public/t`);
    expect(get.status).toBe(405);
    expect(await sql('SELECT count(*) FROM t')).toEqual([[0n]]);
  });

  it('holds requests up: a rate limit, a pause', async () => {
    await sql("CREATE TABLE t (a int) WITH (connector = 'webhook', auth = 'none', source_rate_limit = '2')");
    expect((await post('dev/public/t', '[{"a":1},{"a":2},{"a":3}]')).status).toBe(200);
    const answer = await post('dev/public/t', '{"a":4}');
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await sql('SELECT count(*) FROM t')).toEqual([[3n]]);
  });
});
