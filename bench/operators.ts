/**
 * Operators alone: events a second over batches made beforehand, one core.
 *
 * Run: node bench/operators.ts [name part]. Each measure is the best of three runs on a fresh operator.
 */
import { must } from '../common/assert.ts';
import { type Schema, types } from '../common/dataType.ts';
import type { AggregateFunction } from '../common/function.ts';
import type { Batch, Vector } from '../executor/batch.ts';
import { functionCatalog } from '../executor/functions/index.ts';
import { createOperator } from '../executor/operators/index.ts';
import type { Operator } from '../executor/operators/operator.ts';
import type { AggregateCall, SortKey } from '../planner/plan/aggregateCall.ts';
import type { PhysicalPlan } from '../planner/plan/physical.ts';
import type { Scalar } from '../planner/plan/scalar.ts';
import { benchContext } from './support/context.ts';

const ROWS = 1_000_000;
const TICK_ROWS = 1024;

const context = benchContext();

/** Bids: auction, bidder, price, channel, time in micros, extra. */
const bids: Schema = [
  { name: 'auction', type: types.int8, nullable: false },
  { name: 'bidder', type: types.int8, nullable: false },
  { name: 'price', type: types.int8, nullable: false },
  { name: 'channel', type: types.text, nullable: true },
  { name: 'date_time', type: types.timestamp, nullable: false },
  { name: 'low', type: types.bool, nullable: true },
  { name: 'high', type: types.bool, nullable: true },
  { name: 'key', type: types.int4, nullable: false },
];

function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}

function makeBids(): Batch[] {
  const random = randomNumbers(42);
  const made: Batch[] = [];
  const channels = Array.from({ length: 100 }, (_, i) => `channel-${i}`);
  for (let from = 0; from < ROWS; from += TICK_ROWS) {
    const n = Math.min(TICK_ROWS, ROWS - from);
    const auction = new BigInt64Array(n);
    const bidder = new BigInt64Array(n);
    const price = new BigInt64Array(n);
    const channel = new Array<string>(n);
    const time = new BigInt64Array(n);
    const low = new Uint8Array(n);
    const high = new Uint8Array(n);
    const key = new Int32Array(n);
    for (let i = 0; i < n; i++) {
      const at = from + i;
      auction[i] = BigInt(1000 + Math.floor(at / 15) + Math.floor(random() * 100));
      bidder[i] = BigInt(1000 + Math.floor(at / 50) + Math.floor(random() * 1000));
      price[i] = BigInt(Math.floor(10 ** (random() * 6) * 100));
      channel[i] = must(channels[Math.floor(random() * random() * 100)]);
      time[i] = BigInt(1436918400000000 + at * 100);
      low[i] = must(price[i]) < 10000n ? 1 : 0;
      high[i] = must(price[i]) >= 1000000n ? 1 : 0;
      key[i] = Math.floor(random() * 1_000_000);
    }
    const columns: Vector[] = [
      { kind: 'i64', data: auction, nulls: null },
      { kind: 'i64', data: bidder, nulls: null },
      { kind: 'i64', data: price, nulls: null },
      { kind: 'text', data: channel, nulls: null },
      { kind: 'i64', data: time, nulls: null },
      { kind: 'bool', data: low, nulls: null },
      { kind: 'bool', data: high, nulls: null },
      { kind: 'i32', data: key, nulls: null },
    ];
    made.push({ length: n, columns, weights: new Int32Array(n).fill(1) });
  }
  return made;
}

const base = { key: null, estimatedRows: 1 };

function source(schema: Schema, appendOnly: boolean): PhysicalPlan {
  return { ...base, kind: 'Values', rows: [], schema, appendOnly };
}

function column(index: number): Scalar {
  return { kind: 'column', index, type: must(bids[index]).type };
}

function int8(value: bigint): Scalar {
  return { kind: 'literal', value, type: types.int8 };
}

function call(name: string, type: Scalar['type'], ...args: Scalar[]): Scalar {
  const fn = functionCatalog.byName(name).find((f) => f.kind === 'scalar');
  if (fn?.kind !== 'scalar') throw new TypeError(`no function ${name}`);
  return { kind: 'call', fn, args, type };
}

function aggregateFunction(name: string, arg: string | null): AggregateFunction {
  const found = functionCatalog
    .byName(name)
    .find((f) => f.kind === 'aggregate' && (arg === null ? f.args.length === 0 : f.args[0] === arg));
  if (found?.kind !== 'aggregate') throw new TypeError(`no aggregate ${name}`);
  return found;
}

function aggregate(
  name: string,
  arg: number | null,
  options: { readonly distinct?: boolean; readonly filter?: number } = {},
): AggregateCall {
  const generic = name === 'count' ? 'any' : 'int8';
  const type = name === 'count' || name === 'max' || name === 'min' ? types.int8 : types.numeric;
  return {
    fn: aggregateFunction(name, arg === null ? null : generic),
    args: arg === null ? [] : [arg],
    distinct: options.distinct ?? false,
    filter: options.filter ?? null,
    orderBy: [],
    type,
  };
}

function group(
  keys: readonly number[],
  calls: readonly AggregateCall[],
  appendOnly = true,
  input = bids,
): PhysicalPlan {
  return {
    ...base,
    kind: 'Aggregate',
    input: source(input, appendOnly),
    keys,
    aggregates: calls,
    global: keys.length === 0,
    appendOnly: false,
    schema: [
      ...keys.map((key) => must(input[key])),
      ...calls.map(({ type }, i) => ({ name: `a${i}`, type, nullable: true })),
    ],
  };
}

function topN(
  partition: readonly number[],
  order: readonly SortKey[],
  limit: number,
  appendOnly: boolean,
): PhysicalPlan {
  return {
    ...base,
    kind: 'TopN',
    input: source(bids, appendOnly),
    partition,
    order,
    limit,
    offset: 0,
    withTies: false,
    rank: null,
    appendOnly: false,
    schema: bids,
  };
}

const hopSchema: Schema = [
  ...bids,
  { name: 'window_start', type: types.timestamp, nullable: false },
  { name: 'window_end', type: types.timestamp, nullable: false },
];

function calc(condition: Scalar | null, exprs: readonly Scalar[]): PhysicalPlan {
  const schema = exprs.map(({ type }, i) => ({ name: `c${i}`, type, nullable: true }));
  return { ...base, kind: 'Calc', input: source(bids, true), condition, exprs, appendOnly: true, schema };
}

const all = bids.map((_, i) => column(i));
const desc = (c: number): SortKey => ({ column: c, descending: true, nullsFirst: true });
const distinctCalls = [1, 0].flatMap((arg) => [
  aggregate('count', arg, { distinct: true }),
  aggregate('count', arg, { distinct: true, filter: 5 }),
  aggregate('count', arg, { distinct: true, filter: 6 }),
]);

/** Operators in a chain; batches enter the first. */
const measures: readonly { readonly name: string; readonly chain: () => readonly PhysicalPlan[] }[] = [
  {
    name: 'calc: project price * 908 / 1000',
    chain: () => [
      calc(null, [
        column(0),
        column(1),
        call('int8div', types.int8, call('int8mul', types.int8, column(2), int8(908n)), int8(1000n)),
        column(4),
      ]),
    ],
  },
  {
    name: 'calc: filter auction in 5 ids',
    chain: () => [
      calc(
        {
          kind: 'inSet',
          operand: column(0),
          values: [1007n, 1020n, 2001n, 2019n, 2087n],
          hasNull: false,
          negated: false,
          type: types.bool,
        },
        [column(0), column(2)],
      ),
    ],
  },
  {
    name: 'calc: filter half, all columns',
    chain: () => [calc(call('int8lt', types.bool, column(2), int8(100000n)), all)],
  },
  {
    name: 'aggregate: count, sum, avg by 1M keys',
    chain: () => [group([7], [aggregate('count', null), aggregate('sum', 2), aggregate('avg', 2)])],
  },
  { name: 'aggregate: max by auction, append-only', chain: () => [group([0], [aggregate('max', 2)])] },
  { name: 'aggregate: max by auction, retractable', chain: () => [group([0], [aggregate('max', 2)], false)] },
  { name: 'aggregate: count by channel', chain: () => [group([3], [aggregate('count', null)])] },
  {
    name: 'aggregate: global count, sum, max',
    chain: () => [group([], [aggregate('count', null), aggregate('sum', 2), aggregate('max', 2)])],
  },
  {
    name: 'aggregate: 6 distinct counts by channel (q16)',
    chain: () => [
      group([3], [aggregate('count', null), aggregate('count', null, { filter: 5 }), ...distinctCalls]),
    ],
  },
  {
    name: 'hop 2 s / 10 s, count by auction and window (q5)',
    chain: () => [
      {
        ...base,
        kind: 'Hop',
        input: source(bids, true),
        time: 4,
        slideMicros: 2_000_000n,
        sizeMicros: 10_000_000n,
        offsetMicros: 0n,
        schema: hopSchema,
        appendOnly: true,
      },
      group([0, 8], [aggregate('count', null)], true, hopSchema),
    ],
  },
  { name: 'top 1 by bidder and auction (q18)', chain: () => [topN([1, 0], [desc(4)], 1, true)] },
  { name: 'top 10 by auction, append-only (q19)', chain: () => [topN([0], [desc(2)], 10, true)] },
  { name: 'top 10 by auction, retractable', chain: () => [topN([0], [desc(2)], 10, false)] },
  {
    name: 'distinct bidder',
    chain: () => [
      calc(null, [column(1)]),
      {
        ...base,
        kind: 'Distinct',
        input: source([must(bids[1])], true),
        appendOnly: true,
        schema: [must(bids[1])],
      },
    ],
  },
];

function run(
  batches: readonly Batch[],
  plans: readonly PhysicalPlan[],
): { readonly rate: number; readonly slowest: number; readonly bytes: number; readonly out: number } {
  const operators: Operator[] = plans.map((plan) => createOperator(plan, context));
  let out = 0;
  const emitFrom =
    (i: number) =>
    (batch: Batch): void => {
      const next = operators[i + 1];
      if (next === undefined) out += batch.length;
      else next.push(0, batch, must(emits[i + 1]));
    };
  const emits = operators.map((_, i) => emitFrom(i));
  const first = must(operators[0]);
  const firstEmit = must(emits[0]);
  let slowest = 0;
  const start = performance.now();
  let last = start;
  for (const batch of batches) {
    first.push(0, batch, firstEmit);
    for (let i = 0; i < operators.length; i++) must(operators[i]).flush(must(emits[i]));
    const now = performance.now();
    slowest = Math.max(slowest, now - last);
    last = now;
  }
  const seconds = (last - start) / 1000;
  const bytes = operators.reduce((sum, operator) => sum + operator.stateBytes(), 0);
  return { rate: ROWS / seconds, slowest, bytes, out };
}

const wanted = process.argv[2] ?? '';
const batches = makeBids();
for (const { name, chain } of measures) {
  if (!name.includes(wanted)) continue;
  const runs = [run(batches, chain()), run(batches, chain()), run(batches, chain())];
  const best = runs.reduce((a, b) => (a.rate > b.rate ? a : b));
  console.log(
    `${name.padEnd(52)} ${(best.rate / 1e6).toFixed(2).padStart(8)} M/s  slowest tick ${best.slowest.toFixed(1).padStart(6)} ms  state ${(best.bytes / 1e6).toFixed(1).padStart(7)} MB  out ${best.out}`,
  );
}
