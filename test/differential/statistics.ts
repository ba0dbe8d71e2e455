/** What a run did, to be quoted: counts, and unsupported answers and common errors by their text. */

export class Statistics {
  seeds = 0;
  queries = 0;
  /** Answers that were compared. */
  comparisons = 0;
  /** Those of them with any rows. */
  withRows = 0;
  rows = 0;
  statements = 0;
  /** Queries and statements by SQLSTATE to which both gave an error. */
  readonly bothFailed = new Map<string, number>();
  /** Answers not compared because only PostgreSQL met a value error: it depends on its plan which values it computes. */
  onlyExpectedFailed = 0;
  /** Answers not compared in risky runs because only Millrace met a value error. */
  onlyActualFailed = 0;
  /** 0A000 by its message. */
  readonly unsupported = new Map<string, number>();
  /** The generator's own mistakes, and what PostgreSQL does not support. */
  refused = 0;

  /** One more in a map. */
  count(map: Map<string, number>, key: string): void {
    map.set(key, (map.get(key) ?? 0) + 1);
  }

  add(other: Statistics): void {
    this.seeds += other.seeds;
    this.queries += other.queries;
    this.comparisons += other.comparisons;
    this.withRows += other.withRows;
    this.rows += other.rows;
    this.statements += other.statements;
    this.onlyExpectedFailed += other.onlyExpectedFailed;
    this.onlyActualFailed += other.onlyActualFailed;
    this.refused += other.refused;
    for (const [key, n] of other.bothFailed) this.bothFailed.set(key, (this.bothFailed.get(key) ?? 0) + n);
    for (const [key, n] of other.unsupported) this.unsupported.set(key, (this.unsupported.get(key) ?? 0) + n);
  }

  /** Lines to print. */
  report(mismatches: number): string {
    const listed = (map: ReadonlyMap<string, number>): string =>
      map.size === 0
        ? ' none'
        : [...map]
            .sort((a, b) => b[1] - a[1])
            .map(([key, n]) => `\n  ${n} x ${key}`)
            .join('');
    return [
      `seeds: ${this.seeds}`,
      `queries: ${this.queries}`,
      `statements: ${this.statements}`,
      `comparisons: ${this.comparisons} (${this.withRows} of answers with rows, ${this.rows} rows)`,
      `mismatches: ${mismatches}`,
      `errors that both gave:${listed(this.bothFailed)}`,
      `value errors that only PostgreSQL met: ${this.onlyExpectedFailed}`,
      `value errors that only Millrace met: ${this.onlyActualFailed}`,
      `refused by PostgreSQL: ${this.refused}`,
      `unsupported (0A000):${listed(this.unsupported)}`,
    ].join('\n');
  }
}
