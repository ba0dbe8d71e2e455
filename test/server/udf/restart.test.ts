/** Users' functions survive a restart, and the rewriting of the journal, with everything that is built on them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startInProcess } from '../../harness/server.ts';
import { Connection } from '../clients.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-udf-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function connect(url: string): Promise<Connection> {
  const connection = new Connection(url);
  await connection.client.connect();
  return connection;
}

const definitions = [
  'CREATE TABLE t (id int PRIMARY KEY, s text, n int)',
  "CREATE FUNCTION plus(a int, b int DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT a + b'",
  'CREATE FUNCTION loud(s text) RETURNS text LANGUAGE javascript IMMUTABLE AS $$ return s + "!"; $$',
  `CREATE AGGREGATE total(n int) RETURNS bigint LANGUAGE javascript AS $$
     function create_state() { return 0; }
     function accumulate(state, n) { return state + n; }
     function retract(state, n) { return state - n; }
   $$`,
  'CREATE FUNCTION gone() RETURNS int LANGUAGE sql RETURN 1',
  'DROP FUNCTION gone()',
  'CREATE VIEW shown AS SELECT id, plus(n) AS m FROM t',
  'CREATE TABLE younger (x int)',
  // From here on the function needs a table that is younger than it.
  "CREATE OR REPLACE FUNCTION plus(a int, b int DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT a + b + (SELECT count(*) FROM younger)::int'",
  'CREATE MATERIALIZED VIEW v AS SELECT loud(s) AS l, total(n) AS t FROM t GROUP BY loud(s)',
];

describe('functions and a restart', () => {
  it('are there again, in an order in which they can be made', async () => {
    let server = await startInProcess(directory);
    let a = await connect(server.url);
    for (const sql of definitions) await a.tags(sql);
    await a.tags(
      "INSERT INTO t VALUES (1, 'a', 5), (2, 'a', 6), (3, 'b', 7); INSERT INTO younger VALUES (1)",
    );
    for (let i = 0; i < 1100; i++) await a.tags(`UPDATE t SET n = ${i} WHERE id = 3`);
    await a.tags('DELETE FROM t WHERE id = 2');
    for (let restart = 0; restart < 3; restart++) {
      await a.end();
      await server.close();
      server = await startInProcess(directory);
      a = await connect(server.url);
      expect(await a.rows('SELECT * FROM v ORDER BY l')).toEqual([
        ['a!', '5'],
        ['b!', '1099'],
      ]);
      expect(await a.rows('SELECT * FROM shown ORDER BY id')).toEqual([
        ['1', '7'],
        ['3', '1101'],
      ]);
      expect(await a.state('SELECT gone()')).toBe('42883');
      expect(await a.state('DROP FUNCTION loud')).toBe('2BP01');
      expect(await a.rows('SHOW FUNCTIONS')).toHaveLength(3);
    }
    await a.end();
    await server.close();
  });

  it('are as ALTER FUNCTION and COMMENT have left them', async () => {
    let server = await startInProcess(directory);
    let a = await connect(server.url);
    const statements = [
      'CREATE SCHEMA other',
      "CREATE FUNCTION split(n int, OUT half int, OUT rest int) LANGUAGE sql AS 'SELECT n / 2, n % 2'",
      'ALTER FUNCTION split RENAME TO "Halves"',
      'ALTER FUNCTION "Halves"(int) SET SCHEMA other',
      `CREATE FUNCTION shout(s text) RETURNS text LANGUAGE javascript IMMUTABLE AS $$
         export function shout(s) { return s + '!'; }
       $$`,
      'ALTER FUNCTION shout RENAME TO cry',
      "ALTER FUNCTION cry STRICT SET millrace.udf_timeout TO '3s'",
      "COMMENT ON FUNCTION cry(text) IS 'it''s loud'",
      "CREATE FUNCTION total(VARIADIC xs int[]) RETURNS bigint LANGUAGE sql AS 'SELECT sum(x) FROM unnest(xs) AS x'",
      'CREATE TABLE t (id int PRIMARY KEY, n int)',
      'CREATE MATERIALIZED VIEW v AS SELECT id, total(n, 1, 2) AS x, (other."Halves"(n)).half AS h FROM t',
      'INSERT INTO t VALUES (1, 7)',
    ];
    for (const sql of statements) await a.tags(sql);
    for (let i = 0; i < 1100; i++) await a.tags(`UPDATE t SET n = ${i} WHERE id = 1`);
    for (let restart = 0; restart < 3; restart++) {
      await a.end();
      await server.close();
      server = await startInProcess(directory);
      a = await connect(server.url);
      expect(await a.rows('SELECT * FROM v')).toEqual([['1', '1102', '549']]);
      expect(await a.rows('SELECT cry(s => \'x\'), h.rest FROM other."Halves"(7) AS h')).toEqual([
        ['x!', '1'],
      ]);
      expect(
        await a.rows(
          "SELECT proisstrict, proconfig, obj_description(oid, 'pg_proc') FROM pg_proc WHERE proname = 'cry'",
        ),
      ).toEqual([['t', '{millrace.udf_timeout=3s}', "it's loud"]]);
      expect(await a.state('SELECT shout(NULL)')).toBe('42883');
    }
    await a.end();
    await server.close();
  });
});
