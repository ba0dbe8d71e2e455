/**
 * The hash join alone: million input rows a second over pre-generated batches, bytes of state a row.
 *
 *   node bench/join.ts [keys in thousands, default 1000]
 *
 * fill: both sides inserted by key; churn: random rows of either side updated (old row out, new row in); fan-out: many
 * left rows for each of few right rows, appended.
 */
import { performance } from 'node:perf_hooks';
import type { DataType } from '../common/dataType.ts';
import { types } from '../common/dataType.ts';
import type { EvalContext } from '../common/function.ts';
import type { Batch } from '../executor/batch.ts';
import { createJoin } from '../executor/operators/join.ts';
import type { Operator, TickContext } from '../executor/operators/operator.ts';
import { timeWithoutWatermarks } from '../executor/time.ts';
import type { JoinType } from '../planner/plan/logical.ts';
import type { PhysicalJoin, PhysicalPlan } from '../planner/plan/physical.ts';
import { newBatch, type OutputBatch } from '../storage/state/vector.ts';

const ROWS = 1024;
const shape: readonly DataType[] = [types.int8, types.int8, types.text];

const context: TickContext = {
  eval: {} as EvalContext,
  time: timeWithoutWatermarks(() => 0n),
  rowError(error) {
    throw error;
  },
  lateRow: () => {},
};

function input(appendOnly: boolean, key: readonly number[] | null): PhysicalPlan {
  const schema = shape.map((type, i) => ({ name: `c${i}`, type, nullable: true }));
  return { kind: 'Values', rows: [], schema, appendOnly, key, estimatedRows: 1 };
}

function joinOf(type: JoinType, left: PhysicalPlan, right: PhysicalPlan): Operator {
  const node: PhysicalJoin = {
    kind: 'Join',
    type,
    left,
    right,
    leftKeys: [0],
    rightKeys: [0],
    nullSafe: [false],
    residual: null,
    nullAware: false,
    schema: [...left.schema, ...right.schema],
    appendOnly: false,
    key: null,
    estimatedRows: 1,
  };
  return createJoin(node, context);
}

let seed = 0x2545f491;
function random(n: number): number {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return Math.floor(((seed >>> 0) / 0x1_0000_0000) * n);
}

function set(batch: OutputBatch, i: number, key: number, value: number, weight: number): void {
  const [keys, values, names] = batch.columns;
  if (keys?.kind !== 'i64' || values?.kind !== 'i64' || names?.kind !== 'text') throw new TypeError('shape');
  keys.data[i] = BigInt(key);
  values.data[i] = BigInt(value);
  names.data[i] = 'some name';
  batch.weights[i] = weight;
  batch.length = i + 1;
}

function measure(name: string, operator: Operator, pushes: readonly (readonly [number, Batch])[]): void {
  let output = 0;
  let worst = 0;
  let rows = 0;
  const emit = (batch: Batch): void => {
    output += batch.length;
  };
  const start = performance.now();
  for (const [port, batch] of pushes) {
    const before = performance.now();
    operator.push(port, batch, emit);
    rows += batch.length;
    worst = Math.max(worst, performance.now() - before);
  }
  operator.flush(emit);
  const seconds = (performance.now() - start) / 1000;
  const cells = [
    `${(rows / seconds / 1e6).toFixed(2)} M rows/s in`,
    `${(output / seconds / 1e6).toFixed(2)} M rows/s out`,
    `${(operator.stateBytes() / Math.max(1, operator.stateRows())).toFixed(0)} B a row`,
    `worst batch ${worst.toFixed(1)} ms`,
  ];
  process.stdout.write(`${name.padEnd(34)}${cells.join(', ')}\n`);
}

function fillBatches(keys: number): (readonly [number, Batch])[] {
  const batches: (readonly [number, Batch])[] = [];
  for (let from = 0; from < keys; from += ROWS) {
    for (const port of [0, 1]) {
      const batch = newBatch(shape, ROWS);
      for (let i = 0; i < ROWS; i++) set(batch, i, (from + i) ^ 0x155, port, 1);
      batches.push([port, batch]);
    }
  }
  return batches;
}

function churnBatches(keys: number, count: number): (readonly [number, Batch])[] {
  const values = [new Int32Array(keys + ROWS).fill(0), new Int32Array(keys + ROWS).fill(1)];
  return Array.from({ length: count }, (_, b) => {
    const port = b & 1;
    const batch = newBatch(shape, ROWS);
    for (let i = 0; i < ROWS; i += 2) {
      const key = random(keys);
      const value = values[port]?.[key] ?? 0;
      const side = values[port];
      if (side !== undefined) side[key] = value + 2;
      set(batch, i, key, value, -1);
      set(batch, i + 1, key, value + 2, 1);
    }
    return [port, batch] as const;
  });
}

function fanOutBatches(rights: number, count: number): (readonly [number, Batch])[] {
  const batches: (readonly [number, Batch])[] = [];
  for (let from = 0; from < rights; from += ROWS) {
    const batch = newBatch(shape, ROWS);
    for (let i = 0; i < ROWS; i++) set(batch, i, from + i, 0, 1);
    batches.push([1, batch]);
  }
  for (let b = 0; b < count; b++) {
    const batch = newBatch(shape, ROWS);
    for (let i = 0; i < ROWS; i++) set(batch, i, random(rights), b, 1);
    batches.push([0, batch]);
  }
  return batches;
}

const keys = Math.floor((Number(process.argv[2] ?? 1000) * 1000) / ROWS) * ROWS;
for (const type of ['inner', 'full'] as const) {
  const join = joinOf(type, input(false, null), input(false, null));
  measure(`${type}, fill ${keys} keys a side`, join, fillBatches(keys));
  measure(`${type}, churn`, join, churnBatches(keys, 400));
}
measure(
  'inner, fan-out, append-only',
  joinOf('inner', input(true, null), input(true, null)),
  fanOutBatches(20_480, 1000),
);
measure(
  'inner, unique append-only right',
  joinOf('inner', input(true, null), input(true, [0])),
  fanOutBatches(20_480, 1000),
);
measure(
  'semi, append-only',
  joinOf('semi', input(true, null), input(true, null)),
  fanOutBatches(20_480, 1000),
);
