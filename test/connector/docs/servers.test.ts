/** The commands and statements of docs/connectors/README.md do what it says; every page that it names is there. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { serverKinds } from '../../../scripts/servers/index.ts';
import { root } from '../../harness/server.ts';
import { blocksOf, withServer } from './support.ts';

const [command = '', statements = ''] = blocksOf('README.md');
const names = command.trim().split(' ').slice(4);

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

it('names every server, and npm knows the command', () => {
  expect(command).toMatch(/^npm run servers -- /);
  expect([...names].sort()).toEqual(serverKinds.map((kind) => kind.name).sort());
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  expect(scripts.servers).toBe('exec node scripts/bootstrap.mjs scripts/servers.ts');
});

it('starts servers, and ends them', async () => {
  // Those that start at once; the others are started by the tests of their pages.
  const kinds = serverKinds.filter(({ name }) => ['mosquitto', 'nats', 'redis'].includes(name));
  if (!kinds.every((kind) => kind.installed())) {
    const needs = kinds.map((kind) => kind.needs).join(', ');
    expect(process.env.MILLRACE_REQUIRE_SERVERS, `it needs ${needs}`).not.toBe('1');
    return;
  }
  const script = join(root, 'scripts/servers.ts');
  const child = spawn(process.execPath, [script, ...kinds.map((kind) => kind.name)]);
  const ports: number[] = [];
  for await (const line of createInterface(child.stdout)) {
    const [, name, port] = /^(\w+) \w+:\/\/127\.0\.0\.1:(\d+)$/.exec(line) ?? [];
    expect(name).toBe(kinds[ports.length]?.name);
    ports.push(Number(port));
    if (ports.length === kinds.length) break;
  }
  for (const port of ports) expect(await answers(port)).toBe(true);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGINT');
  expect(await ended).toBe(0);
  for (const port of ports) expect(await answers(port)).toBe(false);
});

it('says what is wrong with a name', () => {
  const done = spawnSync(process.execPath, [join(root, 'scripts/servers.ts'), 'cafka'], { encoding: 'utf8' });
  expect([done.status, done.stderr]).toEqual([
    2,
    'no server "cafka"; there are: kafka, mosquitto, nats, redis, registry\n',
  ]);
});

it('keeps pages apart by schemas', async () => {
  await withServer(async (client) => {
    await client.tags(`CREATE TABLE orders (id int); ${statements} CREATE TABLE orders (id int)`);
    expect(await client.rows("SELECT count(*) FROM pg_tables WHERE tablename = 'orders'")).toEqual([['2']]);
  });
});

it('links to pages that are there', () => {
  const page = readFileSync(join(root, 'docs/connectors/README.md'), 'utf8');
  const links = [...page.matchAll(/\]\(([^)#]+)/g)].map(([, link = '']) => link);
  expect(links.length).toBeGreaterThan(10);
  for (const link of links) expect(existsSync(join(root, 'docs/connectors', link)), link).toBe(true);
});
