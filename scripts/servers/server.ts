/** A real server that tests, benchmarks and contributors start: a process with a directory of its own under the system's temporary one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ServerProcess {
  readonly host: string;
  readonly port: number;
  /** As clients write it: `127.0.0.1:9092`, `redis://...`. */
  readonly url: string;
  /** SIGKILL; the data stays. */
  kill(): Promise<void>;
  /** Ends it in order; the data stays. */
  stop(): Promise<void>;
  /** Starts it again on the same port over the same data. */
  start(): Promise<void>;
  /** Ends it and removes its data. */
  close(): Promise<void>;
}

/** One kind of server. */
export interface ServerKind {
  readonly name: string;
  /** How it is had, for whoever lacks it: a Debian package, or what the start fetches. */
  readonly needs: string;
  /** A first start fetches it, which takes a while. */
  readonly fetched?: true;
  /** False: it cannot be started here. */
  installed(): boolean;
  /** Where such servers usually listen. */
  readonly usualPort: number;
  /** On this port, where nobody else has it; else, and where none is given, on a free one. */
  start(port?: number): Promise<ServerProcess>;
  /** What else there is to know once it runs. */
  readonly hints?: () => readonly string[];
}

/** `wanted`, where nobody has it; else one that is free. */
export function freePort(wanted = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) => (wanted === 0 ? reject(error) : resolve(freePort())));
    probe.listen(wanted, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        typeof address === 'object' && address !== null
          ? resolve(address.port)
          : reject(new Error('no port')),
      );
    });
  });
}

/** Waits until something listens there. */
export async function listening(port: number, millis = 60_000, host = '127.0.0.1'): Promise<void> {
  const end = Date.now() + millis;
  for (;;) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, host);
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (open) return;
    if (Date.now() > end) throw new Error(`nothing listens on ${host}:${port}`);
    await sleep(50);
  }
}

/** A process that ends with this one at the latest. */
export function spawnServer(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): ChildProcess {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  child.stdout?.resume();
  child.stderr?.resume();
  const end = (): boolean => child.kill('SIGKILL');
  process.once('exit', end);
  child.once('exit', () => process.removeListener('exit', end));
  return child;
}

export async function endServer(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}
