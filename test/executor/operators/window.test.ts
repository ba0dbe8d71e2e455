import { describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { types } from '../../../common/dataType.ts';
import type { AggregateFunction, WindowFunction } from '../../../common/function.ts';
import type { Row, Value } from '../../../common/value.ts';
import { countingAggregates } from '../../../executor/aggregates/counting.ts';
import { extremeAggregates } from '../../../executor/aggregates/extremes.ts';
import { sumAggregates } from '../../../executor/aggregates/sums.ts';
import { windowFunctions } from '../../../executor/aggregates/window.ts';
import { ChangeWindowOperator } from '../../../executor/operators/windowChange.ts';
import type { FrameBound, SortKey, WindowCall } from '../../../planner/plan/aggregateCall.ts';
import type { PhysicalWindow } from '../../../planner/plan/physical.ts';
import {
  checkIncremental,
  inputNode,
  Probe,
  type Scenario,
  schema,
  show,
  testContext,
} from '../../harness/operators.ts';

const input = schema('k text, x int4?, y int4');

const byX: SortKey = { column: 1, descending: true, nullsFirst: false };
const byY: SortKey = { column: 2, descending: false, nullsFirst: false };

type Frame = WindowCall['frame'];
const start: FrameBound = { bound: 'unbounded preceding', offset: null };
const end: FrameBound = { bound: 'unbounded following', offset: null };
const current: FrameBound = { bound: 'current row', offset: null };
const preceding = (offset: number): FrameBound => ({ bound: 'preceding', offset });
const following = (offset: number): FrameBound => ({ bound: 'following', offset });

function frame(
  unit: Frame['unit'],
  from: FrameBound,
  to: FrameBound,
  exclude: Frame['exclude'] = 'no others',
): Frame {
  return { unit, start: from, end: to, exclude };
}

const usual = frame('range', start, current);

function pure(
  name: string,
  args: readonly number[] = [],
  over: Frame = usual,
  ignoreNulls = false,
): WindowCall {
  const fn = must(windowFunctions.find((f: WindowFunction) => f.name === name));
  const int4 = ['lag', 'lead', 'first_value', 'last_value', 'nth_value', 'ntile'].includes(name);
  const float = name === 'percent_rank' || name === 'cume_dist';
  const type = int4 ? types.int4 : float ? types.float8 : types.int8;
  return { fn, args, filter: null, ignoreNulls, distinct: false, frame: over, type };
}

function aggregate(name: string, over: Frame): WindowCall {
  const all: readonly AggregateFunction[] = [...countingAggregates, ...sumAggregates, ...extremeAggregates];
  const fn = must(all.find((f) => f.name === name && (name === 'count' ? f.args.length === 0 : true)));
  const args = name === 'count' ? [] : [1];
  const type = name === 'count' || name === 'sum' ? types.int8 : types.int4;
  const exact =
    name === 'sum' ? must(sumAggregates.find((f) => f.name === name && f.args[0] === 'int4')) : fn;
  return { fn: exact, args, filter: null, ignoreNulls: false, distinct: false, frame: over, type };
}

const calls: readonly WindowCall[] = [
  pure('row_number'),
  pure('rank'),
  pure('dense_rank'),
  pure('percent_rank'),
  pure('cume_dist'),
  pure('ntile', [2]),
  pure('lag', [1]),
  pure('lead', [1, 2, 2]),
  pure('lag', [1], usual, true),
  pure('first_value', [1], frame('rows', preceding(1), end)),
  pure('last_value', [1], frame('groups', preceding(1), current)),
  pure('nth_value', [1, 2], frame('rows', start, end, 'current row')),
  pure('first_value', [1], frame('rows', preceding(2), current), true),
  aggregate('sum', usual),
  aggregate('sum', frame('rows', preceding(1), following(1))),
  aggregate('sum', frame('rows', following(1), following(2))),
  aggregate('max', frame('rows', preceding(2), preceding(1))),
  aggregate('min', frame('groups', preceding(1), following(1))),
  aggregate('count', frame('groups', current, end, 'ties')),
  aggregate('count', frame('rows', start, end, 'group')),
  aggregate('sum', frame('range', preceding(1), following(1))),
  aggregate('count', frame('range', preceding(2), preceding(1))),
];

function node(order: readonly SortKey[], partition: readonly number[]): PhysicalWindow {
  return {
    kind: 'Window',
    input: inputNode(input),
    partition,
    order,
    calls,
    schema: [...input, ...calls.map(({ type }, i) => ({ name: `w${i}`, type, nullable: true }))],
    appendOnly: false,
    key: null,
    estimatedRows: 1,
  };
}

function compareKey(a: Value, b: Value, key: SortKey): number {
  if (a === null || b === null) return a === b ? 0 : (a === null) === key.nullsFirst ? -1 : 1;
  const order = a < b ? -1 : a > b ? 1 : 0;
  return key.descending ? -order : order;
}

/** Straight from the definitions, row by row. */
class Naive {
  readonly rows: readonly Row[];
  readonly order: readonly SortKey[];

  constructor(rows: readonly Row[], order: readonly SortKey[]) {
    this.order = order;
    this.rows = [...rows].sort((a, b) => this.compare(a, b));
  }

  compare(a: Row, b: Row): number {
    for (const key of this.order) {
      const order = compareKey(a[key.column] ?? null, b[key.column] ?? null, key);
      if (order !== 0) return order;
    }
    return 0;
  }

  peers(i: number, j: number): boolean {
    return this.compare(must(this.rows[i]), must(this.rows[j])) === 0;
  }

  group(i: number): number {
    let groups = 0;
    for (let j = 1; j <= i; j++) if (!this.peers(j, j - 1)) groups++;
    return groups;
  }

  /** Signed distance of row j after row i in the unit; for RANGE by value. */
  distance(unit: Frame['unit'], i: number, j: number): number {
    if (unit === 'rows') return j - i;
    if (unit === 'groups') return this.group(j) - this.group(i);
    const key = must(this.order[0]);
    const a = must(this.rows[i])[key.column] ?? null;
    const b = must(this.rows[j])[key.column] ?? null;
    if (a === null || b === null) return a === b ? 0 : compareKey(a, b, key) * -1000;
    return (Number(b) - Number(a)) * (key.descending ? -1 : 1);
  }

  within(over: Frame, i: number, j: number): boolean {
    const place = (bound: FrameBound): number => {
      if (bound.bound === 'unbounded preceding') return Number.NEGATIVE_INFINITY;
      if (bound.bound === 'unbounded following') return Number.POSITIVE_INFINITY;
      if (bound.bound === 'current row') return 0;
      return Number(bound.offset) * (bound.bound === 'preceding' ? -1 : 1);
    };
    const key = this.order[0];
    const isNull = (row: number): boolean =>
      key !== undefined && (must(this.rows[row])[key.column] ?? null) === null;
    const offsets = [over.start, over.end].some((bound) => bound.offset !== null);
    // By value, NULLs are within any distance of NULLs and of nothing else.
    if (over.unit === 'range' && offsets && isNull(i)) return this.peers(i, j);
    let d = this.distance(over.unit, i, j);
    if (over.unit === 'range' && !offsets) d = this.peers(i, j) ? 0 : Math.sign(j - i);
    if (d < place(over.start) || d > place(over.end)) return false;
    if (over.exclude === 'current row') return i !== j;
    if (over.exclude === 'group') return !this.peers(i, j);
    return over.exclude === 'ties' ? i === j || !this.peers(i, j) : true;
  }

  call(c: WindowCall, i: number): Value {
    const n = this.rows.length;
    const row = must(this.rows[i]);
    const first = this.rows.findIndex((_, j) => this.peers(i, j));
    const arg = (a: number, r: Row): Value => r[c.args[a] ?? -1] ?? null;
    const members = this.rows.filter((_, j) => this.within(c.frame, i, j));
    const values = members.map((r) => arg(0, r)).filter((v) => !c.ignoreNulls || v !== null);
    const numbers = members.map((r) => arg(0, r)).filter((v) => v !== null) as number[];
    switch (c.fn.name) {
      case 'row_number':
        return BigInt(i + 1);
      case 'rank':
        return BigInt(first + 1);
      case 'dense_rank':
        return BigInt(this.group(i) + 1);
      case 'percent_rank':
        return n === 1 ? 0 : first / (n - 1);
      case 'cume_dist':
        return this.rows.filter((r) => this.compare(r, row) <= 0).length / n;
      case 'ntile': {
        const buckets = Number(arg(0, must(this.rows[0])));
        let at = 0;
        for (let b = 1; ; b++) {
          at += Math.floor(n / buckets) + (b <= n % buckets ? 1 : 0);
          if (i < at) return b;
        }
      }
      case 'lag': {
        const before = this.rows.slice(0, i).filter((r) => !c.ignoreNulls || arg(0, r) !== null);
        return before.length === 0 ? null : arg(0, must(before.at(-1)));
      }
      case 'lead': {
        const other = this.rows[i + Number(arg(1, row))];
        return other === undefined ? arg(2, row) : arg(0, other);
      }
      case 'first_value':
        return values[0] ?? null;
      case 'last_value':
        return values.at(-1) ?? null;
      case 'nth_value':
        return values[Number(arg(1, row)) - 1] ?? null;
      case 'count':
        return BigInt(members.length);
      case 'sum':
        return numbers.length === 0 ? null : BigInt(numbers.reduce((a, b) => a + b, 0));
      case 'max':
        return numbers.length === 0 ? null : Math.max(...numbers);
      case 'min':
        return numbers.length === 0 ? null : Math.min(...numbers);
      default:
        throw new TypeError(c.fn.name);
    }
  }
}

function scenario(order: readonly SortKey[], partition: readonly number[]): Scenario {
  return {
    make: () => new ChangeWindowOperator(node(order, partition), testContext()),
    inputs: [input],
    row: (random) => {
      const below = (n: number): number => Math.floor(random() * n);
      return [`k${below(2)}`, random() < 0.2 ? null : below(6), 1 + below(3)];
    },
    naive: ([rows = []]) => {
      const partitions = Map.groupBy(rows, (row) => partition.map((p) => show(row[p] ?? null)).join());
      return [...partitions.values()].flatMap((members) => {
        const naive = new Naive(members, order);
        return naive.rows.map((row, i) => [...row, ...calls.map((c) => naive.call(c, i))]);
      });
    },
    ticks: 15,
    rowsPerTick: 5,
  };
}

describe('window', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('equals the definitions (seed %i)', (seed) => {
    checkIncremental(scenario([byX, byY], [0]), seed);
    checkIncremental(scenario([byY, byX, { ...byX, column: 0, descending: false }], []), seed);
  });

  it('replaces only rows whose results change', () => {
    const one: PhysicalWindow = { ...node([byY], [0]), calls: [pure('lag', [1])] };
    const narrow = {
      ...one,
      schema: one.schema.slice(0, 4).map((c, i) => (i === 3 ? { ...c, type: types.int4 } : c)),
    };
    const probe = new Probe(new ChangeWindowOperator(narrow, testContext()));
    expect(probe.tick(input, '+ a 1 1\n+ a 2 2\n+ a 4 4\n+ b 7 7')).toEqual([
      '+ a 1 1 NULL',
      '+ a 2 2 1',
      '+ a 4 4 2',
      '+ b 7 7 NULL',
    ]);
    expect(probe.tick(input, '+ a 3 3')).toEqual(['+ a 3 3 2', '+ a 4 4 3', '- a 4 4 2']);
    expect(probe.tick(input, '+ a 9 9\n- a 9 9')).toEqual([]);
  });
});
