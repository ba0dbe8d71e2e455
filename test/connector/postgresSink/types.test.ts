/** What the `postgres` sink writes is what PostgreSQL reads from our text; and a target that does not fit is said so at once. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { arrayOf, type DataType, types } from '../../../common/dataType.ts';
import { SqlError } from '../../../common/sqlError.ts';
import { formatValue, parseValue, plainContext } from '../../../common/textIo.ts';
import type { Value } from '../../../common/value.ts';
import { postgresSinkConnector } from '../../../connector/postgres/sink.ts';
import { came, configOf, deliver, idAndValue, type Shape, Target } from './support.ts';

let target: Target | null;

beforeAll(async () => {
  target = await Target.start();
}, 60_000);

afterAll(() => target?.close());

const context = plainContext(() => 0n);

const cases: readonly (readonly [DataType, readonly string[]])[] = [
  [types.bool, ['t', 'f']],
  [types.int2, ['-32768', '32767']],
  [types.int4, ['-2147483648', '2147483647']],
  [types.int8, ['-9223372036854775808', '9223372036854775807']],
  [types.float4, ['0.1', '-0', 'NaN', 'Infinity', '-Infinity', '3.4028235e+38', '1.1754944e-38']],
  [types.float8, ['0.1', 'NaN', '-Infinity', '1.7976931348623157e+308', '5e-324', '0.30000000000000004']],
  [
    types.numeric,
    ['0.10', '123456789012345678901234567890.123456789012345678901', 'NaN', 'Infinity', '-Infinity'],
  ],
  [{ id: 'numeric', precision: 10, scale: 2 }, ['12345678.90', '-0.01']],
  [types.text, ['', ' x ', 'NULL', 'a"b\\c{,}', 'zwölf\n\t漢字🙂', "it's"]],
  [{ id: 'varchar', length: 5 }, ['abcde', '']],
  [{ id: 'bpchar', length: 5 }, ['ab   ']],
  [types.bytea, ['\\x', '\\x00ff5c22']],
  [types.date, ['2024-02-29', '0044-03-15 BC', 'infinity', '-infinity', '5874897-12-31']],
  [types.time, ['00:00:00', '23:59:59.999999', '24:00:00']],
  [types.timetz, ['12:34:56.789012+05:30']],
  [types.timestamp, ['2024-01-01 00:00:00.000001', 'infinity', '-infinity', '0001-01-01 00:00:00 BC']],
  [types.timestamptz, ['2024-01-01 00:00:00.123456+00', 'infinity', '9999-12-31 23:59:59.999999+00']],
  [types.interval, ['1 year 2 mons -3 days +04:05:06.789', '-00:00:00.000001', '00:00:00']],
  [types.json, ['{"a": [1, 2.50, null]}']],
  [types.jsonb, ['{"a": [1, 2.50, null], "b": "\\"x\\\\"}', 'null']],
  [types.uuid, ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11']],
  [types.oid, ['4294967295']],
  [arrayOf(types.int4), ['{}', '{1,NULL,3}', '{{1,2},{3,4}}', '[0:1]={7,8}']],
  [arrayOf(types.text), ['{"a b",NULL,"NULL","","x\\"y\\\\z"}']],
  [arrayOf(types.timestamptz), ['{"2024-01-01 00:00:00+00",infinity}']],
  [arrayOf(types.bytea), ['{"\\\\x00ff"}']],
];

describe('values', () => {
  it('arrive as they are, of every type', async () => {
    if (target === null) {
      expect(process.env.MILLRACE_REQUIRE_SERVERS, 'no PostgreSQL is installed').not.toBe('1');
      return;
    }
    const columns = cases.map(([type], i) => [`c${i}`, type] as const);
    const shape: Shape = {
      columns: [['id', types.int4], ...columns],
      key: [0],
      options: { table: 'every_type', 'create.table': 'true' },
    };
    const writer = await postgresSinkConnector().open(configOf(target.port, shape));
    expect(await writer.recover()).toBe(null);
    const count = Math.max(...cases.map(([, texts]) => texts.length));
    const rows = Array.from({ length: count }, (_, r): readonly Value[] => [
      r,
      ...cases.map(([type, texts]) => {
        const text = texts[r];
        return text === undefined ? null : parseValue(text, type, context);
      }),
    ]);
    await deliver(
      writer,
      1,
      rows.map((row) => came(...row)),
    );
    await target.run("SET TimeZone = 'UTC'");
    const names = columns.map(([name, type]) => (type.id === 'bpchar' ? `${name} || '|'` : `${name}::text`));
    const found = await target.rows(`SELECT ${names.join(', ')} FROM every_type ORDER BY id`);
    const expected = rows.map(([, ...values]) =>
      values.map((value, c) => {
        const type = cases[c]?.[0] ?? types.text;
        if (value === null) return null;
        if (type.id === 'bool') return String(value);
        return type.id === 'bpchar' ? 'ab|' : formatValue(value, type, context);
      }),
    );
    expect(found).toEqual(expected);
    // Once more under the same keys: ON CONFLICT changes the rows to themselves.
    await deliver(
      writer,
      2,
      rows.map((row) => came(...row)),
    );
    expect(await target.rows(`SELECT ${names.join(', ')} FROM every_type ORDER BY id`)).toEqual(expected);
    await writer.close();
  }, 30_000);

  it('of structs, and arrays of them, are JSON', async () => {
    if (target === null) return;
    const struct: DataType = {
      id: 'struct',
      fields: [
        { name: 'a', type: types.int4 },
        { name: 'b', type: types.text },
      ],
    };
    const shape: Shape = {
      columns: [
        ['id', types.int4],
        ['s', struct],
      ],
      key: [0],
      options: { table: 'structs', 'create.table': 'true' },
    };
    const writer = await postgresSinkConnector().open(configOf(target.port, shape));
    await writer.recover();
    await deliver(writer, 1, [came(1, [1, 'x"y']), came(2, [null, null])]);
    expect(await target.rows('SELECT s FROM structs ORDER BY id')).toEqual([
      [{ a: 1, b: 'x"y' }],
      [{ a: null, b: null }],
    ]);
    await writer.close();
  });
});

/** SQLSTATE and message of opening; `done` when it works. */
async function opened(shape: Shape, port = target?.port ?? 0): Promise<string> {
  const writer = await postgresSinkConnector().open(configOf(port, shape));
  try {
    await writer.recover();
    return 'done';
  } catch (error) {
    if (error instanceof SqlError) return `${error.state} ${error.message}`;
    return error instanceof Error ? error.message : String(error);
  } finally {
    await writer.close();
  }
}

describe('a target that does not fit', () => {
  const upsert = (options: Readonly<Record<string, string>>): Shape => ({
    columns: idAndValue,
    key: [0],
    options,
  });

  it('is refused with a reason', async () => {
    if (target === null) return;
    await target.run(`CREATE TABLE narrow (id int PRIMARY KEY);
      CREATE TABLE other (id int PRIMARY KEY, v int);
      CREATE TABLE keyless (id int, v text);
      CREATE TABLE more (id int PRIMARY KEY, v text, w int NOT NULL);
      CREATE TABLE made (id int PRIMARY KEY, v text GENERATED ALWAYS AS ('x') STORED);
      CREATE VIEW seen AS SELECT * FROM keyless;
      CREATE SCHEMA "other schema"; CREATE TABLE "other schema"."odd ""table" (id int UNIQUE, v varchar(3));
      CREATE ROLE nobody_special LOGIN`);
    expect(await opened(upsert({ table: 'absent' }))).toBe(
      '42P01 the target "public"."absent" does not exist',
    );
    expect(await opened(upsert({ table: 'narrow' }))).toMatch(/^42703 column "v" of relation/);
    expect(await opened(upsert({ table: 'other' }))).toMatch(/^42804 .* is of type integer but .* text/);
    expect(await opened(upsert({ table: 'keyless' }))).toMatch(/^42P10 .* no unique index/);
    expect(await opened({ ...upsert({ table: 'keyless' }), format: 'PLAIN' })).toBe('done');
    expect(await opened({ ...upsert({ table: 'seen' }), format: 'PLAIN' })).toBe('done');
    expect(await opened(upsert({ table: 'seen' }))).toMatch(/^42809/);
    expect(await opened(upsert({ table: 'more' }))).toMatch(/^23502 column "w" .* needs a value/);
    expect(await opened(upsert({ table: 'made' }))).toMatch(/^428C9/);
    expect(await opened(upsert({ table: 'odd "table', schema: 'other schema' }))).toBe('done');
    expect(await opened(upsert({ table: 'keyless', schema: 'nowhere' }))).toMatch(/^3F000/);
    expect(await opened(upsert({ table: 'narrow', database: 'nowhere' }))).toMatch(/^3D000/);
    expect(await opened(upsert({ table: 'other', user: 'nowhere' }))).toMatch(/^28000/);
    expect(await opened(upsert({ table: 'other', user: 'nobody_special' }))).toMatch(/^42501/);
    expect(await opened(upsert({ table: 'other', 'ssl.mode': 'require' }))).toMatch(/^08001 .* TLS/);
    // Nothing is left behind of those that failed.
    expect(await target.rows('SELECT DISTINCT target FROM millrace_sink_commits ORDER BY 1')).toEqual([
      ['every_type'],
      ['keyless'],
      ['structs'],
    ]);
  });

  it('is refused when it is not there', async () => {
    expect(await opened(upsert({ table: 'x' }), 1)).toMatch(
      /^08001 could not connect to PostgreSQL at 127\.0\.0\.1:1: .*ECONNREFUSED/,
    );
  });
});
