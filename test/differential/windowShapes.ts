/**
 * Random queries with several window calls over named windows: windows that extend others, calls inside expressions and in
 * ORDER BY, filters over their results, frames by RANGE over a unique key.
 */
import { must } from '../../common/assert.ts';
import type { ScopeColumn } from './expressions.ts';
import type { Query } from './queries.ts';
import { directions, listed, output, type Parts } from './shapes.ts';
import { anyFrame, bounds, exclusions } from './windows.ts';

export function namedWindows(parts: Parts): Query {
  const { random, expressions } = parts;
  let from = parts.from();
  if (from.unique === null) from = parts.table();
  const unique = must(from.unique);
  const partition = random.chance(0.6) ? `PARTITION BY ${random.pick(from.scope).sql}` : '';
  const key = random.pick(from.scope).sql;
  const total = [`${key}${random.pick(directions)}`, ...unique].join(', ');
  // RANGE with offsets wants one column: a unique int.
  const single = unique.length === 1 ? unique[0] : undefined;
  const offset = (): string => String(random.int(0, 4));
  const range =
    single === undefined || random.chance(0.4)
      ? anyFrame(random)
      : ` RANGE ${bounds(random, offset)}${random.pick(exclusions)}`;
  const order =
    range.startsWith(' RANGE') && single !== undefined ? `${single}${random.pick(['', ' DESC'])}` : total;
  const windows = [
    `w AS (${partition})`,
    `o AS (w ORDER BY ${total})`,
    `f AS (${partition} ORDER BY ${order}${range})`,
    `p AS (w ORDER BY ${key}${random.pick(directions)})`,
  ];
  const value = expressions.of('int4', from.scope, 1);
  const text = expressions.of('text', from.scope, 1);
  const calls: readonly ScopeColumn[] = [
    { sql: 'row_number() OVER o', type: 'int8', wide: false },
    { sql: 'rank() OVER p', type: 'int8', wide: false },
    { sql: 'percent_rank() OVER p', type: 'float8', wide: true },
    { sql: 'cume_dist() OVER p', type: 'float8', wide: true },
    { sql: `count(*) OVER w`, type: 'int8', wide: false },
    { sql: `sum(${value}) OVER f`, type: 'int8', wide: false },
    { sql: `first_value(${value}) OVER f`, type: 'int4', wide: false },
    { sql: `last_value(${text}) OVER f`, type: 'text', wide: false },
    { sql: `nth_value(${value}, 2) OVER f`, type: 'int4', wide: false },
    { sql: `max(${text}) OVER f`, type: 'text', wide: false },
    { sql: `avg(${value}) OVER f`, type: 'numeric', wide: true },
    { sql: `array_agg(${value}) OVER f`, type: 'ints', wide: false },
    { sql: `string_agg(${text}, ',') OVER f`, type: 'text', wide: false },
    { sql: `sum(${value}) OVER (w ORDER BY ${total} ROWS 2 PRECEDING)`, type: 'int8', wide: false },
    { sql: `(${value} - lag(${value}, 1, 0) OVER o)`, type: 'int4', wide: false },
    { sql: `coalesce(lead(${text}) OVER o, 'end')`, type: 'text', wide: false },
    { sql: `CAST(ntile(3) OVER o AS int)`, type: 'int4', wide: false },
    { sql: `bool_and(${expressions.predicate(from.scope, 0)}) OVER f`, type: 'bool', wide: false },
    {
      sql: `count(${value}) FILTER (WHERE ${expressions.predicate(from.scope, 0)}) OVER f`,
      type: 'int8',
      wide: false,
    },
  ];
  const columns = [...random.some(from.scope, 2), ...random.some(calls, 4)];
  const where = random.chance(0.3) ? ` WHERE ${expressions.predicate(from.scope, 1)}` : '';
  const sql = `SELECT ${listed(columns)} FROM ${from.sql}${where} WINDOW ${windows.join(', ')}`;
  const made = output(columns);
  const kind = random.next();
  if (kind < 0.6) return { sql, columns: made };
  if (kind < 0.75)
    return {
      sql: `${sql} ORDER BY row_number() OVER o, ${unique.join(', ')} LIMIT ${random.int(1, 6)}`,
      columns: made,
    };
  const q = parts.name('q');
  const scope = made.map((c) => ({ ...c, sql: `${q}.${c.name}` }));
  return { sql: `SELECT * FROM (${sql}) AS ${q} WHERE ${expressions.predicate(scope, 1)}`, columns: made };
}
