/**
 * OVER: what one change costs in a partition of 10^3 to 10^6 rows, by function, and how many rows it gives out.
 *
 * Run: node bench/windowChange.ts [--most N] [--old] [name part]. Each change inserts one row and is taken back in a
 * tick of its own; the figure is the median over both. `--old` computes partitions as a whole.
 */
import { parseArgs } from 'node:util';
import { type Schema, types } from '../common/dataType.ts';
import type { AggregateFunction, WindowFunction } from '../common/function.ts';
import { windowFunctions } from '../executor/aggregates/window.ts';
import type { Batch } from '../executor/batch.ts';
import { functionCatalog } from '../executor/functions/index.ts';
import type { Operator } from '../executor/operators/operator.ts';
import { createWindow, WindowOperator } from '../executor/operators/window.ts';
import type { FrameBound, WindowCall } from '../planner/plan/aggregateCall.ts';
import type { PhysicalWindow } from '../planner/plan/physical.ts';
import { benchContext } from './support/context.ts';
import { markdownTable, milliseconds, percentile } from './support/statistics.ts';

const { values, positionals } = parseArgs({
  options: { most: { type: 'string', default: '1000000' }, old: { type: 'boolean', default: false } },
  allowPositionals: true,
});

const context = benchContext();

/** Partition, order (even numbers), argument. */
const input: Schema = [
  { name: 'k', type: types.int4, nullable: false },
  { name: 'o', type: types.int8, nullable: false },
  { name: 'v', type: types.int4, nullable: false },
];

const start: FrameBound = { bound: 'unbounded preceding', offset: null };
const current: FrameBound = { bound: 'current row', offset: null };
const end: FrameBound = { bound: 'unbounded following', offset: null };

function frame(unit: 'rows' | 'range' | 'groups', from: FrameBound, to: FrameBound): WindowCall['frame'] {
  return { unit, start: from, end: to, exclude: 'no others' };
}

const usual = frame('range', start, current);
const whole = frame('rows', start, end);

function callOf(fn: WindowFunction | AggregateFunction | undefined, over: WindowCall['frame']): WindowCall {
  if (fn === undefined) throw new TypeError('no such function');
  const ranks = fn.args.length === 0;
  const type = fn.name === 'cume_dist' ? types.float8 : ranks || fn.name === 'sum' ? types.int8 : types.int4;
  const args = ranks ? [] : [2];
  return { fn, args, filter: null, ignoreNulls: false, distinct: false, frame: over, type };
}

function pure(name: string, over = usual): WindowCall {
  return callOf(
    windowFunctions.find((f) => f.name === name),
    over,
  );
}

function aggregate(name: 'sum' | 'min' | 'max', over: WindowCall['frame']): WindowCall {
  for (const fn of functionCatalog.byName(name)) {
    if (fn.kind === 'aggregate' && fn.args[0] === 'int4') return callOf(fn, over);
  }
  throw new TypeError(`no aggregate ${name}`);
}

interface Case {
  readonly call: WindowCall;
  /** Where in the order the row comes: 0 first, 1 last. */
  readonly at: number;
}

const tenRows = frame('rows', { bound: 'preceding', offset: 10n }, current);
const hundredWide = frame(
  'range',
  { bound: 'preceding', offset: 100n },
  { bound: 'following', offset: 100n },
);
const tenGroups = frame('groups', { bound: 'preceding', offset: 10n }, current);

const cases: Readonly<Record<string, Case>> = {
  'row_number, at the end': { call: pure('row_number'), at: 1 },
  'row_number, 99 % on': { call: pure('row_number'), at: 0.99 },
  'rank, at the end': { call: pure('rank'), at: 1 },
  'dense_rank, at the end': { call: pure('dense_rank'), at: 1 },
  'lag, in the middle': { call: pure('lag'), at: 0.5 },
  'lead, in the middle': { call: pure('lead'), at: 0.5 },
  'first_value, in the middle': { call: pure('first_value'), at: 0.5 },
  'last_value of all, in the middle': { call: pure('last_value', whole), at: 0.5 },
  'sum, 10 rows preceding, in the middle': { call: aggregate('sum', tenRows), at: 0.5 },
  'max, 10 rows preceding, in the middle': { call: aggregate('max', tenRows), at: 0.5 },
  'sum, range of 100 rows, in the middle': { call: aggregate('sum', hundredWide), at: 0.5 },
  'sum, 10 groups preceding, in the middle': { call: aggregate('sum', tenGroups), at: 0.5 },
  'running sum, at the end': { call: aggregate('sum', usual), at: 1 },
  'running sum, 99 % on': { call: aggregate('sum', usual), at: 0.99 },
  'running min, in the middle': { call: aggregate('min', usual), at: 0.5 },
  'max of all, in the middle': { call: aggregate('max', whole), at: 0.5 },
};

function nodeOf(call: WindowCall): PhysicalWindow {
  const base = { schema: input, appendOnly: false, key: null, estimatedRows: 1 };
  return {
    ...base,
    kind: 'Window',
    input: { ...base, kind: 'Values', rows: [] },
    partition: [0],
    order: [{ column: 1, descending: false, nullsFirst: false }],
    calls: [call],
    schema: [...input, { name: 'w', type: call.type, nullable: true }],
  };
}

/** Rows whose orders are these; arguments lie in [1, 1000], the first row's is 1 and the second one's 1000. */
function batchOf(orders: readonly number[], weight: number): Batch {
  const argument = (o: number): number => (o === 0 ? 1 : o === 2 ? 1000 : 2 + ((o * 7919) % 998));
  return {
    length: orders.length,
    weights: new Int32Array(orders.length).fill(weight),
    columns: [
      { kind: 'i32', data: new Int32Array(orders.length), nulls: null },
      { kind: 'i64', data: BigInt64Array.from(orders, BigInt), nulls: null },
      { kind: 'i32', data: Int32Array.from(orders, argument), nulls: null },
    ],
  };
}

interface Figures {
  readonly ms: number;
  readonly emitted: number;
  readonly bytesPerRow: number;
}

function measure({ call, at }: Case, rows: number): Figures {
  const node = nodeOf(call);
  const operator: Operator = values.old ? new WindowOperator(node, context) : createWindow(node, context);
  let emitted = 0;
  const emit = (batch: Batch): void => {
    emitted += batch.length;
  };
  const tick = (batch: Batch): number => {
    const begun = performance.now();
    operator.push(0, batch, emit);
    operator.flush(emit);
    return performance.now() - begun;
  };
  for (let from = 0; from < rows; ) {
    const orders: number[] = [];
    // What computes partitions as a whole is loaded at once.
    const size = values.old ? rows : 8192;
    for (; from < rows && orders.length < size; from++) orders.push(2 * from);
    tick(batchOf(orders, 1));
  }
  const times: number[] = [];
  const until = performance.now() + 2000;
  let changes = 0;
  const before = emitted;
  while (times.length < 4 || (times.length < 1000 && performance.now() < until)) {
    // Odd: between two rows, or behind the last.
    const order = 2 * Math.floor((rows - 1) * at) + 1 - (at === 1 ? 0 : 2 * (changes % 7));
    times.push(tick(batchOf([order], 1)), tick(batchOf([order], -1)));
    changes += 2;
  }
  const bytesPerRow = operator.stateBytes() / rows;
  return { ms: percentile(times, 0.5), emitted: (emitted - before) / changes, bytesPerRow };
}

const sizes = [1e3, 1e4, 1e5, 1e6].filter((n) => n <= Number(values.most));
const part = positionals[0] ?? '';
const rows: (readonly string[])[] = [];
for (const [name, one] of Object.entries(cases)) {
  if (!name.includes(part)) continue;
  const figures = sizes.map((n) => measure(one, n));
  const last = figures.at(-1);
  rows.push([
    name,
    ...figures.map(({ ms }) => milliseconds(ms)),
    (last?.emitted ?? 0).toFixed(0),
    (last?.bytesPerRow ?? 0).toFixed(0),
  ]);
  process.stderr.write(`${(rows.at(-1) ?? []).join('  ')}\n`);
}
const header = ['ms for one change', ...sizes.map((n) => `${n} rows`), 'rows given out', 'bytes a row'];
process.stdout.write(`\nOne change in a partition\n\n${markdownTable(header, rows)}\n`);
