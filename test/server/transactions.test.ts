/** BEGIN, COMMIT, ROLLBACK, savepoints, implicit transactions and conflicts, over the wire. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type InProcessServer, startInProcess } from '../harness/server.ts';
import { type Connection, Connections } from './clients.ts';

let server: InProcessServer;
let connections: Connections;
let a: Connection;
let b: Connection;

beforeAll(async () => {
  server = await startInProcess();
  connections = new Connections(server.url);
  a = await connections.connect();
  b = await connections.connect();
  await a.tags('CREATE TABLE t (id int PRIMARY KEY, n int)');
  await a.tags('CREATE TABLE plain (n int)');
  await a.tags('CREATE MATERIALIZED VIEW sums AS SELECT count(*) AS rows, sum(n) AS total FROM t');
  await a.tags('CREATE MATERIALIZED VIEW above AS SELECT total * 2 AS twice FROM sums');
});

afterAll(async () => {
  await connections.close();
  await server.close();
});

beforeEach(async () => {
  for (const c of [a, b]) await c.tags('ROLLBACK');
  await a.tags('DELETE FROM t; DELETE FROM plain');
});

const all = 'SELECT id, n FROM t ORDER BY id';

describe('a transaction block', () => {
  it('shows its own writes to itself only, in tables and in views over views', async () => {
    await a.tags('INSERT INTO t VALUES (1, 10)');
    await a.tags('BEGIN');
    await a.tags('INSERT INTO t VALUES (2, 20); UPDATE t SET n = 11 WHERE id = 1');
    expect(await a.rows(all)).toEqual([
      ['1', '11'],
      ['2', '20'],
    ]);
    expect(await a.rows('SELECT * FROM sums')).toEqual([['2', '31']]);
    expect(await a.value('SELECT twice FROM above')).toBe('62');
    expect(await b.rows(all)).toEqual([['1', '10']]);
    expect(await b.value('SELECT twice FROM above')).toBe('20');
    await a.tags('COMMIT');
    expect(await b.value('SELECT twice FROM above')).toBe('62');
  });

  it('is one tick', async () => {
    const { database } = server;
    const before = database.version;
    await a.tags('BEGIN');
    for (let i = 0; i < 5; i++) await a.tags(`INSERT INTO t VALUES (${i}, ${i})`);
    await a.tags('INSERT INTO plain VALUES (1)');
    expect(database.version).toBe(before);
    await a.tags('COMMIT');
    expect(database.version).toBe(before + 1n);
  });

  it('leaves nothing after ROLLBACK', async () => {
    await a.tags('BEGIN; INSERT INTO t VALUES (1, 1); INSERT INTO plain VALUES (7); ROLLBACK');
    expect(await a.rows(all)).toEqual([]);
    expect(await a.rows('SELECT * FROM plain')).toEqual([]);
    expect(await a.rows('SELECT * FROM sums')).toEqual([['0', null]]);
  });

  it('is aborted by an error until its end', async () => {
    await a.tags('BEGIN');
    await a.tags('INSERT INTO t VALUES (1, 1)');
    expect(await a.state('SELECT 1 / 0')).toBe('22012');
    expect(await a.state('SELECT 1')).toBe('25P02');
    expect(await a.state('SELECT nonsense FROM')).toBe('42601');
    expect(await a.tags('COMMIT')).toEqual(['ROLLBACK']);
    expect(await a.rows(all)).toEqual([]);
  });

  it('goes with a lost connection', async () => {
    const c = await connections.connect();
    await c.tags('BEGIN; INSERT INTO t VALUES (9, 9)');
    await c.end();
    expect(await a.rows(all)).toEqual([]);
  });

  it('refuses definitions and writes in READ ONLY', async () => {
    await a.tags('BEGIN');
    expect(await a.state('CREATE TABLE inside (n int)')).toBe('25001');
    await a.tags('ROLLBACK');
    await a.tags('BEGIN READ ONLY');
    expect(await a.state('INSERT INTO t VALUES (1, 1)')).toBe('25006');
    await a.tags('ROLLBACK');
  });

  it('keeps now() still', async () => {
    await a.tags('BEGIN');
    const first = await a.value('SELECT now()');
    await a.rows('SELECT pg_sleep(0.01)');
    expect(await a.value('SELECT now()')).toBe(first);
    await a.tags('COMMIT');
  });
});

describe('savepoints', () => {
  it('are rolled back to more than once', async () => {
    await a.tags('BEGIN; INSERT INTO t VALUES (1, 1); SAVEPOINT s');
    for (const n of [2, 3, 4]) {
      await a.tags(`UPDATE t SET n = ${n}; INSERT INTO plain VALUES (${n})`);
      await a.tags('ROLLBACK TO SAVEPOINT s');
      expect(await a.rows(all)).toEqual([['1', '1']]);
      expect(await a.rows('SELECT * FROM plain')).toEqual([]);
    }
    await a.tags('COMMIT');
    expect(await b.rows(all)).toEqual([['1', '1']]);
  });

  it('bring a failed transaction back', async () => {
    await a.tags('BEGIN; INSERT INTO t VALUES (1, 1); SAVEPOINT s; INSERT INTO t VALUES (2, 2)');
    expect(await a.state('SELECT 1 / 0')).toBe('22012');
    await a.tags('ROLLBACK TO s');
    expect(await a.tags('INSERT INTO t VALUES (3, 3)')).toEqual(['INSERT 1']);
    await a.tags('COMMIT');
    expect(await b.rows('SELECT id FROM t ORDER BY id')).toEqual([['1'], ['3']]);
  });

  it('nest, shadow and are released', async () => {
    await a.tags('BEGIN; SAVEPOINT s; INSERT INTO t VALUES (1, 1); SAVEPOINT s; INSERT INTO t VALUES (2, 2)');
    await a.tags('ROLLBACK TO s');
    expect(await a.rows('SELECT id FROM t')).toEqual([['1']]);
    await a.tags('RELEASE s');
    await a.tags('ROLLBACK TO s');
    expect(await a.rows('SELECT id FROM t')).toEqual([]);
    await a.tags('RELEASE s');
    expect(await a.state('RELEASE s')).toBe('3B001');
    await a.tags('ROLLBACK');
    expect(await a.state('SAVEPOINT s')).toBe('25P01');
  });
});

describe('statements of one query string', () => {
  it('are one transaction', async () => {
    expect(await a.state('INSERT INTO t VALUES (1, 1); INSERT INTO t VALUES (2, 2); SELECT 1 / 0')).toBe(
      '22012',
    );
    expect(await a.rows(all)).toEqual([]);
    expect(await a.tags('INSERT INTO t VALUES (1, 1); SELECT * FROM t; DELETE FROM t')).toEqual([
      'INSERT 1',
      'SELECT 1',
      'DELETE 1',
    ]);
  });

  it('are committed by COMMIT and undone by ROLLBACK in the middle', async () => {
    await a.state('INSERT INTO t VALUES (1, 1); COMMIT; INSERT INTO t VALUES (2, 2); SELECT 1 / 0');
    expect(await a.rows('SELECT id FROM t')).toEqual([['1']]);
    await a.tags('INSERT INTO t VALUES (3, 3); ROLLBACK; INSERT INTO t VALUES (4, 4)');
    expect(await a.rows('SELECT id FROM t ORDER BY id')).toEqual([['1'], ['4']]);
    expect(a.notices).toContain('25P01 there is no transaction in progress');
  });

  it('join a block that BEGIN opens in the middle', async () => {
    await a.tags('INSERT INTO t VALUES (1, 1); BEGIN; INSERT INTO t VALUES (2, 2)');
    expect(await b.rows(all)).toEqual([]);
    await a.tags('ROLLBACK');
    expect(await a.rows(all)).toEqual([]);
  });

  it('commit what comes before a definition', async () => {
    await a.state('INSERT INTO t VALUES (1, 1); CREATE TABLE made (n int); SELECT 1 / 0');
    expect(await a.rows('SELECT id FROM t')).toEqual([['1']]);
    await a.tags('DROP TABLE made');
  });
});

describe('two transactions on the same key', () => {
  const conflict = async (first: string, second: string): Promise<readonly string[]> => {
    await a.tags('BEGIN');
    await a.tags(first);
    await b.tags('BEGIN');
    await b.tags(second);
    return [await b.state('COMMIT'), await a.state('COMMIT')];
  };

  it('the first committer wins', async () => {
    await a.tags('INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)');
    expect(await conflict('UPDATE t SET n = 10 WHERE id = 1', 'UPDATE t SET n = 20 WHERE id = 1')).toEqual([
      'done',
      '40001',
    ]);
    expect(await conflict('DELETE FROM t WHERE id = 2', 'UPDATE t SET n = 21 WHERE id = 2')).toEqual([
      'done',
      '40001',
    ]);
    expect(await conflict('INSERT INTO t VALUES (5, 5)', 'INSERT INTO t VALUES (5, 6)')).toEqual([
      'done',
      '40001',
    ]);
    expect(await a.rows(all)).toEqual([
      ['1', '20'],
      ['2', '21'],
      ['3', '3'],
      ['5', '6'],
    ]);
    expect(await a.value('SELECT total FROM sums')).toBe('50');
  });

  it('different keys do not conflict, rows without a key neither', async () => {
    await a.tags('INSERT INTO t VALUES (1, 1), (2, 2)');
    expect(await conflict('UPDATE t SET n = 10 WHERE id = 1', 'UPDATE t SET n = 20 WHERE id = 2')).toEqual([
      'done',
      'done',
    ]);
    expect(await conflict('INSERT INTO plain VALUES (1)', 'INSERT INTO plain VALUES (1)')).toEqual([
      'done',
      'done',
    ]);
    expect(await a.value('SELECT count(*) FROM plain')).toBe('2');
  });

  it('a row deleted and inserted again meanwhile is a conflict only when it differs', async () => {
    await a.tags('INSERT INTO plain VALUES (1)');
    await a.tags('BEGIN');
    await a.tags('DELETE FROM plain');
    await b.tags('DELETE FROM plain');
    expect(await a.state('COMMIT')).toBe('40001');
    expect(await a.value('SELECT count(*) FROM plain')).toBe('0');
  });

  it('a dropped table is a conflict', async () => {
    await a.tags('CREATE TABLE gone (n int)');
    await a.tags('BEGIN');
    await a.tags('INSERT INTO gone VALUES (1)');
    await b.tags('DROP TABLE gone');
    expect(await a.state('COMMIT')).toBe('40001');
  });
});
