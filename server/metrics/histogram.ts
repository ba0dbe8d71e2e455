/** A histogram of durations: how many were at most so long, for bounds that are given once. */

/** Upper bounds in seconds, rising; what is longer is in the last bucket, which has none. */
export const DURATION_BOUNDS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10,
];

export class Histogram {
  readonly bounds: readonly number[];
  /** By bucket, the unbounded one last; not cumulative. */
  readonly #counts: number[];
  sum = 0;
  count = 0;

  constructor(bounds = DURATION_BOUNDS) {
    this.bounds = bounds;
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.bounds.length && value > (this.bounds[bucket] ?? 0)) bucket++;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.sum += value;
    this.count++;
  }

  /** Per bound, how many values were at most that. */
  cumulative(): readonly number[] {
    let total = 0;
    return this.bounds.map((_, b) => {
      total += this.#counts[b] ?? 0;
      return total;
    });
  }
}
