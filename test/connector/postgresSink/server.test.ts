/** `CREATE SINK ... WITH (connector = 'postgres')` of a server: a view is kept in a table of PostgreSQL. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type InProcessServer, startInProcess } from '../../harness/server.ts';
import { Connection } from '../../server/clients.ts';
import { Target } from './support.ts';

let target: Target | null;
let server: InProcessServer;
let client: Connection;

beforeAll(async () => {
  target = await Target.start();
  server = await startInProcess();
  client = new Connection(server.url);
  await client.client.connect();
}, 60_000);

afterAll(async () => {
  await client.end();
  await server.close();
  await target?.close();
});

/** Asks until the answer is this one. */
async function eventually(ask: () => Promise<unknown>, answer: unknown): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (JSON.stringify(await ask()) === JSON.stringify(answer)) return;
    await sleep(25);
  }
  expect(await ask()).toEqual(answer);
}

it('keeps a view in a table', async () => {
  if (target === null) {
    expect(process.env.MILLRACE_REQUIRE_SERVERS, 'no PostgreSQL is installed').not.toBe('1');
    return;
  }
  const at = target;
  const place = `connector = 'postgres', host = '127.0.0.1', port = '${at.port}', user = 'root', password = 'hush', database = 'postgres'`;
  await client.tags(`CREATE TABLE orders (id int PRIMARY KEY, customer text, amount numeric)`);
  await client.tags(
    'CREATE MATERIALIZED VIEW totals AS SELECT customer, count(*) AS orders, sum(amount) AS amount FROM orders GROUP BY customer',
  );
  await client.tags("INSERT INTO orders VALUES (1, 'ann', 10.50), (2, 'bob', 20)");
  const create = `CREATE SINK totals_out FROM totals WITH (${place}, table = 'totals'`;
  const absent = await client.failure(`${create})`);
  expect([absent?.code, absent?.message]).toEqual(['42P01', 'the target "public"."totals" does not exist']);
  expect(absent?.hint).toContain('CREATE TABLE "public"."totals" ("customer" text');
  await client.tags(`${create}, create.table = 'true')`);
  const rows = () => at.rows('SELECT customer, orders, amount FROM totals ORDER BY 1');
  await eventually(rows, [
    ['ann', '1', '10.50'],
    ['bob', '1', '20'],
  ]);
  await client.tags("INSERT INTO orders VALUES (3, 'ann', 5), (4, NULL, 1)");
  await client.tags('DELETE FROM orders WHERE id = 2');
  await eventually(rows, [
    ['ann', '2', '15.50'],
    [null, '1', '1'],
  ]);
  await client.tags('DELETE FROM orders WHERE id = 4');
  await eventually(rows, [['ann', '2', '15.50']]);
  // The target refuses a row: the sink waits for somebody, and goes on where it was.
  await at.run('ALTER TABLE totals ADD CHECK (amount < 100)');
  await client.tags("INSERT INTO orders VALUES (5, 'eve', 1000)");
  const state = () =>
    client.rows("SELECT state, reason LIKE '%totals_amount_check%' FROM millrace_catalog.sinks");
  await eventually(state, [['paused', 't']]);
  await at.run('ALTER TABLE totals DROP CONSTRAINT totals_amount_check');
  await client.tags('ALTER SINK totals_out RESUME');
  await eventually(rows, [
    ['ann', '2', '15.50'],
    ['eve', '1', '1000'],
  ]);
  await client.tags('CREATE TABLE log (n int) APPEND ONLY');
  await at.run('CREATE TABLE log (n bigint, at timestamptz DEFAULT now())');
  await client.tags(`CREATE SINK log_out FROM log WITH (${place}, table = 'log', type = 'append-only')`);
  await client.tags('INSERT INTO log SELECT * FROM generate_series(1, 5000)');
  await eventually(() => at.rows('SELECT count(DISTINCT n), count(at) FROM log'), [['5000', '5000']]);
});

it('says what is wrong with the target', async () => {
  if (target === null) return;
  const unreachable = await client.failure(
    "CREATE SINK nowhere FROM totals WITH (connector = 'postgres', host = '127.0.0.1', port = '1', user = 'root', password = 'hush', database = 'x', table = 't')",
  );
  expect(unreachable?.code).toBe('08001');
  expect(JSON.stringify(unreachable)).not.toContain('hush');
  const keyless = await client.failure(
    `CREATE SINK keyless FROM log WITH (connector = 'postgres', host = '127.0.0.1', port = '${target.port}', user = 'root', database = 'postgres', table = 'log')`,
  );
  expect([keyless?.code, keyless?.hint]).toEqual([
    '42P16',
    "Let the query give the columns of its key, or use type = 'append-only'.",
  ]);
});
