/** A server whose sink's target never answers: statements go on, and it stops all the same. */
import { createServer } from 'node:http';
import { expect, it } from 'vitest';
import { runProgram, startProgram } from '../../harness/server.ts';

it('stops while a target hangs', async () => {
  let asked = 0;
  const web = createServer(() => {
    asked++;
  });
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  const address = web.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const server = await startProgram(['--in-memory']);
  const done = await runProgram(
    ['sql', '--url', server.url],
    `CREATE TABLE t (id int PRIMARY KEY);
     CREATE SINK s FROM t WITH (connector = 'http', url = 'http://127.0.0.1:${port}/') FORMAT UPSERT ENCODE JSON;
     INSERT INTO t VALUES (1);
     CREATE SINK other FROM t WITH (connector = 'blackhole');
     ALTER SINK s PAUSE;
     ALTER SINK s RESUME;
     DROP SINK other;
     INSERT INTO t VALUES (2);`,
  );
  expect(done).toMatchObject({ code: 0, stderr: '' });
  while (asked === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  server.program.signal('SIGTERM');
  expect((await server.program.finished()).code).toBe(0);
  web.closeAllConnections();
  await new Promise((resolve) => web.close(resolve));
});
