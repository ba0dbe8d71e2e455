/** The quickstarts of docs/connectors/postgres-sink.md and lookups.md do what they say. */
import pg from 'pg';
import { createClient } from 'redis';
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
    await client.tags('DROP SINK totals_out');
  });
});

it('lookups.md: PostgreSQL', async () => {
  const there = needed();
  if (there === null) return;
  const [upstream = '', statements = '', output = ''] = blocksOf('lookups.md');
  await there.run("CREATE ROLE shop LOGIN PASSWORD 'secret'");
  const shop = new pg.Client({ connectionString: await there.server.createDatabase('shop') });
  await shop.connect();
  await shop.query(`${upstream}; GRANT SELECT ON customers TO shop`);
  await shop.end();
  await withServer(async (client) => {
    const here = replaced(statements, "host = '127.0.0.1'", `host = '127.0.0.1', port = '${there.port}'`);
    const query = /^SELECT \* FROM enriched.*$/m.exec(here)?.[0] ?? '';
    await client.tags(here);
    await eventually(() => client.rows(query), printed(output));
  });
});

it('lookups.md: Redis', async () => {
  if (!redisServer.installed()) {
    expect(process.env.MILLRACE_REQUIRE_SERVERS, `it needs ${redisServer.needs}`).not.toBe('1');
    return;
  }
  const redis = await startRedis();
  const writer = createClient({ url: redis.url });
  await writer.connect();
  await writer.set('customer:1', '{"id": 1, "name": "ann", "tier": "gold"}');
  await writer.set('customer:2', '{"id": 2, "name": "bob", "tier": "silver"}');
  await writer.close();
  const [, statements = '', output = '', lookup = ''] = blocksOf('lookups.md');
  const rest = statements.slice(statements.indexOf('CREATE TABLE orders'));
  await withServer(async (client) => {
    await client.tags(replaced(lookup, 'redis://127.0.0.1:6379', redis.url) + rest);
    await eventually(() => client.rows('SELECT * FROM enriched ORDER BY id'), printed(output));
  });
  await redis.close();
});
