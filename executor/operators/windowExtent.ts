/**
 * What a watermark settles in a partition that is ordered by its column: rows below it never change any more. Of those,
 * the results of the leading ones are complete, as their frames hold settled rows only; and rows that no frame of an
 * incomplete or a later row can reach are not needed.
 *
 * Every question is about the settled rows alone, given as a sorted partition; its length stands for the first row that
 * is still to come.
 */
import { must, unreachable } from '../../common/assert.ts';
import { type Comparator, comparator } from '../../common/compare.ts';
import type { DataType } from '../../common/dataType.ts';
import { MICROS_PER_DAY } from '../../common/dateTime.ts';
import { Interval } from '../../common/interval.ts';
import type { NonNullValue, Row, Value } from '../../common/value.ts';
import type { FrameBound, WindowCall } from '../../planner/plan/aggregateCall.ts';
import type { PhysicalWindow } from '../../planner/plan/physical.ts';
import { type SortedPartition, shift } from './windowFrame.ts';

/** Functions that look at all rows of their partition. */
const wholePartition: ReadonlySet<string> = new Set(['percent_rank', 'cume_dist', 'ntile']);
/** Functions whose result counts the rows before. */
const counting: ReadonlySet<string> = new Set(['row_number', 'rank', 'dense_rank']);

/** An argument that is the same number for all rows; null: it may not be. */
export function constantArgument(node: PhysicalWindow, column: number): number | null {
  const expr = node.input.kind === 'Calc' ? node.input.exprs[column] : undefined;
  const value = expr?.kind === 'literal' ? expr.value : null;
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : null;
}

/** How many rows back lag or lead looks; null: no limit is known. */
function rowsBack(node: PhysicalWindow, call: WindowCall): number | null {
  const [, column] = call.args;
  const offset = column === undefined ? 1 : constantArgument(node, column);
  if (offset === null) return null;
  const back = Math.max(0, call.fn.name === 'lag' ? offset : -offset);
  return call.ignoreNulls && back > 0 ? null : back;
}

/** True when some result depends on all rows before it, so that none can ever be dropped. */
export function keepsWholePartition(node: PhysicalWindow): boolean {
  return node.calls.some((call) => {
    if (call.fn.kind === 'window') {
      if (wholePartition.has(call.fn.name) || counting.has(call.fn.name)) return true;
      if (call.fn.name === 'lag' || call.fn.name === 'lead') return rowsBack(node, call) === null;
    }
    return call.frame.start.bound === 'unbounded preceding' || call.frame.end.bound === 'unbounded following';
  });
}

export class WindowExtent {
  readonly #node: PhysicalWindow;
  readonly #column: number;
  readonly #type: DataType;
  readonly #compare: Comparator;
  readonly #zone: string;

  constructor(node: PhysicalWindow, zone: string) {
    const key = must(node.order[0], 'a bound on the order needs an order');
    this.#node = node;
    this.#column = key.column;
    this.#type = must(node.input.schema[key.column]).type;
    // Dates are shifted, and so compared, as timestamps.
    this.#compare = comparator(this.#isDate() ? { id: 'timestamp' } : this.#type);
    this.#zone = zone;
  }

  #isDate(): boolean {
    return this.#type.id === 'date';
  }

  #measure(value: NonNullValue): NonNullValue {
    return this.#isDate() ? BigInt(value as number) * MICROS_PER_DAY : value;
  }

  /** What `measure` made of the type again, rounded down. */
  #unmeasured(value: NonNullValue): NonNullValue {
    return this.#isDate() ? Math.floor(Number(value) / Number(MICROS_PER_DAY)) : value;
  }

  #at(row: Row | undefined): NonNullValue {
    return this.#measure(must(row?.[this.#column]));
  }

  #shifted(value: NonNullValue, offset: Value, sign: 1 | -1): NonNullValue {
    return shift(value, must(offset), sign, this.#type, this.#zone);
  }

  /** The number of leading rows whose results are final. `watermark` is above all of them. */
  complete(settled: SortedPartition, watermark: NonNullValue): number {
    let least = settled.rows.length;
    for (const call of this.#node.calls)
      least = Math.min(least, this.#completeFor(call, settled, watermark, least));
    return least;
  }

  #completeFor(call: WindowCall, settled: SortedPartition, watermark: NonNullValue, most: number): number {
    if (call.fn.kind === 'window') {
      if (wholePartition.has(call.fn.name)) return 0;
      if (counting.has(call.fn.name)) return most;
      if (call.fn.name === 'lag' || call.fn.name === 'lead')
        return this.#neighboursKnown(call, settled, most);
    }
    const { unit, end } = call.frame;
    switch (end.bound) {
      case 'unbounded preceding':
      case 'preceding':
      case 'current row':
        return most;
      case 'unbounded following':
        return 0;
      case 'following': {
        if (unit === 'range') {
          const bound = this.#measure(watermark);
          const isOpen = (row: Row): boolean =>
            this.#compare(this.#shifted(this.#at(row), end.offset, 1), bound) >= 0;
          const open = settled.rows.findIndex(isOpen);
          return open < 0 ? most : Math.min(most, open);
        }
        const rows = Number(end.offset);
        if (unit === 'rows') return Math.max(0, Math.min(most, settled.rows.length - rows));
        const groups = settled.groupFrom.length - 1;
        return Math.min(most, must(settled.groupFrom[Math.max(0, groups - rows)]));
      }
      default:
        return unreachable(end.bound);
    }
  }

  /** The offset of lag and lead is a column; it may be negative, and with IGNORE NULLS counts only some rows. */
  #neighboursKnown(call: WindowCall, settled: SortedPartition, most: number): number {
    const { rows } = settled;
    const [value, distance] = call.args;
    for (let i = 0; i < most; i++) {
      const by = distance === undefined ? 1 : must(rows[i])[distance];
      if (by === null || by === undefined) continue;
      let ahead = call.fn.name === 'lead' ? Number(by) : -Number(by);
      if (!call.ignoreNulls && i + ahead >= rows.length) return i;
      if (!call.ignoreNulls || ahead <= 0) continue;
      for (let j = i + 1; j < rows.length && ahead > 0; j++) if (must(rows[j])[must(value)] !== null) ahead--;
      if (ahead > 0) return i;
    }
    return most;
  }

  /** The first row that the frame of row `from`, or of any after it, may reach. */
  needed(settled: SortedPartition, from: number, watermark: NonNullValue): number {
    let least = from;
    for (const call of this.#node.calls)
      least = Math.min(least, this.#startFor(call, settled, from, watermark));
    return Math.max(0, least);
  }

  #startFor(call: WindowCall, settled: SortedPartition, from: number, watermark: NonNullValue): number {
    if (call.fn.kind === 'window') {
      if (wholePartition.has(call.fn.name) || counting.has(call.fn.name)) return 0;
      if (call.fn.name === 'lead' || call.fn.name === 'lag') {
        const back = rowsBack(this.#node, call);
        return back === null ? 0 : from - back;
      }
    }
    const { unit, start } = call.frame;
    switch (start.bound) {
      case 'unbounded preceding':
        return 0;
      case 'following':
      case 'unbounded following':
        return from;
      case 'current row':
        return unit === 'rows' ? from : (settled.peersFrom[from] ?? from);
      case 'preceding': {
        if (unit === 'range') return this.#rangeStart(start, settled, from, watermark);
        const rows = Number(start.offset);
        if (unit === 'rows') return from - rows;
        const group = settled.group[from] ?? settled.groupFrom.length - 1;
        return must(settled.groupFrom[Math.max(0, group - rows)]);
      }
      default:
        return unreachable(start.bound);
    }
  }

  #rangeStart(start: FrameBound, settled: SortedPartition, from: number, watermark: NonNullValue): number {
    const row = settled.rows[from];
    const value = row === undefined ? this.#measure(watermark) : this.#at(row);
    const edge = this.#withSlack(this.#shifted(value, start.offset, -1), start.offset);
    const reached = settled.rows.findIndex((other) => this.#compare(this.#at(other), edge) >= 0);
    return reached < 0 ? settled.rows.length : reached;
  }

  /** Months, and days across a change of the zone's offset, may take a later row farther back than an earlier one. */
  #withSlack(edge: NonNullValue, offset: Value): NonNullValue {
    if (!(offset instanceof Interval) || typeof edge !== 'bigint') return edge;
    if (offset.months !== 0) return edge - 5n * MICROS_PER_DAY;
    return offset.days !== 0 && this.#type.id === 'timestamptz' ? edge - 2n * MICROS_PER_DAY : edge;
  }

  /**
   * A value such that nothing changes until the watermark is above it: of the settled rows, `from` are complete and those
   * before `first` not needed. Null: nothing changes until rows come.
   */
  next(
    settled: SortedPartition,
    from: number,
    first: number,
    following: Row | undefined,
  ): NonNullValue | null {
    const values: NonNullValue[] = [];
    const upcoming = following?.[this.#column] ?? null;
    if (upcoming !== null) values.push(upcoming);
    for (const { frame } of this.#node.calls) {
      if (frame.unit !== 'range') continue;
      const open = settled.rows[from];
      if (frame.end.bound === 'following' && open !== undefined) {
        values.push(this.#unmeasured(this.#shifted(this.#at(open), frame.end.offset, 1)));
      }
      const kept = settled.rows[first];
      if (frame.start.bound === 'preceding' && kept !== undefined) {
        values.push(this.#unmeasured(this.#shifted(this.#at(kept), frame.start.offset, 1)));
      }
    }
    const compare = comparator(this.#type);
    return values.reduce<NonNullValue | null>(
      (least, v) => (least === null || compare(v, least) < 0 ? v : least),
      null,
    );
  }
}
