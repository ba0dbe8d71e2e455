/** The system relations as data: ids, columns and row sources fit together, and every one can be read. */
import { describe, expect, it } from 'vitest';
import { catalogLookUpFunctions } from '../../../executor/functions/systemCatalog.ts';
import { sessionFunctions } from '../../../executor/functions/systemSession.ts';
import { createDatabase, localSession } from '../../../server/serve.ts';
import { systemSchemaContents } from '../../../server/system/index.ts';
import { lookUps } from '../../../server/system/lookUps.ts';
import { serverLookUps } from '../../../server/system/serverLookUps.ts';
import { checkExamples } from '../../executor/functions/exampleChecks.ts';

describe('system relations', () => {
  it('have ids of their own below those of users', () => {
    const ids = systemSchemaContents.flatMap((s) => Object.values(s.columns).map((c) => c.id));
    expect(new Set(ids).size).toBe(ids.length);
    expect(Math.max(...ids)).toBeLessThan(13_000);
    expect(ids).not.toContain(11);
    expect(ids).not.toContain(2200);
  });

  it('have a relation for every source of rows', () => {
    for (const { columns, rows } of systemSchemaContents) {
      expect(Object.keys(rows).filter((name) => columns[name] === undefined)).toEqual([]);
    }
  });

  it('can all be read', async () => {
    const database = createDatabase();
    const session = localSession(database);
    await session.run(
      "CREATE TABLE t (id int PRIMARY KEY, a text DEFAULT 'x', b int AS (id + 1)); CREATE INDEX t_a ON t (a DESC) INCLUDE (b);" +
        'CREATE VIEW v AS SELECT * FROM t; CREATE MATERIALIZED VIEW m AS SELECT a, count(*) AS n FROM t GROUP BY a;' +
        'CREATE MATERIALIZED VIEW j AS SELECT t.id, m.n FROM t JOIN m ON t.a = m.a;' +
        'CREATE TABLE e (at timestamp, WATERMARK FOR at AS at) APPEND ONLY;' +
        "CREATE SOURCE s (x int) WITH (connector = 'datagen') FORMAT PLAIN ENCODE JSON; INSERT INTO t VALUES (1);" +
        "CREATE SINK k FROM t WITH (connector = 'blackhole');" +
        "CREATE SECRET c WITH (backend = 'meta') AS 'x';" +
        "COMMENT ON TABLE t IS 'a table'; COMMENT ON COLUMN t.a IS 'a column'",
    );
    const empty: string[] = [];
    for (const { schema, columns, rows } of systemSchemaContents) {
      for (const name of Object.keys(columns)) {
        const [result] = await session.run(`SELECT * FROM ${schema}.${name}`);
        if (rows[name] !== undefined && result?.rows.length === 0) empty.push(`${schema}.${name}`);
      }
    }
    expect(empty).toEqual([
      'pg_catalog.pg_shdescription',
      'pg_catalog.pg_stat_activity',
      'millrace_catalog.row_errors',
      'millrace_catalog.ddl_progress',
      'millrace_catalog.source_partitions',
      'millrace_catalog.recovery',
      'millrace_catalog.checkpoints',
      'millrace_catalog.backups',
      'millrace_catalog.lookups',
      'millrace_catalog.source_errors',
      'millrace_catalog.source_drift',
      'millrace_catalog.cdc_sources',
      'millrace_catalog.cdc_tables',
    ]);
    database.close();
  });
});

describe('catalog functions', () => {
  it('have a handler each', () => {
    const names = new Set(catalogLookUpFunctions.map((f) => f.name));
    expect(
      [...names].filter((name) => lookUps[name] === undefined && serverLookUps[name] === undefined),
    ).toEqual([]);
  });

  it('session functions', () => checkExamples(sessionFunctions));
});
