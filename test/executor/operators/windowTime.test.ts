import { describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { type DataType, type Schema, types } from '../../../common/dataType.ts';
import type { AggregateFunction, WindowFunction } from '../../../common/function.ts';
import { Interval } from '../../../common/interval.ts';
import type { Row, Value } from '../../../common/value.ts';
import { countingAggregates } from '../../../executor/aggregates/counting.ts';
import { extremeAggregates } from '../../../executor/aggregates/extremes.ts';
import { sumAggregates } from '../../../executor/aggregates/sums.ts';
import { windowFunctions } from '../../../executor/aggregates/window.ts';
import type { Operator } from '../../../executor/operators/operator.ts';
import { createWindow } from '../../../executor/operators/window.ts';
import type { FrameBound, WindowCall } from '../../../planner/plan/aggregateCall.ts';
import type { PhysicalCalc, PhysicalWindow } from '../../../planner/plan/physical.ts';
import { column, literal } from '../../../planner/plan/scalars.ts';
import type { StateBound, WatermarkTerm } from '../../../planner/plan/watermark.ts';
import { windowStateBound } from '../../../planner/time/windowFrames.ts';
import { batches, inputNode, Probe, seeded, show, testContext } from '../../harness/operators.ts';
import { ManualTime } from '../../harness/time.ts';

/** Columns: partition, order, argument, the literal 2, and a day that partitions may be closed by. */
const [K, TS, V, TWO, DAY] = [0, 1, 2, 3, 4];

interface Order {
  readonly type: DataType;
  /** The n-th value, and a distance of so many. */
  readonly value: (n: number) => Value;
  readonly distance: (n: number) => Value;
}

const orders: { readonly [name: string]: Order } = {
  int8: { type: types.int8, value: (n) => BigInt(n), distance: (n) => BigInt(n) },
  timestamp: {
    type: types.timestamp,
    value: (n) => BigInt(n) * 1_000_000n,
    distance: (n) => new Interval(0, 0, BigInt(n) * 1_000_000n),
  },
  date: { type: types.date, value: (n) => n, distance: (n) => new Interval(0, n, 0n) },
  // Seven hours a step, months and days by the calendar of a zone with summer time.
  timestamptz: {
    type: types.timestamptz,
    value: (n) => BigInt(n) * 25_200_000_000n + 1_708_000_000_000_000n,
    distance: (n) => new Interval(n > 4 ? 1 : 0, n, 0n),
  },
};

function inputOf(type: DataType): PhysicalCalc {
  const schema: Schema = [
    { name: 'k', type: types.int4, nullable: false },
    { name: 'ts', type, nullable: true },
    { name: 'v', type: types.int4, nullable: true },
    { name: 'two', type: types.int4, nullable: false },
    { name: 'day', type: types.int8, nullable: false },
  ];
  const exprs = schema.map((c, i) => (i === TWO ? literal(2, types.int4) : column(i, c.type)));
  return { ...inputNode(schema), kind: 'Calc', input: inputNode(schema), condition: null, exprs };
}

const first: FrameBound = { bound: 'unbounded preceding', offset: null };
const current: FrameBound = { bound: 'current row', offset: null };
const preceding = (offset: Value): FrameBound => ({ bound: 'preceding', offset });
const following = (offset: Value): FrameBound => ({ bound: 'following', offset });

type Frame = WindowCall['frame'];
const frame = (
  unit: Frame['unit'],
  start: FrameBound,
  end: FrameBound,
  exclude: Frame['exclude'] = 'no others',
): Frame => ({ unit, start, end, exclude });

function pure(name: string, args: readonly number[], over: Frame, ignoreNulls = false): WindowCall {
  const fn = must(windowFunctions.find((f: WindowFunction) => f.name === name));
  const type = args.length > 0 ? types.int4 : types.int8;
  return { fn, args, filter: null, ignoreNulls, distinct: false, frame: over, type };
}

function aggregate(name: string, over: Frame): WindowCall {
  const all: readonly AggregateFunction[] = [...countingAggregates, ...sumAggregates, ...extremeAggregates];
  const fn = must(
    all.find(
      (f) =>
        f.name === name && (name === 'count' ? f.args.length === 0 : name !== 'sum' || f.args[0] === 'int4'),
    ),
  );
  const type = name === 'max' ? types.int4 : types.int8;
  return {
    fn,
    args: name === 'count' ? [] : [V],
    filter: null,
    ignoreNulls: false,
    distinct: false,
    frame: over,
    type,
  };
}

interface Case {
  readonly name: string;
  readonly calls: (d: Order['distance']) => readonly WindowCall[];
  readonly bound: 'range' | 'rows' | 'none';
  /** Rows after it that a row waits for. */
  readonly waits?: number;
}

const usual = frame('range', first, current);

const cases: readonly Case[] = [
  {
    name: 'range preceding',
    bound: 'range',
    calls: (d) => [aggregate('sum', frame('range', preceding(d(8)), current))],
  },
  { name: 'peers', bound: 'range', calls: () => [aggregate('count', frame('range', current, current))] },
  {
    name: 'range around',
    bound: 'range',
    calls: (d) => [aggregate('count', frame('range', preceding(d(3)), following(d(4)), 'current row'))],
  },
  {
    name: 'range far following',
    bound: 'range',
    calls: (d) => [pure('last_value', [V], frame('range', following(d(1)), following(d(6))))],
  },
  {
    name: 'rows preceding',
    bound: 'rows',
    calls: () => [aggregate('sum', frame('rows', preceding(3), current))],
  },
  { name: 'lag', bound: 'rows', calls: () => [pure('lag', [V], usual), pure('lag', [V, TWO], usual)] },
  { name: 'lead', bound: 'rows', waits: 1, calls: () => [pure('lead', [V], usual)] },
  {
    name: 'rows around',
    bound: 'rows',
    waits: 2,
    calls: () => [aggregate('max', frame('rows', preceding(1), following(2)))],
  },
  {
    name: 'groups',
    bound: 'rows',
    calls: () => [aggregate('count', frame('groups', preceding(2), current, 'ties'))],
  },
  {
    name: 'range and rows',
    bound: 'rows',
    calls: (d) => [
      aggregate('count', frame('range', preceding(d(5)), current)),
      pure('first_value', [V], frame('rows', preceding(2), current), true),
    ],
  },
  { name: 'numbers', bound: 'none', calls: () => [pure('row_number', [], usual), pure('rank', [], usual)] },
  { name: 'running', bound: 'none', calls: () => [aggregate('sum', usual)] },
  { name: 'lag over nulls', bound: 'none', calls: () => [pure('lag', [V], usual, true)] },
  { name: 'lag by a column', bound: 'none', waits: 9, calls: () => [pure('lag', [V, V], usual)] },
  { name: 'lead over nulls', bound: 'rows', waits: 99, calls: () => [pure('lead', [V], usual, true)] },
];

const term = (relation: number, type: DataType): WatermarkTerm => ({
  kind: 'relation',
  relation,
  column: 0,
  group: 0,
  lateness: 0n,
  type,
});

function nodeOf(order: Order, c: Case, more: Partial<PhysicalWindow> = {}): PhysicalWindow {
  const input = inputOf(order.type);
  const calls = c.calls(order.distance);
  return {
    kind: 'Window',
    input,
    partition: [K],
    order: [{ column: TS, descending: false, nullsFirst: false }],
    calls,
    schema: [...input.schema, ...calls.map(({ type }, i) => ({ name: `w${i}`, type, nullable: true }))],
    appendOnly: false,
    key: null,
    estimatedRows: 1,
    ...more,
  };
}

interface Run {
  readonly random: () => number;
  readonly order: Order;
  readonly time: ManualTime;
  /** All operators see the same deltas. */
  readonly probes: readonly Probe[];
  readonly schema: Schema;
  readonly ticks: number;
  readonly nulls: boolean;
  /** What partitions the rows, given the time. */
  readonly key: (n: number) => number;
  readonly afterTick: (held: readonly Row[]) => void;
}

/** Random ticks with rows in disorder, none below the watermark, which then moves on. */
function play({ random, order, time, probes, schema, ticks, nulls, key, afterTick }: Run): readonly Row[] {
  const below = (n: number): number => Math.floor(random() * n);
  const held: { readonly row: Row; readonly n: number | null }[] = [];
  let watermark = 0;
  for (let tick = 0; tick < ticks; tick++) {
    const changes: [Row, number][] = [];
    for (let r = below(6); r > 0; r--) {
      const open = held.flatMap((h, i) => (h.n === null || h.n >= watermark ? [i] : []));
      if (open.length > 0 && random() < 0.25) {
        changes.push([must(held.splice(must(open[below(open.length)]), 1)[0]).row, -1]);
        continue;
      }
      const n = nulls && random() < 0.1 ? null : watermark + below(12);
      const k = n === null ? below(2) : key(n);
      const v = random() < 0.3 ? null : below(3);
      const row: Row = [k, n === null ? null : order.value(n), v, 2, BigInt(k)];
      held.push({ row, n });
      changes.push([row, 1]);
    }
    if (random() < 0.6) watermark += below(5);
    time.setWatermark(1, 0, order.value(watermark));
    time.setWatermark(2, 0, BigInt(Math.floor(watermark / 20)));
    for (const probe of probes) {
      for (const batch of batches(schema, changes, 3)) probe.operator.push(0, batch, probe.emit);
      if (changes.length > 0 || probe.operator.isDue?.() === true) probe.operator.flush(probe.emit);
      expect(probe.operator.isDue?.() ?? false).toBe(false);
    }
    afterTick(held.map((h) => h.row));
  }
  return held.map((h) => h.row);
}

const zone = 'America/New_York';

function make(node: PhysicalWindow, time: ManualTime): Operator {
  const context = testContext(time);
  return createWindow(node, { ...context, eval: { ...context.eval, timeZone: zone } });
}

const combinations = Object.keys(orders).flatMap((name) => cases.map((c) => [name, c.name] as const));

describe('OVER with a watermark on its order', () => {
  it.each(combinations)('%s, %s: the same with and without dropped rows', (name, caseName) => {
    const order = must(orders[name]);
    const c = must(cases.find((x) => x.name === caseName));
    for (let seed = 1; seed <= 4; seed++) {
      const random = seeded(seed);
      const time = new ManualTime();
      const orderBound: StateBound = { column: TS, term: term(1, order.type) };
      const plain = new Probe(make(nodeOf(order, c), time));
      const node = nodeOf(order, c, { orderBound });
      const bounded = new Probe(make(node, time));
      expect(windowStateBound(node)).toBe(c.bound);
      const nulls = seed % 2 === 0;
      const key = (): number => Math.floor(random() * 2);
      const afterTick = (): void => expect(bounded.rows(), `seed ${seed}`).toEqual(plain.rows());
      const { schema } = node.input;
      play({ random, order, time, probes: [plain, bounded], schema, ticks: 60, nulls, key, afterTick });
      const kept = bounded.operator.stateRows();
      if (c.bound === 'none') expect(kept).toBe(plain.operator.stateRows());
      else if (!nulls && c.waits !== 99 && name !== 'timestamptz')
        expect(kept).toBeLessThan(plain.operator.stateRows() / 2);
      // When all has passed, a time range needs nothing any more.
      time.setWatermark(1, 0, order.value(100_000));
      if (bounded.operator.isDue?.() === true) bounded.operator.flush(bounded.emit);
      afterTick();
      if (c.bound === 'range' && !nulls) expect(bounded.operator.stateRows()).toBe(0);
      if (c.bound === 'rows' && !nulls && c.waits !== 99)
        expect(bounded.operator.stateRows()).toBeLessThan(14);
    }
  });

  it.each(combinations)('%s, %s: on window close as on update at the end', (name, caseName) => {
    const order = must(orders[name]);
    const c = must(cases.find((x) => x.name === caseName));
    for (let seed = 1; seed <= 4; seed++) {
      const random = seeded(seed * 31);
      const time = new ManualTime();
      const orderBound: StateBound = { column: TS, term: term(1, order.type) };
      const plain = new Probe(make(nodeOf(order, c), time));
      const node = nodeOf(order, c, { orderBound, final: true });
      const final = new Probe(make(node, time));
      const key = (): number => Math.floor(random() * 2);
      const afterTick = (): void => {
        expect(final.last.filter((line) => line.startsWith('-'))).toEqual([]);
      };
      const { schema } = node.input;
      const rows = play({
        random,
        order,
        time,
        probes: [plain, final],
        schema,
        ticks: 60,
        nulls: seed % 2 === 0,
        key,
        afterTick,
      });
      time.setWatermark(1, 0, order.value(100_000));
      expect(final.operator.isDue?.()).toBe(true);
      final.operator.flush(final.emit);
      const given = final.rows();
      const expected = plain.rows().filter((line) => line.split(' ')[TS] !== 'NULL');
      const missing = [...expected];
      for (const line of given) {
        const at = missing.indexOf(line);
        expect(at, `${line} (seed ${seed})`).toBeGreaterThanOrEqual(0);
        missing.splice(at, 1);
      }
      // Rows that wait for rows after them wait on, at the end of each partition.
      if ((c.waits ?? 0) < 9) expect(missing).toHaveLength(waiting(rows, c.waits ?? 0));
    }
  });

  /** Rows with a time that are among the last n of their partition. */
  function waiting(rows: readonly Row[], n: number): number {
    const timed = rows.filter((row) => row[TS] !== null);
    const partitions = Map.groupBy(timed, (row) => show(row[K] ?? null));
    return [...partitions.values()].reduce((sum, members) => sum + Math.min(n, members.length), 0);
  }

  it('leaves late rows out, and says so', () => {
    const order = must(orders.int8);
    const c = must(cases.find((x) => x.name === 'lag'));
    const time = new ManualTime();
    const node = nodeOf(order, c, { orderBound: { column: TS, term: term(1, order.type) }, final: true });
    const context = testContext(time);
    const probe = new Probe(createWindow(node, context));
    const { schema } = node.input;
    expect(probe.tick(schema, '+ 1 10 5 2 0\n+ 1 20 6 2 0')).toEqual([]);
    time.setWatermark(1, 0, 15n);
    expect(probe.tick(schema, '+ 1 12 7 2 0')).toEqual(['+ 1 10 5 2 0 NULL NULL', '+ 1 12 7 2 0 5 NULL']);
    expect(probe.tick(schema, '+ 1 14 8 2 0\n+ 1 15 9 2 0\n+ 1 NULL 9 2 0')).toEqual([]);
    expect(context.late).toMatchObject([{ row: [1, 14n, 8, 2, 0n], eventTime: 14n, watermark: 15n }]);
    time.setWatermark(1, 0, 30n);
    expect(probe.operator.isDue?.()).toBe(true);
    probe.last = [];
    probe.operator.flush(probe.emit);
    expect(probe.last).toEqual(['+ 1 15 9 2 0 7 5', '+ 1 20 6 2 0 9 7']);
  });

  it('wakes up when the clock closes rows', () => {
    const order = must(orders.timestamp);
    const type = types.timestamptz;
    const time = new ManualTime(0n);
    const c: Case = { name: 'clock', bound: 'range', calls: () => [aggregate('count', usual)] };
    const clock = nodeOf({ ...order, type }, c, {
      orderBound: { column: TS, term: { kind: 'clock', type } },
      final: true,
    });
    const probe = new Probe(make(clock, time));
    const { schema } = clock.input;
    for (const batch of batches(schema, [[[1, 5_000_000n, 1, 2, 0n], 1]]))
      probe.operator.push(0, batch, probe.emit);
    probe.operator.flush(probe.emit);
    expect(probe.operator.nextWake?.()).toBe(5_000_001n);
    time.setClock(5_000_000n);
    expect(probe.operator.isDue?.()).toBe(false);
    time.setClock(5_000_001n);
    expect(probe.operator.isDue?.()).toBe(true);
    probe.operator.flush(probe.emit);
    expect(probe.rows()).toHaveLength(1);
  });
});

describe('OVER with a watermark on its partition', () => {
  it.each(cases.map((c) => c.name))('%s: partitions go when they have passed', (caseName) => {
    const order = must(orders.timestamp);
    const c = must(cases.find((x) => x.name === caseName));
    for (let seed = 1; seed <= 4; seed++) {
      const random = seeded(seed * 77);
      const time = new ManualTime();
      const clean: StateBound = { column: DAY, term: term(2, types.int8) };
      const orderBound: StateBound = { column: TS, term: term(1, order.type) };
      const partition = [K, DAY];
      const plain = new Probe(make(nodeOf(order, c, { partition }), time));
      const cleaned = new Probe(make(nodeOf(order, c, { partition, clean, orderBound }), time));
      const final = new Probe(make(nodeOf(order, c, { partition, clean, orderBound, final: true }), time));
      // A partition holds the rows of twenty steps.
      const key = (n: number): number => Math.floor(n / 20);
      const afterTick = (): void => expect(cleaned.rows()).toEqual(plain.rows());
      const { schema } = nodeOf(order, c).input;
      play({
        random,
        order,
        time,
        probes: [plain, cleaned, final],
        schema,
        ticks: 80,
        nulls: false,
        key,
        afterTick,
      });
      time.setWatermark(1, 0, order.value(100_000));
      time.setWatermark(2, 0, 5000n);
      for (const probe of [cleaned, final])
        if (probe.operator.isDue?.() === true) probe.operator.flush(probe.emit);
      afterTick();
      expect(final.rows(), `seed ${seed}`).toEqual(plain.rows());
      expect(cleaned.operator.stateRows()).toBe(0);
      expect(final.operator.stateRows()).toBe(0);
    }
  });
});
