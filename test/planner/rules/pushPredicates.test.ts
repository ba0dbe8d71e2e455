import { describe, expect, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import {
  aggregate,
  distinct,
  extend,
  filter,
  join,
  topN,
  unionAll,
} from '../../../planner/plan/construct.ts';
import type { JoinType, LogicalPlan } from '../../../planner/plan/logical.ts';
import { isNull } from '../../../planner/plan/scalars.ts';
import { pushPredicates } from '../../../planner/rules/pushPredicates.ts';
import { ascending, big, call, col, int, op, s, scan, t, u, windowCall } from '../build.ts';
import { planAfter } from './shape.ts';

const T = scan(t);
const S = scan(s);
const onKey = op(col(0), '=', col(2));
const joined = (type: JoinType): LogicalPlan => join(type, T, S, onKey);
const push = (plan: LogicalPlan): readonly string[] => planAfter(pushPredicates, plan);

describe('pushPredicates', () => {
  it('makes inner joins of cross joins and sends conditions to both sides, also across the key', () => {
    const cross = join('inner', T, S, null);
    expect(push(filter(cross, [onKey, op(col(1), '>', int(1)), op(col(2), '=', int(2))]))).toEqual([
      'InnerJoin on=[a = x]',
      '  Filter condition=[(b > 1) AND (a = 2)]',
      '    Scan t columns=[a, b]',
      '  Filter condition=[x = 2]',
      '    Scan s columns=[x, y]',
    ]);
  });

  it('keeps a left join for conditions on its left, and filters the right by what the key implies', () => {
    expect(push(filter(joined('left'), op(col(0), '=', int(1))))).toEqual([
      'LeftJoin on=[a = x]',
      '  Filter condition=[a = 1]',
      '    Scan t columns=[a, b]',
      '  Filter condition=[x = 1]',
      '    Scan s columns=[x, y]',
    ]);
  });

  it('strengthens outer joins whose padded rows are dropped', () => {
    expect(push(filter(joined('left'), op(col(3), '>', int(0))))[0]).toBe('InnerJoin on=[a = x]');
    expect(push(filter(joined('full'), op(col(3), '>', int(0)))).join()).toContain('RightJoin');
    expect(push(filter(joined('full'), op(col(1), '>', int(0)))).join()).toContain('LeftJoin');
    expect(push(filter(joined('full'), op(col(1), '>', col(3)))).join()).toContain('InnerJoin');
  });

  it('leaves conditions that accept padded rows above', () => {
    expect(push(filter(joined('left'), isNull(col(3))))).toEqual([
      'Filter condition=[y IS NULL]',
      '  LeftJoin on=[a = x]',
      '    Scan t columns=[a, b]',
      '    Scan s columns=[x, y]',
    ]);
  });

  it('moves conditions of ON clauses to the side that may be filtered', () => {
    const on = [onKey, op(col(1), '=', int(1)), op(col(3), '=', int(2))];
    expect(push(join('left', T, S, on))).toEqual([
      'LeftJoin on=[(a = x) AND (b = 1)]',
      '  Scan t columns=[a, b]',
      '  Filter condition=[y = 2]',
      '    Scan s columns=[x, y]',
    ]);
    expect(push(join('anti', T, S, on))[0]).toBe('AntiJoin on=[(a = x) AND (b = 1)]');
    expect(push(join('semi', T, S, on))[0]).toBe('SemiJoin on=[a = x]');
    expect(push(join('right', T, S, on))[0]).toBe('RightJoin on=[(a = x) AND (y = 2)]');
  });

  it('passes group keys, not aggregates', () => {
    const grouped = aggregate(T, [0], [call('max', [1], T, types.int4)]);
    expect(push(filter(grouped, [op(col(0), '=', int(1)), op(col(1), '>', int(2))]))).toEqual([
      'Filter condition=[max > 2]',
      '  Aggregate keys=a aggregates=[max(b)]',
      '    Filter condition=[a = 1]',
      '      Scan t columns=[a, b]',
    ]);
    const whole = aggregate(T, [], [call('count', [], T, types.int8)]);
    expect(push(filter(whole, op(col(0, types.int8), '>', big(0n))))[0]).toBe('Filter condition=[count > 0]');
  });

  it('passes projections, distinct, unions, partitions of top-n and windows', () => {
    expect(push(filter(extend(T, [op(col(0), '+', int(1))]), op(col(2), '=', int(3)))).at(1)).toContain(
      'a + 1',
    );
    expect(push(filter(distinct(T), op(col(0), '=', int(1))))[0]).toBe('Distinct');
    expect(
      push(filter(unionAll([T, S]), op(col(0), '=', int(1)))).filter((l) => l.includes('Filter')),
    ).toHaveLength(2);
    const top = topN(T, {
      partition: [0],
      order: ascending(1, 0),
      limit: big(1n),
      offset: null,
      withTies: false,
      rank: null,
    });
    expect(push(filter(top, [op(col(0), '=', int(1)), op(col(1), '=', int(2))]))).toEqual([
      'Filter condition=[b = 2]',
      '  TopN partition=a order=[b, a] limit=1',
      '    Filter condition=[a = 1]',
      '      Scan t columns=[a, b]',
    ]);
    const windowed: LogicalPlan = {
      kind: 'Window',
      input: T,
      partition: [0],
      order: ascending(1, 0),
      calls: [windowCall('rank', [], types.int8)],
      schema: [...T.schema, { name: 'r', type: types.int8, nullable: false }],
    };
    expect(push(filter(windowed, op(col(0), '=', int(1))))[0]).toContain('Window');
  });

  it('keeps a shared subplan shared', () => {
    const below = filter(scan(u), op(col(1), '>', int(1)));
    const grouped = aggregate(below, [1], [call('count', [], below, types.int8)]);
    expect(push(join('inner', grouped, grouped, op(col(0), '=', col(2)))).at(-1)).toContain('Shared 1');
  });
});
