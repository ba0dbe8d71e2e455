/**
 * Which rows of a join's sides may be dropped, from the bounds on its node.
 *
 * A side below its bound matches nothing that comes later. That is enough where its rows are only kept to be joined.
 * Where they are also counted (does a row of the other side have a match?) they must stay as long as the other side
 * has rows of their key: then both bounds must have passed, and both must be on the same key. Rows with a residual
 * condition are not counted by key: each row keeps its own number of matches, from which dropped rows are not taken off.
 */

import { must } from '../../common/assert.ts';
import type { NonNullValue } from '../../common/value.ts';
import type { PhysicalJoin } from '../../planner/plan/physical.ts';
import type { WatermarkTerm } from '../../planner/plan/watermark.ts';
import type { Scratch } from '../../storage/state/keyIndex.ts';
import type { TimeBuckets } from '../../storage/state/timeBuckets.ts';
import type { Batch } from '../batch.ts';
import type { TickContext } from './operator.ts';
import { keepsExactTime, StateCleaner } from './stateCleaner.ts';

/** Rows whose column (of the side's input) is below the least of the terms may go. */
export interface SideBound {
  readonly column: number;
  readonly terms: readonly WatermarkTerm[];
}

type SideName = 'left' | 'right';

/** The bound of a side; null: its rows are kept. `counted`: see above. */
export function sideBound(node: PhysicalJoin, side: SideName, counted: boolean): SideBound | null {
  const own = node.clean?.[side] ?? null;
  if (own === null) return null;
  const { column, term } = own;
  if (!counted) return { column, terms: [term] };
  const other = node.clean?.[side === 'left' ? 'right' : 'left'] ?? null;
  const [ownKeys, otherKeys] =
    side === 'left' ? [node.leftKeys, node.rightKeys] : [node.rightKeys, node.leftKeys];
  const isSameKey = ownKeys.some((key, k) => key === column && otherKeys[k] === other?.column);
  return other !== null && isSameKey ? { column, terms: [term, other.term] } : null;
}

/** State of one side that can be bounded: rows or keys. `at`: where the bound's column is in it. */
export interface BoundedState {
  keepTime(column: number, exact: boolean): TimeBuckets<NonNullValue>;
  expire(bound: NonNullValue): void;
}

/** One side's rows by their time, with what drops them. */
export class SideCleaner {
  readonly column: number;
  readonly time: TimeBuckets<NonNullValue>;
  readonly #cleaner: StateCleaner;

  /** `at`: the place of the bound's column in the state. */
  constructor(
    bound: SideBound,
    node: PhysicalJoin,
    side: SideName,
    state: BoundedState,
    at: number,
    context: TickContext,
  ) {
    this.column = bound.column;
    const { type } = must(node[side].schema[bound.column]);
    this.time = state.keepTime(at, keepsExactTime(type));
    this.#cleaner = new StateCleaner(bound.terms, context, this.time, (value) => state.expire(value));
  }

  isDue(): boolean {
    return this.#cleaner.isDue();
  }

  clean(): void {
    this.#cleaner.clean();
  }
}

/** Marks the batch's rows that are below what has passed, by its column `at`; null: there are none. */
export function passedRows(
  cleaner: SideCleaner | null,
  batch: Batch,
  at: number,
  scratch: Scratch,
): Uint8Array | null {
  if (cleaner === null) return null;
  const passed = scratch.zeroBytes(batch.length);
  return cleaner.time.markPassed(must(batch.columns[at]), batch.length, passed) ? passed : null;
}

/** An operator's `isDue` by the cleaners of its sides; undefined when there are none. */
export function dueOf(cleaners: readonly (SideCleaner | null)[]): (() => boolean) | undefined {
  const present = cleaners.filter((cleaner) => cleaner !== null);
  return present.length === 0 ? undefined : () => present.some((cleaner) => cleaner.isDue());
}
