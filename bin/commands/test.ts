/** `millrace test`: runs sqllogictest files, against a given server or against in-memory servers of its own. */
import { globSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { failureText } from '../output/failure.ts';
import { completeFile } from '../slt/complete.ts';
import { type SltMode, type SltReport, SltRunner } from '../slt/runner.ts';

interface TestOptions {
  readonly url?: string;
  readonly mode: SltMode | 'both';
  readonly label: readonly string[];
  readonly complete: boolean;
  readonly verbose: boolean;
}

/** Runs `use` with the URL of a fresh server that keeps nothing. */
async function onFreshServer<T>(use: (url: string) => Promise<T>): Promise<T> {
  const { startServer } = await import('../../server/serve.ts');
  const server = await startServer({ host: '127.0.0.1', port: 0, httpPort: 0, dataDir: null, log: () => {} });
  try {
    return await use(`postgres://root@${server.pgHost}:${server.pgPort}/dev`);
  } finally {
    await server.close();
  }
}

async function runOne(file: string, mode: SltMode, options: TestOptions): Promise<SltReport> {
  const run = async (url: string): Promise<SltReport> => {
    const runner = new SltRunner({ url, mode, labels: ['millrace', 'serial', ...options.label] });
    await runner.runFile(file);
    return runner.close();
  };
  return options.url === undefined ? onFreshServer(run) : run(options.url);
}

function printReport(file: string, mode: SltMode, report: SltReport, verbose: boolean): void {
  const verdict = report.failures.length === 0 ? 'ok' : 'FAILED';
  const views = mode === 'incremental' ? `, ${report.incremental} queries from views` : '';
  process.stdout.write(`${verdict.padEnd(6)} ${file} (${mode}): ${report.passed} records${views}\n`);
  for (const f of report.failures)
    process.stdout.write(`${f.file}:${f.line}: ${f.message.replaceAll('\n', '\n    ')}\n\n`);
  if (verbose) for (const reason of report.notIncremental) process.stdout.write(`    no view: ${reason}\n`);
}

async function runTests(files: readonly string[], options: TestOptions): Promise<boolean> {
  const modes: readonly SltMode[] = options.mode === 'both' ? ['batch', 'incremental'] : [options.mode];
  let passed = 0;
  let failed = 0;
  for (const file of files) {
    for (const mode of modes) {
      const report = await runOne(file, mode, options);
      passed += report.passed;
      failed += report.failures.length;
      printReport(file, mode, report, options.verbose);
    }
  }
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed === 0;
}

async function complete(files: readonly string[], options: TestOptions): Promise<boolean> {
  let clean = true;
  for (const file of files) {
    const run = (url: string): Promise<readonly string[]> => completeFile(file, url);
    const problems = options.url === undefined ? await onFreshServer(run) : await run(options.url);
    for (const problem of problems) process.stdout.write(`${problem}\n`);
    clean &&= problems.length === 0;
  }
  return clean;
}

const gather = (value: string, before: readonly string[]): readonly string[] => [...before, value];

export function addTest(program: Command): void {
  program
    .command('test')
    .description(
      'run sqllogictest files; without --url each file and mode gets an in-memory server of its own',
    )
    .argument('<files...>', 'slt files, or patterns of them')
    .option('--url <url>', 'server to test')
    .addOption(
      new Option('--mode <mode>', 'queries as they are, or as views that exist before the data')
        .choices(['batch', 'incremental', 'both'])
        .default('batch'),
    )
    .option('--label <label>', 'label for skipif and onlyif (repeatable)', gather, [])
    .option('--complete', 'write the expected results into the files from the answers', false)
    .option('--verbose', 'say why a query was not tested as a view', false)
    .action(async (patterns: readonly string[], options: TestOptions) => {
      try {
        const files = patterns.flatMap((p) => globSync(p).sort());
        if (files.length === 0) throw new Error(`no such file: ${patterns.join(' ')}`);
        const good = options.complete ? await complete(files, options) : await runTests(files, options);
        process.exit(good ? 0 : 1);
      } catch (error) {
        process.stderr.write(`millrace: ${failureText(error)}\n`);
        process.exit(1);
      }
    });
}
