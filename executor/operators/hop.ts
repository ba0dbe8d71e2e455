/**
 * Hopping (and, with slide = size, tumbling) windows: each row once per window [start, start + size) that holds its
 * time, where starts are the multiples of `slide` from `offset`. Cumulating windows share their start, a multiple of
 * `size`, and end at every `slide` from there.
 *
 * Linear. The fan-out is by window, not by row: the batch goes out once per pane with the input's vectors shared and
 * only the two window columns filled, so nothing is copied. Rows that have no window (NULL or infinite time) are taken
 * out first; where size is no multiple of slide, the last pane is thinned out too. Both are rare. Of cumulating windows
 * only the longest holds all rows.
 */
import { assert, must } from '../../common/assert.ts';
import { physicalKind, type Schema } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import {
  DATE_INFINITY,
  DATE_MINUS_INFINITY,
  TIMESTAMP_INFINITY,
  TIMESTAMP_MINUS_INFINITY,
} from '../../common/value.ts';
import type { PhysicalHop } from '../../planner/plan/physical.ts';
import type { Batch, Vector } from '../batch.ts';
import { batchRow } from '../batchBuilder.ts';
import { withoutRows } from '../codegen/calc.ts';
import type { Emit, TickContext } from './operator.ts';
import { StatelessOperator } from './stateless.ts';

const MICROS_PER_DAY = 86_400_000_000n;
/** Times nearer to the ends than this could have windows out of range. */
const MAX_TIME = 1n << 62n;

export class HopOperator extends StatelessOperator {
  readonly #time: number;
  readonly #slide: bigint;
  readonly #size: bigint;
  readonly #offset: bigint;
  readonly #cumulate: boolean;
  readonly #context: TickContext;
  readonly #schema: Schema;
  /** Times and current window starts and ends, in micros. */
  #times = new BigInt64Array(0);
  #starts = new BigInt64Array(0);
  #ends = new BigInt64Array(0);

  constructor(node: PhysicalHop, context: TickContext) {
    super();
    assert(node.slideMicros > 0n && node.sizeMicros > 0n, 'windows have a length');
    this.#time = node.time;
    this.#slide = node.slideMicros;
    this.#size = node.sizeMicros;
    this.#cumulate = node.cumulate === true;
    const step = this.#cumulate ? this.#size : this.#slide;
    this.#offset = ((node.offsetMicros % step) + step) % step;
    assert(
      !this.#cumulate || this.#size % this.#slide === 0n,
      'the longest window is a whole number of steps',
    );
    this.#context = context;
    this.#schema = node.input.schema;
    const width = node.input.schema.length;
    for (const column of node.schema.slice(width)) {
      assert(physicalKind(column.type) === 'i64', 'window bounds are timestamps');
    }
  }

  push(_port: number, batch: Batch, emit: Emit): void {
    const input = this.#timed(batch);
    if (input.length === 0) return;
    if (this.#cumulate) this.#emitCumulating(input, emit);
    else this.#emitPanes(input, emit);
  }

  /** The rows that have windows; their times are left in #times. */
  #timed(batch: Batch): Batch {
    const n = batch.length;
    if (this.#times.length < n) {
      const capacity = Math.max(n, 64);
      this.#times = new BigInt64Array(capacity);
      this.#starts = new BigInt64Array(capacity);
      this.#ends = new BigInt64Array(capacity);
    }
    const vector = must(batch.columns[this.#time]);
    this.#readTimes(vector, n);
    let dead: Uint8Array | null = null;
    const times = this.#times;
    for (let i = 0; i < n; i++) {
      const isNull = vector.nulls !== null && vector.nulls[i] === 1;
      const time = times[i] as bigint;
      if (!isNull && time > -MAX_TIME && time < MAX_TIME) continue;
      if (!isNull) {
        const error = new SqlError('22008', 'timestamp out of range');
        this.#context.rowError(error, batch.weights[i] ?? 0, 'Hop', batchRow(batch, i), this.#schema);
      }
      dead ??= new Uint8Array(n);
      dead[i] = 1;
    }
    if (dead === null) return batch;
    const rest = withoutRows(batch, dead);
    this.#readTimes(must(rest.columns[this.#time]), rest.length);
    return rest;
  }

  #readTimes(vector: Vector, n: number): void {
    const times = this.#times;
    if (vector.kind === 'i64') {
      const data = vector.data;
      for (let i = 0; i < n; i++) times[i] = data[i] as bigint;
      return;
    }
    assert(vector.kind === 'i32', 'window time is a timestamp or date');
    for (let i = 0; i < n; i++) {
      const day = vector.data[i] as number;
      if (day === DATE_INFINITY) times[i] = TIMESTAMP_INFINITY;
      else if (day === DATE_MINUS_INFINITY) times[i] = TIMESTAMP_MINUS_INFINITY;
      else times[i] = BigInt(day) * MICROS_PER_DAY;
    }
  }

  #emitPanes(batch: Batch, emit: Emit): void {
    const n = batch.length;
    const slide = this.#slide;
    const size = this.#size;
    lastStarts(this.#times, n, slide, this.#offset, this.#starts);
    let back = 0n;
    for (; back + slide <= size; back += slide) {
      this.#emitPane(batch, size, emit);
      step(this.#starts, n, slide);
    }
    if (back === size) return;
    // Size is no multiple of slide: only some rows lie in one more window.
    let dead: Uint8Array | null = null;
    for (let i = 0; i < n; i++) {
      if ((this.#starts[i] as bigint) + size > (this.#times[i] as bigint)) continue;
      dead ??= new Uint8Array(n);
      dead[i] = 1;
    }
    const rest = dead === null ? batch : this.#without(batch, dead);
    if (rest.length > 0) this.#emitPane(rest, size, emit);
  }

  /** Longest windows first, each without the rows that lie after it. */
  #emitCumulating(batch: Batch, emit: Emit): void {
    let rest = batch;
    lastStarts(this.#times, rest.length, this.#size, this.#offset, this.#starts);
    for (let length = this.#size; length > 0n; length -= this.#slide) {
      let dead: Uint8Array | null = null;
      for (let i = 0; i < rest.length; i++) {
        if ((this.#starts[i] as bigint) + length > (this.#times[i] as bigint)) continue;
        dead ??= new Uint8Array(rest.length);
        dead[i] = 1;
      }
      if (dead !== null) rest = this.#without(rest, dead);
      if (rest.length === 0) return;
      this.#emitPane(rest, length, emit);
    }
  }

  /** The batch without the dead rows, which leave #times and #starts too. */
  #without(batch: Batch, dead: Uint8Array): Batch {
    let kept = 0;
    for (let i = 0; i < batch.length; i++) {
      if (dead[i] === 1) continue;
      this.#times[kept] = this.#times[i] as bigint;
      this.#starts[kept++] = this.#starts[i] as bigint;
    }
    return withoutRows(batch, dead);
  }

  #emitPane(batch: Batch, size: bigint, emit: Emit): void {
    const n = batch.length;
    plus(this.#starts, n, size, this.#ends);
    const starts: Vector = { kind: 'i64', data: this.#starts, nulls: null };
    const ends: Vector = { kind: 'i64', data: this.#ends, nulls: null };
    emit({ length: n, columns: [...batch.columns, starts, ends], weights: batch.weights });
  }
}

/* asIntN keeps these loops in 64-bit registers; nothing here is near the ends. */

/** The latest window start at or before each time. */
function lastStarts(
  times: BigInt64Array,
  n: number,
  slide: bigint,
  offset: bigint,
  out: BigInt64Array,
): void {
  const width = BigInt.asIntN(64, slide);
  const from = BigInt.asIntN(64, offset);
  for (let i = 0; i < n; i++) {
    const time = times[i] as bigint;
    const rest = BigInt.asIntN(64, BigInt.asIntN(64, time - from) % width);
    const into = rest < 0n ? BigInt.asIntN(64, rest + width) : rest;
    out[i] = BigInt.asIntN(64, time - into);
  }
}

function step(starts: BigInt64Array, n: number, slide: bigint): void {
  const width = BigInt.asIntN(64, slide);
  for (let i = 0; i < n; i++) starts[i] = BigInt.asIntN(64, (starts[i] as bigint) - width);
}

function plus(starts: BigInt64Array, n: number, size: bigint, ends: BigInt64Array): void {
  const width = BigInt.asIntN(64, size);
  for (let i = 0; i < n; i++) ends[i] = BigInt.asIntN(64, (starts[i] as bigint) + width);
}
