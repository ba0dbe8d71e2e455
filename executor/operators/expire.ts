/**
 * Time to live: rows are taken back some time after their last change, or after the time in one of their columns.
 *
 * State: the rows that are there, by identity with their weight, in buckets by the time they live from: the tick in which
 * the row came last (a row that comes again is refreshed), or its column. In `flush` the changes of the tick go out,
 * then the rows whose time is over. A retraction takes a row that is there; that of a row that has expired is swallowed.
 * Time is the clock, or for a column the watermark where there is one. A timestamp or date without zone is compared with
 * the clock in the session's time zone. Rows that come when their time is over never show; NULL is never over.
 */
import { must } from '../../common/assert.ts';
import { localToUtc, utcToLocal, zoneOf } from '../../common/timeZone.ts';
import type { PhysicalExpire } from '../../planner/plan/physical.ts';
import type { BigInt64Blocks, Int32Blocks } from '../../storage/state/blocks.ts';
import { Scratch } from '../../storage/state/keyIndex.ts';
import { KeyTable } from '../../storage/state/keyTable.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { SlotEmitter } from '../../storage/state/slotEmitter.ts';
import { TimeBuckets, type TimeValue } from '../../storage/state/timeBuckets.ts';
import { TouchedSlots } from '../../storage/state/touchedSlots.ts';
import type { Batch } from '../batch.ts';
import { compileTerm, type TermReader } from '../time.ts';
import { ClockWake, followsClock } from './clockWake.ts';
import type { Emit, Operator, TickContext } from './operator.ts';
import { persistentParts, persistentValue } from './persistent.ts';

const MICROS_PER_DAY = 86_400_000_000n;
/** 'infinity' as a timestamp, and any time nobody will wait for. */
const NEVER = 1n << 62n;

export class ExpireOperator implements Operator {
  readonly emitsInitially = false;
  readonly #context: TickContext;
  readonly #node: PhysicalExpire;
  readonly #term: TermReader | null;
  readonly #wake: ClockWake | null;
  /** Times are local times of the session's zone. */
  readonly #isLocal: boolean;
  /** Times are dates. */
  readonly #isDate: boolean;
  readonly #rows: KeyTable;
  readonly #weights: Int32Blocks;
  readonly #touched: TouchedSlots;
  readonly #output: SlotEmitter;
  readonly #time: TimeBuckets;
  /** The tick in which a row came last; null: the column counts. */
  readonly #changedAt: BigInt64Blocks | null;
  /** Rows that came in this tick. */
  readonly #fresh: number[] = [];
  readonly #slots = new Scratch();
  readonly #created = new Scratch();
  readonly persistent: Persistent;
  #bound: TimeValue | null = null;

  constructor(node: PhysicalExpire, context: TickContext) {
    this.#context = context;
    this.#node = node;
    this.#term = node.term === null ? null : compileTerm(node.term, context.time, context.eval);
    this.#wake = node.term !== null && followsClock(node.term) ? new ClockWake(node.term, context) : null;
    this.#rows = new KeyTable(
      node.input.schema.map((column) => column.type),
      'same',
    );
    const { store } = this.#rows;
    this.#weights = store.addInt32();
    this.#touched = new TouchedSlots(store);
    this.#output = new SlotEmitter(store);
    const type = node.column === null ? null : must(node.input.schema[node.column]).type;
    this.#isLocal = type?.id === 'timestamp' || type?.id === 'date';
    this.#isDate = type?.id === 'date';
    this.#changedAt = node.column === null ? store.addBigInt64() : null;
    this.#time = new TimeBuckets(store, this.#changedAt ?? must(node.column), true);
    this.persistent = persistentParts(
      this.#rows,
      this.#time,
      persistentValue<TimeValue | null>(
        () => this.#bound,
        (bound) => {
          this.#bound = bound;
        },
      ),
    );
  }

  push(_port: number, batch: Batch): void {
    const n = batch.length;
    const slots = this.#slots.ints(n);
    const created = this.#created.ints(n);
    const made = this.#rows.upsert(batch.columns, n, slots, created);
    for (let k = 0; k < made; k++) this.#weights.set(created[k] as number, 0);
    for (let i = 0; i < n; i++) {
      const slot = slots[i] as number;
      const weight = batch.weights[i] as number;
      const before = this.#weights.get(slot);
      this.#touched.touch(slot, before);
      this.#weights.set(slot, before + weight);
      if (weight > 0 && this.#changedAt !== null) this.#fresh.push(slot);
    }
  }

  flush(emit: Emit): void {
    const bound = this.#advance();
    this.#applyChanges(bound, emit);
    if (bound === null) return;
    this.#time.expire(bound, (slots, n) => {
      for (let j = 0; j < n; j++) {
        const slot = slots[j] as number;
        this.#output.add(slot, -this.#weights.get(slot), emit);
      }
      this.#output.finish(emit);
      this.#rows.removeExpired(slots, n);
    });
  }

  #applyChanges(bound: TimeValue | null, emit: Emit): void {
    const touched = this.#touched;
    this.#refresh();
    const gone: number[] = [];
    for (let t = 0; t < touched.length; t++) {
      const slot = touched.slots[t] as number;
      const before = touched.before[t] as number;
      const after = this.#isOver(slot, bound) ? 0 : Math.max(0, this.#weights.get(slot));
      this.#weights.set(slot, after);
      if (after !== before) this.#output.add(slot, after - before, emit);
      if (after === 0) gone.push(slot);
      else if (before === 0 && this.#changedAt === null) this.#time.insert(slot);
    }
    this.#output.finish(emit);
    touched.reset();
    for (const slot of gone) {
      this.#time.remove(slot);
      this.#rows.remove(slot);
    }
  }

  /** Rows that came in this tick live from now. */
  #refresh(): void {
    const changedAt = this.#changedAt;
    if (changedAt === null) return;
    const now = this.#context.time.now();
    for (const slot of this.#fresh) {
      this.#time.remove(slot);
      changedAt.set(slot, now);
      this.#time.insert(slot);
    }
    this.#fresh.length = 0;
  }

  /** True when the time in a row's column is over. */
  #isOver(slot: number, bound: TimeValue | null): boolean {
    const { column } = this.#node;
    if (column === null || bound === null) return false;
    return !must(this.#rows.store.columns[column]).isNull(slot) && this.#time.valueAt(slot) < bound;
  }

  /** The bound now: rows that live from before it are over. It never goes back, though local time does. */
  #advance(): TimeValue | null {
    const now = this.#currentBound();
    if (now !== null && (this.#bound === null || now > this.#bound)) this.#bound = now;
    return this.#bound;
  }

  #currentBound(): TimeValue | null {
    let micros: bigint;
    if (this.#term === null) {
      const now = this.#context.time.now();
      micros = this.#isLocal ? utcToLocal(this.#zone(), now) : now;
    } else {
      const watermark = this.#term.active() as TimeValue | null;
      if (watermark === null) return null;
      micros = microsOf(watermark);
    }
    // Over when time + ttl <= moment.
    const last = micros - this.#node.ttlMicros;
    if (!this.#isDate) return last + 1n;
    const days = Number(last / MICROS_PER_DAY) - (last % MICROS_PER_DAY < 0n ? 1 : 0);
    return days + 1;
  }

  #zone() {
    return zoneOf(this.#context.eval.timeZone);
  }

  isDue(): boolean {
    const first = this.#time.minimum();
    if (first === null) return false;
    const bound = this.#currentBound();
    return bound !== null && first < bound;
  }

  nextWake(): bigint | null {
    const first = this.#time.minimum();
    if (first === null) return null;
    const over = microsOf(first) + this.#node.ttlMicros;
    if (over >= NEVER) return null;
    if (this.#term === null) return this.#isLocal ? localToUtc(this.#zone(), over) : over;
    if (this.#wake === null) return null;
    if (this.#node.term?.type.id !== 'date') return this.#wake.whenAbove(over - 1n);
    return this.#wake.whenAbove(Number((over + MICROS_PER_DAY - 1n) / MICROS_PER_DAY) - 1);
  }

  stateRows(): number {
    return this.#rows.rows();
  }

  stateBytes(): number {
    return this.#rows.bytes() + this.#time.bytes() + this.#touched.bytes();
  }
}

/** A date as its midnight. */
function microsOf(time: TimeValue): bigint {
  return typeof time === 'bigint' ? time : BigInt(time) * MICROS_PER_DAY;
}
