/** What CREATE SOURCE and CREATE TABLE refuse, and that a failure leaves nothing in PostgreSQL. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type InProcessServer, startInProcess } from '../../harness/server.ts';
import type { Connection } from '../clients.ts';
import {
  connectTo,
  following,
  leftovers,
  type PostgresServer,
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
  there = await connectTo(await server.createDatabase('shop'));
}, 60_000);

afterAll(async () => {
  await here?.end();
  await there?.end();
  await millrace?.close();
  server?.close();
});

it('sources that cannot be made say what is wrong', async () => {
  if (server === null) {
    expect(process.env.MILLRACE_REQUIRE_SERVERS, 'PostgreSQL is not installed').not.toBe('1');
    return;
  }
  const options = sourceOptions(server, 'shop');
  const make = (changed: string, more = ''): string => `CREATE SOURCE bad WITH (${changed}${more})`;
  await there.rows("CREATE ROLE plain LOGIN PASSWORD 'pw'");
  const cases: readonly (readonly [string, string, RegExp])[] = [
    [
      make(options.replace(`port = '${server.port}'`, "port = '1'")),
      '08001',
      /could not connect to PostgreSQL at 127.0.0.1:1/,
    ],
    [make(options.replace("'shop'", "'nowhere'")), '3D000', /database "nowhere" does not exist/],
    [make(options.replace("'root'", "'nobody_here'")), '28000', /role "nobody_here" does not exist/],
    [make(options.replace("'root'", "'plain'")), '42501', /permission denied for database shop/],
    [make(options, ", slot.name = 'Bad Name'"), '42602', /slot name/],
    [make(options, ", wrong = 'x'"), '22023', /unknown option "wrong"/],
    [make(options, ", ssl.mode = 'maybe'"), '22023', /ssl.mode/],
    [make(options, ", ssl.mode = 'require'"), '08001', /does not support TLS/],
    [
      make(options, ", slot.name = 'not_there', slot.create.enable = 'false'"),
      '42704',
      /replication slot "not_there" does not exist/,
    ],
    [
      make(options, ", publication.name = 'not_there', publication.create.enable = 'false'"),
      '42704',
      /publication "not_there" does not exist/,
    ],
    [make(options, ", table.name = 'x'"), '22023', /table.name/],
    [make(options.replace(/hostname = [^,]*, /, '')), '22023', /needs the option "hostname"/],
    [`CREATE SOURCE bad (a int) WITH (${options})`, '42P16', /no columns/],
  ];
  for (const [sql, state, message] of cases) {
    const failure = await here.failure(sql);
    expect([failure?.code, failure?.message], sql).toEqual([state, expect.stringMatching(message)]);
    expect(JSON.stringify(failure)).not.toContain("password = 'x'");
  }
  expect(await leftovers(there)).toEqual([]);
  await there.rows('CREATE PUBLICATION here_already');
  expect(await here.state(make(options, ", publication.name = 'here_already'"))).toBe('42710');
  await here.rows(`CREATE SOURCE made WITH (${options}, slot.name = 'one')`);
  expect(await here.state(make(options, ", slot.name = 'one', publication.name = 'p'"))).toBe('42710');
  await here.rows(`CREATE SOURCE IF NOT EXISTS made WITH (${options})`);
  await here.rows('DROP SOURCE made');
  expect(await leftovers(there)).toEqual([['here_already']]);
});

it('a server without wal_level = logical is refused', async () => {
  if (server === null) return;
  const other = await startUpstream(['wal_level=replica']);
  if (other === null) return;
  try {
    await other.createDatabase('shop');
    const failure = await here.failure(`CREATE SOURCE bad WITH (${sourceOptions(other, 'shop')})`);
    expect([failure?.code, failure?.hint]).toEqual(['55000', expect.stringContaining('wal_level')]);
  } finally {
    other.close();
  }
});

it('tables that cannot be followed say what is wrong', async () => {
  if (server === null) return;
  await here.rows(`CREATE SOURCE pg WITH (${sourceOptions(server, 'shop')})`);
  await there.rows(
    'CREATE TABLE keyed (id int PRIMARY KEY, v int, g int GENERATED ALWAYS AS (v * 2) STORED); CREATE TABLE bare (id int, v int); CREATE VIEW looked AS SELECT 1 AS a; CREATE UNLOGGED TABLE quick (id int PRIMARY KEY)',
  );
  const cases: readonly (readonly [string, string, RegExp])[] = [
    [
      "CREATE TABLE t (*) FROM pg TABLE 'public.missing'",
      '42P01',
      /"public.missing" does not exist in PostgreSQL/,
    ],
    ["CREATE TABLE t (*) FROM nothing TABLE 'keyed'", '42704', /source "nothing" does not exist/],
    ["CREATE TABLE t (*) FROM pg TABLE 'looked'", '42809', /cannot be followed/],
    ["CREATE TABLE t (*) FROM pg TABLE 'quick'", '42809', /cannot be followed/],
    ["CREATE TABLE t (*) FROM pg TABLE 'bare'", '42P16', /has no primary key/],
    ["CREATE TABLE t (id int PRIMARY KEY, v int) FROM pg TABLE 'bare'", '55000', /no replica identity/],
    ["CREATE TABLE t (id int, v int PRIMARY KEY) FROM pg TABLE 'keyed'", '42P16', /not the replica identity/],
    ["CREATE TABLE t (id int PRIMARY KEY, nix int) FROM pg TABLE 'keyed'", '42703', /"nix" does not exist/],
    ["CREATE TABLE t (id int PRIMARY KEY, g int) FROM pg TABLE 'keyed'", '0A000', /generated in PostgreSQL/],
    [
      "CREATE TABLE t (id text PRIMARY KEY, v boolean) FROM pg TABLE 'keyed'",
      '42804',
      /"v" is of type integer/,
    ],
    ["CREATE TABLE t (*) APPEND ONLY FROM pg TABLE 'keyed'", '42P16', /APPEND ONLY/],
    ["CREATE TABLE t (*) FROM pg TABLE 'other.public.keyed'", '42602', /invalid name/],
    [`CREATE TABLE t (*) WITH (${sourceOptions(server, 'shop')})`, '22023', /table.name/],
  ];
  for (const [sql, state, message] of cases) {
    const failure = await here.failure(sql);
    expect([failure?.code, failure?.message], sql).toEqual([state, expect.stringMatching(message)]);
  }
  expect(await there.rows('SELECT tablename FROM pg_publication_tables')).toEqual([]);
  await there.rows('ALTER TABLE bare REPLICA IDENTITY FULL');
  await here.rows("CREATE TABLE bare (id int PRIMARY KEY, v int) FROM pg TABLE 'shop.public.bare'");
  await following(here, 'bare');
  const definition = await here.rows('SHOW CREATE TABLE bare');
  expect(definition[0]?.[1]).toContain("FROM pg TABLE 'shop.public.bare'");
});

it('a publication that an administrator keeps', async () => {
  if (server === null) return;
  await there.rows('CREATE TABLE kept (id int PRIMARY KEY); CREATE PUBLICATION kept_by_admin');
  await there.rows("SELECT pg_create_logical_replication_slot('kept_slot', 'pgoutput')");
  await here.rows(
    `CREATE SOURCE admin WITH (${sourceOptions(server, 'shop')}, publication.name = 'kept_by_admin', publication.create.enable = 'false', slot.name = 'kept_slot', slot.create.enable = 'false')`,
  );
  expect((await here.failure("CREATE TABLE kept (*) FROM admin TABLE 'kept'"))?.message).toBe(
    'table "public.kept" is not in publication "kept_by_admin"',
  );
  await there.rows('ALTER PUBLICATION kept_by_admin ADD TABLE kept');
  await here.rows("CREATE TABLE kept (*) FROM admin TABLE 'kept'");
  await following(here, 'kept');
  await here.rows('DROP SOURCE admin CASCADE');
  expect(
    await there.rows(
      "SELECT slot_name FROM pg_replication_slots WHERE slot_name = 'kept_slot' UNION ALL SELECT pubname FROM pg_publication WHERE pubname = 'kept_by_admin'",
    ),
  ).toEqual([['kept_slot'], ['kept_by_admin']]);
});

it('a server that is away at DROP is told of, with what stays', async () => {
  if (server === null) return;
  const slot = await there.value(
    "SELECT slot_name FROM pg_replication_slots WHERE slot_name LIKE 'millrace%'",
  );
  await there.end();
  server.stop('immediate');
  await here.rows('DROP SOURCE pg CASCADE');
  expect(here.notices.some((n) => n.startsWith('01000') && n.includes(String(slot)))).toBe(true);
  server.start();
});
