/**
 * Queries of every kind for views of the simulation, over relations with integer columns `k` and `v`; they have such columns
 * themselves, so that views stack up. Those over time take relations that have a column `at` with a watermark.
 */

export type Random = (n: number) => number;

/** A query over relations `a` and `b`. */
export type Template = (a: string, b: string) => string;

/** Rows at most about as many as those of its inputs. */
export const narrowing: readonly Template[] = [
  (a) => `SELECT k, v FROM ${a} WHERE v % 3 <> 0`,
  (a) => `SELECT (k + v) % 40 AS k, v * 2 % 100 AS v FROM ${a}`,
  (a) => `SELECT k, sum(v)::int AS v FROM ${a} GROUP BY k`,
  (a) =>
    `SELECT v % 5 AS k, count(*)::int AS v, max(k) AS most, min(k) AS least, avg(v)::numeric(12, 3) AS mean, array_agg(k ORDER BY k, v) AS list, string_agg(v::text, ',' ORDER BY v) AS text FROM ${a} GROUP BY v % 5`,
  (a) => `SELECT k % 3 AS k, count(DISTINCT v)::int AS v, sum(DISTINCT v)::int AS s FROM ${a} GROUP BY k % 3`,
  (a) => `SELECT 0 AS k, coalesce(sum(v), 0)::int AS v, count(*) AS n, bool_or(v > 50) AS any FROM ${a}`,
  (a) =>
    `SELECT k % 4 AS k, (percentile_disc(0.5) WITHIN GROUP (ORDER BY v))::int AS v, mode() WITHIN GROUP (ORDER BY k) AS m FROM ${a} GROUP BY k % 4`,
  (a) =>
    `SELECT k % 4 AS k, count(*) FILTER (WHERE v > 20)::int AS v FROM ${a} GROUP BY k % 4 HAVING count(*) > 1`,
  (a) =>
    `SELECT k % 3 AS k, v % 2 AS v, count(*) AS n FROM ${a} GROUP BY GROUPING SETS ((k % 3, v % 2), (k % 3), ())`,
  (a, b) => `SELECT k, v FROM ${a} WHERE k IN (SELECT v FROM ${b})`,
  (a, b) => `SELECT k, v FROM ${a} x WHERE NOT EXISTS (SELECT 1 FROM ${b} y WHERE y.k = x.k AND y.v > x.v)`,
  (a, b) => `SELECT k, v FROM ${a} WHERE k NOT IN (SELECT v FROM ${b} WHERE v IS NOT NULL)`,
  (a, b) => `SELECT x.k, (SELECT max(y.v) FROM ${b} y WHERE y.k = x.k) AS v FROM ${a} x`,
  (a, b) => `SELECT k, v FROM ${a} WHERE v > (SELECT avg(v) FROM ${b})`,
  (a) => `SELECT k, v FROM ${a} ORDER BY v DESC, k LIMIT 5`,
  (a) => `SELECT k, v FROM ${a} ORDER BY k, v OFFSET 2 LIMIT 4`,
  (a) =>
    `SELECT k, v, r FROM (SELECT k, v, row_number() OVER (PARTITION BY k % 4 ORDER BY v, k) AS r FROM ${a}) q WHERE r <= 2`,
  (a) => `SELECT DISTINCT ON (k % 6) k, v FROM ${a} ORDER BY k % 6, v DESC, k`,
  (a) => `SELECT k, (sum(v) OVER (PARTITION BY k % 3 ORDER BY v, k))::int AS v FROM ${a}`,
  (a) =>
    `SELECT k, coalesce(lag(v) OVER (PARTITION BY k % 3 ORDER BY v, k), -1) AS v, rank() OVER (ORDER BY k) AS r FROM ${a}`,
  (a) =>
    `SELECT k, (count(*) OVER (ORDER BY v, k ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING))::int AS v FROM ${a}`,
  (a) => `SELECT DISTINCT k % 7 AS k, v % 3 AS v FROM ${a}`,
  (a, b) => `SELECT k, v FROM ${a} UNION SELECT v, k FROM ${b}`,
  (a, b) => `SELECT k, v FROM ${a} EXCEPT SELECT k, v FROM ${b} WHERE v % 2 = 0`,
  (a, b) => `SELECT k % 5 AS k, v % 5 AS v FROM ${a} INTERSECT ALL SELECT k % 5, v % 5 FROM ${b}`,
  (a, b) =>
    `WITH RECURSIVE p(k, v) AS (SELECT k % 10, v % 10 FROM ${a} WHERE k % 10 < 4 UNION SELECT p.k, r.v % 10 FROM p JOIN ${b} r ON r.k % 10 = p.v) SELECT k, v FROM p`,
  (a) => `SELECT fn(k) AS k, v FROM ${a}`,
  (a) => `SELECT js(k) AS k, v FROM ${a} WHERE k < 20`,
  (a) => `SELECT k, 10 / (v - 3) AS v FROM ${a}`,
  (a) => `SELECT k, floor(random() * 50)::int AS v FROM ${a}`,
  (a) => `SELECT k, g AS v FROM ${a}, generate_series(1, k % 3) AS g`,
  (a) =>
    `SELECT k, v, CASE WHEN v % 2 = 0 THEN 'even' ELSE upper(md5(v::text)) END AS t, jsonb_build_object('k', k, 'v', v) AS j FROM ${a}`,
  (a) =>
    `SELECT v % 4 AS k, approx_count_distinct(k)::int AS v, jsonb_agg(v ORDER BY v, k) AS j FROM ${a} GROUP BY v % 4`,
];

/** Can have as many rows as pairs: only over relations of the first kind. */
export const joining: readonly Template[] = [
  (a, b) => `SELECT x.k, y.v FROM ${a} x JOIN ${b} y ON x.k = y.k`,
  (a, b) => `SELECT x.k, coalesce(y.v, -1) AS v FROM ${a} x LEFT JOIN ${b} y ON x.k = y.v`,
  (a, b) =>
    `SELECT coalesce(x.k, -1) AS k, coalesce(y.v, -1) AS v FROM ${a} x FULL JOIN ${b} y ON x.k = y.k AND x.v < y.v`,
  (a, b) => `SELECT x.k, y.v FROM ${a} x JOIN ${b} y ON x.v < y.v AND x.k > y.k + 5`,
  (a, b) => `SELECT x.k, z.v FROM ${a} x JOIN ${b} y ON x.k = y.k JOIN ${a} z ON y.v = z.v`,
  (a, b) =>
    `SELECT x.k, l.v FROM ${a} x CROSS JOIN LATERAL (SELECT v FROM ${b} y WHERE y.k = x.k ORDER BY v LIMIT 2) l`,
  (a, b) =>
    `SELECT k, v, count(*) AS n FROM (SELECT x.k, y.v FROM ${a} x JOIN ${b} y ON x.k = y.k) j GROUP BY k, v`,
  (a, b) => `SELECT x.k, y.v FROM ${a} x ASOF JOIN ${b} y ON x.k = y.k AND x.v >= y.v`,
];

/** Joined with what somebody else says. */
export const looking: readonly Template[] = [
  (a) => `SELECT x.k, l.n AS v FROM ${a} x LEFT JOIN answers FOR SYSTEM_TIME AS OF PROCTIME() l ON l.k = x.k`,
  (a) =>
    `SELECT x.k, x.v + l.n AS v FROM ${a} x JOIN answers FOR SYSTEM_TIME AS OF PROCTIME() l ON l.k = x.k AND l.n < 50`,
];

/** Over relations with a watermark. */
export const timed: readonly Template[] = [
  (a) =>
    `SELECT window_start, count(*)::int AS k, sum(v)::int AS v FROM TUMBLE(${a}, at, INTERVAL '30 seconds') GROUP BY window_start`,
  (a) =>
    `SELECT window_start, k % 3 AS k, sum(v)::int AS v FROM TUMBLE(${a}, at, INTERVAL '20 seconds') GROUP BY window_start, k % 3 EMIT ON WINDOW CLOSE`,
  (a) =>
    `SELECT window_start, count(*)::int AS k, sum(v)::int AS v FROM TUMBLE(${a}, at, INTERVAL '30 seconds') GROUP BY window_start EMIT ON WINDOW CLOSE ALLOWED LATENESS INTERVAL '15 seconds'`,
  (a) =>
    `SELECT window_start, count(*)::int AS k, max(v)::int AS v FROM HOP(${a}, at, INTERVAL '10 seconds', INTERVAL '30 seconds') GROUP BY window_start EMIT ON WINDOW CLOSE`,
  (a) =>
    `SELECT k % 2 AS k, window_start, window_end, count(*)::int AS v FROM SESSION(${a} PARTITION BY k % 2, at, INTERVAL '5 seconds') GROUP BY k % 2, window_start, window_end`,
  (a) =>
    `SELECT k % 2 AS k, window_start, window_end, sum(v)::int AS v FROM SESSION(${a} PARTITION BY k % 2, at, INTERVAL '4 seconds') GROUP BY k % 2, window_start, window_end EMIT ON WINDOW CLOSE`,
  (a) => `SELECT k, v, window_start, window_end FROM SESSION(${a}, at, INTERVAL '3 seconds')`,
  (a) =>
    `SELECT window_end, count(*)::int AS k, sum(v)::int AS v FROM CUMULATE(${a}, at, INTERVAL '10 seconds', INTERVAL '40 seconds') GROUP BY window_end EMIT ON WINDOW CLOSE`,
  (a, b) =>
    `SELECT x.k, y.v FROM ${a} x JOIN ${b} y ON x.k = y.k AND x.at BETWEEN y.at - INTERVAL '10 seconds' AND y.at + INTERVAL '10 seconds'`,
  (a) => `SELECT k, v FROM ${a} WHERE at > now() - INTERVAL '60 seconds'`,
  (a) => `SELECT k, v, at FROM ${a} x ORDER BY at DESC, k, v LIMIT 6`,
  (a) =>
    `SELECT k, (sum(v) OVER (PARTITION BY k % 3 ORDER BY at ROWS BETWEEN 3 PRECEDING AND CURRENT ROW))::int AS v, at FROM ${a}`,
  (a) =>
    `SELECT window_start, k, v FROM (SELECT *, row_number() OVER (PARTITION BY window_start ORDER BY v DESC, k) AS r FROM TUMBLE(${a}, at, INTERVAL '30 seconds')) q WHERE r <= 2`,
];

/** What cannot be computed afresh from what the inputs hold now. */
export const unrepeatable =
  /random\(\)|now\(\)|EMIT ON|10 \/|TUMBLE|HOP|SESSION|CUMULATE|INTERVAL|ORDER BY at|late_|SYSTEM_TIME/;
