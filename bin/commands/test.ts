/** `millrace test`: runs sqllogictest files, against a given server or against in-memory servers of its own. */
import { globSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { failureText } from '../output/failure.ts';
import { completeFile } from '../slt/complete.ts';
import type { OwnServer } from '../slt/ownServer.ts';
import { type SltMode, type SltReport, SltRunner, sltModes } from '../slt/runner.ts';
import { isScenario, ScenarioRun } from '../slt/scenario.ts';

interface TestOptions {
  readonly url?: string;
  readonly mode: SltMode | 'both' | 'all';
  readonly seed: number;
  readonly every?: number;
  readonly label: readonly string[];
  readonly complete: boolean;
  readonly verbose: boolean;
}

/** Runs `use` with a fresh server. */
async function onFreshServer<T>(kept: boolean, use: (server: OwnServer) => Promise<T>): Promise<T> {
  const { OwnServer } = await import('../slt/ownServer.ts');
  const server = await OwnServer.start(kept);
  try {
    return await use(server);
  } finally {
    await server.close();
  }
}

function runOne(file: string, mode: SltMode, options: TestOptions): Promise<SltReport> {
  const labels = ['millrace', 'serial', ...options.label];
  const run = async (url: string, scenario?: ScenarioRun): Promise<SltReport> => {
    const runner = new SltRunner({ url, mode, labels, ...(scenario === undefined ? {} : { scenario }) });
    await runner.runFile(file);
    return runner.close();
  };
  if (isScenario(mode)) {
    const { seed, every = null } = options;
    return onFreshServer(true, (server) => {
      return run(server.url, new ScenarioRun(server, { scenario: mode, seed, every }, file));
    });
  }
  return options.url === undefined ? onFreshServer(false, ({ url }) => run(url)) : run(options.url);
}

function printReport(file: string, mode: SltMode, report: SltReport, verbose: boolean): void {
  const verdict = report.failures.length === 0 ? 'ok' : 'FAILED';
  const views = mode === 'batch' ? '' : `, ${report.incremental} queries from views`;
  process.stdout.write(`${verdict.padEnd(6)} ${file} (${mode}): ${report.passed} records${views}\n`);
  for (const f of report.failures)
    process.stdout.write(`${f.file}:${f.line}: ${f.message.replaceAll('\n', '\n    ')}\n\n`);
  if (verbose) for (const reason of report.notIncremental) process.stdout.write(`    no view: ${reason}\n`);
}

function modesOf(mode: TestOptions['mode']): readonly SltMode[] {
  if (mode === 'all') return sltModes;
  return mode === 'both' ? ['batch', 'incremental'] : [mode];
}

async function runTests(files: readonly string[], options: TestOptions): Promise<boolean> {
  const modes = modesOf(options.mode);
  if (options.url !== undefined && modes.some(isScenario)) {
    throw new Error('a server that is restarted in between is one of the tests’ own: leave --url out');
  }
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
    const problems =
      options.url === undefined ? await onFreshServer(false, ({ url }) => run(url)) : await run(options.url);
    for (const problem of problems) process.stdout.write(`${problem}\n`);
    clean &&= problems.length === 0;
  }
  return clean;
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('It must be a whole number above 0.');
  return Number(text);
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
      new Option(
        '--mode <mode>',
        'queries as they are (batch), or as views that exist before the data (incremental), or both; or such views, while in between the server is stopped and started (restart), or killed (crash), or replaced by another one from its backup (backup), or every view is replaced by itself (replace); or all of these',
      )
        .choices([...sltModes, 'both', 'all'])
        .default('batch'),
    )
    .option('--seed <number>', 'decides where something happens to the server', wholeNumber, 1)
    .option('--every <records>', 'does so before every so many records; else at three places', wholeNumber)
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
