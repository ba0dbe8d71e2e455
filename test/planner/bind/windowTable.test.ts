import { describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { arrayOf, types } from '../../../common/dataType.ts';
import { parse } from '../../../parser/parse.ts';
import { bindQuery } from '../../../planner/bind/bind.ts';
import type { LogicalPlan } from '../../../planner/plan/logical.ts';
import { inputsOf } from '../../../planner/plan/walk.ts';
import { testEnvironment } from './describe.ts';
import { memoryCatalog, relation } from './memoryCatalog.ts';

const entries = [
  relation('ev', [
    ['id', types.int4],
    ['ts', types.timestamp],
    ['tz', types.timestamptz],
    ['day', types.date],
    ['tags', arrayOf(types.text)],
  ]),
  relation('taken', [
    ['ts', types.timestamp],
    ['window_start', types.timestamp],
  ]),
];

function bound(sql: string) {
  const { statement } = must(parse(sql)[0]);
  if (statement.kind !== 'SelectStatement') throw new TypeError('not a query');
  return bindQuery(statement.query, { ...testEnvironment(), catalog: memoryCatalog(entries) });
}

const columnsOf = (sql: string): readonly string[] => bound(sql).columns.map((c) => `${c.name} ${c.type.id}`);

function nodes(plan: LogicalPlan): readonly LogicalPlan[] {
  return [plan, ...inputsOf(plan).flatMap(nodes)];
}

describe('TUMBLE', () => {
  it('adds the window as columns of the time type', () => {
    expect(columnsOf("SELECT * FROM TUMBLE(ev, ts, INTERVAL '1 minute')").slice(5)).toEqual([
      'window_start timestamp',
      'window_end timestamp',
    ]);
    expect(columnsOf("SELECT window_end FROM TUMBLE(ev, tz, INTERVAL '1 minute')")).toEqual([
      'window_end timestamptz',
    ]);
    expect(columnsOf("SELECT x.window_start FROM TUMBLE(ev, day, INTERVAL '1 day') x")).toEqual([
      'window_start timestamp',
    ]);
  });

  it('is a projection over a relation, CTE or view', () => {
    const kinds = nodes(bound("SELECT id FROM TUMBLE(ev, ts, INTERVAL '1 minute', INTERVAL '5 s')").plan);
    expect(kinds.map((n) => n.kind)).toEqual(['Project', 'Project', 'Scan']);
    expect(columnsOf("WITH c AS (SELECT ts FROM ev) SELECT * FROM TUMBLE(c, ts, INTERVAL '1 hour')")).toEqual(
      ['ts timestamp', 'window_start timestamp', 'window_end timestamp'],
    );
  });
});

describe('HOP', () => {
  it('gives the node its slide, size and offset in microseconds', () => {
    const sql = "SELECT id FROM HOP(ev, ts, INTERVAL '5 minutes', INTERVAL '1 hour', INTERVAL '1 minute')";
    const hop = nodes(bound(sql).plan).find((n) => n.kind === 'Hop');
    expect(hop).toMatchObject({
      time: 1,
      slideMicros: 300_000_000n,
      sizeMicros: 3_600_000_000n,
      offsetMicros: 60_000_000n,
    });
  });

  it('takes a date as the timestamp of its midnight', () => {
    const { plan, columns } = bound("SELECT * FROM HOP(ev, day, INTERVAL '1 day', INTERVAL '2 days')");
    expect(columns.map((c) => c.name)).toEqual([
      'id',
      'ts',
      'tz',
      'day',
      'tags',
      'window_start',
      'window_end',
    ]);
    const hop = must(nodes(plan).find((n) => n.kind === 'Hop'));
    expect(hop.kind === 'Hop' && hop.input.schema[hop.time]?.type.id).toBe('timestamp');
  });
});

describe('mistakes', () => {
  it.each([
    [
      "TUMBLE((SELECT 1), ts, INTERVAL '1 minute')",
      'The 1st arg of window table function should be a table name (incl. source, CTE, view) but not complex structure (subquery, join, another table function). Consider using an intermediate CTE or view as workaround.',
    ],
    [
      "TUMBLE(ev, ts + INTERVAL '1 s', INTERVAL '1 minute')",
      'The 2st arg of window table function should be a column name but not complex expression. Consider using an intermediate CTE or view as workaround.',
    ],
    [
      "TUMBLE(taken, ts, INTERVAL '1 minute')",
      "column names `window_start` and `window_end` are not allowed in window table function's input.",
    ],
    ['TUMBLE(ev, ts, 60)', 'The 3rd arg of window table function should be an interval literal.'],
    ["TUMBLE(ev, ts, INTERVAL '1 month')", 'The 3rd of a window must not have months or years'],
    ["TUMBLE(ev, ts, INTERVAL '0')", 'window_size must be positive'],
    ["HOP(ev, ts, INTERVAL '-1 s', INTERVAL '1 minute')", 'window_slide must be positive'],
    [
      "HOP(ev, ts, INTERVAL '7 s', INTERVAL '1 minute')",
      'Invalid arguments for HOP window function: window_size 60000000 us cannot be divided by window_slide 7000000 us',
    ],
    [
      "HOP(ev, id, INTERVAL '1 s', INTERVAL '1 minute')",
      'The 2nd arg of window table function should be a column of type timestamp with time zone, timestamp or date, not integer',
    ],
    ["TUMBLE(ev, nope, INTERVAL '1 minute')", 'column "nope" does not exist'],
    ["TUMBLE(nope, ts, INTERVAL '1 minute')", 'relation "nope" does not exist'],
  ])('%s', (call, message) => {
    expect(() => bound(`SELECT * FROM ${call}`)).toThrow(message);
  });
});
