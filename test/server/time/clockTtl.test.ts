/** Time to live of tables: at its moment, by an index, exact after a restart. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startInProcess } from '../../harness/server.ts';
import { Connection } from '../clients.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-ttl-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function served<T>(
  use: (client: Connection, ticks: () => bigint) => Promise<T>,
  dataDir: string | null = null,
): Promise<T> {
  const server = await startInProcess(dataDir);
  const client = new Connection(server.url);
  await client.client.connect();
  try {
    return await use(client, () => server.database.version);
  } finally {
    await client.end();
    await server.close();
  }
}

// Far ahead of the system's clock, so that a restart lets nothing expire by it.
const START = '2124-01-01 00:00:00+00';

async function fill(client: Connection): Promise<void> {
  await client.tags(`SET millrace.clock = '${START}'`);
  await client.tags(`CREATE TABLE t (id int PRIMARY KEY, v int) WITH (ttl = '1 hour')`);
  await client.tags(`CREATE TABLE c (id int, at timestamptz) WITH (ttl = '1 hour', ttl_column = 'at')`);
  await client.tags('CREATE MATERIALIZED VIEW sums AS SELECT count(*) AS n, sum(v) AS v FROM t');
  await client.tags('CREATE MATERIALIZED VIEW joined AS SELECT t.id, c.at FROM t JOIN c ON t.id = c.id');
  await client.tags('INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)');
  await client.tags(`INSERT INTO c SELECT n, timestamptz '${START}' + n * INTERVAL '10 minutes'
    FROM generate_series(1, 3) AS n`);
  await client.tags(`ADVANCE CLOCK BY INTERVAL '30 minutes'`);
  await client.tags('UPDATE t SET v = 20 WHERE id = 2');
  await client.tags('DELETE FROM t WHERE id = 3');
  await client.tags('INSERT INTO t VALUES (1, 10)');
}

const shown = async (client: Connection) => ({
  t: await client.rows('SELECT * FROM t ORDER BY 1'),
  c: await client.rows('SELECT id FROM c ORDER BY 1'),
  sums: await client.rows('SELECT * FROM sums'),
  joined: await client.rows('SELECT id FROM joined ORDER BY 1'),
});

describe('time to live', () => {
  it('counts from the last write, and takes rows back from every view', async () => {
    await served(async (client) => {
      await fill(client);
      // Both rows were written again at half past.
      await client.tags(`ADVANCE CLOCK TO timestamptz '${START}' + INTERVAL '89 minutes'`);
      expect(await shown(client)).toEqual({
        t: [
          ['1', '10'],
          ['2', '20'],
        ],
        c: [['3']],
        sums: [['2', '30']],
        joined: [],
      });
      await client.tags(`ADVANCE CLOCK BY INTERVAL '1 minute'`);
      expect(await shown(client)).toEqual({ t: [], c: [], sums: [['0', null]], joined: [] });
    });
  });

  it('is one tick for all rows of a moment, and none without', async () => {
    await served(async (client, ticks) => {
      await client.tags(`SET millrace.clock = '${START}'`);
      await client.tags(`CREATE TABLE t (id int) WITH (ttl = '1 hour')`);
      await client.tags('INSERT INTO t SELECT * FROM generate_series(1, 5000)');
      await client.tags(`ADVANCE CLOCK BY INTERVAL '1 minute'`);
      await client.tags('INSERT INTO t SELECT * FROM generate_series(5001, 6000)');
      const before = ticks();
      await client.tags(`ADVANCE CLOCK BY INTERVAL '50 minutes'`);
      expect(ticks()).toBe(before);
      await client.tags(`ADVANCE CLOCK BY INTERVAL '1 day'`);
      expect(ticks()).toBe(before + 2n);
      expect(await client.value('SELECT count(*) FROM t')).toBe('0');
    });
  });

  it('is repeated exactly by a restart', async () => {
    const before = await served(async (client) => {
      await fill(client);
      await client.tags(`ADVANCE CLOCK TO timestamptz '${START}' + INTERVAL '75 minutes'`);
      return shown(client);
    }, directory);
    expect(before).toEqual({
      t: [
        ['1', '10'],
        ['2', '20'],
      ],
      c: [['2'], ['3']],
      sums: [['2', '30']],
      joined: [['2']],
    });
    await served(async (client) => {
      expect(await shown(client)).toEqual(before);
      // It goes on where it was.
      await client.tags(`SET millrace.clock = '${START}'`);
      await client.tags(`ADVANCE CLOCK BY INTERVAL '79 minutes'`);
      expect(await shown(client)).toEqual(before);
      await client.tags(`ADVANCE CLOCK BY INTERVAL '1 minute'`);
      expect((await shown(client)).c).toEqual([['3']]);
      await client.tags(`ADVANCE CLOCK BY INTERVAL '1 day'`);
      expect(await shown(client)).toEqual({ t: [], c: [], sums: [['0', null]], joined: [] });
    }, directory);
    // Rows that are gone are gone.
    await served(async (client) => {
      expect(await shown(client)).toEqual({ t: [], c: [], sums: [['0', null]], joined: [] });
    }, directory);
  });

  it('catches up after a restart when the clock is given back', async () => {
    await served(async (client) => {
      await client.tags(`SET millrace.clock = '2001-01-01 00:00:00+00'`);
      await client.tags(`CREATE TABLE t (id int) WITH (ttl = '1 hour')`);
      await client.tags('CREATE MATERIALIZED VIEW n AS SELECT count(*) AS n FROM t');
      await client.tags('INSERT INTO t VALUES (1)');
      expect(await client.value('SELECT n FROM n')).toBe('1');
    }, directory);
    await served(async (client) => {
      expect(await client.value('SELECT n FROM n')).toBe('1');
      await client.tags("SET millrace.clock = 'system'");
      while ((await client.value('SELECT n FROM n')) !== '0');
      expect(await client.value('SELECT count(*) FROM t')).toBe('0');
    }, directory);
  });
});
