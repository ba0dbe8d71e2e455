/** Steps that the check scripts share: each prints what it does, runs to its end and says whether it was good. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '..');

/** Runs a package's program on this Node; true when it exits with 0. */
function runModule(title: string, script: string, args: readonly string[]): boolean {
  process.stdout.write(`\n== ${title}\n`);
  const done = spawnSync(process.execPath, [join(root, 'node_modules', script), ...args], {
    cwd: root,
    stdio: 'inherit',
  });
  return done.status === 0;
}

/** Formatter and linter. */
export function formatAndLint(): boolean {
  return runModule('format and lint', '@biomejs/biome/bin/biome', ['check', '--diagnostic-level=error', '.']);
}

export function typeCheck(): boolean {
  return runModule('types', 'typescript/bin/tsc', ['--noEmit', '-p', 'tsconfig.json']);
}

export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
}

interface VitestReport {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[];
}

/** Runs vitest; a file that could not even be loaded counts as one failed test. */
export function runTests(args: readonly string[]): TestCounts {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-test-'));
  const file = join(directory, 'report.json');
  try {
    const good = runModule('tests', 'vitest/vitest.mjs', [
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${file}`,
      ...args,
    ]);
    const report = JSON.parse(readFileSync(file, 'utf8')) as VitestReport;
    const unloaded = report.testResults.filter(
      (r) => r.status === 'failed' && r.assertionResults.length === 0,
    ).length;
    const failed = report.numFailedTests + unloaded;
    return { passed: report.numPassedTests, failed: good && report.success ? failed : Math.max(1, failed) };
  } catch {
    return { passed: 0, failed: 1 };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Prints the closing line and sets the exit code. */
export function finish(counts: TestCounts, steps: readonly (readonly [name: string, good: boolean])[]): void {
  const bad = steps.filter(([, good]) => !good).map(([name]) => name);
  if (bad.length > 0) process.stdout.write(`\nfailed: ${bad.join(', ')}\n`);
  process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed\n`);
  process.exitCode = bad.length > 0 || counts.failed > 0 || counts.passed === 0 ? 1 : 0;
}
