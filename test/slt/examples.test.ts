/**
 * The example pipelines under examples/, each a test file that a user runs with `millrace test`, and the tests of
 * docs/testing-pipelines.md.
 */
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SltRunner } from '../../bin/slt/runner.ts';
import { root, runProgram, startInProcess } from '../harness/server.ts';

const files = globSync('examples/**/*.slt', { cwd: root }).sort();

it('there are some', () => {
  expect(files).toContain('examples/late-orders/late_orders.slt');
});

describe.each(['batch', 'incremental'] as const)('examples, %s', (mode) => {
  it.each(files)('%s', async (file) => {
    const server = await startInProcess();
    try {
      const runner = new SltRunner({ url: server.url, mode, labels: ['millrace', 'serial'] });
      await runner.runFile(join(root, file));
      const report = await runner.close();
      expect(report.failures.map((f) => `${f.line}: ${f.message}`)).toEqual([]);
      expect(report.notIncremental).toEqual([]);
      expect(report.passed).toBeGreaterThan(0);
    } finally {
      await server.close();
    }
  });
});

describe('docs/testing-pipelines.md', () => {
  const blocks = [
    ...readFileSync(join(root, 'docs/testing-pipelines.md'), 'utf8').matchAll(/^```text\n(.*?)^```/gms),
  ].map((m) => m[1] ?? '');
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'millrace-page-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /** The blocks that make what they use. */
  const complete = blocks.filter((block) => block.includes('CREATE '));

  it('has its tests', () => {
    expect(complete).toHaveLength(2);
  });

  it.each(complete.map((block, i) => [i, block] as const))('test %i', async (i, block) => {
    const file = join(directory, `${i}.slt`);
    const clock = "statement ok\nSET millrace.clock = '2024-05-01 12:00:00+00'\n\n";
    writeFileSync(file, block.includes('millrace.clock') ? block : clock + block);
    const server = await startInProcess();
    try {
      const runner = new SltRunner({ url: server.url, mode: 'batch', labels: [] });
      await runner.runFile(file);
      expect((await runner.close()).failures).toEqual([]);
    } finally {
      await server.close();
    }
  });
});

it('millrace test runs one with nothing else', async () => {
  const done = await runProgram(['test', join(root, 'examples/late-orders/late_orders.slt')]);
  expect(done.stdout).toMatch(/^ok .*late_orders\.slt \(batch\): \d+ records\n\d+ passed, 0 failed\n$/);
  expect(done.code).toBe(0);
});
