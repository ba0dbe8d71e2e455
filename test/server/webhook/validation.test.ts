/** VALIDATE: what it is over, what passes, what it says, and that it is the same after a restart. */
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

type Headers = Readonly<Record<string, string>>;

async function post(table: string, body: string | Uint8Array<ArrayBuffer>, headers: Headers = {}) {
  const response = await fetch(`http://127.0.0.1:${running().httpPort}/webhook/dev/public/${table}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const hex = (secret: string, body: string | Uint8Array, algorithm = 'sha256'): string =>
  createHmac(algorithm, secret).update(body).digest('hex');

/** As GitHub signs. */
const github = (secret: string, body: string | Uint8Array): Headers => ({
  'X-Hub-Signature-256': `sha256=${hex(secret, body)}`,
});

const SIGNED = `CREATE TABLE wh (data JSONB) WITH (connector = 'webhook')
  VALIDATE SECRET test_secret AS secure_compare(
    headers->>'x-hub-signature-256',
    'sha256=' || encode(hmac(test_secret, data, 'sha256'), 'hex')
  )`;
const SECRET = "CREATE SECRET test_secret WITH (backend = 'meta') AS 'TEST_WEBHOOK'";
const REFUSED = (why: string) => ({
  status: 401,
  body: { error: `VALIDATE refuses the request: ${why}` },
});

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-validate-'));
  await start();
});
afterEach(async () => {
  await server?.close();
  server = null;
  rmSync(directory, { recursive: true, force: true });
});

describe('VALIDATE', () => {
  it('takes what is signed with the secret, and nothing else', async () => {
    await sql(SECRET);
    await sql(SIGNED);
    const body = '{"kind":"push",  "n":1}';
    expect(await post('wh', body, github('TEST_WEBHOOK', body))).toMatchObject({
      status: 200,
      body: { accepted: 1 },
    });
    expect(await post('wh', body, github('another', body))).toEqual(REFUSED('it is false'));
    expect(await post('wh', `${body} `, github('TEST_WEBHOOK', body))).toEqual(REFUSED('it is false'));
    expect(await post('wh', body)).toEqual(REFUSED('it is NULL'));
    // The body as it came: packed.
    const packed = new Uint8Array(gzipSync(body));
    const gzip = { 'content-encoding': 'gzip' };
    const signed = { ...gzip, ...github('TEST_WEBHOOK', packed) };
    expect((await post('wh', packed, signed)).status).toBe(200);
    expect((await post('wh', packed, { ...gzip, ...github('TEST_WEBHOOK', body) })).status).toBe(401);
    expect(await sql("SELECT data->>'kind', count(*) FROM wh GROUP BY 1")).toEqual([['push', 2n]]);
    expect(
      await sql("SELECT refused_requests, bad_records FROM millrace_catalog.sources WHERE name = 'wh'"),
    ).toEqual([[4n, 0n]]);
    const metrics = await (await fetch(`http://127.0.0.1:${running().httpPort}/metrics`)).text();
    expect(metrics).toContain('millrace_source_refused_requests_total{source="wh",connector="webhook"} 4');
  });

  it('is there after a restart, and follows the secret', async () => {
    await sql(SECRET);
    await sql(SIGNED);
    const body = '{"n":1}';
    for (const checkpoint of [false, true]) {
      if (checkpoint) await sql('CHECKPOINT');
      await running().close();
      await start();
      expect((await post('wh', body)).status).toBe(401);
      expect((await post('wh', body, github('TEST_WEBHOOK', body))).status).toBe(200);
    }
    const [[, shown] = []] = await sql('SHOW CREATE TABLE wh');
    expect(shown).toContain('VALIDATE SECRET test_secret AS secure_compare(');
    expect(shown).not.toContain('TEST_WEBHOOK');
    await expect(sql('DROP SECRET test_secret')).rejects.toMatchObject({ state: '2BP01' });
    await sql("ALTER SECRET test_secret AS 'changed'");
    expect((await post('wh', body, github('TEST_WEBHOOK', body))).status).toBe(401);
    expect((await post('wh', body, github('changed', body))).status).toBe(200);
    await sql('ALTER TABLE wh RENAME TO hooks');
    await running().close();
    await start();
    expect((await post('hooks', body, github('TEST_WEBHOOK', body))).status).toBe(401);
    expect((await post('hooks', body, github('changed', body))).status).toBe(200);
    expect(await sql('SELECT count(*) FROM hooks')).toEqual([[4n]]);
  });

  it('is over headers and the body of a table of any columns', async () => {
    await sql(SECRET);
    await sql(`CREATE TABLE orders (id int, item varchar) WITH (connector = 'webhook')
      VALIDATE SECRET public.test_secret AS
        headers->>'x-shop' = 'tea' AND
        secure_compare(headers->>'x-sign', encode(hmac(test_secret, headers->>'x-at' || '.' || convert_from(payload, 'UTF8'), 'sha1'), 'base64')) AND
        (convert_from(payload, 'UTF8')::jsonb->>'id')::int > 0`);
    const send = (body: string, shop: string) => {
      const sign = createHmac('sha1', 'TEST_WEBHOOK').update(`77.${body}`).digest('base64');
      return post('orders', body, { 'X-At': '77', 'X-Shop': shop, 'X-Sign': sign });
    };
    expect((await send('{"id":1,"item":"a"}', 'tea')).status).toBe(200);
    expect(await send('{"id":1}', 'coffee')).toEqual(REFUSED('it is false'));
    expect(await send('{"id":0}', 'tea')).toEqual(REFUSED('it is false'));
    expect(await send('{"id":"x"}', 'tea')).toEqual(REFUSED('it fails with SQLSTATE 22P02'));
    await sql("CREATE TABLE open (a int) WITH (connector = 'webhook') VALIDATE AS headers->>'x-key' = 'k'");
    expect((await post('open', '{"a":1}', { 'x-key': 'k' })).status).toBe(200);
    expect((await post('open', '{"a":1}', { 'x-key': 'l' })).status).toBe(401);
    await sql(`CREATE TABLE fresh (a int) WITH (connector = 'webhook', token = 'sesame')
      VALIDATE AS to_timestamp((headers->>'x-time')::float8) > now() - INTERVAL '5 minutes'`);
    const now = Math.floor(Date.now() / 1000);
    const at = (time: number) => ({ authorization: 'Bearer sesame', 'x-time': String(time) });
    expect((await post('fresh', '{"a":1}', at(now))).status).toBe(200);
    expect((await post('fresh', '{"a":1}', at(now - 1000))).status).toBe(401);
    expect((await post('fresh', '{"a":1}', { 'x-time': String(now) })).status).toBe(401);
    expect(await sql('SELECT count(*) FROM orders UNION ALL SELECT count(*) FROM fresh')).toEqual([
      [1n],
      [1n],
    ]);
  });

  it('goes along with columns that change', async () => {
    await sql(SECRET);
    await sql(SIGNED);
    // The body would lose the name that the expression has for it.
    await expect(sql('ALTER TABLE wh ADD COLUMN n int')).rejects.toMatchObject({
      state: '42703',
      hint: 'VALIDATE is over headers, payload, test_secret.',
    });
    const body = '{"n":1}';
    expect((await post('wh', body, github('TEST_WEBHOOK', body))).status).toBe(200);
    await sql(`CREATE TABLE two (n int) WITH (connector = 'webhook') VALIDATE SECRET test_secret AS
      secure_compare(headers->>'x-hub-signature-256', 'sha256=' || encode(hmac(test_secret, payload, 'sha256'), 'hex'))`);
    await sql('ALTER TABLE two ADD COLUMN m int');
    for (const restart of [false, true]) {
      if (restart) {
        await running().close();
        await start();
      }
      const next = '{"n":1,"m":2}';
      expect((await post('two', next)).status).toBe(401);
      expect((await post('two', next, github('TEST_WEBHOOK', next))).status).toBe(200);
    }
    expect(await sql('SELECT n, m FROM two')).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  it('says what is wrong with it', async () => {
    await sql(SECRET);
    const make = (clause: string, options = "connector = 'webhook'") =>
      sql(`CREATE TABLE t (a int, b int) WITH (${options}) ${clause}`);
    const refused: readonly (readonly [clause: string, state: string])[] = [
      ['VALIDATE SECRET nobody AS true', '42704'],
      ['VALIDATE AS a = 1', '42703'],
      ["VALIDATE AS headers->>'x'", '42804'],
      ['VALIDATE AS (SELECT true)', '0A000'],
      ['VALIDATE AS random() > 0', '0A000'],
      ['VALIDATE AS count(*) > 0', '42803'],
      ['VALIDATE AS test_secret IS NOT NULL', '42703'],
    ];
    for (const [clause, state] of refused) {
      await expect(make(clause), clause).rejects.toMatchObject({ state });
    }
    await expect(make('VALIDATE AS a = 1')).rejects.toMatchObject({
      hint: 'VALIDATE is over headers, payload.',
    });
    await expect(make('VALIDATE AS true', "connector = 'webhook', auth = 'none'")).rejects.toMatchObject({
      state: '22023',
    });
    await expect(make('VALIDATE AS true', "connector = 'inject'")).rejects.toMatchObject({ state: '0A000' });
    await expect(sql('CREATE TABLE t (a int) VALIDATE AS true')).rejects.toMatchObject({ state: '0A000' });
    await sql("CREATE FUNCTION yes() RETURNS bool LANGUAGE sql AS 'SELECT true'");
    await expect(make('VALIDATE AS yes()')).rejects.toMatchObject({ state: '0A000' });
    // Nothing was left of any of them, and a secret is used by what was made only.
    await sql('DROP SECRET test_secret');
    await expect(sql('SELECT * FROM t')).rejects.toMatchObject({ state: '42P01' });
  });
});
