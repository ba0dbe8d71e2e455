/** What becomes of a followed table when things change: its definition there, the slot, the publication, either server. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type InProcessServer, startInProcess } from '../../harness/server.ts';
import type { Connection } from '../clients.ts';
import {
  connectTo,
  following,
  leftovers,
  type PostgresServer,
  same,
  sourceOptions,
  startUpstream,
  until,
} from './support.ts';

let server: PostgresServer | null = null;
let directory = '';
let millrace: InProcessServer;
let here: Connection;
let there: Connection;
let url = '';

async function restart(): Promise<void> {
  await here.end();
  await millrace.close();
  millrace = await startInProcess(directory);
  here = await connectTo(millrace.url);
}

beforeAll(async () => {
  server = await startUpstream();
  if (server === null) return;
  directory = mkdtempSync(join(tmpdir(), 'millrace-cdc-'));
  millrace = await startInProcess(directory);
  here = await connectTo(millrace.url);
  url = await server.createDatabase('shop');
  there = await connectTo(url);
  await there.rows(
    'CREATE TABLE a (id int PRIMARY KEY, v int, w text); CREATE TABLE b (id int PRIMARY KEY, v int)',
  );
  await there.rows(
    "INSERT INTO a SELECT i, i, 'w' || i FROM generate_series(1, 100) i; INSERT INTO b SELECT i, i FROM generate_series(1, 100) i",
  );
  await here.rows(`CREATE SOURCE pg WITH (${sourceOptions(server, 'shop')}, slot.name = 'shop_slot')`);
  await here.rows("CREATE TABLE a (*) FROM pg TABLE 'a'");
  await here.rows("CREATE TABLE b (*) FROM pg TABLE 'b'");
  await here.rows(
    'CREATE MATERIALIZED VIEW sums AS SELECT (SELECT sum(v) FROM a) AS a, (SELECT sum(v) FROM b) AS b',
  );
  await following(here, 'a', 'b');
}, 60_000);

afterAll(async () => {
  await here?.end();
  await there?.end();
  await millrace?.close();
  server?.close();
  if (directory !== '') rmSync(directory, { recursive: true, force: true });
});

beforeEach(() => {
  if (server === null)
    expect(process.env.MILLRACE_REQUIRE_SERVERS, 'PostgreSQL is not installed').not.toBe('1');
});

const both = async (): Promise<void> => {
  for (const table of ['a', 'b']) await same(here, there, `SELECT id, v FROM ${table} ORDER BY id`);
};

const reason = (table: string): Promise<string | null> =>
  here.value(`SELECT paused_reason FROM millrace_catalog.cdc_tables WHERE name = '${table}'`);

it('a restart goes on where it was, with other names for source and schema too', async () => {
  if (server === null) return;
  await there.rows('UPDATE a SET v = v + 1');
  await both();
  const before = await here.value("SELECT changes FROM millrace_catalog.cdc_sources WHERE name = 'pg'");
  await here.rows('ALTER SOURCE pg RENAME TO "Shop"');
  await here.end();
  await millrace.close();
  await there.rows('UPDATE a SET v = v + 1; DELETE FROM b WHERE id > 90');
  millrace = await startInProcess(directory);
  here = await connectTo(millrace.url);
  await both();
  // What had been applied was not applied again, and no snapshot was taken.
  expect(Number(await here.value('SELECT changes FROM millrace_catalog.cdc_sources')) - Number(before)).toBe(
    110,
  );
  await here.rows('CREATE SCHEMA other; ALTER SOURCE "Shop" SET SCHEMA other');
  await restart();
  expect((await here.rows('SHOW CREATE TABLE a'))[0]?.[1]).toContain('FROM other."Shop" TABLE');
  await here.rows('ALTER SOURCE other."Shop" SET SCHEMA public; ALTER SOURCE "Shop" RENAME TO pg');
  await both();
});

it('new columns are left out and named; a column that is used and goes pauses its table alone', async () => {
  if (server === null) return;
  await there.rows(
    'ALTER TABLE a ADD COLUMN extra int DEFAULT 5; UPDATE a SET v = v + 1, extra = 6 WHERE id < 10',
  );
  await both();
  expect(await here.value("SELECT columns_not_taken FROM millrace_catalog.cdc_tables WHERE name = 'a'")).toBe(
    '{extra}',
  );
  await there.rows(
    'ALTER TABLE a RENAME COLUMN w TO x; UPDATE a SET v = 0 WHERE id = 1; UPDATE b SET v = v + 1',
  );
  await until(
    () => reason('a'),
    (text) => text?.includes('column "w" of table "public.a" is gone') === true,
  );
  await same(here, there, 'SELECT id, v FROM b ORDER BY id');
  await restart();
  expect(await reason('a')).toContain('column "w"');
  expect(await here.value("SELECT state FROM millrace_catalog.relations WHERE name = 'a'")).toBe('paused');
  await there.rows(
    'DELETE FROM a WHERE id = 50; ALTER TABLE a RENAME COLUMN x TO w; INSERT INTO a VALUES (777, 7, NULL)',
  );
  await here.rows('ALTER TABLE a RESUME');
  await following(here, 'a', 'b');
  await both();
  await there.rows('ALTER TABLE a ALTER v TYPE bigint; UPDATE a SET v = 5000000000 WHERE id = 2');
  await until(
    () => reason('a'),
    (text) => text?.includes('has another type') === true,
  );
  await there.rows('UPDATE a SET v = 3 WHERE id = 2; ALTER TABLE a ALTER v TYPE int');
  await here.rows('ALTER TABLE a RESUME');
  await following(here, 'a');
  await both();
});

it('columns can be taken in and left out: rows are compared', async () => {
  if (server === null) return;
  await here.rows('ALTER TABLE a ADD COLUMN extra int');
  await following(here, 'a');
  await same(here, there, 'SELECT id, v, w, extra FROM a ORDER BY id');
  await here.rows('ALTER TABLE a DROP COLUMN w');
  await there.rows(
    'ALTER TABLE a DROP COLUMN w; UPDATE a SET v = v + 1, extra = v WHERE id < 50; DELETE FROM a WHERE id = 60',
  );
  await restart();
  await following(here, 'a');
  await same(here, there, 'SELECT id, v, extra FROM a ORDER BY id');
  await there.rows('UPDATE a SET extra = extra + 1 WHERE id < 20');
  await same(here, there, 'SELECT id, v, extra FROM a ORDER BY id');
  await both();
  await same(here, there, 'SELECT a, b FROM sums', 'SELECT (SELECT sum(v) FROM a), (SELECT sum(v) FROM b)');
});

it('values that do not fit pause the table', async () => {
  if (server === null) return;
  await there.rows(
    "CREATE TABLE far (id int PRIMARY KEY, at date); INSERT INTO far VALUES (1, '2024-01-01')",
  );
  await here.rows("CREATE TABLE far (*) FROM pg TABLE 'far'");
  await following(here, 'far');
  await there.rows("INSERT INTO far VALUES (2, '0044-03-15 BC'), (3, 'infinity'), (4, '2024-01-02')");
  await until(
    async () => [await reason('far'), await here.value('SELECT count(*) FROM far')],
    ([text, n]) => text !== null || n === '4',
  );
  await here.rows('DROP TABLE far');
  await both();
});

it('a table that is dropped, renamed or taken out of the publication is paused', async () => {
  if (server === null) return;
  await there.rows('CREATE TABLE gone (id int PRIMARY KEY); CREATE TABLE named (id int PRIMARY KEY)');
  await here.rows("CREATE TABLE gone (*) FROM pg TABLE 'gone'; CREATE TABLE named (*) FROM pg TABLE 'named'");
  await following(here, 'gone', 'named');
  await there.rows('DROP TABLE gone; ALTER TABLE named RENAME TO named2; INSERT INTO named2 VALUES (1)');
  await until(
    () => reason('named'),
    (text) => text?.includes('renamed to "public.named2"') === true,
  );
  await until(
    () => reason('gone'),
    (text) => text?.includes('not in publication') === true,
  );
  await here.rows('DROP TABLE gone; DROP TABLE named');
  await both();
});

it('a slot that is lost is made anew when the source resumes, and rows are compared', async () => {
  if (server === null) return;
  await there.rows(
    "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = 'shop_slot'",
  );
  await until(
    () =>
      there
        .rows(
          "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = 'shop_slot' AND NOT active",
        )
        .then(
          () => there.rows("SELECT 1 FROM pg_replication_slots WHERE slot_name = 'shop_slot'"),
          () => [['busy']],
        ),
    (rows) => rows.length === 0,
  );
  const paused = await until(
    () => here.value('SELECT paused_reason FROM millrace_catalog.cdc_sources'),
    (text) => text?.includes('does not exist') === true,
  );
  expect(paused).toContain('shop_slot');
  await there.rows('UPDATE a SET v = v + 7; DELETE FROM b WHERE id < 20; INSERT INTO b VALUES (1000, 1)');
  await here.rows('ALTER SOURCE pg RESUME');
  await following(here, 'a', 'b');
  await both();
  await there.rows('UPDATE a SET v = v + 1');
  await both();
});

it('a data directory that is older than the slot is noticed, and the rows are compared', async () => {
  if (server === null) return;
  await here.end();
  await millrace.close();
  const copy = `${directory}-copy`;
  cpSync(directory, copy, { recursive: true });
  millrace = await startInProcess(directory);
  here = await connectTo(millrace.url);
  await there.rows('UPDATE a SET v = v + 11');
  await both();
  const [[lsn] = []] = await there.rows('SELECT pg_current_wal_lsn()');
  await until(
    () =>
      there.value(
        `SELECT confirmed_flush_lsn >= '${lsn}' FROM pg_replication_slots WHERE slot_name = 'shop_slot'`,
      ),
    (confirmed) => confirmed === 't',
  );
  await here.end();
  await millrace.close();
  rmSync(directory, { recursive: true });
  cpSync(copy, directory, { recursive: true });
  rmSync(copy, { recursive: true });
  millrace = await startInProcess(directory);
  here = await connectTo(millrace.url);
  await until(
    () => here.value('SELECT paused_reason FROM millrace_catalog.cdc_sources'),
    (text) => text?.includes('has lost changes: it is at') === true,
  );
  await here.rows('ALTER SOURCE pg RESUME');
  await following(here, 'a', 'b');
  await both();
});

it('a source and a table that are paused get what they have missed', async () => {
  if (server === null) return;
  await here.rows('ALTER SOURCE pg PAUSE');
  await there.rows('UPDATE a SET v = v + 1');
  await here.rows('ALTER SOURCE pg RESUME');
  await both();
  await here.rows('ALTER TABLE b PAUSE');
  await there.rows('UPDATE b SET v = v + 1; UPDATE a SET v = v + 1; DELETE FROM b WHERE id = 1000');
  await same(here, there, 'SELECT id, v FROM a ORDER BY id');
  await restart();
  await here.rows('ALTER TABLE b RESUME');
  await following(here, 'b');
  await both();
});

it('PostgreSQL may be away for a while, and come back', async () => {
  if (server === null) return;
  await there.rows('UPDATE a SET v = v + 1');
  await there.end();
  server.stop('immediate');
  await until(
    () => here.rows('SELECT state, paused_reason FROM millrace_catalog.cdc_sources'),
    ([row]) => row?.[0] === 'paused' && row[1] !== null,
  );
  server.start();
  there = await connectTo(url);
  await there.rows('UPDATE a SET v = v + 1; UPDATE b SET v = v + 1');
  await both();
});

it('a transaction that is too large pauses the source, which takes it when it may', async () => {
  if (server === null) return;
  await there.rows('CREATE TABLE wide (id int PRIMARY KEY, pad text)');
  await here.rows(
    `CREATE TABLE wide (*) WITH (${sourceOptions(server, 'shop')}, table.name = 'wide', transaction.max.mb = '1')`,
  );
  await following(here, 'wide');
  await there.rows('INSERT INTO wide SELECT i, repeat(md5(i::text), 32) FROM generate_series(1, 3000) i');
  await until(
    () => here.value("SELECT paused_reason FROM millrace_catalog.cdc_sources WHERE name = 'wide'"),
    (text) => text?.includes('larger than 1 MB') === true,
  );
  await here.rows("ALTER TABLE wide CONNECTOR WITH (transaction.max.mb = '64')");
  await same(here, there, 'SELECT count(*), sum(length(pad)) FROM wide');
  await here.rows('DROP TABLE wide; DROP SOURCE pg CASCADE');
  expect(await leftovers(there)).toEqual([]);
});
