/** What simulated histories have found, without the history: seeds mean something else as soon as the workload changes. */
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
});
