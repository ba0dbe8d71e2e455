/** A Redis server with an append-only file, so that it has its keys again after a kill. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  endServer,
  freePort,
  listening,
  type ServerKind,
  type ServerProcess,
  spawnServer,
} from './server.ts';

/** What it answers to one command. */
function ask(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${command}\r\n`));
    socket.once('data', (data) => {
      socket.destroy();
      resolve(data.toString());
    });
    socket.once('error', reject);
  });
}

/** Waits until it has read its file. */
async function ready(port: number): Promise<void> {
  await listening(port);
  while ((await ask(port, 'PING')).startsWith('-LOADING')) await sleep(20);
}

/** `password`: what clients must give; none by default. `args`: further ones of redis-server. */
export async function startRedis(
  options: { readonly password?: string; readonly args?: readonly string[] } = {},
): Promise<ServerProcess> {
  const { password, args: more = [] } = options;
  const directory = mkdtempSync(join(tmpdir(), 'millrace-redis-'));
  const port = await freePort();
  const args = [
    ...['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--save', ''],
    ...['--appendonly', 'yes', '--appendfsync', 'everysec'],
    ...(password === undefined ? [] : ['--requirepass', password]),
    ...more,
  ];
  let child = spawnServer('redis-server', args);
  await ready(port);
  const secret = password === undefined ? '' : `:${encodeURIComponent(password)}@`;
  return {
    host: '127.0.0.1',
    port,
    url: `redis://${secret}127.0.0.1:${port}`,
    kill: () => endServer(child, 'SIGKILL'),
    stop: () => endServer(child, 'SIGTERM'),
    async start() {
      child = spawnServer('redis-server', args);
      await ready(port);
    },
    async close() {
      await endServer(child, 'SIGKILL');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export const redisServer: ServerKind = {
  name: 'redis',
  needs: 'redis-server (Debian package redis-server)',
  installed: () => spawnSync('redis-server', ['--version']).status === 0,
  start: () => startRedis(),
};
