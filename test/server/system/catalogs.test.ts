/** System catalogs over the wire: psql's own queries, and what drivers and tools ask for. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startInProcess, type TestServer } from '../../harness/server.ts';

const setup = [
  "CREATE TABLE t (id int PRIMARY KEY, a text NOT NULL DEFAULT 'x', b numeric(10,2))",
  'CREATE INDEX t_b ON t (b)',
  'CREATE VIEW v AS SELECT * FROM t',
  'CREATE MATERIALIZED VIEW m AS SELECT a, count(*) FROM t GROUP BY a',
  'CREATE SCHEMA s',
  "COMMENT ON TABLE t IS 'the table'",
  "COMMENT ON COLUMN t.a IS 'column a'",
  "CREATE SOURCE n (id int, x text) WITH (connector = 'datagen', datagen.rows.per.second = '10') FORMAT PLAIN ENCODE JSON",
];

let server: TestServer;
let client: pg.Client;

beforeAll(async () => {
  server = await startInProcess();
  client = new pg.Client({ connectionString: server.url });
  await client.connect();
  for (const sql of setup) await client.query(sql);
});

afterAll(async () => {
  await client.end();
  await server.close();
});

async function rows(sql: string): Promise<readonly unknown[][]> {
  const result = await client.query({ text: sql, rowMode: 'array' });
  return result.rows;
}

/** Queries of psql 15's commands (`psql -E`) against a server with the objects above; see their comments. */
const psqlQueries = readFileSync(join(import.meta.dirname, 'psqlQueries.sql'), 'utf8')
  .split(/^-- (?=\\)/m)
  .filter((part) => part.trim() !== '');

describe('psql', () => {
  it.each(psqlQueries.map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n'))]))(
    '%s',
    async (_command, sql) => {
      await expect(client.query(sql)).resolves.toBeDefined();
    },
  );

  it('\\d lists relations by kind', async () => {
    const found = await rows(
      `SELECT c.relname, c.relkind, pg_catalog.pg_get_userbyid(c.relowner) FROM pg_catalog.pg_class c
       LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname !~ '^pg_toast' AND pg_catalog.pg_table_is_visible(c.oid) AND n.nspname = 'public' ORDER BY 1`,
    );
    expect(found).toEqual([
      ['m', 'm', 'root'],
      ['n', 'f', 'root'],
      ['t', 'r', 'root'],
      ['t_b', 'i', 'root'],
      ['t_pkey', 'i', 'root'],
      ['v', 'v', 'root'],
    ]);
  });

  it('\\d t shows columns and indexes', async () => {
    expect(
      await rows(
        `SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
                col_description(a.attrelid, a.attnum)
         FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         WHERE a.attrelid = 't'::regclass AND a.attnum > 0 ORDER BY a.attnum`,
      ),
    ).toEqual([
      ['id', 'integer', true, null, null],
      ['a', 'text', true, "'x'", 'column a'],
      ['b', 'numeric(10,2)', false, null, null],
    ]);
    expect(
      await rows(
        `SELECT c.relname, i.indisprimary, pg_get_indexdef(i.indexrelid, 0, true), pg_get_constraintdef(con.oid, true)
         FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
         LEFT JOIN pg_constraint con ON con.conrelid = i.indrelid AND con.conindid = i.indexrelid
         WHERE i.indrelid = 't'::regclass ORDER BY 1`,
      ),
    ).toEqual([
      ['t_b', false, 'CREATE INDEX t_b ON public.t USING btree (b)', null],
      ['t_pkey', true, 'CREATE UNIQUE INDEX t_pkey ON public.t USING btree (id)', 'PRIMARY KEY (id)'],
    ]);
  });
});

describe('tools', () => {
  it('primary key columns by subscript', async () => {
    expect(
      await rows(
        `SELECT a.attname FROM (SELECT indrelid, indkey, generate_subscripts(indkey, 1) idx FROM pg_index
           WHERE indrelid = '"t"'::regclass AND indisprimary) i
         JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[i.idx] ORDER BY i.idx`,
      ),
    ).toEqual([['id']]);
    expect(
      await rows(
        `SELECT r.name, (r.keys).n FROM (SELECT a.attname AS name, a.attnum, information_schema._pg_expandarray(i.indkey) AS keys
           FROM pg_attribute a JOIN pg_index i ON a.attrelid = i.indrelid WHERE i.indrelid = 't'::regclass AND i.indisprimary) r
         WHERE r.attnum = (r.keys).x`,
      ),
    ).toEqual([['id', 1]]);
  });

  it('array types by their input function', async () => {
    expect(
      await rows("SELECT typinput = 'pg_catalog.array_in'::regproc, typname FROM pg_type WHERE oid = 1007"),
    ).toEqual([[true, '_int4']]);
  });

  it('information_schema', async () => {
    expect(
      await rows(
        "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1",
      ),
    ).toEqual([
      ['m', 'MATERIALIZED VIEW'],
      ['n', 'FOREIGN'],
      ['t', 'BASE TABLE'],
      ['v', 'VIEW'],
    ]);
    expect(
      await rows(
        `SELECT column_name, data_type, is_nullable, numeric_precision, numeric_scale, udt_name
         FROM information_schema.columns WHERE table_name = 't' ORDER BY ordinal_position`,
      ),
    ).toEqual([
      ['id', 'integer', 'NO', 32, 0, 'int4'],
      ['a', 'text', 'NO', null, null, 'text'],
      ['b', 'numeric', 'YES', 10, 2, 'numeric'],
    ]);
    expect(
      await rows(
        `SELECT tc.constraint_type, k.column_name FROM information_schema.table_constraints tc
         JOIN information_schema.key_column_usage k USING (constraint_name) WHERE tc.table_name = 't'`,
      ),
    ).toEqual([['PRIMARY KEY', 'id']]);
  });

  it('names to objects and back', async () => {
    expect(
      await rows(
        `SELECT 't'::regclass, 't'::regclass::oid = (SELECT oid FROM pg_class WHERE relname = 't'),
                'information_schema.tables'::regclass, to_regclass('nosuch'), 'int4'::regtype,
                'pg_catalog'::regnamespace, to_regtype('text[]'), pg_typeof(1.5)`,
      ),
    ).toEqual([['t', true, 'information_schema.tables', null, 'integer', 'pg_catalog', 'text[]', 'numeric']]);
    await expect(rows("SELECT 'nosuch'::regclass")).rejects.toThrow('relation "nosuch" does not exist');
    await expect(rows("SELECT has_table_privilege('nosuch', 'select')")).rejects.toThrow(
      'relation "nosuch" does not exist',
    );
    await expect(rows("SELECT has_table_privilege('t', 'fly')")).rejects.toThrow(
      'unrecognized privilege type: "fly"',
    );
  });

  it('definitions and settings', async () => {
    expect(await rows("SELECT pg_get_viewdef('v'::regclass)")).toEqual([[' SELECT * FROM t;']]);
    expect(await rows("SELECT current_setting('server_version'), current_schemas(true)::text")).toEqual([
      ['15.12', '{pg_catalog,public}'],
    ]);
    await expect(rows("SELECT current_setting('no.such')")).rejects.toThrow(
      'unrecognized configuration parameter "no.such"',
    );
    expect(await rows('SELECT usename, state FROM pg_stat_activity WHERE pid = pg_backend_pid()')).toEqual([
      ['root', 'active'],
    ]);
    expect(await rows('SELECT count(*) > 400 FROM pg_get_keywords()')).toEqual([[true]]);
  });
});

describe('millrace_catalog', () => {
  it('shows each operator with its state', async () => {
    await client.query("INSERT INTO t VALUES (1, 'a', 2), (2, 'a', 3)");
    expect(
      await rows(
        "SELECT operator, state_rows FROM millrace_catalog.operators WHERE relation = 'm' ORDER BY position",
      ),
    ).toEqual([
      ['Aggregate', '1'],
      ['MaterializedView m', '1'],
    ]);
    expect(await rows("SELECT rows, key::text FROM millrace_catalog.relations WHERE name = 't'")).toEqual([
      ['2', '{id}'],
    ]);
  });

  it('shows rows that a view could not compute', async () => {
    await client.query('CREATE MATERIALIZED VIEW d AS SELECT id, 1 / (id - 3) AS x FROM t');
    await client.query("INSERT INTO t VALUES (3, 'b', 0)");
    expect(await rows('SELECT relation, message, sqlstate, rows FROM millrace_catalog.row_errors')).toEqual([
      ['d', 'division by zero', '22012', '1'],
    ]);
    await client.query('DELETE FROM t WHERE id = 3');
    expect(await rows('SELECT count(*) FROM millrace_catalog.row_errors')).toEqual([['0']]);
  });
});
