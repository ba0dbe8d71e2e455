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

describe('CUMULATE', () => {
  it('is a Hop node whose windows grow', () => {
    const sql =
      "SELECT id FROM TABLE(CUMULATE(TABLE ev, DESCRIPTOR(ts), INTERVAL '10' MINUTES, INTERVAL '1' HOURS))";
    expect(nodes(bound(sql).plan).find((n) => n.kind === 'Hop')).toMatchObject({
      time: 1,
      slideMicros: 600_000_000n,
      sizeMicros: 3_600_000_000n,
      offsetMicros: 0n,
      cumulate: true,
    });
  });
});

describe('SESSION', () => {
  const sessionOf = (sql: string) => nodes(bound(sql).plan).find((n) => n.kind === 'Session');

  it.each([
    "SESSION(ev PARTITION BY id, day, ts, INTERVAL '1 minute')",
    "SESSION(ev PARTITION BY (id, day), ts, INTERVAL '1 minute')",
    "TABLE(SESSION(TABLE ev PARTITION BY (id, day), DESCRIPTOR(ts), INTERVAL '1' MINUTES))",
  ])('takes its keys from PARTITION BY: %s', (call) => {
    expect(sessionOf(`SELECT * FROM ${call}`)).toMatchObject({
      partition: [0, 3],
      time: 1,
      gapMicros: 60_000_000n,
      joined: true,
    });
    expect(columnsOf(`SELECT * FROM ${call}`)).toEqual([
      ...columnsOf('SELECT * FROM ev'),
      'window_start timestamp',
      'window_end timestamp',
    ]);
  });

  it('has keys that are expressions, and dates, in columns of their own', () => {
    const sql = "SELECT * FROM SESSION(ev PARTITION BY id % 2, day, INTERVAL '2 days')";
    expect(sessionOf(sql)).toMatchObject({ partition: [7], time: 6 });
    expect(columnsOf(sql).slice(5)).toEqual(['window_start timestamp', 'window_end timestamp']);
  });

  it('has one node for the rows and for their bounds', () => {
    const { plan } = bound("SELECT * FROM SESSION(ev, ts, INTERVAL '1 minute')");
    expect(new Set(nodes(plan).filter((n) => n.kind === 'Session')).size).toBe(1);
  });

  it('divides the partitions of SESSION WITH GAP', () => {
    const over = (w: string): string => `sum(id) OVER (PARTITION BY day ORDER BY ${w})`;
    const { plan } = bound(
      `SELECT ${over("ts SESSION WITH GAP INTERVAL '1 s'")}, ${over("ts SESSION WITH GAP '1 s'")},
        ${over('ts')}, rank() OVER (PARTITION BY day ORDER BY ts SESSION WITH GAP INTERVAL '2 s') FROM ev`,
    );
    expect(nodes(plan).filter((n) => n.kind === 'Session')).toMatchObject([{ partition: [3], time: 1 }]);
    const partitions = nodes(plan).flatMap((n) => (n.kind === 'Window' ? [n.partition] : []));
    expect(partitions.toSorted((a, b) => a.length - b.length)).toEqual([[3], [3, 6]]);
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
    [
      "CUMULATE(ev, ts, INTERVAL '7 s', INTERVAL '1 minute')",
      'Invalid arguments for CUMULATE window function: window_size 60000000 us cannot be divided by window_step 7000000 us',
    ],
    ["CUMULATE(ev, ts, INTERVAL '0', INTERVAL '1 minute')", 'window_step must be positive'],
    ["SESSION(ev, ts, INTERVAL '0')", 'session gap must be positive'],
    ["SESSION(ev, ts, INTERVAL '1 month')", 'The 3rd of a window must not have months or years'],
    ['SESSION(ev, ts)', 'The 3rd arg of window table function is missing.'],
    ["SESSION(ev PARTITION BY nope, ts, INTERVAL '1 s')", 'column "nope" does not exist'],
    [
      "SESSION(ev, ts, INTERVAL '1 s', INTERVAL '1 s')",
      'too many arguments of window table function SESSION',
    ],
    ["GAP_FILL(ev, ts, INTERVAL '1 s')", 'GAP_FILL is not supported'],
    [
      "TUMBLE(ev PARTITION BY id, ts, INTERVAL '1 s')",
      'PARTITION BY in a window table function is not supported',
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
