/**
 * Rows that a maintained view could not compute, and records that a source could not decode. Counted for ever, the
 * newest kept for queries. A row error leaves the log again when the row that caused it is deleted.
 */

import type { SqlError } from '../common/sqlError.ts';
import type { BadRecord } from '../connector/connector.ts';

const KEPT = 10_000;

export interface RowErrorEntry {
  readonly relation: string;
  readonly operator: string;
  readonly message: string;
  readonly state: string;
  /** Rows now failing this way. */
  count: number;
  /** Micros of the last change. */
  at: bigint;
}

export class RowErrors {
  readonly #entries = new Map<string, RowErrorEntry>();

  add(relation: string, operator: string, error: SqlError, weight: number, at: bigint): void {
    const key = `${relation}\n${operator}\n${error.state}\n${error.message}`;
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      this.#entries.set(key, {
        relation,
        operator,
        message: error.message,
        state: error.state,
        count: weight,
        at,
      });
      return;
    }
    entry.count += weight;
    entry.at = at;
    if (entry.count === 0) this.#entries.delete(key);
  }

  dropRelation(relation: string): void {
    for (const [key, entry] of this.#entries) if (entry.relation === relation) this.#entries.delete(key);
  }

  entries(): readonly RowErrorEntry[] {
    return [...this.#entries.values()];
  }
}

export interface BadRecordEntry extends BadRecord {
  readonly at: bigint;
}

/** One per source. */
export class BadRecords {
  total = 0n;
  #kept: BadRecordEntry[] = [];

  add(records: readonly BadRecord[], at: bigint): void {
    this.total += BigInt(records.length);
    for (const record of records) this.#kept.push({ ...record, at });
    if (this.#kept.length > KEPT * 2) this.#kept = this.#kept.slice(-KEPT);
  }

  entries(): readonly BadRecordEntry[] {
    return this.#kept.slice(-KEPT);
  }
}
