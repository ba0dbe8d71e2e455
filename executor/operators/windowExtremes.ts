/**
 * min and max over frames, over the rows that edits may have changed.
 *
 * A frame that is open at one end goes on from the result of the row before (behind) the span, and stops where a result
 * behind all edits is what it was: so are all further ones then. A frame with two bounds keeps the values that can still
 * win, in a queue. Of equal values the first is the least and the last the greatest.
 */
import { type Comparator, comparator } from '../../common/compare.ts';
import type { DataType } from '../../common/dataType.ts';
import type { NonNullValue, Value } from '../../common/value.ts';
import type { WindowCall } from '../../planner/plan/aggregateCall.ts';
import type { PhysicalWindow } from '../../planner/plan/physical.ts';
import { sameBoxed } from '../codegen/typeOperations.ts';
import { FrameBounds, type FrameClause, normalFrame, type Span } from './windowBounds.ts';
import { frameSpans, oldRow, type PartitionChange, sharedSpans } from './windowSpans.ts';
import type { WindowStore } from './windowStore.ts';
import type { Arguments, PlaceReader } from './windowView.ts';

/** Of two values, the earlier row's first, the extreme one. */
type Pick = (earlier: Value, later: Value) => Value;

function pickOf(end: 'min' | 'max', compare: Comparator): Pick {
  return (earlier, later) => {
    if (earlier === null || later === null) return earlier ?? later;
    return compare(later, earlier) < 0 === (end === 'min') ? later : earlier;
  };
}

interface Walk {
  readonly change: PartitionChange;
  readonly bounds: FrameBounds;
  readonly rows: PlaceReader;
  readonly valueAt: (i: number) => Value;
  readonly pick: Pick;
  /** False where frames may go back and forth. */
  readonly mayStop: boolean;
}

/** How min or max is computed. */
export function extremeOf(
  call: WindowCall,
  node: PhysicalWindow,
  end: 'min' | 'max',
  type: DataType,
  argumentsOf: (store: WindowStore) => Arguments,
  zone: string,
): (change: PartitionChange) => void {
  const frame: FrameClause = normalFrame(call.frame, node.order);
  const compare = comparator(type);
  const pick = pickOf(end, compare);
  const starts = frame.start.bound === 'unbounded preceding';
  const ends = frame.end.bound === 'unbounded following';
  const mayStop = frame.unit !== 'range' || (frame.start.offset === null && frame.end.offset === null);
  return (change) => {
    const { view } = change;
    const bounds = new FrameBounds(view, frame, node, zone);
    const args = argumentsOf(view.store);
    const inner = view.reader();
    const value = (slot: number): Value => args(slot)?.[0] ?? null;
    const valueAt = (i: number): Value => value(inner.slotAt(i));
    const walk: Walk = { change, bounds, rows: view.reader(), valueAt, pick, mayStop };
    if (starts && ends) setWhole(walk, wholeExtreme(walk, value, compare));
    else if (starts) for (const span of frameSpans(change, bounds)) walkForward(walk, span);
    else if (ends) for (const span of frameSpans(change, bounds).reverse()) walkBackward(walk, span);
    else for (const span of frameSpans(change, bounds)) walkQueue(walk, span);
  };
}

function setWhole({ change, rows }: Walk, value: Value): void {
  for (const [from, to] of sharedSpans(change, value)) {
    for (let i = from; i < to; i++) change.results.set(rows.slotAt(i), value);
  }
}

/** Of all rows: from the old result, unless it may have gone. */
function wholeExtreme(walk: Walk, value: (slot: number) => Value, compare: Comparator): Value {
  const { change, pick, valueAt } = walk;
  const { view, edits, full, results } = change;
  const old = full ? -1 : oldRow(view, (slot) => results.isNew(slot));
  const scan = (): Value => {
    let best: Value = null;
    for (let i = 0; i < view.n; i++) best = pick(best, valueAt(i));
    return best;
  };
  if (old < 0) return scan();
  let best: Value = results.stored(old);
  const ties = (x: NonNullValue): boolean => best !== null && compare(x, best) === 0;
  for (const { slot, inserted } of edits) {
    const x = value(slot);
    if (x === null || inserted) continue;
    if (ties(x)) return scan();
  }
  for (const { slot, inserted } of edits) {
    const x = value(slot);
    if (x === null || !inserted) continue;
    // Equal values may still look different (1.0 and 1.00): which of them counts depends on their places.
    if (ties(x) && !sameBoxed(x, best)) return scan();
    best = pick(best, x);
  }
  return best;
}

/** Frames from the partition's start: each goes on from the one before. */
function walkForward({ change, bounds, rows, valueAt, pick, mayStop }: Walk, [start, end]: Span): void {
  const { edits, full, results } = change;
  // A frame that ends behind the row that came last, or behind the row after one that went, has all edits in it.
  const settled = (edits.at(-1)?.at ?? -1) + 1;
  let best: Value = start === 0 ? null : results.stored(rows.slotAt(start - 1));
  let upTo = start === 0 ? 0 : bounds.to(start - 1);
  for (let i = start; i < end; i++) {
    const to = bounds.to(i);
    if (to < upTo) {
      best = null;
      upTo = 0;
    }
    for (; upTo < to; upTo++) best = pick(best, valueAt(upTo));
    const slot = rows.slotAt(i);
    const passed = mayStop && !full && i + 1 >= settled && to >= settled;
    if (passed && !results.isNew(slot) && results.isSame(slot, best)) return;
    results.set(slot, best);
  }
}

/** Frames to the partition's end: each goes on from the one behind. */
function walkBackward({ change, bounds, rows, valueAt, pick, mayStop }: Walk, [start, end]: Span): void {
  const { edits, full, results, view } = change;
  // A frame that starts at the row that came first, or at the row before one that went, has all edits in it.
  const first = edits[0] === undefined ? view.n : edits[0].at - (edits[0].inserted ? 0 : 1);
  let best: Value = end === view.n ? null : results.stored(rows.slotAt(end));
  let downTo = end === view.n ? view.n : bounds.from(end);
  for (let i = end - 1; i >= start; i--) {
    const from = bounds.from(i);
    if (from > downTo) {
      best = null;
      downTo = view.n;
    }
    while (downTo > from) best = pick(valueAt(--downTo), best);
    const slot = rows.slotAt(i);
    const passed = mayStop && !full && i <= first && from <= first;
    if (passed && !results.isNew(slot) && results.isSame(slot, best)) return;
    results.set(slot, best);
  }
}

interface Candidate {
  readonly at: number;
  readonly value: Value;
}

/** Frames with two bounds, which move on together. */
function walkQueue({ change, bounds, rows, valueAt, pick }: Walk, [start, end]: Span): void {
  let queue: Candidate[] = [];
  let head = 0;
  let first = 0;
  let upTo = 0;
  for (let i = start; i < end; i++) {
    const from = bounds.from(i);
    const to = bounds.to(i);
    if (from >= to) {
      change.results.set(rows.slotAt(i), null);
      continue;
    }
    if (from < first || to < upTo || from > upTo || head > 1024) {
      queue = [];
      head = 0;
      upTo = from;
    }
    first = from;
    for (; upTo < to; upTo++) {
      const value = valueAt(upTo);
      if (value === null) continue;
      while (queue.length > head && pick(queue.at(-1)?.value ?? null, value) === value) queue.pop();
      queue.push({ at: upTo, value });
    }
    while (head < queue.length && (queue[head]?.at ?? 0) < from) head++;
    change.results.set(rows.slotAt(i), queue[head]?.value ?? null);
  }
}
