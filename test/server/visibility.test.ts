/** A write is in every dependent view when it is acknowledged. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type InProcessServer, startInProcess } from '../harness/server.ts';
import { type Connection, Connections } from './clients.ts';

let server: InProcessServer;
let connections: Connections;
let a: Connection;

beforeAll(async () => {
  server = await startInProcess();
  connections = new Connections(server.url);
  a = await connections.connect();
  await a.tags('CREATE TABLE events (id int PRIMARY KEY, kind text, amount numeric(12,2))');
  await a.tags(
    'CREATE MATERIALIZED VIEW kinds AS SELECT kind, count(*) AS n, sum(amount) AS total FROM events GROUP BY kind',
  );
  await a.tags(
    'CREATE MATERIALIZED VIEW top AS SELECT kind, total, (SELECT max(total) FROM kinds) AS best FROM kinds WHERE n > 0',
  );
});

afterAll(async () => {
  await connections.close();
  await server.close();
});

describe('a two-level view', () => {
  it('shows each of 1,000 single-row INSERTs at once', async () => {
    const totals = new Map<string, number>();
    for (let i = 0; i < 1000; i++) {
      const kind = `k${i % 7}`;
      await a.tags(`INSERT INTO events VALUES (${i}, '${kind}', ${i}.25)`);
      totals.set(kind, (totals.get(kind) ?? 0) + i + 0.25);
      const [row] = await a.rows(`SELECT total, best FROM top WHERE kind = '${kind}'`);
      expect(row?.map(Number)).toEqual([totals.get(kind), Math.max(...totals.values())]);
    }
  });

  it('shows the writes of another connection when they are acknowledged', async () => {
    const b = await connections.connect();
    for (let i = 0; i < 50; i++) {
      await a.tags(`DELETE FROM events WHERE id = ${i}`);
      expect(await b.value('SELECT sum(n) FROM kinds')).toBe(String(999 - i));
    }
  });

  it('is emptied with its tables', async () => {
    await a.tags('DELETE FROM events');
    expect(await a.rows('SELECT * FROM top')).toEqual([]);
    expect(await a.rows('SELECT * FROM kinds')).toEqual([]);
  });

  it('never shows two tables of a transaction in different versions', async () => {
    await a.tags('CREATE TABLE l (n int); CREATE TABLE r (n int)');
    await a.tags(
      'CREATE MATERIALIZED VIEW apart AS SELECT (SELECT coalesce(sum(n), 0) FROM l) - (SELECT coalesce(sum(n), 0) FROM r) AS d',
    );
    const b = await connections.connect();
    const seen: (string | null)[] = [];
    let writing = true;
    const reading = (async () => {
      while (writing) seen.push(await b.value('SELECT d FROM apart'));
    })();
    for (let i = 0; i < 60; i++) {
      await a.tags(`BEGIN; INSERT INTO l VALUES (${i})`);
      await a.tags(`INSERT INTO r VALUES (${i}); COMMIT`);
    }
    writing = false;
    await reading;
    expect(new Set(seen)).toEqual(new Set(['0']));
  });
});
