/** Statements that wait for another server, which says nothing, can be cancelled. */
import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type InProcessServer, startInProcess } from '../../harness/server.ts';
import { Connection } from '../clients.ts';

const sockets = new Set<Socket>();
let silent: Server;
let port = 0;
let server: InProcessServer;
let client: Connection;

beforeAll(async () => {
  silent = createServer((socket) => sockets.add(socket.on('error', () => {})));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const address = silent.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
  server = await startInProcess();
  client = new Connection(server.url);
  await client.client.connect();
  await client.tags('CREATE TABLE t (id int PRIMARY KEY)');
});

afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  silent.close();
  await client.end();
  await server.close();
});

const kafka = (): string =>
  `connector = 'kafka', topic = 'x', properties.bootstrap.server = '127.0.0.1:${port}'`;
const statements: Readonly<Record<string, () => string>> = {
  'CREATE SOURCE': () => `CREATE SOURCE made (a int) WITH (${kafka()}) FORMAT PLAIN ENCODE JSON`,
  'CREATE SOURCE that infers columns': () => `CREATE SOURCE made WITH (${kafka()}) FORMAT PLAIN ENCODE JSON`,
  'CREATE SOURCE with a schema registry': () =>
    `CREATE SOURCE made WITH (${kafka()}) FORMAT PLAIN ENCODE AVRO (schema.registry = 'http://127.0.0.1:${port}')`,
  'CREATE TABLE': () => `CREATE TABLE made (a int) WITH (${kafka()}) FORMAT PLAIN ENCODE JSON`,
  'CREATE SINK': () => `CREATE SINK made FROM t WITH (${kafka()}) FORMAT UPSERT ENCODE JSON`,
  'CREATE TABLE over a lookup': () =>
    `CREATE TABLE made (id int PRIMARY KEY) WITH (connector = 'redis-lookup', redis.url = 'redis://127.0.0.1:${port}')`,
};

it.each(Object.keys(statements))('%s', async (name) => {
  const sql = statements[name]?.() ?? '';
  const known = sockets.size;
  const failure = client.failure(sql);
  while (sockets.size === known) await new Promise((resolve) => setTimeout(resolve, 10));
  const other = new Connection(server.url);
  await other.client.connect();
  await other.rows("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CREATE%made%'");
  await other.end();
  expect(await failure).toMatchObject({ code: '57014' });
  expect(await client.value("SELECT count(*) FROM pg_class WHERE relname LIKE 'made%'")).toBe('0');
});

it('by the time that a statement may take', async () => {
  await client.tags("SET statement_timeout = '100ms'");
  expect(await client.failure(statements['CREATE SOURCE']?.() ?? '')).toMatchObject({
    code: '57014',
    message: 'canceling statement due to statement timeout',
  });
  await client.tags('RESET statement_timeout');
});
