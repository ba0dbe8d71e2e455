/** A Redis server with an append-only file, so that it has its keys again after a kill. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  endServer,
  freePort,
  listening,
  type ServerKind,
  type ServerProcess,
  spawnServer,
} from './server.ts';

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
  await listening(port);
  const secret = password === undefined ? '' : `:${encodeURIComponent(password)}@`;
  return {
    host: '127.0.0.1',
    port,
    url: `redis://${secret}127.0.0.1:${port}`,
    kill: () => endServer(child, 'SIGKILL'),
    stop: () => endServer(child, 'SIGTERM'),
    async start() {
      child = spawnServer('redis-server', args);
      await listening(port);
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
