/**
 * Admission of a table with a watermark: a transaction is one arrival, a row of the table's own connector one message.
 * Only new rows are judged. A change to a row of a table that is not append-only (WATERMARK ... WITH TTL) is ignored as a
 * whole when the new row is late.
 */
import type { EvalContext } from '../../common/function.ts';
import type { SqlError } from '../../common/sqlError.ts';
import type { Row } from '../../common/value.ts';
import { type EventTime, ONLY_PARTITION } from './eventTime.ts';
import type { LateReason, LateRow } from './lateRow.ts';
import type { TimeRule } from './timeRule.ts';

export type WeightedRow = readonly [row: Row, weight: number];

/** The partition of transactions on a table that a connector feeds: never waited for. */
const DML_PARTITION = 'dml';

export class TableAdmission {
  readonly rule: TimeRule;
  readonly eventTime: EventTime;
  /**
   * Late rows, as the late relation has them, that have left it because of age or number, while views that allow
   * lateness count them: such a view must find them when it is built again.
   */
  readonly counted: Row[] = [];
  readonly #context: EvalContext;
  readonly #failed: (error: SqlError) => void;
  readonly #keyOf: (row: Row) => string;
  readonly #connected: boolean;

  constructor(fields: {
    readonly rule: TimeRule;
    readonly now: bigint;
    readonly context: EvalContext;
    /** The watermark expression failed on a row. */
    readonly failed: (error: SqlError) => void;
    readonly keyOf: (row: Row) => string;
    /** A connector feeds the table. */
    readonly connected: boolean;
  }) {
    this.rule = fields.rule;
    this.eventTime = fields.rule.start(fields.now);
    this.#context = fields.context;
    this.#failed = fields.failed;
    this.#keyOf = fields.keyOf;
    this.#connected = fields.connected;
  }

  /** The net change of one transaction, without late rows. */
  transaction(
    delta: readonly WeightedRow[],
    now: bigint,
  ): { readonly rows: readonly WeightedRow[]; readonly late: readonly LateRow[] } {
    const late: LateRow[] = [];
    const judged = this.#judge(
      delta.filter(([, weight]) => weight > 0).map(([row]) => row),
      now,
      late,
    );
    if (late.length === 0) return { rows: delta, late };
    const ignored = new Set(late.map(({ row }) => this.#keyOf(row)));
    const rows = delta.filter(([row, weight]) =>
      weight > 0 ? judged.has(row) : !ignored.has(this.#keyOf(row)),
    );
    return { rows, late };
  }

  /** The rows that are admitted; others go to `late`. */
  #judge(rows: readonly Row[], now: bigint, late: LateRow[]): ReadonlySet<Row> {
    const admitted = new Set<Row>();
    if (rows.length === 0) return admitted;
    const { eventTime, rule } = this;
    const p = this.#connected
      ? eventTime.partition(DML_PARTITION, now, true)
      : eventTime.partition(ONLY_PARTITION, now);
    const horizon = rule.horizon(now);
    const timed: Row[] = [];
    for (const row of rows) {
      const time = rule.timeOf(row);
      if (horizon !== null && time !== null && time > horizon) {
        eventTime.arriveFromFuture(p, now);
        const watermark = eventTime.watermark();
        late.push({
          row,
          eventTime: time,
          watermark,
          reason: 'too far in the future',
          partition: p.name,
          at: now,
        });
      } else timed.push(row);
    }
    if (timed.length === 0) return admitted;
    const timings = timed.map((row) => rule.timing(row, this.#context, this.#failed));
    eventTime.arriveTogether(p, timings, now).forEach((verdict, i) => {
      const row = timed[i];
      const timing = timings[i];
      if (row === undefined || timing === undefined) return;
      if (verdict === 'admitted') {
        admitted.add(row);
        return;
      }
      const reason: LateReason = verdict === 'late' ? 'late' : 'null event time';
      const { threshold: watermark } = eventTime;
      late.push({ row, eventTime: timing.time, watermark, reason, partition: p.name, at: now });
    });
    return admitted;
  }

  /** One message of the table's connector; null: admitted. */
  message(row: Row, partition: string, now: bigint): LateRow | null {
    const { eventTime, rule } = this;
    const p = eventTime.partition(partition, now);
    const time = rule.timeOf(row);
    const horizon = rule.horizon(now);
    const late = (reason: LateReason, watermark: bigint | null): LateRow => ({
      row,
      eventTime: time,
      watermark,
      reason,
      partition: p.name,
      at: now,
    });
    if (horizon !== null && time !== null && time > horizon) {
      eventTime.arriveFromFuture(p, now);
      return late('too far in the future', p.watermark);
    }
    const { mark } = rule.timing(row, this.#context, this.#failed);
    const verdict = eventTime.arrive(p, time, mark, now);
    if (verdict === 'admitted') return null;
    return late(verdict === 'late' ? 'late' : 'null event time', eventTime.threshold);
  }
}
