/** The example of docs/connectors/postgres-cdc.md does what it says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type InProcessServer, root, startInProcess } from '../../harness/server.ts';
import type { Connection, TextRow } from '../clients.ts';
import { connectTo, following, leftovers, type PostgresServer, startUpstream, until } from './support.ts';

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

/** Rows of a table as psql prints it. */
function printed(text: string): readonly TextRow[] {
  const [, , ...lines] = text.trimEnd().split('\n');
  return lines.map((line) => line.split('|').map((value) => value.trim()));
}

it('the quickstart', async () => {
  if (server === null) {
    expect(process.env.MILLRACE_REQUIRE_SERVERS, 'PostgreSQL is not installed').not.toBe('1');
    return;
  }
  const page = readFileSync(join(root, 'docs/connectors/postgres-cdc.md'), 'utf8');
  const blocks = [...page.matchAll(/^```sql\n-- in (\w+)\n(.*?)^```(?:\n\n```text\n(.*?)^```)?/gms)];
  expect(blocks.length).toBe(5);
  for (const [, where, sql = '', output] of blocks) {
    if (where === 'PostgreSQL') {
      await there.client.query(sql);
      continue;
    }
    const statement = sql.replace("port = '5432'", `port = '${server.port}'`);
    if (output === undefined) {
      await here.client.query(statement);
      if (statement.includes('CREATE TABLE')) await following(here, 'customer', 'orders');
      continue;
    }
    const wanted = JSON.stringify(printed(output));
    await until(
      () => here.rows(statement),
      (rows) => JSON.stringify(rows) === wanted,
    );
  }
  await here.rows('DROP SOURCE shop CASCADE');
  expect(await leftovers(there)).toEqual([]);
});
