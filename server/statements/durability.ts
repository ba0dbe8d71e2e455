/** CHECKPOINT, BACKUP and DROP BACKUP. A server that keeps nothing on disk has nothing to bring there. */
import { SqlError } from '../../common/sqlError.ts';
import type { Backup, Checkpoint, DropBackup } from '../../parser/ast/durability.ts';
import type { Backups } from '../backup/backups.ts';
import { done, type StatementContext, type StatementHandler } from './statement.ts';

export const checkpoint: StatementHandler<Checkpoint> = {
  readOnly: true,
  async run(_statement, context) {
    await context.database.durability?.checkpointer.checkpoint();
    return done('CHECKPOINT');
  },
};

function backupsOf(context: StatementContext): Backups {
  const backups = context.database.durability?.backups ?? null;
  if (backups !== null) return backups;
  throw new SqlError('55000', 'this server keeps nothing on disk', {
    hint: 'A server with a data directory (--data-dir) can be backed up.',
  });
}

export const backup: StatementHandler<Backup> = {
  readOnly: true,
  async run({ target }, context) {
    context.requireNoTransactionBlock('BACKUP');
    const backups = backupsOf(context);
    await (target.kind === 'file' ? backups.writeTo(target.path) : backups.keep(target.name.name));
    return done('BACKUP');
  },
};

export const dropBackup: StatementHandler<DropBackup> = {
  readOnly: true,
  run({ ifExists, name: { name, span } }, context) {
    context.requireNoTransactionBlock('DROP BACKUP');
    if (backupsOf(context).drop(name)) return done('DROP BACKUP');
    const message = `backup "${name}" does not exist`;
    if (!ifExists) throw new SqlError('42704', message, { position: span.start });
    context.notice({ severity: 'NOTICE', state: '00000', message: `${message}, skipping` });
    return done('DROP BACKUP');
  },
};
