/** Slots and publications that no source has, after a kill or a server that was away, are dropped; nobody else's are. */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ServedProgram, startProgram } from '../../harness/server.ts';
import type { Connection } from '../clients.ts';
import { temporaryDirectory } from '../journal/support.ts';
import { connectTo, leftovers, type PostgresServer, sourceOptions, startUpstream, until } from './support.ts';

const directory = temporaryDirectory('cdcorphans');
let server: PostgresServer | null = null;
let millrace: ServedProgram;
let there: Connection;

const start = (): Promise<ServedProgram> => startProgram(['--data-dir', directory.path]);

beforeAll(async () => {
  server = await startUpstream();
  if (server === null) return;
  millrace = await start();
  there = await connectTo(await server.createDatabase('shop'));
  await there.rows('CREATE TABLE item (id int PRIMARY KEY, v int)');
}, 60_000);

afterAll(async () => {
  await there?.end();
  await millrace?.close();
  server?.close();
  rmSync(directory.path, { recursive: true, force: true });
});

async function kill(): Promise<void> {
  millrace.program.signal('SIGKILL');
  await millrace.program.finished();
}

const slots = (): Promise<readonly unknown[]> =>
  there.rows("SELECT slot_name FROM pg_replication_slots WHERE slot_name LIKE 'millrace%'");

it('a kill while a source is made leaves nothing there for long', async () => {
  if (server === null) {
    expect(process.env.MILLRACE_REQUIRE_SERVERS, 'PostgreSQL is not installed').not.toBe('1');
    return;
  }
  await there.rows("SELECT pg_create_logical_replication_slot('millrace_of_another', 'pgoutput')");
  await there.rows('CREATE PUBLICATION of_another');
  const options = sourceOptions(server, 'shop').replace("password = 'x'", "password = 'very secret'");
  for (const statement of [
    `CREATE SOURCE pg WITH (${options})`,
    `CREATE TABLE item (*) WITH (${options}, table.name = 'item')`,
  ]) {
    // Making a slot waits for the transactions that are running, also when its client has gone.
    const writer = await connectTo(server.url('shop'));
    await writer.rows('BEGIN; INSERT INTO item VALUES (1, 1)');
    const client = await connectTo(millrace.url);
    client.rows(statement).catch(() => {});
    await until(slots, (rows) => rows.length === 2);
    await kill();
    const notes = readdirSync(join(directory.path, 'cdc.slots'));
    expect(notes).toEqual([expect.stringMatching(/^millrace_[0-9a-f]{12}$/)]);
    const text = readFileSync(join(directory.path, 'cdc.slots', String(notes[0])), 'latin1');
    expect(text).not.toContain('very secret');
    await client.end().catch(() => {});
    millrace = await start();
    await sleep(1500);
    await writer.rows('ROLLBACK');
    await writer.end();
    await until(
      () => leftovers(there),
      (rows) => JSON.stringify(rows) === '[["millrace_of_another"],["of_another"]]',
    );
    await until(
      () => Promise.resolve(readdirSync(join(directory.path, 'cdc.slots'))),
      (files) => files.length === 0,
    );
  }
}, 120_000);

it('what could not be dropped is dropped when the server is back, also after a restart', async () => {
  if (server === null) return;
  const here = await connectTo(millrace.url);
  await here.rows(`CREATE SOURCE kept WITH (${sourceOptions(server, 'shop')})`);
  await here.rows(`CREATE SOURCE gone WITH (${sourceOptions(server, 'shop')}, slot.name = 'named')`);
  await there.end();
  server.stop('immediate');
  await here.rows('DROP SOURCE gone');
  expect(here.notices.some((n) => n.startsWith('01000') && n.includes('"named"'))).toBe(true);
  await here.end();
  await kill();
  server.start();
  there = await connectTo(server.url('shop'));
  millrace = await start();
  await until(
    () => there.rows("SELECT slot_name FROM pg_replication_slots WHERE slot_name = 'named'"),
    (rows) => rows.length === 0,
  );
  // Those of the source that there is stay, over any restart.
  expect((await slots()).length).toBe(2);
  const again = await connectTo(millrace.url);
  await again.rows('DROP SOURCE kept');
  await again.end();
  expect(await leftovers(there)).toEqual([['millrace_of_another'], ['of_another']]);
}, 120_000);
