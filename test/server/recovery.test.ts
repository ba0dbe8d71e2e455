/** What is acknowledged survives: kill -9 in the middle of writes, restart, and everything is there once. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runProgram, type ServedProgram, startInProcess, startProgram } from '../harness/server.ts';
import { Connection } from './clients.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-recovery-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function connect(url: string): Promise<Connection> {
  const connection = new Connection(url);
  await connection.client.connect();
  return connection;
}

async function kill(server: ServedProgram): Promise<void> {
  server.program.signal('SIGKILL');
  await server.program.finished();
}

describe('a server killed in the middle of inserts', () => {
  it('has lost and doubled nothing that it acknowledged', async () => {
    let acknowledged = 0;
    for (let round = 0; round < 3; round++) {
      const server = await startProgram(['--data-dir', directory]);
      const a = await connect(server.url);
      if (round === 0) {
        await a.tags('CREATE TABLE t (id int PRIMARY KEY, k int, n numeric(10,2))');
        await a.tags('CREATE TABLE log (id int)');
        await a.tags(
          'CREATE MATERIALIZED VIEW by_k AS SELECT k, count(*) AS c, sum(n) AS s FROM t GROUP BY k',
        );
        await a.tags('CREATE MATERIALIZED VIEW total AS SELECT sum(c) AS c, sum(s) AS s FROM by_k');
      }
      const rows = Number(await a.value('SELECT count(*) FROM t'));
      // The statement under way may have been committed without being acknowledged.
      expect([acknowledged, acknowledged + 1]).toContain(rows);
      expect(await a.value('SELECT count(*) FROM log')).toBe(String(rows));
      expect(await a.value('SELECT coalesce(max(id), -1) + 1 FROM t')).toBe(String(rows));
      expect(await a.value('SELECT coalesce(c, 0) FROM total')).toBe(String(rows));
      expect(await a.rows('SELECT * FROM by_k ORDER BY k')).toEqual(
        await a.rows('SELECT k, count(*), sum(n) FROM t GROUP BY k ORDER BY k'),
      );
      acknowledged = rows;
      const first = rows;
      const writing = (async () => {
        for (let id = first; ; id++) {
          await a.tags(
            `BEGIN; INSERT INTO t VALUES (${id}, ${id % 5}, ${id}.25); INSERT INTO log VALUES (${id}); COMMIT`,
          );
          acknowledged = id + 1;
        }
      })().catch(() => {});
      while (acknowledged < first + 100) await new Promise((resolve) => setImmediate(resolve));
      await kill(server);
      await writing;
    }
    expect(acknowledged).toBeGreaterThanOrEqual(300);
  });
});

describe('a restart', () => {
  it('brings back tables, rows, views, indexes, schemas and comments', async () => {
    let server = await startProgram(['--data-dir', directory]);
    let a = await connect(server.url);
    await a.tags('CREATE SCHEMA s');
    await a.tags("SET timezone = 'Europe/Paris'");
    await a.tags(
      `CREATE TABLE s.types (id int PRIMARY KEY, a bigint, b numeric, c text, d timestamptz, e interval, f jsonb,
        g int[], h bytea, i double precision, j boolean, k date, l time, m uuid, gen int AS id * 2,
        def text DEFAULT 'std')`,
    );
    await a.tags(
      `INSERT INTO s.types VALUES (1, 9223372036854775807, 123456789012345678901234567890.123, 'é''\n\t', '2024-07-01 12:00',
        '1 mon 2 days 03:04:05.678', '{"a": [1, null, "x"]}', '{1,NULL,3}', '\\x00ff', 'NaN', true, '2024-02-29',
        '23:59:59.999999', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')`,
    );
    await a.tags('INSERT INTO s.types (id, i) VALUES (2, 0.1)');
    await a.tags('CREATE TABLE plain (n int)');
    await a.tags('INSERT INTO plain VALUES (1), (1), (2)');
    await a.tags('DELETE FROM plain WHERE n = 2');
    await a.tags('SET search_path = s, public');
    await a.tags(
      'CREATE MATERIALIZED VIEW hours AS SELECT id, extract(hour FROM d) AS h FROM types WHERE d IS NOT NULL',
    );
    await a.tags('CREATE VIEW joined AS SELECT t.id, h.h FROM types t LEFT JOIN hours h USING (id)');
    await a.tags('CREATE INDEX by_a ON types (a)');
    await a.tags("COMMENT ON TABLE types IS 'all of them'");
    await a.tags('CREATE TABLE dropped (n int); DROP TABLE dropped');
    const questions = [
      'SELECT * FROM s.types ORDER BY id',
      'SELECT * FROM s.hours',
      'SELECT * FROM s.joined ORDER BY id',
      'SELECT * FROM public.plain',
      "SELECT 's.types'::regclass::oid, obj_description('s.types'::regclass)",
      'SELECT id FROM s.types WHERE a = 9223372036854775807',
    ];
    const before = [];
    for (const q of questions) before.push(await a.rows(q));
    expect(before[1]).toEqual([['1', '12']]);
    await kill(server);
    server = await startProgram(['--data-dir', directory]);
    a = await connect(server.url);
    await a.tags("SET timezone = 'Europe/Paris'");
    for (const [i, q] of questions.entries()) expect(await a.rows(q), q).toEqual(before[i]);
    expect(await a.state('SELECT * FROM dropped')).toBe('42P01');
    await a.tags('INSERT INTO plain VALUES (1)');
    await a.tags('INSERT INTO s.types (id) VALUES (3)');
    expect(await a.rows('SELECT gen, def FROM s.types WHERE id = 3')).toEqual([['6', 'std']]);
    expect(await a.value('SELECT count(*) FROM plain')).toBe('3');
    expect(await a.state('CREATE TABLE fresh (n int)')).toBe('done');
    await server.close();
  });

  it('after a long history has what is live', async () => {
    let server = await startInProcess(directory);
    let a = await connect(server.url);
    await a.tags('CREATE TABLE t (id int PRIMARY KEY, n int)');
    await a.tags('CREATE TABLE plain (n int)');
    await a.tags('CREATE MATERIALIZED VIEW v AS SELECT sum(n) AS s FROM t');
    for (let i = 0; i < 600; i++)
      await a.tags(`INSERT INTO t VALUES (${i % 10}, ${i}); INSERT INTO plain VALUES (${i})`);
    for (let i = 0; i < 500; i++) await a.tags(`DELETE FROM plain WHERE n = ${i}`);
    for (let restart = 0; restart < 3; restart++) {
      await a.end();
      await server.close();
      server = await startInProcess(directory);
      a = await connect(server.url);
      expect(await a.value('SELECT s FROM v')).toBe('5945');
      expect(await a.value('SELECT count(*) FROM plain')).toBe(String(100 + restart));
      await a.tags(`INSERT INTO plain VALUES (${restart})`);
      expect(await a.value('SELECT count(*) FROM plain')).toBe(String(101 + restart));
    }
    await a.end();
    await server.close();
  });

  it('reads sources again to where they were', async () => {
    const data = join(directory, 'data');
    writeFileSync(join(directory, 'a.csv'), 'id,n\n1,10\n2,20\nbad,30\n');
    let server = await startProgram(['--data-dir', data]);
    let a = await connect(server.url);
    await a.tags(
      `CREATE SOURCE src (id int, n int) WITH (connector = 'posix_fs', posix_fs.root = '${directory}', match_pattern = '*.csv')
       FORMAT PLAIN ENCODE CSV (without_header = 'false', delimiter = ',')`,
    );
    await a.tags('CREATE MATERIALIZED VIEW v AS SELECT count(*) AS c, sum(n) AS s FROM src');
    while ((await a.value('SELECT c FROM v')) !== '2')
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await a.value('SELECT s FROM v')).toBe('30');
    const badRecords = "SELECT bad_records FROM millrace_catalog.sources WHERE name = 'src'";
    expect(await a.value(badRecords)).toBe('1');
    await new Promise((resolve) => setTimeout(resolve, 700));
    await kill(server);
    writeFileSync(join(directory, 'b.csv'), 'id,n\n3,30\n');
    server = await startProgram(['--data-dir', data]);
    a = await connect(server.url);
    while ((await a.value('SELECT c FROM v')) !== '3')
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await a.value('SELECT s FROM v')).toBe('60');
    await server.close();
  });
});

describe('a data directory', () => {
  it('is served by one server at a time', async () => {
    const server = await startProgram(['--data-dir', directory]);
    const second = await runProgram(['serve', '--port', '0', '--http-port', '0', '--data-dir', directory]);
    expect(second.code).toBe(1);
    expect(second.stderr.trim().split('\n')).toHaveLength(1);
    expect(second.stderr).toContain(directory);
    const a = await connect(server.url);
    expect(await a.value('SELECT 1')).toBe('1');
    await server.close();
    const third = await startProgram(['--data-dir', directory]);
    await third.close();
  });
});

describe('views that do not skip errors', () => {
  it('are as they were: refusing, NULL or paused, and resumed where that was done', async () => {
    let server = await startInProcess(directory);
    let a = await connect(server.url);
    await a.tags('CREATE TABLE t (id int PRIMARY KEY, n int)');
    await a.tags("CREATE SOURCE s (id int, n int) WITH (connector = 'inject')");
    await a.tags("CREATE MATERIALIZED VIEW strict WITH (on_error = 'fail') AS SELECT id, 10 / n AS q FROM t");
    await a.tags(
      "CREATE MATERIALIZED VIEW nulls WITH (on_error = 'null') AS SELECT id, 10 / (n - 1) AS q FROM t",
    );
    await a.tags("CREATE MATERIALIZED VIEW paused WITH (on_error = 'fail') AS SELECT id, 10 / n AS q FROM s");
    await a.tags('CREATE MATERIALIZED VIEW above AS SELECT count(*) AS n FROM paused');
    await a.tags('INSERT INTO t VALUES (1, 1)');
    expect(await a.state('INSERT INTO t VALUES (2, 2), (3, 0)')).toBe('22012');
    await a.tags('INSERT INTO t VALUES (2, 2)');
    await a.tags('INJECT INTO s VALUES (1, 0)');
    for (let restart = 0; restart < 2; restart++) {
      expect(await a.rows('SELECT * FROM strict ORDER BY id')).toEqual([
        ['1', '10'],
        ['2', '5'],
      ]);
      expect(await a.rows('SELECT * FROM nulls ORDER BY id')).toEqual([
        ['1', null],
        ['2', '10'],
      ]);
      expect(await a.rows('SELECT relation, row FROM millrace_catalog.row_errors')).toEqual([
        ['nulls', '{"n": 1, "id": 1}'],
      ]);
      expect(await a.state('SELECT * FROM paused')).toBe('55000');
      expect(await a.state('SELECT * FROM above')).toBe('55000');
      expect(await a.state('INSERT INTO t VALUES (3, 0)')).toBe('22012');
      await a.end();
      await server.close();
      server = await startInProcess(directory);
      a = await connect(server.url);
    }
    await a.end();
    await server.close();
  });
});
