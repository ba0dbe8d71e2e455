/** CREATE and DROP: dependencies, names, schemas. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type InProcessServer, startInProcess } from '../harness/server.ts';
import { type Connection, Connections } from './clients.ts';

let server: InProcessServer;
let connections: Connections;
let a: Connection;

beforeAll(async () => {
  server = await startInProcess();
  connections = new Connections(server.url);
  a = await connections.connect();
});

afterAll(async () => {
  await connections.close();
  await server.close();
});

describe('DROP', () => {
  it('refuses what others need, names them, and takes them along with CASCADE', async () => {
    await a.tags('CREATE TABLE t (id int PRIMARY KEY, a int)');
    await a.tags('CREATE VIEW plain AS SELECT a FROM t');
    await a.tags('CREATE MATERIALIZED VIEW first AS SELECT a, count(*) AS n FROM plain GROUP BY a');
    await a.tags('CREATE MATERIALIZED VIEW second AS SELECT sum(n) AS s FROM first');
    await a.tags('CREATE INDEX by_n ON first (n)');
    const failure = await a.failure('DROP TABLE t');
    expect([failure?.code, failure?.message]).toEqual([
      '2BP01',
      'cannot drop table t because other objects depend on it',
    ]);
    expect(failure?.detail).toContain('view plain depends on table t');
    expect(await a.state('DROP VIEW plain')).toBe('2BP01');
    expect(await a.state('DROP MATERIALIZED VIEW first RESTRICT')).toBe('2BP01');
    await a.tags('INSERT INTO t VALUES (1, 1)');
    await a.tags('DROP MATERIALIZED VIEW first CASCADE');
    expect(await a.state('SELECT * FROM second')).toBe('42P01');
    expect(await a.rows('SELECT * FROM plain')).toEqual([['1']]);
    await a.tags('INSERT INTO t VALUES (2, 1)');
    const { dataflow } = server.database;
    await a.tags('DROP TABLE t CASCADE');
    expect(dataflow.nodes).toHaveLength(0);
    expect(server.database.catalog.objects()).toHaveLength(0);
  });

  it('knows the kind of what it drops', async () => {
    await a.tags('CREATE TABLE t (id int); CREATE VIEW v AS SELECT 1 AS one');
    expect(await a.state('DROP VIEW t')).toBe('42809');
    expect(await a.state('DROP TABLE v')).toBe('42809');
    expect(await a.state('DROP MATERIALIZED VIEW v')).toBe('42809');
    expect(await a.state('DROP TABLE nothing')).toBe('42P01');
    expect(await a.tags('DROP TABLE IF EXISTS nothing')).toEqual(['DROP']);
    await a.tags('DROP TABLE t; DROP VIEW v');
  });

  it('of a schema takes what is in it only with CASCADE', async () => {
    await a.tags('CREATE SCHEMA s; CREATE TABLE s.t (id int)');
    await a.tags('CREATE MATERIALIZED VIEW outside AS SELECT count(*) FROM s.t');
    expect(await a.state('DROP SCHEMA s')).toBe('2BP01');
    await a.tags('DROP SCHEMA s CASCADE');
    expect(await a.state('SELECT * FROM outside')).toBe('42P01');
    expect(await a.state('CREATE TABLE s.t (id int)')).toBe('3F000');
  });
});

describe('CREATE', () => {
  it('backfills a view with what is there', async () => {
    await a.tags('CREATE TABLE t (id int PRIMARY KEY, a int)');
    await a.tags('INSERT INTO t SELECT i, i % 3 FROM generate_series(1, 5000) AS g(i)');
    await a.tags('CREATE MATERIALIZED VIEW v AS SELECT a, count(*) AS n, max(id) AS m FROM t GROUP BY a');
    await a.tags('CREATE MATERIALIZED VIEW w AS SELECT sum(n) AS s FROM v');
    expect(await a.rows('SELECT * FROM v ORDER BY a')).toEqual([
      ['0', '1666', '4998'],
      ['1', '1667', '4999'],
      ['2', '1667', '5000'],
    ]);
    expect(await a.value('SELECT s FROM w')).toBe('5000');
    await a.tags('DELETE FROM t WHERE id > 10');
    expect(await a.value('SELECT s FROM w')).toBe('10');
    await a.tags('DROP TABLE t CASCADE');
  });

  it('of a view that fails leaves nothing behind', async () => {
    await a.tags('CREATE TABLE t (a int); INSERT INTO t VALUES (1), (0)');
    const before = server.database.dataflow.nodes.length;
    expect(await a.state('CREATE MATERIALIZED VIEW v AS SELECT nothing FROM t')).toBe('42703');
    expect(await a.state('CREATE MATERIALIZED VIEW v AS SELECT a, a FROM t')).toBe('42701');
    expect(await a.state('CREATE MATERIALIZED VIEW t AS SELECT 1 AS one')).toBe('42P07');
    expect(server.database.dataflow.nodes).toHaveLength(before);
    await a.tags('DROP TABLE t');
  });

  it('resolves names by the search path of its time', async () => {
    await a.tags('CREATE SCHEMA one; CREATE SCHEMA two');
    await a.tags('CREATE TABLE one.t (x int); CREATE TABLE two.t (x int)');
    await a.tags('INSERT INTO one.t VALUES (1); INSERT INTO two.t VALUES (2)');
    await a.tags('SET search_path = one');
    await a.tags('CREATE VIEW v AS SELECT x FROM t');
    await a.tags('SET search_path = two, one');
    expect(await a.rows('SELECT * FROM v')).toEqual([['1']]);
    expect(await a.rows('SELECT * FROM t')).toEqual([['2']]);
    await a.tags('CREATE MATERIALIZED VIEW m AS SELECT v.x AS a, t.x AS b FROM v, t');
    await a.tags('SET search_path = public');
    expect(await a.rows('SELECT * FROM two.m')).toEqual([['1', '2']]);
    await a.tags('RESET search_path; DROP SCHEMA one CASCADE; DROP SCHEMA two CASCADE');
  });

  it('TABLE AS copies a query', async () => {
    await a.tags("CREATE TABLE c (x, y) AS SELECT 1, 'a' UNION ALL SELECT 2, 'b'");
    await a.tags("INSERT INTO c VALUES (3, 'c')");
    expect(await a.rows('SELECT * FROM c ORDER BY x')).toEqual([
      ['1', 'a'],
      ['2', 'b'],
      ['3', 'c'],
    ]);
    await a.tags('DROP TABLE c');
  });
});

describe('an index', () => {
  it('gives what a scan gives, also after changes and inside a transaction', async () => {
    await a.tags('CREATE TABLE t (id int PRIMARY KEY, a int, b text)');
    await a.tags("INSERT INTO t SELECT i, i % 10, 'b' || (i % 7) FROM generate_series(1, 500) AS g(i)");
    await a.tags('CREATE INDEX by_a ON t (a, b)');
    const count = 'SELECT count(*), sum(id) FROM t WHERE';
    expect(await a.rows(`${count} a = 3`)).toEqual([['50', '12400']]);
    expect(await a.rows(`${count} a = 3 AND b = 'b1'`)).toEqual(
      await a.rows(`${count} a + 0 = 3 AND b || '' = 'b1'`),
    );
    await a.tags(
      'BEGIN; DELETE FROM t WHERE id = 3; UPDATE t SET a = 3 WHERE id = 4; INSERT INTO t VALUES (1000, 3, NULL)',
    );
    expect(await a.rows(`${count} a = 3`)).toEqual(await a.rows(`${count} a + 0 = 3`));
    expect(await a.rows(`${count} a IN (3, 4, NULL)`)).toEqual(await a.rows(`${count} a + 0 IN (3, 4)`));
    expect(await a.rows(`${count} id BETWEEN 2 AND 5`)).toEqual([['3', '11']]);
    await a.tags('COMMIT');
    expect(await a.rows(`${count} a = 3`)).toEqual(await a.rows(`${count} a + 0 = 3`));
    await a.tags('DROP INDEX by_a');
    expect(await a.rows(`${count} a = 3`)).toEqual(await a.rows(`${count} a + 0 = 3`));
    await a.tags('DROP TABLE t');
  });
});
