/**
 * What a fixture of a format's data directory holds: every kind of object, views with every operator, and a history of changes
 * to them. Statements are kept as they are: fixtures of older formats were made by them. New kinds are added at the end.
 */

export const TYPES = `bool, int2, int4, int8, float4, float8, numeric, text, varchar, bytea, date, time, timetz, timestamp,
  timestamptz, interval, uuid, jsonb`;

/** Objects other than views, over files in `files`. */
export function objects(files: string): readonly string[] {
  return [
    "SET millrace.clock = '2024-01-01 00:00:00+00'",
    'CREATE SCHEMA s',
    'CREATE TABLE t (id int PRIMARY KEY, a int, b int, s text, at timestamp)',
    'CREATE TABLE u (id int PRIMARY KEY, a int, b int, at timestamp)',
    'CREATE TABLE one (x int)',
    `CREATE TABLE s.types (${TYPES.split(',')
      .map((type) => `c_${type.trim()} ${type.trim()}`)
      .join(', ')}, c_array int[], c_struct STRUCT<x int, y text>)`,
    "CREATE TABLE w (k int, v int, at timestamp, WATERMARK FOR at AS at - INTERVAL '20 seconds') APPEND ONLY",
    "CREATE TABLE expiring (k int PRIMARY KEY, at timestamptz) WITH (ttl = '1 hour')",
    'CREATE TABLE versioned (id int PRIMARY KEY, v text, ver int) WITH VERSION COLUMN (ver)',
    `CREATE SOURCE f (k int, at timestamp, came timestamptz AS proctime(), WATERMARK FOR at AS at - INTERVAL '20 seconds')
       WITH (connector = 'posix_fs', posix_fs.root = '${files}', match_pattern = 'a.csv') FORMAT PLAIN ENCODE CSV (without_header = 'true')`,
    `CREATE TABLE c (k int, at timestamp) APPEND ONLY WITH (connector = 'posix_fs', posix_fs.root = '${files}', match_pattern = 'a.csv')
       FORMAT PLAIN ENCODE CSV (without_header = 'true')`,
    `CREATE SOURCE i (k int, at timestamp, WATERMARK FOR at AS at - INTERVAL '20 seconds') WITH (connector = 'inject', partitions = 'a,b')`,
    'CREATE FUNCTION plus(a int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT a + 1 $$',
    'CREATE FUNCTION js(a int) RETURNS int LANGUAGE javascript IMMUTABLE AS $$ return a == null ? null : a * 2; $$',
    `CREATE AGGREGATE joined(s text) RETURNS text LANGUAGE javascript AS $$
       function create_state() { return []; }
       function accumulate(state, s) { if (s !== null) state.push(s); }
       function retract(state, s) { const at = state.indexOf(s); if (at >= 0) state.splice(at, 1); }
       function finish(state) { return [...state].sort().join('-'); }
     $$`,
    "COMMENT ON TABLE t IS 'kept'",
    "COMMENT ON COLUMN t.a IS 'kept too'",
    'CREATE INDEX t_a ON t (a)',
    'CREATE VIEW s.plain AS SELECT id, a + 1 AS a FROM t',
  ];
}

/** Materialized views by name whose rows follow from what their inputs hold. */
export const repeatable: Readonly<Record<string, string>> = {
  calc: 'SELECT id, a + 1 AS b FROM t WHERE a > 3',
  from_view: 'SELECT a, count(*) AS n FROM s.plain GROUP BY a',
  over_view: 'SELECT n, count(*) AS m FROM from_view GROUP BY n',
  hop: "SELECT id, window_start FROM HOP(t, at, INTERVAL '1' MINUTE, INTERVAL '2' MINUTE)",
  series: 'SELECT id, n FROM t, generate_series(1, a % 3) AS n',
  inner_join: 'SELECT t.id, u.b FROM t JOIN u ON t.a = u.a AND t.b <= u.b',
  left_join: 'SELECT t.id, u.b FROM t LEFT JOIN u ON t.a = u.a AND t.b < u.b',
  full_join: 'SELECT t.id, u.id AS u FROM t FULL JOIN u ON t.a = u.a',
  cross_band: 'SELECT t.id, u.id AS u FROM t JOIN u ON t.b < u.b AND t.a > u.a + 3',
  semi: 'SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a)',
  anti: 'SELECT id FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE u.a = t.a AND u.b < t.b)',
  null_aware: 'SELECT id FROM t WHERE b NOT IN (SELECT b FROM u)',
  delta: 'SELECT t.a, u.b FROM t JOIN u ON t.id = u.id JOIN t AS w ON w.id = u.id JOIN u AS x ON x.id = w.id',
  aggregates: `SELECT a, count(*) AS n, sum(b) AS s, min(b) AS l, max(s) AS m, count(DISTINCT s) AS d,
     string_agg(s, ',' ORDER BY s, id) AS t, avg(b)::numeric(12, 4) AS v, bool_or(b > 5) AS o FROM t GROUP BY a`,
  ordered: `SELECT a, percentile_cont(0.5) WITHIN GROUP (ORDER BY b) AS p, mode() WITHIN GROUP (ORDER BY s) AS m,
     array_agg(b ORDER BY id) AS g, jsonb_agg(b ORDER BY id) AS j, approx_count_distinct(b) AS c FROM t GROUP BY a`,
  cube: 'SELECT a, s, count(*) AS n, sum(DISTINCT b) AS d FROM t GROUP BY CUBE (a, s)',
  whole: 'SELECT count(*) AS n, min(s) AS m, max(b) AS b FROM t',
  own: 'SELECT a, joined(s) AS j, max(plus(js(b))) AS m FROM t GROUP BY a',
  different: 'SELECT DISTINCT a, s FROM t',
  either: 'SELECT a FROM t UNION ALL SELECT a FROM u',
  except_all: 'SELECT a FROM t EXCEPT ALL SELECT a FROM u',
  common: 'SELECT b FROM t INTERSECT SELECT b FROM u',
  top: 'SELECT id, b FROM t ORDER BY b, id LIMIT 3 OFFSET 1',
  top_each:
    'SELECT id, n FROM (SELECT *, row_number() OVER (PARTITION BY a ORDER BY b, id) AS n FROM t) AS r WHERE n <= 2',
  ties: 'SELECT id, b FROM t ORDER BY b FETCH FIRST 3 ROWS WITH TIES',
  numbered: `SELECT id, row_number() OVER (PARTITION BY a ORDER BY b, id) AS r, rank() OVER (ORDER BY b) AS k,
     lag(s) OVER (ORDER BY id) AS l FROM t`,
  framed: `SELECT id, sum(b) OVER (PARTITION BY a ORDER BY b, id ROWS 2 PRECEDING) AS s, max(s) OVER (ORDER BY id ROWS 9 PRECEDING) AS m,
     count(*) OVER (ORDER BY b RANGE 5 PRECEDING) AS c FROM t`,
  sessions: "SELECT id, window_start, window_end FROM SESSION(t, at, INTERVAL '1' MINUTE)",
  asof: 'SELECT t.id, u.b FROM t ASOF LEFT JOIN u ON t.a = u.a AND t.at >= u.at',
  scalar: 'SELECT id, (SELECT x FROM one) AS o FROM t',
  recursive:
    'WITH RECURSIVE r (n) AS (SELECT a FROM t UNION SELECT n + 1 FROM r WHERE n < 12) SELECT n FROM r',
  recursive_all: `WITH RECURSIVE r (n, d) AS (SELECT id, 1 FROM t WHERE a = 3
     UNION ALL SELECT u.id, d + 1 FROM r JOIN u ON u.id = r.n + 7 WHERE d < 5) SELECT n, d FROM r`,
  same_types: 'SELECT * FROM s.types',
};

/** Materialized views by name whose rows also depend on when what came, or on chance. */
export const historic: Readonly<Record<string, string>> = {
  drawn: 'SELECT id, random() AS r FROM t',
  changes: 'WITH x AS CHANGELOG FROM t SELECT _changelog_row_id AS n, * FROM x',
  as_they_came: 'SELECT w.k, w.v, u.b FROM w LEFT JOIN u FOR SYSTEM_TIME AS OF PROCTIME() ON w.k = u.id',
  recent: "SELECT k FROM expiring WHERE at > now() - INTERVAL '20 seconds'",
  closed: `SELECT window_start, count(*) AS n, sum(v) AS s FROM TUMBLE(w, at, INTERVAL '30 seconds') GROUP BY window_start EMIT ON WINDOW CLOSE`,
  allowed: `SELECT window_start, count(*) AS n FROM TUMBLE(w, at, INTERVAL '30 seconds') GROUP BY window_start
     EMIT ON WINDOW CLOSE ALLOWED LATENESS INTERVAL '15 seconds'`,
  hops_closed: `SELECT window_start, max(v) AS v FROM HOP(w, at, INTERVAL '10 seconds', INTERVAL '30 seconds') GROUP BY window_start
     EMIT ON WINDOW CLOSE`,
  sessions_closed: `SELECT k % 2 AS k, window_start, window_end, sum(v) AS v FROM SESSION(w PARTITION BY k % 2, at, INTERVAL '4 seconds')
     GROUP BY k % 2, window_start, window_end EMIT ON WINDOW CLOSE`,
  all_f: 'SELECT k, at FROM f',
  all_i: 'SELECT k, at FROM i',
  joined_sources: 'SELECT f.k, i.at FROM f JOIN i ON f.k = i.k',
  late: 'SELECT late_reason, count(*) AS n FROM millrace_late.w GROUP BY late_reason',
  failing: 'SELECT id, 10 / (a - 3) AS q FROM t',
};

/** Objects over views. Nothing takes what sinks give here, so their backlogs are state. */
export const sinks: readonly string[] = [
  "CREATE SINK out_view FROM aggregates WITH (connector = 'blackhole')",
  "CREATE SINK out_query AS SELECT id, b FROM t WHERE b > 3 WITH (connector = 'blackhole')",
];

/** Relations besides views whose rows are compared. */
export const relations: readonly string[] = [
  't',
  'u',
  'one',
  's.types',
  'w',
  'expiring',
  'versioned',
  'c',
  'millrace_late.w',
  '(SELECT name, state, backlog_rows FROM millrace_catalog.sinks) AS sinks',
];

const time = (second: number): string =>
  new Date(Date.UTC(2024, 0, 1) + second * 1000).toISOString().slice(0, 19);

/** The first changes; others with another `part`. */
export function changes(part: number): readonly string[] {
  const first = part * 30;
  const rows = Array.from({ length: 30 }, (_, n) => first + n + 1);
  return [
    `INSERT INTO t VALUES ${rows.map((i) => `(${i}, ${i % 7}, ${(i * 7) % 11}, ${i % 5 === 0 ? 'NULL' : `'s${i % 4} é'`}, '${time(i * 13)}')`).join(', ')}`,
    `INSERT INTO u VALUES ${rows.map((i) => `(${i + 2}, ${(i * 3) % 8}, ${i % 9}, '${time(i * 11)}')`).join(', ')}`,
    'DELETE FROM one',
    `INSERT INTO one VALUES (${part})`,
    `INSERT INTO s.types VALUES (true, ${part}, -7, 9007199254740993, 1.5, -0.1, 123456789012345678.90, 'text é', 'v', '\\x00ff', '2024-02-29',
       '12:34:56.789', '12:34:56+02', '2024-02-29 12:34:56.123456', '2024-02-29 12:34:56+00', '1 year 2 mons 3 days 04:05:06', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
       '{"a": [1, null, "x"]}', ARRAY[1, NULL, ${part}], ROW(${part}, 'y'))`,
    'INSERT INTO s.types (c_int4) VALUES (NULL)',
    `INSERT INTO w VALUES ${rows.map((i) => `(${i % 10}, ${i}, '${time(i * 4 - (i % 6) * 7)}')`).join(', ')}`,
    `INSERT INTO w VALUES (${part}, -1, '2024-01-01 00:00:01')`,
    `INSERT INTO expiring VALUES (${part}, now()), (${part + 100}, now())`,
    `INSERT INTO versioned VALUES (1, 'v${part}', ${part}), (2, 'w', ${10 - part}), (${part + 10}, 'x', 1)`,
    `INJECT INTO i PARTITION 'a' VALUES (${first + 1}, '${time(first + 3)}'), (${first + 2}, '${time(first + 60)}')`,
    `INJECT INTO i PARTITION 'b' VALUES (${first + 4}, '${time(first + 50)}')`,
    `UPDATE t SET b = b + 1, s = 'changed' WHERE id % 6 = ${part % 6}`,
    `DELETE FROM t WHERE id % 9 = ${part % 9}`,
    `DELETE FROM u WHERE id % 5 = ${part % 5}`,
    "ADVANCE CLOCK BY INTERVAL '10 seconds'",
  ];
}
