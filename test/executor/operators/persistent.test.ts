/**
 * What operators remember survives. For every operator of the registry a view is changed at random; at random ticks everything
 * is put into a checkpoint, and a fresh database is made of it. From then on both are given the same: each operator must give the
 * same rows in every tick, hold as many, and report the same rows as failed. An operator without an entry here fails the test.
 */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { DeltaJoinOperator } from '../../../executor/operators/deltaJoin.ts';
import { MaterializeOperator } from '../../../executor/operators/materialize.ts';
import { StatelessOperator } from '../../../executor/operators/stateless.ts';
import type { Database } from '../../../server/database.ts';
import { localTarget, type Target } from '../../differential/target.ts';
import { seeded } from '../../harness/operators.ts';
import { freshKept, type Kept, Outputs, operatorsOf, restored } from '../../harness/restored.ts';
import { root } from '../../harness/server.ts';
import { queries } from './examples.ts';

/** Further ones: over e, rows of which are never taken back and which has a watermark on `at`; and by the clock. */
const timed: Readonly<Record<string, readonly string[]>> = {
  TemporalJoin: [
    'SELECT e.id, e.a, k.v FROM e LEFT JOIN k FOR SYSTEM_TIME AS OF PROCTIME() ON e.a = k.a',
    'SELECT t.id, t.a, k.v FROM t JOIN k FOR SYSTEM_TIME AS OF PROCTIME() ON t.a = k.a',
  ],
  Close: [
    "SELECT window_start, a, sum(b) AS s, min(b) AS l FROM TUMBLE(e, at, INTERVAL '20 seconds') GROUP BY window_start, a EMIT ON WINDOW CLOSE",
    'SELECT id, a, at FROM e WHERE b > 2 EMIT ON WINDOW CLOSE',
    'SELECT id, lag(b) OVER (PARTITION BY a ORDER BY at) AS l, sum(b) OVER (PARTITION BY a ORDER BY at ROWS 2 PRECEDING) AS s FROM e EMIT ON WINDOW CLOSE',
  ],
  SlidingPanes: [
    "SELECT window_start, a, sum(b) AS s, count(*) AS n FROM HOP(e, at, INTERVAL '10 seconds', INTERVAL '40 seconds') GROUP BY window_start, a EMIT ON WINDOW CLOSE",
  ],
  Pace: [
    "SELECT a, count(*) AS n FROM t GROUP BY a EMIT EVERY INTERVAL '1 minute'",
    "SELECT a, b FROM t EMIT WITH DELAY INTERVAL '30 seconds'",
  ],
  Expire: ['SELECT a, sum(b) AS s FROM t GROUP BY a', 'SELECT id, at FROM t'],
  Changelog: ['WITH x AS CHANGELOG FROM t SELECT * FROM x', 'WITH x AS CHANGELOG FROM k SELECT * FROM x'],
  Join: [
    "SELECT e.id, f.id AS i FROM e JOIN e AS f ON e.a = f.a AND e.at BETWEEN f.at - INTERVAL '10 seconds' AND f.at",
    'SELECT t.a, 10 / (u.b - 5) AS q FROM t JOIN u ON t.a = u.a',
  ],
  Calc: ['SELECT id, 10 / (a - 3) AS q FROM t'],
  Aggregate: [
    "SELECT window_start, count(*) AS n, max(b) AS m, string_agg(s, ',' ORDER BY b, id) AS l FROM TUMBLE(e, at, INTERVAL '20 seconds') GROUP BY window_start",
    'SELECT a, sum(10 / (b - 5)) AS s FROM t GROUP BY a',
    'SELECT a, array_agg(DISTINCT s ORDER BY s) AS d, jsonb_object_agg(id, b) AS o, sum(b * 0.25) AS f, sum(b::float8 / 3) AS g FROM t GROUP BY a',
  ],
  TemporalFilter: [
    "SELECT id, a FROM t WHERE at > now() - INTERVAL '1 minute'",
    "SELECT a, count(*) AS n FROM t WHERE at BETWEEN now() - INTERVAL '2 minutes' AND now() + INTERVAL '10 seconds' GROUP BY a",
  ],
  Distinct: [
    'SELECT DISTINCT a, s FROM e',
    "SELECT DISTINCT window_start, a FROM TUMBLE(e, at, INTERVAL '20 seconds')",
  ],
  TopN: [
    'SELECT a, b, id FROM (SELECT *, row_number() OVER (PARTITION BY a ORDER BY b, id) AS n FROM e) AS r WHERE n = 1',
    'SELECT a, b, id FROM (SELECT *, row_number() OVER (PARTITION BY a ORDER BY b, id) AS n FROM e) AS r WHERE n <= 3',
    'SELECT a, b FROM (SELECT *, rank() OVER (PARTITION BY a ORDER BY b) AS n FROM e) AS r WHERE n <= 2',
  ],
  Window: [
    'SELECT a, sum(b) OVER (PARTITION BY a ORDER BY at ROWS 2 PRECEDING) AS s FROM e',
    'SELECT a, first_value(s) OVER (PARTITION BY a ORDER BY at, id) AS f, ntile(3) OVER (ORDER BY id, b) AS n FROM t',
  ],
  MaterializedExprs: ['SELECT id, n FROM e, generate_series(1, 1 + (random() * 2)::int) AS n'],
  Recursive: [
    'WITH RECURSIVE r (x, y) AS (SELECT a, b::int % 6 FROM t UNION (SELECT u.a, r.y FROM r JOIN u ON u.b = r.x EXCEPT SELECT x, y FROM (SELECT a AS x, 3 AS y FROM u) AS q)) SELECT x, y FROM r',
    'WITH RECURSIVE r (n, d) AS (SELECT a, 0 FROM t UNION ALL (SELECT n, d + 1 FROM r WHERE d < 3 EXCEPT SELECT a, 2 FROM u)) SELECT n, d FROM r',
  ],
  Session: [
    "SELECT a, window_start, count(*) AS n FROM SESSION(e PARTITION BY a, at, INTERVAL '8 seconds') GROUP BY a, window_start",
  ],
};

const options: Readonly<Record<string, string>> = { Expire: "WITH (ttl = '1 minute') " };

const tables = [
  'CREATE TABLE t (id int, a int, b bigint, s text, at timestamptz)',
  'CREATE TABLE u (id int, a int, b bigint, at timestamptz)',
  'CREATE TABLE one (x int)',
  'CREATE TABLE k (a int PRIMARY KEY, v text)',
  "CREATE TABLE e (id int, a int, b bigint, s text, at timestamptz, WATERMARK FOR at AS at - INTERVAL '15 seconds') APPEND ONLY",
];

/** Another one makes other changes. */
const SEED = Number(process.env.MILLRACE_PERSISTENT_SEED ?? 1);
const ROUNDS = 3;
const TICKS = 14;

/** Statements, each a tick. */
class Changes {
  readonly #below: (n: number) => number;
  #id = 0;
  /** Seconds that have passed. */
  #time = 0;

  constructor(random: () => number) {
    this.#below = (n) => Math.floor(random() * n);
  }

  next(): string {
    const below = this.#below;
    switch (below(12)) {
      case 0:
        return `UPDATE t SET b = b + ${below(3)}, s = s || 'x' WHERE a = ${below(6)}`;
      case 1:
        return `DELETE FROM t WHERE id % 3 = ${below(3)}`;
      case 2:
        return `DELETE FROM u WHERE b > ${below(8)}`;
      case 3:
        return below(2) === 0 ? `DELETE FROM ${['t', 'u', 'k'][below(3)]}` : 'DELETE FROM one';
      case 4:
        return `INSERT INTO k VALUES (${below(6)}, 'v${below(9)}')`;
      case 5:
        this.#time += 1 + below(30);
        return `SET millrace.clock = '${this.#at(0)}'`;
      case 6:
        return `DELETE FROM one; INSERT INTO one VALUES (${below(9)})`;
      case 7:
      case 8:
        return `INSERT INTO u VALUES ${this.#rows(1 + below(5), false)}`;
      case 9:
      case 10:
        this.#time += below(6);
        return `INSERT INTO e VALUES ${this.#rows(1 + below(6), true)}`;
      default:
        return `INSERT INTO t VALUES ${this.#rows(1 + below(8), true)}`;
    }
  }

  #at(offset: number): string {
    return new Date(1_704_067_200_000 + (this.#time + offset) * 1000).toISOString();
  }

  #rows(count: number, text: boolean): string {
    const below = this.#below;
    const rows = Array.from({ length: count }, () => {
      const s = text ? `${below(8) === 0 ? 'NULL' : `'s${below(4)}'`}, ` : '';
      const b = below(10) === 0 ? 'NULL' : below(9);
      return `(${this.#id++ % 40}, ${below(6)}, ${b}, ${s}'${this.#at(below(40) - 20)}')`;
    });
    return rows.join(', ');
  }
}

async function done(target: Target, sql: string): Promise<void> {
  const answer = await target.run(sql);
  if ('failure' in answer) throw new TypeError(`${sql}: ${answer.failure.message}`);
}

interface Copy extends Kept {
  readonly target: Target;
  readonly outputs: Outputs;
}

function watched(kept: Kept): Copy {
  return { ...kept, target: localTarget(kept.database), outputs: new Outputs(kept.database) };
}

/** Puts a database into a checkpoint and makes another of it, with no view built again. */
async function putBack(kept: Kept): Promise<Copy> {
  await kept.checkpointer.checkpoint();
  const { rebuilt, ...copy } = await restored(kept);
  expect(rebuilt).toEqual([]);
  return watched(copy);
}

/** The same for all: one tick, or none. */
async function change(copies: readonly Copy[], sql: string): Promise<void> {
  await Promise.all(copies.map(({ target }) => done(target, sql)));
  const [was, ...are] = copies.map(({ outputs }) => outputs.take());
  for (const is of are) expect(is, sql).toEqual(was);
}

/** What remembers nothing, or nothing of its own: it lies in the view's store, in arrangements. */
const remembersNothing = [MaterializeOperator, StatelessOperator, DeltaJoinOperator];

function checkPersistent(database: Database): void {
  for (const operator of operatorsOf(database)) {
    if (remembersNothing.some((kind) => operator instanceof kind)) continue;
    expect(operator.persistent, `persistent of ${operator.constructor.name}`).toBeDefined();
  }
}

const cases = [...Object.entries(queries), ...Object.entries(timed)].flatMap(([kind, list]) =>
  list.map((sql) => [kind, sql] as const),
);

/** Classes of the operators that there were. */
const seen = new Set<string>();

describe('goes on from a checkpoint as if nothing had been', () => {
  it.each(cases)('%s: %s', async (kind, sql) => {
    const random = seeded(SEED * 1_000_000 + kind.length * 1000 + sql.length);
    const changes = new Changes(random);
    const kept = freshKept();
    const first = localTarget(kept.database);
    for (const table of tables) await done(first, table);
    await done(first, "SET millrace.clock = '2024-01-01 00:00:00+00'");
    await done(first, `CREATE MATERIALIZED VIEW v ${options[kind] ?? ''}AS ${sql}`);
    await first.close();
    for (const operator of operatorsOf(kept.database)) seen.add(operator.constructor.name);

    const copies: Copy[] = [watched(kept)];
    for (let round = 0; round < ROUNDS; round++) {
      for (let tick = 1 + Math.floor(random() * TICKS); tick > 0; tick--)
        await change(copies, changes.next());
      checkPersistent(kept.database);
      // Of the first, and of the newest, which has been put back itself.
      const origins = new Set([must(copies[0]), must(copies.at(-1))]);
      for (const origin of origins) copies.push(await putBack(origin));
    }
    for (let tick = 0; tick < TICKS; tick++) await change(copies, changes.next());
    for (const table of ['t', 'u', 'k', 'one']) await change(copies, `DELETE FROM ${table}`);
    for (const { target, database } of copies) {
      await target.close();
      database.close();
    }
  });
});

/** Only in ad-hoc reads; inside a recursion; remembers nothing; those that are more than one; of a sink. */
const elsewhere: ReadonlySet<string> = new Set([
  'EvaluatedOnce',
  'StoppingTopN',
  'StepSink',
  'StatelessOperator',
  'TopNOperator',
  'SinkOperator',
  // Needs another server: awaitLookup.test.ts.
  'AwaitLookupOperator',
]);

it('has looked at every operator', () => {
  const files = globSync('executor/operators/**/*.ts', { cwd: root });
  const classes = files.flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    const all = text.matchAll(
      /class (\w+) (?:implements Operator\b|extends (?:StatelessOperator|TopNOperator)\b)/g,
    );
    return [...all].map((match) => match[1] ?? '');
  });
  expect(classes.length).toBeGreaterThan(30);
  expect(classes.filter((name) => !seen.has(name) && !elsewhere.has(name))).toEqual([]);
});
