/** Time for operator tests: clock and watermarks are set by hand. */
import type { Value } from '../../common/value.ts';
import type { ColumnWatermark, TimeReader } from '../../executor/time.ts';

export class ManualTime implements TimeReader {
  #now: bigint;
  #epoch = 0;
  readonly #watermarks = new Map<string, ColumnWatermark>();

  constructor(now = 1_000_000n) {
    this.#now = now;
  }

  now(): bigint {
    return this.#now;
  }

  epoch(): number {
    return this.#epoch;
  }

  watermark(relation: number, column: number): ColumnWatermark {
    return this.#watermarks.get(`${relation}:${column}`) ?? { value: null, active: null, idle: false };
  }

  setClock(now: bigint): void {
    this.#now = now;
  }

  setWatermark(relation: number, column: number, value: Value, idle = false): void {
    this.#watermarks.set(`${relation}:${column}`, { value, active: value, idle });
    this.#epoch++;
  }
}
