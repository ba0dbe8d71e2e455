/** The quickstarts of docs/connectors/postgres-sink.md and lookups.md do what they say. */
import { execFileSync } from 'node:child_process';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { redisServer, startRedis } from '../../../scripts/servers/redis.ts';
import { Target } from '../postgresSink/support.ts';
import { blocksOf, eventually, printed, replaced, withServer } from './support.ts';

let target: Target | null = null;

beforeAll(async () => {
  target = await Target.start();
  await target?.run("CREATE ROLE postgres SUPERUSER LOGIN PASSWORD '...'");
}, 60_000);
afterAll(() => target?.close());

function needed(): Target | null {
  if (target === null)
    expect(process.env.MILLRACE_REQUIRE_SERVERS, 'PostgreSQL is not installed').not.toBe('1');
  return target;
}

const textual = (rows: readonly (readonly unknown[])[]) =>
  rows.map((row) => row.map((v) => (v === null ? null : String(v))));

it('postgres-sink.md', async () => {
  const there = needed();
  if (there === null) return;
  const [statements = '', output = ''] = blocksOf('postgres-sink.md');
  await withServer(async (client) => {
    await client.tags(replaced(statements, "port = '5432'", `port = '${there.port}'`));
    await eventually(async () => textual(await there.rows('SELECT * FROM totals')), printed(output));
    await client.tags('ALTER SINK totals_out RESUME');
    await client.tags('DROP SINK totals_out');
  });
});

it('lookups.md: PostgreSQL', async () => {
  const there = needed();
  if (there === null) return;
  const [upstream = '', statements = '', query = '', output = ''] = blocksOf('lookups.md');
  const shop = new pg.Client({ connectionString: await there.server.createDatabase('shop') });
  await shop.connect();
  await shop.query(upstream);
  await shop.end();
  await withServer(async (client) => {
    const here = replaced(statements, "host = '127.0.0.1'", `host = '127.0.0.1', port = '${there.port}'`);
    await client.tags(here);
    await eventually(() => client.rows(query), printed(output));
    const state = blocksOf('lookups.md').at(-1) ?? '';
    expect(await client.rows(state)).toEqual([['customers', 'running', '0', expect.anything(), null]]);
  });
});

it('lookups.md: Redis', async () => {
  if (!redisServer.installed()) {
    expect(process.env.MILLRACE_REQUIRE_SERVERS, `it needs ${redisServer.needs}`).not.toBe('1');
    return;
  }
  const redis = await startRedis();
  const [, statements = '', query = '', output = '', write = '', lookup = ''] = blocksOf('lookups.md');
  execFileSync('sh', ['-ec', replaced(write, 'redis-cli', `redis-cli -p ${redis.port}`)]);
  const rest = statements.slice(statements.indexOf('CREATE TABLE orders'));
  await withServer(async (client) => {
    await client.tags(replaced(lookup, 'redis://127.0.0.1:6379', redis.url) + rest);
    await eventually(() => client.rows(query), printed(output));
  });
  await redis.close();
});
