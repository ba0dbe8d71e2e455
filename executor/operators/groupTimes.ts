/**
 * Cleaning of groups by the latest time among their rows: sessions, whose groups have no key with a watermark.
 *
 * Each group has the latest time that has come for it (rows that were taken back included, so that it may be too late,
 * never too early), and lies in a time bucket by that time as it was when the group was put there. A group whose bucket
 * passes is looked at: it goes, or it is put in the bucket of its time now.
 */
import { assert } from '../../common/assert.ts';
import type { DataType } from '../../common/dataType.ts';
import type { WatermarkTerm } from '../../planner/plan/watermark.ts';
import type { BigInt64Blocks } from '../../storage/state/blocks.ts';
import type { KeyTable } from '../../storage/state/keyTable.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { TimeBuckets } from '../../storage/state/timeBuckets.ts';
import type { Vector } from '../batch.ts';
import type { TickContext } from './operator.ts';
import { keepsExactTime, StateCleaner } from './stateCleaner.ts';

/** No row with a time has come. */
const NONE = -(1n << 63n);

export class GroupTimes {
  readonly cleaner: StateCleaner;
  readonly #groups: KeyTable;
  readonly #latest: BigInt64Blocks;
  /** The time by which a group lies in its bucket. */
  readonly #placed: BigInt64Blocks;
  readonly #buckets: TimeBuckets;
  readonly #drop: (slots: Int32Array, n: number) => void;

  /** `type`: of the times; `drop` is called with groups before they are forgotten. */
  constructor(
    term: WatermarkTerm,
    type: DataType,
    context: TickContext,
    groups: KeyTable,
    drop: (slots: Int32Array, n: number) => void,
  ) {
    this.#groups = groups;
    this.#latest = groups.store.addBigInt64();
    this.#placed = groups.store.addBigInt64();
    this.#buckets = new TimeBuckets(groups.store, this.#placed, keepsExactTime(type));
    this.#drop = drop;
    this.cleaner = new StateCleaner([term], context, this.#buckets, (bound) => this.#expire(bound as bigint));
  }

  /** Without the table of groups. */
  get persistent(): Persistent {
    return this.#buckets;
  }

  bytes(): number {
    return this.#buckets.bytes();
  }

  /** Groups that are new. */
  create(slots: Int32Array, n: number): void {
    for (let j = 0; j < n; j++) this.#latest.set(slots[j] as number, NONE);
  }

  /** Rows of groups: slots[j] is the group of row j. */
  add(times: Vector, n: number, weights: Int32Array, slots: Int32Array): void {
    assert(times.kind === 'i64', 'times of groups are 64-bit');
    for (let j = 0; j < n; j++) {
      if ((weights[j] as number) <= 0 || times.nulls?.[j] === 1) continue;
      const slot = slots[j] as number;
      const time = times.data[j] as bigint;
      const latest = this.#latest.get(slot);
      if (time <= latest) continue;
      this.#latest.set(slot, time);
      if (latest !== NONE) continue;
      this.#placed.set(slot, time);
      this.#buckets.insert(slot);
    }
  }

  /** A group goes for another reason. */
  remove(slot: number): void {
    this.#buckets.remove(slot);
  }

  #expire(bound: bigint): void {
    const later: number[] = [];
    this.#buckets.expire(bound, (slots, n) => {
      let gone = 0;
      for (let j = 0; j < n; j++) {
        const slot = slots[j] as number;
        if (this.#latest.get(slot) >= bound) later.push(slot);
        else slots[gone++] = slot;
      }
      if (gone === 0) return;
      this.#drop(slots, gone);
      this.#groups.removeExpired(slots, gone);
    });
    for (const slot of later) {
      this.#placed.set(slot, this.#latest.get(slot));
      this.#buckets.insert(slot);
    }
  }
}
