/**
 * Random queries of aggregates that engines treat apart: several DISTINCT ones over one column, with FILTER; ordered ones
 * whose order is not that of their argument; regressions and percentiles, over groups, grouping sets and everything.
 */
import type { ScopeColumn } from './expressions.ts';
import type { FromClause, Query } from './queries.ts';
import type { SqlType } from './schema.ts';
import { directions, output, type Parts } from './shapes.ts';

/** GROUP BY over some columns, and what can be selected of it besides aggregates. */
interface Groups {
  readonly clause: string;
  readonly items: readonly ScopeColumn[];
}

function groups(parts: Parts, from: FromClause): Groups {
  const { random } = parts;
  const keys = random.chance(0.25) || from.scope.length === 0 ? [] : random.some(from.scope, 2);
  if (keys.length === 0) return { clause: '', items: [] };
  const plain = keys.map((k) => k.sql).join(', ');
  if (random.chance(0.6)) return { clause: ` GROUP BY ${plain}`, items: keys };
  const sets = random.pick([
    `ROLLUP (${plain})`,
    `CUBE (${plain})`,
    `GROUPING SETS ((${plain}), ())`,
    `GROUPING SETS (${plain})`,
  ]);
  const grouping: ScopeColumn = { sql: `grouping(${plain})`, type: 'int4', wide: false };
  const having = random.chance(0.2) ? ` HAVING grouping(${plain}) <> 1 OR count(*) > 1` : '';
  return { clause: ` GROUP BY ${sets}${having}`, items: [...keys, grouping] };
}

function finish(parts: Parts, from: FromClause, made: Groups, items: readonly ScopeColumn[]): Query {
  const { random, expressions } = parts;
  const all = [...made.items, ...items];
  const list = all.map((c, i) => `${c.sql} AS c${i}`).join(', ');
  const where = random.chance(0.3) ? ` WHERE ${expressions.predicate(from.scope, 1)}` : '';
  return { sql: `SELECT ${list} FROM ${from.sql}${where}${made.clause}`, columns: output(all) };
}

/** Several DISTINCT aggregates over one column. */
export function distinctAggregates(parts: Parts): Query {
  const { random, expressions } = parts;
  const from = parts.from();
  const numbers = from.scope.filter((c) => ['int4', 'int2'].includes(c.type) && !c.wide);
  const column =
    numbers.length > 0 && random.chance(0.7)
      ? random.pick(numbers).sql
      : expressions.of('int4', from.scope, 1);
  const filter = (): string =>
    random.chance(0.3) ? ` FILTER (WHERE ${expressions.predicate(from.scope, 0)})` : '';
  const all: readonly ScopeColumn[] = [
    { sql: `count(DISTINCT ${column})${filter()}`, type: 'int8', wide: false },
    { sql: `count(${column})${filter()}`, type: 'int8', wide: false },
    { sql: `CAST(sum(DISTINCT ${column})${filter()} AS bigint)`, type: 'int8', wide: false },
    { sql: `avg(DISTINCT ${column})${filter()}`, type: 'numeric', wide: true },
    {
      sql: `string_agg(DISTINCT CAST(${column} AS text), ','${random.pick([
        '',
        ` ORDER BY CAST(${column} AS text) DESC`,
      ])})${filter()}`,
      type: 'text',
      wide: false,
    },
    {
      sql: `array_agg(DISTINCT CAST(${column} AS int) ORDER BY CAST(${column} AS int)${random.pick(directions)})${filter()}`,
      type: 'ints',
      wide: false,
    },
    { sql: `jsonb_agg(DISTINCT ${column})${filter()}`, type: 'jsonb', wide: false },
    { sql: `stddev_samp(DISTINCT ${column})${filter()}`, type: 'numeric', wide: true },
    { sql: `bool_or(DISTINCT ${column} > 2)${filter()}`, type: 'bool', wide: false },
    { sql: `count(*)${filter()}`, type: 'int8', wide: false },
  ];
  return finish(parts, from, groups(parts, from), random.some(all, 6));
}

/** Aggregates in an order of their own; ties are broken by the unique key. */
export function orderedAggregates(parts: Parts): Query {
  const { random, expressions } = parts;
  let from = parts.from();
  if (from.unique === null) from = parts.table();
  const unique = from.unique ?? [];
  const total = (): string => {
    const by = random.some(from.scope, 2).map((c) => `${c.sql}${random.pick(directions)}`);
    return [...by, ...unique].join(', ');
  };
  const value = (type: SqlType): string => expressions.of(type, from.scope, 1);
  const filter = (): string =>
    random.chance(0.3) ? ` FILTER (WHERE ${expressions.predicate(from.scope, 0)})` : '';
  const all: readonly ScopeColumn[] = [
    { sql: `string_agg(${value('text')}, '-' ORDER BY ${total()})${filter()}`, type: 'text', wide: false },
    { sql: `string_agg(${value('text')}, ${value('text')} ORDER BY ${total()})`, type: 'text', wide: false },
    { sql: `array_agg(${value('int4')} ORDER BY ${total()})${filter()}`, type: 'ints', wide: false },
    { sql: `array_agg(${value('text')} ORDER BY ${total()})${filter()}`, type: 'texts', wide: false },
    { sql: `jsonb_agg(${value('jsonb')} ORDER BY ${total()})${filter()}`, type: 'jsonb', wide: false },
    {
      sql: `jsonb_agg(ROW(${value('int4')}, ${value('text')}) ORDER BY ${total()})`,
      type: 'jsonb',
      wide: false,
    },
    {
      sql: `jsonb_object_agg(coalesce(${value('text')}, 'none'), ${value('int4')} ORDER BY ${total()})`,
      type: 'jsonb',
      wide: false,
    },
    {
      sql: `CAST(array_agg(ROW(${value('int4')}, ${value('date')}) ORDER BY ${total()}) AS text)`,
      type: 'text',
      wide: false,
    },
    { sql: `(array_agg(${value('int4')} ORDER BY ${total()}))[1]`, type: 'int4', wide: false },
    {
      sql: `array_length(array_agg(${value('ints')} ORDER BY ${total()}) FILTER (WHERE false), 1)`,
      type: 'int4',
      wide: false,
    },
  ];
  return finish(parts, from, groups(parts, from), random.some(all, 4));
}

/** Two variables; ordered sets. What is irrational is rounded: its last digit depends on the order of rows. */
export function regressions(parts: Parts): Query {
  const { random, expressions } = parts;
  const from = parts.from();
  const value = (type: SqlType): string => expressions.of(type, from.scope, 1);
  const filter = (): string =>
    random.chance(0.3) ? ` FILTER (WHERE ${expressions.predicate(from.scope, 0)})` : '';
  const two = (name: string): ScopeColumn => ({
    sql: `round(CAST(${name}(${value('int4')}, ${value('float8')})${filter()} AS numeric), 6)`,
    type: 'numeric',
    wide: true,
  });
  const direction = random.pick(directions);
  const place = random.pick(['0', '0.25', '0.5', '0.9', '1']);
  const within = (type: SqlType, by = value(type)): string =>
    `WITHIN GROUP (ORDER BY ${by}${direction})${filter()}`;
  const set = (call: string, type: SqlType, by?: string): ScopeColumn => ({
    sql: `${call} ${within(type, by)}`,
    type,
    wide: false,
  });
  const kinds = random.some(
    [
      'corr',
      'covar_pop',
      'covar_samp',
      'regr_slope',
      'regr_intercept',
      'regr_r2',
      'regr_sxx',
      'regr_syy',
      'regr_sxy',
      'regr_avgx',
      'regr_avgy',
    ],
    3,
  );
  const all: readonly ScopeColumn[] = [
    ...kinds.map(two),
    { sql: `regr_count(${value('int4')}, ${value('int2')})${filter()}`, type: 'int8', wide: false },
    set(`percentile_cont(${place})`, 'float8'),
    { ...set(`percentile_cont(${place})`, 'float8', value('int4')), wide: true },
    { ...set(`percentile_cont(${place})`, 'interval'), wide: true },
    set(`percentile_disc(${place})`, random.pick<SqlType>(['text', 'numeric', 'date', 'timestamp', 'bool'])),
    {
      sql: `CAST(percentile_disc(ARRAY[0.1, ${place}, NULL]) ${within('int4')} AS text)`,
      type: 'text',
      wide: false,
    },
    {
      sql: `CAST(percentile_cont(ARRAY[${place}, 0.5]) ${within('float8')} AS text)`,
      type: 'text',
      wide: false,
    },
    set('mode()', random.pick<SqlType>(['text', 'date', 'bool', 'int4'])),
    {
      sql: `round(CAST(stddev_pop(${value('float8')})${filter()} AS numeric), 6)`,
      type: 'numeric',
      wide: true,
    },
    { sql: `variance(${value('numeric')})${filter()}`, type: 'numeric', wide: true },
    { sql: `round(var_samp(${value('int8')}), 6)`, type: 'numeric', wide: true },
  ];
  return finish(parts, from, groups(parts, from), random.some(all, 4));
}
