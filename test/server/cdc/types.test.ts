/** Values of every type come as PostgreSQL has them: from the snapshot, and by changes. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type InProcessServer, startInProcess } from '../../harness/server.ts';
import type { Connection } from '../clients.ts';
import {
  connectTo,
  following,
  type PostgresServer,
  plainSession,
  same,
  sourceOptions,
  startUpstream,
} from './support.ts';

let server: PostgresServer | null = null;
let millrace: InProcessServer;
let here: Connection;
let there: Connection;

beforeAll(async () => {
  server = await startUpstream();
  if (server === null) return;
  millrace = await startInProcess();
  here = await connectTo(millrace.url);
  there = await connectTo(await server.createDatabase('kinds'));
  await plainSession(there);
  await here.rows(`CREATE SOURCE pg WITH (${sourceOptions(server, 'kinds')})`);
}, 60_000);

afterAll(async () => {
  await here?.end();
  await there?.end();
  await millrace?.close();
  server?.close();
});

const values: Readonly<Record<string, readonly string[]>> = {
  boolean: ['true', 'false'],
  smallint: ['-32768', '32767'],
  integer: ['-2147483648', '2147483647'],
  bigint: ['-9223372036854775808', '9223372036854775807'],
  real: ['1.1', "'NaN'", "'-Infinity'", '1e-30', '3.4028235e38'],
  'double precision': ['0.1', '1e300', "'Infinity'", '-0.0', '5e-324'],
  numeric: [
    '1.10',
    '-0.000000000000000000001',
    '123456789012345678901234567890.123456789',
    "'NaN'",
    "'Infinity'",
  ],
  'numeric(12,3)': ['1.5', '-99999.999'],
  text: [
    "'plain'",
    "'ünï 漢字 😀'",
    "''",
    "E'tab\\tline\\nback\\\\slash'",
    "'NULL'",
    "repeat('long ', 5000)",
  ],
  'varchar(10)': ["'ten chars.'"],
  'char(5)': ["'ab'"],
  bytea: ["'\\x00ff10'", "''"],
  date: ["'2024-02-29'", "'0001-01-01'", "'9999-12-31'"],
  time: ["'23:59:59.999999'", "'00:00'"],
  timestamp: ["'2024-01-01 12:34:56.123456'", "'1969-12-31 23:59:59.000001'"],
  timestamptz: ["'2024-06-01 12:34:56.654321+02'", "'1900-01-01 00:00+00'"],
  interval: ["'1 year 2 months 3 days 04:05:06.789012'", "'-1 day +02:00'"],
  uuid: ["'550e8400-e29b-41d4-a716-446655440000'"],
  json: [`'{"b": [1, 2,  3], "a": null}'`],
  jsonb: [`'{"b": [1, 2.50, "x"], "a": {"deep": [true, null]}}'`, "'12345678901234567890.123'", `'"text"'`],
  'integer[]': ["'{1,2,NULL,-4}'", "'{}'", "'{{1,2},{3,4}}'"],
  'text[]': [`'{"a,b","c\\"d",NULL,"NULL",""}'`],
  'timestamptz[]': [`'{"2024-01-01 00:00:00.5+00"}'`],
  'numeric[]': ["'{1.50,2}'"],
  mood: ["'sad'", "'very happy'"],
  'mood[]': [`'{sad,"very happy"}'`],
  positive: ['42'],
  name: ["'a_name'"],
};

it('all types that there are, with their limits', async () => {
  if (server === null) {
    expect(process.env.MILLRACE_REQUIRE_SERVERS, 'PostgreSQL is not installed').not.toBe('1');
    return;
  }
  await there.rows(
    `CREATE TYPE mood AS ENUM ('sad', 'very happy'); CREATE DOMAIN positive AS integer CHECK (VALUE > 0)`,
  );
  const names = Object.keys(values);
  const columns = names.map((type, i) => `c${i} ${type}`).join(', ');
  await there.rows(`CREATE TABLE kinds (id int PRIMARY KEY, ${columns})`);
  const insert = (id: number): string =>
    `INSERT INTO kinds VALUES (${id}, ${names.map((type) => values[type]?.[id % 10] ?? 'NULL').join(', ')})`;
  for (let id = 0; id < 7; id++) await there.rows(insert(id));
  await here.rows("CREATE TABLE kinds (*) FROM pg TABLE 'kinds'");
  await following(here, 'kinds');
  for (let id = 10; id < 17; id++) await there.rows(insert(id));
  await there.rows('UPDATE kinds SET id = id + 100 WHERE id IN (1, 11)');
  // A column at a time, so that a difference tells its type. Blanks at the end of char(n) are part of what arrives.
  const wrong: string[] = [];
  await same(here, there, 'SELECT id FROM kinds ORDER BY id');
  for (const [i, type] of names.entries()) {
    const read = type === 'char(5)' ? `rpad(c${i}::varchar, 5)` : `c${i}`;
    const [ours, theirs] = [
      await here.rows(`SELECT id, c${i} FROM kinds ORDER BY id`),
      await there.rows(`SELECT id, ${read} FROM kinds ORDER BY id`),
    ];
    if (JSON.stringify(ours) !== JSON.stringify(theirs))
      wrong.push(`${type}: ${JSON.stringify(ours)} ${JSON.stringify(theirs)}`);
  }
  expect(wrong).toEqual([]);
});

it('types that Millrace has not as text, wider types, and what does not go', async () => {
  if (server === null) return;
  await there.rows(
    `CREATE TABLE odd (id smallint PRIMARY KEY, a inet, p point, r int4range, m money, x xml, n int, f real, t timestamptz)`,
  );
  await there.rows(
    `INSERT INTO odd VALUES (1, '10.0.0.1/8', '(1,2)', '[1,5)', 12.5, '<a>b</a>', 7, 1.5, '2024-01-01 00:00+00')`,
  );
  const failure = await here.failure("CREATE TABLE odd (*) FROM pg TABLE 'odd'");
  expect(failure?.code).toBe('0A000');
  expect(failure?.message).toContain('column "a" of table "public.odd" has type inet');
  await here.rows(
    "CREATE TABLE odd (id bigint PRIMARY KEY, a varchar, p varchar, r varchar, n numeric, f double precision, t varchar) FROM pg TABLE 'odd'",
  );
  await following(here, 'odd');
  await there.rows("INSERT INTO odd VALUES (2, '::1', '(0,0)', 'empty', 0, '<x/>', -7, 2.5, NULL)");
  await same(here, there, 'SELECT id, a, p, r, n, f, t FROM odd ORDER BY id');
  expect(
    (await here.failure("CREATE TABLE bad (id bigint PRIMARY KEY, n text, t date) FROM pg TABLE 'odd'"))
      ?.message,
  ).toBe('column "t" is of type timestamp with time zone in PostgreSQL, it cannot be date');
});
