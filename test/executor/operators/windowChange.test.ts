import { describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { type DataType, type Schema, types } from '../../../common/dataType.ts';
import { Decimal } from '../../../common/decimal.ts';
import type { AggregateFunction, WindowFunction } from '../../../common/function.ts';
import { Interval } from '../../../common/interval.ts';
import type { Row, Value } from '../../../common/value.ts';
import { windowFunctions } from '../../../executor/aggregates/window.ts';
import { functionCatalog } from '../../../executor/functions/index.ts';
import type { TickContext } from '../../../executor/operators/operator.ts';
import { WindowOperator } from '../../../executor/operators/window.ts';
import { ChangeWindowOperator } from '../../../executor/operators/windowChange.ts';
import type { FrameBound, SortKey, WindowCall } from '../../../planner/plan/aggregateCall.ts';
import type { PhysicalWindow } from '../../../planner/plan/physical.ts';
import {
  batches,
  type Delta,
  inputNode,
  Probe,
  seeded,
  showRow,
  testContext,
} from '../../harness/operators.ts';

/** Columns: partition, order, int argument, numeric argument, a small number, a condition, text, and what tells ties apart. */
const [K, O, V, N, FEW, IF, T] = [0, 1, 2, 3, 4, 5, 6];

interface Order {
  readonly type: DataType;
  readonly value: (n: number) => Value;
  readonly distance: (n: number) => Value;
}

const DAY = 86_400_000_000n;

const orders: Readonly<Record<string, Order>> = {
  int4: { type: types.int4, value: (n) => n, distance: (n) => n },
  int8: { type: types.int8, value: (n) => BigInt(n), distance: (n) => BigInt(n) },
  numeric: {
    type: types.numeric,
    value: (n) => Decimal.parse(`${n}.5`),
    distance: (n) => Decimal.parse(`${n}.0`),
  },
  float8: { type: types.float8, value: (n) => n * 0.1, distance: (n) => n * 0.1 },
  date: { type: types.date, value: (n) => n * 9, distance: (n) => new Interval(n % 2, n * 5, 0n) },
  timestamp: {
    type: types.timestamp,
    value: (n) => BigInt(n) * DAY * 6n,
    distance: (n) => new Interval(n > 2 ? 1 : 0, n * 3, BigInt(n)),
  },
  timestamptz: {
    type: types.timestamptz,
    value: (n) => BigInt(n) * 25_200_000_000n + 1_711_600_000_000_000n,
    distance: (n) => new Interval(0, n, 3_600_000_000n),
  },
  time: {
    type: types.time,
    value: (n) => BigInt(n) * 3_600_000_000n,
    distance: (n) => new Interval(0, 0, BigInt(n) * 3_600_000_000n),
  },
  interval: {
    type: types.interval,
    value: (n) => new Interval(0, n, 0n),
    distance: (n) => new Interval(0, n, 0n),
  },
};

function inputOf(order: Order): Schema {
  return [
    { name: 'k', type: types.int4, nullable: false },
    { name: 'o', type: order.type, nullable: true },
    { name: 'v', type: types.int4, nullable: true },
    { name: 'n', type: types.numeric, nullable: true },
    { name: 'few', type: types.int4, nullable: true },
    { name: 'if', type: types.bool, nullable: true },
    { name: 't', type: types.text, nullable: true },
    { name: 'id', type: types.int4, nullable: false },
  ];
}

type Random = (n: number) => number;

function frameOf(below: Random, order: Order, sorted: boolean): WindowCall['frame'] {
  const units = ['rows', 'range', 'groups'] as const;
  const unit = must(units[below(3)]);
  const kinds = [
    'unbounded preceding',
    'preceding',
    'current row',
    'following',
    'unbounded following',
  ] as const;
  const bound = (from: number, to: number): FrameBound => {
    let kind = must(kinds[from + below(to - from)]);
    if (!sorted && unit === 'range' && (kind === 'preceding' || kind === 'following')) kind = 'current row';
    if (kind !== 'preceding' && kind !== 'following') return { bound: kind, offset: null };
    return { bound: kind, offset: unit === 'range' ? order.distance(below(4)) : BigInt(below(4)) };
  };
  const start = bound(0, 4);
  const end = bound(Math.max(1, kinds.indexOf(start.bound)), 5);
  const excludes = ['no others', 'no others', 'no others', 'current row', 'group', 'ties'] as const;
  return { unit, start, end, exclude: must(excludes[below(6)]) };
}

function aggregateNamed(name: string, args: readonly string[]): AggregateFunction {
  const found = functionCatalog
    .byName(name)
    .find(
      (f) => f.kind === 'aggregate' && f.args.length === args.length && f.args.every((a, i) => a === args[i]),
    );
  return must(found?.kind === 'aggregate' ? found : undefined, `aggregate ${name}`);
}

const aggregates: readonly (readonly [string, readonly string[], readonly number[], DataType])[] = [
  ['count', [], [], types.int8],
  ['count', ['any'], [V], types.int8],
  ['sum', ['int4'], [V], types.int8],
  ['avg', ['int4'], [V], types.numeric],
  ['sum', ['numeric'], [N], types.numeric],
  ['min', ['int4'], [V], types.int4],
  ['max', ['int4'], [V], types.int4],
  ['min', ['numeric'], [N], types.numeric],
  ['max', ['numeric'], [N], types.numeric],
  ['max', ['text'], [T], types.text],
  ['bool_or', ['bool'], [IF], types.bool],
  ['string_agg', ['text', 'text'], [T, T], types.text],
];

function callOf(below: Random, order: Order, sorted: boolean): WindowCall {
  const frame = frameOf(below, order, sorted);
  const plain = { filter: null, ignoreNulls: false, distinct: false, frame };
  if (below(2) === 0) {
    const [name, argTypes, args, type] = must(aggregates[below(aggregates.length)]);
    return { ...plain, fn: aggregateNamed(name, argTypes), args, type, filter: below(4) === 0 ? IF : null };
  }
  const fn: WindowFunction = must(windowFunctions[below(windowFunctions.length)]);
  switch (fn.name) {
    case 'row_number':
    case 'rank':
    case 'dense_rank':
      return { ...plain, fn, args: [], type: types.int8 };
    case 'percent_rank':
    case 'cume_dist':
      return { ...plain, fn, args: [], type: types.float8 };
    case 'ntile':
      return { ...plain, fn, args: [FEW], type: types.int4 };
    case 'nth_value':
      return { ...plain, fn, args: [V, FEW], type: types.int4, ignoreNulls: below(3) === 0 };
    case 'lag':
    case 'lead': {
      const args = must([[V], [V, FEW], [V, FEW, K]][below(3)]);
      return { ...plain, fn, args, type: types.int4, ignoreNulls: below(2) === 0 };
    }
    default:
      return below(3) === 0
        ? { ...plain, fn, args: [T], type: types.text }
        : { ...plain, fn, args: [V], type: types.int4, ignoreNulls: below(3) === 0 };
  }
}

interface Setup {
  readonly node: PhysicalWindow;
  readonly row: (random: () => number, id: number) => Row;
}

/** A random OVER. `spread`: how many values the order column has; `failing`: some rows make calls fail. */
function setupOf(below: Random, order: Order, spread: number, calls: number, failing: boolean): Setup {
  const input = inputOf(order);
  const keys = below(8);
  const key: SortKey = { column: O, descending: below(2) === 0, nullsFirst: below(2) === 0 };
  const second: SortKey = { column: V, descending: below(2) === 0, nullsFirst: below(2) === 0 };
  const sort = keys === 0 ? [] : keys === 1 ? [second, key] : [key];
  const rangeFits = keys !== 1;
  const made = Array.from({ length: calls }, () => {
    const call = callOf(below, order, sort.length > 0);
    if (rangeFits || call.frame.unit !== 'range') return call;
    const bare = (bound: FrameBound): FrameBound =>
      bound.offset === null ? bound : { bound: 'current row', offset: null };
    return { ...call, frame: { ...call.frame, start: bare(call.frame.start), end: bare(call.frame.end) } };
  });
  const node: PhysicalWindow = {
    kind: 'Window',
    input: inputNode(input),
    partition: [K],
    order: sort,
    calls: made,
    schema: [...input, ...made.map(({ type }, i) => ({ name: `w${i}`, type, nullable: true }))],
    appendOnly: false,
    key: null,
    estimatedRows: 1,
  };
  const row = (random: () => number, id: number): Row => {
    const few = (n: number): number => Math.floor(random() * n);
    const nullable = (value: Value): Value => (random() < 0.15 ? null : value);
    const n = few(4);
    return [
      few(2),
      nullable(order.value(few(spread))),
      nullable(few(5)),
      nullable(Decimal.parse(id % 2 === 0 ? `${n}` : `${n}.00`)),
      failing && random() < 0.05 ? 0 : 1 + few(3),
      nullable(random() < 0.5),
      nullable('abc'.charAt(few(3))),
      id,
    ];
  };
  return { node, row };
}

/** A context that sums the weights of errors. */
function countingContext(): { readonly context: TickContext; readonly errors: Map<string, number> } {
  const errors = new Map<string, number>();
  const context: TickContext = {
    ...testContext(),
    rowError: (error, weight, _operator, row) => {
      const key = `${error.message} ${showRow(row)}`;
      const sum = (errors.get(key) ?? 0) + weight;
      if (sum === 0) errors.delete(key);
      else errors.set(key, sum);
    },
  };
  return { context, errors };
}

/** Output and errors of the operator that computes partitions as a whole, over these rows. */
function recomputed(node: PhysicalWindow, rows: readonly Row[]): readonly [string[], Map<string, number>] {
  const { context, errors } = countingContext();
  const probe = new Probe(new WindowOperator(node, context));
  const deltas = rows.map((row): Delta => [row, 1]);
  for (const batch of batches(node.input.schema, deltas)) probe.push(0, batch);
  probe.flush();
  return [probe.rows(), errors];
}

interface Run {
  readonly initial: number;
  readonly ticks: number;
  readonly changes: number;
  /** Rows are told apart by so many numbers; null: all of them. */
  readonly ids: number | null;
}

function checkAgainstRecomputation({ node, row }: Setup, run: Run, seed: number): void {
  const random = seeded(seed);
  const below: Random = (n) => Math.floor(random() * n);
  const { context, errors } = countingContext();
  const probe = new Probe(new ChangeWindowOperator(node, context));
  const held: Row[] = [];
  let made = 0;
  const fresh = (): Delta => {
    const added = row(random, run.ids === null ? made++ : below(run.ids));
    held.push(added);
    return [added, 1];
  };
  const tick = (changes: readonly Delta[]): void => {
    probe.last = [];
    const before = new Map(probe.output);
    for (const batch of batches(node.input.schema, changes)) probe.push(0, batch);
    probe.flush();
    const [rows, failures] = recomputed(node, held);
    expect(probe.rows()).toEqual(rows);
    expect(errors).toEqual(failures);
    if (run.ids !== null) return;
    // Nothing is replaced by itself.
    const touched = new Set([...before.keys(), ...probe.output.keys()]);
    const changed = [...touched].filter((text) => before.get(text) !== probe.output.get(text));
    expect(probe.last.length).toBe(changed.length);
  };
  tick(Array.from({ length: run.initial }, fresh));
  for (let t = 0; t < run.ticks; t++) {
    const changes: Delta[] = [];
    for (let c = 1 + below(run.changes); c > 0; c--) {
      if (held.length === 0 || below(2) === 0) changes.push(fresh());
      else changes.push([must(held.splice(below(held.length), 1)[0]), -1]);
    }
    tick(changes);
  }
  tick(held.splice(0).map((gone): Delta => [gone, -1]));
  expect(probe.operator.stateRows()).toBe(0);
  expect(errors.size).toBe(0);
}

describe('a change of a window', () => {
  const names = Object.keys(orders);

  it.each(names)('gives what recomputation gives: small partitions by %s', (name) => {
    for (let seed = 1; seed <= 8; seed++) {
      const random = seeded(seed * 31 + name.length);
      const below: Random = (n) => Math.floor(random() * n);
      const setup = setupOf(below, must(orders[name]), 6, 8, false);
      checkAgainstRecomputation(setup, { initial: 10, ticks: 15, changes: 5, ids: 4 }, seed);
    }
  });

  it.each(names)('replaces only what differs: by %s', (name) => {
    for (let seed = 1; seed <= 8; seed++) {
      const random = seeded(seed * 57 + name.length);
      const below: Random = (n) => Math.floor(random() * n);
      const setup = setupOf(below, must(orders[name]), 30, 6, false);
      checkAgainstRecomputation(setup, { initial: 60, ticks: 15, changes: 3, ids: null }, seed);
    }
  });

  it.each(['int4', 'timestamp'])('goes on from what large partitions keep: by %s', (name) => {
    for (let seed = 1; seed <= 4; seed++) {
      const random = seeded(seed * 91 + name.length);
      const below: Random = (n) => Math.floor(random() * n);
      const setup = setupOf(below, must(orders[name]), 400, 8, false);
      checkAgainstRecomputation(setup, { initial: 620, ticks: 8, changes: 2, ids: null }, seed);
    }
  });

  it('contains errors by partition', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seeded(seed * 17);
      const below: Random = (n) => Math.floor(random() * n);
      const setup = setupOf(below, must(orders.int4), 6, 6, true);
      checkAgainstRecomputation(setup, { initial: 8, ticks: 20, changes: 3, ids: 3 }, seed);
    }
  });
});
