/** A private PostgreSQL server: own directory, own port, C locale, UTC; removed when closed. */
import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from '../../scripts/servers/server.ts';

export interface PostgresServer {
  /** URL of a database. */
  url(database: string): string;
  /** Makes an empty database and gives its URL. */
  createDatabase(name: string): Promise<string>;
  dropDatabase(name: string): Promise<void>;
  readonly port: number;
  /** Stops it, at once or as an administrator does, and starts it again. */
  stop(mode?: 'immediate' | 'fast'): void;
  start(): void;
  close(): void;
}

/** The newest installed server's programs, null when there is none. */
export function postgresBin(): string | null {
  const given = process.env.MILLRACE_POSTGRES_BIN;
  if (given !== undefined) return given;
  const found = globSync('/usr/lib/postgresql/*/bin/postgres').sort();
  return found.at(-1)?.replace(/\/postgres$/, '') ?? null;
}

/** PostgreSQL refuses to run as root, so root runs it as the user that its package made. */
function asServerUser(command: string, args: readonly string[]): void {
  const root = process.getuid?.() === 0;
  const [program, rest] = root ? ['runuser', ['-u', 'postgres', '--', command, ...args]] : [command, args];
  const done = spawnSync(program, rest, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (done.status !== 0) throw new Error(`${command} failed: ${done.stdout}${done.stderr}`);
}

function giveToServerUser(directory: string): void {
  if (process.getuid?.() !== 0) return;
  const id = (flag: string): number =>
    Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout);
  chownSync(directory, id('-u'), id('-g'));
}

/** `settings`: more of them, as `name=value`. */
export async function startPostgres(bin: string, more: readonly string[] = []): Promise<PostgresServer> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-postgres-'));
  giveToServerUser(directory);
  const data = join(directory, 'data');
  const port = await freePort();
  const settings = [
    ...more.map((setting) => `-c ${setting}`),
    `-p ${port}`,
    '-h 127.0.0.1',
    `-k ${directory}`,
    '-F',
    '-c timezone=UTC',
    '-c max_connections=20',
  ];
  asServerUser(join(bin, 'initdb'), [
    '-D',
    data,
    '-U',
    'root',
    '-A',
    'trust',
    '--locale=C',
    '--lc-ctype=C.UTF-8',
    '--encoding=UTF8',
    '-N',
  ]);
  const log = join(directory, 'log');
  const start = (): void =>
    asServerUser(join(bin, 'pg_ctl'), ['-D', data, '-w', '-l', log, '-o', settings.join(' '), 'start']);
  start();
  const url = (database: string): string => `postgres://root@127.0.0.1:${port}/${database}`;
  return {
    url,
    port,
    start,
    stop: (mode = 'fast') => asServerUser(join(bin, 'pg_ctl'), ['-D', data, '-w', '-m', mode, 'stop']),
    async createDatabase(name) {
      const client = new pg.Client({ connectionString: url('postgres') });
      await client.connect();
      await client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)} TEMPLATE template0`);
      await client.end();
      return url(name);
    },
    async dropDatabase(name) {
      const client = new pg.Client({ connectionString: url('postgres') });
      await client.connect();
      await client.query(`DROP DATABASE ${pg.escapeIdentifier(name)} WITH (FORCE)`);
      await client.end();
    },
    close() {
      if (existsSync(data)) asServerUser(join(bin, 'pg_ctl'), ['-D', data, '-w', '-m', 'immediate', 'stop']);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
