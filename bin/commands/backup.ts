/** `millrace backup verify`: checks a backup, without a server. Backups are made by SQL: BACKUP TO, BACKUP AS. */
import type { Command } from 'commander';
import { backupText } from '../output/backupText.ts';
import { failureText } from '../output/failure.ts';

export function addBackup(program: Command): void {
  const backup = program
    .command('backup')
    .description('look at backups; they are made by SQL: BACKUP TO, BACKUP AS');
  backup
    .command('verify')
    .description('read all of a backup and check that it is whole')
    .argument('<file>', 'what BACKUP TO has written')
    .action(async (file: string) => {
      try {
        // Loaded here so that the other commands start without the engine.
        const { verifyBackup } = await import('../../server/backup/restore.ts');
        process.stdout.write(`${backupText(file, verifyBackup(file))}\nnothing is damaged\n`);
      } catch (error) {
        process.stderr.write(`millrace: ${failureText(error)}\n`);
        process.exitCode = 1;
      }
    });
}
