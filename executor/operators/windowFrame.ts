/** Window frames over a sorted partition: which rows a frame clause means for each row. */
import { must, unreachable } from '../../common/assert.ts';
import { comparator } from '../../common/compare.ts';
import type { DataType } from '../../common/dataType.ts';
import { Decimal } from '../../common/decimal.ts';
import { Interval } from '../../common/interval.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import { TimeTz } from '../../common/timeTz.ts';
import type { NonNullValue, Row, Value } from '../../common/value.ts';
import type { FrameBound, SortKey, WindowCall } from '../../planner/plan/aggregateCall.ts';
import { addToTimestamp, addToTimestampTz } from '../functions/support/dateTimeMath.ts';

/** A partition in order, with each row's peers. */
export interface SortedPartition {
  readonly rows: readonly Row[];
  /** First row of row i's peers, the row after the last of them, and their number from 0. */
  readonly peersFrom: Int32Array;
  readonly peersTo: Int32Array;
  readonly group: Int32Array;
  /** Row ranges of the groups of peers: group g is [groupFrom[g], groupFrom[g + 1]). */
  readonly groupFrom: readonly number[];
}

export function sortedPartition(rows: readonly Row[], compare: (a: Row, b: Row) => number): SortedPartition {
  const n = rows.length;
  const peersFrom = new Int32Array(n);
  const peersTo = new Int32Array(n);
  const group = new Int32Array(n);
  const groupFrom: number[] = [];
  for (let from = 0; from < n; ) {
    let to = from + 1;
    while (to < n && compare(must(rows[from]), must(rows[to])) === 0) to++;
    peersFrom.fill(from, from, to);
    peersTo.fill(to, from, to);
    group.fill(groupFrom.length, from, to);
    groupFrom.push(from);
    from = to;
  }
  groupFrom.push(n);
  return { rows, peersFrom, peersTo, group, groupFrom };
}

export type Frame = (i: number) => readonly [from: number, to: number];

function sizeOf(offset: Value, end: 'starting' | 'ending'): number {
  if (offset === null) throw new SqlError('22004', `frame ${end} offset must not be null`);
  const size = Number(offset);
  if (size < 0) throw new SqlError('22013', `frame ${end} offset must not be negative`);
  return size;
}

function negative(offset: NonNullValue): boolean {
  if (offset instanceof Interval || offset instanceof Decimal) return offset.signum() < 0;
  return Number(offset) < 0;
}

/** value + sign * offset; of a date (as its midnight) a timestamp. Time of day is not wrapped. */
export function shift(
  value: NonNullValue,
  offset: NonNullValue,
  sign: 1 | -1,
  type: DataType,
  zone: string,
): NonNullValue {
  if (offset instanceof Interval) {
    const by = sign === 1 ? offset : offset.neg();
    if (value instanceof Interval) return value.add(by);
    // Not wrapped at midnight: 23:00 and two hours is after every time of the day.
    if (value instanceof TimeTz) return new TimeTz(value.micros + by.micros, value.offsetSeconds);
    const time = value as bigint;
    if (type.id === 'time') return time + by.micros;
    return type.id === 'timestamptz' ? addToTimestampTz(time, by, zone) : addToTimestamp(time, by);
  }
  if (value instanceof Decimal && offset instanceof Decimal)
    return sign === 1 ? value.add(offset) : value.sub(offset);
  if (typeof value === 'bigint') return value + BigInt(sign) * BigInt(offset as number | bigint);
  if (typeof value === 'number') return value + sign * Number(offset);
  throw unsupported(`RANGE with offset over type ${type.id}`);
}

/** Raises the errors of a frame's offsets. */
export function checkFrame({ unit, start, end }: WindowCall['frame']): void {
  for (const [bound, isStart] of [
    [start, true],
    [end, false],
  ] as const) {
    if (bound.bound !== 'preceding' && bound.bound !== 'following') continue;
    if (unit === 'range') checkDistance(bound.offset, isStart);
    else sizeOf(bound.offset, isStart ? 'starting' : 'ending');
  }
}

function checkDistance(offset: Value, isStart: boolean): NonNullValue {
  if (offset === null)
    throw new SqlError('22004', `frame ${isStart ? 'starting' : 'ending'} offset must not be null`);
  if (negative(offset)) {
    throw new SqlError('22013', 'invalid preceding or following size in window function');
  }
  return offset;
}

const MICROS_PER_DAY = 86_400_000_000n;

/** Bounds by value distance: for each row the first row not before, and the first row after, the shifted value. */
function rangeBound(
  partition: SortedPartition,
  key: SortKey,
  type: DataType,
  bound: FrameBound,
  isStart: boolean,
  zone: string,
): (i: number) => number {
  const offset = checkDistance(bound.offset, isStart);
  const dates = type.id === 'date';
  const compare = comparator(dates ? { id: 'timestamp' } : type);
  const at = (i: number): NonNullValue | null => {
    const value = must(partition.rows[i])[key.column] ?? null;
    return dates && value !== null ? BigInt(value as number) * MICROS_PER_DAY : value;
  };
  const later = (bound.bound === 'following') !== key.descending;
  return (i) => {
    const value = at(i);
    if (value === null) return (isStart ? partition.peersFrom[i] : partition.peersTo[i]) ?? 0;
    const edge = shift(value, offset, later ? 1 : -1, type, zone);
    let low = 0;
    let high = partition.rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = at(middle);
      const order =
        other === null ? (key.nullsFirst ? -1 : 1) : compare(other, edge) * (key.descending ? -1 : 1);
      if (order < 0 || (!isStart && order === 0)) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

function clamp(i: number, n: number): number {
  return Math.max(0, Math.min(i, n));
}

function boundOf(
  partition: SortedPartition,
  unit: 'rows' | 'range' | 'groups',
  bound: FrameBound,
  isStart: boolean,
  order: readonly SortKey[],
  types: readonly DataType[],
  zone: string,
): (i: number) => number {
  const n = partition.rows.length;
  switch (bound.bound) {
    case 'unbounded preceding':
      return () => 0;
    case 'unbounded following':
      return () => n;
    case 'current row':
      if (unit === 'rows') return (i) => (isStart ? i : i + 1);
      return (i) => (isStart ? partition.peersFrom[i] : partition.peersTo[i]) ?? 0;
    case 'preceding':
    case 'following': {
      if (unit === 'range') {
        const key = must(order[0], 'RANGE with offset has an ORDER BY column');
        return rangeBound(partition, key, must(types[key.column]), bound, isStart, zone);
      }
      const size = sizeOf(bound.offset, isStart ? 'starting' : 'ending');
      const by = bound.bound === 'preceding' ? -size : size;
      if (unit === 'rows') return (i) => clamp(i + by + (isStart ? 0 : 1), n);
      const groups = partition.groupFrom.length - 1;
      return (i) => {
        const group = clamp((partition.group[i] ?? 0) + by + (isStart ? 0 : 1), groups);
        return partition.groupFrom[group] ?? n;
      };
    }
    default:
      return unreachable(bound.bound);
  }
}

/** The rows [from, to) of a call's frame, before EXCLUDE; empty when from >= to. */
export function frameOf(
  call: WindowCall,
  partition: SortedPartition,
  order: readonly SortKey[],
  types: readonly DataType[],
  zone: string,
): Frame {
  const { unit, start, end } = call.frame;
  const from = boundOf(partition, unit, start, true, order, types, zone);
  const to = boundOf(partition, unit, end, false, order, types, zone);
  return (i) => [from(i), to(i)];
}

/** The rows of a frame in order, without what EXCLUDE takes out. */
export function* frameRows(
  call: WindowCall,
  partition: SortedPartition,
  i: number,
  from: number,
  to: number,
): Iterable<number> {
  const peersFrom = partition.peersFrom[i] ?? 0;
  const peersTo = partition.peersTo[i] ?? 0;
  for (let j = from; j < to; j++) {
    const peer = j >= peersFrom && j < peersTo;
    switch (call.frame.exclude) {
      case 'no others':
        break;
      case 'current row':
        if (j === i) continue;
        break;
      case 'group':
        if (peer) continue;
        break;
      case 'ties':
        if (peer && j !== i) continue;
        break;
    }
    yield j;
  }
}
