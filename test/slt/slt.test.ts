/**
 * sql-tests/slt over the wire: every file against a fresh server, in batch and in incremental mode. Files named pg_* run
 * against PostgreSQL too, so that what they expect is what PostgreSQL answers.
 */
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseSlt } from '../../bin/slt/record.ts';
import { type SltMode, type SltReport, SltRunner } from '../../bin/slt/runner.ts';
import { type PostgresServer, postgresBin, startPostgres } from '../harness/postgres.ts';
import { root, startInProcess } from '../harness/server.ts';

const psql = spawnSync('psql', ['--version']).status === 0;
/** Files named psql_* run psql. */
const files = globSync('sql-tests/slt/**/*.slt', { cwd: root })
  .filter((file) => psql || !basename(file).startsWith('psql_'))
  .sort();

/** Why a SELECT of these files may not be a materialised view; any other reason is a failure. */
const mayNotBeView = /the system relation "\w+" in a materialized view is not supported$/;

async function run(file: string, url: string, mode: SltMode, labels: readonly string[]): Promise<SltReport> {
  const runner = new SltRunner({ url, mode, labels });
  await runner.runFile(join(root, file));
  return runner.close();
}

const messages = (report: SltReport): readonly string[] =>
  report.failures.map((f) => `${basename(f.file)}:${f.line}: ${f.message}`);

it('every query says what it expects', () => {
  const open = files.flatMap((file) =>
    parseSlt(readFileSync(join(root, file), 'utf8'), file)
      .filter((record) => record.kind === 'query' && record.expected === null)
      .map((record) => `${file}:${record.line}`),
  );
  expect(open).toEqual([]);
});

describe.each(['batch', 'incremental'] as const)('sqllogictest, %s', (mode) => {
  it.each(files)('%s', async (file) => {
    const server = await startInProcess();
    try {
      const report = await run(file, server.url, mode, ['millrace', 'serial']);
      expect(messages(report)).toEqual([]);
      expect(report.passed).toBeGreaterThan(0);
      expect(report.notIncremental.filter((reason) => !mayNotBeView.test(reason))).toEqual([]);
    } finally {
      await server.close();
    }
  });
});

if (!psql) {
  it('psql is tested where it is installed; it is missing here', () => {
    expect(process.env.MILLRACE_REQUIRE_SERVERS, 'psql is required but missing').not.toBe('1');
  });
}

describe('PostgreSQL expects the same', () => {
  const bin = postgresBin();
  const shared = files.filter((file) => basename(file).startsWith('pg_'));
  if (bin === null) {
    it('is tested where PostgreSQL is installed; it is missing here', () => {
      expect(process.env.MILLRACE_REQUIRE_SERVERS, 'PostgreSQL is required but missing').not.toBe('1');
    });
    return;
  }
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres(bin);
  });
  afterAll(() => server.close());

  it.each(shared)('%s', async (file) => {
    const url = await server.createDatabase(basename(file, '.slt'));
    expect(messages(await run(file, url, 'batch', ['postgres']))).toEqual([]);
  });
});
