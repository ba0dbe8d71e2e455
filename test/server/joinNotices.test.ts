/** CREATE MATERIALIZED VIEW says which joins compare all rows with all rows. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type InProcessServer, startInProcess } from '../harness/server.ts';
import { Connection } from './clients.ts';

let server: InProcessServer;
let client: Connection;
let views = 0;

beforeAll(async () => {
  server = await startInProcess();
  client = new Connection(server.url);
  await client.client.connect();
  await client.tags('CREATE TABLE a (id int PRIMARY KEY, v int); CREATE TABLE b (id int PRIMARY KEY, v int)');
  await client.tags('CREATE TABLE "C d" (id int, v int)');
});
afterAll(async () => {
  await client.end();
  await server.close();
});
beforeEach(() => {
  client.notices.length = 0;
});

async function noticesOf(query: string): Promise<readonly string[]> {
  await client.tags(`CREATE MATERIALIZED VIEW n${views++} AS ${query}`);
  return [...client.notices];
}

const notice = (left: string, right: string): string =>
  `00000 the join of ${left} with ${right} has no equality between them`;

it.each([
  ['SELECT a.id, b.v FROM a, b', notice('"a"', '"b"')],
  ['SELECT a.id, b.v FROM a CROSS JOIN b', notice('"a"', '"b"')],
  ['SELECT a.id, b.v FROM a LEFT JOIN b ON a.v < b.v', notice('"a"', '"b"')],
  ['SELECT a.id, b.v FROM a FULL JOIN b ON a.v < b.v OR a.id = b.id', notice('"a"', '"b"')],
  ['SELECT id FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.v > a.v)', notice('"a"', '"b"')],
  [
    'SELECT x.id, c.v FROM (SELECT a.id, a.v FROM a JOIN b ON a.id = b.id) AS x JOIN "C d" AS c ON x.v <> c.v',
    notice('"a", "b"', '"C d"'),
  ],
])('%s', async (query, expected) => {
  expect(await noticesOf(query)).toEqual([expected]);
});

it('tells the cost and a way round', async () => {
  const seen: unknown[] = [];
  client.client.on('notice', (n) => seen.push([n.severity, n.detail, n.hint]));
  await noticesOf('SELECT a.id, b.v FROM a, b WHERE a.v + b.v = 3');
  expect(seen).toEqual([
    [
      'NOTICE',
      'Each change of a row on one side is compared with all rows of the other.',
      'Join on an equality of columns of both sides where you can.',
    ],
  ]);
});

it.each([
  'SELECT a.id, b.v FROM a, b WHERE a.v = b.v',
  'SELECT a.id, b.v FROM a JOIN b ON a.v IS NOT DISTINCT FROM b.v',
  'SELECT a.id, b.v FROM a JOIN b ON a.v = b.v + 1 AND a.id < b.id',
  'SELECT id FROM a WHERE v > (SELECT avg(v) FROM b)',
  'SELECT id FROM a WHERE v IN (SELECT v FROM b)',
  'SELECT id, x FROM a, (VALUES (1), (2)) AS t(x)',
  'SELECT a.id, m FROM a, (SELECT max(v) AS m FROM b) AS q',
])('says nothing of %s', async (query) => {
  expect(await noticesOf(query)).toEqual([]);
});
