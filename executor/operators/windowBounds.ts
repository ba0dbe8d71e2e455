/** Frames over a partition in a tree: the rows that a frame clause means for each row, and the rows a frame may lose or gain. */
import { must, unreachable } from '../../common/assert.ts';
import { type Comparator, comparator } from '../../common/compare.ts';
import type { DataType } from '../../common/dataType.ts';
import { MICROS_PER_DAY } from '../../common/dateTime.ts';
import { Interval } from '../../common/interval.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { NonNullValue, Value } from '../../common/value.ts';
import type { FrameBound, SortKey, WindowCall } from '../../planner/plan/aggregateCall.ts';
import type { PhysicalWindow } from '../../planner/plan/physical.ts';
import { checkFrame, shift } from './windowFrame.ts';
import type { Edit } from './windowStore.ts';
import { PeerReader, type PlaceReader, type WindowView } from './windowView.ts';

export type FrameClause = WindowCall['frame'];
/** Rows [from, to) of a partition. */
export type Span = readonly [from: number, to: number];

const unboundedPreceding: FrameBound = { bound: 'unbounded preceding', offset: null };
const unboundedFollowing: FrameBound = { bound: 'unbounded following', offset: null };

/** The frame with the bounds that mean the partition's ends written as such: without an order all rows are peers. */
export function normalFrame(frame: FrameClause, order: readonly SortKey[]): FrameClause {
  if (order.length > 0 || frame.unit === 'rows') return frame;
  const start = frame.start.bound === 'current row' ? unboundedPreceding : frame.start;
  const end = frame.end.bound === 'current row' ? unboundedFollowing : frame.end;
  return { ...frame, start, end };
}

/** Signed distance of a bound from the row, in its unit. */
function reach({ bound, offset }: FrameBound): number {
  switch (bound) {
    case 'unbounded preceding':
      return Number.NEGATIVE_INFINITY;
    case 'unbounded following':
      return Number.POSITIVE_INFINITY;
    case 'current row':
      return 0;
    case 'preceding':
      return -Number(offset);
    case 'following':
      return Number(offset);
    default:
      return unreachable(bound);
  }
}

/** Rows by the distance of their order value. */
class RangeSearch {
  readonly #view: WindowView;
  readonly #key: SortKey;
  readonly #type: DataType;
  readonly #zone: string;
  readonly #compare: Comparator;
  readonly #rows: PlaceReader;

  constructor(view: WindowView, key: SortKey, type: DataType, zone: string) {
    this.#view = view;
    this.#key = key;
    this.#type = type;
    this.#zone = zone;
    // Dates are shifted, and so compared, as timestamps.
    this.#compare = comparator(type.id === 'date' ? { id: 'timestamp' } : type);
    this.#rows = view.reader();
  }

  value(slot: number): NonNullValue | null {
    const value = this.#view.store.column(this.#key.column).value(slot);
    return this.#type.id === 'date' && value !== null ? BigInt(value as number) * MICROS_PER_DAY : value;
  }

  /** The value that the bound means for a row of this value; inverse: of which this value is the bound. */
  edge(value: NonNullValue, { bound, offset }: FrameBound, inverse: boolean): NonNullValue {
    const later = ((bound === 'following') !== this.#key.descending) !== inverse;
    return shift(value, must(offset), later ? 1 : -1, this.#type, this.#zone);
  }

  /** The first row not before the edge (as a start), or the first after it. */
  find(edge: NonNullValue, isStart: boolean, hint: number): number {
    const { descending, nullsFirst } = this.#key;
    return this.#view.search(hint, (i) => {
      const value = this.value(this.#rows.slotAt(i));
      if (value === null) return nullsFirst;
      const order = this.#compare(value, edge) * (descending ? -1 : 1);
      return order < 0 || (!isStart && order === 0);
    });
  }

  /**
   * An edge moved outwards by what shifting there and back may lose: months and days of a zone are not all as long,
   * floats are rounded. Null: the edge says nothing.
   */
  widened(edge: NonNullValue, value: NonNullValue, offset: Value, isStart: boolean): NonNullValue | null {
    const sign = isStart === this.#key.descending ? 1 : -1;
    if (typeof edge === 'number') {
      if (this.#type.id !== 'float4' && this.#type.id !== 'float8') return edge;
      if (!Number.isFinite(edge)) return null;
      return edge + sign * (Math.abs(Number(value)) + Math.abs(Number(offset))) * 2 ** -50;
    }
    if (typeof edge !== 'bigint' || !(offset instanceof Interval)) return edge;
    if (offset.months !== 0) return edge + BigInt(sign * 5) * MICROS_PER_DAY;
    const zoned = offset.days !== 0 && this.#type.id === 'timestamptz';
    return zoned ? edge + BigInt(sign * 2) * MICROS_PER_DAY : edge;
  }
}

function hasOffset({ bound }: FrameBound): boolean {
  return bound === 'preceding' || bound === 'following';
}

/** The frame of each row: rows [from, to), before EXCLUDE; empty when from >= to. */
export class FrameBounds {
  readonly from: (i: number) => number;
  readonly to: (i: number) => number;
  readonly #view: WindowView;
  readonly #frame: FrameClause;
  readonly #range: RangeSearch | null;

  constructor(view: WindowView, frame: FrameClause, node: PhysicalWindow, zone: string) {
    checkFrame(frame);
    this.#view = view;
    this.#frame = frame;
    const key = node.order[0];
    const ranged = frame.unit === 'range' && (hasOffset(frame.start) || hasOffset(frame.end));
    this.#range = ranged
      ? new RangeSearch(view, must(key), must(node.input.schema[must(key).column]).type, zone)
      : null;
    this.from = this.#bound(frame.start, true);
    this.to = this.#bound(frame.end, false);
  }

  #bound(bound: FrameBound, isStart: boolean): (i: number) => number {
    const view = this.#view;
    const { unit } = this.#frame;
    const distance = reach(bound);
    if (distance === Number.NEGATIVE_INFINITY) return () => 0;
    if (distance === Number.POSITIVE_INFINITY) return () => view.n;
    if (unit === 'rows') {
      const by = distance + (isStart ? 0 : 1);
      return (i) => Math.max(0, Math.min(i + by, view.n));
    }
    const peers = new PeerReader(view);
    if (bound.bound === 'current row') return (i) => (isStart ? peers.find(i).from : peers.find(i).to);
    return unit === 'range' ? this.#byValue(bound, isStart, peers) : this.#byGroups(distance, isStart, peers);
  }

  #byValue(bound: FrameBound, isStart: boolean, peers: PeerReader): (i: number) => number {
    const range = must(this.#range);
    const rows = this.#view.reader();
    let hint = 0;
    return (i) => {
      const value = range.value(rows.slotAt(i));
      if (value === null) return isStart ? peers.find(i).from : peers.find(i).to;
      hint = range.find(range.edge(value, bound, false), isStart, hint);
      return hint;
    };
  }

  #byGroups(distance: number, isStart: boolean, peers: PeerReader): (i: number) => number {
    const steps = new PeerReader(this.#view);
    let group = -1;
    let found = 0;
    return (i) => {
      const { from, to } = peers.find(i);
      if (from === group) return found;
      group = from;
      // A start is the first row of its group, an end the row after its group.
      if (distance === 0) found = isStart ? from : to;
      else if (distance < 0) found = steps.back(from, -distance - (isStart ? 0 : 1));
      else found = steps.forward(to, distance - (isStart ? 1 : 0));
      return found;
    };
  }

  /** The rows whose frame an edit may have changed. */
  affected(edit: Edit): Span {
    const { unit, start, end } = this.#frame;
    const view = this.#view;
    const back = Math.max(0, reach(end));
    const ahead = Math.max(0, -reach(start));
    switch (unit) {
      case 'rows':
        return [edit.at - back, edit.at + (edit.inserted ? 1 : 0) + ahead];
      case 'groups': {
        const from = view.peersFrom(edit.slot);
        const to = view.peersTo(edit.slot);
        const peers = new PeerReader(view);
        return [peers.back(from, back), peers.forward(to, ahead)];
      }
      case 'range':
        return [this.#rangeStart(edit.slot, end), this.#rangeEnd(edit.slot, start)];
      default:
        return unreachable(unit);
    }
  }

  /** The first row whose frame ends at or after this row. */
  #rangeStart(slot: number, end: FrameBound): number {
    if (end.bound === 'unbounded following') return 0;
    if (end.bound === 'unbounded preceding') return this.#view.n;
    if (end.bound === 'current row') return this.#view.peersFrom(slot);
    return this.#inverse(slot, end, true) ?? 0;
  }

  /** The row after the last whose frame starts at or before this row. */
  #rangeEnd(slot: number, start: FrameBound): number {
    if (start.bound === 'unbounded preceding') return this.#view.n;
    if (start.bound === 'unbounded following') return 0;
    if (start.bound === 'current row') return this.#view.peersTo(slot);
    return this.#inverse(slot, start, false) ?? this.#view.n;
  }

  #inverse(slot: number, bound: FrameBound, isStart: boolean): number | null {
    const range = must(this.#range);
    const value = range.value(slot);
    if (value === null) return isStart ? this.#view.peersFrom(slot) : this.#view.peersTo(slot);
    try {
      const edge = range.widened(range.edge(value, bound, true), value, bound.offset, isStart);
      return edge === null ? null : range.find(edge, isStart, this.#view.peersFrom(slot));
    } catch (error) {
      // Out of range: that there is no such value need not mean that no row has this one as its bound.
      if (error instanceof SqlError) return null;
      throw error;
    }
  }
}
