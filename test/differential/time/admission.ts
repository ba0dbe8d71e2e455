/**
 * Which rows of a source belong to it: the rule of docs/time.md once more, in the simplest form that can be written.
 * Times in microseconds as plain numbers.
 */
export interface Arrival {
  readonly partition: string;
  /** Null: no event time. */
  readonly time: number | null;
}

interface Partition {
  watermark: number;
  lastArrival: number;
  idle: boolean;
}

export class AdmissionModel {
  readonly #delay: number;
  readonly #idleTimeout: number;
  readonly #maxSkew: number;
  readonly #partitions = new Map<string, Partition>();
  watermark = Number.NEGATIVE_INFINITY;
  /** All partitions were idle at some moment: others did not wait for this source then. */
  wasIdle = false;

  constructor(options: {
    readonly delay: number;
    readonly idleTimeout: number;
    readonly maxSkew: number;
    readonly partitions: readonly string[];
    readonly now: number;
  }) {
    this.#delay = options.delay;
    this.#idleTimeout = options.idleTimeout;
    this.#maxSkew = options.maxSkew;
    for (const name of options.partitions) {
      this.#partitions.set(name, {
        watermark: Number.NEGATIVE_INFINITY,
        lastArrival: options.now,
        idle: false,
      });
    }
  }

  /** True when the row is admitted. */
  arrive({ partition, time }: Arrival, now: number): boolean {
    const p = this.#partitions.get(partition) as Partition;
    p.lastArrival = now;
    p.idle = false;
    if (time === null || time > now + this.#maxSkew) {
      this.#merge();
      return false;
    }
    const late = time < Math.max(p.watermark, this.watermark);
    p.watermark = Math.max(p.watermark, time - this.#delay);
    this.#merge();
    return !late;
  }

  /** The clock has moved to `now`. */
  clock(now: number): void {
    for (const p of this.#partitions.values()) if (now - p.lastArrival >= this.#idleTimeout) p.idle = true;
    if ([...this.#partitions.values()].every((p) => p.idle)) this.wasIdle = true;
    this.#merge();
  }

  #merge(): void {
    const all = [...this.#partitions.values()];
    const active = all.filter((p) => !p.idle);
    const merged =
      active.length > 0
        ? Math.min(...active.map((p) => p.watermark))
        : Math.max(...all.map((p) => p.watermark));
    this.watermark = Math.max(this.watermark, merged);
  }
}
