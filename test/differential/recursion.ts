/**
 * Random WITH RECURSIVE queries that come to an end: graphs with cycles under UNION, where values come from a bounded set;
 * trees, walks and series under UNION ALL, where each step makes a number larger up to a bound. Rows of tables are edges
 * and nodes; views of the result are kept up to date by inserts and deletes of them.
 */
import { must } from '../../common/assert.ts';
import type { ScopeColumn } from './expressions.ts';
import type { FromClause, Query } from './queries.ts';
import { type SqlType, sqlName } from './schema.ts';
import type { Parts } from './shapes.ts';

/** A recursive common table expression. */
interface Recursive {
  /** `r(a, b) AS (...)` */
  readonly sql: string;
  readonly name: string;
  readonly columns: readonly (readonly [name: string, type: SqlType])[];
}

interface Nodes extends FromClause {
  /** An int column by name, qualified. */
  column(name: 'id' | 'k'): string;
}

function nodes(parts: Parts): Nodes {
  const from = parts.table();
  const alias = must(/AS (\w+)$/.exec(from.sql)?.[1]);
  return { ...from, column: (name) => `${alias}.${name}` };
}

/** A condition on a step; mostly none. */
function more(parts: Parts, scope: readonly ScopeColumn[], chance = 0.3): string {
  const { random, expressions } = parts;
  return random.chance(chance) ? ` AND ${expressions.predicate(scope, 1)}` : '';
}

/** Pairs of nodes that are reachable, or nodes from a start: edges go from `id` to `k`, and modulo a number, so in cycles. */
function closure(parts: Parts): Recursive {
  const { random } = parts;
  const name = parts.name('rec');
  const modulo = random.int(4, 9);
  const edge = (n: Nodes): [string, string] =>
    random.pick<[string, string]>([
      [`${n.column('id')} % ${modulo}`, n.column('k')],
      [n.column('k'), `${n.column('id')} % ${modulo}`],
      [`${n.column('id')} % ${modulo}`, `(${n.column('id')} + ${n.column('k')}) % ${modulo}`],
    ]);
  const first = nodes(parts);
  const step = nodes(parts);
  const [a, b] = edge(first);
  const [c, d] = edge(step);
  const pairs = random.chance(0.6);
  const start = pairs ? `SELECT ${a}, ${b} FROM ${first.sql}` : `SELECT ${b} FROM ${first.sql}`;
  const x = parts.name('x');
  const own: readonly ScopeColumn[] = pairs
    ? [
        { sql: `${x}.a`, type: 'int4', wide: false },
        { sql: `${x}.b`, type: 'int4', wide: false },
      ]
    : [{ sql: `${x}.b`, type: 'int4', wide: false }];
  const condition = more(parts, [...own, ...step.scope]);
  const where = random.chance(0.7) ? ` WHERE ${parts.expressions.predicate(first.scope, 1)}` : '';
  const list = pairs ? `${x}.a, ${d}` : d;
  const join = random.pick([
    `FROM ${name} AS ${x} JOIN ${step.sql} ON ${c} = ${x}.b${condition}`,
    `FROM ${step.sql} JOIN ${name} AS ${x} ON ${x}.b = ${c} WHERE true${condition}`,
    `FROM ${name} AS ${x}, ${step.sql} WHERE ${x}.b = ${c}${condition}`,
    `FROM ${name} AS ${x} LEFT JOIN ${step.sql} ON ${c} = ${x}.b${condition}`,
    `FROM ${name} AS ${x}, LATERAL (SELECT * FROM ${step.sql} WHERE ${c} = ${x}.b) AS ${must(/AS (\w+)$/.exec(step.sql)?.[1])}`,
  ]);
  return {
    name,
    sql: `${name}(${pairs ? 'a, b' : 'b'}) AS (${start}${where} UNION SELECT ${list} ${join})`,
    columns: pairs
      ? [
          ['a', 'int4'],
          ['b', 'int4'],
        ]
      : [['b', 'int4']],
  };
}

/** Nodes under their parents: `k` is the parent of a larger `id`. With the depth, and a path as text or as an array. */
function tree(parts: Parts): Recursive {
  const { random } = parts;
  const name = parts.name('rec');
  const [root, child] = [nodes(parts), nodes(parts)];
  const x = parts.name('x');
  const texts = random.chance(0.5);
  const start = texts ? `CAST(${root.column('id')} AS text)` : `ARRAY[${root.column('id')}]`;
  const grown = texts ? `${x}.way || '/' || ${child.column('id')}` : `${x}.way || ${child.column('id')}`;
  const roots = random.pick([
    `${root.column('k')} IS NULL`,
    `${root.column('k')} = 0`,
    `${root.column('id')} <= 3`,
    parts.expressions.predicate(root.scope, 1),
  ]);
  const bound = random.int(2, 5);
  const own: readonly ScopeColumn[] = [
    { sql: `${x}.id`, type: 'int4', wide: false },
    { sql: `${x}.depth`, type: 'int4', wide: false },
  ];
  const step = `${child.column('k')} = ${x}.id AND ${child.column('id')} > ${x}.id AND ${x}.depth < ${bound}`;
  const where = `${step}${more(parts, [...own, ...child.scope])}`;
  const join = random.chance(0.5)
    ? `FROM ${name} AS ${x} JOIN ${child.sql} ON ${where}`
    : `FROM ${child.sql}, ${name} AS ${x} WHERE ${where}`;
  return {
    name,
    sql: `${name}(id, depth, way) AS (SELECT ${root.column('id')}, 1, ${start} FROM ${root.sql} WHERE ${roots}
 UNION ALL SELECT ${child.column('id')}, ${x}.depth + 1, ${grown} ${join})`.replace('\n', ''),
    columns: [
      ['id', 'int4'],
      ['depth', 'int4'],
      ['way', texts ? 'text' : 'ints'],
    ],
  };
}

/** Numbers up to a bound that a table gives, with values that are carried along. */
function series(parts: Parts): Recursive {
  const { random, expressions } = parts;
  const name = parts.name('rec');
  const from = nodes(parts);
  const type = random.pick<SqlType>(['text', 'numeric', 'date', 'int4', 'bool']);
  const value = expressions.of(type, from.scope, 1);
  const x = parts.name('x');
  const own: readonly ScopeColumn[] = [
    { sql: `${x}.n`, type: 'int4', wide: false },
    { sql: `${x}.v`, type, wide: false },
  ];
  const other = nodes(parts);
  const bound = random.pick([
    `${x}.n < ${random.int(2, 5)}`,
    `${x}.n < (SELECT least(max(${other.column('k')}), 5) FROM ${other.sql})`,
    `${x}.n < 4 AND NOT EXISTS (SELECT 1 FROM ${other.sql} WHERE ${other.column('k')} = ${x}.n)`,
    `${x}.n < 4 AND ${x}.n IN (SELECT ${other.column('k')} FROM ${other.sql})`,
    `${x}.n < 4${more(parts, own, 1)}`,
  ]);
  const carried = random.pick([
    `${x}.v`,
    `CASE WHEN ${expressions.predicate(own, 0)} THEN ${x}.v END`,
    `coalesce(${x}.v, ${expressions.of(type, own, 0)})`,
  ]);
  const op = random.pick(['UNION ALL', 'UNION ALL', 'UNION']);
  const first = random.pick([
    `SELECT coalesce(${from.column('k')}, 0)`,
    `SELECT ${from.column('id')} % 3`,
    'SELECT 1',
  ]);
  const typed = sqlName[type];
  return {
    name,
    sql: `${name}(n, v) AS (${first}, CAST(${value} AS ${typed}) FROM ${from.sql} ${op} SELECT ${x}.n + 1, CAST(${carried} AS ${typed}) FROM ${name} AS ${x} WHERE ${bound})`,
    columns: [
      ['n', 'int4'],
      ['v', type],
    ],
  };
}

/** Walks that do not come to a node twice. */
function walks(parts: Parts): Recursive {
  const name = parts.name('rec');
  const [from, to] = [nodes(parts), nodes(parts)];
  const x = parts.name('x');
  const next = `${to.column('id')} % 5`;
  return {
    name,
    sql: `${name}(b, way) AS (SELECT DISTINCT ${from.column('k')}, ARRAY[${from.column('k')}] FROM ${from.sql} UNION SELECT ${next}, ${x}.way || ${next} FROM ${name} AS ${x} JOIN ${to.sql} ON ${to.column('k')} = ${x}.b AND NOT ${next} = ANY (${x}.way) WHERE cardinality(${x}.way) < 4)`,
    columns: [
      ['b', 'int4'],
      ['way', 'ints'],
    ],
  };
}

/** What is done with the recursive relation. */
export function recursiveQuery(parts: Parts): Query {
  const { random, expressions } = parts;
  const one = random.pick([closure, closure, closure, tree, tree, series, walks])(parts);
  const alias = parts.name('y');
  const scope = one.columns.map(
    ([column, type]): ScopeColumn => ({ sql: `${alias}.${column}`, type, wide: false }),
  );
  const from = `${one.name} AS ${alias}`;
  const table = nodes(parts);
  const first = must(scope[0]);
  const listed = (columns: readonly ScopeColumn[]): Query => ({
    sql: columns.map((c, i) => `${c.sql} AS c${i}`).join(', '),
    columns: columns.map((c, i) => ({ name: `c${i}`, type: c.type, wide: c.wide })),
  });
  const count: ScopeColumn = { sql: 'count(*)', type: 'int8', wide: false };
  const withOne = (sql: string): string => `WITH RECURSIVE ${one.sql} ${sql}`;
  const both = [...scope, ...table.scope];
  return random.pick<() => Query>([
    () => {
      const { sql, columns } = listed(scope);
      const where = random.chance(0.3) ? ` WHERE ${expressions.predicate(scope, 1)}` : '';
      return { sql: withOne(`SELECT ${sql} FROM ${from}${where}`), columns };
    },
    () => {
      const { sql, columns } = listed([first, count]);
      return { sql: withOne(`SELECT ${sql} FROM ${from} GROUP BY ${first.sql}`), columns };
    },
    () => {
      const { sql, columns } = listed([...scope, ...random.some(table.scope, 2)]);
      const kind = random.pick(['JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN']);
      return {
        sql: withOne(
          `SELECT ${sql} FROM ${from} ${kind} ${table.sql} ON ${table.column('k')} = ${first.sql}`,
        ),
        columns,
      };
    },
    () => {
      const { sql, columns } = listed(random.some(table.scope, 3));
      const not = random.pick(['', 'NOT ']);
      const test = `${not}EXISTS (SELECT 1 FROM ${from} WHERE ${first.sql} = ${table.column('k')})`;
      return { sql: withOne(`SELECT ${sql} FROM ${table.sql} WHERE ${test}`), columns };
    },
    () => {
      const { sql, columns } = listed(random.some(both, 3));
      const condition = `${expressions.predicate(both, 1)} AND ${table.column('id')} = ${first.sql}`;
      return {
        sql: withOne(`SELECT DISTINCT ${sql} FROM ${from}, ${table.sql} WHERE ${condition}`),
        columns,
      };
    },
    () => {
      const other = parts.name('y');
      const { sql, columns } = listed([
        first,
        { sql: `count(${other}.${must(one.columns[0])[0]})`, type: 'int8', wide: false },
      ]);
      const on = `${other}.${must(one.columns[0])[0]} = ${first.sql} + 1`;
      return {
        sql: withOne(
          `SELECT ${sql} FROM ${from} LEFT JOIN ${one.name} AS ${other} ON ${on} GROUP BY ${first.sql}`,
        ),
        columns,
      };
    },
    () => {
      // In a subquery; a second expression reads the first.
      const second = parts.name('w');
      const { sql, columns } = listed(random.some(table.scope, 2));
      const inner = `WITH RECURSIVE ${one.sql}, ${second} AS (SELECT max(${first.sql}) AS m FROM ${from}) SELECT m FROM ${second}`;
      const op = random.pick(['<=', '=', '>']);
      return { sql: `SELECT ${sql} FROM ${table.sql} WHERE ${table.column('k')} ${op} (${inner})`, columns };
    },
  ])();
}
