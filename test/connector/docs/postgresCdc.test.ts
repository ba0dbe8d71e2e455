/** The statements that docs/connectors/postgres-cdc.md has in its prose. Its quickstart: test/server/cdc/docs.test.ts. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  connectTo,
  following,
  leftovers,
  type PostgresServer,
  sourceOptions,
  startUpstream,
} from '../../server/cdc/support.ts';
import type { Connection } from '../../server/clients.ts';
import { eventually, inProse, replaced, withServer } from './support.ts';

const PAGE = 'postgres-cdc.md';
let server: PostgresServer | null = null;
let there: Connection;

beforeAll(async () => {
  server = await startUpstream();
  if (server !== null) there = await connectTo(await server.createDatabase('shop'));
}, 60_000);
afterAll(async () => {
  await there?.end();
  server?.close();
});

function upstream(): PostgresServer | null {
  if (server === null)
    expect(process.env.MILLRACE_REQUIRE_SERVERS, 'PostgreSQL is not installed').not.toBe('1');
  return server;
}

it('statements for running sources, as a role with the rights that the page asks for', {
  timeout: 60_000,
}, async () => {
  const postgres = upstream();
  if (postgres === null) return;
  await there.client.query(`
    CREATE ROLE follower ${inProse(PAGE, 'LOGIN REPLICATION')} PASSWORD 'x';
    GRANT ${inProse(PAGE, 'CREATE')} ON DATABASE shop TO follower;
    GRANT CREATE ON SCHEMA public TO follower;
    CREATE TABLE t (id int PRIMARY KEY, n int);
    ALTER TABLE t OWNER TO follower;
    INSERT INTO t VALUES (1, 10);
  `);
  const options = replaced(sourceOptions(postgres, 'shop'), "'root'", "'follower'");
  await withServer(async (client) => {
    const rows = () => client.rows('SELECT * FROM t ORDER BY id');
    await client.tags(`CREATE SOURCE s WITH (${options}); CREATE TABLE t (*) FROM s TABLE 'public.t'`);
    await following(client, 't');
    await client.tags(inProse(PAGE, 'ALTER TABLE t PAUSE'));
    await there.client.query('INSERT INTO t VALUES (2, 20)');
    await client.tags(inProse(PAGE, 'ALTER TABLE t RESUME'));
    await eventually(rows, [
      ['1', '10'],
      ['2', '20'],
    ]);
    await there.client.query('ALTER TABLE t ADD COLUMN c int; UPDATE t SET c = id');
    const left = () =>
      client.rows("SELECT columns_not_taken FROM millrace_catalog.cdc_tables WHERE name = 't'");
    await eventually(left, [['{c}']]);
    await client.tags(`${inProse(PAGE, 'ALTER TABLE t ADD COLUMN')} c int`);
    await eventually(rows, [
      ['1', '10', '1'],
      ['2', '20', '2'],
    ]);
    await client.tags(`${inProse(PAGE, 'ALTER TABLE t DROP COLUMN')} c`);
    await client.tags(inProse(PAGE, 'ALTER SOURCE s PAUSE'));
    await there.client.query('DELETE FROM t WHERE id = 1');
    const limit = inProse(PAGE, "ALTER SOURCE s CONNECTOR WITH (transaction.max.mb = '...')");
    await client.tags(replaced(limit, '...', '64'));
    await client.tags(inProse(PAGE, 'ALTER SOURCE s RESUME'));
    await eventually(rows, [['2', '20']]);
    await client.tags('DROP SOURCE s CASCADE');
    expect(await leftovers(there)).toEqual([]);
  });
});

it('a table without a source, over a publication of an administrator', { timeout: 60_000 }, async () => {
  const postgres = upstream();
  if (postgres === null) return;
  await there.client.query(`
    CREATE ROLE reader LOGIN REPLICATION PASSWORD 'x';
    CREATE TABLE read_only (id int PRIMARY KEY);
    GRANT SELECT ON read_only TO reader;
    CREATE PUBLICATION by_hand FOR TABLE read_only;
    INSERT INTO read_only VALUES (1);
  `);
  const options = replaced(sourceOptions(postgres, 'shop'), "'root'", "'reader'");
  const form = inProse(
    PAGE,
    "CREATE TABLE t (*) WITH (connector = 'postgres-cdc', ..., table.name = 'public.t')",
  );
  const publication = `publication.name = 'by_hand', ${inProse(PAGE, "publication.create.enable = 'false'")}`;
  await withServer(async (client) => {
    const statement = replaced(form, "connector = 'postgres-cdc', ...", `${options}, ${publication}`);
    await client.tags(replaced(statement, 'public.t', 'public.read_only'));
    await there.client.query('INSERT INTO read_only VALUES (2)');
    await eventually(() => client.rows('SELECT * FROM t ORDER BY id'), [['1'], ['2']]);
    await client.tags('DROP TABLE t');
    expect(await there.rows('SELECT pubname FROM pg_publication')).toEqual([['by_hand']]);
  });
});
