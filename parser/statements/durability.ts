/** Grammar of statements about what lies on disk: CHECKPOINT, BACKUP, DROP BACKUP. */
import type { SystemCommand } from '../ast/admin.ts';
import type { Backup, Checkpoint, DropBackup } from '../ast/durability.ts';
import type { Rule } from '../base.ts';
import { K } from '../tokens.ts';
import { TimeParser } from './time.ts';

export abstract class DurabilityParser extends TimeParser {
  /** checkpoint: CHECKPOINT */
  readonly checkpoint: Rule<Checkpoint> = this.RULE('checkpoint', (): Checkpoint => {
    const start = this.consume(1, K.checkpoint).startOffset;
    return { kind: 'Checkpoint', span: this.since(start) };
  });

  /** backup: BACKUP [ TO SCONST | AS colId ] */
  readonly backup: Rule<Backup | SystemCommand> = this.RULE('backup', (): Backup | SystemCommand => {
    const start = this.consume(1, K.backup).startOffset;
    const target = this.option(2, () =>
      this.or(3, [
        {
          ALT: (): Backup['target'] => {
            this.consume(4, K.to);
            return { kind: 'file', path: this.subrule(5, this.stringValue) };
          },
        },
        {
          ALT: (): Backup['target'] => {
            this.consume(6, K.as);
            return { kind: 'named', name: this.subrule(7, this.colId) };
          },
        },
      ]),
    );
    return target === undefined
      ? { kind: 'SystemCommand', command: 'backup', span: this.since(start) }
      : { kind: 'Backup', target, span: this.since(start) };
  });

  protected startsDropBackup(): boolean {
    return this.isAt(2, K.backup);
  }

  /** dropBackup: DROP BACKUP ifExists colId */
  readonly dropBackup: Rule<DropBackup> = this.RULE('dropBackup', (): DropBackup => {
    const start = this.consume(1, K.drop).startOffset;
    this.consume(2, K.backup);
    const ifExists = this.subrule(3, this.ifExists);
    return { kind: 'DropBackup', ifExists, name: this.subrule(4, this.colId), span: this.since(start) };
  });
}
