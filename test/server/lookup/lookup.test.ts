/** Process-time joins with rows of another server: PostgreSQL and Redis. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redisServer } from '../../../scripts/servers/redis.ts';
import type { ServerProcess } from '../../../scripts/servers/server.ts';
import { type PostgresServer, postgresBin, startPostgres } from '../../harness/postgres.ts';
import { type InProcessServer, startInProcess } from '../../harness/server.ts';
import { Connection } from '../clients.ts';

/** Asks until the answer is this one. */
async function eventually(ask: () => Promise<unknown>, answer: unknown): Promise<void> {
  for (let i = 0; i < 400; i++) {
    if (JSON.stringify(await ask()) === JSON.stringify(answer)) return;
    await sleep(25);
  }
  expect(await ask()).toEqual(answer);
}

describe('rows of PostgreSQL', () => {
  const bin = postgresBin();
  const directory = mkdtempSync(join(tmpdir(), 'millrace-lookup-'));
  let upstream: PostgresServer | null = null;
  let there: pg.Client | null = null;
  let server: InProcessServer;
  let client: Connection;
  const options = (): string =>
    `connector = 'postgres-lookup', host = '127.0.0.1', port = '${upstream?.port}', user = 'root', database = 'postgres', ssl.mode = 'disable'`;

  async function connect(): Promise<void> {
    server = await startInProcess(directory);
    client = new Connection(server.url);
    await client.client.connect();
  }

  beforeAll(async () => {
    if (bin === null) return;
    upstream = await startPostgres(bin);
    there = new pg.Client({ connectionString: upstream.url('postgres') });
    there.on('error', () => {});
    await there.connect();
    await there.query(
      `CREATE TABLE customers (region text, id int, name text, since timestamptz, rate numeric(10,4), PRIMARY KEY (region, id));
       INSERT INTO customers VALUES ('eu', 1, 'Ann "A"', '2024-01-01 00:00:00.123456+00', 1.2500), ('eu', 2, 'Bob', NULL, NULL), ('{us}', 1, 'C,D', 'infinity', -3)`,
    );
    await connect();
  }, 60_000);

  afterAll(async () => {
    await client?.end();
    await server?.close();
    await there?.end();
    upstream?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const isThere = (): boolean => {
    if (bin === null)
      expect(process.env.MILLRACE_REQUIRE_SERVERS, 'no PostgreSQL is installed').not.toBe('1');
    return bin !== null;
  };

  it('says what is wrong with a declaration', async () => {
    if (!isThere()) return;
    const failure = async (columns: string, more: string): Promise<string> => {
      const error = await client.failure(`CREATE TABLE c (${columns}) WITH (${options()}${more})`);
      return `${error?.code} ${error?.message}`;
    };
    expect(await failure('id int PRIMARY KEY', ", table = 'nobody'")).toBe(
      '42P01 PostgreSQL has no relation "public.nobody" to look rows up in',
    );
    expect(await failure('id int PRIMARY KEY, x int', ", table = 'customers'")).toBe(
      '42703 column "x" does not exist in "customers" of PostgreSQL',
    );
    expect(await failure('id int', ", table = 'customers'")).toBe(
      '42P16 a table of connector postgres-lookup needs a primary key',
    );
    expect(await failure('id int PRIMARY KEY', '')).toContain('needs the option "table"');
    expect(await failure('id int PRIMARY KEY', ", table = 'customers', colour = 'red'")).toContain(
      'unknown option "colour"',
    );
    const unreachable = await client.failure(
      `CREATE TABLE c (id int PRIMARY KEY) WITH (${options().replace(/port = '\d+'/, "port = '1'")}, table = 'customers')`,
    );
    expect(unreachable?.code).toBe('08001');
  });

  it('are joined with those that come, also after a restart', async () => {
    if (!isThere()) return;
    await client.tags(
      `CREATE TABLE customers (region text, id int, name text, since timestamptz, rate numeric, PRIMARY KEY (region, id)) WITH (${options()}, table = 'customers', cache.ttl = '1 hour')`,
    );
    await client.tags('CREATE TABLE orders (o int PRIMARY KEY, region text, customer int)');
    await client.tags("INSERT INTO orders VALUES (1, 'eu', 1), (2, 'eu', 9)");
    await client.tags(
      `CREATE MATERIALIZED VIEW named AS SELECT o.o, c.name, c.since, c.rate FROM orders o
         LEFT JOIN customers FOR SYSTEM_TIME AS OF PROCTIME() c ON c.region = o.region AND c.id = o.customer`,
    );
    const rows = () => client.rows('SELECT o, name, since, rate FROM named ORDER BY o');
    await eventually(rows, [
      ['1', 'Ann "A"', '2024-01-01 00:00:00.123456+00', '1.2500'],
      ['2', null, null, null],
    ]);
    await client.tags("INSERT INTO orders VALUES (3, '{us}', 1), (4, NULL, 1), (5, 'eu', 2)");
    await client.tags('DELETE FROM orders WHERE o = 1');
    const all = [
      ['2', null, null, null],
      ['3', 'C,D', 'infinity', '-3.0000'],
      ['4', null, null, null],
      ['5', 'Bob', null, null],
    ];
    await eventually(rows, all);
    // What has been joined stays; what is in the cache is not asked for again.
    await there?.query("UPDATE customers SET name = 'Carl' WHERE region = '{us}'");
    await client.tags("INSERT INTO orders VALUES (6, '{us}', 1)");
    await eventually(rows, [...all, ['6', 'C,D', 'infinity', '-3.0000']]);
    // Without its server.
    upstream?.stop('immediate');
    await client.tags("INSERT INTO orders VALUES (7, 'eu', 7), (8, 'eu', 2)");
    await eventually(rows, [...all, ['6', 'C,D', 'infinity', '-3.0000'], ['8', 'Bob', null, null]]);
    await eventually(
      () =>
        client.rows(
          "SELECT state, attempts > 0, waiting_keys + asking_keys FROM millrace_catalog.lookups WHERE name = 'customers'",
        ),
      [['retrying', 't', '1']],
    );
    await client.end();
    await server.close();
    await connect();
    await client.tags('DELETE FROM orders WHERE o = 8');
    upstream?.start();
    await eventually(rows, [...all, ['6', 'C,D', 'infinity', '-3.0000'], ['7', null, null, null]]);
  }, 60_000);

  it('can be used in no other way', async () => {
    if (!isThere()) return;
    const failure = async (sql: string): Promise<string> => {
      const error = await client.failure(sql);
      return `${error?.code} ${error?.message}`;
    };
    expect(await failure('INSERT INTO customers (region, id) VALUES (1, 1)')).toBe(
      '42809 cannot insert into table "customers"',
    );
    expect(await failure('CREATE MATERIALIZED VIEW w AS SELECT * FROM customers')).toContain(
      '0A000 reading the lookup table "customers" in a materialized view',
    );
    expect(
      await failure(
        'SELECT * FROM orders o JOIN customers FOR SYSTEM_TIME AS OF PROCTIME() c ON c.id = o.customer AND c.region = o.region',
      ),
    ).toContain('0A000 a join with the lookup table "customers" outside a materialized view');
    expect(
      await failure(
        'CREATE MATERIALIZED VIEW w AS SELECT o.o FROM orders o JOIN customers FOR SYSTEM_TIME AS OF PROCTIME() c ON c.id = o.customer',
      ),
    ).toBe('42P10 a join with "customers" needs an equality for each column of its key');
    expect(await failure('DROP TABLE customers')).toContain('2BP01');
    await client.tags('DROP TABLE customers CASCADE');
    expect(await client.rows('SELECT * FROM millrace_catalog.lookups')).toEqual([]);
  });
});

describe('rows of Redis', () => {
  let store: ServerProcess | null = null;
  let server: InProcessServer;
  let client: Connection;

  beforeAll(async () => {
    if (redisServer.installed()) store = await redisServer.start();
    server = await startInProcess();
    client = new Connection(server.url);
    await client.client.connect();
  }, 60_000);

  afterAll(async () => {
    await client.end();
    await server.close();
    await store?.close();
  });

  it('as the sink writes them, are joined until they are old', async () => {
    if (store === null) {
      expect(process.env.MILLRACE_REQUIRE_SERVERS, 'no Redis is installed').not.toBe('1');
      return;
    }
    const url = `redis.url = '${store.url}', key.prefix = 'p:'`;
    await client.tags('CREATE TABLE prices (item text PRIMARY KEY, price numeric)');
    await client.tags("INSERT INTO prices VALUES ('tea', 1.50), ('milk', 0.9)");
    await client.tags(
      `CREATE SINK out FROM prices WITH (connector = 'redis', ${url}) FORMAT UPSERT ENCODE JSON`,
    );
    await eventually(
      () => client.rows('SELECT backlog_rows, state FROM millrace_catalog.sinks'),
      [['0', 'running']],
    );
    await client.tags("SET millrace.clock = '2024-01-01 00:00:00+00'");
    await client.tags(
      `CREATE TABLE known (item text PRIMARY KEY, price numeric) WITH (connector = 'redis-lookup', ${url}, cache.ttl = '10 seconds')`,
    );
    await client.tags('CREATE TABLE sold (n int, item text) APPEND ONLY');
    await client.tags(
      'CREATE MATERIALIZED VIEW paid AS SELECT s.n, k.price FROM sold s JOIN known FOR SYSTEM_TIME AS OF PROCTIME() k ON k.item = s.item',
    );
    const rows = () => client.rows('SELECT n, price FROM paid ORDER BY n');
    await client.tags("INSERT INTO sold VALUES (1, 'tea'), (2, 'coal'), (3, 'milk')");
    await eventually(rows, [
      ['1', '1.50'],
      ['3', '0.9'],
    ]);
    await client.tags("UPDATE prices SET price = 2 WHERE item = 'tea'");
    await eventually(() => client.rows('SELECT backlog_rows FROM millrace_catalog.sinks'), [['0']]);
    await client.tags("INSERT INTO sold VALUES (4, 'tea')");
    await eventually(rows, [
      ['1', '1.50'],
      ['3', '0.9'],
      ['4', '1.50'],
    ]);
    await client.tags("ADVANCE CLOCK BY INTERVAL '11 seconds'");
    await client.tags("INSERT INTO sold VALUES (5, 'tea')");
    await eventually(rows, [
      ['1', '1.50'],
      ['3', '0.9'],
      ['4', '1.50'],
      ['5', '2'],
    ]);
    expect(await client.rows('SELECT asked, found, absent FROM millrace_catalog.lookups')).toEqual([
      ['4', '3', '1'],
    ]);
  }, 30_000);
});
