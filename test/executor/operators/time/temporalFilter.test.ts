import { describe, expect, it } from 'vitest';
import { must } from '../../../../common/assert.ts';
import type { CatalogReader } from '../../../../common/catalog.ts';
import { types } from '../../../../common/dataType.ts';
import { formatTimestamp } from '../../../../common/dateTime.ts';
import type { EvalContext } from '../../../../common/function.ts';
import { plainContext } from '../../../../common/textIo.ts';
import type { Row, Value } from '../../../../common/value.ts';
import { TIMESTAMP_INFINITY, TIMESTAMP_MINUS_INFINITY } from '../../../../common/value.ts';
import { compileScalar } from '../../../../executor/codegen/evaluate.ts';
import { Moment } from '../../../../executor/operators/moment.ts';
import { TemporalFilterOperator } from '../../../../executor/operators/temporalFilter.ts';
import { parse } from '../../../../parser/parse.ts';
import { bindQuery } from '../../../../planner/bind/bind.ts';
import type { PhysicalTemporalFilter } from '../../../../planner/plan/physical.ts';
import { walkPhysical } from '../../../../planner/plan/walk.ts';
import { onUpdate, planMaterializedView } from '../../../../planner/plan.ts';
import { batches, inputNode, Probe, seeded, showRow, testContext } from '../../../harness/operators.ts';
import { ManualTime } from '../../../harness/time.ts';
import { env, relation } from '../../../planner/build.ts';

const entry = relation(1, 'r', [
  ['id', types.int4],
  ['ts', types.timestamptz],
  ['l', types.timestamp],
  ['d', types.date],
  ['flag', types.bool],
]);
const input = entry.columns;

const catalog: CatalogReader = {
  relation: () => entry,
  hasSchema: (name) => name === 'public',
  relationNames: () => ['r'],
  rowType: () => null,
  database: 'dev',
};

/** The filter that a view over r with this condition has. */
function filterOf(condition: string, appendOnly = false): PhysicalTemporalFilter {
  const [parsed] = parse(`SELECT * FROM r WHERE ${condition}`);
  const { statement } = must(parsed);
  if (statement.kind !== 'SelectStatement') throw new TypeError(statement.kind);
  const bound = bindQuery(statement.query, {
    catalog,
    functions: env.functions,
    searchPath: ['public'],
    text: plainContext(() => 0n),
    parameterTypes: [],
  });
  const found: PhysicalTemporalFilter[] = [];
  walkPhysical(planMaterializedView(bound, env, onUpdate).plan, (node) => {
    if (node.kind === 'TemporalFilter') found.push(node);
  });
  return { ...must(found[0]), input: inputNode(input, appendOnly) };
}

const MINUTE = 60_000_000n;
const HOUR = 60n * MINUTE;
const DAY = 24n * HOUR;
/** Micros of a timestamp in UTC. */
const at = (text: string): bigint => BigInt(Date.parse(`${text}Z`)) * 1000n;

function contextIn(timeZone: string, time: ManualTime) {
  const context = testContext(time);
  const zoned: EvalContext = { ...context.eval, timeZone };
  return { ...context, eval: zoned };
}

const conditions = [
  "ts > now() - INTERVAL '1 hour'",
  "ts BETWEEN now() - INTERVAL '2 hours' AND now() + INTERVAL '30 minutes'",
  "ts <= now() - INTERVAL '1 month'",
  "ts > now() - INTERVAL '1 month 1 day 1 hour'",
  "ts >= date_trunc('day', now()) - INTERVAL '1 month'",
  "ts + INTERVAL '1 month' > now()",
  "l > localtimestamp - INTERVAL '1 day'",
  'l < now()',
  "l < now() - INTERVAL '1 day'",
  'd = current_date',
  'd BETWEEN current_date - 7 AND current_date',
  "d >= now() - INTERVAL '3 days'",
  "ts < date_trunc('month', now())",
  "ts < date_trunc('hour', now(), 'Asia/Kathmandu')",
  "l >= date_trunc('week', now()::timestamp)",
  'ts = now() OR l = localtimestamp',
  "now() - ts < INTERVAL '1 day'",
  "ts - now() <= INTERVAL '90 minutes' AND now() - ts <= INTERVAL '1 hour'",
  'current_date - d <= 30',
  "NOT (ts > now() - INTERVAL '1 hour') OR flag",
  "CASE WHEN flag THEN ts > now() - INTERVAL '3 hours' ELSE ts < now() - INTERVAL '1 hour' END",
  "(ts > now() - INTERVAL '1 hour') IS NOT FALSE",
  "ts > now() AT TIME ZONE 'Europe/Paris' AT TIME ZONE 'America/New_York'",
  "l > (now() - INTERVAL '1 month')::date - INTERVAL '1 month'",
  "date_bin('15 minutes', now(), timestamptz '2024-01-01 00:07+00') > ts",
  'ts <> now() AND flag IS NOT NULL',
  '10 / (id - 5) > 0 OR ts > now()',
];

const zones = ['UTC', 'America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe', '<+03>-3'];

const starts = [
  at('2024-01-30T20:00:00'),
  at('2024-03-09T20:00:00'),
  at('2024-03-30T22:00:00'),
  at('2024-10-26T20:00:00'),
  at('2024-11-02T20:00:00'),
  at('2024-04-06T10:00:00'),
];

interface Run {
  readonly condition: string;
  readonly zone: string;
  readonly seed: number;
  readonly start: bigint;
  readonly appendOnly: boolean;
}

function check({ condition, zone, seed, start, appendOnly }: Run): void {
  const random = seeded(seed);
  const below = (n: number): number => Math.floor(random() * n);
  const node = filterOf(condition, appendOnly);
  const time = new ManualTime(start);
  const context = contextIn(zone, time);
  const operator = new TemporalFilterOperator(node, context);
  const probe = new Probe(operator);
  const direct = compileScalar(node.condition);
  const held: Row[] = [];
  const passes = (row: Row): boolean => {
    try {
      return direct(context.eval, row) === true;
    } catch {
      return false;
    }
  };
  const expectEqual = (): void => {
    const expected = held.filter(passes).map(showRow).sort();
    expect(probe.rows(), `${condition} in ${zone} at ${formatTimestamp(time.now())} (seed ${seed})`).toEqual(
      expected,
    );
  };
  const moment = (): Value => {
    if (random() < 0.05) return null;
    if (random() < 0.04) return random() < 0.5 ? TIMESTAMP_INFINITY : TIMESTAMP_MINUS_INFINITY;
    const span = must([HOUR, 6n * HOUR, 2n * DAY, 40n * DAY, 4000n * DAY][below(5)]);
    const value = time.now() + (BigInt(below(2001) - 1000) * span) / 1000n;
    return random() < 0.5 ? value - (value % (30n * MINUTE)) : value;
  };
  const row = (): Row => {
    const day = moment();
    const date = typeof day === 'bigint' && day < 1n << 60n && day > -(1n << 60n) ? Number(day / DAY) : null;
    return [below(10), moment(), moment(), date, random() < 0.2 ? null : random() < 0.5];
  };
  for (let tick = 0; tick < 40; tick++) {
    const changes: [Row, number][] = [];
    for (let r = below(6); r > 0; r--) {
      if (appendOnly || random() < 0.6 || held.length === 0) {
        const made = held.length > 0 && random() < 0.1 ? must(held[below(held.length)]) : row();
        held.push(made);
        changes.push([made, 1]);
      } else changes.push([must(held.splice(below(held.length), 1)[0]), -1]);
    }
    for (const batch of batches(input, changes, 3)) probe.push(0, batch);
    if (changes.length > 0 || operator.isDue()) operator.flush(probe.emit);
    expectEqual();
    expect(operator.isDue()).toBe(false);
    const wake = operator.nextWake();
    if (wake !== null) expect(wake).toBeGreaterThan(time.now());
    const choice = random();
    if (wake !== null && wake < time.now() + 100n * DAY && choice < 0.6) {
      // Nothing happens until then.
      time.setClock(time.now() + BigInt(Math.floor(Number(wake - 1n - time.now()) * random())));
      expect(operator.isDue()).toBe(false);
      expectEqual();
      if (wake - 1n > time.now()) time.setClock(wake - 1n);
      expectEqual();
      time.setClock(wake);
      expect(operator.isDue()).toBe(true);
    } else {
      time.setClock(time.now() + BigInt(below(1000)) * must([MINUTE, HOUR / 10n, DAY / 500n][below(3)]));
    }
  }
  if (appendOnly) return;
  for (const batch of batches(
    input,
    held.splice(0).map((r): [Row, number] => [r, -1]),
  ))
    probe.push(0, batch);
  operator.flush(probe.emit);
  expectEqual();
  expect(operator.stateRows()).toBe(0);
  expect(operator.nextWake()).toBeNull();
}

describe('moments', () => {
  const MINUTES = 5 * 24 * 60;

  /** Looks at every minute: all values here change on the minute. */
  function checkMoment(condition: string, zone: string, start: bigint, random: () => number): void {
    const context = contextIn(zone, new ManualTime(start));
    const { moment } = must(filterOf(condition).comparisons[0]);
    const value = compileScalar(moment);
    const values = Array.from({ length: MINUTES }, (_, m) => {
      const v = value(context.eval, [start + BigInt(m) * MINUTE]);
      return typeof v === 'number' ? BigInt(v) * DAY : (v as bigint);
    });
    const reader = new Moment(moment, context.eval);
    const drops = values.flatMap((v, m) => (m > 0 && v < must(values[m - 1]) ? [m] : []));
    const place = (m: number): number => Math.max(0, Math.min(MINUTES - 1, Math.floor(m)));
    for (let i = 0; i < 100; i++) {
      // Half of them where the value falls back.
      const drop = i % 2 === 0 ? drops[Math.floor(random() * drops.length)] : undefined;
      const from = place(drop === undefined ? random() * MINUTES : drop + (random() - 0.7) * 150);
      const near = place(from + (random() - 0.5) * (drop === undefined ? 2000 : 150));
      const threshold = must(values[near]);
      const isAbove = must(values[from]) >= threshold;
      const flips = values.findIndex((v, m) => m > from && v >= threshold !== isAbove);
      const next = reader.next(threshold, start + BigInt(from) * MINUTE);
      if (flips < 0) {
        if (next !== null) expect(next).toBeGreaterThan(start + BigInt(MINUTES - 1) * MINUTE);
      } else expect(next, `${condition} ${zone} ${start}`).toBe(start + BigInt(flips) * MINUTE);
    }
  }

  it.each([
    'l > localtimestamp',
    'd > current_date',
    "ts > now() - INTERVAL '1 day'",
    "ts > now() - INTERVAL '1 month'",
    "ts > now() + INTERVAL '1 month 1 day'",
    "ts > (now() - INTERVAL '90 minutes') + INTERVAL '1 month'",
    "l > localtimestamp - INTERVAL '1 month'",
    "ts > (localtimestamp + INTERVAL '1 day')::timestamptz",
    "ts > date_trunc('day', now())",
    "ts > date_trunc('hour', now())",
    "ts > date_trunc('day', now()) - INTERVAL '1 month'",
    "ts > now() AT TIME ZONE 'Europe/Paris' AT TIME ZONE 'America/New_York'",
    "l > (now() AT TIME ZONE 'Europe/Berlin')::date - INTERVAL '1 month'",
  ])('%s reaches what it reaches, and falls back', (condition) => {
    const random = seeded(7);
    for (const zone of zones) for (const start of starts) checkMoment(condition, zone, start, random);
  });
});

describe('temporal filter', () => {
  it.each(conditions)('%s: as evaluated at each moment', (condition) => {
    zones.forEach((zone, z) => {
      for (const s of [z, z + 2, z + 3]) {
        const start = must(starts[s % starts.length]);
        check({ condition, zone, seed: z * 10 + s, start, appendOnly: s % 3 === 0 });
      }
    });
  });

  it('forgets expired rows, and does nothing while nothing is due', () => {
    const time = new ManualTime(at('2024-01-01T00:00:00'));
    const node = filterOf("ts > now() - INTERVAL '1 hour'", true);
    const operator = new TemporalFilterOperator(node, testContext(time));
    const probe = new Probe(operator);
    const rows = Array.from({ length: 3000 }, (_, i): [Row, number] => [
      [i, time.now() + BigInt(i) * 1_000_000n, null, null, null],
      1,
    ]);
    for (const batch of batches(input, rows)) probe.push(0, batch);
    operator.flush(probe.emit);
    expect(operator.stateRows()).toBe(3000);
    expect(operator.nextWake()).toBe(time.now() + HOUR);
    time.setClock(time.now() + HOUR - 1n);
    expect(operator.isDue()).toBe(false);
    time.setClock(time.now() + 1000n * 1_000_000n);
    expect(operator.isDue()).toBe(true);
    probe.last = [];
    operator.flush(probe.emit);
    expect(probe.last).toHaveLength(1000);
    expect(operator.stateRows()).toBe(2000);
    time.setClock(time.now() + DAY);
    operator.flush(probe.emit);
    expect(probe.rows()).toEqual([]);
    expect(operator.stateRows()).toBe(0);
    expect(operator.nextWake()).toBeNull();
  });

  it('forgets rows that one condition keeps out for ever', () => {
    const time = new ManualTime(at('2024-01-01T00:00:00'));
    const node = filterOf("ts > now() - INTERVAL '1 hour' AND l < localtimestamp");
    const operator = new TemporalFilterOperator(node, testContext(time));
    const probe = new Probe(operator);
    const rows: Row[] = [
      [1, time.now(), time.now() + 3n * HOUR, null, null],
      [2, time.now(), null, null, null],
      [3, TIMESTAMP_MINUS_INFINITY, time.now() + HOUR, null, null],
      [4, TIMESTAMP_INFINITY, time.now() + HOUR, null, null],
    ];
    for (const batch of batches(
      input,
      rows.map((row): [Row, number] => [row, 1]),
    ))
      probe.push(0, batch);
    operator.flush(probe.emit);
    expect(operator.stateRows()).toBe(2);
    time.setClock(time.now() + HOUR);
    operator.flush(probe.emit);
    expect(operator.stateRows()).toBe(1);
    expect(operator.nextWake()).toBe(time.now() + 1n);
  });

  it('lets rows in later, and forgets them then', () => {
    const time = new ManualTime(at('2024-01-01T00:00:00'));
    const operator = new TemporalFilterOperator(filterOf('ts <= now()'), testContext(time));
    const probe = new Probe(operator);
    const future: Row = [1, time.now() + HOUR, null, null, null];
    for (const batch of batches(input, [[future, 2]])) probe.push(0, batch);
    operator.flush(probe.emit);
    expect(probe.rows()).toEqual([]);
    time.setClock(time.now() + HOUR);
    operator.flush(probe.emit);
    expect(probe.rows()).toHaveLength(2);
    expect(operator.stateRows()).toBe(0);
    for (const batch of batches(input, [[future, -1]])) probe.push(0, batch);
    operator.flush(probe.emit);
    expect(probe.rows()).toHaveLength(1);
    expect(operator.stateRows()).toBe(0);
  });

  it('tests what may keep a row out for ever first', () => {
    const time = new ManualTime(at('2024-01-01T00:00:00'));
    const context = testContext(time);
    const operator = new TemporalFilterOperator(
      filterOf("(1 / id > 0 OR ts > now()) AND ts > now() - INTERVAL '1 hour'"),
      context,
    );
    const probe = new Probe(operator);
    const row: Row = [0, time.now() - DAY, null, null, null];
    for (const weight of [1, -1]) {
      for (const batch of batches(input, [[row, weight]])) probe.push(0, batch);
      operator.flush(probe.emit);
      expect(operator.stateRows()).toBe(0);
    }
    expect(context.errors).toEqual([]);
  });

  it('reports rows that cannot be tested, and takes the reports back', () => {
    const time = new ManualTime(at('2024-01-01T00:00:00'));
    const context = testContext(time);
    const reported: number[] = [];
    const node = filterOf('ts > now() OR 1 / id > 0');
    const operator = new TemporalFilterOperator(node, {
      ...context,
      rowError: (error, weight) => {
        expect(error.message).toBe('division by zero');
        reported.push(weight);
      },
    });
    const probe = new Probe(operator);
    const row: Row = [0, time.now() + HOUR, null, null, null];
    for (const batch of batches(input, [[row, 1]])) probe.push(0, batch);
    operator.flush(probe.emit);
    expect(probe.rows()).toHaveLength(1);
    time.setClock(time.now() + 2n * HOUR);
    operator.flush(probe.emit);
    expect(probe.rows()).toEqual([]);
    expect(reported).toEqual([1]);
    for (const batch of batches(input, [[row, -1]])) probe.push(0, batch);
    operator.flush(probe.emit);
    expect(reported).toEqual([1, -1]);
    expect(operator.stateRows()).toBe(0);
  });
});
