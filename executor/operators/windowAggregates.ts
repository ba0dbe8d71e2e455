/**
 * Aggregates over frames, over the rows that edits may have changed.
 *
 * A frame slides from row to row. Linear aggregates add and take away; where frames have an open end, the fold over the
 * whole partition is kept between ticks (of large partitions), so that a change near the other end is not paid for.
 * Other aggregates are added up anew when their frame loses rows.
 * State: those folds, by partition. Invariant between ticks: they hold all rows of their partition.
 */
import { must } from '../../common/assert.ts';
import type { AggregateFunction, EvalContext } from '../../common/function.ts';
import { unsupported } from '../../common/sqlError.ts';
import type { Value } from '../../common/value.ts';
import type { WindowCall } from '../../planner/plan/aggregateCall.ts';
import type { PhysicalWindow } from '../../planner/plan/physical.ts';
import { FrameBounds, type FrameClause, normalFrame } from './windowBounds.ts';
import { extremeOf } from './windowExtremes.ts';
import { type Fold, type FoldMaker, foldsOf } from './windowFold.ts';
import { isExcluded } from './windowNeighbours.ts';
import { frameSpans, type PartitionChange, sharedSpans } from './windowSpans.ts';
import type { WindowStore } from './windowStore.ts';
import { type Arguments, PeerReader, type PlaceReader } from './windowView.ts';

/** Smaller partitions are added up again when they change. */
const PARKED_ROWS = 256;
/** For the accounting of folds: an estimate. */
const FOLD_BYTES = 400;

/** Computes a call's results over what a tick changed of a partition. */
export interface CallComputer {
  compute(change: PartitionChange): void;
  /** The partition is gone, or must be computed from nothing. */
  forget(partition: number): void;
  stateBytes(): number;
}

/** A computer that keeps nothing. */
export function stateless(compute: (change: PartitionChange) => void): CallComputer {
  return { compute, forget: () => {}, stateBytes: () => 0 };
}

function argumentsOf(call: WindowCall, fn: AggregateFunction, store: WindowStore): Arguments {
  const filter = call.filter === null ? null : store.column(call.filter);
  const columns = call.args.map((arg) => store.column(arg));
  const skips = fn.nulls === 'skip';
  return (slot) => {
    if (filter !== null && filter.value(slot) !== true) return null;
    const values = columns.map((column) => column.value(slot));
    return skips && values.includes(null) ? null : values;
  };
}

/** A fold over rows [from, to) of a partition. */
class SlidingFold {
  readonly fold: Fold;
  readonly #args: Arguments;
  readonly #rows: PlaceReader;
  #from: number;
  #to: number;

  constructor(fold: Fold, args: Arguments, rows: PlaceReader, to: number) {
    this.fold = fold;
    this.#args = args;
    this.#rows = rows;
    this.#from = 0;
    this.#to = to;
  }

  #each(from: number, to: number, take: (args: readonly Value[]) => void): void {
    for (let i = from; i < to; i++) {
      const args = this.#args(this.#rows.slotAt(i));
      if (args !== null) take(args);
    }
  }

  /** Makes it a fold over these rows, in the cheaper way. */
  moveTo(from: number, end: number): void {
    const to = Math.max(from, end);
    const { fold } = this;
    const slide = Math.abs(from - this.#from) + Math.abs(to - this.#to);
    if (slide === 0) return;
    const grows = from === this.#from && to >= this.#to;
    if (slide > to - from || (fold.remove === null && !grows)) {
      fold.reset();
      this.#each(from, to, fold.add);
    } else {
      this.#each(this.#to, to, fold.add);
      if (fold.remove !== null) {
        this.#each(from, this.#from, fold.add);
        this.#each(this.#from, from, fold.remove);
        this.#each(to, this.#to, fold.remove);
      }
    }
    this.#from = from;
    this.#to = to;
  }
}

class FoldComputer implements CallComputer {
  readonly #call: WindowCall;
  readonly #fn: AggregateFunction;
  readonly #node: PhysicalWindow;
  readonly #zone: string;
  readonly #frame: FrameClause;
  readonly #folds: FoldMaker;
  readonly #scratch: Fold;
  readonly #isWhole: boolean;
  readonly #isOpen: boolean;
  readonly #parked = new Map<number, Fold>();

  constructor(call: WindowCall, fn: AggregateFunction, folds: FoldMaker, node: PhysicalWindow, zone: string) {
    this.#call = call;
    this.#fn = fn;
    this.#node = node;
    this.#zone = zone;
    this.#frame = normalFrame(call.frame, node.order);
    this.#folds = folds;
    this.#scratch = folds.make();
    const starts = this.#frame.start.bound === 'unbounded preceding';
    const ends = this.#frame.end.bound === 'unbounded following';
    const plain = this.#frame.exclude === 'no others';
    this.#isWhole = plain && starts && ends;
    this.#isOpen = plain && folds.form === 'linear' && (starts || ends);
  }

  compute(change: PartitionChange): void {
    const { view } = change;
    const args = argumentsOf(this.#call, this.#fn, view.store);
    const bounds = new FrameBounds(view, this.#frame, this.#node, this.#zone);
    if (this.#frame.exclude !== 'no others') {
      this.#computeExcluding(change, args, bounds);
      return;
    }
    const parked = this.#take(change, args);
    const fold = parked ?? (this.#isOpen && view.n >= PARKED_ROWS ? this.#folds.make() : this.#scratch);
    if (parked === null) fold.reset();
    const sliding = new SlidingFold(fold, args, view.reader(), parked === null ? 0 : view.n);
    this.#computeSliding(change, bounds, sliding);
    if (fold === this.#scratch || view.n < PARKED_ROWS) return;
    sliding.moveTo(0, view.n);
    this.#parked.set(view.partition, fold);
  }

  /** The fold over the partition's rows, brought up to date. */
  #take({ view, edits }: PartitionChange, args: Arguments): Fold | null {
    const fold = this.#parked.get(view.partition);
    if (fold === undefined) return null;
    this.#parked.delete(view.partition);
    for (const { slot, inserted } of edits) {
      const values = args(slot);
      if (values === null) continue;
      if (inserted) fold.add(values);
      else must(fold.remove)(values);
    }
    return fold;
  }

  #computeSliding(change: PartitionChange, bounds: FrameBounds, sliding: SlidingFold): void {
    const { view, results } = change;
    const rows = view.reader();
    if (this.#isWhole) {
      sliding.moveTo(0, view.n);
      const value = sliding.fold.result();
      for (const [from, to] of sharedSpans(change, value)) {
        for (let i = from; i < to; i++) results.set(rows.slotAt(i), value);
      }
      return;
    }
    // Peers have the same frame, and the result of a fold may be dear.
    let last: readonly [from: number, to: number, value: Value] | null = null;
    for (const [start, end] of frameSpans(change, bounds)) {
      for (let i = start; i < end; i++) {
        const from = bounds.from(i);
        const to = bounds.to(i);
        if (last === null || last[0] !== from || last[1] !== to) {
          sliding.moveTo(from, to);
          last = [from, to, sliding.fold.result()];
        }
        results.set(rows.slotAt(i), last[2]);
      }
    }
  }

  #computeExcluding(change: PartitionChange, args: Arguments, bounds: FrameBounds): void {
    const { view, results } = change;
    const fold = this.#scratch;
    const rows = view.reader();
    const peers = new PeerReader(view);
    for (const [start, end] of frameSpans(change, bounds)) {
      for (let i = start; i < end; i++) {
        fold.reset();
        const to = bounds.to(i);
        for (let j = bounds.from(i); j < to; j++) {
          if (isExcluded(this.#frame, peers, i, j)) continue;
          const values = args(rows.slotAt(j));
          if (values !== null) fold.add(values);
        }
        results.set(rows.slotAt(i), fold.result());
      }
    }
  }

  forget(partition: number): void {
    this.#parked.delete(partition);
  }

  stateBytes(): number {
    return this.#parked.size * FOLD_BYTES;
  }
}

/** The computer of an aggregate over frames. */
export function aggregateOf(
  call: WindowCall,
  fn: AggregateFunction,
  node: PhysicalWindow,
  context: EvalContext,
): CallComputer {
  if (call.distinct) throw unsupported('DISTINCT in a window aggregate');
  const types = call.args.map((arg) => must(node.input.schema[arg]).type);
  const folds = foldsOf(fn, types, call.type, context);
  if (folds.form === 'extreme' && call.frame.exclude === 'no others') {
    const implementation = fn.implement(types, call.type);
    const end = implementation.form === 'extreme' ? implementation.end : 'min';
    const argsOf = (store: WindowStore): Arguments => argumentsOf(call, fn, store);
    return stateless(extremeOf(call, node, end, must(types[0]), argsOf, context.timeZone));
  }
  return new FoldComputer(call, fn, folds, node, context.timeZone);
}
