/** Damaged journals are noticed and reported, never answered from; what is good can be kept on an operator's word. */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runProgram } from '../../harness/server.ts';
import { dump, open, temporaryDirectory } from './support.ts';

let directory: string;
let data: string;
let remove: () => void;

beforeEach(async () => {
  ({ path: directory, remove } = temporaryDirectory('damage'));
  data = `${directory}/data`;
  const { database, session } = await open(data);
  await session.run('CREATE TABLE first (n int)');
  await session.run('CREATE TABLE second (id int PRIMARY KEY, c text)');
  await session.run('CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM second');
  for (let i = 0; i < 50; i++)
    await session.run(`INSERT INTO second VALUES (${i}, 'text-${i}-${'x'.repeat(200)}')`);
  await session.run('INSERT INTO first VALUES (1)');
  database.close();
});
afterEach(() => remove());

/** Replaces bytes in the journal's file. */
function alter(from: string, to: string): void {
  const bytes = readFileSync(`${data}/journal.db`);
  const at = bytes.indexOf(from);
  expect(at).toBeGreaterThan(0);
  bytes.write(to, at);
  writeFileSync(`${data}/journal.db`, bytes);
}

async function report(): Promise<{
  readonly message: string;
  readonly detail: string;
  readonly hint: string;
}> {
  const error: unknown = await open(data).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ state: 'XX001' });
  return error as { message: string; detail: string; hint: string };
}

async function accepted(): Promise<Readonly<Record<string, readonly string[]>>> {
  const lines: string[] = [];
  let server = await open(data, { acceptDataLoss: true, log: (line) => lines.push(line) });
  expect(lines).toHaveLength(1);
  const found = dump(server.database);
  await server.session.run('CREATE TABLE later (n int); INSERT INTO later VALUES (1)');
  server.database.close();
  expect(readdirSync(data).some((name) => name.startsWith('journal.db.damaged'))).toBe(true);
  // And it is whole again.
  server = await open(data);
  expect(dump(server.database)).toMatchObject({
    ...found,
    version: expect.anything(),
    'public.later': ['1'],
  });
  server.database.close();
  return found;
}

describe('a damaged journal', () => {
  it('with a changed record', async () => {
    alter('text-20-', 'text-2X-');
    const { message, detail, hint } = await report();
    expect(message).toContain('record 24 is not what was written');
    expect(detail).toContain('Records 1 to 23 are good; at least 31 after them are lost');
    expect(detail).toContain('table public.second');
    expect(detail).toContain('table public.first');
    expect(hint).toContain('--accept-data-loss');
    const found = await accepted();
    expect(found['public.second']).toHaveLength(20);
    expect(found['public.v']).toEqual(['20']);
    expect(found['public.first']).toEqual([]);
  });

  it('with a record missing', async () => {
    const db = new Sqlite(`${data}/journal.db`);
    db.exec('DELETE FROM record WHERE seq = 30');
    db.close();
    expect((await report()).message).toContain('record 30 is missing');
    expect((await accepted())['public.v']).toEqual(['26']);
  });

  it('with records missing at the end', async () => {
    const db = new Sqlite(`${data}/journal.db`);
    db.exec('DELETE FROM record WHERE seq > 40');
    db.close();
    const { message, detail } = await report();
    expect(message).toContain('record 41 is missing at the end');
    expect(detail).toContain('at least 14 after them are lost');
    expect((await accepted())['public.v']).toEqual(['37']);
  });

  it('whose file has gone', async () => {
    rmSync(`${data}/journal.db`);
    expect((await report()).message).toContain('missing at the end');
  });

  it('cut short', async () => {
    const { size } = await import('node:fs').then((fs) => fs.statSync(`${data}/journal.db`));
    truncateSync(`${data}/journal.db`, Math.floor(size / 2 / 4096) * 4096);
    await report();
    const found = await accepted();
    expect(found['public.second'] ?? []).toHaveLength(Number(found['public.v']?.[0] ?? 0));
  });

  it('with a page of nonsense', async () => {
    const bytes = readFileSync(`${data}/journal.db`);
    for (let page = 3; page < bytes.length / 4096; page++) {
      const copy = Buffer.from(bytes);
      copy.fill(0xa5, page * 4096, (page + 1) * 4096);
      writeFileSync(`${data}/journal.db`, copy);
      const good = await open(data).then(
        (server) => {
          const rows = dump(server.database)['public.second'];
          server.database.close();
          return rows;
        },
        (error: unknown) => {
          expect(error).toMatchObject({ state: 'XX001' });
          return null;
        },
      );
      // A page that nothing uses may be anything.
      if (good !== null) expect(good).toHaveLength(50);
    }
  });

  it('that is no database at all, by the command line', async () => {
    writeFileSync(`${data}/journal.db`, 'nonsense'.repeat(1000));
    const refused = await runProgram(['serve', '--port', '0', '--http-port', '0', '--data-dir', data]);
    expect(refused.code).toBe(1);
    expect(refused.stderr.trim().split('\n')).toHaveLength(1);
    expect(refused.stderr).toContain('is damaged and cannot be opened');
    expect(refused.stderr).toContain('--accept-data-loss');
    const { database } = await open(data, { acceptDataLoss: true });
    expect(dump(database)).toEqual({ version: ['0'] });
    database.close();
  });
});

describe('a directory of format 1', () => {
  it('opens, with everything that was in it, and goes on as format 2', async () => {
    const fixture = 'test/fixtures/format1';
    cpSync(`${fixture}/data`, `${directory}/old`, { recursive: true });
    const expected = JSON.parse(readFileSync(`${fixture}/expected.json`, 'utf8')) as Record<string, string[]>;
    // The time at which it was written: late rows are kept for a while only.
    const now = (): bigint => 1_795_274_400_000_000n;
    let version: bigint | null = null;
    for (let round = 0; round < 3; round++) {
      const { database, session } = await open(`${directory}/old`, { now });
      for (const [name, rows] of Object.entries(expected)) {
        const [answer] = await session.run(`SELECT * FROM ${name}`);
        expect((answer?.rows ?? []).map((row) => row.map(String).join(' | ')).sort(), name).toEqual(rows);
      }
      expect((await session.run("SELECT obj_description('plain'::regclass)"))[0]?.rows).toEqual([['kept']]);
      expect(version === null || database.version === version).toBe(true);
      await session.run('CREATE TABLE IF NOT EXISTS fresh (n int); INSERT INTO fresh VALUES (1)');
      expect(dump(database)['public.fresh']).toHaveLength(round + 1);
      version = database.version;
      database.close();
    }
    expect(existsSync(`${directory}/old/journal.mark`)).toBe(true);
  });
});
