import { describe, it } from 'vitest';
import { must } from '../../../../common/assert.ts';
import { type Schema, types } from '../../../../common/dataType.ts';
import type { Row, Value } from '../../../../common/value.ts';
import { functionCatalog } from '../../../../executor/functions/index.ts';
import { createOperator } from '../../../../executor/operators/index.ts';
import type { AggregateCall } from '../../../../planner/plan/aggregateCall.ts';
import type { PhysicalPlan } from '../../../../planner/plan/physical.ts';
import type { StateBound } from '../../../../planner/plan/watermark.ts';
import { inputNode, schema } from '../../../harness/operators.ts';
import type { Random } from '../../../storage/state/random.ts';
import { type CleaningCase, checkCleaning, term, UNIT } from './cleaningHarness.ts';

const input = schema('at timestamp?, k text?, x int8?, y float8');
const dates = schema('at date?, k text?, x int8?, y float8');
const base = { key: null, estimatedRows: 1, appendOnly: false } as const;

/** The column is a multiple of 5 units, as a window's start is. */
function rowAt(random: Random, time: number, isDate: boolean): Row {
  const start = time - (time % 5);
  return [
    isDate ? start : BigInt(start) * UNIT,
    random.pick(['a', 'b', null]),
    random.below(7) === 0 ? null : BigInt(random.below(5)),
    random.below(3) / 2,
  ];
}

function timeOf(row: Row): number | null {
  const at = row[0] ?? null;
  return at === null ? null : typeof at === 'bigint' ? Number(at / UNIT) : Number(at);
}

interface Options {
  readonly appendOnly?: boolean;
  readonly isDate?: boolean;
  readonly ports?: number;
  readonly nulls?: boolean;
}

function check(
  make: (child: PhysicalPlan, clean: { readonly clean?: StateBound }) => PhysicalPlan,
  options: Options = {},
): void {
  const { appendOnly = false, isDate = false, ports = 1, nulls = false } = options;
  const columns = isDate ? dates : input;
  const type = isDate ? types.date : types.timestamp;
  const of: CleaningCase = {
    make: (context, withBounds) =>
      createOperator(
        make(inputNode(columns, appendOnly), withBounds ? { clean: { column: 0, term: term(1, type) } } : {}),
        context,
      ),
    inputs: new Array<Schema>(ports).fill(columns),
    row: (random, _port, time) => {
      const row = rowAt(random, time, isDate);
      return nulls && random.below(5) === 0 ? [null, ...row.slice(1)] : row;
    },
    timeOf,
    appendOnly: new Array<boolean>(ports).fill(appendOnly),
    setBounds: (time, watermarks) => {
      const least = Math.min(...watermarks);
      const value: Value = isDate ? least : BigInt(least) * UNIT;
      time.setWatermark(1, 0, value);
    },
    keepsSome: nulls,
  };
  for (const seed of [1, 2, 3]) checkCleaning(of, seed);
}

function call(name: string, args: readonly number[], more: Partial<AggregateCall> = {}): AggregateCall {
  const found = functionCatalog
    .byName(name)
    .find((f) => f.kind === 'aggregate' && f.args.length === args.length && f.args[0] !== 'numeric');
  if (found?.kind !== 'aggregate') throw new TypeError(`no aggregate ${name}`);
  const type = name === 'array_agg' ? ({ id: 'array', element: types.int8 } as const) : types.int8;
  return { fn: found, args, distinct: false, filter: null, orderBy: [], type, ...more };
}

function group(calls: readonly AggregateCall[]): (child: PhysicalPlan, clean: object) => PhysicalPlan {
  return (child, clean) => ({
    ...base,
    ...clean,
    kind: 'Aggregate',
    input: child,
    keys: [0, 1],
    aggregates: calls,
    global: false,
    schema: [
      ...child.schema.slice(0, 2),
      ...calls.map(({ type }, i) => ({ name: `a${i}`, type, nullable: true })),
    ],
  });
}

const linear = [call('count', [])];
const sets = [
  call('count', []),
  call('count', [2], { distinct: true }),
  call('min', [2]),
  call('max', [2]),
  call('array_agg', [2]),
];

describe('groups whose key has passed are dropped', () => {
  for (const appendOnly of [false, true]) {
    const name = appendOnly ? 'append-only' : 'retractable';
    it(`${name}: counts`, () => check(group(linear), { appendOnly }));
    it(`${name}: with sets of arguments`, () => check(group(sets), { appendOnly }));
    it(`${name}: by a date`, () => check(group(sets), { appendOnly, isDate: true }));
    it(`${name}: a NULL key stays`, () => check(group(sets), { appendOnly, nulls: true }));
  }
});

describe('distinct rows that have passed are dropped', () => {
  for (const appendOnly of [false, true]) {
    it(appendOnly ? 'append-only' : 'retractable', () =>
      check((child, clean) => ({ ...base, ...clean, kind: 'Distinct', input: child, schema: child.schema }), {
        appendOnly,
      }),
    );
  }
});

describe('rows of set operations that have passed are dropped', () => {
  for (const operator of ['intersect', 'except'] as const) {
    for (const all of [false, true]) {
      it(`${operator}${all ? ' all' : ''}`, () =>
        check(
          (child, clean) => ({
            ...base,
            ...clean,
            kind: 'SetOperation',
            operator,
            all,
            left: child,
            right: child,
            schema: child.schema,
          }),
          { ports: 2 },
        ));
    }
  }
});

describe('partitions of a top-n that have passed are dropped', () => {
  const order = [
    { column: 2, descending: true, nullsFirst: false },
    { column: 3, descending: false, nullsFirst: false },
    { column: 1, descending: false, nullsFirst: false },
  ];
  const topN =
    (limit: number | null, more: object = {}) =>
    (child: PhysicalPlan, clean: object): PhysicalPlan => ({
      ...base,
      ...clean,
      kind: 'TopN',
      input: child,
      partition: [1, 0],
      order,
      limit,
      offset: 0,
      withTies: false,
      rank: null,
      schema: child.schema,
      ...more,
    });
  const ranked = (rank: 'row_number' | 'rank') => (child: PhysicalPlan, clean: object) =>
    topN(3, {
      rank,
      schema: [...child.schema, { name: 'rank', type: types.int8, nullable: false }],
    })(child, clean);
  for (const appendOnly of [false, true]) {
    const name = appendOnly ? 'append-only' : 'retractable';
    it(`${name}: first row`, () => check(topN(1), { appendOnly }));
    it(`${name}: some rows`, () => check(topN(2, { offset: 1 }), { appendOnly }));
    it(`${name}: with ties`, () => check(topN(2, { withTies: true }), { appendOnly }));
    it(`${name}: numbered`, () => check(ranked('row_number'), { appendOnly }));
    it(`${name}: ranked, by date`, () => check(ranked('rank'), { appendOnly, isDate: true }));
  }
  it('every row, numbered', () =>
    check((child, clean) => ({ ...must(ranked('row_number')(child, clean)), limit: null }) as PhysicalPlan));
});
