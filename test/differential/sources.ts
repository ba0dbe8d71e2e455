/**
 * Random items of FROM that are no tables: VALUES, and set-returning functions over constants or over the columns of items
 * to the left, with and without WITH ORDINALITY, alone and in ROWS FROM.
 */
import { must } from '../../common/assert.ts';
import type { Expressions, ScopeColumn } from './expressions.ts';
import type { UserFunction } from './functions.ts';
import type { FromClause } from './queries.ts';
import type { Random } from './random.ts';
import { type SqlType, sqlName, typedLiteral } from './schema.ts';

/** A list of rows; the first row says the types. */
export function valuesList(types: readonly SqlType[], random: Random): string {
  const rows = Array.from({ length: random.int(1, 4) }, (_, r) => {
    const cells = types.map((type) => {
      const value = random.chance(0.15) ? 'NULL' : typedLiteral(type, random);
      return r === 0 ? `CAST(${value} AS ${sqlName[type]})` : value;
    });
    return `(${cells.join(', ')})`;
  });
  return `VALUES ${rows.join(', ')}`;
}

export function valuesItem(alias: string, random: Random): FromClause {
  const types = Array.from({ length: random.int(1, 2) }, () =>
    random.pick<SqlType>(['int4', 'int4', 'text', 'numeric', 'date', 'bool', 'int8']),
  );
  const names = types.map((_, i) => 'xy'.charAt(i));
  return {
    sql: `(${valuesList(types, random)}) AS ${alias}(${names.join(', ')})`,
    scope: types.map((type, i) => ({ sql: `${alias}.${must(names[i])}`, type, wide: false })),
    unique: null,
  };
}

interface Call {
  readonly sql: string;
  readonly columns: readonly (readonly [name: string, type: SqlType])[];
}

/** A call of a set-returning function that cannot fail. `scope`: the columns it may read. */
export function seriesCall(scope: readonly ScopeColumn[], random: Random, expressions: Expressions): Call {
  const value = (type: SqlType): string => expressions.of(type, scope, 1);
  return random.pick<() => Call>([
    () => ({ sql: `unnest(${value('ints')})`, columns: [['n', 'int4']] }),
    () => ({
      sql: `unnest(ARRAY[${value('text')}, ${value('text')}])`,
      columns: [['v', 'text']],
    }),
    () => ({
      sql: `generate_series(${random.int(0, 2)}, ${expressions.of('int4', scope, 0)} % 4)`,
      columns: [['n', 'int4']],
    }),
    () => ({
      sql: `generate_series(timestamp '2024-01-01', timestamp '2024-01-0${random.int(1, 4)}', interval '1 day')`,
      columns: [['at', 'timestamp']],
    }),
    () => {
      const document = value('jsonb');
      return {
        sql: `jsonb_array_elements(CASE jsonb_typeof(${document}) WHEN 'array' THEN ${document} END)`,
        columns: [['j', 'jsonb']],
      };
    },
    () => {
      const document = value('jsonb');
      return {
        sql: `jsonb_each_text(CASE jsonb_typeof(${document}) WHEN 'object' THEN ${document} END)`,
        columns: [
          ['key', 'text'],
          ['v', 'text'],
        ],
      };
    },
    () => ({
      sql: `jsonb_path_query(${value('jsonb')}, '${random.pick(['$.a', '$[*]', '$.*', '$[*] ? (@ > 1)'])}')`,
      columns: [['j', 'jsonb']],
    }),
    () => ({ sql: `regexp_split_to_table(${value('text')}, 'b')`, columns: [['v', 'text']] }),
    () => ({ sql: `string_to_table(${value('text')}, 'a')`, columns: [['v', 'text']] }),
    () => ({ sql: `unnest(CAST(${value('texts')} AS text[]))`, columns: [['v', 'text']] }),
    () => ({ sql: `generate_subscripts(${value('ints')}, 1)`, columns: [['n', 'int4']] }),
    () => ({ sql: `regexp_matches(${value('text')}, '(a)(b)?', 'g')`, columns: [['m', 'texts']] }),
    () => {
      const document = value('jsonb');
      return {
        sql: `jsonb_object_keys(CASE jsonb_typeof(${document}) WHEN 'object' THEN ${document} END)`,
        columns: [['key', 'text']],
      };
    },
    () => ({
      sql: `generate_series(${value('int4')} % 3, 2, ${random.pick([1, 2, -1])})`,
      columns: [['n', 'int4']],
    }),
  ])();
}

/** Functions in FROM that are written otherwise: of users, over several arrays, with a list of column definitions. */
function otherItem(
  alias: string,
  scope: readonly ScopeColumn[],
  random: Random,
  expressions: Expressions,
  functions: readonly UserFunction[],
): FromClause {
  const lateral = scope.length > 0;
  const value = (type: SqlType): string => expressions.of(type, scope, 1);
  const item = (sql: string, columns: readonly (readonly [string, SqlType])[]): FromClause => ({
    sql,
    scope: columns.map(([name, type]) => ({ sql: `${alias}.${name}`, type, wide: false })),
    unique: null,
    lateral,
  });
  const [called] = functions.filter((f) => f.rows !== null);
  if (called?.rows && random.chance(0.6)) {
    const call = `${called.name}(${called.parameters.map(value).join(', ')})`;
    return item(`${call} AS ${alias}(${called.rows.map(([name]) => name).join(', ')})`, called.rows);
  }
  if (random.chance(0.5))
    return item(`unnest(${value('ints')}, CAST(${value('texts')} AS text[])) AS ${alias}(n0, v1)`, [
      ['n0', 'int4'],
      ['v1', 'text'],
    ]);
  const document = value('jsonb');
  const objects = `jsonb_path_query_array(CASE jsonb_typeof(${document}) WHEN 'array' THEN ${document} END, '$[*] ? (@.type() == "object")')`;
  return item(`jsonb_to_recordset(${objects}) AS ${alias}(a jsonb, b text)`, [
    ['a', 'jsonb'],
    ['b', 'text'],
  ]);
}

/** A set-returning function in FROM. */
export function functionItem(
  alias: string,
  scope: readonly ScopeColumn[],
  random: Random,
  expressions: Expressions,
  functions: readonly UserFunction[],
): FromClause {
  if (random.chance(0.25)) return otherItem(alias, scope, random, expressions, functions);
  const lateral = scope.length > 0;
  const calls = [seriesCall(scope, random, expressions)];
  if (random.chance(0.15)) calls.push(seriesCall(scope, random, expressions));
  const ordinality = random.chance(0.5);
  const columns = calls.flatMap((c) => c.columns).map(([name, type], i) => [`${name}${i}`, type] as const);
  const named: readonly (readonly [string, SqlType])[] = ordinality
    ? [...columns, ['place', 'int8']]
    : columns;
  const what = calls.length > 1 ? `ROWS FROM (${calls.map((c) => c.sql).join(', ')})` : must(calls[0]).sql;
  const names = named.map(([name]) => name).join(', ');
  return {
    sql: `${what}${ordinality ? ' WITH ORDINALITY' : ''} AS ${alias}(${names})`,
    scope: named.map(([name, type]) => ({ sql: `${alias}.${name}`, type, wide: false })),
    unique: ordinality ? [`${alias}.place`] : null,
    lateral,
  };
}
