/** What becomes of rows that a view cannot compute: filed with the row, NULL, or refused; and views that stand still. */
import { beforeEach, describe, expect, it } from 'vitest';
import { AssertionError } from '../../common/assert.ts';
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

async function failure(sql: string): Promise<string> {
  const answer = await target.run(sql);
  if (!('failure' in answer)) throw new Error(`${sql}: no error`);
  return `${answer.failure.state} ${answer.failure.message}`;
}

const errors = () =>
  rows(
    'SELECT relation, operator, sqlstate, message, rows, row FROM millrace_catalog.row_errors ORDER BY 1, 6',
  );

beforeEach(async () => {
  database = createDatabase();
  target = localTarget(database);
  await run('CREATE TABLE t (id int PRIMARY KEY, a int, b text)', 'CREATE TABLE u (id int, a int)');
});

describe('the error relation', () => {
  it('has the row, once, until the row is mended or deleted', async () => {
    await run(
      'CREATE MATERIALIZED VIEW v AS SELECT id, 10 / a AS q FROM t',
      "INSERT INTO t VALUES (1, 0, 'x'), (2, 0, 'y'), (3, 5, 'z')",
    );
    expect(await errors()).toEqual([
      ['v', 'Calc', '22012', 'division by zero', '1', '{"a": 0, "id": 1}'],
      ['v', 'Calc', '22012', 'division by zero', '1', '{"a": 0, "id": 2}'],
    ]);
    await run('UPDATE t SET a = 1 WHERE id = 1');
    expect(await errors()).toEqual([['v', 'Calc', '22012', 'division by zero', '1', '{"a": 0, "id": 2}']]);
    await run('DELETE FROM t WHERE id = 2');
    expect(await errors()).toEqual([]);
  });

  it('lists as many rows as the view says and counts the others', async () => {
    await run(
      'CREATE MATERIALIZED VIEW v WITH (error_max_rows = 2) AS SELECT id, 10 / a AS q FROM t',
      "INSERT INTO t SELECT i, 0, '' FROM generate_series(1, 5) i",
    );
    expect((await errors()).map((e) => e.slice(4))).toEqual([
      ['1', '{"a": 0, "id": 1}'],
      ['1', '{"a": 0, "id": 2}'],
      ['3', null],
    ]);
    await run('DELETE FROM t WHERE id > 1');
    expect((await errors()).map((e) => e.slice(4))).toEqual([['1', '{"a": 0, "id": 1}']]);
    await run('DELETE FROM t');
    expect(await errors()).toEqual([]);
  });

  it('forgets the error of a group whose result fails when the group changes', async () => {
    await run(
      'CREATE MATERIALIZED VIEW v AS SELECT id, jsonb_object_agg(CASE WHEN a > 0 THEN a::text END, 1) AS j FROM u GROUP BY id',
      'INSERT INTO u VALUES (1, 1), (1, NULL), (2, 2)',
    );
    expect((await errors()).map((e) => [e[1], e[4], e[5]])).toEqual([['Aggregate', '1', '{"id": 1}']]);
    await run('INSERT INTO u VALUES (1, 3)', 'INSERT INTO u VALUES (1, 4)');
    expect((await errors()).map((e) => e[4])).toEqual(['1']);
    await run('DELETE FROM u WHERE a IS NULL');
    expect(await errors()).toEqual([]);
    expect(await rows('SELECT id FROM v ORDER BY id')).toEqual([['1'], ['2']]);
  });

  it('has the partition of a window that fails', async () => {
    await run(
      'CREATE MATERIALIZED VIEW v AS SELECT id, ntile(a) OVER (PARTITION BY id ORDER BY a) AS n FROM u',
      'INSERT INTO u VALUES (1, 0), (1, 1), (2, 1)',
    );
    expect((await errors()).map((e) => [e[1], e[2], e[4], e[5]])).toEqual([
      ['Window', '22014', '2', '{"id": 1}'],
    ]);
    await run('DELETE FROM u WHERE a = 0');
    expect(await errors()).toEqual([]);
  });
});

describe("on_error = 'null'", () => {
  it('makes what fails NULL, and files the row', async () => {
    await run(
      `CREATE MATERIALIZED VIEW v WITH (on_error = 'null') AS
       SELECT id, 10 / a AS q, coalesce(10 / a, -1) AS c, b::int + 1 AS n, 10 / a IS NULL AS missing FROM t`,
      'CREATE MATERIALIZED VIEW above AS SELECT count(*) AS n, count(q) AS q, sum(n) AS s FROM v',
      "INSERT INTO t VALUES (1, 0, 'x'), (2, 5, '7'), (3, NULL, '1'), (4, 2, 'y')",
    );
    expect(await rows('SELECT * FROM v ORDER BY id')).toEqual([
      ['1', null, '-1', null, 't'],
      ['2', '2', '2', '8', 'f'],
      ['3', null, '-1', '2', 't'],
      ['4', '5', '5', null, 'f'],
    ]);
    expect(await rows('SELECT * FROM above')).toEqual([['4', '2', '10']]);
    expect((await errors()).map((e) => [e[2], e[4]])).toEqual([
      ['22012', '1'],
      ['22P02', '1'],
    ]);
    await run('DELETE FROM t WHERE id IN (1, 4)');
    expect(await errors()).toEqual([]);
    expect(await rows('SELECT count(*) FROM v')).toEqual([['2']]);
  });

  it('holds within recursion', async () => {
    await run(
      `CREATE MATERIALIZED VIEW r WITH (on_error = 'null') AS
       WITH RECURSIVE r (id, x, n) AS (SELECT id, a, 1 FROM t UNION ALL SELECT id, 12 / (x - 2), n + 1 FROM r WHERE n < 4 AND x IS NOT NULL)
       SELECT * FROM r`,
      "INSERT INTO t VALUES (1, 4, ''), (2, 8, '')",
    );
    expect(await rows('SELECT * FROM r ORDER BY id, n')).toEqual([
      ['1', '4', '1'],
      ['1', '6', '2'],
      ['1', '3', '3'],
      ['1', '12', '4'],
      ['2', '8', '1'],
      ['2', '2', '2'],
      ['2', null, '3'],
    ]);
    expect((await errors()).map((e) => [e[2], e[4]])).toEqual([['22012', '1']]);
    await run('DELETE FROM t');
    expect(await errors()).toEqual([]);
  });

  it('holds for conditions, join conditions, aggregates and group keys', async () => {
    const views = [
      ['f', 'SELECT id FROM t WHERE 10 / a > 1'],
      ['g', 'SELECT 10 / a AS k, count(*) AS n FROM t GROUP BY 10 / a'],
      ['s', 'SELECT sum(10 / a) AS s, count(*) AS n FROM t'],
      ['j', 'SELECT t.id, u.a FROM t LEFT JOIN u ON t.id = u.id AND 10 / t.a > u.a'],
      ['e', 'SELECT id FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE u.id = t.id AND 10 / t.a > 1)'],
    ];
    for (const [name, query] of views) {
      await run(`CREATE MATERIALIZED VIEW ${name} WITH (on_error = 'null') AS ${query}`);
    }
    await run("INSERT INTO t VALUES (1, 0, ''), (2, 5, '')", 'INSERT INTO u VALUES (1, 1), (2, 1)');
    expect(await rows('SELECT * FROM f')).toEqual([['2']]);
    expect(await rows('SELECT * FROM g ORDER BY 1')).toEqual([
      ['2', '1'],
      [null, '1'],
    ]);
    expect(await rows('SELECT * FROM s')).toEqual([['2', '2']]);
    expect(await rows('SELECT * FROM j ORDER BY 1')).toEqual([
      ['1', null],
      ['2', '1'],
    ]);
    expect(await rows('SELECT * FROM e')).toEqual([['1']]);
    expect(new Set((await errors()).map((e) => e[0]))).toEqual(new Set(['e', 'f', 'g', 'j', 's']));
    await run('DELETE FROM t', 'DELETE FROM u');
    expect(await errors()).toEqual([]);
  });
});

describe("on_error = 'fail'", () => {
  beforeEach(() =>
    run(
      "CREATE MATERIALIZED VIEW v WITH (on_error = 'fail') AS SELECT id, 10 / a AS q FROM t",
      'CREATE MATERIALIZED VIEW other AS SELECT count(*) AS n, sum(a) AS s FROM t',
      "INSERT INTO t VALUES (1, 1, '')",
    ),
  );

  it('refuses the transaction that brings a row which fails', async () => {
    expect(await failure("INSERT INTO t VALUES (2, 5, ''), (3, 0, '')")).toBe('22012 division by zero');
    expect(await failure('UPDATE t SET a = 0')).toBe('22012 division by zero');
    await run('BEGIN', "INSERT INTO t VALUES (4, 0, '')", 'INSERT INTO u VALUES (1, 1)');
    expect(await failure('COMMIT')).toBe('22012 division by zero');
    expect(await rows('SELECT id, a FROM t')).toEqual([['1', '1']]);
    expect(await rows('SELECT * FROM u')).toEqual([]);
    expect(await rows('SELECT * FROM v')).toEqual([['1', '10']]);
    expect(await rows('SELECT * FROM other')).toEqual([['1', '1']]);
    expect(await errors()).toEqual([]);
    await run("INSERT INTO t VALUES (2, 5, '')", 'UPDATE t SET a = 2 WHERE id = 1');
    expect(await rows('SELECT * FROM v ORDER BY id')).toEqual([
      ['1', '5'],
      ['2', '2'],
    ]);
  });

  it('reaches every operator, also over other views', async () => {
    await run(
      'CREATE MATERIALIZED VIEW sums AS SELECT id, sum(a) AS s, count(*) AS n FROM u GROUP BY id',
      "CREATE MATERIALIZED VIEW w WITH (on_error = 'fail') AS SELECT id, 100 / s AS q FROM sums",
      "CREATE MATERIALIZED VIEW x WITH (on_error = 'fail') AS SELECT t.id, (SELECT u.a FROM u WHERE u.id = t.id) AS a FROM t",
      'INSERT INTO u VALUES (7, 5)',
    );
    expect(await failure('INSERT INTO u VALUES (7, -5)')).toBe('22012 division by zero');
    expect(await rows('SELECT * FROM w')).toEqual([['7', '20']]);
    expect(await rows('SELECT * FROM sums')).toEqual([['7', '5', '1']]);
    await run('INSERT INTO u VALUES (1, 5)');
    expect((await failure('INSERT INTO u VALUES (1, 6)')).slice(0, 5)).toBe('21000');
    expect(await rows('SELECT * FROM x')).toEqual([['1', '5']]);
    await run('DELETE FROM u', 'DELETE FROM t');
    for (const name of ['v', 'w', 'x', 'sums']) expect(await rows(`SELECT * FROM ${name}`)).toEqual([]);
  });

  it('leaves no trace in views that keep what happened', async () => {
    const changes = 'WITH c AS CHANGELOG FROM t SELECT id, a, changelog_op FROM c';
    await run(`CREATE MATERIALIZED VIEW c AS ${changes}`);
    const before = await rows('SELECT * FROM c ORDER BY 1, 2, 3');
    expect(await failure("INSERT INTO t VALUES (2, 5, ''), (3, 0, '')")).toBe('22012 division by zero');
    expect(await rows('SELECT * FROM c ORDER BY 1, 2, 3')).toEqual(before);
    await run("INSERT INTO t VALUES (2, 5, '')");
    expect(await rows('SELECT * FROM c ORDER BY 1, 2, 3')).toEqual([...before, ['2', '5', '1']]);
    const over = (name: string) => `CREATE MATERIALIZED VIEW ${name} WITH (on_error = 'fail') AS `;
    expect(await failure(`${over('d')}${changes}`)).toBe(
      "0A000 on_error = 'fail' with a query whose rows depend on history is not supported",
    );
    expect(await failure(`${over('e')}SELECT 1 / a AS q FROM c`)).toBe(
      `0A000 on_error = 'fail' with the view "c" whose rows depend on history is not supported`,
    );
  });

  it('is not made over rows that fail, nor over append-only tables', async () => {
    await run('INSERT INTO u VALUES (1, 0)', 'CREATE TABLE l (a int) APPEND ONLY');
    const make = (from: string) =>
      `CREATE MATERIALIZED VIEW n WITH (on_error = 'fail') AS SELECT 1 / a AS q FROM ${from}`;
    expect(await failure(make('u'))).toBe('22012 division by zero');
    expect(await failure(make('l'))).toBe(
      `0A000 on_error = 'fail' over the append-only table "l" is not supported`,
    );
    expect(await errors()).toEqual([]);
    await run('DELETE FROM u', make('u'), 'DROP MATERIALIZED VIEW n', 'INSERT INTO u VALUES (1, 0)');
  });
});

describe('the options', () => {
  it('are checked', async () => {
    const make = (options: string) => `CREATE MATERIALIZED VIEW n WITH (${options}) AS SELECT a FROM t`;
    expect(await failure(make("on_error = 'stop'"))).toBe(
      '22023 invalid value for option "on_error": "stop"',
    );
    expect(await failure(make("error_max_rows = '-1'"))).toBe(
      '22023 invalid value for option "error_max_rows": "-1"',
    );
    await run(make("on_error = 'NULL', error_max_rows = 0"));
    expect(await rows("SELECT state, on_error FROM millrace_catalog.relations WHERE name = 'n'")).toEqual([
      ['running', 'null'],
    ]);
  });
});

describe('an error of ours in a view', () => {
  /** Breaks the operators of a view: the next batch that one of them gets is an assertion that fails. */
  function sabotage(name: string): void {
    const view = database.catalog.find('public', name, []);
    if (view?.kind !== 'materialized view') throw new Error(`no view ${name}`);
    for (const node of view.nodes) {
      const { operator } = node;
      if (operator === null || node.name !== 'Aggregate') continue;
      operator.push = () => {
        throw new AssertionError('state is broken');
      };
    }
  }

  beforeEach(() =>
    run(
      'CREATE MATERIALIZED VIEW a AS SELECT id, sum(a) AS s FROM t GROUP BY id',
      'CREATE MATERIALIZED VIEW b AS SELECT count(*) AS n FROM t',
      'CREATE MATERIALIZED VIEW c AS SELECT sum(s) AS s FROM a',
      'CREATE INDEX ai ON a (s)',
      "INSERT INTO t VALUES (1, 1, '')",
    ),
  );

  it('pauses that view and those over it; all others go on', async () => {
    sabotage('a');
    await run("INSERT INTO t VALUES (2, 2, '')", "INSERT INTO t VALUES (3, 3, '')");
    expect(await rows('SELECT * FROM b')).toEqual([['3']]);
    expect(await failure('SELECT * FROM a')).toBe('55000 materialized view "a" is paused');
    expect(await failure('SELECT * FROM c')).toBe('55000 materialized view "c" is paused');
    expect(await failure('CREATE MATERIALIZED VIEW d AS SELECT * FROM a')).toBe(
      '55000 materialized view "a" is paused',
    );
    expect(
      await rows(
        "SELECT name, state, paused_reason FROM millrace_catalog.relations WHERE state = 'paused' ORDER BY 1",
      ),
    ).toEqual([
      ['a', 'paused', 'internal error: state is broken'],
      ['c', 'paused', 'materialized view "a", which it is over, is paused'],
    ]);
  });

  it('is over when the view is resumed', async () => {
    sabotage('a');
    await run("INSERT INTO t VALUES (2, 2, '')", "INSERT INTO t VALUES (3, 3, '')");
    expect(await failure('ALTER MATERIALIZED VIEW c RESUME')).toBe('55000 materialized view "a" is paused');
    await run('ALTER MATERIALIZED VIEW a RESUME');
    expect(await rows('SELECT * FROM c')).toEqual([['6']]);
    await run('DELETE FROM t WHERE id = 2', 'ALTER MATERIALIZED VIEW a RESUME');
    expect(await rows('SELECT id FROM a WHERE s = 3')).toEqual([['3']]);
    expect(await rows('SELECT * FROM c')).toEqual([['4']]);
  });

  it('does not keep the view from being dropped', async () => {
    sabotage('a');
    await run("INSERT INTO t VALUES (2, 2, '')", 'DROP MATERIALIZED VIEW a CASCADE', 'DELETE FROM t');
    expect(await rows('SELECT * FROM b')).toEqual([['0']]);
  });
});

describe("on_error = 'fail' over a source", () => {
  it('pauses the view', async () => {
    await run(
      "CREATE SOURCE s (id int, a int) WITH (connector = 'inject')",
      "CREATE MATERIALIZED VIEW v WITH (on_error = 'fail') AS SELECT id, 10 / a AS q FROM s",
      'CREATE MATERIALIZED VIEW w AS SELECT count(*) AS n FROM s',
      'INJECT INTO s VALUES (1, 2)',
      'INJECT INTO s VALUES (2, 0)',
      'INJECT INTO s VALUES (3, 5)',
    );
    expect(await rows('SELECT * FROM w')).toEqual([['3']]);
    expect(await failure('SELECT * FROM v')).toBe('55000 materialized view "v" is paused');
    expect(await rows("SELECT paused_reason FROM millrace_catalog.relations WHERE name = 'v'")).toEqual([
      ['division by zero (SQLSTATE 22012). Failing row: {"a": 0, "id": 2}.'],
    ]);
    expect(await errors()).toEqual([]);
    expect(await failure('ALTER MATERIALIZED VIEW v RESUME')).toBe('22012 division by zero');
  });
});
