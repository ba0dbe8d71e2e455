/**
 * What watermarks promise, checked against recomputation: random rows come in ticks, never below the watermarks of their
 * relations; for every node of every plan, no delta is below what its term was a tick before, and what bounds say may be
 * dropped is never needed again.
 */
import { describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { compareValues } from '../../../common/compare.ts';
import { SqlError } from '../../../common/sqlError.ts';
import type { Row, Value } from '../../../common/value.ts';
import { compileTerm } from '../../../executor/time.ts';
import { explainText } from '../../../planner/explain/explain.ts';
import { valueKey } from '../../../planner/plan/fingerprint.ts';
import type { PhysicalJoin, PhysicalPlan } from '../../../planner/plan/physical.ts';
import { rewritePhysical, walkPhysical } from '../../../planner/plan/walk.ts';
import type { StateBound } from '../../../planner/plan/watermark.ts';
import { onUpdate, planMaterializedView, type ViewTiming } from '../../../planner/plan.ts';
import { lookAhead } from '../../../planner/time/lookAhead.ts';
import { watermarksOf } from '../../../planner/time/watermarks.ts';
import { evaluateLogical } from '../../harness/naive/evaluateLogical.ts';
import { physicalToLogical } from '../../harness/naive/physicalToLogical.ts';
import { testContext } from '../../harness/naive/scalars.ts';
import { ManualTime } from '../../harness/time.ts';
import { env } from '../build.ts';
import { bindTimed } from './sql.ts';

const SECOND = 1_000_000n;
const DAY = 86_400n * SECOND;
/** Summer time begins in Europe an hour later. */
const START = 1_711_843_200n * SECOND;

type Tables = Map<number, readonly Row[]>;

/** Sources and tables that grow tick by tick. */
class World {
  readonly time = new ManualTime(START);
  readonly tables: Tables = new Map([1, 2, 3, 4, 5, 6, 7].map((id) => [id, []]));
  readonly #watermarks = new Map<number, bigint>();
  readonly #unit: bigint;
  #state: number;

  constructor(seed: number) {
    this.#state = (seed * 2654435761 + 12345) >>> 0;
    this.#unit = [2n, 40n, 900n][seed % 3] ?? 1n;
  }

  #next(below: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 4294967296) * below);
  }

  /** A time from `least` on. */
  #from(least: bigint, spread = 8): bigint {
    return least + BigInt(this.#next(spread)) * this.#unit * SECOND + BigInt(this.#next(2));
  }

  #number(): bigint {
    return BigInt(this.#next(3));
  }

  /** Rows at or after the relation's watermark, which then moves to `delay` units behind the last of them. */
  #events(id: number, column: number, row: (time: bigint) => Row, delay: bigint, size: bigint): void {
    const least = this.#watermarks.get(id) ?? START;
    const rows = Array.from({ length: this.#next(4) }, () => row(this.#from(least)));
    this.tables.set(id, [...must(this.tables.get(id)), ...rows]);
    const behind = rows.map((r) => (r[column] as bigint) - delay * this.#unit * SECOND);
    const watermark = [least, ...behind].sort((a, b) => (a < b ? 1 : -1))[0] ?? least;
    this.#watermarks.set(id, watermark);
    this.time.setWatermark(id, column, watermark / size);
  }

  /** Any change of a table that has no watermark. */
  #changes(id: number, row: () => Row): void {
    const rows = must(this.tables.get(id)).filter(() => this.#next(4) > 0);
    this.tables.set(id, this.#next(2) === 0 ? [...rows, row()] : rows);
  }

  tick(): void {
    const now = this.time.now() + this.#unit * SECOND;
    this.#events(1, 3, (t) => [this.#number(), this.#number(), this.#number(), t], 2n, 1n);
    this.#events(2, 2, (t) => [this.#number(), this.#number(), t, this.#from(START)], 4n, 1n);
    const ok = (): Value => [true, false, null][this.#next(3)] ?? null;
    this.#events(4, 2, (t) => [this.#number(), ok(), t, now], 3n, 1n);
    this.tables.set(3, [...must(this.tables.get(3)), [this.#number(), 'u', this.#from(START, 30)]]);
    const used = new Set(must(this.tables.get(5)).map((r) => r[0]));
    this.#changes(5, () => [[0n, 1n, 2n, 3n].find((n) => !used.has(n)) ?? BigInt(used.size + 9), 'n', null]);
    this.#days();
    this.#windows();
    this.time.setClock(now);
  }

  #days(): void {
    const least = this.#watermarks.get(6) ?? START / DAY;
    const day = least + BigInt(this.#next(3));
    this.tables.set(6, [...must(this.tables.get(6)), [this.#number(), this.#number(), Number(day)]]);
    this.#watermarks.set(6, day > least ? day - 1n : least);
    this.time.setWatermark(6, 2, Number(must(this.#watermarks.get(6))));
  }

  /** A view by windows of ten seconds: rows of open windows come, change and go. */
  #windows(): void {
    const size = 10n * SECOND;
    const least = this.#watermarks.get(7) ?? START;
    const kept = must(this.tables.get(7)).filter((r) => (r[0] as bigint) < least || this.#next(2) === 0);
    const start = least + BigInt(this.#next(4)) * size;
    const isNew = !kept.some((r) => r[0] === start);
    this.tables.set(7, isNew ? [...kept, [start, start + size, this.#number()]] : kept);
    const watermark = least + BigInt(this.#next(2)) * size;
    this.#watermarks.set(7, watermark);
    this.time.setWatermark(7, 0, watermark);
    this.time.setWatermark(7, 1, watermark + size);
  }
}

const rowsOf = (plan: PhysicalPlan, tables: Tables): readonly Row[] =>
  evaluateLogical(physicalToLogical(plan, env.functions), tables);

const constants = (schema: PhysicalPlan['schema'], rows: readonly Row[]): PhysicalPlan => ({
  kind: 'Values',
  rows: rows.map((row) =>
    row.map((value, c) => ({ kind: 'literal' as const, value, type: must(schema[c]).type })),
  ),
  schema,
  appendOnly: true,
  key: null,
  estimatedRows: 1,
});

/** What has been given so far: where rows wait for a watermark, those below it. */
function givenRows(plan: PhysicalPlan, world: World): readonly Row[] {
  const given = rewritePhysical(plan, (node) => {
    const order = node.kind === 'Window' && node.final === true ? node.orderBound : undefined;
    const sliding = node.kind === 'SlidingPanes' ? { column: node.keys.length, term: node.term } : undefined;
    const wait = node.kind === 'Close' ? node : (sliding ?? order);
    if (wait === undefined) return node;
    const rows = rowsOf(node.kind === 'Close' ? node.input : node, world.tables);
    const term = compileTerm(wait.term, world.time, testContext).active();
    return constants(
      node.schema,
      rows.filter((row) => isBelow(node, wait.column, row[wait.column] ?? null, term)),
    );
  });
  return rowsOf(given, world.tables);
}

/** Ids of sessions are opaque: the oracle numbers them anew each time. */
function keyOf(plan: PhysicalPlan, row: Row): string {
  return row.map((v, i) => (must(plan.schema[i]).name === 'session' ? '' : valueKey(v))).join('|');
}

interface Delta {
  readonly row: Row;
  weight: number;
}

/** Rows that came or went. */
function deltas(plan: PhysicalPlan, before: readonly Row[], after: readonly Row[]): readonly Delta[] {
  const weights = new Map<string, Delta>();
  const add = (row: Row, weight: number): void => {
    const key = keyOf(plan, row);
    const known = weights.get(key) ?? { row, weight: 0 };
    known.weight += weight;
    weights.set(key, known);
  };
  for (const row of before) add(row, -1);
  for (const row of after) add(row, 1);
  return [...weights.values()].filter((w) => w.weight !== 0);
}

interface Snapshot {
  readonly rows: readonly Row[];
  /** The watermark of each column. */
  readonly terms: readonly Value[];
}

function snapshot(plan: PhysicalPlan, world: World): Snapshot {
  const terms = watermarksOf(plan).map((term) =>
    term === null ? null : compileTerm(term, world.time, testContext).strict(),
  );
  return { rows: givenRows(plan, world), terms };
}

function isBelow(plan: PhysicalPlan, column: number, value: Value, bound: Value): boolean {
  if (value === null || bound === null) return false;
  return compareValues(value, bound, must(plan.schema[column]).type) < 0;
}

/** Deltas that break the promise, as text. */
function broken(plan: PhysicalPlan, before: Snapshot, after: Snapshot): readonly string[] {
  return deltas(plan, before.rows, after.rows).flatMap(({ row, weight }) => {
    const late = before.terms.flatMap((term, c) =>
      isBelow(plan, c, row[c] ?? null, term)
        ? [`${must(plan.schema[c]).name} ${valueKey(row[c] ?? null)} is below ${valueKey(must(term))}`]
        : [],
    );
    return plan.appendOnly && weight < 0 ? [...late, `${keyOf(plan, row)} is taken back`] : late;
  });
}

/** The join's deltas without the rows that were below its bounds are the same as with them. */
function needsDropped(plan: PhysicalJoin, world: World, before: Tables): boolean {
  const { clean } = plan;
  if (clean === undefined) return false;
  // Rows with a residual keep their number of matches, dropped ones included: recomputing would not.
  if (plan.residual !== null && plan.type !== 'inner') return false;
  const bounds = { left: boundBefore(clean.left), right: boundBefore(clean.right) };
  const inputs = (tables: Tables, all: boolean, side: 'left' | 'right'): readonly Row[] => {
    const rows = rowsOf(plan[side], tables);
    const bound = bounds[side];
    if (all || bound === null) return rows;
    const dropped = new Map<string, number>();
    for (const row of rowsOf(plan[side], before)) {
      const key = keyOf(plan[side], row);
      if (!isBelow(plan[side], bound.column, row[bound.column] ?? null, bound.value)) continue;
      dropped.set(key, (dropped.get(key) ?? 0) + 1);
    }
    // Rows may repeat: one that comes now is not one that was dropped.
    return rows.filter((row) => {
      const key = keyOf(plan[side], row);
      const left = dropped.get(key) ?? 0;
      dropped.set(key, left - 1);
      return left <= 0;
    });
  };
  const delta = (all: boolean): readonly string[] => {
    const result = (tables: Tables): readonly Row[] =>
      joined(plan, inputs(tables, all, 'left'), inputs(tables, all, 'right'));
    return deltas(plan, result(before), result(world.tables))
      .map(({ row, weight }) => `${keyOf(plan, row)} ${weight}`)
      .sort();
  };
  return JSON.stringify(delta(true)) !== JSON.stringify(delta(false));

  function boundBefore(bound: StateBound | null): { column: number; value: Value } | null {
    if (bound === null) return null;
    return { column: bound.column, value: must(boundValues.get(bound)) };
  }
}

/** Values of the bounds at the end of the tick before; null until there is a watermark. */
const boundValues = new Map<StateBound, Value>();

function joined(plan: PhysicalJoin, left: readonly Row[], right: readonly Row[]): readonly Row[] {
  const inputs = { left: constants(plan.left.schema, left), right: constants(plan.right.schema, right) };
  return rowsOf({ ...plan, ...inputs }, new Map());
}

function readBounds(nodes: readonly PhysicalPlan[], world: World): void {
  boundValues.clear();
  for (const node of nodes) {
    if (node.kind !== 'Join') continue;
    for (const bound of [node.clean?.left ?? null, node.clean?.right ?? null]) {
      if (bound === null) continue;
      const value = compileTerm(bound.term, world.time, testContext).strict();
      // Nothing is below the empty past.
      boundValues.set(bound, value ?? (must(watermarkFloor.get(bound.term.type.id)) as Value));
    }
  }
}

const watermarkFloor: ReadonlyMap<string, Value> = new Map<string, Value>([
  ['timestamp', 0n],
  ['timestamptz', 0n],
  ['date', 0],
  ['int8', -1000n],
]);

function check(sql: string, seeds: number, timing: ViewTiming): void {
  const { plan } = planMaterializedView(bindTimed(sql), env, timing);
  const nodes: PhysicalPlan[] = [];
  walkPhysical(plan, (node) => nodes.push(node));
  for (let seed = 0; seed < seeds; seed++) {
    const world = new World(seed);
    let last = nodes.map((node) => snapshot(node, world));
    for (let tick = 0; tick < 8; tick++) {
      readBounds(nodes, world);
      const before: Tables = new Map(world.tables);
      world.tick();
      const now = nodes.map((node) => snapshot(node, world));
      nodes.forEach((node, i) => {
        const wrong = broken(node, must(last[i]), must(now[i]));
        const dropped = timing === onUpdate && node.kind === 'Join' && needsDropped(node, world, before);
        if (wrong.length === 0 && !dropped) return;
        const shown = explainText(node, { verbose: true }).join('\n');
        expect({ seed, tick, shown, wrong, dropped }).toEqual({
          seed,
          tick,
          shown,
          wrong: [],
          dropped: false,
        });
      });
      last = now;
    }
  }
}

const tumble = (relation: string, size = '10 seconds'): string =>
  `TUMBLE(${relation}, date_time, INTERVAL '${size}')`;
const sessions = "SESSION(bid PARTITION BY bidder, date_time, INTERVAL '30 seconds')";
const over = (frame: string, call = 'sum(price)'): string =>
  `SELECT bidder, date_time, ${call} OVER (PARTITION BY bidder ORDER BY date_time ${frame}) AS x FROM bid`;
const between = "BETWEEN a.date_time - INTERVAL '20 seconds' AND a.date_time + INTERVAL '1 minute'";

const queries: readonly string[] = [
  `SELECT window_start, window_end, bidder, count(*) FROM ${tumble('bid')} GROUP BY 1, 2, 3`,
  "SELECT window_start, window_end, min(price) FROM HOP(bid, date_time, INTERVAL '10 seconds', INTERVAL '1 minute') GROUP BY 1, 2",
  "SELECT window_start, window_end, count(DISTINCT bidder) FROM HOP(bid, date_time, INTERVAL '10 seconds', INTERVAL '1 minute') GROUP BY 1, 2",
  "SELECT window_start, window_end, count(*) FROM CUMULATE(bid, date_time, INTERVAL '10 seconds', INTERVAL '1 minute') GROUP BY 1, 2",
  "SELECT date_trunc('hour', ts AT TIME ZONE 'Europe/Berlin') AS h, ts AT TIME ZONE 'Europe/Berlin' AS l, date_trunc('day', ts, 'Europe/Berlin') AS d, ts::date, count(*) FROM event GROUP BY 1, 2, 3, 4",
  "SELECT (date_time AT TIME ZONE 'Europe/Berlin') AS m, date_time - INTERVAL '1 day 2 hours' AS s, date_time::date + 3 AS d, count(*) FROM bid GROUP BY 1, 2, 3",
  'SELECT came, count(*) FROM event GROUP BY came',
  'SELECT day - 1 AS d, count(*) FROM orders GROUP BY 1',
  'SELECT window_start, window_end, sum(bids) FROM per_window GROUP BY 1, 2',
  `SELECT bidder, window_start, window_end, count(*) FROM ${sessions} GROUP BY 1, 2, 3`,
  `SELECT * FROM ${sessions}`,
  `SELECT * FROM ${sessions} WHERE price > 0`,
  `SELECT bidder, auction, window_start, window_end, count(*) FROM ${sessions} GROUP BY 1, 2, 3, 4`,
  'SELECT date_time FROM bid UNION ALL SELECT date_time FROM auction',
  'SELECT date_time FROM bid EXCEPT SELECT date_time FROM auction',
  'SELECT date_time FROM bid INTERSECT SELECT date_time FROM auction',
  'SELECT DISTINCT bidder, date_time FROM bid',
  ...['JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN'].flatMap((join) => [
    `SELECT * FROM bid b ${join} auction a ON b.auction = a.id AND b.date_time ${between}`,
    `SELECT * FROM ${tumble('bid', '1 minute')} l ${join} ${tumble('auction', '1 minute')} r ON l.window_start = r.window_start AND l.bidder = r.seller`,
    `SELECT * FROM bid b ${join} auction a ON b.date_time = a.date_time + INTERVAL '20 seconds'`,
    `SELECT * FROM ${tumble('bid')} b ${join} per_window p ON b.window_start = p.window_start`,
    `SELECT * FROM bid b ${join} users u ON b.bidder = u.id`,
    `SELECT * FROM click c ${join} bid b ON c.ts >= b.date_time AND c.user_id = b.bidder`,
    `SELECT * FROM click c ${join} bid b ON c.ts = b.date_time`,
  ]),
  'SELECT * FROM bid b JOIN auction a ON b.date_time > a.date_time AND b.auction = a.id',
  "SELECT * FROM bid b JOIN auction a ON b.date_time + INTERVAL '1 minute' >= a.date_time AND b.date_time <= a.expires",
  'SELECT * FROM bid b WHERE EXISTS (SELECT FROM auction a WHERE a.date_time = b.date_time)',
  'SELECT * FROM bid b WHERE NOT EXISTS (SELECT FROM auction a WHERE a.date_time = b.date_time AND a.id = b.auction)',
  "SELECT * FROM bid b WHERE NOT EXISTS (SELECT FROM auction a WHERE a.id = b.auction AND a.date_time BETWEEN b.date_time AND b.date_time + INTERVAL '1 minute')",
  'SELECT * FROM bid WHERE date_time NOT IN (SELECT date_time FROM auction)',
  over(''),
  over('ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING'),
  over('', 'row_number()'),
  over('', 'rank()'),
  over('', 'lag(price)'),
  over('', 'lag(price, 2)'),
  over('', 'lag(price, -1)'),
  over('', 'lead(price)'),
  'SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY bidder ORDER BY date_time) AS r FROM bid) AS x WHERE r <= 2',
  'SELECT * FROM (SELECT *, rank() OVER (PARTITION BY bidder ORDER BY date_time DESC) AS r FROM bid) AS x WHERE r <= 2',
  `SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY window_start ORDER BY price DESC) AS r FROM ${tumble('bid')}) AS x WHERE r <= 2`,
  'SELECT * FROM per_window ORDER BY window_start LIMIT 2',
  `SELECT window_start, max(c) FROM (SELECT window_start, auction, count(*) AS c FROM ${tumble('bid')} GROUP BY 1, 2) AS x GROUP BY 1`,
  'SELECT coalesce(a.date_time, b.date_time) AS t, count(*) FROM auction a FULL JOIN bid b ON a.date_time = b.date_time GROUP BY 1',
  'SELECT greatest(a.date_time, b.date_time) AS t FROM auction a LEFT JOIN bid b ON a.date_time = b.date_time',
  ...['<', '<=', '>', '>='].flatMap((operator) =>
    ['ASOF JOIN', 'ASOF LEFT JOIN'].map(
      (join) =>
        `SELECT * FROM bid b ${join} auction a ON b.auction = a.id AND b.date_time ${operator} a.date_time`,
    ),
  ),
];

const onClose: ViewTiming = { ...onUpdate, emit: { kind: 'close', latenessMicros: 0n } };

describe('no delta is below a watermark', () => {
  it.each(queries)('%s', (sql) => {
    check(sql, 12, onUpdate);
  });
});

const closing: readonly string[] = [
  ...queries.filter(canClose),
  "SELECT window_start, window_end, min(date_time), count(*) FROM TUMBLE(bid, date_time, INTERVAL '10 seconds') GROUP BY 1, 2",
  "SELECT window_end, max(c) FROM (SELECT window_start, window_end, auction, count(*) AS c FROM HOP(bid, date_time, INTERVAL '10 seconds', INTERVAL '30 seconds') GROUP BY 1, 2, 3) AS x GROUP BY 1",
  "SELECT date_trunc('minute', date_time) AS m, date_trunc('minute', date_time) + INTERVAL '1 minute' AS e, count(*) FROM bid GROUP BY 1, 2",
];

function canClose(sql: string): boolean {
  try {
    const { plan } = planMaterializedView(bindTimed(sql), env, onClose);
    let counts = false;
    walkPhysical(plan, (node) => {
      counts ||= node.kind === 'Window' && node.final === true && lookAhead(node).reach === 'rows';
    });
    // Final rows whose frame is a number of later rows are not a function of the watermark alone.
    return !counts;
  } catch (error) {
    if (error instanceof SqlError) return false;
    throw error;
  }
}

describe('rows that waited for their window are final', () => {
  it.each(closing)('%s', (sql) => {
    check(sql, 12, onClose);
  });
});
