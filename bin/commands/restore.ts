/** `millrace restore`: makes a data directory from a backup. */
import type { Command } from 'commander';
import { backupText } from '../output/backupText.ts';
import { failureText } from '../output/failure.ts';

export function addRestore(program: Command): void {
  program
    .command('restore')
    .description('make a data directory from a backup, after checking all of it')
    .argument('<file>', 'what BACKUP TO has written')
    .option('--data-dir <directory>', 'a directory that is empty or not there yet', './millrace-data')
    .action(async (file: string, { dataDir }: { readonly dataDir: string }) => {
      try {
        // Loaded here so that the other commands start without the engine.
        const { restoreBackup } = await import('../../server/backup/restore.ts');
        const summary = restoreBackup(file, dataDir);
        process.stdout.write(`${backupText(file, summary)}\nrestored into ${dataDir}\n`);
      } catch (error) {
        process.stderr.write(`millrace: ${failureText(error)}\n`);
        process.exitCode = 1;
      }
    });
}
