/** A view that takes long to be built: others read meanwhile, see how far it is, and can stop it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
  await a.tags('CREATE TABLE t (id int PRIMARY KEY, k int)');
  await a.tags('INSERT INTO t SELECT i, i % 1000 FROM generate_series(1, 150000) AS i');
});

afterAll(async () => {
  await connections.close();
  await server.close();
});

const definition =
  "CREATE MATERIALIZED VIEW m AS SELECT k, count(*) AS n, string_agg(id::text, ',' ORDER BY id) AS ids FROM t GROUP BY k";

/** Runs the statement and looks at what `look` gives until it is over. */
async function during<T>(statement: Promise<T>, look: () => Promise<boolean>): Promise<boolean> {
  let over = false;
  const ended = statement.then(
    () => {
      over = true;
    },
    () => {
      over = true;
    },
  );
  let seen = false;
  while (!over && !seen) seen = await look();
  await ended;
  return seen;
}

describe('a build', () => {
  it('lets others read, and says how far it is', async () => {
    const building = a.tags(definition);
    const seen = await during(building, async () => {
      const rows = await b.rows('SELECT statement, rows_total, rows_done FROM millrace_catalog.ddl_progress');
      if (rows.length === 0) return false;
      expect(rows[0]?.[0]).toBe(definition);
      expect(rows[0]?.[1]).toBe('150000');
      expect(await b.value('SELECT count(*) FROM t WHERE id <= 10')).toBe('10');
      return true;
    });
    await building;
    expect(seen).toBe(true);
    expect(await b.rows('SHOW JOBS')).toEqual([]);
    expect(await b.value('SELECT sum(n) FROM m')).toBe('150000');
    await a.tags('DROP MATERIALIZED VIEW m');
  });

  it('can be cancelled by others, and leaves nothing', async () => {
    const { length } = server.database.dataflow.nodes;
    const building = a.failure(definition);
    const seen = await during(building, async () => {
      const [job] = await b.rows('SHOW JOBS');
      if (job === undefined) return false;
      expect(await b.rows(`CANCEL JOBS ${job[0]}`)).toEqual([[job[0]]]);
      return true;
    });
    expect(seen).toBe(true);
    expect((await building)?.code).toBe('57014');
    expect(server.database.dataflow.nodes).toHaveLength(length);
    expect(await b.state('SELECT * FROM m')).toBe('42P01');
    expect(await b.state('CANCEL JOBS 1000')).toBe('42704');
    await a.tags('INSERT INTO t VALUES (200000, 1)');
    await a.tags(definition);
    expect(await b.value('SELECT sum(n) FROM m')).toBe('150001');
  });
});
