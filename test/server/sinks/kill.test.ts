/** A server with a file sink, killed while it commits and delivers: every acknowledged row is in the files once. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type ServedProgram, startProgram } from '../../harness/server.ts';
import { Connection } from '../clients.ts';
import { temporaryDirectory } from '../journal/support.ts';
import { generator } from '../time/random.ts';

const KILLS = 3;

let directory: { readonly path: string; remove(): void };
let server: ServedProgram;
let client: Connection;

beforeEach(() => {
  directory = temporaryDirectory('sinkkill');
});

afterEach(async () => {
  await server.close();
  directory.remove();
});

async function start(): Promise<void> {
  const interval = ['--checkpoint-interval', '300ms'];
  server = await startProgram(['--data-dir', join(directory.path, 'data'), ...interval]);
  client = new Connection(server.url);
  await client.client.connect();
}

/** Lines of all parts that a reader sees. */
function lines(name: string): readonly string[] {
  const path = join(directory.path, name);
  return readdirSync(path)
    .filter((file) => file.startsWith('part-'))
    .sort()
    .flatMap((file) => readFileSync(join(path, file), 'utf8').split('\n').slice(0, -1));
}

it('delivers every row once over kills', async () => {
  await start();
  await client.tags('CREATE TABLE log (n int) APPEND ONLY');
  await client.tags('CREATE MATERIALIZED VIEW m AS SELECT n % 10 AS g, count(*) AS c FROM log GROUP BY 1');
  await client.tags('CREATE TABLE doubled (n int PRIMARY KEY, d bigint)');
  await client.tags(
    'CREATE SINK twice INTO doubled AS SELECT n, n * 2 AS d FROM log WITH (force_append_only = true)',
  );
  const options = (name: string): string =>
    `connector = 'file', path = '${join(directory.path, name)}', rollover_seconds = '0.02'`;
  await client.tags(`CREATE SINK rows FROM log WITH (${options('rows')})`);
  await client.tags(`CREATE SINK counts FROM m WITH (${options('counts')}) FORMAT DEBEZIUM ENCODE JSON`);
  const random = generator(11);
  let n = 0;
  let acknowledged = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const until = acknowledged + 20 + random(150);
    let last: Promise<unknown> = Promise.resolve();
    while (acknowledged < until) {
      const at = ++n;
      last = client.rows(`INSERT INTO log VALUES (${at})`).then(
        () => {
          acknowledged++;
        },
        () => {},
      );
      if (random(4) === 0) await last;
    }
    server.program.signal('SIGKILL');
    await server.program.finished();
    await last;
    await start();
  }
  const rows = (await client.rows('SELECT n FROM log ORDER BY n')).map(([text]) => Number(text));
  const counts = await client.rows('SELECT g, c FROM m ORDER BY g');
  const doubled = await client.rows('SELECT n FROM doubled WHERE d = n * 2 ORDER BY n');
  await client.client.end();
  await server.close();
  expect(doubled.map(([text]) => Number(text))).toEqual(rows);
  expect(rows.length).toBeGreaterThanOrEqual(acknowledged);
  const written = lines('rows').map((line) => (JSON.parse(line) as { readonly n: number }).n);
  expect([...written].sort((a, b) => a - b)).toEqual(rows);
  const state = new Map<number, number>();
  for (const line of lines('counts')) {
    const { before, after } = JSON.parse(line) as {
      readonly before: { readonly g: number; readonly c: number } | null;
      readonly after: { readonly g: number; readonly c: number };
    };
    expect(state.get(after.g) ?? null, line).toBe(before?.c ?? null);
    state.set(after.g, after.c);
  }
  expect([...state].sort(([a], [b]) => a - b)).toEqual(counts.map(([g, c]) => [Number(g), Number(c)]));
}, 120_000);
