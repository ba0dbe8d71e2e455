/** A row that was not admitted, and why. */
import type { Row } from '../../common/value.ts';

export type LateReason = 'late' | 'null event time' | 'too far in the future' | 'window closed';

export interface LateRow {
  /** All columns of its relation. */
  readonly row: Row;
  /** In units of the event-time column. */
  readonly eventTime: bigint | null;
  /** The watermark that it was judged by; null: none yet. */
  readonly watermark: bigint | null;
  readonly reason: LateReason;
  readonly partition: string | null;
  /** Clock time of its arrival. */
  readonly at: bigint;
}

/** What an admission lets through, and what not. */
export interface Admitted {
  readonly rows: readonly Row[];
  readonly late: readonly LateRow[];
  /** Those of `rows` that were late rows until now. */
  readonly readmitted: readonly Row[];
}
