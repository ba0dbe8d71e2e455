/** A server as the command line starts it, in a process of its own, for benchmarks through the wire. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

const program = join(import.meta.dirname, '..', '..', 'bin', 'millrace.ts');

export interface BenchServer {
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
  return {
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
