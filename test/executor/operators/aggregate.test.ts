import { describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { types } from '../../../common/dataType.ts';
import type { AggregateFunction, AggregateImplementation } from '../../../common/function.ts';
import { SqlArray } from '../../../common/sqlArray.ts';
import { SqlError } from '../../../common/sqlError.ts';
import type { Row, Value } from '../../../common/value.ts';
import { AggregateOperator } from '../../../executor/operators/aggregate.ts';
import type { AggregateCall, SortKey } from '../../../planner/plan/aggregateCall.ts';
import type { PhysicalAggregate } from '../../../planner/plan/physical.ts';
import {
  checkIncremental,
  inputNode,
  Probe,
  type Scenario,
  schema,
  show,
  testContext,
} from '../../harness/operators.ts';

function fn(
  name: string,
  nulls: 'skip' | 'called',
  implementation: AggregateImplementation,
): AggregateFunction {
  return {
    kind: 'aggregate',
    name,
    args: ['any'],
    returns: 'int8',
    nulls,
    orderSensitive: false,
    doc: '',
    examples: [],
    implement: () => implementation,
  };
}

const count = fn('count', 'skip', {
  form: 'linear',
  state: [{ kind: 'i64', initial: '0n' }],
  add: ([s], _args, w) => `${s} = BigInt.asIntN(64, ${s} + BigInt(${w}));`,
  result: ([s = '']) => s,
  emptyResult: '0n',
});
const sum = fn('sum', 'skip', {
  form: 'linear',
  state: [{ kind: 'i64', initial: '0n' }],
  add: ([s], [x], w) => `${s} += ${x} * BigInt(${w});`,
  result: ([s = '']) => s,
});
const min = fn('min', 'skip', { form: 'extreme', end: 'min' });
const max = fn('max', 'skip', { form: 'extreme', end: 'max' });
const arrayAgg = fn('array_agg', 'called', {
  form: 'collect',
  finish: (rows) => new SqlArray([...rows].map((row) => must(row)[0] ?? null)),
});

const input = schema('k text?, x int8?, f bool?, y int8');

interface CallOptions {
  readonly args?: readonly number[];
  readonly distinct?: boolean;
  readonly filter?: number;
  readonly orderBy?: readonly SortKey[];
}

function call(f: AggregateFunction, options: CallOptions = {}): AggregateCall {
  return {
    fn: f,
    args: options.args ?? [1],
    distinct: options.distinct ?? false,
    filter: options.filter ?? null,
    orderBy: options.orderBy ?? [],
    type: f === arrayAgg ? { id: 'array', element: types.int8 } : types.int8,
  };
}

const down: readonly SortKey[] = [{ column: 3, descending: true, nullsFirst: false }];

const calls: readonly AggregateCall[] = [
  call(count, { args: [] }),
  call(count),
  call(sum),
  call(sum, { filter: 2 }),
  call(sum, { args: [3] }),
  call(count, { distinct: true }),
  call(count, { distinct: true, filter: 2 }),
  call(sum, { distinct: true }),
  call(count, { args: [3], distinct: true, filter: 2 }),
  call(min),
  call(max),
  call(max, { filter: 2 }),
  call(min, { args: [3] }),
  call(arrayAgg),
  call(arrayAgg, { orderBy: down }),
  call(arrayAgg, { distinct: true, filter: 2 }),
];

function node(
  keys: readonly number[],
  aggregates: readonly AggregateCall[],
  appendOnly = false,
): PhysicalAggregate {
  return {
    kind: 'Aggregate',
    input: inputNode(input, appendOnly),
    keys,
    aggregates,
    global: keys.length === 0,
    schema: [
      ...keys.map((key) => must(input[key])),
      ...aggregates.map(({ type }, i) => ({ name: `a${i}`, type, nullable: true })),
    ],
    appendOnly: false,
    key: keys,
    estimatedRows: 1,
  };
}

function compareValue(a: Value, b: Value): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  return a < b ? -1 : a > b ? 1 : 0;
}

function evaluate(c: AggregateCall, rows: readonly Row[]): Value {
  let used = rows.filter((row) => c.filter === null || row[c.filter] === true);
  if (c.fn.nulls === 'skip') used = used.filter((row) => c.args.every((arg) => row[arg] !== null));
  const [arg = -1] = c.args;
  if (c.distinct) used = [...new Map(used.map((row) => [row[arg], row])).values()];
  const values = used.map((row) => row[arg] ?? null);
  if (c.fn === count) return BigInt(used.length);
  if (used.length === 0) return null;
  if (c.fn === sum) return values.reduce((a: bigint, b) => a + (b as bigint), 0n);
  const sorted = [...values].sort(compareValue);
  if (c.fn === min) return must(sorted[0]);
  if (c.fn === max) return must(sorted.at(-1));
  if (c.orderBy.length === 0) return new SqlArray(sorted);
  const ordered = [...used].sort(
    (a, b) => compareValue(b[3] ?? null, a[3] ?? null) || compareValue(a[1] ?? null, b[1] ?? null),
  );
  return new SqlArray(ordered.map((row) => row[arg] ?? null));
}

function naive(keys: readonly number[], aggregates: readonly AggregateCall[]) {
  return ([rows = []]: readonly (readonly Row[])[]): Row[] => {
    const groups = new Map<string, Row[]>();
    if (keys.length === 0) groups.set('', []);
    for (const row of rows) {
      const key = keys.map((k) => show(row[k] ?? null)).join('/');
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [row]);
      else group.push(row);
    }
    return [...groups.values()].map((group) => [
      ...keys.map((k) => group[0]?.[k] ?? null),
      ...aggregates.map((c) => evaluate(c, group)),
    ]);
  };
}

function randomRow(random: () => number): Row {
  const below = (n: number): number => Math.floor(random() * n);
  return [
    random() < 0.1 ? null : `k${below(3)}`,
    random() < 0.2 ? null : BigInt(below(6) - 2),
    random() < 0.2 ? null : random() < 0.5,
    BigInt(below(4)),
  ];
}

function scenario(
  keys: readonly number[],
  aggregates: readonly AggregateCall[],
  appendOnly = false,
): Scenario {
  return {
    make: () => new AggregateOperator(node(keys, aggregates, appendOnly), testContext()),
    inputs: [input],
    row: randomRow,
    naive: naive(keys, aggregates),
    appendOnly,
  };
}

describe('aggregate', () => {
  it('emits only net changes', () => {
    const probe = new Probe(
      new AggregateOperator(node([0], [call(count, { args: [] }), call(max)]), testContext()),
    );
    expect(probe.tick(input, '+ a 1 t 0\n+ a 5 t 0\n+ b 2 t 0')).toEqual(['+ a 2 5', '+ b 1 2']);
    expect(probe.tick(input, '+ a 3 t 0\n- a 3 t 0')).toEqual([]);
    expect(probe.tick(input, '- a 5 t 0')).toEqual(['+ a 1 1', '- a 2 5']);
    expect(probe.tick(input, '- b 2 t 0')).toEqual(['- b 1 2']);
    expect(probe.operator.stateRows()).toBe(2);
  });

  it('gives the global row without input', () => {
    const probe = new Probe(new AggregateOperator(node([], [call(count), call(sum)]), testContext()));
    expect(probe.tick(input, '')).toEqual(['+ 0 NULL']);
    expect(probe.tick(input, '+ a 1 t 0\n+ a 2 t 0')).toEqual(['+ 2 3', '- 0 NULL']);
    expect(probe.tick(input, '- a 1 t 0\n- a 2 t 0')).toEqual(['+ 0 NULL', '- 2 3']);
  });

  it.each([1, 2, 3, 4, 5, 6])('equals recomputation, grouped (seed %i)', (seed) => {
    checkIncremental(scenario([0], calls), seed);
  });

  it.each([7, 8, 9])('equals recomputation, two keys (seed %i)', (seed) => {
    checkIncremental(scenario([0, 3], calls), seed);
  });

  it.each([10, 11, 12])('equals recomputation, global (seed %i)', (seed) => {
    checkIncremental(scenario([], calls), seed);
  });

  it.each([13, 14])('equals recomputation, append-only (seed %i)', (seed) => {
    checkIncremental(scenario([0], calls, true), seed);
    checkIncremental(scenario([], calls, true), seed);
  });

  it('equals recomputation with many groups', () => {
    const wide: Scenario = {
      ...scenario([0], calls.slice(0, 13)),
      row: (random) => [
        `k${Math.floor(random() * 20000)}`,
        BigInt(Math.floor(random() * 50)),
        random() < 0.5,
        1n,
      ],
      ticks: 3,
      rowsPerTick: 20000,
    };
    checkIncremental(wide, 15);
  });

  it('leaves a row out whose accumulation fails', () => {
    const strict = fn('strict', 'skip', {
      form: 'linear',
      state: [{ kind: 'i64', initial: '0n' }],
      add: ([s], [x], w, g) => `if (${x} === 13n) ${g.constant(fail)}(); ${s} += ${x} * BigInt(${w});`,
      result: ([s = '']) => s,
    });
    const context = testContext();
    const probe = new Probe(
      new AggregateOperator(node([0], [call(sum), call(strict), call(count, { distinct: true })]), context),
    );
    expect(probe.tick(input, '+ a 1 t 0\n+ a 13 t 0\n+ b 13 t 0')).toEqual(['+ a 1 1 1']);
    expect(context.errors.length).toBe(2);
    expect(probe.tick(input, '- a 1 t 0\n- a 13 t 0\n- b 13 t 0')).toEqual(['- a 1 1 1']);
    expect(probe.operator.stateRows()).toBe(0);
  });
});

function fail(): never {
  throw new SqlError('22003', 'value out of range');
}
