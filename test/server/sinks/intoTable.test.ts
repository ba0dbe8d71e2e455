/** CREATE SINK ... INTO table: at once, by the table's rules, and the same after a restart from journal and checkpoints. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { localSession } from '../../../server/serve.ts';
import { temporaryDirectory } from '../journal/support.ts';
import { generator } from '../time/random.ts';
import { World } from './support.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let world: World;

beforeEach(async () => {
  directory = temporaryDirectory('into');
  world = new World(directory.path);
  await world.open();
});

afterEach(async () => {
  await world.close();
  directory.remove();
});

const run = (sql: string): Promise<readonly (readonly unknown[])[]> => world.run(sql);
const refused = (sql: string, state: string, message: RegExp): Promise<void> =>
  expect(run(sql)).rejects.toMatchObject({ state, message: expect.stringMatching(message) });

describe('a sink into a table', () => {
  it('shows a commit in the table, and in views over it, when the commit is acknowledged', async () => {
    await run('CREATE TABLE a (id int PRIMARY KEY, v int)');
    await run('CREATE TABLE t (id int PRIMARY KEY, w text, c int DEFAULT 7, g int AS c + 1)');
    await run('CREATE MATERIALIZED VIEW m AS SELECT count(*) AS n, sum(g) AS s FROM t');
    await run('INSERT INTO a VALUES (1, 10), (2, 20)');
    await run('CREATE SINK s INTO t (id, w) AS SELECT id, v::text AS v FROM a');
    expect(await run('SELECT id, w, c, g FROM t ORDER BY id')).toEqual([
      [1, '10', 7, 8],
      [2, '20', 7, 8],
    ]);
    await run('UPDATE a SET v = 11 WHERE id = 1');
    await run('DELETE FROM a WHERE id = 2');
    await run('INSERT INTO a VALUES (3, 30)');
    expect(await run('SELECT id, w FROM t ORDER BY id')).toEqual([
      [1, '11'],
      [3, '30'],
    ]);
    expect(await run('SELECT n, s FROM m')).toEqual([[2n, 16n]]);
  });

  it('takes several sinks into one table, and a chain of them', async () => {
    await run('CREATE TABLE a (id int PRIMARY KEY, v int)');
    await run('CREATE TABLE b (id int PRIMARY KEY, v int)');
    await run('CREATE TABLE t (id int PRIMARY KEY, v int)');
    await run('CREATE TABLE u (total int PRIMARY KEY, n bigint)');
    await run('CREATE SINK sa INTO t FROM a');
    await run('CREATE SINK sb INTO t FROM b');
    await run('CREATE SINK su INTO u AS SELECT v AS total, count(*) AS n FROM t GROUP BY v');
    await run('INSERT INTO a VALUES (1, 5), (2, 5)');
    await run('INSERT INTO b VALUES (3, 5), (4, 6)');
    expect(await run('SELECT total, n FROM u ORDER BY 1')).toEqual([
      [5, 3n],
      [6, 1n],
    ]);
    await run('DELETE FROM b WHERE id = 4');
    expect(await run('SELECT total, n FROM u ORDER BY 1')).toEqual([[5, 3n]]);
  });

  it('adds rows to a table without primary key, apart from the rows of sessions', async () => {
    await run('CREATE TABLE log (n int) APPEND ONLY');
    await run('CREATE TABLE t (n bigint)');
    await run('CREATE SINK s INTO t FROM log');
    await run('INSERT INTO log VALUES (1), (1)');
    await run('INSERT INTO t VALUES (2)');
    await run('INSERT INTO log VALUES (3)');
    await world.crash();
    await run('INSERT INTO log VALUES (4)');
    await run('INSERT INTO t VALUES (5)');
    expect(await run('SELECT n FROM t ORDER BY n')).toEqual([[1n], [1n], [2n], [3n], [4n], [5n]]);
  });

  it('obeys ON CONFLICT, and files rows that the table does not take', async () => {
    await run('CREATE TABLE log (k int, v int) APPEND ONLY');
    await run('CREATE TABLE first (k int PRIMARY KEY, v int) ON CONFLICT DO NOTHING');
    await run('CREATE TABLE strict (k int PRIMARY KEY, v int NOT NULL)');
    await run('CREATE SINK s INTO first FROM log');
    await run('CREATE SINK s2 INTO strict FROM log');
    await run('INSERT INTO log VALUES (1, 1)');
    await run('INSERT INTO log VALUES (1, 2), (2, NULL)');
    expect(await run('SELECT * FROM first ORDER BY k')).toEqual([
      [1, 1],
      [2, null],
    ]);
    expect(await run('SELECT * FROM strict ORDER BY k')).toEqual([[1, 2]]);
    expect(await run('SELECT relation, message FROM millrace_catalog.row_errors')).toEqual([
      ['s2', 'null value in column "v" of relation "strict" violates not-null constraint'],
    ]);
  });

  it('changes rows of a table whose conflicts are errors, and leaves those of others alone', async () => {
    await run('CREATE TABLE a (id int PRIMARY KEY, v int)');
    await run('CREATE TABLE t (id int PRIMARY KEY, v int) ON CONFLICT DO ERROR');
    await run('CREATE SINK s INTO t FROM a');
    await run('INSERT INTO t VALUES (9, 0)');
    await run('INSERT INTO a VALUES (1, 1), (9, 9)');
    await run('UPDATE a SET v = 2 WHERE id = 1');
    expect(await run('SELECT * FROM t ORDER BY id')).toEqual([
      [1, 2],
      [9, 0],
    ]);
    expect(await run('SELECT message FROM millrace_catalog.row_errors')).toEqual([
      ['duplicate key value violates unique constraint "t_pkey"'],
    ]);
  });

  it('reaches a table on two ways, and views over both see one state', async () => {
    await run('CREATE TABLE a (id int PRIMARY KEY, v int)');
    for (const name of ['t', 'u', 'w']) await run(`CREATE TABLE ${name} (id int PRIMARY KEY, v int)`);
    await run('CREATE SINK s1 INTO t FROM a');
    await run('CREATE SINK s2 INTO u AS SELECT id, v * 2 AS v FROM t');
    await run('CREATE SINK s3 INTO w AS SELECT id, t.v + u.v AS v FROM t JOIN u USING (id)');
    await run(
      'CREATE MATERIALIZED VIEW m AS SELECT sum(a.v * 3 - w.v) AS d, count(*) AS n FROM a JOIN w USING (id)',
    );
    for (let i = 0; i < 5; i++) {
      await run(`INSERT INTO a SELECT g, g * ${i + 1} FROM generate_series(1, 50) g`);
      await run(`DELETE FROM a WHERE id = ${i + 1}`);
      const [[d, n] = []] = await run('SELECT d, n FROM m');
      expect([d, n]).toEqual([0n, 49n]);
      await run(`INSERT INTO a VALUES (${i + 1}, 1)`);
    }
  });

  it('pauses a view that refuses what it brings', async () => {
    await run('CREATE TABLE a (id int PRIMARY KEY, v int)');
    await run('CREATE TABLE t (id int PRIMARY KEY, v int)');
    await run('CREATE SINK s INTO t FROM a');
    await run("CREATE MATERIALIZED VIEW m WITH (on_error = 'fail') AS SELECT id, 10 / v AS q FROM t");
    await run('INSERT INTO a VALUES (1, 0)');
    expect(await run('SELECT * FROM t')).toEqual([[1, 0]]);
    await refused('SELECT * FROM m', '55000', /is paused/);
  });

  it('keeps what comes while it is paused', async () => {
    await run('CREATE TABLE a (id int PRIMARY KEY)');
    await run('CREATE TABLE t (id int PRIMARY KEY)');
    await run('CREATE SINK s INTO t FROM a');
    await run('ALTER SINK s PAUSE');
    await run('INSERT INTO a VALUES (1)');
    expect(await run('SELECT id FROM t')).toEqual([]);
    await world.crash();
    await run('ALTER SINK s RESUME');
    expect(await run('SELECT id FROM t')).toEqual([[1]]);
    await world.crash();
    expect(await run('SELECT id FROM t')).toEqual([[1]]);
  });

  it('lets a transaction see what sinks have done to its rows: 40001, also within one group', async () => {
    await run('CREATE TABLE a (id int PRIMARY KEY, v int)');
    await run('CREATE TABLE t (id int PRIMARY KEY, v int)');
    await run('CREATE SINK s INTO t FROM a');
    await run('INSERT INTO t VALUES (1, 0)');
    // Sessions of their own, so that the commits wait together.
    const statements = [
      'INSERT INTO a VALUES (9, 9)',
      'INSERT INTO a VALUES (1, 1)',
      'UPDATE t SET v = 2 WHERE id = 1',
      'INSERT INTO a VALUES (2, 1)',
    ];
    const outcomes = await Promise.allSettled(statements.map((sql) => localSession(world.database).run(sql)));
    expect(outcomes.map((o) => o.status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    expect(outcomes[2]).toMatchObject({ reason: { state: '40001' } });
    const expected = [
      [1, 1],
      [2, 1],
      [9, 9],
    ];
    expect(await run('SELECT * FROM t ORDER BY id')).toEqual(expected);
    await world.crash();
    expect(await run('SELECT * FROM t ORDER BY id')).toEqual(expected);
  });

  it('follows the names of its table, and keeps its columns', async () => {
    await run('CREATE TABLE a (id int PRIMARY KEY, v int)');
    await run('CREATE TABLE t (id int PRIMARY KEY, v int)');
    await run('CREATE SINK s INTO t FROM a');
    await run('ALTER TABLE t RENAME TO t2');
    await run('ALTER TABLE t2 ADD COLUMN more int DEFAULT 3');
    await run('INSERT INTO a VALUES (1, 1)');
    await refused('ALTER TABLE t2 RENAME COLUMN v TO w', '0A000', /cannot rename column "v"/);
    await refused('ALTER TABLE t2 DROP COLUMN v', '2BP01', /cannot drop column v/);
    await refused('DROP TABLE t2', '2BP01', /cannot drop table t2/);
    await world.checkpoint();
    await world.crash();
    await run('INSERT INTO a VALUES (2, 2)');
    expect(await run('SELECT * FROM t2 ORDER BY id')).toEqual([
      [1, 1, 3],
      [2, 2, 3],
    ]);
    expect(await run('SHOW CREATE SINK s')).toEqual([['public.s', expect.stringContaining('INTO t2')]]);
    await run('DROP SINK s');
    await run('DROP TABLE t2');
  });

  it('goes with its table, and the view of its query with it', async () => {
    await run('CREATE TABLE a (id int PRIMARY KEY, v int)');
    await run('CREATE TABLE t (id int PRIMARY KEY, v int)');
    await run('CREATE SINK s INTO t AS SELECT id, v + 1 AS v FROM a');
    await world.checkpoint();
    await run('DROP TABLE t CASCADE');
    expect(await run('SELECT name FROM millrace_catalog.sinks')).toEqual([]);
    expect(world.database.catalog.objects().map((o) => o.name)).toEqual(['a']);
    await world.checkpoint();
    await world.crash();
    await run('INSERT INTO a VALUES (1, 1)');
    await run('DROP TABLE a');
  });

  it('refuses what cannot work', async () => {
    await run('CREATE TABLE a (id int PRIMARY KEY, v int)');
    await run('CREATE TABLE t (id int PRIMARY KEY, v int)');
    await run('CREATE TABLE loose (id int, v int)');
    await run('CREATE MATERIALIZED VIEW m AS SELECT * FROM t');
    await refused('CREATE SINK s INTO t FROM m', '42P19', /cannot read what is made of it/);
    await refused('CREATE SINK s INTO t AS SELECT id + 1 AS id, v FROM t', '42P19', /cannot read/);
    await refused('CREATE SINK s INTO loose FROM a', '42P16', /has no primary key/);
    await refused('CREATE SINK s INTO t (v) AS SELECT v FROM a', '42P16', /does not write column "id"/);
    await refused('CREATE SINK s INTO t (v, id) FROM a', '42P16', /does not tell the rows of "a" apart/);
    await refused('CREATE SINK s INTO t (id, x) FROM a', '42703', /column "x" of relation "t"/);
    await refused('CREATE SINK s INTO t AS SELECT id, v, v AS w FROM a', '42601', /more columns/);
    await refused('CREATE SINK s INTO m FROM a', '42809', /materialized view "m"/);
    await refused('CREATE SINK s INTO nowhere FROM a', '42P01', /nowhere/);
    await refused(
      "CREATE SINK s INTO t AS SELECT id, DATE '2020-01-01' AS v FROM a",
      '42804',
      /column "v" is of type integer/,
    );
    await refused("CREATE SINK s INTO t FROM a WITH (connector = 'kafka')", '42601', /has no connector/);
    await refused("CREATE SINK s INTO t FROM a WITH (topic = 'x')", '22023', /unknown option "topic"/);
    await run('CREATE SINK s INTO t FROM a');
    await refused('CREATE SINK back INTO a FROM m', '42P19', /cannot read what is made of it/);
    await run('CREATE MATERIALIZED VIEW over AS SELECT id, v FROM loose');
    expect(await run('SELECT name, connector, state FROM millrace_catalog.sinks')).toEqual([
      ['s', 'table', 'running'],
    ]);
  });

  it('refuses a view that would close a circle when it is replaced', async () => {
    await run('CREATE TABLE a (id int PRIMARY KEY, v int)');
    await run('CREATE TABLE t (id int PRIMARY KEY, v int)');
    await run('CREATE MATERIALIZED VIEW m AS SELECT id, v FROM a');
    await run('CREATE SINK s INTO t FROM m');
    await refused('CREATE OR REPLACE MATERIALIZED VIEW m AS SELECT id, v FROM t', '42P19', /cannot read/);
    await run('CREATE OR REPLACE MATERIALIZED VIEW m AS SELECT id, v * 2 AS v FROM a');
    await run('INSERT INTO a VALUES (1, 2)');
    expect(await run('SELECT * FROM t')).toEqual([[1, 4]]);
  });
});

describe('restarts at random', () => {
  it.each([1, 2, 3])('give the same tables (seed %i)', async (seed) => {
    const random = generator(seed);
    for (const sql of [
      'CREATE TABLE a (id int PRIMARY KEY, g int, v int)',
      'CREATE TABLE log (n int) APPEND ONLY',
      'CREATE TABLE t (g int PRIMARY KEY, s bigint, at timestamptz DEFAULT now(), r float DEFAULT random())',
      'CREATE TABLE all_rows (n int, r float DEFAULT random())',
      'CREATE MATERIALIZED VIEW over_t AS SELECT count(*) AS n, sum(s) AS s FROM t',
      'CREATE SINK s1 INTO t (g, s) AS SELECT g, sum(v) AS s FROM a GROUP BY g',
      'CREATE SINK s2 INTO all_rows (n) FROM log',
      'CREATE SINK s3 INTO all_rows (n) AS SELECT v FROM a WITH (force_append_only = true)',
    ]) {
      await run(sql);
    }
    const state = async (): Promise<unknown> => [
      await run('SELECT g, s, at, r FROM t ORDER BY g'),
      await run('SELECT n, r FROM all_rows ORDER BY n, r'),
      await run('SELECT n, s FROM over_t'),
      world.database.version,
    ];
    for (let i = 0; i < 120; i++) {
      const id = random(12);
      switch (random(8)) {
        case 0:
          await run(`DELETE FROM a WHERE id = ${id}`);
          break;
        case 1:
          await run(`INSERT INTO log VALUES (${i}), (${i})`);
          break;
        case 2:
          await run(`INSERT INTO all_rows VALUES (${-i})`);
          break;
        case 3: {
          if (random(3) === 0) await world.checkpoint();
          const before = await state();
          await world.crash();
          expect(await state()).toEqual(before);
          break;
        }
        case 4:
          await run(`ALTER SINK s1 ${random(2) === 0 ? 'PAUSE' : 'RESUME'}`);
          break;
        default:
          await run(`INSERT INTO a VALUES (${id}, ${random(4)}, ${random(100)})`);
      }
    }
    await run('ALTER SINK s1 RESUME');
    const sums = await run('SELECT g, sum(v) FROM a GROUP BY g ORDER BY g');
    expect(await run('SELECT g, s FROM t ORDER BY g')).toEqual(sums);
    expect(await run('SELECT count(DISTINCT _row_id) = count(*) FROM all_rows')).toEqual([[true]]);
  });
});
