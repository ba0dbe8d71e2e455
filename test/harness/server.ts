/** Millrace servers for tests: in this process (fast, in memory) or as the command line starts them (a child process). */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Database } from '../../server/database.ts';
import { startServer } from '../../server/serve.ts';

export const root = join(import.meta.dirname, '..', '..');

export interface TestServer {
  readonly url: string;
  readonly pgPort: number;
  readonly httpPort: number;
  close(): Promise<void>;
}

export interface InProcessServer extends TestServer {
  readonly database: Database;
}

/** A fresh server in this process. */
export async function startInProcess(dataDir: string | null = null): Promise<InProcessServer> {
  const server = await startServer({ host: '127.0.0.1', port: 0, httpPort: 0, dataDir, log: () => {} });
  return {
    url: `postgres://root@127.0.0.1:${server.pgPort}/dev`,
    pgPort: server.pgPort,
    httpPort: server.httpPort,
    database: server.database,
    close: () => server.close(),
  };
}

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command line as a child process. */
export class Program {
  readonly #child: ChildProcess;
  readonly #finished: Promise<Finished>;
  stdout = '';
  stderr = '';

  constructor(args: readonly string[], input: string | null = null) {
    this.#child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', join(root, 'bin/millrace.ts'), ...args],
      {
        cwd: root,
        stdio: ['pipe', 'pipe', 'pipe'],
      },
    );
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.#child.stdin?.end(input ?? '');
    this.#finished = once(this.#child, 'close').then(([code]) => ({
      code: typeof code === 'number' ? code : null,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  finished(): Promise<Finished> {
    return this.#finished;
  }

  /** Waits for a line on stdout; rejects when the program ends without it. */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.stdout);
      if (match !== null) return match;
      const stdout = this.#child.stdout;
      const more =
        stdout === null ? Promise.reject(new Error('no stdout')) : once(stdout, 'data').then(() => false);
      const ended = await Promise.race([more, this.#finished.then(() => true)]);
      if (ended && pattern.exec(this.stdout) === null) {
        throw new Error(`the program ended without ${pattern.source}\n${this.stdout}${this.stderr}`);
      }
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }
}

/** Runs the command line to its end. */
export function runProgram(args: readonly string[], input: string | null = null): Promise<Finished> {
  return new Program(args, input).finished();
}

export interface ServedProgram extends TestServer {
  readonly program: Program;
}

/** `millrace serve` as a child process, ready. */
export async function startProgram(args: readonly string[]): Promise<ServedProgram> {
  const program = new Program(['serve', '--port', '0', '--http-port', '0', ...args]);
  const match = await program.line(/^millrace ready pg=127\.0\.0\.1:(\d+) http=127\.0\.0\.1:(\d+)$/m);
  const pgPort = Number(match[1]);
  return {
    program,
    url: `postgres://root@127.0.0.1:${pgPort}/dev`,
    pgPort,
    httpPort: Number(match[2]),
    async close() {
      program.signal('SIGTERM');
      await program.finished();
    },
  };
}
