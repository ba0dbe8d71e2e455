/** EXPLAIN: text and JSON of plans with shared parts, and scalars as text. */
import { describe, expect, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import { explainJson, explainText } from '../../../planner/explain/explain.ts';
import { scalarText } from '../../../planner/explain/scalarText.ts';
import { toPhysical } from '../../../planner/physical/physicalPlan.ts';
import { aggregate, filter, join } from '../../../planner/plan/construct.ts';
import type { Scalar } from '../../../planner/plan/scalar.ts';
import { isNull, literal, not } from '../../../planner/plan/scalars.ts';
import { call, col, env, int, op, scan, t, u } from '../build.ts';

const grouped = aggregate(
  filter(scan(t), op(col(1), '>', int(0))),
  [0],
  [call('count', [], scan(t), types.int8)],
);
const plan = toPhysical(join('inner', grouped, grouped, op(col(0), '=', col(2))), {
  evaluator: env.evaluator,
  mode: 'maintained',
});

describe('explain', () => {
  it('prints a shared plan once', () => {
    expect(explainText(plan)).toEqual([
      'HashJoin type=inner keys=[a#0 = a#2]',
      '  ->  HashAggregate (shared 1) keys=a aggregates=[count(*)]',
      '        ->  Calc filter=[b > 0] output=[a, b]',
      '              ->  Scan on t columns=[a, b]',
      '  ->  Shared 1',
    ]);
  });
  it('adds properties when verbose', () => {
    expect(explainText(plan, { verbose: true })[1]).toContain('key=[(a)] rows=');
  });
  it('gives JSON in the shape of PostgreSQL', () => {
    const [{ Plan }] = JSON.parse(explainJson(plan, { verbose: true }));
    expect(Plan['Node Type']).toBe('HashJoin');
    expect(Plan.Plans).toHaveLength(2);
    expect(Plan.Plans[1]).toEqual({ 'Node Type': 'Shared', 'Shared Plan': 1 });
    expect(Plan.Plans[0].Key).toEqual(['a']);
  });
  it('prints scalars as SQL', () => {
    const text = (s: Scalar): string => scalarText(s, u.columns);
    expect(text(op(op(col(0), '+', int(1)), '*', col(1)))).toBe('(id + 1) * v');
    expect(text(not(isNull(col(2, types.text))))).toBe('NOT (w IS NULL)');
    expect(text(literal("it's", types.text))).toBe("'it''s'");
    expect(text(literal(0n, types.timestamp))).toBe("timestamp without time zone '1970-01-01 00:00:00'");
    expect(text({ kind: 'cast', operand: col(0), type: types.int8, explicit: true, try: false })).toBe(
      'id::bigint',
    );
  });
});
