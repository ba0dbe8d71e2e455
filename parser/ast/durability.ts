/** Statements about what lies on disk: checkpoints and backups. */
import type { Ident, Node } from './common.ts';

export interface Checkpoint extends Node {
  readonly kind: 'Checkpoint';
}

/** BACKUP TO 'file', BACKUP AS name */
export interface Backup extends Node {
  readonly kind: 'Backup';
  readonly target:
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'named'; readonly name: Ident };
}

/** DROP BACKUP [ IF EXISTS ] name */
export interface DropBackup extends Node {
  readonly kind: 'DropBackup';
  readonly ifExists: boolean;
  readonly name: Ident;
}
