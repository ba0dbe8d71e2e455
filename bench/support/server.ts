/** A server as the command line starts it, in a process of its own, for benchmarks through the wire. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

const program = join(import.meta.dirname, '..', '..', 'bin', 'millrace.ts');

/** CPU seconds of a server's threads: the main one, those of workers, and V8's own (compilation, garbage). Linux only. */
export interface CpuSeconds {
  readonly main: number;
  readonly workers: number;
  readonly engine: number;
}

const TICKS_PER_SECOND = 100;

function cpuOf(pid: number): CpuSeconds {
  const sum = { main: 0, workers: 0, engine: 0 };
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1');
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const seconds = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
    if (Number(thread) === pid) sum.main += seconds;
    else if (name.startsWith('WorkerThread')) sum.workers += seconds;
    else sum.engine += seconds;
  }
  return sum;
}

export interface BenchServer {
  cpu(): CpuSeconds;
  connect(): Promise<pg.Client>;
  close(): Promise<void>;
}

function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.setEncoding('utf8').on('data', (more: string) => {
      text += more;
      const match = /^millrace ready pg=[^ ]*:(\d+) /m.exec(text);
      if (match !== null) resolve(Number(match[1]));
    });
    child.once('exit', (code) => reject(new TypeError(`the server ended with ${code}\n${text}`)));
  });
}

/** Starts a server: durable in a fresh directory, or in memory. */
export async function startServer(durable: boolean): Promise<BenchServer> {
  const directory = durable ? mkdtempSync(join(tmpdir(), 'millrace-bench-')) : null;
  const place = directory === null ? ['--in-memory'] : ['--data-dir', directory];
  const child = spawn(process.execPath, [program, 'serve', '--port', '0', '--http-port', '0', ...place], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = await portOf(child);
  const { pid = 0 } = child;
  return {
    cpu: () => cpuOf(pid),
    async connect() {
      const client = new pg.Client({ host: '127.0.0.1', port, user: 'root', database: 'dev' });
      await client.connect();
      return client;
    },
    async close() {
      child.kill('SIGTERM');
      await once(child, 'close');
      if (directory !== null) rmSync(directory, { recursive: true, force: true });
    },
  };
}
