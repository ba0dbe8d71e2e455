/** What is fixed about the event time of a relation: column, watermark expression, options. Immutable, shared by all passes. */
import type { DataType } from '../../common/dataType.ts';
import type { EvalContext } from '../../common/function.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Row } from '../../common/value.ts';
import { EventTime, type Timing } from './eventTime.ts';
import type { MarkFunction } from './markExpression.ts';
import type { TimeOptions } from './timeOptions.ts';
import { clockUnits, MICROS_PER_DAY, type TimeUnit, toUnits, unitsOfMicros } from './units.ts';

export class TimeRule {
  readonly column: number;
  readonly type: DataType;
  readonly unit: TimeUnit;
  readonly options: TimeOptions;
  readonly #mark: MarkFunction;
  readonly #timeZone: string;
  readonly #partitions: readonly string[];

  constructor(fields: {
    readonly column: number;
    readonly type: DataType;
    readonly unit: TimeUnit;
    readonly mark: MarkFunction;
    readonly options: TimeOptions;
    readonly timeZone: string;
    /** Partitions known before anything has come. */
    readonly partitions: readonly string[];
  }) {
    this.column = fields.column;
    this.type = fields.type;
    this.unit = fields.unit;
    this.options = fields.options;
    this.#mark = fields.mark;
    this.#timeZone = fields.timeZone;
    this.#partitions = fields.partitions;
  }

  /** The state before anything has come. */
  start(now: bigint): EventTime {
    return new EventTime(
      {
        timeout: this.options.idleTimeout,
        followClock: this.options.followClock,
        elapsed: (micros) => (this.unit === 'days' ? micros / MICROS_PER_DAY : micros),
      },
      this.#partitions,
      now,
    );
  }

  timeOf(row: Row): bigint | null {
    const value = row[this.column] ?? null;
    return value === null ? null : toUnits(value);
  }

  /** The watermark that a row asks for; an expression that fails asks for none. */
  markOf(row: Row, context: EvalContext, failed: (error: SqlError) => void): bigint | null {
    try {
      return this.#mark(row, context);
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      failed(error);
      return null;
    }
  }

  /** Event time and watermark of a row. */
  timing(row: Row, context: EvalContext, failed: (error: SqlError) => void): Timing {
    const time = this.timeOf(row);
    return { time, mark: time === null ? null : this.markOf(row, context, failed) };
  }

  /** The latest event time that a row may have now; null: any. */
  horizon(now: bigint): bigint | null {
    const { maxFutureSkew } = this.options;
    if (maxFutureSkew === null) return null;
    if (this.unit !== 'days') return clockUnits(now, this.type, this.#timeZone) + maxFutureSkew;
    return clockUnits(now + maxFutureSkew, this.type, this.#timeZone);
  }

  /** A lateness in the column's units, as watermark terms take it off (executor/time.ts). */
  lateness(micros: bigint): bigint {
    const small = this.type.id === 'int2' || this.type.id === 'int4';
    return unitsOfMicros(micros, small ? 'days' : this.unit);
  }
}
