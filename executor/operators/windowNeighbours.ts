/** lag, lead, first_value, last_value and nth_value: results that are values of other rows. */
import { unreachable } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Value } from '../../common/value.ts';
import type { WindowCall } from '../../planner/plan/aggregateCall.ts';
import type { PhysicalWindow } from '../../planner/plan/physical.ts';
import { FrameBounds, type FrameClause, normalFrame, type Span } from './windowBounds.ts';
import { constantArgument } from './windowExtent.ts';
import { insertedSpans, mergedSpans, type PartitionChange, spansOf } from './windowSpans.ts';
import { type ColumnReader, columnReader, PeerReader, type PlaceReader } from './windowView.ts';

/** lag (direction -1) and lead (1). */
export function neighbourOf(
  call: WindowCall,
  node: PhysicalWindow,
  direction: 1 | -1,
): (change: PartitionChange) => void {
  const constant = call.args[1] === undefined ? 1 : constantArgument(node, call.args[1]);
  return (change) => {
    const { view, edits, results } = change;
    const { n, store } = view;
    const value = columnReader(store, call.args[0]);
    const distance = columnReader(store, call.args[1]);
    const otherwise = columnReader(store, call.args[2]);
    const rows = view.reader();
    const others = view.reader();
    const spans = spansOf(change, () => {
      // Rows with distances of their own may look at any other.
      if (constant === null) return [[0, n]];
      const by = constant * direction;
      if (call.ignoreNulls) return edits.map((edit) => spanOverNulls(edit, by, value, rows, n));
      return edits.map(({ at, inserted }): Span => {
        const next = at + (inserted ? 1 : 0);
        return by < 0 ? [at, next - by] : [at - by, next];
      });
    });
    for (const [from, to] of spans) {
      for (let i = from; i < to; i++) {
        const slot = rows.slotAt(i);
        const by = call.args[1] === undefined ? 1 : distance(slot);
        if (by === null) {
          results.set(slot, null);
          continue;
        }
        const signed = direction * Number(by);
        const at = call.ignoreNulls ? overNulls(i, signed, value, others, n) : i + signed;
        results.set(slot, at < 0 || at >= n ? otherwise(slot) : value(others.slotAt(at)));
      }
    }
  };
}

/** The position of the by-th row with a value from row i on; outside of the partition when there is none. */
function overNulls(i: number, by: number, value: ColumnReader, rows: PlaceReader, n: number): number {
  let left = Math.abs(by);
  let at = i;
  while (left > 0) {
    at += Math.sign(by);
    if (at < 0 || at >= n) return at;
    if (value(rows.slotAt(at)) !== null) left--;
  }
  return at;
}

/** The rows for which an edited row is among the next `by` rows with a value. */
function spanOverNulls(
  edit: { readonly slot: number; readonly inserted: boolean; readonly at: number },
  by: number,
  value: ColumnReader,
  rows: PlaceReader,
  n: number,
): Span {
  const { at, inserted, slot } = edit;
  const next = at + (inserted ? 1 : 0);
  if (value(slot) === null || by === 0) return [at, next];
  let left = Math.abs(by);
  if (by < 0) {
    let to = next;
    for (; to < n && left > 0; to++) if (value(rows.slotAt(to)) !== null) left--;
    return [at, to];
  }
  let from = at;
  for (; from > 0 && left > 0; from--) if (value(rows.slotAt(from - 1)) !== null) left--;
  return [from, next];
}

/** Bounds behind, and ahead of, which the row itself lies. */
const reachesAhead: ReadonlySet<string> = new Set(['current row', 'following', 'unbounded following']);
const reachesBack: ReadonlySet<string> = new Set(['current row', 'preceding', 'unbounded preceding']);

/** first_value, last_value and nth_value. */
export function frameValueOf(
  call: WindowCall,
  node: PhysicalWindow,
  zone: string,
): (change: PartitionChange) => void {
  const frame = normalFrame(call.frame, node.order);
  const plain = frame.exclude === 'no others' && !call.ignoreNulls;
  return (change) => {
    const { view, results } = change;
    const bounds = new FrameBounds(view, frame, node, zone);
    const reader = new FrameReader(call, frame, change, bounds);
    const rows = view.reader();
    const spans = spansOf(change, () =>
      plain ? plainSpans(call, frame, node, change, zone) : change.edits.map((edit) => bounds.affected(edit)),
    );
    for (const [from, to] of spans) {
      for (let i = from; i < to; i++) {
        const slot = rows.slotAt(i);
        results.set(slot, reader.valueAt(i, slot));
      }
    }
  };
}

/** A frame that holds its row has a first (last) row that does not depend on where it ends (starts). */
function plainSpans(
  call: WindowCall,
  frame: FrameClause,
  node: PhysicalWindow,
  change: PartitionChange,
  zone: string,
): readonly Span[] {
  const { edits, view } = change;
  const own = { bound: 'current row', offset: null } as const;
  const holdsRow = reachesBack.has(frame.start.bound) && reachesAhead.has(frame.end.bound);
  let needed = frame;
  if (call.fn.name === 'first_value' && holdsRow) {
    if (frame.start.bound === 'unbounded preceding')
      return edits.some(({ at }) => at === 0) ? [[0, view.n]] : [];
    needed = { ...frame, end: own };
  }
  if (call.fn.name === 'last_value' && holdsRow) {
    if (frame.end.bound === 'unbounded following') {
      const last = mergedSpans(insertedSpans(edits), view.n).at(-1);
      const lastChanged = last?.[1] === view.n || edits.some(({ at }) => at === view.n);
      return lastChanged ? [[0, view.n]] : [];
    }
    needed = { ...frame, start: own };
  }
  const bounds = new FrameBounds(view, needed, node, zone);
  return edits.map((edit) => bounds.affected(edit));
}

/** The value that a call takes from the frame of a row. */
class FrameReader {
  readonly #call: WindowCall;
  readonly #frame: FrameClause;
  readonly #bounds: FrameBounds;
  readonly #rows: PlaceReader;
  readonly #peers: PeerReader;
  readonly #value: ColumnReader;
  readonly #number: ColumnReader;

  constructor(call: WindowCall, frame: FrameClause, { view }: PartitionChange, bounds: FrameBounds) {
    this.#call = call;
    this.#frame = frame;
    this.#bounds = bounds;
    this.#rows = view.reader();
    this.#peers = new PeerReader(view);
    this.#value = columnReader(view.store, call.args[0]);
    this.#number = columnReader(view.store, call.args[1]);
  }

  valueAt(i: number, slot: number): Value {
    const { name } = this.#call.fn;
    const wanted = name === 'nth_value' ? this.#number(slot) : 1;
    if (wanted === null) return null;
    const nth = Number(wanted);
    if (nth <= 0) throw new SqlError('22016', 'argument of nth_value must be greater than zero');
    const from = this.#bounds.from(i);
    const to = this.#bounds.to(i);
    if (from >= to) return null;
    const step = name === 'last_value' ? -1 : 1;
    let at = step < 0 ? to - 1 : from;
    if (this.#frame.exclude === 'no others' && !this.#call.ignoreNulls) {
      at += nth - 1;
      return at < to ? this.#value(this.#rows.slotAt(at)) : null;
    }
    for (let left = nth; at >= from && at < to; at += step) {
      if (isExcluded(this.#frame, this.#peers, i, at)) continue;
      const value = this.#value(this.#rows.slotAt(at));
      if (this.#call.ignoreNulls && value === null) continue;
      if (--left === 0) return value;
    }
    return null;
  }
}

/** True when EXCLUDE takes row j out of the frame of row i. */
export function isExcluded({ exclude }: FrameClause, peers: PeerReader, i: number, j: number): boolean {
  switch (exclude) {
    case 'no others':
      return false;
    case 'current row':
      return i === j;
    case 'group':
    case 'ties': {
      if (exclude === 'ties' && i === j) return false;
      const { from, to } = peers.find(i);
      return j >= from && j < to;
    }
    default:
      return unreachable(exclude);
  }
}
