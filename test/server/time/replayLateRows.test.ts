/** REPLAY LATE ROWS: views afterwards are those of a server to which nothing came late; a restart keeps it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type InProcessServer, startInProcess } from '../../harness/server.ts';
import { Connection } from '../clients.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-replay-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function on<T>(server: InProcessServer, use: (c: Connection) => Promise<T>): Promise<T> {
  const connection = new Connection(server.url);
  await connection.client.connect();
  try {
    return await use(connection);
  } finally {
    await connection.client.end();
  }
}

const views = ['sums', 'closed', 'highest', 'joined'];

async function create(c: Connection, delay: string): Promise<void> {
  const watermark = `WATERMARK FOR at AS at - INTERVAL '${delay}'`;
  await c.tags(`CREATE SOURCE s (k int, v int, at timestamp, ${watermark}) WITH (connector = 'inject')`);
  await c.tags(`CREATE TABLE t (k int, w int, at timestamp, ${watermark}) APPEND ONLY`);
  const windows = "TUMBLE(s, at, INTERVAL '1 minute')";
  const grouped = `SELECT window_start, k, sum(v) AS v FROM ${windows} GROUP BY window_start, k`;
  await c.tags(`CREATE MATERIALIZED VIEW sums AS ${grouped}`);
  await c.tags(`CREATE MATERIALIZED VIEW closed AS ${grouped} EMIT ON WINDOW CLOSE`);
  await c.tags('CREATE MATERIALIZED VIEW highest AS SELECT k, max(v) AS v FROM sums GROUP BY k');
  await c.tags(
    "CREATE MATERIALIZED VIEW joined AS SELECT s.k, s.v, t.w FROM s JOIN t ON s.k = t.k AND t.at BETWEEN s.at - INTERVAL '1 minute' AND s.at",
  );
}

/** The third statement brings two late rows, the fourth one, if the delay is short. */
async function fill(c: Connection): Promise<void> {
  await c.tags("INJECT INTO s VALUES (1, 10, '2024-05-01 10:00:05'), (2, 1, '2024-05-01 10:00:50')");
  await c.tags("INSERT INTO t VALUES (1, 7, '2024-05-01 10:00:00')");
  await c.tags(
    "INJECT INTO s VALUES (1, 20, '2024-05-01 10:09:00'), (1, 5, '2024-05-01 10:00:30'), (2, 3, '2024-05-01 10:00:40')",
  );
  await c.tags("INSERT INTO t VALUES (1, 8, '2024-05-01 10:09:00')");
  await c.tags("INSERT INTO t VALUES (1, 9, '2024-05-01 10:00:10')");
}

async function answers(c: Connection): Promise<readonly unknown[]> {
  const all: unknown[] = [];
  for (const view of views) all.push((await c.rows(`SELECT * FROM ${view}`)).map(String).sort());
  return all;
}

it('makes of late rows what they would have been, and keeps it over restarts', async () => {
  const prompt = await startInProcess();
  const wanted = await on(prompt, async (c) => {
    await create(c, '1 hour');
    await fill(c);
    await c.tags("ADVANCE WATERMARK FOR s TO '2024-05-01 10:08:50'");
    return answers(c);
  });
  await prompt.close();

  let server = await startInProcess(directory);
  const before = await on(server, async (c) => {
    await create(c, '10 seconds');
    await fill(c);
    expect(await c.value('SELECT count(*) FROM millrace_late.s')).toBe('2');
    expect(await c.value('SELECT count(*) FROM millrace_late.t')).toBe('1');
    const unchanged = await answers(c);
    expect(await c.tags("REPLAY LATE ROWS FROM s WHERE late_by < INTERVAL '1 second'")).toEqual(['REPLAY 0']);
    expect(await answers(c)).toEqual(unchanged);
    expect(await c.tags('REPLAY LATE ROWS FROM s')).toEqual(['REPLAY 2']);
    expect(await c.tags('REPLAY LATE ROWS FROM t')).toEqual(['REPLAY 1']);
    expect(await c.value('SELECT count(*) FROM millrace_late.s')).toBe('0');
    return answers(c);
  });
  expect(before).toEqual(wanted);

  for (let restart = 0; restart < 2; restart++) {
    await server.close();
    server = await startInProcess(directory);
    expect(await on(server, answers)).toEqual(wanted);
    expect(await on(server, (c) => c.value('SELECT count(*) FROM millrace_late.s'))).toBe('0');
  }
  await server.close();
});
