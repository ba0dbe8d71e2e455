/** Columns of every type, with values at the ends of their ranges, as text; rows of them for tests that write and read back. */
import { arrayOf, type Column, type DataType, types } from '../../../common/dataType.ts';
import { formatValue, parseValue, plainContext } from '../../../common/textIo.ts';
import type { Row } from '../../../common/value.ts';

const plain = plainContext(() => 0n);

export interface TypeCase {
  readonly name: string;
  /** As SQL writes it. */
  readonly sql: string;
  readonly type: DataType;
  readonly texts: readonly string[];
}

const point: DataType = {
  id: 'struct',
  fields: [
    { name: 'x', type: types.int4 },
    { name: 'label', type: types.text },
    { name: 'more', type: arrayOf(types.numeric) },
    { name: 'within', type: { id: 'struct', fields: [{ name: 'at', type: types.timestamptz }] } },
  ],
};
const pointSql = 'struct<x int, label text, more numeric[], within struct<at timestamptz>>';

const scalars: readonly TypeCase[] = [
  { name: 'b', sql: 'boolean', type: types.bool, texts: ['t', 'f'] },
  { name: 'i2', sql: 'smallint', type: types.int2, texts: ['-32768', '0', '32767'] },
  { name: 'i4', sql: 'integer', type: types.int4, texts: ['-2147483648', '0', '2147483647'] },
  {
    name: 'i8',
    sql: 'bigint',
    type: types.int8,
    texts: ['-9223372036854775808', '9223372036854775807', '9007199254740993'],
  },
  {
    name: 'f4',
    sql: 'real',
    type: types.float4,
    texts: ['NaN', 'Infinity', '-Infinity', '1.1754944e-38', '3.4028235e+38', '0.1'],
  },
  {
    name: 'f8',
    sql: 'double precision',
    type: types.float8,
    texts: ['NaN', 'Infinity', '-Infinity', '5e-324', '1.7976931348623157e+308', '0.1'],
  },
  {
    name: 'n',
    sql: 'numeric',
    type: types.numeric,
    texts: [
      'NaN',
      'Infinity',
      '-Infinity',
      '1.50',
      '-0.00000000000000000001',
      '123456789012345678901234567890.12',
    ],
  },
  {
    name: 'np',
    sql: 'numeric(12, 2)',
    type: { id: 'numeric', precision: 12, scale: 2 },
    texts: ['-9999999999.99', '0.00', '1.50'],
  },
  {
    name: 't',
    sql: 'text',
    type: types.text,
    texts: ['', 'é "quoted" \\ and\nlines\t,', 'null', 'NULL', '\u0001', '\u{1f600}'],
  },
  { name: 'v', sql: 'varchar', type: types.varchar, texts: ['', ' spaces '] },
  { name: 'by', sql: 'bytea', type: types.bytea, texts: ['\\x', '\\x00ff10', '\\x5c78'] },
  {
    name: 'd',
    sql: 'date',
    type: types.date,
    texts: ['2024-02-29', '0001-01-01', '9999-12-31', '1969-12-31', 'infinity', '-infinity'],
  },
  { name: 'ti', sql: 'time', type: types.time, texts: ['00:00:00', '23:59:59.999999', '12:30:01.5'] },
  {
    name: 'ts',
    sql: 'timestamp',
    type: types.timestamp,
    texts: ['infinity', '-infinity', '1969-12-31 23:59:59.999999', '2024-01-01 00:00:00'],
  },
  {
    name: 'tz',
    sql: 'timestamptz',
    type: types.timestamptz,
    texts: ['infinity', '-infinity', '1969-12-31 23:59:59.999999+00', '2024-01-01 00:00:00+00'],
  },
  {
    name: 'iv',
    sql: 'interval',
    type: types.interval,
    texts: ['1 year 2 mons -3 days +04:05:06.000007', '-1 days', '00:00:00', '-00:00:00.000001'],
  },
  {
    name: 'jb',
    sql: 'jsonb',
    type: types.jsonb,
    texts: ['null', '"text"', '{"a": [1, 2.50, null, {"b": "c\\"d"}]}', '[]', '1'],
  },
  { name: 'u', sql: 'uuid', type: types.uuid, texts: ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'] },
];

const nested: readonly TypeCase[] = [
  { name: 'ai', sql: 'integer[]', type: arrayOf(types.int4), texts: ['{}', '{1,2,3}'] },
  { name: 'at', sql: 'text[]', type: arrayOf(types.text), texts: ['{}', '{"a,b","","NULL","q\\"\\\\"}'] },
  { name: 'an', sql: 'numeric[]', type: arrayOf(types.numeric), texts: ['{NaN,1.50,Infinity}'] },
  {
    name: 'az',
    sql: 'timestamptz[]',
    type: arrayOf(types.timestamptz),
    texts: ['{infinity,"2024-01-01 00:00:00+00"}'],
  },
  { name: 'ab', sql: 'bytea[]', type: arrayOf(types.bytea), texts: ['{"\\\\x00ff","\\\\x"}'] },
  {
    name: 's',
    sql: pointSql,
    type: point,
    texts: ['(1,"a b","{1.0,NaN}","(""2024-01-01 00:00:00+00"")")', '(,,,)'],
  },
  { name: 'sa', sql: `${pointSql}[]`, type: arrayOf(point), texts: ['{"(1,x,{},)","(,,,)"}'] },
];

/** What Protobuf's repeated fields and proto3's types cannot hold. */
const deeper: readonly TypeCase[] = [
  { name: 'ain', sql: 'integer[]', type: arrayOf(types.int4), texts: ['{1,NULL,3}', '{NULL}'] },
  { name: 'aa', sql: 'integer[][]', type: arrayOf(arrayOf(types.int4)), texts: ['{{1,2},{3,NULL}}', '{}'] },
  { name: 'aat', sql: 'text[][]', type: arrayOf(arrayOf(types.text)), texts: ['{{a,NULL},{"",b}}'] },
];

/** As SQL declares them: a type does not say how many dimensions its arrays have. */
export const flatTypeCases: readonly TypeCase[] = [
  { name: 'f2', sql: 'integer[]', type: arrayOf(types.int4), texts: ['{{1,2},{3,NULL}}', '{1}', '{{{1}}}'] },
  { name: 'ft', sql: 'text[]', type: arrayOf(types.text), texts: ['{{a,"[1]"},{"",NULL}}', '{"[1]"}'] },
];

export const typeCases: readonly TypeCase[] = [...scalars, ...nested];
export const allTypeCases: readonly TypeCase[] = [...typeCases, ...deeper];

export function columnsOfCases(cases: readonly TypeCase[]): readonly Column[] {
  return [
    { name: 'id', type: types.int4, nullable: false },
    ...cases.map(({ name, type }) => ({ name, type, nullable: true })),
  ];
}

/** Rows that have every value of every case, and a last one of NULLs. */
export function rowsOfCases(cases: readonly TypeCase[]): readonly Row[] {
  const count = Math.max(...cases.map(({ texts }) => texts.length));
  const rows = Array.from(
    { length: count },
    (_, r): Row => [
      r,
      ...cases.map(({ type, texts }) => parseValue(texts[r % texts.length] ?? '', type, plain)),
    ],
  );
  return [...rows, [count, ...cases.map(() => null)]];
}

/** Values as SQL shows them: equal only where they are the same. */
export function shown(row: Row, columns: readonly Column[]): readonly string[] {
  return columns.map(({ name, type }, i) => {
    const value = row[i] ?? null;
    return `${name}: ${value === null ? 'NULL' : formatValue(value, type, plain)}`;
  });
}

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

export function columnList(cases: readonly TypeCase[], id = 'id int'): string {
  return [id, ...cases.map(({ name, sql }) => `${name} ${sql}`)].join(', ');
}

/** INSERTs of the same rows as `rowsOfCases` gives. */
export function insertsOfCases(table: string, cases: readonly TypeCase[]): readonly string[] {
  const count = Math.max(...cases.map(({ texts }) => texts.length));
  return Array.from({ length: count + 1 }, (_, r) => {
    const values = cases.map(({ texts, sql }) =>
      r === count ? 'NULL' : `CAST(${quoted(texts[r % texts.length] ?? '')} AS ${sql})`,
    );
    return `INSERT INTO ${table} VALUES (${r}, ${values.join(', ')})`;
  });
}
