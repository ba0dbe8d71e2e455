/** What a database that is kept on disk knows of that: for statements and catalogs. */
import type { Backups } from '../backup/backups.ts';
import type { Checkpointer } from './checkpointer.ts';
import type { RecoveryProgress, RecoveryReport } from './progress.ts';

export interface Durability {
  readonly checkpointer: Checkpointer;
  /** Null: checkpoints are kept elsewhere than in a data directory. */
  readonly backups: Backups | null;
  readonly progress: RecoveryProgress;
  readonly recovery: RecoveryReport;
}
