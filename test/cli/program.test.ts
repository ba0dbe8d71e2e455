/** The command line as a program: what it prints, exit codes, signals. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  root,
  runProgram,
  type ServedProgram,
  startInProcess,
  startProgram,
  type TestServer,
} from '../harness/server.ts';

const directory = mkdtempSync(join(tmpdir(), 'millrace-cli-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('help', () => {
  it('is there for every command', async () => {
    const top = await runProgram(['--help']);
    expect(top.code).toBe(0);
    for (const command of ['serve', 'sql', 'test', 'bench']) {
      expect(top.stdout).toContain(command);
      const help = await runProgram([command, '--help']);
      expect(help).toMatchObject({ code: 0, stderr: '' });
      expect(help.stdout).toContain(`millrace ${command}`);
    }
  });

  it('gives the version', async () => {
    expect((await runProgram(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('refuses what it does not know', async () => {
    expect((await runProgram(['serve', '--nosuch'])).code).toBe(1);
    expect((await runProgram(['nosuch'])).code).toBe(1);
    const size = await runProgram(['serve', '--memory-limit', 'lots']);
    expect(size.code).toBe(1);
    expect(size.stderr).toContain('--memory-limit');
    const port = await runProgram(['serve', '--port', '70000']);
    expect(port.code).toBe(1);
    expect(port.stderr).toContain('0 to 65535');
    const bench = await runProgram(['bench', 'nosuch']);
    expect(bench).toMatchObject({ code: 1, stdout: '' });
    expect(bench.stderr).toContain('no benchmark "nosuch"');
  });
});

describe('serve', () => {
  const data = join(directory, 'data');
  const oneLine = /^millrace: [^\n]+\n$/;

  it.each(['SIGTERM', 'SIGINT'] as const)('says how to connect and stops cleanly on %s', async (signal) => {
    const server = await startProgram(['--data-dir', data, '--memory-limit', '512MB']);
    expect(server.program.stdout).toContain(`psql -h 127.0.0.1 -p ${server.pgPort} -U root -d dev`);
    expect(server.program.stdout.trimEnd().split('\n').at(-1)).toMatch(
      /^millrace ready pg=127\.0\.0\.1:\d+ http=127\.0\.0\.1:\d+$/,
    );
    expect(await (await fetch(`http://127.0.0.1:${server.httpPort}/healthz`)).text()).toBe('ok\n');
    server.program.signal(signal);
    server.program.signal(signal);
    expect((await server.program.finished()).code).toBe(0);
  });

  it('keeps its data', async () => {
    const keep = join(directory, 'keep');
    const first = await startProgram(['--data-dir', keep]);
    const made = await runProgram([
      'sql',
      '--url',
      first.url,
      '-c',
      'CREATE TABLE t (id int PRIMARY KEY, v text); CREATE MATERIALIZED VIEW m AS SELECT count(*) AS n FROM t; INSERT INTO t VALUES (1, $$a$$), (2, $$b$$)',
    ]);
    expect(made).toMatchObject({ code: 0, stderr: '' });
    await first.close();
    const second = await startProgram(['--data-dir', keep]);
    const read = await runProgram([
      'sql',
      '--url',
      second.url,
      '-c',
      'SELECT id, v, n FROM t, m ORDER BY id',
    ]);
    await second.close();
    expect(read.stdout).toBe(' id | v | n \n----+---+---\n  1 | a | 2\n  2 | b | 2\n(2 rows)\n\n');
  });

  it('refuses a second server on the same data directory', async () => {
    const server = await startProgram(['--data-dir', data]);
    const second = await runProgram(['serve', '--port', '0', '--http-port', '0', '--data-dir', data]);
    await server.close();
    expect(second).toMatchObject({ code: 1, stdout: '' });
    expect(second.stderr).toMatch(oneLine);
    expect(second.stderr).toContain(data);
  });

  it('says so when a port is in use', async () => {
    const server = await startProgram(['--in-memory']);
    const pgTaken = await runProgram([
      'serve',
      '--in-memory',
      '--port',
      String(server.pgPort),
      '--http-port',
      '0',
    ]);
    const httpTaken = await runProgram([
      'serve',
      '--in-memory',
      '--port',
      '0',
      '--http-port',
      String(server.httpPort),
    ]);
    await server.close();
    expect(pgTaken).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `millrace: port in use: 127.0.0.1:${server.pgPort}\n`,
    });
    expect(httpTaken).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `millrace: port in use: 127.0.0.1:${server.httpPort}\n`,
    });
  });

  it('says so when the data directory cannot be made', async () => {
    const file = join(directory, 'file');
    writeFileSync(file, '');
    const done = await runProgram([
      'serve',
      '--port',
      '0',
      '--http-port',
      '0',
      '--data-dir',
      join(file, 'data'),
    ]);
    expect(done).toMatchObject({ code: 1, stdout: '' });
    expect(done.stderr).toMatch(oneLine);
    expect(done.stderr).toContain(join(file, 'data'));
  });
});

describe('sql', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startInProcess();
  });
  afterAll(() => server.close());
  const sql = (args: readonly string[], input: string | null = null) =>
    runProgram(['sql', '--url', server.url, ...args], input);

  it('prints results as psql does', async () => {
    const done = await sql([
      '-c',
      "CREATE TABLE p (id int, v text); INSERT INTO p VALUES (1, 'x'), (2, NULL); SELECT * FROM p ORDER BY id",
    ]);
    expect(done).toEqual({
      code: 0,
      stderr: '',
      stdout: 'CREATE TABLE\nINSERT 0 2\n id | v \n----+---\n  1 | x\n  2 | \n(2 rows)\n\n',
    });
  });

  it('reads files and standard input', async () => {
    const file = join(directory, 'q.sql');
    writeFileSync(file, 'SELECT 1 AS a;\nSELECT 2 AS b;\n');
    expect((await sql(['-f', file])).stdout).toBe(' a \n---\n 1\n(1 row)\n\n b \n---\n 2\n(1 row)\n\n');
    expect((await sql([], 'SELECT 3 AS c')).stdout).toBe(' c \n---\n 3\n(1 row)\n\n');
    expect((await sql(['-f', join(directory, 'nosuch.sql')])).code).toBe(1);
  });

  it('stops at an error, pointing at it', async () => {
    const done = await sql(['-c', 'SELECT 1 AS a; SELECT nosuch; SELECT 2']);
    expect(done).toEqual({
      code: 1,
      stdout: ' a \n---\n 1\n(1 row)\n\n',
      stderr: 'ERROR:  column "nosuch" does not exist\nLINE 1: SELECT nosuch\n               ^\n',
    });
  });

  it('says so when no server answers', async () => {
    const done = await runProgram(['sql', '--url', 'postgres://root@127.0.0.1:1/dev', '-c', 'SELECT 1']);
    expect(done).toEqual({ code: 1, stdout: '', stderr: 'millrace: no server answers at 127.0.0.1:1\n' });
  });
});

describe('test', () => {
  it('runs slt files against servers of its own', async () => {
    const done = await runProgram([
      'test',
      '--mode',
      'both',
      join(root, 'sql-tests/slt/pg_operators_comparison.slt'),
    ]);
    expect(done.stdout).toMatch(/^\d+ passed, 0 failed$/m);
    expect(done.code).toBe(0);
  });

  it('reports what does not hold, and writes what does', async () => {
    const file = join(directory, 'wrong.slt');
    writeFileSync(file, 'query I\nSELECT 1 + 1\n----\n3\n\nstatement error\nSELECT nosuch\n');
    const wrong = await runProgram(['test', file]);
    expect(wrong.code).toBe(1);
    expect(wrong.stdout).toContain(`${file}:1: query:`);
    expect(wrong.stdout).toContain('1 passed, 1 failed');
    expect((await runProgram(['test', '--complete', file])).code).toBe(0);
    expect((await runProgram(['test', file])).stdout).toContain('2 passed, 0 failed');
    expect((await runProgram(['test', join(directory, 'nosuch.slt')])).code).toBe(1);
  });
});

describe('a server of the command line', () => {
  let server: ServedProgram;
  beforeAll(async () => {
    server = await startProgram(['--in-memory']);
  });
  afterAll(() => server.close());

  it('answers slt files over the wire by URL', async () => {
    const done = await runProgram([
      'test',
      '--url',
      server.url,
      join(root, 'sql-tests/slt/pg_conditional.slt'),
    ]);
    expect(done.stdout).toContain('0 failed');
  });
});
