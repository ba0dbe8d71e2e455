/** Statements that move time, feed sources by hand and look at lateness. */
import type { Ident, Node, ObjectName } from './common.ts';
import type { Expr } from './expr.ts';
import type { Query } from './query.ts';

/** ADVANCE CLOCK ( BY interval | TO timestamp ) */
export interface AdvanceClock extends Node {
  readonly kind: 'AdvanceClock';
  readonly by: boolean;
  readonly value: Expr;
}

/** ADVANCE WATERMARK FOR relation [ PARTITION 'p' ] TO value */
export interface AdvanceWatermark extends Node {
  readonly kind: 'AdvanceWatermark';
  readonly relation: ObjectName;
  /** Null: of the relation as a whole. */
  readonly partition: string | null;
  readonly value: Expr;
}

/** INJECT INTO source [ (columns) ] [ PARTITION 'p' ] query */
export interface Inject extends Node {
  readonly kind: 'Inject';
  readonly source: ObjectName;
  /** Empty: all. */
  readonly columns: readonly Ident[];
  readonly partition: string | null;
  readonly query: Query;
}

/** EXPLAIN WATERMARK relation */
export interface ExplainWatermark extends Node {
  readonly kind: 'ExplainWatermark';
  readonly relation: ObjectName;
}

/** REPROCESS DEAD LETTERS FROM relation [ WHERE expr ] */
export interface ReprocessDeadLetters extends Node {
  readonly kind: 'ReprocessDeadLetters';
  readonly relation: ObjectName;
  readonly where: Expr | null;
}

/** REPLAY LATE ROWS FROM relation [ WHERE condition ] */
export interface ReplayLateRows extends Node {
  readonly kind: 'ReplayLateRows';
  readonly relation: ObjectName;
  /** Over the columns of the relation's late rows. */
  readonly where: Expr | null;
}
