/** psql against the fake session. Where psql is not installed there is nothing to run. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FakeServer, startFakeServer } from './fakeServer.ts';

const PSQL = '/usr/bin/psql';

let server: FakeServer;
beforeAll(async () => {
  server = await startFakeServer();
});
afterAll(() => server.listener.close());

interface Output {
  readonly out: string;
  readonly err: string;
  readonly code: number | null;
}

/** Runs psql; `onStart` may act on the process. */
function psql(
  args: readonly string[],
  input = '',
  onStart?: (interrupt: () => void) => void,
): Promise<Output> {
  return new Promise((resolve) => {
    const child = spawn(PSQL, [
      '-X',
      '-h',
      '127.0.0.1',
      '-p',
      String(server.port),
      '-U',
      'root',
      '-d',
      'dev',
      ...args,
    ]);
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.on('close', (code) => resolve({ out, err, code }));
    child.stdin.end(input);
    onStart?.(() => child.kill('SIGINT'));
  });
}

describe.runIf(existsSync(PSQL))('psql', () => {
  it('connects, queries, and shows errors with a caret', async () => {
    const { out, err } = await psql([
      '-At',
      '-c',
      'series 2',
      '-c',
      'select 1; oops; select 2',
      '-c',
      'crash',
    ]);
    expect(out).toBe('1|row 1\n2|row 2\n1\n');
    expect(err).toContain(
      'ERROR:  syntax error at or near "oops"\nLINE 1: select 1; oops; select 2\n                  ^',
    );
    expect(err).toContain('ERROR:  internal error: x is not a function');
  });

  it('shows connection information and transaction status', async () => {
    const { out } = await psql([], '\\conninfo\nbegin;\n\\echo :SERVER_VERSION_NUM\nselect 1;\ncommit;\n');
    expect(out).toContain('connected to database "dev" as user "root"');
    expect(out).toContain('150000');
    expect(out).toContain('COMMIT');
  });

  it('copies in and out', async () => {
    const copied = await psql(['-c', 'copy t from stdin'], '1\tone\n2\t\\N\n');
    expect(copied.out).toBe('COPY 2\n');
    const { out } = await psql(['-c', 'copy 2 to stdout']);
    expect(out).toBe('0\t\\N\n1\tx\\ty\n');
  });

  it('fetches by portal', async () => {
    const { out } = await psql(['-At', '-v', 'FETCH_COUNT=0', '-c', 'series 1000']);
    expect(out.trimEnd().split('\n')).toHaveLength(1000);
  });

  it('cancels with Ctrl-C', async () => {
    const before = server.factory.sessions.length;
    const { err } = await psql(['-c', 'sleep'], '', async (interrupt) => {
      const started = (): boolean =>
        server.factory.sessions.length > before && server.factory.last.log.length > 0;
      while (!started()) await new Promise((resolve) => setTimeout(resolve, 5));
      interrupt();
    });
    expect(err).toContain('canceling statement due to user request');
  });

  it('is told why it may not connect', async () => {
    const { err, code } = await psql(['-U', 'nobody', '-c', 'select 1']);
    expect(err).toContain('FATAL:  role "nobody" does not exist');
    expect(code).toBe(2);
  });
});
