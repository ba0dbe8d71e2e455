/** NATS with JetStream (Debian's package `nats-server`). */
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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

const COMMAND = '/usr/sbin/nats-server';

/** A server; `extra` are further lines of its configuration, such as `authorization { token: t }`. */
export async function startNats(extra: readonly string[] = [], wantedPort = 0): Promise<ServerProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-nats-'));
  const port = await freePort(wantedPort);
  const config = join(directory, 'nats.conf');
  writeFileSync(
    config,
    [
      `listen: "127.0.0.1:${port}"`,
      `jetstream { store_dir: "${join(directory, 'data')}" }`,
      ...extra,
      '',
    ].join('\n'),
  );
  let child: ChildProcess | null = null;
  const start = async (): Promise<void> => {
    child = spawnServer(COMMAND, ['-c', config]);
    await listening(port);
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child !== null) await endServer(child, signal);
  };
  await start();
  return {
    host: '127.0.0.1',
    port,
    url: `nats://127.0.0.1:${port}`,
    start,
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    async close() {
      await end('SIGKILL');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export const nats: ServerKind = {
  name: 'nats',
  needs: 'the Debian package nats-server',
  installed: () => existsSync(COMMAND),
  usualPort: 4222,
  start: (port) => startNats([], port),
};
