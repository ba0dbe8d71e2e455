/**
 * The operators whose cost of one change is measured (changeCost.ts). Queries are over s (k, v, id, at): rows of one key, `v`
 * and `id` from 0 to the size, `at` a second apart; and d (k, n): one row of that key with n = 0.
 */

export interface ChangeCase {
  readonly name: string;
  readonly sql: string;
  /** The table that changes; by default s. */
  readonly side?: 's' | 'd';
  /** The row of s that goes and comes; by default one at random. */
  readonly at?: 'random' | 'first' | 'last' | 'middle';
}

const aggregate = (name: string, call: string, at: ChangeCase['at'] = 'random'): ChangeCase => ({
  name,
  sql: `SELECT k, ${call} FROM s GROUP BY k`,
  at,
});

const over = (name: string, call: string, at: ChangeCase['at'] = 'random'): ChangeCase => ({
  name: `${name} OVER`,
  sql: `SELECT id, ${call} FROM s`,
  at,
});

const aggregates: readonly ChangeCase[] = [
  aggregate('sum, count, avg', 'sum(v), count(*) AS c, avg(v) AS a'),
  aggregate('stddev, bool_and', 'stddev(v), bool_and(v > 3) AS b'),
  aggregate('min, least row', 'min(v)', 'first'),
  aggregate('max of numeric', 'max(v * 1.5)', 'last'),
  aggregate('one DISTINCT', 'count(DISTINCT v)'),
  aggregate(
    'four DISTINCT of one column',
    'count(DISTINCT v), sum(DISTINCT v) AS s, avg(DISTINCT v) AS a, stddev(DISTINCT v) AS d',
  ),
  aggregate('percentile_cont', 'percentile_cont(0.5) WITHIN GROUP (ORDER BY v)'),
  aggregate('percentile_disc of three', 'percentile_disc(ARRAY[0.5, 0.9, 0.99]) WITHIN GROUP (ORDER BY v)'),
  aggregate('mode', 'mode() WITHIN GROUP (ORDER BY v % 1000)'),
  aggregate('first_value', 'first_value(v ORDER BY id)', 'first'),
  aggregate('arg_min', 'arg_min(v, id)', 'first'),
  aggregate('array_agg (the result is the group)', 'array_agg(v ORDER BY v)'),
  aggregate('string_agg (the result is the group)', "string_agg(v::text, ',' ORDER BY v)"),
  aggregate('jsonb_agg (the result is the group)', 'jsonb_agg(v ORDER BY v)'),
];

const joins: readonly ChangeCase[] = [
  { name: 'join', sql: 'SELECT s.v, d.n FROM s JOIN d ON d.k = s.k' },
  { name: 'join, the row that meets all', sql: 'SELECT s.v, d.n FROM s JOIN d ON d.k = s.k', side: 'd' },
  {
    name: 'join, condition that one meets',
    sql: 'SELECT s.v, d.n FROM s JOIN d ON d.k = s.k AND d.n = s.v',
    at: 'first',
  },
  { name: 'left join, left', sql: 'SELECT s.v, d.n FROM s LEFT JOIN d ON d.k = s.k' },
  {
    name: 'left join, right that meets all',
    sql: 'SELECT s.v, d.n FROM s LEFT JOIN d ON d.k = s.k',
    side: 'd',
  },
  { name: 'right join, right', sql: 'SELECT s.v, d.n FROM d RIGHT JOIN s ON d.k = s.k' },
  { name: 'left join, one of many right', sql: 'SELECT d.n, s.v FROM d LEFT JOIN s ON d.k = s.k' },
  { name: 'full join, one of many', sql: 'SELECT s.v, d.n FROM s FULL JOIN d ON d.k = s.k' },
  {
    name: 'full join, the row that meets all',
    sql: 'SELECT s.v, d.n FROM s FULL JOIN d ON d.k = s.k',
    side: 'd',
  },
  { name: 'EXISTS, one of many', sql: 'SELECT n FROM d WHERE EXISTS (SELECT 1 FROM s WHERE s.k = d.k)' },
  {
    name: 'EXISTS, outer',
    sql: 'SELECT n FROM d WHERE EXISTS (SELECT 1 FROM s WHERE s.k = d.k)',
    side: 'd',
  },
  {
    name: 'EXISTS, condition that one meets',
    sql: 'SELECT n FROM d WHERE EXISTS (SELECT 1 FROM s WHERE s.k = d.k AND s.v <= d.n)',
    at: 'first',
  },
  {
    name: 'NOT EXISTS, one of many',
    sql: 'SELECT n FROM d WHERE NOT EXISTS (SELECT 1 FROM s WHERE s.k = d.k)',
  },
  { name: 'IN, the one that matches', sql: 'SELECT n FROM d WHERE n IN (SELECT v FROM s)', at: 'first' },
  {
    name: 'NOT IN, the one that matches',
    sql: 'SELECT n FROM d WHERE n NOT IN (SELECT v FROM s)',
    at: 'first',
  },
  { name: 'NOT IN, outer', sql: 'SELECT n FROM d WHERE n NOT IN (SELECT v FROM s)', side: 'd' },
  {
    name: 'ASOF, one of many',
    sql: 'SELECT d.n, s.v FROM d ASOF JOIN s ON d.k = s.k AND d.n >= s.v',
    at: 'first',
  },
  { name: 'ASOF, outer', sql: 'SELECT d.n, s.v FROM d ASOF JOIN s ON d.k = s.k AND d.n >= s.v', side: 'd' },
];

const windows: readonly ChangeCase[] = [
  over('row_number, last', 'row_number() OVER (PARTITION BY k ORDER BY id)', 'last'),
  over('rank, last', 'rank() OVER (PARTITION BY k ORDER BY v)', 'last'),
  over('sum, 10 rows,', 'sum(v) OVER (PARTITION BY k ORDER BY id ROWS 10 PRECEDING)'),
  over('sum, range of 10,', 'sum(v) OVER (PARTITION BY k ORDER BY id RANGE 10 PRECEDING)'),
  over('running sum, last', 'sum(v) OVER (PARTITION BY k ORDER BY id)', 'last'),
  over('max of all', 'max(v) OVER (PARTITION BY k)', 'first'),
  over('lag', 'lag(v) OVER (PARTITION BY k ORDER BY id)'),
  over('row_number, first: all move,', 'row_number() OVER (PARTITION BY k ORDER BY id)', 'first'),
];

const others: readonly ChangeCase[] = [
  { name: 'DISTINCT', sql: 'SELECT DISTINCT k FROM s' },
  { name: 'top 10', sql: 'SELECT v, id FROM s ORDER BY v LIMIT 10', at: 'first' },
  {
    name: 'top 10 of a group',
    sql: 'SELECT k, v FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY v) AS n FROM s) AS r WHERE n <= 10',
    at: 'first',
  },
  { name: 'UNION', sql: 'SELECT k FROM s UNION SELECT k FROM d' },
  { name: 'INTERSECT ALL', sql: 'SELECT k FROM s INTERSECT ALL SELECT k FROM d' },
  { name: 'EXCEPT ALL', sql: 'SELECT k FROM s EXCEPT ALL SELECT k FROM d' },
  { name: 'EXCEPT', sql: 'SELECT v FROM s EXCEPT SELECT n FROM d', at: 'first' },
  {
    name: 'session of all rows',
    sql: "SELECT id, window_start FROM SESSION(s PARTITION BY k, at, INTERVAL '5' SECOND)",
  },
  {
    name: 'recursion, one of many steps',
    sql: 'WITH RECURSIVE r (n) AS (SELECT k FROM d UNION SELECT s.id + 10000000 FROM r JOIN s ON s.k = r.n) SELECT n FROM r',
  },
];

export const changeCases: readonly ChangeCase[] = [...aggregates, ...joins, ...windows, ...others];
