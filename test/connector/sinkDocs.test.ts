/**
 * Every statement of the pages of sinks is run, and does what the page says: here those of file-sink.md, redis-sink.md and
 * http-sink.md, in kafkaSink/server.test.ts and docs/postgres.test.ts those of Kafka and PostgreSQL.
 */
import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';
import { describe, expect, it } from 'vitest';
import { redisServer, startRedis } from '../../scripts/servers/redis.ts';
import { type InProcessServer, root, runProgram, startInProcess } from '../harness/server.ts';
import { Connection } from '../server/clients.ts';
import { inlineStatements, sqlBlocks, statementsRun } from './docs/sinkPages.ts';

/** What the page shows after its first statements. */
function shownBy(page: string): string {
  const all = readFileSync(join(root, 'docs/connectors', page), 'utf8');
  return /^```text\n(.*?)^```/ms.exec(all)?.[1] ?? '';
}

/** The block with another address. */
function placed(block: string, from: string, to: string): string {
  expect(block).toContain(from);
  return block.replaceAll(from, to);
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 200 && !(await holds()); i++) await sleep(50);
}

/** As a reader's client does. */
async function run(server: InProcessServer, sql: string): Promise<void> {
  const client = new Connection(server.url);
  await client.client.connect();
  await client.tags(sql);
  await client.end();
}

describe('the pages of sinks', () => {
  const pages = globSync('docs/connectors/*sink*.md', { cwd: root }).map((path) => basename(path));

  it('are all here', () => {
    expect(pages.toSorted()).toEqual(Object.keys(statementsRun).toSorted());
  });

  it.each(pages)('%s has no statement that is not run', (page) => {
    const { blocks, inline } = statementsRun[page] ?? { blocks: 0, inline: [] };
    expect(sqlBlocks(page)).toHaveLength(blocks);
    expect(inlineStatements(page)).toEqual(inline);
  });
});

it('file-sink.md', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-docs-'));
  const [quickstart = '', parquet = ''] = sqlBlocks('file-sink.md');
  const server = await startInProcess();
  const parts = (place: string) =>
    readdirSync(join(directory, place))
      .filter((name) => name.startsWith('part-'))
      .sort();
  const written = () =>
    parts('totals')
      .map((name) => readFileSync(join(directory, 'totals', name), 'utf8'))
      .join('');
  // A reader who types sees each change; changes of one moment come as their net effect.
  for (const statement of placed(quickstart, '/tmp/millrace-totals', join(directory, 'totals')).split(
    /;\n/,
  )) {
    const before = /INSERT|DELETE/.test(statement) ? parts('totals').length : 0;
    await run(server, statement);
    if (/INSERT|DELETE/.test(statement)) await until(() => parts('totals').length > before);
  }
  expect(written().split('\n').toSorted()).toEqual(shownBy('file-sink.md').split('\n').toSorted());
  await run(server, placed(parquet, '/data/orders', join(directory, 'orders')));
  await run(server, 'ALTER SINK orders_parquet RESUME; FLUSH; DROP SINK totals_out');
  await server.close();
  // When the server stops it delivers what waits.
  const [part = ''] = parts('orders');
  expect(part).toMatch(/\.parquet$/);
  expect(
    readFileSync(join(directory, 'orders', part))
      .subarray(0, 4)
      .toString(),
  ).toBe('PAR1');
  rmSync(directory, { recursive: true });
}, 60_000);

it('redis-sink.md', async () => {
  if (!redisServer.installed()) {
    expect(process.env.MILLRACE_REQUIRE_SERVERS, 'redis-server is required but missing').not.toBe('1');
    return;
  }
  const redis = await startRedis();
  const server = await startInProcess();
  const client = createClient({ url: redis.url });
  await client.connect();
  const holds = async (key: string, text: string): Promise<void> => {
    await until(async () => (await client.get(key)) === text);
    expect(await client.get(key)).toBe(text);
  };
  const sql = placed(sqlBlocks('redis-sink.md')[0] ?? '', 'redis://127.0.0.1:6379', redis.url);
  await run(server, sql);
  await holds('total:ann', shownBy('redis-sink.md').trimEnd());
  await until(async () => (await client.exists('total:bob')) === 0);
  expect(await client.exists('total:bob')).toBe(0);
  const [template = '', resume = '', move = ''] = statementsRun['redis-sink.md']?.inline ?? [];
  await run(
    server,
    `CREATE TABLE users (id int PRIMARY KEY, first text, last text);
     CREATE SINK users_out FROM users WITH (connector = 'redis', redis.url = '${redis.url}') ${template};
     INSERT INTO users VALUES (1, 'Ann', 'Lee');`,
  );
  await holds('user:1', 'Ann Lee');
  // Redis loses what it had: the sink is paused, goes on without, and is replaced to write everything again.
  await client.flushAll();
  await run(server, `${resume}; ALTER SINK totals_out PAUSE; ${resume}`);
  const [create = ''] = /CREATE SINK[^;]*/.exec(sql) ?? [];
  await run(server, create.replace('CREATE', 'REPLACE'));
  await holds('total:ann', shownBy('redis-sink.md').trimEnd());
  await client.sendCommand(['CONFIG', 'SET', 'requirepass', 'sesame']);
  const [url, password] = [`'${redis.url}'`, "'sesame'"];
  await run(server, move.replace("'...'", url).replace("'...'", password));
  await run(server, "INSERT INTO orders VALUES (9, 'zoe', 1)");
  await holds('total:zoe', '{"customer":"zoe","orders":1,"amount":1}');
  await run(server, 'DROP SINK totals_out; DROP SINK users_out');
  expect(await client.exists('total:ann')).toBe(1);
  await client.close();
  await server.close();
  await redis.close();
}, 60_000);

it('http-sink.md', async () => {
  const requests: { readonly url: string; readonly authorization: string; readonly body: string }[] = [];
  const take = (request: IncomingMessage, body: string): void => {
    const { url = '', headers } = request;
    requests.push({ url, authorization: headers.authorization ?? '', body });
  };
  const web = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => {
      body += String(part);
    });
    request.on('end', () => {
      take(request, body);
      response.end();
    });
  });
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  const address = web.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const server = await startInProcess();
  const done = await runProgram(
    ['sql', '--url', server.url],
    placed(sqlBlocks('http-sink.md')[0] ?? '', '127.0.0.1:8080', `127.0.0.1:${port}`),
  );
  expect(done.code).toBe(0);
  expect(done.stderr).toMatch(
    /^NOTICE: {2}option "headers\.authorization" is a secret in plain text\nHINT: [^\n]+\n$/,
  );
  const events = (): readonly object[] =>
    requests.flatMap(({ body }) => JSON.parse(body) as readonly object[]);
  await until(() => events().length === 2);
  const plain = (all: readonly object[]) => all.map((event) => ({ ...event, event: null }));
  const shown = shownBy('http-sink.md')
    .trim()
    .split('\n')
    .flatMap((line) => JSON.parse(line) as readonly object[]);
  expect(plain(events())).toEqual(plain(shown));
  expect(requests[0]).toMatchObject({ url: '/orders', authorization: 'Bearer abc' });
  const [, move = ''] = statementsRun['http-sink.md']?.inline ?? [];
  await run(
    server,
    move.replace('...', `'http://127.0.0.1:${port}/elsewhere'`).replace('= ...', "= 'Bearer xyz'"),
  );
  await run(server, "INSERT INTO orders VALUES (2, 'bob', 20); ALTER SINK orders_out RESUME");
  await until(() => requests.length === 3);
  expect(requests[2]).toMatchObject({ url: '/elsewhere', authorization: 'Bearer xyz' });
  await server.close();
  web.closeAllConnections();
  await new Promise((resolve) => web.close(resolve));
}, 60_000);
