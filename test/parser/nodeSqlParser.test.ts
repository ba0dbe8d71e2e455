/** A second, unrelated parser: on the common subset both name the same tables and columns. */
import nodeSqlParser from 'node-sql-parser';
import { describe, expect, it } from 'vitest';
import { parse } from '../../parser/parse.ts';
import { walk } from '../../parser/walk.ts';

const corpus = [
  'select a, b from t where c = 1',
  'select t.a, u.b from t join u on t.id = u.id',
  'select a.x, b.y from s.t a left join u b on a.id = b.id where a.x > 1 and b.y is not null',
  'select count(*), sum(price) from bid group by auction having max(price) > 10 order by auction desc limit 5',
  'select * from (select a, b from t) x where x.a in (select c from u)',
  'with w as (select a from t) select w.a, v.b from w cross join v',
  "select case when a > 1 then 'x' else b end, coalesce(c, d) from t",
  'select a from t union all select b from u',
  'select extract(year from d), cast(e as integer) from t',
  'select distinct a, b from t where a between 1 and c',
  'select row_number() over (partition by a order by b) as r from t',
  "select a || b, c + d * e from t where f like 'x%'",
  'select a from t where exists (select 1 from u where u.id = t.id)',
  "insert into t (a, b) values (1, 'x')",
  'insert into t (a, b) select c, d from u',
  'update t set a = 1, b = c where d = 2',
  'delete from t where a = 1',
  'select auction, bidder, 0.908 * price as price, date_time from bid',
  'select auction, price from bid where auction = 1007 or auction = 1020',
  "select p.name, p.city, p.state, a.id from auction as a inner join person as p on a.seller = p.id where a.category = 10 and (p.state = 'or' or p.state = 'id')",
  'select l_returnflag, sum(l_quantity), avg(l_extendedprice * (1 - l_discount)) from lineitem where l_shipdate <= 5 group by l_returnflag order by l_returnflag',
  'select o_orderpriority, count(*) from orders where o_orderdate >= 1 and exists (select * from lineitem where l_orderkey = o_orderkey and l_commitdate < l_receiptdate) group by o_orderpriority',
  'select n_name, sum(l_extendedprice * (1 - l_discount)) as revenue from customer, orders, lineitem, nation where c_custkey = o_custkey and l_orderkey = o_orderkey and c_nationkey = n_nationkey group by n_name order by revenue desc',
  'select a.b, c.d from a natural join c',
  'select t.a from t full outer join u using (id)',
];

interface Names {
  readonly tables: readonly string[];
  readonly columns: readonly string[];
}

const sorted = (names: Iterable<string>): readonly string[] => [...new Set(names)].sort();

function ourNames(sql: string): Names {
  const tables: string[] = [];
  const columns: string[] = [];
  const ctes = new Set<string>();
  const statement = parse(sql)[0]?.statement;
  if (statement !== undefined) {
    walk(statement, (node) => {
      if (node.kind === 'Cte' && 'name' in node) ctes.add((node.name as { name: string }).name);
      if (node.kind === 'ObjectName' && 'parts' in node) {
        const parts = node.parts as readonly { name: string }[];
        tables.push(parts.at(-1)?.name ?? '');
      }
      if (node.kind === 'ColumnRef' && 'parts' in node) {
        columns.push((node.parts as readonly { name: string }[]).at(-1)?.name ?? '');
      }
      if (node.kind === 'Assignment' && 'columns' in node) {
        columns.push(...(node.columns as readonly { name: string }[]).map((column) => column.name));
      }
      if (node.kind === 'Insert' && 'columns' in node) {
        columns.push(...(node.columns as readonly { name: string }[]).map((column) => column.name));
      }
      // Names of functions and types are no tables.
      return node.kind === 'TypeName' ? false : undefined;
    });
    walk(statement, (node) => {
      if (node.kind !== 'FunctionCall' || !('name' in node)) return;
      const called = (node.name as { parts: readonly { name: string }[] }).parts.at(-1)?.name ?? '';
      tables.splice(tables.indexOf(called), 1);
    });
  }
  return { tables: sorted(tables.filter((name) => !ctes.has(name))), columns: sorted(columns) };
}

function theirNames(sql: string): Names {
  const { tableList, columnList, ast } = new nodeSqlParser.Parser().parse(sql, { database: 'Postgresql' });
  const statement = Array.isArray(ast) ? ast[0] : ast;
  const withs = (statement as { with?: { name: { value: string } }[] | null }).with ?? [];
  const ctes = new Set(withs.map((cte) => cte.name.value));
  const last = (entry: string): string => entry.split('::').at(-1) ?? '';
  return {
    tables: sorted(tableList.map(last).filter((name) => !ctes.has(name))),
    columns: sorted(
      columnList.map(last).filter((name) => name !== '(.*)' && name !== '*' && !/^\d+$/.test(name)),
    ),
  };
}

describe('node-sql-parser as a second opinion', () => {
  it.each(corpus)('%s', (sql) => {
    expect(ourNames(sql)).toEqual(theirNames(sql));
  });
});
