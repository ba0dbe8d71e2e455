/** Databases, maintenance, and control of running jobs. */
import type { Ident, Node, ObjectName, Option } from './common.ts';

export interface CreateDatabase extends Node {
  readonly kind: 'CreateDatabase';
  readonly ifNotExists: boolean;
  readonly name: Ident;
  readonly options: readonly Option[];
}

/** USE db */
export interface UseDatabase extends Node {
  readonly kind: 'UseDatabase';
  readonly name: Ident;
}

/** REFRESH TABLE t, REFRESH MATERIALIZED VIEW [CONCURRENTLY] mv [WITH [NO] DATA] */
export interface Refresh extends Node {
  readonly kind: 'Refresh';
  readonly object: 'table' | 'materialized view';
  readonly concurrently: boolean;
  readonly name: ObjectName;
  readonly withData: boolean;
}

/** CANCEL JOBS 1, 2 */
export interface CancelJobs extends Node {
  readonly kind: 'CancelJobs';
  readonly ids: readonly number[];
}

/** KILL 'pid' or KILL pid */
export interface Kill extends Node {
  readonly kind: 'Kill';
  readonly process: string;
}

/** RECOVER; BACKUP without a target */
export interface SystemCommand extends Node {
  readonly kind: 'SystemCommand';
  readonly command: 'recover' | 'backup';
}

/** DELETE META SNAPSHOTS 1, 2 */
export interface DeleteMetaSnapshots extends Node {
  readonly kind: 'DeleteMetaSnapshots';
  readonly ids: readonly number[];
}

export interface Vacuum extends Node {
  readonly kind: 'Vacuum';
  readonly full: boolean;
  readonly analyze: boolean;
  readonly verbose: boolean;
  readonly relations: readonly ObjectName[];
}

export interface Analyze extends Node {
  readonly kind: 'Analyze';
  readonly verbose: boolean;
  readonly relations: readonly { readonly name: ObjectName; readonly columns: readonly Ident[] }[];
}

export interface LockTable extends Node {
  readonly kind: 'LockTable';
  readonly tables: readonly ObjectName[];
  /** `access share` ... or null */
  readonly mode: string | null;
  readonly nowait: boolean;
}

/** DESCRIBE FRAGMENTS rel, DESCRIBE FRAGMENT id */
export interface DescribeFragments extends Node {
  readonly kind: 'DescribeFragments';
  readonly target:
    | { readonly kind: 'job'; readonly name: ObjectName }
    | { readonly kind: 'fragment'; readonly id: number };
}

/** EXPLAIN ANALYZE [ (options) ] MATERIALIZED VIEW mv, EXPLAIN ANALYZE ID 1 */
export interface ExplainAnalyzeJob extends Node {
  readonly kind: 'ExplainAnalyzeJob';
  readonly target:
    | {
        readonly kind: 'job';
        readonly object: 'table' | 'materialized view' | 'sink' | 'index';
        readonly name: ObjectName;
      }
    | { readonly kind: 'id'; readonly id: number };
}
