/** The clock's statements over the wire: tags, parameters, what goes by the clock and what does not, restarts. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type InProcessServer, startInProcess } from '../../harness/server.ts';
import { Connection, Connections } from '../clients.ts';

describe('statements', () => {
  let server: InProcessServer;
  let connections: Connections;
  let client: Connection;
  beforeEach(async () => {
    server = await startInProcess();
    connections = new Connections(server.url);
    client = await connections.connect();
    await client.tags(`SET millrace.clock = '2024-01-01 00:00:00+00'`);
  });
  afterEach(async () => {
    await connections.close();
    await server.close();
  });

  it('have their tags', async () => {
    await client.tags(
      `CREATE SOURCE s (id int, at timestamp, WATERMARK FOR at AS at) WITH (connector = 'inject')`,
    );
    expect(await client.tags(`INJECT INTO s VALUES (1, '2024-01-01'), (2, '2024-01-02')`)).toEqual([
      'INJECT 2',
    ]);
    const { command } = await client.client.query(`ADVANCE CLOCK BY INTERVAL '1 second'`);
    expect(command).toBe('ADVANCE');
    expect((await client.client.query(`SET millrace.clock = 'system'`)).command).toBe('SET');
  });

  it('take parameters', async () => {
    const { client: wire } = client;
    await wire.query(
      `CREATE SOURCE s (id int, at timestamp, WATERMARK FOR at AS at) WITH (connector = 'inject')`,
    );
    await wire.query('CREATE MATERIALIZED VIEW m AS SELECT id FROM s');
    await wire.query('INJECT INTO s VALUES ($1, $2), ($3, $2)', [1, '2024-01-01 00:00:00', '2']);
    await wire.query(`INJECT INTO s (id) PARTITION '0' VALUES ($1)`, [3]);
    expect(await client.rows('SELECT * FROM m ORDER BY 1')).toEqual([['1'], ['2']]);
    await wire.query('ADVANCE CLOCK BY $1', ['90 seconds']);
    expect(await client.value('SHOW millrace.clock')).toBe('2024-01-01 00:01:30+00');
    await wire.query('ADVANCE CLOCK TO $1', ['2024-01-02 00:00:00+00']);
    expect(await client.value('SELECT now()')).toBe('2024-01-02 00:00:00+00');
    await wire.query('ADVANCE WATERMARK FOR s TO $1', ['2024-01-01 12:00:00']);
    await wire.query('INJECT INTO s VALUES (4, $1)', ['2024-01-01 11:59:59']);
    expect(await client.value(`SELECT late_watermark FROM millrace_late.s WHERE id = 4`)).toBe(
      '2024-01-01 12:00:00',
    );
  });

  it('say what is wrong and what to do', async () => {
    await client.tags('CREATE TABLE t (id int)');
    expect(await client.failure('INJECT INTO t VALUES (1)')).toMatchObject({
      code: '42809',
      message: '"t" is not a source',
      hint: 'Use INSERT for tables.',
    });
    expect(await client.failure(`ADVANCE CLOCK TO '2023-01-01'`)).toMatchObject({
      code: '22023',
      message: 'the clock cannot go back',
    });
    expect(await client.failure('ADVANCE CLOCK BY 1.5')).toMatchObject({
      code: '42804',
      message: 'argument of ADVANCE CLOCK must be type interval, not type numeric',
    });
    await client.tags(`SET millrace.clock = 'system'`);
    expect(await client.failure(`ADVANCE CLOCK BY INTERVAL '1 second'`)).toMatchObject({
      code: '55000',
      message: "the clock is the system's",
    });
  });

  it('move the clock of all sessions; a transaction keeps its moment', async () => {
    const other = await connections.connect();
    await other.tags('BEGIN');
    expect(await other.value('SELECT now()')).toBe('2024-01-01 00:00:00+00');
    await client.tags(`ADVANCE CLOCK BY INTERVAL '1 day'`);
    expect(await other.value('SELECT now()')).toBe('2024-01-01 00:00:00+00');
    expect(await other.value('SELECT clock_timestamp()')).toBe('2024-01-02 00:00:00+00');
    await other.tags('COMMIT');
    expect(await other.value('SELECT now()')).toBe('2024-01-02 00:00:00+00');
  });

  it('publish a version only where something happened', async () => {
    await client.tags(`CREATE TABLE t (id int) WITH (ttl = '1 hour')`);
    await client.tags('INSERT INTO t VALUES (1)');
    const { version } = server.database;
    await client.tags(`ADVANCE CLOCK BY INTERVAL '59 minutes'`);
    expect(server.database.version).toBe(version);
    await client.tags(`ADVANCE CLOCK BY INTERVAL '10 hours'`);
    expect(server.database.version).toBe(version + 1n);
  });

  it('leave the real time of timeouts and sleeps alone', async () => {
    await client.tags(`SET statement_timeout = '20ms'`);
    expect(await client.state('SELECT pg_sleep(0.1)')).toBe('57014');
    // Time that a test takes in a step is nobody's waiting.
    await client.tags(`SET statement_timeout = '1min'`);
    await client.tags(`ADVANCE CLOCK BY INTERVAL '100 years'`);
    expect(await client.value('SELECT count(*) FROM generate_series(1, 10000)')).toBe('10000');
  });

  it('read a paced source up to the moment of the clock', async () => {
    await client.tags(`CREATE SOURCE g (id int) WITH (connector = 'datagen', datagen.rows.per.second = '10',
      fields.id.kind = 'sequence', fields.id.start = '1', fields.id.end = '1000000')`);
    await client.tags('CREATE MATERIALIZED VIEW m AS SELECT count(*) AS n FROM g');
    await client.tags(`ADVANCE CLOCK BY INTERVAL '1 second'`);
    const first = Number(await client.value('SELECT n FROM m'));
    await client.tags(`ADVANCE CLOCK BY INTERVAL '1 hour'`);
    expect(Number(await client.value('SELECT n FROM m')) - first).toBe(36_000);
  });
});

describe("the system's clock", () => {
  it('runs what is due without any statement', async () => {
    const server = await startInProcess();
    const client = new Connection(server.url);
    await client.client.connect();
    try {
      await client.tags(`CREATE TABLE t (id int) WITH (ttl = '0.2 seconds')`);
      await client.tags('CREATE MATERIALIZED VIEW n AS SELECT count(*) AS n FROM t');
      await client.tags(`CREATE SOURCE s (at timestamp, WATERMARK FOR at AS at)
        WITH (connector = 'inject', partitions = 'a,b', watermark.idle.timeout = '0.2 seconds')`);
      await client.tags(`CREATE MATERIALIZED VIEW closed AS SELECT window_start
        FROM TUMBLE(s, at, INTERVAL '1 minute') GROUP BY window_start EMIT ON WINDOW CLOSE`);
      await client.tags('INSERT INTO t VALUES (1)');
      await client.tags(
        `INJECT INTO s PARTITION 'a' VALUES ('2024-01-01 00:00:00'), ('2024-01-01 00:01:00')`,
      );
      while ((await client.value('SELECT n FROM n')) !== '0');
      while ((await client.rows('SELECT * FROM closed')).length === 0);
      expect(await client.rows('SELECT * FROM closed')).toEqual([['2024-01-01 00:00:00']]);
    } finally {
      await client.end();
      await server.close();
    }
  });
});

describe('a restart', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'millrace-clock-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  async function served<T>(use: (client: Connection) => Promise<T>): Promise<T> {
    const server = await startInProcess(directory);
    const client = new Connection(server.url);
    await client.client.connect();
    try {
      return await use(client);
    } finally {
      await client.end();
      await server.close();
    }
  }

  it('has the clock where it stood, and everything else as it was', async () => {
    const state = async (client: Connection) => ({
      view: await client.rows('SELECT * FROM closed ORDER BY 1'),
      rows: await client.rows('SELECT * FROM s ORDER BY 1'),
      late: await client.rows('SELECT * FROM millrace_late.s ORDER BY 1'),
    });
    // A day ahead: the system's clock goes back from there.
    const start = `date_trunc('day', now()) + INTERVAL '1 day'`;
    const before = await served(async (client) => {
      const day = await client.value(`SELECT ${start}`);
      await client.tags(`SET millrace.clock = '${day}'`);
      await client.tags(`CREATE SOURCE s (id int, at timestamp, WATERMARK FOR at AS at - INTERVAL '5 seconds')
        WITH (connector = 'inject', partitions = 'a,b', watermark.idle.timeout = '1 minute')`);
      await client.tags(`CREATE MATERIALIZED VIEW closed AS SELECT window_start, count(*) AS n
        FROM TUMBLE(s, at, INTERVAL '10 seconds') GROUP BY window_start EMIT ON WINDOW CLOSE`);
      const at = (seconds: number): string => `timestamp '2024-01-01' + ${seconds} * INTERVAL '1 second'`;
      await client.tags(
        `INJECT INTO s PARTITION 'a' VALUES (1, ${at(0)}), (2, ${at(30)}), (3, ${at(1)}), (4, NULL)`,
      );
      await client.tags(`ADVANCE CLOCK BY INTERVAL '30 seconds'`);
      await client.tags(`INJECT INTO s PARTITION 'a' VALUES (5, ${at(31)})`);
      await client.tags(`ADVANCE CLOCK BY INTERVAL '30 seconds'`);
      await client.tags(`INJECT INTO s PARTITION 'b' VALUES (6, ${at(10)}), (7, ${at(40)})`);
      await client.tags(`ADVANCE WATERMARK FOR s PARTITION 'a' TO ${at(33)}`);
      return state(client);
    });
    expect(before.view).toEqual([['2024-01-01 00:00:00', '1']]);
    expect(before.late.map((row) => row[0])).toEqual(['3', '4', '6']);
    await served(async (client) => {
      expect(await client.value('SHOW millrace.clock')).not.toBe('system');
      expect(await state(client)).toEqual(before);
      await client.tags("SET millrace.clock = 'system'");
    });
    await served(async (client) => {
      expect(await client.value('SHOW millrace.clock')).toBe('system');
      expect(await state(client)).toEqual(before);
      // What was an hour ahead is not where views stand now.
      await client.tags('CREATE TABLE stamps (id int, p timestamptz AS proctime()) APPEND ONLY');
      await client.tags('INSERT INTO stamps (id) VALUES (1)');
      expect(await client.value(`SELECT p < now() + INTERVAL '1 hour' FROM stamps`)).toBe('t');
    });
  });
});
