/** Decorrelation: queries with subqueries give the same rows as their direct interpretation, in every place and form. */
import { describe, expect, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import { explainText } from '../../../planner/explain/explain.ts';
import {
  aggregate,
  distinct,
  extend,
  filter,
  join,
  oneRow,
  project,
  topN,
  unionAll,
} from '../../../planner/plan/construct.ts';
import type { LogicalPlan } from '../../../planner/plan/logical.ts';
import type { Scalar } from '../../../planner/plan/scalar.ts';
import { isNull, not, or } from '../../../planner/plan/scalars.ts';
import { ascending, big, call, col, int, op, outer, s, scan, t, u, windowCall } from '../build.ts';
import { expectSame } from '../equivalence.ts';

const { bool, int4, int8 } = types;
const T = scan(t);
const S = scan(s);
const U = scan(u);

const scalarSubquery = (plan: LogicalPlan): Scalar => ({
  kind: 'scalarSubquery',
  plan,
  type: plan.schema[0]?.type ?? int4,
});
const exists = (plan: LogicalPlan, negated = false): Scalar => ({
  kind: 'existsSubquery',
  plan,
  negated,
  type: bool,
});
const compared = (
  left: Scalar,
  operator: string,
  quantifier: 'any' | 'all',
  plan: LogicalPlan,
  negated = false,
): Scalar => ({
  kind: 'quantifiedSubquery',
  quantifier,
  left: [left],
  condition: op(col(0), operator, col(1)),
  plan,
  negated,
  type: bool,
});

const count = (input: LogicalPlan, keys: readonly number[] = []): LogicalPlan =>
  aggregate(input, keys, [call('count', [], input, int8)]);
const max = (input: LogicalPlan, column: number, keys: readonly number[] = []): LogicalPlan =>
  aggregate(input, keys, [call('max', [column], input, int4)]);
/** s where x = outer a */
const sOfA = filter(S, op(col(0), '=', outer(0)));
const limit = (plan: LogicalPlan, n: number, order = ascending(1, 0)): LogicalPlan =>
  topN(plan, { partition: [], order, limit: big(BigInt(n)), offset: null, withTies: false, rank: null });

describe('scalar subqueries', () => {
  it('uncorrelated aggregate', () => {
    expectSame(filter(T, op(col(0), '<', scalarSubquery(max(S, 1)))));
  });
  it('correlated aggregate, count of nothing is 0', () => {
    expectSame(extend(T, [scalarSubquery(count(sOfA)), scalarSubquery(max(sOfA, 1))]));
    expectSame(filter(T, op(scalarSubquery(count(sOfA)), '=', big(0n))));
  });
  it('expression over an aggregate reads outer columns', () => {
    const plan = project(max(sOfA, 1), [{ kind: 'coalesce', operands: [col(0), outer(1)], type: int4 }]);
    expectSame(extend(T, [scalarSubquery(plan)]));
  });
  it('non-equality correlation', () => {
    const below = filter(S, op(col(0), '<', outer(0)));
    expectSame(extend(T, [scalarSubquery(count(below)), scalarSubquery(max(below, 0))]));
  });
  it('HAVING over a correlated aggregate', () => {
    const counted = count(sOfA);
    expectSame(extend(T, [scalarSubquery(filter(counted, op(col(0, int8), '>', big(1n))))]));
  });
  it('at most one row by key needs no check', () => {
    const byKey = project(filter(U, op(col(0), '=', outer(0))), [col(1)]);
    const physical = expectSame(extend(T, [scalarSubquery(byKey)]));
    expect(explainText(physical).join('\n')).not.toContain('MaxOneRow');
  });
  it('more than one row is an error for outer rows that exist only', () => {
    expectSame(extend(T, [scalarSubquery(project(sOfA, [col(1)]))]), 'maintained', 60);
    expectSame(extend(T, [scalarSubquery(project(S, [col(1)]))]), 'maintained', 60);
    expectSame(project(oneRow, [scalarSubquery(project(S, [col(1)]))]), 'maintained', 60);
  });
  it('grouped, distinct, limited', () => {
    expectSame(extend(T, [scalarSubquery(limit(project(sOfA, [col(1)]), 1, ascending(0)))]));
    expectSame(extend(T, [scalarSubquery(project(limit(sOfA, 1), [col(1)]))]));
    const groups = project(limit(count(filter(S, op(col(0), '<=', outer(0))), [1]), 1), [col(1, int8)]);
    expectSame(extend(T, [scalarSubquery(groups)]));
    expectSame(extend(T, [scalarSubquery(count(distinct(project(sOfA, [col(1)]))))]));
  });
  it('without FROM', () => {
    expectSame(extend(T, [scalarSubquery(project(oneRow, [op(outer(0), '+', int(1))]))]));
  });
  it('two levels out', () => {
    // t.a, (select max(y) from s where x = t.a and y > (select min(v) from u where v >= t.b))
    const inner = filter(U, op(col(1), '>=', outer(1, 2)));
    const minimum = scalarSubquery(aggregate(inner, [], [call('min', [1], inner, int4)]));
    expectSame(extend(T, [scalarSubquery(max(filter(sOfA, op(col(1), '>', minimum)), 1))]));
    const both = filter(U, op(op(col(1), '+', outer(0)), '>=', outer(1, 2)));
    const least = scalarSubquery(aggregate(both, [], [call('min', [1], both, int4)]));
    expectSame(extend(T, [scalarSubquery(count(filter(sOfA, op(col(1), '>', least))))]));
  });
  it('over a union, a join, a set operation', () => {
    const union = unionAll([
      project(sOfA, [col(1)]),
      project(filter(U, op(col(1), '=', outer(1))), [col(0)]),
    ]);
    expectSame(extend(T, [scalarSubquery(max(union, 0)), scalarSubquery(count(union))]));
    const joined = join('inner', sOfA, U, op(col(1), '=', col(2)));
    expectSame(extend(T, [scalarSubquery(count(joined))]));
    const both = join('left', sOfA, filter(U, op(col(1), '>=', outer(1))), op(col(1), '=', col(2)));
    expectSame(extend(T, [scalarSubquery(count(both)), scalarSubquery(max(both, 3))]));
    const left = project(sOfA, [col(1)]);
    const right = project(filter(U, op(col(1), '=', outer(1))), [col(0)]);
    for (const operator of ['intersect', 'except'] as const) {
      for (const all of [true, false]) {
        const plan: LogicalPlan = { kind: 'SetOperation', operator, all, left, right, schema: left.schema };
        expectSame(extend(T, [scalarSubquery(count(plan))]));
      }
    }
  });
  it('full and right joins inside', () => {
    for (const type of ['full', 'right', 'semi', 'anti'] as const) {
      const inner = join(type, sOfA, filter(U, op(col(1), '=', outer(1))), op(col(1), '=', col(2)));
      expectSame(extend(T, [scalarSubquery(count(inner))]));
      const condition = join(type, S, U, [op(col(1), '=', col(2)), op(col(0), '=', outer(0))]);
      if (type !== 'full') expectSame(extend(T, [scalarSubquery(count(condition))]));
    }
  });
  it('window inside', () => {
    const windowed: LogicalPlan = {
      kind: 'Window',
      input: sOfA,
      partition: [],
      order: ascending(1, 0),
      calls: [windowCall('row_number', [], int8)],
      schema: [...sOfA.schema, { name: 'r', type: int8, nullable: false }],
    };
    const sum = aggregate(windowed, [], [call('max', [2], windowed, int8)]);
    expectSame(extend(T, [scalarSubquery(sum)]));
    const first = project(filter(windowed, op(col(2, int8), '=', big(1n))), [col(1)]);
    expectSame(extend(T, [scalarSubquery(first)]));
  });
  it('array', () => {
    const plan = project(limitless(sOfA), [col(1)]);
    const array: Scalar = { kind: 'arraySubquery', plan, type: { id: 'array', element: int4 } };
    expectSame(extend(T, [array]));
  });
});

const limitless = (plan: LogicalPlan): LogicalPlan =>
  topN(plan, {
    partition: [],
    order: [{ column: 1, descending: true, nullsFirst: true }],
    limit: null,
    offset: null,
    withTies: false,
    rank: null,
  });

describe('EXISTS', () => {
  it('as a condition', () => {
    for (const negated of [false, true]) {
      expectSame(filter(T, exists(sOfA, negated)));
      expectSame(filter(T, exists(filter(S, op(col(0), '<', outer(0))), negated)));
      expectSame(filter(T, exists(filter(S, op(col(0), '=', int(2))), negated)));
      expectSame(filter(T, not(exists(limit(sOfA, 1), negated))));
      expectSame(filter(T, exists(filter(count(sOfA, [1]), op(col(1, int8), '>', big(1n))), negated)));
      expectSame(filter(T, exists(count(sOfA), negated)));
    }
  });
  it('as a value and under OR', () => {
    for (const negated of [false, true]) {
      expectSame(extend(T, [exists(sOfA, negated), exists(S, negated)]));
      expectSame(filter(T, or([exists(sOfA, negated), op(col(1), '=', int(1))])));
      expectSame(extend(T, [exists(filter(S, op(col(0), '<', outer(1))), negated)]));
    }
  });
  it('nested', () => {
    const inner = exists(filter(U, [op(col(1), '=', outer(1)), op(col(0), '=', outer(1, 2))]));
    expectSame(filter(T, exists(filter(sOfA, inner))));
    expectSame(filter(T, exists(filter(S, not(inner)), true)));
  });
});

describe('IN, ANY, ALL', () => {
  const y = project(S, [col(1)]);
  const yOfA = project(sOfA, [col(1)]);
  const id = project(U, [col(0)]);
  const plans = { y, yOfA, id };
  for (const [name, plan] of Object.entries(plans)) {
    for (const quantifier of ['any', 'all'] as const) {
      for (const operator of ['=', '<>', '<']) {
        for (const negated of [false, true]) {
          const condition = compared(col(1), operator, quantifier, plan, negated);
          it(`${negated ? 'NOT ' : ''}b ${operator} ${quantifier} (${name})`, () => {
            expectSame(filter(T, condition));
            expectSame(extend(T, [condition]));
            expectSame(filter(T, isNull(condition)));
          });
        }
      }
    }
  }
  it('computed left side', () => {
    const condition = compared(op(col(0), '+', col(1)), '=', 'any', yOfA);
    expectSame(filter(T, condition));
    expectSame(filter(T, not(condition)));
    expectSame(extend(T, [condition]));
  });
  it('row values', () => {
    for (const negated of [false, true]) {
      const condition: Scalar = {
        kind: 'quantifiedSubquery',
        quantifier: 'any',
        left: [col(0), col(1)],
        condition: { kind: 'and', operands: [op(col(0), '=', col(2)), op(col(1), '=', col(3))], type: bool },
        plan: S,
        negated,
        type: bool,
      };
      expectSame(filter(T, condition));
      expectSame(extend(T, [condition]));
    }
  });
});

describe('lateral joins', () => {
  const lateral = (
    type: 'inner' | 'left',
    right: LogicalPlan,
    condition: Scalar | null = null,
  ): LogicalPlan => join(type, T, right, condition, { lateral: true });
  it('inner and left, with and without condition', () => {
    for (const type of ['inner', 'left'] as const) {
      expectSame(lateral(type, sOfA));
      expectSame(lateral(type, sOfA, op(col(3), '>', col(1))));
      expectSame(lateral(type, project(sOfA, [op(col(1), '+', outer(1)), int(7)])));
      expectSame(lateral(type, limit(sOfA, 1)));
      expectSame(lateral(type, count(sOfA)));
      expectSame(lateral(type, filter(count(sOfA), op(col(0, int8), '>', big(0n)))));
      expectSame(lateral(type, count(sOfA, [1]), op(col(3, int8), '>', big(1n))));
      expectSame(lateral(type, distinct(project(filter(S, op(col(0), '<', outer(0))), [col(1)]))));
      expectSame(lateral(type, project(oneRow, [op(outer(0), '+', outer(1))])));
    }
  });
  it('chained', () => {
    const first = lateral('inner', limit(sOfA, 2));
    const second = filter(U, op(col(1), '=', outer(3)));
    expectSame(join('left', first, second, null, { lateral: true }));
  });
  it('inside a subquery', () => {
    const inner = join(
      'inner',
      sOfA,
      filter(U, [op(col(1), '=', outer(1)), op(col(0), '<>', outer(1, 2))]),
      null,
      {
        lateral: true,
      },
    );
    expectSame(extend(T, [scalarSubquery(count(inner)), exists(inner)]));
  });
  it('unnest runs on the input itself', () => {
    const array: Scalar = {
      kind: 'array',
      items: [outer(0), outer(1), int(9)],
      nested: false,
      type: { id: 'array', element: int4 },
    };
    const fn = unnest();
    const unnested: LogicalPlan = {
      kind: 'TableFunction',
      input: oneRow,
      calls: [{ fn, args: [array] }],
      ordinality: false,
      schema: [{ name: 'e', type: int4, nullable: true }],
    };
    const physical = expectSame(lateral('inner', filter(unnested, op(col(0), '>', int(1)))));
    expect(explainText(physical).join('\n')).not.toContain('Join');
    expectSame(lateral('left', filter(unnested, op(col(0), '>', int(1)))));
  });
});

/** A stand-in for the registry's unnest. */
function unnest(): Extract<LogicalPlan, { kind: 'TableFunction' }>['calls'][number]['fn'] {
  return {
    kind: 'table',
    name: 'unnest',
    args: ['anyarray'],
    columns: () => [{ name: 'unnest', type: int4 }],
    volatility: 'immutable',
    nulls: 'strict',
    doc: '',
    examples: [],
    implement: () => (_context, array) => {
      const elements =
        typeof array === 'object' && array !== null && 'elements' in array ? array.elements : [];
      return elements.map((e) => [e]);
    },
  };
}

describe('subqueries in join conditions', () => {
  const condition = (types_: readonly Scalar[]): Scalar => ({ kind: 'and', operands: types_, type: bool });
  it('inner, left and right joins', () => {
    for (const type of ['inner', 'left', 'right'] as const) {
      const onRight = exists(filter(U, op(col(0), '=', outer(3))));
      const onBoth = exists(filter(U, [op(col(0), '=', outer(3)), op(col(1), '=', outer(1))]));
      const value = op(scalarSubquery(count(filter(U, op(col(1), '<', outer(1))))), '>', big(1n));
      for (const nested of [onRight, onBoth, value]) {
        expectSame(join(type, T, S, condition([op(col(0), '=', col(2)), nested])));
      }
    }
  });
});

describe('subqueries elsewhere', () => {
  it('VALUES', () => {
    expectSame({
      kind: 'Values',
      rows: [[scalarSubquery(max(S, 1))], [int(3)]],
      schema: [{ name: 'v', type: int4, nullable: true }],
    });
  });
  it('CASE and aggregates over subqueries', () => {
    const guarded: Scalar = {
      kind: 'case',
      whens: [{ when: exists(sOfA), then: scalarSubquery(max(sOfA, 1)) }],
      otherwise: int(-1),
      type: int4,
    };
    const input = extend(T, [guarded]);
    expectSame(aggregate(input, [1], [call('max', [2], input, int4)]));
  });
});
