/** `millrace bench`: runs one of the programs in bench/. */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Command } from 'commander';

const folder = join(import.meta.dirname, '..', '..', 'bench');

/** Names that can be given: every program directly in bench/. */
export function benchNames(): readonly string[] {
  return globSync('*.ts', { cwd: folder })
    .map((file) => basename(file, '.ts'))
    .sort();
}

export function addBench(program: Command): void {
  program
    .command('bench')
    .description('run a benchmark; without a name the main one')
    .argument('[name]', `one of: ${benchNames().join(', ')}`, 'index')
    .argument('[arguments...]', 'handed to the benchmark')
    .passThroughOptions()
    .action((name: string, rest: readonly string[]) => {
      const file = join(folder, `${name}.ts`);
      if (!/^\w+$/.test(name) || !existsSync(file)) {
        process.stderr.write(`millrace: no benchmark "${name}"; there are: ${benchNames().join(', ')}\n`);
        process.exitCode = 1;
        return;
      }
      const done = spawnSync(process.execPath, [...process.execArgv, file, ...rest], { stdio: 'inherit' });
      process.exitCode = done.status ?? 1;
    });
}
