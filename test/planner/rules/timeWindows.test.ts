/** Rules over HOP, CUMULATE and SESSION: the same rows before and after, and the plans that they are for. */
import { describe, expect, it } from 'vitest';
import type { PlanMode } from '../../../planner/evaluator.ts';
import { explainLogical, explainText } from '../../../planner/explain/explain.ts';
import { optimize } from '../../../planner/optimize.ts';
import { env } from '../build.ts';
import { expectSame } from '../equivalence.ts';
import { bindSql } from '../sql.ts';

/** The small tables as events: more rows than one of them has. */
const events = `WITH e AS (
  SELECT a, b, a % 2 = 0 AS even, b / 3.0 AS n, timestamp '2024-01-01' + b * interval '2 s' AS ts FROM t
  UNION ALL
  SELECT x, y, NULL, x, timestamp '2024-01-01' + y * interval '5 s' FROM s
)`;

const shapeOf = (sql: string): readonly string[] =>
  explainText(expectSame(bindSql(`${events} ${sql}`).plan)).map((line) =>
    line
      .replace(/^[ >-]*/, '')
      .split(' ')
      .slice(0, 1)
      .join(),
  );

const hop = "HOP(e, ts, INTERVAL '2 s', INTERVAL '6 s', INTERVAL '1 s')";
const cumulate = "CUMULATE(e, ts, INTERVAL '2 s', INTERVAL '10 s', INTERVAL '1 s')";

describe('hopPanes', () => {
  const paned = ['Calc', 'HashAggregate', 'Hop', 'HashAggregate', 'Tumble'];
  it.each([
    ['every kind of aggregate', `count(*), count(b), sum(b), sum(n), avg(a), avg(n), min(n), max(b)`],
    [
      'conditions',
      `count(*) FILTER (WHERE b > 1), sum(a) FILTER (WHERE even), avg(b) FILTER (WHERE NOT even)`,
    ],
    ['booleans and bits', `bool_and(even), bool_or(even), every(even), bit_and(b), bit_or(b), bit_xor(b)`],
    ['expressions', `sum(a + b), count(a * 2), avg(a::bigint), sum(b::bigint), min(even::text)`],
    ['the same twice', `sum(b), avg(b), count(b), sum(b)`],
  ])('aggregates panes: %s', (_, aggregates) => {
    for (const table of [hop, cumulate]) {
      const shape = shapeOf(`SELECT window_start, window_end, a, ${aggregates} FROM ${table}
        GROUP BY window_start, window_end, a`);
      expect(shape.map((x) => (x === 'Cumulate' ? 'Hop' : x)).filter((x) => paned.includes(x))).toEqual(
        expect.arrayContaining(paned),
      );
      expect(shape).toContain('Tumble');
    }
  });

  it.each([
    ['the start only', 'SELECT window_start, count(*) FROM hopped GROUP BY window_start'],
    ['the end only', 'SELECT window_end, b % 2, sum(a) FROM hopped GROUP BY window_end, b % 2'],
    ['no aggregate', 'SELECT DISTINCT window_end, b FROM hopped GROUP BY window_end, b'],
    [
      'conditions on rows and windows',
      `SELECT window_end, max(b) FROM hopped WHERE a > 0 AND window_start > timestamp '2024-01-01 00:00:01'
       GROUP BY window_end HAVING count(*) > 1`,
    ],
    ['DISTINCT that means nothing', 'SELECT window_start, max(DISTINCT b) FROM hopped GROUP BY window_start'],
  ])('aggregates panes by %s', (_, query) => {
    for (const table of [hop, cumulate]) expect(shapeOf(query.replace('hopped', table))).toContain('Tumble');
  });

  it.each([
    ['sums of floats', 'SELECT window_start, sum(b::float8) FROM hopped GROUP BY window_start'],
    ['DISTINCT', 'SELECT window_start, count(DISTINCT b) FROM hopped GROUP BY window_start'],
    ['no window', 'SELECT a, count(*) FROM hopped GROUP BY a'],
    ['a window in an aggregate', 'SELECT window_start, max(window_end) FROM hopped GROUP BY window_start'],
    [
      'a condition on both',
      'SELECT window_start, sum(b) FROM hopped WHERE ts < window_start OR b > 1 GROUP BY 1',
    ],
    [
      'an ordered aggregate',
      'SELECT window_start, string_agg(b::text, $$,$$ ORDER BY b) FROM hopped GROUP BY 1',
    ],
  ])('leaves %s', (_, query) => {
    for (const table of [hop, cumulate])
      expect(shapeOf(query.replace('hopped', table))).not.toContain('Tumble');
  });

  it('leaves windows that do not overlap', () => {
    const tumbling = "HOP(e, ts, INTERVAL '2 s', INTERVAL '2 s')";
    const shape = shapeOf(`SELECT window_start, count(*) FROM ${tumbling} GROUP BY window_start`);
    expect(shape.filter((x) => x === 'HashAggregate')).toHaveLength(1);
  });
});

describe('hopPanes by emission', () => {
  const shared = (sql: string, mode: PlanMode, onClose: boolean): boolean => {
    const optimized = optimize(bindSql(`${events} ${sql}`).plan, { ...env, mode, onClose });
    return explainLogical(optimized).some((line) => line.includes('Tumble'));
  };
  const byKey = `SELECT window_start, a, count(*) FROM ${hop} GROUP BY window_start, a`;
  const byWindow = `SELECT window_start, window_end, count(*) FROM ${hop} GROUP BY window_start, window_end`;

  it('aggregates panes where each is put into its windows once', () => {
    for (const sql of [byKey, byWindow]) {
      expect(shared(sql, 'adhoc', false)).toBe(true);
      expect(shared(sql, 'maintained', true)).toBe(true);
    }
  });

  it('aggregates panes on update by the window alone', () => {
    expect(shared(byKey, 'maintained', false)).toBe(false);
    expect(shared(byWindow, 'maintained', false)).toBe(true);
  });
});

describe('sessionAggregate', () => {
  const joins = (sql: string): number => shapeOf(sql).filter((x) => x === 'HashJoin').length;
  const byKey = "SESSION(e PARTITION BY a, ts, INTERVAL '3 s')";
  const all = "SESSION(e, ts, INTERVAL '3 s')";

  it.each([
    `SELECT a, window_start, window_end, count(*), sum(b), max(n) FROM ${byKey} GROUP BY 1, 2, 3`,
    `SELECT a, window_end, count(*) FILTER (WHERE b > 1) FROM ${byKey} GROUP BY 1, 2`,
    `SELECT window_start, string_agg(b::text, ',' ORDER BY b) FROM ${all} GROUP BY 1`,
    `SELECT window_start FROM ${all} GROUP BY 1`,
    `SELECT a, window_start, sum(b) FROM ${byKey} WHERE a > 1 GROUP BY 1, 2 HAVING count(*) > 1`,
    `SELECT a, sum(b) FROM ${byKey} WHERE window_end > timestamp '2024-01-01 00:00:06' AND a < 3 GROUP BY a, window_end`,
  ])('needs no join: %s', (query) => {
    expect(joins(query)).toBe(0);
  });

  it.each([
    `SELECT a, window_start, window_end, count(*), sum(b) FROM ${byKey} WHERE b > 1 GROUP BY 1, 2, 3`,
    `SELECT a, b % 2, window_start, count(*), max(n) FROM ${byKey} GROUP BY 1, 2, 3`,
    `SELECT b, window_end, count(*) FROM ${all} WHERE window_start < timestamp '2024-01-01 00:00:09' GROUP BY 1, 2`,
  ])('joins groups with bounds: %s', (query) => {
    const shape = shapeOf(query);
    expect(shape.filter((x) => x === 'HashJoin')).toHaveLength(1);
    expect(shape.indexOf('HashJoin')).toBeLessThan(shape.indexOf('HashAggregate'));
  });

  it.each([
    `SELECT * FROM ${byKey}`,
    `SELECT * FROM ${byKey} WHERE a = 1`,
    `SELECT window_start, count(*) FROM ${byKey} GROUP BY 1`,
    `SELECT a, window_start, max(window_end) FROM ${byKey} GROUP BY 1, 2`,
    `SELECT a, date_trunc('minute', window_start), count(*) FROM ${byKey} GROUP BY 1, 2`,
    `SELECT count(*) FROM ${byKey}`,
    `SELECT x.a, x.window_start, y.b FROM ${byKey} x JOIN ${byKey} y ON x.window_start = y.window_start WHERE x.a = 2`,
    `SELECT x.a, (SELECT max(window_end) FROM ${byKey} y WHERE y.a = x.a) FROM e x`,
    `SELECT a, b, sum(b) OVER (PARTITION BY a ORDER BY ts SESSION WITH GAP INTERVAL '3 s') FROM e`,
    `SELECT a, b, count(*) OVER (ORDER BY b SESSION WITH GAP 1) FROM e WHERE a = 1`,
  ])('keeps the rows: %s', (query) => {
    shapeOf(query);
  });

  it('keeps conditions on rows above the sessions', () => {
    const shape = shapeOf(`SELECT * FROM ${byKey} WHERE b = 1`);
    expect(shape.indexOf('Calc')).toBeLessThan(shape.indexOf('Session'));
  });
});
