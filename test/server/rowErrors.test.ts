/** A row that a view cannot compute is kept out and counted, until it goes or becomes computable; the view goes on. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Database } from '../../server/database.ts';
import { createDatabase } from '../../server/serve.ts';
import { localTarget, type Target, type TextRow } from '../differential/target.ts';

let database: Database;
let target: Target;

async function rows(sql: string): Promise<readonly TextRow[]> {
  const answer = await target.run(sql);
  if ('failure' in answer) throw new Error(`${sql}: ${answer.failure.state} ${answer.failure.message}`);
  return answer.rows;
}

async function run(...statements: readonly string[]): Promise<void> {
  for (const sql of statements) await rows(sql);
}

function failing(): number {
  return database.rowErrors.entries().reduce((sum, e) => sum + e.count, 0);
}

beforeEach(async () => {
  database = createDatabase();
  target = localTarget(database);
  await run(
    'CREATE TABLE t (id int PRIMARY KEY, a int, b text)',
    'CREATE TABLE u (id int, a int)',
    'INSERT INTO u VALUES (1, 10), (2, 5), (3, 2)',
  );
});

const views: readonly (readonly [name: string, query: string])[] = [
  ['projection', 'SELECT id, 10 / a AS q FROM t'],
  ['filter', 'SELECT id FROM t WHERE 10 / a > 1'],
  ['cast', 'SELECT id, b::int AS n FROM t'],
  ['aggregate argument', 'SELECT sum(10 / a) AS s, count(*) AS n FROM t'],
  ['aggregate filter', 'SELECT count(*) FILTER (WHERE 10 / a > 1) AS n FROM t'],
  [
    'distinct aggregate',
    'SELECT count(DISTINCT 10 / a) AS n, string_agg((10 / a)::text, $$,$$ ORDER BY id) AS l FROM t',
  ],
  ['group key', 'SELECT 10 / a AS g, count(*) AS n FROM t GROUP BY 10 / a'],
  ['having', 'SELECT id, count(*) AS n FROM t GROUP BY id HAVING 10 / min(a) > 1'],
  ['join condition', 'SELECT t.id FROM t JOIN u ON 10 / t.a = u.a'],
  ['outer join residual', 'SELECT t.id, u.a FROM t LEFT JOIN u ON t.id = u.id AND 10 / t.a > u.a'],
  ['full join residual', 'SELECT t.id, u.a FROM t FULL JOIN u ON t.id = u.id AND 10 / t.a > u.a'],
  ['exists', 'SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id AND 10 / t.a > 1)'],
  ['not exists', 'SELECT id FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE u.id = t.id AND 10 / t.a > 1)'],
  ['window argument', 'SELECT id, sum(10 / a) OVER (ORDER BY id) AS s FROM t'],
  ['set-returning function', 'SELECT id, generate_series(1, 4 / a) AS g FROM t'],
  ['distinct', 'SELECT DISTINCT 10 / a AS x FROM t'],
  ['union', 'SELECT 10 / a AS x FROM t UNION SELECT a FROM u'],
  ['top', 'SELECT 10 / a AS x FROM t ORDER BY 1 LIMIT 2'],
];

describe.each(views)('%s', (_name, query) => {
  it('leaves the row out, counts it, and forgets it with the row', async () => {
    await run(
      `CREATE MATERIALIZED VIEW v AS ${query}`,
      `CREATE MATERIALIZED VIEW above AS SELECT count(*) AS n FROM v`,
      "INSERT INTO t VALUES (1, 1, '1'), (2, 0, 'x'), (3, 5, '3')",
    );
    expect(failing()).toBe(1);
    const sorted = (list: readonly TextRow[]): readonly string[] => list.map((r) => r.join('|')).sort();
    await run("INSERT INTO t VALUES (4, 0, 'x'), (5, 2, '7')", 'INSERT INTO u VALUES (2, 6)');
    expect(failing()).toBeGreaterThanOrEqual(2);
    await run('DELETE FROM t WHERE id = 2', "UPDATE t SET a = 1, b = '9' WHERE id = 4");
    expect(failing()).toBe(0);
    expect(sorted(await rows('SELECT * FROM v'))).toEqual(sorted(await rows(query)));
    expect((await rows('SELECT n FROM above'))[0]?.[0]).toBe(String((await rows(query)).length));
    await run('DELETE FROM t', 'DELETE FROM u');
    expect(sorted(await rows('SELECT * FROM v'))).toEqual(sorted(await rows(query)));
  });

  it('is the same when the view is made over rows that are there', async () => {
    await run(
      "INSERT INTO t VALUES (1, 1, '1'), (2, 0, 'x'), (3, 5, '3')",
      `CREATE MATERIALIZED VIEW v AS ${query}`,
    );
    expect(failing()).toBe(1);
    await run('DELETE FROM t WHERE id = 2');
    expect(failing()).toBe(0);
    await run('DROP MATERIALIZED VIEW v', "INSERT INTO t VALUES (2, 0, 'x')");
    expect(failing()).toBe(0);
  });
});

describe('a subquery that gives more than one row', () => {
  it('is an error of the row until it gives one', async () => {
    const query = 'SELECT id, (SELECT a FROM u WHERE u.id = t.id) AS x FROM t';
    await run(
      `CREATE MATERIALIZED VIEW v AS ${query}`,
      'INSERT INTO t VALUES (1, 1), (2, 2)',
      'INSERT INTO u VALUES (2, 6)',
    );
    expect(database.rowErrors.entries().map((e) => [e.state, e.count])).toEqual([['21000', 1]]);
    await run('DELETE FROM u WHERE a = 6');
    expect(failing()).toBe(0);
    expect(await rows('SELECT * FROM v ORDER BY id')).toEqual([
      ['1', '10'],
      ['2', '5'],
    ]);
  });
});

describe('the errors', () => {
  it('are rows of the catalog and go with their view', async () => {
    await run('CREATE MATERIALIZED VIEW v AS SELECT 10 / a AS q FROM t', 'INSERT INTO t VALUES (1, 0)');
    const errors = await rows('SELECT * FROM millrace_catalog.row_errors');
    expect(errors).toHaveLength(1);
    expect(errors[0]).toEqual(expect.arrayContaining(['v', '22012', 'division by zero']));
    await run('DROP MATERIALIZED VIEW v');
    expect(await rows('SELECT * FROM millrace_catalog.row_errors')).toEqual([]);
  });
});
