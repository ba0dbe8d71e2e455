/** The quickstarts of docs/connectors/redis-sink.md and http-sink.md do what they say. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';
import { expect, it } from 'vitest';
import { redisServer, startRedis } from '../../scripts/servers/redis.ts';
import { root, runProgram, startInProcess } from '../harness/server.ts';

/** The first statements of a page, with another address, and what it shows after them. */
function quickstart(page: string, from: string, to: string): { readonly sql: string; readonly text: string } {
  const all = readFileSync(join(root, 'docs/connectors', page), 'utf8');
  const [, sql = ''] = /^```sql\n(.*?)^```/ms.exec(all) ?? [];
  const [, text = ''] = /^```text\n(.*?)^```/ms.exec(all) ?? [];
  expect(sql).toContain(from);
  return { sql: sql.replace(from, to), text };
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 200 && !(await holds()); i++) await sleep(50);
}

it('redis-sink.md', async () => {
  if (!redisServer.installed()) {
    expect(process.env.MILLRACE_REQUIRE_SERVERS, 'redis-server is required but missing').not.toBe('1');
    return;
  }
  const redis = await startRedis();
  const server = await startInProcess();
  const { sql, text } = quickstart('redis-sink.md', 'redis://127.0.0.1:6379', redis.url);
  const done = await runProgram(['sql', '--url', server.url], sql);
  expect(done).toMatchObject({ code: 0, stderr: '' });
  const client = createClient({ url: redis.url });
  await client.connect();
  await until(async () => (await client.get('total:ann'))?.includes('15') === true);
  expect(`${await client.get('total:ann')}\n`).toBe(text);
  await until(async () => (await client.exists('total:bob')) === 0);
  expect(await client.exists('total:bob')).toBe(0);
  await client.close();
  await server.close();
  await redis.close();
});

it('http-sink.md', async () => {
  const bodies: string[] = [];
  const web = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => {
      body += String(part);
    });
    request.on('end', () => {
      bodies.push(body);
      response.end();
    });
  });
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  const address = web.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const server = await startInProcess();
  const { sql, text } = quickstart('http-sink.md', '127.0.0.1:8080', `127.0.0.1:${port}`);
  const done = await runProgram(['sql', '--url', server.url], sql);
  expect(done.code).toBe(0);
  expect(done.stderr).toMatch(
    /^NOTICE: {2}option "headers\.authorization" is a secret in plain text\nHINT: [^\n]+\n$/,
  );
  const events = (): readonly object[] => bodies.flatMap((body) => JSON.parse(body) as readonly object[]);
  await until(() => events().length === 2);
  const plain = (all: readonly object[]) => all.map((event) => ({ ...event, event: null }));
  const shown = text
    .trim()
    .split('\n')
    .flatMap((line) => JSON.parse(line) as readonly object[]);
  expect(plain(events())).toEqual(plain(shown));
  await server.close();
  web.closeAllConnections();
  await new Promise((resolve) => web.close(resolve));
});
