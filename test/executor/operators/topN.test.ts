import { describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { types } from '../../../common/dataType.ts';
import type { Row, Value } from '../../../common/value.ts';
import { createTopN } from '../../../executor/operators/topN.ts';
import type { SortKey } from '../../../planner/plan/aggregateCall.ts';
import type { PhysicalTopN } from '../../../planner/plan/physical.ts';
import {
  checkIncremental,
  inputNode,
  Probe,
  type Scenario,
  schema,
  show,
  testContext,
} from '../../harness/operators.ts';

const input = schema('k text?, x int8?, y int4, id int4');

type Options = Partial<Pick<PhysicalTopN, 'partition' | 'order' | 'limit' | 'offset' | 'withTies' | 'rank'>>;

const byX: SortKey = { column: 1, descending: true, nullsFirst: true };
const byY: SortKey = { column: 2, descending: false, nullsFirst: false };
/** Makes the order total, so that the expected rows are determined. */
const byId: SortKey = { column: 3, descending: false, nullsFirst: false };
const byKey: SortKey = { column: 0, descending: false, nullsFirst: false };

function node(options: Options, appendOnly = false): PhysicalTopN {
  const rank = options.rank ?? null;
  return {
    kind: 'TopN',
    input: inputNode(input, appendOnly),
    partition: [],
    order: [byX, byY, byId, byKey],
    limit: 3,
    offset: 0,
    withTies: false,
    schema: rank === null ? input : [...input, { name: 'rank', type: types.int8, nullable: false }],
    appendOnly: false,
    key: null,
    estimatedRows: 1,
    ...options,
    rank,
  };
}

function compareValues(a: Value, b: Value, key: SortKey): number {
  if (a === null || b === null) return a === b ? 0 : (a === null) === key.nullsFirst ? -1 : 1;
  const order = a < b ? -1 : a > b ? 1 : 0;
  return key.descending ? -order : order;
}

function naive(n: PhysicalTopN) {
  const compare = (a: Row, b: Row): number => {
    for (const key of n.order) {
      const order = compareValues(a[key.column] ?? null, b[key.column] ?? null, key);
      if (order !== 0) return order;
    }
    return 0;
  };
  return ([rows = []]: readonly (readonly Row[])[]): Row[] => {
    const partitions = Map.groupBy(rows, (row) => n.partition.map((c) => show(row[c] ?? null)).join('/'));
    return [...partitions.values()].flatMap((members) => {
      const sorted = [...members].sort(compare);
      const limit = n.limit ?? sorted.length;
      let end = Math.min(sorted.length, n.offset + limit);
      const last = sorted[end - 1];
      if (n.withTies && limit > 0 && last !== undefined && end === n.offset + limit) {
        while (end < sorted.length && compare(must(sorted[end]), last) === 0) end++;
      }
      return sorted.slice(n.offset, end).map((row, i) => {
        if (n.rank === null) return row;
        const rank =
          n.rank === 'row_number' ? n.offset + i : sorted.findIndex((other) => compare(other, row) === 0);
        return [...row, BigInt(rank + 1)];
      });
    });
  };
}

function scenario(options: Options, appendOnly = false, distinct = false): Scenario {
  let next = 0;
  return {
    make: () => createTopN(node(options, appendOnly), testContext()),
    inputs: [input],
    row: (random) => {
      const below = (n: number): number => Math.floor(random() * n);
      const id = distinct ? next++ : below(3);
      return [random() < 0.1 ? null : `k${below(3)}`, random() < 0.1 ? null : BigInt(below(5)), below(3), id];
    },
    naive: naive(node(options, appendOnly)),
    appendOnly,
  };
}

const cases: readonly (readonly [string, Options])[] = [
  ['limit', {}],
  ['limit 0', { limit: 0 }],
  ['offset', { offset: 2 }],
  ['offset without limit', { offset: 2, limit: null }],
  ['partitions', { partition: [0] }],
  ['partitions, limit 1', { partition: [0], limit: 1 }],
  ['partitions, offset, by text', { partition: [2], offset: 1, limit: 2, order: [byKey, byX, byId] }],
  ['ties', { withTies: true, order: [byX] }],
  ['ties by partition', { partition: [0], limit: 1, withTies: true, order: [byY] }],
  ['row_number', { partition: [0], rank: 'row_number' }],
  ['row_number with offset', { partition: [0], offset: 1, limit: 2, rank: 'row_number' }],
  ['rank', { partition: [0], rank: 'rank', withTies: true, order: [byX] }],
  // Within peers the offset could fall anywhere: a total order.
  ['rank with offset', { partition: [0], offset: 1, limit: 2, rank: 'rank', withTies: true }],
  ['row_number without limit', { partition: [0], limit: null, rank: 'row_number' }],
  ['rank without limit', { partition: [], limit: null, rank: 'rank', order: [byY] }],
];

describe('top n', () => {
  it.each(cases)('equals recomputation: %s', (_, options) => {
    for (let seed = 1; seed <= 5; seed++) checkIncremental(scenario(options), seed);
  });

  it.each(cases)('equals recomputation, append-only: %s', (_, options) => {
    for (let seed = 1; seed <= 5; seed++) checkIncremental(scenario(options, true), seed);
  });

  it('equals recomputation on larger ticks', () => {
    const large = (options: Options, appendOnly: boolean): Scenario => ({
      ...scenario({ ...options, limit: 20 }, appendOnly, true),
      ticks: 4,
      rowsPerTick: 6000,
    });
    checkIncremental(large({ partition: [0] }, false), 1);
    checkIncremental(large({ partition: [0] }, true), 2);
    checkIncremental(large({ rank: 'row_number' }, false), 3);
  });

  it('emits only what changes in the visible part', () => {
    const probe = new Probe(createTopN(node({ limit: 2, order: [byX] }), testContext()));
    expect(probe.tick(input, '+ a 5 0 0\n+ a 4 0 0\n+ a 3 0 0')).toEqual(['+ a 4 0 0', '+ a 5 0 0']);
    expect(probe.tick(input, '+ a 1 0 0')).toEqual([]);
    expect(probe.tick(input, '- a 5 0 0')).toEqual(['+ a 3 0 0', '- a 5 0 0']);
    expect(probe.tick(input, '+ a 9 0 0\n- a 9 0 0\n- a 1 0 0')).toEqual([]);
    expect(probe.operator.stateRows()).toBe(3);
  });

  it('keeps no more than the visible rows of append-only input', () => {
    const probe = new Probe(createTopN(node({ limit: 2, order: [byX, byId] }, true), testContext()));
    for (let i = 0; i < 50; i++) probe.tick(input, `+ a ${i % 7} 0 ${i}`);
    expect(probe.operator.stateRows()).toBe(3);
  });

  it('emits the best row of each partition once a tick', () => {
    const probe = new Probe(createTopN(node({ partition: [0], limit: 1 }, true), testContext()));
    expect(probe.tick(input, '+ a 1 0 0\n+ a 3 0 1\n+ b 1 0 2\n+ a 2 0 3')).toEqual([
      '+ a 3 0 1',
      '+ b 1 0 2',
    ]);
    expect(probe.tick(input, '+ a 3 0 4\n+ b 1 0 1')).toEqual(['+ b 1 0 1', '- b 1 0 2']);
  });
});
