/** Many connections at once: autocommitted writes never conflict, and views made meanwhile miss and double nothing. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../differential/random.ts';
import { type InProcessServer, startInProcess } from '../harness/server.ts';
import { type Connection, Connections } from './clients.ts';

let server: InProcessServer;
let connections: Connections;

beforeAll(async () => {
  server = await startInProcess();
  connections = new Connections(server.url);
});

afterAll(async () => {
  await connections.close();
  await server.close();
});

describe('concurrent clients', () => {
  it('write the same keys while views come and go', async () => {
    const a = await connections.connect();
    await a.tags('CREATE TABLE t (id int PRIMARY KEY, k int, n int)');
    await a.tags('CREATE MATERIALIZED VIEW always AS SELECT k, count(*) AS c, sum(n) AS s FROM t GROUP BY k');
    const write = async (client: Connection, seed: number): Promise<void> => {
      const random = new Random(seed);
      for (let i = 0; i < 60; i++) {
        const id = random.int(1, 20);
        const statement = random.pick([
          `INSERT INTO t VALUES (${id}, ${random.int(0, 3)}, ${random.int(0, 99)})`,
          `UPDATE t SET n = n + 1 WHERE id = ${id}`,
          `UPDATE t SET k = (k + 1) % 4 WHERE k = ${random.int(0, 3)}`,
          `DELETE FROM t WHERE id = ${id}`,
          `INSERT INTO t VALUES (${id}, 0, 1) ON CONFLICT (id) DO UPDATE SET n = t.n + excluded.n`,
        ]);
        await client.tags(statement);
      }
    };
    const define = async (client: Connection): Promise<void> => {
      for (let i = 0; i < 12; i++) {
        await client.tags(
          `CREATE MATERIALIZED VIEW v${i} AS SELECT a.k, count(*) AS c FROM t a JOIN t b USING (k) GROUP BY a.k`,
        );
        await client.tags(`CREATE INDEX i${i} ON t (n)`);
        if (i % 2 === 0) await client.tags(`DROP MATERIALIZED VIEW v${i}; DROP INDEX i${i}`);
      }
    };
    const writers = await Promise.all([1, 2, 3, 4, 5].map(() => connections.connect()));
    const definer = await connections.connect();
    await Promise.all([...writers.map((w, i) => write(w, i)), define(definer)]);
    expect(await a.rows('SELECT * FROM always ORDER BY k')).toEqual(
      await a.rows('SELECT k, count(*), sum(n) FROM t GROUP BY k ORDER BY k'),
    );
    for (const i of [1, 3, 5, 7, 9, 11]) {
      expect(await a.rows(`SELECT * FROM v${i} ORDER BY k`)).toEqual(
        await a.rows('SELECT a.k, count(*) FROM t a JOIN t b USING (k) GROUP BY a.k ORDER BY k'),
      );
    }
    for (const [n] of await a.rows('SELECT DISTINCT n FROM t'))
      expect(await a.rows(`SELECT count(*) FROM t WHERE n = ${n}`)).toEqual(
        await a.rows(`SELECT count(*) FROM t WHERE n + 0 = ${n}`),
      );
  });

  it('that increase a counter in transactions with retries lose no increment', async () => {
    const a = await connections.connect();
    await a.tags('CREATE TABLE counter (id int PRIMARY KEY, n int); INSERT INTO counter VALUES (1, 0)');
    let retries = 0;
    const increase = async (client: Connection): Promise<void> => {
      for (let done = 0; done < 15; ) {
        await client.tags('BEGIN');
        const n = Number(await client.value('SELECT n FROM counter WHERE id = 1'));
        await client.tags(`UPDATE counter SET n = ${n + 1} WHERE id = 1`);
        const state = await client.state('COMMIT');
        if (state === 'done') done++;
        else {
          expect(state).toBe('40001');
          retries++;
        }
      }
    };
    await Promise.all((await Promise.all([1, 2, 3, 4].map(() => connections.connect()))).map(increase));
    expect(await a.value('SELECT n FROM counter')).toBe('60');
    expect(retries).toBeGreaterThan(0);
  });
});
