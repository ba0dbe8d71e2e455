/** The extended protocol against the real server: pipelines, parameters of every kind, portals, errors and Sync. */
import Cursor from 'pg-cursor';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type InProcessServer, startInProcess } from '../harness/server.ts';
import { type Connection, Connections } from './clients.ts';

let server: InProcessServer;
let connections: Connections;
let a: Connection;
let sql: postgres.Sql;

beforeAll(async () => {
  server = await startInProcess();
  connections = new Connections(server.url);
  a = await connections.connect();
  sql = postgres(server.url, { max: 1, onnotice: () => {} });
  await a.tags(
    'CREATE TABLE t (id int PRIMARY KEY, a bigint, b text, c numeric(10,2), d timestamptz, e int[], f jsonb)',
  );
  await a.tags('CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n, sum(c) AS s FROM t');
});

afterAll(async () => {
  await sql.end();
  await connections.close();
  await server.close();
});

describe('parameters', () => {
  it('of every type are written and read back in text and binary', async () => {
    const at = new Date('2024-02-29T12:34:56.789Z');
    await a.client.query('INSERT INTO t VALUES ($1, $2, $3, $4, $5, $6, $7)', [
      1,
      '9007199254740993',
      "it's",
      '12.345',
      at,
      [1, null, 3],
      { k: [1, 'x'] },
    ]);
    const result = await a.client.query('SELECT * FROM t WHERE id = $1', [1]);
    expect(result.rows).toEqual([
      { id: 1, a: '9007199254740993', b: "it's", c: '12.35', d: at, e: [1, null, 3], f: { k: [1, 'x'] } },
    ]);
    const [row] = await sql`SELECT id, a, b, c, d FROM t WHERE id = ${1} AND b = ${"it's"}`;
    expect(row).toEqual({ id: 1, a: '9007199254740993', b: "it's", c: '12.35', d: at });
    await a.tags('DELETE FROM t');
  });

  it('take their type from where they stand', async () => {
    const one = async (text: string, values: unknown[]): Promise<unknown> => {
      const result = await a.client.query({ text, values, rowMode: 'array' });
      return (result.rows as unknown[][])[0]?.[0];
    };
    expect(await one('SELECT $1 + 1', [41])).toBe(42);
    expect(await one("SELECT $1 || 'x'", ['y'])).toBe('yx');
    expect(await one('SELECT $1', ['anything'])).toBe('anything');
    expect(await one('SELECT count(*) FROM generate_series(1, 10) AS g(n) WHERE n > $1', [7])).toBe('3');
    expect(await one('SELECT n FROM generate_series(1, 10) AS g(n) LIMIT $1 OFFSET $2', [1, 4])).toBe(5);
    expect(await one('SELECT 2 = ANY ($1::int[])', [[1, 2]])).toBe(true);
    expect(await one('SELECT coalesce($1, 5)', [null])).toBe(5);
    expect(await one('SELECT CASE WHEN $1 THEN $2 ELSE 0 END', [true, 3])).toBe(3);
    expect(await one("SELECT $1::date - date '2024-01-01'", ['2024-01-31'])).toBe(30);
    expect(await one('SELECT (SELECT max(n) FROM generate_series(1, $1) AS g(n))', [6])).toBe(6);
    await expect(one('SELECT $2::text', [1, 'second'])).rejects.toMatchObject({ code: '42P18' });
  });

  it('that do not fit are errors of Bind, and the session goes on', async () => {
    await expect(a.client.query('SELECT $1::int', ['x'])).rejects.toMatchObject({ code: '22P02' });
    await expect(a.client.query('SELECT $1 + 1', [])).rejects.toMatchObject({ code: '42P02' });
    await expect(a.client.query('SELECT nothing FROM t WHERE id = $1', [1])).rejects.toMatchObject({
      code: '42703',
    });
    expect((await a.client.query('SELECT $1::int AS n', ['7'])).rows).toEqual([{ n: 7 }]);
  });
});

describe('prepared statements', () => {
  it('are planned again when what they read has changed', async () => {
    await a.tags('CREATE TABLE p (a int); INSERT INTO p VALUES (1)');
    const named = { name: 'read-p', text: 'SELECT a FROM p WHERE a = $1' };
    expect((await a.client.query(named, [1])).rows).toEqual([{ a: 1 }]);
    await a.tags('INSERT INTO p VALUES (2)');
    expect((await a.client.query(named, [2])).rows).toEqual([{ a: 2 }]);
    await a.tags('CREATE INDEX by_a ON p (a)');
    expect((await a.client.query(named, [2])).rows).toEqual([{ a: 2 }]);
    await a.tags('DROP TABLE p');
    await expect(a.client.query(named, [2])).rejects.toMatchObject({ code: '42P01' });
    await a.tags('CREATE TABLE p (a int); INSERT INTO p VALUES (5)');
    expect((await a.client.query(named, [5])).rows).toEqual([{ a: 5 }]);
    await a.tags('DROP TABLE p');
  });

  it('insert many rows, each visible', async () => {
    for (let i = 0; i < 200; i++) {
      await a.client.query({ name: 'ins', text: 'INSERT INTO t (id, c) VALUES ($1, $2)' }, [i, '1.5']);
    }
    expect(await a.rows('SELECT n, s FROM v')).toEqual([['200', '300.00']]);
    await a.tags('DELETE FROM t');
  });
});

describe('a pipeline', () => {
  it('answers everything in order', async () => {
    const answers = await Promise.all([
      ...Array.from({ length: 50 }, (_, i) => sql`INSERT INTO t (id, c) VALUES (${i}, ${i})`),
      sql`SELECT n FROM v`,
      ...Array.from({ length: 20 }, (_, i) => sql`SELECT ${i}::int AS i`),
    ]);
    expect(answers[50]?.[0]).toEqual({ n: '50' });
    expect(answers.slice(51).map((r) => (r[0] as { i: number }).i)).toEqual(
      Array.from({ length: 20 }, (_, i) => i),
    );
    await a.tags('DELETE FROM t');
  });

  it('undoes what came before an error and skips to Sync', async () => {
    await expect(
      sql.begin(async (tx) => {
        await tx`INSERT INTO t (id) VALUES (1)`;
        await tx`SELECT 1 / ${0}::int`;
      }),
    ).rejects.toMatchObject({ code: '22012' });
    expect(await a.value('SELECT count(*) FROM t')).toBe('0');
    const settled = await Promise.allSettled([
      sql`INSERT INTO t (id) VALUES (${1})`,
      sql`INSERT INTO t (id) VALUES (${'x' as unknown as number})`,
      sql`INSERT INTO t (id) VALUES (${2})`,
    ]);
    expect(settled.map((s) => s.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await a.rows('SELECT id FROM t ORDER BY id')).toEqual([['1'], ['2']]);
    await a.tags('DELETE FROM t');
  });

  it('commits transactions of sql.begin with their savepoints', async () => {
    await sql.begin(async (tx) => {
      await tx`INSERT INTO t (id) VALUES (1)`;
      await tx.savepoint(async (sp) => {
        await sp`INSERT INTO t (id) VALUES (2)`;
      });
      await tx
        .savepoint(async (sp) => {
          await sp`INSERT INTO t (id) VALUES (3)`;
          await sp`SELECT 1 / 0`;
        })
        .catch(() => {});
    });
    expect(await a.rows('SELECT id FROM t ORDER BY id')).toEqual([['1'], ['2']]);
    await a.tags('DELETE FROM t');
  });
});

describe('a portal', () => {
  it('is read in pieces', async () => {
    await a.tags('BEGIN');
    const cursor = a.client.query(
      new Cursor('SELECT n FROM generate_series(1, $1) AS g(n) ORDER BY n', [10]),
    );
    const sizes: number[] = [];
    for (let rows = await cursor.read(4); rows.length > 0; rows = await cursor.read(4))
      sizes.push(rows.length);
    expect(sizes).toEqual([4, 4, 2]);
    await cursor.close();
    await a.tags('COMMIT');
  });

  it('of an INSERT with RETURNING runs once', async () => {
    await a.tags('BEGIN');
    const cursor = a.client.query(
      new Cursor('INSERT INTO t (id) SELECT generate_series(1, 5) RETURNING id', []),
    );
    expect(await cursor.read(2)).toHaveLength(2);
    expect(await cursor.read(10)).toHaveLength(3);
    await cursor.close();
    await a.tags('COMMIT');
    expect(await a.value('SELECT count(*) FROM t')).toBe('5');
    await a.tags('DELETE FROM t');
  });
});
