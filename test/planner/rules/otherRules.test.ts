/** Rules that are seen best by their effect on one plan each. */
import { describe, expect, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import { explainText } from '../../../planner/explain/explain.ts';
import {
  aggregate,
  distinct,
  empty,
  extend,
  filter,
  join,
  pick,
  project,
  topN,
  unionAll,
} from '../../../planner/plan/construct.ts';
import type { LogicalAggregate, LogicalPlan } from '../../../planner/plan/logical.ts';
import { FALSE } from '../../../planner/plan/scalars.ts';
import { expandGroupingSets } from '../../../planner/rules/expandGroupingSets.ts';
import { mergeProjects } from '../../../planner/rules/mergeProjects.ts';
import { normalizeAggregates } from '../../../planner/rules/normalizeAggregates.ts';
import { orderJoins } from '../../../planner/rules/orderJoins.ts';
import { propagateEmpty } from '../../../planner/rules/propagateEmpty.ts';
import { pruneColumns } from '../../../planner/rules/pruneColumns.ts';
import { pushLimits } from '../../../planner/rules/pushLimits.ts';
import { sharePlans } from '../../../planner/rules/sharePlans.ts';
import { simplifyAggregates } from '../../../planner/rules/simplifyAggregates.ts';
import { windowToTopN } from '../../../planner/rules/windowToTopN.ts';
import { ascending, big, call, col, int, op, relation, s, scan, t, u, windowCall } from '../build.ts';
import { expectSame } from '../equivalence.ts';
import { planAfter } from './shape.ts';

const { int4, int8 } = types;
const T = scan(t);
const S = scan(s);
const U = scan(u);
const noRows = empty(T.schema);
const top = (input: LogicalPlan, limit: bigint | null): LogicalPlan =>
  topN(input, {
    partition: [],
    order: ascending(...input.schema.keys()),
    limit: limit === null ? null : big(limit),
    offset: null,
    withTies: false,
    rank: null,
  });

describe('windowToTopN', () => {
  const ranked = (fn: string): LogicalPlan => ({
    kind: 'Window',
    input: T,
    partition: [0],
    order: ascending(1),
    calls: [windowCall(fn, [], int8)],
    schema: [...T.schema, { name: 'r', type: int8, nullable: false }],
  });
  const where = (fn: string, operator: string, k: bigint): string =>
    planAfter(windowToTopN, project(filter(ranked(fn), op(col(2, int8), operator, big(k))), [col(0), col(1)]))
      .slice(1, 3)
      .join(' / ')
      .replace(/ +Scan.*/, '');

  it('turns a bound on the rank into a limit', () => {
    expect(where('row_number', '<=', 2n).trim()).toContain(
      'TopN partition=a order=b limit=2 rank=row_number',
    );
    expect(where('row_number', '<', 3n)).toContain('limit=2');
    expect(where('row_number', '=', 1n)).toContain('limit=1');
    expect(where('rank', '<=', 2n)).toContain('limit=2 with_ties rank=rank');
  });
  it('keeps conditions that the limit does not imply', () => {
    expect(where('row_number', '=', 2n)).toMatch(/Filter condition=\[r = 2\].*limit=2/);
    expect(where('row_number', '>', 2n)).toContain('Window');
    expect(where('dense_rank', '<=', 2n)).toContain('Window');
  });
});

describe('propagateEmpty', () => {
  it('drops what can have no rows', () => {
    expect(planAfter(propagateEmpty, filter(T, FALSE))).toEqual(['Values']);
    expect(planAfter(propagateEmpty, join('inner', T, noRows, null))).toEqual(['Values']);
    expect(planAfter(propagateEmpty, join('left', T, noRows, null))[0]).toContain('NULL');
    expect(planAfter(propagateEmpty, join('anti', T, noRows, null))).toEqual(['Scan t columns=[a, b]']);
    expect(planAfter(propagateEmpty, join('full', noRows, T, null))[0]).toContain('Project output=[NULL');
    expect(planAfter(propagateEmpty, unionAll([noRows, T, noRows]))).toEqual(['Scan t columns=[a, b]']);
    expect(planAfter(propagateEmpty, top(T, 0n))).toEqual(['Values']);
    expect(planAfter(propagateEmpty, aggregate(noRows, [], [call('count', [], T, int8)]))[0]).toContain(
      'Aggregate',
    );
  });
});

describe('simplifyAggregates', () => {
  it('drops DISTINCT and GROUP BY over keys', () => {
    expect(planAfter(simplifyAggregates, distinct(U))).toEqual(['Scan u columns=[id, v, w]']);
    expect(planAfter(simplifyAggregates, distinct(pick(U, [1])))[0]).toBe('Distinct');
    expect(planAfter(simplifyAggregates, aggregate(U, [0, 1], []))[0]).toBe('Project output=[id, v]');
  });
  it('takes DISTINCT out of max, and computes the same once', () => {
    const max = call('max', [1], T, int4);
    expect(planAfter(simplifyAggregates, aggregate(T, [0], [{ ...max, distinct: true }]))[0]).toContain(
      '[max(b)]',
    );
    expect(planAfter(simplifyAggregates, aggregate(T, [0, 0], [max, max]))[1]).toContain(
      'keys=a aggregates=[max(b)]',
    );
  });
  it('groups by no constant, unless there is nothing else', () => {
    const input = extend(T, [int(1)]);
    const count = call('count', [], input, int8);
    expect(planAfter(simplifyAggregates, aggregate(input, [0, 2], [count]))[1]).toContain('keys=a ');
    expect(planAfter(simplifyAggregates, aggregate(input, [2], [count]))[0]).toContain('keys=["?column?"]');
  });
});

describe('expandGroupingSets', () => {
  it('unites one aggregate per set, also for the empty set over no rows', () => {
    const base = aggregate(T, [0, 1], [call('count', [], T, int8)]) as LogicalAggregate;
    const schema = [...base.schema, { name: 'set', type: int8, nullable: false }];
    const plan: LogicalPlan = { ...base, sets: [[0, 1], [1], []], schema };
    const shape = planAfter(expandGroupingSets, plan);
    expect(shape[0]).toBe('UnionAll');
    expect(shape.filter((l) => l.includes('Aggregate')).map((l) => l.trim())).toEqual([
      'Aggregate keys=[a, b] aggregates=[count(*)]',
      'Aggregate keys=b aggregates=[count(*)]',
      'Aggregate aggregates=[count(*)]',
    ]);
  });
});

describe('orderJoins', () => {
  const sized = (id: number, name: string, rows: number): LogicalPlan =>
    scan(
      relation(
        id,
        name,
        [
          ['k', int4],
          ['f', int4],
        ],
        { rowCount: () => rows },
      ),
    );
  it('stays connected by derived equalities, and joins the smallest first', () => {
    const big_ = sized(1, 'big', 100000);
    const middle = sized(2, 'middle', 1000);
    const small = sized(1, 'small', 10);
    const cross = join('inner', join('inner', big_, middle, null), small, [
      op(col(0), '=', col(2)),
      op(col(2), '=', col(4)),
    ]);
    const lines = planAfter(orderJoins, cross);
    expect(lines.map((l) => l.trim()).filter((l) => l.startsWith('Scan'))).toEqual([
      'Scan big columns=[k, f]',
      'Scan small columns=[k, f]',
      'Scan middle columns=[k, f]',
    ]);
    expect(lines.filter((l) => l.includes('InnerJoin on='))).toHaveLength(2);
  });
  it('keeps every condition', () => {
    const all = join('inner', join('inner', T, S, op(col(0), '<', col(2))), T, [
      op(op(col(1), '+', col(3)), '=', col(4)),
      op(col(5), '=', col(5)),
    ]);
    planAfter(orderJoins, all);
    const chain = join('inner', join('inner', T, S, op(col(0), '=', col(2))), T, [
      op(col(2), '=', col(4)),
      op(col(4), '=', col(1)),
    ]);
    expect(planAfter(orderJoins, chain).join()).toContain('Filter condition=[a = b]');
  });
});

describe('pruneColumns', () => {
  it('reads only what is used', () => {
    const plan = pick(join('inner', T, U, op(col(0), '=', col(2))), [3]);
    expect(planAfter(pruneColumns, plan)).toEqual([
      'Project output=[v]',
      '  InnerJoin on=[a = id]',
      '    Scan t columns=a',
      '    Scan u columns=[id, v]',
    ]);
  });
  it('drops outer joins that only add columns, unused aggregates and window calls', () => {
    const left = join('left', T, U, op(col(0), '=', col(2)));
    expect(
      planAfter(pruneColumns, pick(left, [0, 1]))
        .at(-1)
        ?.trim(),
    ).toBe('Scan t columns=[a, b]');
    expect(planAfter(pruneColumns, pick(join('left', T, S, op(col(0), '=', col(2))), [0])).join()).toContain(
      'LeftJoin',
    );
    const calls = [call('count', [], T, int8), call('max', [1], T, int4)];
    expect(planAfter(pruneColumns, pick(aggregate(T, [0], calls), [1])).join()).not.toContain('max');
  });
  it('prunes a shared plan once, for all its uses', () => {
    const shared = aggregate(T, [0], [call('count', [], T, int8), call('max', [1], T, int4)]);
    const plan = join('inner', pick(shared, [0, 1]), pick(shared, [0, 2]), op(col(0), '=', col(2)));
    expect(planAfter(pruneColumns, plan).filter((l) => l.includes('Aggregate'))).toHaveLength(1);
  });
});

describe('pushLimits', () => {
  it('drops sorts inside a plan, and limits the inputs of a union', () => {
    expect(planAfter(pushLimits, top(T, null))).toEqual(['Scan t columns=[a, b]']);
    expect(
      planAfter(pushLimits, top(unionAll([T, S]), 2n), 'adhoc').filter((l) => l.includes('TopN')),
    ).toHaveLength(3);
    expect(planAfter(pushLimits, top(unionAll([T, S]), 2n)).filter((l) => l.includes('TopN'))).toHaveLength(
      1,
    );
    const one = aggregate(T, [], [call('count', [], T, int8)]);
    expect(planAfter(pushLimits, top(one, 1n))[0]).toContain('Aggregate');
  });
});

describe('mergeProjects', () => {
  it('merges projections, filters and unions', () => {
    const twice = project(project(T, [op(col(0), '+', int(1))], ['p']), [op(col(0), '+', int(2))], ['q']);
    expect(planAfter(mergeProjects, twice)[0]).toBe('Project output=[(a + 1) + 2 AS q]');
    const filters = filter(filter(T, op(col(0), '=', int(1))), op(col(1), '=', int(2)));
    expect(planAfter(mergeProjects, filters)[0]).toBe('Filter condition=[(a = 1) AND (b = 2)]');
    expect(
      planAfter(mergeProjects, unionAll([unionAll([T, S]), T])).filter((l) => l.includes('UnionAll')),
    ).toHaveLength(1);
    expect(planAfter(mergeProjects, pick(project(T, [col(0), col(1)]), [0, 1]))).toEqual([
      'Scan t columns=[a, b]',
    ]);
  });
});

describe('sharePlans', () => {
  it('makes equal subplans one object', () => {
    const grouped = (): LogicalPlan => aggregate(scan(t), [0], [call('count', [], T, int8)]);
    const plan = join('inner', grouped(), grouped(), op(col(0), '=', col(2)));
    expect(planAfter(sharePlans, plan).at(-1)).toContain('Shared 1');
    expectSame(plan);
  });
});

describe('normalizeAggregates', () => {
  const grouped = (columns: readonly number[]): LogicalPlan => {
    const input = pick(scan(u), columns);
    return aggregate(input, [0, 1], [call('count', [], input, int8)]);
  };
  it('makes aggregates in different spellings one', () => {
    const plan = join('inner', grouped([0, 1]), grouped([1, 0]), op(col(0), '=', col(4)));
    expect(planAfter(normalizeAggregates, plan).filter((l) => l.includes('keys=[id, v]'))).toHaveLength(2);
    const shared = expectSame(plan);
    expect(explainText(shared).filter((l) => l.includes('HashAggregate'))).toHaveLength(1);
  });
  it('leaves the order of keys alone where nothing is gained', () => {
    expect(planAfter(normalizeAggregates, grouped([1, 0]))[0]).toBe(
      'Aggregate keys=[v, id] aggregates=[count(*)]',
    );
  });
});
