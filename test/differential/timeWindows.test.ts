/**
 * Window tables and session frames against PostgreSQL, which computes them with series and islands: views and ad-hoc
 * queries after each of many random transactions, rows coming in any order, changed and deleted.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../../server/serve.ts';
import { seeded } from '../harness/operators.ts';
import { type PostgresServer, postgresBin, startPostgres } from '../harness/postgres.ts';
import { localTarget, type Target, wireTarget } from './target.ts';

const bin = postgresBin();

const table = `CREATE TABLE ev (id int PRIMARY KEY, k text, kind int NOT NULL, ts timestamp, tz timestamptz, day date, v int,
  big bigint, n numeric, flag boolean)`;

/** The rows of ev that have a time, with their session by gaps. */
function sessions(time: string, keys: readonly string[], gap: string): string {
  const end = `interval '${gap}'`;
  const partition = (more: readonly string[]): string => {
    const all = [...keys, ...more];
    return all.length === 0 ? '' : `PARTITION BY ${all.join(', ')}`;
  };
  const near = `${time} - lag(${time}) OVER (${partition([])} ORDER BY ${time}) <= ${end}`;
  const marked = `SELECT *, CASE WHEN ${near} THEN 0 ELSE 1 END AS first FROM ev WHERE ${time} IS NOT NULL`;
  const numbered = `SELECT *, sum(first) OVER (${partition([])} ORDER BY ${time}) AS island FROM (${marked}) AS m`;
  return `(SELECT id, k, kind, ts, tz, day, v, big, n, flag, island, min(${time}) OVER session AS window_start,
    max(${time}) OVER session + ${end} AS window_end
    FROM (${numbered}) AS n WINDOW session AS (${partition(['island'])}))`;
}

function hopping(time: string, slide: string, size: string, offset = '0 s'): string {
  const origin = time === 'tz' ? `timestamptz '1970-01-01 00:00+00'` : `timestamp '1970-01-01'`;
  const bin = `date_bin('${slide}', ${time}, ${origin} + interval '${offset}')`;
  return `(SELECT ev.*, w AS window_start, w + interval '${size}' AS window_end FROM ev,
    LATERAL generate_series(${bin} - interval '${size}' + interval '${slide}', ${bin}, interval '${slide}') AS w)`;
}

function cumulating(time: string, step: string, size: string, offset = '0 s'): string {
  const bin = `date_bin('${size}', ${time}, timestamp '1970-01-01' + interval '${offset}')`;
  return `(SELECT ev.*, ${bin} AS window_start, w AS window_end FROM ev,
    LATERAL generate_series(${bin} + interval '${step}', ${bin} + interval '${size}', interval '${step}') AS w
    WHERE w > ${time})`;
}

/** A table in FROM as we write it and as PostgreSQL can. */
interface Source {
  readonly ours: string;
  readonly theirs: string;
}

const sources = {
  session: {
    ours: "SESSION(ev PARTITION BY k, ts, INTERVAL '5 seconds')",
    theirs: sessions('ts', ['k'], '5 s'),
  },
  sessionOfAll: { ours: "SESSION(ev, tz, INTERVAL '2 seconds')", theirs: sessions('tz', [], '2 s') },
  sessionOfTwo: {
    ours: "TABLE(SESSION(TABLE ev PARTITION BY (k, kind), DESCRIPTOR(ts), INTERVAL '8' SECONDS))",
    theirs: sessions('ts', ['k', 'kind'], '8 s'),
  },
  sessionOfDays: {
    ours: "SESSION(ev PARTITION BY kind, day, INTERVAL '1 day')",
    theirs: sessions('day::timestamp', ['kind'], '1 day'),
  },
  hop: {
    ours: "HOP(ev, ts, INTERVAL '3 seconds', INTERVAL '12 seconds')",
    theirs: hopping('ts', '3 s', '12 s'),
  },
  hopOffset: {
    ours: "TABLE(HOP(TABLE ev, DESCRIPTOR(tz), INTERVAL '5' SECONDS, INTERVAL '10' SECONDS, INTERVAL '2' SECONDS))",
    theirs: hopping('tz', '5 s', '10 s', '2 s'),
  },
  cumulate: {
    ours: "TABLE(CUMULATE(TABLE ev, DESCRIPTOR(ts), INTERVAL '4' SECONDS, INTERVAL '20' SECONDS))",
    theirs: cumulating('ts', '4 s', '20 s'),
  },
  cumulateOffset: {
    ours: "CUMULATE(ev, ts, INTERVAL '4 seconds', INTERVAL '20 seconds', INTERVAL '13 seconds')",
    theirs: cumulating('ts', '4 s', '20 s', '13 s'),
  },
} satisfies Readonly<Record<string, Source>>;

const aggregates = `count(*) AS c, count(v) AS cv, sum(v) AS s, sum(big) AS sb, sum(n) AS sn, avg(v) AS av, avg(big) AS ab,
  avg(n) AS an, min(n)::float8 AS mn, max(v) AS mx, min(ts) AS mt, bool_or(flag) AS o, bool_and(flag) AS a,
  sum(v) FILTER (WHERE flag) AS f, count(*) FILTER (WHERE NOT flag) AS nf`;

const overWindows = [
  `SELECT id, window_start, window_end FROM $`,
  `SELECT id, window_start, window_end FROM $ WHERE k = 'a' AND kind < 2`,
  `SELECT k, kind, window_start, window_end, ${aggregates} FROM $ GROUP BY k, kind, window_start, window_end`,
  `SELECT window_start, window_end, ${aggregates} FROM $ GROUP BY window_start, window_end`,
  `SELECT k, kind, window_end, count(*) AS c, max(v) AS m FROM $ WHERE v > 2 GROUP BY k, kind, window_end`,
  `SELECT k, kind, v % 2 AS odd, window_start, sum(n) AS s FROM $ GROUP BY k, kind, v % 2, window_start
     HAVING count(*) > 1`,
  `SELECT k, window_start, count(DISTINCT v) AS d, string_agg(id::text, ',' ORDER BY id) AS l
     FROM $ GROUP BY k, window_start`,
];

const frames: readonly Source[] = [
  {
    ours: `SELECT id, first_value(ts) OVER w AS a, last_value(ts) OVER w AS b, count(*) OVER w AS c, sum(v) OVER w AS d,
        rank() OVER w AS r, sum(v) OVER (PARTITION BY k ORDER BY ts, id) AS e, max(v) OVER (PARTITION BY k) AS f,
        sum(v) OVER (ORDER BY big SESSION WITH GAP 3) AS g
      FROM ev WHERE ts IS NOT NULL AND big IS NOT NULL
      WINDOW w AS (PARTITION BY k ORDER BY ts SESSION WITH GAP INTERVAL '5 seconds')`,
    theirs: `SELECT id, min(ts) OVER s AS a, max(ts) OVER s AS b, count(*) OVER s AS c, sum(v) OVER s AS d,
        rank() OVER (PARTITION BY k ORDER BY ts) AS r, sum(v) OVER (PARTITION BY k ORDER BY ts, id) AS e,
        max(v) OVER (PARTITION BY k) AS f, sum(v) OVER (PARTITION BY island2) AS g
      FROM (
        SELECT *, sum(b1) OVER (PARTITION BY k ORDER BY ts) AS island1, sum(b2) OVER (ORDER BY big) AS island2 FROM (
          SELECT *, (ts - lag(ts) OVER (PARTITION BY k ORDER BY ts) <= interval '5 s' IS NOT TRUE)::int AS b1,
            (big - lag(big) OVER (ORDER BY big) <= 3 IS NOT TRUE)::int AS b2
          FROM ev WHERE ts IS NOT NULL AND big IS NOT NULL) AS m) AS n
      WINDOW s AS (PARTITION BY k, island1)`,
  },
];

const queries: readonly Source[] = [
  ...Object.values(sources).flatMap(({ ours, theirs }) =>
    overWindows.map((query) => ({
      ours: query.replace('$', `${ours} AS x`),
      theirs: query.replace('$', `${theirs} AS x`),
    })),
  ),
  ...frames,
];

class Changes {
  readonly #random: () => number;
  #next = 1;
  #ids: number[] = [];

  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n);
  }

  #orNull(text: string): string {
    return this.#below(12) === 0 ? 'NULL' : text;
  }

  #row(id: number): string {
    const seconds = (): string => String(this.#below(900) / 10).padStart(4, '0');
    const time = (): string => `2024-01-01 00:00:00`;
    const digits = this.#below(3);
    const values = [
      String(id),
      this.#orNull(`'${'abc'[this.#below(3)]}'`),
      String(this.#below(2)),
      this.#orNull(`timestamp '${time()}' + interval '${seconds()} s'`),
      this.#orNull(`timestamptz '${time()}+00' + interval '${seconds()} s'`),
      this.#orNull(`date '2024-01-01' + ${this.#below(20)}`),
      this.#orNull(String(this.#below(6))),
      this.#orNull(String(this.#below(100))),
      this.#orNull((this.#below(500) / 10 ** digits).toFixed(digits)),
      this.#orNull(this.#below(2) === 0 ? 'true' : 'false'),
    ];
    return `(${values.join(', ')})`;
  }

  /** The statements of one transaction. */
  transaction(): string[] {
    const statements: string[] = [];
    for (let i = 0; i <= this.#below(3); i++) {
      const action = this.#below(10);
      if (action < 5 || this.#ids.length < 5) {
        const ids = Array.from({ length: 1 + this.#below(8) }, () => this.#next++);
        this.#ids.push(...ids);
        statements.push(`INSERT INTO ev VALUES ${ids.map((id) => this.#row(id)).join(', ')}`);
      } else if (action < 8) {
        const gone = this.#ids.filter(() => this.#below(6) === 0);
        this.#ids = this.#ids.filter((id) => !gone.includes(id));
        statements.push(`DELETE FROM ev WHERE id IN (0, ${gone.join(', ') || '0'})`);
      } else {
        const modulo = this.#below(7);
        const moved = `ts = ts + interval '${this.#below(40) - 20} s'`;
        statements.push(
          `UPDATE ev SET ${this.#below(2) === 0 ? moved : 'v = v + 1'} WHERE id % 7 = ${modulo}`,
        );
      }
    }
    return statements;
  }
}

async function rowsOf(target: Target, sql: string): Promise<readonly string[]> {
  const answer = await target.run(sql);
  if ('failure' in answer) throw new TypeError(`${answer.failure.message}: ${sql}`);
  return answer.rows.map((row) => JSON.stringify(row)).sort();
}

describe.runIf(bin !== null)('windows as PostgreSQL computes them', () => {
  let server: PostgresServer;

  beforeAll(async () => {
    server = await startPostgres(bin ?? '');
  });
  afterAll(() => server?.close());

  it.each([1, 2, 3])('seed %i', async (seed) => {
    const theirs = await wireTarget(await server.createDatabase(`seed${seed}`));
    const database = createDatabase();
    const ours = localTarget(database);
    await rowsOf(theirs, table);
    await rowsOf(ours, table);
    for (const [i, query] of queries.entries())
      await rowsOf(ours, `CREATE MATERIALIZED VIEW w${i} AS ${query.ours}`);
    const changes = new Changes(seed);
    for (let step = 0; step < 12; step++) {
      const statements = ['BEGIN', ...changes.transaction(), 'COMMIT'];
      for (const sql of statements) {
        await rowsOf(theirs, sql);
        await rowsOf(ours, sql);
      }
      for (const [i, query] of queries.entries()) {
        const expected = await rowsOf(theirs, query.theirs);
        expect(await rowsOf(ours, `SELECT * FROM w${i}`), `view, step ${step}: ${query.ours}`).toEqual(
          expected,
        );
        if (step % 4 === 3) expect(await rowsOf(ours, query.ours), query.ours).toEqual(expected);
      }
    }
    await rowsOf(ours, 'DELETE FROM ev');
    for (const object of database.catalog.objects()) {
      if (object.kind !== 'materialized view') continue;
      for (const node of object.nodes) expect(node.operator?.stateRows() ?? 0, object.name).toBe(0);
    }
    await theirs.close();
    await ours.close();
    database.close();
  });
});
