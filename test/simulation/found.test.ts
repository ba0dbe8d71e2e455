/** What simulated histories have found, without the history: seeds mean something else as soon as the workload changes. */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Opened, open, temporaryDirectory } from '../server/journal/support.ts';
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
});
