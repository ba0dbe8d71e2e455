/** What simulated histories have found, without the history: seeds mean something else as soon as the workload changes. */
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { afterCrash, type Opened, open, START, temporaryDirectory } from '../server/journal/support.ts';
import { Broker, closeRemote, openRemote, rowsOf, settle } from '../server/remote/support.ts';
import { expectSame, stateOf } from './state.ts';

let directory = '';
let remove = (): void => {};
beforeEach(() => {
  ({ path: directory, remove } = temporaryDirectory('found'));
});
afterEach(() => remove());

async function run(server: Opened, statements: readonly string[]): Promise<void> {
  for (const sql of statements) await server.session.run(sql);
}

describe('a restart', () => {
  it('gives no id out again after a function was replaced', async () => {
    let server = await open(directory);
    await run(server, [
      'CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS $$ SELECT a $$',
      'CREATE TABLE first (n int)',
      'CREATE OR REPLACE FUNCTION f(a int) RETURNS int LANGUAGE sql AS $$ SELECT a + 1 $$',
    ]);
    server.database.close();
    server = await open(directory);
    await run(server, ['CREATE TABLE second (n int)', 'INSERT INTO second VALUES (2)']);
    expect((await server.session.run('SELECT * FROM first'))[0]?.rows).toEqual([]);
    const ids = server.database.catalog.objects().map((o) => o.id);
    expect(new Set(ids).size).toBe(ids.length);
    server.database.close();
  });

  it('gives relations of late rows the names that they had when two views have exchanged theirs', async () => {
    const view = (name: string): string =>
      `CREATE MATERIALIZED VIEW ${name} AS SELECT window_start, count(*) FROM TUMBLE(e, at, INTERVAL '10 seconds')
         GROUP BY window_start EMIT ON WINDOW CLOSE`;
    let server = await open(directory);
    await run(server, [
      'CREATE TABLE e (at timestamp, WATERMARK FOR at AS at) APPEND ONLY',
      view('a'),
      view('b'),
      'ALTER MATERIALIZED VIEW a SWAP WITH b',
    ]);
    const names = server.database.catalog.objectsOf('millrace_late').map((o) => o.name);
    expect(names.sort()).toEqual(['a', 'b', 'e']);
    const before = stateOf(server.database);
    server.database.close();
    server = await open(directory);
    expectSame(stateOf(server.database), before, 'after the restart');
    server.database.close();
  });

  it('has the columns of a CREATE TABLE AS that was altered', async () => {
    let server = await open(directory);
    await run(server, [
      'CREATE TABLE t AS SELECT 1 AS k, 2 AS v',
      'ALTER TABLE t ADD COLUMN c int DEFAULT 3',
    ]);
    expect((await server.session.run('SELECT * FROM t'))[0]?.rows).toEqual([[1, 2, 3]]);
    const before = stateOf(server.database);
    server.database.close();
    server = await open(directory);
    expectSame(stateOf(server.database), before, 'after the restart');
    server.database.close();
  });

  it('numbers dead letters as before, whatever transactions that came to nothing have used up', async () => {
    let server = await open(directory);
    const input = join(directory, 'in');
    mkdirSync(input);
    writeFileSync(join(input, 'a.csv'), '1\nx\n');
    await run(server, [
      'CREATE TABLE rows (n int)',
      `CREATE TABLE t (n int) WITH (connector = 'posix_fs', posix_fs.root = '${input}')
         FORMAT PLAIN ENCODE CSV (without_header = 'true')`,
      'BEGIN; INSERT INTO rows VALUES (1), (2); ROLLBACK',
    ]);
    await server.database.pollSources();
    appendFileSync(join(input, 'a.csv'), 'y\n');
    await server.database.pollSources();
    const letters = 'SELECT id, reason FROM millrace_dead.t ORDER BY id';
    expect((await server.session.run(letters))[0]?.rows.map((row) => row[0])).toEqual([1n, 2n]);
    await run(server, ['REPROCESS DEAD LETTERS FROM t']);
    const before = stateOf(server.database);
    server.database.close();
    server = await open(directory);
    expectSame(stateOf(server.database), before, 'after the restart');
    server.database.close();
  });

  it('stamps rows of a remote source with the time at which they came', async () => {
    const broker = new Broker();
    broker.create('t');
    let now = START;
    let server = await openRemote(broker, directory, () => now);
    await server.session.run(
      `CREATE SOURCE s (n int, came timestamptz AS proctime(), at timestamp, WATERMARK FOR at AS at)
         WITH (connector = 'memory', topic = 't', retention = '1 hour') FORMAT PLAIN ENCODE JSON`,
    );
    await server.session.run('CREATE MATERIALIZED VIEW v AS SELECT n, came FROM s');
    for (const n of [1, 2]) {
      now += 60_000_000n;
      broker.json('t', [{ n, at: `2024-01-01 00:0${n}:00` }]);
      await settle(server);
    }
    const before = await rowsOf(server, 'SELECT n, came FROM v ORDER BY n');
    server.journal?.flush();
    const data = afterCrash(directory, 'stamps');
    await closeRemote(server);
    server = await openRemote(broker, data, () => now);
    expect(await rowsOf(server, 'SELECT n, came FROM v ORDER BY n')).toEqual(before);
    expect(before).toEqual(['1 | 2024-01-01 00:01:00+00', '2 | 2024-01-01 00:02:00+00']);
    await closeRemote(server);
    rmSync(data, { recursive: true, force: true });
  });
});
