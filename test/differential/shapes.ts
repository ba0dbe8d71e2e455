/**
 * Random whole queries of shapes that engines treat as one: group top-n by a ranking, windows over groups, set-returning
 * functions in the SELECT list, DISTINCT ON over a table; joins, recursion and aggregates have files of their own.
 */
import { must } from '../../common/assert.ts';
import { distinctAggregates, orderedAggregates, regressions } from './aggregateShapes.ts';
import type { Expressions, ScopeColumn } from './expressions.ts';
import { manyJoins } from './joins.ts';
import type { FromClause, Query } from './queries.ts';
import type { Random } from './random.ts';
import { recursiveQuery } from './recursion.ts';
import type { SqlType } from './schema.ts';
import { seriesCall } from './sources.ts';
import { namedWindows } from './windowShapes.ts';

export interface Parts {
  readonly random: Random;
  readonly expressions: Expressions;
  /** A new alias. */
  name(prefix: string): string;
  /** A table or a view. */
  base(): FromClause;
  /** A table: it has `id` and `k`. */
  table(): FromClause;
  /** Any FROM. */
  from(): FromClause;
}

export const directions = ['', ' DESC', ' NULLS FIRST', ' DESC NULLS LAST'];

export function output(columns: readonly ScopeColumn[]): Query['columns'] {
  return columns.map((c, i) => ({ name: `c${i}`, type: c.type, wide: c.wide }));
}

export function listed(columns: readonly ScopeColumn[]): string {
  return columns.map((c, i) => `${c.sql} AS c${i}`).join(', ');
}

/** WHERE row_number() <= n and its kin, in a subquery or over one. */
function groupTop(parts: Parts): Query {
  const { random } = parts;
  const from = random.chance(0.6) ? parts.base() : parts.from();
  const columns = random.some(from.scope, 4);
  const partition = random.chance(0.8)
    ? `PARTITION BY ${random
        .some(from.scope, 2)
        .map((c) => c.sql)
        .join(', ')} `
    : '';
  const key = `${random.pick(from.scope).sql}${random.pick(directions)}`;
  const rank =
    from.unique === null
      ? random.pick(['rank', 'dense_rank'])
      : random.pick(['row_number', 'row_number', 'rank', 'dense_rank']);
  const order = [key, ...(rank === 'row_number' ? (from.unique ?? []) : [])].join(', ');
  const where = random.chance(0.3) ? ` WHERE ${parts.expressions.predicate(from.scope, 1)}` : '';
  const inner = `SELECT ${listed(columns)}, ${rank}() OVER (${partition}ORDER BY ${order}) AS place FROM ${from.sql}${where}`;
  const q = parts.name('q');
  const condition = random.pick([
    'place <= 2',
    'place = 1',
    'place < 4',
    'place BETWEEN 2 AND 3',
    '3 >= place',
  ]);
  const more = random.chance(0.3)
    ? ` AND ${parts.expressions.predicate(
        output(columns).map((c) => ({ ...c, sql: `${q}.${c.name}` })),
        0,
      )}`
    : '';
  const shown = output(columns).map((c) => c.name);
  const withPlace = random.chance(0.5);
  const list = withPlace ? [...shown, `place AS c${shown.length}`] : shown;
  const made = output(columns);
  return {
    sql: `SELECT ${list.join(', ')} FROM (${inner}) AS ${q} WHERE ${condition}${more}`,
    columns: withPlace ? [...made, { name: `c${made.length}`, type: 'int8', wide: false }] : made,
  };
}

/** Window functions over the groups of a GROUP BY. */
function windowOverGroups(parts: Parts): Query {
  const { random, expressions } = parts;
  const from = parts.from();
  const key = random.pick(from.scope);
  const second = random.pick(from.scope);
  const value = expressions.of('int4', from.scope, 1);
  const aggregate = random.pick(['count(*)', `sum(${value})`, `max(${value})`, `count(DISTINCT ${value})`]);
  const calls = [
    `rank() OVER (ORDER BY ${aggregate} DESC)`,
    `dense_rank() OVER (PARTITION BY ${aggregate} ORDER BY ${key.sql})`,
    `sum(count(*)) OVER (ORDER BY ${key.sql})`,
    `sum(count(*)) OVER (PARTITION BY ${second.sql})`,
    `count(*) OVER ()`,
    `count(*) OVER (PARTITION BY grouping(${key.sql}))`,
  ];
  const grouping = random.pick([
    `${key.sql}, ${second.sql}`,
    `ROLLUP (${key.sql}, ${second.sql})`,
    `CUBE (${key.sql}, ${second.sql})`,
    `${key.sql}, ROLLUP (${second.sql})`,
    `GROUPING SETS ((${key.sql}), (${second.sql}), ())`,
    `DISTINCT ROLLUP (${key.sql}), CUBE (${key.sql}, ${second.sql})`,
  ]);
  const list = [
    `${key.sql} AS c0`,
    `CAST(${aggregate} AS bigint) AS c1`,
    `CAST(${random.pick(calls)} AS bigint) AS c2`,
    `CAST(grouping(${key.sql}, ${second.sql}) AS bigint) AS c3`,
  ];
  const columns: Query['columns'] = [
    { name: 'c0', type: key.type, wide: true },
    ...['c1', 'c2', 'c3'].map((name) => ({ name, type: 'int8' as const, wide: false })),
  ];
  return { sql: `SELECT ${list.join(', ')} FROM ${from.sql} GROUP BY ${grouping}`, columns };
}

/** Set-returning functions in the SELECT list: they advance together. */
function seriesInSelect(parts: Parts): Query {
  const { random, expressions } = parts;
  const from = parts.base();
  const single = (): ScopeColumn => {
    for (;;) {
      const call = seriesCall(from.scope, random, expressions);
      const [column] = call.columns;
      if (call.columns.length === 1 && column !== undefined)
        return { sql: call.sql, type: column[1], wide: false };
    }
  };
  const columns = [...random.some(from.scope, 2), single(), ...(random.chance(0.3) ? [single()] : [])];
  const where = random.chance(0.4) ? ` WHERE ${expressions.predicate(from.scope, 1)}` : '';
  const inner = `SELECT ${listed(columns)} FROM ${from.sql}${where}`;
  if (random.chance(0.6)) return { sql: inner, columns: output(columns) };
  const last = `c${columns.length - 1}`;
  const type: SqlType = must(columns.at(-1)).type;
  return {
    sql: `SELECT ${last} AS c0, count(*) AS c1 FROM (${inner}) AS ${parts.name('q')} GROUP BY ${last}`,
    columns: [
      { name: 'c0', type, wide: false },
      { name: 'c1', type: 'int8', wide: false },
    ],
  };
}

/** The first row of each group by a total order. */
function firstOfGroup(parts: Parts): Query {
  const { random } = parts;
  const from = parts.from();
  if (from.unique === null) return groupTop(parts);
  const on = random.some(from.scope, 2);
  const key = `${random.pick(from.scope).sql}${random.pick(directions)}`;
  const order = [...on.map((c) => `${c.sql}${random.pick(directions)}`), key, ...from.unique];
  const columns = random.some(from.scope, 4);
  const list = `DISTINCT ON (${on.map((c) => c.sql).join(', ')}) ${listed(columns)}`;
  return { sql: `SELECT ${list} FROM ${from.sql} ORDER BY ${order.join(', ')}`, columns: output(columns) };
}

/** A query of one of the shapes. */
export function shapedQuery(parts: Parts): Query {
  const shapes = [
    groupTop,
    groupTop,
    windowOverGroups,
    manyJoins,
    manyJoins,
    seriesInSelect,
    firstOfGroup,
    recursiveQuery,
    recursiveQuery,
    distinctAggregates,
    orderedAggregates,
    regressions,
    namedWindows,
  ];
  return parts.random.pick(shapes)(parts);
}
