/** `millrace serve`: runs the server until it is told to stop. */
import { type Command, InvalidArgumentError } from 'commander';
import { failureText } from '../output/failure.ts';

interface ServeOptions {
  readonly host: string;
  readonly port: number;
  readonly httpPort: number;
  readonly dataDir: string;
  readonly inMemory: boolean;
  readonly acceptDataLoss: boolean;
  readonly checkpointInterval: number;
  readonly memoryLimit?: number;
  readonly fromBackup?: string;
}

function portNumber(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535)
    throw new InvalidArgumentError('A port is a number from 0 to 65535.');
  return Number(text);
}

const units: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** `512MB`, `2GiB`, `1073741824` in bytes; null when it is none. */
export function sizeInBytes(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text.trim());
  const unit = units[(match?.[2] ?? '').toLowerCase()];
  return match === null || unit === undefined ? null : Math.floor(Number(match[1]) * unit);
}

function memoryLimit(text: string): number {
  const bytes = sizeInBytes(text);
  if (bytes === null || bytes < 2 ** 26)
    throw new InvalidArgumentError('It takes a size of at least 64MB, such as 512MB or 2GB.');
  return bytes;
}

/** `10s`, `500ms`, `2min` in milliseconds; `off`: only when the server stops. */
function interval(text: string): number {
  if (text.trim().toLowerCase() === 'off') return Number.POSITIVE_INFINITY;
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|min)?$/i.exec(text.trim());
  const unit = { ms: 1, s: 1000, m: 60_000, min: 60_000 }[(match?.[2] ?? 's').toLowerCase()];
  const ms = match === null || unit === undefined ? 0 : Math.round(Number(match[1]) * unit);
  if (ms < 10 || ms > 2 ** 31 - 1)
    throw new InvalidArgumentError('It takes a time of at least 10ms, such as 500ms, 10s or 2min, or off.');
  return ms;
}

/** An address as a URL and a client's options want it. */
function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

const LAUNCHER_CHECK_MS = 100;

/**
 * A launcher that is killed outright cannot pass the signal on: without it the server would stay behind, holding port and
 * data directory against its successor.
 */
function whenLauncherIsGone(stop: () => void): void {
  const launcher = process.env.MILLRACE_LAUNCHER;
  // The variable is inherited: it means something only to the launcher's own child.
  if (process.ppid !== Number(launcher)) return;
  setInterval(() => {
    if (process.ppid !== Number(launcher)) stop();
  }, LAUNCHER_CHECK_MS).unref();
}

async function serve(options: ServeOptions): Promise<void> {
  // Loaded here so that the other commands start without the engine.
  const { startServer } = await import('../../server/serve.ts');
  const dataDir = options.inMemory ? null : options.dataDir;
  const server = await startServer({
    host: options.host,
    port: options.port,
    httpPort: options.httpPort,
    dataDir,
    acceptDataLoss: options.acceptDataLoss,
    checkpointIntervalMs: options.checkpointInterval,
    ...(options.memoryLimit === undefined ? {} : { memoryLimit: options.memoryLimit }),
    ...(options.fromBackup === undefined ? {} : { fromBackup: options.fromBackup }),
    log: (line) => process.stderr.write(`${line}\n`),
  });
  const pg = `${urlHost(server.pgHost)}:${server.pgPort}`;
  const http = `${urlHost(server.httpHost)}:${server.httpPort}`;
  process.stdout.write(
    [
      dataDir === null ? 'Millrace keeps its data in memory.' : `Millrace keeps its data in ${dataDir}.`,
      'Connect with any Postgres client:',
      `  psql -h ${server.pgHost} -p ${server.pgPort} -U root -d dev`,
      `  postgres://root@${pg}/dev`,
      `millrace ready pg=${pg} http=${http}`,
      '',
    ].join('\n'),
  );
  await new Promise<void>((resolve) => {
    // Ctrl-C reaches this process directly and through its launcher: the second signal must not cut the stop short.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve());
    whenLauncherIsGone(resolve);
  });
  await server.close();
}

export function addServe(program: Command): void {
  program
    .command('serve')
    .description('run the server')
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--port <number>', 'port for Postgres clients, 0 for a free one', portNumber, 4566)
    .option(
      '--http-port <number>',
      'port for HTTP (/healthz, /readyz, /metrics, webhooks), 0 for a free one',
      portNumber,
      5691,
    )
    .option('--data-dir <directory>', 'where data is kept', './millrace-data')
    .option(
      '--memory-limit <size>',
      'memory for state, by default half of all; the rest is kept on disk',
      memoryLimit,
    )
    .option(
      '--checkpoint-interval <time>',
      'time between checkpoints, such as 500ms, 10s or 2min; off: only at the end',
      interval,
      10_000,
    )
    .option(
      '--from-backup <name>',
      'set the data directory back to this backup (BACKUP AS name), keeping its state as another',
    )
    .option('--in-memory', 'keep nothing on disk', false)
    .option('--accept-data-loss', 'start without what a damaged data directory has lost', false)
    .action(async (options: ServeOptions) => {
      try {
        await serve(options);
        process.exit(0);
      } catch (error) {
        process.stderr.write(`millrace: ${failureText(error)}\n`);
        process.exit(1);
      }
    });
}
