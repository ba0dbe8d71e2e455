/**
 * Queries over event time, each in Millrace's words and in plain PostgreSQL. Relations: e and f (k int, v int, t timestamp),
 * both with a watermark on t; in PostgreSQL tables of the admitted rows.
 */
export interface TimeQuery {
  readonly name: string;
  readonly millrace: string;
  readonly postgres: string;
  /** Sources that it reads. */
  readonly sources: 1 | 2;
  /** False: EMIT ON WINDOW CLOSE is not for it. */
  readonly closes: boolean;
}

const aggregates = 'count(*) AS n, sum(v) AS s, min(v) AS lo, max(v) AS hi, avg(v) AS mean';
const bin = (minutes: number, column = 't'): string =>
  `date_bin('${minutes} minutes', ${column}, TIMESTAMP '2000-01-01')`;

/** Sessions of e by k as (k, v, t, id): gaps and islands. */
const islands = `
  SELECT k, v, t, sum(starts) OVER (PARTITION BY k ORDER BY t, v) AS id FROM (
    SELECT k, v, t,
      CASE WHEN t <= lag(t) OVER (PARTITION BY k ORDER BY t, v) + INTERVAL '3 minutes' THEN 0 ELSE 1 END AS starts
    FROM e) s`;

/** HOP of e by 2 and 10 minutes. */
const hops = `
  SELECT e.*, w AS window_start, w + INTERVAL '10 minutes' AS window_end
  FROM e, generate_series(${bin(2)} - INTERVAL '8 minutes', ${bin(2)}, INTERVAL '2 minutes') w`;

const tumbling = `SELECT *, ${bin(5)} AS window_start FROM `;

export const timeQueries: readonly TimeQuery[] = [
  {
    name: 'tumble',
    millrace: `SELECT k, window_start, ${aggregates} FROM TUMBLE(e, t, INTERVAL '5 minutes') GROUP BY k, window_start`,
    postgres: `SELECT k, window_start, ${aggregates} FROM (${tumbling} e) x GROUP BY k, window_start`,
    sources: 1,
    closes: true,
  },
  {
    name: 'tumble_hidden',
    millrace: `SELECT k, count(*) FROM TUMBLE(e, t, INTERVAL '5 minutes') GROUP BY k, window_end HAVING count(*) > 1`,
    postgres: `SELECT k, count(*) FROM (${tumbling} e) x GROUP BY k, window_start HAVING count(*) > 1`,
    sources: 1,
    closes: true,
  },
  {
    name: 'hop',
    millrace: `SELECT k, window_start, window_end, ${aggregates} FROM HOP(e, t, INTERVAL '2 minutes', INTERVAL '10 minutes') GROUP BY k, window_start, window_end`,
    postgres: `SELECT k, window_start, window_end, ${aggregates} FROM (${hops}) x GROUP BY k, window_start, window_end`,
    sources: 1,
    closes: true,
  },
  {
    name: 'hop_all',
    millrace: `SELECT window_end, ${aggregates}, count(*) FILTER (WHERE k > 1) FROM HOP(e, t, INTERVAL '2 minutes', INTERVAL '10 minutes', INTERVAL '1 minute') WHERE v > 3 GROUP BY window_end HAVING count(*) > 1`,
    postgres: `SELECT w + INTERVAL '10 minutes', ${aggregates}, count(*) FILTER (WHERE k > 1)
      FROM (SELECT *, ${bin(2, "t - INTERVAL '1 minute'")} + INTERVAL '1 minute' AS b FROM e) x,
        generate_series(b - INTERVAL '8 minutes', b, INTERVAL '2 minutes') w
      WHERE v > 3 GROUP BY w HAVING count(*) > 1`,
    sources: 1,
    closes: true,
  },
  {
    name: 'hop_best',
    millrace: `SELECT window_start, max(n) FROM (SELECT k, window_start, window_end, count(*) AS n FROM HOP(e, t, INTERVAL '2 minutes', INTERVAL '10 minutes') GROUP BY k, window_start, window_end) x GROUP BY window_start`,
    postgres: `SELECT window_start, max(n) FROM (SELECT k, window_start, count(*) AS n FROM (${hops}) h GROUP BY k, window_start) x GROUP BY window_start`,
    sources: 1,
    closes: true,
  },
  {
    name: 'hop_distinct',
    millrace: `SELECT window_end, count(DISTINCT k) FROM HOP(e, t, INTERVAL '2 minutes', INTERVAL '10 minutes') GROUP BY window_end`,
    postgres: `SELECT window_end, count(DISTINCT k) FROM (${hops}) x GROUP BY window_end`,
    sources: 1,
    closes: true,
  },
  {
    name: 'cumulate',
    millrace: `SELECT window_start, window_end, count(*), max(v) FROM CUMULATE(e, t, INTERVAL '2 minutes', INTERVAL '6 minutes') GROUP BY window_start, window_end`,
    postgres: `SELECT ws, we, count(*), max(v) FROM (
        SELECT e.*, ${bin(6)} AS ws, ${bin(6)} + i * INTERVAL '2 minutes' AS we FROM e, generate_series(1, 3) i) x
      WHERE we > t GROUP BY ws, we`,
    sources: 1,
    closes: true,
  },
  {
    name: 'session',
    millrace: `SELECT k, window_start, window_end, ${aggregates} FROM SESSION(e PARTITION BY k, t, INTERVAL '3 minutes') GROUP BY k, window_start, window_end`,
    postgres: `SELECT k, min(t), max(t) + INTERVAL '3 minutes', ${aggregates} FROM (${islands}) x GROUP BY k, id`,
    sources: 1,
    closes: true,
  },
  {
    name: 'interval_join',
    millrace: `SELECT e.k, e.v, e.t, f.v AS fv, f.t AS ft FROM e JOIN f ON e.k = f.k AND f.t BETWEEN e.t - INTERVAL '1 minute' AND e.t + INTERVAL '2 minutes'`,
    postgres: `SELECT e.k, e.v, e.t, f.v AS fv, f.t AS ft FROM e JOIN f ON e.k = f.k AND f.t BETWEEN e.t - INTERVAL '1 minute' AND e.t + INTERVAL '2 minutes'`,
    sources: 2,
    closes: true,
  },
  {
    name: 'interval_left_join',
    millrace: `SELECT e.k, e.v, e.t, f.v AS fv, f.t AS ft FROM e LEFT JOIN f ON e.k = f.k AND f.t BETWEEN e.t AND e.t + INTERVAL '2 minutes'`,
    postgres: `SELECT e.k, e.v, e.t, f.v AS fv, f.t AS ft FROM e LEFT JOIN f ON e.k = f.k AND f.t BETWEEN e.t AND e.t + INTERVAL '2 minutes'`,
    sources: 2,
    closes: true,
  },
  {
    name: 'window_join',
    millrace: `SELECT a.k, a.window_start, a.v, b.v AS bv FROM TUMBLE(e, t, INTERVAL '5 minutes') a FULL JOIN TUMBLE(f, t, INTERVAL '5 minutes') b ON a.k = b.k AND a.window_start = b.window_start`,
    postgres: `SELECT a.k, a.window_start, a.v, b.v AS bv FROM (${tumbling} e) a FULL JOIN (${tumbling} f) b ON a.k = b.k AND a.window_start = b.window_start`,
    sources: 2,
    closes: false,
  },
  {
    name: 'window_join_closed',
    millrace: `SELECT a.k, a.window_start, a.v, b.v AS bv FROM TUMBLE(e, t, INTERVAL '5 minutes') a LEFT JOIN TUMBLE(f, t, INTERVAL '5 minutes') b ON a.k = b.k AND a.window_start = b.window_start`,
    postgres: `SELECT a.k, a.window_start, a.v, b.v AS bv FROM (${tumbling} e) a LEFT JOIN (${tumbling} f) b ON a.k = b.k AND a.window_start = b.window_start`,
    sources: 2,
    closes: true,
  },
  {
    name: 'sliding',
    millrace: `SELECT k, t, v, sum(v) OVER (PARTITION BY k ORDER BY t RANGE BETWEEN INTERVAL '3 minutes' PRECEDING AND CURRENT ROW) AS s FROM e`,
    postgres: `SELECT k, t, v, sum(v) OVER (PARTITION BY k ORDER BY t RANGE BETWEEN INTERVAL '3 minutes' PRECEDING AND CURRENT ROW) AS s FROM e`,
    sources: 1,
    closes: true,
  },
  {
    name: 'top_per_window',
    millrace: `SELECT window_start, k, v, t FROM (SELECT *, row_number() OVER (PARTITION BY window_start ORDER BY v DESC, k, t) AS r FROM TUMBLE(e, t, INTERVAL '5 minutes')) x WHERE r <= 2`,
    postgres: `SELECT window_start, k, v, t FROM (SELECT *, row_number() OVER (PARTITION BY window_start ORDER BY v DESC, k, t) AS r FROM (${tumbling} e) y) x WHERE r <= 2`,
    sources: 1,
    closes: true,
  },
  {
    name: 'distinct_keys',
    millrace: `SELECT DISTINCT k, window_start FROM TUMBLE(e, t, INTERVAL '5 minutes')`,
    postgres: `SELECT DISTINCT k, window_start FROM (${tumbling} e) x`,
    sources: 1,
    closes: true,
  },
  {
    name: 'union',
    millrace: `WITH u AS (SELECT k, v, t FROM e UNION ALL SELECT k, v, t FROM f) SELECT window_start, count(*), sum(v) FROM TUMBLE(u, t, INTERVAL '5 minutes') GROUP BY window_start`,
    postgres: `SELECT window_start, count(*), sum(v) FROM (${tumbling} (SELECT k, v, t FROM e UNION ALL SELECT k, v, t FROM f) z) x GROUP BY window_start`,
    sources: 2,
    closes: true,
  },
  {
    name: 'two_levels',
    millrace: `SELECT window_start, max(n) FROM (SELECT k, window_start, count(*) AS n FROM TUMBLE(e, t, INTERVAL '5 minutes') GROUP BY k, window_start) x GROUP BY window_start`,
    postgres: `SELECT window_start, max(n) FROM (SELECT k, window_start, count(*) AS n FROM (${tumbling} e) y GROUP BY k, window_start) x GROUP BY window_start`,
    sources: 1,
    closes: true,
  },
  {
    name: 'asof',
    millrace: `SELECT e.k, e.t, e.v, f.t AS ft FROM e ASOF LEFT JOIN f ON e.k = f.k AND e.t >= f.t`,
    postgres: `SELECT e.k, e.t, e.v, b.t AS ft FROM e LEFT JOIN LATERAL (SELECT max(t) AS t FROM f WHERE f.k = e.k AND f.t <= e.t) b ON true`,
    sources: 2,
    closes: true,
  },
];
