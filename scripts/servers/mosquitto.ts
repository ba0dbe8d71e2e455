/** Eclipse Mosquitto (Debian's package `mosquitto`): an MQTT broker that keeps sessions on disk. */
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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

const COMMAND = '/usr/sbin/mosquitto';

export interface MosquittoServer extends ServerProcess {
  /** Where it keeps sessions, once it was stopped. */
  readonly databaseFile: string;
}

/** A broker; `extra` are further lines of its configuration. `password` (of user `reader`) shuts out whoever lacks it. */
export async function startMosquitto(
  extra: readonly string[] = [],
  passwordFile: string | null = null,
  wantedPort = 0,
): Promise<MosquittoServer> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-mosquitto-'));
  const port = await freePort(wantedPort);
  const config = join(directory, 'mosquitto.conf');
  mkdirSync(join(directory, 'data'));
  if (passwordFile !== null) writeFileSync(join(directory, 'passwords'), passwordFile, { mode: 0o600 });
  writeFileSync(
    config,
    [
      `listener ${port} 127.0.0.1`,
      passwordFile === null ? 'allow_anonymous true' : 'allow_anonymous false',
      ...(passwordFile === null ? [] : [`password_file ${join(directory, 'passwords')}`]),
      // A broker started by root gives its rights away, and could not read this directory any more.
      ...(process.getuid?.() === 0 ? ['user root'] : []),
      'persistence true',
      `persistence_location ${join(directory, 'data')}/`,
      'autosave_interval 1',
      'log_dest stderr',
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
    url: `mqtt://127.0.0.1:${port}`,
    databaseFile: join(directory, 'data', 'mosquitto.db'),
    start,
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    async close() {
      await end('SIGKILL');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export const mosquitto: ServerKind = {
  name: 'mosquitto',
  needs: 'the Debian package mosquitto',
  installed: () => existsSync(COMMAND),
  usualPort: 1883,
  start: (port) => startMosquitto([], null, port),
};
