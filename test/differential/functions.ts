/**
 * Random functions in SQL, made before the views that call them: one expression of their arguments, a look-up in a table,
 * an aggregate over it, and functions that return rows. All are inlined into what calls them.
 */
import { Expressions, type ScopeColumn } from './expressions.ts';
import type { Random } from './random.ts';
import { type SqlType, sqlName, type Table } from './schema.ts';

export interface UserFunction {
  readonly name: string;
  readonly parameters: readonly SqlType[];
  readonly result: SqlType;
  /** The columns of its rows; null for a scalar function. */
  readonly rows: readonly (readonly [name: string, type: SqlType])[] | null;
  readonly sql: string;
}

const parameterTypes: readonly SqlType[] = [
  'int4',
  'int4',
  'text',
  'numeric',
  'date',
  'bool',
  'ints',
  'jsonb',
];

const names = ['p', 'q', 'r'];

function scopeOf(parameters: readonly SqlType[], numbered: boolean): readonly ScopeColumn[] {
  return parameters.map((type, i) => ({ sql: numbered ? `$${i + 1}` : `${names[i]}_`, type, wide: false }));
}

/** A column of the table of a type that is not wide. */
function columnOf(table: Table, type: SqlType): string | null {
  return table.columns.find((c) => c.type === type && !c.wide)?.name ?? null;
}

function header(name: string, parameters: readonly SqlType[], returns: string): string {
  const list = parameters.map((type, i) => `${names[i]}_ ${sqlName[type]}`).join(', ');
  return `CREATE FUNCTION ${name}(${list}) RETURNS ${returns} LANGUAGE sql`;
}

/** One expression of the arguments. */
function scalar(name: string, random: Random): UserFunction {
  const parameters = Array.from({ length: random.int(1, 3) }, () => random.pick(parameterTypes));
  const result = random.pick(parameterTypes);
  const scope = scopeOf(parameters, random.chance(0.3));
  const body = new Expressions(random, null).of(result, scope, 2);
  const strict = random.pick(['', '', ' STRICT']);
  const volatility = random.pick([' IMMUTABLE', ' STABLE', '']);
  const sql = `${header(name, parameters, sqlName[result])}${volatility}${strict} AS $$ SELECT CAST(${body} AS ${sqlName[result]}) $$`;
  return { name, parameters, result, rows: null, sql };
}

/** What a table says of the argument. */
function lookUp(name: string, table: Table, random: Random): UserFunction {
  const type = random.pick<SqlType>(['int4', 'int4', 'text', 'numeric', 'date']);
  const column = columnOf(table, type) ?? 'id';
  const result = column === 'id' ? 'int4' : type;
  const body = random.pick([
    `SELECT max(x.${column}) FROM ${table.name} AS x WHERE x.k = p_`,
    `SELECT x.${column} FROM ${table.name} AS x WHERE x.k >= p_ ORDER BY x.k DESC, x.${column}, x.id LIMIT 1`,
    `SELECT min(x.${column}) FROM ${table.name} AS x WHERE x.id = p_ OR x.k IS NULL`,
  ]);
  const sql = `${header(name, ['int4'], sqlName[result])} STABLE AS $$ ${body} $$`;
  return { name, parameters: ['int4'], result, rows: null, sql };
}

/** Rows of a table, or made up. */
function rowsOf(name: string, table: Table, random: Random): UserFunction {
  const body = random.pick([
    `SELECT x.id, x.k FROM ${table.name} AS x WHERE x.k = p_`,
    `SELECT x.k, CAST(count(*) AS int) FROM ${table.name} AS x WHERE x.id > p_ GROUP BY x.k`,
    `SELECT n, n * p_ FROM generate_series(1, 2) AS g(n)`,
  ]);
  const sql = `${header(name, ['int4'], 'TABLE (a_ int, b_ int)')} STABLE AS $$ ${body} $$`;
  const rows = [
    ['a_', 'int4'],
    ['b_', 'int4'],
  ] as const;
  return { name, parameters: ['int4'], result: 'int4', rows, sql };
}

/** Functions over the tables. */
export function randomFunctions(tables: readonly Table[], random: Random): readonly UserFunction[] {
  return [
    ...Array.from({ length: random.int(1, 3) }, (_, i) => scalar(`f${i}`, random)),
    lookUp('g0', random.pick(tables), random),
    rowsOf('h0', random.pick(tables), random),
  ];
}
