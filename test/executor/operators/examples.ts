/** For every operator of the registry, queries whose plans have it: for tests that go through all operators. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { must } from '../../../common/assert.ts';
import { root } from '../../harness/server.ts';

/** Over t (id, a, b, s, at), u (id, a, b, at) and one (x), of which one may have at most one row. */
export const queries: Readonly<Record<string, readonly string[]>> = {
  Values: ['SELECT x, t.s FROM (VALUES (1), (2)) AS w(x) JOIN t ON t.a = w.x'],
  Calc: ['SELECT a + 1 AS b FROM t WHERE a > 3'],
  Hop: ["SELECT * FROM HOP(t, at, INTERVAL '1' MINUTE, INTERVAL '2' MINUTE)"],
  TableFunction: ['SELECT a, n FROM t, generate_series(1, a % 3) AS n'],
  Join: [
    'SELECT t.a, u.b FROM t JOIN u ON t.a = u.a AND t.b <= u.b',
    'SELECT t.a, u.b FROM t LEFT JOIN u ON t.a = u.a AND t.b < u.b',
    'SELECT t.a, u.b FROM t FULL JOIN u ON t.a = u.a',
    'SELECT t.a, u.b FROM t JOIN u ON t.b = u.b JOIN t AS w ON w.id = u.id',
    'SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a)',
    'SELECT a FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE u.a = t.a AND u.b < t.b)',
    'SELECT a FROM t WHERE b NOT IN (SELECT b FROM u)',
  ],
  DeltaJoin: [
    'SELECT t.a, u.b FROM t JOIN u ON t.id = u.id JOIN t AS w ON w.id = u.id JOIN u AS x ON x.id = w.id',
  ],
  Aggregate: [
    "SELECT a, count(*) AS n, sum(b) AS s, min(b) AS l, max(s) AS m, count(DISTINCT s) AS d, string_agg(s, ',' ORDER BY s, id) AS t FROM t GROUP BY a",
    'SELECT a, percentile_cont(0.5) WITHIN GROUP (ORDER BY b) AS p, mode() WITHIN GROUP (ORDER BY s) AS m, array_agg(b ORDER BY id) AS g FROM t GROUP BY a',
    'SELECT a, s, count(*) AS n, sum(DISTINCT b) AS d FROM t GROUP BY CUBE (a, s)',
    'SELECT a, percentile_disc(0.9) WITHIN GROUP (ORDER BY b DESC) AS p, arg_min(s, b) AS l, first_value(s ORDER BY id) AS f, approx_count_distinct(b) AS d FROM t GROUP BY a',
    "SELECT a, jsonb_agg(b ORDER BY id) AS j, string_agg(DISTINCT s, ',') AS t, min(b * 1.5) AS m FROM t GROUP BY a",
    'SELECT a, CASE WHEN b > 3 THEN s END AS s, max(b) AS m FROM t GROUP BY 1, 2',
    'SELECT count(*) AS n, min(s) AS m, mode() WITHIN GROUP (ORDER BY b * 0.5) AS o FROM t',
    'SELECT stddev(b) AS d, corr(a, b) AS c, bool_and(a > 1) AS e FROM t WHERE id > 0 GROUP BY a % 2',
  ],
  Distinct: ['SELECT DISTINCT a, s FROM t'],
  UnionAll: ['SELECT a FROM t UNION ALL SELECT a FROM u'],
  SetOperation: ['SELECT a FROM t EXCEPT ALL SELECT a FROM u', 'SELECT b FROM t INTERSECT SELECT b FROM u'],
  TopN: [
    'SELECT a, b FROM t ORDER BY b, a LIMIT 3 OFFSET 1',
    'SELECT a, b FROM (SELECT *, row_number() OVER (PARTITION BY a ORDER BY b, id) AS n FROM t) AS r WHERE n <= 2',
    'SELECT a, b FROM t ORDER BY b FETCH FIRST 3 ROWS WITH TIES',
  ],
  Window: [
    'SELECT a, row_number() OVER (PARTITION BY a ORDER BY b, id) AS r, sum(b) OVER (PARTITION BY a ORDER BY b, id ROWS 2 PRECEDING) AS s FROM t',
    'SELECT a, rank() OVER (ORDER BY b) AS r, lag(s) OVER (ORDER BY id) AS l FROM t',
    'SELECT a, sum(b) OVER (ORDER BY id) AS r, max(s) OVER (ORDER BY id ROWS 9 PRECEDING) AS m FROM t',
    'SELECT a, avg(b) OVER (PARTITION BY a % 2) AS r, count(*) OVER (ORDER BY b RANGE 5 PRECEDING) AS c FROM t',
  ],
  Session: ["SELECT * FROM SESSION(t, at, INTERVAL '1' MINUTE)"],
  AsofJoin: ['SELECT t.a, u.b FROM t ASOF LEFT JOIN u ON t.a = u.a AND t.at >= u.at'],
  TemporalFilter: ["SELECT a FROM t WHERE at > now() - INTERVAL '100 years'"],
  MaxOneRow: ['SELECT a, (SELECT x FROM one) AS o FROM t'],
  Recursive: [
    'WITH RECURSIVE r (n) AS (SELECT a FROM t UNION SELECT n + 1 FROM r WHERE n < 20) SELECT n FROM r',
    'WITH RECURSIVE r (n, d) AS (SELECT id, 1 FROM t WHERE a = 3 UNION ALL SELECT u.id, d + 1 FROM r JOIN u ON u.id = r.n + 17 WHERE d < 5) SELECT n, d FROM r',
  ],
  MaterializedExprs: ['SELECT id, a + random() AS x FROM t'],
};

/** The kinds of plan nodes that have an operator, and those that the dataflow's builder makes. */
export function registry(): readonly string[] {
  const text = readFileSync(join(root, 'executor/operators/index.ts'), 'utf8');
  const table = /const factories: Factories = \{\n(.*?)\n\};/s.exec(text);
  const kinds = [...must(table?.[1]).matchAll(/^ {2}(\w+): (?!notAnOperator)/gm)].map((m) => m[1] ?? '');
  return [...kinds, 'Recursive', 'DeltaJoin'];
}
