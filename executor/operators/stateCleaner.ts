/**
 * Cleaning by watermarks: when the bound of a state has moved past something, what is before it is dropped in `flush`.
 *
 * An operator makes a cleaner where its node has a bound, takes its `isDue` for its own and calls `clean` at the end of
 * `flush`, when the rows of the tick have been worked off. Without a bound there is no cleaner and nothing is paid.
 */

import { must } from '../../common/assert.ts';
import { type Comparator, comparator } from '../../common/compare.ts';
import { type DataType, physicalKind } from '../../common/dataType.ts';
import type { NonNullValue } from '../../common/value.ts';
import type { WatermarkTerm } from '../../planner/plan/watermark.ts';
import type { KeyTable } from '../../storage/state/keyTable.ts';
import type { TimeBuckets } from '../../storage/state/timeBuckets.ts';
import { compileTerm, type TermReader } from '../time.ts';
import type { TickContext } from './operator.ts';

/**
 * Timestamps need not be dropped to the microsecond: whole buckets are cheaper. Numbers may be anything (seconds, days,
 * ids of windows), so they are dropped exactly.
 */
export function keepsExactTime(type: DataType): boolean {
  return physicalKind(type) !== 'i64' || type.id === 'int8';
}

export class StateCleaner {
  readonly #terms: readonly TermReader[];
  readonly #compare: Comparator;
  readonly #time: TimeBuckets<NonNullValue>;
  readonly #expire: (bound: NonNullValue) => void;

  /** State is dropped below the least of the terms. `expire` drops what `time` has below a bound. */
  constructor(
    terms: readonly WatermarkTerm[],
    context: TickContext,
    time: TimeBuckets<NonNullValue>,
    expire: (bound: NonNullValue) => void,
  ) {
    this.#terms = terms.map((term) => compileTerm(term, context.time, context.eval));
    this.#compare = comparator(must(terms[0]).type);
    this.#time = time;
    this.#expire = expire;
  }

  /** The bound now; null: some watermark is missing. */
  #bound(): NonNullValue | null {
    let least: NonNullValue | null = null;
    for (const term of this.#terms) {
      const value = term.strict();
      if (value === null) return null;
      if (least === null || this.#compare(value, least) < 0) least = value;
    }
    return least;
  }

  isDue(): boolean {
    if (this.#time.rows() === 0) return false;
    const bound = this.#bound();
    return bound !== null && this.#time.isDue(bound);
  }

  clean(): void {
    if (this.#time.rows() === 0) return;
    const bound = this.#bound();
    if (bound !== null && this.#time.isDue(bound)) this.#expire(bound);
  }
}

/**
 * A cleaner of a table of keys by the time in its column `column`. `drop` is called with the keys before they are
 * forgotten.
 */
export function keyCleaner(
  term: WatermarkTerm,
  context: TickContext,
  table: KeyTable,
  column: number,
  drop?: (slots: Int32Array, n: number) => void,
): StateCleaner {
  const time = table.keepTime(column, keepsExactTime(must(table.store.types[column])));
  return new StateCleaner([term], context, time, (bound) => {
    time.expire(bound, (slots, n) => {
      drop?.(slots, n);
      table.removeExpired(slots, n);
    });
  });
}
