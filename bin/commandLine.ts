/** The command line. Each command is a file in commands/; this one only says which there are. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { addBackup } from './commands/backup.ts';
import { addBench } from './commands/bench.ts';
import { addRestore } from './commands/restore.ts';
import { addServe } from './commands/serve.ts';
import { addSql } from './commands/sql.ts';
import { addTest } from './commands/test.ts';

function packageVersion(): string {
  const text = readFileSync(join(import.meta.dirname, '..', 'package.json'), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}

export async function run(): Promise<void> {
  const program = new Command('millrace')
    .description('Streaming SQL that any Postgres client can use')
    .version(packageVersion(), '-V, --version')
    .showHelpAfterError('(see --help)')
    .enablePositionalOptions();
  addServe(program);
  addSql(program);
  addTest(program);
  addBench(program);
  addRestore(program);
  addBackup(program);
  await program.parseAsync();
}
