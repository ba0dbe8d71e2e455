import { describe, expect, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import { SqlError } from '../../../common/sqlError.ts';
import { scalarText } from '../../../planner/explain/scalarText.ts';
import type { PhysicalPlan, PhysicalTemporalFilter } from '../../../planner/plan/physical.ts';
import { walkPhysical } from '../../../planner/plan/walk.ts';
import { onUpdate, planMaterializedView, planQuery } from '../../../planner/plan.ts';
import { env } from '../build.ts';
import { bindTimed } from './sql.ts';

const viewOf = (sql: string): PhysicalPlan => planMaterializedView(bindTimed(sql), env, onUpdate).plan;

function filtersOf(plan: PhysicalPlan): readonly PhysicalTemporalFilter[] {
  const found: PhysicalTemporalFilter[] = [];
  walkPhysical(plan, (node) => {
    if (node.kind === 'TemporalFilter') found.push(node);
  });
  return found;
}

/** The comparisons of the plan's filters as text; `clock` is the tick's time. */
function comparisons(sql: string): readonly string[] {
  const clock = [{ name: 'clock', type: types.timestamptz, nullable: false }];
  return filtersOf(viewOf(sql)).flatMap(({ input, comparisons: all }) =>
    all.map((c) => `${scalarText(c.expr, input.schema)} ${c.operator} ${scalarText(c.moment, clock)}`),
  );
}

function refusal(sql: string): SqlError {
  try {
    viewOf(sql);
  } catch (error) {
    if (error instanceof SqlError) return error;
    throw error;
  }
  throw new TypeError(`${sql} is not refused`);
}

describe('filters on the moment', () => {
  it.each([
    ["ts > now() - INTERVAL '1 hour'", ["ts > clock - interval '01:00:00'"]],
    ["now() - INTERVAL '1 hour' < ts", ["ts > clock - interval '01:00:00'"]],
    ["ts + INTERVAL '1 day' > now()", ["(ts + interval '1 day') > clock"]],
    ["ts BETWEEN now() - INTERVAL '1 day' AND now()", ["ts >= clock - interval '1 day'", 'ts <= clock']],
    ['ts > current_date - 7', ['ts > (clock::date - 7)::timestamp with time zone']],
    ['ts > localtimestamp', ['ts > clock::timestamp without time zone::timestamp with time zone']],
    ['ts::date = current_date', ['ts::date = clock::date']],
    ['ts::timestamp < now()', ['ts::timestamp without time zone::timestamp with time zone < clock']],
    [
      "ts >= date_trunc('day', now()) - INTERVAL '1 month'",
      ["ts >= date_trunc('day', clock) - interval '1 mon'"],
    ],
    ["now() - ts < INTERVAL '1 day'", ["ts > clock - interval '24:00:00'"]],
    ["INTERVAL '1 day' >= now() - ts", ["ts >= clock - interval '24:00:00'"]],
    ["ts - now() < INTERVAL '1 hour'", ["ts < clock - interval '-01:00:00'"]],
    ['current_date - ts::date <= 30', ['ts::date >= clock::date - 30']],
    [
      "NOT (ts > now()) OR user_id IS NULL OR ts < now() - INTERVAL '1 day'",
      ['ts <= clock', "ts < clock - interval '1 day'"],
    ],
    ['CASE WHEN ok THEN ts > now() ELSE came > now() END', ['ts > clock', 'came > clock']],
    ['(ts > now()) IS TRUE AND ts > now()', ['ts > clock']],
  ])('%s', (condition, expected) => {
    const bare = (text: string): string => text.replaceAll(/[()]/g, '');
    expect(comparisons(`SELECT user_id FROM event WHERE ${condition}`).map(bare)).toEqual(expected.map(bare));
  });

  it('keeps the columns that are needed, and the other conditions below', () => {
    const plan = viewOf("SELECT user_id FROM event WHERE ok AND ts > now() - INTERVAL '1 hour'");
    const [filter] = filtersOf(plan);
    expect(filter?.schema.map((c) => c.name)).toEqual(['user_id', 'ts']);
    expect(filter?.input).toMatchObject({ kind: 'Calc', condition: { kind: 'column', index: 1 } });
    expect(plan.schema.map((c) => c.name)).toEqual(['user_id']);
  });

  it('knows which rows only come', () => {
    const appendOnly = (condition: string): boolean =>
      viewOf(`SELECT * FROM event WHERE ${condition}`).appendOnly;
    expect(appendOnly('ts < now()')).toBe(true);
    expect(appendOnly("ts <= now() - INTERVAL '1 hour'")).toBe(true);
    expect(appendOnly('ts > now()')).toBe(false);
    expect(appendOnly("ts < now() - INTERVAL '1 month'")).toBe(false);
    expect(appendOnly('ts < now() OR ok')).toBe(false);
    expect(viewOf('SELECT DISTINCT user_id FROM event WHERE ts > now()').appendOnly).toBe(false);
  });

  it('follows HAVING and the conditions of joins', () => {
    const having = viewOf(
      "SELECT user_id, max(ts) FROM event GROUP BY 1 HAVING max(ts) > now() - INTERVAL '1 hour'",
    );
    expect(filtersOf(having)).toHaveLength(1);
    const inner = viewOf(
      "SELECT a.user_id FROM event a JOIN event b ON a.user_id = b.user_id AND greatest(a.ts, b.ts) > now() - INTERVAL '1 hour'",
    );
    expect(filtersOf(inner)[0]?.input.kind).toBeDefined();
    const left = viewOf(
      "SELECT a.user_id, b.ok FROM event a LEFT JOIN event b ON a.user_id = b.user_id AND b.ts > now() - INTERVAL '1 hour'",
    );
    expect(filtersOf(left)).toHaveLength(1);
  });

  it('leaves ad-hoc queries alone', () => {
    const plan = planQuery(bindTimed('SELECT * FROM event WHERE ts > now()'), env, 'adhoc').plan;
    expect(filtersOf(plan)).toEqual([]);
  });

  it.each([
    ['ts + (now() - came) > ts', '(ts + (now() - came)) > ts'],
    ['extract(hour FROM now()) = user_id', null],
    ['now() + (ts - came) > ts', null],
    ['now()::text > $$x$$', null],
    ['current_time > ts::timetz', null],
    ['now() = now()', null],
    ['ts IS DISTINCT FROM now()', null],
  ])('refuses %s', (condition, text) => {
    const error = refusal(`SELECT * FROM event WHERE ${condition}`);
    expect(error.state).toBe('0A000');
    expect(error.message).toMatch(/ is not supported in a materialized view$/);
    expect(error.hint).toContain("ts > now() - INTERVAL '1 hour'");
    if (text !== null) expect(error.message).toBe(`${text} is not supported in a materialized view`);
  });

  it('refuses the moment elsewhere', () => {
    expect(refusal('SELECT now() FROM event').message).toBe('now() is not supported in a materialized view');
    expect(
      refusal(
        "SELECT a.user_id FROM event a LEFT JOIN event b ON a.ts > now() - INTERVAL '1 hour' AND a.user_id = b.user_id",
      ).message,
    ).toBe('now() is not supported in a materialized view');
    expect(refusal('SELECT sum(CASE WHEN ts > now() THEN 1 END) FROM event').message).toBe(
      'now() is not supported in a materialized view',
    );
  });
});
