/** Rows a second: a bucket that fills at the rate and holds one second's worth; a larger request takes it into debt. */

export class RowBudget {
  readonly #now: () => bigint;
  #rows = Number.POSITIVE_INFINITY;
  #at: bigint;

  /** `now`: microseconds. */
  constructor(now: () => bigint) {
    this.#now = now;
    this.#at = now();
  }

  /** Takes the rows; or says after how many seconds to try again. */
  take(rows: number, perSecond: number): number | null {
    const now = this.#now();
    const gained = (Number(now - this.#at) / 1_000_000) * perSecond;
    this.#at = now;
    this.#rows = Math.min(perSecond, this.#rows + gained);
    if (perSecond === 0) return 10;
    if (this.#rows <= 0) return Math.max(1, Math.ceil(-this.#rows / perSecond));
    this.#rows -= rows;
    return null;
  }
}
