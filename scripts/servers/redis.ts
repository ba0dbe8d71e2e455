/** A Redis server with an append-only file, so that it has its keys again after a kill. */

import { type ChildProcess, spawnSync } from 'node:child_process';
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

export interface RedisOptions {
  /** What clients must give; none by default. */
  readonly password?: string;
  /** Where nobody else has it; absent: a free one. */
  readonly port?: number;
  /** It speaks TLS only: with a certificate of its own making, or such arguments (`--tls-cert-file` ...). */
  readonly tls?: boolean | readonly string[];
  /** Further arguments of redis-server. */
  readonly args?: readonly string[];
}

export interface RedisServer extends ServerProcess {
  /** PEM file of the certificate of its own making by which it is trusted; null: it has none. */
  readonly caFile: string | null;
}

/** A self-signed certificate for 127.0.0.1 in the directory; the arguments that make the server use it. */
function ownCertificate(directory: string): readonly string[] {
  const [key, certificate] = [join(directory, 'key.pem'), join(directory, 'ca.pem')];
  const done = spawnSync(
    'openssl',
    [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '3650',
      ],
      ...['-keyout', key, '-out', certificate, '-subj', '/CN=localhost'],
      ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
    ],
    { encoding: 'utf8' },
  );
  if (done.status !== 0) throw new Error(`openssl failed: ${done.stderr}`);
  return [
    ...['--tls-cert-file', certificate, '--tls-key-file', key],
    ...['--tls-ca-cert-file', certificate, '--tls-auth-clients', 'no'],
  ];
}

export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const { password, tls = false, args: more = [] } = options;
  const directory = mkdtempSync(join(tmpdir(), 'millrace-redis-'));
  const port = await freePort(options.port);
  const args = [
    ...(tls === false
      ? ['--port', String(port)]
      : ['--tls-port', String(port), '--port', '0', ...(tls === true ? ownCertificate(directory) : tls)]),
    ...['--bind', '127.0.0.1', '--dir', directory, '--save', ''],
    ...['--appendonly', 'yes', '--appendfsync', 'everysec'],
    ...(password === undefined ? [] : ['--requirepass', password]),
    ...more,
  ];
  const begin = async (): Promise<ChildProcess> => {
    const child = spawnServer('redis-server', args);
    await (tls === false ? ready(port) : listening(port));
    return child;
  };
  let child = await begin();
  const secret = password === undefined ? '' : `:${encodeURIComponent(password)}@`;
  return {
    host: '127.0.0.1',
    port,
    url: `${tls === false ? 'redis' : 'rediss'}://${secret}127.0.0.1:${port}`,
    caFile: tls === true ? join(directory, 'ca.pem') : null,
    kill: () => endServer(child, 'SIGKILL'),
    stop: () => endServer(child, 'SIGTERM'),
    async start() {
      child = await begin();
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
  usualPort: 6379,
  start: (port) => startRedis(port === undefined ? {} : { port }),
};
