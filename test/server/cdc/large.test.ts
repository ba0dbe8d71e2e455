/** Transactions that are too large for memory: one tick, over restarts, with tables that do not fit, and places that cannot be written to. */
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ServedProgram, startProgram } from '../../harness/server.ts';
import type { Connection } from '../clients.ts';
import { temporaryDirectory } from '../journal/support.ts';
import { generator } from '../time/random.ts';
import {
  connectTo,
  following,
  type PostgresServer,
  plainSession,
  same,
  sourceOptions,
  startUpstream,
  until,
} from './support.ts';

const directory = temporaryDirectory('cdclarge');
let server: PostgresServer | null = null;
let millrace: ServedProgram;
let here: Connection;
let there: Connection;

const ITEMS = 'SELECT id, g, v, md5(pad) FROM item ORDER BY id';
const SUMS = 'SELECT g, count(*) AS n, sum(v) AS v FROM item GROUP BY g ORDER BY g';

async function start(): Promise<void> {
  // No checkpoints: what is there after a restart comes from the journal.
  millrace = await startProgram(['--data-dir', directory.path, '--checkpoint-interval', 'off']);
  here = await connectTo(millrace.url);
}

async function restart(): Promise<void> {
  await here.end();
  millrace.program.signal('SIGKILL');
  await millrace.program.finished();
  await start();
}

beforeAll(async () => {
  server = await startUpstream();
  if (server === null) return;
  await start();
  there = await connectTo(await server.createDatabase('shop'));
  await plainSession(there);
  await there.rows(
    'CREATE TABLE item (id int PRIMARY KEY, g int, v int, pad text); ALTER TABLE item ALTER pad SET STORAGE EXTERNAL; CREATE TABLE total (id int PRIMARY KEY, n bigint)',
  );
  await here.rows(`CREATE SOURCE pg WITH (${sourceOptions(server, 'shop')})`);
  await here.rows("CREATE TABLE item (*) FROM pg TABLE 'item'; CREATE TABLE total (*) FROM pg TABLE 'total'");
  await here.rows(
    'CREATE MATERIALIZED VIEW sums AS SELECT g, count(*) AS n, sum(v) AS v FROM item GROUP BY g',
  );
  await following(here, 'item', 'total');
}, 60_000);

afterAll(async () => {
  await here?.end();
  await there?.end();
  await millrace?.close();
  server?.close();
  rmSync(directory.path, { recursive: true, force: true });
});

async function compare(): Promise<void> {
  await same(here, there, 'SELECT id, n FROM total ORDER BY id');
  // The same transaction.
  expect(await here.rows('SELECT id, g, v, md5(pad) FROM item ORDER BY id')).toEqual(await there.rows(ITEMS));
  expect(await here.rows('SELECT g, n, v FROM sums ORDER BY g')).toEqual(await there.rows(SUMS));
}

it('changes of all kinds, many of the same rows, are one tick, and stay over a restart', async () => {
  if (server === null) {
    expect(process.env.MILLRACE_REQUIRE_SERVERS, 'PostgreSQL is not installed').not.toBe('1');
    return;
  }
  const before = Number(await here.value('SELECT transactions FROM millrace_catalog.cdc_sources'));
  await there.rows(`BEGIN;
    INSERT INTO item SELECT i, i % 50, i, repeat(md5(i::text), 100) FROM generate_series(1, 6000) i;
    UPDATE item SET v = v + 1 WHERE id <= 3000;
    UPDATE item SET id = id + 100000 WHERE id BETWEEN 2001 AND 2500;
    DELETE FROM item WHERE id BETWEEN 1 AND 500;
    UPDATE item SET pad = repeat(md5(pad), 100), g = g + 1 WHERE id BETWEEN 501 AND 2000;
    INSERT INTO item VALUES (1, 1, 1, 'again'); UPDATE item SET v = 7 WHERE id = 1;
    INSERT INTO total VALUES (1, 6000); COMMIT`);
  await compare();
  expect(Number(await here.value('SELECT transactions FROM millrace_catalog.cdc_sources'))).toBe(before + 1);
  const version = await here.value('SELECT n FROM total');
  await restart();
  expect(await here.value('SELECT n FROM total')).toBe(version);
  await compare();
  // It goes on where it was.
  await there.rows('BEGIN; UPDATE item SET v = v + 1; UPDATE total SET n = 1; COMMIT');
  await compare();
}, 120_000);

it('a table that is emptied and filled again, with changes of its definition', async () => {
  if (server === null) return;
  await there.rows(`BEGIN;
    UPDATE item SET pad = pad || 'x', v = -v;
    ALTER TABLE item ADD COLUMN extra int DEFAULT 5;
    UPDATE item SET extra = 6, v = v - 1 WHERE id % 2 = 0;
    TRUNCATE item;
    INSERT INTO item SELECT i, i % 7, i, repeat(md5(i::text), 100), 1 FROM generate_series(1, 4000) i;
    UPDATE total SET n = 2; COMMIT`);
  await compare();
  expect(
    await here.value("SELECT columns_not_taken FROM millrace_catalog.cdc_tables WHERE name = 'item'"),
  ).toBe('{extra}');
  await restart();
  await compare();
}, 120_000);

it('a table that does not fit has nothing of the transaction, the others have all', async () => {
  if (server === null) return;
  await there.rows(
    'CREATE TABLE tight (id int PRIMARY KEY, k int, pad text); ALTER TABLE tight REPLICA IDENTITY FULL; INSERT INTO tight VALUES (1, 1, NULL), (2, 2, NULL)',
  );
  // Its key here is no key there.
  await here.rows("CREATE TABLE tight (k int PRIMARY KEY, id int, pad varchar) FROM pg TABLE 'tight'");
  await following(here, 'tight');
  await there.rows(`BEGIN;
    INSERT INTO tight SELECT i, i, repeat(md5(i::text), 60) FROM generate_series(10, 9000) i;
    UPDATE item SET v = v + 1;
    INSERT INTO tight VALUES (10000, 10, 'twice');
    UPDATE item SET pad = pad || 'y';
    UPDATE total SET n = 3; COMMIT`);
  await compare();
  expect(await here.rows('SELECT k, id FROM tight ORDER BY k')).toEqual([
    ['1', '1'],
    ['2', '2'],
  ]);
  const [row] = await here.rows(
    "SELECT state, paused_reason FROM millrace_catalog.cdc_tables WHERE name = 'tight'",
  );
  expect(row).toEqual(['paused', expect.stringContaining('duplicate key')]);
  await restart();
  await compare();
  expect(await here.value('SELECT count(*) FROM tight')).toBe('2');
  await there.rows('DELETE FROM tight WHERE id = 10000');
  await here.rows('ALTER TABLE tight RESUME');
  await same(here, there, 'SELECT count(*), sum(id) FROM tight');
}, 120_000);

it('a kill in the middle of one leaves nothing of it, and it comes again', async () => {
  if (server === null) return;
  const random = generator(5);
  for (let round = 0; round < 2; round++) {
    await there.rows(
      `BEGIN; UPDATE item SET v = v + 1, pad = repeat(md5(pad), 80); UPDATE item SET v = v + ${round}; UPDATE total SET n = ${10 + round}; COMMIT`,
    );
    await until(
      async () => [
        await here.value('SELECT spilled_bytes FROM millrace_catalog.cdc_sources'),
        await here.value('SELECT n FROM total'),
      ],
      ([spilled, n]) => spilled !== '0' || n === String(10 + round),
    );
    await sleep(random(1000));
    await restart();
  }
  await compare();
}, 120_000);

it('where it cannot be kept, the source waits until it can', async () => {
  if (server === null) return;
  const place = join(directory.path, 'cdc.spill');
  rmSync(place, { recursive: true, force: true });
  writeFileSync(place, '');
  await there.rows(
    'BEGIN; UPDATE item SET pad = repeat(md5(pad), 100), v = v + 1; UPDATE total SET n = 4; COMMIT',
  );
  await until(
    () => here.value('SELECT paused_reason FROM millrace_catalog.cdc_sources'),
    (reason) => reason?.includes('cdc.spill') === true,
  );
  rmSync(place);
  await compare();
  // Files have their name only while they are opened.
  expect(readdirSync(place)).toEqual([]);
}, 120_000);

it('waits for a snapshot that is being taken', async () => {
  if (server === null) return;
  await there.rows(
    'CREATE TABLE later (id int PRIMARY KEY, pad text); INSERT INTO later SELECT i, repeat(md5(i::text), 4) FROM generate_series(1, 20000) i',
  );
  await here.rows("CREATE TABLE later (*) FROM pg TABLE 'later'");
  await there.rows(
    'BEGIN; UPDATE later SET pad = repeat(md5(pad), 20); UPDATE item SET v = v + 1; UPDATE total SET n = 5; COMMIT',
  );
  await following(here, 'later');
  await compare();
  await same(here, there, 'SELECT count(*), sum(length(pad)), min(pad), max(pad) FROM later');
}, 120_000);
