/**
 * Random tables and data. Every table has a unique int `id` and an int `k` with few values (so that joins match); the
 * other columns are of random types. A `wide` column may hold the extremes of its type and is kept out of arithmetic.
 * Floats are multiples of 0.5 and numerics have one scale, so that no result depends on the order of evaluation.
 */
import type { Random } from './random.ts';

export type SqlType =
  | 'int4'
  | 'int8'
  | 'int2'
  | 'numeric'
  | 'float8'
  | 'text'
  | 'bool'
  | 'date'
  | 'timestamp'
  | 'timestamptz'
  | 'interval'
  | 'varchar'
  | 'time'
  | 'uuid'
  | 'bytea'
  | 'jsonb'
  | 'ints'
  | 'texts';

export interface TableColumn {
  readonly name: string;
  readonly type: SqlType;
  readonly wide: boolean;
  /** The type in CREATE TABLE where it is not the usual one: numerics of other scales, or of none. */
  readonly declared?: string;
}

/** A table, or a view with the columns of its query. */
export interface Table {
  readonly name: string;
  readonly hasKey: boolean;
  /** True when every row has an `id` of its own. */
  readonly hasId: boolean;
  readonly columns: readonly TableColumn[];
}

const columnTypes: readonly SqlType[] = [
  'int4',
  'int4',
  'int8',
  'int2',
  'numeric',
  'float8',
  'text',
  'text',
  'bool',
  'date',
  'timestamp',
  'timestamptz',
  'interval',
  'varchar',
  'time',
  'uuid',
  'bytea',
  'jsonb',
  'ints',
  'numeric',
  'texts',
];

/** Without a scale every value keeps its own. */
const numericTypes = ['numeric(12,2)', 'numeric(12,2)', 'numeric', 'numeric(10,0)', 'numeric(20,6)'];

/** The type as CAST wants it. */
export const sqlName: Readonly<Record<SqlType, string>> = {
  int4: 'int4',
  int8: 'int8',
  int2: 'int2',
  numeric: 'numeric',
  float8: 'float8',
  text: 'text',
  bool: 'bool',
  date: 'date',
  timestamp: 'timestamp',
  timestamptz: 'timestamptz',
  interval: 'interval',
  varchar: 'varchar',
  time: 'time',
  uuid: 'uuid',
  bytea: 'bytea',
  jsonb: 'jsonb',
  ints: 'int[]',
  texts: 'text[]',
};

const declared: Readonly<Record<SqlType, string>> = {
  int4: 'int',
  int8: 'bigint',
  int2: 'smallint',
  numeric: 'numeric(12,2)',
  float8: 'double precision',
  text: 'text',
  bool: 'boolean',
  date: 'date',
  timestamp: 'timestamp',
  timestamptz: 'timestamptz',
  interval: 'interval',
  varchar: 'varchar(8)',
  time: 'time',
  uuid: 'uuid',
  bytea: 'bytea',
  jsonb: 'jsonb',
  ints: 'int[]',
  texts: 'text[]',
};

export function randomTable(name: string, random: Random): Table {
  const columns: TableColumn[] = [
    { name: 'id', type: 'int4', wide: false },
    { name: 'k', type: 'int4', wide: false },
  ];
  const count = random.int(2, 6);
  for (let i = 0; i < count; i++) {
    const type = random.pick(columnTypes);
    const wide = random.chance(0.15);
    const name = 'abcdefgh'.charAt(i);
    if (type === 'numeric' && !wide) columns.push({ name, type, wide, declared: random.pick(numericTypes) });
    else columns.push({ name, type, wide });
  }
  return { name, hasKey: random.chance(0.6), hasId: true, columns };
}

export function createTable(table: Table): string {
  const columns = table.columns.map(
    (c) =>
      `${c.name} ${c.declared ?? declared[c.type]}${c.name === 'id' && table.hasKey ? ' PRIMARY KEY' : ''}`,
  );
  return `CREATE TABLE ${table.name} (${columns.join(', ')})`;
}

const extremes: Readonly<Record<SqlType, readonly string[]>> = {
  int4: ['2147483647', '-2147483648', '0'],
  int8: ['9223372036854775807', '-9223372036854775808', '9007199254740993'],
  int2: ['32767', '-32768'],
  numeric: ['9999999999.99', '-9999999999.99', '0.01'],
  float8: ["'NaN'", "'Infinity'", "'-Infinity'", '1e300'],
  text: ["''", "'ü€𝄞'", "'a''b\\c'", "' '", "'NULL'", "'%_'", `'${'x'.repeat(300)}'`, "'a\tb'", "'ａ́'"],
  bool: ['true'],
  date: ["'infinity'", "'-infinity'", "'4713-01-01 BC'", "'2000-02-29'"],
  timestamp: ["'infinity'", "'294246-12-31 23:59:59.999999'", "'1969-12-31 23:59:59.999999'"],
  timestamptz: ["'-infinity'", "'1999-12-31 23:59:59.999999+00'"],
  interval: ["'0 days'", "'-5 days'", "'1000 days'"],
  varchar: ["''", "'éé'"],
  time: ["'00:00:00'", "'23:59:59.999999'", "'24:00:00'"],
  uuid: ["'ffffffff-ffff-ffff-ffff-ffffffffffff'", "'00000000-0000-0000-0000-000000000000'"],
  bytea: ["''", "'\\x00'", "'\\xff00'"],
  jsonb: ["'{}'", "'[]'", "'null'", "'1e3'", `'"\\u00e9"'`, `'{"b": [1, {"c": null}], "a": false}'`],
  ints: ["'{}'", "'{NULL}'", "'{2147483647,-1}'"],
  texts: ["'{}'", `'{"a,b","","\\"","NULL",NULL}'`, `'{"ü 𝄞"," "}'`],
};

/** A literal of the type with few distinct values. */
export function literal(type: SqlType, random: Random): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = (): string => `2024-0${random.int(1, 3)}-${two(random.int(1, 5))}`;
  const time = (): string => `${two(random.int(0, 23))}:${random.pick(['00', '30'])}:00`;
  switch (type) {
    case 'int4':
    case 'int2':
      return String(random.int(-3, 9));
    case 'int8':
      return String(random.int(-2, 20));
    case 'numeric':
      if (random.chance(0.2))
        return random.pick(['0', '7', '-0.5', '1.500', '0.005', '12.340', '-3.1400', '3']);
      return `${random.int(-5, 20)}.${random.pick(['00', '25', '50', '99'])}`;
    case 'float8':
      return String(random.int(-6, 20) / 2);
    case 'text':
      return `'${random.pick(['a', 'b', 'ab', 'abc', 'B', 'xyz', 'ba', '', 'Äb', '12', '7'])}'`;
    case 'bool':
      return random.pick(['true', 'false']);
    case 'date':
      return `'${day()}'`;
    case 'timestamp':
      return `'${day()} ${time()}'`;
    case 'timestamptz':
      return `'${day()} ${time()}+00'`;
    case 'interval':
      return random.chance(0.7)
        ? `'${random.int(-2, 4)} days'`
        : `'${random.pick(['1 mon', '1 year 2 mons', '3 days 04:05:06.5', '-1 mons +2 days', '00:30:00', '-00:00:01.25', '1 day 12:00:00'])}'`;
    case 'varchar':
      return `'${random.pick(['a', 'b', 'ab ', 'xyz', 'Ab'])}'`;
    case 'time':
      return `'${time()}'`;
    case 'uuid':
      return `'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1${random.int(0, 4)}'`;
    case 'bytea':
      return `'\\x0${random.int(0, 5)}'`;
    case 'jsonb':
      return random.pick([
        `'{"a": ${random.int(0, 3)}}'`,
        `'[${random.int(0, 3)}, "x"]'`,
        `'"s"'`,
        `'${random.int(0, 3)}'`,
        "'true'",
        `'{"a": {"b": [${random.int(0, 2)}, null]}, "c": "x"}'`,
        `'[{"a": ${random.int(0, 2)}}, [], 1.50]'`,
      ]);
    case 'ints':
      return random.pick([
        `'{${random.int(0, 2)}}'`,
        `'{${random.int(0, 2)},${random.int(0, 2)}}'`,
        `'{1,NULL}'`,
      ]);
    case 'texts':
      return random.pick(["'{a}'", "'{a,b}'", "'{b,NULL}'", "'{ab,a}'", `'{"x y",c}'`]);
  }
}

/** A literal with its type written out. */
export function typedLiteral(type: SqlType, random: Random): string {
  const text = literal(type, random);
  switch (type) {
    case 'int4':
    case 'bool':
    case 'text':
      return random.chance(0.5) ? text : `CAST(${text} AS ${type})`;
    case 'int8':
    case 'int2':
    case 'numeric':
    case 'float8':
      return `CAST(${text} AS ${type})`;
    case 'date':
    case 'timestamp':
    case 'timestamptz':
    case 'interval':
    case 'time':
    case 'uuid':
    case 'jsonb':
    case 'bytea':
      return random.chance(0.5) ? `${type} ${text}` : `${text}::${type}`;
    case 'varchar':
    case 'ints':
    case 'texts':
      return `CAST(${text} AS ${sqlName[type]})`;
  }
}

/** A value for a column of a new row. */
export function columnValue(column: TableColumn, random: Random): string {
  if (random.chance(0.15)) return 'NULL';
  if (column.name === 'k') return String(random.int(0, 5));
  if (column.wide && random.chance(0.5)) return random.pick(extremes[column.type]);
  return literal(column.type, random);
}
