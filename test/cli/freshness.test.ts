/** What a commit promises: the row is in every dependent view when the client hears of it, and there after a crash. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, expect, it } from 'vitest';
import { startProgram } from '../harness/server.ts';

const ROWS = 1000;
const data = mkdtempSync(join(tmpdir(), 'millrace-fresh-'));
afterAll(() => rmSync(data, { recursive: true, force: true }));

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  return client;
}

it('shows each of a thousand rows in a view over a view, at once and after the server was killed', async () => {
  const server = await startProgram(['--data-dir', data]);
  const client = await connect(server.url);
  await client.query('CREATE TABLE t (id int PRIMARY KEY, g int, v int)');
  await client.query(
    'CREATE MATERIALIZED VIEW sums AS SELECT g, sum(v) AS s, count(*) AS n FROM t GROUP BY g',
  );
  await client.query(
    'CREATE MATERIALIZED VIEW total AS SELECT sum(s)::int AS s, sum(n)::int AS n, max(s)::int AS most FROM sums',
  );
  const wrong: string[] = [];
  const groups = new Map<number, number>();
  let sum = 0;
  for (let i = 1; i <= ROWS; i++) {
    await client.query(`INSERT INTO t VALUES (${i}, ${i % 10}, ${i})`);
    sum += i;
    groups.set(i % 10, (groups.get(i % 10) ?? 0) + i);
    const { rows } = await client.query('SELECT s, n, most FROM total');
    const expected = JSON.stringify([{ s: sum, n: i, most: Math.max(...groups.values()) }]);
    if (JSON.stringify(rows) !== expected) wrong.push(`${JSON.stringify(rows)} instead of ${expected}`);
  }
  expect(wrong).toEqual([]);

  server.program.signal('SIGKILL');
  await server.program.finished();
  const again = await startProgram(['--data-dir', data]);
  const second = await connect(again.url);
  expect((await second.query('SELECT s, n FROM total')).rows).toEqual([{ s: sum, n: ROWS }]);
  expect((await second.query('SELECT count(*)::int AS n FROM t')).rows).toEqual([{ n: ROWS }]);
  await second.end();
  await again.close();
});
