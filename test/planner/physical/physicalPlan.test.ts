/** Physical plans: join keys, index look-ups, limits, properties, sharing. */
import { describe, expect, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import { explainText } from '../../../planner/explain/explain.ts';
import { substituteParameters } from '../../../planner/parameters.ts';
import {
  aggregate,
  distinct,
  extend,
  filter,
  join,
  pick,
  project,
  topN,
  unionAll,
} from '../../../planner/plan/construct.ts';
import type { LogicalPlan } from '../../../planner/plan/logical.ts';
import type { PhysicalPlan } from '../../../planner/plan/physical.ts';
import type { Scalar } from '../../../planner/plan/scalar.ts';
import { literal, or, sameValue } from '../../../planner/plan/scalars.ts';
import { onUpdate, planMaterializedView, planQuery } from '../../../planner/plan.ts';
import { ascending, big, call, col, env, int, op, relation, s, scan, t, u } from '../build.ts';
import { expectSame } from '../equivalence.ts';

const { int4, int8, text } = types;
const T = scan(t);
const S = scan(s);
const U = scan(u);

const lines = (plan: PhysicalPlan): readonly string[] =>
  explainText(plan).map((l) => l.trim().replace(/^-> {2}/, ''));
const adhoc = (plan: LogicalPlan): readonly string[] => lines(expectSame(plan, 'adhoc'));
const view = (plan: LogicalPlan): PhysicalPlan => expectSame(plan, 'maintained');
const bound = (plan: LogicalPlan) => ({ plan, visible: plan.schema.length, order: [], parameters: [] });

describe('joins', () => {
  it('hash on equalities, the rest is residual', () => {
    const plan = join('left', T, S, [op(col(0), '=', col(2)), op(col(1), '<', col(3))]);
    expect(lines(view(plan))[0]).toBe('HashJoin type=left keys=[a = x] residual=[b < y]');
    expect(lines(view(join('inner', T, S, sameValue(col(0), col(2)))))[0]).toBe(
      'HashJoin type=inner keys=[a IS NOT DISTINCT FROM x]',
    );
    expect(lines(view(join('full', T, S, op(col(1), '<', col(3)))))[0]).toBe(
      'NestedLoopJoin type=full residual=[b < y]',
    );
  });
  it('computes keys below and drops them above', () => {
    const plan = join('inner', T, S, op(op(col(0), '+', int(1)), '=', col(2)));
    expect(lines(view(plan)).slice(0, 3)).toEqual([
      'Calc output=[a, b, x, y]',
      'HashJoin type=inner keys=[key1 = x]',
      'Calc output=[a, b, a + 1 AS key1]',
    ]);
    for (const type of ['left', 'right', 'full', 'semi', 'anti'] as const) {
      view(
        join(type, T, S, [
          op(op(col(0), '+', int(1)), '=', op(col(2), '+', col(3))),
          op(col(1), '<=', col(3)),
        ]),
      );
    }
  });
  it('widens integers of different width', () => {
    const wide = relation(1, 'wide', [
      ['k', int8],
      ['l', int4],
    ]);
    const plan = join('inner', S, scan(wide), op(col(0), '=', col(2, int8)));
    const planned = planQuery(bound(plan), env, 'maintained').plan;
    expect(lines(planned).join()).toContain('x::bigint AS key1');
  });
  it('is null-aware only for one nullable equality', () => {
    const condition = op(col(0), '=', col(2));
    const notIn = join('anti', T, S, condition, { nullAware: true });
    expect(lines(view(notIn))[0]).toBe('HashJoin type=anti keys=[a = x] null_aware');
    const two = join('anti', T, S, [condition, op(col(1), '=', col(3))], { nullAware: true });
    expect(lines(view(two))[0]).toBe(
      'NestedLoopJoin type=anti residual=[((a = x) AND (b = y)) IS NOT FALSE]',
    );
  });
});

describe('index look-ups', () => {
  it('points by key, also several', () => {
    expect(adhoc(filter(U, op(col(0), '=', int(3))))).toEqual([
      'IndexScan using primary key on u points=[(3)] columns=[id, v, w]',
    ]);
    const two = filter(U, or([op(col(0), '=', int(3)), op(col(0), '=', int(1))]));
    expect(adhoc(two)[0]).toBe('IndexScan using primary key on u points=[(3), (1)] columns=[id, v, w]');
  });
  it('ranges over an index, with the rest filtered', () => {
    const plan = filter(U, [op(col(1), '>', int(0)), op(col(1), '<=', int(2)), op(col(0), '<>', int(1))]);
    expect(adhoc(plan)).toEqual([
      'Calc filter=[id <> 1] output=[id, v, w]',
      'IndexScan using u_v on u range=[> 0, <= 2] columns=[id, v, w]',
    ]);
  });
  it('prefers the whole key; tests values that may be NULL again', () => {
    const both = filter(U, [op(col(0), '=', int(2)), op(col(1), '=', int(1))]);
    expect(adhoc(both)[1]).toContain('using primary key');
    const parameter: Scalar = { kind: 'parameter', index: 0, type: int4 };
    const plan = filter(U, op(col(1), '=', parameter));
    expect(lines(planQuery(bound(plan), env, 'adhoc').plan)).toEqual([
      'Calc filter=[v = $1] output=[id, v, w]',
      'IndexScan using u_v on u points=[($1)] columns=[id, v, w]',
    ]);
  });
  it('not in maintained views, nor on other expressions', () => {
    expect(lines(view(filter(U, op(col(0), '=', int(3)))))[0]).toContain('Calc');
    expect(adhoc(filter(U, op(op(col(0), '+', int(1)), '=', int(3))))[0]).toContain('Calc');
  });
});

describe('limits', () => {
  const limited = (limit: Scalar | null, offset: Scalar | null = null): LogicalPlan =>
    topN(T, { partition: [], order: ascending(0, 1), limit, offset, withTies: false, rank: null });
  const state = (plan: LogicalPlan): string | undefined => {
    try {
      planQuery(bound(plan), env, 'adhoc');
      return undefined;
    } catch (error) {
      return error instanceof Error && 'state' in error ? `${error.state} ${error.message}` : String(error);
    }
  };
  it('are numbers, not negative', () => {
    expect(adhoc(limited(big(2n), big(1n)))[0]).toBe('TopN order=[a, b] limit=2 offset=1');
    expect(adhoc(limited(literal(null, int8)))[0]).toBe('Scan on t columns=[a, b]');
    expect(state(limited(big(-1n)))).toBe('2201W LIMIT must not be negative');
    expect(state(limited(null, big(-1n)))).toBe('2201X OFFSET must not be negative');
  });
  it('may be parameters', () => {
    const plan = limited({ kind: 'parameter', index: 0, type: int8 });
    expect(lines(planQuery(bound(substituteParameters(plan, [3n])), env, 'adhoc').plan)[0]).toContain(
      'limit=3',
    );
  });
});

describe('properties', () => {
  const log = relation(
    1,
    'log',
    [
      ['a', int4],
      ['b', int4],
    ],
    { appendOnly: true },
  );
  it('append-only passes filters, projections, unions, inner joins and distinct', () => {
    const L = scan(log);
    const input = filter(L, op(col(0), '>', int(1)));
    for (const plan of [
      input,
      extend(L, [int(1)]),
      unionAll([L, L]),
      join('inner', L, L, null),
      distinct(L),
    ]) {
      expect(view(plan).appendOnly).toBe(true);
    }
    const count = aggregate(L, [0], [call('count', [], L, int8)]);
    for (const plan of [
      count,
      join('left', L, L, null),
      join('inner', L, S, null),
      join('anti', L, L, null),
    ]) {
      expect(view(plan).appendOnly).toBe(false);
    }
  });
  it('keys', () => {
    const key = (plan: LogicalPlan): readonly number[] | null =>
      planMaterializedView(bound(plan), env, onUpdate).key;
    expect(key(T)).toBeNull();
    expect(key(pick(U, [1, 0]))).toEqual([1]);
    expect(key(pick(U, [1]))).toBeNull();
    expect(key(aggregate(T, [1, 0], []))).toEqual([0, 1]);
    expect(key(aggregate(T, [], [call('count', [], T, int8)]))).toEqual([]);
    expect(key(distinct(T))).toEqual([0, 1]);
    expect(key(join('inner', U, U, op(col(1), '=', col(4))))).toEqual([0, 3]);
    expect(key(join('left', T, U, op(col(0), '=', col(2))))).toBeNull();
    expect(key(join('left', U, U, op(col(1), '=', col(3))))).toEqual([0]);
    expect(key(unionAll([pick(U, [0, 1]), T]))).toBeNull();
    expect(key(filter(U, op(col(2, text), '=', literal('x', text))))).toEqual([0]);
  });
  it('shares equal subtrees', () => {
    const grouped = (): LogicalPlan =>
      aggregate(filter(T, op(col(1), '>', int(0))), [0], [call('count', [], T, int8)]);
    const plan = view(join('inner', grouped(), grouped(), op(col(1, int8), '=', col(3, int8))));
    expect(plan.kind === 'Join' && plan.left === plan.right).toBe(true);
  });
});

describe('maintained views', () => {
  const stable = (name: string, volatility: 'stable' | 'volatile'): Scalar => ({
    kind: 'call',
    fn: {
      kind: 'scalar',
      name,
      args: [],
      returns: 'int4',
      nulls: 'strict',
      volatility,
      doc: '',
      examples: [],
      implement: () => ({ emit: () => '1' }),
    },
    args: [],
    type: int4,
  });
  const refused = (plan: LogicalPlan): string => {
    try {
      planMaterializedView(bound(plan), env, onUpdate);
      return '';
    } catch (error) {
      return error instanceof Error && 'state' in error ? `${error.state} ${error.message}` : String(error);
    }
  };
  it('refuse now()', () => {
    expect(refused(project(T, [stable('now', 'stable')]))).toBe(
      '0A000 now() is not supported in a materialized view',
    );
  });
  it('keep the values of volatile functions over changing rows only', () => {
    const drawn = stable('random', 'volatile');
    const changing = planMaterializedView(bound(project(T, [drawn])), env, onUpdate).plan;
    expect(explainText(changing).join('\n')).toContain('MaterializedExprs values=[random()]');
    const log = relation(9, 'log', [['a', int4]], { appendOnly: true });
    const growing = planMaterializedView(bound(project(scan(log), [drawn])), env, onUpdate).plan;
    expect(explainText(growing).join('\n')).not.toContain('MaterializedExprs');
  });
});
