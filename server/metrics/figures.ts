/** What a database counts of itself as it runs, that no catalog has: since the start of the process, for metrics. */
import { Histogram } from './histogram.ts';

const MICROS = 1e6;

export class Figures {
  readonly #micros: () => bigint;
  /** How long ticks took. */
  readonly ticks = new Histogram();
  /** From a commit's arrival to its answer. */
  readonly commits = new Histogram();
  /** Commits that were refused. */
  failedCommits = 0;

  /** `micros`: the system's clock. */
  constructor(micros: () => bigint) {
    this.#micros = micros;
  }

  #since(started: bigint): number {
    return Number(this.#micros() - started) / MICROS;
  }

  tick(run: () => void): void {
    const started = this.#micros();
    run();
    this.ticks.observe(this.#since(started));
  }

  async commit<T>(run: () => Promise<T>): Promise<T> {
    const started = this.#micros();
    try {
      const result = await run();
      this.commits.observe(this.#since(started));
      return result;
    } catch (error) {
      this.failedCommits++;
      throw error;
    }
  }
}
