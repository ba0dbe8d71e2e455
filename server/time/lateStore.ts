/**
 * Retention of a relation of late rows, or of dead letters: which rows it has, oldest first, and which of them have to go. Rows come through
 * `take`, which gives the delta for the table; what it gives must be applied.
 */
import { must } from '../../common/assert.ts';
import type { Row, Value } from '../../common/value.ts';
import type { TableObject } from '../objects.ts';

type Delta = readonly (readonly [row: Row, weight: number])[];

interface Kept {
  readonly row: Row;
  readonly at: bigint;
}

/** The hidden id: a late relation's last column. */
const idOf = (row: Row): Value => row[row.length - 1] ?? null;

const byId = (a: Kept, b: Kept): number => Number((idOf(a.row) as bigint) - (idOf(b.row) as bigint));

/** Gone entries at the front of the queue are cut off at this many. */
const COMPACT = 1024;

export class LateStore {
  retention: bigint;
  maxRows: number;
  /** Position of late_at in a row. */
  readonly #at: number;
  #kept: Kept[] = [];
  #head = 0;
  /** Rows that went because of age or number. */
  dropped = 0;
  /** Rows that ever came. */
  received = 0;

  constructor(retention: bigint, maxRows: number, at: number) {
    this.retention = retention;
    this.maxRows = maxRows;
    this.#at = at;
  }

  get retained(): number {
    return this.#kept.length - this.#head;
  }

  /**
   * What rows that number themselves count on from. It follows from the rows that have come alone, so that a restart gives the same
   * numbers; ids of the database's rows do not: refused transactions use them up.
   */
  get lastNumber(): bigint {
    const newest = this.#kept.at(-1);
    const last = newest === undefined ? 0n : (idOf(newest.row) as bigint);
    const received = BigInt(this.received);
    return last > received ? last : received;
  }

  /** The rows kept, oldest first, those of the running tick included. */
  *rows(): Generator<Row> {
    for (let i = this.#head; i < this.#kept.length; i++) yield must(this.#kept[i]).row;
  }

  /** Adds rows, and drops the oldest beyond the limits. */
  take(rows: readonly Row[], now: bigint): Delta {
    this.received += rows.length;
    const excess = Math.max(0, rows.length - this.maxRows);
    this.dropped += excess;
    const added = excess === 0 ? rows : rows.slice(excess);
    const delta: (readonly [Row, number])[] = [
      ...this.#drop(this.retained + added.length - this.maxRows, now),
    ];
    for (const row of added) {
      this.#kept.push({ row, at: row[this.#at] as bigint });
      delta.push([row, 1]);
    }
    return delta;
  }

  /** Rows that the table was given otherwise: from the journal, or taken out to be admitted. */
  adopt(delta: Delta): void {
    const gone = new Set<Value>();
    for (const [row, weight] of delta) if (weight < 0) gone.add(idOf(row));
    if (gone.size > 0) {
      this.#kept = this.#kept.slice(this.#head).filter(({ row }) => !gone.has(idOf(row)));
      this.#head = 0;
    }
    let isChanged = false;
    for (const [row, weight] of delta) {
      if (weight < 0) continue;
      // Of an id that there was: the same row, changed.
      if (gone.has(idOf(row))) isChanged = true;
      else this.received++;
      this.#kept.push({ row, at: row[this.#at] as bigint });
    }
    if (isChanged) this.#kept.sort(byId);
  }

  /** After a restart: the rows that the table holds, in any order, and what was counted. */
  resumeWith(rows: Iterable<Row>, counts: { readonly dropped: number; readonly received: number }): void {
    this.#kept = [...rows].map((row) => ({ row, at: row[this.#at] as bigint }));
    this.#kept.sort(byId);
    this.#head = 0;
    this.dropped = counts.dropped;
    this.received = counts.received;
  }

  /** Drops what is too old. */
  expire(now: bigint): Delta {
    return this.#drop(0, now);
  }

  /** Clock time at which the oldest row goes; null: there is none. */
  nextExpiry(): bigint | null {
    const oldest = this.#kept[this.#head];
    return oldest === undefined ? null : oldest.at + this.retention;
  }

  /** At least `count` rows from the front, and all that are too old. */
  #drop(count: number, now: bigint): Delta {
    const gone: (readonly [Row, number])[] = [];
    for (;;) {
      const oldest = this.#kept[this.#head];
      if (oldest === undefined) break;
      if (gone.length >= count && oldest.at + this.retention > now) break;
      gone.push([oldest.row, -1]);
      this.#head++;
    }
    if (this.#head > COMPACT && this.#head * 2 > this.#kept.length) {
      this.#kept = this.#kept.slice(this.#head);
      this.#head = 0;
    }
    this.dropped += gone.length;
    return gone;
  }
}

/** The late rows that a relation keeps. */
export function lateStoreOf(late: TableObject): LateStore {
  return must(late.lateStore, `${late.name} keeps late rows`);
}
