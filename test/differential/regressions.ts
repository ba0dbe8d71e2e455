/** Runs sql-tests/regressions: everything that random queries and others found once, in batch and in incremental mode. */
import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type SltMode, SltRunner } from '../../bin/slt/runner.ts';
import { root, startInProcess } from '../harness/server.ts';

export const regressionFiles: readonly string[] = globSync('sql-tests/regressions/*.slt', {
  cwd: root,
}).sort();

/** What goes wrong in a file, as text; nothing else when all is well. */
export async function replay(file: string, mode: SltMode): Promise<readonly string[]> {
  const server = await startInProcess();
  try {
    const runner = new SltRunner({ url: server.url, mode, labels: ['millrace', 'serial'] });
    await runner.runFile(join(root, file));
    const report = await runner.close();
    const wrong = report.failures.map((f) => `${basename(f.file)}:${f.line}: ${f.message}`);
    return [...wrong, ...report.notIncremental];
  } finally {
    await server.close();
  }
}
