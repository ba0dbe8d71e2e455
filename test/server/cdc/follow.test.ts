/** Following tables of a real PostgreSQL: snapshot, transactions, keys, TOAST, truncation, several tables, the end of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type InProcessServer, startInProcess } from '../../harness/server.ts';
import type { Connection } from '../clients.ts';
import {
  connectTo,
  following,
  leftovers,
  type PostgresServer,
  plainSession,
  same,
  sourceOptions,
  startUpstream,
  until,
} from './support.ts';

let server: PostgresServer | null = null;
let millrace: InProcessServer;
let here: Connection;
let there: Connection;

beforeAll(async () => {
  server = await startUpstream();
  if (server === null) return;
  millrace = await startInProcess();
  here = await connectTo(millrace.url);
  there = await connectTo(await server.createDatabase('shop'));
  await plainSession(there);
  await here.rows(`CREATE SOURCE pg WITH (${sourceOptions(server, 'shop')})`);
}, 60_000);

afterAll(async () => {
  await here?.end();
  await there?.end();
  await millrace?.close();
  server?.close();
});

/** False where there is no PostgreSQL: a failure where servers are required. */
function installed(): boolean {
  if (server === null)
    expect(process.env.MILLRACE_REQUIRE_SERVERS, 'PostgreSQL is not installed').not.toBe('1');
  return server !== null;
}

describe('a followed table', () => {
  it('has the rows that were there and those that come, with columns and key taken over', async () => {
    if (!installed()) return;
    await there.rows(
      'CREATE TABLE item (id bigint PRIMARY KEY, name text NOT NULL, price numeric(10,2), at timestamptz)',
    );
    await there.rows(
      "INSERT INTO item SELECT i, 'item ' || i, i * 1.25, '2024-01-01 10:00:00.123456+00'::timestamptz + i * interval '1 microsecond' FROM generate_series(1, 1000) i",
    );
    await here.rows("CREATE TABLE item (*) FROM pg TABLE 'public.item'");
    await there.rows("INSERT INTO item VALUES (5001, 'while it is copied', 1, now())");
    await following(here, 'item');
    await same(here, there, 'SELECT * FROM item ORDER BY id');
    await there.rows(
      "UPDATE item SET price = price + 1, name = 'ä' || name WHERE id % 7 = 0; DELETE FROM item WHERE id % 5 = 0; INSERT INTO item VALUES (2000, 'new', NULL, NULL)",
    );
    await same(here, there, 'SELECT * FROM item ORDER BY id');
    expect(await here.rows('SELECT count(*), count(DISTINCT id) FROM item')).toEqual(
      await there.rows('SELECT count(*), count(DISTINCT id) FROM item'),
    );
  });

  it('cannot be written to, and its source not be read', async () => {
    if (!installed()) return;
    for (const sql of [
      "INSERT INTO item VALUES (1, 'x', 1, now())",
      'UPDATE item SET price = 0',
      'DELETE FROM item',
      'TRUNCATE item',
    ]) {
      expect(await here.state(sql), sql).toBe('42809');
    }
    expect(await here.state('SELECT count(*) FROM pg')).toBe('42809');
    expect(await here.state('CREATE MATERIALIZED VIEW v AS SELECT count(*) FROM pg')).toBe('42809');
    expect(await here.state('INSERT INTO pg VALUES (1)')).toBe('42809');
  });

  it('follows changes of keys, of long values that an update leaves alone, and truncation', async () => {
    if (!installed()) return;
    await there.rows('CREATE TABLE doc (a int, b text, body text, n int, PRIMARY KEY (a, b))');
    await there.rows('ALTER TABLE doc ALTER body SET STORAGE EXTERNAL');
    await there.rows(
      "INSERT INTO doc SELECT i, 'k' || i, repeat(md5(i::text), 200), 0 FROM generate_series(1, 50) i",
    );
    await here.rows(
      "CREATE TABLE doc (a int, b varchar, body varchar, n int, m int AS n * 2, PRIMARY KEY (b, a)) FROM pg TABLE 'doc'",
    );
    await following(here, 'doc');
    await there.rows('UPDATE doc SET n = n + 1 WHERE a <= 20');
    await there.rows(
      "UPDATE doc SET a = a + 1000, n = 7 WHERE a > 40; UPDATE doc SET b = 'moved', body = 'short' WHERE a = 1",
    );
    await there.rows(
      'BEGIN; UPDATE doc SET a = a + 1 WHERE a = 3 AND false; DELETE FROM doc WHERE a = 2; INSERT INTO doc SELECT 2, b, body, n FROM doc WHERE a = 4; COMMIT',
    );
    await same(
      here,
      there,
      'SELECT a, b, body, n, m FROM doc ORDER BY a',
      'SELECT a, b, body, n, n * 2 FROM doc ORDER BY a',
    );
    await there.rows(
      "BEGIN; INSERT INTO doc VALUES (9999, 'x', '', 1); TRUNCATE doc; INSERT INTO doc VALUES (1, 'after', 'y', 2); COMMIT",
    );
    await same(here, there, 'SELECT a, b, body, n FROM doc ORDER BY a');
  });

  it('keeps transactions over tables whole, also while a table is copied in parts', async () => {
    if (!installed() || server === null) return;
    await there.rows(
      'CREATE TABLE left_account (id int PRIMARY KEY, amount int); CREATE TABLE right_account (id int PRIMARY KEY, amount int)',
    );
    await there.rows(
      'INSERT INTO left_account SELECT i, 100 FROM generate_series(1, 200) i; INSERT INTO right_account SELECT i, 100 FROM generate_series(1, 200) i',
    );
    await here.rows("CREATE TABLE left_account (*) FROM pg TABLE 'left_account'");
    await following(here, 'left_account');
    await here.rows("CREATE TABLE right_account (*) FROM pg TABLE 'right_account'");
    await here.rows(
      'CREATE MATERIALIZED VIEW total AS SELECT (SELECT sum(amount) FROM left_account) AS l, (SELECT sum(amount) FROM right_account) AS r',
    );
    let stop = false;
    const url = server.url('shop');
    const writer = async (seed: number): Promise<void> => {
      const client = await connectTo(url);
      for (let i = 0; !stop; i++) {
        const a = ((i * 7919 + seed * 31) % 200) + 1;
        await client.rows(
          `BEGIN; UPDATE left_account SET amount = amount - 1 WHERE id = ${a}; UPDATE right_account SET amount = amount + 1 WHERE id = ${a}; COMMIT`,
        );
      }
      await client.end();
    };
    const writers = [writer(1), writer(2)];
    const sums = new Set<string>();
    for (let i = 0; i < 150; i++) {
      const [[l, r] = []] = await here.rows('SELECT l, r FROM total');
      if (r !== null && r !== undefined) sums.add(String(Number(l) + Number(r)));
      if (i === 30) {
        await there.rows(
          'CREATE TABLE third (id int PRIMARY KEY, v int); INSERT INTO third SELECT i, 0 FROM generate_series(1, 30000) i',
        );
        await here.rows("CREATE TABLE third (*) FROM pg TABLE 'third'");
      }
      if (i > 30) await there.rows(`UPDATE third SET v = ${i} WHERE id % 100 = ${i % 100}`);
      await sleep(2);
    }
    stop = true;
    await Promise.all(writers);
    await following(here, 'right_account', 'third');
    expect([...sums]).toEqual(['40000']);
    await same(here, there, 'SELECT * FROM left_account ORDER BY id');
    await same(here, there, 'SELECT * FROM right_account ORDER BY id');
    await same(here, there, 'SELECT * FROM third ORDER BY id');
  });

  it('copies a large table in parts, with changes meanwhile', async () => {
    if (!installed() || server === null) return;
    await there.rows('CREATE TABLE big (id int PRIMARY KEY, v int, pad text)');
    await there.rows("INSERT INTO big SELECT i, i, repeat('x', 20) FROM generate_series(1, 20000) i");
    await here.rows(
      `CREATE TABLE big (*) WITH (${sourceOptions(server, 'shop')}, table.name = 'big', snapshot.atomic.rows = '1000', snapshot.batch.size = '500')`,
    );
    for (let i = 0; i < 60; i++) {
      await there.rows(
        `UPDATE big SET v = v + 1 WHERE id % 60 = ${i}; DELETE FROM big WHERE id = ${20000 - i * 3}; INSERT INTO big VALUES (${30000 + i}, ${i}, 'new')`,
      );
    }
    await following(here, 'big');
    await same(here, there, 'SELECT id, v, pad FROM big ORDER BY id');
    await there.rows('DELETE FROM big WHERE id < 15000');
    await same(here, there, 'SELECT id, v, pad FROM big ORDER BY id');
    await here.rows('DROP TABLE big');
    const slots = await there.rows("SELECT count(*) FROM pg_replication_slots WHERE database = 'shop'");
    expect(slots).toEqual([['1']]);
  });

  it('says how far it is', async () => {
    if (!installed()) return;
    const [row] = await until(
      () =>
        here.rows(
          'SELECT state, lag_bytes IS NOT NULL, confirmed_lsn IS NOT NULL, wal_status, last_commit_at IS NOT NULL FROM millrace_catalog.cdc_sources',
        ),
      ([r]) => r?.[3] === 'reserved',
    );
    expect(row).toEqual(['streaming', 't', 't', 'reserved', 't']);
    // What is confirmed follows what is written.
    const [[lsn] = []] = await there.rows('SELECT pg_current_wal_lsn()');
    await there.rows("INSERT INTO item VALUES (90001, 'x', 1, NULL)");
    await until(
      () =>
        there.rows(
          `SELECT confirmed_flush_lsn > '${lsn}' FROM pg_replication_slots WHERE slot_type = 'logical' AND NOT temporary`,
        ),
      (rows) => rows.every((r) => r[0] === 't'),
    );
    const options = await here.value(
      "SELECT array_to_string(options, ' ') FROM millrace_catalog.sources WHERE name = 'pg'",
    );
    expect(options).not.toContain('password=x');
  });

  it('is taken out of the publication when it is dropped, and the source leaves nothing', async () => {
    if (!installed()) return;
    await here.rows('DROP TABLE doc');
    expect(await there.rows("SELECT count(*) FROM pg_publication_tables WHERE tablename = 'doc'")).toEqual([
      ['0'],
    ]);
    expect(await here.state('DROP SOURCE pg')).toBe('2BP01');
    await here.rows('DROP SOURCE pg CASCADE');
    expect(await leftovers(there)).toEqual([]);
    expect(here.notices.filter((n) => n.startsWith('01000'))).toEqual([]);
  });
});
