/** After changes in place a restart gives the same catalog, from the history of statements and from a checkpoint. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isRelation } from '../../server/objects.ts';
import { type RunningServer, startServer } from '../../server/serve.ts';
import { Connection } from './clients.ts';

let directory: string;
let server: RunningServer;
let a: Connection;

async function start(): Promise<void> {
  server = await startServer({
    host: '127.0.0.1',
    port: 0,
    httpPort: 0,
    dataDir: directory,
    checkpointIntervalMs: 1_000_000,
    log: () => {},
  });
  a = new Connection(`postgres://root@127.0.0.1:${server.pgPort}/dev`);
  await a.client.connect();
}

async function stop(): Promise<void> {
  await a.client.end();
  await server.close();
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-alter-'));
  await start();
});

afterEach(async () => {
  await stop();
  rmSync(directory, { recursive: true, force: true });
});

/** Everything that the catalog says, and every row. */
async function everything(): Promise<unknown> {
  const { catalog } = server.database;
  const objects = [...catalog.objects()]
    .sort((x, y) => x.id - y.id)
    .map((o) => ({
      id: o.id,
      name: `${o.schema}.${o.name}`,
      kind: o.kind,
      owner: o.owner,
      sql: o.sql,
      searchPath: o.searchPath,
      dependsOn: [...o.dependsOn].sort(),
      columns: isRelation(o)
        ? o.columns.map((c) => [c.name, c.type, c.nullable])
        : o.kind === 'index'
          ? o.entry.columns
          : o.runtime.positions,
      comment: catalog.comment(o.id),
    }));
  const rows: Record<string, unknown> = {};
  for (const o of catalog.objects()) {
    if (!isRelation(o) || o.kind === 'source') continue;
    const read = await a.rows(`SELECT * FROM "${o.schema}"."${o.name}"`);
    rows[`${o.schema}.${o.name}`] = read.map((r) => JSON.stringify(r)).sort();
  }
  const schemas = catalog
    .schemas()
    .map((s) => [s.id, s.name, s.owner])
    .sort();
  return { objects, rows, schemas };
}

/** The same after a crash, from the statements and changes in the journal, and after a stop, from a checkpoint. */
async function survives(): Promise<void> {
  const before = await everything();
  const crashed = mkdtempSync(join(tmpdir(), 'millrace-alter-'));
  cpSync(directory, crashed, { recursive: true });
  await stop();
  const stopped = directory;
  directory = crashed;
  await start();
  expect(await everything()).toEqual(before);
  await stop();
  rmSync(crashed, { recursive: true, force: true });
  directory = stopped;
  await start();
  expect(await everything()).toEqual(before);
}

describe('a restart', () => {
  it('keeps names that were changed', async () => {
    await a.tags('CREATE SCHEMA s');
    await a.tags('CREATE TABLE t (a int PRIMARY KEY, b int, ts timestamp)');
    await a.tags('CREATE TABLE log (at timestamp, WATERMARK FOR at AS at) APPEND ONLY');
    await a.tags('CREATE INDEX ON t (b)');
    await a.tags('CREATE VIEW v AS SELECT t.*, x.a AS other FROM t JOIN t AS x ON x.a = t.b');
    await a.tags('CREATE MATERIALIZED VIEW m AS SELECT b, count(*) AS n FROM t GROUP BY b');
    await a.tags(
      "CREATE MATERIALIZED VIEW w AS SELECT window_start, count(*) FROM TUMBLE(t, ts, INTERVAL '1 hour') GROUP BY window_start",
    );
    await a.tags('CREATE MATERIALIZED VIEW over AS SELECT * FROM v WHERE other > 0');
    await a.tags("COMMENT ON COLUMN t.b IS 'number'");
    await a.tags("INSERT INTO t VALUES (1, 1, '2024-01-01'), (2, 1, '2024-01-02')");
    await a.tags("INSERT INTO log VALUES ('2024-01-02')");
    await a.tags("INSERT INTO log VALUES ('2024-01-01')");
    await a.tags('ALTER TABLE t RENAME TO u');
    await a.tags('ALTER TABLE u RENAME COLUMN b TO c');
    await a.tags('ALTER TABLE log RENAME TO log2');
    await a.tags('ALTER TABLE log2 RENAME COLUMN at TO moment');
    await a.tags('CREATE TABLE t (a int)');
    await a.tags('ALTER TABLE u SET SCHEMA s');
    await a.tags('ALTER SCHEMA s RENAME TO "S 2"');
    await a.tags('ALTER VIEW v RENAME COLUMN other TO another');
    await a.tags('ALTER INDEX "S 2".t_b_idx RENAME TO by_c');
    await a.tags('CREATE MATERIALIZED VIEW m2 AS SELECT c AS b, sum(a) AS n FROM "S 2".u GROUP BY c');
    await a.tags('CREATE MATERIALIZED VIEW of_m AS SELECT sum(n) AS n FROM m');
    await a.tags('ALTER MATERIALIZED VIEW m SWAP WITH m2');
    await survives();
    expect(await a.rows('SELECT * FROM millrace_late.log2')).toHaveLength(1);
    await a.tags('INSERT INTO "S 2".u VALUES (3, 2, \'2024-01-01\')');
    expect(await a.rows('SELECT b, n FROM m ORDER BY b')).toEqual([
      ['1', '3'],
      ['2', '3'],
    ]);
    expect(await a.rows('SELECT n FROM of_m')).toEqual([['3']]);
    await survives();
  });

  it('keeps columns that came, went and changed, and what was computed for them', async () => {
    await a.tags('CREATE TABLE t (a int PRIMARY KEY, b int, s text)');
    await a.tags('CREATE TABLE h (x int)');
    await a.tags('CREATE INDEX t_s ON t (s)');
    await a.tags("INSERT INTO t VALUES (1, 10, 'x'), (2, 20, 'y')");
    await a.tags('INSERT INTO h VALUES (1), (2), (2)');
    await a.tags('CREATE MATERIALIZED VIEW star AS SELECT * FROM t');
    await a.tags('CREATE MATERIALIZED VIEW of_h AS SELECT x, count(*) AS n FROM h GROUP BY x');
    await a.tags('ALTER TABLE t ADD COLUMN c int DEFAULT 7, ADD COLUMN r float8 DEFAULT random()');
    await a.tags('ALTER TABLE h ADD COLUMN at timestamptz DEFAULT now()');
    await a.tags("INSERT INTO t VALUES (3, 30, 'z')");
    await a.tags('INSERT INTO h VALUES (3)');
    await a.tags("COMMENT ON COLUMN t.s IS 'text'");
    await a.tags('ALTER TABLE t ALTER COLUMN c TYPE text, ALTER COLUMN c SET NOT NULL');
    await a.tags('ALTER TABLE h ALTER COLUMN x DROP NOT NULL');
    await survives();
    await a.tags('DROP MATERIALIZED VIEW star');
    await a.tags('ALTER TABLE t DROP COLUMN b');
    await a.tags("UPDATE t SET s = 'w' WHERE a = 1");
    await a.tags('DELETE FROM h WHERE x = 2');
    await survives();
    expect(await a.rows("SELECT col_description('t'::regclass, 2)")).toEqual([['text']]);
    expect(await a.rows("SELECT a FROM t WHERE s = 'w'")).toEqual([['1']]);
  });

  it('keeps views that were replaced, whatever they have come to need', async () => {
    await a.tags('CREATE TABLE t (a int PRIMARY KEY, b int)');
    await a.tags('INSERT INTO t VALUES (1, 1), (2, 1), (3, 2)');
    await a.tags(
      "CREATE MATERIALIZED VIEW m WITH (on_error = 'null') AS SELECT b, count(*) AS n FROM t GROUP BY b",
    );
    await a.tags('CREATE INDEX m_n ON m (n)');
    await a.tags('CREATE VIEW plain AS SELECT * FROM m');
    await a.tags('CREATE MATERIALIZED VIEW over AS SELECT sum(n) AS n FROM m');
    await a.tags('CREATE MATERIALIZED VIEW over_plain AS SELECT count(*) AS n FROM plain');
    await a.tags("COMMENT ON MATERIALIZED VIEW m IS 'said'");
    await a.tags('CREATE MATERIALIZED VIEW young AS SELECT a, b FROM t WHERE a > 1');
    await a.tags(
      'CREATE OR REPLACE MATERIALIZED VIEW m AS SELECT b, sum(a)::bigint AS n, 1 AS more FROM young GROUP BY b',
    );
    await a.tags('CREATE OR REPLACE VIEW plain AS SELECT b, n, more FROM m WHERE n > 2');
    expect(await a.rows('SELECT n FROM over')).toEqual([['5']]);
    expect(await a.rows('SELECT n FROM over_plain')).toEqual([['1']]);
    await survives();
    await a.tags('INSERT INTO t VALUES (4, 1)');
    expect(await a.rows('SELECT n FROM over')).toEqual([['9']]);
    expect(await a.rows('SELECT n FROM over_plain')).toEqual([['2']]);
    expect(await a.rows("SELECT on_error FROM millrace_catalog.relations WHERE name = 'm'")).toEqual([
      ['null'],
    ]);
    await survives();
  });

  it('leaves everything as it was where a change fails', async () => {
    await a.tags('CREATE TABLE t (a int PRIMARY KEY, b text)');
    await a.tags("INSERT INTO t VALUES (1, 'x')");
    await a.tags('CREATE MATERIALIZED VIEW m AS SELECT * FROM t');
    await a.tags('CREATE MATERIALIZED VIEW over AS SELECT count(*) AS n FROM m');
    const before = await everything();
    const { length } = server.database.dataflow.nodes;
    expect(await a.state('ALTER TABLE t ADD COLUMN c int DEFAULT (1 / 0)')).toBe('22012');
    expect(await a.state('ALTER TABLE t ADD COLUMN c int NOT NULL')).toBe('23502');
    expect(await a.state('ALTER TABLE t ALTER COLUMN b TYPE int USING b::int')).toBe('0A000');
    expect(
      await a.state(
        "CREATE OR REPLACE MATERIALIZED VIEW m WITH (on_error = 'fail') AS SELECT a, b, 1 / (a - 1) AS c FROM t",
      ),
    ).toBe('22012');
    expect(await a.state('CREATE OR REPLACE MATERIALIZED VIEW m AS SELECT a FROM t')).toBe('42P16');
    expect(await a.state('ALTER TABLE t RENAME TO over')).toBe('42P07');
    expect(await everything()).toEqual(before);
    expect(server.database.dataflow.nodes).toHaveLength(length);
    await a.tags("INSERT INTO t VALUES (2, 'y')");
    expect(await a.rows('SELECT n FROM over')).toEqual([['2']]);
    await survives();
  });
});
