/** Views of changes after restarts: the same changes with the same numbers, however long the history. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startInProcess } from '../harness/server.ts';
import { Connection } from './clients.ts';

it('changes come back after restarts, and go on', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-changelog-'));
  const connect = async (url: string): Promise<Connection> => {
    const connection = new Connection(url);
    await connection.client.connect();
    return connection;
  };
  let server = await startInProcess(directory);
  let a = await connect(server.url);
  await a.tags('CREATE TABLE t (id int PRIMARY KEY, n int)');
  await a.tags('CREATE TABLE bag (n int)');
  await a.tags('INSERT INTO t VALUES (100, 1), (101, 2)');
  await a.tags('CREATE MATERIALIZED VIEW sums AS SELECT id % 3 AS k, sum(n) AS s FROM t GROUP BY 1');
  for (const table of ['t', 'bag', 'sums']) {
    await a.tags(
      `CREATE MATERIALIZED VIEW ${table}_log AS WITH x AS CHANGELOG FROM ${table}
       SELECT *, _changelog_row_id AS at FROM x`,
    );
  }
  const questions = ['t', 'bag', 'sums'].map((table) => `SELECT * FROM ${table}_log ORDER BY at`);
  const answers = async (): Promise<unknown[]> => {
    const all: unknown[] = [];
    for (const q of questions) all.push(await a.rows(q));
    return all;
  };
  for (let i = 0; i < 550; i++) {
    await a.tags(`INSERT INTO t VALUES (${i % 10}, ${i}); INSERT INTO bag VALUES (${i % 7})`);
    if (i % 50 === 0) await a.tags(`BEGIN; DELETE FROM bag WHERE n = 3; UPDATE t SET n = n + 1; COMMIT`);
  }
  for (let restart = 0; restart < 3; restart++) {
    const before = await answers();
    await a.end();
    await server.close();
    server = await startInProcess(directory);
    a = await connect(server.url);
    expect(await answers()).toEqual(before);
    const changes = Number(await a.value('SELECT count(*) FROM t_log'));
    expect(changes).toBeGreaterThan(1000);
    await a.tags('UPDATE t SET n = n - 1 WHERE id = 100');
    expect(await a.rows(`SELECT id, changelog_op, at FROM t_log WHERE at > ${changes} ORDER BY at`)).toEqual([
      ['100', '4', String(changes + 1)],
      ['100', '3', String(changes + 2)],
    ]);
  }
  await a.end();
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});
