/** One partition of a relation with a watermark: how far it is, and what has come from it. */
import { Histogram, type HistogramJson } from './histogram.ts';

export class Partition {
  readonly name: string;
  /** Never waited for: transactions on a table that a connector feeds. */
  readonly passive: boolean;
  watermark: bigint | null = null;
  maxEventTime: bigint | null = null;
  /** Clock time of the last message, or of the partition's start. */
  lastArrival: bigint;
  idle: boolean;
  /** Rows with an event time, late ones included, future ones not. */
  rows = 0;
  late = 0;
  future = 0;
  nullTime = 0;
  maxLateness = 0n;
  /** Greatest event time before, less the row's: 0 for a row in order. */
  disorder = new Histogram();

  constructor(name: string, now: bigint, passive = false) {
    this.name = name;
    this.lastArrival = now;
    this.passive = passive;
    this.idle = passive;
  }

  get untouched(): boolean {
    return this.rows === 0 && this.nullTime === 0 && this.future === 0 && this.watermark === null;
  }

  toJson(): PartitionJson {
    return {
      name: this.name,
      passive: this.passive,
      watermark: text(this.watermark),
      maxEventTime: text(this.maxEventTime),
      lastArrival: String(this.lastArrival),
      idle: this.idle,
      counts: [this.rows, this.late, this.future, this.nullTime],
      maxLateness: String(this.maxLateness),
      disorder: this.disorder.toJson(),
    };
  }

  static fromJson(json: PartitionJson): Partition {
    const made = new Partition(json.name, BigInt(json.lastArrival), json.passive);
    made.watermark = units(json.watermark);
    made.maxEventTime = units(json.maxEventTime);
    made.idle = json.idle;
    [made.rows, made.late, made.future, made.nullTime] = json.counts;
    made.maxLateness = BigInt(json.maxLateness);
    made.disorder = Histogram.fromJson(json.disorder);
    return made;
  }
}

export const text = (value: bigint | null): string | null => (value === null ? null : String(value));
export const units = (value: string | null): bigint | null => (value === null ? null : BigInt(value));

export interface PartitionJson {
  readonly name: string;
  readonly passive: boolean;
  readonly watermark: string | null;
  readonly maxEventTime: string | null;
  readonly lastArrival: string;
  readonly idle: boolean;
  readonly counts: readonly [rows: number, late: number, future: number, nullTime: number];
  readonly maxLateness: string;
  readonly disorder: HistogramJson;
}
