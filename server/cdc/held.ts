/**
 * Changes of a table that come while its snapshot is taken: kept in order until its rows are there. Which of them the rows have
 * already is known once the snapshot's consistent point is: those whose commit lies before it.
 */
import type { Change } from '../../connector/postgresCdc/pgoutput.ts';

/** An estimate of what a change takes in memory besides its share of the message. */
const CHANGE_BYTES = 100;

interface HeldChange {
  readonly commitLsn: bigint;
  readonly change: Change;
  readonly bytes: number;
}

export class HeldChanges {
  #changes: HeldChange[] = [];
  #consistentPoint: bigint | null = null;
  bytes = 0;

  /** Null: it is not known yet. */
  get consistentPoint(): bigint | null {
    return this.#consistentPoint;
  }

  /** What the snapshot has goes. */
  setConsistentPoint(lsn: bigint): void {
    this.#consistentPoint = lsn;
    this.#changes = this.#changes.filter((held) => held.commitLsn >= lsn);
    this.bytes = this.#changes.reduce((sum, held) => sum + held.bytes, 0);
  }

  get size(): number {
    return this.#changes.length;
  }

  add(commitLsn: bigint, change: Change, messageBytes: number): void {
    if (this.#consistentPoint !== null && commitLsn < this.#consistentPoint) return;
    const bytes = CHANGE_BYTES + messageBytes;
    this.#changes.push({ commitLsn, change, bytes });
    this.bytes += bytes;
  }

  *changes(): Generator<Change> {
    for (const { change } of this.#changes) yield change;
  }
}
