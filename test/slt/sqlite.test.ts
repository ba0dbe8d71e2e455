/**
 * The form of sqlite's sqllogictest corpus: files of ours in that form, in batch and in incremental mode and against
 * PostgreSQL, and the runner's own rules for it.
 */
import { createHash } from 'node:crypto';
import { globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseSlt } from '../../bin/slt/record.ts';
import { type SltMode, type SltReport, SltRunner } from '../../bin/slt/runner.ts';
import { hashLine, isHash, valueRows } from '../../bin/slt/sqlite.ts';
import { postgresBin, startPostgres } from '../harness/postgres.ts';
import { type InProcessServer, root, startInProcess } from '../harness/server.ts';

const files = globSync('sql-tests/sqlite/**/*.test', { cwd: root }).sort();

async function run(file: string, url: string, mode: SltMode, labels: readonly string[]): Promise<SltReport> {
  const runner = new SltRunner({ url, mode, labels });
  await runner.runFile(file);
  return runner.close();
}

const messages = (report: SltReport): readonly string[] =>
  report.failures.map((f) => `${f.line}: ${f.message}`);

describe.each(['batch', 'incremental'] as const)('files, %s', (mode) => {
  it.each(files)('%s', async (file) => {
    const server = await startInProcess();
    try {
      const report = await run(join(root, file), server.url, mode, ['millrace']);
      expect(messages(report)).toEqual([]);
      expect(report.notIncremental).toEqual([]);
      if (mode === 'incremental') expect(report.incremental).toBeGreaterThan(5);
    } finally {
      await server.close();
    }
  });
});

describe('PostgreSQL expects the same', () => {
  it('in every file', async () => {
    const bin = postgresBin();
    if (bin === null) {
      expect(process.env.MILLRACE_REQUIRE_SERVERS, 'PostgreSQL is required but missing').not.toBe('1');
      return;
    }
    const server = await startPostgres(bin);
    try {
      for (const [i, file] of files.entries()) {
        const url = await server.createDatabase(`sqlite_${i}`);
        expect(messages(await run(join(root, file), url, 'batch', ['postgres']))).toEqual([]);
      }
    } finally {
      server.close();
    }
  });
});

describe('values', () => {
  it('are written as the type letters say', () => {
    const rows = [
      ['7', '7', 'a\tb'],
      ['-0.5', '1', 'é'],
      ['apples', 'NULL', '(empty)'],
      ['t', '1e2', '~'],
    ];
    expect(valueRows(rows, 'IRT', 'nosort')).toEqual([
      ['7', '7.000', 'a@b'],
      ['0', '1.000', '@@'],
      ['0', 'NULL', '(empty)'],
      ['1', '100.000', '~'],
    ]);
    expect(valueRows([['9223372036854775807']], 'I', 'nosort')).toEqual([['9223372036854775807']]);
  });

  it('are sorted by rows or one by one, as text', () => {
    const rows = [
      ['10', '2'],
      ['9', '1'],
      ['10', '1'],
    ];
    expect(valueRows(rows, 'II', 'rowsort').flat()).toEqual(['10', '1', '10', '2', '9', '1']);
    expect(valueRows(rows, 'II', 'valuesort').flat()).toEqual(['1', '1', '10', '10', '2', '9']);
  });

  it('are hashed with a line feed after each', () => {
    const line = hashLine(['1', '2', '3']);
    expect(line).toBe(`3 values hashing to ${createHash('md5').update('1\n2\n3\n').digest('hex')}`);
    expect(isHash([line])).toBe(true);
    expect(isHash(['3 values hashing to x'])).toBe(false);
  });
});

describe('records', () => {
  it('have the values layout in .test files and after what only the corpus says', () => {
    const layouts = (text: string, file: string): readonly string[] =>
      parseSlt(text, file).flatMap((r) => (r.kind === 'query' ? [r.layout] : []));
    const query = 'query I nosort label-1\nSELECT 1\n----\n1\n\n';
    expect(layouts(query, 'a.test')).toEqual(['values']);
    expect(layouts(query, 'a.slt')).toEqual(['rows']);
    expect(layouts(`${query}hash-threshold 8\n\n${query}`, 'a.slt')).toEqual(['rows', 'values']);
    expect(
      layouts(`control resultmode valuewise\n\n${query}control resultmode rowwise\n\n${query}`, 'a.slt'),
    ).toEqual(['values', 'rows']);
  });
});

describe('what is wrong is found', () => {
  let server: InProcessServer;
  let directory: string;
  beforeAll(async () => {
    server = await startInProcess();
    directory = mkdtempSync(join(tmpdir(), 'millrace-sqlite-'));
  });
  afterAll(async () => {
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const wrong: readonly (readonly [name: string, text: string, message: RegExp])[] = [
    ['a value', 'query II nosort\nSELECT 1, 2\n----\n1\n3\n', /expected:\n1\n3\ngot:\n1\n2/],
    [
      'a hash',
      `query I nosort\nSELECT 1\n----\n1 values hashing to ${'0'.repeat(32)}\n`,
      /got:\n1 values hashing/,
    ],
    ['the number of columns', 'query III nosort\nSELECT 1, 2\n----\n1\n2\n', /expected 3 columns, got 2/],
    [
      'a label',
      'query I nosort x\nSELECT 1\n----\n1\n\nquery I nosort x\nSELECT 2\n----\n2\n',
      /has another result than the first query x/,
    ],
    [
      'what follows a halt of another engine',
      'onlyif mssql\nhalt\n\nquery I nosort\nSELECT 1\n----\n2\n',
      /got:\n1/,
    ],
  ];

  it.each(wrong)('%s', async (name, text, message) => {
    const file = join(directory, `${name.replaceAll(' ', '_')}.test`);
    writeFileSync(file, text);
    const report = await run(file, server.url, 'batch', ['millrace']);
    expect(messages(report)).toHaveLength(1);
    expect(messages(report)[0]).toMatch(message);
  });

  it('nothing after halt, nor in records of other engines', async () => {
    const file = join(directory, 'halt.test');
    writeFileSync(
      file,
      'onlyif mysql # its own\nquery I\nSELECT 1\n----\n2\n\nskipif sqlite\nhalt\n\nquery I\nSELECT 1\n----\n3\n',
    );
    expect(messages(await run(file, server.url, 'batch', ['millrace']))).toEqual([]);
  });
});
