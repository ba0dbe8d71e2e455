/** The warning that a commit gives about late rows, over the wire. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type InProcessServer, startInProcess } from '../../harness/server.ts';
import { Connection } from '../clients.ts';

let server: InProcessServer;
let client: Connection;

beforeEach(async () => {
  server = await startInProcess();
  client = new Connection(server.url);
  await client.client.connect();
  await client.tags(
    'CREATE TABLE t (k int, at timestamp, WATERMARK FOR at AS at) APPEND ONLY; CREATE TABLE "U x" (k int, at date, WATERMARK FOR at AS at) APPEND ONLY',
  );
  await client.tags(`INSERT INTO t VALUES (1, '2024-01-02'); INSERT INTO "U x" VALUES (1, '2024-01-02')`);
});
afterEach(async () => {
  await client.end();
  await server.close();
});

it('comes with a statement, a transaction, an extended query and COPY', async () => {
  expect(client.notices).toEqual([]);
  expect(await client.tags(`INSERT INTO t VALUES (2, '2024-01-01'), (3, '2024-01-02')`)).toEqual([
    'INSERT 2',
  ]);
  await client.client.query('INSERT INTO t VALUES ($1, $2)', [4, '2024-01-01']);
  await client.tags('BEGIN');
  await client.tags(
    `INSERT INTO t VALUES (5, '2024-01-01'); INSERT INTO "U x" VALUES (5, NULL), (6, '2024-01-02')`,
  );
  expect(client.notices.length).toBe(2);
  await client.tags('COMMIT');
  expect(client.notices).toEqual([
    '01000 1 of 2 rows inserted into "t" was late',
    '01000 1 of 1 rows inserted into "t" was late',
    '01000 1 of 1 rows inserted into "t" was late',
    '01000 1 of 2 rows inserted into "U x" was late',
  ]);
});

it('says what the watermark was and where the rows are', async () => {
  const seen: unknown[] = [];
  client.client.on('notice', (n) => seen.push([n.severity, n.detail, n.hint]));
  await client.tags(`INSERT INTO t VALUES (2, '2024-01-01'), (3, NULL)`);
  await client.tags(`INSERT INTO "U x" VALUES (2, '2024-01-01')`);
  expect(seen).toEqual([
    ['WARNING', 'The watermark was 2024-01-02 00:00:00. 1 without an event time.', 'See millrace_late.t.'],
    ['WARNING', 'The watermark was 2024-01-02.', 'See millrace_late."U x".'],
  ]);
  expect(await client.value('SELECT count(*) FROM millrace_late."U x"')).toBe('1');
});
