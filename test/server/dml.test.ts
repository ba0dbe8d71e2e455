/** INSERT, UPDATE, DELETE in their variants; what a row with a known key does; generated columns. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
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

beforeEach(async () => {
  await a.tags('DROP TABLE IF EXISTS t CASCADE');
});

describe('a row with a known key', () => {
  const rows = 'SELECT id, a, b FROM t ORDER BY id';
  const columns = 'id int PRIMARY KEY, a int, b text';
  const start = async (behaviour: string): Promise<void> => {
    await a.tags(`CREATE TABLE t (${columns}) ${behaviour}`);
    await a.tags('CREATE MATERIALIZED VIEW v AS SELECT sum(a) AS total, count(*) AS n FROM t');
    await a.tags("INSERT INTO t VALUES (1, 10, 'x'), (2, 20, 'y')");
  };

  it('overwrites', async () => {
    await start('');
    expect(await a.tags('INSERT INTO t VALUES (1, 11, NULL), (3, 30, NULL), (3, 31, NULL)')).toEqual([
      'INSERT 3',
    ]);
    expect(await a.rows(rows)).toEqual([
      ['1', '11', null],
      ['2', '20', 'y'],
      ['3', '31', null],
    ]);
    expect(await a.rows('SELECT * FROM v')).toEqual([['62', '3']]);
  });

  it('is ignored by DO NOTHING', async () => {
    await start('ON CONFLICT DO NOTHING');
    expect(await a.tags('INSERT INTO t VALUES (1, 11, NULL), (3, 30, NULL), (3, 31, NULL)')).toEqual([
      'INSERT 1',
    ]);
    expect(await a.rows('SELECT * FROM v')).toEqual([['60', '3']]);
  });

  it('merges what is not NULL by DO UPDATE IF NOT NULL', async () => {
    await start('ON CONFLICT DO UPDATE IF NOT NULL');
    await a.tags("INSERT INTO t VALUES (1, NULL, 'z'), (2, 21, NULL)");
    expect(await a.rows(rows)).toEqual([
      ['1', '10', 'z'],
      ['2', '21', 'y'],
    ]);
    expect(await a.rows('SELECT * FROM v')).toEqual([['31', '2']]);
  });

  it('is an error by DO ERROR, and nothing of the statement stays', async () => {
    await start('ON CONFLICT DO ERROR');
    const failure = await a.failure('INSERT INTO t VALUES (3, 3, NULL), (1, 11, NULL)');
    expect([failure?.code, failure?.message, failure?.detail]).toEqual([
      '23505',
      'duplicate key value violates unique constraint "t_pkey"',
      'Key (id)=(1) already exists.',
    ]);
    expect(await a.value('SELECT count(*) FROM t')).toBe('2');
  });

  it('wins by its version', async () => {
    await a.tags(`CREATE TABLE t (${columns}) ON CONFLICT OVERWRITE WITH VERSION COLUMN (a)`);
    await a.tags("INSERT INTO t VALUES (1, 5, 'five')");
    await a.tags("INSERT INTO t VALUES (1, 4, 'four')");
    await a.tags("INSERT INTO t VALUES (1, NULL, 'none')");
    expect(await a.rows(rows)).toEqual([['1', '5', 'five']]);
    await a.tags("INSERT INTO t VALUES (1, 5, 'again')");
    expect(await a.rows(rows)).toEqual([['1', '5', 'again']]);
  });

  it("follows the statement's ON CONFLICT before the table's", async () => {
    await start('');
    expect(await a.tags("INSERT INTO t VALUES (1, 99, 'no') ON CONFLICT DO NOTHING")).toEqual(['INSERT 0']);
    expect(
      await a.rows(
        `INSERT INTO t AS old VALUES (1, 5, 'new'), (4, 4, 'q') ON CONFLICT (id)
         DO UPDATE SET a = old.a + excluded.a, b = excluded.b WHERE old.a < 100 RETURNING *`,
      ),
    ).toEqual([
      ['1', '15', 'new'],
      ['4', '4', 'q'],
    ]);
    expect(await a.rows('SELECT * FROM v')).toEqual([['39', '3']]);
    expect(
      await a.state('INSERT INTO t VALUES (7, 1, NULL), (7, 2, NULL) ON CONFLICT (id) DO UPDATE SET a = 1'),
    ).toBe('21000');
    expect(await a.value('SELECT count(*) FROM t')).toBe('3');
  });
});

describe('UPDATE and DELETE', () => {
  it('join other tables and give their columns back', async () => {
    await a.tags('CREATE TABLE t (id int PRIMARY KEY, a int)');
    await a.tags('INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)');
    expect(
      await a.rows(
        `UPDATE t SET a = t.a * s.f FROM (VALUES (1, 10), (3, 30)) AS s(id, f) WHERE t.id = s.id
         RETURNING t.*, s.f, s.*`,
      ),
    ).toEqual(
      expect.arrayContaining([
        ['1', '10', '10', '1', '10'],
        ['3', '90', '30', '3', '30'],
      ]),
    );
    expect(
      await a.rows('WITH q AS (SELECT 2 AS id) DELETE FROM t USING q WHERE t.id = q.id RETURNING *'),
    ).toEqual([['2', '2', '2']]);
    expect(await a.tags('WITH m AS (SELECT max(a) AS a FROM t) UPDATE t SET a = m.a FROM m')).toEqual([
      'UPDATE 2',
    ]);
    expect(await a.rows('SELECT DISTINCT a FROM t')).toEqual([['90']]);
  });

  it('change a key only to a free one', async () => {
    await a.tags('CREATE TABLE t (id int PRIMARY KEY, a int)');
    await a.tags('INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)');
    await a.tags('UPDATE t SET id = id + 1');
    expect(await a.rows('SELECT id, a FROM t ORDER BY id')).toEqual([
      ['2', '1'],
      ['3', '2'],
      ['4', '3'],
    ]);
    expect(await a.state('UPDATE t SET id = 2 WHERE id = 3')).toBe('23505');
    expect(await a.state('UPDATE t SET id = NULL WHERE id = 3')).toBe('23502');
    expect(await a.value('SELECT count(*) FROM t')).toBe('3');
    expect(await a.rows('SELECT a FROM t WHERE id = 1')).toEqual([]);
    expect(await a.rows('SELECT a FROM t WHERE id = 4')).toEqual([['3']]);
  });

  it('see the rows that the statement started with', async () => {
    await a.tags('CREATE TABLE t (a int)');
    await a.tags('INSERT INTO t VALUES (1), (2)');
    expect(await a.tags('INSERT INTO t SELECT a + 10 FROM t')).toEqual(['INSERT 2']);
    expect(await a.tags('UPDATE t SET a = (SELECT sum(a) FROM t)')).toEqual(['UPDATE 4']);
    expect(await a.rows('SELECT a, count(*) FROM t GROUP BY a')).toEqual([['26', '4']]);
    expect(await a.tags('DELETE FROM t WHERE a IN (SELECT a FROM t)')).toEqual(['DELETE 4']);
  });

  it('treat equal rows without a key one by one', async () => {
    await a.tags('CREATE TABLE t (a int, b text)');
    await a.tags("INSERT INTO t VALUES (1, 'x'), (1, 'x'), (1, 'x')");
    await a.tags('CREATE MATERIALIZED VIEW v AS SELECT a, count(*) AS n FROM t GROUP BY a');
    expect(await a.tags("UPDATE t SET b = 'y'")).toEqual(['UPDATE 3']);
    expect(await a.rows('SELECT a, b FROM t')).toEqual([
      ['1', 'y'],
      ['1', 'y'],
      ['1', 'y'],
    ]);
    expect(await a.rows('SELECT * FROM v')).toEqual([['1', '3']]);
  });

  it('are refused on APPEND ONLY tables', async () => {
    await a.tags('CREATE TABLE t (a int) APPEND ONLY');
    await a.tags('INSERT INTO t VALUES (1)');
    expect(await a.state('UPDATE t SET a = 2')).toBe('42809');
    expect(await a.state('DELETE FROM t')).toBe('42809');
    expect(await a.state('TRUNCATE t')).toBe('42809');
  });

  it('assign lists of columns from rows and from subqueries', async () => {
    await a.tags('CREATE TABLE t (id int PRIMARY KEY, a int, b text)');
    await a.tags("INSERT INTO t VALUES (1, 1, 'x')");
    await a.tags("UPDATE t SET (a, b) = (5, 'five')");
    expect(await a.rows('TABLE t')).toEqual([['1', '5', 'five']]);
    await a.tags("UPDATE t SET (a, b) = (SELECT t.id + 1, b || '!')");
    expect(await a.rows('TABLE t')).toEqual([['1', '2', 'five!']]);
    await a.tags('UPDATE t SET (a, b) = (SELECT 1, NULL WHERE false)');
    expect(await a.rows('TABLE t')).toEqual([['1', null, null]]);
  });
});

describe('INSERT', () => {
  it('takes rows of expressions, subqueries and defaults', async () => {
    await a.tags("CREATE TABLE t (id int PRIMARY KEY, a int DEFAULT 7, b text DEFAULT 'd' || 'd')");
    await a.tags('INSERT INTO t (id) VALUES (1)');
    await a.tags("INSERT INTO t VALUES ((SELECT max(id) + 1 FROM t), DEFAULT, 'x'), (3, 1 + 1, DEFAULT)");
    await a.tags('INSERT INTO t (b, id) VALUES (NULL, 4)');
    expect(await a.rows('TABLE t ORDER BY id')).toEqual([
      ['1', '7', 'dd'],
      ['2', '7', 'x'],
      ['3', '2', 'dd'],
      ['4', '7', null],
    ]);
  });

  it('assigns as PostgreSQL does', async () => {
    await a.tags('CREATE TABLE t (s smallint, n numeric(4,1), v varchar(3), c char(3), d date, x int[])');
    await a.tags("INSERT INTO t VALUES (1.5, 12.34, 'ab ', 'a', '2024-02-29', '{1,NULL}')");
    await a.tags("INSERT INTO t SELECT 2, 99, 'abc  ', 'b', timestamp '2024-01-01 23:00', ARRAY[1]");
    expect(await a.rows('SELECT s, n, v, c, d, x FROM t ORDER BY s, n')).toEqual([
      ['2', '12.3', 'ab ', 'a  ', '2024-02-29', '{1,NULL}'],
      ['2', '99.0', 'abc', 'b  ', '2024-01-01', '{1}'],
    ]);
    expect(await a.state("INSERT INTO t (v) VALUES ('abcd')")).toBe('22001');
    expect(await a.state('INSERT INTO t (n) VALUES (1000)')).toBe('22003');
    expect(await a.state('INSERT INTO t (s) VALUES (32768)')).toBe('22003');
    expect(await a.state('INSERT INTO t (d) VALUES (true)')).toBe('42804');
  });

  it('computes generated columns at INSERT and UPDATE', async () => {
    await a.tags('CREATE TABLE t (id int PRIMARY KEY, a int, twice int AS a * 2)');
    await a.tags('CREATE MATERIALIZED VIEW v AS SELECT sum(twice) AS s FROM t');
    await a.tags('INSERT INTO t (id, a) VALUES (1, 5), (2, NULL)');
    await a.tags('INSERT INTO t VALUES (3, 1, DEFAULT)');
    expect(await a.value('SELECT s FROM v')).toBe('12');
    await a.tags('UPDATE t SET a = 10 WHERE id = 2');
    await a.tags('INSERT INTO t (id, a) VALUES (1, 50) ON CONFLICT (id) DO UPDATE SET a = excluded.a');
    expect(await a.value('SELECT s FROM v')).toBe('122');
    expect(await a.state('INSERT INTO t VALUES (4, 1, 2)')).toBe('428C9');
    expect(await a.state('UPDATE t SET twice = 1')).toBe('428C9');
  });

  it('leaves nothing of a statement that fails half-way', async () => {
    await a.tags('CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL)');
    await a.tags('BEGIN; INSERT INTO t VALUES (1, 1); SAVEPOINT s');
    expect(await a.state('INSERT INTO t VALUES (2, 2), (1, 5), (3, NULL)')).toBe('23502');
    await a.tags('ROLLBACK TO s; COMMIT');
    expect(await a.rows('TABLE t')).toEqual([['1', '1']]);
  });
});
