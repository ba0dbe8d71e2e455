/** Tables of every shape: partitions, inheritance, other identities, names in quotes, the same table twice, rollbacks. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type InProcessServer, startInProcess } from '../../harness/server.ts';
import type { Connection } from '../clients.ts';
import { connectTo, following, type PostgresServer, same, sourceOptions, startUpstream } from './support.ts';

let server: PostgresServer | null = null;
let millrace: InProcessServer;
let here: Connection;
let there: Connection;

beforeAll(async () => {
  server = await startUpstream();
  if (server === null) return;
  millrace = await startInProcess();
  here = await connectTo(millrace.url);
  there = await connectTo(await server.createDatabase('shapes'));
  await here.rows(`CREATE SOURCE pg WITH (${sourceOptions(server, 'shapes')})`);
}, 60_000);

afterAll(async () => {
  await here?.end();
  await there?.end();
  await millrace?.close();
  server?.close();
});

beforeEach(() => {
  if (server === null)
    expect(process.env.MILLRACE_REQUIRE_SERVERS, 'PostgreSQL is not installed').not.toBe('1');
});

it('a partitioned table with all its partitions, and rows that move between them', async () => {
  if (server === null) return;
  await there.rows(
    'CREATE TABLE measured (id int, day int, v int, PRIMARY KEY (id, day)) PARTITION BY RANGE (day)',
  );
  await there.rows('CREATE TABLE measured_1 PARTITION OF measured FOR VALUES FROM (0) TO (10)');
  await there.rows('CREATE TABLE measured_2 PARTITION OF measured FOR VALUES FROM (10) TO (20)');
  await there.rows('INSERT INTO measured SELECT i, i % 20, i FROM generate_series(1, 100) i');
  await here.rows("CREATE TABLE measured (*) FROM pg TABLE 'measured'");
  await following(here, 'measured');
  await there.rows(
    'UPDATE measured SET day = day + 10 WHERE day < 5; CREATE TABLE measured_3 PARTITION OF measured FOR VALUES FROM (20) TO (30)',
  );
  await there.rows('INSERT INTO measured VALUES (500, 25, 1); DELETE FROM measured WHERE v % 3 = 0');
  await there.rows('TRUNCATE measured; INSERT INTO measured VALUES (1, 1, 1)');
  await same(here, there, 'SELECT * FROM measured ORDER BY id, day');
  // PostgreSQL does not tell of a partition that is emptied alone: the rows are compared.
  await there.rows('TRUNCATE measured_1');
  await here.rows('ALTER TABLE measured PAUSE');
  await here.rows('ALTER TABLE measured RESUME');
  await same(here, there, 'SELECT * FROM measured ORDER BY id, day');
});

it('rows of tables that inherit are not its own', async () => {
  if (server === null) return;
  await there.rows(
    'CREATE TABLE parent (id int PRIMARY KEY, v int); CREATE TABLE child (PRIMARY KEY (id)) INHERITS (parent); INSERT INTO parent VALUES (1, 1); INSERT INTO child VALUES (2, 2)',
  );
  await here.rows("CREATE TABLE parent (*) FROM pg TABLE 'parent'");
  await following(here, 'parent');
  await there.rows('INSERT INTO child VALUES (3, 3); UPDATE parent SET v = v + 1');
  await same(
    here,
    there,
    'SELECT id, v FROM parent ORDER BY id',
    'SELECT id, v FROM ONLY parent ORDER BY id',
  );
});

it('names in quotes, and an identity by index or by the whole row', async () => {
  if (server === null) return;
  await there.rows(
    `CREATE SCHEMA "Odd Schema"; CREATE TABLE "Odd Schema"."T.1" ("Id" int NOT NULL, "a b" text, "select" int)`,
  );
  await there.rows(
    `CREATE UNIQUE INDEX by_id ON "Odd Schema"."T.1" ("Id"); ALTER TABLE "Odd Schema"."T.1" REPLICA IDENTITY USING INDEX by_id`,
  );
  await there.rows(`INSERT INTO "Odd Schema"."T.1" VALUES (1, 'x', 1), (2, NULL, 2)`);
  await here.rows(`CREATE TABLE odd (*) FROM pg TABLE '"Odd Schema"."T.1"'`);
  await there.rows(
    'CREATE TABLE whole (a int, b text, v text); ALTER TABLE whole REPLICA IDENTITY FULL; ALTER TABLE whole ALTER v SET STORAGE EXTERNAL',
  );
  await there.rows(
    "INSERT INTO whole SELECT i, 'b' || i, repeat(md5(i::text), 100) FROM generate_series(1, 20) i",
  );
  await here.rows("CREATE TABLE whole (a int, b text, v text, PRIMARY KEY (a, b)) FROM pg TABLE 'whole'");
  await following(here, 'odd', 'whole');
  await there.rows(
    `UPDATE "Odd Schema"."T.1" SET "Id" = "Id" + 10 WHERE "Id" = 1; DELETE FROM "Odd Schema"."T.1" WHERE "Id" = 2; INSERT INTO "Odd Schema"."T.1" VALUES (3, 'y', NULL)`,
  );
  await there.rows(
    "UPDATE whole SET b = 'c' || a WHERE a < 5; UPDATE whole SET a = a + 100 WHERE a = 7; DELETE FROM whole WHERE a = 9",
  );
  await same(here, there, 'SELECT * FROM odd ORDER BY 1', 'SELECT * FROM "Odd Schema"."T.1" ORDER BY 1');
  await same(here, there, 'SELECT * FROM whole ORDER BY 1, 2');
  // Rows that the key does not tell apart are an error, not a row less.
  await there.rows('INSERT INTO whole SELECT * FROM whole WHERE a = 1');
  await same(
    here,
    there,
    "SELECT state FROM millrace_catalog.cdc_tables WHERE name = 'whole'",
    "SELECT 'paused'",
  );
  await here.rows('DROP TABLE whole');
});

it('the same table twice, and what is rolled back not at all', async () => {
  if (server === null) return;
  await there.rows('CREATE TABLE once (id int PRIMARY KEY, v int, w int); INSERT INTO once VALUES (1, 1, 1)');
  await here.rows(
    "CREATE TABLE once_v (id int PRIMARY KEY, v int) FROM pg TABLE 'once'; CREATE TABLE once_w (w bigint, id bigint PRIMARY KEY) FROM pg TABLE 'once'",
  );
  await following(here, 'once_v', 'once_w');
  await there.rows(
    'BEGIN; INSERT INTO once VALUES (2, 2, 2); SAVEPOINT s; UPDATE once SET v = 99; INSERT INTO once VALUES (3, 3, 3); ROLLBACK TO s; INSERT INTO once VALUES (4, 4, 4); COMMIT',
  );
  await there.rows('BEGIN; DELETE FROM once; ROLLBACK');
  await there.rows('UPDATE once SET v = v * 10 WHERE id = 4');
  await same(here, there, 'SELECT id, v FROM once_v ORDER BY id', 'SELECT id, v FROM once ORDER BY id');
  await same(here, there, 'SELECT id, w FROM once_w ORDER BY id', 'SELECT id, w FROM once ORDER BY id');
  await here.rows('DROP TABLE once_v');
  await there.rows('INSERT INTO once VALUES (5, 5, 5)');
  await same(here, there, 'SELECT id, w FROM once_w ORDER BY id', 'SELECT id, w FROM once ORDER BY id');
});

it('a change of the table while nobody had it in the publication before comes from then on', async () => {
  if (server === null) return;
  await there.rows(
    'CREATE TABLE busy (id int PRIMARY KEY, v int); INSERT INTO busy SELECT i, 0 FROM generate_series(1, 50) i',
  );
  const writer = await connectTo(server.url('shapes'));
  await writer.rows('BEGIN; UPDATE busy SET v = v + 1');
  const made = here.rows("CREATE TABLE busy (*) FROM pg TABLE 'busy'");
  await new Promise((resolve) => setTimeout(resolve, 200));
  await writer.rows('UPDATE busy SET v = v + 1; COMMIT');
  await made;
  await following(here, 'busy');
  await writer.rows('UPDATE busy SET v = v + 1 WHERE id < 10');
  await writer.end();
  await same(here, there, 'SELECT * FROM busy ORDER BY id');
});
