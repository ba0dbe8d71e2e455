/** Clients that post with a key and try again, and a server that is killed while they do: each request counts once. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type ServedProgram, startProgram } from '../../harness/server.ts';
import { Connection } from '../clients.ts';
import { temporaryDirectory } from '../journal/support.ts';

const CLIENTS = 4;
const EACH = 60;

it('counts each request once over kills', async () => {
  const directory = temporaryDirectory('webhookkill');
  const start = (): Promise<ServedProgram> =>
    startProgram(['--data-dir', join(directory.path, 'data'), '--checkpoint-interval', '300ms']);
  const connect = async (): Promise<Connection> => {
    const connection = new Connection(server.url);
    await connection.client.connect();
    return connection;
  };
  let server = await start();
  let client = await connect();
  await client.tags("CREATE TABLE t (c int, n int) WITH (connector = 'webhook', token = 'x')");
  await client.tags('CREATE MATERIALIZED VIEW v AS SELECT c, count(*) AS n FROM t GROUP BY c');
  let sent = 0;
  const post = async (c: number, n: number): Promise<void> => {
    for (;;) {
      try {
        const response = await fetch(`http://127.0.0.1:${server.httpPort}/webhook/dev/public/t`, {
          method: 'POST',
          body: JSON.stringify({ c, n }),
          headers: { authorization: 'Bearer x', 'idempotency-key': `${c}-${n}` },
        });
        if (response.status === 200) return;
        expect([429, 503]).toContain(response.status);
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const run = async (c: number): Promise<void> => {
    for (let n = 0; n < EACH; n++) {
      await post(c, n);
      sent++;
    }
  };
  const running = Promise.all(Array.from({ length: CLIENTS }, (_, c) => run(c)));
  for (let kill = 1; kill <= 3; kill++) {
    while (sent < (kill * CLIENTS * EACH) / 4) await new Promise((resolve) => setTimeout(resolve, 5));
    server.program.signal('SIGKILL');
    await server.program.finished();
    server = await start();
    client = await connect();
  }
  await running;
  expect(await client.rows('SELECT c, n FROM v ORDER BY c')).toEqual(
    Array.from({ length: CLIENTS }, (_, c) => [String(c), String(EACH)]),
  );
  expect(await client.rows('SELECT count(*), count(DISTINCT (c, n)) FROM t')).toEqual([
    [String(CLIENTS * EACH), String(CLIENTS * EACH)],
  ]);
  await server.close();
  directory.remove();
}, 60_000);
